"""Workday: travel expenses, and the journals of payroll and expenses that Oracle's ledger takes over."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingestion.sandbox.company_data.common import (
    COMPANIES,
    FIRST,
    LAST,
    Company,
    cents_text,
    cost_center,
    day_text,
    month_ends,
    month_of,
    to_gbp,
    working,
    write_jsonl,
)
from ingestion.sandbox.company_data.log import FaultLog, Spoil
from ingestion.sandbox.company_data.people import Worker
from ingestion.sandbox.masters import Chance, cumulated

REPORTS = 2100
TRAVEL_SHARES = {"10": 9, "20": 1, "30": 4, "40": 1, "50": 2, "60": 3, "70": 1, "80": 4}
# item, unit of its quantity, range of the quantity, cents a unit (GBP), cents fixed
AIRFARE, RAIL, HOTEL = ("Airfare", "km", (500, 9000), 9, 6000), ("Rail", "km", (60, 700), 21, 900), (
    "Hotel", "night", (1, 5), 11_500, 0)  # fmt: skip
OTHERS = (
    ("Meals", "day", (1, 5), 3_200, 0),
    ("Taxi", "trip", (1, 4), 1_900, 0),
    ("Car hire", "day", (1, 5), 5_400, 0),
    ("Mileage", "km", (20, 600), 45, 0),
    ("Other", "", (1, 1), 2_500, 0),
)
ABROAD = ("FR", "IT", "ES", "CN", "IN", "PL", "NL", "IE")
EXPENSE_KEYS = ("Expense_Report", "Expense_Report_Line")
EXPENSE_FAULTS = (
    Spoil(0.21, "Amount", "12,50", "a decimal comma", "TYPE_MISMATCH"),
    Spoil(0.36, "Expense_Item", "Cinema", "an expense item that is none", "NOT_IN_ALLOWED_VALUES"),
    Spoil(0.58, "Currency", "Pounds", "a currency code that is none", "PATTERN_MISMATCH"),
    Spoil(0.74, "Quantity", "-3.00", "a negative quantity", "OUT_OF_RANGE"),
    Spoil(0.93, "Employee_ID", None, "an expense of nobody", "REQUIRED_MISSING"),
)
JOURNAL_KEYS = ("Journal_Number", "Line_Order")
JOURNAL_FAULTS = (
    Spoil(0.42, "Ledger_Account", None, "a line without an account", "REQUIRED_MISSING"),
    Spoil(0.77, "Debit_Amount", "1.204,10", "a number in another country's way", "TYPE_MISMATCH"),
)


@dataclass(frozen=True)
class Posting:
    """One line of a Workday journal in cents: positive is a debit."""

    account: str
    cost_center: str
    cents: int


@dataclass(frozen=True)
class WorkdayJournal:
    """A monthly journal of a company."""

    number: str
    company: Company
    day: int
    source: str
    postings: tuple[Posting, ...]


def payroll(workers: list[Worker]) -> list[WorkdayJournal]:
    """One journal a month and company: salaries and social contributions by cost centre."""
    journals = []
    for day in month_ends():
        salaries: dict[tuple[str, str], int] = defaultdict(int)
        for worker in workers:
            version = worker.at(day)
            if version and version.status == "Active" and not worker.is_contingent:
                salaries[worker.company.code, version.function] += version.pay * version.fte // 12
        for company in COMPANIES:
            lines = []
            for (code, function), cents in sorted(salaries.items()):
                if code == company.code:
                    center = cost_center(company, function)
                    lines += [Posting("601000", center, cents), Posting("602000", center, cents * 13 // 100)]
            gross = sum(line.cents for line in lines if line.account == "601000")
            social = sum(line.cents for line in lines if line.account == "602000")
            tax = gross * 24 // 100
            finance = cost_center(company, "50")
            lines += [Posting("220000", finance, tax - gross), Posting("225000", finance, -social - tax)]
            number = f"WJ-{month_of(day)}-{company.code}-PAY"
            journals.append(WorkdayJournal(number, company, day, "Payroll", tuple(lines)))
    return journals


def travel(chance: Chance, workers: list[Worker], scale: float) -> list[dict[str, Any]]:
    """Lines of expense reports: a trip each, with what belongs to it."""
    shares = cumulated([TRAVEL_SHARES[worker.function] for worker in workers])
    records: list[dict[str, Any]] = []
    for number in range(1, max(30, round(REPORTS * scale)) + 1):
        day, worker, version = 0, workers[0], None
        while version is None or version.status != "Active":
            worker = workers[chance.weighted(shares)]
            day = working(chance.whole(FIRST, LAST - 12))
            version = worker.at(day)
        records += _report(chance, f"ER-{number:06d}", worker, version.function, day)
    return records


def _report(chance: Chance, number: str, worker: Worker, function: str, day: int) -> list[dict[str, Any]]:
    country = chance.one(ABROAD) if chance.happens(0.35) else worker.company.country
    items = [AIRFARE if country != worker.company.country else RAIL] if chance.happens(0.8) else []
    if chance.happens(0.55):
        items.append(HOTEL)
    items += [chance.one(OTHERS) for _ in range(chance.whole(1, 2))]
    approved = working(day + chance.whole(4, 25))
    paid = working(approved + chance.whole(3, 14))
    status = "Paid" if paid <= LAST else "Approved" if approved <= LAST else "In Progress"
    if chance.happens(0.02):
        status = "Canceled"
    shared = {
        "Destination_Country": country,
        "Cost_Center": cost_center(worker.company, function),
        "Company": worker.company.code,
        "Status": status,
    }
    if status in ("Paid", "Approved"):
        shared["Approval_Date"] = day_text(approved)
    if status == "Paid":
        shared["Payment_Date"] = day_text(paid)
    lines = []
    for position, (item, unit, (low, high), each, fixed) in enumerate(items, start=1):
        quantity = chance.whole(low, high)
        cents = int((fixed + each * quantity) * (0.8 + 0.5 * chance.draw()))
        if chance.happens(0.006):
            cents = -cents  # a correction of an earlier report
        currency = worker.company.currency
        line = {
            "Expense_Report": number,
            "Expense_Report_Line": str(position),
            "Employee_ID": worker.number,
            "Expense_Date": day_text(day + (0 if item in ("Airfare", "Rail") else chance.whole(0, 2))),
            "Expense_Item": item,
            "Amount": cents_text(cents),
            "Currency": currency,
            "Converted_Amount": cents_text(to_gbp(cents, currency, day)),
            "Merchant": f"Synthetic {item} {chance.whole(1, 60):02d}",
            **shared,
        }
        if unit:
            line |= {"Quantity": f"{quantity}.00", "Quantity_Unit": unit}
        if chance.happens(0.2):
            line["Memo"] = f"Visit {chance.whole(100, 999)}"
        lines.append(line)
    return lines


def expense_journals(records: list[dict[str, Any]]) -> list[WorkdayJournal]:
    """One journal a month and company over the reports approved in it."""
    sums: dict[tuple[str, str], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for record in records:
        if record["Status"] in ("Paid", "Approved"):
            cents = int(record["Amount"].replace(".", ""))
            sums[record["Approval_Date"][:7], record["Company"]][record["Cost_Center"]] += cents
    journals = []
    for day in month_ends():
        for company in COMPANIES:
            centers = sums.get((month_of(day), company.code), {})
            lines = [Posting("610000", center, cents) for center, cents in sorted(centers.items()) if cents]
            if lines:
                total = sum(line.cents for line in lines)
                lines.append(Posting("240000", cost_center(company, "50"), -total))
                number = f"WJ-{month_of(day)}-{company.code}-EXP"
                journals.append(WorkdayJournal(number, company, day, "Expense report", tuple(lines)))
    return journals


def write_travel(path: Path, records: list[dict[str, Any]], log: FaultLog) -> None:
    """The Travel_Expenses report."""
    log.spoil("workday", "travel_expenses", records, EXPENSE_KEYS, EXPENSE_FAULTS)
    write_jsonl(path, records)


def write_journals(path: Path, journals: list[WorkdayJournal], log: FaultLog) -> None:
    """The Journal_Lines report; the journals of the last month are not posted yet."""
    records = []
    for journal in journals:
        ledger = [to_gbp(line.cents, journal.company.currency, journal.day) for line in journal.postings]
        ledger[-1] -= sum(ledger)  # what rounding leaves goes to the last line
        for position, (line, pounds) in enumerate(zip(journal.postings, ledger, strict=True), start=1):
            records.append(_line(journal, position, line, pounds))
    log.spoil("workday", "journal_lines", records, JOURNAL_KEYS, JOURNAL_FAULTS)
    write_jsonl(path, records)


def _line(journal: WorkdayJournal, position: int, line: Posting, pounds: int) -> dict[str, str]:
    side = "Debit" if line.cents >= 0 else "Credit"
    return {
        "Journal_Number": journal.number,
        "Line_Order": str(position),
        "Accounting_Date": day_text(journal.day),
        "Journal_Source": journal.source,
        "Journal_Status": "Unposted" if journal.day == LAST else "Posted",
        "Company": journal.company.code,
        "Ledger_Account": line.account,
        "Cost_Center": line.cost_center,
        "Spend_Category": "Travel" if line.account == "610000" else "Payroll",
        "Currency": journal.company.currency,
        f"{side}_Amount": cents_text(abs(line.cents)),
        f"Ledger_{side}_Amount": cents_text(abs(pounds)),
        "Line_Memo": f"{journal.source} {month_of(journal.day)}",
    }
