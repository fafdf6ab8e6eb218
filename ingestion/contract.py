"""Data contracts: the one place for types, keys, required fields, allowed values and ranges of a landed dataset.

The files follow the Open Data Contract Standard v3.1 (contracts/<source>/<dataset>.odcs.yaml). What the landing
needs beyond the standard stands in its `customProperties`: `sourceField` on a property (name in the source),
and on the table `readMode` (incremental, full or file), `changeCursor` (the column that orders changes) and
`replacesBy` (a read of one value of this column replaces all rows with that value).
`emptyIsValue` on a property says that an empty text is a value of its own, as in SAP's keys.
Of files it also says how they are written: on the table `fileFormat`, `filePattern`, where it cannot be found
`delimiter`, `encoding` and `hasHeader`, and for workbooks `sheet`, `unpivotColumns`, `unpivotNameField`,
`unpivotValueField`, `unpivotHeaderRows` (row number to field) and `totalRows`; on a property `dateFormat`,
`decimalSeparator` and `thousandsSeparator`. `ingestion.files.layout.FileLayout` explains each.
A rule of engine `elementary` under the table's `quality` is a daily anomaly test in dbt (docs/observability.md).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from ingestion.errors import ConfigError

CONTRACTS_DIR = Path(__file__).resolve().parent.parent / "contracts"
SAFE_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the C one is ten times faster
FILE_KEY = ("_source_ref",)
ELEMENTARY = "elementary"
DAILY = "daily_anomalies"  # tag and selector of its anomaly tests
LOGICAL_TYPES = {"string", "number", "integer", "boolean", "date", "timestamp"}


@dataclass(frozen=True)
class Field:
    """One column: its name in the warehouse and in the source, its type and its rules."""

    name: str
    source_field: str
    logical_type: str
    physical_type: str
    description: str
    required: bool = False
    key_position: int | None = None
    max_length: int | None = None
    pattern: str | None = None
    minimum: float | None = None
    maximum: float | None = None
    exclusive_minimum: float | None = None
    allowed: tuple[str, ...] = ()
    classification: str = "internal"
    date_format: str | None = None
    decimal_separator: str = "."
    thousands_separator: str | None = None
    empty_is_value: bool = False

    @property
    def is_sensitive(self) -> bool:
        """Whether its values must never be written to a log or an error message."""
        return self.classification not in ("public", "internal")

    @property
    def decimal(self) -> tuple[int, int]:
        """Precision and scale of a number, from a physical type such as decimal(13,3)."""
        precision, _, scale = self.physical_type.removeprefix("decimal(").rstrip(")").partition(",")
        return int(precision), int(scale or 0)


@dataclass(frozen=True)
class FileSpec:
    """How a dataset that comes as files is written; see the module's text."""

    format: str
    pattern: str
    delimiter: str | None = None
    encoding: str | None = None
    has_header: bool | None = None
    sheet: str | None = None
    unpivot_columns: str | None = None
    unpivot_name_field: str | None = None
    unpivot_value_field: str | None = None
    unpivot_header_rows: tuple[tuple[int, str], ...] = ()
    total_rows: str | None = None


@dataclass(frozen=True)
class Dataset:
    """One landed table and its contract."""

    source: str
    name: str
    description: str
    grain: str
    purpose: str
    limitations: str
    owner: str
    retention: str
    fields: tuple[Field, ...]
    read_mode: str
    change_cursor: str | None
    replaces_by: str | None
    frequency_hours: int
    path: Path
    version: str = "1.0.0"
    files: FileSpec | None = None
    anomaly_tests: tuple[dict[str, Any], ...] = field(default=(), compare=False)

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """Key columns in key order."""
        keyed = [field for field in self.fields if field.key_position is not None]
        return tuple(field.name for field in sorted(keyed, key=lambda field: field.key_position or 0))

    @property
    def landed_key(self) -> tuple[str, ...]:
        """The columns that are unique in the landed table: of files the line, because a key can come in two files."""
        return FILE_KEY if self.files else self.keys

    @cached_property
    def by_source_field(self) -> dict[str, Field]:
        """Fields by their name in the source."""
        return {field.source_field: field for field in self.fields}

    @cached_property
    def by_name(self) -> dict[str, Field]:
        """Fields by their column name."""
        return {field.name: field for field in self.fields}

    def row_key(self, row: dict[str, Any]) -> str:
        """The key of a landed row as text, in the form of `record_key`."""
        return "/".join(str(row[key]) or "?" for key in self.keys)

    def record_key(self, record: dict[str, Any]) -> str:
        """The key of a delivered record as text, parts joined by `/`; `?` stands for a missing part."""
        return "/".join(str(record.get(self.by_name[key].source_field) or "?") for key in self.keys)


