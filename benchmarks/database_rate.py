"""`python -m benchmarks.database_rate`: the load of a database table against the server's own COPY of it to CSV.

A PostgreSQL of our own is filled with rows of Atom's orders. Measured in one run, each several times, medians reported:
- `copy`: COPY TO STDOUT in CSV, written to a file: the floor, nothing leaves the server faster.
- `sql_table`: dlt's reader with the pyarrow backend, its tables dropped: what the usual way costs before any landing.
- `load`: the first load into an empty warehouse, from connecting to raw_ops: COPY, contract check, hashes, dlt's three
  steps. Not in: the interpreter's start and imports.
- `reload`: the load again with nothing new, with all keys compared; this one as `python -m ingestion load atom`, the
  interpreter's start and imports included: what a schedule that runs too often costs.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.process import BenchError, run, worker
from benchmarks.workspace import Stage
from ingestion.sandbox.atom import AtomDatabase

ROWS = 1_000_000
GOAL = 10  # the load may take this many times as long as COPY
FILL = """
insert into atom.orders
select
    i, i % 5000, 'Tenant ' || i % 3, case when i % 4 > 0 then 'W' || i % 200 end, t,
    (array['placed', 'shipped', 'delivered'])[1 + i % 3], case when i % 3 > 0 then t + interval '1 day' end,
    case when i % 3 > 1 then t + interval '3 days' end, (array['GBP', 'EUR', 'USD'])[1 + i % 3], (i % 9973) / 7.0,
    (array['web', 'app', 'partner'])[1 + i % 3], t, t + interval '0.123456 s'
from generate_series(1, {rows}) as i, lateral (select timestamptz '2023-10-01' + i * interval '1 minute' as t) as at
"""


def main(arguments: list[str] | None = None) -> int:
    """Measure and print; returns 0, or 1 where the load is slower than its goal or lands something else."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.database_rate", description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args(arguments)
    try:
        figures = measure(options.rows, options.repeat)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    print(json.dumps({"rows": options.rows, **figures, "machine": machine.describe()}, indent=1))
    return 0 if figures["load_per_copy"] <= GOAL else 1


def measure(rows: int, repeats: int) -> dict[str, float]:
    """Medians of each figure, and ratios of figures of one repeat."""
    with tempfile.TemporaryDirectory(prefix="strata-bench-") as directory, AtomDatabase() as atom:
        with contextlib.closing(atom.connect()) as connection, connection.cursor() as cursor:
            cursor.execute(FILL.format(rows=rows))
            cursor.execute("vacuum analyze atom.orders")
        found = [_repeat(atom, Path(directory) / str(number), rows) for number in range(repeats)]
    return {name: round(statistics.median(one[name] for one in found), 3) for name in found[0]}


def _repeat(atom: AtomDatabase, directory: Path, rows: int) -> dict[str, float]:
    directory.mkdir()
    copy = _timed(lambda: _copy(atom, directory / "orders.csv"))
    stage = Stage(directory)
    settings = {"SOURCES__ATOM__CREDENTIALS": atom.credentials}
    sql_table = run(worker("sql_table"), stage.env(settings)).json()
    loaded = run(worker("load_atom"), stage.env(settings))
    load = loaded.json()
    if sql_table["rows"] != rows or load["rows_good"] != rows:
        raise BenchError(f"{rows} rows in the table, {sql_table['rows']} through sql_table, {load['rows_good']} landed")
    reload = run([sys.executable, "-m", "ingestion", "load", "atom", "--json"], stage.env(settings))
    return {
        "copy_seconds": copy,
        "copy_rows_per_second": rows / copy,
        "sql_table_seconds": sql_table["seconds"],
        "load_seconds": load["seconds"],
        "load_rows_per_second": rows / load["seconds"],
        "load_cpu_seconds": load["cpu_seconds"],
        "load_peak_mb": loaded.peak_mb,
        "reload_seconds": reload.seconds,
        "reload_cpu_seconds": reload.cpu_seconds,
        "load_per_copy": load["seconds"] / copy,
        "sql_table_per_copy": sql_table["seconds"] / copy,
    }


def _copy(atom: AtomDatabase, path: Path) -> None:
    with contextlib.closing(atom.connect()) as connection, connection.cursor() as cursor, path.open("wb") as file:
        cursor.copy_expert("copy atom.orders to stdout (format csv, header true)", file, size=2**20)
    os.truncate(path, 0)


def _timed(action: Callable[[], Any]) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


if __name__ == "__main__":
    sys.exit(main())
