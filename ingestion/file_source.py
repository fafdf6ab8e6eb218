"""Sources that come as files: which files are new or corrected, and their records into the landing.

A file is known by its path and the SHA-256 of its content (raw_ops.files), not by its modification time, because a
late file can carry an old one. New content at a known path replaces the rows that came from that path; content that
already landed under another path is a repeated file and lands nothing. Files that are gone keep their rows.
dlt's filesystem source follows modification times and hands over whole files; both lose records here.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import dlt
import pyarrow as pa
import pyarrow.compute as pc
from dlt.common.configuration import configspec
from dlt.common.configuration.specs import BaseConfiguration

from ingestion.checks import Reason
from ingestion.contract import Dataset
from ingestion.errors import ConfigError, SourceError
from ingestion.files.layout import FileCount, FileLayout, RecordBatch
from ingestion.files.reader import read_file
from ingestion.landing import Delivered, Landing
from ingestion.provenance import file_ref
from ingestion.settings import resolve
from ingestion.vector import DeliveredTable

ROWS_AT_ONCE = 2 * 122_880
"""Rows that are checked and handed to dlt together: many small files in one go, a large one in parts. A multiple of
DuckDB's row group: of parts that fill them unevenly, DuckDB writes the whole table once more when the load ends."""


@configspec
class FileSourceConfig(BaseConfiguration):
    """Settings under `sources.<source>`, from .dlt/config.toml or SOURCES__<SOURCE>__* in the environment."""

    directory: str = None  # type: ignore[assignment]
    max_reject_ratio: float = 0.05


@dataclass
class FileFacts:
    """A file on its way into the warehouse."""

    path: str
    sha256: str
    size_bytes: int
    rows_read: int = 0
    rows_rejected: int = 0
    is_correction: bool = False
    is_on_its_way: bool = False
    encoding: str | None = None
    lines: str | None = None


