"""`make purge`: deletes what is due, builds what was made of it again, and compacts the warehouse file.

Without CONFIRM=yes it prints what is due and changes nothing. On Snowflake (STRATA_TARGET) there is no file
to lock or to compact. docs/retention.md says what each step does.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import duckdb

from ingestion.errors import StrataError
from ingestion.lock import warehouse_lock
from tools.follow_up import Action, note, pending
from tools.observed import builds_in_snowflake
from tools.publish.renewal import follow
from tools.run import ROOT, default_warehouse, warehouse

EXIT_FAILED = 1
DBT = [sys.executable, "-c", "import sys; from dbt.cli.main import cli; sys.exit(cli())"]
TABLES = "select schema_name, table_name from duckdb_tables() where database_name = ? and not temporary order by all"
OBJECTS = """
    select 'table', schema_name, table_name from duckdb_tables() where database_name = $1 and not temporary
    union all
    select 'view', schema_name, view_name from duckdb_views() where database_name = $1 and not internal
    order by all
"""


def main() -> int:
    """Run the steps; returns 0, or 1 when a dataset was not purged or a step failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--confirm", action="store_true", help="delete; without it only what is due is printed")
    parser.add_argument("--as-of", help="day in UTC, today by default")
    parser.add_argument("--dataset", action="append", help="one dataset of retention_policies; all by default")
    parser.add_argument("--no-compact", action="store_true", help="leave the bytes of deleted rows in the file")
    arguments = parser.parse_args()
    os.chdir(ROOT)
    os.environ.setdefault("STRATA_WAREHOUSE", str(default_warehouse()))
    # dbt masks in its logs what stands in a variable of such a name.
    os.environ["DBT_ENV_SECRET_TOMBSTONE_KEY"] = os.environ.get("STRATA_TOMBSTONE_KEY", "")
    os.environ.setdefault("STRATA_ARCHIVE", str(warehouse().resolve().with_name("archive")))
    if not arguments.confirm:
        return purge(arguments)
    try:
        if builds_in_snowflake():
            return purge_on_snowflake(arguments)
        with warehouse_lock(warehouse()):
            os.environ["STRATA_LOCK_HELD"] = str(warehouse().resolve())
            return purge_and_follow(arguments)
    except StrataError as error:
        print(f"{error}", file=sys.stderr)
        return error.exit_code


def purge_and_follow(arguments: argparse.Namespace) -> int:
    """Purge, build again what descends from the purged tables, compact, see to the copies; also after a failed purge.

    What an earlier run removed and did not get to follow is followed by this one.
    """
    failed = purge(arguments)
    actions = pending()
    unbuilt = build_again(actions, run)
    if actions and arguments.no_compact:
        print("not compacted, so copies stay as they are; make purge CONFIRM=yes does both")
        return EXIT_FAILED if failed or unbuilt else 0
    if actions:
        before = warehouse().stat().st_size
        compact(warehouse())
        print(f"compacted {warehouse()}: {before:,} bytes are now {warehouse().stat().st_size:,}")
    if not unbuilt:
        note(actions)  # not before the file is compacted, which nothing else would ask for again
    copies = follow(warehouse(), rebuilt=not unbuilt)
    return EXIT_FAILED if failed or unbuilt or any(copy.left for copy in copies) else 0


def purge_on_snowflake(arguments: argparse.Namespace) -> int:
    """Purge and build again, also what an earlier run removed and did not get to follow."""
    failed = purge(arguments)
    actions = pending()
    unbuilt = build_again(actions, run)
    if not unbuilt:
        note(actions)
    if actions:
        print(
            "nothing was compacted: Snowflake keeps what was deleted for Time Travel and Fail-safe (docs/retention.md)"
        )
    return EXIT_FAILED if failed or unbuilt else 0


def build_again(actions: Sequence[Action], dbt: Callable[..., int]) -> int:
    """The models that descend from the actions' datasets, from nothing, closed weeks open; returns dbt's exit code."""
    datasets = sorted({action.dataset for action in actions})
    if not (selected := lineage(datasets)):
        return 0
    print(f"building again what was made of {', '.join(datasets)} ...", flush=True)
    variables = json.dumps({"reopen_closed_weeks": True})
    if failed := dbt("run", "--full-refresh", "--vars", variables, "--select", *selected):
        print("not built again, so marts may hold what was removed: run make purge CONFIRM=yes", file=sys.stderr)
    return failed


def purge(arguments: argparse.Namespace) -> int:
    """The macro purge with the arguments of the command line; returns dbt's exit code."""
    given = {"as_of": arguments.as_of, "datasets": arguments.dataset}
    if arguments.confirm:
        given |= {"dry_run": False, "confirm": True}
    return run("run-operation", "purge", "--args", json.dumps(given))


def lineage(datasets: list[str]) -> list[str]:
    """dbt's selectors of all models that descend from the landed tables and snapshots among the datasets.

    A snapshot has its own: it may be purged in a later run than its source, if at first something failed.
    """
    tables = [name.removeprefix("raw_") for name in datasets if re.fullmatch(r"raw_\w+(?<!_staging)\.[a-z]\w*", name)]
    snapshots = [name.removeprefix("snapshots.") for name in datasets if re.fullmatch(r"snapshots\.\w+", name)]
    return [f"source:{name}+" for name in tables] + [f"{name}+" for name in snapshots]


def run(*arguments: str) -> int:
    """dbt with the project's profile; returns its exit code."""
    return subprocess.run([*DBT, *arguments], check=False).returncode


def compact(path: Path) -> None:
    """Copy the database into a new file, hold the copy against the original, and put it in its place.

    DuckDB leaves the bytes of deleted rows in the file until their blocks are written again. A kill leaves the old
    file, or the new one: never half of one.

    Raises:
        RuntimeError: the copy differs; the original stays as it was.
    """
    fresh = path.with_name(path.name + ".compacting")
    for leftover in (fresh, fresh.with_name(fresh.name + ".wal")):
        leftover.unlink(missing_ok=True)
    with duckdb.connect() as connection:
        connection.execute(f"attach '{_quoted(path)}' as original")
        connection.execute("checkpoint original")
        # The format that the profile asks of dbt too: BI drivers on DuckDB 1.x can open it.
        connection.execute(f"attach '{_quoted(fresh)}' as compacted (storage_version 'v1.4.0')")
        connection.execute("copy from database original to compacted")
        difference = compare(connection)
        connection.execute("detach compacted")
        connection.execute("detach original")
    if difference:
        fresh.unlink()
        raise RuntimeError(f"{path}: the compacted copy differs in {difference}; the file is as it was")
    fresh.replace(path)


def compare(connection: duckdb.DuckDBPyConnection) -> str | None:
    """The first object in which the copy differs from the original, by what there is and by each table's contents."""
    original, compacted = (connection.execute(OBJECTS, [name]).fetchall() for name in ("original", "compacted"))
    if original != compacted:
        return f"the list of objects: {set(original) ^ set(compacted)}"
    for schema, table in connection.execute(TABLES, ["original"]).fetchall():
        name = f'"{schema}"."{table}"'
        sums = [
            connection.execute(f"select count(*), sum(cast(hash(t) as hugeint)) from {database}.{name} as t").fetchall()
            for database in ("original", "compacted")
        ]
        if sums[0] != sums[1]:
            return name
    return None


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")


if __name__ == "__main__":
    sys.exit(main())
