"""Delete what is due from a table: `purge_rows WAREHOUSE HOW`, with HOW one of bare, range, digest.

Prints JSON: seconds, cpu_seconds, rows. `bare` is the DELETE alone, the others the macro purge_dataset with tombstones
of that kind; commit and checkpoint belong to each. The macros are rendered as the property tests render them, and only
the time that their statements take in DuckDB counts, as it does for the DELETE.
"""

from __future__ import annotations

import csv
import importlib.util
import json
import sys
import time
from types import ModuleType, SimpleNamespace
from typing import Any

import duckdb

from benchmarks.workspace import ROOT

DATASET = "raw_interactions.events"
LIMIT, AS_OF = "2021-04-11 00:00:00", "2023-06-11 00:00:00"  # 26 months, the policy's period, lie between them
MEMORY = "1500MB"  # as in profiles.yml


class Clock:
    """Executes statements and adds up what they take."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self.seconds = self.cpu_seconds = 0.0

    def __call__(self, sql: str) -> SimpleNamespace:
        """The rows of a statement, as run_query gives them."""
        started, cpu = time.perf_counter(), time.process_time()
        rows = self._connection.execute(sql).fetchall()
        self.seconds += time.perf_counter() - started
        self.cpu_seconds += time.process_time() - cpu
        return SimpleNamespace(rows=rows)


def bare(execute: Clock) -> None:
    """What the purge is held against."""
    execute("begin transaction")
    execute(f"delete from {DATASET} where event_at <= timestamptz '{LIMIT}+00'")
    execute("commit")


def purge(connection: duckdb.DuckDBPyConnection, macros: dict[str, Any], tombstones: str) -> None:
    """The dataset's own policy, with the tombstones asked for."""
    described = connection.execute(f"describe {DATASET}").fetchall()
    table = {
        "relation": DATASET,
        "policy_name": DATASET,
        "personal": [],
        "columns": {name: kind for name, kind, *_ in described},
    }
    with (ROOT / "seeds/retention/retention_policies.csv").open(encoding="utf-8") as file:
        (row,) = (row for row in csv.DictReader(file) if row["dataset_name"] == DATASET)
    plan = macros["plan_policies"]([row | {"tombstones": tombstones}], {DATASET: table})
    frame = {
        "as_of": AS_OF, "policies": plan["policies"], "holds": [], "ops": "ops", "tombstone_key": "a key of the bench",
        "run_id": "bench", "archive_root": "", "cause": "retention", "who": "bench",
    }  # fmt: skip
    outcome = macros["purge_dataset"](plan["policies"][DATASET], frame)
    if outcome["status"] != "done":
        raise RuntimeError(f"the purge ended as {outcome}")


def main(warehouse: str, how: str) -> int:
    """Open, delete, print."""
    connection = duckdb.connect(warehouse, config={"memory_limit": MEMORY, "threads": 2})
    connection.execute("set TimeZone = 'UTC'")
    clock = Clock(connection)
    macros = _plain_macros().plain_macros("macros/retention", clock)
    for statement in macros["ops_tables"]("ops"):
        connection.execute(statement)
    connection.execute("checkpoint")
    before = connection.execute(f"select count(*) from {DATASET}").fetchall()[0][0]
    if how == "bare":
        bare(clock)
    else:
        purge(connection, macros, how)
    clock("checkpoint")
    rows = before - connection.execute(f"select count(*) from {DATASET}").fetchall()[0][0]
    print(json.dumps({"seconds": clock.seconds, "cpu_seconds": clock.cpu_seconds, "rows": rows}))
    return 0


def _plain_macros() -> ModuleType:
    spec = importlib.util.spec_from_file_location("plain_macros", ROOT / "tests/python/support/plain_macros.py")
    if spec is None or spec.loader is None:
        raise RuntimeError("tests/python/support/plain_macros.py cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
