"""A copy of the whole warehouse with dbt's manifest of it: what `--defer` reads in place of what was not built here."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from ingestion.errors import ConfigError
from tools.publish.copying import FILE, attach_source, connection_to
from tools.publish.marts import REMEDY, Mart

MANIFEST = "manifest.json"
STATE = "state"  # directory of a published copy with dbt's manifest of what it holds
PUBLISHED = "published"  # the database's name in that manifest
STORED = ("model", "seed", "snapshot")
NOT_IN_A_COPY = (
    "sources",
    "exposures",
    "metrics",
    "saved_queries",
    "semantic_models",
    "unit_tests",
    "parent_map",
    "child_map",
)


def copy_whole(warehouse: Path, manifest_path: Path, manifest: dict[str, Any], directory: Path) -> int:
    """Copy warehouse and manifest into the directory; returns how many relations of the project they hold.

    The caller holds the warehouse's lock. The file keeps its name, because its views name the database.

    Raises:
        ConfigError: a model, seed or snapshot of the manifest is not built.
        LockedError: another program writes to the warehouse.
    """
    stored = [
        node
        for node in manifest["nodes"].values()
        if node["resource_type"] in STORED
        and node["package_name"] == manifest["metadata"].get("project_name")
        and node["config"].get("materialized") != "ephemeral"
    ]
    database = stored[0]["database"] if stored else warehouse.stem
    with connection_to(directory) as connection:
        attach_source(connection, warehouse, database)
        found = set(
            connection.execute(
                "select table_schema, table_name from information_schema.tables where table_catalog = ?", [database]
            ).fetchall()
        )
        missing = [f"{n['schema']}.{n['alias']}" for n in stored if (n["schema"], n["alias"]) not in found]
        if missing or not stored:
            text = f"not built: {', '.join(sorted(missing)) or 'anything'}. Nothing was published."
            raise ConfigError(text, subject=f"warehouse {warehouse}", remedy=REMEDY)
        # Attached as it is, nobody can write to it: the file and what a killed writer left beside it are of one moment.
        shutil.copyfile(warehouse, directory / f"{database}.duckdb")
        log = warehouse.with_name(f"{warehouse.name}.wal")
        if log.exists():
            shutil.copyfile(log, directory / f"{database}.duckdb.wal")
    shutil.copyfile(manifest_path, directory / MANIFEST)
    return len(stored)


def write_state(directory: Path, manifest: dict[str, Any], marts: list[Mart]) -> None:
    """Write what `--defer` needs to read a published copy: dbt's manifest of its marts, beside a link to the file."""
    nodes = {
        mart.unique_id: {
            **manifest["nodes"][mart.unique_id],
            "database": PUBLISHED,
            "schema": mart.schema,
            "relation_name": f'"{PUBLISHED}"."{mart.schema}"."{mart.name}"',
        }
        for mart in marts
    }
    state = directory / STATE
    state.mkdir()
    text = json.dumps({**manifest, "nodes": nodes, **{key: {} for key in NOT_IN_A_COPY}})
    (state / MANIFEST).write_text(text, encoding="utf-8")
    (state / FILE).symlink_to(Path("..") / FILE)
