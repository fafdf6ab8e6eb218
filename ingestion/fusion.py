"""Reading Oracle Fusion Cloud REST: pages that lose nothing while the set moves, children, declared types.

Follows Oracle's "REST API for Oracle Fusion Cloud" (collections with limit, offset, hasMore and totalResults;
`q`, `orderBy`, `expand`; `<resource>/describe`). REST-Framework-Version 3 is asked for, because before it an
expanded child array can be cut off without a word; from it on the child is a collection that says hasMore.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from urllib.parse import unquote, urlsplit

import requests
from dlt.sources.helpers.rest_client import RESTClient
from dlt.sources.helpers.rest_client.paginators import BasePaginator

from ingestion.checks import to_timestamp
from ingestion.contract import Dataset
from ingestion.errors import ConfigError, SourceError
from ingestion.http import exact_number, unanswered
from ingestion.landing import Delivered
from ingestion.provenance import row_hash

HEADERS = {"REST-Framework-Version": "3", "Accept": "application/json"}
MAX_RESTARTS = 50

DECLARED_TYPES = {
    "string": {"string"},
    "number": {"number", "integer"},
    "integer": {"integer", "number"},
    "boolean": {"boolean"},
    "date": {"date"},
    "timestamp": {"datetime", "date-time", "timestamp"},
}


class FusionPaginator(BasePaginator):
    """Pages of an ordered collection, safe while records change, come and go.

    dlt's OffsetPaginator adds up offsets. With records ordered by change stamp that loses some: one that was read
    and then changes moves to the end, all behind it move up by one, and the first of the next page is skipped.
    So here:

    - By change stamp, each next page is asked for from the last stamp read (`LastUpdateDate>="..."`, a closed
      range, because many records can share a stamp) with offset 0. Whatever moves, moves behind that stamp.
    - Where a whole page has one stamp, and where there is no stamp to go by, the next page starts one record
      early. If that record is not the last one read, the set has moved: the read starts over from the stamp.

    Records therefore come more than once; the reader of the pages drops what it has seen.

    Args:
        subject: the resource, for error messages.
        page_size: records a page, at least 2.
        order: fields of the order, which must be unique together.
        stamp: the change stamp, first field of the order; None for a read without one.
        since: first stamp to read.
    """

    def __init__(
        self, subject: str, page_size: int, order: tuple[str, ...], stamp: str | None = None, since: str | None = None
    ) -> None:
        super().__init__()
        self._subject = subject
        self._page_size = page_size
        self._order = order
        self._stamp = stamp
        self._since = since
        self._offset = 0
        self._last: tuple[Any, ...] | None = None
        self._restarts = 0
        self.announced: int | None = None

    def init_request(self, request: requests.Request) -> None:
        """Ask for the first page and for the number of all records."""
        order = ",".join(f"{name}:asc" for name in self._order)
        request.params = {**(request.params or {}), "onlyData": "true", "orderBy": order, "totalResults": "true"}
        self._point(request)

    def update_state(self, response: requests.Response, data: list[Any] | None = None) -> None:
        """Decide from the page just read where the next one starts.

        Raises:
            SourceError: the page is empty although more was announced, is out of order, or shows that the server
                ignores `q`; or the set moved too often.
        """
        page = (data or [{}])[0]
        records, more = items_of(page), bool(isinstance(page, dict) and page.get("hasMore"))
        if records is None:
            raise self._broken(response, "sent no list of items", "check that base_url is a Fusion REST root")
        if self.announced is None and isinstance(page.get("totalResults"), int):
            self.announced = page["totalResults"]
        if more and not records:
            raise self._broken(response, "sent an empty page and says that there is more")
        self._check_order(response, records)
        self._has_next_page = more
        if self._offset and self._last != (self._place(records[0]) if records else None):
            self._start_over(response)
        elif more:
            self._go_on(response, records)

    def update_request(self, request: requests.Request) -> None:
        """Point the request at the next page."""
        request.params.pop("totalResults", None)  # counting costs the server a query
        self._point(request)

    def _point(self, request: requests.Request) -> None:
        request.params |= {"limit": self._page_size, "offset": self._offset}
        if self._stamp and self._since:
            request.params["q"] = since_query(self._stamp, self._since)

    def _go_on(self, response: requests.Response, records: list[Any]) -> None:
        newest = next((text for text in map(self._stamp_of, reversed(records)) if parsed(text)), None)
        if newest and (not self._since or parsed(newest) > parsed(self._since)):
            self._since, self._offset, self._last, self._restarts = newest, 0, None, 0
            return
        if len(records) < 2:
            raise self._broken(response, "sends one record a page", "set page_size to 2 or more")
        self._offset += len(records) - 1
        self._last = self._place(records[-1])

    def _start_over(self, response: requests.Response) -> None:
        self._restarts += 1
        if self._restarts > MAX_RESTARTS:
            raise self._broken(response, f"moved its records {MAX_RESTARTS} times during the read")
        self._offset, self._last, self._has_next_page = 0, None, True

    def _check_order(self, response: requests.Response, records: list[Any]) -> None:
        """Seeking by stamp stands on the order and on the filter: a server that ignores one would lose records."""
        if not self._stamp:
            return
        before = parsed(self._since)
        for stamp in filter(None, (parsed(self._stamp_of(record)) for record in records)):
            if before and stamp < before:
                raise self._broken(response, f"does not follow q or orderBy by {self._stamp}")
            before = stamp

    def _stamp_of(self, record: Any) -> Any:
        return record.get(self._stamp) if isinstance(record, dict) and self._stamp else None

    def _place(self, record: Any) -> tuple[Any, ...]:
        return tuple(record.get(name) for name in self._order) if isinstance(record, dict) else (row_hash(record),)

    def _broken(self, response: requests.Response, what: str, remedy: str = "") -> SourceError:
        return SourceError(
            f"the service {what} (request {request_ref(response)}).",
            subject=self._subject,
            remedy=f"{remedy or 'run the load again, and report it to the Oracle administrator if it stays'}; "
            "nothing of this run was landed.",
        )


class FusionService:
    """The REST resources of one Fusion pod, read through a session with credentials."""

    def __init__(self, source: str, root: str, session: requests.Session, page_size: int) -> None:
        self._source = source
        self._page_size = page_size
        self._client = _ExactClient(base_url=root, session=session, headers=HEADERS)

    def records(
        self,
        resource: str,
        key: str,
        *,
        order: tuple[str, ...],
        stamp: str | None = None,
        since: str | None = None,
        **params: str,
    ) -> Iterator[Page]:
        """Pages of a collection, each record once, in the order of `order`.

        Raises:
            SourceError, ConfigError: no answer, an error, or fewer records than announced.
        """
        subject = f"{self._source} {resource}"
        paginator = FusionPaginator(subject, self._page_size, order, stamp, since)
        seen: dict[Any, Any] = {}
        try:
            for page in self._client.paginate(resource, params=dict(params), paginator=paginator, data_selector="$"):
                ref = request_ref(page.response)
                yield _fresh(items_of(page[0]) or [], ref, key, stamp, seen)
        except requests.RequestException as error:
            raise refused(self._source, subject, error) from error
        if len(seen) < (paginator.announced or 0) and len(seen) < (counted := self._count(resource, stamp, since)):
            raise SourceError(
                f"the service announced {paginator.announced} records, now {counted}, and delivered {len(seen)} "
                f"(first request: {resource}, since {since or 'the beginning'}).",
                subject=subject,
                remedy="nothing of this run was landed; run the load again, and report it to the Oracle administrator "
                "if it stays.",
            )

    def children(self, resource: str, key: str, document: dict[str, Any], child: str, order: str) -> list[Any] | None:
        """All records of an expanded child collection, or None where the answer does not hold it.

        A collection that says hasMore is read again as a whole by its own request, since the order of the expanded
        part is not given.
        """
        node = document.get(child)
        if isinstance(node, list):
            return node
        records = items_of(node)
        if records is None or not node.get("hasMore"):
            return records
        path = f"{resource}/{self._identifier(resource, key, document[key])}/child/{child}"
        pages = self.records(path, order, order=(order,))
        return [item.record for page in pages for item in page.records]

    def declared(self, resource: str) -> dict[str, Any] | None:
        """The resource's entry in its `describe`, or None where the user may not read it."""
        subject = f"{self._source} {resource}/describe"
        try:
            response = self._client.get(f"{resource}/describe")
            if response.status_code in (403, 404):
                return None
            response.raise_for_status()
            content = response.json()
        except requests.RequestException as error:
            raise refused(self._source, subject, error) from error
        try:
            return content["Resources"][resource]
        except (KeyError, TypeError):
            raise SourceError(
                f"the answer does not describe {resource}.",
                subject=subject,
                remedy="check that base_url is a Fusion REST root.",
            ) from None

    def _count(self, resource: str, stamp: str | None, since: str | None) -> int:
        """How many records there are now: fewer than announced where some were deleted during the read."""
        params = {"totalResults": "true", "limit": "1", "onlyData": "true"}
        if stamp and since:
            params["q"] = since_query(stamp, since)
        return int(self._json(resource, params).get("totalResults", 0))

    def _json(self, resource: str, params: dict[str, str]) -> dict[str, Any]:
        try:
            response = self._client.get(resource, params=params)
            response.raise_for_status()
            content = response.json()
        except requests.RequestException as error:
            raise refused(self._source, f"{self._source} {resource} {params.get('q', '')}", error) from error
        return content if isinstance(content, dict) else {}

    def _identifier(self, resource: str, key: str, value: Any) -> str:
        """What the path of one document needs: the last part of its own link, which need not be its key."""
        params = {"q": f"{key}={value}", "fields": key, "limit": "1"}
        found = items_of(self._json(resource, params)) or [{}]
        links = found[0].get("links") or []
        own = next((link["href"] for link in links if link.get("rel") == "self"), str(value))
        return own.rstrip("/").rsplit("/", 1)[-1]


