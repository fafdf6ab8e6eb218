"""Measures of the landing. Each function says what is in its figures and what is not."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from benchmarks.process import Measured, run, worker
from benchmarks.workspace import Stage

INGESTION = [sys.executable, "-m", "ingestion", "load", "sap", "--json"]
REJECTS_ACCEPTED = (0, 3)  # 3: landed, but a share of rejects over the limit; the planted faults of a tiny company

Figures = dict[str, float]


def first_load(stage: Stage, settings: dict[str, str]) -> Figures:
    """Land the whole company into an empty warehouse, as `python -m ingestion load` from start to end.

    In: the interpreter's start, requests to the sandbox over loopback, contract check, hashes, dlt's three steps, the
    sweep to raw_ops. The stages are dlt's own clock; the rest of the wall time is start-up and sweep.
    Not in: the sandbox's start and the making of its company. The sandbox serves from the same processor, so its
    work slows the extract stage; `page_read` tells how much.
    """
    done = run(INGESTION, stage.env(settings), accept=REJECTS_ACCEPTED)
    stages = run(worker("load_stages"), stage.env()).json()
    rows = _rows(done)
    return {
        "landing_rows": rows,
        "landing_seconds": done.seconds,
        "landing_rows_per_second": rows / done.seconds,
        "landing_cpu_seconds": done.cpu_seconds,
        "landing_peak_mb": done.peak_mb,
        **{f"landing_{name}_seconds": seconds for name, seconds in stages.items()},
    }


def second_load(stage: Stage, settings: dict[str, str]) -> Figures:
    """Land again when the source has nothing new: what a schedule that runs too often costs.

    In: all of `first_load`, with master data read in full and compared, and the look-back of orders and receipts read
    and merged again. Not in: any change in the source.
    """
    done = run(INGESTION, stage.env(settings), accept=REJECTS_ACCEPTED)
    return {"relanding_rows": _rows(done), "relanding_seconds": done.seconds, "relanding_peak_mb": done.peak_mb}


def page_read(stage: Stage, settings: dict[str, str]) -> Figures:
    """Fetch the pages that a first load fetches and drop them: the share of source and wire in the extract stage.

    In: requests, the sandbox's answers, JSON parsing, taking pages apart. Not in: the interpreter's start, contract
    check, hashes, normalising, DuckDB.
    """
    found = run(worker("read_pages"), stage.env(settings)).json()
    return {"pages_seconds": found["seconds"], "pages_rows_per_second": found["entities"] / found["seconds"]}


def extract_read(stage: Stage, extract: Path) -> Figures:
    """DuckDB's own typed read of the files that the sandbox serves, into a new DuckDB file: the floor.

    In: reading each CSV with declared types, setting bad lines aside, writing tables. Not in: the interpreter's start,
    HTTP, hashes, contracts, keys, merge. One row of a file is one row here; the landing joins texts to their material.
    """
    done = run(worker("read_extract", str(extract), str(stage.directory / "extract.duckdb")), stage.env())
    found = done.json()
    return {
        "extract_rows": found["rows"] + found["refused"],
        "extract_seconds": found["seconds"],
        "extract_rows_per_second": (found["rows"] + found["refused"]) / found["seconds"],
        "extract_cpu_seconds": found["cpu_seconds"],
        "extract_peak_mb": done.peak_mb,
    }


def _rows(done: Measured) -> int:
    reports = json.loads(done.output.strip().splitlines()[-1])
    return sum(counts["rows_read"] for report in reports for counts in report["datasets"].values())
