"""Loads of the SAP source through the real protocol: first, repeated, changed, deleted."""

from __future__ import annotations

import json

import pytest
from support.loads import load

from ingestion.cli import main
from ingestion.contract import CONTRACTS_DIR, landed_sources

COUNTS = """
select dataset, rows_read, rows_good, rows_rejected, rows_unchanged, rows_deleted from raw_ops.loads
qualify row_number() over (partition by dataset order by finished_at desc) = 1
"""


def landed(rows):
    return {row[0]: row[1:] for row in rows(COUNTS)}


def test_a_first_load_lands_every_record_with_its_provenance(sap, rows):
    assert load() == 0
    assert landed(rows) == {
        "purchase_orders": (10, 10, 0, 0, 0),
        "purchase_order_items": (20, 20, 0, 0, 0),
        "purchase_order_schedule_lines": (20, 20, 0, 0, 0),
        "goods_receipts": (8, 8, 0, 0, 0),
        "suppliers": (6, 6, 0, 0, 0),
        "materials": (3, 3, 0, 0, 0),
        "material_stock": (6, 6, 0, 0, 0),
        "plants": (2, 2, 0, 0, 0),
    }
    for table in landed(rows):
        complete = rows(
            f"select count(*) from raw_sap.{table} where length(_row_hash) = 64 and _source_ref like 'API_%#%'"
            " and _landed_at is not null and not _is_deleted and _dlt_load_id in (select load_id from raw_ops.loads)"
        )
        assert complete == rows(f"select count(*) from raw_sap.{table}")
    assert rows(
        "select typeof(order_quantity), typeof(is_completely_delivered) from raw_sap.purchase_order_items limit 1"
    ) == [("DECIMAL(13,3)", "BOOLEAN")]
    assert rows("select sum(order_quantity) from raw_sap.purchase_order_items")[0][0] == sum(
        n * i for n in range(1, 11) for i in (1, 2)
    )


def test_a_second_load_changes_nothing_and_reads_little(sap, rows):
    load()
    tables = [name for (name,) in rows("select distinct dataset from raw_ops.loads")]
    content = {
        name: rows(f"select * exclude (_landed_at, _source_ref, _dlt_load_id) from raw_sap.{name} order by all")
        for name in tables
    }
    assert load() == 0
    for name in tables:
        again = rows(f"select * exclude (_landed_at, _source_ref, _dlt_load_id) from raw_sap.{name} order by all")
        assert again == content[name], name
    second = landed(rows)
    assert second["suppliers"] == (6, 6, 0, 6, 0)
    assert second["purchase_orders"][0] < 10, "the cursor was not used"


def test_changes_additions_and_removed_children_arrive(sap, tables, rows):
    load()
    sap.update("EKKO", {"EBELN": "4500000009"}, {"AEDAT": "2026-01-11"})
    sap.update("EKPO", {"EBELN": "4500000009", "EBELP": "10"}, {"MENGE": "99"})
    sap.delete("EKET", {"EBELN": "4500000009", "EBELP": "20"})
    sap.insert("EKET", {"EBELN": "4500000009", "EBELP": "20", "ETENR": "2", "EINDT": "2026-03-01", "MENGE": "18"})
    sap.insert(
        "EKKO", {"EBELN": "4500000011", "LIFNR": "100001", "WAERS": "EUR", "BEDAT": "2026-01-11", "AEDAT": "2026-01-11"}
    )
    sap.update("LFA1", {"LIFNR": "100001"}, {"NAME1": "Synthetic Supplier renamed"})
    assert load() == 0
    assert rows(
        "select order_quantity from raw_sap.purchase_order_items where purchase_order = '4500000009' order by 1"
    ) == [
        (18,),
        (99,),
    ]
    lines = "select purchasing_document_item, schedule_line from raw_sap.purchase_order_schedule_lines"
    assert rows(f"{lines} where purchasing_document = '4500000009' order by 1, 2") == [("10", "1"), ("20", "2")]
    assert rows("select count(*) from raw_sap.purchase_orders") == [(11,)]
    assert landed(rows)["suppliers"] == (6, 6, 0, 5, 0)
    names = rows("select business_partner_full_name from raw_sap.suppliers where supplier = '100001'")
    assert names == [("Synthetic Supplier renamed",)]


