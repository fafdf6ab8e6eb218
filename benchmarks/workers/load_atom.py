"""A first load of Atom in this process: `load_atom`. Prints JSON: seconds, cpu_seconds (no imports), rows_good."""

from __future__ import annotations

import json
import time

from ingestion.runner import load
from ingestion.sources.atom import AtomReader


def main() -> None:
    """Load and print."""
    started, cpu_started = time.perf_counter(), time.process_time()
    report = load(AtomReader.from_config())
    seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - cpu_started
    rows = report.datasets["orders"].rows_good
    print(json.dumps({"seconds": seconds, "cpu_seconds": cpu_seconds, "rows_good": rows}))


if __name__ == "__main__":
    main()
