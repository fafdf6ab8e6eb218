"""Atom: products, customers, orders and their payments. Most customers are clients of Emerald."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ingestion.sandbox.company_data.clients import Client
from ingestion.sandbox.company_data.common import (
    DAY_SECONDS,
    FIRST,
    LAST,
    NOW,
    Company,
    cents_text,
    csv_line,
    draw_day,
    draw_second,
    moment_text,
    rate,
    working,
    write_lines,
)
from ingestion.sandbox.company_data.faults_sales import plant_sales_faults
from ingestion.sandbox.company_data.log import FaultLog, Spoil
from ingestion.sandbox.company_data.people import Worker
from ingestion.sandbox.masters import Chance, Material, cumulated, thousandths

ORDERS = 60_000
FIRST_ORDER, FIRST_CUSTOMER, FIRST_PRODUCT = 700_001, 10_001, 1_001
SOLD_GROUPS = ("MOTOR", "SENSOR", "CABLE", "CASTING")
LINES = cumulated((38, 28, 18, 10, 6))
CHANNELS, CHANNEL_SHARES = ("web", "app", "sales_rep", "partner"), cumulated((38, 22, 30, 10))
SEGMENT_WEIGHT = {"enterprise": 5.0, "mid_market": 2.0, "small_business": 0.8}
SEGMENT_PIECES = {"enterprise": 14, "mid_market": 6, "small_business": 3}
TAX_PERCENT = {"GB10": 20, "DE10": 19, "US10": 7}
FAULTS = {
    "customers": (
        Spoil(0.27, "country", "DEU", "a country code that is none", "PATTERN_MISMATCH"),
        Spoil(0.71, "segment", "SME", "a segment that is none", "NOT_IN_ALLOWED_VALUES"),
    ),
    "products": (Spoil(0.6, "list_price", "-5.00", "a negative price", "OUT_OF_RANGE"),),
    "orders": (
        Spoil(0.2, "status", "Shipped", "a status in another spelling", "NOT_IN_ALLOWED_VALUES"),
        Spoil(0.44, "currency", "eur", "a currency in small letters", "PATTERN_MISMATCH"),
        Spoil(0.63, "freight_amount", "-4.00", "a negative freight", "OUT_OF_RANGE"),
        Spoil(0.86, "channel", "fax", "a channel that is none", "NOT_IN_ALLOWED_VALUES"),
    ),
    "order_lines": (
        Spoil(0.37, "quantity", "-2.000", "a negative quantity", "OUT_OF_RANGE"),
        Spoil(0.82, "unit_price", "-1.00", "a negative price", "OUT_OF_RANGE"),
    ),
    "payments": (
        Spoil(0.15, "payer_bic", "LLOYDS BANK", "a bank's name where a BIC is due", "PATTERN_MISMATCH"),
        Spoil(0.55, "method", "cheque", "a way of payment that is none", "NOT_IN_ALLOWED_VALUES"),
    ),
}
KEYS = {
    "customers": ("customer_id",),
    "products": ("product_id",),
    "orders": ("order_id",),
    "order_lines": ("order_id", "line_number"),
    "payments": ("payment_id",),
}


@dataclass
class Product:
    """A product; price and cost in GBP cents, weight in grams."""

    number: int
    material: Material
    price: int
    cost: int
    grams: int


@dataclass
class Customer:
    """A customer: the client it is, whether Atom knows that, and the place of its representative in the team."""

    number: int
    client: Client
    is_linked: bool
    rep: int


@dataclass(slots=True)
class Line:
    """An order line in pieces and cents of the order's currency."""

    product: Product
    pieces: int
    price: int
    discount: int
    tax: int

    @property
    def net(self) -> int:
        """Cents without tax, after discount."""
        return self.pieces * self.price - self.discount


@dataclass(slots=True)
class SalesOrder:
    """A customer order; moments in seconds."""

    number: int
    customer: Customer
    rep: str
    ordered: int
    shipped: int | None
    delivered: int | None
    status: str
    channel: str
    freight: int
    changed: int
    lines: list[Line] = field(default_factory=list)

    @property
    def company(self) -> Company:
        """The company that sells."""
        return self.customer.client.company

    @property
    def net(self) -> int:
        """Cents without tax."""
        return sum([line.net for line in self.lines])

    @property
    def tax(self) -> int:
        """Cents of tax."""
        return sum([line.tax for line in self.lines])


@dataclass(slots=True)
class Payment:
    """A payment (negative: a refund)."""

    order: SalesOrder
    moment: int
    cents: int
    method: str
    bic: str


