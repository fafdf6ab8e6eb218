"""A stand-in for the REST resources of Oracle Fusion Cloud: collections, queries, children and describe.

Follows Oracle's "REST API for Oracle Fusion Cloud": `q`, `orderBy`, `expand`, `fields`, `onlyData`, `totalResults`,
`limit` (25 unless given, at most 500) and `offset`; from REST-Framework-Version 3 on expanded children are
collections that say hasMore, before it they are arrays that are cut off at `child_limit` without a word.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from operator import eq, ge, gt, le, lt, ne
from pathlib import Path
from typing import Any

from ingestion.contract import CONTRACTS_DIR, load_dataset
from ingestion.sandbox.errors import SandboxError
from ingestion.sandbox.odata import Response
from ingestion.sandbox.rest import Request, json_answer

PREFIX = "/fscmRestApi/resources/11.13.18.05"
MAX_LIMIT = 500
DEFAULT_LIMIT = 25
CONDITION = re.compile(r"""\s*(\w+)\s*(>=|<=|!=|>|<|=)\s*("[^"]*"|'[^']*'|[^\s;"']+)\s*""")
STAMP = re.compile(r"^\d{4}-\d\d-\d\d(T.*)?$")
TYPES = {"timestamp": "datetime"}  # describe's name where it is not the contract's
LAST = (9, 0)  # the place of a value that cannot be compared


@dataclass(frozen=True)
class Resource:
    """One collection: its key, its child collection, and the datasets that say what it declares."""

    key: str
    dataset: str
    child: str = ""
    child_key: str = ""
    child_dataset: str = ""


RESOURCES = {
    "invoices": Resource("InvoiceId", "ap_invoices", "invoiceLines", "LineNumber", "ap_invoice_lines"),
    "generalLedgerAccounts": Resource("Account", "gl_accounts"),
    "journalHeaders": Resource("JeHeaderId", "gl_journal_lines", "journalLines", "JeLineNumber", "gl_journal_lines"),
    "purchaseRequisitions": Resource("RequisitionHeaderId", "requisitions", "lines", "LineNumber", "requisition_lines"),
}


class BadQueryError(Exception):
    """A parameter that cannot be answered."""


