"""One writer at a time: DuckDB has a single writer and dlt has no lock of its own."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from ingestion.errors import DestinationError, LockedError


@contextlib.contextmanager
def warehouse_lock(warehouse: Path, wait_seconds: float | None = None) -> Iterator[None]:
    """Hold the warehouse's lock file while the block runs; a killed holder lets go by itself.

    Args:
        warehouse: the warehouse file; the lock is `<file>.lock` beside it.
        wait_seconds: how long to wait for another holder; default is STRATA_LOCK_WAIT, or 60.

    Raises:
        LockedError: still held after the wait; names the holder's process, command and start.
    """
    if os.environ.get("STRATA_LOCK_HELD") == str(warehouse.resolve()):
        yield  # a parent process of ours holds it for the whole of `make run`
        return
    wait = float(os.environ.get("STRATA_LOCK_WAIT", "60")) if wait_seconds is None else wait_seconds
    path = warehouse.with_name(warehouse.name + ".lock")
    with _open(path, warehouse) as handle:
        _acquire(handle, warehouse, time.monotonic() + wait)
        handle.truncate(0)
        since = datetime.now(UTC).isoformat(timespec="seconds")
        command = " ".join([Path(sys.argv[0]).name, *sys.argv[1:]])
        handle.write(json.dumps({"pid": os.getpid(), "command": command, "since": since}))
        handle.flush()
        try:
            yield
        finally:
            handle.truncate(0)
            fcntl.flock(handle, fcntl.LOCK_UN)


def _open(path: Path, warehouse: Path) -> TextIO:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("a+", encoding="utf-8")
    except OSError as error:
        raise DestinationError(
            f"its directory cannot be written: {error.strerror}.",
            subject=f"warehouse {warehouse}",
            remedy="check the path in STRATA_WAREHOUSE and its permissions.",
        ) from error


def _acquire(handle, warehouse: Path, deadline: float) -> None:
    announced = False
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            holder = _holder(handle)
            if time.monotonic() >= deadline:
                raise LockedError(
                    f"held by {holder}.",
                    subject=f"warehouse {warehouse}",
                    remedy="wait for that run to end (STRATA_LOCK_WAIT sets how many seconds to wait), or stop it.",
                ) from None
            if not announced:
                print(f"waiting for the warehouse {warehouse}: held by {holder}", file=sys.stderr)
                announced = True
            time.sleep(0.2)


def _holder(handle) -> str:
    handle.seek(0)
    try:
        info = json.loads(handle.read())
    except ValueError:
        return "another process"
    return f"process {info['pid']} ({info['command']}) since {info['since']}"
