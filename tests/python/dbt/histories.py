"""Random histories of the landed tables: what buyers, warehouses and late loads do to purchase orders."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from harness import Warehouse

Row = dict[str, Any]
LOOKBACK = timedelta(days=3)
KEYS = {
    "purchase_orders": ("purchase_order",),
    "purchase_order_items": ("purchase_order", "purchase_order_item"),
    "purchase_order_schedule_lines": ("purchasing_document", "purchasing_document_item", "schedule_line"),
    "goods_receipts": ("material_document",),
    "suppliers": ("supplier",),
    "materials": ("product",),
    "plants": ("plant",),
    "ap_invoices": ("invoice_id",),
    "ap_invoice_lines": ("invoice_id", "line_number"),
    "requisitions": ("requisition_header_id",),
    "requisition_lines": ("requisition_header_id", "line_number"),
}
ORACLE = {"ap_invoices", "ap_invoice_lines", "requisitions", "requisition_lines"}
# Orders that nothing happens to by chance: supplier, days that the order is dated ahead, material, plant.
CASES = {
    "settled": ("S8", -1, "", "P8"),  # nothing changes: an incremental run must leave it alone
    "late": ("S9", 0, "M9", "P9"),  # its supplier, material and plant land long after it
    "ahead": ("S8", 60, "", "P8"),  # dated after its supplier's next version
}


@dataclass
class History:
    """The landed tables as they stand after each batch."""

    random: Random
    now: datetime
    tables: dict[str, dict[tuple[str, ...], Row]] = field(default_factory=lambda: {name: {} for name in KEYS})
    pending: list[tuple[str, Row]] = field(default_factory=list)
    documents: int = 0
    invoices: int = 0

    def batch(self, events: int, step: timedelta | None = None) -> None:
        """Move on and let some things happen; short steps stay inside the look-back, long ones leave it."""
        self.now += step or self.random.choice([timedelta(hours=5), timedelta(days=5), timedelta(days=9)])
        late, self.pending = self.pending, []
        for table, row in late:
            self.put(table, row)
        actions = [
            self.new_order, self.new_order, self.new_order, self.change_header, self.change_item, self.drop_item,
            self.empty_order, self.receive, self.receive, self.receive, self.reverse, self.reschedule,
            self.change_supplier, self.change_material, self.drop_supplier, self.land_plant,
            self.new_order, self.receive, self.invoice, self.invoice, self.invoice, self.enter_again,
            self.change_invoice, self.request,
        ]  # fmt: skip
        for _ in range(events):
            self.random.choice(actions)()

    def open_cases(self) -> None:
        """What the dice may not bring in a short history: CASES, and master data for most other orders."""
        for number in (*range(1, 6), 8):
            name = f"Synthetic Supplier {number} Ltd"
            self.put("suppliers", {"supplier": f"S{number}", "business_partner_full_name": name, "country": "DE"})
        for number in ("M1", "M2"):
            self.put("materials", {"product": number, "product_description": f"Part {number}"})
        for number in ("P1", "P2", "P8"):
            self.put("plants", {"plant": number, "plant_name": f"Plant {number}", "country": "GB"})
        for number, (supplier, days_ahead, material, plant) in CASES.items():
            # Ahead of all versions, but not of today: a day to come would send the order to quarantine.
            day = min(self.day(days_ahead, days_ahead), (datetime.now(UTC) - timedelta(days=1)).date())
            self.put("purchase_orders", {**self.header(number), "supplier": supplier, "purchase_order_date": day})
            for line in ("10", "20", "30"):
                self.put("purchase_order_items", {**self.item(number, line), "material": material, "plant": plant})

    def close_cases(self) -> None:
        """The missing members land, and the supplier changes."""
        for number in ("8", "9"):
            name = f"Synthetic {number} renamed"
            self.put("suppliers", {"supplier": f"S{number}", "business_partner_full_name": name, "country": "DE"})
        self.put("materials", {"product": "M9", "product_description": "Part 9"})
        self.put("plants", {"plant": "P9", "plant_name": "Plant P9", "country": "GB"})

    def put(self, table: str, row: Row) -> None:
        """Land a row, stamped up to almost the look-back behind the newest: loads overlap and commit late."""
        stamp = self.now - self.random.random() * 0.9 * LOOKBACK
        key = tuple(str(row[name]) for name in KEYS[table])
        self.tables[table][key] = {**row, "_landed_at": stamp, "_source_ref": f"{table}/{'/'.join(key)}@{stamp}"}

    def put_or_delay(self, table: str, row: Row) -> None:
        """Land a row now or, for one in five, only with the next batch."""
        if self.random.random() < 0.2:
            self.pending.append((table, row))
        else:
            self.put(table, row)

    def pick(self, table: str) -> Row | None:
        """A copy of some row, but of none that open_cases brought."""
        rows = [row for row in self.tables[table].values() if row.get("purchase_order") not in CASES]
        return dict(self.random.choice(rows)) if rows else None

    def day(self, earliest: int, latest: int) -> Any:
        return (self.now + timedelta(days=self.random.randint(earliest, latest))).date()

    def new_order(self) -> None:
        number = f"45{self.random.randrange(10**6):06}"
        self.put_or_delay("purchase_orders", self.header(number))
        for line in range(self.random.randint(1, 3)):
            self.put_or_delay("purchase_order_items", self.item(number, f"{line + 1}0"))
            for schedule in range(self.random.randint(0, 2)):
                self.put_or_delay("purchase_order_schedule_lines", self.schedule(number, f"{line + 1}0", str(schedule)))

    def header(self, number: str) -> Row:
        return {
            "purchase_order": number,
            "supplier": f"S{self.random.randint(1, 6)}",
            "purchase_order_date": self.day(-20, 15),
            "last_change_date_time": self.now,
            "document_currency": self.random.choice(["EUR"] * 9 + ["GBP"]),
            "purchasing_document_deletion_code": self.random.choice([None, None, "", "L", "S"]),
        }

    def item(self, number: str, line: str) -> Row:
        return {
            "purchase_order": number,
            "purchase_order_item": line,
            "material": self.random.choice([None, "", "M1", "M2", "M3"]),
            "plant": self.random.choice(["P1", "P2", "P3"]),
            "order_quantity": self.random.choice([0, *range(4, 20)]),
            "net_price_amount": self.random.randint(0, 5000) / 100,
            "net_price_quantity": self.random.choice([1, 100, 1000]),
            "purchase_order_quantity_unit": "EA",
            "document_currency": "EUR",
            "purchasing_document_deletion_code": self.random.choice([None, None, None, "L"]),
        }

    def schedule(self, number: str, line: str, schedule: str) -> Row:
        return {
            "purchasing_document": number,
            "purchasing_document_item": line,
            "schedule_line": schedule,
            "schedule_line_delivery_date": self.day(-10, 30),
            "schedule_line_order_quantity": 5,
        }

    def change_header(self) -> None:
        if row := self.pick("purchase_orders"):
            self.put_or_delay("purchase_orders", self.header(row["purchase_order"]))

    def change_item(self) -> None:
        if row := self.pick("purchase_order_items"):
            self.put_or_delay("purchase_order_items", self.item(row["purchase_order"], row["purchase_order_item"]))

    def drop_item(self) -> None:
        """A buyer takes a line out: the order lands again without it."""
        if row := self.pick("purchase_order_items"):
            number, line = row["purchase_order"], row["purchase_order_item"]
            del self.tables["purchase_order_items"][number, line]
            schedules = self.tables["purchase_order_schedule_lines"]
            for key in [key for key in schedules if key[:2] == (number, line)]:
                del schedules[key]
            if header := self.tables["purchase_orders"].get((number,)):
                self.put("purchase_orders", header)

    def empty_order(self) -> None:
        """All lines of an order go."""
        if row := self.pick("purchase_orders"):
            number = row["purchase_order"]
            for table in ("purchase_order_items", "purchase_order_schedule_lines"):
                rows = self.tables[table]
                for key in [key for key in rows if key[0] == number]:
                    del rows[key]
            self.put("purchase_orders", row)

    def receive(self) -> None:
        if row := self.pick("purchase_order_items"):
            self.movement(row["purchase_order"], row["purchase_order_item"], "101", self.random.randint(1, 20))

    def reverse(self) -> None:
        """Take a receipt back, wholly or partly, with or without naming its document; or return goods."""
        receipt = self.pick("goods_receipts")
        if receipt is None:
            return
        kind = self.random.choice(["102", "102", "122", "123", "301"])
        quantity = receipt["quantity_in_entry_unit"] - self.random.choice([0, 0, 1])
        self.movement(
            receipt["purchase_order"], receipt["purchase_order_item"], kind, max(quantity, 0),
            receipt["material_document"] if kind == "102" and self.random.random() < 0.7 else None,
        )  # fmt: skip

    def movement(self, order: str, line: str, kind: str, quantity: int, reversed_document: str | None = None) -> None:
        self.documents += 1
        row = {
            "material_document_year": "2026",
            "material_document": f"D{self.documents}",
            "material_document_item": "1",
            "posting_date": self.day(-15, 0),
            "creation_date": self.day(0, 0),
            "purchase_order": order,
            "purchase_order_item": line,
            "goods_movement_type": kind,
            "quantity_in_entry_unit": quantity,
            "reversed_material_document_year": "2026" if reversed_document else None,
            "reversed_material_document": reversed_document,
            "reversed_material_document_item": "1" if reversed_document else None,
        }
        self.put_or_delay("goods_receipts", row)

    def reschedule(self) -> None:
        if row := self.pick("purchase_order_items"):
            number, line = row["purchase_order"], row["purchase_order_item"]
            self.put_or_delay("purchase_order_schedule_lines", self.schedule(number, line, self.random.choice("012")))

    def change_supplier(self) -> None:
        number = f"S{self.random.randint(1, 6)}"
        name = f"Synthetic Supplier {self.random.randint(1, 99)} Ltd"
        self.put("suppliers", {"supplier": number, "business_partner_full_name": name, "country": "DE"})

    def drop_supplier(self) -> None:
        if row := self.pick("suppliers"):
            self.put("suppliers", {**row, "_is_deleted": True})

    def change_material(self) -> None:
        number = self.random.choice(["M1", "M2", "M3"])
        self.put("materials", {"product": number, "product_description": f"Part {self.random.randint(1, 99)}"})

    def land_plant(self) -> None:
        number = self.random.choice(["P1", "P2", "P3"])
        self.put("plants", {"plant": number, "plant_name": f"Plant {number}", "country": "GB"})

    def lines_of(self, invoice: Row) -> list[Row]:
        return [
            line for line in self.tables["ap_invoice_lines"].values() if line["invoice_id"] == invoice["invoice_id"]
        ]

    def invoice(self) -> None:
        """A bill for an order line, sometimes with freight; sometimes for nothing that was ordered."""
        row = self.pick("purchase_order_items") or {}
        self.invoices += 1
        number, day = self.invoices, self.day(-20, 0)
        quantity, freight = self.random.randint(1, 12), self.random.choice([0, 0, 150])
        cents = quantity * self.random.randint(1, 900)
        head = {
            "invoice_id": number, "invoice_number": f"INV-{number}", "invoice_type": "Standard",
            "business_unit": self.random.choice(["Synthetic Group Europe"] * 4 + ["Elsewhere"]),
            "supplier_number": f"S{self.random.randint(1, 6)}",
            "invoice_currency": self.random.choice(["EUR", "EUR", "GBP", "CHF"]),
            "invoice_amount": (cents + freight) / 100, "amount_paid": 0, "paid_status": "Unpaid",
            "canceled_flag": False, "invoice_date": day,
            "due_date": day + timedelta(days=self.random.choice([30, 30, 30, -1])),
            "payment_date": None, "accounting_date": day, "creation_date": self.now, "last_update_date": self.now,
        }  # fmt: skip
        line = {
            "invoice_id": number, "line_number": 1, "line_type": "Item", "line_amount": cents / 100,
            "quantity": quantity,
            "uom": "EA", "unit_price": 1, "purchase_order_number": row.get("purchase_order"), "canceled_flag": False,
            "purchase_order_line_number": row.get("purchase_order_item"),
            "distribution_combination": self.random.choice(["DE10-CC220-205000", "DE10-CC230-205000", None]),
        }  # fmt: skip
        self.put_or_delay("ap_invoices", head)
        self.put_or_delay("ap_invoice_lines", line)
        if freight:
            extra = {
                "line_number": 2,
                "line_type": "Freight",
                "line_amount": freight / 100,
                "quantity": None,
                "uom": None,
            }
            order = {"purchase_order_number": None, "purchase_order_line_number": None}
            self.put_or_delay("ap_invoice_lines", {**line, **extra, **order})

    def enter_again(self) -> None:
        """The same bill under another number; the first may land after the second."""
        if row := self.pick("ap_invoices"):
            self.invoices += 1
            again = {"invoice_id": self.invoices, "creation_date": self.now}
            lines = self.lines_of(row)
            self.put_or_delay("ap_invoices", {**row, **again, "invoice_number": f"{row['invoice_number']}-R"})
            for line in lines:
                self.put_or_delay("ap_invoice_lines", {**line, "invoice_id": self.invoices})

    def change_invoice(self) -> None:
        """Paid in full or in part, cancelled, moved to another supplier, or gone."""
        row = self.pick("ap_invoices")
        if row is None:
            return
        what = self.random.choice(["paid", "paid", "part", "cancelled", "supplier", "gone"])
        if what in ("paid", "part"):
            paid = row["invoice_amount"] if what == "paid" else round(row["invoice_amount"] / 2, 2)
            status = "Paid" if what == "paid" else "Partially paid"
            row |= {"amount_paid": paid, "payment_date": self.day(0, 0), "paid_status": status}
        elif what == "cancelled":
            row |= {"invoice_amount": 0, "amount_paid": 0, "canceled_flag": True, "paid_status": "Unpaid"}
            for line in self.lines_of(row):
                self.put_or_delay("ap_invoice_lines", {**line, "line_amount": 0, "canceled_flag": True})
        elif what == "gone":
            row |= {"_is_deleted": True}
        else:
            row |= {"supplier_number": f"S{self.random.randint(1, 6)}"}
        self.put_or_delay("ap_invoices", row)

    def request(self) -> None:
        """A requisition for an order line; one line may have several."""
        row = self.pick("purchase_order_items")
        if row is None:
            return
        number = self.random.randint(1, 40)
        self.put_or_delay("requisitions", {
            "requisition_header_id": number, "requisition": str(number), "document_status": "Approved",
            "requisitioning_bu": "Synthetic Group Europe", "creation_date": self.now - timedelta(days=36),
            "submission_date": self.now - timedelta(days=self.random.randint(20, 35)), "last_update_date": self.now,
            "approved_date": self.random.choice([None, *(self.now - timedelta(days=days) for days in (22, 40))]),
        })  # fmt: skip
        self.put_or_delay("requisition_lines", {
            "requisition_header_id": number, "line_number": self.random.randint(1, 3), "uom": "EA", "quantity": 5,
            "price": 2, "currency_code": "EUR", "line_status": self.random.choice(["Approved", "Approved", "Canceled"]),
            "purchase_order": row["purchase_order"], "purchase_order_line": row["purchase_order_item"],
        })  # fmt: skip

    def write(self, warehouse: Warehouse) -> None:
        """Bring the warehouse's raw tables to this state.

        Each row gets a new load id, also where it did not change: a line that keeps an older one was left alone.
        """
        for table, rows in self.tables.items():
            shuffled = list(rows.values())
            self.random.shuffle(shuffled)
            source = "oracle" if table in ORACLE else "sap"
            warehouse.clear(table, source=source)
            warehouse.land(table, shuffled, source=source)


def start(seed: int, batches: int) -> History:
    """A history that ends before today, so that no row landed after the snapshots that see it."""
    return History(random=Random(seed), now=datetime.now(UTC) - timedelta(days=9 * (batches + 1)))
