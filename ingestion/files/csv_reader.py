"""Delimited text, losslessly and fast: whole blocks go to pyarrow's parser, once every line of them is known to be
a record; the other lines are read one by one, or rejected one by one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

from ingestion.files.dialect import SAMPLE_BYTES, Header, find_header
from ingestion.files.encoding import Encoding, utf8_blocks
from ingestion.files.footer import find_footer, is_note
from ingestion.files.gather import PART_BYTES, gather
from ingestion.files.hashing import Hasher
from ingestion.files.layout import (
    INVALID_ENCODING,
    UNREADABLE_RECORD,
    FileCount,
    FileLayout,
    RecordBatch,
    Rejected,
    escape_raw,
)
from ingestion.files.lines import Lines, drop, find_lines, line_texts
from ingestion.files.records import Verdict, find_blank, judge, sound_records

BOM = b"\xef\xbb\xbf"


class CsvReader:
    """Reads one CSV file; `count` is complete when the last batch is out.

    Args:
        path: the file.
        layout: what is known of it.
        encoding: its encoding.
        batch_bytes: text for one batch, about.
    """

    def __init__(self, path: Path, layout: FileLayout, encoding: Encoding, batch_bytes: int) -> None:
        self.path, self.layout, self.encoding = path, layout, encoding
        self.count = FileCount()
        self.header: Header | None = None
        self._batch_bytes = batch_bytes
        self._hasher = Hasher()
        self._line = 1  # number of the first line of the buffer

    def batches(self) -> Iterator[RecordBatch]:
        """The records of the file."""
        for batch in gather(self._parts(), self._batch_bytes):
            yield self._without_empty_columns(batch)

    def _parts(self) -> Iterator[RecordBatch]:
        blocks = self._data_blocks(min(PART_BYTES, self._batch_bytes))
        buffer, following = next(blocks, b""), next(blocks, None)
        while True:
            at_end = following is None
            batch, used = self._batch(buffer, at_end=at_end)
            if batch is not None:
                yield batch
            if at_end:
                return
            buffer = buffer[used:]
            wanted = len(buffer) * (1 if used else 2)  # an open record: look twice as far
            parts, size = [buffer], len(buffer)
            while following is not None and (size <= wanted or len(parts) == 1):
                parts.append(following)
                size, following = size + len(following), next(blocks, None)
            buffer = b"".join(parts)

    def _data_blocks(self, size: int) -> Iterator[bytes]:
        """The text behind the header, in blocks."""
        blocks = utf8_blocks(self.path, self.encoding, size)
        start = b""
        for block in blocks:
            start += block
            if len(start) >= SAMPLE_BYTES:
                break
        at_end = len(start) < SAMPLE_BYTES
        data = self._skip_header(start, at_end=at_end)
        for position in range(0, len(data), size):
            yield data[position : position + size]
        yield from blocks

    def _skip_header(self, buffer: bytes, *, at_end: bool) -> bytes:
        header = find_header(buffer[:SAMPLE_BYTES], self.layout, at_end=at_end)
        self.header = header
        lines = find_lines(buffer[: header.offset], at_end=True)
        is_blank = find_blank(lines, header.dialect)
        for number in range(header.first_line - 1):
            if not is_blank[number]:
                text = buffer[lines.bounds[number] : lines.ends[number]].decode("utf-8", "replace")
                self.count.note(number + 1, "preamble", text)
                self.count.preamble += 1
        self.count.blank += int(is_blank[: max(0, header.first_line - 1)].sum())
        self.count.header += header.lines - header.first_line + 1 if header.first_line else 0
        self.count.lines += header.lines
        self._line += header.lines
        return buffer[header.offset :]

    def _batch(self, buffer: bytes, *, at_end: bool) -> tuple[RecordBatch | None, int]:
        lines = find_lines(buffer, at_end=at_end)
        if not len(lines):
            return None, 0
        clean = self._clean_batch(buffer, lines, at_end=at_end)
        if clean is not None:
            return clean
        header = self._header
        verdict = judge(buffer, lines, header.dialect, header.width, at_end=at_end)
        if verdict.stop < len(lines):
            lines, verdict = _cut(lines, verdict)
        if not len(lines):
            return None, 0
        self._refuse_unreadable(buffer, lines, verdict)
        self._set_aside_headers(buffer, lines, verdict)
        if at_end:
            self._set_aside_footer(buffer, lines, verdict)
        return self._build(buffer, lines, verdict), lines.consumed

    @property
    def _header(self) -> Header:
        assert self.header is not None
        return self.header

    def _ends_in_note(self, buffer: bytes, lines: Lines) -> bool:
        last = buffer[lines.starts[-1] : lines.ends[-1]].decode("utf-8", "replace")
        return is_note(last.split(self._header.dialect.delimiter.decode()), self._header.width)

    def _clean_batch(self, buffer: bytes, lines: Lines, *, at_end: bool) -> tuple[RecordBatch, int] | None:
        """The whole block as records, if there is nothing in it that needs a look."""
        header = self._header
        if (
            (self.encoding.has_faults and not _is_utf8(buffer[: lines.consumed]))
            or b"\x00" in buffer
            or lines.is_bare_cr is not None
            or header.width < 2
            or (header.text and header.text in buffer)
            or (at_end and self._ends_in_note(buffer, lines))
            or find_blank(lines, header.dialect).any()
        ):
            return None
        firsts = np.arange(len(lines))
        quoted, sound = header.dialect.quote in buffer, None
        if quoted:
            sound = sound_records(lines, header.dialect)
            if sound is None or (sound[1] and (at_end or len(sound[0]) < 2)):
                return None
            firsts = sound[0]
        stops = np.append(firsts[1:], len(lines))
        if quoted and sound and sound[1]:
            firsts, stops = firsts[:-1], stops[:-1]
        used = int(lines.bounds[stops[-1]])
        try:
            table = self._parse(buffer[:used], len(firsts), quoted=quoted)
        except pa.ArrowInvalid:
            return None
        numbers = pa.array(firsts + self._line)
        raw = line_texts(lines.array[:used], lines.starts[firsts], lines.ends[stops - 1])
        self._advance(int(stops[-1]), len(firsts), int(stops[-1]))
        return self._finish(table, numbers, raw, []), used

    def _parse(self, text: bytes, rows: int, *, quoted: bool) -> pa.Table:
        header = self._header
        names = [str(position) for position in range(header.width)]
        if text.startswith(BOM):
            text = BOM + text  # the parser takes one away
        table = arrow_csv.read_csv(
            pa.py_buffer(text),
            read_options=arrow_csv.ReadOptions(
                use_threads=False, block_size=min(len(text) + 1, 2**31 - 1), column_names=names
            ),
            parse_options=arrow_csv.ParseOptions(
                delimiter=header.dialect.delimiter.decode(),
                quote_char=header.dialect.quote.decode() if quoted else False,
                double_quote=True,
                newlines_in_values=quoted,
                ignore_empty_lines=False,
            ),
            convert_options=arrow_csv.ConvertOptions(
                check_utf8=False, column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
            ),
        )
        if table.num_rows != rows:
            raise pa.ArrowInvalid(f"{table.num_rows} rows of {rows} lines")
        return table.rename_columns(list(header.names))

    def _refuse_unreadable(self, buffer: bytes, lines: Lines, verdict: Verdict) -> None:
        """Records with a NUL character, or with bytes that are not UTF-8."""
        firsts = np.flatnonzero(verdict.is_record | np.isin(np.arange(len(lines)), list(verdict.recoded)))
        for code, detail, positions in self._unreadable(buffer[: lines.consumed], lines):
            touched = np.unique(np.searchsorted(lines.ends, positions))
            owners = firsts[np.maximum(np.searchsorted(firsts, touched, side="right") - 1, 0)] if len(firsts) else []
            for line, first in zip(touched.tolist(), list(owners), strict=False):
                if first <= line <= verdict.last[first]:
                    verdict.is_record[first] = False
                    verdict.recoded.pop(int(first), None)
                    verdict.faults[int(first)] = (code, detail)

    def _unreadable(self, text: bytes, lines: Lines) -> Iterator[tuple[str, str, np.ndarray]]:
        if b"\x00" in text:
            yield UNREADABLE_RECORD, "a NUL character", np.flatnonzero(lines.array[: len(text)] == 0)
        if self.encoding.has_faults and not _is_utf8(text):
            high = np.flatnonzero(lines.array[: len(text)] > 127)
            suspects = np.unique(np.searchsorted(lines.ends, high)).tolist()
            bad = [line for line in suspects if not _is_utf8(text[lines.bounds[line] : lines.ends[line]])]
            detail = f"bytes that are not {self.encoding.codec}"
            yield INVALID_ENCODING, detail, lines.starts[bad]

    def _set_aside_headers(self, buffer: bytes, lines: Lines, verdict: Verdict) -> None:
        """A header that is repeated further down, as in files that were put together from several."""
        text = self._header.text
        position = buffer.find(text) if text and self._header.width > 1 else -1
        while 0 <= position < lines.consumed:
            line = int(np.searchsorted(lines.starts, position))
            stop = position + len(text)
            is_whole = line < len(lines) and lines.starts[line] == position and lines.ends[verdict.last[line]] == stop
            if is_whole and (line in verdict.recoded or verdict.is_record[line]):
                self.count.header += int(verdict.last[line]) - line + 1
                self.count.note(self._line + line, "header", text.decode("utf-8", "replace"))
                verdict.is_record[line] = False
                verdict.recoded.pop(line, None)
            position = buffer.find(text, stop)

    def _set_aside_footer(self, buffer: bytes, lines: Lines, verdict: Verdict) -> None:
        for line, text in find_footer(buffer, lines, verdict, self._header):
            self.count.footer += int(verdict.last[line]) - line + 1
            self.count.note(self._line + line, "footer", text)
            verdict.is_record[line] = False
            verdict.recoded.pop(line, None)
            verdict.faults.pop(line, None)

    def _build(self, buffer: bytes, lines: Lines, verdict: Verdict) -> RecordBatch:
        firsts = np.flatnonzero(verdict.is_record)
        lasts = verdict.last[firsts]
        table = self._parse_records(buffer, lines, verdict, firsts, lasts)
        recoded = sorted(verdict.recoded)
        if recoded:
            columns = zip(*(verdict.recoded[line] for line in recoded), strict=True)
            arrays = [pa.array([cell.decode("utf-8") for cell in column], pa.string()) for column in columns]
            table = pa.concat_tables([table, pa.Table.from_arrays(arrays, names=table.column_names)])
            order = np.argsort(np.concatenate([firsts, np.array(recoded, np.int64)]), kind="stable")
            table = table.take(pa.array(order))
            firsts = np.sort(np.concatenate([firsts, np.array(recoded, np.int64)]))
            lasts = verdict.last[firsts]
        raw = line_texts(lines.array, lines.starts[firsts], lines.ends[lasts])
        rejected = [self._rejected(buffer, lines, verdict, line) for line in sorted(verdict.faults)]
        numbers = pa.array(firsts + self._line)
        record_lines = int((lasts - firsts).sum()) + len(firsts)
        faults = np.array(sorted(verdict.faults), np.int64)
        record_lines += int((verdict.last[faults] - faults).sum()) + len(faults)
        self.count.blank += int(verdict.is_blank.sum())
        self.count.rejected += len(rejected)
        self._advance(len(lines), len(firsts) + len(rejected), record_lines)
        return self._finish(table, numbers, raw, rejected)

    def _parse_records(
        self, buffer: bytes, lines: Lines, verdict: Verdict, firsts: np.ndarray, lasts: np.ndarray
    ) -> pa.Table:
        if not len(firsts):
            return pa.table({str(n): pa.array([], pa.string()) for n in range(self._header.width)}).rename_columns(
                list(self._header.names)
            )
        starts, stops = lines.starts[firsts], lines.bounds[lasts + 1]
        spare = verdict.spare[firsts]
        if spare.any():
            cut_starts, cut_stops = lines.ends[lasts] - spare, lines.ends[lasts]
        else:
            cut_starts = cut_stops = stops
        gaps = np.concatenate([starts[1:], [lines.consumed]])
        text = buffer[: lines.consumed]
        if (gaps != stops).any() or starts[0] or spare.any():
            lows = np.column_stack([cut_starts, stops]).ravel()
            highs = np.column_stack([cut_stops, gaps]).ravel()
            text = drop(
                lines.array[: lines.consumed], np.concatenate([[0], lows]), np.concatenate([[starts[0]], highs])
            ).tobytes()
        return self._parse(text, len(firsts), quoted=self._header.dialect.quote in text)

    def _rejected(self, buffer: bytes, lines: Lines, verdict: Verdict, line: int) -> Rejected:
        code, detail = verdict.faults[line]
        raw = buffer[lines.bounds[line] : lines.ends[verdict.last[line]]]
        if b"\x00" in raw or not _is_utf8(raw):
            return Rejected(self._line + line, escape_raw(raw), code, detail, is_escaped=True)
        return Rejected(self._line + line, raw.decode("utf-8"), code, detail)

    def _advance(self, lines: int, records: int, record_lines: int) -> None:
        self._line += lines
        self.count.lines += lines
        self.count.records += records
        self.count.record_lines += record_lines

    def _finish(self, table: pa.Table, numbers: pa.Array, raw: pa.Array, rejected: list[Rejected]) -> RecordBatch:
        """Leave out totals; add the hashes."""
        if self.layout.total_rows and table.num_rows:
            is_total = total_rows(table, self.layout.total_rows)
            keep = pc.invert(is_total)
            self._count_totals(numbers.filter(is_total), raw.filter(is_total))
            table, numbers, raw = table.filter(keep), numbers.filter(keep), raw.filter(keep)
        return RecordBatch(table, numbers, self._hasher.hashes(raw), raw, rejected)

    def _without_empty_columns(self, batch: RecordBatch) -> RecordBatch:
        """Leave out columns without a name that hold nothing."""
        empty = [
            name
            for name, unnamed in zip(self._header.names, self._header.is_unnamed, strict=True)
            if unnamed and not pc.any(pc.not_equal(batch.table[name], "")).as_py()
        ]
        return replace(batch, table=batch.table.drop_columns(empty)) if empty else batch

    def _count_totals(self, numbers: pa.Array, raw: pa.Array) -> None:
        for number, text in zip(numbers.to_pylist(), raw.to_pylist(), strict=True):
            lines = text.count("\n") + text.count("\r") - text.count("\r\n") + 1
            self.count.note(number, "total", text)
            self.count.totals += lines
            self.count.record_lines -= lines
            self.count.records -= 1


def total_rows(table: pa.Table, pattern: str) -> pa.Array:
    """Which rows have a text that matches the pattern, blanks at its start not counted."""
    try:
        found = [pc.match_substring_regex(pc.utf8_ltrim_whitespace(column), pattern) for column in table.columns]
        mask = found[0]
        for other in found[1:]:
            mask = pc.or_(mask, other)
    except pa.ArrowInvalid:  # a pattern that only Python knows
        expression = re.compile(pattern)
        rows = zip(*(column.to_pylist() for column in table.columns), strict=True)
        return pa.array([any(expression.search((cell or "").lstrip()) for cell in row) for row in rows], pa.bool_())
    return mask.combine_chunks() if isinstance(mask, pa.ChunkedArray) else mask


def _cut(lines: Lines, verdict: Verdict) -> tuple[Lines, Verdict]:
    """The decided lines only."""
    stop = verdict.stop
    bare = None if lines.is_bare_cr is None else lines.is_bare_cr[:stop]
    kept = Lines(lines.array, lines.bounds[: stop + 1], lines.ends[:stop], bare)
    cut = Verdict(verdict.last[:stop], verdict.is_record[:stop], verdict.is_blank[:stop], verdict.spare[:stop], stop)
    cut.recoded, cut.faults = verdict.recoded, verdict.faults
    return kept, cut


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
