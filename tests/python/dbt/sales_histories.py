"""Random histories of customer orders: what customers, sellers and late loads do to them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from harness import Warehouse

Row = dict[str, Any]
Key = tuple[Any, ...]
LOOKBACK = timedelta(days=3)
KEYS = {
    ("atom", "orders"): ("order_id",),
    ("atom", "order_lines"): ("order_id", "line_number"),
    ("atom", "customers"): ("customer_id",),
    ("atom", "products"): ("product_id",),
    ("atom", "payments"): ("payment_id",),
    ("incentive", "payouts"): ("payout_id",),
    ("incentive", "plans"): ("plan_id", "version"),
    ("emerald", "clients"): ("client_id",),
    ("workday", "workers"): ("employee_id", "effective_date"),
}
CURRENCY = {"GB10": "GBP", "DE10": "EUR"}
SETTLED = 500  # an order that nothing happens to: an incremental run must leave it alone
LATE = 501  # its customer, product, representative and payout land long after it
PAID = 502  # of its payouts one is judged otherwise at last, without landing again, and one moves to another order


@dataclass
class SalesHistory:
    """The landed tables as they stand after each batch; a deleted row stays as its tombstone."""

    random: Random
    now: datetime
    tables: dict[tuple[str, str], dict[Key, Row]] = field(default_factory=lambda: {name: {} for name in KEYS})
    pending: list[tuple[str, str, Row]] = field(default_factory=list)
    numbers: int = 1000

    def batch(self, events: int, step: timedelta | None = None) -> None:
        """Move on and let some things happen; short steps stay inside the look-back, long ones leave it."""
        self.now += step or self.random.choice([timedelta(hours=5), timedelta(days=5), timedelta(days=9)])
        late, self.pending = self.pending, []
        for source, dataset, row in late:
            self.put(source, dataset, row)
        actions: list[Callable[[], None]] = [
            self.new_order, self.new_order, self.new_order, self.change_order, self.change_order, self.change_line,
            self.change_line, self.delete_line, self.delete_order, self.bring_back, self.change_customer,
            self.change_product, self.change_product, self.delete_product, self.change_client, self.pay, self.pay,
            self.delete_payment, self.pay_out, self.pay_out, self.change_plan, self.change_worker, self.rescind,
        ]  # fmt: skip
        for _ in range(events):
            self.random.choice(actions)()

    def open_cases(self) -> None:
        """Most master data, and the cases that chance may not bring."""
        for number in range(1, 5):
            self.put("atom", "customers", self.customer(number))
            self.put("atom", "products", self.product(number))
            self.put("emerald", "clients", self.client(number))
            self.put("workday", "workers", self.worker(number, 900))
        for order, member in ((SETTLED, 8), (LATE, 9), (PAID, 8)):
            self.put("atom", "orders", {**self.order(order), "customer_id": member, "sales_rep_id": f"W{member}"})
            for line in (1, 2, 3):
                self.put(
                    "atom",
                    "order_lines",
                    {**self.line(order, line), "product_id": member, "quantity": 2, "discount_amount": 1},
                )
        self.put("atom", "customers", {**self.customer(8), "tenant": "GB10", "currency": "GBP", "client_id": "CL8"})
        self.put("atom", "products", self.product(8))
        self.put("incentive", "plans", {**self.plan(), "currency": "EUR"})
        for number in (8, 9):
            payout = {**self.payout(number), "basis_amount": 80, "payout_amount": 40, "currency": "EUR"}
            self.put("incentive", "payouts", {**payout, "status": "paid", "order_id": PAID})

    def close_cases(self) -> None:
        """What was missing lands."""
        self.put("atom", "customers", {**self.customer(9), "tenant": "GB10", "client_id": "CL9"})
        self.put("atom", "products", self.product(9))
        self.put("workday", "workers", self.worker(9, 900))
        self.put("workday", "workers", self.worker(9, 600))
        (plan,) = self.tables["incentive", "plans"].values()
        held = plan["currency"] == "GBP" or plan["_is_deleted"]
        currency = "EUR" if held else "GBP"
        self.put("incentive", "plans", {**self.plan(), "currency": currency})
        self.put("incentive", "payouts", {**self.payout(9), "order_id": LATE, "currency": currency})

    def put(self, source: str, dataset: str, row: Row) -> None:
        """Land a row, stamped up to almost the look-back behind the newest: loads overlap and commit late."""
        stamp = self.now - self.random.random() * 0.9 * LOOKBACK
        key = tuple(row[name] for name in KEYS[source, dataset])
        row = {"_is_deleted": False, **row}
        self.tables[source, dataset][key] = {**row, "_landed_at": stamp, "_source_ref": f"{dataset}/{key}@{stamp}"}

    def put_or_delay(self, source: str, dataset: str, row: Row) -> None:
        """Land a row now or, for one in five, only with the next batch."""
        if self.random.random() < 0.2:
            self.pending.append((source, dataset, row))
        else:
            self.put(source, dataset, row)

    def pick(self, dataset: str, *, deleted: bool = False, source: str = "atom") -> Row | None:
        """A copy of some row, but of none that a case is about."""
        rows = [
            row
            for row in self.tables[source, dataset].values()
            if row.get("order_id") not in (SETTLED, LATE, PAID) and row["_is_deleted"] == deleted
        ]
        return dict(self.random.choice(rows)) if rows else None

    def remove(self, dataset: str, row: Row, source: str = "atom") -> None:
        self.put(source, dataset, {**row, "_is_deleted": True})

    def order(self, number: int) -> Row:
        status = self.random.choice(["placed", "shipped", "delivered", "returned", "cancelled"])
        ordered = self.now - timedelta(days=self.random.randint(2, 20) if number > LATE else 15)
        shipped = ordered + timedelta(days=1) if status in ("shipped", "delivered", "returned") else None
        return {
            "order_id": number, "customer_id": self.random.randint(1, 6), "tenant": "GB10", "currency": "GBP",
            "sales_rep_id": self.random.choice([None, "W1", "W2", "W5"]), "ordered_at": ordered, "status": status,
            "shipped_at": shipped, "delivered_at": ordered + timedelta(days=2)
            if status in ("delivered", "returned") else None, "channel": "web",
            "freight_amount": Decimal(self.random.randint(0, 5000)) / 100, "updated_at": self.now,
        }  # fmt: skip

    def line(self, order: int, number: int) -> Row:
        return {
            "order_id": order, "line_number": number, "product_id": self.random.randint(1, 6),
            "quantity": self.random.choice([0, 1, 2, 3, 7]), 
            "unit_price": Decimal(self.random.randint(900, 1200)) / 100,
            "discount_amount": self.random.choice([0, 0, 1, 5, 50]), "tax_amount": Decimal("0.50"),
            "updated_at": self.now,
        }  # fmt: skip

    def customer(self, number: int) -> Row:
        tenant = self.random.choice(["GB10", "GB10", "GB10", "DE10"])
        return {
            "customer_id": number, "client_id": self.random.choice([None, "CL1", "CL2", "CL3", "CL7"]),
            "tenant": tenant, "currency": CURRENCY[tenant], "created_at": datetime(2020, 1, 1, tzinfo=UTC),
        }  # fmt: skip

    def product(self, number: int) -> Row:
        return {
            "product_id": number, "sku": f"SKU-{number}", "list_price": 10, "currency": "GBP",
            "unit_cost": Decimal(self.random.randint(300, 900)) / 100, "weight_kg": self.random.choice([0, 1, 3]),
            "product_name": f"Part {number}",
        }  # fmt: skip

    def client(self, number: int) -> Row:
        return {
            "client_id": f"CL{number}",
            "legal_name": f"Synthetic {self.random.randint(1, 99)} Ltd",
            "tenant": "GB10",
        }

    def worker(self, number: int, days_ago: int) -> Row:
        day = (datetime.now(UTC) - timedelta(days=days_ago)).date()
        return {
            "employee_id": f"W{number}", "effective_date": day, "job_profile": f"Seller {self.random.randint(1, 9)}",
            "worker_status": "Active", "worker_type": "Regular",
        }  # fmt: skip

    def plan(self) -> Row:
        return {
            "plan_id": "DEAL", "version": 1, "plan_name": "Half of it", "metric": "deal",
            "currency": self.random.choice(["GBP", "EUR"]), "rate_percent": 50, "valid_from": date(2020, 1, 1),
            "updated_at": self.now,
        }  # fmt: skip

    def payout(self, number: int) -> Row:
        amount = Decimal(self.random.randint(-3000, 9000)) / 100
        return {
            "payout_id": f"IP{number}", "plan_id": "DEAL", "plan_version": 1, "employee_id": "W1", "order_id": None,
            "period_month": "2026-03", "basis_amount": amount * 2, "payout_amount": amount,
            "currency": self.random.choice(["GBP", "EUR"]),
            "status": self.random.choice(["paid", "calculated", "reversed"]), "updated_at": self.now,
        }  # fmt: skip

    def new_order(self) -> None:
        self.numbers += 1
        self.put_or_delay("atom", "orders", self.order(self.numbers))
        for line in range(self.random.randint(1, 4)):
            self.put_or_delay("atom", "order_lines", self.line(self.numbers, line + 1))

    def change_order(self) -> None:
        if row := self.pick("orders"):
            self.put_or_delay("atom", "orders", self.order(row["order_id"]))

    def change_line(self) -> None:
        if row := self.pick("order_lines"):
            self.put_or_delay("atom", "order_lines", self.line(row["order_id"], row["line_number"]))

    def delete_line(self) -> None:
        if row := self.pick("order_lines"):
            self.remove("order_lines", row)

    def delete_order(self) -> None:
        """Gone for good with its lines, or, as a hard delete may leave it, without them."""
        if row := self.pick("orders"):
            self.remove("orders", row)
            if self.random.random() < 0.7:
                for line in [dict(r) for r in self.tables["atom", "order_lines"].values()]:
                    if line["order_id"] == row["order_id"]:
                        self.remove("order_lines", line)

    def bring_back(self) -> None:
        for dataset in ("orders", "order_lines", "payments", "products", "customers"):
            if row := self.pick(dataset, deleted=True):
                self.put("atom", dataset, {**row, "_is_deleted": False})

    def change_customer(self) -> None:
        if row := self.pick("customers"):
            if row["customer_id"] in (8, 9):
                return
            if self.random.random() < 0.3:
                self.remove("customers", row)
            else:
                self.put("atom", "customers", self.customer(row["customer_id"]))

    def change_product(self) -> None:
        self.put("atom", "products", self.product(self.random.randint(1, 6)))

    def delete_product(self) -> None:
        if (row := self.pick("products")) and row["product_id"] not in (8, 9):
            self.remove("products", row)

    def change_client(self) -> None:
        self.put("emerald", "clients", self.client(self.random.randint(1, 7)))

    def change_worker(self) -> None:
        self.put(
            "workday", "workers", self.worker(self.random.choice([1, 2, 5]), self.random.choice([900, 60, 40, 30, 10]))
        )

    def rescind(self) -> None:
        if (row := self.pick("workers", source="workday")) and row["employee_id"] not in ("W8", "W9"):
            self.remove("workers", row, "workday")

    def pay(self) -> None:
        if row := self.pick("orders"):
            self.numbers += 1
            payment = {
                "payment_id": self.numbers, "order_id": row["order_id"], "customer_id": row["customer_id"],
                "paid_at": self.now - timedelta(days=1), "amount": self.random.choice([5, 9, 40, -5]),
                "currency": "GBP",
                "method": "card", "updated_at": self.now,
            }  # fmt: skip
            self.put_or_delay("atom", "payments", payment)

    def delete_payment(self) -> None:
        if row := self.pick("payments"):
            self.remove("payments", row)

    def pay_out(self) -> None:
        if row := self.pick("orders"):
            number = self.random.choice([self.numbers, self.random.randint(1000, self.numbers)])
            self.put_or_delay("incentive", "payouts", {**self.payout(number), "order_id": row["order_id"]})

    def change_plan(self) -> None:
        """What the plan's payouts are judged by: of another currency, or gone."""
        if self.random.random() < 0.3:
            self.remove("plans", self.plan(), "incentive")
        else:
            self.put("incentive", "plans", self.plan())

    def write(self, warehouse: Warehouse) -> None:
        """Bring the warehouse's raw tables to this state, rows in any order."""
        for (source, dataset), rows in self.tables.items():
            warehouse.clear(dataset, source=source)
            shuffled = list(rows.values())
            self.random.shuffle(shuffled)
            warehouse.land(dataset, shuffled, source=source)

    def expected_lines(self) -> dict[tuple[int, int], tuple[Decimal, Decimal, Decimal]]:
        """Gross, discount and net amount of each line that belongs into the fact, told from the landed rows alone."""
        orders = {r["order_id"]: r for r in self.tables["atom", "orders"].values() if not r["_is_deleted"]}
        customers = {r["customer_id"]: r for r in self.tables["atom", "customers"].values()}
        found = {}
        for line in self.tables["atom", "order_lines"].values():
            order = orders.get(line["order_id"])
            if line["_is_deleted"] or order is None or line["quantity"] == 0:
                continue
            customer = customers.get(order["customer_id"])
            gross, discount = line["quantity"] * Decimal(line["unit_price"]), Decimal(line["discount_amount"])
            if (customer is None or customer["tenant"] == order["tenant"]) and discount <= gross:
                found[line["order_id"], line["line_number"]] = (gross, discount, gross - discount)
        return found
