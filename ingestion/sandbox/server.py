"""The SAP system of the sandbox: token endpoint, rate limit, faults, and the OData services, on loopback only."""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import math
import os
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote_plus

from ingestion.sandbox import odata
from ingestion.sandbox.changes import DataChanges
from ingestion.sandbox.faults import Fault, FaultPlan
from ingestion.sandbox.http_server import PROXY_PAGE, HttpServer
from ingestion.sandbox.odata import Response, error_response
from ingestion.sandbox.store import SERVICE_ROOT, Store
from ingestion.sandbox.tables import Tables, read_extract

TOKEN_PATH = "/oauth/token"  # noqa: S105 - an address, not a secret
DEFAULT_CLIENT_ID = "sandbox-client"
DEFAULT_CLIENT_SECRET = "sandbox-only-not-a-secret"  # noqa: S105 - opens nothing but the sandbox
DEFAULT_PAGE_SIZE = 1000
DEFAULT_TOKEN_TTL = 3600
KEPT_REQUESTS = 100_000


class RateLimit:
    """At most so many requests in any 60 seconds; 0 means no limit."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = per_minute
        self._clock = clock
        self._times: deque[float] = deque()
        self._lock = threading.Lock()

    def wait_seconds(self) -> int:
        """0 if the request may pass (and counts), else the whole seconds until one may."""
        if not self._limit:
            return 0
        with self._lock:
            now = self._clock()
            while self._times and now - self._times[0] >= 60:
                self._times.popleft()
            if len(self._times) < self._limit:
                self._times.append(now)
                return 0
            return max(1, math.ceil(60 - (now - self._times[0])))


class Tokens:
    """OAuth 2.0 client credentials: gives bearer tokens and knows which are good."""

    def __init__(self, client_id: str, client_secret: str, ttl: float) -> None:
        self._client = (client_id, client_secret)
        self._ttl = ttl
        self._expiry: dict[str, float] = {}
        self._lock = threading.Lock()

    def issue(self, authorization: str, body: str) -> Response:
        """Answer a token request (RFC 6749, section 4.4): credentials in the Basic header or in the form."""
        form = {name: values[-1] for name, values in parse_qs(body, max_num_fields=20).items()}
        if form.get("grant_type") != "client_credentials":
            return _oauth_error(400, "unsupported_grant_type", "grant_type must be client_credentials")
        given = _basic(authorization) or (form.get("client_id", ""), form.get("client_secret", ""))
        matches = [hmac.compare_digest(a.encode(), b.encode()) for a, b in zip(given, self._client, strict=True)]
        if not all(matches):
            return _oauth_error(401, "invalid_client", "Bad credentials")
        token = secrets.token_urlsafe(32)
        with self._lock:
            now = time.monotonic()
            self._expiry = {known: end for known, end in self._expiry.items() if end > now}
            self._expiry[token] = now + self._ttl
        answer = {"access_token": token, "token_type": "bearer", "expires_in": int(self._ttl), "scope": "sandbox"}
        return Response(200, json.dumps(answer).encode(), odata.JSON, {"Cache-Control": "no-store"})

    def refusal(self, authorization: str) -> str:
        """Why a request may not pass; empty if it may."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token:
            return "no bearer token was sent"
        with self._lock:
            end = self._expiry.get(token.strip())
        if end is None:
            return "the token is unknown"
        return "" if end > time.monotonic() else "the token has expired"

    def expire_all(self) -> None:
        """Make every token given so far invalid."""
        with self._lock:
            self._expiry = dict.fromkeys(self._expiry, -math.inf)


def _basic(authorization: str) -> tuple[str, str] | None:
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, _, secret = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return ("", "")
    return unquote_plus(name), unquote_plus(secret)  # RFC 6749 form-encodes both


def _oauth_error(status: int, code: str, text: str) -> Response:
    headers = {"WWW-Authenticate": 'Basic realm="sandbox"'} if status == 401 else {}
    return Response(status, json.dumps({"error": code, "error_description": text}).encode(), odata.JSON, headers)


