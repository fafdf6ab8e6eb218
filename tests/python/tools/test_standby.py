"""A program that waits for its start: it does its work when told, nothing when not, and outlives nobody."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from tools.standby import Standby

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
