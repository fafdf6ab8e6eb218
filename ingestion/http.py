"""What dlt's HTTP client lacks: a rate limit that counts retries, and a fresh token on every attempt.

dlt's Client retries below its session, so a retry would send the old bearer again; and it has no limit on
requests a minute. Both belong to one transport adapter, mounted on that session. `client` is for services with
fixed credentials (Basic, static bearer), `authorised_client` for OAuth2 client credentials.
"""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from decimal import Decimal
from urllib.parse import urlsplit

import requests
from dlt.sources.helpers.requests import Client
from dlt.sources.helpers.rest_client.auth import OAuth2ClientCredentials
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase

from ingestion.errors import ConfigError, SourceError

SAFE_LENGTH = 16  # fifteen digits and a point always survive as float
RETRIED = (requests.Timeout, requests.ConnectionError, requests.exceptions.ChunkedEncodingError)


class RateLimiter:
    """At most `limit` permits in any window of `seconds`; 0 means no limit. Safe for threads."""

    def __init__(self, limit: int, seconds: float = 60.0) -> None:
        self._limit = limit
        self._seconds = seconds
        self._taken: deque[float] = deque()
        self._lock = threading.Lock()

    def wait(self) -> None:
        """Return when one more request is allowed."""
        if self._limit <= 0:
            return
        while True:
            with self._lock:
                now = time.monotonic()
                while self._taken and self._taken[0] <= now - self._seconds:
                    self._taken.popleft()
                if len(self._taken) < self._limit:
                    self._taken.append(now)
                    return
                pause = self._taken[0] + self._seconds - now
            time.sleep(pause)


class LimitedAdapter(HTTPAdapter):
    """Sends each attempt within the rate limit and with its credentials, to the one host they are for.

    Args:
        source: name for error messages.
        base_url: where the credentials may go; a link or a redirect to another host is refused.
        auth: what adds the credentials to a request.
        limiter: shared by all requests of the source.
    """

    def __init__(self, source: str, base_url: str, auth: AuthBase, limiter: RateLimiter) -> None:
        super().__init__(pool_maxsize=50)
        self._source = source
        self._origin = urlsplit(base_url)[:2]
        self._auth = auth
        self._limiter = limiter
        self._lock = threading.Lock()

    def send(self, request, **kwargs):  # noqa: ANN001, ANN003, ANN201 - signature of requests
        """Send one attempt."""
        if urlsplit(request.url)[:2] != self._origin:
            raise SourceError(
                f"a link of the service points to another host ({urlsplit(request.url).netloc}).",
                subject=self._source,
                remedy="have the gateway answer with the public host name, or set base_url to the host it names.",
            )
        return self._attempt(request, kwargs)

    def _attempt(self, request, kwargs) -> requests.Response:  # noqa: ANN001
        with self._lock:
            self._auth(request)
        self._limiter.wait()
        return super().send(request, **kwargs)


class AuthorisedAdapter(LimitedAdapter):
    """The same with OAuth2 tokens: a 401 gets one more try with a new token, because tokens can be revoked early."""

    _auth: OAuth2ClientCredentials

    def send(self, request, **kwargs):  # noqa: ANN001, ANN003, ANN201 - signature of requests
        """Send one attempt, or two where the first token was refused."""
        response = super().send(request, **kwargs)
        if response.status_code == 401:
            response.close()
            with self._lock:
                self._auth.access_token = None
            response = self._attempt(request, kwargs)
        return response


def client(
    source: str,
    *,
    base_url: str,
    auth: AuthBase,
    requests_per_minute: int,
    max_attempts: int,
    timeout_seconds: float,
) -> Client:
    """A dlt HTTP client for one service with fixed credentials: rate limit, retries with Retry-After.

    Args:
        source: name for error messages.
        base_url: scheme and host of the service; the credentials go nowhere else.
        auth: for example dlt's HttpBasicAuth or BearerTokenAuth.
        requests_per_minute: most requests in any 60 seconds, retries included; 0 is no limit.
        max_attempts: attempts a request before it fails.
        timeout_seconds: longest wait for an answer.
    """
    return _mounted(
        _client(max_attempts, timeout_seconds),
        LimitedAdapter(source, base_url, auth, RateLimiter(requests_per_minute)),
    )


