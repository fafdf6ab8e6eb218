"""The Edm types: SAP table text to the JSON an OData v2 service sends, and to a value that can be compared.

A text that cannot be expressed as its type is sent as it stands, and compares as null.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from json.encoder import encode_basestring
from typing import Any

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DAYS = re.compile(r"^\d{8}$")
ABAP_STAMP = re.compile(r"^(\d{14})(?:\.\d{1,7})?$")
CLOCK = re.compile(r"^(\d{2}):?(\d{2}):?(\d{2})$")
DECIMAL = re.compile(r"^[+-]?\d+(\.\d+)?$|^[+-]?\.\d+$")
TRUE, FALSE = {"X", "x", "1", "true", "TRUE"}, {"", " ", "0", "false", "FALSE"}
INT_BOUNDS = {"Edm.Byte": (0, 255), "Edm.Int16": (-(2**15), 2**15 - 1), "Edm.Int32": (-(2**31), 2**31 - 1)}

Encoder = Callable[[str], str]
"""Table text to a JSON literal."""


@lru_cache(maxsize=65_536)
def to_instant(text: str) -> datetime | None:
    """UTC time of a date or time stamp: ISO 8601, SAP's YYYYMMDD, or SAP's YYYYMMDDhhmmss; None if it is none."""
    text = text.strip()
    try:
        if DAYS.match(text):
            return datetime.strptime(text, "%Y%m%d").replace(tzinfo=UTC)
        if match := ABAP_STAMP.match(text):
            return datetime.strptime(match[1], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
        if len(text) == 10:
            day = date.fromisoformat(text)
            return datetime(day.year, day.month, day.day, tzinfo=UTC)
        stamp = datetime.fromisoformat(text)
    except ValueError:
        return None
    return stamp.replace(tzinfo=UTC) if stamp.tzinfo is None else stamp.astimezone(UTC)


def milliseconds(moment: datetime) -> int:
    """Milliseconds since 1970, exact and negative before it."""
    return (moment - EPOCH) // timedelta(milliseconds=1)


# What json.dumps uses inside, without making an encoder for every text.
_string = encode_basestring


@lru_cache(maxsize=65_536)
def _date_time(text: str) -> str:
    if not text.strip():
        return "null"
    moment = to_instant(text)
    return _string(text) if moment is None else f'"/Date({milliseconds(moment)})/"'


@lru_cache(maxsize=65_536)
def _date_time_offset(text: str) -> str:
    if not text.strip():
        return "null"
    moment = to_instant(text)
    return _string(text) if moment is None else f'"/Date({milliseconds(moment)}+0000)/"'


def _time(text: str) -> str:
    if not text.strip():
        return "null"
    match = CLOCK.match(text.strip())
    return f'"PT{match[1]}H{match[2]}M{match[3]}S"' if match else _string(text)


def _decimal(text: str) -> str:
    return _string(text.strip()) if text.strip() else "null"


def _boolean(text: str) -> str:
    if text in TRUE:
        return "true"
    return "false" if text in FALSE else _string(text)


def _number(edm: str) -> Encoder:
    def encode(text: str) -> str:
        if not text.strip():
            return "null"
        number = to_comparable(edm, text)
        return _string(text) if number is None else json.dumps(number)

    return encode


ENCODERS: dict[str, Encoder] = {
    "Edm.String": _string,
    "Edm.DateTime": _date_time,
    "Edm.DateTimeOffset": _date_time_offset,
    "Edm.Time": _time,
    "Edm.Decimal": _decimal,
    "Edm.Boolean": _boolean,
    "Edm.Int64": _decimal,  # OData v2 sends 64-bit numbers as text, as it does decimals
    **{edm: _number(edm) for edm in ("Edm.Byte", "Edm.Int16", "Edm.Int32", "Edm.Double")},
}


def to_comparable(edm: str, text: str | None) -> Any:
    """The value a filter or an order compares; None where there is none or it is not of its type."""
    if text is None:
        return None
    if edm == "Edm.String":
        return text
    if edm in ("Edm.DateTime", "Edm.DateTimeOffset"):
        return to_instant(text)
    if edm == "Edm.Time":
        match = CLOCK.match(text.strip())
        return "".join(match.groups()) if match else None
    if edm == "Edm.Boolean":
        return True if text in TRUE else (False if text in FALSE else None)
    return _to_number(edm, text.strip())


def _to_number(edm: str, text: str) -> Decimal | int | float | None:
    try:
        if edm == "Edm.Double":
            number = float(text)
            return number if math.isfinite(number) else None
        if edm == "Edm.Decimal":
            return Decimal(text) if DECIMAL.match(text) else None
        whole = int(text)
    except (ValueError, InvalidOperation):
        return None
    low, high = INT_BOUNDS.get(edm, (-(2**63), 2**63 - 1))
    return whole if low <= whole <= high else None
