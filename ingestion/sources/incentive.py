"""Incentive compensation platform: plans and payouts over a REST service with cursor tokens.

The protocol is in docs/sources/incentive.md. The platform is known to be flaky, so nothing it says is taken on
trust: each page has to carry the number that is due, must not have come before, and a read is over when as many
different records came as the service announced. What fails a check is asked for again; where that does not help,
or where the cursor has expired, the read starts again from the newest change stamp up to which it is complete.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import requests
import urllib3
from dlt.common.configuration import configspec
from dlt.sources.helpers.rest_client.paginators import JSONResponseCursorPaginator

from ingestion.errors import SourceError
from ingestion.platform import PlatformConfig, PlatformReader
from ingestion.rest_pages import (
    Delivery,
    Judged,
    Service,
    as_parameter,
    is_count,
    is_unclear,
    met_in,
    only_in_first,
    reference,
)

CURSOR_LOST = (400, 404, 410, 422)  # what services answer to a cursor they no longer know
OVERLAP = timedelta(seconds=1)  # a restart begins this far before its point: right for `>=` and for `>`
EARLY_ENDS = 3  # requests for a last page that comes too early


@configspec
class IncentiveConfig(PlatformConfig):
    """Settings under `sources.incentive`."""

    page_size: int = 200
    max_restarts: int = 5


class IncentiveReader(PlatformReader):
    """Reads the incentive platform."""

    name = "incentive"
    api_path = "/incentive/api/v1"
    config_class = IncentiveConfig

    def __init__(self, config: IncentiveConfig) -> None:
        super().__init__(config)
        self._max_restarts = config.max_restarts

    def _pages(self, name: str, start: datetime | None, delivery: Delivery) -> Iterator[list[Judged]]:
        """Pages of one whole read, over as many walks along the cursor as it takes.

        Raises:
            SourceError: walks without a new record in them do not come to an end that holds.
        """
        read = Read(start)
        while True:
            walk = Walk(name, self.service, delivery, read.since, read.met)
            try:
                yield from self._walk(name, walk, read)
                why = read.settle(walk)
            except WalkLost as lost:
                why = str(lost)
                read.resume(walk)
            if not why:
                return
            if read.restarts > self._max_restarts:
                raise SourceError(
                    f"{why}, though the read was started {read.restarts + 1} times.",
                    subject=f"incentive {name}",
                    remedy="nothing of this run was landed, the next one starts from the same point; report it to the "
                    "platform's administrator if it stays.",
                )
            self.service.pause(name, read.restarts + 1, "read started again")

    def _walk(self, name: str, walk: Walk, read: Read) -> Iterator[list[Judged]]:
        params: dict[str, Any] = {"limit": self._page_size}
        if walk.since:
            params["updated_since"] = as_parameter(walk.since)
        try:
            for _ in self.service.rest.paginate(
                name, params=params, paginator=walk, data_selector="$", hooks={"response": []}
            ):
                if walk.page is not None:
                    yield walk.page
                    if read.is_filled_by(walk):
                        return
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            if getattr(error.response, "status_code", None) in CURSOR_LOST and walk.number > 1:
                raise WalkLost("the cursor is refused") from error
            if getattr(error.response, "status_code", None) == 410:
                raise WalkLost("the read is refused as gone") from error
            raise self.service.failure(f"{name} page {walk.number}", error) from error


class WalkLost(Exception):
    """This walk along the cursor leads nowhere; another one may."""


@dataclass
class Read:
    """What is known of a read over its walks.

    Attributes:
        since: where the next walk begins.
        met: all records met, by identity, with their newest change stamp where it could be read.
        promised: records that the service announces from the start of the read on; records do not vanish.
        restarts: walks in a row that brought nothing new and came no further.
    """

    start: datetime | None
    met: dict[str, datetime | None] = field(default_factory=dict)
    promised: int = 0
    restarts: int = 0
    short_before: int | None = None

    def __post_init__(self) -> None:
        self.since = self.start

    def is_filled_by(self, walk: Walk) -> bool:
        """Whether what earlier walks have missed is found, so that this one need not go on to its end."""
        promised = walk.total if walk.since == self.start else self.promised
        if not promised or len(self.met) + walk.news < promised:
            return False
        return walk.since == self.start or self._met_since(walk) >= walk.total

    def settle(self, walk: Walk) -> str:
        """Why a walk that came to its end is not the end of the read; empty if it is."""
        news = self._note(walk)
        is_whole = walk.since == self.start
        self.promised = walk.total if is_whole else self.promised
        missing = max(walk.total - self._met_since(walk), self.promised - len(self.met))
        # Twice the same, with as many rows as announced: the service itself holds and counts rows twice.
        again = is_whole and self.short_before == len(self.met) and walk.rows >= walk.total
        if missing <= 0 or again:
            return ""
        self.short_before = len(self.met) if is_whole else None
        self.since = self.start
        self.restarts = 0 if news else self.restarts + 1
        return f"{missing} of {max(walk.total, self.promised)} announced records are missing"

    def resume(self, walk: Walk) -> None:
        """Let the next walk begin where this one was still complete."""
        news = self._note(walk)
        if walk.since == self.start:
            self.promised = max(self.promised, walk.total)
        before, self.since = self.since, self.start
        if walk.is_ordered and walk.position:
            self.since = max(filter(None, (walk.position - OVERLAP, self.start)))
        further = self.since is not None and (before is None or self.since > before)
        self.restarts = 0 if news or further else self.restarts + 1

    def _note(self, walk: Walk) -> bool:
        known = len(self.met)
        self.met |= walk.met
        return len(self.met) > known

    def _met_since(self, walk: Walk) -> int:
        """Records met in any walk that belong to what this one announced."""
        if walk.since is None:
            return len(self.met)
        known = (identity for identity, stamp in self.met.items() if stamp and stamp >= walk.since)
        return len({*known, *walk.met})


class Walk(JSONResponseCursorPaginator):
    """dlt's cursor paginator with a check of each page; a page that fails is asked for again, not passed on.

    Attributes:
        page: the records of the page just read, or None where it is asked for again.
        number: the page that is due.
        total: records that the service announces for this walk, the most it has said; 0 if it says nothing.
        met: the records met, by identity, with their change stamp; `news` of them were in no walk before.
        position: newest change stamp met; `is_ordered` tells whether all before it must have come.
    """

    def __init__(
        self, name: str, service: Service, delivery: Delivery, since: datetime | None, known: Container[str]
    ) -> None:
        super().__init__(cursor_path="next_cursor", cursor_param="cursor")
        self.since = since
        self.page: list[Judged] | None = None
        self.number, self.total, self.rows, self.news = 1, 0, 0, 0
        self.met: dict[str, datetime | None] = {}
        self.position: datetime | None = None
        self.is_ordered = True
        self._name = name
        self._known = known
        self._service = service
        self._delivery = delivery
        self._numbered = False
        self._first_number = 1
        self._cursor: str | None = None
        self._cursors: set[str] = set()
        self._contents: set[tuple[str, ...]] = set()
        self._size = 0
        self._attempt, self._ends = 0, 0
        self._held: list[Judged] | None = None

    def init_request(self, request: requests.Request) -> None:
        """The first request has no cursor."""

    def update_state(self, response: requests.Response, data: list[Any] | None = None) -> None:
        """Accept the page, or have it asked for again.

        Raises:
            WalkLost: it was asked for too often.
        """
        document = response.json()
        self.page, self._has_next_page = None, True
        self._attempt += 1
        fault = self._form_fault(document)
        page = [] if fault else self._delivery.judge(document["data"], reference(response))
        fault = fault or self._content_fault(page, document.get("next_cursor"))
        if fault:
            if self._attempt >= self._service.max_attempts:
                raise WalkLost(f"page {self.number} {fault}")
            self._service.pause(self._name, self._attempt, fault.split(":")[0])
            return
        if self._held is None and self._is_doubtful(page, document.get("next_cursor")):
            self._held = page
            self._service.note(self._name, "doubtful rows")
            return
        self._accept(page, document)

    def update_request(self, request: requests.Request) -> None:
        """Ask for the page that is due."""
        if self._cursor is not None:
            request.params["cursor"] = self._cursor

    def _form_fault(self, document: dict[str, Any]) -> str:
        number, total, cursor = document.get("page"), document.get("total"), document.get("next_cursor")
        if not isinstance(document.get("data"), list):
            return "has no list of records"
        if cursor is not None and not (isinstance(cursor, str) and cursor):
            return "has a next_cursor that is no text"
        if self.number == 1 and number == 0:
            self._first_number = 0
        if (number is not None or self._numbered) and (
            not is_count(number) or number != self.number - 1 + self._first_number
        ):
            return f"came as another page: {number!r}"
        if (total is not None or self.total) and not is_count(total):
            return "has a total that is no number"
        if "next_cursor" not in document and total is None:
            return "tells neither the next cursor nor a total"
        return ""

    def _content_fault(self, page: list[Judged], cursor: str | None) -> str:
        content = tuple(sorted(one.digest for one in page))
        if page and content in self._contents:
            return "came before"
        if cursor is not None and (cursor in self._cursors or cursor == self._cursor):
            return "has the cursor of an earlier page"
        if cursor is not None and not page:
            return "is empty though others follow"
        return ""

    def _is_doubtful(self, page: list[Judged], cursor: str | None) -> bool:
        """Whether to ask once more: rows are unclear, or the page is shorter than those before though more follow."""
        return is_unclear(page) or (cursor is not None and len({one.identity for one in page}) < self._size)

    def _accept(self, page: list[Judged], document: dict[str, Any]) -> None:
        cursor, rest = document.get("next_cursor"), only_in_first(self._held or [], page)
        met = met_in(self._held or page, page)
        total = max(self.total, document.get("total") or 0)
        if cursor is None and self._ends_early(total - len(self.met.keys() | met.keys())):
            return
        self.page, self.total = [*rest, *page], total
        self.news += sum(one not in self._known and one not in self.met for one in met)
        self.met |= met
        self.rows += len(page)
        self._numbered = self._numbered or document.get("page") is not None
        self._note_order(page)
        self._contents.add(tuple(sorted(one.digest for one in page)))
        self._size = len({one.identity for one in page})
        if self._cursor is not None:
            self._cursors.add(self._cursor)
        self._cursor, self._held, self._attempt, self._ends = cursor, None, 0, 0
        self.number += 1
        self._has_next_page = cursor is not None

    def _ends_early(self, missing: int) -> bool:
        """Whether to ask again for a last page, because records are missing.

        Where less than a page is missing, it may well have been lost before: another walk finds it sooner.
        """
        self._ends += 1
        if missing <= 0 or self._ends >= (EARLY_ENDS if missing < self._size else self._service.max_attempts):
            return False
        self._service.pause(self._name, self._ends, "ends early")
        return True

    def _note_order(self, page: list[Judged]) -> None:
        stamps = [one.stamp for one in page if one.stamp is not None]
        if stamps:
            self.is_ordered = self.is_ordered and (self.position is None or min(stamps) >= self.position)
            self.position = max(filter(None, (self.position, *stamps)))
