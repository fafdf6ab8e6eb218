"""The Snowflake emulator job: build twice on DuckDB and on the emulator, and compare what came out.

    python -m tools.snowflake.job [--raw WAREHOUSE] [--keep DIR] [--time-limit SECONDS] [--no-unit-tests] [--skip-gate]

1. Copy the raw tables of a warehouse file (landed from the sandbox first, if none is given) to a new DuckDB file and
   into the emulator.
2. `dbt build` on target ci (DuckDB) and on target snowflake_emulator, side by side.
3. Apply the same changes to the raw tables on both, so that the incremental and snapshot paths run; build again.
4. Compare every table and view of the project: columns, row count, content hash.
5. Run the static gate over the SQL that both builds ran.

Exit codes: 0 all equal; 1 a build failed, content differs or the gate found something; 2 the job could not start;
124 the time limit was reached.
"""

from __future__ import annotations

import argparse
import faulthandler
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
from snowflake.connector import SnowflakeConnection
from snowflake.connector.errors import Error as SnowflakeError

from tools.snowflake import raw_changes, raw_data, static_gate
from tools.snowflake.client import Emulator, EmulatorFailed, running_emulator
from tools.snowflake.compare import Comparison, Content, Window, compare, content
from tools.snowflake.dbt_runs import BuildFailed, DbtProcess, Target, dbt_processes, run_all
from tools.snowflake.report import print_comparisons, print_not_verified

EXIT_DIFFERENT = 1
EXIT_USAGE = 2
EXIT_TIME_LIMIT = 124
DATABASE = "ANALYTICS"
_DUCKDB = "DuckDB"
_EMULATOR = "emulator"
# The changes touch orders and journals, each without the other: the bridge between them rightly breaks.
_BREAKS_ON_CHANGES = ("profit_bridge_leaves_nothing_unexplained",)
_GRACE_SECONDS = 20
_ROOT = Path(__file__).resolve().parents[2]


class TimeLimitReached(BaseException):
    """The job took too long. Not an Exception: the connector's retry loop must not swallow it."""


@dataclass(frozen=True)
class Sides:
    """The DuckDB file, and a dbt process for each target: DuckDB first, then the emulator."""

    warehouse: Path
    processes: list[DbtProcess]


@dataclass(frozen=True)
class Builds:
    """When each target's builds ran, and dbt's manifest for the emulator after each build."""

    windows: dict[str, list[Window]]
    manifests: dict[str, dict[str, Any]]


@contextmanager
def time_limit(seconds: int) -> Iterator[None]:
    """Raise TimeLimitReached after `seconds`; end the process a little later if even that does not get through."""

    def reached(*_: object) -> None:
        raise TimeLimitReached

    previous = signal.signal(signal.SIGALRM, reached)
    signal.alarm(seconds)
    faulthandler.dump_traceback_later(seconds + _GRACE_SECONDS, exit=True, file=sys.__stderr__)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, previous)
        faulthandler.cancel_dump_traceback_later()


@contextmanager
def _step(text: str) -> Iterator[None]:
    print(f"emulator job: {text} ...", flush=True)
    started = time.monotonic()
    yield
    print(f"emulator job: {text}: {time.monotonic() - started:.1f} s", flush=True)


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.snowflake.job", description=__doc__.splitlines()[0])
    parser.add_argument("--raw", type=Path, help="warehouse file whose raw tables to use (default: land the sandbox)")
    parser.add_argument("--keep", type=Path, help="keep databases, logs and compiled SQL in this directory")
    parser.add_argument("--time-limit", type=int, default=1800, help="seconds for the whole job (default 1800)")
    parser.add_argument("--no-unit-tests", action="store_true", help="leave out dbt's unit tests, most of build 2")
    parser.add_argument("--skip-gate", action="store_true", help="leave out the static gate")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Run the job and print its table; see the module's exit codes."""
    options = _arguments(argv)
    started = time.monotonic()
    try:
        with time_limit(options.time_limit), _work_folder(options.keep) as folder:
            code = _run(folder, options)
    except TimeLimitReached:
        print(f"emulator job: stopped at its time limit of {options.time_limit} s", file=sys.stderr)
        return EXIT_TIME_LIMIT
    except (raw_data.RawDataError, EmulatorFailed) as error:
        print(f"emulator job: {error}", file=sys.stderr)
        return EXIT_USAGE
    except (BuildFailed, SnowflakeError, duckdb.Error) as error:
        print(f"emulator job: {error}", file=sys.stderr)
        return EXIT_DIFFERENT
    print(f"emulator job: {'passed' if code == 0 else 'FAILED'}, {time.monotonic() - started:.0f} s in all")
    return code


@contextmanager
def _work_folder(keep: Path | None) -> Iterator[Path]:
    if keep:
        shutil.rmtree(keep, ignore_errors=True)
        keep.mkdir(parents=True)
        yield keep.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="strata-emulator-job-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def _run(folder: Path, options: argparse.Namespace) -> int:
    warehouse = folder / "ci.duckdb"
    tables = raw_data.copy_to_duckdb(options.raw or _land(folder), warehouse)
    with (
        running_emulator() as emulator,
        _sides(folder, warehouse, emulator) as sides,
        emulator.connect(DATABASE, "PUBLIC") as connection,
    ):
        with _step("copying the raw tables to the emulator"):
            raw_data.copy_to_emulator(sides.warehouse, tables, connection)
        builds = _build_twice(sides, tables, connection, unit_tests=not options.no_unit_tests)
        with _step("comparing"):
            comparisons = _compare_all(sides, connection, builds)
    print_comparisons(comparisons)
    if options.no_unit_tests:
        print("NOT RUN: dbt's unit tests, which `make emulator` runs on both sides; here DuckDB alone has them")
    print_not_verified()
    same = bool(comparisons) and all(comparison.equal for comparison in comparisons)
    if options.skip_gate:
        return 0 if same else EXIT_DIFFERENT
    with _step("static gate over the SQL of both builds"):
        findings = static_gate.check_manifests(builds.manifests)
    static_gate.print_findings(findings)
    return 0 if same and not findings.problems else EXIT_DIFFERENT


