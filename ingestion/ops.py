"""raw_ops: one place for loads, dead letters, schema changes, row changes and files of all sources.

A load package lands them in its own schema (raw_<source>._strata_*),
because only what travels in one package lands together. `sweep` then moves them to raw_ops, in one transaction
and keyed, so that it can be killed and run again.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import dlt
from dlt.destinations.exceptions import DatabaseUndefinedRelation

from ingestion import warehouse
from ingestion.contract import CONTRACTS_DIR, landed_sources, load_dataset
from ingestion.items import DEAD_LETTERS, FILES, LOADS, OWN_TABLES, ROW_CHANGES, SCHEMA_CHANGES, KnownFile

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
    "row_changes": {
        "change_id": "varchar", "source": "varchar", "dataset": "varchar", "record_key": "varchar",
        "change": "varchar", "as_of": "varchar", "old_row_hash": "varchar", "new_row_hash": "varchar",
        "load_id": "varchar", "detected_at": "timestamptz",
    },
    "files": {
        "source": "varchar", "dataset": "varchar", "path": "varchar", "sha256": "varchar", "status": "varchar",
        "encoding": "varchar", "layout": "varchar", "size_bytes": "bigint", "rows_read": "bigint",
        "rows_good": "bigint", "rows_rejected": "bigint", "load_id": "varchar", "landed_at": "timestamptz",
    },
    # Written by the macro profile_datasets after a build, in the order of these columns.
    "dataset_profiles": {
        "dataset_name": "varchar", "dataset_kind": "varchar", "tenant_id": "varchar", "measured_date": "date",
        "measured_at": "timestamptz", "invocation_id": "varchar", "owner_team": "varchar",
        "source_datasets": "varchar", "row_count": "bigint", "profiled_row_count": "bigint",
        "duplicate_row_count": "bigint", "quarantined_row_count": "bigint", "content_hash": "varchar",
    },
    "column_profiles": {
        "dataset_name": "varchar", "column_name": "varchar", "tenant_id": "varchar", "measured_date": "date",
        "measured_at": "timestamptz", "invocation_id": "varchar", "column_position": "integer", "data_type": "varchar",
        "row_count": "bigint", "profiled_row_count": "bigint", "filled_count": "bigint", "distinct_count": "bigint",
        "min_value": "double", "max_value": "double", "mean_value": "double", "standard_deviation": "double",
    },
}  # fmt: skip
ADDED_COLUMNS = {"dataset_profiles": ["content_hash"]}  # since the first release: a warehouse made before gets them
COLUMN_TYPES = {"timestamp": "timestamptz"}
FILE_COLUMNS = {"_source_file": "varchar", "_source_line": "bigint"}
LINEAGE_COLUMNS = {
    "_row_hash": "varchar", "_source_ref": "varchar", "_landed_at": "timestamptz", "_is_deleted": "boolean",
    "_dlt_load_id": "varchar",
}  # fmt: skip
TARGETS = {
    LOADS: "loads", DEAD_LETTERS: "dead_letters", SCHEMA_CHANGES: "schema_changes", ROW_CHANGES: "row_changes",
    FILES: "files",
}  # fmt: skip


def ensure_tables(pipeline: dlt.Pipeline) -> None:
    """Create raw_ops and its tables where they are not there yet."""
    with pipeline.sql_client() as client:
        _create_tables(client)


def _create_tables(client: Any) -> None:
    client.execute_sql("create schema if not exists raw_ops")
    for name, columns in TABLES.items():
        declared = ", ".join(f"{column} {kind}" for column, kind in columns.items())
        client.execute_sql(f"create table if not exists raw_ops.{name} ({declared})")
    for name, added in ADDED_COLUMNS.items():
        for column in added:
            client.execute_sql(f"alter table raw_ops.{name} add column if not exists {column} {TABLES[name][column]}")


def ensure_landing_tables(only: str | None = None) -> None:
    """Create, empty, each table that a contract promises and no load has made yet, so that every model can build.

    dlt takes such a table as its own when the source lands for the first time: it adds what is missing. A column that
    a contract has got since is added as well: dlt would do so only when the source brings something next.

    Args:
        only: just this source's tables.
    """
    sources = [only] if only else landed_sources()
    pipeline = warehouse.make_pipeline(sources[0])
    present: dict[tuple[str, str], set[str]] = {}
    for row in warehouse.query(
        pipeline,
        "select table_schema, table_name, column_name from information_schema.columns"
        + (f" where lower(table_schema) = 'raw_{only}'" if only else ""),
    ):
        table = (row["table_schema"].lower(), row["table_name"].lower())
        present.setdefault(table, set()).add(row["column_name"].lower())
    statements: dict[str, None] = {}
    for path in sorted(CONTRACTS_DIR.glob(f"{only or '*'}/*.odcs.yaml")):
        source, name = path.parent.name, path.name.removesuffix(".odcs.yaml")
        if source not in sources:
            continue
        dataset = load_dataset(path)
        columns = {spec.name: COLUMN_TYPES.get(spec.physical_type, spec.physical_type) for spec in dataset.fields}
        columns |= (FILE_COLUMNS if dataset.files else {}) | LINEAGE_COLUMNS
        if known := present.get((f"raw_{source}", name)):
            missing = [f"{column} {kind}" for column, kind in columns.items() if column not in known]
            statements |= {f"alter table raw_{source}.{dataset.name} add column {column}": None for column in missing}
            continue
        declared = ", ".join(f"{column} {kind}" for column, kind in columns.items())
        statements[f"create schema if not exists raw_{source}"] = None
        statements[f"create table if not exists raw_{source}.{dataset.name} ({declared})"] = None
    with pipeline.sql_client() as client:
        for statement in statements:
            client.execute_sql(statement)


def sweep(pipeline: dlt.Pipeline, source: str) -> None:
    """Move what the source's packages brought to raw_ops; running it twice changes nothing."""
    raw = f"raw_{source}"
    brought = set(pipeline.default_schema.tables) if pipeline.default_schema_name else set()
    with pipeline.sql_client() as client:
        _create_tables(client)
        for staged in OWN_TABLES:
            if staged not in brought:
                continue
            statements = [_take(raw, staged)]
            if staged == DEAD_LETTERS:
                statements = [_reopen_delivered_again(raw), *statements]
            if staged == FILES:
                statements = [_close_letters_of_corrected(raw), _forget_older(raw), *statements]
            _in_one_go(client, [*statements, f"delete from {raw}.{staged}"])


