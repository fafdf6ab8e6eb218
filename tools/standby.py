"""A program of the project that imports what it needs ahead of time and starts when it is told.

Its imports cost seconds. While another step keeps one processor busy they cost nobody a wait; started beforehand, the
program has them behind it when its turn comes. Whoever started it and dies, or needs it no more, ends it.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import runpy
import subprocess
import sys
from types import TracebackType
from typing import Self

# What each program imports at its start anyway, here named because Python would not know before it runs.
NEEDED = {
    "ingestion": (
        "ingestion.cli",
        "ingestion.runner",
        "ingestion.sources",
        "ingestion.sources.dbt_artifacts",
        "dlt.destinations.impl.duckdb.duck",
        "dlt.common.libs.pyarrow",
        "dlt.common.libs.sql_alchemy_compat",
        "dlt.sources.helpers.requests",
    ),
    # Not its __main__, which Python would then find imported where it is to be run, and warn of.
    "tools.alerts": (
        "tools.alerts.book",
        "tools.alerts.channels",
        "tools.alerts.incidents",
        "tools.alerts.messages",
        "tools.run",
    ),
}
TOLD = "start\n"
RELEASE = "STRATA_RELEASE"  # the end of a pipe that a program closes when it lets go of the warehouse


class Standby:
    """`python -m` with the arguments, waiting for its start in a process of its own."""

    def __init__(self, *arguments: str) -> None:
        reading, writing = os.pipe()
        self._released = os.fdopen(reading, "rb")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tools.standby", *arguments],
            env={**os.environ, RELEASE: str(writing)},
            pass_fds=[writing],
            stdin=subprocess.PIPE,
            text=True,
        )
        os.close(writing)

    def run(self) -> int:
        """Start it, and wait for its end; returns its exit code."""
        self._process.communicate(TOLD)
        return self._process.returncode

    def work(self) -> None:
        """Start it, and wait until its work is done: what Python clears away after that costs nobody a wait."""
        with contextlib.suppress(BrokenPipeError):  # it has ended before its time, and said why
            self._process.stdin.write(TOLD)
            self._process.stdin.close()
        self._released.read()

    def dismiss(self) -> None:
        """End it, if it was not started; wait for its end, if it was."""
        if self._process.poll() is None:
            self._process.communicate()
        self._released.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.dismiss()


def main(arguments: list[str]) -> int:
    """Import, wait, and run the program in this process; 0 where nobody starts it."""
    program = arguments[0]
    release = int(os.environ.pop(RELEASE))
    try:
        for module in NEEDED.get(program, ()):
            importlib.import_module(module)
        if sys.stdin.readline() != TOLD:
            return os.EX_OK
    except KeyboardInterrupt:  # meant for whoever started it, in the same terminal
        return os.EX_OK
    sys.argv = [program, *arguments[1:]]
    try:
        runpy.run_module(program, run_name="__main__", alter_sys=True)
    finally:
        os.close(release)
    return os.EX_OK


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
