"""System query options of OData v2: parsing them, and applying them to a collection."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cmp_to_key
from typing import Any
from urllib.parse import parse_qsl

from ingestion.sandbox.filters import FilterError, parse_filter
from ingestion.sandbox.model import EntitySet, Service
from ingestion.sandbox.store import Collection, Entity

OPTIONS = {"filter", "top", "skip", "select", "orderby", "expand", "inlinecount", "format", "skiptoken", "count"}
MAX_KEPT_RESULTS = 32  # filtered and ordered lists kept for the pages that follow


class QueryError(ValueError):
    """A query option is wrong; says which and why."""


@dataclass
class Node:
    """What to send of an entity: its properties (None: all) and the navigation properties to expand."""

    select: set[str] | None = None
    expand: dict[str, Node] = field(default_factory=dict)


@dataclass(frozen=True)
class Query:
    """The options of one request, checked."""

    shape: Node
    filter: str = ""
    orderby: tuple[tuple[str, bool], ...] = ()
    top: int | None = None
    skip: int = 0
    token: int = 0
    is_count_wanted: bool = False
    raw: tuple[tuple[str, str], ...] = ()


def parse_query(text: str, service: Service, entity_set: EntitySet, properties: Callable[[str], Any]) -> Query:
    """Check the query part of a request.

    Args:
        properties: gives the collection of an entity set name, for the properties it has.

    Raises:
        QueryError: an option is unknown, given twice, or not well formed.
    """
    pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=50)
    options: dict[str, str] = {}
    for name, value in pairs:
        if not name.startswith("$"):
            continue  # custom options such as sap-client
        key = name[1:]
        if key not in OPTIONS:
            raise QueryError(f"system query option {name} is not supported")
        if key in options:
            raise QueryError(f"system query option {name} is given twice")
        options[key] = value
    _check_format(options.get("format", "json"))
    shape = _shape(service, entity_set, options.get("expand", ""), options.get("select", ""), properties)
    return Query(
        shape=shape,
        filter=options.get("filter", ""),
        orderby=_orderby(options.get("orderby", ""), entity_set, properties),
        top=_whole(options, "top", None),
        skip=_whole(options, "skip", 0) or 0,
        token=_whole(options, "skiptoken", 0) or 0,
        is_count_wanted=_inline_count(options.get("inlinecount", "none")),
        raw=tuple(pairs),
    )


def apply(query: Query, collection: Collection, entities: list[Entity] | None = None) -> list[Entity]:
    """Filter and order the entities (all of the collection if none are given); the result is kept for later pages.

    Raises:
        QueryError: the filter is wrong.
    """
    key = (query.filter, query.orderby)
    if entities is None:
        if key not in collection.results:
            while len(collection.results) >= MAX_KEPT_RESULTS:
                collection.results.pop(next(iter(collection.results)), None)
            collection.results[key] = _evaluate(query, collection, collection.entities)
        return collection.results.get(key) or []
    return _evaluate(query, collection, entities)


def window(query: Query, total: int, page_size: int) -> tuple[int, int, bool]:
    """First and last (exclusive) position of the page, and whether the server has more of what was asked for."""
    asked_end = total if query.top is None else min(total, query.skip + query.top)
    start = max(query.skip, query.token)
    end = max(start, min(asked_end, start + page_size))
    return start, end, end < asked_end


def _evaluate(query: Query, collection: Collection, entities: list[Entity]) -> list[Entity]:
    found = entities
    if query.filter:
        try:
            predicate = parse_filter(query.filter, collection)
        except FilterError as error:
            raise QueryError(f"$filter: {error}") from error
        found = [entity for entity in found if predicate(entity)]
    for name, is_descending in reversed(query.orderby):
        values = {id(entity): collection.value(entity, name) for entity in found}
        found = sorted(found, key=_sort_key(values), reverse=is_descending)
    return found


def _sort_key(values: dict[int, Any]) -> Callable[[Entity], Any]:
    """Nulls first, as SAP's databases sort initial values."""

    def compare(one: Any, other: Any) -> int:
        if one is None or other is None:
            return (one is not None) - (other is not None)
        return (one > other) - (one < other)

    if any(value is None for value in values.values()):
        key = cmp_to_key(compare)
        return lambda entity: key(values[id(entity)])
    return lambda entity: values[id(entity)]


def _check_format(text: str) -> None:
    if text != "json":
        raise QueryError(f"$format={text[:40]} is not offered, the sandbox sends json only")


def _inline_count(text: str) -> bool:
    if text not in ("allpages", "none"):
        raise QueryError(f"$inlinecount is allpages or none, not {text[:40]!r}")
    return text == "allpages"


def _whole(options: dict[str, str], name: str, default: int | None) -> int | None:
    text = options.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit()) or len(text) > 9:
        raise QueryError(f"${name} is a whole number from 0, not {text[:40]!r}")
    return int(text)


def _orderby(text: str, entity_set: EntitySet, properties: Callable[[str], Any]) -> tuple[tuple[str, bool], ...]:
    known = properties(entity_set.name).properties
    found = []
    for part in _parts(text):
        name, *direction = part.split()
        if name not in known:
            raise QueryError(f"$orderby: {entity_set.name} has no property {name[:60]}")
        if direction not in ([], ["asc"], ["desc"]):
            raise QueryError(f"$orderby: {part[:60]!r} is not a property with asc or desc")
        found.append((name, direction == ["desc"]))
    return tuple(found)


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _shape(service: Service, entity_set: EntitySet, expand: str, select: str, properties: Callable[[str], Any]) -> Node:
    root = Node()
    for path in _parts(expand):
        node, current = root, entity_set
        for step in path.split("/"):
            current = _target(service, current, step, "$expand")
            node = node.expand.setdefault(step, Node())
    for path in _parts(select):
        *steps, last = path.split("/")
        node, current = root, entity_set
        for step in steps:
            current = _target(service, current, step, "$select")
            if step not in node.expand:
                raise QueryError(f"$select: {path[:80]} needs $expand of {step}")
            node = node.expand[step]
        _select(node, current, last, properties)
    return root


def _select(node: Node, entity_set: EntitySet, name: str, properties: Callable[[str], Any]) -> None:
    known = properties(entity_set.name).properties
    navigations = {nav.name for nav in entity_set.navigations}
    if name != "*" and name not in known and name not in navigations:
        raise QueryError(f"$select: {entity_set.name} has no property {name[:60]}")
    node.select = node.select or set()
    node.select |= set(known) if name == "*" else {name}


def _target(service: Service, entity_set: EntitySet, step: str, option: str) -> EntitySet:
    for navigation in entity_set.navigations:
        if navigation.name == step:
            return service.sets[navigation.target]
    raise QueryError(f"{option}: {entity_set.name} has no navigation property {step[:60]}")
