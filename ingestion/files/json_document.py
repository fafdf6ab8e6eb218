"""JSON that is not one object a line: an array, an envelope around one array, objects over several lines."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from ingestion.files.json_text import BLANK, parse_record, scan_lenient, scan_nested

BROKEN = (StopIteration, ValueError, RecursionError)
LINE_END = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True)
class Piece:
    """The text of one value and the 1-based line on which it starts."""

    text: str
    line: int


@dataclass(frozen=True)
class Pieces:
    """The values of a document and how many of its lines they take."""

    values: list[Piece]
    lines: int
    record_lines: int
    blank_lines: int


def spans_lines(start: bytes) -> bool:
    """Whether a file is one array or has objects over several lines, rather than one object a line."""
    text = start.decode("utf-8", "replace").lstrip(BLANK)
    if text.startswith("["):
        return True
    first = LINE_END.split(text, maxsplit=1)[0].rstrip(BLANK)
    if not first.startswith("{") or len(first) == len(text):
        return False
    try:
        parse_record(first)
    except ValueError:
        try:
            return bool(scan_lenient(text, 0)[1] > len(first))
        except BROKEN:
            return first == "{"
    return False


def split_document(text: str) -> Pieces:
    """The values of an array, of the one array of objects in an envelope, or those that follow each other.

    What stands after broken JSON is one piece: where the next value starts cannot be told.
    """
    starts = [0, *(match.end() for match in LINE_END.finditer(text))]
    if starts[-1] == len(text):
        starts.pop()
    is_record = np.zeros(len(starts), np.bool_)
    values = []
    for begin, stop in _values(text):
        line = bisect_right(starts, begin)
        values.append(Piece(text[begin:stop], line))
        is_record[line - 1 : bisect_right(starts, stop - 1)] = True
    is_blank = np.array([not text[start:stop].strip() for start, stop in pairwise([*starts, len(text)])], np.bool_)
    return Pieces(values, len(starts), int(is_record.sum()), int((is_blank & ~is_record).sum()))


def _values(text: str) -> Iterator[tuple[int, int]]:
    position = _skip(text, 0, BLANK)
    if text.startswith("[", position):
        yield from _items(text, position + 1)
        return
    if (inside := _envelope(text, position)) is not None:
        yield from _items(text, inside)
        return
    while position < len(text):
        stop = _value_stop(text, position)
        yield position, stop
        position = _skip(text, stop, BLANK)


def _items(text: str, position: int) -> Iterator[tuple[int, int]]:
    """The values of an array, from behind its bracket; then whatever stands behind the array, unless in an envelope."""
    position = _skip(text, position, BLANK)
    while position < len(text) and text[position] != "]":
        stop = _value_stop(text, position)
        yield position, stop
        position = _skip(text, stop, BLANK)
        if text.startswith(",", position):
            position = _skip(text, position + 1, BLANK)
    rest = _skip(text, position + 1, BLANK)
    if rest < len(text) and text[rest] not in "},":
        yield rest, len(text)


def _value_stop(text: str, position: int) -> int:
    try:
        return int(scan_lenient(text, position)[1])
    except BROKEN:
        return len(text)


def _envelope(text: str, position: int) -> int | None:
    """Where the array starts (behind its bracket) of an object whose only list of objects holds the records.

    For example `{"count": 2, "data": [{...}, {...}]}`. None if the text is no such object, or not only that.
    """
    try:
        value, stop = scan_nested(text, position)
    except BROKEN:
        return None
    if not isinstance(value, dict) or text[stop:].strip(BLANK):
        return None
    lists = [name for name, item in value.items() if _is_table(item)]
    if len(lists) != 1:
        return None
    position = _skip(text, position + 1, BLANK)
    while position < len(text):
        name, position = scan_nested(text, position)
        position = _skip(text, _skip(text, position, BLANK) + 1, BLANK)
        if name == lists[0]:
            return position + 1
        position = _skip(text, scan_nested(text, position)[1], BLANK)
        position = _skip(text, position + 1, BLANK)
    return None


def _is_table(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, dict) for item in value)


def _skip(text: str, position: int, characters: str) -> int:
    while position < len(text) and text[position] in characters:
        position += 1
    return position
