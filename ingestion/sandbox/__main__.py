"""`python -m ingestion.sandbox`: serve the stand-in company until it is told to stop."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path

from ingestion.sandbox.company import default_company, write_company
from ingestion.sandbox.errors import SandboxError
from ingestion.sandbox.faults import read_faults
from ingestion.sandbox.server import DEFAULT_PAGE_SIZE, DEFAULT_TOKEN_TTL
from ingestion.sandbox.systems import SandboxSystems

EXIT_USAGE = 2
PARENT_CHECK_SECONDS = 1.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code: 0 after SIGTERM or SIGINT, 2 where it cannot serve."""
    options = _parser().parse_args(arguments)
    try:
        if options.write:
            write_company(options.write, options.seed, options.scale)
            print(f"company of seed {options.seed}, scale {options.scale:g} written to {options.write}")
            return 0
        return _serve(options)
    except SandboxError as error:
        print(f"sandbox: {error}", file=sys.stderr)
    except OSError as error:
        remedy = "choose another --port, or 0 for a free one; check that the directories can be written."
        print(f"sandbox: {error}. Remedy: {remedy}", file=sys.stderr)
    return EXIT_USAGE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m ingestion.sandbox",
        description="Serve a company's source systems on this machine: SAP, Oracle, Workday, Atom's PostgreSQL, the "
        "incentive platform, Emerald, and directories of files.",
        epilog="SIGHUP reads the data directory again. Guide: docs/sandbox.md.",
    )
    add = parser.add_argument
    add("--data", default="default", help="extract directory, or `default` for the synthetic company")
    add("--seed", type=int, default=1, help="seed of the synthetic company (default 1)")
    add("--scale", type=float, default=1.0, help="size of the synthetic company; 1 is 60,000 customer orders")
    add("--write", type=Path, metavar="DIR", help="write the synthetic company to DIR and exit")
    add("--port", type=_port, default=0, help="TCP port of the SAP system on 127.0.0.1; 0 (default) for a free one")
    add("--port-file", type=Path, help="JSON file to write when ready: base_url, settings of each source, pid ...")
    add("--latency", type=float, default=0.0, help="seconds that each answer of the REST systems takes longer")
    add("--rate-limit", type=_natural, default=0, help="requests a minute before 429; 0 (default) for no limit")
    add("--page-size", type=_positive, default=DEFAULT_PAGE_SIZE, help="most entities in a page (default 1000)")
    add("--token-ttl", type=_positive, default=DEFAULT_TOKEN_TTL, help="seconds a token lives (default 3600)")
    add("--faults", type=Path, help="JSON file with faults to play (docs/sandbox.md)")
    add("--parent-pid", type=_positive, help="stop when this process is gone")
    return parser


def _natural(text: str) -> int:
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError(f"{number} is below 0")
    return number


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is below 1")
    return number


def _port(text: str) -> int:
    number = int(text)
    if not 0 <= number <= 65535:
        raise argparse.ArgumentTypeError(f"{number} is not a port, 0 to 65535")
    return number


def _serve(options: argparse.Namespace) -> int:
    directory = default_company(options.seed, options.scale) if options.data == "default" else Path(options.data)
    faults = read_faults(options.faults) if options.faults else []
    systems = SandboxSystems(
        directory,
        faults=faults,
        latency=options.latency,
        rate_limit=options.rate_limit,
        page_size=options.page_size,
        token_ttl=options.token_ttl,
        port=options.port,
    )
    wake, asked = threading.Event(), _Asked()
    _on_signals(wake, asked)
    with systems:
        served = ", ".join(systems.sources)
        print(f"sandbox: serving {served} of {directory}; SAP at {systems.sap.base_url}", file=sys.stderr, flush=True)
        _announce(options.port_file, systems, asked.generation)
        parent = _Parent(options.parent_pid)
        while not asked.stop and not parent.is_gone():
            wake.wait(PARENT_CHECK_SECONDS if options.parent_pid else None)
            wake.clear()
            if asked.reload:
                asked.reload = False
                _reload(systems, asked, options.port_file)
    if options.port_file:
        options.port_file.unlink(missing_ok=True)
    return 0


class _Asked:
    """What signals asked for since the last look."""

    stop = False
    reload = False
    generation = 1


def _on_signals(wake: threading.Event, asked: _Asked) -> None:
    def stop(*_: object) -> None:
        asked.stop = True
        wake.set()

    def reload(*_: object) -> None:
        asked.reload = True
        wake.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, reload)


def _reload(systems: SandboxSystems, asked: _Asked, port_file: Path | None) -> None:
    """Serve the directory as it is now; if it cannot be read, say so and go on with what was read before."""
    try:
        systems.reload()
    except SandboxError as error:
        print(f"sandbox: the data were not read again. {error}", file=sys.stderr, flush=True)
        return
    asked.generation += 1
    _announce(port_file, systems, asked.generation)


def _announce(port_file: Path | None, systems: SandboxSystems, generation: int) -> None:
    """Write the port file so that a reader finds all of it or none."""
    if port_file is None:
        return
    content = {
        "port": systems.sap.port,
        "base_url": systems.sap.base_url,
        "token_url": systems.sap.token_url,
        "sources": systems.sources,
        "settings": systems.settings,
        "pid": os.getpid(),
        "generation": generation,
    }
    port_file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=port_file.parent, prefix=".port-", delete=False) as file:
        json.dump(content, file)
    Path(file.name).replace(port_file)


class _Parent:
    """Watches the process that started us, or another one."""

    def __init__(self, pid: int | None) -> None:
        self._pid = pid
        self._is_own_parent = pid == os.getppid()

    def is_gone(self) -> bool:
        """True when the process has ended."""
        if self._pid is None:
            return False
        if self._is_own_parent:
            return os.getppid() != self._pid
        try:
            os.kill(self._pid, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            return False
        return False


if __name__ == "__main__":
    sys.exit(main())
