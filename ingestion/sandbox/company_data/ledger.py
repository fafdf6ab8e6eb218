"""Oracle, the ledger: accounts, and journals that follow from purchases, sales and Workday. All of them balance."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ingestion.sandbox.company_data.common import (
    ACCOUNTS,
    COMPANIES,
    DAY_SECONDS,
    FIRST,
    LAST,
    NOW,
    Company,
    cost_center,
    day_text,
    month_ends,
    month_of,
    number_of,
    offset_text,
    to_gbp,
    write_jsonl,
)
from ingestion.sandbox.company_data.log import FaultLog
from ingestion.sandbox.company_data.procurement_finance import Invoice, company_of
from ingestion.sandbox.company_data.sales import Sales
from ingestion.sandbox.company_data.workday_finance import WorkdayJournal
from ingestion.sandbox.masters import Chance
from ingestion.sandbox.orders import RECEIPT, OrderBook

FIRST_JOURNAL = 400_000_001
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
LEDGER = "Synthetic Group GBP"


@dataclass
class Entry:
    """A journal line in cents of its currency; positive is a debit."""

    account: str
    function: str
    cents: int
    reference: str = ""
    text: str = ""


@dataclass
class Journal:
    """A journal of one company and one currency.

    Attributes:
        reverses: the journal that this one takes back.
    """

    company: Company
    day: int
    category: str
    name: str
    currency: str
    entries: list[Entry]
    status: str = "Posted"
    entered: int = 0
    reverses: Journal | None = None
    identifier: int = field(default=0)


def week_end(day: int) -> int:
    """The Sunday of a day's week, at most the story's last day."""
    return min(LAST, day + (3 - day) % 7)


def make_journals(
    chance: Chance, sales: Sales, invoices: Sequence[Invoice], book: OrderBook, workday: Iterable[WorkdayJournal]
) -> list[Journal]:
    """All journals in order of their days."""
    journals = [
        *_sales(sales),
        *_receipts(book),
        *_invoices(invoices),
        *_payments(invoices),
        *_from_workday(workday),
        *_accruals(chance),
    ]
    journals = [journal for journal in journals if any(entry.cents for entry in journal.entries)]
    journals.sort(key=lambda journal: (journal.day, journal.category, journal.name, journal.currency))
    for place, journal in enumerate(journals):
        journal.identifier = FIRST_JOURNAL + place
        journal.entered = min(NOW, journal.day * DAY_SECONDS + 64_800 + place % 3600)
        if journal.status == "Posted" and journal.day > LAST - 3 and chance.happens(0.5):
            journal.status = "Unposted"
    return journals


def _sales(sales: Sales) -> Iterable[Journal]:
    """Weekly: revenue with its cost when goods leave, returns, and the money that customers pay."""
    sums: dict[tuple[int, str, str], int] = defaultdict(int)
    for order in sales.orders:
        if order.shipped is None:
            continue
        code = order.company.code
        week = week_end(order.shipped // DAY_SECONDS)
        cost = sum([line.pieces * line.product.cost for line in order.lines])
        amounts = (("net", order.net), ("tax", order.tax), ("cost", cost), ("freight", order.freight))
        for name, cents in amounts:
            sums[week, code, name] += cents
        if order.status == "returned":
            back = week_end(order.changed // DAY_SECONDS)
            sums[back, code, "net back"] += order.net
            sums[back, code, "tax back"] += order.tax
    for payment in sales.payments:
        sums[week_end(payment.moment // DAY_SECONDS), payment.order.company.code, "paid"] += payment.cents
    for week, code in sorted({key[:2] for key in sums}):
        company = next(company for company in COMPANIES if company.code == code)
        part = {name: sums[week, code, name] for name in ("net", "tax", "freight", "net back", "tax back", "paid")}
        yield Journal(company, week, "Sales", f"Sales {code} {day_text(week)}", company.currency, _of_week(part))
        cost = [Entry("501000", "10", sums[week, code, "cost"]), Entry("120000", "40", -sums[week, code, "cost"])]
        if cost[0].cents:
            yield Journal(company, week, "Cost of sales", f"Cost of sales {code} {day_text(week)}", "GBP", cost)


def _of_week(part: dict[str, int]) -> list[Entry]:
    entries = [
        Entry("110000", "10", part["net"] + part["tax"]),
        Entry("401000", "10", -part["net"]),
        Entry("210000", "50", -part["tax"]),
        Entry("525000", "40", part["freight"]),
        Entry("230000", "40", -part["freight"]),
        Entry("402000", "10", part["net back"]),
        Entry("210000", "50", part["tax back"]),
        Entry("110000", "10", -part["net back"] - part["tax back"]),
        Entry("101000", "50", part["paid"]),
        Entry("110000", "10", -part["paid"]),
    ]
    return [entry for entry in entries if entry.cents]


def _receipts(book: OrderBook) -> Iterable[Journal]:
    """Monthly by company and currency: goods into stock at the order's price."""
    sums: dict[tuple[str, str, str], int] = defaultdict(int)
    for movement in book.movements:
        per = movement.item.material.group.per
        cents = (2 * movement.quantity * movement.item.cents + 1000 * per) // (2000 * per)
        key = (month_of(number_of(movement.day)), company_of(movement.order.plant).code)
        sums[(*key, movement.order.supplier.currency)] += cents if movement.kind == RECEIPT else -cents
    ends = {month_of(day): day for day in month_ends()}
    for (month, code, currency), cents in sorted(sums.items()):
        company = next(company for company in COMPANIES if company.code == code)
        entries = [Entry("120000", "40", cents), Entry("205000", "40", -cents)]
        yield Journal(company, ends[month], "Receiving", f"Receiving {code} {month} {currency}", currency, entries)