class OracleApp:
    """Serves documents; they may change while they are served.

    Args:
        documents: by resource, the documents with their child arrays.
        child_limit: most children that come with their document.

    Attributes:
        types: declared types that differ from the contracts', by (resource or child name, attribute); None takes the
            attribute away.
        describes: whether describe may be read.
    """

    prefix = PREFIX

    def __init__(self, documents: Mapping[str, Iterable[dict[str, Any]]], *, child_limit: int = 100) -> None:
        if unknown := set(documents) - RESOURCES.keys():
            raise SandboxError(
                f"no resource is named {', '.join(sorted(unknown))}.",
                subject="sandbox oracle",
                remedy=f"use {', '.join(RESOURCES)}.",
            )
        self.child_limit = child_limit
        self.types: dict[tuple[str, str], str | None] = {}
        self.describes = True
        self._lock = threading.RLock()
        self._documents = {name: list(documents.get(name, [])) for name in RESOURCES}
        self._sorted: dict[tuple[str, str], Ordered] = {}

    @classmethod
    def from_directory(cls, directory: Path | str) -> OracleApp:
        """Serve the <resource>.jsonl files of a directory.

        Raises:
            SandboxError: a file is missing or cannot be read.
        """
        return cls({name: read_documents(Path(directory) / f"{name}.jsonl") for name in RESOURCES})

    def documents(self, resource: str) -> list[dict[str, Any]]:
        """A copy of what a resource holds."""
        with self._lock:
            return deepcopy(self._documents[resource])

    def upsert(self, resource: str, document: dict[str, Any]) -> None:
        """Put a document in the place of the one with its key, or add it."""
        key = RESOURCES[resource].key
        with self._lock:
            self._documents[resource] = [d for d in self._documents[resource] if d.get(key) != document.get(key)]
            self._documents[resource].append(deepcopy(document))
            self._sorted.clear()

    def delete(self, resource: str, key: Any) -> None:
        """Remove the document with this key."""
        with self._lock:
            name = RESOURCES[resource].key
            self._documents[resource] = [d for d in self._documents[resource] if d.get(name) != key]
            self._sorted.clear()

    def respond(self, request: Request) -> Response:
        """Answer a request below the prefix."""
        parts = request.path.split("/")
        if parts[0] not in RESOURCES:
            return _problem(404, f"there is no resource {parts[0][:60]!r}")
        with self._lock:
            try:
                return self._route(parts, request)
            except BadQueryError as error:
                return _problem(400, str(error))

    def _route(self, parts: list[str], request: Request) -> Response:
        name, spec = parts[0], RESOURCES[parts[0]]
        if len(parts) == 1:
            return self._collection(name, request)
        if parts[1:] == ["describe"]:
            return json_answer(self._describe(name)) if self.describes else _problem(403, "describe is not authorised")
        document = next((d for d in self._documents[name] if identifier(d, spec) == parts[1]), None)
        if document is None:
            return _problem(404, f"there is no document {parts[1][:60]!r}")
        if len(parts) == 2:
            return json_answer(self._shown(name, document, request))
        if spec.child and parts[2:] == ["child", spec.child]:
            children = [child for child in document.get(spec.child) or [] if isinstance(child, dict)]
            return json_answer(_page(_ordered(children, request.query.get("orderBy", "")), request.query))
        return _problem(404, "there is no such part of the document")

    def _collection(self, name: str, request: Request) -> Response:
        order = request.query.get("orderBy", "")
        if (name, order) not in self._sorted:
            self._sorted[name, order] = Ordered(_ordered(self._documents[name], order))
        found = self._sorted[name, order].matching(request.query.get("q", ""))
        page = _page(found, request.query)
        page["items"] = [self._shown(name, document, request) for document in page["items"]]
        if request.query.get("onlyData") != "true":
            page["links"] = [{"rel": "self", "href": f"{request.base_url}{PREFIX}/{name}", "name": name}]
        return json_answer(page)

    def _shown(self, name: str, document: Any, request: Request) -> Any:
        if not isinstance(document, dict):
            return document
        spec, query = RESOURCES[name], request.query
        shown = {field: value for field, value in document.items() if field != spec.child}
        if fields := query.get("fields"):
            shown = {field: value for field, value in shown.items() if field in fields.split(",")}
        if spec.child and spec.child in document and spec.child in query.get("expand", "").split(","):
            shown[spec.child] = self._expanded(document[spec.child], request)
        if query.get("onlyData") != "true":
            href = f"{request.base_url}{PREFIX}/{name}/{identifier(document, spec)}"
            shown["links"] = [{"rel": "self", "href": href, "name": name, "kind": "item"}]
        return shown

    def _expanded(self, children: Any, request: Request) -> Any:
        if not isinstance(children, list):
            return children
        shown = children[: self.child_limit]
        version = request.headers.get("REST-Framework-Version") or "1"
        if not (version.isdigit() and int(version) >= 3):
            return shown
        more = len(children) > len(shown)
        return {"items": shown, "count": len(shown), "hasMore": more, "limit": self.child_limit, "offset": 0}

    def _describe(self, name: str) -> dict[str, Any]:
        spec = RESOURCES[name]
        node: dict[str, Any] = {"attributes": self._attributes(name, spec.dataset)}
        if spec.child:
            node["children"] = {spec.child: {"attributes": self._attributes(spec.child, spec.child_dataset)}}
        return {"Resources": {name: node}}

    def _attributes(self, node: str, dataset: str) -> list[dict[str, Any]]:
        changed = {attribute: kind for (place, attribute), kind in self.types.items() if place == node}
        return [{"name": name, "type": kind} for name, kind in (_agreed(dataset) | changed).items() if kind is not None]


@cache
def _agreed(dataset: str) -> dict[str, str]:
    contract = load_dataset(CONTRACTS_DIR / "oracle" / f"{dataset}.odcs.yaml")
    return {field.source_field: TYPES.get(field.logical_type, field.logical_type) for field in contract.fields}


