"""Two legacy transport systems that saw the same deliveries, and stock counts.

Alpha knows about seven receipts in ten, Beta about half; what both know differs in units, dates, spelling, and
sometimes in the facts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from ingestion.sandbox.company_data.common import (
    LAST,
    cents_text,
    csv_line,
    day_text,
    month_ends,
    number_of,
    rate,
    working,
    write_lines,
)
from ingestion.sandbox.company_data.faults_logistics import shipment_faults
from ingestion.sandbox.company_data.log import ROWS_PER_FAULT, FaultLog, Spoil
from ingestion.sandbox.masters import PLANTS, Chance, thousandths
from ingestion.sandbox.orders import RECEIPT, Movement, OrderBook
from ingestion.sandbox.tables import Table

CARRIERS = ("Synthetic Carrier A", "Synthetic Carrier B", "Synthetic Carrier C", "Synthetic Ocean Line")
BETA_MODES = {"road": "TRUCK", "rail": "RAIL", "sea": "OCEAN", "air": "AIR"}
BETA_STATES = {"planned": "OPEN", "in_transit": "TRANSIT", "delivered": "DONE", "cancelled": "VOID"}
FAR = {"CN": "sea", "IN": "sea", "US": "sea", "MX": "sea"}
PLANT_NAME = {plant: name for plant, name, *_ in PLANTS}
COUNTRY_OF_PLANT = {plant: land for plant, _, _, land, *_ in PLANTS}
FAULTS = {
    "shipments_alpha": (
        Spoil(0.24, "mode", "lorry", "a mode that is none", "NOT_IN_ALLOWED_VALUES"),
        Spoil(0.51, "ship_date", "2025-02-29", "a day that does not exist", "TYPE_MISMATCH"),
        Spoil(0.77, "weight_kg", "-12.000", "a negative weight", "OUT_OF_RANGE"),
    ),
    "shipments_beta": (
        Spoil(0.31, "Shipped", "13/25/2025", "a month that does not exist", "TYPE_MISMATCH"),
        Spoil(0.66, "Qty", "two pallets", "text in a number", "TYPE_MISMATCH"),
        Spoil(0.88, "Vendor", "", "a shipment of nobody", "REQUIRED_MISSING"),
    ),
    "stock_counts": (
        Spoil(0.42, "counted_quantity", "-8.000", "a negative count", "OUT_OF_RANGE"),
        Spoil(0.8, "material_id", "", "a count of nothing", "REQUIRED_MISSING"),
    ),
}
ALPHA_KEY, BETA_KEY, COUNT_KEY = "shipment_ref", "Tracking No", "count_no"


class Shipment:
    """A delivery as it was: quantity in thousandths, weight in grams, freight in GBP cents; days as numbers."""

    def __init__(self, movement: Movement, chance: Chance, country: str) -> None:
        self.movement = movement
        self.arrived = number_of(movement.day)
        local = country == COUNTRY_OF_PLANT[movement.order.plant]
        far = "road" if local else FAR.get(country, "road")
        self.mode = "air" if far == "sea" and chance.happens(0.12) else "rail" if chance.happens(0.06) else far
        days = {"sea": (18, 38), "air": (2, 5), "rail": (3, 9), "road": (1, 5)}[self.mode]
        self.left = max(number_of(movement.order.day), self.arrived - chance.whole(*days))
        self.grams = int(movement.quantity * movement.item.material.group.kilograms)
        each = {"sea": 9, "air": 160, "rail": 12, "road": 18}[self.mode]
        self.freight = 2_500 + self.grams * each // 1000
        self.carrier = "Synthetic Ocean Line" if self.mode == "sea" else chance.one(CARRIERS[:3])


def write_logistics(
    directory: Path, book: OrderBook, suppliers: dict[str, tuple[str, str]], stock: Table, chance: Chance, log: FaultLog
) -> None:
    """Both shipment exports by year, and the stock counts by quarter.

    Args:
        suppliers: country and name by supplier number.
        stock: table MARD.
    """
    alpha: list[dict[str, str]] = []
    beta: list[dict[str, str]] = []
    for movement in book.movements:
        if movement.kind != RECEIPT or movement.step:
            continue
        shipment = Shipment(movement, chance, suppliers[movement.order.supplier.number][0])
        draw = chance.draw()
        if draw < 0.72:
            alpha.append(_alpha(shipment, len(alpha) + 1, chance))
        if draw > 0.5:
            beta.append(_beta(shipment, len(beta) + 1, suppliers, chance, is_both=draw < 0.72))
    _under_way(book, alpha, chance)
    _repeat(alpha, beta, log)
    by_year = (("alpha", "shipments_alpha", alpha, ALPHA_KEY), ("beta", "shipments_beta", beta, BETA_KEY))
    for name, dataset, rows, key in by_year:
        years: dict[str, list[dict[str, str]]] = defaultdict(list)
        for row in rows:
            years[row["ship_date"][:4] if name == "alpha" else row["Shipped"][-4:]].append(row)
        known = len(log)
        log.spoil("scm_legacy", dataset, rows, (key,), FAULTS[dataset])
        if name == "alpha":
            refused = {fault.key[key] for fault in log[known:]}
            for row in shipment_faults(rows, refused, log):
                years[row["ship_date"][:4]].append(row)
        for year, found in sorted(years.items()):
            lines = [csv_line(list(found[0])), *[csv_line(list(row.values())) for row in found]]
            if name == "alpha" and year == "2025" and len(rows) >= 3 * ROWS_PER_FAULT:
                _malform(lines, f"alpha_shipments_{year}.csv", log)
            write_lines(directory / f"{name}_shipments_{year}.csv", lines, ending="\n" if name == "alpha" else "\r\n")
    _counts(directory, stock, chance, log)


def _alpha(shipment: Shipment, number: int, chance: Chance) -> dict[str, str]:
    movement = shipment.movement
    unit, quantity = movement.item.material.group.unit, movement.quantity
    if unit == "KG" and chance.happens(0.25):
        unit, quantity = "TO", quantity // 1000  # tonnes
    return {
        "shipment_ref": f"A-{number:07d}",
        "po_number": movement.order.number,
        "supplier_id": movement.order.supplier.number,
        "material_id": movement.item.material.number,
        "plant": movement.order.plant,
        "carrier": shipment.carrier,
        "mode": shipment.mode,
        "ship_date": day_text(shipment.left),
        "delivery_date": day_text(shipment.arrived),
        "quantity": thousandths(quantity),
        "unit": unit,
        "weight_kg": thousandths(shipment.grams) if not chance.happens(0.05) else "",
        "freight_cost": cents_text(shipment.freight),
        "status": "delivered",
    }


def _us_day(day: int) -> str:
    year, month, rest = day_text(day).split("-")
    return f"{month}/{rest}/{year}"


def _grouped(text: str) -> str:
    """A number with commas between thousands."""
    whole, point, rest = text.partition(".")
    return f"{int(whole):,}{point}{rest}"


def _beta(
    shipment: Shipment, number: int, suppliers: dict[str, tuple[str, str]], chance: Chance, *, is_both: bool
) -> dict[str, str]:
    movement, supplier = shipment.movement, shipment.movement.order.supplier.number
    arrived, quantity = shipment.arrived, movement.quantity
    if is_both and chance.happens(0.15):
        arrived += chance.whole(1, 4)  # the two systems disagree on the day
    if is_both and chance.happens(0.06):
        quantity = max(1000, quantity * 95 // 100 // 1000 * 1000)  # or on the quantity
    order = movement.order.number
    dollars = int(shipment.freight / rate("USD", shipment.left) + 0.5)
    return {
        "Tracking No": f"B-{number // 1_000_000:03d}-{number % 1_000_000:06d}",
        "Order No": order[2:] if chance.happens(0.3) else order,
        "Vendor": f"{supplier} {suppliers[supplier][1]}",
        "Item": movement.item.material.number,
        "Destination": PLANT_NAME[movement.order.plant],
        "Carrier": shipment.carrier.upper() if chance.happens(0.4) else shipment.carrier,
        "Mode": BETA_MODES[shipment.mode],
        "Shipped": _us_day(shipment.left),
        "Delivered": _us_day(min(LAST, arrived)),
        "Qty": _grouped(thousandths(quantity)),
        "Weight (lb)": _grouped(thousandths(shipment.grams * 220_462 // 100_000)),
        "Freight USD": _grouped(cents_text(dollars)),
        "State": "DONE",
    }


def _under_way(book: OrderBook, alpha: list[dict[str, str]], chance: Chance) -> None:
    """Open schedule lines of the last weeks: goods that are planned or on their way."""
    for order in book.orders:
        for item in order.items:
            line = item.lines[-1]
            if order.is_deleted or item.is_deleted or line.received or number_of(line.due) < LAST - 20:
                continue
            left = number_of(line.due) - chance.whole(1, 12)
            status = "cancelled" if chance.happens(0.04) else "in_transit" if left <= LAST else "planned"
            alpha.append(
                {
                    "shipment_ref": f"A-{len(alpha) + 1:07d}",
                    "po_number": order.number,
                    "supplier_id": order.supplier.number,
                    "material_id": item.material.number,
                    "plant": order.plant,
                    "carrier": "",
                    "mode": "road",
                    "ship_date": day_text(left),
                    "delivery_date": "",
                    "quantity": thousandths(line.quantity),
                    "unit": item.material.group.unit,
                    "weight_kg": "",
                    "freight_cost": "",
                    "status": status,
                }
            )


def _repeat(alpha: list[dict[str, str]], beta: list[dict[str, str]], log: FaultLog) -> None:
    """The same line twice in Alpha, and the same shipment under two numbers in Beta."""
    for share in (0.3, 0.6):
        row = alpha[int(len(alpha) * share)]
        alpha.append(dict(row))
        key = {ALPHA_KEY: row[ALPHA_KEY]}
        log.change("scm_legacy", "shipments_alpha", key, "the same line twice", "lands; one shipment in the models")
    row = beta[int(len(beta) * 0.45)]
    number = len(beta) + 1
    beta.append({**row, BETA_KEY: f"B-{number // 1_000_000:03d}-{number % 1_000_000:06d}"})
    key = {BETA_KEY: beta[-1][BETA_KEY]}
    fault = f"the shipment of {row[BETA_KEY]} under another number"
    log.change("scm_legacy", "shipments_beta", key, fault, "lands; one shipment in the models")


def _malform(lines: list[str], name: str, log: FaultLog) -> None:
    place = len(lines) // 2
    lines.insert(place, 'A-BROKEN,4500000001,"1000001,SYN-10001,1010,,road,2025-06-01,,1.000,EA,,,planned')
    log.add(
        "scm_legacy",
        "shipments_alpha",
        {"file": name, "line": str(place + 1)},
        "a quote that never ends",
        "UNBALANCED_QUOTE:*",
    )
    lines.insert(place + 20, "A-SHORT,4500000001,1000001")
    key = {"file": name, "line": str(min(place + 21, len(lines)))}
    log.add("scm_legacy", "shipments_alpha", key, "a line with too few values", "COLUMN_COUNT:*")


def _counts(directory: Path, stock: Table, chance: Chance, log: FaultLog) -> None:
    """Each quarter counts a part of the stock; most counts agree with the books by a few percent."""
    material, plant = stock.position("MATNR"), stock.position("WERKS")
    kind, unit, level = stock.position("LBBSA"), stock.position("MEINS"), stock.position("LABST")
    own: Sequence[list[str]] = [row for row in stock.rows if row[kind] == "01"]
    quarters: dict[str, list[dict[str, str]]] = {}
    rows: list[dict[str, str]] = []
    for end in month_ends()[2::3]:
        text = day_text(end)
        found = quarters.setdefault(f"{text[:4]}Q{int(text[5:7]) // 3}", [])
        for position in range(chance.whole(0, 7), len(own), 8):
            row = own[position]
            books = max(0, int(row[level].replace(".", "")))
            counted = books if chance.happens(0.7) else books * chance.whole(92, 104) // 100 // 1000 * 1000
            found.append(
                {
                    "count_no": f"SC-{len(rows) + len(found) + 1:07d}",
                    "count_date": day_text(working(end - chance.whole(0, 5), -1)),
                    "plant": row[plant],
                    "material_id": row[material],
                    "counted_quantity": thousandths(counted),
                    "unit": row[unit],
                    "counter": f"COUNTER{chance.whole(1, 12):02d}",
                }
            )
        rows += found
    log.spoil("scm_legacy", "stock_counts", rows, (COUNT_KEY,), FAULTS["stock_counts"])
    for quarter, found in quarters.items():
        if found:
            lines = [csv_line(list(found[0])), *[csv_line(list(row.values())) for row in found]]
            write_lines(directory / f"stock_counts_{quarter}.csv", lines)
