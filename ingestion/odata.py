"""Reading an OData v2 service: pages that cannot silently end early, and the types its $metadata declares."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote, urlsplit

import requests
from dlt.sources.helpers.rest_client import RESTClient
from dlt.sources.helpers.rest_client.paginators import BasePaginator

from ingestion.contract import Dataset
from ingestion.errors import SourceError
from ingestion.http import unanswered
from ingestion.landing import Delivered

EDM_TYPES = {
    "string": {"Edm.String", "Edm.Guid"},
    "number": {"Edm.Decimal", "Edm.Double", "Edm.Single", "Edm.Int16", "Edm.Int32", "Edm.Int64", "Edm.Byte"},
    "integer": {"Edm.Int16", "Edm.Int32", "Edm.Int64", "Edm.Byte", "Edm.SByte"},
    "boolean": {"Edm.Boolean"},
    "date": {"Edm.DateTime", "Edm.DateTimeOffset"},
    "timestamp": {"Edm.DateTime", "Edm.DateTimeOffset"},
}


HINTS = {
    401: "the token was refused: check the client's authorisations.",
    403: "ask the administrator to authorise the client for this service.",
    404: "check base_url and that the service is activated.",
}


class ODataPaginator(BasePaginator):
    """Follows `d.__next` where the server pages by itself, else `$skip`, until `__count` records came.

    dlt's link paginator takes a missing link for the end; here a read that ends before the count the server
    announced is an error, and so is a link that comes twice.
    """

    def __init__(self, subject: str, page_size: int) -> None:
        super().__init__()
        self._subject = subject
        self._page_size = page_size
        self._read = 0
        self._link: str | None = None
        self._links: set[str] = set()

    def init_request(self, request: requests.Request) -> None:
        """Ask for the first page and for the total."""
        request.params = {**(request.params or {}), "$inlinecount": "allpages", "$format": "json"}
        request.params |= {"$top": self._page_size, "$skip": 0}

    def update_state(self, response: requests.Response, data: list[Any] | None = None) -> None:
        """Decide from the page just read whether another is due.

        Raises:
            SourceError: the page is empty, or its link was followed before, though records are missing.
        """
        page = (data or [{}])[0]
        records, total = page.get("results", []), page.get("__count")
        self._read += len(records)
        self._link = page.get("__next")
        if self._link:
            if self._link in self._links:
                raise self._broken("sent the same page link twice")
            self._links.add(self._link)
        missing = total is not None and self._read < int(total)
        if missing and not records:
            raise self._broken(f"announced {total} records and delivered {self._read}")
        self._has_next_page = bool(self._link) or missing or (total is None and len(records) == self._page_size)

    def update_request(self, request: requests.Request) -> None:
        """Point the request at the next page."""
        if self._link:
            request.url, request.params = self._link, {}
        else:
            request.params["$skip"] = self._read

    def _broken(self, what: str) -> SourceError:
        return SourceError(
            f"the service {what}.",
            subject=self._subject,
            remedy="nothing of this run was landed; run the load again, and report it to the service's administrator "
            "if it stays.",
        )


class ODataService:
    """One OData v2 service root, read through an authorised session."""

    def __init__(self, source: str, root: str, session: requests.Session, page_size: int) -> None:
        self._source = source
        self._root = root
        self._session = session
        self._page_size = page_size

    def records(self, service: str, entity_set: str, **options: str) -> Iterator[list[Delivered]]:
        """Pages of an entity set; options are OData's without the `$` (filter, expand, orderby).

        Raises:
            SourceError: the service cannot be reached, answers with an error, or ends before its own count.
        """
        subject = f"{self._source} {service}/{entity_set}"
        client = RESTClient(base_url=f"{self._root}/{service}", session=self._session)
        paginator = ODataPaginator(subject, self._page_size)
        pages = client.paginate(
            entity_set,
            params={f"${name}": value for name, value in options.items()},
            paginator=paginator,
            data_selector="d",
        )
        try:
            for page in pages:
                if not page or not isinstance(page[0].get("results"), list):
                    raise SourceError(
                        "the answer has no d.results list.",
                        subject=subject,
                        remedy="check that base_url is an OData v2 root.",
                    )
                yield [
                    Delivered(record, f"{_request_ref(page.response)}#{position}")
                    for position, record in enumerate(page[0]["results"], start=1)
                ]
        except requests.RequestException as error:
            raise unanswered(subject, error, HINTS) from error

    def declared_types(self, service: str, *entity_types: str) -> dict[str, str]:
        """Property name to Edm type, over the given entity types, from the service's $metadata."""
        subject = f"{self._source} {service}/$metadata"
        try:
            response = self._session.get(f"{self._root}/{service}/$metadata")
            response.raise_for_status()
            # The document comes from the system the credentials are for; expat limits entity expansion.
            root = ElementTree.fromstring(response.content)  # noqa: S314
        except requests.RequestException as error:
            raise unanswered(subject, error, HINTS) from error
        except ElementTree.ParseError as error:
            raise SourceError(f"not XML: {error}.", subject=subject, remedy="check base_url.") from error
        found: dict[str, str] = {}
        for entity in root.iter():
            if entity.tag.endswith("}EntityType") and entity.get("Name") in entity_types:
                for prop in entity:
                    if prop.tag.endswith("}Property"):
                        found[prop.attrib["Name"]] = prop.attrib["Type"]
        return found


def misfits(dataset: Dataset, declared: dict[str, str]) -> tuple[dict[str, str], list[str]]:
    """What of a contract the service no longer declares as agreed: changed types, and fields that are gone."""
    changed, gone = {}, []
    for field in dataset.fields:
        edm = declared.get(field.source_field)
        if edm is None:
            gone.append(field.source_field)
        elif edm not in EDM_TYPES[field.logical_type]:
            changed[field.source_field] = edm
    return changed, gone


def plain(record: Any) -> Any:
    """The record without OData's own parts: __metadata and navigation properties."""
    if not isinstance(record, dict):
        return record
    return {name: value for name, value in record.items() if name != "__metadata" and not name.startswith("to_")}


def children(record: dict[str, Any], navigation: str) -> list[Any] | None:
    """The expanded records of a navigation property, or None where the answer does not hold them."""
    node = record.get(navigation)
    results = node.get("results") if isinstance(node, dict) else None
    return results if isinstance(results, list) else None


def _request_ref(response: requests.Response) -> str:
    url = urlsplit(response.url)
    service_path = "/".join(url.path.rsplit("/", 2)[-2:])
    return f"{service_path}?{unquote(url.query)}" if url.query else service_path