def identifier(document: Any, spec: Resource) -> str:
    """The document's part of a path: as in Fusion an opaque text, not the key."""
    return str(document.get(spec.key)).encode().hex().upper() if isinstance(document, dict) else ""


def read_documents(path: Path) -> list[dict[str, Any]]:
    """The records of a JSONL file.

    Raises:
        SandboxError: the file is missing or a line is not JSON.
    """
    try:
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]
    except (OSError, ValueError) as error:
        raise SandboxError(
            f"it cannot be read: {error}.", subject=str(path), remedy="have the generator write the company again."
        ) from error


def _page(found: list[Any], query: Mapping[str, str]) -> dict[str, Any]:
    limit, offset = _whole(query, "limit", DEFAULT_LIMIT), _whole(query, "offset", 0)
    limit = min(limit or DEFAULT_LIMIT, MAX_LIMIT)
    items = found[offset : offset + limit]
    page = {
        "items": items,
        "count": len(items),
        "hasMore": offset + len(items) < len(found),
        "limit": limit,
        "offset": offset,
    }
    return page | ({"totalResults": len(found)} if query.get("totalResults") == "true" else {})


def _whole(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name, str(default))
    if not (text.isascii() and text.isdigit()):
        raise BadQueryError(f"{name} is not a whole number")
    return int(text)


def _ordered(documents: list[Any], order: str) -> list[Any]:
    steps = []
    for part in filter(None, order.split(",")):
        name, _, direction = part.strip().partition(":")
        if not re.fullmatch(r"\w+", name) or direction not in ("", "asc", "desc"):
            raise BadQueryError(f"orderBy {part!r} cannot be read")
        steps.append((name, direction == "desc"))
    for name, downward in reversed(steps):
        documents = sorted(documents, key=lambda document, name=name: comparable(_value(document, name)))
        if downward:
            documents.reverse()
    return documents


class Ordered:
    """Documents in one order, with the comparable values of each field that was asked for."""

    def __init__(self, documents: list[Any]) -> None:
        self._documents = documents
        self._places: dict[str, list[tuple[int, Any]]] = {}

    def matching(self, q: str) -> list[Any]:
        """Documents that fit `q`: conditions joined by `and` or `;`. A value that cannot be compared always fits."""
        found = self._documents
        for number, part in enumerate(filter(None, re.split(r";|\band\b", q))):
            match = CONDITION.fullmatch(part)
            if not match:
                raise BadQueryError(f"q {part!r} cannot be read")
            text = match[3].strip("\"'")
            is_number = match[3][0].isdigit() and re.fullmatch(r"\d+(\.\d+)?", text)
            given = comparable(float(text) if is_number else text)
            places = self._of(match[1]) if number == 0 else [comparable(_value(d, match[1])) for d in found]
            found = [d for d, place in zip(found, places, strict=True) if _fits(place, match[2], given)]
        return found

    def _of(self, name: str) -> list[tuple[int, Any]]:
        if name not in self._places:
            self._places[name] = [comparable(_value(document, name)) for document in self._documents]
        return self._places[name]


OPERATORS = {">=": ge, "<=": le, ">": gt, "<": lt, "=": eq, "!=": ne}


def _fits(value: tuple[int, Any], operator: str, given: tuple[int, Any]) -> bool:
    if value == LAST or value[0] != given[0]:
        return operator != "="
    return OPERATORS[operator](value, given)


def _value(document: Any, name: str) -> Any:
    return document.get(name) if isinstance(document, dict) else None


def comparable(value: Any) -> tuple[int, Any]:
    """A place in the order: numbers, then times, then texts, then what cannot be compared."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return (0, value)
    if isinstance(value, str) and STAMP.match(value):
        try:
            stamp = datetime.fromisoformat(value)
            return (1, stamp.replace(tzinfo=UTC) if stamp.tzinfo is None else stamp.astimezone(UTC))
        except (ValueError, OverflowError):
            return LAST
    return (2, value) if isinstance(value, str) and value else LAST


def _problem(status: int, detail: str) -> Response:
    return json_answer({"title": "Problem", "status": str(status), "detail": detail, "o:errorCode": "27520"}, status)