class FileReader:
    """Reads the files of one source; see `ingestion.runner.SourceReader` for what the runner asks of it."""

    name: ClassVar[str]
    max_shrink_ratio = 0.2

    def __init__(self, config: FileSourceConfig) -> None:
        self.max_reject_ratio = config.max_reject_ratio
        self._root = Path(config.directory)
        if not self._root.is_dir():
            raise ConfigError(
                f"the directory {self._root} does not exist.",
                subject=f"source {self.name}",
                remedy=f"set SOURCES__{self.name.upper()}__DIRECTORY to where the files are delivered.",
            )

    @classmethod
    def from_config(cls) -> Self:
        """A reader with its settings resolved the dlt way.

        Raises:
            ConfigError: the directory is not set or not there.
        """
        return cls(resolve(FileSourceConfig(), cls.name))

    def refused_fields(self, contracts: dict[str, Dataset]) -> tuple[dict[str, dict[str, str]], dict[str, list[str]]]:
        """Files declare no types: each is held against its contract when it is read."""
        return {name: {} for name in contracts}, {name: [] for name in contracts}

    def resources(self, landing: Landing) -> list[Any]:
        """dlt resources, one for each dataset."""
        return [
            dlt.resource(self._read(landing, dataset), name=f"read_{name}")
            for name, dataset in landing.contracts.items()
        ]

    def _read(self, landing: Landing, dataset: Dataset) -> Iterator[Any]:
        known = landing.known_files(dataset.name)
        pending = _Pending(landing, dataset)
        found = [(path, self._facts(path)) for path in self._paths(dataset)]
        now = {facts.path: facts.sha256 for _, facts in found}
        # Content that stands in the warehouse; not that of a path whose file has other content by now.
        landed = {
            file.sha256: path
            for path, file in known.items()
            if file.is_landed and now.get(path, file.sha256) == file.sha256
        }
        for path, facts in found:
            if facts.path in known and known[facts.path].sha256 == facts.sha256:
                continue
            facts.is_correction = facts.path in known
            twin = landed.get(facts.sha256)
            if twin is not None:
                yield from self._repeated(landing, dataset, facts, twin)
                continue
            if (yield from self._read_one(landing, dataset, path, facts, pending)):
                landed[facts.sha256] = facts.path
        yield from pending.flush()
        yield from landing.finish(dataset.name)

    def delivered(self, dataset: Dataset) -> list[tuple[str, str]]:
        """The files that lie there for a dataset: path and SHA-256 of the content, as raw_ops.files keeps them."""
        found = (self._facts(path) for path in self._paths(dataset))
        return [(facts.path, facts.sha256) for facts in found]

    def _paths(self, dataset: Dataset) -> list[Path]:
        """The dataset's files in the order of their names; hidden and half-copied ones are left alone."""
        found = (path for path in self._root.glob(dataset.files.pattern) if path.is_file())
        return sorted(path for path in found if path.name[0] not in ".~" and path.suffix not in (".part", ".tmp"))

    def _facts(self, path: Path) -> FileFacts:
        try:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            return FileFacts(path.relative_to(self._root).as_posix(), digest, path.stat().st_size)
        except OSError as error:
            raise self._unreadable(path, error) from error

    def _read_one(
        self, landing: Landing, dataset: Dataset, path: Path, facts: FileFacts, pending: _Pending
    ) -> Generator[Any, None, bool]:
        """Yield the file's records; returns whether it was read to its end."""
        try:
            file = read_file(path, self.layout(dataset))
            for batch in file:
                _assert_header(dataset, facts, batch)
                yield from pending.add(facts, batch)
        except SourceError as error:
            if facts.is_on_its_way:
                raise  # a part of it is in the package already: nothing of this run may land
            # One file that cannot be read must not hold up the others: it is reported and tried again next time.
            landing.refuse_file(dataset.name, facts.path, error.what)
            pending.forget(facts)
            return False
        if file.count.records != facts.rows_read or file.count.accounted != file.count.lines:
            raise AssertionError(f"{facts.path}: {facts.rows_read} records, the reader counted {file.count}")
        facts.encoding, facts.lines = file.encoding, _lines(file.count)
        if self._facts(path).sha256 != facts.sha256:
            raise SourceError(
                "it changed while it was read; nothing of this run was landed.",
                subject=f"{self.name}.{dataset.name}, file {facts.path}",
                remedy="have files put in place by renaming them when they are complete, then run again.",
            )
        pending.done(facts)
        return True

    def layout(self, dataset: Dataset) -> FileLayout:
        """How the dataset's files are laid out: what its contract says. What it leaves out is detected."""
        spec = dataset.files
        return FileLayout(
            format=spec.format,
            columns=tuple(field.source_field for field in dataset.fields),
            delimiter=spec.delimiter,
            encoding=spec.encoding,
            has_header=spec.has_header,
            sheet=spec.sheet,
            unpivot_columns=spec.unpivot_columns,
            unpivot_name_field=spec.unpivot_name_field or "name",
            unpivot_value_field=spec.unpivot_value_field or "value",
            unpivot_header_rows=spec.unpivot_header_rows,
            total_rows=spec.total_rows,
        )

    def _repeated(self, landing: Landing, dataset: Dataset, facts: FileFacts, twin: str) -> Iterator[Any]:
        landing.notices.append(f"{dataset.name}: {facts.path} has the content of {twin}: not landed again")
        if facts.is_correction:
            yield from landing.withdraw_file(dataset.name, facts.path)
        yield from landing.note_file(
            dataset.name, facts.path, facts.sha256, status="repeated", layout=twin, size_bytes=facts.size_bytes
        )

    def _unreadable(self, path: Path, error: OSError) -> SourceError:
        return SourceError(
            f"it cannot be read: {error.strerror or error}; nothing of this run was landed.",
            subject=f"source {self.name}, file {path.name}",
            remedy="check the file and its permissions, then run again.",
        )


@dataclass(frozen=True)
class _Part:
    """Records of one file; `columns` stand beside those of the table."""

    facts: FileFacts
    table: pa.Table
    columns: dict[str, pa.Array]

    def slice(self, start: int, count: int | None = None) -> _Part:
        """Some of its records."""
        columns = {name: column.slice(start, count) for name, column in self.columns.items()}
        return _Part(self.facts, self.table.slice(start, count), columns)


