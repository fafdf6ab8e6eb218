"""Seconds of each dlt step of the last load in a state directory: `load_stages`, with STRATA_STATE_DIR set.

Prints JSON: extract (requests, contract check, hashes), normalize, load (write to DuckDB, merge).
"""

from __future__ import annotations

import json

from ingestion import warehouse


def main() -> None:
    """Print the steps of the pipeline's last trace."""
    trace = warehouse.make_pipeline("sap").last_trace
    steps = trace.steps if trace else []
    seconds: dict[str, float] = {}
    for step in steps:
        if step.step in ("extract", "normalize", "load") and step.finished_at is not None:
            seconds[step.step] = seconds.get(step.step, 0.0) + (step.finished_at - step.started_at).total_seconds()
    print(json.dumps(seconds))


if __name__ == "__main__":
    main()