def test_a_late_change_behind_the_cursor_is_found_by_the_look_back(sap, rows, settings):
    load()
    sap.update("EKKO", {"EBELN": "4500000003"}, {"AEDAT": "2026-01-08", "EKGRP": "777"})
    load()
    group = "select purchasing_group from raw_sap.purchase_orders where purchase_order = '4500000003'"
    assert rows(group) == [("777",)], "2026-01-08 lies within 72 hours of 2026-01-10"


def test_a_stamp_in_the_future_does_not_hide_later_changes(sap, rows):
    sap.update("EKKO", {"EBELN": "4500000010"}, {"AEDAT": "2099-01-01"})
    load()
    cursor = rows("select max(cursor_to) from raw_ops.loads where dataset = 'purchase_orders'")[0][0]
    assert cursor < "2098"


def test_vanished_master_data_is_marked_and_comes_back(sap, rows):
    load()
    sap.delete("LFA1", {"LIFNR": "100006"})
    assert load() == 0
    marked = "select _is_deleted, country from raw_sap.suppliers where supplier = '100006'"
    assert rows(marked) == [(True, "IT")]
    assert landed(rows)["suppliers"] == (5, 5, 0, 5, 1)
    assert load() == 0
    assert landed(rows)["suppliers"][4] == 0, "a deletion is one event, not one a load"
    sap.insert("LFA1", {"LIFNR": "100006", "LAND1": "IT", "NAME1": "Synthetic Supplier 100006", "ORT01": "Town"})
    load()
    assert rows(marked) == [(False, "IT")]


def test_a_full_read_that_shrank_too_much_lands_nothing(sap, rows, capsys):
    load()
    for key in ("100004", "100005", "100006"):
        sap.delete("LFA1", {"LIFNR": key})
    sap.update("MAKT", {"MATNR": "M-1"}, {"MAKTX": "Renamed bolt"})
    assert load() == 1
    shown = capsys.readouterr().err
    assert "sap.suppliers" in shown
    assert "MAX_SHRINK_RATIO" in shown
    assert rows("select count(*) from raw_sap.suppliers where not _is_deleted") == [(6,)]
    assert rows("select product_description from raw_sap.materials where product = 'M-1'") == [("Sample bolt",)]
    assert rows("select count(*) from raw_ops.loads where status = 'failed' and detail like '%sap.suppliers%'") == [
        (1,)
    ]


def test_a_new_field_lands_as_text_and_is_logged_once(sap, rows):
    load()
    sap.add_column("T001W", "YY1_ZONE", "north")
    load()
    load()
    changes = rows("select dataset, column_name, change, new_type from raw_ops.schema_changes")
    assert changes == [("plants", "yy1_zone", "added", "text")]
    assert rows("select distinct yy1_zone from raw_sap.plants") == [("north",)]


def test_trace_names_the_request_and_the_load(sap, capsys):
    load()
    capsys.readouterr()
    assert main(["trace", "purchase_order_items", "4500000001/10", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["landed"]
    assert len(found) == 1
    assert "A_PurchaseOrder?" in found[0]["_source_ref"]
    assert found[0]["run_id"]


@pytest.mark.parametrize(
    ("table", "key", "message"),
    [
        ("purchase_order_items", "4500000001", "1 parts"),
        ("purchase_order_items", "9/9", "no landed row"),
        ("nonsense", "1", "no contract"),
    ],
)
def test_trace_of_what_is_not_there_says_so(sap, capsys, table, key, message):
    load()
    assert main(["trace", table, key]) == 2
    assert message in capsys.readouterr().err


def test_list_and_status_speak_json(sap, capsys):
    load()
    capsys.readouterr()
    main(["list", "--json"])
    contracts = [path for source in landed_sources() for path in (CONTRACTS_DIR / source).glob("*.odcs.yaml")]
    assert len(json.loads(capsys.readouterr().out)) == len(contracts)
    main(["status", "--json"])
    assert {row["status"] for row in json.loads(capsys.readouterr().out)["loads"]} == {"landed"}
