"""Nothing reports home by default: dbt and the landing run with every way out of the machine watched and shut.

The watch is an audit hook of the interpreter, which Python code cannot go round; child processes inherit it. It does
not see native code that opens sockets itself: DuckDB's extensions could, and are kept from it by
`autoinstall_known_extensions: false`. No environment variable helps here: the settings in the repository have to do.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
DBT = [sys.executable, "-c", "from dbt.cli.main import cli; cli()"]
EDR = str(Path(sys.executable).with_name("edr"))
# Variables that would switch telemetry off from outside, or point the run elsewhere.
CLEARED = ("DO_NOT_TRACK", "DBT_", "RUNTIME__", "DLT", "STRATA_", "SOURCES__", "SAP_")
WATCH = """
import os, sys

def watch(event, arguments):
    if event in ("socket.getaddrinfo", "socket.gethostbyname"):
        host = arguments[0]
    elif event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        address = arguments[1]
        if not isinstance(address, tuple):
            return  # a socket of this machine
        host = address[0]
    else:
        return
    host = host.decode() if isinstance(host, bytes) else host
    if host in (None, "", "localhost", "::1") or host.startswith("127."):
        return
    with open(os.environ["OUTWARD_LOG"], "a") as log:
        log.write(f"{host}\\n")
    raise OSError(f"shut by the test: {host}")

sys.addaudithook(watch)
"""

Outward = Callable[..., list[str]]


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One target directory for all runs: dbt's second start is the quicker one."""
    return tmp_path_factory.mktemp("target")


@pytest.fixture
def outward(tmp_path: Path, target: Path) -> Outward:
    """Run a command under watch; returns the hosts it tried to reach, and fails where it did not succeed."""
    hook = tmp_path / "hook"
    hook.mkdir()
    (hook / "sitecustomize.py").write_text(WATCH, encoding="utf-8")
    log = tmp_path / "outward.log"
    clean = {name: value for name, value in os.environ.items() if not name.startswith(CLEARED)}
    settings = {
        "PYTHONPATH": str(hook),
        "OUTWARD_LOG": str(log),
        "STRATA_WAREHOUSE": str(tmp_path / "watched.duckdb"),
        "STRATA_STATE_DIR": str(tmp_path / "dlt"),
        "DBT_TARGET_PATH": str(target),
        "DBT_LOG_PATH": str(tmp_path / "logs"),
    }

    def run(command: list[str], *, check: bool = True, cwd: Path = ROOT, **more: str) -> list[str]:
        log.unlink(missing_ok=True)
        environment = {**clean, **settings, **more}
        done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0 or not check, done.stdout[-2000:] + done.stderr[-2000:]
        return sorted(set(log.read_text(encoding="utf-8").split())) if log.exists() else []

    return run


def test_the_watch_sees_and_shuts_a_way_out(outward: Outward) -> None:
    lookup = "import urllib.request; urllib.request.urlopen('http://reports.invalid/')"
    connect = "import socket; socket.create_connection(('192.0.2.1', 80))"
    child = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {lookup!r}])"
    datagram = "import socket; socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('192.0.2.1', 53))"
    assert outward([sys.executable, "-c", lookup], check=False) == ["reports.invalid"]
    assert outward([sys.executable, "-c", connect], check=False) == ["192.0.2.1"]
    assert outward([sys.executable, "-c", child], check=False) == ["reports.invalid"]
    assert outward([sys.executable, "-c", datagram], check=False) == ["192.0.2.1"]


def test_dbt_reports_nothing(outward: Outward) -> None:
    assert outward([*DBT, "seed"]) == []


def test_dbt_would_be_seen_if_it_reported(outward: Outward) -> None:
    """Control: with its statistics switched on the same command is caught, so that silence above means something."""
    assert outward([*DBT, "seed"], DBT_SEND_ANONYMOUS_USAGE_STATS="true") != []


def test_edr_reports_nothing_with_the_settings_in_the_repository(outward: Outward, tmp_path: Path) -> None:
    """`edr` counts calls and asks for its newest version, from its import on: only HOME comes early enough."""
    shutil.copytree(ROOT / ".edr", tmp_path / "home" / ".edr")
    assert outward([EDR, "--help"], cwd=tmp_path, HOME=str(tmp_path / "home")) == []


def test_edr_would_be_seen_if_it_reported(outward: Outward, tmp_path: Path) -> None:
    assert outward([EDR, "--help"], cwd=tmp_path, HOME=str(tmp_path / "bare")) != []


# The company is as small as it gets: what is watched is the way out, not the data.
LAND = """
import os
os.environ["SANDBOX_SCALE"] = "0.01"
from tools.run import land
raise SystemExit(0 if land() in (0, 3) else 1)  # 3: landed, with more rejects than the limit allows
"""


def test_landing_reports_nothing(outward: Outward) -> None:
    assert outward([sys.executable, "-c", LAND]) == []


def test_landing_would_be_seen_if_it_reported(outward: Outward) -> None:
    assert outward([sys.executable, "-c", LAND], RUNTIME__DLTHUB_TELEMETRY="true") != []


def test_the_settings_say_so() -> None:
    project = yaml.safe_load((ROOT / "dbt_project.yml").read_text(encoding="utf-8"))
    assert project["flags"]["send_anonymous_usage_stats"] is False
    settings = tomllib.loads((ROOT / ".dlt" / "config.toml").read_text(encoding="utf-8"))
    assert settings["runtime"]["dlthub_telemetry"] is False
    edr = yaml.safe_load((ROOT / ".edr" / "config.yml").read_text(encoding="utf-8"))
    assert edr["anonymous_usage_tracking"] is False and edr["disable_elementary_version_check"] is True
    outputs = yaml.safe_load((ROOT / "profiles.yml").read_text(encoding="utf-8"))["strata"]["outputs"]
    duckdb = [output for output in outputs.values() if output["type"] == "duckdb"]
    assert duckdb
    assert all(output["config_options"]["autoinstall_known_extensions"] is False for output in duckdb)


@pytest.mark.parametrize(
    ("name", "value"),
    [("DO_NOT_TRACK", "1"), ("DBT_SEND_ANONYMOUS_USAGE_STATS", "false"), ("RUNTIME__DLTHUB_TELEMETRY", "false")],
)
def test_make_says_so_too(name: str, value: str) -> None:
    rule = f"include Makefile\nprint-it:\n\t@echo $${name}\n"
    clean = {key: text for key, text in os.environ.items() if not key.startswith(CLEARED)}
    command = ["make", "--no-print-directory", "-f", "-", "print-it"]
    done = subprocess.run(command, input=rule, cwd=ROOT, env=clean, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == value
