"""kill -9 of a purging process at random moments, then a run to the end: the same tables as without a kill."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import uuid
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import pytest
from retention_oracle import policy_row
from support.plain_macros import plain_macros

SEED = int(os.environ.get("STRATA_SEED", "1"))
ROWS = 20_000
STATEMENTS = 45  # about as many as a whole run needs
POLICIES = [
    policy_row("raw.orders", tombstones="digest", purge_action="archive_delete"),
    policy_row(
        "raw.lines", retention_period="with parent", clock_column=None, parent_dataset="raw.orders",
        parent_columns="order_id=id", purge_action="archive_delete",
    ),
    policy_row("raw.payments", parent_dataset="raw.orders", parent_columns="order_id=id"),
    policy_row("raw.events", tombstones="range"),
    policy_row("raw.visits", purge_action="anonymise", subject_keys="client:client_id"),
]  # fmt: skip
TABLES = [policy["dataset_name"] for policy in POLICIES]


def purge(path: Path) -> None:
    """What the operation does to the file, with a line printed before each statement for who wants to kill it."""
    connection = duckdb.connect(str(path), config={"threads": 1})
    connection.execute("set TimeZone = 'UTC'")

    def run_query(sql: str) -> Any:
        print("statement", flush=True)
        return SimpleNamespace(rows=connection.execute(sql).fetchall())

    macros = plain_macros("macros/retention", run_query)
    for statement in macros["ops_tables"]("ops"):
        run_query(statement)
    tables = {
        name: {
            "relation": name, "policy_name": name, "personal": [],
            "columns": {column: kind for column, kind, *_ in connection.execute(f"describe {name}").fetchall()},
        }
        for name in TABLES
    }  # fmt: skip
    plan = macros["plan_policies"](POLICIES, tables)
    frame = {
        "as_of": "2026-01-01 00:00:00", "policies": plan["policies"], "holds": [], "ops": "ops",
        "tombstone_key": "a key", "run_id": uuid.uuid4().hex, "archive_root": str(path.parent), "cause": "retention",
        "who": "test",
    }  # fmt: skip
    outcomes = macros["purge_in_order"](macros["purge_order"](list(plan["policies"]), plan["policies"]), frame)
    if not {outcome["status"] for outcome in outcomes} <= {"done", "nothing due"}:
        raise SystemExit(f"{outcomes}")


def write(path: Path) -> None:
    """Half of the rows are due."""
    with duckdb.connect(str(path)) as connection:
        connection.execute("create schema raw")
        for name in TABLES:
            connection.execute(
                f"create table {name} as select i::integer as id, (i // 2)::integer as order_id, 'CL-' || i % 50 as"
                f" client_id, timestamp '2024-01-01' + to_hours((i * 35040 // {ROWS})::integer) as clock"
                f" from range({ROWS}) as r (i)"
            )


def state(path: Path) -> dict[str, Any]:
    """Tables, tombstones and what the log says was done, whichever runs did it."""
    queries = {name: f"select count(*), sum(id), max(client_id), min(clock) from {name}" for name in TABLES}
    queries |= {
        "anonymous": "select client_id, count(*) from raw.visits group by all order by all",
        "tombstones": "select dataset_name, count(*), count(key_digest), bit_xor(hash(key_digest))"
        " from ops.tombstones group by all order by all",
        "actions": "select dataset_name, action, rows_due, rows_done, key_digest"
        " from ops.retention_actions order by all",
    }
    with duckdb.connect(str(path)) as connection:
        return {name: connection.execute(sql).fetchall() for name, sql in queries.items()}


def process(path: Path) -> subprocess.Popen[str]:
    paths = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}  # as pytest set them
    return subprocess.Popen(
        [sys.executable, __file__, str(path)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=paths
    )


def check(directory: Path, runs: int, chance: random.Random) -> None:
    whole = directory / "whole.duckdb"
    write(whole)
    output, _ = (started := process(whole)).communicate(timeout=120)
    assert started.returncode == 0, output
    expected = state(whole)
    assert [row[0] for row in expected["actions"]] == sorted(TABLES)
    killed = 0
    for number in range(runs):
        path = directory / f"killed{number}.duckdb"
        write(path)
        for _ in range(chance.randint(1, 2)):
            running = process(path)
            for _ in range(chance.randint(1, STATEMENTS)):
                running.stdout.readline()  # type: ignore[union-attr]
            killed += running.poll() is None
            running.kill()
            running.communicate()
        output, _ = (started := process(path)).communicate(timeout=120)
        assert started.returncode == 0, output
        assert state(path) == expected
    assert killed > 0


def test_a_killed_purge_ends_where_a_whole_one_does(tmp_path: Path) -> None:
    check(tmp_path, 4, random.Random(SEED))


@pytest.mark.slow
def test_a_purge_killed_sixty_times_ends_where_a_whole_one_does(tmp_path: Path) -> None:
    check(tmp_path, 60, random.Random(SEED))


if __name__ == "__main__":
    purge(Path(sys.argv[1]))
