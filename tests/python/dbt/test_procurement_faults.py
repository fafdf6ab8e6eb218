"""Each fault planted in purchasing is quarantined under its code, and nothing else is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from harness import Warehouse

from ingestion import cli
from ingestion.sandbox.company import write_company
from ingestion.sandbox.company_data.evolve import evolve
from ingestion.sandbox.systems import SandboxSystems

# dataset: its quarantine, and what names a record there, in the order of the log's key
QUARANTINES = {
    "purchase_order_items": ("purchase_order_lines", "purchase_order_id, purchase_order_line_number"),
    "purchase_order_schedule_lines": (
        "schedule_lines", "purchase_order_id, purchase_order_line_number, schedule_line_number",
    ),
    "goods_receipts": (
        "goods_receipts", "material_document_year, material_document_id, material_document_line_number",
    ),
    "ap_invoice_lines": ("invoice_lines", "invoice_id, invoice_line_number"),
    "requisition_lines": ("requisition_lines", "requisition_id, requisition_line_number"),
}  # fmt: skip
# What is left of a document whose other part broke its contract waits for that part.
WAITING = {
    "ITEM_WITHOUT_ORDER", "SCHEDULE_LINE_WITHOUT_ITEM", "RECEIPT_WITHOUT_ITEM", "REVERSAL_WITHOUT_RECEIPT",
    "LINE_WITHOUT_INVOICE", "LINE_WITHOUT_REQUISITION", "LINES_DIFFER_FROM_INVOICE",
}  # fmt: skip


def land(warehouse: Warehouse, company: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SAP and Oracle as `python -m ingestion load` lands them."""
    with SandboxSystems(company) as systems:
        for name, value in {**systems.settings, "STRATA_WAREHOUSE": str(warehouse.path)}.items():
            monkeypatch.setenv(name, value)
        assert cli.main(["load", "sap", "oracle"]) == 0


def quarantined(warehouse: Warehouse) -> dict[tuple[str, tuple[str, ...]], str]:
    """Reason codes of each quarantined record."""
    return {
        (dataset, tuple(str(part) for part in key)): codes
        for dataset, (entity, columns) in QUARANTINES.items()
        for codes, *key in warehouse.query(f"select reason_codes, {columns} from dev_intermediate.quarantine_{entity}")
    }


def orders_of(planted: list[dict[str, Any]]) -> set[str]:
    """Numbers of the documents of which a record was refused."""
    return {value for fault in planted if fault["expected_outcome"] == "rejected" for value in fault["key"].values()}


def test_planted_faults_and_nothing_else_are_quarantined(
    warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    company = tmp_path / "company"
    write_company(company, seed=4, scale=0.05)
    evolve(company, days=2)
    warehouse.path.unlink()
    land(warehouse, company, monkeypatch)
    with warehouse.connect() as connection:
        connection.execute("create schema if not exists raw_ops")
    quarantines = [f"quarantine_{entity}" for entity, _ in QUARANTINES.values()]
    warehouse.dbt(
        "build", "--exclude-resource-type", "unit_test", "--indirect-selection", "buildable", "--select",
        *(f"+{name}" for name in quarantines), "+fct_procure_to_pay", "+fct_invoice_lines",
        "--exclude", "test_type:singular", "test_name:rules_hold",
    )  # fmt: skip

    planted = [json.loads(line) for line in (company / "planted_faults.jsonl").read_text().splitlines()]
    planted = [fault for fault in planted if fault["source"] in ("sap", "oracle")]
    expected = {
        (fault["dataset"], tuple(fault["key"].values())): fault["expected_reason_code"]
        for fault in planted
        if fault["expected_outcome"] == "quarantined"
    }
    found = quarantined(warehouse)
    assert len(expected) >= 24
    assert len(set(expected.values())) >= 15
    assert {key: found.get(key) for key in expected} == expected
    refused = orders_of(planted)
    surplus = {key: codes for key, codes in found.items() if key not in expected}
    unexplained = {
        key: codes for key, codes in surplus.items() if not (set(codes.split()) <= WAITING and refused & set(key[1]))
    }
    # A receipt names its order in no part of its key.
    receipts = {
        (str(year), document, line)
        for year, document, line, order in warehouse.query(
            "select material_document_year, material_document_id, material_document_line_number, purchase_order_id "
            "from dev_intermediate.quarantine_goods_receipts"
        )
        if order in refused
    }
    unexplained = {key: codes for key, codes in unexplained.items() if key[1] not in receipts}
    assert unexplained == {}, "quarantined without being planted"
