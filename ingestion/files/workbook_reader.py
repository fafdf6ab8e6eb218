"""Workbooks (xlsx, xls, xlsb, ods): the right sheet, the header wherever it is, months in columns as records."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import python_calamine

from ingestion.errors import ConfigError, SourceError
from ingestion.files.cells import Range, cell_name, cell_text, fill_header, fill_labels, header_texts
from ingestion.files.dialect import header_position
from ingestion.files.footer import notes_at_end
from ingestion.files.gather import gather
from ingestion.files.hashing import Hasher
from ingestion.files.layout import FileCount, FileLayout, RecordBatch, normal_name, unique_names

MAX_HEADER_ROWS = 10  # rows that one header may span
HEADER_ROWS = 200  # rows in which the header is looked for
PART_ROWS = 20_000
BLANKS = re.compile(r"\s+")
UNREADABLE = (python_calamine.CalamineError, python_calamine.PasswordError, OSError, ValueError)


@dataclass(frozen=True)
class Sheet:
    """The cells of a sheet; row 0 and column 0 are row 1 and column A of the workbook."""

    name: str
    rows: list[list[Any]]
    merged: tuple[Range, ...]


@dataclass(frozen=True)
class SheetHeader:
    """Where the header of a sheet is, and what it says.

    Args:
        first: its first row, from 0; `last` its last.
        names: unique column names.
        captions: header texts before doubles were told apart.
        repeated: header texts that occur more than once.
        values: columns that are unpivoted, with what their header says: fields of the record.
    """

    first: int
    last: int
    names: tuple[str, ...]
    captions: tuple[str, ...]
    repeated: tuple[str, ...]
    values: dict[int, dict[str, str]]


class WorkbookReader:
    """Reads one sheet; `count` is complete when the last batch is out."""

    def __init__(self, path: Path, layout: FileLayout, batch_bytes: int) -> None:
        self.path, self.layout = path, layout
        self.count = FileCount()
        self.sheet: Sheet | None = None
        self.header: SheetHeader | None = None
        self._batch_bytes = batch_bytes
        self._hasher = Hasher()
        self._total = _pattern(layout.total_rows, path)

    def batches(self) -> Iterator[RecordBatch]:
        """The records of the sheet."""
        self.sheet, self.header = open_sheet(self.path, self.layout)
        return gather(self._parts(self.sheet, self.header), self._batch_bytes)

    def _parts(self, sheet: Sheet, header: SheetHeader) -> Iterator[RecordBatch]:
        self._count_top(sheet, header)
        fill_labels(sheet.rows, sheet.merged, header.last + 1, set(header.values))
        footer = _footer_start(sheet, header)
        columns = self._columns(sheet, header, footer)
        records: list[tuple[dict[str, str], int, str]] = []
        for number in range(header.last + 1, len(sheet.rows)):
            texts = list(map(cell_text, sheet.rows[number]))
            kind = self._kind(texts, header, is_footer=number >= footer)
            if kind != "record":
                self._count_row(kind, number, texts)
                continue
            self.count.record_lines += 1
            records.extend(self._records(texts, number, header, columns))
            if len(records) >= PART_ROWS:
                yield self._part(records, header, columns)
                records = []
        if records:
            yield self._part(records, header, columns)

    def _count_top(self, sheet: Sheet, header: SheetHeader) -> None:
        self.count.lines = len(sheet.rows)
        self.count.header = header.last - header.first + 1
        for number, row in enumerate(sheet.rows[: header.first]):
            texts = list(map(cell_text, row))
            self._count_row("preamble" if any(map(str.strip, texts)) else "blank", number, texts)

    def _kind(self, texts: list[str], header: SheetHeader, *, is_footer: bool) -> str:
        if not any(map(str.strip, texts)):
            return "blank"
        if is_footer:
            return "footer"
        if [normal_name(text) for text in texts] == [normal_name(text) for text in header.captions]:
            return "header"
        labels = (text.strip() for column, text in enumerate(texts) if column not in header.values)
        if self._total and any(self._total.search(label) for label in labels if label):
            return "totals"
        return "record"

    def _count_row(self, kind: str, number: int, texts: list[str]) -> None:
        setattr(self.count, kind, getattr(self.count, kind) + 1)
        if kind != "blank":
            self.count.note(number + 1, kind.removesuffix("s"), " | ".join(text for text in texts if text.strip()))

    def _columns(self, sheet: Sheet, header: SheetHeader, footer: int) -> list[int]:
        """Columns that are fields of their own: those with a header text, or with anything in a cell."""
        body = sheet.rows[header.last + 1 : footer]
        return [
            column
            for column, caption in enumerate(header.captions)
            if column not in header.values
            and (normal_name(caption) or any(cell_text(row[column]).strip() for row in body))
        ]

    def _records(
        self, texts: list[str], number: int, header: SheetHeader, columns: list[int]
    ) -> Iterator[tuple[dict[str, str], int, str]]:
        record = {header.names[column]: texts[column] for column in columns}
        if not header.values:
            first = next((column for column in columns if texts[column].strip()), 0)
            yield record, number + 1, cell_name(number, first)
            return
        for column, fields in header.values.items():
            if texts[column].strip():
                value = {self.layout.unpivot_value_field: texts[column]}
                yield {**record, **fields, **value}, number + 1, cell_name(number, column)
            else:
                self.count.empty_cells += 1

    def _part(
        self, records: list[tuple[dict[str, str], int, str]], header: SheetHeader, columns: list[int]
    ) -> RecordBatch:
        names = list(dict.fromkeys(name for record, _, _ in records[:1] for name in record))
        table = pa.table({name: pa.array([record[name] for record, _, _ in records], pa.string()) for name in names})
        compact = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
        raw = pa.array([compact(record) for record, _, _ in records], pa.string())
        self.count.records += len(records)
        return RecordBatch(
            table=table,
            lines=pa.array([number for _, number, _ in records], pa.int64()),
            hashes=self._hasher.hashes(raw),
            raw=raw,
            rejected=[],
            cells=pa.array([cell for _, _, cell in records], pa.string()),
        )


def open_sheet(path: Path, layout: FileLayout) -> tuple[Sheet, SheetHeader]:
    """The sheet that the layout names, or the only one that can be meant, and its header.

    Raises:
        SourceError: no workbook, or protected by a password, or no such sheet, or several that could be meant.
    """
    try:
        with python_calamine.CalamineWorkbook.from_path(path) as workbook:
            names = _candidates(path, workbook, layout)
            found = [_read_sheet(workbook, name) for name in names]
    except UNREADABLE as error:
        raise _unreadable(path, error) from error
    headers = [(sheet, header) for sheet in found if (header := find_sheet_header(sheet, layout, path))]
    if len(headers) > 1:
        expected = _expected(layout)
        matches = [len(expected & set(map(normal_name, header.names))) for _, header in headers]
        headers = [pair for pair, count in zip(headers, matches, strict=True) if count == max(matches)]
    if len(headers) == 1:
        return headers[0]
    what = "sheets that could be meant are" if headers else "there is no table in the sheets"
    raise SourceError(
        f"{what}: {', '.join(sheet.name for sheet, _ in headers) or ', '.join(names)}.",
        subject=str(path),
        remedy="name the sheet in the contract (table property `sheet`), or have the file delivered with it.",
    )


def sheet_sizes(path: Path) -> dict[str, int]:
    """Rows of each visible sheet.

    Raises:
        SourceError: no workbook, or protected by a password.
    """
    try:
        with python_calamine.CalamineWorkbook.from_path(path) as workbook:
            return {name: workbook.get_sheet_by_name(name).total_height for name in _visible(workbook)}
    except UNREADABLE as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> SourceError:
    return SourceError(
        f"the workbook cannot be read: {error}.",
        subject=str(path),
        remedy="open it in a spreadsheet program, remove any password and save it again as .xlsx.",
    )


def find_sheet_header(sheet: Sheet, layout: FileLayout, path: Path) -> SheetHeader | None:
    """The header of a sheet, or None if there is no table in it."""
    expected = _expected(layout)
    texts = [[header_texts(cell)[0] for cell in row] for row in _top_rows(sheet)]
    position = layout.header_line - 1 if layout.header_line else header_position(texts, expected)
    if position is None or position >= len(sheet.rows):
        return None
    first, last = _header_block(sheet, position)
    filled = fill_header(sheet.rows, sheet.merged, first, last)
    pattern = _pattern(layout.unpivot_columns, path)
    own = [_caption((row_cell,), pattern) for row_cell in sheet.rows[position]]
    joined = [_caption(tuple(row[column] for row in filled), pattern) for column in range(len(own))]
    named = len(expected & set(map(normal_name, own)))
    is_own = named > len(expected & set(map(normal_name, joined))) or (bool(named) and first == last)
    captions = own if is_own else joined
    names, repeated = unique_names(captions)
    values: dict[int, dict[str, str]] = {}
    if pattern:
        upper = fill_header(sheet.rows, sheet.merged, 0, last)
        for column, caption in enumerate(captions):
            if pattern.search(normal_name(caption)):
                values[column] = {layout.unpivot_name_field: normal_name(caption)}
                for row, field in layout.unpivot_header_rows:
                    values[column][field] = cell_text(upper[row - 1][column]) if row <= len(upper) else ""
    return SheetHeader(first, last, tuple(names), tuple(captions), tuple(repeated), values)


def _top_rows(sheet: Sheet) -> list[list[Any]]:
    """The rows in which the header is looked for; a row in which a header of several rows starts has its merged
    texts in every cell that they cover."""
    rows = sheet.rows[:HEADER_ROWS]
    filled = fill_header(sheet.rows, sheet.merged, 0, len(rows) - 1)
    tall = {top for top, _, bottom, _ in sheet.merged if 0 < bottom - top < MAX_HEADER_ROWS}
    return [
        filled[number] if number in tall and len(set(map(str, filled[number])) - {""}) > 1 else row
        for number, row in enumerate(rows)
    ]


def _caption(cells: tuple[Any, ...], pattern: re.Pattern[str] | None) -> str:
    """The text of a header cell, or of several above each other, each text once."""
    if len(cells) == 1 and pattern:
        texts = header_texts(cells[0])
        return next((text for text in texts if pattern.search(normal_name(text))), texts[0])
    return " ".join(dict.fromkeys(text for cell in cells if (text := header_texts(cell)[0].strip())))


def _header_block(sheet: Sheet, position: int) -> tuple[int, int]:
    """The rows of a header: more than one when cells of it are merged over several rows."""
    first = last = position
    for top, left, bottom, _ in sorted(sheet.merged):
        is_filled = top < len(sheet.rows) and left < len(sheet.rows[top]) and sheet.rows[top][left] not in ("", None)
        is_tall = 0 < bottom - top < MAX_HEADER_ROWS
        if is_filled and is_tall and position in (top, bottom):
            first, last = min(first, top), max(last, bottom)
    return first, min(last, len(sheet.rows) - 1)


def _expected(layout: FileLayout) -> set[str]:
    made = {layout.unpivot_name_field, layout.unpivot_value_field} | {name for _, name in layout.unpivot_header_rows}
    names = set(layout.columns) - (made if layout.unpivot_columns else set())
    return {normal_name(name) for name in names}


def _candidates(path: Path, workbook: Any, layout: FileLayout) -> list[str]:
    if layout.sheet is None:
        return _visible(workbook)
    wanted = _sheet_key(layout.sheet)
    found = [name for name in workbook.sheet_names if _sheet_key(name) == wanted]
    if found:
        return found[:1]
    raise SourceError(
        f"there is no sheet {layout.sheet!r}; there are {', '.join(workbook.sheet_names)}.",
        subject=str(path),
        remedy="have the sheet named as the contract says, or change `sheet` in the contract.",
    )


def _visible(workbook: Any) -> list[str]:
    kinds = (python_calamine.SheetTypeEnum.WorkSheet, python_calamine.SheetVisibleEnum.Visible)
    return [sheet.name for sheet in workbook.sheets_metadata if (sheet.typ, sheet.visible) == kinds]


def _sheet_key(name: str) -> str:
    return BLANKS.sub("", normal_name(name)).casefold()


def _read_sheet(workbook: Any, name: str) -> Sheet:
    sheet = workbook.get_sheet_by_name(name)
    rows = sheet.to_python(skip_empty_area=False)
    merged = tuple((top, left, bottom, right) for (top, left), (bottom, right) in sheet.merged_cell_ranges or ())
    return Sheet(name, rows, merged)


def _footer_start(sheet: Sheet, header: SheetHeader) -> int:
    """The first row of the notes at the end."""
    width = sum(1 for caption in header.captions if normal_name(caption))
    rows = (
        (number, texts, False)
        for number in range(len(sheet.rows) - 1, header.last, -1)
        if any(map(str.strip, texts := list(map(cell_text, sheet.rows[number]))))
    )
    return next(iter(notes_at_end(rows, width)[::-1]), len(sheet.rows))


def _pattern(expression: str | None, path: Path) -> re.Pattern[str] | None:
    try:
        return re.compile(expression) if expression else None
    except re.error as error:
        raise ConfigError(
            f"{expression!r} is not a regular expression: {error}.",
            subject=str(path),
            remedy="correct unpivotColumns or totalRows in the contract.",
        ) from error


def with_sheet(layout: FileLayout, sheet: str) -> FileLayout:
    """The layout for one sheet."""
    return replace(layout, sheet=sheet)
