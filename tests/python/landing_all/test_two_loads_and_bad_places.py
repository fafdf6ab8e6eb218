"""Two loads at once, and places that cannot be written: a clear end, and the next load ends as a clean one."""

from __future__ import annotations

import ctypes
import os
import random
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from support.killing import ROOT, finish, start_load

from ingestion.contract import load_contracts
from ingestion.errors import EXIT_LOCKED, EXIT_NOT_LANDED, EXIT_OK
from ingestion.sandbox.apps.emerald import EmeraldApp
from ingestion.sandbox.company import write_company
from ingestion.sandbox.rest import RestServer

SEED = int(os.environ.get("STRATA_SEED", "1"))
PR_CAPBSET_DROP, CAP_DAC_OVERRIDE = 24, 1


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Settings of a file source and of a REST source that is served."""
    company = tmp_path_factory.mktemp("company")
    write_company(company, seed=SEED, scale=0.03)
    with RestServer([EmeraldApp.from_directory(company / "emerald")]) as server:
        yield {
            "SOURCES__SCM_LEGACY__DIRECTORY": str(company / "files" / "scm_legacy"),
            "SOURCES__CAPACITY_PLAN__DIRECTORY": str(company / "files" / "capacity_plan"),
            "SOURCES__EMERALD__BASE_URL": server.base_url,
            "SOURCES__EMERALD__TOKEN": server.credentials.password,
            "STRATA_LOCK_WAIT": "60",
        }


@pytest.fixture(scope="module")
def clean(sources: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse that scm_legacy and emerald landed in without trouble."""
    path = tmp_path_factory.mktemp("clean") / "w.duckdb"
    for source in ("scm_legacy", "emerald"):
        finish(source, {**sources, "STRATA_WAREHOUSE": str(path)})
    return path


def content(path: Path, source: str) -> dict[str, list[tuple[Any, ...]]]:
    """The source's tables and dead letters, without what differs from load to load."""
    with duckdb.connect(str(path), read_only=True) as connection:
        statements = {
            name: f"select * exclude (_landed_at, _dlt_load_id, _source_ref) from raw_{source}.{name} order by all"
            for name in load_contracts(source)
        }
        statements["dead_letters"] = (
            "select dead_letter_id, reason_codes, payload from raw_ops.dead_letters"
            f" where source = '{source}' order by all"
        )
        return {name: connection.execute(statement).fetchall() for name, statement in statements.items()}


def run(source: str, settings: dict[str, str], before: Callable[[], None] | None = None) -> tuple[int, str]:
    """A load in a process of its own, in which `before` runs first; exit code and output."""
    process = subprocess.run(  # noqa: PLW1509 - the child is to be limited before it starts
        [sys.executable, "-m", "ingestion", "load", source],
        cwd=ROOT, env={**os.environ, **settings}, preexec_fn=before,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=180, check=False,
    )  # fmt: skip
    return process.returncode, process.stdout


def without_override() -> None:
    """Let file permissions hold for root too."""
    if os.geteuid() == 0:
        ctypes.CDLL(None, use_errno=True).prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, 0, 0, 0)


def test_two_loads_of_different_sources_at_once(sources: dict[str, str], clean: Path, tmp_path: Path) -> None:
    path = tmp_path / "w.duckdb"
    settings = {**sources, "STRATA_WAREHOUSE": str(path)}
    first = start_load("scm_legacy", settings)
    lock = tmp_path / "w.duckdb.lock"
    deadline = time.monotonic() + 60
    while not (lock.is_file() and lock.read_text(encoding="utf-8").startswith("{")):
        assert time.monotonic() < deadline, "the first load never took the lock"
        assert first.poll() is None, first.communicate()[0]
        time.sleep(0.005)
    os.kill(first.pid, 19)  # SIGSTOP: it holds the lock for as long as we look
    try:
        code, said = run("emerald", {**settings, "STRATA_LOCK_WAIT": "0"})
    finally:
        os.kill(first.pid, 18)
    assert code == EXIT_LOCKED
    assert f"process {first.pid}" in said
    assert "load scm_legacy" in said
    second = start_load("emerald", settings)  # this one waits
    for process in (first, second):
        output, _ = process.communicate(timeout=180)
        assert process.returncode == EXIT_OK, output
    for source in ("scm_legacy", "emerald"):
        assert content(path, source) == content(clean, source)


@pytest.mark.parametrize("source", ["scm_legacy", "emerald"])
def test_a_warehouse_without_write_permission(
    source: str, sources: dict[str, str], clean: Path, tmp_path: Path
) -> None:
    place = tmp_path / "place"
    place.mkdir()
    path = place / "w.duckdb"
    settings = {**sources, "STRATA_WAREHOUSE": str(path)}
    place.chmod(0o555)
    code, said = run(source, settings, without_override)
    assert code == EXIT_NOT_LANDED, said
    assert str(path) in said.replace("\n", "")
    assert "permission" in said.lower()
    assert "Traceback" not in said
    assert list(place.iterdir()) == []
    place.chmod(0o755)
    with duckdb.connect(str(path)) as connection:
        connection.execute("create table there_before (id integer)")
    path.chmod(0o444)
    code, said = run(source, settings, without_override)
    assert code == EXIT_NOT_LANDED, said
    assert str(path) in said.replace("\n", "")
    assert "permission" in said.lower()
    assert "Traceback" not in said
    path.chmod(0o644)
    finish(source, settings)
    assert content(path, source) == content(clean, source)


def limited(size: int) -> Callable[[], None]:
    """No file of the process may grow beyond that: a write fails as it does on a full disk."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


@pytest.mark.parametrize(
    ("source", "limits"),
    [
        ("scm_legacy", 2),
        ("emerald", 2),
        *(pytest.param(s, 25, marks=pytest.mark.slow) for s in ("scm_legacy", "emerald")),
    ],
)
def test_a_disk_that_is_full(source: str, limits: int, sources: dict[str, str], clean: Path, tmp_path: Path) -> None:
    print(f"seed {SEED}")
    path = tmp_path / "w.duckdb"
    settings = {**sources, "STRATA_WAREHOUSE": str(path)}
    chance = random.Random(SEED)
    sizes = [9_000, 300_000][:limits] + [int(10 ** chance.uniform(3.8, 6.3)) for _ in range(limits - 2)]
    failed = 0
    for size in sizes:
        code, said = run(source, settings, limited(size))
        assert code in (EXIT_OK, EXIT_NOT_LANDED), (size, said)
        if code == EXIT_NOT_LANDED:
            failed += 1
            assert "disk space" in said, (size, said)
    assert failed > 0
    finish(source, settings)
    assert content(path, source) == content(clean, source)
