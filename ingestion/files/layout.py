"""What a reader is told about a file, and what it hands back: layout, batches, rejected records, counts."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field

import pyarrow as pa

FORMATS = ("csv", "jsonl", "workbook")

UNBALANCED_QUOTE = "UNBALANCED_QUOTE"  # an opened quote never closes in a way that gives the right columns
TEXT_AFTER_QUOTE = "TEXT_AFTER_QUOTE"  # "Pedro"x: text between the closing quote and the next delimiter
COLUMN_COUNT = "COLUMN_COUNT"
INVALID_ENCODING = "INVALID_ENCODING"  # bytes that are not UTF-8 in a file whose other lines are
UNREADABLE_RECORD = "UNREADABLE_RECORD"  # a NUL character, broken JSON, not an object, a lone surrogate
AMBIGUOUS_FIELD = "AMBIGUOUS_FIELD"  # one JSON object has the same key twice

MAX_NOTES = 200  # preamble, footer and total rows whose text is kept


@dataclass(frozen=True)
class FileLayout:
    """How a file is laid out, as its contract says or as found in it. What is left out is detected.

    Args:
        format: csv, jsonl or workbook.
        columns: field names expected in the header, in any order. They find the header line, which need not be
            the first. Compared after trimming, without BOM, in Unicode form NFC and with runs of blanks as one.
        delimiter: the character between two fields of a CSV line.
        quote: the character around a field that may hold delimiters, line ends and doubled quotes.
        encoding: a Python codec name, for the few files whose encoding cannot be told from their bytes.
        has_header: False for a CSV file without a header line: then `columns` names its columns in order.
        header_line: 1-based line (row, in a workbook) of the header.
        sheet: name of the sheet; capitals and blanks do not matter.
        unpivot_columns: regular expression of header texts that are values of one field (months, for example).
            Each such cell becomes a record of its own.
        unpivot_name_field: the field that receives the header text of an unpivoted column.
        unpivot_value_field: the field that receives the cell.
        unpivot_header_rows: (row, field) pairs for headers of several rows: what stands in that 1-based row above
            an unpivoted column becomes this field too; merged header cells count for each column they cover.
        total_rows: regular expression; a row with such a text among its labels is a total, not a record.
    """

    format: str
    columns: tuple[str, ...] = ()
    delimiter: str | None = None
    quote: str = '"'
    encoding: str | None = None
    has_header: bool | None = None
    header_line: int | None = None
    sheet: str | None = None
    unpivot_columns: str | None = None
    unpivot_name_field: str = "name"
    unpivot_value_field: str = "value"
    unpivot_header_rows: tuple[tuple[int, str], ...] = ()
    total_rows: str | None = None


@dataclass(frozen=True)
class Rejected:
    """A record that could not be read, as text.

    `raw` is escaped in the way of `escape_raw` when `is_escaped`; `unescape_raw` gives its bytes again.
    """

    line: int
    raw: str
    code: str
    detail: str
    is_escaped: bool = False


@dataclass(frozen=True)
class RecordBatch:
    """Some records of a file: one text column per source field, and where each record came from.

    Args:
        table: text only; '' for an empty cell, null where a JSON object lacks the key or says null.
        lines: int64, 1-based physical line on which the record starts; the row in a workbook.
        hashes: SHA-256 of the UTF-8 text of the record, in hex.
        raw: that text: the line(s) of a CSV record without the final line end; the line of a JSONL file; the
            row of a workbook as compact JSON.
        rejected: records of the same part of the file that could not be read.
        cells: workbooks only: the cell (F12) of the unpivoted value, else the first cell of the row.
    """

    table: pa.Table
    lines: pa.Array
    hashes: pa.Array
    raw: pa.Array
    rejected: list[Rejected]
    cells: pa.Array | None = None


@dataclass(frozen=True)
class Note:
    """A line of the file that is not a record, with the reason why."""

    line: int
    kind: str
    text: str


@dataclass
class FileCount:
    """Where every physical line of a file went.

    A record may span lines, so `lines` is the sum of the lines of each kind: `preamble`, `header`, `blank`,
    `footer` and `totals` count lines; `records` and `rejected` count records and `record_lines` their lines.
    `empty_cells`: cells of unpivoted columns that hold nothing and therefore are no records.
    """

    lines: int = 0
    preamble: int = 0
    header: int = 0
    blank: int = 0
    footer: int = 0
    totals: int = 0
    records: int = 0
    rejected: int = 0
    record_lines: int = 0
    empty_cells: int = 0
    notes: list[Note] = field(default_factory=list)

    @property
    def good(self) -> int:
        """Records that were read."""
        return self.records - self.rejected

    @property
    def accounted(self) -> int:
        """The sum that must equal `lines`."""
        return self.preamble + self.header + self.blank + self.footer + self.totals + self.record_lines

    def note(self, line: int, kind: str, text: str) -> None:
        """Keep the text of a line that is no record, up to MAX_NOTES."""
        if len(self.notes) < MAX_NOTES:
            self.notes.append(Note(line, kind, text[:1000]))


BLANKS = re.compile(r"\s+")
ESCAPED = re.compile(r"\\(\\|x[0-9a-f]{2})")


def normal_name(name: str) -> str:
    """A header text for comparison: no BOM, NFC, trimmed, runs of blanks (also no-break ones) as one blank."""
    return BLANKS.sub(" ", unicodedata.normalize("NFC", name.replace("\ufeff", ""))).strip()


def unique_names(names: list[str], taken: tuple[str, ...] = ()) -> tuple[list[str], list[str]]:
    """Column names for header texts, and those that occur twice.

    The second `Amount` becomes `Amount_2`; a column without a text becomes `unnamed_3` (its position).
    """
    seen = set(taken)
    given = {normal_name(name) for name in names}
    result, repeated = [], []
    for position, text in enumerate(names, start=1):
        base = normal_name(text) or f"unnamed_{position}"
        name, suffix = base, 2
        while name in seen or (name != base and name in given):
            name, suffix = f"{base}_{suffix}", suffix + 1
        if name != base:
            repeated.append(base)
        seen.add(name)
        result.append(name)
    return result, repeated


def escape_raw(raw: bytes) -> str:
    r"""Bytes as text without surrogates or NUL: a backslash becomes \\, a NUL or undecodable byte \xHH."""
    text = raw.replace(b"\\", b"\\\\").decode("utf-8", "backslashreplace")
    return text.replace("\x00", "\\x00")


def unescape_raw(text: str) -> bytes:
    """The bytes that `escape_raw` was given."""
    parts, last = [], 0
    for match in ESCAPED.finditer(text):
        parts.append(text[last : match.start()].encode())
        parts.append(b"\\" if match[1] == "\\" else bytes([int(match[1][1:], 16)]))
        last = match.end()
    parts.append(text[last:].encode())
    return b"".join(parts)
