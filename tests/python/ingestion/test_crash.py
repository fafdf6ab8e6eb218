"""kill -9, at random moments and at the worst one, then run to the end: the tables equal those of one clean run."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys

import pytest
from support.killing import ROOT, content, finish, kill_some

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


# Runs a load and dies when the warehouse has committed a file of the table, before dlt marks the file as loaded.
DIES = """
import os, runpy, signal, sys
from dlt.common.storages.load_package import PackageStorage
mark, table = PackageStorage.save_pending_transition, sys.argv[1]
def die(self, load_id, file_name, *arguments):
    if file_name.startswith(table + "."):
        os.kill(os.getpid(), signal.SIGKILL)
    mark(self, load_id, file_name, *arguments)
PackageStorage.save_pending_transition = die
sys.argv[1:] = ["load", "sap"]
runpy.run_module("ingestion", run_name="__main__")
"""


@pytest.mark.parametrize("table", ["purchase_orders", "purchase_order_items", "purchase_order_schedule_lines"])
def test_killed_between_the_commit_of_a_file_and_its_mark(table, tables, settings, tmp_path):
    with SandboxServer(tables) as server:
        clean = settings(server) | {"STRATA_WAREHOUSE": str(tmp_path / "clean.duckdb")}
        finish("sap", clean)
        killed = settings(server) | {"STRATA_WAREHOUSE": str(tmp_path / "killed.duckdb")}
        command = [sys.executable, "-c", DIES, table]
        died = subprocess.run(command, cwd=ROOT, env={**os.environ, **killed}, capture_output=True, text=True)
        assert died.returncode == -signal.SIGKILL, died.stderr
        finish("sap", killed)
    assert content(tmp_path / "killed.duckdb", "sap", TABLES) == content(tmp_path / "clean.duckdb", "sap", TABLES)
