"""What a build says and does when its input is not what it should be."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from harness import Warehouse

NOW = datetime.now(UTC) - timedelta(days=1)
LINES = "select purchase_order_id, net_amount, net_amount_gbp from dev_marts.fct_purchase_order_lines order by 1"
HELD = "select purchase_order_id, reason_codes from dev_intermediate.quarantine_purchase_order_lines order by 1"
SELECT = ("--select", "+fct_procure_to_pay", "+quarantine_purchase_order_lines")
BUILD = ("build", "--exclude-resource-type", "unit_test", "test", *SELECT)


def order(number: str, currency: str = "EUR", day: date = date(2024, 5, 1)) -> dict[str, object]:
    return {
        "purchase_order": number, "supplier": "7", "purchase_order_date": day, "document_currency": currency,
        "last_change_date_time": NOW,
    }  # fmt: skip


def item(number: str, currency: str = "EUR") -> dict[str, object]:
    return {
        "purchase_order": number, "purchase_order_item": "10", "plant": "P1", "order_quantity": 10,
        "purchase_order_quantity_unit": "EA", "net_price_amount": 5, "net_price_quantity": 1,
        "document_currency": currency,
    }  # fmt: skip


def land(warehouse: Warehouse) -> None:
    """A good order, one in a currency without a rate, one of a day to come, and a line without its order."""
    future = (datetime.now(UTC) + timedelta(days=30)).date()
    warehouse.land("purchase_orders", [order("1"), order("2", "JPY"), order("3", day=future)], NOW)
    warehouse.land("purchase_order_items", [item("1"), item("2", "JPY"), item("3"), item("4")], NOW)


def test_doubtful_rows_are_held_and_the_rest_is_built(warehouse: Warehouse) -> None:
    land(warehouse)
    with warehouse.connect() as connection:
        connection.execute("alter table raw_sap.purchase_order_items add column surprise varchar default 'new column'")
    warehouse.dbt(*BUILD)
    ((number, amount, pounds),) = warehouse.query(LINES)
    assert (number, amount) == ("1", 50)
    assert 40 < pounds < 45
    assert warehouse.query(HELD) == [
        ("2", "CURRENCY_WITHOUT_RATE"), ("3", "ORDERED_IN_FUTURE"), ("4", "ITEM_WITHOUT_ORDER"),
    ]  # fmt: skip


def test_a_doubled_rate_is_named_by_its_seed_test(warehouse: Warehouse) -> None:
    warehouse.dbt("seed")
    with warehouse.connect() as connection:
        connection.execute(
            "insert into dev_seeds.exchange_rates select * from dev_seeds.exchange_rates "
            "where currency_code = 'EUR' and valid_from_date = date '2024-05-01'"
        )
    found = warehouse.dbt(
        "test", "--select", "exchange_rates_can_be_used", "--indirect-selection", "cautious", check=False
    )
    assert found == {"exchange_rates_can_be_used": "fail"}


@pytest.mark.parametrize(
    ("damage", "named"),
    [
        ("drop table raw_sap.purchase_orders", "purchase_orders"),
        ("alter table raw_sap.purchase_order_items drop column net_price_amount", "net_price_amount"),
    ],
)
def test_a_lost_table_or_column_stops_the_fact_and_is_named(warehouse: Warehouse, damage: str, named: str) -> None:
    land(warehouse)
    with warehouse.connect() as connection:
        connection.execute(damage)
    with pytest.raises(AssertionError, match=named) as stopped:
        warehouse.dbt(*BUILD)
    assert "stg_sap__" in str(stopped.value)
    tables = warehouse.query("select 1 from information_schema.tables where table_name = 'fct_procure_to_pay'")
    assert tables == [], "nothing may be built on half of the input"
