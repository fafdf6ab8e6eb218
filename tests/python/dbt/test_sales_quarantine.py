"""Every fault planted in the sales of a small company is held back under its code, and nothing else is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from harness import Warehouse, raw_columns

from ingestion.sandbox.company import write_company
from ingestion.sandbox.company_data.evolve import evolve
from ingestion.sandbox.company_data.faults_sales import FAULTS

KEYS = {"customers": 1, "products": 1, "orders": 1, "order_lines": 2, "payments": 1}
MODELS = ("int_sales__order_lines_validated", "int_sales__payments_validated")
BUILD = (
    "build", "--select", *(f"+{model}" for model in MODELS), "quarantine_order_lines", "quarantine_order_payments",
    "--exclude-resource-type", "test", "unit_test",
)  # fmt: skip
LINES = "select order_id, order_line_number, reason_codes, severity from dev_intermediate.quarantine_order_lines"
PAYMENTS = "select payment_id, reason_codes, severity from dev_intermediate.quarantine_order_payments"


def land_atom(warehouse: Warehouse, directory: Path, faults: list[dict]) -> dict[str, set[tuple[str, ...]]]:
    """Land Atom's files without what the landing refuses; returns the refused keys."""
    refused: dict[str, set[tuple[str, ...]]] = {name: set() for name in KEYS}
    for fault in faults:
        if fault["source"] == "atom" and fault["expected_outcome"] == "rejected":
            refused[fault["dataset"]].add(tuple(fault["key"].values()))
    with warehouse.connect() as connection:
        for name, width in KEYS.items():
            columns = [column for column in raw_columns("atom")[name] if not column.startswith("_")]
            keys = " || '/' || ".join(columns[:width])
            listed = ", ".join(f"'{'/'.join(key)}'" for key in refused[name]) or "''"
            connection.execute(f"delete from raw_atom.{name}")
            connection.execute(
                f"insert into raw_atom.{name} by name select {', '.join(columns)}, {keys} as _row_hash, "
                f"'atom.{name}/' || {keys} as _source_ref, now() as _landed_at, false as _is_deleted, "
                f"'1' as _dlt_load_id "
                f"from read_csv('{directory}/atom/{name}.csv', all_varchar = true) where {keys} not in ({listed})"
            )
        for order_id, line in refused["order_lines"]:
            connection.execute(
                "insert into raw_ops.dead_letters (dead_letter_id, source, dataset, record_key) values (?, ?, ?, ?)",
                ["1", "atom", "order_lines", f"{order_id}/{line}"],
            )
    return refused


def expected(faults: list[dict], refused: dict[str, set], warehouse: Warehouse) -> tuple[dict, dict]:
    """What has to be in quarantine: the planted rows, and what hangs on an order that the landing refused."""
    planted = [f for f in faults if f["source"] == "atom" and f["expected_outcome"] == "quarantined"]
    orphans = ", ".join(key for (key,) in refused["orders"]) or "-1"
    lines = warehouse.query(f"select order_id, line_number from raw_atom.order_lines where order_id in ({orphans})")
    payments = warehouse.query(f"select payment_id from raw_atom.payments where order_id in ({orphans})")
    return (
        dict.fromkeys(lines, "LINE_WITHOUT_ORDER")
        | {
            (int(f["key"]["order_id"]), int(f["key"]["line_number"])): f["expected_reason_code"]
            for f in planted
            if f["dataset"] == "order_lines"
        },
        dict.fromkeys(payments, "PAYMENT_WITHOUT_ORDER")
        | {(int(f["key"]["payment_id"]),): f["expected_reason_code"] for f in planted if f["dataset"] == "payments"},
    )


@pytest.mark.parametrize("days", [0, 3])
def test_planted_faults_are_held_back_and_nothing_else(warehouse: Warehouse, tmp_path: Path, days: int) -> None:
    write_company(tmp_path, seed=4, scale=0.05)
    if days:
        evolve(tmp_path, days)
    faults = [json.loads(line) for line in (tmp_path / "planted_faults.jsonl").read_text().splitlines()]
    refused = land_atom(warehouse, tmp_path, faults)
    warehouse.dbt(*BUILD)

    lines, payments = expected(faults, refused, warehouse)
    found = {row[:2]: row[2] for row in warehouse.query(LINES)}
    assert found == lines
    assert {row[:1]: row[1] for row in warehouse.query(PAYMENTS)} == payments
    assert len(FAULTS) >= 14
    assert {fault.code for fault in FAULTS} <= set(lines.values()) | set(payments.values())
    assert warehouse.query("select count(*) from dev_intermediate.int_sales__order_lines_validated")[0][0] > 5000