class _Pending:
    """Records of several files, collected until there are enough to check them together."""

    def __init__(self, landing: Landing, dataset: Dataset) -> None:
        self._landing = landing
        self._dataset = dataset
        self._parts: list[_Part] = []
        self._rejected: list[tuple[FileFacts, Delivered, Reason]] = []
        self._finished: list[FileFacts] = []
        self._rows = 0

    def add(self, facts: FileFacts, batch: RecordBatch) -> Iterator[Any]:
        """Take a batch of one file; yields what became ready to be loaded."""
        count = batch.table.num_rows
        facts.rows_read += count + len(batch.rejected)
        facts.rows_rejected += len(batch.rejected)
        for broken in batch.rejected:
            where = Delivered(broken.raw, file_ref(facts.path, broken.line))
            self._rejected.append((facts, where, Reason(broken.code, "*", broken.detail)))
        if count:
            mark, texts = ":", pc.cast(batch.lines, pa.string())
            if batch.cells is not None:
                mark, texts = f"!{self._dataset.files.sheet}!", batch.cells
            columns = {
                "refs": pc.binary_join_element_wise(pa.scalar(facts.path), texts, pa.scalar(mark)),
                "hashes": batch.hashes,
                "_source_file": pa.repeat(pa.scalar(facts.path), count),
                "_source_line": batch.lines,
            }
            self._parts.append(_Part(facts, batch.table, columns))
            self._rows += count
        while self._rows >= ROWS_AT_ONCE:
            yield from self._flush(self._take(ROWS_AT_ONCE))

    def done(self, facts: FileFacts) -> None:
        """The file was read to its end."""
        self._finished.append(facts)

    def forget(self, facts: FileFacts) -> None:
        """Drop what was collected of a file that is refused as a whole."""
        self._parts = [part for part in self._parts if part.facts is not facts]
        self._rows = sum(part.table.num_rows for part in self._parts)
        self._rejected = [rejected for rejected in self._rejected if rejected[0] is not facts]

    def flush(self) -> Iterator[Any]:
        """Check and yield all that was collected, then the files that are complete."""
        yield from self._flush(self._take(self._rows))

    def _take(self, rows: int) -> list[_Part]:
        """The first records; the others stay."""
        taken = []
        self._rows -= rows
        while rows:
            part = self._parts.pop(0)
            if part.table.num_rows > rows:
                self._parts.insert(0, part.slice(rows))
                part = part.slice(0, rows)
            taken.append(part)
            rows -= part.table.num_rows
        return taken

    def _flush(self, parts: list[_Part]) -> Iterator[Any]:
        name = self._dataset.name
        for owner in [part.facts for part in parts] + [facts for facts, _, _ in self._rejected]:
            owner.is_on_its_way = True
        if parts:
            table = pa.concat_tables([part.table for part in parts], promote_options="default")
            columns = {key: _joined([part.columns[key] for part in parts]) for key in parts[0].columns}
            refs, hashes = columns.pop("refs"), columns.pop("hashes")
            yield from self._landing.arrow_batch(name, DeliveredTable(table, refs, hashes, columns))
            self._count_rejected(parts)
        yield from self._landing.reject_all(name, [(item, reason) for _, item, reason in self._rejected])
        self._rejected = []
        waiting = {part.facts.path for part in self._parts}
        for facts in self._finished:
            if facts.path not in waiting:
                yield from self._note(facts)
        self._finished = [facts for facts in self._finished if facts.path in waiting]

    def _note(self, facts: FileFacts) -> Iterator[Any]:
        name = self._dataset.name
        if facts.is_correction and facts.rows_read == facts.rows_rejected:
            yield from self._landing.withdraw_file(name, facts.path)
        yield from self._landing.note_file(
            name,
            facts.path,
            facts.sha256,
            status="landed",
            encoding=facts.encoding,
            layout=facts.lines,
            size_bytes=facts.size_bytes,
            rows_read=facts.rows_read,
            rows_good=facts.rows_read - facts.rows_rejected,
            rows_rejected=facts.rows_rejected,
        )

    def _count_rejected(self, parts: list[_Part]) -> None:
        ends, total = [], 0
        for part in parts:
            total += part.table.num_rows
            ends.append((total, part.facts))
        waiting = iter(ends)
        end, facts = next(waiting)
        for position in sorted(self._landing.rejected_positions[self._dataset.name]):
            while position >= end:
                end, facts = next(waiting)
            facts.rows_rejected += 1


def _joined(parts: list[pa.Array]) -> pa.Array:
    return pa.chunked_array(parts).combine_chunks() if len(parts) > 1 else parts[0]


def _assert_header(dataset: Dataset, facts: FileFacts, batch: RecordBatch) -> None:
    """Refuse a file whose header lacks required fields: it is another kind of file, not one with bad records."""
    names = batch.table.column_names
    missing = [spec.source_field for spec in dataset.fields if spec.required and spec.source_field not in names]
    if missing and dataset.files.format != "jsonl" and batch.table.num_rows:
        raise SourceError(
            f"its header lacks {', '.join(missing)}; it has {', '.join(names[:12])}.",
            subject=f"{dataset.source}.{dataset.name}, file {facts.path}",
            remedy="have it delivered with these columns, or change the contract if the change is agreed.",
        )


def _lines(count: FileCount) -> str:
    """Where the lines of the file went, as JSON."""
    return json.dumps({name: value for name, value in vars(count).items() if name != "notes"})
