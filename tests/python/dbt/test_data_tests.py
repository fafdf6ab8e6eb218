"""Each test of ours can fail: a row that breaks it, and the test that has to notice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from harness import Warehouse

NOW = datetime.now(UTC)
DAMAGE = {
    # test that must notice: what is done to the built warehouse
    "fct_purchase_order_lines_obeys_its_rules": (
        "update dev_marts.fct_purchase_order_lines set is_in_full = not is_in_full where purchase_order_id = '1'"
    ),
    "masked_views_name_nobody": "drop view dev_masked.dim_client",
    "every_dataset_has_a_policy": "create table dev_marts.left_over as select 1 as id",
    "fct_invoice_lines_obeys_its_rules": (
        "insert into dev_marts.fct_invoice_lines by name select 'x' as invoice_line_key, 'lost' as line_type, 'x' as "
        "supplier_key, 'x' as cost_center_key, 'x' as gl_account_key, 'x' as tenant_id, '1' as invoice_id, '1' as "
        "invoice_line_number, '1' as supplier_id, '1' as invoice_number, 'paid' as paid_status, "
        "'EUR' as currency_code, 1 as line_amount, 1 as line_amount_gbp, 1 as paid_amount, 1 as paid_amount_gbp, "
        "false as is_cancelled, "
        "date '2024-01-01' as invoice_date, 'x' as row_hash, 'x' as source_ref, 'x' as load_id, "
        "timestamp '2024-01-01' as landed_at"
    ),
    "fct_procure_to_pay_obeys_its_rules": "update dev_marts.fct_procure_to_pay set current_stage = 'lost'",
    "quarantine_goods_receipts_loses_nothing": (
        "alter view dev_intermediate.quarantine_goods_receipts rename to emptied; create view "
        "dev_intermediate.quarantine_goods_receipts as select * from dev_intermediate.emptied where false"
    ),
    "goods_receipts_by_line_balance_is_possible": None,  # more returned than received on order 2
    "dim_supplier_countries_are_known": None,  # supplier 8 sits in XX
    "every_record_read_is_good_or_rejected": (
        "insert into raw_ops.loads (source, dataset, load_id, rows_read, rows_good, rows_rejected, rows_unchanged, "
        "rows_deleted) values ('sap', 'plants', 'lost one', 3, 1, 1, 0, 0), ('sap', 'plants', 'null', 3, null, 0, 0, 0)"
    ),
    "rejected_rows_have_dead_letters": (
        "insert into raw_ops.loads (source, dataset, load_id, rows_read, rows_good, rows_rejected, rows_unchanged, "
        "rows_deleted) values ('sap', 'materials', 'no letter', 2, 1, 1, 0, 0)"
    ),
    "on_call_plan_is_complete_and_fair": "delete from dev_seeds.on_call where slot_start_date = date '2026-03-02'",
    "on_call_plan_reaches_ahead": "delete from dev_seeds.on_call where slot_start_date > date '2026-10-01'",
    "countries_are_read_as_text": "update dev_seeds.countries set country_code = '' where country_name = 'Namibia'",
    "agg_supplier_performance_monthly_obeys_its_rules": (
        "update dev_marts.agg_supplier_performance_monthly set otif_line_count = 99"
    ),
    "dim_supplier_history_is_continuous": (
        "update dev_marts.dim_supplier set valid_from = timestamp '2000-01-01', version_number = 2 "
        "where supplier_id = '8'; insert into dev_marts.dim_supplier select * replace (supplier_key || 'x' as "
        "supplier_key, timestamp '1900-01-01' as valid_from, timestamp '1999-12-31' as valid_to) "
        "from dev_marts.dim_supplier where supplier_id = '8'"
    ),
    "dim_material_history_is_continuous": (
        "insert into dev_marts.dim_material select * replace (material_key || 'x' as material_key) "
        "from dev_marts.dim_material where material_id = 'M1'"
    ),
    "dim_client_obeys_its_rules": "update dev_marts.dim_client set is_inferred = true, version_number = 2",
    "dim_product_current_has_one_row_a_member": (
        "insert into dev_marts.dim_product select * from dev_marts.dim_product"
    ),
    "dim_gl_account_hangs_together": (
        "update dev_marts.dim_gl_account set account_level = null where gl_account_id = '1'"
    ),
    "dim_currency_obeys_its_rules": (
        "update dev_marts.dim_currency set rate_month_count = 3 where currency_code = 'EUR'"
    ),
    "dim_employee_history_is_continuous": (
        "update dev_marts.dim_employee set is_current = not is_current where employee_id = 'W1'"
    ),
    "snap_sap__suppliers_versions_are_unique": (
        "insert into dev_snapshots.snap_sap__suppliers select * from dev_snapshots.snap_sap__suppliers"
    ),
    "snap_sap__materials_versions_are_unique": (
        "insert into dev_snapshots.snap_sap__materials select * from dev_snapshots.snap_sap__materials"
    ),
    "current_dimension_versions_match_staging": (
        "update raw_sap.suppliers set business_partner_full_name = 'Renamed' where supplier = '7'"
    ),
    "reconcile_landing_with_order_lines": (
        "delete from dev_marts.obt_procurement where purchase_order_id = '1'"
    ),
    "reconcile_landing_with_staging": (
        "create or replace view dev_staging.stg_sap__plants as select 1 as plant_id where false"
    ),
}  # fmt: skip
TESTS = ("test", "--exclude-resource-type", "unit_test", "--indirect-selection", "cautious", "--select", *DAMAGE)


def land_a_small_company(warehouse: Warehouse) -> None:
    for number, supplier, plant, unit in (("1", "7", "P1", "EA"), ("2", "8", "P9", "KG")):
        warehouse.land("purchase_orders", [{
            "purchase_order": number, "supplier": supplier, "purchase_order_date": "2024-05-01",
            "document_currency": "EUR", "last_change_date_time": NOW,
        }])  # fmt: skip
        warehouse.land("purchase_order_items", [{
            "purchase_order": number, "purchase_order_item": "10", "material": "M1", "plant": plant,
            "order_quantity": 10, "purchase_order_quantity_unit": "EA", "order_price_unit": unit,
            "net_price_amount": 5, "net_price_quantity": 1, "document_currency": "EUR",
        }])  # fmt: skip
    warehouse.land("goods_receipts", [
        {
            "material_document_year": "2024", "material_document": f"D{order}", "material_document_item": "1",
            "posting_date": "2024-06-01", "creation_date": "2024-06-01", "purchase_order": order,
            "purchase_order_item": "10", "goods_movement_type": kind, "quantity_in_entry_unit": 10,
        }
        for order, kind in (("1", "101"), ("2", "122"), ("3", "101"))
    ])  # fmt: skip
    warehouse.land("suppliers", [
        {"supplier": "7", "business_partner_full_name": "Synthetic 7", "country": "NA"},
        {"supplier": "8", "business_partner_full_name": "Synthetic 8", "country": "XX"},
    ])  # fmt: skip
    warehouse.land("materials", [{"product": "M1", "product_description": "Part"}])
    warehouse.land("plants", [{"plant": "P1", "plant_name": "Plant", "country": "DE"}])
    accounts = [
        {"account": "1", "description": "Assets"},
        {"account": "11", "parent_account": "1", "description": "Till"},
    ]
    warehouse.land("gl_accounts", [{**row, "enabled_flag": True} for row in accounts], source="oracle")
    # One entry holds today, one only from tomorrow on.
    warehouse.land("workers", [
        {"employee_id": "W1", "effective_date": NOW.date() + timedelta(days=days), "cost_center": "CC1"}
        for days in (-1, 1)
    ], source="workday")  # fmt: skip


def test_each_data_test_notices_its_fault(warehouse: Warehouse) -> None:
    land_a_small_company(warehouse)
    warehouse.dbt("build", "--exclude-resource-type", "test", "unit_test")
    healthy = warehouse.dbt(*TESTS, check=False)
    assert set(healthy) == set(DAMAGE)
    expected = {name: "pass" if damage else "warn" for name, damage in DAMAGE.items()}
    assert healthy == expected

    with warehouse.connect() as connection:
        for damage in filter(None, DAMAGE.values()):
            connection.execute(damage)
    damaged = warehouse.dbt(*TESTS, check=False)
    assert [name for name, status in damaged.items() if status == "pass"] == []
    assert {name for name, status in damaged.items() if status == "error"} == set()