class Page:
    """Records not seen before in this read, and the stamps of those that came again with another stamp."""

    def __init__(self) -> None:
        self.records: list[Delivered] = []
        self.changed: list[Any] = []


class _ExactClient(RESTClient):
    """dlt's client with numbers that keep all their digits."""

    def extract_response(self, response: requests.Response, data_selector: Any) -> list[Any]:
        return [response.json(parse_float=exact_number)]


def since_query(stamp: str, since: str) -> str:
    """`q` for the records from a change stamp on, that stamp included."""
    return f'{stamp}>="{since}"'


def items_of(page: Any) -> list[Any] | None:
    """The records of a collection, or None where there is no list."""
    records = page.get("items") if isinstance(page, dict) else None
    return records if isinstance(records, list) else None


def parsed(stamp: Any) -> datetime | None:
    """A change stamp as UTC time; None where it is none."""
    try:
        return to_timestamp(stamp)
    except (ValueError, OverflowError):
        return None


def misfits(dataset: Dataset, declared: dict[str, str]) -> tuple[dict[str, str], list[str]]:
    """What of a contract the service no longer declares as agreed: changed types, and fields that are gone."""
    changed, gone = {}, []
    for field in dataset.fields:
        kind = declared.get(field.source_field)
        if kind is None:
            gone.append(field.source_field)
        elif kind not in DECLARED_TYPES[field.logical_type]:
            changed[field.source_field] = kind
    return changed, gone