def load_dataset(path: Path) -> Dataset:
    """Read one contract file.

    Raises:
        ConfigError: unreadable YAML, or a part that the landing needs is missing; names file and part.
    """
    try:
        document = yaml.load(path.read_text(encoding="utf-8"), Loader=SAFE_LOADER)  # noqa: S506 - it is the safe one
        table = document["schema"][0]
        custom = _custom(table)
        return Dataset(
            source=path.parent.name,
            name=table["name"],
            description=document["description"]["purpose"],
            grain=table["dataGranularityDescription"],
            purpose=document["description"].get("usage", ""),
            limitations=document["description"].get("limitations", ""),
            owner=document["team"]["name"],
            retention=_custom(document)["retentionClass"],
            fields=tuple(_field(prop, path) for prop in table["properties"]),
            read_mode=custom["readMode"],
            change_cursor=custom.get("changeCursor"),
            replaces_by=custom.get("replacesBy"),
            frequency_hours=next(int(p["value"]) for p in document["slaProperties"] if p["property"] == "frequency"),
            path=path,
            version=str(document["version"]),
            files=_files(custom),
            anomaly_tests=tuple(rule for rule in table.get("quality", []) if rule.get("engine") == ELEMENTARY),
        )
    except (KeyError, IndexError, TypeError, StopIteration, yaml.YAMLError) as error:
        raise ConfigError(
            f"the contract cannot be read: {type(error).__name__} {error}.",
            subject=str(path),
            remedy="compare it with contracts/sap/plants.odcs.yaml, the shortest complete one.",
        ) from error


def load_contracts(source: str, directory: Path = CONTRACTS_DIR) -> dict[str, Dataset]:
    """All datasets of one source, by name.

    Raises:
        ConfigError: there is no contract for the source, or one cannot be read.
    """
    files = sorted((directory / source).glob("*.odcs.yaml"))
    if not files:
        raise ConfigError(
            "no contract file was found.",
            subject=str(directory / source),
            remedy="add one <dataset>.odcs.yaml for each dataset that lands.",
        )
    return {dataset.name: dataset for dataset in map(load_dataset, files)}


def landed_sources(directory: Path = CONTRACTS_DIR) -> list[str]:
    """The sources that have contracts; a directory without sourceEntity, such as erp, is a view over them."""
    found = []
    for path in sorted(part for part in directory.iterdir() if part.is_dir()):
        first = next(iter(sorted(path.glob("*.odcs.yaml"))), None)
        if first is not None and "property: sourceEntity" in first.read_text(encoding="utf-8"):
            found.append(path.name)
    return found


def _files(custom: dict[str, Any]) -> FileSpec | None:
    if custom["readMode"] != "file":
        return None
    return FileSpec(
        format=custom["fileFormat"],
        pattern=custom["filePattern"],
        delimiter=custom.get("delimiter"),
        encoding=custom.get("encoding"),
        has_header=custom.get("hasHeader"),
        sheet=custom.get("sheet"),
        unpivot_columns=custom.get("unpivotColumns"),
        unpivot_name_field=custom.get("unpivotNameField"),
        unpivot_value_field=custom.get("unpivotValueField"),
        unpivot_header_rows=tuple((int(row), field) for row, field in custom.get("unpivotHeaderRows", {}).items()),
        total_rows=custom.get("totalRows"),
    )


def _custom(node: dict[str, Any]) -> dict[str, Any]:
    return {item["property"]: item["value"] for item in node.get("customProperties", [])}


def _field(prop: dict[str, Any], path: Path) -> Field:
    logical = prop["logicalType"]
    if logical not in LOGICAL_TYPES:
        raise ConfigError(
            f"property {prop['name']} has logicalType {logical}.",
            subject=str(path),
            remedy=f"use one of {', '.join(sorted(LOGICAL_TYPES))}.",
        )
    options = prop.get("logicalTypeOptions", {})
    rules = [rule for rule in prop.get("quality", []) if rule.get("metric") == "invalidValues"]
    custom = _custom(prop)
    return Field(
        name=prop["name"],
        source_field=custom["sourceField"],
        logical_type=logical,
        physical_type=prop["physicalType"],
        description=prop["description"],
        required=bool(prop.get("required", False)),
        key_position=prop.get("primaryKeyPosition") if prop.get("primaryKey") else None,
        max_length=options.get("maxLength"),
        pattern=options.get("pattern"),
        minimum=options.get("minimum"),
        maximum=options.get("maximum"),
        exclusive_minimum=options.get("exclusiveMinimum"),
        allowed=tuple(str(value) for rule in rules for value in rule["arguments"]["validValues"]),
        classification=prop.get("classification", "internal"),
        date_format=custom.get("dateFormat"),
        decimal_separator=custom.get("decimalSeparator", "."),
        thousands_separator=custom.get("thousandsSeparator"),
        empty_is_value=bool(custom.get("emptyIsValue", False)),
    )
