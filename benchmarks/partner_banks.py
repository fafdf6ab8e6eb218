"""Partner-bank indicators: three years of weeks from nothing against the week that an ordinary run adds.

    python -m benchmarks.partner_banks --payments 10000000

A throw-away warehouse is filled by SQL with made-up landed tables of Emerald: 5,000 clients at 40 banks, three years of
payments, month-end balances. Measured are the build from nothing and, after a week in which one payment in two hundred
came new or late, the next one. SQL time is what DuckDB's statements took, as dbt logs them, of the indicators and what
is made for them alone (INDICATORS); judging payments and balances before that is written anew in each run and told
apart.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from datetime import date, timedelta
from pathlib import Path

import duckdb
from rich.console import Console
from rich.table import Table

from benchmarks.landing import Figures
from benchmarks.order_lines import landed_tables, statement_seconds
from benchmarks.process import BenchError, run
from benchmarks.workspace import DBT, Stage, require_packages

CLIENTS, BANKS, PAYMENTS = 5_000, 40, 1_000_000
MANY_PAYMENTS = 10 * PAYMENTS
FIRST, LAST = date(2023, 10, 2), date(2026, 10, 5)  # Mondays
FACT, RESTATEMENTS = "fct_partner_bank_indicators_weekly", "fct_partner_bank_restatements"
INDICATORS = (
    FACT, "int_clients__complete_weeks", "int_clients__bank_relationship_versions", "int_clients__bank_declarations",
    "int_clients__bank_balance_periods", "int_clients__bank_payment_weeks", "int_clients__bank_first_weeks",
)  # fmt: skip
LINEAGE = "md5({key}) as _row_hash, 'emerald/' || {key} as _source_ref, {landed} as _landed_at, false as _is_deleted, "
LINEAGE += "'load' as _dlt_load_id"
MOST_SECONDS, LEAST_RATIO = 60, 20


def main(arguments: list[str] | None = None) -> int:
    """Measure and print; exit code 1 when a measure could not be taken, 2 when a target was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--payments", type=int, default=PAYMENTS, help=f"payments in the warehouse ({PAYMENTS:,})")
    parser.add_argument("--json", type=Path, help="write the figures to this file as well")
    options = parser.parse_args(arguments)
    try:
        taken = measure_apart(options.payments)
    except BenchError as problem:
        print(problem, file=sys.stderr)
        return 1
    if options.json:
        options.json.write_text(json.dumps(taken, indent=2))
    report(Console(), taken)
    is_met = taken["full_sql_seconds"] <= MOST_SECONDS and taken["fact_full_per_week"] >= LEAST_RATIO
    return 0 if is_met else 2


def measure_apart(payments: int, clients: int = CLIENTS) -> Figures:
    """Measure in a directory that is gone afterwards."""
    require_packages()
    with tempfile.TemporaryDirectory(prefix="strata-partner-banks-") as directory:
        return measure(Stage(Path(directory)), payments, clients)


def figures(quick: bool) -> Figures:
    """What the bench keeps: each figure under the name of this part.

    Unless quick, also the growth to ten times the payments: that of all SQL of a build from nothing over that of the
    payments, so that 1 is linear.
    """
    taken = measure_apart(PAYMENTS)
    if not quick:
        many = measure_apart(MANY_PAYMENTS)
        growth = _all_sql(many) / _all_sql(taken)
        taken |= {f"many_{name}": value for name, value in many.items()}
        taken["growth_per_payments"] = growth / (MANY_PAYMENTS / PAYMENTS)
    return {f"partner_banks_{name}": value for name, value in taken.items()}


def _all_sql(taken: Figures) -> float:
    return sum(taken[f"full_{name}_seconds"] for name in ("sql", "restatements", "other"))


def measure(stage: Stage, payments: int, clients: int) -> Figures:
    """Fill the warehouse, build from nothing, let a week pass, build again.

    Raises:
        BenchError: dbt failed.
    """
    fill(stage.warehouse, payments, clients)
    taken = _build(stage, "full", LAST)
    with duckdb.connect(str(stage.warehouse), read_only=True) as connection:
        (taken["rows"],) = connection.execute(f"select count(*) from dev_marts.{FACT}").fetchone() or (0,)  # noqa: S608
    let_a_week_pass(stage.warehouse, payments, clients)
    taken |= _build(stage, "week", LAST + timedelta(weeks=1))
    taken["fact_full_per_week"] = taken["full_fact_seconds"] / max(taken["week_fact_seconds"], 0.001)
    return {"payments": float(payments), **taken}


def fill(path: Path, payments: int, clients: int) -> None:
    """Write the landed tables. Everything follows from the row's number, so that two runs give the same tables."""
    path.unlink(missing_ok=True)
    with duckdb.connect(str(path), config={"storage_compatibility_version": "v1.4.0"}) as connection:
        connection.execute("set TimeZone = 'UTC'")
        for table, body in landed_tables().items():
            connection.execute(f"create schema if not exists {table.split('.')[0]}; create table {table} ({body})")
        for table, select in _contents(payments, clients).items():
            connection.execute(f"insert into raw_emerald.{table} by name {select}")


