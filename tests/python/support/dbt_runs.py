"""Kept runs of dbt, made up in the form in which dbt 1.11 writes its artefacts."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

NODES_A_RUN = 50
SCHEMA = "https://schemas.getdbt.com/dbt/{}/v{}.json"


def write_runs(directory: Path, runs: Iterable[int]) -> None:
    """Write runs as the project keeps them: a directory each, named by the invocation."""
    for number in runs:
        invocation = f"00000000-0000-4000-8000-{number:012d}"
        place = directory / invocation
        place.mkdir(parents=True)
        when = f"2026-09-{number + 1:02d}T06:00:00.000000Z"
        metadata = {"generated_at": when, "invocation_id": invocation, "dbt_version": "1.11.2"}
        names = [f"model.made_up.m{position:03d}" for position in range(NODES_A_RUN)]
        results = {
            "metadata": {**metadata, "dbt_schema_version": SCHEMA.format("run-results", 6)},
            "results": [_result(name, when) for name in names],
            "elapsed_time": 12.5,
            "args": {"which": "build", "target": "dev"},
        }
        manifest = {
            "metadata": {**metadata, "dbt_schema_version": SCHEMA.format("manifest", 12)},
            "nodes": {name: _node(name) for name in names},
        }
        (place / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
        (place / "run_results.json").write_text(json.dumps(results), encoding="utf-8")


def _result(name: str, when: str) -> dict[str, Any]:
    return {
        "unique_id": name,
        "status": "success",
        "timing": [{"name": "execute", "started_at": when, "completed_at": when}],
        "execution_time": 0.25,
        "thread_id": "Thread-1",
        "failures": None,
        "adapter_response": {"rows_affected": 7},
        "message": "OK",
        "relation_name": f'"dev"."main"."{name}"',
    }


def _node(name: str) -> dict[str, Any]:
    short = name.rsplit(".", 1)[-1]
    return {
        "resource_type": "model",
        "name": short,
        "schema": "main",
        "alias": short,
        "config": {"materialized": "table", "tags": ["daily"]},
        "original_file_path": f"models/{short}.sql",
        "depends_on": {"nodes": []},
        "checksum": {"name": "sha256", "checksum": "0" * 64},
    }
