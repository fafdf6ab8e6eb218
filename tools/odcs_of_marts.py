"""Contracts of the marts in the Open Data Contract Standard, written from dbt's manifest.

datacontract-cli can import a dbt manifest too, but takes only columns and types; owners, grain, retention, promises,
sensitivity, keys and the rules that the tests hold stand in this project's own meta and tests.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

API_VERSION = "v3.1.0"
LOGICAL = {
    "varchar": "string", "date": "date", "timestamp": "timestamp", "boolean": "boolean", "integer": "integer",
    "bigint": "integer", "double": "number", "decimal": "number", "time": "time",
}  # fmt: skip


def write_contracts(manifest: dict[str, Any], directory: Path) -> list[Path]:
    """Write one file for each public model, and remove those of models that are gone; returns the files."""
    directory.mkdir(parents=True, exist_ok=True)
    project = manifest["metadata"]["project_name"]
    written = []
    for node in manifest["nodes"].values():
        if node["resource_type"] == "model" and node["package_name"] == project and node.get("access") == "public":
            path = directory / f"{node['alias']}.odcs.yaml"
            text = yaml.safe_dump(contract_of(node, manifest), sort_keys=False, allow_unicode=True, width=110)
            path.write_text(text, encoding="utf-8")
            written.append(path)
    for path in set(directory.glob("*.odcs.yaml")) - set(written):
        path.unlink()
    return sorted(written)


def contract_of(node: dict[str, Any], manifest: dict[str, Any]) -> dict[str, Any]:
    """The contract of one model."""
    meta = node["config"].get("meta") or {}
    group = _group(node, manifest)
    version, end = node.get("version"), node.get("deprecation_date")
    rules = _rules(node, manifest)
    contract = {
        "apiVersion": API_VERSION,
        "kind": "DataContract",
        "id": f"strata-{node['alias'].replace('_', '-')}",
        "name": node["alias"],
        "version": f"{version or 1}.0.0",
        "status": "deprecated" if end else "active",
        "domain": node["fqn"][2] if len(node["fqn"]) > 3 else node["fqn"][1],
        "dataProduct": node["config"].get("group"),
        "description": {"purpose": " ".join(node["description"].split())},
        "schema": [
            {
                "name": node["alias"],
                "physicalName": f"{node['config'].get('schema') or node['schema']}.{node['alias']}",
                "physicalType": "view" if node["config"]["materialized"] == "view" else "table",
                "description": " ".join(node["description"].split()),
                "dataGranularityDescription": _text(meta.get("grain")),
                "properties": [_property(column, rules["keys"]) for column in node["columns"].values()],
                "quality": rules["quality"],
            }
        ],
        "slaProperties": _promises(meta, group, end),
        "team": {"name": _text(meta.get("owner")), "description": "Owns it and answers questions about it."},
    }
    return {key: value for key, value in contract.items() if value not in (None, [])}


def _property(column: dict[str, Any], keys: list[str]) -> dict[str, Any]:
    physical = column["data_type"]
    constraints = {constraint["type"] for constraint in column.get("constraints") or []}
    meta = {**(column.get("meta") or {}), **((column.get("config") or {}).get("meta") or {})}
    found = {
        "name": column["name"],
        "logicalType": LOGICAL.get(physical.lower().split("(")[0], "string"),
        "physicalType": physical,
        "description": " ".join(column["description"].split()),
        "required": bool(constraints & {"not_null", "primary_key"}) or column["name"] in keys,
        "classification": meta.get("sensitivity", "internal"),
    }
    if column["name"] in keys:
        found |= {"unique": True, "primaryKey": True, "primaryKeyPosition": keys.index(column["name"]) + 1}
    return found


def _rules(node: dict[str, Any], manifest: dict[str, Any]) -> dict[str, Any]:
    """The key that a test holds unique, and the rules of the tests in words and as conditions."""
    keys: list[str] = []
    quality = []
    for test in manifest["nodes"].values():
        if test["resource_type"] != "test" or test.get("attached_node") != node["unique_id"]:
            continue
        arguments = (test.get("test_metadata") or {}).get("kwargs") or {}
        for unique in arguments.get("unique") or []:
            if unique == arguments.get("key") and not keys:
                keys = [unique]
        held = [f"{name}: {' '.join(str(rule).split())}" for name, rule in (arguments.get("rules") or {}).items()]
        quality.append(
            {
                "type": "text",
                "name": test["name"],
                "description": " ".join([*(test.get("description") or "").split(), *held]),
            }
        )
    return {"keys": keys, "quality": sorted(quality, key=lambda rule: rule["name"])}


def _promises(meta: dict[str, Any], group: dict[str, Any], end: str | None) -> list[dict[str, Any]]:
    sla = ((group.get("config") or {}).get("meta") or group.get("meta") or {}).get("sla") or {}
    promises = [{"property": "retention", "value": _text(meta.get("retention")), "description": "Policy that applies."}]
    if hours := sla.get("freshness_hours"):
        promises.append({"property": "frequency", "value": hours, "unit": "h"})
    if deadline := sla.get("deadline"):
        promises.append({"property": "timeOfAvailability", "value": deadline})
    if end:
        promises.append({"property": "endOfSupport", "value": str(end)[:10]})
    return promises


def _group(node: dict[str, Any], manifest: dict[str, Any]) -> dict[str, Any]:
    name = node["config"].get("group")
    return next((group for group in manifest["groups"].values() if group["name"] == name), {})


def _text(value: Any) -> str | None:
    return ", ".join(value) if isinstance(value, list) else value
