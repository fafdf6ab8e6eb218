"""`python -m ingestion.sandbox` as a process of its own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from sandbox_client import ORDERS, REPOSITORY, TIMEOUT

from ingestion.sandbox.server import DEFAULT_CLIENT_SECRET

WAIT = 60  # a loaded machine needs long to start a process and to write a company


def until(condition: Callable[[], Any], what: str) -> Any:
    """Wait until the condition holds."""
    deadline = time.monotonic() + WAIT
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.02)
    raise AssertionError(f"after {WAIT} seconds: {what}")


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Callable[..., tuple[subprocess.Popen[str], Callable[[], dict[str, Any]]]]]:
    """Starts the command; returns the process and a function that waits for the port file."""
    processes: list[subprocess.Popen[str]] = []

    def start(*arguments: str, **environment: str) -> tuple[subprocess.Popen[str], Callable[[], dict[str, Any]]]:
        port_file = tmp_path / f"port{len(processes)}.json"
        process = subprocess.Popen(
            [sys.executable, "-m", "ingestion.sandbox", "--port-file", str(port_file), *arguments],
            cwd=REPOSITORY,
            env={**os.environ, "STRATA_SANDBOX_DIR": str(tmp_path / "cache"), **environment},
            stderr=subprocess.PIPE,
            text=True,
        )
        processes.append(process)

        def ready() -> dict[str, Any]:
            until(lambda: port_file.exists() or process.poll() is not None, "no port file")
            return json.loads(port_file.read_text())

        return process, ready

    yield start
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.communicate()


def read(info: dict[str, Any], secret: str = DEFAULT_CLIENT_SECRET, **params: str) -> requests.Response:
    form = {"grant_type": "client_credentials"}
    token = requests.post(info["token_url"], data=form, auth=("sandbox-client", secret), timeout=TIMEOUT)
    token.raise_for_status()
    headers = {"Authorization": f"Bearer {token.json()['access_token']}"}
    url = f"{info['base_url']}/sap/opu/odata/sap/{ORDERS}"
    return requests.get(url, params=params, headers=headers, timeout=TIMEOUT)


def test_serves_the_default_company_and_ends_cleanly(launch: Callable[..., Any]) -> None:
    process, ready = launch("--scale", "0.02", "--page-size", "7", SANDBOX_SAP_CLIENT_SECRET="other")
    info = ready()
    assert info["base_url"] == f"http://127.0.0.1:{info['port']}"
    assert info["pid"] == process.pid
    page = read(info, "other", **{"$inlinecount": "allpages"}).json()["d"]
    # Sixty of the story, and ten that carry the faults for the models.
    assert (page["__count"], len(page["results"])) == ("70", 7)
    process.send_signal(signal.SIGTERM)
    assert process.wait(WAIT) == 0
    with pytest.raises(requests.ConnectionError):
        read(info, "other")


def test_sighup_reads_the_directory_again(launch: Callable[..., Any], company: Path, tmp_path: Path) -> None:
    data = Path(shutil.copytree(company, tmp_path / "data"))
    process, ready = launch("--data", str(data))
    assert ready()["generation"] == 1
    text = (data / "EKKO.csv").read_bytes().splitlines(keepends=True)
    (data / "EKKO.csv").write_bytes(b"".join(text[:11]))
    process.send_signal(signal.SIGHUP)
    until(lambda: ready()["generation"] == 2, "not read again")
    assert read(ready(), **{"$inlinecount": "allpages"}).json()["d"]["__count"] == "10"
    (data / "EKKO.csv").unlink()
    process.send_signal(signal.SIGHUP)
    time.sleep(0.3)
    assert read(ready()).status_code == 200
    process.terminate()
    assert "the data were not read again" in process.communicate(timeout=WAIT)[1]


def test_ends_with_its_parent(launch: Callable[..., Any], company: Path) -> None:
    parent = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    process, ready = launch("--data", str(company), "--parent-pid", str(parent.pid))
    ready()
    assert process.poll() is None
    parent.communicate()
    assert process.wait(WAIT) == 0


def test_rate_limit_and_faults(launch: Callable[..., Any], company: Path, tmp_path: Path) -> None:
    (tmp_path / "faults.json").write_text('[{"kind": "server_error", "status": 503}]')
    options = ("--data", str(company), "--rate-limit", "1", "--faults", str(tmp_path / "faults.json"))
    _, ready = launch(*options)
    assert [read(ready()).status_code for _ in range(3)] == [503, 200, 429]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data", "/nowhere/at/all"], "sandbox: /nowhere/at/all: the extract directory is not there"),
        (["--data", str(Path(__file__).parent)], "no file for 7 of the tables: EKKO"),
        (["--scale", "0"], "Remedy: use 0.01 to 100"),
        (["--faults", "/nowhere.json", "--scale", "0.02"], "/nowhere.json: the faults cannot be read"),
        (["--port", "70000"], "not a port"),
        (["--page-size", "0"], "0 is below 1"),
    ],
)
def test_cannot_serve(launch: Callable[..., Any], arguments: list[str], message: str) -> None:
    process, _ = launch(*arguments)
    errors = process.communicate(timeout=WAIT)[1]
    assert process.returncode == 2
    assert message in errors
    assert "Traceback" not in errors


def test_port_in_use(launch: Callable[..., Any], company: Path) -> None:
    _, ready = launch("--data", str(company))
    second, _ = launch("--data", str(company), "--port", str(ready()["port"]))
    errors = second.communicate(timeout=WAIT)[1]
    assert second.returncode == 2
    assert "choose another --port" in errors


def test_write(launch: Callable[..., Any], tmp_path: Path) -> None:
    process, _ = launch("--write", str(tmp_path / "mine"), "--scale", "0.02", "--seed", "5")
    assert process.wait(WAIT) == 0
    assert {"EKKO.csv", "MARA.csv", "planted_faults.jsonl"} <= {path.name for path in (tmp_path / "mine").iterdir()}
