"""Delimiter, header line and column names of a CSV file, from its first lines."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from ingestion.errors import ConfigError
from ingestion.files.layout import FileLayout, normal_name, unique_names
from ingestion.files.lines import find_lines
from ingestion.files.scan import Dialect, scan_record

SAMPLE_BYTES = 1 << 20
SAMPLE_RECORDS = 500
HEADER_LINES = 20  # lines that one header may span (line ends inside quoted names)
DELIMITERS = (b",", b";", b"\t", b"|")
MIN_MATCH = 0.5  # share of the expected columns that makes a line the header
NUMBER = re.compile(r"[-+(]?[\s$€£]*\d[\d.,' \u00a0\u202f]*\s*[%)-]?$")
DATE = re.compile(r"\d{1,4}[-./]\d{1,2}[-./]\d{1,4}([ T].*)?$|\d{1,2}[- ][A-Za-z]{3}[- ]\d{2,4}$")
YEARS = range(1500, 2300)


@dataclass(frozen=True)
class Record:
    """A record of the sample: its first and last line (from 0), where it starts and stops, and its fields."""

    first: int
    last: int
    start: int
    stop: int
    cells: tuple[str, ...]

    @property
    def filled(self) -> int:
        """Fields with a text."""
        return sum(1 for cell in self.cells if cell.strip())


@dataclass(frozen=True)
class Header:
    """What the sample says about a CSV file.

    Args:
        dialect: delimiter and quote.
        names: column names, unique; `repeated` are header texts that occur more than once.
        width: fields of a record.
        lines: physical lines up to and with the header (0: the file has none).
        first_line: 1-based line of the header; 0 when there is none.
        offset: bytes up to the first data line.
        is_unnamed: which columns have no header text.
        text: the header as it stands.
    """

    dialect: Dialect
    names: tuple[str, ...]
    repeated: tuple[str, ...]
    width: int
    lines: int
    first_line: int
    offset: int
    is_unnamed: tuple[bool, ...]
    text: bytes


def find_header(sample: bytes, layout: FileLayout, *, at_end: bool) -> Header:
    """Delimiter, header and columns from the start of a file.

    Args:
        sample: the first SAMPLE_BYTES of the text, or all of it.
        at_end: the sample is the whole file.
    """
    quote = _ascii(layout.quote, "quote")
    delimiters = [_ascii(layout.delimiter, "delimiter")] if layout.delimiter else list(DELIMITERS)
    expected = {normal_name(name) for name in layout.columns}
    best: tuple[float, Dialect, list[Record], Record | None] | None = None
    for delimiter in delimiters:
        dialect = Dialect(delimiter, quote)
        records = sample_records(sample, dialect, at_end=at_end)
        header = _header_record(records, layout, expected)
        score = _score(records, header, expected)
        if best is None or score > best[0]:
            best = (score, dialect, records, header)
    assert best is not None
    _, dialect, records, header = best
    if header is None:
        return _without_header(dialect, records, layout)
    return _with_header(sample, dialect, records, header, at_end=at_end)


def sample_records(sample: bytes, dialect: Dialect, *, at_end: bool) -> list[Record]:
    """The first records of a file. A line with a quoting fault counts as split at each delimiter."""
    lines = find_lines(sample, at_end=at_end)
    ends, bounds = lines.ends.tolist(), lines.bounds.tolist()
    number_of_end = {end: number for number, end in enumerate(ends)}
    result: list[Record] = []
    line = 0
    while line < len(ends) and len(result) < SAMPLE_RECORDS:
        limit = bounds[min(line + HEADER_LINES, len(ends))]
        scanned = scan_record(sample, bounds[line], limit, dialect, 0)
        last = number_of_end.get(scanned.stop)
        fields = scanned.fields
        if scanned.fault or last is None:
            last, fields = line, sample[bounds[line] : ends[line]].split(dialect.delimiter)
        cells = tuple(cell.decode("utf-8", "replace") for cell in fields)
        result.append(Record(line, last, bounds[line], bounds[last + 1], cells))
        line = last + 1
    return result


def looks_like_value(text: str) -> bool:
    """Whether a cell reads as a number or a date rather than as a name."""
    text = text.strip()
    return bool(text) and bool(NUMBER.match(text) or DATE.match(text))


def header_position(rows: Sequence[Sequence[str]], expected: set[str]) -> int | None:
    """Which row is the header: the one with most of the expected names, else the first that is filled as data is.

    Args:
        rows: the first rows of a table, as text.
        expected: normal names of the expected columns; may be empty.
    """
    if expected:
        matches = [len(expected & {normal_name(cell) for cell in row}) for row in rows]
        best = max(matches, default=0)
        if best >= max(1, math.ceil(MIN_MATCH * len(expected))):
            return matches.index(best)
    filled = [sum(1 for cell in row if cell.strip()) for row in rows]
    widths = Counter(len(row) for row, count in zip(rows, filled, strict=True) if count)
    if not widths:
        return None
    usual = max(widths, key=lambda width: (widths[width] * math.log2(1 + width), width))
    counts = sorted(count for row, count in zip(rows, filled, strict=True) if count and len(row) >= min(usual, 2))
    typical = counts[len(counts) // 2]
    needed = 1 if usual == 1 else max(2, math.ceil(0.75 * typical))
    return next((position for position, count in enumerate(filled) if count >= needed), None)


def is_data(header: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Whether what stands in the place of the header is a record: values where the rows below have values."""
    texts = [cell.strip() for cell in header]
    if sum(1 for text in texts if text.isdigit() and int(text) in YEARS) >= 2:
        return False  # years as columns
    against = 0
    for position, text in enumerate(texts):
        below = [row[position] for row in rows if position < len(row) and row[position].strip()]
        share = sum(map(looks_like_value, below)) / len(below) if below else 0.0
        if looks_like_value(text) and share >= 0.8:
            against += 1
        elif text and share >= 0.8:
            return False
    return against > 0


