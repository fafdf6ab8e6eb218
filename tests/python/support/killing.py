"""Loads of any source in a process of their own, killed at random moments; and what a warehouse then holds."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import duckdb

ROOT = Path(__file__).resolve().parents[3]


def start_load(source: str, settings: dict[str, str], *arguments: str) -> subprocess.Popen[str]:
    """`python -m ingestion load SOURCE` in a process of its own, which can be killed."""
    return subprocess.Popen(
        [sys.executable, "-m", "ingestion", "load", source, *arguments],
        cwd=ROOT,
        env={**os.environ, **settings},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finish(source: str, settings: dict[str, str]) -> float:
    """A load that ends well; returns its seconds."""
    started = time.monotonic()
    process = start_load(source, settings)
    output, _ = process.communicate(timeout=180)
    assert process.returncode == 0, output
    return time.monotonic() - started


def kill_some(source: str, settings: dict[str, str], kills: int, whole: float, chance: random.Random) -> int:
    """Start that many loads and kill each at a random moment; returns how many were still running then."""
    killed = 0
    for _ in range(kills):
        process = start_load(source, settings)
        # The first seconds are imports; the reading, normalising and loading come in the later part.
        time.sleep(chance.uniform(0.3, 1.0) * whole)
        killed += process.poll() is None
        process.kill()
        process.communicate()
    return killed


def content(path: Path, source: str, tables: list[str], left_out: str = "_landed_at, _source_ref, _dlt_load_id") -> Any:
    """Rows of the source's tables and its dead letters, without what differs from load to load."""
    with duckdb.connect(str(path), read_only=True) as connection:
        found = {
            name: connection.execute(f"select * exclude ({left_out}) from raw_{source}.{name} order by all").fetchall()
            for name in tables
        }
        letters = "select dead_letter_id, reason_codes, payload from raw_ops.dead_letters order by all"
        return {**found, "dead_letters": connection.execute(letters).fetchall()}