def _take(raw: str, staged: str) -> str:
    """SQL that copies what raw_ops does not hold yet."""
    schema, key = OWN_TABLES[staged]
    columns = [*schema.names, "load_id"]
    values = [*(f"s.{name}" for name in schema.names), "s._dlt_load_id"]
    joined = ""
    if staged == LOADS:
        columns += ["finished_at", "status"]
        values += ["l.inserted_at", "'landed'"]
        joined = f"inner join {raw}._dlt_loads as l on s._dlt_load_id = l.load_id"
    known = " and ".join(f"o.{name} = s.{name}" for name in dict.fromkeys(["source", *key]))
    target = f"raw_ops.{TARGETS[staged]}"
    return f"""
        insert into {target} ({", ".join(columns)})
        select {", ".join(values)} from {raw}.{staged} as s {joined}
        where not exists (select 1 from {target} as o where {known})
    """


def _close_letters_of_corrected(raw: str) -> str:
    """A file that came again with other content replaces its rows, and so its open dead letters."""
    return f"""
        update raw_ops.dead_letters set replayed_at = current_timestamp, replay_outcome = 'superseded'
        where replayed_at is null and exists (
            select 1 from {raw}.{FILES} as f
            where f.source = dead_letters.source and f.dataset = dead_letters.dataset
                and f._dlt_load_id <> dead_letters.load_id
                and left(dead_letters.source_ref, length(f.path) + 1) in (f.path || ':', f.path || '!')
        )
    """


def _reopen_delivered_again(raw: str) -> str:
    """A record that is delivered and refused again is open again, and belongs to the load that met it last."""
    return f"""
        update raw_ops.dead_letters set load_id = s._dlt_load_id, replayed_at = null, replay_outcome = null
        from {raw}.{DEAD_LETTERS} as s
        where s.dead_letter_id = dead_letters.dead_letter_id
    """


def _forget_older(raw: str) -> str:
    return f"""
        delete from raw_ops.files where exists (
            select 1 from {raw}.{FILES} as f
            where f.source = files.source and f.dataset = files.dataset and f.path = files.path
        )
    """


def known_files(pipeline: dlt.Pipeline, source: str) -> dict[str, dict[str, KnownFile]]:
    """By dataset and path, the files of a source that were dealt with."""
    found: dict[str, dict[str, KnownFile]] = {}
    sql = "select dataset, path, sha256, status from raw_ops.files where source = %s order by dataset, path"
    for row in warehouse.query(pipeline, sql, source):
        found.setdefault(row["dataset"], {})[row["path"]] = KnownFile(row["sha256"], row["status"] == "landed")
    return found


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


def record_refusals(pipeline: dlt.Pipeline, source: str, run_id: str, refused: list[str]) -> None:
    """Keep in the load of its dataset which files were refused as a whole; each is `dataset: path: why`."""
    by_dataset: dict[str, list[str]] = {}
    for told in refused:
        dataset, _, rest = told.partition(": ")
        by_dataset.setdefault(dataset, []).append(rest)
    with pipeline.sql_client() as client:
        for dataset, files in by_dataset.items():
            client.execute_sql(
                "update raw_ops.loads set detail = %s where source = %s and run_id = %s and dataset = %s",
                f"refused: {'; '.join(files)}"[:2000], source, run_id, dataset,
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


def _in_one_go(client: Any, statements: list[str]) -> None:
    try:
        with client.begin_transaction():
            for statement in statements:
                client.execute_sql(statement)
    except DatabaseUndefinedRelation:
        return  # this source never brought one
