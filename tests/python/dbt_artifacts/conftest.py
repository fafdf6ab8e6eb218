"""The artefacts of real dbt commands on a project of one seed, one model, three tests and one source."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from dbt.cli.main import dbtRunner

FILES = {
    "dbt_project.yml": "{name: shop, version: 1.0.0, profile: shop, flags: {send_anonymous_usage_stats: false}}",
    "profiles.yml": "shop: {target: dev, outputs: {dev: {type: duckdb, path: '{{ env_var(\"SHOP_FILE\") }}'}}}",
    "seeds/things.csv": "id,loaded_at\n1,2026-01-01 00:00:00\n",
    "models/thing_list.sql": "select id, 1 as one from {{ ref('things') }}",
    "models/shop.yml": """
sources:
  - name: raw
    schema: main
    tables:
      - name: things
        config:
          loaded_at_field: "loaded_at::timestamp"
          freshness: {warn_after: {count: 30, period: minute}, error_after: {count: 36500, period: day}}
models:
  - name: thing_list
    config: {tags: [daily, shop]}
    columns:
      - name: id
        data_tests: [unique, {accepted_values: {arguments: {values: [7]}}}]
unit_tests:
  - name: one_is_one
    model: thing_list
    given: [{input: ref('things'), rows: [{id: 1}]}]
    expect: {rows: [{id: 1, one: 1}]}
""",
}


@pytest.fixture(scope="session")
def dbt_runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the artefacts of two commands: `build` (one test fails) and `source_freshness`."""
    root = tmp_path_factory.mktemp("shop")
    project = root / "project"
    for name, text in FILES.items():
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(text, encoding="utf-8")
    places = ["--project-dir", str(project), "--profiles-dir", str(project), "--log-level", "none"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SHOP_FILE", str(root / "shop.duckdb"))
        for command in (["build"], ["source", "freshness"]):
            target = root / "_".join(command)
            patch.setenv("DBT_TARGET_PATH", str(target))
            patch.setenv("DBT_LOG_PATH", str(root / "logs"))
            outcome = dbtRunner().invoke([*command, *places])
            assert outcome.exception is None, outcome.exception
    return root


@pytest.fixture
def warehouse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A warehouse of its own, and a working directory without dbt runs."""
    path = tmp_path / "warehouse" / "test.duckdb"
    monkeypatch.setenv("STRATA_WAREHOUSE", str(path))
    monkeypatch.setenv("DBT_TARGET_PATH", str(tmp_path / "target"))
    monkeypatch.delenv("SOURCES__DBT_ARTIFACTS__ARTIFACTS_PATH", raising=False)
    return path


@pytest.fixture
def target(dbt_runs: Path, tmp_path: Path, warehouse: Path) -> Path:
    """A target directory as `dbt build` left it; ours to change."""
    shutil.copytree(dbt_runs / "build", tmp_path / "target")
    return tmp_path / "target"


@pytest.fixture
def rows(warehouse: Path) -> Callable[..., list[tuple[Any, ...]]]:
    """Query the test's warehouse."""

    def query(statement: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(warehouse)) as connection:
            connection.execute("set timezone = 'UTC'")
            return connection.execute(statement).fetchall()

    return query
