"""kill -9 at random moments of a Workday load, then run to the end: the tables equal those of one clean run."""

from __future__ import annotations

import os
import random

import pytest
from support.killing import content, finish, kill_some
from support.workday_tenant import WORKER_KEYS, worker

from ingestion.sandbox.rest import RestServer

SEED = int(os.environ.get("STRATA_SEED", "1"))
TABLES = ["workers", "travel_expenses", "journal_lines"]


@pytest.mark.parametrize("kills", [3, pytest.param(40, marks=pytest.mark.slow)])
def test_workday_load_killed_at_random_moments(kills, app, settings, tmp_path, record_property):
    print(f"seed {SEED}")
    for number in range(100, 400):
        app.upsert("Workers", WORKER_KEYS, worker(number))
    app.upsert("Workers", WORKER_KEYS, worker(400, FTE="101"))
    with RestServer([app], latency=0.1) as server:
        clean = settings(server) | {"STRATA_WAREHOUSE": str(tmp_path / "clean.duckdb")}
        whole = finish("workday", clean)
        dirty = clean | {"STRATA_WAREHOUSE": str(tmp_path / "killed.duckdb"), "STRATA_LOCK_WAIT": "20"}
        killed = kill_some("workday", dirty, kills, whole, random.Random(SEED))
        record_property("killed", killed)
        assert killed > 0, "every run ended before it could be killed"
        finish("workday", dirty)
    found = content(tmp_path / "killed.duckdb", "workday", TABLES)
    assert found == content(tmp_path / "clean.duckdb", "workday", TABLES)
    assert len(found["workers"]) == 320
