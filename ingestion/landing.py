"""One load of one source: check records, split good from rejected, keep count, keep provenance.

A `Landing` turns delivered records into items for dlt, all in one load package: the dataset's rows, its dead
letters, its schema changes and, at the end, one row of counts. What one package holds lands together or not
at all, so a killed load can be run again. dlt's own schema contracts are not used as the gate: `freeze`
leaves a package that fails for ever and `discard_*` loses data without a trace.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from dlt.common.normalizers.naming.snake_case import NamingConvention

from ingestion.checks import Checked, Checker, Reason
from ingestion.columns import as_text_column, landed_columns, stamped, typed
from ingestion.contract import Dataset, Field
from ingestion.full_read import Existing, FullRead
from ingestion.items import (
    DEAD_LETTERS,
    FILES,
    LINEAGE,
    LOADS,
    ROW_CHANGES,
    SCHEMA_CHANGES,
    TIMESTAMP,
    KnownFile,
    arrow_type,
    own_item,
    package_item,
)
from ingestion.provenance import canonical_json, identity, row_hash, text_hash
from ingestion.vector import DeliveredTable, TableChecker

RowsWhere = Callable[[str, dict[str, Any]], list[dict[str, Any]]]
TableWhere = Callable[[str, dict[str, Any]], "pa.Table | None"]


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


class Landing:
    """One load of one source.

    Args:
        contracts: the source's datasets.
        run_id: identifies this run in raw_ops.loads.
        existing: for datasets read in full, what the warehouse holds; for all, the columns it has.
        refused_fields: by dataset, fields whose declared type no longer fits (see Checker).
        max_shrink_ratio: largest share of keys that may vanish from a full read.
        rows_where: rows that the warehouse holds of a dataset, by column values; nothing when left out.
        table_where: the same as an arrow table.
        known_files: by dataset and path, the files that earlier loads dealt with.
    """

    def __init__(
        self,
        contracts: dict[str, Dataset],
        run_id: str,
        existing: dict[str, Existing] | None = None,
        refused_fields: dict[str, dict[str, str]] | None = None,
        max_shrink_ratio: float = 0.2,
        rows_where: RowsWhere = lambda name, equal: [],
        table_where: TableWhere = lambda name, equal: None,
        known_files: dict[str, dict[str, KnownFile]] | None = None,
    ) -> None:
        self.contracts = contracts
        self.run_id = run_id
        self.started_at = datetime.now(UTC)
        self.counts = {name: Counts() for name in contracts}
        self.notices: list[str] = []
        self.refused_files: list[str] = []
        self.rejected_positions: dict[str, list[int]] = {}  # by dataset, of its latest arrow batch
        self._existing = existing or {}
        self.rows_where = rows_where
        self._table_where = table_where
        self._known_files = known_files or {}
        refused = refused_fields or {}
        self._checkers = {name: Checker(dataset, refused.get(name)) for name, dataset in contracts.items()}
        self._refused = {name for name, fields in refused.items() if fields}
        self._checked: dict[int, tuple[Any, str, Checked]] = {}
        self._table_checkers: dict[str, TableChecker] = {}
        self._full_reads = {
            name: FullRead(dataset, self._existing.get(name, Existing()), max_shrink_ratio, run_id)
            for name, dataset in contracts.items()
            if dataset.read_mode == "full"
        }
        self._logged_columns: set[tuple[str, str]] = set()
        self._changes: list[tuple[str, str, str, str | None, str | None]] = []
        self._naming = NamingConvention()

    def accepts(self, name: str, record: Any) -> bool:
        """Whether a record fits its contract; counts nothing. The outcome is kept for the batch that follows."""
        canonical = canonical_json(record)
        checked = self._checkers[name].check(record, canonical)
        self._checked[id(record)] = (record, canonical, checked)  # holding the record keeps its id its own
        return not checked.reasons

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
            canonical, checked = self._check(name, item.record)
            extras, reasons = self._extra_columns(dataset, checked.extras)
            reasons = checked.reasons + reasons
            digest = text_hash(canonical)
            full_read = self._full_reads.get(name)
            if full_read and isinstance(item.record, dict):
                reasons += full_read.note(item.record, digest)
            if reasons:
                counts.rows_rejected += 1
                letters.append(self._dead_letter(dataset, item, digest, reasons, landed_at))
                rows += self._last_good(dataset, item.record)
                continue
            counts.rows_good += 1
            if full_read and full_read.is_unchanged(item.record, digest):
                counts.rows_unchanged += 1
                continue
            lineage = {"_row_hash": digest, "_source_ref": item.ref, "_landed_at": landed_at, "_is_deleted": False}
            rows.append({**(checked.row or {}), **extras, **lineage})
        if with_siblings:
            rows += self._siblings(dataset, rows)
        yield from self.rows_item(dataset, rows)
        yield from self._change_items(dataset)
        if letters:
            yield own_item(DEAD_LETTERS, letters)

    def _check(self, name: str, record: Any) -> tuple[str, Checked]:
        known = self._checked.pop(id(record), None)
        if known is not None and known[0] is record:
            return known[1], known[2]
        canonical = canonical_json(record)
        return canonical, self._checkers[name].check(record, canonical)

    def arrow_batch(self, name: str, delivered: DeliveredTable, *, with_siblings: bool = False) -> Iterator[Any]:
        """Check records that come as columns and yield what is to be loaded.

        Args:
            name: the dataset.
            delivered: the records.
            with_siblings: the records come alone, as in a replay: of files, what the warehouse holds of the same
                file is landed again with them, because a file's rows are replaced as a whole.
        """
        dataset, counts = self.contracts[name], self.counts[name]
        landed_at = datetime.now(UTC)
        checker = self._table_checker(dataset)
        checked = checker.check(delivered.table)
        counts.rows_read += delivered.table.num_rows
        counts.rows_good += checked.good.num_rows
        counts.rows_rejected += len(checked.rejected)
        self.rejected_positions[name] = [position for position, _, _ in checked.rejected]
        if checked.good.num_rows + len(checked.rejected) != delivered.table.num_rows:
            raise AssertionError(f"{name}: {delivered.table.num_rows} records became {checked.good.num_rows} good ones")
        hashes = delivered.hashes if delivered.hashes is not None else checker.hashes(delivered.table)
        whole = self._with_lineage(dataset, delivered, hashes, landed_at)
        if checked.rejected:
            whole = whole.take(checked.positions)
        table = typed(dataset, checked.good, whole)
        if with_siblings and dataset.files:
            table = self._with_rest_of_files(dataset, table)
        if table.num_rows:
            yield self._table_item(dataset, table)
        yield from self._change_items(dataset)
        letters = [
            self._dead_letter(
                dataset,
                Delivered(record, delivered.refs[position].as_py()),
                hashes[position].as_py(),
                reasons,
                landed_at,
            )
            for position, record, reasons in checked.rejected
        ]
        if letters:
            yield own_item(DEAD_LETTERS, letters)

    def reject_all(self, name: str, rejected: Iterable[tuple[Delivered, Reason]]) -> Iterator[Any]:
        """Send records that cannot be taken apart, such as broken lines of a file, to the dead letters."""
        dataset, counts = self.contracts[name], self.counts[name]
        landed_at = datetime.now(UTC)
        letters = [
            self._dead_letter(dataset, item, row_hash(item.record), (reason,), landed_at) for item, reason in rejected
        ]
        counts.rows_read += len(letters)
        counts.rows_rejected += len(letters)
        if letters:
            yield own_item(DEAD_LETTERS, letters)

    def known_files(self, name: str) -> dict[str, KnownFile]:
        """By path, the files that earlier loads dealt with."""
        return dict(self._known_files.get(name, {}))

    def refuse_file(self, name: str, path: str, why: str) -> None:
        """Remember a file that cannot be read at all: it is reported, and tried again by the next load."""
        self.refused_files.append(f"{name}: {path}: {why}")

    def withdraw_file(self, name: str, path: str) -> Iterator[Any]:
        """Mark the rows of a file that no longer holds a good record as deleted."""
        dataset, landed = self.contracts[name], self._table_where(name, {"_source_file": path, "_is_deleted": False})
        if landed is None or not landed.num_rows:
            return
        self.counts[name].rows_deleted += landed.num_rows
        yield self._table_item(dataset, stamped(landed_columns(landed), datetime.now(UTC), is_deleted=True))

    def note_file(self, name: str, path: str, sha256: str, **facts: Any) -> Iterator[Any]:
        """Remember a file that was looked at; comes after all of its rows, in the same package."""
        row = {"source": self.contracts[name].source, "dataset": name, "path": path, "sha256": sha256, **facts}
        yield own_item(FILES, [{**row, "landed_at": datetime.now(UTC)}])

    def reject(self, name: str, item: Delivered, reason: Reason) -> Iterator[Any]:
        """Send a record that cannot even be taken apart to the dead letters."""
        yield from self.reject_all(name, [(item, reason)])

    def mark_deleted(self, name: str, equal: dict[str, Any], ref: str) -> Iterator[Any]:
        """Mark the landed rows with the given column values as deleted: nothing that came would replace them."""
        landed = self.rows_where(name, {**equal, "_is_deleted": False})
        stamp = {"_source_ref": ref, "_landed_at": datetime.now(UTC), "_is_deleted": True}
        self.counts[name].rows_deleted += len(landed)
        yield from self.rows_item(self.contracts[name], [{**_without_dlt(row), **stamp} for row in landed])

    def vanished(self, name: str) -> set[str]:
        """Keys that the warehouse holds and the full read just made no longer delivers.

        Raises:
            SourceError: more keys vanished than max_shrink_ratio allows; nothing is landed then.
        """
        return self._full_reads[name].vanished()

    def mark_vanished(self, name: str, ref: str) -> Iterator[Any]:
        """Mark what a full read no longer delivers as deleted in the source; the rows stay, for history."""
        dataset, gone = self.contracts[name], self.vanished(name)
        if not gone:
            return
        alive = self.rows_where(name, {"_is_deleted": False})
        stamp = {"_source_ref": ref, "_landed_at": datetime.now(UTC), "_is_deleted": True}
        marked = [{**_without_dlt(row), **stamp} for row in alive if dataset.row_key(row) in gone]
        self.counts[name].rows_deleted += len(marked)
        for row in marked:
            self._full_reads[name].note_deleted(row)
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
        if name in self._full_reads and (changes := self._full_reads[name].take_changes()):
            yield own_item(ROW_CHANGES, [{**change, "as_of": cursor_to} for change in changes])
        yield own_item(LOADS, [row])

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
        yield self._table_item(dataset, table)

    def _table_item(self, dataset: Dataset, table: pa.Table) -> Any:
        if dataset.files:
            return package_item(dataset.name, table, None, merge_key="_source_file")
        if dataset.replaces_by:
            return package_item(dataset.name, table, None, merge_key=dataset.replaces_by)
        return package_item(dataset.name, table, list(dataset.keys))

    def _table_checker(self, dataset: Dataset) -> TableChecker:
        if dataset.name not in self._table_checkers:
            is_refused = dataset.name in self._refused
            self._table_checkers[dataset.name] = TableChecker(dataset, self._checkers[dataset.name], refused=is_refused)
        return self._table_checkers[dataset.name]

    def _with_lineage(
        self, dataset: Dataset, delivered: DeliveredTable, hashes: pa.Array, landed_at: datetime
    ) -> pa.Table:
        """What stands beside the contract's columns: unknown fields as text, the file's columns, lineage."""
        columns: dict[str, Any] = {}
        for name in delivered.table.column_names:
            if name in dataset.by_source_field:
                continue
            column = self._column_name(name).lstrip("_") or "unnamed"
            while column in dataset.by_name or column in columns:
                column += "_2"
            columns[column] = as_text_column(delivered.table[name])
            self._note_column(dataset, column)
        count = delivered.table.num_rows
        return pa.table(
            {
                **columns,
                **delivered.landed_as_they_are,
                "_row_hash": hashes,
                "_source_ref": delivered.refs,
                "_landed_at": pa.repeat(pa.scalar(landed_at, TIMESTAMP), count),
                "_is_deleted": pa.repeat(pa.scalar(False), count),
            }
        )

    def _with_rest_of_files(self, dataset: Dataset, table: pa.Table) -> pa.Table:
        parts = [table]
        for path in pc.unique(table["_source_file"]).to_pylist():
            landed = self._table_where(dataset.name, {"_source_file": path})
            if landed is not None:
                rest = landed.filter(pc.invert(pc.is_in(landed["_source_ref"], table["_source_ref"].combine_chunks())))
                parts.append(landed_columns(rest))
        return pa.concat_tables(parts, promote_options="permissive")

    def _last_good(self, dataset: Dataset, record: Any) -> list[dict[str, Any]]:
        """The landed version of a record that is now refused: without it, replacing its siblings would drop it."""
        if not dataset.replaces_by or not isinstance(record, dict):
            return []
        equal = {key: record.get(dataset.by_name[key].source_field) for key in dataset.keys}
        if not all(_is_key(value, dataset.by_name[key]) for key, value in equal.items()):
            return []
        return [_without_dlt(row) for row in self.rows_where(dataset.name, equal)]

    def _siblings(self, dataset: Dataset, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        if not dataset.replaces_by:
            return []
        keys = {tuple(row[key] for key in dataset.keys) for row in rows}
        parents = {row[dataset.replaces_by] for row in rows}
        landed = (
            row for parent in sorted(parents) for row in self.rows_where(dataset.name, {dataset.replaces_by: parent})
        )
        return [_without_dlt(row) for row in landed if tuple(row[key] for key in dataset.keys) not in keys]

    def _extra_columns(
        self, dataset: Dataset, extras: dict[str, str | None]
    ) -> tuple[dict[str, Any], tuple[Reason, ...]]:
        columns: dict[str, Any] = {}
        for name, value in extras.items():
            column = self._column_name(name)
            if column in dataset.by_name or column in columns or column.startswith("_"):
                return {}, (Reason("AMBIGUOUS_FIELD", name, f"its column name {column} is taken"),)
            columns[column] = value
        for column in columns:
            self._note_column(dataset, column)
        return columns, ()

    def _column_name(self, name: str) -> str:
        """The column for a field that the contract does not know; dlt refuses to name a field without a name."""
        return self._naming.normalize_identifier(name) if name.strip() else "_"

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
        yield own_item(SCHEMA_CHANGES, rows)

    def _dead_letter(
        self, dataset: Dataset, item: Delivered, digest: str, reasons: tuple[Reason, ...], landed_at: datetime
    ) -> dict[str, Any]:
        record = item.record
        # Two equal lines of files are two records; the same record of an interface read twice is one.
        place = [item.ref] if dataset.files else []
        return {
            "dead_letter_id": identity(dataset.source, dataset.name, *place, digest),
            "source": dataset.source,
            "dataset": dataset.name,
            "record_key": dataset.record_key(record) if isinstance(record, dict) else "?",
            "reason_codes": ",".join(sorted({str(reason) for reason in reasons})),
            "detail": "; ".join(f"{reason}: {reason.detail}" for reason in reasons),
            "payload": canonical_json(record),
            "source_ref": item.ref,
            "landed_at": landed_at,
        }


def _is_key(value: Any, spec: Field) -> bool:
    """Whether a delivered value can be looked up in the key column as it is."""
    if spec.logical_type == "integer":
        return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63
    return isinstance(value, str) and value != ""


def _without_dlt(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if not name.startswith("_dlt")}
