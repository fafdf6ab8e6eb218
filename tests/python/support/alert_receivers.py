"""Receivers of alerts on loopback: a web server that notes what is posted, and a mail server that notes mails."""

from __future__ import annotations

import json
import socketserver
import ssl
import subprocess
import threading
import time
from base64 import b64decode
from collections.abc import Callable
from email import message_from_bytes
from email.message import Message
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


class WebReceiver:
    """Notes the JSON of each POST with its path. `answers` are the status codes to give, the last one from then on."""

    def __init__(self) -> None:
        self.received: list[tuple[str, dict[str, Any]]] = []
        self.answers = [200]
        self.hold = 0.0  # seconds before it answers
        self.on_receipt: Callable[[], None] = lambda: None
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                code = receiver.answers.pop(0) if len(receiver.answers) > 1 else receiver.answers[0]
                if code < 300:
                    receiver.received.append((self.path, json.loads(body)))
                receiver.on_receipt()
                time.sleep(receiver.hold)
                try:
                    self.send_response(code)
                    self.send_header("Location", "http://127.0.0.1:9/elsewhere")
                    self.end_headers()
                    self.wfile.write(b"ok" if code < 300 else body)
                except OSError:
                    return  # the sender is gone

            def log_message(self, *_: Any) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        """Close the port."""
        self._server.shutdown()
        self._server.server_close()


class MailReceiver:
    """Notes each mail. With `refuses`, it takes no recipient.

    Args:
        tls: how it encrypts, once it is asked to (STARTTLS); None, and it does not offer to.
        is_tls_first: encrypt from the first byte on, as port 465 does.
        users: who may log in, with which password; it takes mail from nobody else then.

    Attributes:
        received: the mails.
        logins: user and password of each try.
        in_clear: lines that came without encryption.
    """

    def __init__(
        self, tls: ssl.SSLContext | None = None, *, is_tls_first: bool = False, users: dict[str, str] | None = None
    ) -> None:
        self.received: list[Message] = []
        self.refuses = False
        self.logins: list[tuple[str, str]] = []
        self.in_clear: list[bytes] = []
        receiver = self

        class Handler(socketserver.StreamRequestHandler):
            def setup(self) -> None:
                super().setup()
                self.is_encrypted, self.is_known = False, users is None
                if is_tls_first:
                    self._encrypt()

            def _encrypt(self) -> None:
                self.connection = tls.wrap_socket(self.connection, server_side=True)
                self.rfile = self.connection.makefile("rb")
                self.wfile = self.connection.makefile("wb", buffering=0)
                self.is_encrypted = True

            def handle(self) -> None:
                try:
                    self._talk()
                except OSError:
                    return  # the other side did not trust the certificate, or is gone

            def _talk(self) -> None:
                self.wfile.write(b"220 mail\r\n")
                while line := self.rfile.readline():
                    if not self.is_encrypted:
                        receiver.in_clear.append(line)
                    word = line[:4].upper()
                    if word == b"EHLO":
                        offers = [b"STARTTLS"] if tls and not self.is_encrypted else []
                        offers += [b"AUTH PLAIN"] if users and self.is_encrypted else []
                        lines = [b"mail", *offers]
                        self.wfile.write(b"".join(b"250-" + each + b"\r\n" for each in lines[:-1]))
                        self.wfile.write(b"250 " + lines[-1] + b"\r\n")
                    elif word == b"STAR":
                        self.wfile.write(b"220 go\r\n")
                        self._encrypt()
                    elif word == b"AUTH":
                        self._log_in(line)
                    elif word == b"MAIL" and not self.is_known:
                        self.wfile.write(b"530 log in first\r\n")
                    elif word == b"DATA":
                        self.wfile.write(b"354 go\r\n")
                        receiver.received.append(message_from_bytes(self._content(), policy=default))
                        self.wfile.write(b"250 taken\r\n")
                    elif word == b"RCPT" and receiver.refuses:
                        self.wfile.write(b"550 nobody of that name\r\n")
                    elif word == b"QUIT":
                        self.wfile.write(b"221 bye\r\n")
                        return
                    else:
                        self.wfile.write(b"250 mail\r\n")

            def _log_in(self, line: bytes) -> None:
                """AUTH PLAIN with its answer in the same line (RFC 4616)."""
                _, user, password = b64decode(line.split()[2]).decode().split("\0")
                receiver.logins.append((user, password))
                self.is_known = (users or {}).get(user) == password
                self.wfile.write(b"235 welcome\r\n" if self.is_known else b"535 wrong user or password\r\n")

            def _content(self) -> bytes:
                lines = []
                while (line := self.rfile.readline()) not in (b".\r\n", b""):
                    lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
                return b"".join(lines)

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self.url = f"smtp://127.0.0.1:{self.port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        """Close the port."""
        self._server.shutdown()
        self._server.server_close()


def certificate(directory: Path) -> tuple[ssl.SSLContext, Path]:
    """A certificate for 127.0.0.1 that signs itself: what a server needs, and the file of those who trust it."""
    key, file = directory / "key.pem", directory / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
         "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(file)],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file, key)
    return context, file
