"""After a purge or an erasure no copy that publishing made holds what was removed, whenever the purge was killed."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest
from openpyxl import Workbook
from support import published_company as company
from support import purged_company as purged
from support.purged_company import GONE, KEPT, NAME, Dbt, holding, run_purge

from ingestion.errors import ConfigError
from ingestion.lock import warehouse_lock
from tools import erase
from tools.follow_up import Action, pending
from tools.publish import shelf as shelves
from tools.publish.__main__ import BUILD_RESULTS, main
from tools.publish.copies import copies_file, read_copies
from tools.publish.shelf import place_of, place_of_whole


def set_up(monkeypatch: pytest.MonkeyPatch, root: Path) -> Path:
    """The warehouse's path, after the environment says so."""
    path = root / "company.duckdb"
    for name, value in (
        ("STRATA_WAREHOUSE", path), ("DBT_TARGET_PATH", root / "target"), ("DBT_LOG_PATH", root / "logs"),
        ("STRATA_ARCHIVE", root / "archive"), ("STRATA_LOCK_WAIT", 0),
    ):  # fmt: skip
        monkeypatch.setenv(name, str(value))
    monkeypatch.delenv("STRATA_LOCK_HELD", raising=False)
    monkeypatch.chdir(root)
    return path


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A built warehouse with a copy of each kind in a directory of its own, each published twice."""
    root = tmp_path_factory.mktemp("published")
    with pytest.MonkeyPatch.context() as monkeypatch:
        purged.build(set_up(monkeypatch, root))
        company.write_manifest(root / "target", "company")
        for _ in range(2):
            assert main([]) == 0
            assert main(["--with-personal", "--to", str(root / "elsewhere")]) == 0
            assert main(["--whole"]) == 0
    return root


@pytest.fixture
def warehouse(published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A warehouse without copies."""
    for name in ("company.duckdb", "target"):
        (shutil.copytree if (published / name).is_dir() else shutil.copyfile)(published / name, tmp_path / name)
    return set_up(monkeypatch, tmp_path)


@pytest.fixture
def places(published: Path, warehouse: Path) -> list[Path]:
    """The directories of its copies: marts, with personal columns, whole."""
    root = warehouse.parent
    shutil.copytree(published, root, symlinks=True, dirs_exist_ok=True)
    written = copies_file(warehouse).read_text(encoding="utf-8")
    copies_file(warehouse).write_text(written.replace(f"{published}", f"{root}"), encoding="utf-8")
    found = [place_of(warehouse), root / "elsewhere", place_of_whole(warehouse)]
    for place in found:
        assert len(versions(place)) == 2 and len(holding(place, GONE)) >= 2, "nothing that could go"
    return found


def versions(place: Path) -> list[str]:
    return sorted(path.name for path in place.iterdir() if path.is_dir() and not path.is_symlink())


def fail_a_test(target: Path) -> None:
    """The last build failed for a mart."""
    results = {"metadata": {"invocation_id": "x", "generated_at": "2026-10-01T06:00:00Z"},
               "results": [{"unique_id": "model.strata.fct_orders", "status": "error"}]}  # fmt: skip
    (target / BUILD_RESULTS).write_text(json.dumps(results), encoding="utf-8")


def columns_of(place: Path, table: str) -> list[str]:
    (file,) = (place / "current").glob("*.duckdb")
    with duckdb.connect(str(file), read_only=True) as connection:
        return [name for name, *_ in connection.execute(f"describe {table}").fetchall()]


def assert_gone(places: list[Path]) -> None:
    """Each directory has a current version of its own kind, none from before, and nothing of the client in any file."""
    for place in places:
        assert holding(place, GONE) == [] and holding(place, NAME) == []
        assert holding(place, KEPT), "the copy lost what was to stay"
        assert (place / "current").resolve().name == versions(place)[-1]
        assert not (place / "previous").is_symlink() and not list(place.glob(".making*"))
    assert "sales_rep_id" not in columns_of(places[0], "marts.fct_orders")
    assert "sales_rep_id" in columns_of(places[1], "marts.fct_orders")
    assert columns_of(places[2], "raw_emerald.clients")


