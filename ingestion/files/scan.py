"""The careful way through one CSV record: field by field, for the few records that the fast way cannot vouch for."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache

from ingestion.files.layout import COLUMN_COUNT, TEXT_AFTER_QUOTE, UNBALANCED_QUOTE

SPARE_FIELDS = 64  # fields past the expected ones that are still looked at


@dataclass(frozen=True)
class Dialect:
    """Delimiter and quote of a CSV file, each one ASCII character."""

    delimiter: bytes
    quote: bytes = b'"'


@dataclass(frozen=True)
class Scanned:
    """One record: its fields, where its text stops (before the line end), and what is wrong with it.

    `is_open`: the text ended inside quotes, so that more text could make it a record.
    """

    fields: list[bytes]
    stop: int
    fault: str | None = None
    detail: str = ""
    is_open: bool = False


@lru_cache(maxsize=64)
def _patterns(dialect: Dialect, variant: str) -> tuple[re.Pattern[bytes], re.Pattern[bytes]]:
    delimiter, quote = re.escape(dialect.delimiter), re.escape(dialect.quote)
    blank = b"" if dialect.delimiter == b" " else b" " if dialect.delimiter == b"\t" else rb"[ \t]"
    before = blank + b"*+" if blank and variant == "spaced" else b""
    after = blank + b"*+" if blank else b""
    inner = rb"(?:[^%b\\]|\\.|%b%b)*+" % (quote, quote, quote) if variant == "backslash" else (
        rb"[^%b]*+(?:%b%b[^%b]*+)*+" % (quote, quote, quote, quote)
    )  # fmt: skip
    end = rb"(?=%b|[\r\n]|\Z)" % delimiter
    quoted = re.compile(before + quote + rb"(" + inner + rb")(" + quote + rb"(?:" + after + end + rb")?)?", re.DOTALL)
    return quoted, re.compile(rb"[^%b\r\n]*+" % delimiter)


def scan_record(text: bytes, start: int, stop: int, dialect: Dialect, width: int, variant: str = "plain") -> Scanned:
    """Read one record.

    A field is quoted when it starts with the quote; a quote further on in a field is a character as any other.

    Args:
        width: expected fields; scanning stops when there are far too many. 0: no expectation.
        variant: plain; spaced (blanks before an opening quote do not count); backslash (a backslash escapes a quote).
    """
    quoted, plain = _patterns(dialect, variant)
    fields: list[bytes] = []
    position = start
    while True:
        match = quoted.match(text, position, stop)
        if match is None:
            match = plain.match(text, position, stop)
            assert match is not None
            fields.append(match[0])
        elif match[2] is None:
            return Scanned(fields, match.end(), UNBALANCED_QUOTE, f"field {len(fields) + 1} never closes", is_open=True)
        elif len(match[2]) == 1 and not _ends_field(text, match.end(), stop, dialect):
            return _text_after_quote(text, match, fields)
        else:
            fields.append(_unquoted(match[1], dialect, variant))
        position = match.end()
        if position >= stop or text[position] in b"\r\n":
            return Scanned(fields, position)
        if width and len(fields) > width + SPARE_FIELDS:
            return Scanned(fields, position, COLUMN_COUNT, f"more than {len(fields)} fields, not {width}")
        position += 1


def _ends_field(text: bytes, position: int, stop: int, dialect: Dialect) -> bool:
    return position >= stop or text[position : position + 1] in (dialect.delimiter, b"\r", b"\n")


def _text_after_quote(text: bytes, match: re.Match[bytes], fields: list[bytes]) -> Scanned:
    number = len(fields) + 1
    if b"\n" in match[1] or b"\r" in match[1]:
        detail = f"field {number} opens a quote that does not close on this line"
        return Scanned(fields, match.end(), UNBALANCED_QUOTE, detail)
    return Scanned(fields, match.end(), TEXT_AFTER_QUOTE, f"field {number} has text after its closing quote")


def _unquoted(inner: bytes, dialect: Dialect, variant: str) -> bytes:
    value = inner.replace(dialect.quote * 2, dialect.quote)
    if variant == "backslash":
        value = re.sub(rb"\\([\\%b])" % re.escape(dialect.quote), rb"\1", value)
    return value


def read_fields(text: bytes, start: int, stop: int, dialect: Dialect, width: int, *, known: int) -> Scanned:
    """Read one record in the first variant that gives the expected fields.

    Fields past the expected ones do not count when they are all blank.

    Args:
        known: where the complete lines of the text stop. A record that reaches further is open: more text may
            change it.
    """
    first = scan_record(text, start, stop, dialect, width)
    if first.stop >= known:
        return replace(first, fault=first.fault or UNBALANCED_QUOTE, is_open=True)
    if (right := _right_width(first, width)) is not None:
        return right
    if dialect.quote in text[start : first.stop]:
        for variant in ("spaced", "backslash"):
            other = scan_record(text, start, stop, dialect, width, variant)
            if (right := _right_width(other, width)) is not None:
                return right
    if first.fault is None:
        return Scanned(first.fields, first.stop, COLUMN_COUNT, f"{len(first.fields)} fields, not {width}")
    return first


def _right_width(scanned: Scanned, width: int) -> Scanned | None:
    if scanned.fault or len(scanned.fields) < width or any(field.strip() for field in scanned.fields[width:]):
        return None
    return Scanned(scanned.fields[:width], scanned.stop)
