"""kill -9 at random moments, then run to the end: the tables equal those of a clean run."""

from __future__ import annotations

import os
import random

import duckdb
import pytest
from support import platforms
from support.killing import finish, kill_some

from ingestion.sandbox.apps.incentive import IncentiveApp
from ingestion.sandbox.rest import RestServer

SEED = int(os.environ.get("STRATA_SEED", "1"))
TABLES = ["plans", "payouts"]


def content(path):
    found = {table: platforms.landed(path, "incentive", table) for table in TABLES}
    with duckdb.connect(str(path), read_only=True) as connection:
        letters = "select dead_letter_id, reason_codes, payload from raw_ops.dead_letters order by all"
        return {**found, "dead_letters": connection.execute(letters).fetchall()}


@pytest.mark.parametrize("kills", [3, pytest.param(40, marks=pytest.mark.slow)])
def test_killed_at_random_moments_and_run_again(kills, tmp_path, record_property):
    print(f"seed {SEED}")
    chance = random.Random(SEED)
    app = IncentiveApp(platforms.incentive_documents())
    app.documents.upsert("payouts", {**platforms.payout(3, 3), "currency": "pounds"})
    with RestServer([app]) as server:
        clean, dirty = (
            platforms.settings("incentive", server, tmp_path / f"{name}.duckdb") for name in ("clean", "killed")
        )
        whole = finish("incentive", clean)
        killed = kill_some("incentive", dirty, kills, whole, chance)
        for n in range(5):
            app.documents.upsert("payouts", platforms.payout(500 + n, 500 + n))
        killed += kill_some("incentive", dirty, 1, whole, chance)
        finish("incentive", dirty)
        finish("incentive", clean)
    record_property("killed", killed)
    assert killed > 0, "every run ended before it could be killed"
    assert content(tmp_path / "killed.duckdb") == content(tmp_path / "clean.duckdb")