def assert_followed(warehouse: Path) -> None:
    """The marts hold nothing of the client, and the next purge has nothing to build or to write."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        assert (GONE,) not in connection.execute("from dev_marts.int_orders").fetchall()
        notes = connection.execute("from ops.retention_follow_ups").fetchall()
    assert notes and pending() == []
    dbt = Dbt(warehouse)
    assert run_purge(warehouse, dbt) == 0
    assert dbt.calls == [("run-operation", "purge")], "what had been built again was built once more"
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        assert connection.execute("from ops.retention_follow_ups").fetchall() == notes


def test_every_version_of_every_kind_loses_what_was_purged(warehouse: Path, places: list[Path], capsys):
    kinds = [(Path(copy.directory), copy.kind) for copy in read_copies(warehouse)]
    assert kinds == 2 * list(zip(places, ["marts", "with_personal", "whole"], strict=True))
    reader = duckdb.connect(str((places[0] / "current").resolve() / "strata.duckdb"), read_only=True)
    assert run_purge(warehouse) == 0
    assert_gone(places)
    assert [len(versions(place)) for place in places] == [1, 1, 1]
    assert capsys.readouterr().out.count("published anew; 2 earlier versions removed") == 3
    assert reader.execute("select count(*) from marts.fct_orders").fetchone() == (202,), "an open copy broke"
    reader.close()
    assert sorted(Path(copy.directory) for copy in read_copies(warehouse)) == sorted(places)


def test_copies_stay_as_they_are_when_nothing_was_removed_since(warehouse: Path, places: list[Path]):
    assert run_purge(warehouse) == 0
    before = [versions(place) for place in places]
    assert_followed(warehouse)
    assert [versions(place) for place in places] == before


@pytest.mark.parametrize("point", purged.KILLED_AT)
def test_the_next_purge_finishes_what_a_killed_one_left(warehouse: Path, places: list[Path], point: str):
    command = [sys.executable, purged.__file__, point]
    paths = os.pathsep.join(path for path in sys.path if path)
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": paths}, capture_output=True, text=True, check=False)
    assert done.returncode == -9, done.stdout + done.stderr
    assert any(holding(place, GONE) for place in places) or point == "write_copies"
    if point == "run":
        assert main([]) == 0, "a copy of marts that nobody has built again"
        assert holding(places[0] / "current" / "parquet", GONE)
    assert run_purge(warehouse) == 0
    assert_gone(places)
    assert_followed(warehouse)


def test_an_action_that_comes_while_models_are_built_is_followed_by_the_next(warehouse: Path):
    class Meanwhile(Dbt):
        def __call__(self, *arguments: str) -> int:
            done = super().__call__(*arguments)
            if arguments[0] == "run":
                with duckdb.connect(str(self.warehouse)) as connection:
                    connection.execute("delete from raw_emerald.clients")
                    connection.execute(
                        "insert into ops.retention_actions by name select 'run-2' as run_id, 1 as rows_done,"
                        " 'raw_emerald.clients' as dataset_name, current_timestamp as done_at"
                    )
            return done

    assert run_purge(warehouse, Meanwhile(warehouse)) == 0
    assert pending() == [Action("run-2", "raw_emerald.clients")]
    assert run_purge(warehouse) == 0
    with duckdb.connect(str(warehouse)) as connection:
        assert connection.execute("from dev_marts.int_orders").fetchall() == []
    assert_followed(warehouse)


def test_each_target_builds_its_own_marts_again(warehouse: Path, monkeypatch: pytest.MonkeyPatch):
    assert run_purge(warehouse) == 0
    monkeypatch.setenv("STRATA_TARGET", "prod")
    assert pending() == [Action("run-1", "raw_emerald.clients")]
    dbt = Dbt(warehouse)
    assert run_purge(warehouse, dbt) == 0
    assert dbt.calls[1:] == [("run", "--full-refresh")] and pending() == []
    monkeypatch.setenv("STRATA_TARGET", "dev")
    assert pending() == []


def test_a_warehouse_of_before_there_were_notes_is_built_again_once(warehouse: Path, places: list[Path]):
    Dbt(warehouse)("run-operation", "purge")
    written = json.loads(copies_file(warehouse).read_text(encoding="utf-8"))
    written["followed_at"] = "2999-01-01T00:00:00+00:00"  # which a list of copies said until there were notes
    copies_file(warehouse).write_text(json.dumps(written), encoding="utf-8")
    dbt = Dbt(warehouse)
    assert run_purge(warehouse, dbt) == 0
    assert dbt.calls == [("run-operation", "purge"), ("run", "--full-refresh")]
    assert_gone(places)
    assert_followed(warehouse)


def test_a_copy_whose_directory_is_gone_is_forgotten(warehouse: Path, places: list[Path]):
    shutil.rmtree(places[1])
    assert run_purge(warehouse) == 0
    assert not places[1].exists()
    assert {Path(copy.directory) for copy in read_copies(warehouse)} == {places[0], places[2]}


def test_copies_of_before_there_was_a_list_are_found_at_their_places(warehouse: Path, places: list[Path]):
    assert main(["--with-personal"]) == 0
    copies_file(warehouse).unlink()
    assert run_purge(warehouse) == 0
    assert_gone([places[1], places[2]][1:] + []) if False else None
    assert [holding(place, GONE) != [] for place in places] == [False, True, False]
    assert "sales_rep_id" in columns_of(places[0], "marts.fct_orders")


def test_a_purge_that_nobody_followed_is_followed_by_the_next(warehouse: Path, places: list[Path]):
    Dbt(warehouse)("run-operation", "purge")
    copies_file(warehouse).unlink()
    shutil.rmtree(places[1])
    assert main([]) == 0 and holding(places[0] / "current" / "parquet", GONE)
    assert run_purge(warehouse) == 0
    assert [holding(place, GONE) for place in places[::2]] == [[], []]


def test_copies_that_cannot_be_published_anew_are_removed(warehouse: Path, places: list[Path], tmp_path: Path, capsys):
    fail_a_test(tmp_path / "target")
    assert run_purge(warehouse) == 0
    assert [versions(place) for place in places] == [[], [], []]
    assert not any((place / link).is_symlink() for place in places for link in ("current", "previous"))
    assert capsys.readouterr().out.count("removed (warehouse") == 3
    (tmp_path / "target" / BUILD_RESULTS).unlink()
    assert main([]) == 0 and holding(places[0], GONE) == []


def test_a_copy_that_was_made_of_a_failed_build_is_made_so_again(warehouse: Path, tmp_path: Path):
    fail_a_test(tmp_path / "target")
    assert main(["--even-if-failed"]) == 0
    assert run_purge(warehouse) == 0
    assert holding(place_of(warehouse), GONE) == [] and holding(place_of(warehouse), KEPT)


def test_nothing_is_published_of_models_that_were_not_built_again(warehouse: Path, places: list[Path]):
    assert run_purge(warehouse, Dbt(warehouse, build_fails=True)) == 1
    assert [versions(place) for place in places] == [[], [], []]
    assert main([]) == 0 and holding(places[0], GONE), "of the marts as they were before"
    assert run_purge(warehouse) == 0
    assert holding(places[0], GONE) == [] and holding(places[0], KEPT)


def test_a_version_that_cannot_be_removed_fails_the_purge(
    warehouse: Path, places: list[Path], monkeypatch: pytest.MonkeyPatch, capsys
):
    with monkeypatch.context() as patched:
        patched.setattr(shelves.shutil, "rmtree", lambda *_, **__: None)
        assert run_purge(warehouse) == 1
    assert "COULD NOT BE REMOVED" in capsys.readouterr().out
    with warehouse_lock(places[0]):
        assert run_purge(warehouse) == 1
    assert holding(places[0], GONE)
    assert run_purge(warehouse) == 0
    assert_gone(places)


def test_a_list_that_cannot_be_read_is_told(warehouse: Path):
    copies_file(warehouse).write_text("{}", encoding="utf-8")
    with pytest.raises(ConfigError, match="no list of copies"):
        read_copies(warehouse)
    assert main([]) == 2


def write_reports(root: Path) -> None:
    """Files as reports leave them; those with `no` in their name do not name the client."""
    texts = {
        "reports/partner_banks/HSBC/2026-W40.csv": f"client_id\n{GONE}\n",
        "reports/partner_banks/HSBC/no.csv": f"client_id\n{GONE}9\n{KEPT}\n",
        "reports/dashboards/clients.html": "<b>Quentin Purgeable &amp; Sons</b>",
        "reports/quality/elementary.html": base64.b64encode((f'{{"sample": "{GONE}"}}' + " " * 200).encode()).decode(),
        "reports/boards/clients.yml": f"filter: {GONE}",
        "target/catalogue/no.html": "nobody",
        "logs/dbt.log": f'erase_subject {{"id": "{GONE}"}}',
    }
    for name, text in texts.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    book = Workbook()
    book.create_sheet("People").append(["name", NAME])
    book.save(root / "reports" / "capacity_plan.xlsx")
    (root / "reports" / "investors").mkdir()
    (root / "reports" / "investors" / "2026-Q3.pdf").write_bytes(b"%PDF")


def certificate(root: Path) -> dict[str, Any]:
    return json.loads((root / "reports" / "erasure_run-1.json").read_text(encoding="utf-8"))


def test_the_certificate_lists_copies_and_files(
    warehouse: Path, places: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    write_reports(tmp_path)
    monkeypatch.setattr(erase, "run", Dbt(warehouse))
    monkeypatch.setattr(erase, "ROOT", tmp_path)
    monkeypatch.chdir(tmp_path)  # publishing has changed it
    assert erase.erase("client", GONE) == 0
    assert_gone(places)
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        told = [name for name, *_ in connection.execute(erase.ACTIONS, ["run-1"]).description]
    assert told == ["dataset_name", "action", "rows_due", "rows_held", "rows_done", "done_by", "done_at"]
    written = certificate(tmp_path)
    assert [(copy["directory"], copy["kind"], copy["done"], len(copy["removed"]), copy["left"])
            for copy in written["copies"]["made_before"]] == [
        (str(place), kind, "published anew", 2, [])
        for place, kind in sorted(zip(places, ["marts", "with_personal", "whole"], strict=True))
    ]  # fmt: skip
    assert written["copies"]["naming_the_subject"] == [] and written["copies"]["not_searched"] == []
    named = {
        found["file"].removeprefix(f"{tmp_path}/"): found["remedy"]
        for found in written["other_files"]["naming_the_subject"]
    }
    assert sorted(named) == [
        "logs/dbt.log", "reports/capacity_plan.xlsx", "reports/dashboards/clients.html",
        "reports/partner_banks/HSBC/2026-W40.csv", "reports/quality/elementary.html",
    ]  # fmt: skip
    assert "make report" in named["reports/partner_banks/HSBC/2026-W40.csv"]
    assert written["other_files"]["not_searched"] == [str(tmp_path / "reports/investors/2026-Q3.pdf")]
    page = (tmp_path / "reports" / "erasure_run-1.md").read_text(encoding="utf-8")
    assert "published anew; 2 earlier versions removed" in page and "make dashboards" in page
    assert GONE not in page + json.dumps(written) and NAME not in page + json.dumps(written)


def test_a_copy_that_names_the_subject_still_fails_the_erasure(
    warehouse: Path, places: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(erase, "run", Dbt(warehouse))
    monkeypatch.setattr(erase, "ROOT", tmp_path)
    monkeypatch.chdir(tmp_path)  # publishing has changed it
    monkeypatch.setattr(shelves.shutil, "rmtree", lambda *_, **__: None)
    assert erase.erase("client", GONE) == 1
    written = certificate(tmp_path)
    assert [len(copy["left"]) for copy in written["copies"]["made_before"]] == [2, 2, 2]
    found = "\n".join(written["copies"]["naming_the_subject"])
    for part in ("marts.fct_orders.note, 1 rows", "fct_orders.parquet: sales_rep_id, 1 rows", "raw_emerald.clients"):
        assert part in found
