"""Random companies whose ledger differs from the orders for known reasons: the bridge has to name each, to the penny.

The ledger here is written by plain Python, which counts on the way what each cause is worth. Nothing of the models is
used for that, and what is left unexplained has to be nothing but rounding.
"""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from harness import ROOT, Warehouse
from test_incremental import seeds

Row = dict[str, Any]
Cause = tuple[str, str, str, str]  # tenant, quarter, profit line, step
BUILD = (
    "build", "--select", "+rpt_profit_bridge_quarterly", "+fct_journal_lines", "quarantine_incentive_payouts",
    "path:tests/investor", "--exclude", "test_type:unit", "path:models/staging,resource_type:test",
    "--indirect-selection", "cautious",
)  # fmt: skip
CURRENCY = {"GB10": "GBP", "DE10": "EUR"}
COST = {1: Decimal("8.25"), 2: Decimal("11.50"), 3: Decimal("9.00")}
REFUSED_PRODUCT = 3
ACCOUNTS = {"400000": "Revenue", "401000": "Revenue", "402000": "Revenue", "500000": "Expense", "501000": "Expense",
            "525000": "Expense", "600000": "Expense", "630000": "Expense", "110000": "Asset"}  # fmt: skip
START = datetime(2026, 1, 5, tzinfo=UTC)
CENT = Decimal("0.01")
# Of a worker who has not landed, and without an order: no company pays it, so that it is in no figure.
PLAN: Row = {"plan_id": "P", "version": 1, "currency": "GBP", "rate_percent": 2, "valid_from": date(2026, 1, 1)}
PAYOUT: Row = {
    "payout_id": "nobody's", "plan_id": "P", "plan_version": 1, "employee_id": "E9", "period_month": "2026-05",
    "currency": "GBP", "basis_amount": 5000, "payout_amount": 100, "status": "approved", "updated_at": START,
}  # fmt: skip
PENNIES = Decimal("0.20")  # ledgers round to the penny, by account and week; a quarter has up to fourteen weeks


def rates() -> dict[tuple[str, date], Decimal]:
    with (ROOT / "seeds" / "reference" / "exchange_rates.csv").open(encoding="utf-8") as file:
        return {
            (row["currency_code"], date.fromisoformat(row["valid_from_date"])): Decimal(row["gbp_per_unit"])
            for row in csv.DictReader(file)
        }


RATES = rates()


def sunday(day: date) -> date:
    return day + timedelta(days=6 - day.weekday())


def quarter(day: date) -> str:
    return f"{day.year}-{(day.month - 1) // 3 * 3 + 1:02d}-01"