def let_a_week_pass(path: Path, payments: int, clients: int) -> None:
    """New payments of the week, some that come late, relationships that end or change their product."""
    few, landed = max(1, payments // 200), f"timestamptz '{LAST + timedelta(days=4)} 12:00:00+00'"
    with duckdb.connect(str(path)) as connection:
        connection.execute("set TimeZone = 'UTC'")
        select = _payments(few, clients, f"timestamptz '{LAST - timedelta(days=9)}'", 14 * 86_400, landed, "N")
        connection.execute(f"insert into raw_emerald.payments by name {select}")
        connection.execute(
            f"update raw_emerald.bank_relationships set product = 'custody', _landed_at = {landed}, "
            f"modified_at = {landed} where hash(relationship_id) % 200 = 0"
        )


def report(console: Console, taken: Figures) -> None:
    """Print the figures."""
    table = Table(title=f"{taken['payments']:,.0f} payments, {taken['rows']:,.0f} rows of indicators")
    for heading in ("SQL, seconds", "from nothing", "a week"):
        table.add_column(heading, justify="left" if not heading else "right")
    for name, label in (
        ("fact", "the weekly indicators"), ("sql", "with what is made for them"), ("restatements", "restatements"),
        ("other", "judging, staging, seeds, snapshots"), ("command", "whole command, s"),
    ):  # fmt: skip
        table.add_row(label, f"{taken[f'full_{name}_seconds']:,.2f}", f"{taken[f'week_{name}_seconds']:,.2f}")
    console.print(table)
    console.print(f"indicators, from nothing over a week: {taken['fact_full_per_week']:,.1f} (target {LEAST_RATIO})")
    console.print(f"whole history: {taken['full_sql_seconds']:,.1f} s (target at most {MOST_SECONDS})")


def _build(stage: Stage, name: str, day: date) -> Figures:
    log = stage.directory / "logs" / "dbt.log"
    log.unlink(missing_ok=True)
    command = [DBT, "--quiet", "--no-use-colors", "--log-level-file", "debug", "--log-format-file", "json", "build"]
    done = run(
        [*command, "--select", f"+{RESTATEMENTS}", "--exclude-resource-type", "test", "--exclude-resource-type",
         "unit_test", "--vars", json.dumps({"as_of_date": day.isoformat()})],
        stage.env(),
    )  # fmt: skip
    seconds = {node.rsplit(".", 1)[-1]: spent for node, spent in statement_seconds(log).items()}
    own = sum(spent for node, spent in seconds.items() if node in INDICATORS)
    late = seconds[RESTATEMENTS] + seconds["int_clients__bank_closed_weeks"]
    return {
        f"{name}_fact_seconds": seconds[FACT],
        f"{name}_sql_seconds": own,
        f"{name}_restatements_seconds": late,
        f"{name}_other_seconds": sum(seconds.values()) - own - late,
        f"{name}_command_seconds": done.seconds,
        f"{name}_peak_mb": done.peak_mb,
    }


def _contents(payments: int, clients: int) -> dict[str, str]:
    first, landed = f"timestamptz '{FIRST}'", f"timestamptz '{FIRST - timedelta(days=2)} 12:00:00+00'"
    days = (LAST - FIRST).days
    relationships = f"""
        select 'R-' || i || '-' || n as relationship_id, 'CL-' || i as client_id, {_bic("i * 7 + n * n")} as bank_bic,
            ['current_account', 'deposit', 'credit_line'][n] as product,
            date '{FIRST}' + (hash(i * 3 + n) % {days})::integer * (i % 4 = 0)::integer as started_on,
            case when i % 9 = 0 then date '{LAST}' - (hash(i) % 200)::integer - 7 end as ended_on,
            case when i % 9 = 0 then 'ended' else 'active' end as status
        from range({clients}) r(i), range(1, 4) s(n) where i % n = 0"""
    return {
        "clients": f"""
            select 'CL-' || i as client_id, 'Synthetic client ' || i as legal_name, 'GB10' as tenant, 'GB' as country,
                'active' as status, {_bic("i * 7 + 1")} as declared_bank_bic, date '{FIRST}' as onboarded_on,
                {first} as modified_at, {LINEAGE.format(key="i::varchar", landed=landed)}
            from range({clients}) r(i)""",
        "bank_relationships": f"""
            select *, {first} as modified_at, {LINEAGE.format(key="relationship_id", landed=landed)}
            from ({relationships}) where ended_on is null or ended_on >= started_on""",
        "balances": f"""
            select relationship_id, balance_date, 'GBP' as currency,
                1000 + (hash(relationship_id) % 900000)::integer as balance_amount, {first} as modified_at,
                {LINEAGE.format(key="relationship_id || balance_date", landed=landed)}
            from ({relationships}),
                (select last_day(date '{FIRST}' + to_months(m::integer)) as balance_date from range(36) r(m))
            where balance_date >= started_on and (ended_on is null or balance_date <= ended_on)""",
        "payments": _payments(payments, clients, first, days * 86_400, landed, "P"),
    }  # fmt: skip


def _payments(count: int, clients: int, first: str, seconds: int, landed: str, prefix: str) -> str:
    """Four in five through the client's main bank, the others through it or three more."""
    moment = f"{first} + to_seconds(i * {seconds} // {count})"
    return f"""
        select '{prefix}-' || i as payment_id, 'CL-' || client as client_id, currency, status, direction, executed_at,
            case when i % 5 > 0 then {_bic("client * 7 + 1")} else {_bic("client * 7 + hash(i) % 4")} end as bank_bic,
            amount, executed_at as modified_at, {LINEAGE.format(key=f"'{prefix}-' || i", landed=landed)}
        from (
            select i, (hash(i * 31) % {clients})::bigint as client, 'GBP' as currency,
                case when i % 50 = 0 then 'failed' else 'executed' end as status, 'outgoing' as direction,
                {moment} as executed_at, 1 + (i % 90000) / 10.0 as amount
            from range({count}) r(i)
        )"""


def _bic(number: str) -> str:
    """One of forty made-up banks, each a group of its own."""
    return f"chr(65 + (({number}) % {BANKS} // 10)::integer) || 'QZ' || chr(65 + (({number}) % 10)::integer) || 'GB2L'"


if __name__ == "__main__":
    sys.exit(main())
