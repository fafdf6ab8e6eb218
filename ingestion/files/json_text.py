"""One JSON value at a time, each number as it was spelled."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from json.encoder import encode_basestring
from typing import Any

BLANK = " \t\r\n"
NOT_TEXT = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")  # escapes that may yield a NUL or half a character
Row = dict[str, Any]


class _Number(str):
    """A number as it was spelled, told from a text inside nested values."""

    __slots__ = ()


class RepeatedKey(ValueError):
    """An object has a key twice."""


def _pairs(pairs: list[tuple[str, Any]]) -> Row:
    row = dict(pairs)
    if len(row) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in row if names.count(name) > 1)
        raise RepeatedKey(f"the key {twice!r} occurs more than once in one object")
    return row


def _scanner(number: type[str], pairs: Callable[[list[tuple[str, Any]]], Row]) -> Any:
    decoder = json.JSONDecoder(
        object_pairs_hook=pairs, parse_int=number, parse_float=number, parse_constant=number, strict=False
    )
    return decoder.scan_once


scan_flat, scan_nested = _scanner(str, _pairs), _scanner(_Number, _pairs)
scan_lenient = _scanner(str, dict)  # keys may occur twice: to find where a value stops


def parse_record(text: str) -> Row:
    """One JSON object from a line.

    Raises:
        ValueError: it is no object, it is broken, or a key occurs twice (RepeatedKey).
    """
    text = text.strip(BLANK)
    is_nested = text.find("{", 1) > 0 or "[" in text
    try:
        value, stop = (scan_nested if is_nested else scan_flat)(text, 0)
    except StopIteration as error:
        raise ValueError(f"no JSON value at character {error.value + 1}") from None
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(value, dict):
        raise ValueError(f"a JSON {_kind(value)}, not an object")
    if stop != len(text):
        raise ValueError(f"text after the object, from character {stop + 1}")
    if NOT_TEXT.search(text):
        _check_text(value)
    return value


def to_text(value: Any) -> str | None:
    """A value as text: numbers as spelled, true and false, objects and arrays as compact JSON; null as null."""
    if value is None or isinstance(value, str):
        return value
    return _dump(value)


def _dump(value: Any) -> str:
    if isinstance(value, _Number):
        return str(value)
    if isinstance(value, str):
        return str(encode_basestring(value))
    if isinstance(value, dict):
        return "{" + ",".join(f"{encode_basestring(name)}:{_dump(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_dump, value)) + "]"
    return "null" if value is None else "true" if value else "false"


def _kind(value: Any) -> str:
    if isinstance(value, list):
        return "array"
    if isinstance(value, bool):
        return "flag"
    return "null" if value is None else "text or number"


def _check_text(row: Row) -> None:
    for name, value in row.items():
        text = name + (to_text(value) or "")
        if "\x00" in text:
            raise ValueError("a NUL character")
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            raise ValueError("half of a surrogate pair, which is no character") from None
