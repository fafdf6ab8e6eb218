"""The incentive protocol once more, on bare sockets and by another hand, with faults below HTTP.

What it does otherwise than the sandbox: cursors are numbers, bodies come chunked or zipped, JSON is indented, a page
may hold fewer records than asked for, `updated_since` is open at its start.
"""

from __future__ import annotations

import gzip
import json
import random
import socket
import struct
import threading
import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

KINDS = [
    "reset", "reset in the body", "drip", "garbage", "empty", "short with length", "short chunked", "broken zip",
    "list", "not a number", "wrong page", "wrong total", "no content", "redirect", "odd retry-after", "nulls",
    "silence", "old page",
]  # fmt: skip


class OtherPlatform:
    """Serves records (oldest change first) of each resource; strikes a share of the requests."""

    def __init__(self, records: dict[str, list[dict[str, Any]]], *, seed: int, share: float) -> None:
        self.records = records
        self.struck: list[str] = []
        self.requests = 0
        self.share = share
        self._chance = random.Random(seed)
        self._old = b"{}"
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.base_url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    @property
    def credentials(self) -> Any:
        """As the sandbox's server has them."""
        return type("Credentials", (), {"password": "any"})

    def __enter__(self) -> OtherPlatform:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            head = b""
            while b"\r\n\r\n" not in head:
                part = connection.recv(4096)
                if not part:
                    return
                head += part
            self.requests += 1
            url = urlsplit(head.split(b" ")[1].decode())
            query = {name: values[0] for name, values in parse_qs(url.query).items()}
            document = self._page(url.path.rpartition("/")[2], query)
            kind = KINDS[len(self.struck) % len(KINDS)] if self._chance.random() < self.share else ""
            if kind:
                self.struck.append(kind)
            try:
                self._answer(connection, kind, document)
            except OSError:
                return  # the client has left

    def _page(self, resource: str, query: dict[str, str]) -> dict[str, Any]:
        since = query.get("updated_since", "")
        found = [record for record in self.records[resource] if record["updated_at"] > since]
        size = min(int(query["limit"]), 7)
        start = int(query.get("cursor", 0))
        more = start + size < len(found)
        return {
            "total": len(found), "page": start // size + 1, "next_cursor": str(start + size) if more else None,
            "data": found[start : start + size],
        }  # fmt: skip

    def _answer(self, connection: socket.socket, kind: str, document: dict[str, Any]) -> None:
        body = json.dumps(document, indent=1).encode()
        if kind == "reset":
            return _reset(connection)
        if kind == "silence":
            time.sleep(1)
            return None
        if kind == "garbage":
            return connection.sendall(b"\x16\x03\x01 what is this\r\n\r\n")
        if kind == "empty":
            return _send(connection, b"")
        if kind == "no content":
            return connection.sendall(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
        if kind == "redirect":
            return connection.sendall(
                b"HTTP/1.1 302 Found\r\nLocation: /login\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            )
        if kind == "odd retry-after":
            return _send(connection, b"busy", "Retry-After: Mon, 99 Foo 99999 99:99:99 GMT\r\n", "503 Busy")
        if kind == "reset in the body":
            connection.sendall(_head(len(body)) + body[:40])
            return _reset(connection)
        if kind == "drip":
            connection.sendall(_head(len(body)))
            for byte in body[:12]:
                connection.sendall(bytes([byte]))
                time.sleep(0.1)
            return None
        if kind == "short with length":
            return _send(connection, body[: len(body) // 3])
        if kind == "short chunked":
            return connection.sendall(_chunked_head() + _chunk(body[:50]))
        if kind == "broken zip":
            return _send(connection, gzip.compress(body)[:-20], "Content-Encoding: gzip\r\n")
        return self._wrong_page(connection, kind, document, body)

    def _wrong_page(self, connection: socket.socket, kind: str, document: dict[str, Any], body: bytes) -> None:
        if kind == "old page":
            return _send(connection, self._old)
        self._old = body
        wrong = {
            "list": document["data"],
            "not a number": {**document, "total": "many"},
            "wrong page": {**document, "page": document["page"] + 1},
            "wrong total": {**document, "total": -1},
            "nulls": dict.fromkeys(document),
        }
        if kind in wrong:
            return _send(connection, json.dumps(wrong[kind]).encode())
        if self._chance.random() < 0.3:
            return _send(connection, gzip.compress(body), "Content-Encoding: gzip\r\n")
        return connection.sendall(_chunked_head() + _chunk(body[:99]) + _chunk(body[99:]) + b"0\r\n\r\n")


def _send(connection: socket.socket, body: bytes, headers: str = "", status: str = "200 OK") -> None:
    connection.sendall(_head(len(body), headers, status) + body)


def _head(length: int, headers: str = "", status: str = "200 OK") -> bytes:
    kind = "Content-Type: application/json; charset=utf-8\r\nConnection: close\r\n"
    return f"HTTP/1.1 {status}\r\n{kind}{headers}Content-Length: {length}\r\n\r\n".encode()


def _chunked_head() -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Type: text/json\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"


def _chunk(part: bytes) -> bytes:
    return f"{len(part):x}\r\n".encode() + part + b"\r\n"


def _reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
