"""However often and late rows land, the sales models are what one full refresh would make of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from harness import Warehouse
from sales_histories import SETTLED, SalesHistory
from test_incremental import seeds

MODELS = {
    "int_sales__order_lines_validated": ("dev_intermediate", "order_line_key", "tomorrow_at"),
    "int_sales__payments_validated": ("dev_intermediate", "payment_id", "tomorrow_at"),
    "fct_order_lines": ("dev_marts", "order_line_key", ""),
    "fct_unit_profit": ("dev_marts", "order_line_key", ""),
}
NO_TESTS = ("--exclude-resource-type", "test", "unit_test")
BUILD = ("build", "--select", *(f"+{model}" for model in MODELS), "quarantine_order_lines", *NO_TESTS)
TESTS = (
    "currencies", "dim_date", "dim_tenant", "dim_currency",
    "obt_sales", "order_lines_are_conserved", "quarantine_order_payments",
    "order_payments_are_conserved", "fct_order_lines_obeys_its_rules", "fct_unit_profit_obeys_its_rules",
    "allocations_add_up_to_their_totals", "fct_order_lines_has_the_versions_of_its_day",
    "obt_sales_has_one_row_per_line",
    "unit_profit_and_one_big_table_have_the_lines_of_the_fact",
)  # fmt: skip


def contents(warehouse: Warehouse, model: str) -> list[tuple]:
    """All rows but for what says when they were written."""
    schema, key, more = MODELS[model]
    left_out = ", ".join(name for name in ("load_id", "validated_at", more) if name)
    return warehouse.query(f"select * exclude ({left_out}) from {schema}.{model} order by {key}")


def check_history(warehouse: Warehouse, seed: int, batches: int, events: int) -> None:
    print(f"STRATA_SEED={seed}")
    history = SalesHistory(random=Random(seed), now=datetime.now(UTC) - timedelta(days=9 * (batches + 1)))
    for number in range(batches):
        history.batch(events * 2 if number == 0 else events, step=timedelta(days=6) if number == 1 else None)
        if number == 0:
            history.open_cases()
        if number == batches - 1:
            history.close_cases()
        history.write(warehouse)
        warehouse.dbt(*BUILD)
    incremental = {model: contents(warehouse, model) for model in MODELS}
    stamps = dict(warehouse.query("select order_id, max(validated_at) from dev_marts.fct_order_lines group by 1"))
    warehouse.dbt("run", "--select", *MODELS, "--full-refresh")
    for model, found in incremental.items():
        refreshed = contents(warehouse, model)
        missing = [row for row in refreshed if row not in found]
        surplus = [row for row in found if row not in refreshed]
        assert not missing, f"seed {seed}, {model}: only a full refresh gives {missing[:3]}, instead of {surplus[:3]}"
        assert not surplus, f"seed {seed}, {model}: only the incremental runs give {surplus[:3]}"
        assert len(found) == len(refreshed)
        assert len(found) >= 5, f"seed {seed}, {model}: the history left too little to compare"
    assert stamps[SETTLED] < max(stamps.values()), f"seed {seed}: a settled order was written again"

    money = (
        "select order_id, order_line_number, gross_amount, discount_amount, net_amount from dev_marts.fct_order_lines"
    )
    assert {row[:2]: row[2:] for row in warehouse.query(money)} == history.expected_lines(), f"seed {seed}"
    warehouse.dbt(
        "build", "--exclude-resource-type", "unit_test", "--select", *TESTS, "--indirect-selection", "cautious"
    )


@pytest.mark.parametrize("seed", seeds(1))
def test_incremental_runs_equal_a_full_refresh(warehouse: Warehouse, seed: int) -> None:
    check_history(warehouse, seed, batches=3, events=50)


@pytest.mark.slow
@pytest.mark.parametrize("seed", seeds(6))
def test_long_histories_equal_a_full_refresh(warehouse: Warehouse, seed: int) -> None:
    check_history(warehouse, seed, batches=7, events=50)
