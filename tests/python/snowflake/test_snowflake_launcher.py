"""The launcher: where it listens, how it ends, what it refuses."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tools.snowflake import repairs
from tools.snowflake.client import Emulator, EmulatorFailed, running_emulator

ROOT = Path(__file__).resolve().parents[3]
LOOPBACK = "0100007F"  # 127.0.0.1 as /proc/net/tcp writes it
LISTENING = "0A"


def test_another_fakesnow_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repairs, "SUPPORTED_FAKESNOW", "0.0.1")
    with pytest.raises(repairs.UnsupportedEmulator, match=r"fakesnow 0\.0\.1, but \d+\.\d+\.\d+ is installed"):
        repairs.check_version()


def test_the_pinned_fakesnow_is_the_supported_one() -> None:
    assert f"fakesnow[server]=={repairs.SUPPORTED_FAKESNOW}" in (ROOT / "pyproject.toml").read_text()


@pytest.mark.emulator
def test_an_unknown_repair_is_refused() -> None:
    with (
        pytest.raises(EmulatorFailed, match="exit code 2: emulator: unknown repair: no_such"),
        running_emulator(["no_such"]),
    ):
        pass


@pytest.mark.emulator
@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="reads Linux' table of sockets")
def test_it_listens_on_loopback_only(emulator: Emulator) -> None:
    port = f"{emulator.port:04X}"
    rows = [line.split() for name in ("tcp", "tcp6") for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]]
    listening = [row[1] for row in rows if row[3] == LISTENING and row[1].endswith(f":{port}")]
    assert listening == [f"{LOOPBACK}:{port}"]


@pytest.mark.emulator
def test_it_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    port_file = tmp_path / "port.json"
    starter = (
        "import subprocess, sys, time, pathlib;"
        f"subprocess.Popen([sys.executable, '-m', 'tools.snowflake.emulator', '--port-file', {str(port_file)!r}]);"
        f"path = pathlib.Path({str(port_file)!r});"
        "deadline = time.monotonic() + 40\n"
        "while not path.exists() and time.monotonic() < deadline: time.sleep(0.1)"
    )
    subprocess.run([sys.executable, "-c", starter], cwd=ROOT, check=True, timeout=60)
    pid = json.loads(port_file.read_text())["pid"]
    deadline = time.monotonic() + 10
    while _runs(pid) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not _runs(pid)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    return not stat.exists() or stat.read_text().rsplit(")", 1)[1].split()[0] != "Z"


@pytest.mark.emulator
def test_databases_can_be_kept(tmp_path: Path) -> None:
    for statement, expected in (("create table kept as select 5 as id", None), ("select id from kept", [(5,)])):
        with running_emulator(db_dir=tmp_path / "databases") as emulator, emulator.connect() as connection:
            rows = connection.cursor().execute(statement).fetchall()
            assert expected is None or rows == expected
    assert (tmp_path / "databases" / "ANALYTICS.db").exists()
