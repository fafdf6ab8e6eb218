"""Where a row came from: its hash and its reference."""

from __future__ import annotations

import hashlib
import json
from typing import Any


def canonical_json(record: Any) -> str:
    """The record as JSON with sorted keys and ASCII only: the same text for the same content, always."""
    return json.dumps(record, ensure_ascii=True, sort_keys=True, separators=(",", ":"), default=str)


def row_hash(record: Any) -> str:
    """SHA-256 (hex) of the canonical JSON of a delivered record."""
    return hashlib.sha256(canonical_json(record).encode("ascii")).hexdigest()


def identity(*parts: str) -> str:
    """A stable identifier from several texts (SHA-256, hex); the separator cannot occur in names."""
    return hashlib.sha256("\x1f".join(parts).encode("utf-8", "backslashreplace")).hexdigest()
