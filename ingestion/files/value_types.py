"""What type the texts of a column are, judged strictly: a type is found only if every text that is not empty fits it.

Codes stay text: digits with a leading zero, flags of which only one side occurs. So does what can be read in two
ways (03/04/2026, or 1,234 in a file without any other number to compare with); `doubt` says so.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

MAX_PRECISION = 38
USUAL_PRECISION = 18
INTEGER = re.compile(r"[+-]?(0|[1-9][0-9]{0,17})")
FLAGS = (("true", "false"), ("yes", "no"), ("t", "f"), ("y", "n"))
ISO_DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
ISO_TIME = re.compile(ISO_DATE + r"[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,6})?)?(Z|[+-][0-9]{2}:?[0-9]{2})?")
DAY, MONTH_NAME, YEAR = "[0-9]{1,2}", "[A-Za-z]{3}", "[0-9]{4}"
DATES = {
    "%Y%m%d": "(19|20)[0-9]{6}",
    "%Y/%m/%d": f"{YEAR}/{DAY}/{DAY}",
    "%d.%m.%Y": f"{DAY}[.]{DAY}[.]{YEAR}",
    "%d/%m/%Y": f"{DAY}/{DAY}/{YEAR}",
    "%m/%d/%Y": f"{DAY}/{DAY}/{YEAR}",
    "%d-%m-%Y": f"{DAY}-{DAY}-{YEAR}",
    "%m-%d-%Y": f"{DAY}-{DAY}-{YEAR}",
    "%d.%m.%y": f"{DAY}[.]{DAY}[.][0-9]{{2}}",
    "%d/%m/%y": f"{DAY}/{DAY}/[0-9]{{2}}",
    "%m/%d/%y": f"{DAY}/{DAY}/[0-9]{{2}}",
    "%d-%b-%Y": f"{DAY}-{MONTH_NAME}-{YEAR}",
    "%d-%b-%y": f"{DAY}-{MONTH_NAME}-[0-9]{{2}}",
    "%d %b %Y": f"{DAY} {MONTH_NAME} {YEAR}",
}
TIMES = {" %H:%M:%S": " [0-9]{1,2}:[0-9]{2}:[0-9]{2}", " %H:%M": " [0-9]{1,2}:[0-9]{2}"}
STAMPS = {day + time: f"{shape}{clock}" for day, shape in DATES.items() for time, clock in TIMES.items()}
SEPARATORS = ((".", None), (",", None), (".", ","), (",", "."), (".", " "), (",", " "), (".", "'"), (",", "'"))
MAX_SPELLINGS = 6  # of a flag: true, True, TRUE, false, False, FALSE


@dataclass(frozen=True)
class ValueType:
    """The type of a column.

    Args:
        logical: string, integer, number, boolean, date or timestamp.
        precision: digits of a number in all; `scale` those after the separator.
        date_format: how a date is written; None is ISO 8601.
        doubt: why it is a string although it looks like something else.
    """

    logical: str
    precision: int | None = None
    scale: int | None = None
    date_format: str | None = None
    decimal_separator: str = "."
    thousands_separator: str | None = None
    doubt: str | None = None

    @property
    def physical(self) -> str:
        """The type in the warehouse."""
        if self.logical == "number":
            return f"decimal({self.precision},{self.scale})"
        return {"string": "varchar", "integer": "bigint", "timestamp": "timestamp"}.get(self.logical, self.logical)


TEXT = ValueType("string")


def find_types(columns: dict[str, list[str]]) -> dict[str, ValueType]:
    """The type of each column from its distinct texts; the empty ones may be left out.

    How a file writes decimals is taken from the columns that leave no doubt and then holds for the others.
    """
    filled = {name: [text for text in texts if text] for name, texts in columns.items()}
    readings = {name: _readings(texts) for name, texts in filled.items()}
    clear = {pairs[0][0] for pairs in readings.values() if len({pair[0] for pair in pairs}) == 1}
    house = clear.pop() if len(clear) == 1 else None
    return {name: _find_type(texts, readings[name], house) for name, texts in filled.items()}


def _find_type(texts: list[str], readings: list[tuple[str, str | None]], house: str | None) -> ValueType:
    if not texts:
        return TEXT
    for find in (_flag, _iso, _day_or_time):
        if (found := find(texts)) is not None:
            return found
    return _number(texts, readings, house)


def _flag(texts: list[str]) -> ValueType | None:
    seen = {text.lower() for text in islice(texts, MAX_SPELLINGS + 1)}
    is_pair = any(seen == set(pair) for pair in FLAGS) or seen <= set(FLAGS[0])
    return ValueType("boolean") if len(texts) <= MAX_SPELLINGS and is_pair else None


def _iso(texts: list[str]) -> ValueType | None:
    day = re.compile(ISO_DATE)
    if _all(texts, lambda text: bool(day.fullmatch(text)) and _is_time(text, "%Y-%m-%d")):
        return ValueType("date")
    if _all(texts, lambda text: bool(ISO_TIME.fullmatch(text) or day.fullmatch(text)) and _is_iso(text)):
        return ValueType("timestamp")
    return None


def _day_or_time(texts: list[str]) -> ValueType | None:
    for logical, formats in (("date", DATES), ("timestamp", STAMPS)):
        fitting = [name for name, shape in formats.items() if _fits_format(texts, name, re.compile(shape))]
        if len(fitting) == 1:
            return ValueType(logical, date_format=fitting[0])
        if fitting:
            return ValueType("string", doubt=f"it fits {' and '.join(fitting)}")
    return None


def _fits_format(texts: list[str], name: str, shape: re.Pattern[str]) -> bool:
    return _all(texts, lambda text: bool(shape.fullmatch(text)) and _is_time(text, name))


def _number(texts: list[str], readings: list[tuple[str, str | None]], house: str | None) -> ValueType:
    if _all(texts, lambda text: bool(INTEGER.fullmatch(text))):
        return ValueType("integer")
    if not readings:
        return TEXT
    if len({decimal for decimal, _ in readings}) > 1 and house is None:
        return ValueType("string", doubt="its numbers can be read with a decimal point and with a decimal comma")
    decimal, thousands = next((pair for pair in readings if pair[0] == house), readings[0])
    plain = [text.replace(thousands, "") if thousands else text for text in texts]
    if _all(plain, lambda text: bool(INTEGER.fullmatch(text))):
        return ValueType("integer", thousands_separator=thousands)
    whole = max(len(text.lstrip("+-").partition(decimal)[0]) for text in plain)
    scale = max(len(text.partition(decimal)[2]) for text in plain)
    if whole + scale > MAX_PRECISION:
        return TEXT
    precision = max(USUAL_PRECISION, whole + scale)
    return ValueType("number", precision, scale, decimal_separator=decimal, thousands_separator=thousands)


def _readings(texts: list[str]) -> list[tuple[str, str | None]]:
    """The ways to write numbers, as decimal and thousands separator, that give each text a value.

    Whole numbers without any separator tell nothing of how the file writes the others.
    """
    if not texts or _all(texts, lambda text: bool(INTEGER.fullmatch(text))):
        return []
    return [pair for pair in SEPARATORS if _all(texts, _reads_as(*pair))]


def _reads_as(decimal: str, thousands: str | None) -> Callable[[str], bool]:
    digits = "(0|[1-9][0-9]*)"
    if thousands:
        digits = f"(0|[1-9][0-9]*|[1-9][0-9]{{0,2}}({re.escape(thousands)}[0-9]{{3}})+)"
    point = re.escape(decimal)
    shape = re.compile(f"[+-]?({digits}({point}[0-9]+)?|{point}[0-9]+)")
    return lambda text: bool(shape.fullmatch(text))


def _all(texts: Iterable[str], fits: Callable[[str], bool]) -> bool:
    return all(map(fits, texts))


def _is_time(text: str, form: str) -> bool:
    try:
        datetime.strptime(text, form)  # noqa: DTZ007 - only whether it can be read
    except ValueError:
        return False
    return True


def _is_iso(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True
