"""The HTTP adapter: rate limit with retries counted, fresh token on retry, no token to another host."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests

from ingestion.errors import ConfigError, SourceError
from ingestion.http import RateLimiter, authorised_client


class Service:
    """A loopback server: /token hands out t1, t2, ...; every other request is answered by `answer`."""

    def __init__(self, answer: Callable[[int, str, str], tuple[int, dict[str, str], bytes]]) -> None:
        self.bearers: list[str] = []
        self.tokens = 0
        self.token_status = 200
        self.expires_in = 3600
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                service.tokens += 1
                body = json.dumps({"access_token": f"t{service.tokens}", "expires_in": service.expires_in}).encode()
                self._reply(service.token_status, {"Content-Type": "application/json"}, body)

            def do_GET(self) -> None:
                service.bearers.append(self.headers.get("Authorization", ""))
                self._reply(*answer(len(service.bearers), service.bearers[-1], self.path))

            def _reply(self, status: int, headers: dict[str, str], body: bytes) -> None:
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)
                self.close_connection = True

            def log_message(self, *arguments: object) -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def client(self, **settings: object) -> requests.Session:
        defaults = {"requests_per_minute": 0, "max_attempts": 4, "timeout_seconds": 5.0}
        return authorised_client(
            "sap",
            base_url=self.url,
            token_url=f"{self.url}/token",
            client_id="id",
            client_secret="secret",
            **{**defaults, **settings},
        ).session


OK = (200, {"Content-Type": "application/json"}, b"{}")


@pytest.fixture
def serve():
    running = []

    def start(answer: Callable[[int, str, str], tuple[int, dict[str, str], bytes]]) -> Service:
        running.append(Service(answer))
        return running[-1]

    yield start
    for service in running:
        service.server.shutdown()
        service.server.server_close()


def test_one_token_serves_many_requests(serve):
    service = serve(lambda n, bearer, path: OK)
    client = service.client()
    for _ in range(5):
        client.get(f"{service.url}/x").raise_for_status()
    assert service.bearers == ["Bearer t1"] * 5


def test_a_retry_carries_a_fresh_token_when_the_old_one_expired_meanwhile(serve):
    service = serve(lambda n, bearer, path: (429, {"Retry-After": "1"}, b"") if n == 1 else OK)
    service.expires_in = 1
    assert service.client().get(f"{service.url}/x").status_code == 200
    assert service.bearers == ["Bearer t1", "Bearer t2"]


def test_a_token_revoked_early_is_replaced_once(serve):
    service = serve(lambda n, bearer, path: OK if bearer == "Bearer t2" else (401, {}, b""))
    assert service.client().get(f"{service.url}/x").status_code == 200
    assert service.bearers == ["Bearer t1", "Bearer t2"]


def test_a_token_that_is_never_accepted_ends_in_401(serve):
    service = serve(lambda n, bearer, path: (401, {}, b""))
    assert service.client().get(f"{service.url}/x").status_code == 401
    assert len(service.bearers) == 2


def test_refused_credentials_name_the_settings(serve):
    service = serve(lambda n, bearer, path: OK)
    service.token_status = 401
    with pytest.raises(ConfigError, match="SOURCES__SAP__CLIENT_ID") as raised:
        service.client().get(f"{service.url}/x")
    assert "secret" not in str(raised.value).replace("CLIENT_SECRET", "").replace("secrets", "")


def test_the_token_never_goes_to_another_host(serve):
    service = serve(lambda n, bearer, path: OK)
    other = serve(lambda n, bearer, path: OK)
    with pytest.raises(SourceError, match="another host"):
        service.client().get(f"{other.url}/x")
    assert other.bearers == []


def test_a_cut_off_json_body_is_read_again(serve):
    def answer(n: int, bearer: str, path: str) -> tuple[int, dict[str, str], bytes]:
        return (200, {"Content-Type": "application/json"}, b'{"d": {"results": [') if n < 3 else OK

    service = serve(answer)
    assert service.client().get(f"{service.url}/x").json() == {}
    assert len(service.bearers) == 3


def test_a_body_shorter_than_announced_is_read_again(serve):
    service = serve(lambda n, bearer, path: (200, {"Content-Length": "100"}, b"{}") if n == 1 else OK)
    assert service.client().get(f"{service.url}/x").json() == {}


def test_retries_count_against_the_rate_limit():
    limiter = RateLimiter(5, seconds=0.6)
    started = time.monotonic()
    taken = []
    for _ in range(12):
        limiter.wait()
        taken.append(time.monotonic() - started)
    for first, sixth in zip(taken, taken[5:], strict=False):
        assert sixth - first >= 0.59, "six permits within one window"
