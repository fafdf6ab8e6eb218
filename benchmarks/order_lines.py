"""Order lines by the million: a full refresh of the sales facts against an ordinary day.

    python -m benchmarks.order_lines --lines 10000000

A throw-away warehouse is filled by SQL with made-up landed tables of Atom (three years of orders, a thousand daily
loads). Measured are `dbt build --full-refresh` and, after a day in which about 0.1 % of the lines came, changed or
went, `dbt build`, both with all tests. SQL time is the sum of what DuckDB's statements took, as dbt logs them; the
rest of a command is dbt's own.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter
from pathlib import Path

import duckdb
import yaml
from rich.console import Console
from rich.table import Table

from benchmarks.process import BenchError, Measured, run
from benchmarks.workspace import DBT, ROOT, Stage, require_packages

SELECTION = ["+fct_order_lines", "+fct_unit_profit", "+obt_sales", "quarantine_order_lines"]
LINES_AN_ORDER = (1, 1, 1, 1, 2, 2, 2, 3, 3, 6)  # 2.2 on average
LINES = 10_000_000
LOADS = 1_000  # days of history, a load each
FIRST = "timestamptz '2023-10-01 00:00:00+00'"
DAY = f"{FIRST} + interval {LOADS} day"
CHANGED_SHARE = 0.001
OPS = {
    "loads": "source varchar, dataset varchar, load_id varchar, run_id varchar, started_at timestamptz, "
    "finished_at timestamptz, rows_read bigint, rows_good bigint, rows_rejected bigint, rows_unchanged bigint, "
    "rows_deleted bigint, cursor_from varchar, cursor_to varchar, status varchar",
    "dead_letters": "dead_letter_id varchar, source varchar, dataset varchar, record_key varchar, "
    "reason_codes varchar, detail varchar, payload varchar, source_ref varchar, load_id varchar, "
    "landed_at timestamptz, replayed_at timestamptz",
}  # fmt: skip
LINEAGE = "sha256({key}) as _row_hash, 'atom.{table}/' || {key} as _source_ref, {landed} as "
LINEAGE += "_landed_at, false as _is_deleted, "
LINEAGE += "'load-' || date_diff('day', {first}, {landed}) as _dlt_load_id"


def main(arguments: list[str] | None = None) -> int:
    """Measure and print; exit code 1 when a measure could not be taken, 2 when a target was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=LINES, help=f"order lines in the warehouse ({LINES:,})")
    parser.add_argument("--json", type=Path, help="write the figures to this file as well")
    parser.add_argument("--keep", type=Path, help="work in this directory and keep it")
    options = parser.parse_args(arguments)
    console = Console()
    try:
        require_packages()
        if options.keep:
            options.keep.mkdir(parents=True, exist_ok=True)
            taken = measure(Stage(options.keep), options.lines)
        else:
            taken = measure_apart(options.lines)
    except BenchError as problem:
        print(problem, file=sys.stderr)
        return 1
    if options.json:
        options.json.write_text(json.dumps(taken, indent=2))
    report(console, taken)
    return 0 if all(met for _, _, _, met in targets(taken)) else 2


def measure_apart(lines: int) -> dict[str, float]:
    """Measure in a directory that is gone afterwards."""
    require_packages()
    with tempfile.TemporaryDirectory(prefix="strata-order-lines-") as directory:
        return measure(Stage(Path(directory)), lines)


def figures(lines: int) -> dict[str, float]:
    """What the bench keeps: each figure under the name of this part, and the ratios that have targets."""
    taken = measure_apart(lines)
    (_, sql, _, _), (_, command, _, _), (_, peak, _, _) = targets(taken)
    ratios = {"sql_full_per_day": sql, "full_per_day": command, "peak_mb": peak}
    return {f"order_lines_{name}": value for name, value in (taken | ratios).items()}


