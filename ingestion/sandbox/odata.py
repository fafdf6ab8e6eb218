"""The OData v2 protocol as SAP Gateway speaks it: a request path and query to a status and a body.

Follows the OData v2 conventions (odata.org, "URI conventions" and "JSON format") and SAP's error format.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import quote, unquote

from ingestion.sandbox.metadata import metadata_document
from ingestion.sandbox.model import Service
from ingestion.sandbox.query import Node, Query, QueryError, apply, parse_query, window
from ingestion.sandbox.store import SERVICE_ROOT, Collection, Entity, Store

JSON = "application/json"
XML = "application/xml"
TEXT = "text/plain;charset=utf-8"
SEGMENT = re.compile(r"^(?P<name>[A-Za-z_]\w*)(?:\((?P<key>.*)\))?$", re.DOTALL)
KEY_PART = re.compile(r"\s*(?:(?P<name>[A-Za-z_]\w*)\s*=\s*)?'(?P<text>(?:[^']|'')*)'\s*(?:,|$)")

# Codes as SAP Gateway sends them.
NOT_FOUND = "/IWBEP/CM_MGW_RT/020"
NO_SERVICE = "/IWFND/MED/170"
BAD_REQUEST = "/IWBEP/CM_MGW_RT/021"
UNKNOWN_SEGMENT = "/IWFND/CM_MGW/096"
UNAUTHORISED = "/IWFND/CM_CONSUMER/101"
TOO_MANY = "/IWFND/CM_BEC/026"
INTERNAL = "/IWBEP/CX_MGW_TECH_EXCEPTION"


@dataclass
class Response:
    """What to send back."""

    status: int
    body: bytes
    content_type: str = JSON
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Page:
    """A page of entities before it is written as JSON."""

    collection: Collection
    entities: list[Entity]
    total: int
    next_token: int | None


class ODataError(Exception):
    """A request that cannot be answered; carries HTTP status and SAP's code."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


