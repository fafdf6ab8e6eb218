"""What the landing of a file costs on top of DuckDB's own read of it; and its memory on a large one.

`python -m benchmarks.file_rate [--rows N] [--large N] [--repeat N]` prints JSON.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

from benchmarks.landing import Figures
from benchmarks.process import BenchError, Measured, run, worker
from benchmarks.workspace import Stage

ROWS, LARGE_ROWS = 1_000_000, 10_000_000
KINDS = ("plain", "quoted")


def file_rate(rows: int = ROWS, repeats: int = 3, large_rows: int = 0) -> Figures:
    """Land a CSV of twelve columns through a file source, and read it with DuckDB's typed `read_csv`.

    In the landing: encoding, quotes, line numbers, SHA-256 of file and lines, contract check, dlt's three steps with
    its merge, the file in raw_ops. In DuckDB's read: types given, bad lines set aside, written as a table. Both are
    processes of their own; `cpu` leaves interpreter and imports out, `whole_cpu` has them. All threads count.

    Args:
        rows: rows of the files whose read is compared, one without quotes and one with.
        repeats: how often; medians are reported.
        large_rows: rows of a further file, for the memory of its load; 0 leaves it out.

    Raises:
        BenchError: the two do not give the same rows.
    """
    figures: Figures = {"file_rows": rows}
    with tempfile.TemporaryDirectory(prefix="strata-bench-") as directory:
        for kind in KINDS:
            found = _compared(Path(directory) / kind, kind, rows, repeats)
            figures |= {f"file_{kind}_{name}": value for name, value in found.items()}
            shutil.rmtree(Path(directory) / kind)
        if large_rows:
            load, _ = _load(_written(Path(directory) / "large", "plain", large_rows), large_rows)
            figures |= {"file_large_rows": large_rows, "file_large_peak_mb": load.peak_mb}
    return figures


def _compared(place: Path, kind: str, rows: int, repeats: int) -> dict[str, float]:
    _written(place, kind, rows)
    found = []
    for _ in range(repeats):
        floor = run(worker("read_csv", str(_csv(place)), str(place / "floor.duckdb")), Stage(place).env())
        if floor.json()["rows"] != rows:
            raise BenchError(f"DuckDB read {floor.json()['rows']} rows of {rows}.\n  remedy: report it.")
        load, figures = _load(place, rows)
        found.append(
            {
                "read_cpu_seconds": floor.json()["cpu_seconds"],
                "load_cpu_seconds": figures["cpu_seconds"],
                "load_per_read_cpu": figures["cpu_seconds"] / floor.json()["cpu_seconds"],
                "load_per_read_whole_cpu": load.cpu_seconds / floor.cpu_seconds,
                "load_peak_mb": load.peak_mb,
            }
        )
        (place / "floor.duckdb").unlink()
    return {name: statistics.median(one[name] for one in found) for name in found[0]}


def _load(place: Path, rows: int) -> tuple[Measured, dict[str, float]]:
    """A first load into an empty warehouse."""
    stage = Stage(place / "stage")
    shutil.rmtree(stage.directory, ignore_errors=True)
    stage.directory.mkdir()
    done = run(worker("load_files", str(_csv(place).parent)), stage.env())
    found = done.json()
    if (found["rows_good"], found["rows_rejected"]) != (rows, 0):
        raise BenchError(f"{found} of {rows} rows.\n  remedy: report it as a fault of the file landing.")
    return done, found


def _csv(place: Path) -> Path:
    return place / "delivered" / "events.csv"


def _written(place: Path, kind: str, rows: int) -> Path:
    _csv(place).parent.mkdir(parents=True)
    run(worker("write_csv", str(_csv(place)), str(rows), kind), Stage(place).env())
    return place


def main(arguments: list[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.file_rate", description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--large", type=int, default=0, help=f"rows of the large file, such as {LARGE_ROWS}; 0: none")
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args(arguments)
    json.dump(file_rate(options.rows, options.repeat, options.large), sys.stdout, indent=1)
    print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