class SandboxServer(DataChanges):
    """A stand-in SAP system; use as a context manager.

    Args:
        tables: the data: tables, or an extract directory.
        faults: faults to play, as `Fault` or as mappings of its fields.
        rate_limit: requests a minute to the services before 429; 0 for none.
        page_size: most entities in a page.
        token_ttl: seconds that a token lives.
        port: TCP port on 127.0.0.1; 0 for a free one.
        client_id, client_secret: who may get tokens; default from SANDBOX_SAP_CLIENT_ID and
            SANDBOX_SAP_CLIENT_SECRET, else the sandbox's well-known pair.

    Attributes:
        requests: path and query of the latest requests, oldest first.
    """

    def __init__(
        self,
        tables: Tables | Path | str,
        *,
        faults: Iterable[Fault | Mapping[str, Any]] = (),
        rate_limit: int = 0,
        page_size: int = DEFAULT_PAGE_SIZE,
        token_ttl: float = DEFAULT_TOKEN_TTL,
        port: int = 0,
        client_id: str | None = None,
        client_secret: str | None = None,
    ) -> None:
        self.directory = None if isinstance(tables, Tables) else Path(tables)
        super().__init__(tables if isinstance(tables, Tables) else read_extract(tables))
        self.client_id = client_id or os.environ.get("SANDBOX_SAP_CLIENT_ID") or DEFAULT_CLIENT_ID
        self.client_secret = client_secret or os.environ.get("SANDBOX_SAP_CLIENT_SECRET") or DEFAULT_CLIENT_SECRET
        self.faults = FaultPlan(faults)
        self.page_size = page_size
        self.requests: deque[str] = deque(maxlen=KEPT_REQUESTS)
        self._tokens = Tokens(self.client_id, self.client_secret, token_ttl)
        self._limit = RateLimit(rate_limit)
        self._http = HttpServer(("127.0.0.1", port), self)
        self.port: int = self._http.server_address[1]
        self.base_url = f"http://127.0.0.1:{self.port}"
        self.token_url = f"{self.base_url}{TOKEN_PATH}"
        self._thread: threading.Thread | None = None
        self._ready = False

    def __enter__(self) -> SandboxServer:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def start(self) -> None:
        """Serve in a thread of its own; requests that come from now on are answered."""
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True, name="sandbox")
        self._thread.start()

    def stop(self) -> None:
        """Stop serving and close the port and all connections."""
        if self._thread is not None:
            self._http.shutdown()
            self._thread.join()
            self._thread = None
        self._http.server_close()
        self._http.close_connections()

    def expire_tokens(self) -> None:
        """Make every token given so far invalid."""
        self._tokens.expire_all()

    def reload(self) -> None:
        """Read the extract directory again.

        Raises:
            SandboxError: it cannot be read; what was served before stays.
        """
        if self.directory is not None:
            self.replace_tables(read_extract(self.directory))

    def respond(self, method: str, target: str, headers: Mapping[str, str], body: str) -> tuple[Response, Fault | None]:
        """Answer one request; the fault it met, if any, is for the HTTP side to play out."""
        self.requests.append(target)
        fault = self.faults.strike(target)
        if fault is not None:
            if fault.kind == "slow":
                time.sleep(fault.delay)
            elif fault.kind == "expired_token":
                self.expire_tokens()
            elif refused := _fault_response(fault):
                return refused, fault
        path, _, query = target.partition("?")
        authorization = headers.get("Authorization") or ""
        if path == TOKEN_PATH:
            if method != "POST":
                return error_response(405, odata.BAD_REQUEST, "POST is due here", {"Allow": "POST"}), fault
            return self._tokens.issue(authorization, body), fault
        if not f"{path}/".startswith(f"{SERVICE_ROOT}/"):
            return error_response(404, odata.NOT_FOUND, f"nothing is served at {path[:100]}"), fault
        if refused := self._refused(method, authorization):
            return refused, fault
        with self.reading(self.base_url) as store:
            return self._page(store, path, query, fault), fault

    def _refused(self, method: str, authorization: str) -> Response | None:
        if why := self._tokens.refusal(authorization):
            challenge = {"WWW-Authenticate": f'Bearer error="invalid_token", error_description="{why}"'}
            return error_response(401, odata.UNAUTHORISED, f"Unauthorized: {why}", challenge)
        if wait := self._limit.wait_seconds():
            return _too_many(wait)
        if method not in ("GET", "HEAD"):
            return error_response(405, odata.BAD_REQUEST, f"{method} is not offered: read only", {"Allow": "GET, HEAD"})
        return None

    def _page(self, store: Store, path: str, query: str, fault: Fault | None) -> Response:
        response = odata.answer(store, path, query, self.base_url, self.page_size)
        if fault is not None and fault.kind in ("repeated_next", "missing_next"):
            return replace(response, body=_without_way_on(response.body, fault.kind, f"{self.base_url}{path}?{query}"))
        return response


def _without_way_on(body: bytes, kind: str, own_url: str) -> bytes:
    content = json.loads(body)
    page = content.get("d", {})
    if "__next" in page:
        page.pop("__next")
        if kind == "repeated_next":
            page["__next"] = own_url
    return json.dumps(content, ensure_ascii=False).encode()


def _too_many(seconds: int) -> Response:
    return error_response(429, odata.TOO_MANY, "Too many requests: quota exceeded", {"Retry-After": str(seconds)})


def _fault_response(fault: Fault) -> Response | None:
    if fault.kind == "too_many_requests":
        return _too_many(fault.retry_after)
    if fault.kind == "server_error":
        return error_response(fault.status, odata.INTERNAL, "An exception was raised (fault injected by the sandbox)")
    if fault.kind == "html":
        return Response(200, PROXY_PAGE, "text/html")
    return None
