"""A server for the sandbox's REST systems: Oracle, Workday, the incentive platform and Emerald, each one an app.

with RestServer([OracleApp(documents)]) as server:
    requests.get(f"{server.base_url}/fscmRestApi/...", auth=("sandbox-client", "..."))
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import os
import threading
import time
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import parse_qsl, unquote

from ingestion.sandbox.faults import Fault, FaultPlan
from ingestion.sandbox.http_server import PROXY_PAGE, HttpServer
from ingestion.sandbox.odata import JSON, Response

DEFAULT_USER = "sandbox-client"
DEFAULT_PASSWORD = "sandbox-only-not-a-secret"  # noqa: S105 - opens nothing but the sandbox
KEPT_REQUESTS = 100_000


@dataclass(frozen=True)
class Request:
    """A request as an app sees it: path below the app's prefix, decoded parameters, and the fault to play, if any."""

    method: str
    path: str
    query: dict[str, str]
    headers: Mapping[str, str]
    body: str
    base_url: str
    fault: Fault | None = None


class App(Protocol):
    """One system: what stands under a path prefix."""

    prefix: str

    def respond(self, request: Request) -> Response:
        """Answer a request below the prefix."""


@dataclass
class Credentials:
    """The one user that may read, with Basic authentication or with a static bearer token (the password)."""

    user: str = field(default_factory=lambda: os.environ.get("SANDBOX_USER") or DEFAULT_USER)
    password: str = field(default_factory=lambda: os.environ.get("SANDBOX_PASSWORD") or DEFAULT_PASSWORD)

    def refusal(self, authorization: str) -> str:
        """Why a request may not pass; empty if it may."""
        scheme, _, given = authorization.partition(" ")
        if scheme.lower() == "bearer":
            return "" if hmac.compare_digest(given.strip().encode(), self.password.encode()) else "unknown token"
        if scheme.lower() != "basic":
            return "no credentials were sent"
        try:
            decoded = base64.b64decode(given.strip(), validate=True)
        except binascii.Error:
            return "credentials that cannot be read"
        return "" if hmac.compare_digest(decoded, f"{self.user}:{self.password}".encode()) else "wrong credentials"


class RestServer:
    """Serves apps on a loopback port; use as a context manager.

    Args:
        apps: the systems.
        faults: faults to play (`ingestion.sandbox.faults`); kinds that only an app can play reach it in the request.
        latency: seconds that every answer takes longer.
        port: TCP port on 127.0.0.1; 0 for a free one.

    Attributes:
        requests: path and query of the latest requests, oldest first.
    """

    def __init__(
        self,
        apps: Iterable[App],
        *,
        faults: Iterable[Fault | Mapping[str, Any]] = (),
        latency: float = 0.0,
        port: int = 0,
        credentials: Credentials | None = None,
    ) -> None:
        self.apps = list(apps)
        self.faults = FaultPlan(faults)
        self.latency = latency
        self.credentials = credentials or Credentials()
        self.requests: deque[str] = deque(maxlen=KEPT_REQUESTS)
        self._http = HttpServer(("127.0.0.1", port), self)
        self.port: int = self._http.server_address[1]
        self.base_url = f"http://127.0.0.1:{self.port}"
        self._thread: threading.Thread | None = None

    def __enter__(self) -> RestServer:
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True, name="rest-sandbox")
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        if self._thread is not None:
            self._http.shutdown()
            self._thread.join()
            self._thread = None
        self._http.server_close()
        self._http.close_connections()

    def respond(self, method: str, target: str, headers: Mapping[str, str], body: str) -> tuple[Response, Fault | None]:
        """Answer one request; the fault it met, if any, is for the HTTP side to play out."""
        self.requests.append(target)
        if self.latency:
            time.sleep(self.latency)
        fault = self.faults.strike(target)
        if fault is not None:
            if fault.kind == "slow":
                time.sleep(fault.delay)
            elif refused := fault_answer(fault):
                return refused, fault
        path, _, query = target.partition("?")
        app = next((app for app in self.apps if path.startswith(app.prefix)), None)
        if app is None:
            return json_answer({"title": "Not Found", "detail": f"nothing is served at {path[:100]}"}, 404), fault
        if why := self.credentials.refusal(headers.get("Authorization") or ""):
            refused = json_answer({"title": "Unauthorized", "detail": why}, 401)
            refused.headers["WWW-Authenticate"] = 'Basic realm="sandbox"'
            return refused, fault
        if method not in ("GET", "HEAD"):
            return json_answer({"title": "Method Not Allowed", "detail": "read only"}, 405), fault
        parameters = dict(parse_qsl(query, keep_blank_values=True))
        below = unquote(path[len(app.prefix) :]).strip("/")
        return app.respond(Request(method, below, parameters, headers, body, self.base_url, fault)), fault


def json_answer(content: Any, status: int = 200) -> Response:
    """A JSON response."""
    return Response(status, json.dumps(content, ensure_ascii=False).encode("utf-8", "surrogatepass"), JSON)


def fault_answer(fault: Fault) -> Response | None:
    """The answer of a fault that replaces the real one, or None."""
    if fault.kind == "too_many_requests":
        answer = json_answer({"title": "Too Many Requests", "detail": "quota exceeded"}, 429)
        answer.headers["Retry-After"] = str(fault.retry_after)
        return answer
    if fault.kind in ("server_error", "expired_token"):
        status = 401 if fault.kind == "expired_token" else fault.status
        return json_answer({"title": "Error", "detail": "fault injected by the sandbox"}, status)
    if fault.kind == "html":
        return Response(200, PROXY_PAGE, "text/html")
    return None