def _land(folder: Path) -> Path:
    """Land the sandbox company into a warehouse of the job's own."""
    warehouse = folder / "landed.duckdb"
    settings = {"STRATA_WAREHOUSE": str(warehouse), "STRATA_STATE_DIR": str(folder / "dlt")}
    with _step("landing from the sandbox"):
        # Exit code 3 means landed, with more rejected records than agreed; the comparison can still be made.
        command = [sys.executable, "-m", "tools.run", "land"]
        done = subprocess.run(command, cwd=_ROOT, env={**os.environ, **settings}, check=False)
    if done.returncode not in (0, 3):
        raise raw_data.RawDataError(f"landing ended with exit code {done.returncode}; see the lines above.")
    return warehouse


@contextmanager
def _sides(folder: Path, warehouse: Path, emulator: Emulator) -> Iterator[Sides]:
    """Both targets, with their dbt processes starting up."""
    port = {"STRATA_EMULATOR_PORT": str(emulator.port), "STRATA_EMULATOR_DATABASE": DATABASE}
    targets = (
        Target(_DUCKDB, "ci", folder / "duckdb", {"STRATA_WAREHOUSE": str(warehouse)}),
        Target(_EMULATOR, "snowflake_emulator", folder / "emulator", port),
    )
    with dbt_processes(targets) as processes:
        yield Sides(warehouse, processes)


def _build_twice(
    sides: Sides, tables: list[raw_data.RawTable], connection: SnowflakeConnection, *, unit_tests: bool
) -> Builds:
    """Build, change the raw tables, build again."""
    # One day for both targets and both builds, also across midnight.
    build = ["build", "--vars", f"{{as_of_date: '{datetime.now(UTC).date()}'}}"]
    builds = Builds({process.target.label: [] for process in sides.processes}, {})
    for number, variant in enumerate(("first run", "incremental run"), 1):
        # Unit tests read no data, so once is enough; one that gives rows to `this` needs the table to be there.
        arguments = build if number == 2 and unit_tests else [*build, "--exclude-resource-type", "unit_test"]
        if number == 2:
            _change(sides, tables, connection)
            arguments = [*arguments, "--exclude", *_BREAKS_ON_CHANGES]
        with _step(f"dbt build {number} of 2 on DuckDB and on the emulator"):
            windows = run_all(sides.processes, arguments, f"build {number}")
        for target in (process.target for process in sides.processes):
            builds.windows[target.label].append(windows[target.label])
            counts = ", ".join(f"{count} {status}" for status, count in sorted(target.executed().items()))
            print(f"  {target.label}: {counts}, {windows[target.label].seconds:.0f} s")
        builds.manifests[variant] = sides.processes[1].target.manifest()
    return builds


def _change(sides: Sides, tables: list[raw_data.RawTable], connection: SnowflakeConnection) -> None:
    changes = raw_changes.plan_changes(sides.warehouse, tables)

    def on_emulator(sql: str) -> int:
        return connection.cursor().execute(sql).rowcount

    with duckdb.connect(str(sides.warehouse)) as warehouse:

        def on_duckdb(sql: str) -> int:
            return warehouse.execute(raw_changes.to_duckdb(sql)).fetchone()[0]

        here = raw_changes.apply_changes(changes, on_duckdb)
    there = raw_changes.apply_changes(changes, on_emulator)
    for (label, rows), (_, emulator_rows) in zip(here, there, strict=True):
        print(f"  changed on both: {label} ({rows} rows)")
        if rows != emulator_rows:
            raise raw_data.RawDataError(f"change '{label}': {rows} rows in DuckDB, {emulator_rows} in the emulator.")


def _compare_all(sides: Sides, connection: SnowflakeConnection, builds: Builds) -> list[Comparison]:
    """Compare every table and view of the project; one that only one side has is a difference."""
    here, there = (process.target.relations() for process in sides.processes)
    comparisons = []
    with duckdb.connect(str(sides.warehouse), read_only=True) as warehouse:
        warehouse.execute("set TimeZone = 'UTC'")
        for key in sorted(here.keys() | there.keys()):
            if key not in here or key not in there:
                where = "DuckDB" if key in here else "the emulator"
                comparisons.append(Comparison(key, None, None, False, (f"exists only for {where}",)))
                continue
            left = _read(warehouse, here[key], builds.windows[_DUCKDB])
            right = _read(connection.cursor(), there[key], builds.windows[_EMULATOR])
            comparisons.append(compare(key, left, right))
    return comparisons


def _read(cursor: duckdb.DuckDBPyConnection, relation: str, windows: list[Window]) -> Content:
    """Every row of a relation; both drivers follow Python's database interface."""
    result = cursor.execute(f"select * from {relation}")
    rows = result.fetchall()
    return content([column[0] for column in result.description], rows, windows)


if __name__ == "__main__":
    sys.exit(main())
