"""kill -9 at random moments, then run to the end: the tables equal those of one clean run."""

from __future__ import annotations

import os
import random
import time

import duckdb
import pytest
from support.loads import start_load

from ingestion.sandbox import SandboxServer

SEED = int(os.environ.get("STRATA_SEED", "1"))
TABLES = ["purchase_orders", "purchase_order_items", "purchase_order_schedule_lines", "goods_receipts", "suppliers",
          "materials", "material_stock", "plants"]  # fmt: skip


def content(path):
    with duckdb.connect(str(path), read_only=True) as connection:
        found = {
            name: connection.execute(
                f"select * exclude (_landed_at, _source_ref, _dlt_load_id) from raw_sap.{name} order by all"
            ).fetchall()
            for name in TABLES
        }
        letters = "select dead_letter_id, reason_codes, payload from raw_ops.dead_letters order by all"
        return {**found, "dead_letters": connection.execute(letters).fetchall()}


def finish(settings):
    process = start_load(settings)
    output, _ = process.communicate(timeout=180)
    assert process.returncode == 0, output


@pytest.mark.parametrize("kills", [4, pytest.param(40, marks=pytest.mark.slow)])
def test_killed_at_random_moments_and_run_again(kills, tables, settings, tmp_path, record_property):
    print(f"seed {SEED}")
    tables["LFA1"].update({"LIFNR": "100002"}, {"LAND1": "germany"})
    with SandboxServer(tables) as server:
        clean = settings(server) | {"STRATA_WAREHOUSE": str(tmp_path / "clean.duckdb")}
        started = time.monotonic()
        finish(clean)
        whole = time.monotonic() - started
        dirty = settings(server) | {"STRATA_WAREHOUSE": str(tmp_path / "killed.duckdb"), "STRATA_LOCK_WAIT": "20"}
        chance = random.Random(SEED)
        killed = 0
        for _ in range(kills):
            process = start_load(dirty)
            # The first seconds are imports; the reading, normalising and loading come in the later part.
            time.sleep(chance.uniform(0.3, 1.0) * whole)
            killed += process.poll() is None
            process.kill()
            process.communicate()
        record_property("killed", killed)
        assert killed > 0, "every run ended before it could be killed"
        finish(dirty)
    assert content(tmp_path / "killed.duckdb") == content(tmp_path / "clean.duckdb")
