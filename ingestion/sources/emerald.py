"""Emerald client platform: clients, bank relationships, balances and payments over a REST service with page numbers.

The protocol is in docs/sources/emerald.md. Pages are small and each takes its time, so several are fetched at once.
dlt's `parallelized` and `defer` hand results on in any order and leave no place for a check after the last one;
here pages land in their order, so that the result does not depend on timing.

Page numbers over a set that changes meanwhile are treacherous: a record that moves to the end shifts all others by
one, across page borders. A read holds only if as many different records came as the service announces; and of the
clients, which can vanish, only if the last page is the same before and after all others were read.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import requests
from dlt.common.configuration import configspec

from ingestion.errors import SourceError
from ingestion.landing import Delivered, Landing
from ingestion.platform import PlatformConfig, PlatformReader
from ingestion.provenance import row_hash
from ingestion.rest_pages import (
    Delivery,
    Judged,
    Service,
    as_parameter,
    is_count,
    is_unclear,
    met_in,
    only_in_first,
)

CLIENTS, CLIENT_KEY = "clients", "client_id"
KEY_PAGE_SIZE = 1000  # keys are short
PASSES = 4  # times that a set is read as a whole before the read fails


@configspec
class EmeraldConfig(PlatformConfig):
    """Settings under `sources.emerald`."""

    workers: int = 8
    check_erased: bool = True


class EmeraldReader(PlatformReader):
    """Reads the Emerald platform."""

    name = "emerald"
    api_path = "/emerald/api/v2"
    config_class = EmeraldConfig

    def __init__(self, config: EmeraldConfig) -> None:
        super().__init__(config)
        self._workers = max(config.workers, 1)
        self._check_erased = config.check_erased

    def _pages(self, name: str, start: datetime | None, delivery: Delivery) -> Iterator[list[Judged]]:
        params = {"modified_since": as_parameter(start)} if start else {}
        return NumberedPages(
            self.service, name, params, self._page_size, self._workers, delivery.judge, may_vanish=name == CLIENTS
        ).read()

    def _after_pages(self, landing: Landing, name: str, start: datetime | None, delivery: Delivery) -> Iterator[Any]:
        if name == CLIENTS and self._check_erased and start:
            yield from self._mark_erased(landing, delivery.keys)

    def _mark_erased(self, landing: Landing, delivered: set[str]) -> Iterator[Any]:
        """Compare the keys of all clients with the warehouse: an erased client leaves no other trace.

        Raises:
            SourceError: more clients are gone than max_shrink_ratio allows.
        """
        pages = NumberedPages(
            self.service, CLIENTS, {"fields": CLIENT_KEY}, KEY_PAGE_SIZE, self._workers, _judge_keys, may_vanish=True
        )
        keys = {one.identity for page in pages.read() for one in page if one.good}
        dataset = landing.contracts[CLIENTS]
        alive = {row[CLIENT_KEY]: row for row in landing.rows_where(CLIENTS, {"_is_deleted": False})}
        gone = alive.keys() - keys - delivered
        if gone and len(gone) > max(1, self.max_shrink_ratio * len(alive)):
            raise SourceError(
                f"{len(gone)} of {len(alive)} known clients are no longer among the {len(keys)} keys; at most "
                f"{self.max_shrink_ratio:.0%} may vanish in one load.",
                subject="emerald clients",
                remedy="ask the platform's administrator whether they were really erased; if so, run again with "
                "SOURCES__EMERALD__MAX_SHRINK_RATIO=1.",
            )
        # A client that was missing among the keys of an earlier load and is there again comes back as it was.
        back = [
            row
            for row in landing.rows_where(CLIENTS, {"_is_deleted": True})
            if row[CLIENT_KEY] in keys and row[CLIENT_KEY] not in delivered
        ]
        ref = f"{CLIENTS}?fields={CLIENT_KEY}"
        marked = [_as_marked(alive[key], f"{ref}: not among the keys", is_deleted=True) for key in sorted(gone)]
        marked += [_as_marked(row, f"{ref}: among the keys again", is_deleted=False) for row in back]
        landing.counts[CLIENTS].rows_deleted += len(gone)
        yield from landing.rows_item(dataset, marked)


class NumberedPages:
    """One read of a set that is served in numbered pages.

    Args:
        service: where.
        path: the collection.
        params: what of it; the page's number and size are added.
        page_size: records a page; the service may give fewer.
        workers: pages in the air at once.
        judge: looks at the records of a page; called in the workers.
        may_vanish: whether records can be removed from the set.
    """

    def __init__(
        self,
        service: Service,
        path: str,
        params: dict[str, Any],
        page_size: int,
        workers: int,
        judge: Callable[[Iterable[Any], str], list[Judged]],
        *,
        may_vanish: bool,
    ) -> None:
        self._service = service
        self._path = path
        self._params = params
        self._size = page_size
        self._workers = workers
        self._judge = judge
        self._may_vanish = may_vanish
        self._failed: BaseException | None = None

    def read(self) -> Iterator[list[Judged]]:
        """Pages in their order, until the read holds; records can come several times.

        Raises:
            SourceError: a page does not come, or records stay missing; names the page.
        """
        met: set[str] = set()
        short_before = None
        for _ in range(PASSES):
            one_pass = Pass()
            yield from self._pass(one_pass)
            met |= one_pass.met
            missing = one_pass.total - len(met)
            if missing <= 0 and (one_pass.is_steady or not self._may_vanish):
                return
            # Twice the same, with as many rows as announced: the service itself holds and counts rows twice.
            if one_pass.is_steady and one_pass.rows >= one_pass.total and short_before == len(met):
                return
            short_before = len(met)
        if missing <= 0:
            return  # it never stood still, but all of the last count have come
        raise SourceError(
            f"{missing} of {one_pass.total} announced records did not come in {PASSES} reads.",
            subject=f"{self._service.source} {self._path}",
            remedy="nothing of this run was landed, the next one starts from the same point; report it to the "
            "platform's administrator if it stays.",
        )

    def _pass(self, done: Pass) -> Iterator[list[Judged]]:
        first = self._page(1)
        if first.pages <= 1:
            yield done.add(first)
            return
        last = first.pages
        before = self._page(last)
        yield done.add(before)
        for page in self._in_parallel(range(1, last)):
            yield done.add(page)
        after = self._page(last)
        yield done.add(after)
        while after.pages > last:  # the set has grown: its tail
            tail = range(last + 1, after.pages + 1)
            last = after.pages
            for page in self._in_parallel(tail):
                yield done.add(page)
                after = page if page.number == last else after
        done.is_steady = before.content == after.content and {page.total for page in (first, before)} == {after.total}

    def _in_parallel(self, numbers: Iterable[int]) -> Iterator[Page]:
        """The pages in the order of their numbers; the first error stops all workers."""
        self._failed = None
        waiting: deque[Future[Page]] = deque()
        try:
            with ThreadPoolExecutor(self._workers, thread_name_prefix=self._path) as pool:
                try:
                    for number in numbers:
                        waiting.append(pool.submit(self._page_in_worker, number))
                        if len(waiting) >= 2 * self._workers:
                            yield waiting.popleft().result()
                    while waiting:
                        yield waiting.popleft().result()
                except BaseException:
                    self._service.cancelled.set()
                    pool.shutdown(cancel_futures=True)
                    raise
        except (SourceError, ReadStopped) as error:
            # Another collection's failure stops this one too, because they share the service: that one is told.
            raise self._failed or self._service.first_failure or error from None
        finally:
            if self._service.first_failure is None:
                self._service.cancelled.clear()

    def _page_in_worker(self, number: int) -> Page:
        if self._service.cancelled.is_set():
            raise ReadStopped
        try:
            return self._page(number)
        except BaseException as error:
            if self._failed is None:
                self._failed = error
            if isinstance(error, SourceError) and self._service.first_failure is None:
                self._service.first_failure = error
            self._service.cancelled.set()
            raise

    def _page(self, number: int) -> Page:
        """A page that is whole; one whose rows are unclear is asked for once more."""
        page = self._answer(number)
        if not is_unclear(page.rows):
            return page
        self._service.note(self._path, "doubtful rows")
        again = self._answer(number)
        again.met = set(met_in(page.rows, again.rows))
        again.rows = [*only_in_first(page.rows, again.rows), *again.rows]
        return again

    def _answer(self, number: int) -> Page:
        attempt = 0
        while True:
            attempt += 1
            try:
                document, ref = self._service.get(self._path, {**self._params, "page": number, "page_size": self._size})
            except SourceError as error:
                if number > 1 and _status(error) == 404:
                    return Page(number, [], 0, 0)  # the set has shrunk; what is missing then is counted
                raise
            if not (fault := self._fault(document, number)):
                rows = self._judge(document["items"], ref)
                return Page(number, rows, document["total"], document["total_pages"], {one.identity for one in rows})
            if attempt >= self._service.max_attempts:
                raise SourceError(
                    f"the page {fault}, {attempt} times in a row.",
                    subject=f"{self._service.source} {self._path} page {number}",
                    remedy="nothing of this run was landed, the next one starts from the same point; report it to the "
                    "platform's administrator if it stays.",
                )
            self._service.pause(self._path, attempt, fault.split(":")[0])

    def _fault(self, document: dict[str, Any], number: int) -> str:
        if not isinstance(items := document.get("items"), list):
            return "has no list of items"
        if not all(is_count(document.get(name)) for name in ("page", "page_size", "total_pages", "total")):
            return "lacks page, page_size, total_pages or total"
        size, pages, total = document["page_size"], document["total_pages"], document["total"]
        if document["page"] != number:
            return f"came as another page: {document['page']}"
        if size == 0 or pages != max(-(-total // size), min(pages, 1)):
            return f"does not add up: {total} records in {pages} pages of {size}"
        due = min(size, max(total - size * (number - 1), 0))
        if len(items) < due:
            return f"is short: {len(items)} of {due} records"
        return ""


@dataclass
class Page:
    """A page as it came, with what the service said of the set at that moment."""

    number: int
    rows: list[Judged]
    total: int
    pages: int
    met: set[str] = field(default_factory=set)

    @property
    def content(self) -> set[str]:
        """Hashes of its rows."""
        return {one.digest for one in self.rows}


@dataclass
class Pass:
    """What one reading of a set as a whole has met."""

    met: set[str] = field(default_factory=set)
    rows: int = 0
    total: int = 0
    is_steady: bool = True

    def add(self, page: Page) -> list[Judged]:
        """Note a page; returns its rows."""
        self.met |= page.met
        self.rows += len(page.rows)
        self.total = page.total
        return page.rows


class ReadStopped(Exception):
    """Another worker failed, so this page is not fetched."""


def _as_marked(row: dict[str, Any], ref: str, *, is_deleted: bool) -> dict[str, Any]:
    own = {name: value for name, value in row.items() if not name.startswith("_dlt")}
    return {**own, "_source_ref": ref, "_landed_at": datetime.now(UTC), "_is_deleted": is_deleted}


def _status(error: SourceError) -> int | None:
    cause = error.__cause__
    response = cause.response if isinstance(cause, requests.RequestException) else None
    return response.status_code if response is not None else None


def _judge_keys(records: Iterable[Any], ref: str) -> list[Judged]:
    """Records of which only the key is looked at."""
    judged = []
    for record in records:
        key = record.get(CLIENT_KEY) if isinstance(record, dict) else None
        good = isinstance(key, str) and bool(key)
        digest = row_hash(key if good else record)
        judged.append(Judged(Delivered(record, ref), good, digest, str(key) if good else digest, None))
    return judged
