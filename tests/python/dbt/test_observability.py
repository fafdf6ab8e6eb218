"""What the warehouse measures of itself, through real dbt runs: profiles of planted rows, charts of published data."""

from __future__ import annotations

import json
import random
from datetime import date, timedelta
from statistics import mean

import pytest
from harness import Warehouse

DAY = date(2026, 6, 1)
TODAY = date(2026, 8, 20)
# The same for every call: dbt parses the whole project again when a var changes.
VARS = ["--vars", json.dumps({"as_of_date": f"{TODAY}", "profile_sample_rows": 4000, "spc_baseline_points": 10})]
# NIST/SEMATECH e-Handbook of Statistical Methods, 6.3.2.2 "Individuals Control Charts": flow rate of ten batches, here
# times ten.
FLOW_RATES = [496, 476, 499, 513, 478, 512, 526, 524, 536, 521]
FLOW_CENTRE, FLOW_LOWER, FLOW_UPPER = 508.1, 458.159, 558.041
ORDER_LINES = """
create schema if not exists dev_marts;
create table dev_marts.fct_order_lines as
select
    i // 4 as order_id,
    i % 4 as order_line_number,
    case when i % 4 = 3 then 'DE10' else 'GB10' end as tenant_id,
    case when i % 5 > 0 then cast(i as decimal(18, 4)) end as net_amount,
    repeat('x', i % 3) as channel,
    'employee ' || i as sales_rep_id,
    i % 2 = 0 as is_shipped,
    date '1970-01-11' as order_date
from range(20) as numbers (i)
union all
select 0, 0, 'GB10', 0, 'xx', 'employee 0', true, date '1970-01-11';
create schema if not exists dev_intermediate;
create table dev_intermediate.quarantine_order_lines as
select * from (values ('GB10'), ('GB10'), ('US10')) as held (tenant_id);
"""


def profile(warehouse: Warehouse, *datasets: str) -> None:
    warehouse.dbt("run-operation", "profile_datasets", "--args", json.dumps({"datasets": list(datasets)}), *VARS)


def test_names_of_datasets(warehouse: Warehouse) -> None:
    ids = {
        "model.strata.fct_order_lines": "fct_order_lines",
        "source.strata.sap.plants": "sap.plants",
        "unit_test.strata.fct_a.some_rule": "fct_a",
        "nonsense": None,
    }
    values = ", ".join(f"('{name}')" for name in [*ids, ""])
    sql = warehouse.compile("select {{ dataset_of('node_id') }} from (values " + values + ") as ids (node_id)")
    assert [name for (name,) in warehouse.query(sql)] == [*ids.values(), None]


def test_profiles_say_what_the_tables_hold(warehouse: Warehouse) -> None:
    with warehouse.connect() as connection:
        connection.execute(ORDER_LINES)
    warehouse.land("plants", [{"plant": "P1"}, {"plant": "P2"}, {"plant": "P3", "_is_deleted": True}])
    profile(warehouse, "fct_order_lines", "sap.plants")
    datasets = "dataset_name, tenant_id, row_count, duplicate_row_count, quarantined_row_count"
    assert warehouse.query(f"select {datasets} from raw_ops.dataset_profiles order by all") == [
        ("fct_order_lines", "DE10", 5, 0, 0),
        ("fct_order_lines", "GB10", 16, 1, 2),
        ("fct_order_lines", "all", 21, 1, 3),
        ("sap.plants", "all", 2, None, None),
    ]
    figures = "filled_count, min_value, max_value, round(mean_value, 6)"
    columns = {
        (row[0], row[1]): row[2:]
        for row in warehouse.query(
            f"select column_name, tenant_id, data_type, {figures}, distinct_count from raw_ops.column_profiles"
            " where dataset_name = 'fct_order_lines'"
        )
    }
    amounts = [i for i in range(20) if i % 5]
    assert columns["net_amount", "all"][:5] == ("decimal(18,4)", 17, 0, 19, round(mean([*amounts, 0]), 6))
    assert columns["net_amount", "DE10"][1:4] == (4, 3, 19)
    assert columns["channel", "all"] == ("varchar", 21, 0, 2, round((sum(i % 3 for i in range(20)) + 2) / 21, 6), 3)
    assert columns["is_shipped", "all"][1:5] == (21, 0, 1, round(11 / 21, 6))
    assert columns["order_date", "all"][1:] == (21, 10, 10, 10, 1)
    # Nobody's name has a length here, but there are about twenty of them.
    assert columns["sales_rep_id", "all"][1:5] == (21, None, None, None)
    assert columns["sales_rep_id", "all"][5] == pytest.approx(20, abs=2)
    with pytest.raises(AssertionError, match="run-operation profile_datasets"):
        profile(warehouse, "fct_no_such")


