"""Nothing reports home by default: the settings say so, and commands that run under a network watch show it.

The commands run without the switches that the Makefile exports, as someone has it who types `dbt build`. Each watched
command has a control in which the same watch sees the same tool reach out once its switch is turned the other way;
the watch refuses all connections, so nothing leaves then either.
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

ROOT = Path(__file__).resolve().parents[2]
WATCH = ROOT / "tests" / "python" / "support" / "network_watch"
BIN = Path(sys.executable).parent
SWITCHES = {"DO_NOT_TRACK", "DBT_SEND_ANONYMOUS_USAGE_STATS", "RUNTIME__DLTHUB_TELEMETRY"}
FOREIGN = ("DBT_", "STRATA_", "SOURCES__", "DESTINATION__", "RUNTIME__", "SAP_DATA", "SANDBOX_", "EDR_")
SECONDS = 240

Watched = Callable[..., list[str]]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Warehouse, state and targets of all commands of this module."""
    return tmp_path_factory.mktemp("no_telemetry")


@pytest.fixture
def watched(place: Path, tmp_path: Path) -> Watched:
    """Run a command under the watch; gives what it tried to reach."""

    def run(*command: str, cwd: Path = ROOT, expect: int | None = 0, **more: str) -> list[str]:
        log = tmp_path / "reached.log"
        log.unlink(missing_ok=True)
        env = {k: v for k, v in os.environ.items() if k not in SWITCHES and not k.startswith(FOREIGN)}
        env |= {
            "PYTHONPATH": str(WATCH),
            "NETWORK_WATCH_LOG": str(log),
            "HOME": str(tmp_path),
            "STRATA_WAREHOUSE": str(place / "strata.duckdb"),
            "STRATA_SANDBOX_DIR": str(place / "sandbox"),
            "SANDBOX_SCALE": "0.02",
            "SOURCES__SAP__MAX_REJECT_RATIO": "1",  # the planted faults weigh more in so small a company
            "DBT_PROFILES_DIR": str(ROOT),
            "DBT_TARGET_PATH": str(place / "target"),
            "DBT_LOG_PATH": str(place / "logs"),
            **more,
        }
        done = subprocess.run(
            command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SECONDS
        )
        assert expect is None or done.returncode == expect, done.stdout[-3000:] + done.stderr[-3000:]
        return log.read_text(encoding="utf-8").splitlines() if log.exists() else []

    return run


def test_the_watch_sees_and_refuses_a_look_up(watched: Watched) -> None:
    code = "import urllib.request as r; r.urlopen('http://example.invalid/')"
    assert watched(sys.executable, "-c", code, expect=1) == ["socket.getaddrinfo example.invalid"]


def test_the_watch_sees_and_refuses_a_connection_by_address(watched: Watched) -> None:
    code = "import socket; socket.socket().connect(('192.0.2.1', 443))"  # TEST-NET-1, RFC 5737
    assert watched(sys.executable, "-c", code, expect=1) == ["socket.connect 192.0.2.1"]


def test_the_watch_lets_loopback_pass(watched: Watched) -> None:
    code = "import socket; s = socket.create_server(('127.0.0.1', 0)); socket.create_connection(s.getsockname())"
    assert watched(sys.executable, "-c", code) == []


def test_landing_and_dbt_reach_nobody(watched: Watched) -> None:
    assert watched(sys.executable, "-m", "tools.run", "land") == []
    assert watched(str(BIN / "dbt"), "run", "--select", "stg_sap__plants") == []


def test_the_watch_sees_dlt_when_its_telemetry_is_on(watched: Watched, tmp_path: Path) -> None:
    code = (
        "import dlt; dlt.pipeline('control', destination='duckdb', pipelines_dir='dlt')"
        ".run([{'n': 1}], table_name='numbers')"
    )
    assert watched(sys.executable, "-c", code, cwd=tmp_path, RUNTIME__DLTHUB_TELEMETRY="true")


def test_the_watch_sees_dbt_when_its_statistics_are_on(watched: Watched) -> None:
    reached = watched(str(BIN / "dbt"), "ls", "--resource-type", "seed", DBT_SEND_ANONYMOUS_USAGE_STATS="true")
    assert reached


def test_edr_reaches_nobody_with_the_projects_settings(watched: Watched, tmp_path: Path) -> None:
    shutil.copytree(ROOT / ".edr", tmp_path / ".edr")
    assert watched(str(BIN / "edr"), "--help", cwd=tmp_path) == []


def test_the_watch_sees_edr_without_these_settings(watched: Watched, tmp_path: Path) -> None:
    assert watched(str(BIN / "edr"), "--help", cwd=tmp_path)


def test_settings_switch_every_report_off() -> None:
    flags = yaml.safe_load((ROOT / "dbt_project.yml").read_text(encoding="utf-8"))["flags"]
    assert flags["send_anonymous_usage_stats"] is False
    config = tomllib.loads((ROOT / ".dlt" / "config.toml").read_text(encoding="utf-8"))
    assert config["runtime"]["dlthub_telemetry"] is False
    edr = yaml.safe_load((ROOT / ".edr" / "config.yml").read_text(encoding="utf-8"))
    assert edr["anonymous_usage_tracking"] is False
    assert edr["disable_elementary_version_check"] is True


def test_duckdb_downloads_no_extension_by_itself() -> None:
    """DuckDB's own downloads do not pass through Python: the watch would not see them, so every target forbids them."""
    outputs = yaml.safe_load((ROOT / "profiles.yml").read_text(encoding="utf-8"))["strata"]["outputs"]
    allowed = {
        name
        for name, output in outputs.items()
        if output["type"] == "duckdb" and output["config_options"].get("autoinstall_known_extensions") is not False
    }
    assert not allowed


@pytest.mark.parametrize(
    ("name", "value"),
    [("DO_NOT_TRACK", "1"), ("DBT_SEND_ANONYMOUS_USAGE_STATS", "false"), ("RUNTIME__DLTHUB_TELEMETRY", "false")],
)
def test_make_exports_the_switch(name: str, value: str) -> None:
    makefile = "include Makefile\nprint-switch:\n\t@echo $$" + name + "\n"
    done = subprocess.run(
        ["make", "--no-print-directory", "-f", "-", "print-switch"],
        input=makefile, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60,
        env={k: v for k, v in os.environ.items() if k not in SWITCHES},
    )  # fmt: skip
    assert done.stdout.strip() == value
