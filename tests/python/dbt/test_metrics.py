"""Metrics over random facts: investor figures twice, dropped columns, saved queries as tables, mf's commands."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any
from unittest import mock

import pytest
from harness import ROOT, Warehouse
from metricflow.engine.metricflow_engine import MetricFlowQueryRequest
from test_incremental import seeds

from tools.conventions.metrics import metrics_of
from tools.conventions.project import Project
from tools.metrics.__main__ import main
from tools.metrics.agreement import MARTS, Rounded, Tally, agree, differences
from tools.metrics.check import problems
from tools.metrics.mf import run
from tools.metrics.publish import publish
from tools.metrics.session import MetricsError, Session, session

Row = dict[str, Any]
START, DAYS = date(2024, 2, 10), 560  # a quarter that is cut off, five whole ones, another that is cut off
TENANTS = ("DE10", "GB10", "US10")
BUILT = [mart.name for mart in MARTS]


@pytest.fixture(scope="module")
def opened(dbt_directory: Path) -> Iterator[Session]:
    """A session on random facts; the marts are built from them by dbt, everything else that metrics read is empty."""
    warehouse = Warehouse(dbt_directory)
    environment = {
        "STRATA_WAREHOUSE": str(warehouse.path),
        "STRATA_TARGET": "dev",
        "DBT_TARGET_PATH": str(warehouse.directory / "target"),
        "DBT_LOG_PATH": str(warehouse.directory / "logs"),
    }
    with mock.patch.dict(os.environ, environment):
        with session(ROOT, "--profiles-dir", str(ROOT)) as before:
            create_tables(before)
            fill(before, Random(seeds(1)[0]))
        warehouse.dbt("run", "--select", "dim_date", *BUILT)
        with session(ROOT, "--profiles-dir", str(ROOT)) as ready:
            yield ready


def relation(session: Session, name: str) -> str:
    return next(
        node.relation_name
        for node in session.manifest.nodes.values()
        if node.name == name and node.resource_type == "model"
    )


def create_tables(session: Session) -> None:
    """Each model with metrics or dimensions, as its YAML declares it."""
    names = {model.node_relation.alias for model in session.semantic_manifest.semantic_models}
    for node in session.manifest.nodes.values():
        if node.resource_type == "model" and node.name in {*names, "int_growth__client_events"} - {*BUILT}:
            columns = ", ".join(
                f"{column.name} {column.data_type or guessed(column.name)}" for column in node.columns.values()
            )
            session.client.execute(f"create schema if not exists {node.schema}")
            session.client.execute(f"create table {node.relation_name} ({columns})")


def guessed(column: str) -> str:
    """A type for the columns of models without a contract."""
    endings = {"_at": "timestamp", "_date": "date", "_count": "bigint", "_gbp": "decimal(18, 4)", "_amount": "decimal"}
    starts = {"is_": "boolean", "has_": "boolean", "rows_": "bigint"}
    fitting = [
        *(kind for ending, kind in endings.items() if column.endswith(ending)),
        *(kind for start, kind in starts.items() if column.startswith(start)),
    ]
    return fitting[0] if fitting else "varchar"


def insert(session: Session, name: str, rows: list[Row]) -> None:
    def shown(value: Any) -> str:
        return "null" if value is None else f"'{value}'"

    columns = list(rows[0])
    values = ", ".join(f"({', '.join(shown(row[column]) for column in columns)})" for row in rows)
    session.client.execute(f"insert into {relation(session, name)} ({', '.join(columns)}) values {values}")


def fill(session: Session, random: Random) -> None:
    """Facts of three companies: enough for every figure, and the cases in which they are easily got wrong."""

    def day(first: int = 0, last: int = DAYS) -> date:
        return START + timedelta(days=random.randint(first, last))

    def amount() -> Decimal:
        return Decimal(random.randint(1, 10**7)) / 10**4

    lines, payouts, ledger, sessions, events = [], [], [], [], []
    for number in range(240):
        is_shipped = random.random() < 0.85
        ordered = START if number == 0 else day()
        lines.append({
            "order_line_key": f"l{number}", "order_id": number // 2, "tenant_id": TENANTS[number // 2 % 3],
            "is_shipped": is_shipped, "has_cost": random.random() < 0.9, "order_date": ordered,
            "shipped_date": min(ordered + timedelta(days=random.randint(0, 9)), START + timedelta(days=DAYS))
            if is_shipped else None,
            **{f"{part}_amount_gbp": amount() if is_shipped else 0
               for part in ("revenue", "discount", "cost", "freight")},
            "incentive_amount_gbp": amount() if random.random() < 0.5 else 0,
        })  # fmt: skip
        payouts.append({
            "payout_key": f"p{number}", "tenant_id": random.choice(TENANTS), "net_payout_amount_gbp": amount() - 200,
            "order_id": random.choice([None, random.randrange(120), 1000 + number]),
            "period_start_date": day().replace(day=1),
        })  # fmt: skip
        ledger.append({
            "tenant_id": random.choice(TENANTS), "amount_gbp": amount() - 800, "accounting_date": day(),
            "profit_line": random.choice(["operating_cost", "other_cost_of_sales", "cost"]),
            "posting_kind": random.choice(["ledger", "ledger", "sale"]),
            "journal_state": random.choice(["posted", "posted", "not_posted", "quarantined"]),
        })  # fmt: skip
        client = random.choice([None, random.randrange(20)])
        tenant = random.choice(TENANTS) if client is None else TENANTS[client % 3]
        actions = random.randint(0, 5)
        sessions.append({
            "session_key": f"s{number}", "tenant_id": tenant, "client_id": client, "visitor_key": f"v{number % 40}",
            "interaction_count": actions + random.randint(1, 4), "action_count": actions, "has_order": False,
            "time_spent_seconds": Decimal(random.randint(0, 10**6)) / 1000, "session_date": day(100, 480),
        })  # fmt: skip
        step = random.choice(["sign_up", "sign_up", "activation", "first_order", "loss"])
        events.append({
            "event_name": step, "record_id": f"r{number}", "tenant_id": random.choice(TENANTS),
            "acquisition_cost_amount_gbp": amount() if step == "sign_up" else 0,
            "event_date": day(-200) if step == "loss" else day(),
        })  # fmt: skip
    insert(session, "dim_tenant", [{"tenant_id": tenant, "tenant_name": tenant} for tenant in TENANTS])
    insert(session, "fct_unit_profit", lines)
    insert(session, "fct_incentive_payouts", payouts)
    insert(session, "int_investor__ledger_profit", ledger)
    insert(session, "fct_sessions", sessions)
    insert(session, "int_growth__client_events", events)


def test_every_investor_figure_comes_out_alike_from_mart_and_metric(opened: Session) -> None:
    tally = Tally()
    assert list(differences(opened, tally)) == []
    quarters = opened.client.query(f"select count(*) from {relation(opened, 'agg_profit_quarterly')}").rows[0][0]
    days = opened.client.query(f"select count(*) from {relation(opened, 'fct_growth_daily')}").rows[0][0]
    assert quarters >= 18 and tally.compared >= 15 * quarters + 11 * days
    growth = relation(opened, "agg_growth_quarterly")
    rates = f"select count(revenue_growth_yoy) from {growth}"
    assert opened.client.query(rates).rows[0][0] > 0


DAMAGE = {
    "agg_profit_quarterly.net_revenue_amount_gbp": "update {mart} set {column} = {column} + 0.0001 where {one}",
    "agg_profit_quarterly.contribution_margin_percent": "update {mart} set {column} = {column} + 0.01 where {one}",
    "agg_growth_quarterly.covered_day_count": "update {mart} set {column} = {column} - 1 where {one}",
    # The first quarter has nothing to compare with.
    "agg_growth_quarterly.sign_up_growth_qoq": "update {mart} set {column} = 0.1 where {first}",
    "agg_engagement_quarterly.active_client_count": "update {mart} set {column} = {column} + 1 where {one}",
    "agg_engagement_quarterly.session_count": "delete from {mart} where {first}",
    "fct_growth_daily.revenue_28d_amount_gbp": "update {mart} set {column} = {column} + 1 where {one}",
    "agg_engagement_daily.action_count": "update {mart} set {column} = {column} + 1 where {one}",
    "agg_engagement_daily.new_figure": "alter table {mart} add column {column} integer",
}


def test_figures_that_differ_are_named(opened: Session) -> None:
    for mart in MARTS:
        opened.client.execute(f"create table kept_{mart.name} as select * from {relation(opened, mart.name)}")
    try:
        for damaged, statement in DAMAGE.items():
            name, column = damaged.split(".")
            period = next(mart.period_column for mart in MARTS if mart.name == name)
            table = relation(opened, name)
            first = f"{period} = (select min({period}) from {table}) and tenant_id = 'GB10'"
            one = f"{period} = date '2024-07-01' and tenant_id = 'GB10'"
            opened.client.execute(statement.format(mart=table, column=column, one=one, first=first))
        told = list(differences(opened, Tally()))
        named = {line.split(" of ")[0].split(":")[0] for line in told}
        # With the row of a quarter go all its figures that are not 0.
        gone = "agg_engagement_quarterly.tracked_day_count"
        assert named >= {*DAMAGE, gone} - {"agg_engagement_quarterly.session_count"}
        assert all(name in DAMAGE or name.startswith("agg_engagement_quarterly.") for name in named), named
        assert sum(not line.startswith("agg_engagement_quarterly") for line in told) == len(DAMAGE) - 2
    finally:
        for mart in MARTS:
            kept = f"kept_{mart.name}"
            opened.client.execute(f"create or replace table {relation(opened, mart.name)} as select * from {kept}")
            opened.client.execute(f"drop table {kept}")


@pytest.mark.parametrize(
    ("told", "computed", "figure", "alike"),
    [
        (0, None, Rounded("m"), True),
        (1, None, Rounded("m"), False),
        (None, 0, Rounded("m"), False),
        (None, None, Rounded("m"), True),
        (None, 5, Rounded("m", is_partial_earlier=True), True),
        (12.35, 0.12345, Rounded("m", digits=2, factor=100), True),
        (12.34, 0.12345, Rounded("m", digits=2, factor=100), True),
        (12.36, 0.12345, Rounded("m", digits=2, factor=100), False),
        (0, None, Rounded("m", digits=4), False),
        (-1, None, Rounded("m", digits=4, is_partial_earlier=True), True),
    ],
)
def test_what_counts_as_alike(told: Any, computed: Any, figure: Rounded, alike: bool) -> None:
    assert agree(told, computed, figure) is alike


def test_a_dropped_column_is_named_once_with_what_it_breaks_and_nothing_else(opened: Session) -> None:
    list(publish(opened, ["investor_profit_quarterly"]))
    profit = relation(opened, "fct_unit_profit")
    opened.client.execute(f"alter table {profit} rename column discount_amount_gbp to gone")
    try:
        told = list(problems(opened, with_warehouse=True))
        assert len(told) == 1
        for words in ("metric sales_discount_amount_gbp", "gross_revenue_amount_gbp", "discount_amount_gbp", "Remedy"):
            assert words in told[0]
        with pytest.raises(MetricsError, match=r"saved query investor_profit_quarterly.*discount_amount_gbp.*Remedy"):
            list(publish(opened, ["investor_profit_quarterly"]))
    finally:
        opened.client.execute(f"alter table {profit} rename column gone to discount_amount_gbp")
    assert opened.client.query("select count(*) from dev_metrics.investor_profit_quarterly").rows[0][0] >= 18


def test_saved_queries_become_tables(opened: Session) -> None:
    told = list(publish(opened))
    assert sorted(line.split(":")[0] for line in told) == sorted(
        f"dev_metrics.{query.name}" for query in opened.semantic_manifest.saved_queries
    )
    published = opened.client.query(
        "select count(*), count(growth_day_count), max(metric_time__quarter), sum(sign_up_count) "
        "from dev_metrics.investor_growth_quarterly"
    ).rows[0]
    growth = relation(opened, "agg_growth_quarterly")
    mart = opened.client.query(
        f"select count(*), count(*), max(quarter_start_date), sum(sign_up_count) from {growth}"
    ).rows[0]
    assert published == mart  # no row of a quarter that is only compared with
    comment = opened.client.query(
        "select comment from duckdb_columns() where schema_name = 'dev_metrics' and column_name = 'sign_up_growth_qoq'"
    ).rows[0][0]
    assert comment.endswith("Unit: share.")
    # Nothing has landed for it: an empty table, not a failure.
    assert "dev_metrics.procurement_monthly: 0 rows" in told


def test_a_query_that_is_not_there_is_refused_with_those_that_are(opened: Session) -> None:
    with pytest.raises(MetricsError, match=r"saved query profit: .*investor_profit_quarterly"):
        list(publish(opened, ["profit"]))


def test_mf_commands_answer_on_the_session(opened: Session, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(opened, "query", ["--metrics", "session_count", "--group-by", "tenant", "--quiet"]) == 0
    answer = capfd.readouterr().out
    assert all(tenant in answer for tenant in TENANTS)
    assert run(opened, "query", ["--metrics", "session_count", "--explain", "--quiet"]) == 0
    assert "SELECT" in capfd.readouterr().out
    assert run(opened, "query", ["--metrics", "sesion_count", "--quiet"]) != 0
    told = capfd.readouterr()
    assert "session_count" in told.out and "Remedy" in told.err  # what may have been meant
    assert run(opened, "list", ["metrics", "--search", "contribution"]) == 0
    assert "contribution_margin" in capfd.readouterr().out


def test_no_rows_and_empty_dimensions_show_as_what_they_are(opened: Session, capfd: pytest.CaptureFixture[str]) -> None:
    """A period without a row has none, or empty ones beside counts of 0; what has no company keeps a row of its own."""
    sessions = relation(opened, "fct_sessions")
    opened.client.execute(f"create table kept_sessions as select * from {sessions}")
    opened.client.execute(f"update {sessions} set tenant_id = null where tenant_id <> 'GB10'")
    try:
        ask = MetricFlowQueryRequest.create
        metrics = ["session_count", "mean_session_seconds"]
        later = {"time_constraint_start": datetime(2031, 1, 1), "time_constraint_end": datetime(2031, 3, 1)}
        months = ask(metric_names=metrics, group_by_names=["metric_time__month"], **later)
        assert not list(opened.engine.query(months).result_df.rows)
        whole = opened.engine.query(ask(metric_names=metrics, **later)).result_df.rows
        assert not any(value for row in whole for value in row)
        question = ["--metrics", "session_count", "--group-by", "tenant", "--start-time", "2031-01-01"]
        assert run(opened, "query", question) == 0
        assert "empty result set" in capfd.readouterr().out

        by_company = ask(metric_names=["session_count"], group_by_names=["tenant"])
        counts = dict(opened.engine.query(by_company).result_df.rows)
        assert set(counts) == {"GB10", None} and counts[None] > 0 and sum(counts.values()) == 240
    finally:
        opened.client.execute(f"create or replace table {sessions} as select * from kept_sessions")


def test_a_query_over_a_column_that_is_gone_says_so_without_a_traceback(opened: Session, capfd) -> None:
    sessions = relation(opened, "fct_sessions")
    opened.client.execute(f"alter table {sessions} rename column interaction_count to gone")
    try:
        assert run(opened, "query", ["--metrics", "interaction_count", "--quiet"]) == 1
    finally:
        opened.client.execute(f"alter table {sessions} rename column gone to interaction_count")
    told = capfd.readouterr()
    assert "interaction_count" in told.out and "metrics check" in told.err
    assert "Traceback" not in told.out + told.err


def test_a_warehouse_that_cannot_be_opened_is_told_before_anything_is_parsed(
    tmp_path: Path, monkeypatch, capsys
) -> None:
    path = tmp_path / "w.duckdb"
    monkeypatch.setenv("STRATA_WAREHOUSE", str(path))
    monkeypatch.delenv("STRATA_LOCK_HELD", raising=False)
    monkeypatch.delenv("STRATA_TARGET", raising=False)
    monkeypatch.chdir(tmp_path)
    assert main(["check"]) == 2
    assert "Remedy: make run" in capsys.readouterr().err and not path.exists(), "dbt would have made an empty one"
    path.write_text("no database", encoding="utf-8")
    assert main(["query", "--metrics", "order_count"]) == 2
    assert "DuckDB cannot open it" in capsys.readouterr().err
    path.unlink()
    script = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", script, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writer:
        assert writer.stdout.readline() == b"open\n"
        assert main(["publish"]) == 75
        writer.stdin.close()
    assert "another program has it open for writing" in (told := capsys.readouterr().err) and "Remedy" in told


def test_there_are_metrics_of_every_kind_and_domain() -> None:
    metrics = [metric for metric in metrics_of(Project(ROOT)) if not metric.is_hidden]
    assert len(metrics) >= 40
    assert {metric.kind for metric in metrics} == {"simple", "ratio", "derived", "cumulative", "conversion"}
    domains = {"procurement", "supply_chain", "finance", "sales", "engagement", "investor", "clients", "platform"}
    assert {metric.domain for metric in metrics} >= domains
