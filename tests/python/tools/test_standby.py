"""A program that waits for its start: it does its work when told, nothing when not, and outlives nobody."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest

from tools.standby import Standby

RUN = "3f1c2a52-6d0e-4c4f-9a39-0a9a4a6d2f10"
HOLDER = """
import time
from tools.standby import Standby
program = Standby("ingestion", "list")
print(program._process.pid, flush=True)
time.sleep(60)
"""


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_it_runs_when_told_with_its_own_exit_code(capfd: pytest.CaptureFixture[str]) -> None:
    with Standby("ingestion", "list") as program:
        assert program.run() == 0
    assert "sap" in capfd.readouterr().out
    with Standby("ingestion", "load", "no_such_source") as program:
        assert program.run() == 2
    assert "no_such_source" in capfd.readouterr().err


def test_its_work_is_done_before_it_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What follows may open the warehouse at once, though Python still clears away what dlt has left."""
    (tmp_path / "target").mkdir()
    metadata = {"dbt_schema_version": "https://schemas.getdbt.com/dbt/run-results/v6.json", "invocation_id": RUN}
    metadata |= {"generated_at": "2026-09-30T06:00:00Z", "dbt_version": "1.12.6"}
    (tmp_path / "target" / "run_results.json").write_text(
        json.dumps(
            {"metadata": metadata, "results": [], "args": {"which": "build", "target": "dev"}, "elapsed_time": 1.5}
        )
    )
    for name, value in (("STRATA_WAREHOUSE", "w.duckdb"), ("STRATA_STATE_DIR", "dlt"), ("DBT_TARGET_PATH", "target")):
        monkeypatch.setenv(name, str(tmp_path / value))
    with Standby("ingestion", "load", "dbt_artifacts", "--quiet") as program:
        program.work()
        with duckdb.connect(str(tmp_path / "w.duckdb")) as warehouse:
            landed = warehouse.execute("select invocation_id from raw_dbt_artifacts.invocations").fetchall()
        assert program._process.poll() is None
    assert landed == [(RUN,)]
    assert program._process.returncode == 0


def test_a_program_that_died_is_not_waited_for() -> None:
    with Standby("no.such.program") as program:
        program._process.kill()
        program._process.wait()
        program.work()


def test_it_does_nothing_until_it_is_told(capfd: pytest.CaptureFixture[str]) -> None:
    with Standby("ingestion", "load", "no_such_source") as program:
        pass
    assert program._process.returncode == 0
    assert capfd.readouterr() == ("", "")


def test_it_ends_with_a_killed_owner() -> None:
    owner = subprocess.Popen([sys.executable, "-c", HOLDER], stdout=subprocess.PIPE, text=True)
    waiting = int(owner.stdout.readline())
    assert is_running(waiting)
    owner.send_signal(signal.SIGKILL)
    owner.wait()
    until = time.monotonic() + 30
    while is_running(waiting) and time.monotonic() < until:
        time.sleep(0.05)
    assert not is_running(waiting)
