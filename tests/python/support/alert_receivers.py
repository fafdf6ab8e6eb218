"""Receivers of alerts on loopback: a web server that notes what is posted, and a mail server that notes mails."""

from __future__ import annotations

import json
import socketserver
import threading
import time
from collections.abc import Callable
from email import message_from_bytes
from email.message import Message
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
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
    """Notes each mail. With `refuses`, it takes no recipient."""

    def __init__(self) -> None:
        self.received: list[Message] = []
        self.refuses = False
        receiver = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                self.wfile.write(b"220 mail\r\n")
                for line in self.rfile:
                    word = line[:4].upper()
                    if word == b"DATA":
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

            def _content(self) -> bytes:
                lines = []
                for line in self.rfile:
                    if line == b".\r\n":
                        break
                    lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
                return b"".join(lines)

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"smtp://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        """Close the port."""
        self._server.shutdown()
        self._server.server_close()
