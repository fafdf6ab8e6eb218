"""What a build says and does when its input is not what it should be."""

from __future__ import annotations

import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import harness
import pytest
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from harness import Warehouse

from tools import dbt_session

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


def test_an_empty_source_gives_empty_facts_and_is_told_by_freshness(warehouse: Warehouse) -> None:
    facts = ("fct_procure_to_pay", "quarantine_purchase_order_lines")
    warehouse.dbt(
        "build", "--exclude-resource-type", "unit_test", "--indirect-selection", "buildable", *SELECT
    )  # with their tests: none of them needs a row
    assert [warehouse.query(f"select count(*) from {schema}.{fact}") for schema, fact in zip(
        ("dev_marts", "dev_intermediate"), facts, strict=True
    )] == [[(0,)], [(0,)]]  # fmt: skip

    land(warehouse)
    warehouse.clear("purchase_orders")
    warehouse.dbt(*BUILD)
    assert warehouse.query(LINES) == []
    assert warehouse.query(HELD) == [(number, "ITEM_WITHOUT_ORDER") for number in "1234"]
    told = warehouse.dbt("source", "freshness", "--select", "source:sap.purchase_orders", check=False)
    assert told == {"purchase_orders": "error"}


def test_a_doubled_row_of_a_seed_stops_what_is_built_from_it(
    warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "project"
    project.mkdir()
    for path in harness.ROOT.iterdir():
        if path.name not in ("seeds", "target", "logs"):
            (project / path.name).symlink_to(path)
    shutil.copytree(harness.ROOT / "seeds", project / "seeds")
    rates = project / "seeds" / "reference" / "exchange_rates.csv"
    rates.write_text(rates.read_text() + rates.read_text().splitlines()[-1] + "\n")
    monkeypatch.setattr(harness, "ROOT", project)
    land(warehouse)
    built = warehouse.dbt(
        "build", "--exclude-resource-type", "unit_test", "--indirect-selection", "empty", *SELECT,
        "exchange_rates_can_be_used", check=False,
    )  # fmt: skip
    assert built["exchange_rates_can_be_used"] == "fail"
    assert built["stg_sap__purchase_order_items"] == "success"
    from_rates = ("int_procurement__purchase_order_lines_validated", "fct_purchase_order_lines", "fct_procure_to_pay")
    assert {built[name] for name in from_rates} == {"skipped"}
    assert (
        warehouse.query("select 1 from information_schema.tables where table_name = 'fct_purchase_order_lines'") == []
    )


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


@pytest.mark.parametrize(
    ("damage", "model", "remedy"),
    [
        (
            "drop table raw_sap.plants", "stg_sap__plants",
            "stg_sap__plants could not read raw_sap.plants: it lands from dataset plants of sap. "
            "Remedy: python -m ingestion load sap; a column that is still missing after that is not in the contract "
            "contracts/sap/plants.odcs.yaml",
        ),
        (
            "drop table raw_ops.dead_letters", "stg_ops__dead_letters",
            "could not read raw_ops.dead_letters: the landing keeps it itself. Remedy: python -m ingestion load",
        ),
    ],
)  # fmt: skip
def test_a_build_names_the_dataset_and_the_remedy(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    damage: str, model: str, remedy: str,
) -> None:  # fmt: skip
    with warehouse.connect() as connection:
        connection.execute(damage)
    for name, value in {
        "STRATA_WAREHOUSE": warehouse.path, "DBT_TARGET_PATH": warehouse.directory / "target",
        "DBT_LOG_PATH": warehouse.directory / "logs", "STRATA_STATE_DIR": warehouse.directory / "state",
        "DBT_PROJECT_DIR": harness.ROOT, "DBT_PROFILES_DIR": harness.ROOT, "STRATA_TARGET": "dev",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, str(value))
    try:
        assert dbt_session.run([["run", "--select", model]]) == 1
    finally:
        DuckDBConnectionManager.close_all_connections()
    assert remedy in capsys.readouterr().out
