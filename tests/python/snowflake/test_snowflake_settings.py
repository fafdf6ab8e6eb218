"""What dbt_project.yml says for Snowflake alone: nothing else in the suite would miss it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

_ROOT = Path(__file__).resolve().parents[3]
_MODELS = yaml.safe_load((_ROOT / "dbt_project.yml").read_text())["models"]["strata"]


def _settings(model: Path) -> dict[str, Any]:
    """The settings of a mart by its place in the project file."""
    return _MODELS["marts"].get(f"{model.parent.name}", {}).get(model.stem, {})


def _incremental_marts() -> list[Path]:
    files = sorted((_ROOT / "models/marts").rglob("*.sql"))
    return [file for file in files if re.search(r"materialized='incremental'", file.read_text())]


def test_every_incremental_mart_has_a_cluster_key_of_its_columns() -> None:
    models = _incremental_marts()
    assert models
    for model in models:
        described = yaml.safe_load(model.with_suffix(".yml").read_text())["models"][0]
        columns = {column["name"] for column in described["columns"]}
        settings = _settings(model)
        assert settings.get("+tags") == ["big_fact"], model.stem
        assert "SNOWFLAKE_WAREHOUSE_BIG_FACTS" in settings["+snowflake_warehouse"], model.stem
        tenant, day = settings["+cluster_by"]
        assert tenant == "tenant_id", model.stem
        assert {tenant, day} <= columns, model.stem


def test_every_setting_of_a_mart_names_a_model() -> None:
    for folder, settings in _MODELS["marts"].items():
        for model in [] if folder.startswith("+") else settings:
            assert (_ROOT / f"models/marts/{folder}/{model}.sql").exists(), f"{folder}/{model}"


def test_only_what_can_be_built_again_is_transient() -> None:
    project = yaml.safe_load((_ROOT / "dbt_project.yml").read_text())
    assert project["snapshots"]["strata"]["+transient"] is False
    assert [_MODELS[layer]["+transient"] for layer in ("staging", "intermediate", "marts")] == [True, True, False]