def _invoices(invoices: Sequence[Invoice]) -> Iterable[Journal]:
    """Daily by company and currency: what suppliers bill. A cancelled invoice is taken back on its own."""
    days: dict[tuple[int, str, str], list[Invoice]] = defaultdict(list)
    for invoice in invoices:
        days[invoice.entered, invoice.company.code, invoice.supplier.currency].append(invoice)
    for (day, code, currency), found in sorted(days.items(), key=lambda item: item[0]):
        kept = [invoice for invoice in found if invoice.cancelled is None]
        name = f"Purchase invoices {code} {day_text(day)}"
        company = found[0].company
        if kept:
            entries = [entry for invoice in kept for entry in _bill(invoice)]
            yield Journal(company, day, "Purchase Invoices", name, currency, entries)
        for invoice in found:
            if invoice.cancelled is not None:
                title = f"{name} {invoice.number}"
                original = Journal(company, day, "Purchase Invoices", title, currency, _bill(invoice))
                yield original
                yield _reversal(original, invoice.cancelled)


def _bill(invoice: Invoice) -> list[Entry]:
    """Receipts at the order's price, the difference as price variance, and the payable."""
    entries = []
    for line in invoice.lines:
        function = {"205000": "40", "640000": "50", "520000": "40"}.get(line.account, "50")
        entries.append(Entry(line.account, function, line.expected, invoice.number, line.kind))
        if line.cents != line.expected:
            entries.append(Entry("510000", "30", line.cents - line.expected, invoice.number, "Price variance"))
    entries.append(Entry("201000", "50", -invoice.cents, invoice.number, invoice.supplier.number))
    return entries


def _payments(invoices: Sequence[Invoice]) -> Iterable[Journal]:
    """Weekly by company and currency: what is paid to suppliers."""
    sums: dict[tuple[int, str, str], int] = defaultdict(int)
    for invoice in invoices:
        if invoice.paid is not None:
            sums[week_end(invoice.paid), invoice.company.code, invoice.supplier.currency] += invoice.paid_cents
    for (week, code, currency), cents in sorted(sums.items()):
        company = next(company for company in COMPANIES if company.code == code)
        entries = [Entry("201000", "50", cents), Entry("101000", "50", -cents)]
        yield Journal(company, week, "Payments", f"Payments {code} {day_text(week)}", currency, entries)


def _from_workday(journals: Iterable[WorkdayJournal]) -> Iterable[Journal]:
    """Payroll and expenses as Workday hands them over; the reference is Workday's journal."""
    for source in journals:
        category = "Payroll" if source.source == "Payroll" else "Expense reports"
        entries = [Entry(line.account, line.cost_center[-2:], line.cents, source.number) for line in source.postings]
        yield Journal(source.company, source.day, category, source.number, source.company.currency, entries)