def test_columns_are_measured_again_when_the_table_holds_something_else(warehouse: Warehouse) -> None:
    with warehouse.connect() as connection:
        connection.execute("create schema if not exists dev_marts")
        connection.execute("create table dev_marts.dim_channel as select i as channel from range(300) as numbers (i)")
    seen = "select invocation_id, max_value from raw_ops.column_profiles order by measured_at"

    def measured() -> list[tuple[object, ...]]:
        profile(warehouse, "dim_channel")
        return warehouse.query(seen)

    def change(*statements: str) -> None:
        with warehouse.connect() as connection:
            for statement in statements:
                connection.execute(statement)

    first = measured()
    assert [value for _, value in first] == [299]
    # The same rows in another order, on the same day: there is nothing to add; on the next day they are repeated.
    change("create or replace table dev_marts.dim_channel as select * from dev_marts.dim_channel order by channel desc")
    assert measured() == first
    for table in ("dataset_profiles", "column_profiles"):
        change(f"update raw_ops.{table} set measured_date = measured_date - 1")
    repeated = measured()
    assert [value for _, value in repeated] == [299, 299]
    assert len({invocation for invocation, _ in repeated}) == 2
    # One value differs; then it is as before, which is not what was measured last; then a column has another type.
    change("update dev_marts.dim_channel set channel = 300 where channel = 299")
    assert [value for _, value in measured()] == [299, 299, 300]
    change("update dev_marts.dim_channel set channel = 299 where channel = 300")
    assert [value for _, value in measured()] == [299, 299, 300, 299]
    change("alter table dev_marts.dim_channel alter channel type varchar")
    assert [value for _, value in measured()] == [299, 299, 300, 299, 3]
    ((count,),) = warehouse.query("select count(*) from raw_ops.dataset_profiles")
    assert count == 6, "the dataset as a whole is counted each time"


def test_quarantined_rows_are_counted_where_the_table_stays(warehouse: Warehouse) -> None:
    of_lines = "where dataset_name = 'fct_order_lines'"
    held = f"select tenant_id, quarantined_row_count from raw_ops.dataset_profiles {of_lines}"
    newest = " qualify measured_at = max(measured_at) over () order by all"
    columns = f"select count(distinct invocation_id) from raw_ops.column_profiles {of_lines}"
    with warehouse.connect() as connection:
        connection.execute(ORDER_LINES)
        connection.execute("create table dev_marts.dim_channel as select 'x' as channel")
    profile(warehouse, "fct_order_lines", "dim_channel")
    assert warehouse.query(held + newest) == [("DE10", 0), ("GB10", 2), ("all", 3)]
    # As many rows as before, of another company; nothing new; a row more; as a warehouse of before knows it.
    for change, expected in (
        ("update dev_intermediate.quarantine_order_lines set tenant_id = 'DE10' where tenant_id = 'US10'", [1, 2, 3]),
        ("select 1", [1, 2, 3]),
        ("insert into dev_intermediate.quarantine_order_lines values ('DE10')", [2, 2, 4]),
        (
            "update raw_ops.dataset_profiles set quarantined_row_count = 99,"
            " content_hash = regexp_extract(content_hash, '^[^:]*:[^:]*:[^:]*')",
            [2, 2, 4],
        ),
        ("update raw_ops.dataset_profiles set quarantined_row_count = quarantined_row_count + 1", [3, 3, 5]),
    ):
        with warehouse.connect() as connection:
            connection.execute(change)
        profile(warehouse, "fct_order_lines", "dim_channel")
        assert [count for _, count in warehouse.query(held + newest)] == expected, change
    assert warehouse.query(columns) == [(1,)], "the columns hold what they held"
    assert warehouse.query("select count(*) from raw_ops.dataset_profiles") == [(6 * (3 + 1),)]


