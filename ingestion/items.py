"""What a load package holds: the tables that dlt is given, with their keys, and the schemas of our own ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import dlt
import pyarrow as pa

from ingestion.contract import Field

DEAD_LETTERS = "_strata_dead_letters"
SCHEMA_CHANGES = "_strata_schema_changes"
LOADS = "_strata_loads"
ROW_CHANGES = "_strata_row_changes"
FILES = "_strata_files"
TIMESTAMP = pa.timestamp("us", tz="UTC")
LINEAGE = [
    pa.field("_row_hash", pa.string()),
    pa.field("_source_ref", pa.string()),
    pa.field("_landed_at", TIMESTAMP),
    pa.field("_is_deleted", pa.bool_()),
]


@dataclass(frozen=True)
class KnownFile:
    """A file that an earlier load dealt with: its content then, and whether rows stand under its path."""

    sha256: str
    is_landed: bool


def arrow_type(spec: Field) -> pa.DataType:
    """The arrow type of a contract's field."""
    if spec.logical_type == "number":
        return pa.decimal128(*spec.decimal)
    return {
        "string": pa.string(),
        "integer": pa.int64(),
        "boolean": pa.bool_(),
        "date": pa.date32(),
        "timestamp": TIMESTAMP,
    }[spec.logical_type]


def package_item(table: str, data: pa.Table, primary_key: list[str] | None, merge_key: str | None = None) -> Any:
    """A table for dlt. Always merge delete-insert with a key: the one way of landing that survives any kill."""
    required = set(primary_key or [merge_key])  # dlt declares key columns NOT NULL; the arrow schema says the same
    schema = pa.schema([part.with_nullable(part.name not in required) for part in data.schema])
    hints = dlt.mark.make_hints(
        table_name=table,
        write_disposition={"disposition": "merge", "strategy": "delete-insert"},
        primary_key=primary_key,
        merge_key=merge_key,
        columns={"_landed_at": {"dedup_sort": "desc"}} if primary_key and "_landed_at" in data.column_names else None,
    )
    return dlt.mark.with_hints(data.cast(schema), hints, create_table_variant=True)


def _text_schema(*names: str, **others: pa.DataType) -> pa.Schema:
    return pa.schema([pa.field(name, pa.string()) for name in names] + [pa.field(n, t) for n, t in others.items()])


OWN_TABLES: dict[str, tuple[pa.Schema, list[str]]] = {
    DEAD_LETTERS: (
        _text_schema(
            "dead_letter_id", "source", "dataset", "record_key", "reason_codes", "detail", "payload", "source_ref",
            landed_at=TIMESTAMP,
        ),
        ["dead_letter_id"],
    ),
    SCHEMA_CHANGES: (
        _text_schema(
            "change_id", "source", "dataset", "table_name", "column_name", "change", "old_type", "new_type",
            detected_at=TIMESTAMP,
        ),
        ["change_id"],
    ),
    ROW_CHANGES: (
        _text_schema(
            "change_id", "source", "dataset", "record_key", "change", "as_of", "old_row_hash", "new_row_hash",
            detected_at=TIMESTAMP,
        ),
        ["change_id"],
    ),
    FILES: (
        _text_schema(
            "source", "dataset", "path", "sha256", "status", "encoding", "layout",
            size_bytes=pa.int64(), rows_read=pa.int64(), rows_good=pa.int64(), rows_rejected=pa.int64(),
            landed_at=TIMESTAMP,
        ),
        ["dataset", "path"],
    ),
    LOADS: (
        _text_schema(
            "source", "dataset", "run_id", "cursor_from", "cursor_to",
            started_at=TIMESTAMP, rows_read=pa.int64(), rows_good=pa.int64(), rows_rejected=pa.int64(),
            rows_unchanged=pa.int64(), rows_deleted=pa.int64(),
        ),
        ["run_id", "dataset"],
    ),
}  # fmt: skip
"""Our own tables in each raw schema, from where `ingestion.ops.sweep` takes them: their schema and their key."""


def own_item(table: str, rows: list[dict[str, Any]]) -> Any:
    """Rows of one of our own tables for dlt."""
    schema, key = OWN_TABLES[table]
    return package_item(table, pa.Table.from_pylist(rows, schema), key)