def _accruals(chance: Chance) -> Iterable[Journal]:
    """Energy and services at the end of each month, reversed on the next day."""
    for day in month_ends():
        for company in COMPANIES:
            energy, services = chance.whole(2_000_000, 9_000_000), chance.whole(500_000, 3_000_000)
            entries = [
                Entry("630000", "20", energy),
                Entry("640000", "50", services),
                Entry("230000", "50", -energy - services),
            ]
            name = f"Accrual {company.code} {month_of(day)}"
            journal = Journal(company, day, "Accrual", name, company.currency, entries)
            yield journal
            if day < LAST:
                yield _reversal(journal, day + 1)
    mistake = COMPANIES[0]
    entries = [Entry("640000", "50", 125_000), Entry("230000", "50", -125_000)]
    yield Journal(mistake, FIRST + 400, "Adjustment", "Adjustment entered twice", "GBP", entries, "Cancelled")


def _reversal(journal: Journal, day: int) -> Journal:
    entries = [Entry(e.account, e.function, -e.cents, e.reference, e.text) for e in journal.entries]
    name = f"Reversal of {journal.name}"
    return Journal(journal.company, day, "Reversal", name, journal.currency, entries, reverses=journal)


def write_journals(path: Path, journals: Sequence[Journal], log: FaultLog) -> None:
    """Journal headers with their lines."""
    records = [_document(journal) for journal in journals]
    lines = [(record, line) for record in records for line in record["journalLines"]]
    for share, column, value, fault, code in (
        (0.19, "Account", None, "a line without an account", "REQUIRED_MISSING"),
        (0.47, "AccountedDr", -10.5, "a negative debit", "OUT_OF_RANGE"),
        (0.72, "CurrencyCode", "US$", "a currency code that is none", "PATTERN_MISMATCH"),
    ):
        record, line = lines[int(len(lines) * share)]
        line[column] = value
        key = {"JeHeaderId": str(record["JeHeaderId"]), "JeLineNumber": str(line["JeLineNumber"])}
        log.add("oracle", "gl_journal_lines", key, fault, f"{code}:{column}", column, value)
    write_jsonl(path, records)


def _document(journal: Journal) -> dict[str, Any]:
    pounds = [to_gbp(entry.cents, journal.currency, journal.day) for entry in journal.entries]
    pounds[-1] -= sum(pounds)  # what rounding leaves goes to the last line
    stamp = offset_text(journal.entered)
    day = day_text(journal.day)
    return {
        "JeHeaderId": journal.identifier,
        "JournalName": journal.name,
        "Ledger": LEDGER,
        "PeriodName": f"{MONTHS[int(day[5:7]) - 1]}-{day[2:4]}",
        "Category": journal.category,
        "JournalStatus": journal.status,
        "AccountingDate": day,
        "ReversedJeHeaderId": journal.reverses.identifier if journal.reverses else None,
        "CreationDate": stamp,
        "LastUpdateDate": stamp,
        "journalLines": [
            _line(journal, position, entry, cents)
            for position, (entry, cents) in enumerate(zip(journal.entries, pounds, strict=True), start=1)
        ],
    }


def _line(journal: Journal, position: int, entry: Entry, pounds: int) -> dict[str, Any]:
    return {
        "JeHeaderId": journal.identifier,
        "JeLineNumber": position,
        "Company": journal.company.code,
        "CostCenter": cost_center(journal.company, entry.function),
        "Account": entry.account,
        "CurrencyCode": journal.currency,
        "EnteredDr": entry.cents / 100 if entry.cents > 0 else None,
        "EnteredCr": -entry.cents / 100 if entry.cents < 0 else None,
        "AccountedDr": pounds / 100 if pounds > 0 else None,
        "AccountedCr": -pounds / 100 if pounds < 0 else None,
        "Description": entry.text or journal.name,
        "Reference": entry.reference or None,
    }


def write_accounts(path: Path) -> None:
    """The chart of accounts."""
    write_jsonl(
        path,
        [
            {
                "Account": account,
                "Description": name,
                "AccountType": kind,
                "ParentAccount": parent or None,
                "EnabledFlag": account != "699000",
                "StartDate": "2015-01-01",
                "EndDate": "2022-12-31" if account == "699000" else None,
                "LastUpdateDate": "2023-01-02T08:00:00+00:00",
            }
            for account, name, kind, parent in ACCOUNTS
        ],
    )
