"""Growth of random sign-ups, clients and orders against a plain reading, and the macros behind the rates."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from random import Random
from typing import Any

import pytest
from harness import Warehouse
from test_incremental import seeds
from test_macros import macro, show

Row = dict[str, Any]
START = datetime(2025, 1, 1, tzinfo=UTC)
DAYS = 460  # four whole quarters, a fifth and some days of a sixth
TENANTS = ("GB10", "DE10")
RATES = """
select
    {{ growth_rate('now', 'before') }} as rate,
    {{ is_implausible_growth('now', 'before') }} as is_implausible
from (values {}) as v (now, before)
"""
PAIRS = {
    # now, before: rate, whether it is implausible
    (125, 100): (Decimal("0.2500"), False),
    (0, 100): (Decimal(-1), True),
    (300, 100): (Decimal(2), False),
    (301, 100): (Decimal("2.0100"), True),
    (100, 300): (Decimal("-0.6667"), False),
    (99, 300): (Decimal("-0.6700"), True),
    (5, 0): (None, False),
    (0, 0): (None, False),
    (5, -1): (None, False),
    (None, 100): (None, False),
    (100, None): (None, False),
}


def test_growth_is_never_infinite(warehouse: Warehouse) -> None:
    rows = ", ".join(f"({now or ('null' if now is None else 0)}, {'null' if b is None else b})" for now, b in PAIRS)
    assert show(warehouse, RATES.replace("{}", rows)) == list(PAIRS.values())


@pytest.mark.parametrize("factor", ["1", "0.5", "-3", "", "3 or 1=1", "None"])
def test_a_factor_that_is_none_is_refused(factor: str) -> None:
    with pytest.raises(ValueError, match="implausible_growth_factor"):
        macro("macros/growth/growth_rate.sql", "is_implausible_growth", var=lambda _: factor)("a", "b")


class Company:
    """Landed rows of the CRM, Emerald and Atom, and what a plain reader makes of them."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.sign_ups: list[Row] = []
        self.clients: list[Row] = []
        self.relationships: list[Row] = []
        self.customers: list[Row] = []
        self.orders: list[Row] = []
        self.steps: Counter[tuple[str, str, date]] = Counter()
        for number in range(1, 61):
            self._client(number)

    def _day(self, first: int = 0) -> datetime:
        return START + timedelta(days=self.random.randint(first, DAYS - 1), seconds=self.random.randint(0, 86_399))

    def _client(self, number: int) -> None:
        """A sign-up in one or two exports, perhaps an activation, perhaps a loss, perhaps orders."""
        tenant, client = self.random.choice(TENANTS), f"CL{number}"
        ends = {1: START, 2: START + timedelta(days=DAYS - 1)}  # so that the days reach from end to end
        signed = ends.get(number) or self._day()
        is_active = self.random.random() < 0.7
        activated = signed + timedelta(days=self.random.randint(0, 30)) if is_active else None
        if activated and activated >= START + timedelta(days=DAYS):
            activated, is_active = None, False
        row = {
            "sign_up_id": f"SU{number}", "signed_up_at": signed, "company_name": client, "country": "GB",
            "tenant": tenant, "source_channel": "organic", "status": "activated" if is_active else "qualified",
            "activated_at": activated, "client_id": client if is_active else None, "acquisition_cost_amount": 1,
            "currency": "GBP", "_source_file": "sign_ups_b.csv", "_source_line": number,
        }  # fmt: skip
        if self.random.random() < 0.3:  # an older export knew it as new
            older = {"status": "new", "activated_at": None, "client_id": None, "_source_file": "sign_ups_a.csv"}
            self.sign_ups.append(row | older)
        self.sign_ups.append(row)
        self.steps["sign_up", tenant, signed.date()] += 1
        if activated:
            self.steps["activation", tenant, activated.date()] += 1
        if is_active and self.random.random() < 0.3:
            left = self._day()
            self.clients.append(self._emerald(client, tenant, "offboarded"))
            for ended in (left, left - timedelta(days=9)):
                self.relationships.append(self._relationship(client, ended))
            self.steps["loss", tenant, left.date()] += 1
        else:
            self.clients.append(self._emerald(client, tenant, "active"))
        self.customers.append(
            {"customer_id": number, "client_id": client, "tenant": tenant, "currency": "GBP",
             "created_at": START - timedelta(days=900)}
        )  # fmt: skip
        days = [self._order(number, tenant) for _ in range(self.random.randint(0, 3))]
        if is_active and (kept := [day for day in days if day]):
            self.steps["first_order", tenant, min(kept)] += 1

    def _emerald(self, client: str, tenant: str, status: str) -> Row:
        return {
            "client_id": client, "legal_name": client, "country": "GB", "tenant": tenant, "status": status,
            "onboarded_on": date(2024, 6, 1), "modified_at": START + timedelta(days=DAYS),
        }  # fmt: skip

    def _relationship(self, client: str, ended: datetime) -> Row:
        number = len(self.relationships)
        return {
            "relationship_id": f"R{number}", "client_id": client, "bank_bic": "MIDLGB22", "product": f"p{number}",
            "status": "ended", "started_on": date(2024, 6, 1), "ended_on": ended.date(),
            "modified_at": START + timedelta(days=DAYS),
        }  # fmt: skip

    def _order(self, customer: int, tenant: str) -> date | None:
        """The day of an order that was not cancelled."""
        ordered = self._day()
        shipped = ordered + timedelta(days=self.random.randint(0, 5))
        status = self.random.choice(["placed", "cancelled", "shipped", "shipped", "shipped", "returned"])
        is_shipped = status in ("shipped", "returned") and shipped < START + timedelta(days=DAYS)
        status = status if is_shipped or status == "cancelled" else "placed"
        self.orders.append(
            {"order_id": 1000 + len(self.orders), "customer_id": customer, "tenant": tenant, "currency": "GBP",
             "ordered_at": ordered, "status": status, "shipped_at": shipped if is_shipped else None,
             "delivered_at": shipped if status == "returned" else None, "channel": "web",
             "freight_amount": 0, "updated_at": shipped}
        )  # fmt: skip
        return None if status == "cancelled" else ordered.date()

    def lines(self) -> list[Row]:
        """One line an order, worth its number."""
        return [
            {"order_id": order["order_id"], "line_number": 1, "product_id": 1, "quantity": 1,
             "unit_price": order["order_id"], "discount_amount": 0, "tax_amount": 0, "updated_at": order["updated_at"]}
            for order in self.orders
        ]  # fmt: skip

    def revenue(self) -> dict[tuple[str, date], Decimal]:
        """By company and day of shipment."""
        found: dict[tuple[str, date], Decimal] = defaultdict(Decimal)
        for order in self.orders:
            if order["shipped_at"] and order["status"] != "returned":
                found[order["tenant"], order["shipped_at"].date()] += order["order_id"]
        return found

    def land(self, warehouse: Warehouse) -> None:
        for source, dataset, rows in (
            ("crm", "sign_ups", self.sign_ups), ("emerald", "clients", self.clients),
            ("emerald", "bank_relationships", self.relationships), ("atom", "customers", self.customers),
            ("atom", "orders", self.orders), ("atom", "order_lines", self.lines()),
        ):  # fmt: skip
            mixed = list(rows)
            self.random.shuffle(mixed)
            warehouse.land(dataset, mixed, source=source)


