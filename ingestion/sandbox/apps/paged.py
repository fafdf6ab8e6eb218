"""What the paged platforms share: documents that may change while they are served, and damage to pages."""

from __future__ import annotations

import copy
import json
import random
import threading
from bisect import bisect_left
from collections.abc import Mapping
from operator import itemgetter
from pathlib import Path
from typing import Any

from ingestion.sandbox.errors import SandboxError

Document = dict[str, Any]


class Documents:
    """Documents of a platform by resource; safe to change from a test while the server reads.

    Args:
        documents: documents as served, by resource.
        keys: the key fields of each resource.
        stamp: the field that holds the time of the last change, as ISO 8601 UTC.
    """

    def __init__(
        self, documents: Mapping[str, list[Document]], keys: Mapping[str, tuple[str, ...]], stamp: str
    ) -> None:
        self.lock = threading.RLock()
        self.keys = keys
        self.stamp = stamp
        self._by_key: dict[str, dict[tuple[Any, ...], Document]] = {name: {} for name in keys}
        self._sorted: dict[str, list[tuple[tuple[str, str], Document]]] = {}
        for name, records in documents.items():
            for record in records:
                self.upsert(name, record)

    def upsert(self, resource: str, record: Document) -> None:
        """Add a document, or replace the one with its key."""
        with self.lock:
            self._by_key[resource][self._key(resource, record)] = copy.deepcopy(record)
            self._sorted.pop(resource, None)

    def delete(self, resource: str, *key: Any) -> None:
        """Remove a document without a trace."""
        with self.lock:
            del self._by_key[resource][key]
            self._sorted.pop(resource, None)

    def all(self, resource: str) -> list[Document]:
        """All documents in the order in which they are served: last change, then key."""
        return self.changed_since(resource, "")

    def changed_since(self, resource: str, since: str) -> list[Document]:
        """Documents with a change at that time or later."""
        return self.between(resource, (since, ""))

    def between(self, resource: str, start: tuple[str, str]) -> list[Document]:
        """Documents from a place in their order on."""
        with self.lock:
            if resource not in self._sorted:
                ordered = [(self.order(resource, record), record) for record in self._by_key[resource].values()]
                self._sorted[resource] = sorted(ordered, key=itemgetter(0))
            found = self._sorted[resource]
            return [record for _, record in found[bisect_left(found, start, key=itemgetter(0)) :]]

    def order(self, resource: str, record: Document) -> tuple[str, str]:
        """What documents are sorted by."""
        return str(record.get(self.stamp)), json.dumps(self._key(resource, record))

    def _key(self, resource: str, record: Document) -> tuple[Any, ...]:
        return tuple(record.get(name) for name in self.keys[resource])


def read_documents(directory: Path | str, resources: tuple[str, ...]) -> dict[str, list[Document]]:
    """The documents of <directory>/<resource>.jsonl.

    Raises:
        SandboxError: a file is missing or a line is not a JSON object; names file and line.
    """
    found: dict[str, list[Document]] = {}
    for name in resources:
        path = Path(directory) / f"{name}.jsonl"
        found[name] = []
        try:
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
                found[name].append(json.loads(line))
                if not isinstance(found[name][-1], dict):
                    raise ValueError(f"line {number} is not an object")
        except (OSError, ValueError) as error:
            raise SandboxError(
                f"it cannot be served: {error}.", subject=str(path), remedy="make the company again (docs/sandbox.md)."
            ) from error
    return found


def as_count(text: str | None, default: int, most: int) -> int:
    """A page size or number from a query; out of range is cut, no number is the default."""
    return min(max(int(text), 1), most) if text and text.isascii() and text.isdigit() else default


def damaged(rows: list[Document], seed: int, keys: tuple[str, ...]) -> list[Any]:
    """A page with about a tenth of its rows broken in ways that no contract allows; at least one is."""
    chance = random.Random(seed)  # noqa: S311 - faults, not secrets
    result: list[Any] = copy.deepcopy(rows)
    for position in chance.sample(range(len(rows)), max(1, len(rows) // 10)) if rows else []:
        result[position] = _broken(result[position], chance, keys)
    return result


def with_doubles(rows: list[Document], seed: int) -> list[Document]:
    """A page in which some rows come twice."""
    chance = random.Random(seed)  # noqa: S311
    result = list(rows)
    for row in chance.sample(rows, max(1, len(rows) // 5)) if rows else []:
        result.insert(chance.randrange(len(result) + 1), row)
    return result


def _broken(row: Document, chance: random.Random, keys: tuple[str, ...]) -> Any:
    deep: Any = "end"
    for _ in range(40):
        deep = {"in": deep}
    key, currency = keys[0], "currency" if "currency" in row else keys[0]
    return chance.choice(
        [
            lambda: {**row, key: None},
            lambda: {name: value for name, value in row.items() if name != key},
            lambda: {**row, currency: "\ud800"},
            lambda: {**row, key: {"nested": [deep]}},
            lambda: {**row, currency: 10**400},
            lambda: {**row, currency: True},
            lambda: {**row, currency: "text\x00with NUL"},
            lambda: {**row, currency: ["a", "list"]},
            lambda: {**row, "updated_at" if "updated_at" in row else "modified_at": "the other day"},
            lambda: "not an object",
            lambda: None,
            lambda: [row],
        ]
    )()
