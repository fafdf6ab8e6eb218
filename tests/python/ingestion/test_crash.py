"""kill -9 at random moments, then run to the end: the tables equal those of one clean run."""

from __future__ import annotations

import os
import random

import pytest
from support.killing import content, finish, kill_some

from ingestion.sandbox import SandboxServer

SEED = int(os.environ.get("STRATA_SEED", "1"))
TABLES = ["purchase_orders", "purchase_order_items", "purchase_order_schedule_lines", "goods_receipts", "suppliers",
          "materials", "material_stock", "plants"]  # fmt: skip


@pytest.mark.parametrize("kills", [4, pytest.param(40, marks=pytest.mark.slow)])
def test_killed_at_random_moments_and_run_again(kills, tables, settings, tmp_path, record_property):
    print(f"seed {SEED}")
    tables["LFA1"].update({"LIFNR": "100002"}, {"LAND1": "germany"})
    with SandboxServer(tables) as server:
        clean = settings(server) | {"STRATA_WAREHOUSE": str(tmp_path / "clean.duckdb")}
        whole = finish("sap", clean)
        dirty = settings(server) | {"STRATA_WAREHOUSE": str(tmp_path / "killed.duckdb"), "STRATA_LOCK_WAIT": "20"}
        killed = kill_some("sap", dirty, kills, whole, random.Random(SEED))
        record_property("killed", killed)
        assert killed > 0, "every run ended before it could be killed"
        finish("sap", dirty)
    assert content(tmp_path / "killed.duckdb", "sap", TABLES) == content(tmp_path / "clean.duckdb", "sap", TABLES)
