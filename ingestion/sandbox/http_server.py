"""The HTTP side that every server of the sandbox shares: keep-alive connections on loopback, and faults played out.

The standard library's threading server is enough here: it delivers more records a second than a client can land.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Mapping
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol

from ingestion.sandbox import odata
from ingestion.sandbox.faults import Fault
from ingestion.sandbox.odata import Response, error_response

MAX_BODY = 65_536
IDLE_SECONDS = 60
PROXY_PAGE = b"<html><body><h1>Bad gateway</h1><p>The upstream server did not answer.</p></body></html>"


class Responder(Protocol):
    """Answers requests; the HTTP side sends the answer and plays the fault."""

    def respond(self, method: str, target: str, headers: Mapping[str, str], body: str) -> tuple[Response, Fault | None]:
        """The answer to one request, and the fault that it met."""


class HttpServer(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], sandbox: Responder) -> None:
        self.sandbox = sandbox
        self._connections: set[socket.socket] = set()
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        """Bind without the name look-up of the base class, which can take seconds on a closed network."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = "127.0.0.1", self.server_address[1]

    def process_request(self, request: Any, client_address: Any) -> None:
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._connections.discard(request)
        super().shutdown_request(request)

    def close_connections(self) -> None:
        """End connections that clients keep open."""
        for connection in list(self._connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away in the middle is no event; anything else is shown."""
        if not isinstance(sys.exc_info()[1], ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "StrataSandbox"
    sys_version = ""
    timeout = IDLE_SECONDS
    disable_nagle_algorithm = True
    wbufsize = -1  # buffered: head and body leave together
    server: HttpServer

    def do_GET(self) -> None:
        self._handle()

    do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = do_GET

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are kept in `SandboxServer.requests`; printing them would drown the run's own output."""

    def _handle(self) -> None:
        body = self._body()
        if body is None:
            self._send(error_response(413, odata.BAD_REQUEST, "the body is too long or its length is not given"), None)
            self.close_connection = True
            return
        try:
            response, fault = self.server.sandbox.respond(self.command, self.path, self.headers, body)
        except Exception as error:  # the server has to go on, and the client has to see what happened
            print(f"sandbox: {self.command} {self.path[:200]}: {error!r}", file=sys.stderr)
            response, fault = error_response(500, odata.INTERNAL, f"the sandbox failed: {error!r}"), None
        self._send(response, fault)

    def _body(self) -> str | None:
        length = self.headers.get("Content-Length") or "0"
        if self.headers.get("Transfer-Encoding") or not (length.isascii() and length.isdigit()):
            return None
        if int(length) > MAX_BODY:
            return None
        return self.rfile.read(int(length)).decode("utf-8", errors="replace")

    def _send(self, response: Response, fault: Fault | None) -> None:
        kind = fault.kind if fault else ""
        if kind == "drop":
            self._hang_up()
            return
        body = response.body[: len(response.body) // 2] if kind == "invalid_json" else response.body
        self.send_response(response.status)
        for name, value in response.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", response.content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "HEAD":
            return
        if kind == "truncate":
            self.wfile.write(body[: len(body) // 2])
            self.wfile.flush()
            self._hang_up()
            return
        self.wfile.write(body)

    def _hang_up(self) -> None:
        self.close_connection = True
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)
