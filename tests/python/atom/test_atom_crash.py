"""kill -9 at random moments, then run to the end: the tables equal those of one clean run."""

from __future__ import annotations

import os
import random

import pytest
from support.killing import content, finish, kill_some

SEED = int(os.environ.get("STRATA_SEED", "1"))
LEFT_OUT = "_landed_at, _dlt_load_id"  # of a row in a database the reference is its key: it must be the same too
TABLES = ["customers", "order_lines", "orders", "payments", "products"]


@pytest.mark.parametrize("kills", [3, pytest.param(40, marks=pytest.mark.slow)])
def test_killed_at_random_moments_and_run_again(kills, platform, settings, tmp_path, record_property):
    print(f"seed {SEED}")
    platform.orders(1, 400, "2025-01-05 08:00:00+00")
    platform.orders(401, 500)
    platform.run("update atom.orders set currency = 'x' where order_id = 5")
    clean = settings | {"STRATA_WAREHOUSE": str(tmp_path / "clean.duckdb")}
    dirty = settings | {"STRATA_WAREHOUSE": str(tmp_path / "killed.duckdb")}
    whole = finish("atom", clean)
    finish("atom", dirty)
    platform.run("delete from atom.orders where order_id in (10, 20)")
    platform.run("update atom.orders set status = 'shipped', updated_at = now() where order_id = 30")
    platform.orders(501, 520, "2025-10-01 00:00:00+00")
    finish("atom", clean)
    killed = kill_some("atom", dirty, kills, whole, random.Random(SEED))
    record_property("killed", killed)
    assert killed > 0, "every run ended before it could be killed"
    finish("atom", dirty)
    found, expected = (content(tmp_path / f"{name}.duckdb", "atom", TABLES, LEFT_OUT) for name in ("killed", "clean"))
    assert found == expected