def test_days_add_up_and_changes_are_seen(warehouse: Warehouse) -> None:
    with warehouse.connect() as connection:
        connection.execute("create schema if not exists dev_marts")
        connection.execute(
            "create table dev_marts.dim_channel as select i as channel, case when i % 4 = 0 then i end as places,"
            " 'x' as label from range(20000) as numbers (i)"
        )
    models = ["stg_ops__dataset_profiles", "stg_ops__column_profiles", "stg_ops__schema_changes"]
    models += ["fct_row_counts", "fct_column_profiles", "fct_schema_changes"]
    profile(warehouse, "dim_channel")
    with warehouse.connect() as connection:
        for table in ("dataset_profiles", "column_profiles"):
            connection.execute(f"update raw_ops.{table} set measured_date = measured_date - 1")
    warehouse.dbt("run", "--select", *models, *VARS)
    ((share, error, seen, is_sampled),) = warehouse.query(
        "select null_share, null_share_error, profiled_row_count, is_sampled from dev_platform.fct_column_profiles"
        " where column_name = 'places'"
    )
    # 4,000 of 20,000 drawn by chance: 57 is the deviation of their number, 1.96 that of the stated error.
    assert is_sampled
    assert seen == pytest.approx(4000, abs=5 * 57)
    assert float(error) == pytest.approx(0.012, abs=0.0015)
    assert float(share) == pytest.approx(0.75, abs=2.5 * float(error))
    with warehouse.connect() as connection:
        connection.execute("alter table dev_marts.dim_channel drop column label")
        connection.execute("alter table dev_marts.dim_channel alter places type varchar")
    # Twice on a day: the second counts, and what it no longer has is not left over from the first.
    profile(warehouse, "dim_channel")
    warehouse.dbt("run", "--select", *models, *VARS)
    with warehouse.connect() as connection:
        connection.execute("alter table dev_marts.dim_channel add column colour varchar")
        connection.execute("alter table dev_marts.dim_channel drop column channel")
        connection.execute("delete from dev_marts.dim_channel where places is null")
    profile(warehouse, "dim_channel")
    warehouse.dbt("run", "--select", *models, *VARS)
    tables = ("fct_row_counts", "fct_column_profiles", "fct_schema_changes")
    by_days = [sorted(warehouse.query(f"select * from dev_platform.{table}"), key=str) for table in tables]
    assert warehouse.query("select row_count from dev_platform.fct_row_counts order by measured_date") == [
        (20000,),
        (5000,),
    ]
    changes = "select column_name, change_kind, old_type, new_type from dev_platform.fct_schema_changes order by all"
    assert warehouse.query(changes) == [
        ("channel", "removed", "bigint", None),
        ("colour", "added", None, "varchar"),
        ("label", "removed", "varchar", None),
        ("places", "type_changed", "bigint", "varchar"),
    ]
    warehouse.dbt("run", "--full-refresh", "--select", *models, *VARS)
    assert by_days == [sorted(warehouse.query(f"select * from dev_platform.{table}"), key=str) for table in tables]


def plant(warehouse: Warehouse, series: dict[str, list[int]]) -> None:
    """Row counts of which the changes from day to day are the series."""
    rows = []
    for name, values in series.items():
        size = 10_000
        for number, change in enumerate([0, *values]):
            size += change
            day = DAY + timedelta(days=number)
            rows.append(
                [name, "mart", "all", day, f"{day} 06:00:00+00", "i", "data-platform", "||", size, size, *[None] * 3]
            )
    with warehouse.connect() as connection:
        marks = ", ".join("?" for _ in rows[0])
        connection.executemany(f"insert into raw_ops.dataset_profiles values ({marks})", rows)


