"""What `status` and `trace` print: the state of the landing, and the origin of one row."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ingestion import warehouse
from ingestion.contract import Dataset, load_contracts
from ingestion.errors import EXIT_OK, ConfigError
from ingestion.ops import ensure_tables

LAST_LOADS = """
select source, dataset, status, finished_at, rows_read, rows_good, rows_rejected, detail
from raw_ops.loads
qualify row_number() over (partition by source, dataset order by finished_at desc, load_id desc) = 1
order by source, dataset
"""
OPEN_LETTERS = """
select source, dataset, reason_codes, count(*) as letters, min(record_key) as example_key, min(detail) as example
from raw_ops.dead_letters
where replayed_at is null
group by source, dataset, reason_codes
order by source, dataset, letters desc, reason_codes
"""
CHANGES = """
select source, dataset, column_name, change, old_type, new_type, detected_at
from raw_ops.schema_changes
order by detected_at, dataset, column_name
"""


FILES = """
select source, dataset, status, count(*) as files, sum(rows_read) as rows_read, sum(rows_rejected) as rows_rejected
from raw_ops.files
group by source, dataset, status
order by source, dataset, status
"""


def print_status(out: Console, *, as_json: bool, source: str | None = None) -> int:
    """Print the last load of each dataset, open dead letters by reason, schema changes, and the files known."""
    from ingestion.sources import SOURCES

    pipeline = warehouse.make_pipeline(next(iter(SOURCES)))
    ensure_tables(pipeline)
    found = {
        "loads": warehouse.query(pipeline, LAST_LOADS),
        "dead_letters": warehouse.query(pipeline, OPEN_LETTERS),
        "schema_changes": warehouse.query(pipeline, CHANGES),
        "files": warehouse.query(pipeline, FILES),
    }
    if source is not None:
        found = {title: [row for row in rows if row["source"] == source] for title, rows in found.items()}
    if as_json:
        print(json.dumps(found, default=str))
        return EXIT_OK
    for title, rows in found.items():
        _print_rows(out, title.replace("_", " "), rows)
    return EXIT_OK


def print_trace(out: Console, table: str, key: str, *, as_json: bool) -> int:
    """Print where the rows with this key came from: the landed row, its load, and dead letters of the key.

    Raises:
        ConfigError: no contract for the table, the key has the wrong number of parts, or nothing has that key.
    """
    dataset = _dataset(table)
    parts = key.split("/") if len(dataset.keys) > 1 else [key]
    is_place = dataset.files is not None and (":" in key or "!" in key)
    if len(parts) != len(dataset.keys) and not is_place:
        raise ConfigError(
            f"the key {key} has {len(parts)} parts.",
            subject=f"trace of {dataset.source}.{dataset.name}",
            remedy=f"give {' / '.join(dataset.keys)}"
            + (", or the place in its file as in file.csv:12." if dataset.files else "."),
        )
    pipeline = warehouse.make_pipeline(dataset.source)
    ensure_tables(pipeline)
    where, letter_column = " and ".join(f"cast(r.{column} as varchar) = %s" for column in dataset.keys), "record_key"
    if is_place:
        where, letter_column, parts = "r._source_ref = %s", "source_ref", [key]
    landed = warehouse.query(
        pipeline,
        f"select r._source_ref, r._row_hash, r._landed_at, r._is_deleted, r._dlt_load_id, l.run_id, l.started_at"
        f" from raw_{dataset.source}.{dataset.name} as r"
        f" left join raw_ops.loads as l on r._dlt_load_id = l.load_id and l.dataset = %s where {where}",
        dataset.name, *parts,
    )  # fmt: skip
    letters = warehouse.query(
        pipeline,
        "select reason_codes, detail, source_ref, load_id, landed_at, replayed_at, replay_outcome"
        f" from raw_ops.dead_letters where source = %s and dataset = %s and {letter_column} = %s order by landed_at",
        dataset.source, dataset.name, key,
    )  # fmt: skip
    changes = warehouse.query(
        pipeline,
        "select change, as_of, old_row_hash, new_row_hash, load_id, detected_at from raw_ops.row_changes"
        " where source = %s and dataset = %s and record_key = %s order by detected_at",
        dataset.source, dataset.name, key,
    )  # fmt: skip
    if not landed and not letters:
        raise ConfigError(
            "no landed row and no dead letter has this key.",
            subject=f"{dataset.source}.{dataset.name} {key}",
            remedy="check the key; it is the source's own, without added or dropped leading zeros.",
        )
    if as_json:
        print(json.dumps({"landed": landed, "dead_letters": letters, "changes": changes}, default=str))
        return EXIT_OK
    for title, rows in (("landed row", landed), ("dead letter", letters), ("change", changes)):
        for row in rows:
            out.print(f"[bold]{title}[/] {dataset.source}.{dataset.name} {key}")
            for name, value in row.items():
                out.print(f"  {name:<16} {value}", highlight=False, soft_wrap=True)
    return EXIT_OK


def _dataset(table: str) -> Dataset:
    from ingestion.sources import SOURCES

    source, _, name = table.removeprefix("raw_").rpartition(".")
    known = [dataset for each in SOURCES for dataset in load_contracts(each).values()]
    found = [dataset for dataset in known if dataset.name == name and source in ("", dataset.source)]
    if not found:
        names = ", ".join(f"{dataset.source}.{dataset.name}" for dataset in known)
        raise ConfigError(f"{table} has no contract.", subject="trace", remedy=f"use one of {names}.")
    if len(found) > 1:
        names = " or ".join(f"{dataset.source}.{dataset.name}" for dataset in found)
        raise ConfigError(f"{table} is in several sources.", subject="trace", remedy=f"say {names}.")
    return found[0]


def _print_rows(out: Console, title: str, rows: list[dict[str, Any]]) -> None:
    if not rows:
        out.print(f"{title}: none")
        return
    table = Table(title=title, title_justify="left")
    for name, value in rows[0].items():
        table.add_column(name, justify="right" if isinstance(value, int) else "left", overflow="fold")
    for row in rows:
        table.add_row(*map(_shown, row.values()))
    out.print(table)


def _shown(value: Any) -> str:
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
    if isinstance(value, int):
        return f"{value:,}"
    return "" if value is None else escape(str(value))
