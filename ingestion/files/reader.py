"""One file to batches of records, whatever its format."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from ingestion.errors import ConfigError
from ingestion.files.csv_reader import CsvReader
from ingestion.files.encoding import Encoding, declared_encoding, detect_encoding
from ingestion.files.jsonl_reader import JsonlReader
from ingestion.files.layout import FORMATS, FileCount, FileLayout, RecordBatch
from ingestion.files.workbook_reader import WorkbookReader

BATCH_BYTES = 32 << 20


class _Reader(Protocol):
    count: FileCount

    def batches(self) -> Iterator[RecordBatch]: ...


class FileReader:
    """The batches of one file, as an iterator; `count` says where every line went, once the last batch is out."""

    def __init__(self, path: Path, reader: _Reader, encoding: Encoding | None) -> None:
        self.path = path
        self.encoding = encoding.codec if encoding else None
        self.reader = reader
        self._batches = reader.batches()

    @property
    def count(self) -> FileCount:
        """Lines and records so far."""
        return self.reader.count

    def __iter__(self) -> Iterator[RecordBatch]:
        return self

    def __next__(self) -> RecordBatch:
        return next(self._batches)


def read_file(path: Path | str, layout: FileLayout, *, batch_bytes: int = BATCH_BYTES) -> FileReader:
    """Read a file in batches of about `batch_bytes` of its text.

    Every record of the file is in exactly one batch, in `table` or in `rejected`: `count.records` is their sum, and
    `count.accounted` equals `count.lines` at the end.

    Raises:
        SourceError: the file cannot be opened or read to its end, or has no such sheet.
        ConfigError: the layout contradicts itself.
    """
    path = Path(path)
    if layout.format not in FORMATS:
        raise ConfigError(
            f"there is no file format {layout.format!r}.",
            subject=str(path),
            remedy=f"use one of {', '.join(FORMATS)}.",
        )
    if layout.format == "workbook":
        return FileReader(path, WorkbookReader(path, layout, batch_bytes), None)
    encoding = declared_encoding(path, layout.encoding) if layout.encoding else detect_encoding(path)
    kind = CsvReader if layout.format == "csv" else JsonlReader
    return FileReader(path, kind(path, layout, encoding, batch_bytes), encoding)
