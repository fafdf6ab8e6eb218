"""One load of one source: check records, split good from rejected, keep count, keep provenance.

A `Landing` turns delivered records into items for dlt, all in one load package: the dataset's rows, its dead
letters, its schema changes and, at the end, one row of counts. What one package holds lands together or not
at all, so a killed load can be run again. dlt's own schema contracts are not used as the gate: `freeze`
leaves a package that fails for ever and `discard_*` loses data without a trace.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import dlt
import pyarrow as pa
from dlt.common.normalizers.naming.snake_case import NamingConvention

from ingestion.checks import Checker, Reason
from ingestion.contract import Dataset, Field
from ingestion.errors import SourceError
from ingestion.provenance import canonical_json, identity, row_hash

DEAD_LETTERS = "_strata_dead_letters"
SCHEMA_CHANGES = "_strata_schema_changes"
LOADS = "_strata_loads"
TIMESTAMP = pa.timestamp("us", tz="UTC")
LINEAGE = [
    pa.field("_row_hash", pa.string()),
    pa.field("_source_ref", pa.string()),
    pa.field("_landed_at", TIMESTAMP),
    pa.field("_is_deleted", pa.bool_()),
]


RowsWhere = Callable[[str, dict[str, Any]], list[dict[str, Any]]]


@dataclass(frozen=True)
class Delivered:
    """One record as the source delivered it, and where in the source it stood."""

    record: Any
    ref: str


@dataclass
class Counts:
    """What one load did to one dataset; rows_read = rows_good + rows_rejected, unchanged rows are good."""

    rows_read: int = 0
    rows_good: int = 0
    rows_rejected: int = 0
    rows_unchanged: int = 0
    rows_deleted: int = 0


@dataclass
class Existing:
    """What the warehouse already holds of a dataset that is read in full: key to (row hash, is deleted)."""

    hashes: dict[str, tuple[str, bool]] = field(default_factory=dict)
    columns: frozenset[str] = frozenset()


class Landing:
    """One load of one source.

    Args:
        contracts: the source's datasets.
        run_id: identifies this run in raw_ops.loads.
        existing: for datasets read in full, what the warehouse holds; for all, the columns it has.
        refused_fields: by dataset, fields whose declared type no longer fits (see Checker).
        max_shrink_ratio: largest share of keys that may vanish from a full read.
        rows_where: rows that the warehouse holds of a dataset, by column values; nothing when left out.
    """

    def __init__(
        self,
        contracts: dict[str, Dataset],
        run_id: str,
        existing: dict[str, Existing] | None = None,
        refused_fields: dict[str, dict[str, str]] | None = None,
        max_shrink_ratio: float = 0.2,
        rows_where: RowsWhere = lambda name, equal: [],
    ) -> None:
        self.contracts = contracts
        self.run_id = run_id
        self.started_at = datetime.now(UTC)
        self.counts = {name: Counts() for name in contracts}
        self.notices: list[str] = []
        self._existing = existing or {}
        self._max_shrink_ratio = max_shrink_ratio
        self._rows_where = rows_where
        refused = refused_fields or {}
        self._checkers = {name: Checker(dataset, refused.get(name)) for name, dataset in contracts.items()}
        self._seen: dict[str, dict[str, str]] = {name: {} for name in contracts}
        self._logged_columns: set[tuple[str, str]] = set()
        self._changes: list[tuple[str, str, str, str | None, str | None]] = []
        self._naming = NamingConvention()

    def accepts(self, name: str, record: Any) -> bool:
        """Whether a record fits its contract; counts nothing."""
        return not self._checkers[name].check(record).reasons

    def batch(self, name: str, delivered: Iterable[Delivered], *, with_siblings: bool = False) -> Iterator[Any]:
        """Check records of one dataset and yield what is to be loaded.

        Args:
            name: the dataset.
            delivered: the records.
            with_siblings: the records come alone, as in a replay: where the dataset replaces by a wider column
                than its key, what the warehouse holds beside them is landed again with them.
        """
        dataset, counts = self.contracts[name], self.counts[name]
        landed_at = datetime.now(UTC)
        rows: list[dict[str, Any]] = []
        letters: list[dict[str, Any]] = []
        for item in delivered:
            counts.rows_read += 1
            checked = self._checkers[name].check(item.record)
            extras, reasons = self._extra_columns(dataset, checked.extras)
            reasons = checked.reasons + reasons
            digest = row_hash(item.record)
            if dataset.read_mode == "full" and isinstance(item.record, dict):
                reasons += self._note_seen(dataset, item.record, digest)
            if reasons:
                counts.rows_rejected += 1
                letters.append(self._dead_letter(dataset, item, digest, reasons, landed_at))
                rows += self._last_good(dataset, item.record)
                continue
            counts.rows_good += 1
            if self._is_unchanged(dataset, item.record, digest):
                counts.rows_unchanged += 1
                continue
            lineage = {"_row_hash": digest, "_source_ref": item.ref, "_landed_at": landed_at, "_is_deleted": False}
            rows.append({**(checked.row or {}), **extras, **lineage})
        if with_siblings:
            rows += self._siblings(dataset, rows)
        yield from self.rows_item(dataset, rows)
        yield from self._change_items(dataset)
        if letters:
            yield _item(DEAD_LETTERS, pa.Table.from_pylist(letters, DEAD_LETTER_SCHEMA), ["dead_letter_id"])

    def reject(self, name: str, item: Delivered, reason: Reason) -> Iterator[Any]:
        """Send a record that cannot even be taken apart to the dead letters."""
        dataset, counts = self.contracts[name], self.counts[name]
        counts.rows_read += 1
        counts.rows_rejected += 1
        letter = self._dead_letter(dataset, item, row_hash(item.record), (reason,), datetime.now(UTC))
        yield _item(DEAD_LETTERS, pa.Table.from_pylist([letter], DEAD_LETTER_SCHEMA), ["dead_letter_id"])

    def vanished(self, name: str) -> set[str]:
        """Keys that the warehouse holds and the full read just made no longer delivers.

        Raises:
            SourceError: more keys vanished than max_shrink_ratio allows; nothing is landed then.
        """
        alive = {key for key, (_, is_deleted) in self._existing[name].hashes.items() if not is_deleted}
        gone = alive - self._seen[name].keys()
        if gone and (not self._seen[name] or len(gone) > max(1, self._max_shrink_ratio * len(alive))):
            raise SourceError(
                f"the full read delivers {len(self._seen[name])} keys and lacks {len(gone)} of the {len(alive)} "
                f"known ones; at most {self._max_shrink_ratio:.0%} may vanish in one load.",
                subject=f"{self.contracts[name].source}.{name}",
                remedy="ask the source's administrator whether the records were really removed; if so, run again with "
                f"SOURCES__{self.contracts[name].source.upper()}__MAX_SHRINK_RATIO=1.",
            )
        return gone

    def mark_vanished(self, name: str, ref: str) -> Iterator[Any]:
        """Mark what a full read no longer delivers as deleted in the source; the rows stay, for history."""
        dataset, gone = self.contracts[name], self.vanished(name)
        if not gone:
            return
        alive = self._rows_where(name, {"_is_deleted": False})
        stamp = {"_source_ref": ref, "_landed_at": datetime.now(UTC), "_is_deleted": True}
        marked = [{**_without_dlt(row), **stamp} for row in alive if dataset.row_key(row) in gone]
        self.counts[name].rows_deleted += len(marked)
        yield from self.rows_item(dataset, marked)

    def finish(self, name: str, cursor_from: str | None = None, cursor_to: str | None = None) -> Iterator[Any]:
        """Yield the dataset's row of counts; comes last, so that it stands for a whole read."""
        counts = self.counts[name]
        if counts.rows_read != counts.rows_good + counts.rows_rejected:
            raise AssertionError(
                f"{name}: read {counts.rows_read}, good {counts.rows_good}, rejected {counts.rows_rejected}"
            )
        row = {
            "source": self.contracts[name].source,
            "dataset": name,
            "run_id": self.run_id,
            "started_at": self.started_at,
            "cursor_from": cursor_from,
            "cursor_to": cursor_to,
            **vars(counts),
        }
        yield from self._change_items(self.contracts[name])
        yield _item(LOADS, pa.Table.from_pylist([row], LOADS_SCHEMA), ["run_id", "dataset"])

    def rows_item(self, dataset: Dataset, rows: list[dict[str, Any]]) -> Iterator[Any]:
        """Typed rows as one arrow table with the dataset's merge keys; merge delete-insert survives any kill."""
        if not rows:
            return
        extras = sorted({name for row in rows for name in row} - dataset.by_name.keys() - {f.name for f in LINEAGE})
        schema = pa.schema(
            [pa.field(f.name, arrow_type(f)) for f in dataset.fields]
            + [pa.field(name, pa.string()) for name in extras]
            + LINEAGE
        )
        table = pa.Table.from_pylist(rows, schema)
        if dataset.replaces_by:
            yield _item(dataset.name, table, None, merge_key=dataset.replaces_by)
        else:
            yield _item(dataset.name, table, list(dataset.keys))

    def _last_good(self, dataset: Dataset, record: Any) -> list[dict[str, Any]]:
        """The landed version of a record that is now refused: without it, replacing its siblings would drop it."""
        if not dataset.replaces_by or not isinstance(record, dict):
            return []
        equal = {key: record.get(dataset.by_name[key].source_field) for key in dataset.keys}
        if not all(isinstance(value, str) and value for value in equal.values()):
            return []
        return [_without_dlt(row) for row in self._rows_where(dataset.name, equal)]

    def _siblings(self, dataset: Dataset, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        if not dataset.replaces_by:
            return []
        keys = {tuple(row[key] for key in dataset.keys) for row in rows}
        parents = {row[dataset.replaces_by] for row in rows}
        landed = (
            row for parent in sorted(parents) for row in self._rows_where(dataset.name, {dataset.replaces_by: parent})
        )
        return [_without_dlt(row) for row in landed if tuple(row[key] for key in dataset.keys) not in keys]

    def _note_seen(self, dataset: Dataset, record: dict[str, Any], digest: str) -> tuple[Reason, ...]:
        key, seen = dataset.record_key(record), self._seen[dataset.name]
        if seen.setdefault(key, digest) != digest:
            return (Reason("DUPLICATE_KEY", dataset.keys[-1], f"another record with key {key} came in the same read"),)
        return ()

    def _is_unchanged(self, dataset: Dataset, record: dict[str, Any], digest: str) -> bool:
        if dataset.read_mode != "full":
            return False
        known = self._existing.get(dataset.name, Existing()).hashes.get(dataset.record_key(record))
        return known == (digest, False)

    def _extra_columns(
        self, dataset: Dataset, extras: dict[str, str | None]
    ) -> tuple[dict[str, Any], tuple[Reason, ...]]:
        columns: dict[str, Any] = {}
        for name, value in extras.items():
            column = self._naming.normalize_identifier(name)
            if column in dataset.by_name or column in columns or column.startswith("_"):
                return {}, (Reason("AMBIGUOUS_FIELD", name, f"its column name {column} is taken"),)
            columns[column] = value
        for column in columns:
            self._note_column(dataset, column)
        return columns, ()

    def _note_column(self, dataset: Dataset, column: str) -> None:
        known = self._existing.get(dataset.name, Existing()).columns
        if column not in known:
            self.note_change(dataset.name, column, "added", None, "text")

    def note_change(self, name: str, column: str, change: str, old_type: str | None, new_type: str | None) -> None:
        """Remember a schema change; it lands with the next batch or the finish of its dataset."""
        if (name, column) in self._logged_columns:
            return
        self._logged_columns.add((name, column))
        self._changes.append((name, column, change, old_type, new_type))
        self.notices.append(f"{name}.{column}: {change}" + (f", {old_type} -> {new_type}" if old_type else ""))

    def _change_items(self, dataset: Dataset) -> Iterator[Any]:
        mine = [change for change in self._changes if change[0] == dataset.name]
        if not mine:
            return
        self._changes[:] = [change for change in self._changes if change[0] != dataset.name]
        rows = [
            {
                "change_id": identity(dataset.source, *(part or "" for part in change)),
                "source": dataset.source,
                "dataset": dataset.name,
                "table_name": f"raw_{dataset.source}.{dataset.name}",
                "column_name": change[1],
                "change": change[2],
                "old_type": change[3],
                "new_type": change[4],
                "detected_at": datetime.now(UTC),
            }
            for change in mine
        ]
        yield _item(SCHEMA_CHANGES, pa.Table.from_pylist(rows, SCHEMA_CHANGE_SCHEMA), ["change_id"])

    def _dead_letter(
        self, dataset: Dataset, item: Delivered, digest: str, reasons: tuple[Reason, ...], landed_at: datetime
    ) -> dict[str, Any]:
        record = item.record
        return {
            "dead_letter_id": identity(dataset.source, dataset.name, digest),
            "source": dataset.source,
            "dataset": dataset.name,
            "record_key": dataset.record_key(record) if isinstance(record, dict) else "?",
            "reason_codes": ",".join(sorted({str(reason) for reason in reasons})),
            "detail": "; ".join(f"{reason}: {reason.detail}" for reason in reasons),
            "payload": canonical_json(record),
            "source_ref": item.ref,
            "landed_at": landed_at,
        }


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


def _without_dlt(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if not name.startswith("_dlt")}


def _item(table: str, data: pa.Table, primary_key: list[str] | None, merge_key: str | None = None) -> Any:
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


DEAD_LETTER_SCHEMA = _text_schema(
    "dead_letter_id", "source", "dataset", "record_key", "reason_codes", "detail", "payload", "source_ref",
    landed_at=TIMESTAMP,
)  # fmt: skip
SCHEMA_CHANGE_SCHEMA = _text_schema(
    "change_id", "source", "dataset", "table_name", "column_name", "change", "old_type", "new_type",
    detected_at=TIMESTAMP,
)  # fmt: skip
LOADS_SCHEMA = _text_schema(
    "source", "dataset", "run_id", "cursor_from", "cursor_to",
    started_at=TIMESTAMP, rows_read=pa.int64(), rows_good=pa.int64(), rows_rejected=pa.int64(),
    rows_unchanged=pa.int64(), rows_deleted=pa.int64(),
)  # fmt: skip
