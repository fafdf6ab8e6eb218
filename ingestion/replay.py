"""Replay: check dead letters with today's contract and land what is now good."""

from __future__ import annotations

import json
import uuid
from collections import defaultdict
from typing import Any

import dlt
import pyarrow as pa

from ingestion import ops, warehouse
from ingestion.contract import Dataset, load_contracts
from ingestion.errors import ConfigError
from ingestion.landing import Delivered, Landing
from ingestion.packages import finish_pending, run_resources
from ingestion.provenance import row_hash, split_file_ref
from ingestion.runner import existing_rows, rows_reader, table_reader
from ingestion.vector import DeliveredTable


def replay(source: str, *, dataset: str | None = None, reason: str | None = None) -> dict[str, int]:
    """Land the open dead letters of a source that now fit their contract.

    A letter is superseded, not landed, where a row with its key landed after it: the newer row stands.
    Landing comes first and marking second, so a replay that is killed in between can be run again.

    Args:
        source: the source system.
        dataset: only this dataset.
        reason: only letters that carry this reason code.

    Returns:
        Counts: read, landed, superseded, still_rejected.

    Raises:
        ConfigError: the source or the dataset has no contract.
    """
    contracts = load_contracts(source)
    if dataset is not None and dataset not in contracts:
        raise ConfigError(
            f"unknown dataset {dataset}.", subject=f"replay of {source}", remedy=f"use one of {', '.join(contracts)}."
        )
    pipeline = warehouse.make_pipeline(source)
    finish_pending(pipeline, source)
    letters = _open_letters(pipeline, source, dataset, reason)
    fitting, outcomes = _sort_out(pipeline, contracts, letters)
    if fitting:
        existing = {name: existing_rows(pipeline, contract) for name, contract in contracts.items()}
        landing = Landing(
            contracts,
            uuid.uuid4().hex,
            existing,
            rows_where=rows_reader(pipeline, contracts),
            table_where=table_reader(pipeline, contracts),
        )
        resource = dlt.resource(_rows(landing, fitting), name="replay")
        run_resources(pipeline, [resource])
        ops.sweep(pipeline, source)
    ops.mark_replayed(pipeline, outcomes)
    landed = sum(outcome == "landed" for outcome in outcomes.values())
    return {
        "read": len(letters),
        "landed": landed,
        "superseded": len(outcomes) - landed,
        "still_rejected": len(letters) - len(outcomes),
    }


def _open_letters(pipeline: dlt.Pipeline, source: str, dataset: str | None, reason: str | None) -> list[dict[str, Any]]:
    ops.ensure_tables(pipeline)
    rows = warehouse.query(
        pipeline,
        "select * from raw_ops.dead_letters where source = %s and replayed_at is null"
        " order by landed_at, dead_letter_id",
        source,
    )
    return [
        row
        for row in rows
        if dataset in (None, row["dataset"]) and (reason is None or reason in row["reason_codes"].split(","))
    ]


def _sort_out(
    pipeline: dlt.Pipeline, contracts: dict[str, Dataset], letters: list[dict[str, Any]]
) -> tuple[dict[str, list[Delivered]], dict[str, str]]:
    """What to land by dataset, and the outcome of each letter that is settled."""
    landing = Landing(contracts, "check")
    fitting: dict[str, dict[str, Delivered]] = defaultdict(dict)
    outcomes: dict[str, str] = {}
    letter_of: dict[tuple[str, str], str] = {}
    for letter in letters:
        name, record = letter["dataset"], json.loads(letter["payload"])
        if name not in contracts or not landing.accepts(name, record):
            continue
        # Of files each line is a record of its own, whatever its key.
        key = letter["source_ref"] if contracts[name].files else contracts[name].record_key(record)
        if _has_newer_row(pipeline, contracts[name], record, letter["landed_at"]):
            outcomes[letter["dead_letter_id"]] = "superseded"
            continue
        if earlier := letter_of.get((name, key)):
            outcomes[earlier] = "superseded"  # two letters of one key: the later one stands
        fitting[name][key] = Delivered(record, letter["source_ref"])
        letter_of[(name, key)] = letter["dead_letter_id"]
        outcomes[letter["dead_letter_id"]] = "landed"
    return {name: list(records.values()) for name, records in fitting.items()}, outcomes


def _has_newer_row(pipeline: dlt.Pipeline, dataset: Dataset, record: dict[str, Any], landed_at: Any) -> bool:
    if dataset.files:
        return False  # a file that came again has closed its letters
    where = " and ".join(f"{key} = %s" for key in dataset.keys)
    values = [record[dataset.by_name[key].source_field] for key in dataset.keys]
    sql = f"select count(*) as n from raw_{dataset.source}.{dataset.name} where {where} and _landed_at > %s"
    rows = warehouse.query(pipeline, sql, *values, landed_at)
    return bool(rows and rows[0]["n"])


def _rows(landing: Landing, fitting: dict[str, list[Delivered]]) -> Any:
    for name, records in fitting.items():
        if landing.contracts[name].files:
            yield from landing.arrow_batch(name, _as_table(records), with_siblings=True)
        else:
            yield from landing.batch(name, records, with_siblings=True)
        yield from landing.finish(name, cursor_from="replay")


def _as_table(records: list[Delivered]) -> DeliveredTable:
    """Records of files as they were read; the hash is that of the dead letter, of the record and not of its line."""
    names = dict.fromkeys(name for item in records for name in item.record)
    table = pa.table({name: pa.array([item.record.get(name) for item in records], pa.string()) for name in names})
    places = [split_file_ref(item.ref) for item in records]
    return DeliveredTable(
        table,
        refs=pa.array([item.ref for item in records]),
        hashes=pa.array([row_hash(item.record) for item in records]),
        landed_as_they_are={
            "_source_file": pa.array([path for path, _ in places]),
            "_source_line": pa.array([line for _, line in places], pa.int64()),
        },
    )