def measure(stage: Stage, lines: int) -> dict[str, float]:
    """Fill the warehouse, build it in full, let a day pass, build again.

    Raises:
        BenchError: dbt failed, or a test of the data did.
    """
    fill(stage.warehouse, lines)
    figures: dict[str, float] = {"lines": _one(stage.warehouse, "select count(*) from raw_atom.order_lines")}
    figures |= _figures("full", _build(stage, "--full-refresh"), stage)
    figures["changed_lines"] = let_a_day_pass(stage.warehouse)
    figures |= _figures("day", _build(stage), stage)
    figures["warehouse_mb"] = stage.warehouse.stat().st_size / 2**20
    return figures


def fill(path: Path, lines: int) -> None:
    """Write the landed tables. Everything follows from the row's number, so that two runs give the same tables."""
    path.unlink(missing_ok=True)
    orders = round(lines * len(LINES_AN_ORDER) / sum(LINES_AN_ORDER))
    customers, products = max(10, orders // 40), max(10, min(5_000, orders // 20))
    with duckdb.connect(str(path), config={"storage_compatibility_version": "v1.4.0"}) as connection:
        connection.execute("set TimeZone = 'UTC'; set preserve_insertion_order = true")
        for table, body in landed_tables().items():
            connection.execute(f"create schema if not exists {table.split('.')[0]}; create table {table} ({body})")
        for table, select in _contents(orders, customers, products).items():
            connection.execute(f"insert into {table} by name {select}")


def let_a_day_pass(path: Path) -> int:
    """New orders, orders that moved on, lines that were corrected or deleted; returns the lines concerned.

    Landed as the landing writes: a changed row is deleted and inserted again.
    """
    with duckdb.connect(str(path)) as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute("create temp table o as from raw_atom.orders limit 0")
        connection.execute("create temp table l as from raw_atom.order_lines limit 0")
        orders = connection.execute("select count(*) from raw_atom.orders").fetchone()[0]
        part = max(1, round(orders * CHANGED_SHARE / 3))
        picked = f"(select (hash(i) % {orders})::bigint + 1 as order_id from range({part}) r(i))"
        for statement in (
            # A third: new orders.
            f"insert into o select * replace (order_id + {orders} as order_id, {DAY} as ordered_at, "
            f"'placed' as status, "
            f"null as shipped_at, null as delivered_at) from raw_atom.orders where order_id <= {part}",
            f"insert into l select * replace (order_id + {orders} as order_id) from "
            f"raw_atom.order_lines where order_id <= {part}",
            # A third: old orders that change, all over the table.
            f"insert into o select * replace (freight_amount + 1 as freight_amount) from "
            f"raw_atom.orders where order_id in {picked}",
            # A third: lines that change, one in ten of them deleted.
            f"insert into l select * replace (discount_amount / 2 as discount_amount, line_number = 1 "
            f"and order_id % 10 = 0 as _is_deleted) "
            f"from raw_atom.order_lines where order_id in (select order_id + 7 from {picked})",
            f"update o set _landed_at = {DAY} + interval 6 hour, _dlt_load_id = 'load-{LOADS}'",
            f"update l set _landed_at = {DAY} + interval 6 hour, _dlt_load_id = 'load-{LOADS}'",
            "delete from raw_atom.orders where order_id in (select order_id from o)",
            "delete from raw_atom.order_lines where (order_id, line_number) in (select (order_id, line_number) from l)",
            "insert into raw_atom.orders from o",
            "insert into raw_atom.order_lines from l",
            f"update raw_atom.products set list_price = list_price * 1.01, _landed_at = {DAY} where "
            f"product_id % 1000 = 7",
            f"update raw_emerald.clients set industry = 'Retail', _landed_at = {DAY} where client_id like '%77'",
        ):
            connection.execute(statement)
        changed = "select order_id from o union select order_id from l"
        return connection.execute(
            f"select count(*) from raw_atom.order_lines where order_id in ({changed})"
        ).fetchone()[0]


def targets(figures: dict[str, float]) -> list[tuple[str, float, float, bool]]:
    """Name, figure, target and whether it is met."""
    sql, command = (
        figures["full_sql_seconds"] / figures["day_sql_seconds"],
        figures["full_seconds"] / figures["day_seconds"],
    )
    peak = max(figures["full_peak_mb"], figures["day_peak_mb"])
    return [
        ("SQL of models, full over day", sql, 15, sql >= 15),
        ("command with tests, full over day", command, 3, command >= 3),
        ("peak memory, MiB", peak, 2048, peak < 2048),
    ]


def report(console: Console, figures: dict[str, float]) -> None:
    """Print figures and targets."""
    table = Table(title=f"{figures['lines']:,.0f} order lines, a day changes {figures['changed_lines']:,.0f}")
    for heading in ("", "full refresh", "a day"):
        table.add_column(heading, justify="left" if not heading else "right")
    for name, unit in (
        ("seconds", "command, s"), ("sql_seconds", "SQL of models, s"), ("test_sql_seconds", "SQL of tests, s"),
        ("cpu_seconds", "processor, s"), ("peak_mb", "peak memory, MiB"),
    ):  # fmt: skip
        table.add_row(unit, f"{figures[f'full_{name}']:,.1f}", f"{figures[f'day_{name}']:,.1f}")
    console.print(table)
    for name, found, target, met in targets(figures):
        console.print(f"{'met   ' if met else 'MISSED'}  {name}: {found:,.1f} (target {target:,.0f})")


def _build(stage: Stage, *options: str) -> Measured:
    for name in ("dbt.log",):
        (stage.directory / "logs" / name).unlink(missing_ok=True)
    command = [DBT, "--quiet", "--no-use-colors", "--log-level-file", "debug", "--log-format-file", "json", "build"]
    return run([*command, "--select", *SELECTION, *options, "--indirect-selection", "buildable"], stage.env())


def _figures(name: str, done: Measured, stage: Stage) -> dict[str, float]:
    seconds = statement_seconds(stage.directory / "logs" / "dbt.log")
    for node, spent in seconds.most_common(8):
        print(f"{name:5} {spent:8.2f} s  {node}", file=sys.stderr)
    tests = sum(spent for node, spent in seconds.items() if node.startswith(("test.", "unit_test.")))
    return {
        f"{name}_seconds": done.seconds,
        f"{name}_cpu_seconds": done.cpu_seconds,
        f"{name}_peak_mb": done.peak_mb,
        f"{name}_sql_seconds": sum(seconds.values()) - tests,
        f"{name}_test_sql_seconds": tests,
    }


def statement_seconds(log: Path) -> Counter[str]:
    """Seconds that the warehouse spent on each node's statements, from dbt's log in JSON; hooks count to their node."""
    found: Counter[str] = Counter()
    for line in log.read_text(encoding="utf-8").splitlines():
        event = json.loads(line)
        if event["info"]["name"] == "SQLQueryStatus":
            node = event["data"].get("node_info", {}).get("unique_id", "")
            found[node] += float(event["data"].get("elapsed") or 0)
    return found


def _one(path: Path, sql: str) -> float:
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.execute(sql).fetchone()[0]


def landed_tables() -> dict[str, str]:
    """Every landed table with its columns, from the source files that the contracts generate."""
    found = {f"raw_ops.{name}": body for name, body in OPS.items()}
    for path in sorted((ROOT / "models" / "staging").glob("*/_*__sources.yml")):
        for source in yaml.safe_load(path.read_text(encoding="utf-8"))["sources"]:
            if source["schema"] == "raw_ops":
                continue
            for table in source["tables"]:
                kinds = {column["name"]: column["data_type"] for column in table["columns"]}
                body = ", ".join(
                    f"{name} {'timestamptz' if kind == 'timestamp' else kind}" for name, kind in kinds.items()
                )
                found[f"{source['schema']}.{table['name']}"] = body
    return found


def _contents(orders: int, customers: int, products: int) -> dict[str, str]:
    def lineage(table: str, key: str, landed: str) -> str:
        return LINEAGE.format(table=table, key=key, landed=landed, first=FIRST)

    day = f"((i - 1) * {LOADS} // {orders})"
    ordered = f"{FIRST} + to_seconds((i - 1) * {LOADS * 86400} // {orders})"
    landed = f"{FIRST} + to_days({day}::integer) + interval 23 hour"
    tenant = f"['GB10', 'DE10', 'US10'][(hash(i % {customers}) % 3)::integer + 1]"
    currency = f"['GBP', 'EUR', 'USD'][(hash(i % {customers}) % 3)::integer + 1]"
    count = f"{list(LINES_AN_ORDER)}[(hash(i) % {len(LINES_AN_ORDER)})::integer + 1]"
    whole = f"from range(1, {orders} + 1) r(i)"
    return {
        "raw_atom.customers": f"""
            select i as customer_id, case when i % 20 > 0 then 'CL-' || i end as client_id, {tenant} as tenant,
                'Synthetic customer ' || i as customer_name, 'GB' as country,
                {currency} as currency, 'mid_market' as segment,
                {FIRST} - interval 30 day as created_at, {FIRST} as updated_at,
                {lineage("customers", "i::varchar", FIRST)}
            from range({customers}) r(i)""",
        "raw_emerald.clients": f"""
            select 'CL-' || i as client_id, 'Synthetic client ' || i as legal_name, 'GB' as country, 'active' as status,
                {lineage("clients", "i::varchar", FIRST)}
            from range({customers}) r(i)""",
        "raw_workday.workers": f"""
            select 'W' || i as employee_id, date '2020-01-01' as effective_date,
                'CC110' as cost_center, 'GB10' as company,
                'Regular' as worker_type, 'Active' as worker_status, date '2020-01-01' as hire_date,
                {lineage("workers", "i::varchar", FIRST)}
            from range(500) r(i)""",
        "raw_atom.products": f"""
            select i as product_id, 'SKU-' || i as sku, 'Synthetic product ' || i as product_name, 'Sensor' as category,
                10 + i % 500 as list_price, 6 + i % 300 as unit_cost, 'GBP' as currency, 0.2 + i % 17 as weight_kg,
                true as is_active, {FIRST} as created_at, {FIRST} as updated_at,
                {lineage("products", "i::varchar", FIRST)}
            from range({products}) r(i)""",
        "raw_atom.orders": f"""
            select i as order_id, i % {customers} as customer_id, {tenant} as tenant,
                case when i % 2 = 0 then 'W' || i % 500 end as sales_rep_id, 'delivered' as status,
                {ordered} as ordered_at, {ordered} + interval 2 day as shipped_at,
                {ordered} + interval 5 day as delivered_at,
                {currency} as currency, 5 + (i % 3000) / 100 as freight_amount, 'web' as channel,
                {ordered} as created_at, {ordered} as updated_at, {lineage("orders", "i::varchar", landed)}
            {whole}""",
        "raw_atom.order_lines": f"""
            select i as order_id, n as line_number, hash(i * 10 + n) % {products} as product_id,
                1 + hash(n * i) % 9 as quantity,
                10 + (hash(i * 10 + n) % {products}) % 500 as unit_price,
                case when i % 3 = 0 then 1.25 else 0 end as discount_amount, 1.5 as tax_amount, {ordered} as updated_at,
                {lineage("order_lines", "i::varchar || '/' || n", landed)}
            from (select i, unnest(range(1, {count} + 1)) as n {whole})""",
        "raw_incentive.payouts": f"""
            select 'IP-' || i as payout_id, 'DEAL' as plan_id, 1 as plan_version,
                'W' || i % 500 as employee_id, i as order_id,
                '2024-01' as period_month, 10 as basis_amount, (i % 900) / 7 as payout_amount, {currency} as currency,
                'paid' as status, {ordered} as updated_at, {lineage("payouts", "i::varchar", landed)}
            {whole} where i % 5 = 0""",
    }


if __name__ == "__main__":
    sys.exit(main())
