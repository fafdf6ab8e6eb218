"""What fct_procure_to_pay must say of each order line, computed in plain Python from the landed rows."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

Rows = Mapping[tuple[str, ...], Mapping[str, Any]]
SIGNS = {"101": 1, "123": 1, "102": -1, "122": -1}


def naive_procure_to_pay(
    tables: Mapping[str, Rows], good: Mapping[str, set[str]]
) -> dict[tuple[str, ...], tuple[Any, ...]]:
    """Stage, quantities, counts and days of each order line, by order and line.

    Args:
        tables: the landed rows by dataset.
        good: receipts, invoice lines and requisition lines that passed the rules, by their keys.
    """
    found = {}
    for key, item in tables["purchase_order_items"].items():
        header = tables["purchase_orders"].get(key[:1])
        if header is not None:
            found[key] = _line(key, item, header, tables, good)
    return found


def _line(
    key: tuple[str, ...], item: Mapping[str, Any], header: Mapping[str, Any], tables: Mapping[str, Rows],
    good: Mapping[str, set[str]],
) -> tuple[Any, ...]:  # fmt: skip
    received = sum(
        SIGNS.get(row["goods_movement_type"], 0) * row["quantity_in_entry_unit"]
        for row in tables["goods_receipts"].values()
        if (row["purchase_order"], row["purchase_order_item"]) == key and row["material_document"] in good["receipts"]
    )
    bills = []
    for (number, line), row in tables["ap_invoice_lines"].items():
        is_of_line = (row["purchase_order_number"], row["purchase_order_line_number"]) == key
        if is_of_line and row["line_type"] == "Item" and f"{number}/{line}" in good["invoices"]:
            invoice = tables["ap_invoices"][number,]
            if not (row["canceled_flag"] or invoice["canceled_flag"]):
                bills.append((number, row, invoice))
    requests = [
        tables["requisitions"][number,]
        for (number, line), row in tables["requisition_lines"].items()
        if (row["purchase_order"], row["purchase_order_line"]) == key
        and row["line_status"] != "Canceled"
        and f"{number}/{line}" in good["requisitions"]
    ]
    is_open = any(invoice["amount_paid"] < invoice["invoice_amount"] for _, _, invoice in bills)
    if "L" in (item["purchasing_document_deletion_code"], header["purchasing_document_deletion_code"]):
        stage = "cancelled"
    elif bills:
        stage = "invoiced" if is_open else "paid"
    else:
        stage = "received" if received > 0 else "ordered"
    approvals = [request["approved_date"] for request in requests]
    return (
        stage,
        Decimal(received),
        Decimal(sum(row["quantity"] for _, row, _ in bills)),
        len({number for number, _, _ in bills}),
        min((request["submission_date"].date() for request in requests), default=None),
        max(approvals).date() if approvals and None not in approvals else None,
        min((invoice["invoice_date"] for _, _, invoice in bills), default=None),
        max(invoice["payment_date"] for _, _, invoice in bills) if bills and not is_open else None,
    )
