"""How much sooner a slow paged service is read with several pages at once; the same clock, server and result.

`python -m benchmarks.parallel_paging` prints JSON.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from typing import Any

from benchmarks.landing import Figures
from benchmarks.process import BenchError
from ingestion.contract import load_contracts
from ingestion.landing import Landing
from ingestion.rest_pages import Delivery
from ingestion.sandbox.apps.emerald import EmeraldApp
from ingestion.sandbox.rest import RestServer
from ingestion.sources.emerald import EmeraldConfig, EmeraldReader, NumberedPages

LATENCY_SECONDS = 0.05
PAGE_SIZE, RECORDS, WORKERS = 100, 5000, 8


def parallel_paging(repeats: int = 3) -> Figures:
    """Read 50 pages of payments from a service that takes 50 ms for each answer, by one worker and by eight.

    In: requests over loopback, JSON, contract check, hashes, arrow tables. Not in: the interpreter's start,
    normalising, DuckDB, which are the same for both.

    Raises:
        BenchError: the two do not deliver the same rows in the same order.
    """
    seconds: dict[int, list[float]] = {1: [], WORKERS: []}
    rows: dict[int, list[str]] = {}
    with RestServer([EmeraldApp({"payments": _payments()})], latency=LATENCY_SECONDS) as server:
        for _ in range(repeats):
            for workers, found in seconds.items():
                taken, hashes = _read(server, workers)
                found.append(taken)
                if rows.setdefault(workers, hashes) != hashes:
                    raise BenchError("two reads of the same pages differ.\n  remedy: report it as a fault of emerald.")
    if rows[1] != rows[WORKERS] or len(set(rows[1])) != RECORDS:
        raise BenchError("reading in parallel gives other rows.\n  remedy: report it as a fault of emerald.")
    alone, together = (statistics.median(found) for found in seconds.values())
    return {
        "paging_rows": RECORDS,
        "paging_one_seconds": alone,
        "paging_parallel_seconds": together,
        "paging_saved_ratio": 1 - together / alone,
    }


def _read(server: RestServer, workers: int) -> tuple[float, list[str]]:
    config = EmeraldConfig()
    config.base_url, config.token = server.base_url, server.credentials.password  # type: ignore[assignment]
    landing = Landing(load_contracts("emerald"), run_id="bench")
    delivery = Delivery(landing, "payments")
    service = EmeraldReader(config).service
    hashes: list[str] = []
    started = time.perf_counter()
    pages = NumberedPages(service, "payments", {}, PAGE_SIZE, workers, delivery.judge, may_vanish=False)
    for page in pages.read():
        for item in delivery.land(page):
            table = getattr(item, "data", item)
            hashes += table.column("_row_hash").to_pylist()
    return time.perf_counter() - started, hashes


def _payments() -> list[dict[str, Any]]:
    return [
        {
            "payment_id": f"P{number:07}", "client_id": f"C{number % 90:06}", "bank_bic": "AAAAGB2LXXX",
            "executed_at": f"2026-09-{1 + number % 30:02}T12:00:00Z", "amount": 1 + number / 4, "currency": "GBP",
            "direction": "outgoing", "status": "executed", "modified_at": f"2026-09-{1 + number % 30:02}T12:00:00Z",
        }
        for number in range(RECORDS)
    ]  # fmt: skip


if __name__ == "__main__":
    json.dump(parallel_paging(), sys.stdout)
    print()
