"""Where a row came from: its hash and its reference."""

from __future__ import annotations

import hashlib
import json
from typing import Any

_CANONICAL = json.JSONEncoder(ensure_ascii=True, sort_keys=True, separators=(",", ":"), default=str)


def canonical_json(record: Any) -> str:
    """The record as JSON with sorted keys and ASCII only: the same text for the same content, always."""
    return _CANONICAL.encode(record)


def row_hash(record: Any) -> str:
    """SHA-256 (hex) of the canonical JSON of a delivered record."""
    return text_hash(canonical_json(record))


def text_hash(canonical: str) -> str:
    """SHA-256 (hex) of a canonical JSON."""
    return hashlib.sha256(canonical.encode("ascii")).hexdigest()


def identity(*parts: str) -> str:
    """A stable identifier from several texts (SHA-256, hex); the separator cannot occur in names."""
    return hashlib.sha256("\x1f".join(parts).encode("utf-8", "backslashreplace")).hexdigest()


def file_ref(path: str, place: str | int) -> str:
    """Where in a file a record stands: `path:line`, or `path!sheet!cell` of a workbook."""
    return f"{path}:{place}" if isinstance(place, int) else f"{path}!{place}"


def split_file_ref(ref: str) -> tuple[str, int]:
    """Path and line (of a workbook: the row) of a `file_ref`."""
    if "!" in ref:
        path, cell = ref.split("!", 1)[0], ref.rsplit("!", 1)[-1]
        return path, int("".join(part for part in cell if part.isdigit()) or 0)
    path, _, line = ref.rpartition(":")
    return path, int(line)
