"""Oracle documents for tests."""

from __future__ import annotations

from typing import Any


def stamp(day: int, second: int = 0) -> str:
    """A change stamp in January 2026 as Fusion writes it."""
    return f"2026-01-{day:02}T08:{second // 60:02}:{second % 60:02}+00:00"


def invoice(number: int, *, day: int | None = None, lines: int = 2, second: int = 0, **more: Any) -> dict[str, Any]:
    """An invoice with its lines; line n bills n * 10."""
    return {
        "InvoiceId": number,
        "InvoiceNumber": f"INV-{number}",
        "InvoiceType": "Standard",
        "BusinessUnit": "GB10",
        "SupplierNumber": f"{100000 + number % 3}",
        "Supplier": "Synthetic Supplier Ltd",
        "PurchaseOrderNumber": None,
        "InvoiceCurrency": "GBP",
        "InvoiceAmount": sum(n * 10 for n in range(1, lines + 1)) + 0.25,
        "AmountPaid": 0,
        "InvoiceDate": "2026-01-01",
        "TermsDate": None,
        "DueDate": "2026-02-01",
        "PaymentDate": None,
        "AccountingDate": "2026-01-01",
        "PaidStatus": "Unpaid",
        "CanceledFlag": False,
        "CanceledDate": None,
        "CreationDate": stamp(1),
        "LastUpdateDate": stamp(day or number % 28 + 1, second),
        "invoiceLines": [invoice_line(n) for n in range(1, lines + 1)],
    } | more


def invoice_line(number: int, **more: Any) -> dict[str, Any]:
    """A line of an invoice; as in Fusion it does not name its invoice."""
    return {
        "LineNumber": number,
        "LineType": "Item",
        "LineAmount": number * 10,
        "Quantity": number,
        "UOM": "EA",
        "UnitPrice": 10.5,
        "Description": f"Line {number}",
        "PurchaseOrderNumber": None,
        "PurchaseOrderLineNumber": None,
        "DistributionCombination": "GB10-CC130-501000",
        "AccountingDate": "2026-01-01",
        "CanceledFlag": False,
    } | more


def account(code: str, **more: Any) -> dict[str, Any]:
    """A general ledger account."""
    return {
        "Account": code,
        "Description": f"Account {code}",
        "AccountType": "Expense",
        "ParentAccount": None,
        "EnabledFlag": True,
        "StartDate": "2020-01-01",
        "EndDate": None,
        "LastUpdateDate": stamp(1),
    } | more


def journal(number: int, *, day: int = 1, **more: Any) -> dict[str, Any]:
    """A posted journal of two lines."""
    lines = [
        {
            "JeHeaderId": number,
            "JeLineNumber": n,
            "Company": "GB10",
            "CostCenter": "CC130",
            "Account": "501000" if n == 1 else "201000",
            "EnteredDr": number if n == 1 else None,
            "EnteredCr": number if n == 2 else None,
            "AccountedDr": number if n == 1 else None,
            "AccountedCr": number if n == 2 else None,
            "Description": None,
        }
        for n in (1, 2)
    ]
    return {
        "JeHeaderId": number,
        "JournalName": f"Journal {number}",
        "Ledger": "Group",
        "PeriodName": "2026-01",
        "Category": "Payables",
        "JournalStatus": "Posted",
        "AccountingDate": "2026-01-31",
        "CurrencyCode": "GBP",
        "Reference": None,
        "ReversedJeHeaderId": None,
        "CreationDate": stamp(1),
        "LastUpdateDate": stamp(day),
        "journalLines": lines,
    } | more


def requisition(number: int, *, day: int = 1, **more: Any) -> dict[str, Any]:
    """An approved requisition of one line."""
    line = {
        "RequisitionHeaderId": number,
        "LineNumber": 1,
        "Item": "M-1",
        "ItemDescription": "Sample bolt",
        "CategoryName": "Fasteners",
        "Quantity": 5,
        "UOM": "EA",
        "Price": 1.25,
        "CurrencyCode": "GBP",
        "RequestedDeliveryDate": "2026-03-01",
        "DeliverToLocation": "North",
        "LineStatus": "Approved",
        "PurchaseOrder": None,
        "PurchaseOrderLine": None,
        "SupplierNumber": None,
    }
    return {
        "RequisitionHeaderId": number,
        "Requisition": f"REQ-{number}",
        "RequisitioningBU": "GB10",
        "PreparerNumber": "BUYER01",
        "Description": "Sample",
        "DocumentStatus": "Approved",
        "SubmissionDate": stamp(1),
        "ApprovedDate": stamp(1),
        "CreationDate": stamp(1),
        "LastUpdateDate": stamp(day),
        "lines": [line],
    } | more


def company() -> dict[str, list[dict[str, Any]]]:
    """Twelve invoices of two lines, three accounts, four journals, five requisitions."""
    return {
        "invoices": [invoice(300 + n, day=n) for n in range(1, 13)],
        "generalLedgerAccounts": [account(code) for code in ("201000", "501000", "601000")],
        "journalHeaders": [journal(700 + n, day=n) for n in range(1, 5)],
        "purchaseRequisitions": [requisition(900 + n, day=n) for n in range(1, 6)],
    }
