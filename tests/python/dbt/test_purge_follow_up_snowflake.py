"""`make purge` on the emulator: what a killed or failed one removed and did not follow, the next one follows."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest import mock

import pytest
from support import snowflake_purge
from support.snowflake_purge import DUE, KILLED_AT, Company, run_purge

from tools import follow_up
from tools.follow_up import pending
from tools.snowflake.client import Emulator, running_emulator

pytestmark = pytest.mark.emulator


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with running_emulator() as running:
        yield running


@pytest.fixture
def landed(emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Company]:
    """Makes a company in a database of that name, and lets dbt's target be there."""
    for name, value in (
        ("STRATA_TARGET", "snowflake_emulator"), ("STRATA_EMULATOR_PORT", str(emulator.port)),
        ("STRATA_WAREHOUSE", str(tmp_path / "none.duckdb")),
    ):  # fmt: skip
        monkeypatch.setenv(name, value)

    def land(database: str) -> Company:
        monkeypatch.setenv("STRATA_EMULATOR_DATABASE", database)
        company = Company(emulator.port, database)
        company.land()
        assert company.marts() == ["due", "young"]
        return company

    return land


def built(company: Company) -> set[str]:
    """What dbt was asked to build again."""
    return {part for arguments in company.calls if arguments[0] == "run" for part in arguments[5:]}


EVERYTHING = {"source:crm.sign_ups+", "source:emerald.clients+"}


@pytest.mark.parametrize("point", KILLED_AT)
def test_the_next_purge_finishes_what_a_killed_one_left(point: str, landed: Callable[[str], Company]):
    company = landed(f"KILLED_{point.upper()}")
    command = [sys.executable, snowflake_purge.__file__, point]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == -9, done.stdout + done.stderr
    is_built = point in ("note", "insert")
    assert company.marts() == (["young"] if is_built else ["due", "young"])
    removed = [name for (name,) in company.rows("select dataset_name from ops.retention_actions order by 1")]
    assert removed == (list(DUE[:1]) if point == "delete" else list(DUE))
    assert run_purge(company) == 0
    assert built(company) == EVERYTHING
    assert (company.marts(), company.notes(), pending()) == (["young"], list(DUE), [])
    assert run_purge(company) == 0
    assert (built(company), company.notes()) == (set(), list(DUE)), "what had been followed was followed once more"


def test_a_failed_building_again_is_tried_again(landed: Callable[[str], Company], capsys: pytest.CaptureFixture[str]):
    company = landed("UNBUILT")
    company.build_fails = True
    for _ in range(2):
        assert run_purge(company) == 1
        assert built(company) == EVERYTHING and [action.dataset for action in pending()] == list(DUE)
        assert "not built again" in capsys.readouterr().err
    company.build_fails = False
    assert run_purge(company) == 0
    assert built(company) == EVERYTHING and company.marts() == ["young"] and company.notes() == list(DUE)


def test_what_is_removed_while_models_are_built_is_followed_by_the_next(landed: Callable[[str], Company]):
    company = landed("MEANWHILE")
    build = company.build

    def build_and_purge_elsewhere() -> None:
        company.rows(f"insert into {DUE[0]} values ('due')")
        build()
        company.purge()

    with mock.patch.object(company, "build", build_and_purge_elsewhere):
        assert run_purge(company) == 0
    assert company.marts() == ["due", "young"] and [action.dataset for action in pending()] == [DUE[0]]
    assert run_purge(company) == 0
    assert built(company) == {"source:crm.sign_ups+"}
    assert (company.marts(), pending()) == (["young"], [])


def test_a_warehouse_of_before_there_were_notes_is_built_again_once(landed: Callable[[str], Company]):
    company = landed("BEFORE")
    company.purge()
    company.rows(f"insert into {DUE[0]} values ('due')")
    company.purge()
    listed = "select count(*) from information_schema.tables where lower(table_name)"
    assert company.rows(f"{listed} = '{follow_up.NOTES}'") == [(0,)]
    assert run_purge(company) == 0
    assert built(company) == EVERYTHING and company.marts() == ["young"]
    assert company.notes() == [DUE[0], DUE[0], DUE[1]]
    assert company.rows("select distinct built_in from ops.retention_follow_ups") == [("before.ci",)]
    assert run_purge(company) == 0
    assert built(company) == set()


def test_a_warehouse_that_was_never_purged_has_nothing_to_follow(landed: Callable[[str], Company]):
    company = landed("NEVER")
    for table in DUE:
        company.rows(f"delete from {table} where id = 'due'")
    assert pending() == []
    assert run_purge(company) == 0
    assert built(company) == set()