class Company:
    """Orders, the ledger that follows from them, and what every cause is worth."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.causes: dict[Cause, Decimal] = defaultdict(Decimal)
        self.orders: list[Row] = []
        self.lines: list[Row] = []
        self.letters: list[Row] = []
        self.journal_lines: list[Row] = []
        # account kind, tenant, week: origin -> amount in currency and at the group's rate
        self.weeks: dict[tuple[str, str, date], dict[str, list[Decimal]]] = defaultdict(
            lambda: defaultdict(lambda: [Decimal(0), Decimal(0)])
        )
        for number in range(1, 91):
            self.order(number)
        self.post()

    def order(self, number: int) -> None:
        chance = self.random
        tenant = chance.choice(list(CURRENCY))
        currency = CURRENCY[tenant]
        # The first order leaves on the last Monday of a quarter, so that its week is booked in the next one.
        ordered = START + timedelta(days=83 if number == 1 else chance.randrange(170), hours=9)
        shipped = ordered + timedelta(days=1 if number == 1 else chance.randint(1, 3))
        origins = ["accepted", "refused", "quarantined"]
        origin = chance.choices(origins, [1, 0, 0] if number == 1 else [88, 7, 5])[0]
        returned = shipped + timedelta(days=chance.randint(3, 60)) if chance.random() < 0.2 else None
        returned = returned if origin == "accepted" else None
        freight = Decimal(chance.randint(100, 900)) * CENT
        order = {
            "order_id": number, "customer_id": 1 if tenant == "GB10" else 2, "tenant": tenant, "currency": currency,
            "ordered_at": ordered, "shipped_at": shipped, "delivered_at": shipped + timedelta(days=1), "channel": "web",
            "status": "returned" if returned else "delivered", "freight_amount": freight,
            "updated_at": returned or shipped + timedelta(days=1),
        }  # fmt: skip
        if origin == "refused":
            payload = {name: str(value) for name, value in order.items()} | {"channel": "fax"}
            self.letters.append(letter("orders", number, "NOT_IN_ALLOWED_VALUES:channel", payload))
        else:
            self.orders.append(order)
        rate = RATES[currency, ordered.date().replace(day=1)]
        day, at = shipped.date(), (tenant, quarter(shipped.date()))
        for line in range(1, chance.randint(1, 3) + 1):
            product, pieces = chance.choice([1, 1, 2, 2, REFUSED_PRODUCT]), chance.randint(1, 5)
            price, discount = Decimal(chance.randint(1800, 2400)) * CENT, Decimal(chance.choice([0, 0, 2]))
            self.lines.append({
                "order_id": number, "line_number": line, "product_id": product, "quantity": pieces, "unit_price": price,
                "discount_amount": discount, "tax_amount": -1 if origin == "quarantined" else 1,
            })  # fmt: skip
            net, cost = price * pieces - discount, COST[product] * pieces
            self.book("net_revenue", "401000", tenant, day, origin, net, net * rate)
            unknown = origin == "accepted" and product == REFUSED_PRODUCT
            self.book("cost", "501000", tenant, day, "cost_not_landed" if unknown else origin, -cost, -cost)
            if returned:
                back = returned.date()
                self.book("net_revenue", "402000", tenant, back, origin, -net, -net * rate)
                self.causes[*at, "net_revenue", "returned_orders"] += net * rate
                self.causes[tenant, quarter(back), "net_revenue", "returned_orders"] -= net * rate
        self.book("freight", "525000", tenant, day, origin, -freight, -freight * rate)

    def book(self, line: str, account: str, tenant: str, day: date, origin: str, own: Decimal, gbp: Decimal) -> None:
        """Into the week's journal; a week that ends in the next quarter takes the amount with it."""
        week = sunday(day)
        for place, amount in enumerate((own, gbp)):
            self.weeks[account, tenant, week][origin][place] += amount
        if origin == "accepted" and quarter(day) != quarter(week):
            self.causes[tenant, quarter(day), line, "booked_in_other_quarter"] -= gbp
            self.causes[tenant, quarter(week), line, "booked_in_other_quarter"] += gbp

    def post(self) -> None:
        """A journal of sales and one of their cost for each company and week, and a few of other kinds."""
        kinds = {"sales": ("401000", "402000", "525000"), "cost of sales": ("501000",)}
        lines = {"401000": "net_revenue", "402000": "net_revenue", "525000": "freight", "501000": "cost"}
        has_booked_quarantined = self.random.random() < 0.5
        weeks = sorted({(tenant, week) for _, tenant, week in self.weeks})
        for tenant, week in weeks:
            for category, accounts in kinds.items():
                found = {account: self.weeks[account, tenant, week] for account in accounts}
                found = {account: origins for account, origins in found.items() if origins}
                # Without a journal nobody knows the day of booking, so a week over the end of a quarter always has one.
                is_one_quarter = quarter(week) == quarter(week - timedelta(days=6))
                states = ["posted", "journal_not_posted", "journal_missing"]
                state = self.random.choices(states, [90, 5, 5 if is_one_quarter else 0])[0]
                currency = "GBP" if category == "cost of sales" else CURRENCY[tenant]
                rate = RATES[currency, week.replace(day=1)]
                rate = rate if currency == "GBP" else rate * Decimal("1.01")
                booked: dict[str, Decimal] = {}
                for account, origins in found.items():
                    accepted, accepted_gbp = origins["accepted"]
                    at = (tenant, quarter(week), lines[account])
                    if state != "posted":
                        self.causes[*at, state] -= accepted_gbp
                    else:
                        self.causes[*at, "currency"] += accepted * rate - accepted_gbp
                        self.causes[*at, "refused_orders"] += origins["refused"][0] * rate
                        self.causes[*at, "cost_not_landed"] += origins["cost_not_landed"][0] * rate
                        if has_booked_quarantined:
                            self.causes[*at, "quarantined_lines"] += origins["quarantined"][0] * rate
                    in_ledger = [origin for origin in origins if origin != "quarantined" or has_booked_quarantined]
                    booked[account] = sum((origins[origin][0] for origin in in_ledger), Decimal(0))
                if state != "journal_missing":
                    status = "Posted" if state == "posted" else "Unposted"
                    self.journal(tenant, week, category, currency, rate, booked, status)
        for tenant, _ in (("GB10", 0), ("DE10", 0)):
            self.journal(tenant, date(2026, 5, 6), "Adjustment", "GBP", Decimal(1), {"401000": Decimal(7)}, "Posted")
            self.causes[tenant, "2026-04-01", "net_revenue", "other_journals"] += 7
            self.journal(tenant, date(2026, 5, 31), "Accrual", "GBP", Decimal(1), {"630000": Decimal(-40)}, "Posted")

    def journal(self, tenant: str, day: date, category: str, currency: str, rate: Decimal,
                booked: dict[str, Decimal], status: str) -> None:  # fmt: skip
        """Balanced by receivables; signs as in profit."""
        entries = [(account, amount, (amount * rate).quantize(CENT)) for account, amount in booked.items() if amount]
        if not entries:
            return
        number = 1 + max((row["je_header_id"] for row in self.journal_lines), default=0)
        entries.append(("110000", -sum(own for _, own, _ in entries), -sum(gbp for _, _, gbp in entries)))
        for place, (account, own, gbp) in enumerate(entries, start=1):
            self.journal_lines.append({
                "je_header_id": number, "je_line_number": place, "category": category.capitalize(), "company": tenant,
                "journal_status": status, "accounting_date": day, "cost_center": "C1", "account": account,
                "currency_code": currency, "entered_cr": own if own > 0 else None,
                "entered_dr": -own if own < 0 else None, "accounted_cr": gbp if gbp > 0 else None,
                "accounted_dr": -gbp if gbp < 0 else None,
            })  # fmt: skip

    def land(self, warehouse: Warehouse) -> None:
        made = datetime(2020, 1, 1, tzinfo=UTC)
        customers = [
            {"customer_id": number, "tenant": tenant, "currency": CURRENCY[tenant], "created_at": made}
            for number, tenant in ((1, "GB10"), (2, "DE10"))
        ]
        products = [
            {"product_id": n, "sku": f"S{n}", "product_name": f"Part {n}", "list_price": 20, "currency": "GBP",
             "unit_cost": cost, "weight_kg": n}
            for n, cost in COST.items() if n != REFUSED_PRODUCT
        ]  # fmt: skip
        payload = {"product_id": "3", "unit_cost": str(COST[3]), "currency": "GBP", "list_price": "-5"}
        letters = [*self.letters, letter("products", REFUSED_PRODUCT, "OUT_OF_RANGE:list_price", payload)]
        for dataset, rows in (("customers", customers), ("products", products), ("orders", self.orders),
                              ("order_lines", self.lines)):  # fmt: skip
            warehouse.land(dataset, rows, source="atom")
        accounts = [
            {"account": account, "description": account, "account_type": kind, "enabled_flag": True,
             "parent_account": None if account.endswith("00000") else f"{account[0]}00000",
             "start_date": date(2015, 1, 1)}
            for account, kind in ACCOUNTS.items()
        ]  # fmt: skip
        warehouse.land("gl_accounts", accounts, source="oracle")
        warehouse.land("gl_journal_lines", self.journal_lines, source="oracle")
        warehouse.land("plans", [PLAN], source="incentive")
        warehouse.land("payouts", [PAYOUT], source="incentive")
        with warehouse.connect() as connection:
            for row in letters:
                names = ", ".join(row)
                connection.execute(
                    f"insert into raw_ops.dead_letters ({names}) values ({', '.join('?' * len(row))})", [*row.values()]
                )


