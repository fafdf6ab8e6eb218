"""A first load of a directory of CSV files in this process: `load_files DIRECTORY [--profile]`.

Prints JSON: seconds, cpu_seconds (no imports), rows_good, rows_rejected. The contract of these files is made here, in a
directory of its own, with types and rules such as the project's contracts have.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import pstats
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml

SOURCE, DATASET = "bench_files", "events"
# column: (logical type, physical type, rules)
COLUMNS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "event_id": ("string", "varchar", {"required": True, "primaryKey": True, "primaryKeyPosition": 1, "maxLength": 20}),
    "order_id": ("string", "varchar", {"required": True, "pattern": "^ORD-[0-9]+$"}),
    "client_id": ("string", "varchar", {"maxLength": 10}),
    "country": ("string", "varchar", {"required": True, "pattern": "^[A-Z]{2}$"}),
    "amount": ("number", "decimal(18,4)", {"required": True, "minimum": 0}),
    "quantity": ("integer", "bigint", {"required": True, "minimum": 1}),
    "unit_weight": ("number", "decimal(9,2)", {}),
    "due_on": ("date", "date", {}),
    "occurred_at": ("timestamp", "timestamptz", {"required": True}),
    "is_express": ("boolean", "boolean", {}),
    "channel": ("string", "varchar", {"validValues": ["app", "partner", "web"]}),
    "note": ("string", "varchar", {"maxLength": 255}),
}
OPTIONS = ("maxLength", "pattern", "minimum")


def write_contract(directory: Path) -> None:
    """Write the contract below a directory of contracts."""
    custom = {"readMode": "file", "fileFormat": "csv", "filePattern": "*.csv"}
    table = {
        "name": DATASET,
        "dataGranularityDescription": "One row per event",
        "customProperties": [{"property": name, "value": value} for name, value in custom.items()],
        "properties": [_property(name, *spec) for name, spec in COLUMNS.items()],
    }
    document = {
        "version": "1.0.0",
        "description": {"purpose": "Events of the bench."},
        "team": {"name": "bench"},
        "customProperties": [{"property": "retentionClass", "value": "none"}],
        "slaProperties": [{"property": "frequency", "value": 24}],
        "schema": [table],
    }
    path = directory / SOURCE / f"{DATASET}.odcs.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(yaml.safe_dump(document), encoding="utf-8")


def _property(name: str, logical: str, physical: str, rules: dict[str, Any]) -> dict[str, Any]:
    keys = {key: value for key, value in rules.items() if key not in (*OPTIONS, "validValues")}
    found = {"name": name, "logicalType": logical, "physicalType": physical, "description": name, **keys}
    found["logicalTypeOptions"] = {key: rules[key] for key in OPTIONS if key in rules}
    found["customProperties"] = [{"property": "sourceField", "value": name}]
    if "validValues" in rules:
        arguments = {"validValues": rules["validValues"]}
        found["quality"] = [{"type": "library", "metric": "invalidValues", "arguments": arguments, "mustBe": 0}]
    return found


def main() -> None:
    """Load and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.workers.load_files", description=__doc__)
    parser.add_argument("directory")
    parser.add_argument("--profile", action="store_true", help="also print where the processor time goes")
    options = parser.parse_args()
    from ingestion import contract
    from ingestion.file_source import FileReader, FileSourceConfig
    from ingestion.runner import load

    reader = type("BenchReader", (FileReader,), {"name": SOURCE})
    config = FileSourceConfig()
    config.directory = options.directory
    profile = cProfile.Profile(time.process_time) if options.profile else None
    with tempfile.TemporaryDirectory(prefix="strata-bench-") as contracts:
        write_contract(Path(contracts))
        contract.load_contracts.__defaults__ = (Path(contracts),)
        started, cpu_started = time.perf_counter(), time.process_time()
        report = profile.runcall(load, reader(config)) if profile else load(reader(config))
        seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - cpu_started
    counts = report.datasets[DATASET]
    if profile:
        pstats.Stats(profile, stream=sys.stderr).sort_stats("tottime").print_stats(30)
    found = {"seconds": seconds, "cpu_seconds": cpu_seconds}
    print(json.dumps({**found, "rows_good": counts.rows_good, "rows_rejected": counts.rows_rejected}))


if __name__ == "__main__":
    main()
