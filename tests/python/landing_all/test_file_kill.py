"""kill -9 of loads of files at random moments: tables, dead letters and known files equal those of clean runs."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from support.dbt_runs import write_runs
from support.killing import finish, kill_some

from ingestion.contract import load_contracts
from ingestion.sandbox.company import write_company

SEED = int(os.environ.get("STRATA_SEED", "1"))
FIRST_RUN = "00000000-0000-4000-8000-000000000000"
MOST_FILES = 60
SOURCES = ["crm", "interactions", "energy", "scm_legacy", "customs", "capacity_plan"]
CASES = [
    *((source, 2) for source in ("scm_legacy", "capacity_plan")),
    *(pytest.param(source, 40, marks=pytest.mark.slow) for source in SOURCES),
]


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("company")
    write_company(directory, seed=SEED, scale=0.03)
    return directory / "files"


def content(path: Path, source: str) -> dict[str, list[tuple[Any, ...]]]:
    """All that the source brought, without what differs from load to load."""
    with duckdb.connect(str(path), read_only=True) as connection:
        left_out = "_landed_at, _dlt_load_id" + (", _source_ref" if source == "dbt_artifacts" else "")
        statements = {
            name: f"select * exclude ({left_out}) from raw_{source}.{name}" for name in load_contracts(source)
        }
        statements |= {
            "dead_letters": "select dead_letter_id, reason_codes, payload, source_ref from raw_ops.dead_letters",
            "files": "select * exclude (load_id, landed_at) from raw_ops.files",
            "schema_changes": "select * exclude (load_id, detected_at) from raw_ops.schema_changes",
        }
        found = {name: sorted(connection.execute(sql).fetchall(), key=repr) for name, sql in statements.items()}
        staged = connection.execute(
            "select table_name from duckdb_tables() where schema_name = ? and table_name like '\\_strata%' escape '\\'",
            [f"raw_{source}"],
        ).fetchall()
        for (name,) in staged:
            assert connection.execute(f"select count(*) from raw_{source}.{name}").fetchone() == (0,), name
        return found


def kill_and_compare(
    source: str, settings: dict[str, str], kills: int, tmp_path: Path, change: Callable[[], None]
) -> tuple[int, dict[str, list[tuple[Any, ...]]]]:
    """Kill loads before and after a change of what is delivered; the end equals that of two whole loads."""
    chance = random.Random(SEED)
    clean, dirty = (
        {**settings, "STRATA_WAREHOUSE": str(tmp_path / f"{name}.duckdb"), "STRATA_LOCK_WAIT": "20"}
        for name in ("clean", "killed")
    )
    whole = finish(source, clean)
    killed = kill_some(source, dirty, kills // 2, whole, chance)
    change()
    killed += kill_some(source, dirty, kills - kills // 2, whole, chance)
    finish(source, dirty)
    finish(source, clean)
    found = content(tmp_path / "clean.duckdb", source)
    assert content(tmp_path / "killed.duckdb", source) == found
    return killed, found


@pytest.mark.parametrize(("source", "kills"), CASES)
def test_file_loads_killed_at_random_moments(
    source: str, kills: int, company: Path, tmp_path: Path, record_property: pytest.RecordProperty
) -> None:
    print(f"seed {SEED}")
    inbox = tmp_path / source
    files = sorted(path for path in (company / source).rglob("*") if path.is_file())
    files = files[-MOST_FILES:]
    for path in files[:-2]:
        copy(path, company / source, inbox)

    def change() -> None:
        """A file more, one that is sent again under another name, and one that is corrected."""
        copy(files[-1], company / source, inbox)
        again = inbox / files[0].relative_to(company / source)
        shutil.copy(again, again.with_name(f"{again.stem}_again{again.suffix}"))
        corrected = inbox / files[1].relative_to(company / source)
        if corrected.suffix == ".xlsx":
            shutil.copy(files[-2], corrected)
        else:
            lines = corrected.read_bytes().splitlines(keepends=True)
            corrected.write_bytes(b"".join([*lines, lines[-1]]))

    settings = {
        f"SOURCES__{source.upper()}__DIRECTORY": str(inbox),
        f"SOURCES__{source.upper()}__MAX_REJECT_RATIO": "1",
    }
    killed, found = kill_and_compare(source, settings, kills, tmp_path, change)
    record_property("killed", killed)
    assert killed > 0, "every run ended before it could be killed"
    assert all(found[name] for name in load_contracts(source))
    statuses = {row[4] for row in found["files"]}
    assert statuses == {"landed", "repeated"}


@pytest.mark.parametrize("kills", [2, pytest.param(40, marks=pytest.mark.slow)])
def test_loads_of_dbt_artifacts_killed_at_random_moments(
    kills: int, tmp_path: Path, record_property: pytest.RecordProperty
) -> None:
    print(f"seed {SEED}")
    kept = [tmp_path / "artifacts" / name for name in ("clean", "killed")]  # dbt's runs wait there for their landing
    for directory in kept:
        write_runs(directory, runs=range(4))

    def change() -> None:
        for directory in kept:
            write_runs(directory, runs=range(4, 8))

    settings = {"DBT_TARGET_PATH": str(tmp_path / "target")}
    killed, found = kill_and_compare("dbt_artifacts", settings, kills, tmp_path, change)
    record_property("killed", killed)
    assert killed > 0, "every run ended before it could be killed"
    assert len(found["invocations"]) == 8
    assert len(found["run_results"]) == 8 * 50
    assert not (kept[0] / FIRST_RUN).exists(), "the second load finds the runs of the first one landed"


def copy(path: Path, root: Path, inbox: Path) -> None:
    """Put a file where it stands below its root."""
    target = inbox / path.relative_to(root)
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(path, target)
