"""Launcher of the Snowflake emulator: fakesnow with the repairs that dbt-snowflake and dlt need.

    python -m tools.snowflake.emulator --port 0 --port-file FILE [--db-dir DIR]

Loopback only; it ends with the process that started it. It shows that Jinja, dispatch and the statement sequence
work, not that Snowflake accepts the SQL or returns the same values: docs/snowflake.md has the list.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import socket
import sys
import threading
import time
from pathlib import Path

import uvicorn

from tools.snowflake import repairs

_HOST = "127.0.0.1"
_PARENT_POLL_SECONDS = 0.5
_PARSER_FRAMES = 20_000  # sqlglot reads and writes by recursion; some statements are deeper than 1,000 calls
EXIT_USAGE = 2


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.snowflake.emulator", description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=0, help="port on loopback; 0 takes a free one")
    parser.add_argument("--port-file", type=Path, help="JSON with the port, written when the emulator is ready")
    parser.add_argument("--db-dir", type=Path, help="keep the databases in this directory instead of memory")
    parser.add_argument("--parent", type=int, default=os.getppid(), help="process to end with (default: the caller)")
    parser.add_argument("--without", action="append", default=[], metavar="REPAIR", help="leave a repair out (tests)")
    return parser.parse_args(argv)


def _end_with_parent(parent: int) -> None:
    """End this process at once when its parent has gone: an orphan would hold its port and its memory."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_PARENT_POLL_SECONDS)
        os._exit(0)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()


class _AnnouncingServer(uvicorn.Server):
    """Writes the port file once the server accepts connections."""

    def __init__(self, config: uvicorn.Config, port: int, port_file: Path | None) -> None:
        super().__init__(config)
        self._port = port
        self._port_file = port_file

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self._port_file:
            unfinished = self._port_file.with_suffix(".part")
            unfinished.write_text(json.dumps({"host": _HOST, "port": self._port, "pid": os.getpid()}))
            unfinished.replace(self._port_file)
        print(f"emulator: ready on {_HOST}:{self._port} (fakesnow {repairs.SUPPORTED_FAKESNOW})", flush=True)


def _serve(options: argparse.Namespace) -> None:
    import fakesnow.server
    from fakesnow.instance import FakeSnow

    if options.db_dir:
        options.db_dir.mkdir(parents=True, exist_ok=True)
    # A new instance: the one that fakesnow makes at import has the catalogue as it was before the repairs.
    fakesnow.server.shared_fs = FakeSnow(db_path=options.db_dir)
    listener = socket.create_server((_HOST, options.port))
    config = uvicorn.Config(fakesnow.server.app, log_level="warning", access_log=False, timeout_graceful_shutdown=1)
    _AnnouncingServer(config, listener.getsockname()[1], options.port_file).run(sockets=[listener])


def main(argv: list[str] | None = None) -> int:
    """Serve until stopped; 2 when the options or the installed fakesnow do not fit."""
    options = _arguments(argv)
    for name in ("sqlglot", "fakesnow.server"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # statement errors reach the client, not this log
    try:
        enabled = repairs.select(options.without)
        repairs.install(enabled)
    except (ValueError, repairs.UnsupportedEmulator) as error:
        print(f"emulator: {error}", file=sys.stderr)
        return EXIT_USAGE
    logging.getLogger("fakesnow.server").setLevel(logging.CRITICAL)  # its import sets INFO
    _end_with_parent(options.parent)
    sys.setrecursionlimit(_PARSER_FRAMES)
    try:
        _serve(options)
    except OSError as error:
        print(f"emulator: cannot serve on {_HOST}:{options.port}: {error}. Use --port 0.", file=sys.stderr)
        return EXIT_USAGE
    return 0


if __name__ == "__main__":
    sys.exit(main())
