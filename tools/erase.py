"""`make erase`: takes a client or an employee out of the warehouse and proves it with a certificate.

Erases by the macro erase_subject, builds again what was made of the erased rows, compacts the file, and then looks for
the subject's identifiers in every column of every table and in the bytes of the file. Exit code 1 when something is
left that neither a hold nor a stated exception explains. docs/retention.md says the rest.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from ingestion.errors import LockedError
from ingestion.lock import warehouse_lock
from tools.archives import ArchiveError, Removed, archive_folder, erase_from_archives, word_pattern
from tools.purge import PURGED, compact, is_snowflake, lineage, run
from tools.run import ROOT, default_warehouse, warehouse

EXIT_LEFT = 1
EXIT_REFUSED = 2
SHORTEST = 5  # a shorter name than this is found everywhere
# Master records that say what a subject is called: kind -> table, id column, columns with names.
MASTERS = {
    "client": ("raw_emerald.clients", "client_id", ["legal_name", "contact_email"]),
    "employee": ("raw_workday.workers", "employee_id", ["worker_name"]),
}
COLUMNS = """
    select t.schema_name, t.table_name, list(c.column_name order by c.column_index)
    from duckdb_tables() as t
    inner join duckdb_columns() as c using (database_name, schema_name, table_name)
    where t.database_name = current_database() and not t.temporary
        and (c.data_type like '%VARCHAR%' or c.data_type in ('JSON', 'UUID'))
    group by all order by all
"""
ACTIONS = """
    select dataset_name, action, rows_due, rows_held, rows_done, done_by, done_at::varchar
    from ops.retention_actions where run_id = ? order by done_at, dataset_name
"""
NEWEST_RUN = "select arg_max(run_id, as_of) from ops.tombstones where dataset_name = ?"


@dataclass(frozen=True)
class Place:
    """A column in which rows name the subject."""

    table: str
    column: str
    rows: int


def main() -> int:
    """Run the steps; returns 0, or 1 when something is left or a step failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=sorted(MASTERS))
    parser.add_argument("id", help="the client's or employee's identifier")
    parser.add_argument("--confirm", action="store_true", help="erase; without it only what would go is printed")
    arguments = parser.parse_args()
    os.chdir(ROOT)
    os.environ.setdefault("STRATA_WAREHOUSE", str(default_warehouse()))
    # dbt masks in its logs what stands in variables of such names.
    os.environ["DBT_ENV_SECRET_TOMBSTONE_KEY"] = os.environ.get("STRATA_TOMBSTONE_KEY", "")
    if not arguments.confirm:
        return run("run-operation", "erase_subject", "--args", json.dumps({"kind": arguments.kind, "id": arguments.id}))
    if is_snowflake():
        print(
            "make erase searches a DuckDB file for what is left and writes the certificate of that. On Snowflake run "
            "dbt run-operation erase_subject with dry_run: false and confirm: true (docs/retention.md)",
            file=sys.stderr,
        )
        return EXIT_REFUSED
    try:
        with warehouse_lock(warehouse()):
            os.environ["STRATA_LOCK_HELD"] = str(warehouse().resolve())
            return erase(arguments.kind, arguments.id)
    except LockedError as error:
        print(f"{error}", file=sys.stderr)
        return error.exit_code


def erase(kind: str, subject: str) -> int:
    """Erase, rebuild, compact, look again, and write the certificate."""
    with duckdb.connect(str(warehouse()), read_only=True) as connection:
        names = names_of(connection, kind, subject)
        before = places(connection, names)
        (started,) = connection.execute("select current_timestamp").fetchall()[0]
    given = {"kind": kind, "id": subject, "dry_run": False, "confirm": True}
    if run("run-operation", "erase_subject", "--args", json.dumps(given)):
        return EXIT_LEFT
    with duckdb.connect(str(warehouse()), read_only=True) as connection:
        erased = [name for (name,) in connection.execute(PURGED, [started]).fetchall()]
        (run_id,) = connection.execute(NEWEST_RUN, [kind]).fetchall()[0]
    failed = 0
    if selected := lineage(erased):
        failed = run(
            "run", "--full-refresh", "--vars", json.dumps({"reopen_closed_weeks": True}), "--select", *selected
        )
    compact(warehouse())
    with duckdb.connect(str(warehouse()), read_only=True) as connection:
        after = places(connection, names)
        holds = holds_on(connection, kind, subject)
        archives, archives_failed = [], ""
        if not holds:  # what is held may lie in an archive by now
            try:
                archives = erase_from_archives(archive_folder(warehouse()), names, run_id)
            except ArchiveError as error:
                archives_failed = str(error)
                print(error, file=sys.stderr)
        certificate = {
            "kind": kind,
            # Who has the name can show that the certificate is about it; who has the certificate cannot tell the name.
            "subject_sha256": hashlib.sha256(f"{kind}|{subject}".encode()).hexdigest(),
            "run_id": run_id,
            "written_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "actions": _rows(connection, ACTIONS, [run_id]),
            "holds": holds,
            "archives": _archives_told(archives, archives_failed, is_held=bool(holds)),
            "places_before": [asdict(place) for place in before],
            "places_after": [asdict(place) for place in after],
            "names_in_the_file": sum(1 for name in names if in_bytes(warehouse(), name)),
            "rebuilt": "failed" if failed else "done",
        }
    path = write_certificate(certificate)
    print(f"{len(before)} columns named the subject, {len(after)} do now; certificate: {path}")
    unexplained = bool(after or certificate["names_in_the_file"]) and not certificate["holds"]
    return EXIT_LEFT if failed or unexplained or archives_failed else 0