def _header_record(records: list[Record], layout: FileLayout, expected: set[str]) -> Record | None:
    if layout.has_header is False:
        return None
    if layout.header_line:
        wanted = layout.header_line - 1
        return next((record for record in records if record.first <= wanted <= record.last), None)
    position = header_position([record.cells for record in records], expected)
    if position is None:
        return None
    found = records[position]
    named = expected & {normal_name(cell) for cell in found.cells}
    below = [record.cells for record in records[position + 1 : position + 51]]
    if not named and layout.has_header is None and is_data(found.cells, below):
        return None
    return found


def _score(records: list[Record], header: Record | None, expected: set[str]) -> float:
    """How well a delimiter explains the sample: expected names found, then records of one width, then width."""
    named = len(expected & {normal_name(cell) for cell in header.cells}) if header else 0
    data = [record for record in records if record.filled and (header is None or record.first >= header.first)]
    if not data:
        return float(named * 1000)
    widths = Counter(len(record.cells) for record in data)
    usual = max(widths, key=lambda width: widths[width] * math.log2(width) if width > 1 else 0)
    share = widths[usual] / len(data)
    agrees = 1.5 if header and len(header.cells) == usual else 1.0
    return named * 1000 + (share * math.log2(usual) * agrees if usual > 1 else 0.0)


def _with_header(sample: bytes, dialect: Dialect, records: list[Record], header: Record, *, at_end: bool) -> Header:
    cells = list(header.cells)
    below = [record.cells for record in records if record.first > header.last]
    while len(cells) > 1 and not cells[-1].strip() and not any(_has_text(row, len(cells) - 1) for row in below):
        cells.pop()  # the header line ends in delimiters
    names, repeated = unique_names(cells)
    text = sample[header.start : header.stop].rstrip(b"\r\n")
    return Header(
        dialect=dialect,
        names=tuple(names),
        repeated=tuple(repeated),
        width=len(cells),
        lines=header.last + 1,
        first_line=header.first + 1,
        offset=header.stop,
        is_unnamed=tuple(not normal_name(cell) for cell in cells),
        text=text,
    )


def _has_text(row: Sequence[str], position: int) -> bool:
    return position < len(row) and bool(row[position].strip())


def _without_header(dialect: Dialect, records: list[Record], layout: FileLayout) -> Header:
    widths = Counter(len(record.cells) for record in records if record.filled)
    width = widths.most_common(1)[0][0] if widths else max(1, len(layout.columns))
    given = list(layout.columns) if layout.has_header is False else []
    if given:
        width = len(given)
    names = given or [f"column_{position}" for position in range(1, width + 1)]
    unique, repeated = unique_names(names)
    return Header(dialect, tuple(unique), tuple(repeated), width, 0, 0, 0, (False,) * width, b"")


def _ascii(character: str, what: str) -> bytes:
    code = character.encode("utf-8")
    if len(code) != 1 or code in b"\r\n\x00":
        raise ConfigError(
            f"{what} {character!r} is not one ASCII character.",
            subject="file layout",
            remedy=f"declare the one character that is the {what}.",
        )
    return code
