"""Runs one source's load from end to end: finish what an earlier run left, read, land, move to raw_ops."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

import dlt

from ingestion import ops, warehouse
from ingestion.contract import Dataset, load_contracts
from ingestion.errors import EXIT_OK, EXIT_REJECTS, DestinationError, StrataError
from ingestion.landing import Counts, Existing, Landing, RowsWhere, TableWhere
from ingestion.packages import finish_pending, run_resources


class SourceReader(Protocol):
    """What a source module provides."""

    name: str
    max_reject_ratio: float
    max_shrink_ratio: float

    def refused_fields(self, contracts: dict[str, Dataset]) -> tuple[dict[str, dict[str, str]], dict[str, list[str]]]:
        """By dataset: fields whose declared type changed (with the type found), and fields no longer declared."""

    def resources(self, landing: Landing) -> list[Any]:
        """The dlt resources that read the source through `landing`."""


@dataclass
class LoadReport:
    """What a load did, for the CLI's table and for machines."""

    source: str
    run_id: str
    seconds: float
    datasets: dict[str, Counts]
    notices: list[str] = field(default_factory=list)
    max_reject_ratio: float = 1.0
    refused_files: list[str] = field(default_factory=list)

    @property
    def over_limit(self) -> list[str]:
        """Datasets that rejected a larger share of their records than allowed."""
        return [n for n, c in self.datasets.items() if c.rows_rejected > self.max_reject_ratio * max(c.rows_read, 1)]

    @property
    def exit_code(self) -> int:
        """0, or 3 where too many records or whole files were rejected."""
        return EXIT_REJECTS if self.over_limit or self.refused_files else EXIT_OK


def load(reader: SourceReader, on_start: Callable[[Landing], Any] = lambda landing: None) -> LoadReport:
    """Land one source.

    Args:
        reader: reads the source.
        on_start: is told the landing, whose counts grow while records are read.

    Raises:
        SourceError, ConfigError: the source could not be read; nothing of this run was landed.
        DestinationError: the warehouse could not be written; the next run finishes what is pending.
    """
    started_at, run_id = datetime.now(UTC), uuid.uuid4().hex
    contracts = load_contracts(reader.name)
    pipeline = warehouse.make_pipeline(reader.name)
    with warehouse.held_open():
        return _load(reader, pipeline, contracts, run_id, started_at, on_start)


def _load(
    reader: SourceReader,
    pipeline: dlt.Pipeline,
    contracts: dict[str, Dataset],
    run_id: str,
    started_at: datetime,
    on_start: Callable[[Landing], Any],
) -> LoadReport:
    finish_pending(pipeline, reader.name)
    try:
        landing = _prepare(reader, pipeline, contracts, run_id)
        on_start(landing)
        run_resources(pipeline, reader.resources(landing))
    except StrataError as error:
        if not isinstance(error, DestinationError):
            ops.record_failure(pipeline, reader.name, run_id, started_at, str(error))
        raise
    ops.sweep(pipeline, reader.name)
    ops.record_refusals(pipeline, reader.name, run_id, landing.refused_files)
    seconds = (datetime.now(UTC) - started_at).total_seconds()
    return LoadReport(
        reader.name, run_id, seconds, landing.counts, landing.notices, reader.max_reject_ratio, landing.refused_files
    )


def existing_rows(pipeline: dlt.Pipeline, dataset: Dataset) -> Existing:
    """Columns the table has and, for a dataset read in full, the hash of each key."""
    table = pipeline.default_schema.tables.get(dataset.name) if pipeline.default_schema_name else None
    if table is None:
        return Existing()
    columns = frozenset(table["columns"])
    if dataset.read_mode != "full":
        return Existing(columns=columns)
    keys = ", ".join(dataset.keys)
    rows = warehouse.query(pipeline, f"select {keys}, _row_hash, _is_deleted from raw_{dataset.source}.{dataset.name}")
    hashes = {dataset.row_key(row): (row["_row_hash"], row["_is_deleted"]) for row in rows}
    return Existing(hashes, columns)


def _prepare(reader: SourceReader, pipeline: dlt.Pipeline, contracts: dict[str, Dataset], run_id: str) -> Landing:
    refused, removed = reader.refused_fields(contracts)
    existing = {name: existing_rows(pipeline, dataset) for name, dataset in contracts.items()}
    landing = Landing(
        contracts,
        run_id,
        existing,
        refused,
        reader.max_shrink_ratio,
        rows_reader(pipeline, contracts),
        table_reader(pipeline, contracts),
        ops.known_files(pipeline, reader.name) if any(dataset.files for dataset in contracts.values()) else None,
    )
    for name, fields in refused.items():
        for source_field, found in fields.items():
            agreed = contracts[name].by_source_field[source_field]
            landing.note_change(name, agreed.name, "refused", agreed.physical_type, found)
    for name, gone in removed.items():
        for source_field in gone:
            agreed = contracts[name].by_source_field[source_field]
            landing.note_change(name, agreed.name, "removed", agreed.physical_type, None)
    return landing


def rows_reader(pipeline: dlt.Pipeline, contracts: dict[str, Dataset]) -> RowsWhere:
    """A function that gives the rows the warehouse holds of a dataset with the given column values."""

    def rows_where(name: str, equal: dict[str, Any]) -> list[dict[str, Any]]:
        if pipeline.default_schema_name is None or name not in pipeline.default_schema.tables:
            return []
        condition = " and ".join(f"{column} = %s" for column in equal)
        sql = f"select * from raw_{contracts[name].source}.{name} where {condition}"
        return warehouse.query(pipeline, sql, *equal.values())

    return rows_where


def table_reader(pipeline: dlt.Pipeline, contracts: dict[str, Dataset]) -> TableWhere:
    """As `rows_reader`, for many rows: as an arrow table, or None where there is no table yet."""

    def table_where(name: str, equal: dict[str, Any]) -> Any:
        if pipeline.default_schema_name is None or name not in pipeline.default_schema.tables:
            return None
        condition = " and ".join(f"{column} = %s" for column in equal)
        sql = f"select * from raw_{contracts[name].source}.{name} where {condition}"
        return warehouse.query_table(pipeline, sql, *equal.values())

    return table_where
