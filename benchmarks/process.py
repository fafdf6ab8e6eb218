"""Child processes with wall time, processor time and peak memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

TAIL_LINES = 15


class BenchError(Exception):
    """A measure could not be taken; the message says which command failed and how."""


@dataclass(frozen=True)
class Measured:
    """What one command used.

    Attributes:
        seconds: wall time from start to end of the process, the interpreter's start included.
        cpu_seconds: user and system time of the process and of the children it waited for.
        peak_mb: largest resident memory of any single process among these, in MiB. Linux starts the count of a
            child at what its parent held when it was started: some 45 MiB here, below every command measured.
        output: standard output.
    """

    seconds: float
    cpu_seconds: float
    peak_mb: float
    output: str

    def json(self) -> dict[str, Any]:
        """The last line of the output as JSON: how the workers report."""
        return json.loads(self.output.strip().splitlines()[-1])


def run(command: Sequence[str], env: dict[str, str], *, accept: Sequence[int] = (0,)) -> Measured:
    """Run a command to its end.

    Raises:
        BenchError: it ended with a code that is not in `accept`; the last lines it wrote are in the message.
    """
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        started = time.perf_counter()
        process = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()
            process.wait()
            raise
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)  # it has been waited for: Popen must not do it again
        out.seek(0)
        err.seek(0)
        output, errors = out.read(), err.read()
    if process.returncode not in accept:
        tail = "\n".join(f"    {line}" for line in (output + errors).strip().splitlines()[-TAIL_LINES:])
        raise BenchError(
            f"`{' '.join(command)}` ended with exit code {process.returncode} after {seconds:.1f} s:\n{tail}\n"
            "  remedy: the bench measures what works; `make run` shows and mends such failures first."
        )
    return Measured(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, output)


def worker(name: str, *arguments: str) -> list[str]:
    """The command line of a worker."""
    return [sys.executable, "-m", f"benchmarks.workers.{name}", *arguments]
