"""Purchase orders of the synthetic company, from order to receipt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from ingestion.sandbox.masters import (
    CLIENT,
    FIRST_DAY,
    PLANTS,
    RATES,
    TODAY,
    Chance,
    Material,
    Supplier,
    cumulated,
    thousandths,
)
from ingestion.sandbox.tables import Table

FIRST_ORDER = 4_500_000_001
RECEIPT, REVERSAL, RETURN = "101", "102", "122"
ITEMS_PER_ORDER = cumulated((35, 25, 20, 12, 8))
INFLATION = 0.03  # a year

EKKO = "MANDT EBELN BUKRS BSTYP BSART LOEKZ AEDAT ERNAM LIFNR ZTERM EKORG EKGRP WAERS WKURS BEDAT LASTCHANGEDATETIME"
EKPO = (
    "MANDT EBELN EBELP LOEKZ TXZ01 MATNR WERKS MATKL MENGE MEINS BPRME NETPR PEINH NETWR UEBTO UNTTO ELIKZ WEPOS "
    "BANFN BNFPO"
)
EKET = "MANDT EBELN EBELP ETENR EINDT SLFDT MENGE WEMNG MNG02"
EKBE = (
    "MANDT EBELN EBELP ZEKKN VGABE GJAHR BELNR BUZEI BEWTP BWART BUDAT MENGE SHKZG MATNR WERKS CPUDT CPUTM BLDAT "
    "XBLNR ERNAM LFGJA LFBNR LFPOS"
)


@dataclass
class Movement:
    """A goods movement of an item; document and position are numbered when all movements are known.

    Attributes:
        step: order of movements of one day: receipt, its reversal, the corrected receipt.
    """

    order: Order
    item: Item
    kind: str
    day: date
    quantity: int
    step: int = 0
    reverses: Movement | None = None
    document: str = ""
    position: int = 0


@dataclass
class ScheduleLine:
    """A promised delivery; quantities in thousandths."""

    number: int
    due: date
    planned: date
    quantity: int
    received: int = 0


@dataclass
class Item:
    """An order item; quantities in thousandths, price in cents of the order's currency for `group.per` units."""

    number: int
    material: Material
    quantity: int
    cents: int
    tolerance: tuple[int, int]
    is_deleted: bool
    lines: list[ScheduleLine] = field(default_factory=list)
    is_complete: bool = False


@dataclass
class Order:
    """A purchase order with its items."""

    number: str
    day: date
    supplier: Supplier
    plant: str
    buyer: int
    rate: float
    changed: str
    is_deleted: bool
    requisition: str = ""
    items: list[Item] = field(default_factory=list)


