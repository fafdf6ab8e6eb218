"""Files that are generated from the contracts and committed: dbt source YAML, the test of keys, JSON Schemas."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from ingestion.contract import CONTRACTS_DIR, DAILY, ELEMENTARY, Dataset, Field, landed_sources, load_contracts

ROOT = CONTRACTS_DIR.parent
FILE_COLUMNS = [
    ("_source_file", "varchar", "File that the record came from, below the source's directory."),
    ("_source_line", "bigint", "Line of the file where the record starts; of a workbook its row."),
]
HEADER = "# Generated from contracts/{source}/*.odcs.yaml by `make contracts`; change the contracts, not this file.\n"
KEY_TEST = """\
-- Generated from contracts/ by `make contracts`; change the contracts, not this file.
{{% set keys = {{
{keys}
}} %}}

{{% for dataset, columns in keys.items() %}}
select
    '{{{{ dataset }}}}' as dataset_name,
    {{% for column in columns %}}
    cast({{{{ column }}}} as {{{{ dbt.type_string() }}}}){{% if not loop.last %}} || '/' ||{{% endif %}}
    {{% endfor %}} as record_key,
    count(*) as landed_rows
from {{{{ source(dataset.split('.')[0], dataset.split('.')[1]) }}}}
group by {{{{ columns | join(', ') }}}}
having count(*) > 1
{{% if not loop.last %}}union all{{% endif %}}
{{% endfor %}}
"""
LINEAGE_COLUMNS = [
    ("_row_hash", "varchar", "SHA-256 of the record as it was delivered."),
    ("_source_ref", "varchar", "The request and the position in its answer that the record came from."),
    ("_landed_at", "timestamp", "When the record was checked and landed, UTC."),
    ("_is_deleted", "boolean", "The record is gone from the source; its last state is kept."),
    ("_dlt_load_id", "varchar", "The load package; joins raw_ops.loads on load_id."),
]


def generate(*, check_only: bool = False, root: Path = ROOT) -> list[Path]:
    """Write what is stale and return it; with check_only, write nothing."""
    stale, wanted, datasets = [], {}, []
    for directory in (root / "contracts" / source for source in landed_sources(root / "contracts")):
        contracts = load_contracts(directory.name, root / "contracts")
        datasets += contracts.values()
        target = root / "models" / "staging" / directory.name / f"_{directory.name}__sources.yml"
        wanted[target] = sources_yaml(directory.name, contracts)
        for dataset in contracts.values():
            schema = json.dumps(json_schema(dataset), indent=2) + "\n"
            wanted[directory / "json_schema" / f"{dataset.name}.schema.json"] = schema
    wanted[root / "tests" / "landed_keys_are_unique.sql"] = key_test(datasets)
    for path, text in wanted.items():
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(path.relative_to(root))
        if not check_only:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    return stale


def sources_yaml(source: str, contracts: dict[str, Dataset]) -> str:
    """The dbt source of a landed system: tables, columns and freshness."""
    document = {
        "version": 2,
        "sources": [
            {
                "name": source,
                "description": f"Landed by `python -m ingestion load {source}`, checked against contracts/{source}.",
                "database": "{{ var('raw_database') or target.database }}",
                "schema": f"raw_{source}",
                "loader": "dlt",
                "tables": [_table(dataset) for dataset in contracts.values()],
            }
        ],
    }
    text = yaml.dump(document, sort_keys=False, allow_unicode=True, width=110, Dumper=_Indented)
    return HEADER.format(source=source) + text


def key_test(contracts: list[Dataset]) -> str:
    """One test that no key landed twice in any dataset: dbt's cost is per test, and this one still names each key."""
    lines = [
        f"    '{c.source}.{c.name}': [\n        " + ", ".join(map(repr, c.landed_key)) + ",\n    ]," for c in contracts
    ]
    return KEY_TEST.format(keys="\n".join(lines))


def json_schema(dataset: Dataset) -> dict[str, Any]:
    """JSON Schema (2020-12) of a landed row, for consumers outside dbt."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"{dataset.source}.{dataset.name}",
        "description": dataset.description,
        "type": "object",
        "required": [field.name for field in dataset.fields if field.required],
        "properties": {field.name: _property(field) for field in dataset.fields},
    }


def _table(dataset: Dataset) -> dict[str, Any]:
    hours = dataset.frequency_hours
    return {
        "name": dataset.name,
        "description": f"{dataset.grain}. {dataset.description} {dataset.limitations}".strip(),
        "config": {
            **_loaded_at(dataset),
            "freshness": {
                "warn_after": {"count": hours, "period": "hour"},
                "error_after": {"count": 3 * hours, "period": "hour"},
            },
            "meta": {"grain": dataset.grain, "owner": dataset.owner, "retention": dataset.retention},
        },
        **({"data_tests": [_anomaly_test(rule) for rule in dataset.anomaly_tests]} if dataset.anomaly_tests else {}),
        "columns": [_column(field) for field in dataset.fields]
        + [
            {"name": name, "data_type": kind, "description": text}
            for name, kind, text in [*(FILE_COLUMNS if dataset.files else []), *LINEAGE_COLUMNS]
        ],
    }


def _loaded_at(dataset: Dataset) -> dict[str, str]:
    """What is read in full is as fresh as its last reading, though nothing changed; the rest as its newest row."""
    if dataset.read_mode != "full":
        return {"loaded_at_field": "_landed_at"}
    read = f"source = '{dataset.source}' and dataset = '{dataset.name}' and status = 'landed' and rows_read > 0"
    return {"loaded_at_query": f"select max(finished_at) from {{{{ this.database }}}}.raw_ops.loads where {read}"}


def _anomaly_test(rule: dict[str, Any]) -> dict[str, Any]:
    """One of Elementary's tests; `make build` runs those with this tag once a day."""
    ((kind, arguments),) = rule["implementation"].items()
    settings = {"severity": rule["severity"], "tags": [DAILY]}
    return {
        f"{ELEMENTARY}.{kind}": {
            "name": rule["name"],
            "description": rule["description"],
            "arguments": arguments,
            "config": settings,
        }
    }


def _column(field: Field) -> dict[str, Any]:
    column: dict[str, Any] = {"name": field.name, "data_type": field.physical_type, "description": field.description}
    if field.is_sensitive:
        column["config"] = {"meta": {"sensitivity": field.classification}}
    return column


def _property(field: Field) -> dict[str, Any]:
    kind = {"string": "string", "number": "number", "integer": "integer", "boolean": "boolean"}.get(
        field.logical_type, "string"
    )
    found: dict[str, Any] = {"description": field.description, "type": kind if field.required else [kind, "null"]}
    rules = {
        "format": {"date": "date", "timestamp": "date-time"}.get(field.logical_type),
        "maxLength": field.max_length,
        "pattern": field.pattern,
        "minimum": field.minimum,
        "maximum": field.maximum,
        "exclusiveMinimum": field.exclusive_minimum,
        "enum": [*field.allowed, *([] if field.required else [None])] if field.allowed else None,
    }
    return found | {name: rule for name, rule in rules.items() if rule is not None}


class _Indented(yaml.SafeDumper):
    """Lists indented under their key, as the rest of the project writes them."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002
        super().increase_indent(flow, False)
