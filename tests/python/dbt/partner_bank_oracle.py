"""The partner-bank indicators in plain Python, straight from their definition, client by client and week by week."""

from __future__ import annotations

import csv
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any

Row = dict[str, Any]
SEEDS = Path(__file__).resolve().parents[3] / "seeds/reference"
FIRST_SUNDAY = date(2020, 1, 5)  # the first one in dim_date
BEFORE_ALL = date(2016, 1, 3)  # no client has any evidence on that Sunday
WEEK = timedelta(days=7)
COLUMNS = (
    "evidence", "confidence", "status_change", "tenure_days", "product_count", "balance_gbp", "balance_band",
    "payment_count_13w", "payment_amount_13w_gbp", "wallet_share_13w", "wallet_share_change", "is_partner_client",
    "is_at_risk",
)  # fmt: skip
CONFIDENCE = {"relationship": Decimal("1.0"), "payment": Decimal("0.8"), "declared": Decimal("0.5"), None: None}


def _seed(name: str) -> list[dict[str, str]]:
    with (SEEDS / name).open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


GROUPS = {row["institution_code"]: row["bank_group"] for row in _seed("partner_banks.csv")}
RATES = {(row["currency_code"], row["valid_from_date"]): row["gbp_per_unit"] for row in _seed("exchange_rates.csv")}


def group_of(bic: str) -> str:
    return GROUPS.get(bic[:4], f"unmapped {bic[:4]}")


def in_gbp(amount: Decimal, currency: str, day: date) -> Decimal:
    rate = Decimal(RATES[currency, f"{day:%Y-%m}-01"])
    return (amount * rate).quantize(Decimal("0.0001"), ROUND_HALF_UP)


def rounded(share: Fraction) -> Decimal:
    return Decimal((share * 2_000_000 + 1) // 2) / 1_000_000


@dataclass
class Known:
    """What has landed, as of one run.

    Attributes:
        versions: of each relationship and client, when it landed and what it said, oldest first.
    """

    relationships: dict[str, list[tuple[datetime, Row]]]
    clients: dict[str, list[tuple[datetime, Row]]]
    balances: list[Row]
    payments: list[Row]
    memo: dict[Any, str | None] = field(default_factory=dict)

    @cached_property
    def paid(self) -> dict[str, dict[str, list[tuple[date, Decimal]]]]:
        """Day and pounds of each executed payment, by client and group."""
        found: dict[str, dict[str, list[tuple[date, Decimal]]]] = defaultdict(lambda: defaultdict(list))
        for row in self.payments:
            if row["status"] == "executed":
                day = row["executed_at"].date()
                pounds = in_gbp(row["amount"], row["currency"], day)
                found[row["client_id"]][group_of(row["bank_bic"])].append((day, pounds))
        return found

    def active(self, client: str, group: str, sunday: date) -> list[tuple[str, Row]]:
        """Relationships active at the end of a week, as known then."""
        found = []
        for number, versions in self.relationships.items():
            row = as_known(versions, sunday)
            ended = row["ended_on"]
            stands = row["status"] == "active" or (row["status"] == "ended" and ended is not None)
            lasts = stands and row["started_on"] <= sunday and (ended is None or sunday <= ended)
            if lasts and (row["client_id"], group_of(row["bank_bic"])) == (client, group):
                found.append((number, row))
        return found

    def declares(self, client: str, group: str, sunday: date) -> bool:
        if client not in self.clients:
            return False
        row = as_known(self.clients[client], sunday)
        bic, since = row["declared_bank_bic"], row["onboarded_on"]
        return bic is not None and group_of(bic) == group and (since is None or since <= sunday)

    def between(self, client: str, group: str, sunday: date, newest: int, oldest: int) -> list[Decimal]:
        """Payments of whole weeks, counted back from this one, which is 0."""
        low, high = sunday - WEEK * (oldest + 1), sunday - WEEK * newest
        return [pounds for day, pounds in self.paid[client][group] if low < day <= high]

    def evidence(self, client: str, group: str, sunday: date) -> str | None:
        key = client, group, sunday
        if key not in self.memo:
            if self.active(*key):
                found = "relationship"
            elif len(self.between(*key, 0, 12)) >= 2:
                found = "payment"
            else:
                found = "declared" if self.declares(*key) else None
            self.memo[key] = found
        return self.memo[key]

    def share(self, client: str, group: str, sunday: date, newest: int, oldest: int) -> Fraction | None:
        whole = sum(sum(self.between(client, one, sunday, newest, oldest)) for one in list(self.paid[client]))
        part = sum(self.between(client, group, sunday, newest, oldest))
        return Fraction(part) / Fraction(whole) if whole else None

    def indicators(self, client: str, group: str, sunday: date) -> tuple[Any, ...] | None:
        """The row of a client, group and week in the order of COLUMNS; None where there is none."""
        key = client, group, sunday
        evidence, before = self.evidence(*key), self.evidence(client, group, sunday - WEEK)
        payments = self.between(*key, 0, 12)
        if evidence is None and before is None and not payments:
            return None
        related = self.active(*key)
        starts = [row["started_on"] for _, row in related]
        balance = self._balance([number for number, _ in related], sunday)
        now, earlier = self.share(*key, 0, 12), self.share(*key, 13, 25)
        change = None if now is None or earlier is None else rounded(now) - rounded(earlier)
        status = self._status(client, group, sunday, evidence, before)
        shrunk = bool(earlier) and now is not None and (earlier - now) / earlier >= Fraction(30, 100)
        silent = not self.between(*key, 0, 3) and len(self.between(*key, 4, 16)) >= 4
        return (
            evidence,
            CONFIDENCE[evidence],
            status,
            (sunday - min(starts)).days if starts else None,
            len({row["product"] for _, row in related}),
            balance,
            band(balance),
            len(payments),
            sum(payments, Decimal(0)),
            None if now is None else rounded(now),
            change,
            evidence is not None,
            status == "retained" and (shrunk or silent),
        )

    def _status(self, client: str, group: str, sunday: date, evidence: str | None, before: str | None) -> str:
        if evidence is None:
            return "none" if before is None else "lost"
        if before is not None:
            return "retained"
        earlier = BEFORE_ALL
        while earlier < sunday:
            if self.evidence(client, group, earlier):
                return "reactivated"
            earlier += WEEK
        return "new"

    def _balance(self, numbers: list[str], sunday: date) -> Decimal | None:
        found = []
        for number in numbers:
            days = [row for row in self.balances if row["relationship_id"] == number and row["balance_date"] <= sunday]
            if days:
                row = max(days, key=lambda row: row["balance_date"])
                found.append(in_gbp(row["balance_amount"], row["currency"], row["balance_date"]))
        return sum(found, Decimal(0)) if found else None

    def week(self, sunday: date, clients: list[str], groups: list[str]) -> dict[tuple[str, str, date], tuple[Any, ...]]:
        """All rows of a week."""
        rows = {(one, group, sunday): self.indicators(one, group, sunday) for one in clients for group in groups}
        return {key: row for key, row in rows.items() if row is not None}


def as_known(versions: list[tuple[datetime, Row]], sunday: date) -> Row:
    """What was known as the week ended; what landed first stands for all the time before."""
    known = [row for landed_at, row in versions if landed_at.date() <= sunday]
    return known[-1] if known else versions[0][1]


def band(balance: Decimal | None) -> str | None:
    if balance is None:
        return None
    for limit, name in ((0, "overdrawn"), (10_000, "below 10k"), (100_000, "10k to 100k"), (1_000_000, "100k to 1m")):
        if balance < limit:
            return name
    return "1m and more"
