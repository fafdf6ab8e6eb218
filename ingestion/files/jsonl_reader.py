"""JSON Lines, losslessly: each value keeps its spelling (1.10 stays 1.10), each line is a record or a reject.

A file that is one JSON array, or objects written over several lines, is read too: each object is a record on the
line where it starts. Such a file is held in memory; JSON Lines are streamed.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from ingestion.files.encoding import Encoding, utf8_blocks
from ingestion.files.gather import PART_BYTES, gather
from ingestion.files.hashing import Hasher
from ingestion.files.json_document import spans_lines, split_document
from ingestion.files.json_template import LineTemplate
from ingestion.files.json_text import RepeatedKey, Row, parse_record, to_text
from ingestion.files.layout import (
    AMBIGUOUS_FIELD,
    INVALID_ENCODING,
    UNREADABLE_RECORD,
    FileCount,
    FileLayout,
    RecordBatch,
    Rejected,
    escape_raw,
)
from ingestion.files.lines import Lines, find_lines, line_texts


class JsonlReader:
    """Reads one JSONL file; `count` is complete when the last batch is out."""

    def __init__(self, path: Path, layout: FileLayout, encoding: Encoding, batch_bytes: int) -> None:
        self.path, self.layout, self.encoding = path, layout, encoding
        self.count = FileCount()
        self._batch_bytes = batch_bytes
        self._hasher = Hasher()
        self._template = LineTemplate()
        self._line = 1

    def batches(self) -> Iterator[RecordBatch]:
        """The records of the file."""
        return gather(self._parts(), self._batch_bytes)

    def _parts(self) -> Iterator[RecordBatch]:
        blocks = utf8_blocks(self.path, self.encoding, min(PART_BYTES, self._batch_bytes))
        buffer = next(blocks, b"")
        following = next(blocks, None)
        if spans_lines(buffer):
            yield self._document(b"".join([buffer, following or b"", *blocks]))
            return
        while True:
            at_end = following is None
            lines = find_lines(buffer, at_end=at_end)
            if len(lines):
                yield self._part(buffer, lines)
            if at_end:
                return
            buffer, following = buffer[lines.consumed :] + (following or b""), next(blocks, None)

    def _part(self, buffer: bytes, lines: Lines) -> RecordBatch:
        if (part := self._uniform_part(buffer, lines)) is not None:
            return part
        texts = self._texts(buffer, lines)
        rows: list[Row] = []
        raw: list[str] = []
        numbers: list[int] = []
        rejected: list[Rejected] = []
        blank = 0
        for number, text in enumerate(texts, start=self._line):
            if isinstance(text, bytes):
                detail = f"bytes that are not {self.encoding.codec}"
                rejected.append(Rejected(number, escape_raw(text), INVALID_ENCODING, detail, is_escaped=True))
                continue
            try:
                rows.append(parse_record(text))
            except ValueError as error:
                if not text.strip():
                    blank += 1
                else:
                    rejected.append(_reject(number, text, error))
                continue
            raw.append(text)
            numbers.append(number)
        if rows:
            self._template.learn(list(rows[0]))
        self._line += len(lines)
        self.count.lines += len(lines)
        self.count.blank += blank
        self.count.record_lines += len(lines) - blank
        return self._batch(rows, raw, numbers, rejected)

    def _uniform_part(self, buffer: bytes, lines: Lines) -> RecordBatch | None:
        """The block at once, if all its lines have the same form."""
        if self.encoding.has_faults:
            return None
        if self._template.is_new:
            self._learn(buffer[: lines.ends[0]])
        table = self._template.read(buffer[: lines.consumed].decode("utf-8"), len(lines))
        if table is None:
            return None
        names = [name for name in self.layout.columns if name in table.column_names]
        table = table.select(names + [name for name in table.column_names if name not in names])
        raw = line_texts(lines.array, lines.starts, lines.ends)
        numbers = pa.array(np.arange(self._line, self._line + len(lines)))
        self._line += len(lines)
        self.count.lines += len(lines)
        self.count.records += len(lines)
        self.count.record_lines += len(lines)
        return RecordBatch(table, numbers, self._hasher.hashes(raw), raw, [])

    def _learn(self, line: bytes) -> None:
        try:
            self._template.learn(list(parse_record(line.decode("utf-8"))))
        except ValueError:
            self._template.learn(())

    def _batch(self, rows: list[Row], raw: list[str], numbers: list[int], rejected: list[Rejected]) -> RecordBatch:
        self.count.records += len(rows) + len(rejected)
        self.count.rejected += len(rejected)
        texts = pa.array(raw, pa.string())
        table = _to_table(rows, self.layout.columns)
        return RecordBatch(table, pa.array(numbers, pa.int64()), self._hasher.hashes(texts), texts, rejected)

    def _document(self, whole: bytes) -> RecordBatch:
        """One array, or objects over several lines."""
        text = _decoded(whole)
        pieces = split_document(text if isinstance(text, str) else escape_raw(text))
        rows: list[Row] = []
        raw: list[str] = []
        numbers: list[int] = []
        rejected: list[Rejected] = []
        for piece in pieces.values:
            try:
                rows.append(parse_record(piece.text))
            except ValueError as error:
                rejected.append(_reject(piece.line, piece.text, error))
            else:
                raw.append(piece.text)
                numbers.append(piece.line)
        self.count.lines += pieces.lines
        self.count.record_lines += pieces.record_lines
        self.count.blank += pieces.blank_lines
        self.count.header += pieces.lines - pieces.record_lines - pieces.blank_lines
        return self._batch(rows, raw, numbers, rejected)

    def _texts(self, buffer: bytes, lines: Lines) -> list[str | bytes]:
        """The lines as text, or as bytes where they are not UTF-8."""
        starts, ends = lines.starts.tolist(), lines.ends.tolist()
        whole = buffer[: lines.consumed]
        if not self.encoding.has_faults and whole.isascii():
            text = whole.decode("ascii")
            return [text[start:end] for start, end in zip(starts, ends, strict=True)]
        return [_decoded(buffer[start:end]) for start, end in zip(starts, ends, strict=True)]


def _decoded(line: bytes) -> str | bytes:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        return line


def _reject(number: int, text: str, error: ValueError) -> Rejected:
    code = AMBIGUOUS_FIELD if isinstance(error, RepeatedKey) else UNREADABLE_RECORD
    detail = str(error)[:200].encode("utf-8", "replace").decode("utf-8")
    if "\x00" in text:
        return Rejected(number, escape_raw(text.encode("utf-8")), code, detail, is_escaped=True)
    return Rejected(number, text, code, detail)


def _to_table(rows: list[Row], first_columns: tuple[str, ...]) -> pa.Table:
    """One text column for each key of any row: the expected ones first, then in the order of appearance."""
    names = dict.fromkeys(name for keys in dict.fromkeys(map(tuple, rows)) for name in keys)
    ordered = [name for name in first_columns if name in names] + [name for name in names if name not in first_columns]
    return pa.table({name: _column([row.get(name) for row in rows]) for name in ordered})


def _column(values: list[Any]) -> pa.Array:
    try:
        return pa.array(values, pa.string())
    except (pa.ArrowTypeError, pa.ArrowInvalid):
        return pa.array(list(map(to_text, values)), pa.string())
