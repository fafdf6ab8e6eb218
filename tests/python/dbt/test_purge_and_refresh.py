"""After a purge by dbt: derived tables are what a full refresh makes, nothing of what went is left, none comes back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from harness import Warehouse
from histories import start
from test_incremental import FACTS, seeds

from tools.purge import lineage

SNAPSHOTS = ("+snap_emerald__clients", "+snap_emerald__bank_relationships", "+snap_workday__workers")
MODELS = (*(f"+{fact}" for fact in FACTS), "+fct_procure_to_pay")
BUILD = (
    "build", "--exclude-resource-type", "test", "unit_test", "--select", *MODELS, *SNAPSHOTS, "retention_policies",
    "legal_holds",
)  # fmt: skip
# Every second order, with its receipts, is of a time for which the seven years are over.
OLD = "hash({}) % 2 = 0"
AGE = [
    f"update raw_sap.purchase_orders set purchase_order_date = '2015-03-02' where {OLD.format('purchase_order')}",
    f"update raw_sap.goods_receipts set posting_date = '2015-03-09' where {OLD.format('purchase_order')}",
]
TABLES = """
    select schema_name || '.' || table_name from duckdb_tables()
    where schema_name in ('dev_marts', 'dev_intermediate', 'dev_snapshots') order by all
"""
NAMED = """
    select c.schema_name || '.' || c.table_name, c.column_name from duckdb_columns() as c
    inner join duckdb_tables() as t using (schema_name, table_name)
    where c.column_name in ('purchase_order', 'purchase_order_id', 'purchasing_document')
        and (c.schema_name = 'raw_sap' or c.schema_name like 'dev_%')
        -- Invoices and requisitions have periods of their own, and go on naming the order.
        and not regexp_matches(c.table_name, 'invoice|requisition')
"""


def age(warehouse: Warehouse) -> None:
    with warehouse.connect() as connection:
        for statement in AGE:
            connection.execute(statement)


def contents(warehouse: Warehouse) -> dict[str, list[tuple[Any, ...]]]:
    """All tables that models make."""
    names = [name for (name,) in warehouse.query(TABLES)]
    return {name: warehouse.query(f"select * from {name} order by all") for name in names}


def naming(warehouse: Warehouse, orders: set[str]) -> list[tuple[str, str]]:
    """Tables and columns in which one of the orders still stands."""
    marks = ", ".join(f"'{order}'" for order in orders)
    return [
        (table, column)
        for table, column in warehouse.query(NAMED)
        if not table.startswith("raw_oracle")
        and warehouse.query(f"select 1 from {table} where {column} in ({marks}) limit 1")
    ]


@pytest.mark.parametrize("seed", seeds(1))
def test_a_full_refresh_after_a_purge_gives_the_same_tables(
    warehouse: Warehouse, seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    print(f"STRATA_SEED={seed}")
    for name in ("STRATA_TOMBSTONE_KEY", "DBT_ENV_SECRET_TOMBSTONE_KEY"):
        monkeypatch.setenv(name, "a secret of the tests")
    monkeypatch.setenv("STRATA_ARCHIVE", str(tmp_path))
    history = start(seed, 2)
    history.batch(80)
    history.open_cases()
    history.close_cases()
    history.write(warehouse)
    age(warehouse)
    warehouse.dbt(*BUILD)

    before = {order for (order,) in warehouse.query("select purchase_order from raw_sap.purchase_orders")}
    arguments = {"dry_run": False, "confirm": True, "datasets": ["raw_sap.purchase_orders"]}
    warehouse.dbt("run-operation", "purge", "--args", json.dumps(arguments))
    gone = before - {order for (order,) in warehouse.query("select purchase_order from raw_sap.purchase_orders")}
    assert 0 < len(gone) < len(before)
    purged = [
        name for (name,) in warehouse.query("select distinct dataset_name from ops.retention_actions order by all")
    ]
    assert "raw_sap.purchase_order_items" in purged
    chosen = [f"{descendants},{model}" for descendants in lineage(purged) for model in MODELS]
    warehouse.dbt("run", "--full-refresh", "--select", *chosen)
    assert naming(warehouse, gone) == []
    purged_and_followed = contents(warehouse)
    warehouse.dbt("run", "--full-refresh", "--select", *MODELS)
    refreshed = contents(warehouse)
    assert refreshed["dev_marts.fct_purchase_order_lines"]
    for name, rows in refreshed.items():
        assert purged_and_followed[name] == rows, name

    history.write(warehouse)  # every order lands again, the old ones among them
    age(warehouse)
    assert {order for (order,) in warehouse.query("select purchase_order from raw_sap.purchase_orders")} == before
    warehouse.dbt("run", "--select", *MODELS)
    assert naming(warehouse, gone) == []


def test_models_are_built_again_after_landed_tables_and_snapshots() -> None:
    purged = ["raw_sap.purchase_orders", "raw_sap_staging.purchase_orders", "raw_sap._dlt_loads", "ops.swept_loads"]
    assert lineage([*purged, "snapshots.snap_workday__workers"]) == [
        "source:sap.purchase_orders+", "snap_workday__workers+",
    ]  # fmt: skip
