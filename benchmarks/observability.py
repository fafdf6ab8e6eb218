"""What it costs that the warehouse watches itself: builds with and without, in turn, and the profile of a large table.

`python -m benchmarks.observability [--scale 1] [--pairs 3] [--rows 10000000]`. With: `make build` as it is, which asks
how fresh the sources are, lands dbt's results, profiles every table, builds models/platform, looks for incidents and,
with the real package, keeps what Elementary's tests remember. Without: the company's models and tests alone. Both are
whole commands over the same built warehouse, in turns that begin with one and the other, so that a slow minute meets
both. Before each of them a day lands: one row in a thousand of what moves daily comes again. `--landed FILE` takes a
warehouse that holds a landed company already.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

import duckdb

from benchmarks.landing import Figures
from benchmarks.process import BenchError, Measured, run
from benchmarks.whole_build import land
from benchmarks.workspace import DBT, Stage, Workspace, require_packages
from ingestion.ops import TABLES

WITH = [sys.executable, "-m", "tools.run", "build"]
WITHOUT = [sys.executable, "-m", "tools.dbt_session", "build", "--selector", "company"]
WITHOUT += ["--exclude-resource-type", "unit_test"]
# Where the real package is installed: its hooks write nothing.
SILENT = ["--vars", json.dumps({"disable_tests_results": True})]
TESTS_MAY_FAIL = (0, 1)  # planted faults
WARM_TURNS = 2
ROWS = 10_000_000
MOST_SHARE, MOST_SECONDS, MOST_MB = 0.25, 60, 4096
MOVING = (
    "raw_sap.purchase_orders", "raw_sap.purchase_order_items", "raw_sap.goods_receipts", "raw_oracle.ap_invoices",
    "raw_oracle.ap_invoice_lines", "raw_oracle.gl_journal_lines", "raw_atom.orders", "raw_atom.order_lines",
    "raw_interactions.events", "raw_emerald.balances",
)  # fmt: skip
# The columns of a sales fact, by how they look to a profile: keys, codes, amounts, flags, times, hashes.
LARGE_TABLE = """
create table dev_marts.fct_order_lines as
select
    md5(i::varchar) as order_line_key,
    i // 3 as order_id,
    i % 3 as order_line_number,
    (hash(i) % 50000)::bigint as customer_id,
    md5((hash(i) % 5000)::varchar) as product_key,
    ['GB10', 'DE10', 'US10'][(i % 3 + 1)::integer] as tenant_id,
    ['GBP', 'EUR', 'USD'][(i % 3 + 1)::integer] as currency_code,
    case when i % 2 = 0 then 'W' || (i % 500) end as sales_rep_id,
    ['web', 'phone', 'partner', 'shop'][(hash(i) % 4 + 1)::integer] as channel,
    (1 + hash(i) % 9)::decimal(18, 4) as quantity,
    (10 + hash(i) % 500)::decimal(18, 4) as unit_price,
    case when i % 5 > 0 then (hash(i) % 90000 / 100)::decimal(18, 4) end as discount_amount,
    (hash(i) % 900000 / 100)::decimal(18, 4) as net_amount,
    (hash(i) % 800000 / 100)::decimal(18, 4) as net_amount_gbp,
    i % 7 = 0 as is_returned,
    i % 11 > 0 as is_shipped,
    date '2023-10-01' + (i * 1000 // {rows})::integer as order_date,
    timestamp '2023-10-01' + to_seconds(i * 86400000 // {rows}) as ordered_at,
    sha256(i::varchar) as row_hash,
    'atom.order_lines/' || i as source_ref,
    'load-' || (i * 1000 // {rows}) as load_id,
    timestamp '2023-10-01' + to_days((i * 1000 // {rows})::integer) as landed_at
from range({rows}) as numbers (i)
"""


def figures(scale: float, pairs: int, rows: int) -> Figures:
    """What the bench keeps."""
    with tempfile.TemporaryDirectory(prefix="strata-bench-observability-") as directory:
        workspace = Workspace(Path(directory), scale)
        return {**share(workspace, pairs), **profile(workspace.stage("profile"), rows)}


def share(workspace: Workspace, pairs: int, landed: Path | None = None) -> Figures:
    """Wall time and processor time of both builds, medians, and what watching adds to the build without it.

    Raises:
        BenchError: a build could not be done.
    """
    stage = workspace.stage("observed", copy_of=landed or land(workspace))
    silent = {"DBT_TARGET_PATH": str(stage.directory / "silent"), "DBT_LOG_PATH": str(stage.directory / "silent-logs")}
    commands = {"with": (WITH, stage.env()), "without": ([*WITHOUT, *SILENT], stage.env(silent))}
    taken: dict[str, list[Measured]] = {name: [] for name in commands}
    artifacts = stage.directory / "artifacts" / stage.warehouse.stem
    # Before it counts, tables and partial parses are there and read once, as in a schedule.
    for turn in range(WARM_TURNS + pairs):
        for number, name in enumerate(sorted(commands, reverse=turn % 2 == 1)):
            land_a_day(stage.warehouse, 2 * turn + number)
            kept = set(artifacts.glob("*"))
            done = run(*commands[name], accept=TESTS_MAY_FAIL)
            if name == "without":  # whose results the other one must not have to land
                for left in set(artifacts.glob("*")) - kept:
                    shutil.rmtree(left)
            if turn >= WARM_TURNS:
                taken[name].append(done)
                print(
                    f"observability: {name} {done.seconds:.1f} s, {done.cpu_seconds:.1f} s of processor",
                    file=sys.stderr,
                )
    return _shares(taken)


def land_a_day(warehouse: Path, day: int) -> None:
    """One row in a thousand of the tables that move daily lands again, other rows each day."""
    with duckdb.connect(str(warehouse)) as connection:
        for table in MOVING:
            connection.execute(f"update {table} set _landed_at = now() where hash(_source_ref) % 1000 = {day}")


def _shares(taken: dict[str, list[Measured]]) -> Figures:
    found: Figures = {}
    for name, runs in taken.items():
        found[f"observability_{name}_seconds"] = statistics.median(done.seconds for done in runs)
        found[f"observability_{name}_cpu_seconds"] = statistics.median(done.cpu_seconds for done in runs)
    # Each pair by itself: what slows the machine for a while slows both of a pair.
    ratios = [a.seconds / b.seconds - 1 for a, b in zip(taken["with"], taken["without"], strict=True)]
    cpu = [a.cpu_seconds / b.cpu_seconds - 1 for a, b in zip(taken["with"], taken["without"], strict=True)]
    return found | {
        "observability_share": statistics.median(ratios),
        "observability_cpu_share": statistics.median(cpu),
    }


def profile(stage: Stage, rows: int = ROWS) -> Figures:
    """Seconds and peak MiB of `dbt run-operation profile_datasets` on one table of so many rows and 22 columns.

    Raises:
        BenchError: dbt could not measure it, or measured something else.
    """
    with duckdb.connect(str(stage.warehouse), config={"storage_compatibility_version": "v1.4.0"}) as connection:
        connection.execute("create schema raw_ops; create schema dev_marts")
        for name, columns in TABLES.items():
            body = ", ".join(f"{column} {kind}" for column, kind in columns.items())
            connection.execute(f"create table raw_ops.{name} ({body})")
        connection.execute(LARGE_TABLE.replace("{rows}", str(rows)))
    quiet = [DBT, "--quiet", "--no-use-colors"]
    run([*quiet, "parse"], stage.env())
    arguments = ["run-operation", "profile_datasets", "--args", json.dumps({"datasets": ["fct_order_lines"]})]
    done = run([*quiet, *arguments], stage.env())
    with duckdb.connect(str(stage.warehouse), read_only=True) as connection:
        measured = connection.execute(
            "select max(row_count), sum(duplicate_row_count) from raw_ops.dataset_profiles where tenant_id = 'all'"
        ).fetchone()
    if measured != (rows, 0):
        raise BenchError(f"the profile of {rows:,} different rows says {measured}.")
    return {"profile_seconds": done.seconds, "profile_cpu_seconds": done.cpu_seconds, "profile_peak_mb": done.peak_mb}


def main(arguments: list[str] | None = None) -> int:
    """Measure and print; exit code 1 when a measure could not be taken, 2 when a target was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, default=1.0, help="size of the company (1)")
    parser.add_argument("--pairs", type=int, default=3, help="builds with and without (3)")
    parser.add_argument("--rows", type=int, default=ROWS, help=f"rows of the table that is profiled ({ROWS:,})")
    parser.add_argument("--landed", type=Path, help="a warehouse that holds a landed company")
    options = parser.parse_args(arguments)
    try:
        require_packages()
        with tempfile.TemporaryDirectory(prefix="strata-bench-observability-") as directory:
            workspace = Workspace(Path(directory), options.scale)
            found = profile(workspace.stage("profile"), options.rows)
            found |= share(workspace, options.pairs, options.landed)
    except BenchError as error:
        print(error, file=sys.stderr)
        return 1
    print(json.dumps(found, indent=1))
    limits = (("observability_share", MOST_SHARE), ("profile_seconds", MOST_SECONDS), ("profile_peak_mb", MOST_MB))
    for name, limit in limits:
        print(f"{'met   ' if found[name] <= limit else 'MISSED'}  {name}: {found[name]:,.2f}, at most {limit:,g}")
    return 0 if all(found[name] <= limit for name, limit in limits) else 2


if __name__ == "__main__":
    sys.exit(main())
