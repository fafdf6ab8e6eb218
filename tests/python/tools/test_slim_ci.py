"""Slim CI on real dbt artefacts: what is refused, what is chosen, and that the rest is read from main's warehouse."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from ingestion.errors import ConfigError
from tools.slim_ci import State, main, parents

ROOT = Path(__file__).resolve().parents[3]
FOREIGN = ("STRATA_", "SOURCES__", "SAP_DATA", "SANDBOX_", "DBT_TARGET", "DBT_LOG", "DBT_PROFILES")
LEAF = "models/marts/supply_chain/agg_supplier_performance_monthly.sql"


def write_state(directory: Path, adapter: str = "duckdb", databases: tuple[str, ...] = ("ci",), files: int = 1) -> Path:
    nodes = {f"model.strata.m{n}": {"resource_type": "model", "database": name} for n, name in enumerate(databases)}
    manifest = {"metadata": {"adapter_type": adapter}, "nodes": nodes}
    (directory / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    for number in range(files):
        duckdb.connect(str(directory / f"main{number}.duckdb")).close()
    return directory


def test_state_takes_the_name_of_the_database_from_the_manifest(tmp_path):
    state = State.read(write_state(tmp_path, databases=("ci", "ci", "reference")))
    assert (state.database, state.warehouse) == ("ci", (tmp_path / "main0.duckdb").resolve())


@pytest.mark.parametrize(
    ("state", "told"),
    [
        ({"files": 0}, "0 files"),
        ({"files": 2}, "2 files"),
        ({"adapter": "snowflake"}, "built with snowflake"),
        ({"databases": ()}, "no models"),
    ],
)
def test_a_state_that_cannot_be_compared_with_is_refused(tmp_path, state, told):
    with pytest.raises(ConfigError, match=told):
        State.read(write_state(tmp_path, **state))


@pytest.mark.parametrize("text", [None, "{", "{}"])
def test_a_state_without_a_readable_manifest_is_refused(tmp_path, text):
    if text is not None:
        (tmp_path / "manifest.json").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match="no readable manifest.json"):
        State.read(tmp_path)


def test_the_command_says_what_is_missing_and_exits_with_2(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)  # the command goes to the project; the test comes back
    assert main(["--state", str(tmp_path)]) == 2
    told = capsys.readouterr().err
    assert "no readable manifest.json" in told and "Remedy" in told


def test_deferred_are_the_stored_parents_that_are_not_chosen():
    parent_map = {
        "model.strata.mart": ["model.strata.fact", "seed.strata.codes", "source.strata.sap.orders"],
        "test.strata.unique": ["model.strata.mart", "model.strata.dim"],
        "model.strata.other": ["model.strata.unread"],
    }
    found = parents(parent_map, ["model.strata.mart", "test.strata.unique"])
    assert found == ["model.strata.dim", "model.strata.fact", "seed.strata.codes"]


@pytest.mark.slow  # a landing, a whole build and three slim ones: about a minute
def test_a_changed_model_is_built_on_mains_warehouse(tmp_path):
    state, project = make_state(tmp_path), copy_project(tmp_path / "project")

    unchanged = run_slim_ci(project, state)
    assert unchanged.returncode == 0, unchanged.stdout + unchanged.stderr
    assert "nothing (of" in unchanged.stdout
    assert not relations(project)

    leaf = project / LEAF
    leaf.write_text(leaf.read_text(encoding="utf-8") + "\n-- a change\n", encoding="utf-8")
    changed = run_slim_ci(project, state)
    assert changed.returncode == 0, changed.stdout + changed.stderr
    assert "build  model agg_supplier_performance_monthly" in changed.stdout
    assert "defer  model fct_purchase_order_lines" in changed.stdout
    assert relations(project) == {"agg_supplier_performance_monthly"}
    assert rows(project / "warehouse" / "slim_ci.duckdb", "slim_ci") == rows(state / "ci.duckdb", "ci") > 0

    leaf.write_text("select no_such_column from {{ ref('fct_purchase_order_lines') }}\n", encoding="utf-8")
    broken = run_slim_ci(project, state)
    assert broken.returncode == 1
    assert "no_such_column" in broken.stdout


def run_slim_ci(project: Path, state: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tools.slim_ci", "--state", str(state)]
    return subprocess.run(command, cwd=project, env=clean(), capture_output=True, text=True, timeout=300, check=False)


def make_state(directory: Path) -> Path:
    """Land a small company and build it on target ci, as the main branch's CI does."""
    state, target = directory / "state", directory / "target"
    state.mkdir()
    env = clean() | {
        "STRATA_TARGET": "ci",
        "STRATA_WAREHOUSE": str(state / "ci.duckdb"),
        "STRATA_STATE_DIR": str(directory / "dlt"),
        "STRATA_SANDBOX_DIR": str(directory / "sandbox"),
        "SANDBOX_SCALE": "0.05",
        "SOURCES__SAP__MAX_REJECT_RATIO": "1",
        "DBT_TARGET_PATH": str(target),
        "DBT_LOG_PATH": str(directory / "logs"),
        "DBT_PROFILES_DIR": str(ROOT),
    }
    for step in ("land", "build"):
        command = [sys.executable, "-m", "tools.run", step]
        done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    shutil.copy(target / "manifest.json", state)
    return state


def copy_project(project: Path) -> Path:
    """The project without what runs have made, in a directory of another name."""
    made = shutil.ignore_patterns(".*", "warehouse", "target", "logs", "reports", "results", "__pycache__")
    shutil.copytree(ROOT, project, ignore=made)
    return project


def relations(project: Path) -> set[str]:
    """Models in the slim warehouse; Elementary's hooks keep a table of their own there, the masks their key."""
    warehouse = project / "warehouse" / "slim_ci.duckdb"
    if not warehouse.exists():
        return set()
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        sql = (
            "select table_name from information_schema.tables"
            " where table_schema not like '%elementary' and table_schema <> 'ops'"
        )
        return {name for (name,) in connection.execute(sql).fetchall()}


def rows(warehouse: Path, schema: str) -> int:
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        sql = f"select count(*) from {schema}_marts.agg_supplier_performance_monthly"
        return connection.execute(sql).fetchall()[0][0]


def clean() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
