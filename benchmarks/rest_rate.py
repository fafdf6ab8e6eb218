"""Records a second of the per-record path when no server is the limit: contract check, hashes, dlt, DuckDB.

`python -m benchmarks.rest_rate [RECORDS] [--profile]` prints JSON, and where the time goes.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import pstats
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dlt

from benchmarks.landing import Figures
from benchmarks.process import BenchError
from ingestion.contract import load_contracts
from ingestion.landing import Delivered, Landing
from ingestion.rest_pages import Delivery

RECORDS, PAGE = 200_000, 500


def rest_rate(records: int = RECORDS, *, profile: cProfile.Profile | None = None) -> Figures:
    """Land payments from memory through `Landing.batch` and a dlt pipeline into a new DuckDB file.

    In: the contract check, hashes, arrow tables, dlt's three steps, DuckDB's merge. Not in: requests, parsing of
    JSON, the interpreter's start, raw_ops. `checked` is what a paged source adds: telling repeated records apart.

    Raises:
        BenchError: another number of rows has landed.
    """
    pages = [[_payment(first + n) for n in range(PAGE)] for first in range(0, records, PAGE)]
    total = sum(map(len, pages))
    with tempfile.TemporaryDirectory(prefix="strata-bench-") as directory:
        if profile:
            profile.enable()
        plain, steps = _timed(Path(directory) / "plain", lambda landing: _plain(landing, pages), total)
        if profile:
            profile.disable()
        checked, checked_steps = _timed(Path(directory) / "checked", lambda landing: _checked(landing, pages), total)
    return {
        "rest_records": total,
        "rest_seconds": plain,
        "rest_records_per_second": total / plain,
        "rest_records_per_cpu_second": total / steps["cpu"],
        "rest_checked_records_per_second": total / checked,
        "rest_checked_records_per_cpu_second": total / checked_steps["cpu"],
        **{f"rest_{name}_seconds": seconds for name, seconds in steps.items()},
    }


def _timed(directory: Path, rows: Any, expected: int) -> tuple[float, dict[str, float]]:
    pipeline = dlt.pipeline(
        "bench_rest",
        destination=dlt.destinations.duckdb(str(directory) + ".duckdb", preferred_loader_file_format="parquet"),
        dataset_name="raw_emerald",
        pipelines_dir=str(directory),
    )
    landing = Landing(load_contracts("emerald"), run_id="bench")
    steps: dict[str, float] = {}
    started = last = time.perf_counter()
    cpu_before = time.process_time()
    actions = (
        ("extract", lambda: pipeline.extract([dlt.resource(rows(landing), name="read_payments")])),
        ("normalize", pipeline.normalize),
        ("load", pipeline.load),
    )
    for name, action in actions:
        action()
        now = time.perf_counter()
        steps[name], last = now - last, now
    seconds = last - started
    steps["cpu"] = time.process_time() - cpu_before
    with pipeline.sql_client() as client:
        found = client.execute_sql("select count(*) from raw_emerald.payments")
    if not found or found[0][0] != expected:
        raise BenchError(f"{found} rows landed of {expected}.\n  remedy: report it as a fault of the landing.")
    return seconds, steps


def _plain(landing: Landing, pages: list[list[dict[str, Any]]]) -> Iterator[Any]:
    for number, page in enumerate(pages):
        delivered = [Delivered(record, f"payments?page={number}#{n}") for n, record in enumerate(page)]
        yield from landing.batch("payments", delivered)
    yield from landing.finish("payments")


def _checked(landing: Landing, pages: list[list[dict[str, Any]]]) -> Iterator[Any]:
    delivery = Delivery(landing, "payments")
    for number, page in enumerate(pages):
        yield from delivery.land(delivery.judge(page, f"payments?page={number}"))
    yield from landing.finish("payments")


def _payment(number: int) -> dict[str, Any]:
    day = 1 + number % 30
    return {
        "payment_id": f"P{number:09}", "client_id": f"C{number % 5000:06}", "bank_bic": "AAAAGB2LXXX",
        "executed_at": f"2026-09-{day:02}T12:00:00Z", "amount": 1 + number % 1000 / 4, "currency": "GBP",
        "direction": "outgoing", "status": "executed", "modified_at": f"2026-09-{day:02}T12:{number % 60:02}:00Z",
    }  # fmt: skip


def main(arguments: list[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.rest_rate", description=__doc__)
    parser.add_argument("records", type=int, nargs="?", default=RECORDS)
    parser.add_argument("--profile", action="store_true", help="also print where the time goes")
    options = parser.parse_args(arguments)
    profile = cProfile.Profile(time.process_time) if options.profile else None
    json.dump(rest_rate(options.records, profile=profile), sys.stdout)
    print()
    if profile:
        pstats.Stats(profile).sort_stats("tottime").print_stats(25)
    return 0


if __name__ == "__main__":
    sys.exit(main())
