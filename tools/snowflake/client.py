"""Start the emulator as a child process and connect to it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import snowflake.connector
from snowflake.connector import SnowflakeConnection

_ROOT = Path(__file__).resolve().parents[2]
_START_SECONDS = 40.0
_STOP_SECONDS = 5.0
# The connector retries a request for minutes; on loopback a slow answer is a defect.
_REQUEST_SECONDS = 60


class EmulatorFailed(RuntimeError):
    """The emulator did not start."""


@dataclass(frozen=True)
class Emulator:
    """A running emulator."""

    port: int
    pid: int

    def connect(self, database: str = "ANALYTICS", schema: str = "PUBLIC", seconds: int = _REQUEST_SECONDS):
        """A connection of the ordinary Snowflake connector; any user and password will do."""
        return connect(self.port, database, schema, seconds)


def connect(port: int, database: str, schema: str, seconds: int = _REQUEST_SECONDS) -> SnowflakeConnection:
    """Connect to the emulator on `port`; requests are given up after `seconds`."""
    return snowflake.connector.connect(
        user="fake",
        password="snow",  # noqa: S106 - the emulator takes any
        account="fakesnow",
        host="127.0.0.1",
        port=port,
        protocol="http",
        database=database,
        schema=schema,
        login_timeout=seconds,
        network_timeout=seconds,
        session_parameters={"CLIENT_OUT_OF_BAND_TELEMETRY_ENABLED": False},
    )


@contextmanager
def running_emulator(without: Iterable[str] = (), db_dir: Path | None = None) -> Iterator[Emulator]:
    """Start an emulator, wait until it is ready, and stop it at the end."""
    with tempfile.TemporaryDirectory(prefix="strata-emulator-") as folder:
        port_file = Path(folder) / "port.json"
        command = [sys.executable, "-m", "tools.snowflake.emulator", "--port-file", str(port_file)]
        command += ["--parent", str(os.getpid())]
        command += [part for name in without for part in ("--without", name)]
        if db_dir:
            command += ["--db-dir", str(db_dir)]
        log = Path(folder) / "emulator.log"
        with log.open("w") as output:
            process = subprocess.Popen(command, cwd=_ROOT, stdout=output, stderr=subprocess.STDOUT)
        try:
            yield _wait_until_ready(process, port_file, log)
        finally:
            process.terminate()
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_until_ready(process: subprocess.Popen[bytes], port_file: Path, log: Path) -> Emulator:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if port_file.exists():
            ready = json.loads(port_file.read_text())
            return Emulator(port=ready["port"], pid=ready["pid"])
        if process.poll() is not None:
            raise EmulatorFailed(f"the emulator ended with exit code {process.returncode}: {log.read_text().strip()}")
        time.sleep(0.05)
    raise EmulatorFailed(f"the emulator was not ready after {_START_SECONDS:.0f} s: {log.read_text().strip()}")
