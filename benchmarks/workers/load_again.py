"""A load of each of some sources in this process: `load_again SOURCE...`, with their settings in the environment.

Prints JSON by source: seconds, cpu_seconds (no imports), rows_read, rows_landed. The first source named is loaded once
more beforehand, uncounted, so that none pays for what a process does once.
"""

from __future__ import annotations

import json
import sys
import time

from ingestion.runner import LoadReport, load
from ingestion.sources import make_reader


def _timed(source: str) -> dict[str, float]:
    started, cpu_started = time.perf_counter(), time.process_time()
    report = load(make_reader(source))
    seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - cpu_started
    return {"seconds": seconds, "cpu_seconds": cpu_seconds, **_rows(report)}


def _rows(report: LoadReport) -> dict[str, float]:
    counts = report.datasets.values()
    return {
        "rows_read": sum(one.rows_read for one in counts),
        "rows_landed": sum(one.rows_good - one.rows_unchanged + one.rows_deleted for one in counts),
    }


def main(sources: list[str]) -> None:
    """Load and print."""
    load(make_reader(sources[0]))
    print(json.dumps({source: _timed(source) for source in sources}))


if __name__ == "__main__":
    main(sys.argv[1:])