class Sales:
    """Everything that Atom holds.

    Args:
        chance, scale: as for the whole company.
        clients, workers, parts: who buys, who sells, and what products are made of.
    """

    def __init__(
        self, chance: Chance, scale: float, clients: Sequence[Client], workers: Sequence[Worker], parts: list[Material]
    ) -> None:
        self._chance = chance
        self._reps = {
            code: [worker for worker in workers if worker.company.code == code and worker.function == "10"]
            for code in ("GB10", "DE10", "US10")
        }
        self.products = [
            self._product(position, part)
            for position, part in enumerate(part for part in parts if part.group.code in SOLD_GROUPS)
            if position % 2 == 0
        ]
        self.customers = [
            Customer(FIRST_CUSTOMER + position, client, chance.happens(0.93), chance.whole(0, 999))
            for position, client in enumerate(client for client in clients if client.onboarded is not None)
        ]
        self.orders = self._orders(max(200, round(ORDERS * scale)))
        self.payments = sorted(self._payments(), key=lambda payment: (payment.moment, payment.order.number))

    def _product(self, position: int, part: Material) -> Product:
        cost = max(150, part.cents * 13 // 10)
        grams = max(20, int(part.group.kilograms * 1000 * (0.6 + 0.8 * self._chance.draw())))
        return Product(FIRST_PRODUCT + position // 2, part, int(cost * (1.5 + 0.7 * self._chance.draw())), cost, grams)

    def _orders(self, count: int) -> list[SalesOrder]:
        chance, customers = self._chance, self.customers
        shares = cumulated(
            [
                SEGMENT_WEIGHT[customer.client.segment] * (customer.client.active_to - customer.client.active_from + 1)
                for customer in customers
            ]
        )
        drafts = []
        for _ in range(count):
            customer = customers[chance.weighted(shares)]
            day = draw_day(chance, customer.client.active_from, customer.client.active_to)
            drafts.append((day * DAY_SECONDS + draw_second(chance), customer.number, customer))
        drafts.sort(key=lambda draft: draft[:2])
        return [self._order(FIRST_ORDER + place, moment, who) for place, (moment, _, who) in enumerate(drafts)]

    def _order(self, number: int, moment: int, customer: Customer) -> SalesOrder:
        chance = self._chance
        channel = CHANNELS[chance.weighted(CHANNEL_SHARES)]
        day = moment // DAY_SECONDS
        has_rep = channel == "sales_rep" or chance.happens(0.45)
        order = SalesOrder(
            number, customer, self._rep(customer, day) if has_rep else "", moment, None, None, "placed", channel, 0, 0
        )
        self._fulfil(order)
        self._fill(order, day)
        return order

    def _rep(self, customer: Customer, day: int) -> str:
        """The customer's representative; while that one is away, the next of the team."""
        team = self._reps[customer.client.company.code]
        for step in range(len(team)):
            worker = team[(customer.rep + step) % len(team)]
            version = worker.at(day)
            if version and version.status == "Active":
                return worker.number
        return ""

    def _fulfil(self, order: SalesOrder) -> None:
        chance, day = self._chance, order.ordered // DAY_SECONDS
        changed = order.ordered + chance.whole(0, 600)
        if chance.happens(0.03):
            order.status = "cancelled"
            changed = order.ordered + chance.whole(600, 40_000)
        else:
            shipped = working(day + chance.whole(1, 5)) * DAY_SECONDS + draw_second(chance, 6, 17)
            if shipped <= NOW:
                order.status, order.shipped, changed = "shipped", shipped, shipped
                delivered = shipped + chance.whole(1, 8) * DAY_SECONDS + chance.whole(-8000, 8000)
                if delivered <= NOW:
                    order.status, order.delivered, changed = "delivered", delivered, delivered
                    returned = delivered + chance.whole(2, 25) * DAY_SECONDS
                    if chance.happens(0.028) and returned <= NOW:
                        order.status, changed = "returned", returned
        order.changed = min(NOW, changed)

    def _fill(self, order: SalesOrder, day: int) -> None:
        chance, client = self._chance, order.customer.client
        factor = (1 + 0.03 * (day - FIRST) / 365) / rate(client.company.currency, day)
        tax, most = TAX_PERCENT[client.company.code], SEGMENT_PIECES[client.segment]
        for _ in range(chance.weighted(LINES) + 1):
            product = self.products[int(len(self.products) * chance.draw() * chance.draw())]
            pieces = 1 + int(most * 2 * chance.draw() * chance.draw())
            price = int(product.price * factor)
            discount = pieces * price * chance.whole(2, 15) // 100 if chance.happens(0.3) else 0
            order.lines.append(Line(product, pieces, price, discount, (pieces * price - discount) * tax // 100))
        grams = sum([line.pieces * line.product.grams for line in order.lines])
        order.freight = 650 + grams * chance.whole(18, 45) // 1000

    def _payments(self) -> list[Payment]:
        chance, found = self._chance, []
        for order in self.orders:
            if order.shipped is None:
                continue
            method = "card" if chance.happens(0.25) else "direct_debit" if chance.happens(0.2) else "bank_transfer"
            delay = 0 if method == "card" else chance.whole(8, 34) + (chance.whole(5, 60) if chance.happens(0.2) else 0)
            moment = order.shipped + delay * DAY_SECONDS + chance.whole(60, 30_000)
            total = order.net + order.tax
            parts = [total]
            if total > 100_000 and chance.happens(0.06):
                parts = [total * 3 // 10, total - total * 3 // 10]
            if not chance.happens(0.975):
                parts.pop()  # never paid, or not in full
            for part in parts:
                if moment <= NOW:
                    found.append(self._payment(order, moment, part, method))
                    moment += chance.whole(15, 40) * DAY_SECONDS
            if order.status == "returned" and found and found[-1].order is order:
                refund = min(NOW, max(order.changed + 2 * DAY_SECONDS, found[-1].moment + 3600))
                paid = sum(payment.cents for payment in found[-2:] if payment.order is order)
                found.append(self._payment(order, refund, -paid, method))
        return found

    def _payment(self, order: SalesOrder, moment: int, cents: int, method: str) -> Payment:
        bic = "" if method == "card" else order.customer.client.bank_at(moment // DAY_SECONDS)
        return Payment(order, moment, cents, method, bic)


def write_atom(directory: Path, sales: Sales, chance: Chance, log: FaultLog) -> None:
    """The five tables of Atom as CSV with a header, as COPY reads them."""
    makers: dict[str, Callable[[], list[dict[str, str]]]] = {
        "customers": lambda: [_customer_row(customer, chance) for customer in sales.customers],
        "products": lambda: [_product_row(product, chance) for product in sales.products],
        "orders": lambda: [_order_row(order) for order in sales.orders],
        "order_lines": lambda: [row for order in sales.orders for row in _line_rows(order)],
        "payments": lambda: [_payment_row(number, paid) for number, paid in enumerate(sales.payments, start=500_001)],
    }
    tables = {name: make() for name, make in makers.items()}
    for name, rows in tables.items():
        log.spoil("atom", name, rows, KEYS[name], FAULTS[name])
    refused = {value for fault in log if fault.dataset in ("customers", "products") for value in fault.key.values()}
    plant_sales_faults(tables, refused, log)
    for name, rows in tables.items():
        write_lines(directory / f"{name}.csv", [",".join(rows[0]), *[csv_line(list(row.values())) for row in rows]])


def _customer_row(customer: Customer, chance: Chance) -> dict[str, str]:
    client = customer.client
    created = (client.onboarded or FIRST) * DAY_SECONDS + draw_second(chance)
    changed = max(created, chance.whole(FIRST, LAST) * DAY_SECONDS + 30_000) if chance.happens(0.5) else created
    return {
        "customer_id": str(customer.number),
        "client_id": client.number if customer.is_linked else "",
        "customer_name": client.name,
        "contact_email": f"buyer.{client.position:06d}@example.com",
        "tenant": client.company.code,
        "segment": client.segment,
        "country": client.country,
        "currency": client.company.currency,
        "created_at": moment_text(created),
        "updated_at": moment_text(min(NOW, changed)),
    }


def _product_row(product: Product, chance: Chance) -> dict[str, str]:
    created = (FIRST - chance.whole(30, 900)) * DAY_SECONDS + 32_400
    changed = max(created, chance.whole(FIRST, LAST) * DAY_SECONDS + 32_400)
    return {
        "product_id": str(product.number),
        "sku": f"SKU-{product.number:06d}",
        "product_name": f"{product.material.group.noun} set {product.number} (synthetic)",
        "category": product.material.group.noun,
        "material_id": product.material.number,
        "list_price": cents_text(product.price),
        "unit_cost": cents_text(product.cost),
        "currency": "GBP",
        "weight_kg": thousandths(product.grams),
        "is_active": "false" if chance.happens(0.04) else "true",
        "created_at": moment_text(created),
        "updated_at": moment_text(changed),
    }


def _order_row(order: SalesOrder) -> dict[str, str]:
    return {
        "order_id": str(order.number),
        "customer_id": str(order.customer.number),
        "tenant": order.company.code,
        "sales_rep_id": order.rep,
        "ordered_at": moment_text(order.ordered),
        "status": order.status,
        "shipped_at": "" if order.shipped is None else moment_text(order.shipped),
        "delivered_at": "" if order.delivered is None else moment_text(order.delivered),
        "currency": order.company.currency,
        "freight_amount": cents_text(order.freight),
        "channel": order.channel,
        "created_at": moment_text(order.ordered),
        "updated_at": moment_text(order.changed),
    }


def _line_rows(order: SalesOrder) -> list[dict[str, str]]:
    number, stamp = str(order.number), moment_text(order.ordered)
    return [
        {
            "order_id": number,
            "line_number": str(position),
            "product_id": str(line.product.number),
            "quantity": f"{line.pieces}.000",
            "unit_price": cents_text(line.price),
            "discount_amount": cents_text(line.discount),
            "tax_amount": cents_text(line.tax),
            "updated_at": stamp,
        }
        for position, line in enumerate(order.lines, start=1)
    ]


def _payment_row(number: int, payment: Payment) -> dict[str, str]:
    return {
        "payment_id": str(number),
        "order_id": str(payment.order.number),
        "customer_id": str(payment.order.customer.number),
        "paid_at": moment_text(payment.moment),
        "amount": cents_text(payment.cents),
        "currency": payment.order.company.currency,
        "method": payment.method,
        "payer_bic": payment.bic,
        "updated_at": moment_text(payment.moment),
    }