def authorised_client(
    source: str,
    *,
    base_url: str,
    token_url: str,
    client_id: str,
    client_secret: str,
    requests_per_minute: int,
    max_attempts: int,
    timeout_seconds: float,
) -> Client:
    """A dlt HTTP client for one service: OAuth2 client credentials, rate limit, retries with Retry-After."""
    auth = _CheckedCredentials(
        access_token_url=token_url,
        client_id=client_id,
        client_secret=client_secret,
        session=_client(max_attempts, timeout_seconds).session,
    )
    auth.source = source
    return _mounted(
        _client(max_attempts, timeout_seconds),
        AuthorisedAdapter(source, base_url, auth, RateLimiter(requests_per_minute)),
    )


def unanswered(subject: str, error: requests.RequestException, hints: dict[int, str] | None = None) -> SourceError:
    """A request's failure in words: which service, what it answered, what to do.

    Args:
        subject: the service and what was asked of it.
        error: what requests raised.
        hints: the remedy by HTTP status, before the general ones.
    """
    response = error.response
    if isinstance(error, requests.JSONDecodeError):
        return SourceError(
            "it answered with something that is not JSON, such as a log-in or proxy page.",
            subject=subject,
            remedy="see what stands between here and base_url; nothing of this run was landed.",
        )
    if response is None:
        return SourceError(
            f"no answer ({type(error).__name__}).",
            subject=subject,
            remedy="check that the server runs and that base_url and the network lead to it; nothing of this run was "
            "landed, the next one starts from the same point.",
        )
    general = {
        401: "the credentials were refused: check them with the administrator.",
        403: "ask the administrator to authorise the user for this service.",
        404: "check base_url and the name of the service.",
        429: "the request limit was exceeded for too long: lower requests_per_minute.",
    }
    remedy = {**general, **(hints or {})}.get(
        response.status_code, "try again later; the next load starts from the same point."
    )
    return SourceError(f"HTTP {response.status_code} {response.text[:200]!r}.", subject=subject, remedy=remedy)


def exact_number(text: str) -> float | Decimal:
    """A JSON number as float where that says the same, else as Decimal: 12.50, but also 12345678901234567.1234."""
    number = float(text)
    if len(text) <= SAFE_LENGTH and "e" not in text and "E" not in text:
        return number
    return number if Decimal(repr(number)) == Decimal(text) else Decimal(text)


def _mounted(client: Client, adapter: LimitedAdapter) -> Client:
    client.session.mount("http://", adapter)
    client.session.mount("https://", adapter)
    return client


def _client(max_attempts: int, timeout_seconds: float) -> Client:
    return Client(
        request_timeout=timeout_seconds,
        raise_for_status=False,  # dlt's RESTClient looks at the status itself
        request_max_attempts=max_attempts,
        request_max_retry_delay=120,
        request_backoff_factor=0.5,
        exceptions=RETRIED,
        retry_condition=_is_broken_json,
    )


def _is_broken_json(response: requests.Response | None, error: BaseException | None) -> bool:
    """A body that says it is JSON and is not: cut off on the way; worth another try."""
    if response is None or response.status_code != 200 or "json" not in response.headers.get("Content-Type", ""):
        return False
    try:
        json.loads(response.content)
    except ValueError:
        return True
    return False


class _CheckedCredentials(OAuth2ClientCredentials):
    """dlt's flow with an error that says which setting to look at."""

    source = ""

    def obtain_token(self) -> None:
        try:
            super().obtain_token()
        except requests.HTTPError as error:
            status = error.response.status_code
            if status not in (400, 401, 403):
                raise
            raise ConfigError(
                f"the token endpoint refused the client credentials (HTTP {status}).",
                subject=f"{self.source}, token_url {self.access_token_url}",
                remedy=f"check SOURCES__{self.source.upper()}__CLIENT_ID and ..._CLIENT_SECRET with the administrator.",
            ) from error
