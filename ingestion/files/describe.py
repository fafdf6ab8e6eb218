"""The layout of a file that nobody has described."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from ingestion.files.csv_reader import CsvReader
from ingestion.files.encoding import read_blocks
from ingestion.files.layout import FileCount, FileLayout
from ingestion.files.reader import read_file
from ingestion.files.workbook_reader import WorkbookReader, sheet_sizes

WORKBOOK_MARKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
JSON_SUFFIXES = {".jsonl", ".ndjson", ".json"}


@dataclass(frozen=True)
class Description:
    """What was found in a file.

    Args:
        layout: a layout with which the file can be read, to be copied to a contract.
        encoding: the codec; None for a workbook.
        header_line: 1-based line of the header; None when the file has none.
        repeated: header texts that occur more than once; the second is named `text_2`.
        count: where each line went.
        reject_codes: number of rejected records by reason.
    """

    layout: FileLayout
    encoding: str | None
    header_line: int | None
    repeated: tuple[str, ...]
    count: FileCount
    reject_codes: dict[str, int]


def describe_file(path: Path | str, layout: FileLayout | None = None) -> Description:
    """Read a file to its end and say how it is laid out.

    Args:
        path: the file.
        layout: what is known of it; the format is guessed when left out, the sheet is then the largest.

    Raises:
        SourceError: the file cannot be read.
    """
    path = Path(path)
    layout = layout or FileLayout(guess_format(path))
    if layout.format == "workbook" and layout.sheet is None:
        sizes = sheet_sizes(path)
        layout = replace(layout, sheet=max(sizes, key=lambda name: sizes[name])) if sizes else layout
    reader = read_file(path, layout)
    names: dict[str, None] = {}
    codes: dict[str, int] = {}
    for batch in reader:
        names.update(dict.fromkeys(batch.table.column_names))
        for record in batch.rejected:
            codes[record.code] = codes.get(record.code, 0) + 1
    layout = replace(layout, columns=tuple(names))
    header_line, repeated = None, ()
    inner = reader.reader
    if isinstance(inner, CsvReader) and inner.header:
        header_line, repeated = inner.header.first_line or None, inner.header.repeated
        delimiter, quote = inner.header.dialect.delimiter.decode(), inner.header.dialect.quote.decode()
        columns = layout.columns or inner.header.names
        layout = replace(layout, columns=columns, delimiter=delimiter, quote=quote, has_header=header_line is not None)
    elif isinstance(inner, WorkbookReader) and inner.header:
        header_line, repeated = inner.header.last + 1, inner.header.repeated
    return Description(layout, reader.encoding, header_line, repeated, reader.count, codes)


def guess_format(path: Path) -> str:
    """csv, jsonl or workbook, from the first bytes and the name of a file."""
    start = next(read_blocks(path, 4096), b"")
    if start.startswith(WORKBOOK_MARKS):
        return "workbook"
    suffix = Path(path.stem).suffix if path.suffix.lower() == ".gz" else path.suffix
    text = start.decode("utf-8", "replace").replace("\x00", "").lstrip("\ufeff \t\r\n")
    is_json = suffix.lower() in JSON_SUFFIXES or text.startswith(("{", "[{", '["', "[\n", "[\r"))
    return "jsonl" if is_json else "csv"
