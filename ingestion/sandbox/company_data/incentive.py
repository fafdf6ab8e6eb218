"""Incentive compensation: plans with versions, and payouts to the representatives who sold Atom's orders."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from pathlib import Path
from typing import Any

from ingestion.sandbox.company_data.common import (
    COMPANIES,
    DAY_SECONDS,
    FIRST,
    LAST,
    NOW,
    day_text,
    moment_text,
    month_of,
    number_of,
    working,
    write_jsonl,
)
from ingestion.sandbox.company_data.log import FaultLog, Spoil
from ingestion.sandbox.company_data.sales import Sales, SalesOrder
from ingestion.sandbox.masters import Chance

# kind, name, metric, rate percent of each year's version, cap in whole units of currency
KINDS = (
    ("REV", "Revenue commission", "net_revenue", (1.5, 1.6, 1.75, 1.75), 4_000),
    ("DEAL", "Large order bonus", "contribution", (2.0, 2.0, 2.25, 2.5), 6_000),
    ("NEW", "New client bonus", "new_clients", (5.0, 5.0, 4.0, 4.0), 2_500),
)
STARTS = (FIRST, *(number_of(date(year, 1, 1)) for year in (2024, 2025, 2026)))
LARGE = 500_000  # cents of an order that earns its own payout
FAULTS = (
    Spoil(0.22, "period_month", "2025-13", "a month that does not exist", "PATTERN_MISMATCH"),
    Spoil(0.39, "payout_amount", "see note", "text in a decimal", "TYPE_MISMATCH"),
    Spoil(0.57, "status", "done", "a status that is none", "NOT_IN_ALLOWED_VALUES"),
    Spoil(0.71, "plan_version", 0, "a version that cannot be", "OUT_OF_RANGE"),
    Spoil(0.9, "employee_id", None, "a payout to nobody", "REQUIRED_MISSING"),
)


def write_incentive(directory: Path, sales: Sales, chance: Chance, log: FaultLog) -> None:
    """Both collections of the incentive system."""
    payouts = _payouts(sales, chance)
    log.spoil("incentive", "payouts", payouts, ("payout_id",), FAULTS)
    write_jsonl(directory / "plans.jsonl", _plans())
    write_jsonl(directory / "payouts.jsonl", payouts)


def _version(day: int) -> int:
    return sum(1 for start in STARTS if start <= day)


def _plans() -> list[dict[str, Any]]:
    records = []
    for company in COMPANIES:
        for kind, name, metric, rates, cap in KINDS:
            for version, start in enumerate(STARTS, start=1):
                end = STARTS[version] - 1 if version < len(STARTS) else None
                records.append(
                    {
                        "plan_id": f"{kind}-{company.code}",
                        "version": version,
                        "plan_name": f"{name} {company.code}",
                        "metric": metric,
                        "rate_percent": rates[version - 1],
                        "cap_amount": float(cap),
                        "currency": company.currency,
                        "valid_from": day_text(start),
                        "valid_to": day_text(end) if end else None,
                        "updated_at": moment_text((start - 10 if end is None else end) * DAY_SECONDS + 36_000),
                    }
                )
    return records


def _payouts(sales: Sales, chance: Chance) -> list[dict[str, Any]]:
    monthly: dict[tuple[str, str, str], list[int]] = defaultdict(lambda: [0, 0])
    drafts: list[tuple[int, str, dict[str, Any]]] = []
    seen: set[int] = set()
    for order in sales.orders:
        is_first = order.customer.number not in seen and (order.customer.client.onboarded or 0) >= FIRST
        seen.add(order.customer.number)
        if not order.rep or order.shipped is None:
            continue
        day = order.shipped // DAY_SECONDS
        sums = monthly[month_of(day), order.company.code, order.rep]
        sums[0], sums[1] = sums[0] + order.net, max(sums[1], day)
        if order.net >= LARGE:
            cost = sum(line.pieces * line.product.cost for line in order.lines)
            drafts.append(_draft("DEAL", order.rep, order.company.code, day, max(0, order.net - cost), order, chance))
            if order.status == "returned":
                drafts.append(_clawback(drafts[-1][2], order))
        if is_first:
            drafts.append(_draft("NEW", order.rep, order.company.code, day, order.net, order, chance))
    for (_, code, rep), (cents, day) in monthly.items():
        drafts.append(_draft("REV", rep, code, day, cents, None, chance))
    drafts.sort(key=lambda draft: draft[:2])
    return [{"payout_id": f"IP-{number:07d}", **record} for number, (_, _, record) in enumerate(drafts, start=1)]


def _draft(
    kind: str, rep: str, code: str, day: int, basis: int, order: SalesOrder | None, chance: Chance
) -> tuple[int, str, dict[str, Any]]:
    """A payout with what it is sorted by: it is paid on the 25th of the next month, unless it is still to come."""
    rates, cap = next((plan[3], plan[4]) for plan in KINDS if plan[0] == kind)
    version = _version(day)
    cents = min(int(basis * rates[version - 1] / 100), cap * 100)
    month_end = next(end for end in range(day, day + 31) if month_of(end) != month_of(end + 1))
    paid = working(month_end + 25, -1)
    status = "paid" if paid <= LAST else "approved" if month_end + 8 <= LAST else "calculated"
    if status == "paid" and chance.happens(0.004):
        status = "approved"  # held back
    moment = min(NOW, (paid if status == "paid" else min(LAST, month_end + 8)) * DAY_SECONDS + 50_000)
    record = {
        "plan_id": f"{kind}-{code}",
        "plan_version": version,
        "employee_id": rep,
        "order_id": order.number if order else None,
        "period_month": month_of(day),
        "basis_amount": basis / 100,
        "payout_amount": cents / 100,
        "currency": next(company.currency for company in COMPANIES if company.code == code),
        "status": status,
        "paid_on": day_text(paid) if status == "paid" else None,
        "updated_at": moment_text(moment),
    }
    return day, f"{kind}{rep}{order.number if order else 0}", record


def _clawback(payout: dict[str, Any], order: SalesOrder) -> tuple[int, str, dict[str, Any]]:
    """What a returned order takes back."""
    day = order.changed // DAY_SECONDS
    record = {
        **payout,
        "plan_version": _version(day),
        "period_month": month_of(day),
        "basis_amount": -payout["basis_amount"],
        "payout_amount": -payout["payout_amount"],
        "status": "reversed",
        "paid_on": None,
        "updated_at": moment_text(order.changed),
    }
    return day, f"CLAW{payout['employee_id']}{order.number}", record