def request_ref(response: requests.Response) -> str:
    """The request as text: the path from the resource on, with its query."""
    url = urlsplit(response.url)
    path = url.path.partition("/resources/")[2].partition("/")[2] or url.path
    return unquote(f"{path}?{url.query}" if url.query else path)


def refused(source: str, subject: str, error: requests.RequestException) -> SourceError | ConfigError:
    """What a failed request means for the settings."""
    if error.response is not None and error.response.status_code == 401:
        return ConfigError(
            "the user or the password was refused (HTTP 401).",
            subject=subject,
            remedy=f"check SOURCES__{source.upper()}__USER and ..._PASSWORD (or ..._TOKEN) with the administrator; "
            "the attempt is not repeated, so that the user is not locked.",
        )
    hints = {
        400: "the resource refused the query: compare its attributes with the contract (docs/sources/oracle.md).",
        403: "ask the administrator for the privilege on this resource (docs/sources/oracle.md).",
        404: "check base_url and that the pod offers this resource.",
    }
    return unanswered(subject, error, hints)


def _fresh(records: list[Any], ref: str, key: str, stamp: str | None, seen: dict[Any, Any]) -> Page:
    """The page's records that are new in this read.

    A record that came before and has changed since is left to the next load: lines are replaced as a set, and two
    sets of one document in one load would both land. Its stamp is kept, so that the cursor stays before it. Within
    a page the version with the latest stamp stands.
    """
    page, here = Page(), {}
    for position, record in enumerate(records, start=1):
        known = record.get(key) if isinstance(record, dict) else None
        identity = known if isinstance(known, int | str) and known != "" else row_hash(record)
        version = record.get(stamp) if isinstance(record, dict) and stamp else None
        if identity in here or identity not in seen:
            here[identity] = Delivered(record, f"{ref}#{position}")
            seen[identity] = version
        elif version != seen[identity]:
            page.changed.append(version)
    page.records = list(here.values())
    return page
