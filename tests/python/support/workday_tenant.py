"""Workday report entries for tests: numbers and flags are texts, a column without a value is left out."""

from __future__ import annotations

from typing import Any

WORKER_KEYS = ("Employee_ID", "Effective_Date")


def worker(number: int, effective: str = "2025-01-01", **more: Any) -> dict[str, Any]:
    """A worker from an effective date on."""
    return {
        "Employee_ID": f"W{number:05}",
        "Effective_Date": effective,
        "Worker": f"Synthetic Worker {number:05}",
        "Worker_Type": "Employee",
        "Worker_Status": "Active",
        "Job_Profile": "Buyer",
        "Cost_Center": "CC130",
        "Company": "GB10",
        "Country_ISO": "GB",
        "FTE": "100",
        "Annual_Base_Pay": "41250.5",
        "Pay_Currency": "GBP",
        "Hire_Date": "2020-02-01",
        "Date_of_Birth": "1980-05-05",
    } | more


def expense(report: int, line: int = 1, **more: Any) -> dict[str, Any]:
    """A line of an expense report."""
    return {
        "Expense_Report": f"EXP-{report}",
        "Expense_Report_Line": str(line),
        "Employee_ID": "W00001",
        "Expense_Date": "2026-01-15",
        "Expense_Item": "Rail",
        "Amount": "88.4",
        "Currency": "GBP",
        "Converted_Amount": "88.4",
        "Cost_Center": "CC130",
        "Company": "GB10",
        "Status": "Paid",
    } | more


def journal_line(journal: int, line: int, **more: Any) -> dict[str, Any]:
    """A line of a financial journal."""
    side = "Debit_Amount" if line % 2 else "Credit_Amount"
    return {
        "Journal_Number": f"JRN-{journal}",
        "Line_Order": str(line),
        "Accounting_Date": "2026-01-31",
        "Journal_Source": "Payroll",
        "Journal_Status": "Posted",
        "Company": "GB10",
        "Ledger_Account": "601000",
        "Currency": "GBP",
        side: "1234.5678",
    } | more


def reports() -> dict[str, list[dict[str, Any]]]:
    """Twenty workers, ten expense lines, ten journal lines."""
    return {
        "Workers": [worker(n) for n in range(1, 21)],
        "Travel_Expenses": [expense(n) for n in range(1, 11)],
        "Journal_Lines": [journal_line(n, line) for n in range(1, 6) for line in (1, 2)],
    }
