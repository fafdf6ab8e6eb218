"""The warehouse lock: one holder, a second one waits or learns who holds it, a killed holder lets go."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from ingestion.errors import EXIT_LOCKED, LockedError
from ingestion.lock import warehouse_lock

HOLDER = """
import sys, time
from pathlib import Path
from ingestion.lock import warehouse_lock
with warehouse_lock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(float(sys.argv[2]))
"""


@pytest.fixture
def holder(tmp_path):
    processes = []

    def start(seconds: float) -> subprocess.Popen[str]:
        path = tmp_path / "w.duckdb"
        process = subprocess.Popen(
            [sys.executable, "-c", HOLDER, str(path), str(seconds)], stdout=subprocess.PIPE, text=True
        )
        processes.append(process)
        assert process.stdout.readline() == "held\n"
        return process

    yield start
    for process in processes:
        process.kill()
        process.wait()


def test_a_second_run_is_told_who_holds_the_warehouse(tmp_path, holder):
    process = holder(30)
    message = f"process {process.pid} .*since.*STRATA_LOCK_WAIT"
    with pytest.raises(LockedError, match=message) as raised, warehouse_lock(tmp_path / "w.duckdb", wait_seconds=0.1):
        pass
    assert raised.value.exit_code == EXIT_LOCKED


def test_a_second_run_waits_for_a_short_one(tmp_path, holder):
    holder(0.7)
    started = time.monotonic()
    with warehouse_lock(tmp_path / "w.duckdb", wait_seconds=20):
        assert time.monotonic() - started > 0.3


def test_a_killed_holder_lets_go(tmp_path, holder):
    process = holder(30)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    with warehouse_lock(tmp_path / "w.duckdb", wait_seconds=5):
        pass


def test_a_child_of_the_holder_does_not_wait_for_its_parent(tmp_path, monkeypatch):
    path = tmp_path / "w.duckdb"
    with warehouse_lock(path):
        monkeypatch.setenv("STRATA_LOCK_HELD", str(path.resolve()))
        with warehouse_lock(path, wait_seconds=0):
            pass
