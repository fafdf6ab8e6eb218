"""Arrow tables on their way to the warehouse: typed, as text, stamped."""

from __future__ import annotations

from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from ingestion.contract import Dataset
from ingestion.items import TIMESTAMP, arrow_type
from ingestion.provenance import canonical_json


def typed(dataset: Dataset, good: pa.Table, beside: pa.Table) -> pa.Table:
    """The contract's columns in their types, then what stands beside them."""
    columns = {spec.name: good[spec.name].cast(arrow_type(spec)) for spec in dataset.fields} | {
        name: beside[name] for name in beside.column_names
    }
    return pa.table(columns)


def as_text_column(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column that the contract does not know as text, empty text as no value."""
    try:
        text = pc.cast(column, pa.string())
    except pa.ArrowNotImplementedError:
        text = pa.chunked_array([[None if value is None else canonical_json(value) for value in column.to_pylist()]])
    return pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)


def landed_columns(table: pa.Table) -> pa.Table:
    """A landed table without dlt's own columns, to be landed again."""
    return table.select([name for name in table.column_names if not name.startswith("_dlt")])


def stamped(table: pa.Table, landed_at: datetime, *, is_deleted: bool) -> pa.Table:
    """The rows with a new landing time and deletion flag."""
    values = {
        "_landed_at": pa.repeat(pa.scalar(landed_at, TIMESTAMP), table.num_rows),
        "_is_deleted": pa.repeat(pa.scalar(is_deleted), table.num_rows),
    }
    return pa.table({name: values.get(name, table[name]) for name in table.column_names})