class OrderBook:
    """Makes orders and their history, and writes them as EKKO, EKPO, EKET and EKBE."""

    def __init__(self, chance: Chance, suppliers: Sequence[Supplier], materials: Sequence[Material]) -> None:
        self._chance = chance
        self._suppliers = suppliers
        self._shares = cumulated([supplier.weight for supplier in suppliers])
        self._offers = {
            supplier.number: [part for part in materials if part.group in supplier.groups] for supplier in suppliers
        }
        self._orders: list[Order] = []
        self._movements: list[Movement] = []

    def fill(self, count: int) -> None:
        """Make this many orders, numbered in the order of their dates."""
        span = (TODAY - FIRST_DAY).days
        days = sorted(_workday(FIRST_DAY + timedelta(days=self._chance.whole(0, span)), -1) for _ in range(count))
        for position, day in enumerate(days):
            order = self._order(str(FIRST_ORDER + position), max(day, FIRST_DAY))
            self._orders.append(order)
            for item in order.items:
                if not (order.is_deleted or item.is_deleted):
                    self._deliver(order, item)
        self._number_documents()

    @property
    def orders(self) -> list[Order]:
        """The orders by number."""
        return self._orders

    @property
    def movements(self) -> list[Movement]:
        """The goods movements by document and position."""
        return sorted(self._movements, key=lambda movement: (movement.document, movement.position))

    def tables(self) -> list[Table]:
        """The four tables of the order book."""
        return [
            Table("EKKO", EKKO.split(), [_ekko(order) for order in self._orders]),
            Table("EKPO", EKPO.split(), [_ekpo(order, item) for order in self._orders for item in order.items]),
            Table(
                "EKET",
                EKET.split(),
                [_eket(order, item, line) for order in self._orders for item in order.items for line in item.lines],
            ),
            Table("EKBE", EKBE.split(), [self._ekbe(movement) for movement in self.movements]),
        ]

    def _order(self, number: str, day: date) -> Order:
        chance = self._chance
        supplier = self._suppliers[chance.weighted(self._shares)]
        while supplier.blocked_from and supplier.blocked_from <= day:
            supplier = self._suppliers[chance.weighted(self._shares)]
        start, drift = RATES[supplier.currency]
        is_deleted = chance.happens(0.015)
        changed = day
        if is_deleted or chance.happens(0.35):
            changed = min(TODAY, day + timedelta(days=chance.whole(1, 9)))
        clock = f"{chance.whole(7, 17):02d}:{chance.whole(0, 59):02d}:{chance.whole(0, 59):02d}"
        order = Order(
            number=number,
            day=day,
            supplier=supplier,
            plant=chance.one(PLANTS)[0],
            buyer=chance.whole(1, 18),
            rate=round(start + drift * _years(day) + (0.006 * (chance.draw() - 0.5) if drift else 0), 5),
            changed=f"{changed.isoformat()}T{clock}Z",
            is_deleted=is_deleted,
            requisition=str(10_000_001 + int(number) - FIRST_ORDER) if chance.happens(0.85) else "",
        )
        offers = self._offers[supplier.number]
        count = min(chance.weighted(ITEMS_PER_ORDER) + 1, len(offers))
        chosen: set[str] = set()
        while len(chosen) < count:
            material = chance.one(offers)
            if material.number not in chosen:
                chosen.add(material.number)
                order.items.append(self._item(order, material))
        return order

    def _item(self, order: Order, material: Material) -> Item:
        chance, group, supplier = self._chance, material.group, order.supplier
        pieces = max(1, int(group.pieces * (0.3 + 1.4 * chance.draw())))
        if group.per > 1:
            pieces = max(1, pieces // 100) * 100
        quantity = pieces * 1000 + (500 if group.unit == "KG" and chance.happens(0.2) else 0)
        market = 0.97 + 0.06 * chance.draw()
        price = material.cents * supplier.price_factor * market * (1 + INFLATION * _years(order.day)) / order.rate
        item = Item(
            number=10 * (len(order.items) + 1),
            material=material,
            quantity=quantity,
            cents=max(1, int(price + 0.5)),
            tolerance=(10, 5) if group.unit == "KG" else (5, 2),
            is_deleted=chance.happens(0.01),
        )
        self._schedule(order, item)
        return item

    def _schedule(self, order: Order, item: Item) -> None:
        chance = self._chance
        due = _workday(order.day + timedelta(days=order.supplier.lead_days + chance.whole(0, 12)), 1)
        parts = [item.quantity]
        if item.quantity >= 4000 and chance.happens(0.25):
            first = item.quantity // 2000 * 1000
            parts = [first, item.quantity - first]
        for number, quantity in enumerate(parts, start=1):
            # the supplier's confirmation moves some dates; the statistical date stays
            planned = due
            if chance.happens(0.15):
                due = _workday(due + timedelta(days=chance.whole(1, 7)), 1)
            item.lines.append(ScheduleLine(number, due, planned, quantity))
            due = _workday(due + timedelta(days=chance.whole(14, 28)), 1)

    def _deliver(self, order: Order, item: Item) -> None:
        """What arrives for each schedule line, and when; nothing after today."""
        chance, supplier = self._chance, order.supplier
        is_late_item = not chance.happens(supplier.on_time)
        for line in item.lines:
            if is_late_item and line is item.lines[-1]:
                day = _workday(line.due + timedelta(days=chance.whole(1, 2 * supplier.usual_delay)), 1)
            else:
                day = _workday(line.due - timedelta(days=chance.whole(0, 4)), -1)
            day = max(day, _workday(order.day + timedelta(days=1), 1))
            quantity = self._delivered_quantity(supplier, line.quantity)
            if quantity >= 10_000 and chance.happens(0.12):
                first = quantity * 6 // 10 // 1000 * 1000
                early = max(_workday(day - timedelta(days=chance.whole(3, 9)), -1), order.day + timedelta(days=1))
                self._receive(order, item, line, early, first)
                quantity -= first
            arrived = self._receive(order, item, line, day, quantity)
            if arrived and line is item.lines[-1]:
                item.is_complete = sum(part.received for part in item.lines) >= item.quantity or chance.happens(0.6)

    def _delivered_quantity(self, supplier: Supplier, quantity: int) -> int:
        chance = self._chance
        if chance.happens(supplier.in_full):
            return quantity
        if chance.happens(0.25):
            return quantity + max(1000, quantity * chance.whole(1, 5) // 100 // 1000 * 1000)
        return max(1000, quantity * chance.whole(70, 97) // 100 // 1000 * 1000)

    def _receive(self, order: Order, item: Item, line: ScheduleLine, day: date, quantity: int) -> bool:
        """Post a receipt, at times reversed and posted anew, at times followed by a return."""
        if day > TODAY or quantity <= 0:
            return False
        chance = self._chance
        receipt = Movement(order, item, RECEIPT, day, quantity)
        self._movements.append(receipt)
        line.received += quantity
        if chance.happens(0.02):
            self._movements.append(Movement(order, item, REVERSAL, day, quantity, 1, receipt))
            self._movements.append(Movement(order, item, RECEIPT, day, quantity, 2))
        elif quantity >= 5000 and chance.happens(0.012):
            back = max(1000, quantity // 10 // 1000 * 1000)
            later = _workday(day + timedelta(days=chance.whole(2, 12)), 1)
            if later <= TODAY:
                self._movements.append(Movement(order, item, RETURN, later, back, 3))
                line.received -= back
        return True

    def _number_documents(self) -> None:
        """One document for all movements of an order, a day and a step, numbered by day."""
        numbers: dict[tuple[str, date, int], tuple[str, int]] = {}
        ordered = sorted(self._movements, key=lambda m: (m.day, m.order.number, m.step, m.item.number))
        for movement in ordered:
            key = (movement.order.number, movement.day, movement.step)
            document, used = numbers.get(key) or (str(5_000_000_001 + len(numbers)), 0)
            numbers[key] = (document, used + 1)
            movement.document, movement.position = document, used + 1

    def _ekbe(self, movement: Movement) -> list[str]:
        """A history row; the draws hang on the document's number, so that its items agree."""
        item, order, day = movement.item, movement.order, movement.day
        serial = int(movement.document)
        entered = min(TODAY, day + timedelta(days=1)) if serial % 10 == 3 else day
        noted = max(order.day, day - timedelta(days=1)) if serial % 4 == 1 else day
        clock = f"{7 + serial % 11:02d}:{serial % 60:02d}:{serial * 7 % 60:02d}"
        reference = ["", "", ""]
        if movement.reverses:
            original = movement.reverses
            reference = [str(original.day.year), original.document, str(original.position)]
        side = "S" if movement.kind == RECEIPT else "H"
        return [
            *(CLIENT, order.number, str(item.number), "0", "1", str(day.year), movement.document),
            *(str(movement.position), "E", movement.kind, day.isoformat(), thousandths(movement.quantity), side),
            *(item.material.number, order.plant, entered.isoformat(), clock, noted.isoformat()),
            *(f"DN{serial % 1_000_000:06d}", f"WHSE{serial % 7 + 1:02d}", *reference),
        ]


def _ekko(order: Order) -> list[str]:
    supplier = order.supplier
    return [
        *(CLIENT, order.number, "GB10", "F", "NB", "L" if order.is_deleted else "", order.day.isoformat()),
        *(f"BUYER{order.buyer:02d}", supplier.number, supplier.terms, f"{order.plant[0]}000"),
        *(f"{(order.buyer - 1) // 3 + 1:03d}", supplier.currency, f"{order.rate:.5f}", order.day.isoformat()),
        order.changed,
    ]


def _ekpo(order: Order, item: Item) -> list[str]:
    group = item.material.group
    value = (2 * item.quantity * item.cents + 1000 * group.per) // (2000 * group.per)  # half up
    upper, lower = item.tolerance
    return [
        *(CLIENT, order.number, str(item.number), "L" if order.is_deleted or item.is_deleted else ""),
        *(item.material.text, item.material.number, order.plant, group.code, thousandths(item.quantity), group.unit),
        *(group.unit, _cents(item.cents), str(group.per), _cents(value), f"{upper}.0", f"{lower}.0"),
        *("X" if item.is_complete else "", "X", order.requisition, str(item.number // 10) if order.requisition else ""),
    ]


def _eket(order: Order, item: Item, line: ScheduleLine) -> list[str]:
    return [
        *(CLIENT, order.number, str(item.number), str(line.number), line.due.isoformat(), line.planned.isoformat()),
        *(thousandths(line.quantity), thousandths(line.received), thousandths(line.quantity)),
    ]


def _cents(number: int) -> str:
    return f"{number // 100}.{number % 100:02d}"


def _years(day: date) -> float:
    return (day - FIRST_DAY).days / 365


def _workday(day: date, step: int) -> date:
    """The day, or the nearest working day in the direction of the step."""
    while day.weekday() > 4:
        day += timedelta(days=step)
    return day
