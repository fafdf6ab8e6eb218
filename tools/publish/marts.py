"""What is published: the public models of the last build, and which columns of them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingestion.errors import ConfigError, StrataError

REMEDY = "make build"
BROKEN = {"error", "fail", "runtime error", "partial success", "skipped"}


class BrokenBuildError(StrataError):
    """The last build of a mart failed, or a test of it: what stands in the warehouse may be wrong."""


@dataclass(frozen=True)
class Mart:
    """A relation to publish.

    Attributes:
        schema: schema of the copy, without the target's prefix.
        source: where the warehouse holds it: database, schema, name.
        columns: the columns to copy, in the order of the contract, with their descriptions.
        left_out: columns that the copy does not have.
    """

    unique_id: str
    schema: str
    name: str
    source: tuple[str, str, str]
    description: str
    columns: dict[str, str]
    left_out: tuple[str, ...]

    @property
    def title(self) -> str:
        """Schema and name in the copy."""
        return f"{self.schema}.{self.name}"


def read_manifest(path: Path) -> dict[str, Any]:
    """dbt's manifest of the last build.

    Raises:
        ConfigError: there is none, it cannot be read, or it is another warehouse's.
    """
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        adapter = manifest["metadata"]["adapter_type"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        text = f"no readable manifest of a build ({type(error).__name__})."
        raise ConfigError(text, subject=f"{path}", remedy=REMEDY) from error
    if adapter != "duckdb":
        text = f"it is of a build on {adapter}; there, BI reads the marts where they are."
        raise ConfigError(text, subject=f"{path}", remedy="set STRATA_TARGET and build on DuckDB, or do not publish.")
    return manifest


def published_marts(manifest: dict[str, Any], with_personal: bool) -> list[Mart]:
    """The project's models with public access, by schema and name.

    Raises:
        ConfigError: there is none.
    """
    project = manifest["metadata"].get("project_name")
    marts = []
    for unique_id, node in manifest["nodes"].items():
        if node["resource_type"] != "model" or node["package_name"] != project or node.get("access") != "public":
            continue
        kept, left_out = columns_to_publish(node, with_personal)
        schema = node["config"].get("schema") or node["schema"]
        source = (node["database"], node["schema"], node["alias"])
        marts.append(Mart(unique_id, schema, node["alias"], source, node["description"].strip(), kept, left_out))
    if not marts:
        raise ConfigError("no model has public access.", subject="manifest", remedy=REMEDY)
    return sorted(marts, key=lambda mart: (mart.schema, mart.name))


def columns_to_publish(node: dict[str, Any], with_personal: bool) -> tuple[dict[str, str], tuple[str, ...]]:
    """Columns of a model to copy, with descriptions, and those to leave out: the one place where this is decided.

    A column of sensitivity `personal` is left out rather than emptied: a query of it then fails, where a count of empty
    values would be a wrong figure. Surrogate keys stay, so that facts still join and count.
    """
    kept, left_out = {}, []
    for column in node["columns"].values():
        if sensitivity_of(column) == "personal" and not with_personal:
            left_out.append(column["name"])
        else:
            kept[column["name"]] = (column.get("description") or "").strip()
    return kept, tuple(left_out)


def sensitivity_of(column: dict[str, Any]) -> str | None:
    """What the YAML of a model says of a column under config.meta.sensitivity."""
    meta = {**(column.get("meta") or {}), **((column.get("config") or {}).get("meta") or {})}
    return meta.get("sensitivity")


def broken(manifest: dict[str, Any], results: dict[str, Any] | None, marts: list[Mart]) -> list[str]:
    """Marts, and tests that read one, that the last build did not get through."""
    published = {mart.unique_id for mart in marts}
    names = []
    for result in (results or {}).get("results", []):
        node = manifest["nodes"].get(result["unique_id"])
        if node is None or result["status"] not in BROKEN:
            continue
        reads = set(node["depends_on"]["nodes"]) if node["resource_type"] == "test" else {result["unique_id"]}
        if reads & published:
            names.append(f"{node['name']} ({result['status']})")
    return sorted(names)