def error_response(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> Response:
    """An error in SAP's OData JSON shape."""
    inner = {"transactionid": "0" * 32, "errordetails": [{"code": code, "message": message, "severity": "error"}]}
    body = {"error": {"code": code, "message": {"lang": "en", "value": message}, "innererror": inner}}
    return Response(status, json.dumps(body, ensure_ascii=False).encode(), JSON, headers or {})


def answer(store: Store, path: str, query: str, base_url: str, page_size: int) -> Response:
    """Answer a GET below the service root.

    Args:
        path: the request path as sent, percent-encoded.
        query: the request's query as sent.
        page_size: most entities of one page.
    """
    try:
        return _route(store, path, query, base_url, page_size)
    except ODataError as error:
        return error_response(error.status, error.code, str(error))
    except QueryError as error:
        return error_response(400, BAD_REQUEST, str(error))


def _route(store: Store, path: str, query: str, base_url: str, page_size: int) -> Response:
    # Split before decoding: a key may hold an encoded slash.
    segments = [unquote(part) for part in path[len(SERVICE_ROOT) :].split("/") if part]
    name, *rest = segments or [""]
    service = store.services.get(name.partition(";")[0])
    if service is None:
        raise ODataError(403, NO_SERVICE, f"No service found for namespace '', name '{name[:60]}', version '0001'")
    if not rest:
        return _service_document(service)
    if rest == ["$metadata"]:
        return Response(200, metadata_document(service, store).encode(), XML, {"DataServiceVersion": "2.0"})
    is_count = rest[-1] == "$count"
    collection, entities, is_single = _resolve(store, service, rest[:-1] if is_count else rest)
    parsed = parse_query(
        query, service, collection.definition, lambda entity_set: store.collection(service.name, entity_set)
    )
    if is_single:
        if is_count:
            raise ODataError(400, BAD_REQUEST, "$count is for entity sets")
        shown = _entity_json(store, collection, (entities or [])[0], parsed.shape)
        return Response(200, f'{{"d":{shown}}}'.encode(), JSON, {"DataServiceVersion": "2.0"})
    found = apply(parsed, collection, entities)
    if is_count:
        return Response(200, str(len(found)).encode(), TEXT)
    start, end, has_more = window(parsed, len(found), page_size)
    page = Page(collection, found[start:end], len(found), end if has_more else None)
    link = next_link(f"{base_url}{path}", parsed, page.next_token)
    return Response(200, page_json(store, page, parsed, link), JSON, {"DataServiceVersion": "2.0"})


def page_json(store: Store, page: Page, query: Query, link: str | None) -> bytes:
    """A page as `{"d":{"results":[...]}}`, with total and link to the next page where they are due."""
    results = ",".join(_entities_json(store, page.collection, page.entities, query.shape))
    count = f'"__count":"{page.total}",' if query.is_count_wanted else ""
    following = f',"__next":{json.dumps(link)}' if link else ""
    return f'{{"d":{{{count}"results":[{results}]{following}}}}}'.encode()


def next_link(url: str, query: Query, token: int | None) -> str | None:
    """The address of the page that starts at `token`."""
    if token is None:
        return None
    kept = [(name, value) for name, value in query.raw if name != "$skiptoken"]
    options = [f"{quote(name, safe='$-_')}={quote(value, safe='/,()-_$')}" for name, value in kept]
    return f"{url}?{'&'.join([*options, f'$skiptoken={token}'])}"


def _service_document(service: Service) -> Response:
    body = {"d": {"EntitySets": list(service.sets)}}
    return Response(200, json.dumps(body).encode(), JSON, {"DataServiceVersion": "2.0"})


def _resolve(store: Store, service: Service, segments: list[str]) -> tuple[Collection, list[Entity] | None, bool]:
    """Collection, entities (None: all) and whether one entity is meant, for the path below the service."""
    name, key = _segment(segments[0] if segments else "")
    if name not in service.sets:
        raise ODataError(404, UNKNOWN_SEGMENT, f"Resource not found for segment '{name[:60]}'")
    collection = store.collection(service.name, name)
    entities, is_single = None, False
    if key is not None:
        entities, is_single = [_by_key(collection, key)], True
    for step in segments[1:]:
        name, key = _segment(step)
        navigation = collection.navigations.get(name)
        if navigation is None or not is_single or not entities:
            raise ODataError(404, UNKNOWN_SEGMENT, f"Resource not found for segment '{name[:60]}'")
        target = store.collection(service.name, navigation.target)
        entities, is_single = collection.children(entities[0], navigation, target), False
        collection = target
        if key is not None:
            wanted = _by_key(collection, key)
            if not any(wanted is entity for entity in entities):
                raise ODataError(404, NOT_FOUND, f"Resource not found for the segment '{name[:60]}'")
            entities, is_single = [wanted], True
    return collection, entities, is_single


def _segment(text: str) -> tuple[str, str | None]:
    match = SEGMENT.match(text)
    return (match["name"], match["key"]) if match else (text, None)


def _by_key(collection: Collection, text: str) -> Entity:
    """The entity of a key predicate: `'4500000001'` or `Name='...',Other='...'`."""
    names = tuple(prop.name for prop in collection.definition.keys)
    given: dict[str, str] = {}
    position = 0
    while position < len(text):
        match = KEY_PART.match(text, position)
        if match is None:
            raise ODataError(400, BAD_REQUEST, f"Invalid key predicate ({text[:80]})")
        given[match["name"] or (names[0] if len(names) == 1 else "")] = match["text"].replace("''", "'")
        position = match.end()
    if set(given) != set(names):
        raise ODataError(400, BAD_REQUEST, f"The key of {collection.definition.name} is {', '.join(names)}")
    found = collection.find(names, tuple(given[name] for name in names))
    if not found:
        raise ODataError(404, NOT_FOUND, f"Resource not found for the segment '{collection.definition.name}'")
    return found[0]


def _entities_json(store: Store, collection: Collection, entities: Iterable[Entity], shape: Node) -> list[str]:
    return [_entity_json(store, collection, entity, shape) for entity in entities]


def _entity_json(store: Store, collection: Collection, entity: Entity, shape: Node) -> str:
    address = collection.address(entity)
    parts = [collection.json_start(entity, address, shape.select)]
    for name, navigation in collection.navigations.items():
        node = shape.expand.get(name)
        if node is not None:
            target = store.collection(collection.service.name, navigation.target)
            inner = ",".join(_entities_json(store, target, collection.children(entity, navigation, target), node))
            parts.append(f'"{name}":{{"results":[{inner}]}}')
        elif shape.select is None or name in shape.select:
            parts.append(f'"{name}":{{"__deferred":{{"uri":"{address}/{name}"}}}}')
    return ",".join(parts) + "}"
