"""Loads of any source in a process of their own, which can be killed; and what a warehouse then holds."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb

ROOT = Path(__file__).resolve().parents[3]


def start_source_load(source: str, settings: dict[str, str]) -> subprocess.Popen[str]:
    """`python -m ingestion load <source>`."""
    return subprocess.Popen(
        [sys.executable, "-m", "ingestion", "load", source],
        cwd=ROOT,
        env={**os.environ, **settings},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finish_source_load(source: str, settings: dict[str, str]) -> None:
    """The same to its end, which must be a good one."""
    process = start_source_load(source, settings)
    output, _ = process.communicate(timeout=180)
    assert process.returncode == 0, output


def warehouse_content(path: Path, source: str, tables: list[str]) -> dict[str, list[tuple[Any, ...]]]:
    """Rows of the source's tables and its dead letters, without what differs from load to load."""
    with duckdb.connect(str(path), read_only=True) as connection:
        found = {
            name: connection.execute(
                f"select * exclude (_landed_at, _source_ref, _dlt_load_id) from raw_{source}.{name} order by all"
            ).fetchall()
            for name in tables
        }
        letters = "select dead_letter_id, reason_codes, payload from raw_ops.dead_letters order by all"
        return {**found, "dead_letters": connection.execute(letters).fetchall()}
