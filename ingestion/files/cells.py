"""Cells of a workbook as text, and what merged cells mean."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
EXCEL_DIGITS = 15  # what a spreadsheet keeps of a number; the digits after are noise of binary fractions
Range = tuple[int, int, int, int]  # first row, first column, last row, last column; from 0


def cell_text(value: Any) -> str:
    """A cell as text: ISO dates, numbers without float noise, true and false."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return number_text(value)
    if isinstance(value, datetime):
        return _datetime_text(value)
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        seconds = round(value.total_seconds())
        return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return str(value)


def number_text(value: float) -> str:
    """A number in plain digits, rounded to the 15 significant ones that a spreadsheet keeps: 0.1 + 0.2 is 0.3."""
    if value != value or value in (float("inf"), float("-inf")):
        return str(value)
    if value.is_integer():
        return str(int(value))
    text = f"{Decimal(f'{value:.{EXCEL_DIGITS}g}'):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _datetime_text(value: datetime) -> str:
    """ISO; rounded to milliseconds, because a spreadsheet keeps a time as a fraction of a day; midnight is a date."""
    value = (value + timedelta(microseconds=500)).replace(microsecond=0) + timedelta(
        milliseconds=(value.microsecond + 500) // 1000 % 1000
    )
    if value.time() == time() and value.tzinfo is None:
        return value.date().isoformat()
    return value.isoformat(timespec="milliseconds" if value.microsecond else "seconds")


def header_texts(value: Any) -> tuple[str, ...]:
    """The spellings of a header cell: a real date is `Jan 2026`, or ISO if a layout expects that."""
    if isinstance(value, date):
        return f"{MONTHS[value.month - 1]} {value.year}", cell_text(value)
    return (cell_text(value),)


def cell_name(row: int, column: int) -> str:
    """The name of a cell: row 11, column 5 (both from 0) is F12."""
    letters, column = "", column + 1
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return f"{letters}{row + 1}"


def fill_header(rows: list[list[Any]], merged: Sequence[Range], first: int, last: int) -> list[list[Any]]:
    """Header rows with the text of each merged cell in all the cells that it covers."""
    filled = [list(row) for row in rows[first : last + 1]]
    for top, left, bottom, right in merged:
        if top >= len(rows) or left >= len(rows[top]):
            continue
        value = rows[top][left]
        for row in range(max(top, first), min(bottom, last) + 1):
            for column in range(left, min(right + 1, len(filled[row - first]))):
                filled[row - first][column] = value
    return filled


def fill_labels(rows: list[list[Any]], merged: Sequence[Range], first: int, values: set[int]) -> None:
    """Write the label of merged cells below the header into each row that they cover, in place.

    A label is a text or a date, or anything in leading columns: those with nothing but merged or empty cells to
    their left. A number merged elsewhere is one amount for several rows and stays in the first row, or it would
    be counted more than once. A merged cell over (nearly) the whole width is a heading and is not repeated.

    Args:
        first: first row below the header.
        values: columns that hold values, not labels; never filled.
    """
    for top, left, bottom, right in sorted(merged, key=lambda item: item[1]):
        if bottom < first or top >= len(rows) or left >= len(rows[top]):
            continue
        value = rows[top][left]
        is_label = isinstance(value, str | date) or _is_leading(merged, top, left, bottom)
        width = sum(1 for cell in rows[top] if cell not in ("", None))
        is_heading = right - left + 1 >= max(3, len(rows[top]) - 1) or (right > left and width <= 1 and left == 0)
        if not is_label or value in ("", None) or top < first:
            continue
        for row in range(top, min(bottom, len(rows) - 1) + 1):
            last = left if is_heading else min(right, len(rows[row]) - 1)
            for column in range(left, last + 1):
                if column not in values:
                    rows[row][column] = value


def _is_leading(merged: Sequence[Range], top: int, left: int, bottom: int) -> bool:
    """Whether each column to the left is merged over the same rows at least."""
    covered = {
        column
        for first, start, last, stop in merged
        if first <= top and last >= bottom
        for column in range(start, stop + 1)
    }
    return all(column in covered for column in range(left))
