"""The report of what falls due counts what a purge would take now, would have taken a month ago, and in 90 days."""

from __future__ import annotations

import datetime
import re
from types import SimpleNamespace
from typing import Any

import duckdb
import pytest
from retention_oracle import policy_row
from support.plain_macros import plain_macros

from tools.observed import Observed
from tools.retention import alike, lines

TABLES = {
    "raw.orders": "id integer, client_id varchar, clock date",
    "raw.lines": "id integer, order_id integer",
    "raw.copies": "id integer",
}
POLICIES = [
    policy_row("raw.orders", retention_period="1 year", key_columns="id", subject_keys="client:client_id"),
    policy_row("raw.lines", retention_period="with parent", clock_column=None, parent_dataset="raw.orders",
               parent_columns="order_id=id", key_columns="id"),
    policy_row("raw.copies", retention_period="0 days", clock_column=None, key_columns="id"),
    policy_row("raw.gone", key_columns="id"),
]  # fmt: skip
# As of 1 June 2026: long overdue, due for 30 days and for 29, today, tomorrow, in 90 days and in 91, no clock, held.
ROWS = """
insert into raw.orders values
    (1, 'a', '2020-01-01'), (2, 'a', '2025-05-02'), (3, 'a', '2025-05-03'), (4, 'a', '2025-06-01'),
    (5, 'a', '2025-06-02'), (6, 'a', '2025-08-30'), (7, 'a', '2025-08-31'), (8, 'a', null), (9, 'held', '2020-01-01');
insert into raw.lines select id * 10 + n, id from raw.orders, range(2) as r (n);
insert into raw.copies select * from range(4);
"""


@pytest.fixture
def measured() -> dict[str, tuple[Any, ...]]:
    """What retention_due_sql gives, by dataset."""
    connection = duckdb.connect()
    connection.execute("set TimeZone = 'UTC'; create schema raw")
    for name, columns in TABLES.items():
        connection.execute(f"create table {name} ({columns})")
    connection.execute(ROWS)
    macros = plain_macros(
        "macros/retention", lambda sql: SimpleNamespace(rows=connection.execute(sql).fetchall()),
        modules=SimpleNamespace(re=re, datetime=datetime), var=lambda _: 30,
    )  # fmt: skip
    tables = {}
    for name in TABLES:
        described = connection.execute(f"describe {name}").fetchall()
        tables[name] = {
            "relation": name, "policy_name": name.replace("raw.copies", "raw.*"), "personal": [],
            "columns": {column: kind for column, kind, *_ in described},
        }  # fmt: skip
    plan = macros["plan_policies"](POLICIES, tables)
    frame = {
        "as_of": "2026-06-01 00:00:00", "now": "2026-06-01 02:00:00", "policies": plan["policies"],
        "cause": "retention", "faults": plan["faults"], "ops": "ops", "tombstone_key": "",
        "holds": [{"dataset": "*", "kind": "client", "id": "held", "predicate": None}],
    }  # fmt: skip
    found = connection.execute(
        "select dataset_name, policy_name, rows_due, rows_overdue, rows_due_in_90_days, rows_held,"
        f" oldest_due_date::varchar, policy_fault from ({macros['retention_due_sql'](frame, tables)})"
    ).fetchall()
    return {name: tuple(values) for name, *values in found}


def test_rows_are_counted_by_when_they_fall_due(measured: dict[str, tuple[Any, ...]]) -> None:
    assert measured["raw.orders"] == ("raw.orders", 4, 2, 2, 1, "2020-01-01", None)


def test_lines_fall_due_with_their_order(measured: dict[str, tuple[Any, ...]]) -> None:
    assert measured["raw.lines"] == ("raw.lines", 8, 4, 4, 2, None, None)


def test_what_a_load_empties_is_never_late(measured: dict[str, tuple[Any, ...]]) -> None:
    assert measured["raw.copies"] == ("raw.*", 4, 0, 0, 0, None, None)


def test_a_policy_that_cannot_be_applied_says_so_and_hides_no_other(measured: dict[str, tuple[Any, ...]]) -> None:
    policy, *counts, fault = measured["raw.gone"]
    assert policy == "raw.gone"
    assert counts == [None] * 5
    assert fault == "raw.gone: unknown dataset, the warehouse has no such table"
    assert len(measured) == 4


def test_the_report_lists_what_somebody_has_to_do(tmp_path: Any) -> None:
    connection = duckdb.connect(str(tmp_path / "w.duckdb"))
    connection.execute(
        "create schema dev_platform; create table dev_platform.rpt_retention_due as select * from (values"
        " ('raw_x.late', 'sales', 2, 5, 1, 0, date '2026-01-01', true, null),"
        " ('raw_x.broken', 'sales', null, null, null, null, date '2027-01-01', false, 'raw_x.broken: bad period'),"
        " ('raw_x.fine', 'sales', 0, 0, 0, 0, date '2027-01-01', false, null)"
        ") as v (dataset_name, owner_team, rows_overdue, rows_due, rows_due_in_90_days, rows_held, next_review_date,"
        " is_review_overdue, policy_fault)"
    )
    observed = Observed(connection, "dev", tmp_path)
    head, late, broken = lines(observed)
    assert head.split()[:3] == ["policy", "owner", "overdue"]
    assert late.split()[:6] == ["raw_x.late", "sales", "2", "5", "1", "0"]
    assert late.endswith("review was due on 2026-01-01")
    assert broken.endswith("raw_x.broken: bad period")
    connection.execute("delete from dev_platform.rpt_retention_due where dataset_name <> 'raw_x.fine'")
    assert lines(observed) == ["nothing is due, nor will it be in the next 90 days"]


def test_a_masked_view_is_not_taken_for_its_mart(tmp_path: Any) -> None:
    connection = duckdb.connect(str(tmp_path / "w.duckdb"))
    for layer in ("masked", "marts", "masked"):
        connection.execute(f"create schema if not exists dev_{layer}")
        connection.execute(f"create table if not exists dev_{layer}.dim_client (id integer)")
    assert Observed(connection, "dev", tmp_path).relation("dim_client") == '"dev_marts"."dim_client"'
    connection.execute("drop table dev_marts.dim_client")
    assert Observed(connection, "dev", tmp_path).relation("dim_client") is None


def test_the_report_of_k_anonymity_is_the_newest_one(tmp_path: Any) -> None:
    connection = duckdb.connect(str(tmp_path / "w.duckdb"))
    connection.execute(
        "create schema ops; create table ops.k_anonymity as select * from (values"
        " ('old', 'masked.dim_x', 'all', 'a;b', 5, 9, 9, 0, 0, 'holds', timestamp '2026-01-01'),"
        " ('new', 'masked.dim_x', 'all', 'a;b', 5, 9, 1, 4, 6, 'error', timestamp '2026-01-02'),"
        " ('new', 'raw_x.y', 'anonymised', 'c', 5, 0, null, 0, 0, 'nobody', timestamp '2026-01-02')"
        ") as v (run_id, dataset_name, population, quasi_identifiers, least_k, subject_count, k, groups_below,"
        " rows_below, verdict, measured_at)"
    )
    head, few, nobody = alike(Observed(connection, "dev", tmp_path))
    assert head.startswith("dataset")
    assert few.split() == ["masked.dim_x", "all", "9", "1", "5", "4", "6", "error", "a,", "b"]
    assert nobody.split() == ["raw_x.y", "anonymised", "0", "-", "5", "0", "0", "nobody", "c"]
    connection.execute("drop table ops.k_anonymity")
    assert alike(Observed(connection, "dev", tmp_path)) == ["nothing has been measured"]