def quarter_of(day: date) -> date:
    return day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1)


def rate(now: Decimal | int, before: Decimal | int | None) -> Decimal | None:
    """As the handbook says it."""
    if before is None or before <= 0:
        return None
    return ((Decimal(now) - before) / before).quantize(Decimal("0.0001"), ROUND_HALF_UP)


def quarters(figures: Iterable[tuple[str, date, int | Decimal]]) -> dict[tuple[str, date], int | Decimal]:
    found: dict[tuple[str, date], int | Decimal] = defaultdict(int)
    for tenant, day, figure in figures:
        found[tenant, quarter_of(day)] += figure
    return found


@pytest.mark.parametrize("seed", seeds(1))
def test_growth_is_what_a_plain_reader_counts(warehouse: Warehouse, seed: int) -> None:
    print(f"STRATA_SEED={seed}")
    company = Company(Random(seed))
    company.land(warehouse)
    warehouse.dbt("build", "--select", "+agg_growth_quarterly", "--exclude-resource-type", "test", "unit_test")
    warehouse.dbt("test", "--select", "growth_counts_every_step_and_pound_once", "fct_growth_daily_obeys_its_rules")
    found = warehouse.query(
        "select tenant_id, date_day, sign_up_count, activation_count, first_order_count, lost_client_count, "
        "revenue_amount_gbp from dev_marts.fct_growth_daily where tenant_id in ('GB10', 'DE10')"
    )
    revenue = company.revenue()
    for tenant, day, *counts, amount in found:
        expected = [company.steps[step, tenant, day] for step in ("sign_up", "activation", "first_order", "loss")]
        assert counts == expected, f"seed {seed}: {tenant} {day}"
        assert amount == revenue.get((tenant, day), 0), f"seed {seed}: {tenant} {day}"
    last = max(day for _, day, *_ in found)
    covered = {(tenant, day) for tenant, day, *_ in found}
    steps = {key for key in company.steps if key[0] != "loss" or key[2] <= last}
    assert all((tenant, day) in covered for _, tenant, day in steps) and all(key in covered for key in revenue)

    signed = quarters((t, d, n) for (step, t, d), n in company.steps.items() if step == "sign_up")
    earned = quarters((t, d, amount) for (t, d), amount in revenue.items())
    rows = warehouse.query(
        "select tenant_id, quarter_start_date, is_complete, sign_up_growth_qoq, sign_up_growth_yoy, "
        "revenue_growth_qoq, revenue_growth_yoy from dev_marts.agg_growth_quarterly "
        "where tenant_id in ('GB10', 'DE10') order by 1, 2"
    )
    assert [row[2] for row in rows].count(True) >= 10
    for tenant, start, is_complete, *rates in rows:
        expected = []
        for figures in (signed, earned):
            for years, months in ((0, 3), (1, 0)):
                month = start.month - months
                earlier = date(start.year - years - (month < 1), month + 12 * (month < 1), 1)
                before = figures.get((tenant, earlier), 0) if earlier >= START.date() else None
                expected.append(rate(figures.get((tenant, start), 0), before) if is_complete else None)
        for told, right in zip(rates, expected, strict=True):
            # The warehouse divides floating, so that half a unit of the last digit can go either way.
            is_same = told == right if told is None or right is None else abs(told - right) <= Decimal("0.0001")
            assert is_same, f"seed {seed}: {tenant} {start}: {rates} instead of {expected}"
