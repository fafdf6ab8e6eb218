"""kill -9 at random moments, then run to the end: the tables equal those of one clean run."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest

ROOT = Path(__file__).resolve().parents[3]
SEED = int(os.environ.get("STRATA_SEED", "1"))
TABLES = ["customers", "order_lines", "orders", "payments", "products"]


def start(settings):
    return subprocess.Popen(
        [sys.executable, "-m", "ingestion", "load", "atom"],
        cwd=ROOT,
        env={**os.environ, **settings},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finish(settings):
    process = start(settings)
    output, _ = process.communicate(timeout=180)
    assert process.returncode == 0, output


def content(path):
    with duckdb.connect(str(path), read_only=True) as connection:
        found = {
            name: connection.execute(
                f"select * exclude (_landed_at, _dlt_load_id) from raw_atom.{name} order by all"
            ).fetchall()
            for name in TABLES
        }
        letters = "select dead_letter_id, reason_codes, payload from raw_ops.dead_letters order by all"
        return {**found, "dead_letters": connection.execute(letters).fetchall()}


@pytest.mark.parametrize("kills", [3, pytest.param(40, marks=pytest.mark.slow)])
def test_killed_at_random_moments_and_run_again(kills, platform, settings, tmp_path, record_property):
    print(f"seed {SEED}")
    platform.orders(1, 400, "2025-01-05 08:00:00+00")
    platform.orders(401, 500)
    platform.run("update atom.orders set currency = 'x' where order_id = 5")
    clean = settings | {"STRATA_WAREHOUSE": str(tmp_path / "clean.duckdb")}
    dirty = settings | {"STRATA_WAREHOUSE": str(tmp_path / "killed.duckdb")}
    started = time.monotonic()
    for place in (clean, dirty):
        finish(place)
    whole = (time.monotonic() - started) / 2
    platform.run("delete from atom.orders where order_id in (10, 20)")
    platform.run("update atom.orders set status = 'shipped', updated_at = now() where order_id = 30")
    platform.orders(501, 520, "2025-10-01 00:00:00+00")
    finish(clean)
    chance = random.Random(SEED)
    killed = 0
    for _ in range(kills):
        process = start(dirty)
        # The first seconds are imports; the reading, normalising and loading come in the later part.
        time.sleep(chance.uniform(0.3, 1.0) * whole)
        killed += process.poll() is None
        process.kill()
        process.communicate()
    record_property("killed", killed)
    assert killed > 0, "every run ended before it could be killed"
    finish(dirty)
    assert content(tmp_path / "killed.duckdb") == content(tmp_path / "clean.duckdb")
