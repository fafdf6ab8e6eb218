"""What the paged REST sources share: answers that are asked for until they are whole, and records told apart.

dlt's RESTClient and its waiting times are used; its client repeats a request for a status, a lost connection or
broken JSON. Beyond that, a page of HTML, a body that drips in for ever and an integer too long to parse are
answers too that some servers give, so the repeating stands here, in one place for all kinds of trouble.
"""

from __future__ import annotations

import json
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from dlt.sources.helpers.requests import Client
from dlt.sources.helpers.requests.retry import wait_exponential_retry_after
from dlt.sources.helpers.rest_client import RESTClient
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt, stop_any, stop_when_event_set
from tenacity.nap import sleep_using_event

from ingestion.checks import Reason, to_timestamp
from ingestion.errors import SourceError
from ingestion.http import unanswered
from ingestion.landing import Delivered, Landing
from ingestion.provenance import row_hash

FIRST_PAUSE = 0.5
CHUNK = 65_536
REPEATED_STATUS = frozenset({408, 425, 429, *range(201, 400), *range(500, 600)})
REFUSALS_REPEATED = 4  # refusals of the token in a row that are taken for a slip of the gateway


class NotWhole(requests.RequestException):
    """An answer with status 200 that is not the JSON object it should be."""


class Service:
    """One REST service, asked again until its answer is whole.

    Args:
        source: the source's name.
        root: where the collections stand, without a slash at the end.
        client: the source's HTTP client: rate limit and credentials; it need not repeat anything by itself.
        max_attempts: requests for one answer before the load fails.
        max_backoff_seconds: longest pause between two of them, also where the service asks for a longer one.
        timeout_seconds: longest time for one answer, from the request to its last byte.
    """

    def __init__(
        self,
        source: str,
        root: str,
        client: Client,
        *,
        max_attempts: int,
        max_backoff_seconds: float,
        timeout_seconds: float,
    ) -> None:
        self.source = source
        self.max_attempts = max_attempts
        self._repeated: dict[str, Counter[str]] = defaultdict(Counter)
        self.cancelled = threading.Event()
        self.first_failure: SourceError | None = None  # of any collection that is read in parallel
        self._max_backoff = max_backoff_seconds
        self._timeout = timeout_seconds
        self._refusals = 0  # since the last good answer
        # One session for all threads: the client would give every other thread one without rate limit and token.
        session = client.session
        self._send_once = partial(type(session).send, session)  # the instance's own `send` repeats, after its rules
        session.send = Retrying(  # type: ignore[method-assign]
            retry=retry_if_exception(self._may_pass),
            wait=_Wait(multiplier=FIRST_PAUSE, max=max_backoff_seconds),
            stop=stop_any(stop_after_attempt(max_attempts), stop_when_event_set(self.cancelled)),
            sleep=sleep_using_event(self.cancelled),
            before_sleep=self._note_attempt,
            reraise=True,
        ).wraps(self._send)
        self.rest = RESTClient(base_url=root, session=session)

    def get(self, path: str, params: dict[str, Any]) -> tuple[dict[str, Any], str]:
        """The JSON object at a path, and the request as a reference for its records.

        Raises:
            SourceError: no whole answer came.
        """
        try:
            response = self.rest.get(path, params=params, hooks={"response": []})
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            raise self.failure(f"{path} {_shown(params)}".strip(), error) from error
        return response.json(), reference(response)

    def note(self, path: str, why: str) -> None:
        """Count an answer that is asked for again."""
        self._repeated[path][why] += 1

    def repeated(self, path: str) -> str:
        """How many answers were asked for again, and why; empty for none."""
        found = self._repeated[path]
        whys = ", ".join(f"{why} {count}" for why, count in found.most_common())
        return f"{found.total()} answers were asked for again ({whys})" if found else ""

    def pause(self, path: str, attempt: int, why: str) -> None:
        """Wait before an answer is asked for again that came whole and was wrong."""
        self.note(path, why)
        self.cancelled.wait(min(FIRST_PAUSE * 2 ** (attempt - 1), self._max_backoff))

    def failure(self, what: str, error: Exception) -> SourceError:
        """The error of a request that stayed without a whole answer, in words."""
        subject, setting = f"{self.source} {what}", f"SOURCES__{self.source.upper()}"
        if isinstance(error, NotWhole):
            return SourceError(
                f"it answers with {error}, {self.max_attempts} times in a row.",
                subject=subject,
                remedy=f"see what stands between here and {setting}__BASE_URL, such as a log-in page or a proxy; "
                "nothing of this run was landed.",
            )
        if not isinstance(error, requests.RequestException):
            error = requests.ConnectionError(error)
        hints = {
            401: f"check {setting}__TOKEN with the platform's administrator.",
            404: f"check {setting}__BASE_URL; the paths asked for are in docs/sources/{self.source}.md.",
            429: f"lower {setting}__REQUESTS_PER_MINUTE or raise {setting}__MAX_BACKOFF_SECONDS.",
        }
        return unanswered(subject, error, hints)

    def _send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        deadline = time.monotonic() + self._timeout
        response = self._send_once(request, **{**kwargs, "stream": True, "allow_redirects": False})
        body = _read(response, deadline)
        # requests has no public way to hand in a body; its own reading knows no deadline for the whole.
        response._content, response._content_consumed = body, True  # type: ignore[attr-defined]
        if response.status_code != 200:
            raise requests.HTTPError(f"HTTP {response.status_code}", request=request, response=response)
        document = _parse(body)
        self._refusals = 0
        response.json = lambda **_: document  # type: ignore[method-assign]
        return response

    def _may_pass(self, error: BaseException) -> bool:
        if isinstance(error, requests.HTTPError) and error.response is not None:
            if error.response.status_code == 401:
                self._refusals += 1
                return self._refusals <= REFUSALS_REPEATED
            return error.response.status_code in REPEATED_STATUS
        return isinstance(error, requests.RequestException | urllib3.exceptions.HTTPError)

    def _note_attempt(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        status = getattr(getattr(error, "response", None), "status_code", None)
        path = urlsplit(state.args[0].url).path.rpartition("/")[2]
        self.note(path, f"HTTP {status}" if status else type(error).__name__)


@dataclass
class Judged:
    """One delivered record: whether it fits its contract, its key, content hash and change stamp."""

    item: Delivered
    good: bool
    digest: str
    identity: str  # the key, or the hash of a record that has none
    stamp: datetime | None


class Delivery:
    """What one read of a dataset has delivered so far; lands each version of a record once.

    Pages of a set that moves, and pages that are asked for again, bring records twice. The newest change stamp wins.
    """

    def __init__(self, landing: Landing, name: str) -> None:
        self._landing = landing
        self._name = name
        self._dataset = landing.contracts[name]
        self._stamp_field = self._dataset.by_name[self._dataset.change_cursor or ""].source_field
        self._keys = [self._dataset.by_name[key].source_field for key in self._dataset.keys]
        self._versions: dict[str, tuple[datetime | None, str]] = {}
        self._refused: set[str] = set()
        self.newest: datetime | None = None

    @property
    def keys(self) -> set[str]:
        """Keys of the good records."""
        return set(self._versions)

    def judge(self, records: Iterable[Any], ref: str) -> list[Judged]:
        """Look at the records of one page; counts and lands nothing."""
        return [self._judged(Delivered(record, f"{ref}#{n}")) for n, record in enumerate(records, start=1)]

    def land(self, page: list[Judged]) -> Iterator[Any]:
        """Land what is new among the records of one page."""
        good: dict[str, Judged] = {}
        bad: dict[str, Judged] = {}
        for one in page:
            if not one.good:
                if one.digest not in self._refused:
                    bad[one.digest] = one
            elif (other := good.get(one.identity)) is not None:
                yield from self._settle(good, other, one)
            elif self._is_news(one):
                good[one.identity] = one
        self._refused.update(bad)
        for one in good.values():
            self._versions[one.identity] = (one.stamp, one.digest)
            self.newest = max(filter(None, (self.newest, one.stamp)), default=None)
        # A record that came broken and then whole: its row has to be younger than its dead letter.
        yield from self._landing.batch(self._name, [one.item for one in bad.values()])
        yield from self._landing.batch(self._name, [one.item for one in good.values()])

    def cursor(self, before: str | None) -> str | None:
        """The cursor after this read; a stamp in the future would hide all later changes, so now is the limit."""
        known = [stamp for stamp in (self.newest, before and datetime.fromisoformat(before)) if stamp]
        return min(max(known), datetime.now(UTC)).isoformat() if known else None

    def _settle(self, good: dict[str, Judged], other: Judged, one: Judged) -> Iterator[Any]:
        """Two good records of one key in one page: the newer one stands, and of two equally new ones the first."""
        if one.digest == other.digest or one.stamp < other.stamp:  # type: ignore[operator]
            return
        if one.stamp > other.stamp:  # type: ignore[operator]
            good[one.identity] = one
        elif one.digest not in self._refused:
            self._refused.add(one.digest)
            detail = f"another record with key {one.identity} and the same {self._stamp_field} came in the same page"
            yield from self._landing.reject(self._name, one.item, Reason("DUPLICATE_KEY", self._keys[-1], detail))

    def _is_news(self, one: Judged) -> bool:
        stamp, digest = self._versions.get(one.identity, (None, ""))
        if not digest:
            return True
        return one.digest != digest and not (stamp and one.stamp and one.stamp < stamp)

    def _judged(self, item: Delivered) -> Judged:
        record, digest = item.record, row_hash(item.record)
        good = self._landing.accepts(self._name, record)
        parts = [record.get(key) for key in self._keys] if isinstance(record, dict) else [None]
        plain = all(isinstance(part, str | int) and not isinstance(part, bool) and part != "" for part in parts)
        identity = self._dataset.record_key(record) if plain else digest
        return Judged(item, good, digest, identity, to_timestamp(record[self._stamp_field]) if good else None)


def is_unclear(page: list[Judged]) -> bool:
    """Whether rows of a page do not fit their contract or contradict each other; they may have been hurt on the way,
    so the page is worth asking for once more."""
    by_key: dict[str, str] = {}
    return any(not one.good or by_key.setdefault(one.identity, one.digest) != one.digest for one in page)


def only_in_first(first: list[Judged], second: list[Judged]) -> list[Judged]:
    """What stays of the first of two answers to one request: rows the second lacks, and broken rows for the dead
    letters."""
    digests, identities = {one.digest for one in second}, {one.identity for one in second}
    return [one for one in first if one.digest not in digests and not (one.good and one.identity in identities)]


def met_in(first: list[Judged], second: list[Judged]) -> dict[str, datetime | None]:
    """The records that two answers to one request really hold, by identity, with their change stamp.

    A broken row counts only if it came twice the same: one that was hurt on the way stands for a record that is still
    to come.
    """
    twice = {one.digest for one in first} & {one.digest for one in second}
    return {one.identity: one.stamp for one in [*first, *second] if one.good or one.digest in twice}


def is_count(value: Any) -> bool:
    """Whether a value is a whole number from 0, and not a flag."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def as_parameter(moment: datetime) -> str:
    """A point in time as these services take it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def reference(response: requests.Response) -> str:
    """The request of an answer, without scheme, host and credentials."""
    return requests.utils.unquote(response.request.path_url.lstrip("/"))


class _Wait(wait_exponential_retry_after):
    """dlt's pauses: as Retry-After says (seconds or a date), else doubling; a header that says nothing is no reason
    to stop."""

    def __call__(self, retry_state: RetryCallState) -> float:
        try:
            return super().__call__(retry_state)
        except (ValueError, OverflowError, TypeError):
            return min(FIRST_PAUSE, self.max)


def _read(response: requests.Response, deadline: float) -> bytes:
    """The whole body, by the deadline: the client's time-out only limits the wait for the next byte."""
    parts = []
    try:
        while part := response.raw.read1(CHUNK, decode_content=True):
            parts.append(part)
            if time.monotonic() > deadline:
                raise requests.ReadTimeout("the answer took too long to arrive", request=response.request)
    except BaseException:
        response.close()
        raise
    response.raw.release_conn()
    return b"".join(parts)


def _parse(body: bytes) -> dict[str, Any]:
    try:
        try:
            document = json.loads(body)
        except (json.JSONDecodeError, UnicodeDecodeError):
            raise
        except ValueError:  # Python refuses integers of over 4,300 digits; one of them must not cost the page
            document = json.loads(body, parse_int=_integer)
    except RecursionError:
        raise NotWhole("JSON nested too deep to be read") from None
    except ValueError:
        start = body[:80].decode("utf-8", "replace").strip()
        raise NotWhole(f"something that is not JSON ({len(body)} bytes, {start[:40]!r} ...)") from None
    if not isinstance(document, dict):
        raise NotWhole(f"JSON that is a {type(document).__name__}, not an object")
    return document


def _integer(digits: str) -> int | str:
    return int(digits) if len(digits) < 4000 else digits


def _shown(params: dict[str, Any]) -> str:
    return " ".join(f"{name}={value}" for name, value in params.items())