def nelson(values: list[int], centre: float, lower: float, upper: float) -> list[str]:
    """Rules 1 to 4, read from their text point by point."""
    found = []
    for end in range(len(values)):
        rules = []
        if not lower <= values[end] <= upper:
            rules.append("1")
        nine = values[end - 8 : end + 1] if end >= 8 else []
        if nine and (all(v > centre for v in nine) or all(v < centre for v in nine)):
            rules.append("2")
        six = values[end - 5 : end + 1] if end >= 5 else []
        steps = [b - a for a, b in zip(six, six[1:], strict=False)]
        if steps and (all(s > 0 for s in steps) or all(s < 0 for s in steps)):
            rules.append("3")
        fourteen = values[end - 13 : end + 1] if end >= 13 else []
        steps = [b - a for a, b in zip(fourteen, fourteen[1:], strict=False)]
        if steps and all(a * b < 0 for a, b in zip(steps, steps[1:], strict=False)):
            rules.append("4")
        found.append(" ".join(rules))
    return found


def test_control_charts_equal_published_and_naive_ones(warehouse: Warehouse) -> None:
    chance = random.Random(20260601)
    series = {"flow": FLOW_RATES, "wild": [*FLOW_RATES[:5], 900, *FLOW_RATES[5:9]]}
    for number in range(8):
        drift, spread = chance.choice([0, 0, 1, 2]), chance.choice([2, 10])
        values = [500 + drift * max(0, i - 30) + chance.randint(-spread, spread) for i in range(70)]
        if number % 2:  # rising, falling, up and down: what chance seldom brings
            values[20:27] = range(500, 507)
            values[30:46] = [500 + (-1) ** i * (1 + i % 3) for i in range(16)]
        series[f"random_{number}"] = values
    plant(warehouse, series)
    warehouse.dbt("seed", "--select", "spc_restarts", *VARS)
    warehouse.dbt(
        "run", "--select", "stg_ops__dataset_profiles", "stg_ops__loads", "stg_dbt_artifacts__run_results",
        "stg_dbt_artifacts__freshness", "fct_row_counts", "int_platform__spc_measures", "fct_spc_points",
        *VARS,
    )  # fmt: skip
    columns = "measure_value, centre_line, lower_limit, upper_limit, broken_rules, is_stable, owner_team"
    points = {
        name: warehouse.query(
            f"select {columns} from dev_platform.fct_spc_points where dataset_name = '{name}'"
            " and measure_name = 'row_change' order by measured_date"
        )
        for name in series
    }
    for value, centre, lower, upper, rules, is_stable, owner in points["flow"]:
        assert (centre, lower, upper) == pytest.approx((FLOW_CENTRE, FLOW_LOWER, FLOW_UPPER), abs=0.001)
        assert (value in FLOW_RATES, rules, is_stable, owner) == (True, "", True, "data-platform")
    # The wild point sets no limits, neither by itself nor by its distance to its neighbours, and is found out.
    kept = FLOW_RATES[:9]
    ranges = [abs(b - a) for a, b in zip(kept, kept[1:], strict=False) if (a, b) != (478, 512)]
    reach = 3 * mean(ranges) / 1.128
    assert points["wild"][0][1:4] == pytest.approx((mean(kept), mean(kept) - reach, mean(kept) + reach), abs=0.001)
    assert [rules for *_, rules, _, _ in points["wild"]][5] == "1"
    told = set()
    for name, values in series.items():
        _, centre, lower, upper, *_ = points[name][0]
        assert [row[0] for row in points[name]] == values
        assert [row[4] for row in points[name]] == nelson(values, centre, lower, upper)
        told |= {rule for row in points[name] for rule in row[4].split()}
    assert told == {"1", "2", "3", "4"}  # each rule was broken somewhere, so that each was compared
