"""A purge of a tenth of a large table against the bare DELETE of the same rows.

    python -m benchmarks.purge --rows 10000000

A throw-away warehouse gets made-up tracking events with all the columns that land, in the order of their time but for
one in a hundred, which came up to thirty days late. Each measure starts from a copy of it, in a process of its own.
The purge counts what is due, writes tombstones and the line of ops.retention_actions, deletes, and counts again.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

import duckdb
from rich.console import Console
from rich.table import Table

from benchmarks.landing import Figures
from benchmarks.order_lines import landed_tables
from benchmarks.process import BenchError, run, worker
from benchmarks.workers.purge_rows import DATASET, LIMIT

ROWS, REPEATS = 10_000_000, 3
WAYS = ("bare", "range", "digest")
MOST_RATIO, MOST_MB = 3, 2048
# A thousand days, so that the first hundred are due.
EVENTS = """
insert into {table} by name
select
    'EV-' || i as event_id, client_at - to_days(case when hash(i) % 100 = 0 then (hash(i) % 30)::integer else 0 end)
    as event_at, client_at + interval 5 second as received_at, 'CL-' || hash(i) % 5000 as client_id,
    'U-' || hash(i) % 20000 as user_id, ['GB10', 'DE10', 'US10'][(i % 3)::integer + 1] as tenant, 'web' as channel,
    'page_view' as event_type, '/product/' || hash(i) % 300 as page, hash(i) % 60000 as duration_ms,
    '{{"position": ' || i % 40 || '}}' as properties, 'events_' || i // 10000 || '.jsonl' as _source_file,
    i % 10000 as _source_line, sha256(i::varchar) as _row_hash, 'events_' || i // 10000 || ':' || i as _source_ref,
    client_at + interval 1 hour as _landed_at, false as _is_deleted, 'load-' || i // 10000 as _dlt_load_id
from (select i, timestamptz '2021-01-01 00:00:00+00' + to_seconds(i * {seconds} / {rows}) as client_at
    from range({rows}) as r (i))
"""


def main(arguments: list[str] | None = None) -> int:
    """Measure and print; exit code 1 when a measure could not be taken, 2 when a target was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=ROWS, help=f"rows in the table ({ROWS:,})")
    parser.add_argument(
        "--repeats", type=int, default=REPEATS, help=f"runs of each, of which the median counts ({REPEATS})"
    )
    parser.add_argument("--json", type=Path, help="write the figures to this file as well")
    options = parser.parse_args(arguments)
    try:
        taken = figures(options.rows, options.repeats)
    except BenchError as problem:
        print(problem, file=sys.stderr)
        return 1
    if options.json:
        options.json.write_text(json.dumps(taken, indent=2))
    report(Console(), taken)
    return 0 if taken["purge_range_per_delete_cpu"] <= MOST_RATIO and taken["purge_peak_mb"] <= MOST_MB else 2


def figures(rows: int = ROWS, repeats: int = REPEATS) -> Figures:
    """Medians of seconds and processor time of each way, the ratios to the bare DELETE, and the largest peak memory.

    Raises:
        BenchError: a worker failed, or the ways did not delete the same rows.
    """
    taken: Figures = {"purge_rows": rows}
    peaks, gone = [], set()
    with tempfile.TemporaryDirectory(prefix="strata-purge-") as directory:
        whole, copy = Path(directory) / "whole.duckdb", Path(directory) / "copy.duckdb"
        fill(whole, rows)
        for way in WAYS:
            found = []
            for _ in range(repeats):
                shutil.copyfile(whole, copy)
                done = run(worker("purge_rows", str(copy), way), dict(os.environ))
                found.append(done.json())
                peaks.append(done.peak_mb)
            gone |= {each["rows"] for each in found}
            for unit in ("seconds", "cpu_seconds"):
                taken[f"purge_{way}_{unit}"] = statistics.median(each[unit] for each in found)
    if len(gone) != 1:
        raise BenchError(
            f"the ways deleted {sorted(gone)} rows\n  remedy: tests/python/dbt/test_retention_properties.py"
        )
    taken |= {"purge_deleted_rows": gone.pop(), "purge_peak_mb": max(peaks)}
    for way in WAYS[1:]:
        taken[f"purge_{way}_per_delete"] = taken[f"purge_{way}_seconds"] / taken["purge_bare_seconds"]
        taken[f"purge_{way}_per_delete_cpu"] = taken[f"purge_{way}_cpu_seconds"] / taken["purge_bare_cpu_seconds"]
    return taken


def fill(path: Path, rows: int) -> None:
    """Write the table. Everything follows from the row's number, so that two runs give the same table."""
    with duckdb.connect(str(path), config={"storage_compatibility_version": "v1.4.0"}) as connection:
        connection.execute("set TimeZone = 'UTC'; create schema raw_interactions")
        connection.execute(f"create table {DATASET} ({landed_tables()[DATASET]})")
        connection.execute(EVENTS.format(table=DATASET, rows=rows, seconds=1000 * 86400))


def report(console: Console, taken: Figures) -> None:
    """Print figures and ratios."""
    table = Table(title=f"{taken['purge_deleted_rows']:,.0f} of {taken['purge_rows']:,.0f} events, older than {LIMIT}")
    for heading in ("", "seconds", "processor, s", "time over DELETE", "processor over DELETE"):
        table.add_column(heading, justify="left" if not heading else "right")
    for way, label in zip(WAYS, ("bare DELETE", "purge, range tombstones", "purge, a digest a row"), strict=True):
        ratios = ["", ""]
        if way != "bare":
            ratios = [f"{taken[f'purge_{way}_per_delete{unit}']:.1f}" for unit in ("", "_cpu")]
        table.add_row(label, *(f"{taken[f'purge_{way}_{unit}']:.3f}" for unit in ("seconds", "cpu_seconds")), *ratios)
    console.print(table)
    console.print(f"peak memory: {taken['purge_peak_mb']:,.0f} MiB (target {MOST_MB:,})")


if __name__ == "__main__":
    sys.exit(main())