def _archives_told(removed: list[Removed], failed: str, *, is_held: bool) -> dict[str, Any]:
    """What the certificate says of the archives of earlier purges."""
    status = "left as they are, because of a hold" if is_held else f"failed: {failed}" if failed else "searched"
    return {"status": status, "removed": [asdict(each) for each in removed]}


def names_of(connection: duckdb.DuckDBPyConnection, kind: str, subject: str) -> list[str]:
    """The identifier, and what the master record calls the subject."""
    table, key, columns = MASTERS[kind]
    names = [subject]
    for column in columns:
        rows = connection.execute(f"select distinct {column} from {table} where {key} = ?", [subject]).fetchall()
        names += [name for (name,) in rows if name and len(name) >= SHORTEST]
    return names


def places(connection: duckdb.DuckDBPyConnection, names: list[str]) -> list[Place]:
    """Every column of every table in which a name stands as a whole word, with the number of rows.

    Views hold nothing of their own. The seed of holds names whom it holds, and says so.
    """
    pattern = word_pattern(names)
    found = []
    for schema, table, columns in connection.execute(COLUMNS).fetchall():
        if table == "legal_holds":
            continue
        counts = ", ".join(f'count(*) filter (regexp_matches(cast("{column}" as varchar), $1))' for column in columns)
        (row,) = connection.execute(f'select {counts} from "{schema}"."{table}"', [pattern]).fetchall()
        found += [Place(f"{schema}.{table}", column, rows) for column, rows in zip(columns, row, strict=True) if rows]
    return found


def holds_on(connection: duckdb.DuckDBPyConnection, kind: str, subject: str) -> list[dict[str, Any]]:
    """Holds in force that name the subject, or by a condition rows that may be its own."""
    found = connection.execute("select schema_name from duckdb_tables() where table_name = 'legal_holds'").fetchall()
    sql = """
        select hold_id, dataset_name, held_from_date::varchar as held_from_date, reason from {}.legal_holds
        where held_from_date <= current_date and coalesce(held_to_date > current_date, true)
            and subject_kind = ? and subject_id = ?
    """
    return [hold for (schema,) in found for hold in _rows(connection, sql.format(schema), [kind, subject])]


def in_bytes(path: Path, name: str, chunk: int = 1 << 24) -> bool:
    """Whether the file holds the name's bytes; read in pieces that overlap by its length."""
    wanted, kept = name.encode(), b""
    with path.open("rb") as file:
        while piece := file.read(chunk):
            if wanted in kept + piece:
                return True
            kept = piece[-len(wanted) :]
    return False


def write_certificate(certificate: dict[str, Any]) -> Path:
    """The certificate as JSON and as a page, in reports/."""
    folder = Path("reports")
    folder.mkdir(exist_ok=True)
    path = folder / f"erasure_{certificate['run_id']}.json"
    path.write_text(json.dumps(certificate, indent=2) + "\n", encoding="utf-8")
    path.with_suffix(".md").write_text(page(certificate), encoding="utf-8")
    return path


def page(certificate: dict[str, Any]) -> str:
    """The certificate as a person reads it."""
    lines = [
        f"# Erasure of a {certificate['kind']}",
        "",
        f"Run {certificate['run_id']}, written {certificate['written_at']}.",
        f"Subject (SHA-256): {certificate['subject_sha256']}.",
        "",
        "| dataset | what was done | rows | held |",
        "| --- | --- | ---: | ---: |",
        *(
            f"| {a['dataset_name']} | {a['action']} | {a['rows_done']} | {a['rows_held']} |"
            for a in certificate["actions"]
        ),
        "",
        "| column that named the subject | rows before | rows after |",
        "| --- | ---: | ---: |",
    ]
    after = {(place["table"], place["column"]): place["rows"] for place in certificate["places_after"]}
    before = {(place["table"], place["column"]): place["rows"] for place in certificate["places_before"]}
    for place in sorted(before | after):
        lines.append(f"| {'.'.join(place)} | {before.get(place, 0)} | {after.get(place, 0)} |")
    held = ", ".join(f"{hold['hold_id']} ({hold['reason']})" for hold in certificate["holds"]) or "none"
    lines += [
        "",
        f"Holds: {held}. Names found in the bytes of the warehouse file: {certificate['names_in_the_file']}.",
        f"Archives of earlier purges: {certificate['archives']['status']}; rows removed: {_removed(certificate)}.",
        f"Building again what was made of the rows: {certificate['rebuilt']}.",
        "",
    ]
    return "\n".join(lines)


def _removed(certificate: dict[str, Any]) -> str:
    return ", ".join(f"{each['rows']} of {each['archive']}" for each in certificate["archives"]["removed"]) or "none"


def _rows(connection: duckdb.DuckDBPyConnection, sql: str, parameters: list[Any]) -> list[dict[str, Any]]:
    result = connection.execute(sql, parameters)
    names = [column[0] for column in result.description or []]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


if __name__ == "__main__":
    sys.exit(main())
