"""What all systems of the synthetic company share: companies, cost centres, accounts, banks, calendar and writing.

Days are whole numbers since 1970-01-01 and moments whole seconds since then, because date objects would take most
of the generator's time. Money is whole cents until it is written.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from ingestion.sandbox.masters import FIRST_DAY as FIRST_ORDER_DAY
from ingestion.sandbox.masters import RATES, TODAY, Chance

EPOCH = date(1970, 1, 1)
DAY_SECONDS = 86_400


def number_of(day: date) -> int:
    """Days since 1970-01-01."""
    return (day - EPOCH).days


FIRST, LAST = number_of(date(2023, 10, 1)), number_of(TODAY)
NOW = (LAST + 1) * DAY_SECONDS - 1  # the last second of the story
RATE_START = number_of(FIRST_ORDER_DAY)


@dataclass(frozen=True)
class Company:
    """A company of the group; its code is the tenant of Atom, Emerald, CRM and tracking, too."""

    code: str
    name: str
    country: str
    currency: str
    share: int
    digit: str
    location: str


COMPANIES = (
    Company("GB10", "Synthetic Group United Kingdom", "GB", "GBP", 45, "1", "Leeds"),
    Company("DE10", "Synthetic Group Europe", "DE", "EUR", 33, "2", "Kassel"),
    Company("US10", "Synthetic Group Americas", "US", "USD", 22, "3", "Dayton"),
)
COMPANY_OF_PLANT = {company.digit: company for company in COMPANIES}
# code, name, capability, job profiles, share of the workers
FUNCTIONS = (
    ("10", "Sales", "Client acquisition", ("Sales Representative", "Sales Manager"), 16),
    ("20", "Production", "Manufacturing", ("Production Operator", "Production Engineer"), 40),
    ("30", "Procurement", "Strategic sourcing", ("Buyer", "Category Manager"), 6),
    ("40", "Logistics", "Warehousing and transport", ("Warehouse Operative", "Logistics Planner"), 15),
    ("50", "Finance", "Financial control", ("Accountant", "Controller"), 6),
    ("60", "Technology", "Data and software", ("Data Engineer", "Software Engineer"), 8),
    ("70", "People", "People services", ("People Partner", "Payroll Specialist"), 3),
    ("80", "Client service", "Client care", ("Client Adviser", "Service Engineer"), 6),
)
FUNCTION_SHARES = (16, 56, 62, 77, 83, 91, 94, 100)


def cost_center(company: Company, function: str) -> str:
    """Code of a cost centre, as Workday, Oracle and the capacity plan write it."""
    return f"CC{company.digit}{function}"


# account, name, type, parent
ACCOUNTS = (
    ("100000", "Assets", "Asset", ""),
    ("101000", "Cash at bank", "Asset", "100000"),
    ("110000", "Trade receivables", "Asset", "100000"),
    ("120000", "Inventory", "Asset", "100000"),
    ("130000", "Input tax", "Asset", "100000"),
    ("200000", "Liabilities", "Liability", ""),
    ("201000", "Trade payables", "Liability", "200000"),
    ("205000", "Goods received, not invoiced", "Liability", "200000"),
    ("210000", "Output tax", "Liability", "200000"),
    ("220000", "Wages payable", "Liability", "200000"),
    ("225000", "Payroll tax payable", "Liability", "200000"),
    ("230000", "Accrued expenses", "Liability", "200000"),
    ("240000", "Employee expenses payable", "Liability", "200000"),
    ("300000", "Equity", "Owners equity", ""),
    ("400000", "Revenue", "Revenue", ""),
    ("401000", "Product revenue", "Revenue", "400000"),
    ("402000", "Returns and allowances", "Revenue", "400000"),
    ("500000", "Cost of sales", "Expense", ""),
    ("501000", "Cost of goods sold", "Expense", "500000"),
    ("510000", "Purchase price variance", "Expense", "500000"),
    ("520000", "Inbound freight", "Expense", "500000"),
    ("525000", "Outbound freight", "Expense", "500000"),
    ("600000", "Operating expenses", "Expense", ""),
    ("601000", "Salaries", "Expense", "600000"),
    ("602000", "Social contributions", "Expense", "600000"),
    ("610000", "Travel", "Expense", "600000"),
    ("620000", "Sales incentives", "Expense", "600000"),
    ("630000", "Energy", "Expense", "600000"),
    ("640000", "Services bought", "Expense", "600000"),
    ("699000", "Sundry expenses, closed", "Expense", "600000"),
)
# BIC of a head office, companies whose clients use it, relative number of clients; the institution codes are real
BANKS = (
    ("HBUKGB4B", "GB10", 22), ("MIDLGB22", "GB10", 8), ("BARCGB22", "GB10", 20), ("LOYDGB2L", "GB10", 18),
    ("NWBKGB2L", "GB10", 14), ("ABBYGB2L", "GB10", 10), ("HSBCHKHH", "GB10", 2), ("CITIGB2L", "GB10", 6),
    ("DEUTDEFF", "DE10", 38), ("BNPAFRPP", "DE10", 26), ("HSBCDEFF", "DE10", 10), ("CITIDEFF", "DE10", 8),
    ("BARCDEFF", "DE10", 6), ("CHASDEFX", "DE10", 12), ("CHASUS33", "US10", 42), ("CITIUS33", "US10", 34),
    ("BARCUS33", "US10", 10), ("DEUTUS33", "US10", 14),
)  # fmt: skip


@cache
def day_text(day: int) -> str:
    """ISO date of a day."""
    return (EPOCH + timedelta(days=day)).isoformat()


@cache
def month_of(day: int) -> str:
    """Month of a day, as 2026-09."""
    return day_text(day)[:7]


@cache
def year_of(day: int) -> int:
    """Year of a day."""
    return int(day_text(day)[:4])


def clock_text(second: int) -> str:
    """Time of day of a moment."""
    rest = second % DAY_SECONDS
    return f"{rest // 3600:02d}:{rest // 60 % 60:02d}:{rest % 60:02d}"


def moment_text(second: int) -> str:
    """ISO 8601 in UTC with a Z."""
    rest = second % DAY_SECONDS
    return f"{day_text(second // DAY_SECONDS)}T{rest // 3600:02d}:{rest // 60 % 60:02d}:{rest % 60:02d}Z"


def offset_text(second: int) -> str:
    """ISO 8601 in UTC with +00:00, as Oracle writes it."""
    return f"{moment_text(second)[:-1]}+00:00"


@cache
def month_ends() -> tuple[int, ...]:
    """The last day of every month of the story."""
    return tuple(day for day in range(FIRST, LAST + 1) if month_of(day) != month_of(day + 1))


def working(day: int, step: int = 1) -> int:
    """The day, or the nearest working day in the direction of the step; 1970-01-01 was a Thursday."""
    while (day + 3) % 7 > 4:
        day += step
    return day


def cents_text(cents: int) -> str:
    """Cents as a decimal with two places."""
    return f"-{cents_text(-cents)}" if cents < 0 else f"{cents // 100}.{cents % 100:02d}"


def decimal_comma(cents: int, places: int = 2) -> str:
    """Hundredths (or thousandths ...) with a decimal comma."""
    unit = 10**places
    return f"{cents // unit},{cents % unit:0{places}d}"


def rate(currency: str, day: int) -> float:
    """GBP for one unit of a currency on a day, five decimals."""
    start, drift = RATES[currency]
    return round(start + drift * (day - RATE_START) / 365, 5)


def to_gbp(cents: int, currency: str, day: int) -> int:
    """GBP cents of an amount, half up."""
    return cents if currency == "GBP" else int(cents * rate(currency, day) + (0.5 if cents >= 0 else -0.5))


# weight of a day for sales and traffic: growth over the years, season, week
SEASON = (0.84, 0.9, 1.04, 0.98, 1.0, 1.05, 0.93, 0.86, 1.06, 1.1, 1.24, 1.12)
WEEK = (1.12, 1.15, 1.12, 1.08, 1.0, 0.42, 0.34)


@cache
def day_weights() -> tuple[float, ...]:
    """Running total of the days' weights, from the story's first day; one more than there are days."""
    total, found = 0.0, [0.0]
    for day in range(FIRST, LAST + 1):
        growth = 1 + 0.28 * (day - FIRST) / 365
        total += growth * SEASON[int(day_text(day)[5:7]) - 1] * WEEK[(day + 3) % 7]
        found.append(total)
    return tuple(found)


def draw_day(chance: Chance, start: int, end: int) -> int:
    """A day from start to end, both included, busy days more often."""
    weights = day_weights()
    low, high = weights[start - FIRST], weights[end - FIRST + 1]
    return min(end, max(start, FIRST + bisect_left(weights, low + chance.draw() * (high - low)) - 1))


def draw_second(chance: Chance, first_hour: int = 7, last_hour: int = 20) -> int:
    """A second of the day, most often around noon."""
    span = (last_hour - first_hour) * 3600
    return first_hour * 3600 + int(span * (chance.draw() + chance.draw()) / 2)


ENCODE = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def write_jsonl(path: Path, records: Iterable[Mapping[str, Any]]) -> None:
    """One JSON document a line, UTF-8, LF."""
    write_lines(path, map(ENCODE, records))


def write_lines(path: Path, lines: Iterable[str], encoding: str = "utf-8", ending: str = "\n") -> None:
    """Write text lines; the directory is made if it is not there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "".join([line + ending for line in lines])
    path.write_bytes(text.encode(encoding))


def csv_line(values: Sequence[str], separator: str = ",") -> str:
    """One CSV record, values quoted where they must be (the csv module would be slower for millions of plain ones)."""
    return separator.join(
        [
            '"' + value.replace('"', '""') + '"'
            if separator in value or '"' in value or "\n" in value or "\r" in value
            else value
            for value in values
        ]
    )