def letter(dataset: str, key: int, reason: str, payload: Row) -> Row:
    return {
        "dead_letter_id": f"{dataset}-{key}", "source": "atom", "dataset": dataset, "record_key": str(key),
        "reason_codes": reason, "payload": json.dumps(payload), "load_id": "1", "landed_at": START,
    }  # fmt: skip


@pytest.mark.parametrize(
    "seed", [pytest.param(s, marks=[pytest.mark.slow] if n else []) for n, s in enumerate(seeds(4))]
)
def test_the_bridge_names_what_parts_orders_and_ledger(warehouse: Warehouse, seed: int) -> None:
    print(f"STRATA_SEED={seed}")
    company = Company(Random(seed))
    company.land(warehouse)
    warehouse.dbt(*BUILD)
    found = {
        (tenant, str(start), line, step): amount
        for tenant, start, line, step, amount in warehouse.query(
            "select tenant_id, quarter_start_date, profit_line, step_name, amount_gbp"
            " from dev_marts.rpt_profit_bridge_quarterly where step_kind in ('cause', 'unexplained')"
        )
    }
    wrong = {
        cause: (amount, found.get(cause, 0))
        for cause, amount in company.causes.items()
        if abs(found.get(cause, 0) - amount) > PENNIES
    }
    assert wrong == {}, f"seed {seed}"
    unknown = {c: a for c, a in found.items() if c not in company.causes and abs(a) > PENNIES}
    assert unknown == {}, f"seed {seed}"
    assert {"returned_orders", "booked_in_other_quarter", "currency", "cost_not_landed"} <= {step for *_, step in found}
    held = "select payout_id, reason_codes from dev_intermediate.quarantine_incentive_payouts"
    assert warehouse.query(held) == [("nobody's", "COMPANY_UNKNOWN")]
    assert warehouse.query("select sum(incentive_amount_gbp) from dev_marts.agg_profit_quarterly") == [(0,)]
