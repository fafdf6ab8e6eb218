"""raw_ops: one place for loads, dead letters and schema changes of all sources.

A load package lands its dead letters, counts and schema changes in its own schema (raw_<source>._strata_*),
because only what travels in one package lands together. `sweep` then moves them to raw_ops, in one transaction
and keyed, so that it can be killed and run again.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import dlt
from dlt.destinations.exceptions import DatabaseUndefinedRelation

from ingestion.landing import DEAD_LETTERS, LOADS, SCHEMA_CHANGES

TABLES = {
    "loads": {
        "source": "varchar", "dataset": "varchar", "load_id": "varchar", "run_id": "varchar",
        "started_at": "timestamptz", "finished_at": "timestamptz",
        "rows_read": "bigint", "rows_good": "bigint", "rows_rejected": "bigint",
        "rows_unchanged": "bigint", "rows_deleted": "bigint",
        "cursor_from": "varchar", "cursor_to": "varchar", "status": "varchar", "detail": "varchar",
    },
    "dead_letters": {
        "dead_letter_id": "varchar", "source": "varchar", "dataset": "varchar", "record_key": "varchar",
        "reason_codes": "varchar", "detail": "varchar", "payload": "varchar", "source_ref": "varchar",
        "load_id": "varchar", "landed_at": "timestamptz", "replayed_at": "timestamptz", "replay_outcome": "varchar",
    },
    "schema_changes": {
        "change_id": "varchar", "source": "varchar", "dataset": "varchar", "table_name": "varchar",
        "column_name": "varchar", "change": "varchar", "old_type": "varchar", "new_type": "varchar",
        "load_id": "varchar", "detected_at": "timestamptz",
    },
}  # fmt: skip


def ensure_tables(pipeline: dlt.Pipeline) -> None:
    """Create raw_ops and its tables where they are not there yet."""
    with pipeline.sql_client() as client:
        client.execute_sql("create schema if not exists raw_ops")
        for name, columns in TABLES.items():
            declared = ", ".join(f"{column} {kind}" for column, kind in columns.items())
            client.execute_sql(f"create table if not exists raw_ops.{name} ({declared})")


def sweep(pipeline: dlt.Pipeline, source: str) -> None:
    """Move what the source's packages brought to raw_ops; running it twice changes nothing."""
    ensure_tables(pipeline)
    raw = f"raw_{source}"
    _move(
        pipeline,
        f"{raw}.{LOADS}",
        f"""
        insert into raw_ops.loads
            (source, dataset, load_id, run_id, started_at, finished_at, rows_read, rows_good, rows_rejected,
            rows_unchanged, rows_deleted, cursor_from, cursor_to, status)
        select
            s.source, s.dataset, s._dlt_load_id, s.run_id, s.started_at, l.inserted_at, s.rows_read, s.rows_good,
            s.rows_rejected, s.rows_unchanged, s.rows_deleted, s.cursor_from, s.cursor_to, 'landed'
        from {raw}.{LOADS} as s
        inner join {raw}._dlt_loads as l on s._dlt_load_id = l.load_id
        where not exists (
            select 1 from raw_ops.loads as o where o.load_id = s._dlt_load_id and o.dataset = s.dataset
        )
        """,
    )
    _move(
        pipeline,
        f"{raw}.{DEAD_LETTERS}",
        f"""
        insert into raw_ops.dead_letters
            (dead_letter_id, source, dataset, record_key, reason_codes, detail, payload, source_ref, load_id, landed_at)
        select
            s.dead_letter_id, s.source, s.dataset, s.record_key, s.reason_codes, s.detail, s.payload, s.source_ref,
            s._dlt_load_id, s.landed_at
        from {raw}.{DEAD_LETTERS} as s
        where not exists (select 1 from raw_ops.dead_letters as o where o.dead_letter_id = s.dead_letter_id)
        """,
    )
    _move(
        pipeline,
        f"{raw}.{SCHEMA_CHANGES}",
        f"""
        insert into raw_ops.schema_changes
            (change_id, source, dataset, table_name, column_name, change, old_type, new_type, load_id, detected_at)
        select
            s.change_id, s.source, s.dataset, s.table_name, s.column_name, s.change, s.old_type, s.new_type,
            s._dlt_load_id, s.detected_at
        from {raw}.{SCHEMA_CHANGES} as s
        where not exists (select 1 from raw_ops.schema_changes as o where o.change_id = s.change_id)
        """,
    )


def record_failure(pipeline: dlt.Pipeline, source: str, run_id: str, started_at: datetime, detail: str) -> None:
    """Keep a row for a load that landed nothing, so that its absence is not the only trace of it."""
    ensure_tables(pipeline)
    with pipeline.sql_client() as client:
        client.execute_sql(
            "insert into raw_ops.loads (source, dataset, load_id, run_id, started_at, finished_at, rows_read,"
            " rows_good, rows_rejected, rows_unchanged, rows_deleted, status, detail)"
            " values (%s, '*', %s, %s, %s, %s, 0, 0, 0, 0, 0, 'failed', %s)",
            source, run_id, run_id, started_at, datetime.now(UTC), detail[:2000],
        )  # fmt: skip


def mark_replayed(pipeline: dlt.Pipeline, outcomes: dict[str, str]) -> None:
    """Set replayed_at and what became of each dead letter (landed, superseded)."""
    now = datetime.now(UTC)
    with pipeline.sql_client() as client:
        for letter_id, outcome in outcomes.items():
            client.execute_sql(
                "update raw_ops.dead_letters set replayed_at = %s, replay_outcome = %s where dead_letter_id = %s",
                now, outcome, letter_id,
            )  # fmt: skip


def _move(pipeline: dlt.Pipeline, staged: str, insert: str) -> Any:
    with pipeline.sql_client() as client:
        try:
            with client.begin_transaction():
                client.execute_sql(insert)
                client.execute_sql(f"delete from {staged}")
        except DatabaseUndefinedRelation:
            return  # this source never brought one
