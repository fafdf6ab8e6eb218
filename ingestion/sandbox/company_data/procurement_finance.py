"""Oracle, the purchasing side: requisitions behind SAP's orders, and supplier invoices for what SAP received."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingestion.sandbox.company_data.common import (
    COMPANY_OF_PLANT,
    DAY_SECONDS,
    FIRST,
    LAST,
    NOW,
    Company,
    cost_center,
    day_text,
    draw_second,
    number_of,
    offset_text,
    rate,
    working,
    write_jsonl,
)
from ingestion.sandbox.company_data.faults_procurement import plant_invoice_faults, plant_requisition_faults
from ingestion.sandbox.company_data.log import FaultLog, Spoil
from ingestion.sandbox.company_data.people import Worker
from ingestion.sandbox.masters import Chance, Material, Supplier, thousandths
from ingestion.sandbox.orders import RETURN, REVERSAL, Item, Movement, Order, OrderBook

FIRST_INVOICE, FIRST_REQUISITION = 300_000_000_001, 310_000_000_001
TERMS = {"N014": 14, "N030": 30, "N045": 45, "N060": 60}
STATUSES_OF_OPEN = ("Pending approval", "Rejected", "Canceled", "Incomplete", "Approved")
INVOICE_FAULTS = (
    Spoil(0.16, "InvoiceCurrency", "GB Pound", "a currency's name where a code is due", "PATTERN_MISMATCH"),
    Spoil(0.35, "InvoiceDate", "15-JAN-26", "a date in another format", "TYPE_MISMATCH"),
    Spoil(0.59, "PaidStatus", "Settled", "a status that is none", "NOT_IN_ALLOWED_VALUES"),
    Spoil(0.83, "SupplierNumber", None, "an invoice of nobody", "REQUIRED_MISSING"),
)
REQUISITION_FAULTS = (
    Spoil(0.48, "DocumentStatus", "Done", "a status that is none", "NOT_IN_ALLOWED_VALUES"),
    Spoil(0.79, "RequisitioningBU", None, "a requisition of no business unit", "REQUIRED_MISSING"),
)


@dataclass
class InvoiceLine:
    """A line in cents of the invoice's currency; quantity in thousandths, price in millionths of a currency unit.

    Attributes:
        expected: what the line would cost at the order's price; the rest is price variance.
    """

    kind: str
    cents: int
    account: str
    expected: int
    item: Item | None = None
    quantity: int = 0
    price: int = 0
    text: str = ""


@dataclass
class Invoice:
    """A supplier invoice; days as numbers."""

    company: Company
    supplier: Supplier
    order: Order | None
    number: str
    kind: str
    day: int
    entered: int
    due: int
    lines: list[InvoiceLine]
    identifier: int = 0
    paid: int | None = None
    paid_cents: int = 0
    cancelled: int | None = None
    changed: int = 0

    @property
    def cents(self) -> int:
        """Total in cents as billed."""
        return sum(line.cents for line in self.lines)


def company_of(plant: str) -> Company:
    """The company that a plant belongs to."""
    return COMPANY_OF_PLANT[plant[0]]


def make_invoices(chance: Chance, book: OrderBook, partners: Sequence[Supplier], log: FaultLog) -> list[Invoice]:
    """Invoices for receipts, credit memos for returns, and some for services without an order, in order of entry."""
    found = []
    reversed_items = {id(movement.reverses) for movement in book.movements if movement.kind == REVERSAL}
    documents: dict[str, list[Movement]] = defaultdict(list)
    for movement in book.movements:
        if movement.kind != REVERSAL and id(movement) not in reversed_items:
            documents[movement.document].append(movement)
    for movements in documents.values():
        is_return = movements[0].kind == RETURN
        if chance.happens(0.9 if is_return else 0.965):
            found.append(_of_receipt(chance, movements))
    for _ in range(len(found) // 16 + 1):
        found.append(_of_services(chance, partners[chance.whole(0, len(partners) - 1)]))
    found = [invoice for invoice in found if invoice.entered <= LAST]
    found += [_twin(chance, found[chance.whole(0, len(found) - 1)]) for _ in range(len(found) // 700 + 1)]
    found = sorted((f for f in found if f.entered <= LAST), key=lambda f: (f.entered, f.supplier.number, f.number))
    for place, invoice in enumerate(found):
        invoice.identifier = FIRST_INVOICE + place
        _settle(chance, invoice)
    _log_twins(found, log)
    return found


def _log_twins(invoices: Sequence[Invoice], log: FaultLog) -> None:
    """Bills entered twice, unless one of the two was cancelled, which is how such a thing is put right."""
    standing = {(invoice.supplier.number, invoice.number) for invoice in invoices if invoice.cancelled is None}
    for invoice in invoices:
        if not invoice.number.endswith("-R"):
            continue
        if {(invoice.supplier.number, name) for name in (invoice.number, invoice.number[:-2])} <= standing:
            for position in range(1, len(invoice.lines) + 1):
                key = {"InvoiceId": str(invoice.identifier), "LineNumber": str(position)}
                log.quarantine(
                    "oracle", "ap_invoice_lines", key, "the same bill entered twice", "BILL_ENTERED_TWICE"
                )  # fmt: skip
        else:
            key = {"InvoiceId": str(invoice.identifier), "InvoiceNumber": invoice.number}
            log.change("oracle", "ap_invoices", key, "a bill entered twice, one of them cancelled", "lands as it is")


def _of_receipt(chance: Chance, movements: list[Movement]) -> Invoice:
    first = movements[0]
    order, sign = first.order, -1 if first.kind == RETURN else 1
    posted = number_of(first.day)
    day = posted + chance.whole(-2, 6)
    entered = working(max(day, posted) + chance.whole(1, 9))
    lines = []
    for movement in movements:
        per, price = movement.item.material.group.per, movement.item.cents
        expected = (2 * movement.quantity * price + 1000 * per) // (2000 * per)
        quantity = movement.quantity
        if sign > 0 and chance.happens(0.03):
            quantity = quantity * chance.whole(101, 110) // 100 // 1000 * 1000 or quantity  # billed, not received
        millionths = price * 10_000 // per
        if sign > 0 and chance.happens(0.07):
            millionths = millionths * chance.whole(97, 106) // 100
        cents = (2 * quantity * millionths + 10_000_000) // 20_000_000
        lines.append(
            InvoiceLine("Item", sign * cents, "205000", sign * expected, movement.item, sign * quantity, millionths)
        )
    value = sum(line.cents for line in lines)
    if sign > 0 and chance.happens(0.18):
        freight = 1500 + value * chance.whole(5, 25) // 1000
        lines.append(InvoiceLine("Freight", freight, "520000", freight, text="Freight"))
    if company_of(order.plant).country == "GB" and order.supplier.currency == "GBP":
        tax = int(sum(line.cents for line in lines) * 0.2 + 0.5 * sign)
        lines.append(InvoiceLine("Tax", tax, "130000", tax, text="Tax 20 %"))
    number = f"{'CM' if sign < 0 else 'INV'}-{order.supplier.number}-{first.document[-6:]}"
    due = day + TERMS.get(order.supplier.terms, 30)
    kind = "Credit memo" if sign < 0 else "Standard"
    return Invoice(company_of(order.plant), order.supplier, order, number, kind, day, entered, due, lines)


def _of_services(chance: Chance, supplier: Supplier) -> Invoice:
    """A bill for services or freight that nobody ordered in SAP."""
    company = COMPANY_OF_PLANT[str(chance.whole(1, 3))]
    day = chance.whole(FIRST, LAST - 10)
    cents = chance.whole(8_000, 450_000)
    line = InvoiceLine("Miscellaneous", cents, "640000", cents, text="Services without order")
    number = f"SRV-{supplier.number}-{day}{chance.whole(10, 99)}"
    entered = working(day + chance.whole(1, 8))
    return Invoice(company, supplier, None, number, "Standard", day, entered, day + 30, [line])


def _twin(chance: Chance, invoice: Invoice) -> Invoice:
    """The same bill entered a second time under a slightly different number."""
    entered = working(invoice.entered + chance.whole(5, 30))
    return Invoice(
        invoice.company, invoice.supplier, invoice.order, f"{invoice.number}-R", invoice.kind, invoice.day, entered,
        invoice.due, list(invoice.lines),
    )  # fmt: skip


def _settle(chance: Chance, invoice: Invoice) -> None:
    """Pay, cancel, or leave open."""
    invoice.changed = invoice.entered * DAY_SECONDS + draw_second(chance, 8, 18)
    if chance.happens(0.012):
        day = working(invoice.entered + chance.whole(1, 20))
        if day <= LAST:
            invoice.cancelled, invoice.changed = day, day * DAY_SECONDS + 40_000
            return
    late = chance.whole(-6, 3) if chance.happens(0.8) else chance.whole(4, 45)
    paid = working(max(invoice.entered + 1, invoice.due + late))
    if paid <= LAST and not chance.happens(0.02):
        invoice.paid, invoice.paid_cents = paid, invoice.cents
        if invoice.kind == "Standard" and chance.happens(0.015):
            invoice.paid_cents = invoice.cents * chance.whole(30, 90) // 100
        invoice.changed = min(NOW, paid * DAY_SECONDS + 50_000)


def write_invoices(path: Path, invoices: Sequence[Invoice], names: dict[str, str], log: FaultLog) -> None:
    """Oracle's invoices with their lines; a cancelled invoice shows zero amounts, as Oracle does."""
    records = [_invoice_document(invoice, names) for invoice in invoices]
    log.spoil("oracle", "ap_invoices", records, ("InvoiceId",), INVOICE_FAULTS)
    lines = [(record, line) for record in records for line in record["invoiceLines"]]
    for share, column, value, fault, code in (
        (0.28, "LineAmount", "12.5O", "a letter in a decimal", "TYPE_MISMATCH"),
        (0.66, "LineType", "Discount", "a line type that is none", "NOT_IN_ALLOWED_VALUES"),
    ):
        record, line = lines[int(len(lines) * share)]
        line[column] = value
        key = {"InvoiceId": str(record["InvoiceId"]), "LineNumber": str(line["LineNumber"])}
        log.add("oracle", "ap_invoice_lines", key, fault, f"{code}:{column}", column, value)
    write_jsonl(path, [*records, *plant_invoice_faults(records, log)])


def _invoice_document(invoice: Invoice, names: dict[str, str]) -> dict[str, Any]:
    is_cancelled = invoice.cancelled is not None
    status = "Unpaid"
    if invoice.paid is not None:
        status = "Paid" if invoice.paid_cents == invoice.cents else "Partially paid"
    order = invoice.order.number if invoice.order else None
    charged = f"{invoice.company.code}-{cost_center(invoice.company, '20')}"
    return {
        "InvoiceId": invoice.identifier,
        "InvoiceNumber": invoice.number,
        "InvoiceType": invoice.kind,
        "BusinessUnit": invoice.company.name,
        "SupplierNumber": invoice.supplier.number,
        "Supplier": names.get(invoice.supplier.number),
        "PurchaseOrderNumber": order,
        "InvoiceCurrency": invoice.supplier.currency,
        "InvoiceAmount": 0 if is_cancelled else invoice.cents / 100,
        "AmountPaid": invoice.paid_cents / 100,
        "InvoiceDate": day_text(invoice.day),
        "TermsDate": day_text(invoice.day),
        "DueDate": day_text(invoice.due),
        "PaymentDate": day_text(invoice.paid) if invoice.paid else None,
        "AccountingDate": day_text(invoice.entered),
        "PaidStatus": status,
        "CanceledFlag": is_cancelled,
        "CanceledDate": day_text(invoice.cancelled) if invoice.cancelled else None,
        "CreationDate": offset_text(invoice.entered * DAY_SECONDS + 30_000),
        "LastUpdateDate": offset_text(max(invoice.changed, invoice.entered * DAY_SECONDS + 30_000)),
        "invoiceLines": [
            {
                "InvoiceId": invoice.identifier,
                "LineNumber": position,
                "LineType": line.kind,
                "LineAmount": 0 if is_cancelled else line.cents / 100,
                "Quantity": line.quantity / 1000 if line.item else None,
                "UOM": line.item.material.group.unit if line.item else None,
                "UnitPrice": line.price / 1_000_000 if line.item else None,
                "Description": line.item.material.text if line.item else line.text,
                "PurchaseOrderNumber": order if line.item else None,
                "PurchaseOrderLineNumber": str(line.item.number) if line.item else None,
                "DistributionCombination": f"{charged}-{line.account}",
                "AccountingDate": day_text(invoice.entered),
                "CanceledFlag": is_cancelled,
            }
            for position, line in enumerate(invoice.lines, start=1)
        ],
    }


def write_requisitions(
    path: Path, chance: Chance, book: OrderBook, parts: Sequence[Material], workers: Sequence[Worker], log: FaultLog
) -> None:
    """Requisitions: those that became SAP orders, under the number that EKPO-BANFN holds, and others that did not."""
    buyers = {
        digit: [w.number for w in workers if w.company.digit == digit and w.function in ("20", "30") and not w.left]
        for digit in COMPANY_OF_PLANT
    }
    drafts: list[tuple[int, dict[str, Any]]] = []
    for order in book.orders:
        if order.requisition:
            drafts.append(_of_order(chance, order, buyers[order.plant[0]]))
    for number in range(len(drafts) // 12 + 2):
        drafts.append(_open_one(chance, 19_000_001 + number, parts, buyers))
    drafts.sort(key=lambda draft: draft[0])
    records = []
    for place, (_, record) in enumerate(drafts):
        identifier = FIRST_REQUISITION + place
        record["lines"] = [{"RequisitionHeaderId": identifier, **line} for line in record["lines"]]
        records.append({"RequisitionHeaderId": identifier, **record})
    log.spoil("oracle", "requisitions", records, ("RequisitionHeaderId",), REQUISITION_FAULTS)
    record = records[int(len(records) * 0.4)]
    record["lines"][0]["Quantity"] = -5
    key = {"RequisitionHeaderId": str(record["RequisitionHeaderId"]), "LineNumber": "1"}
    log.add("oracle", "requisition_lines", key, "a negative quantity", "OUT_OF_RANGE:Quantity", "Quantity", -5)
    write_jsonl(path, [*records, *plant_requisition_faults(records, log)])


def _of_order(chance: Chance, order: Order, buyers: list[str]) -> tuple[int, dict[str, Any]]:
    ordered = number_of(order.day)
    approved = (ordered - chance.whole(0, 3)) * DAY_SECONDS + 28_000
    entered = approved - chance.whole(1, 12) * DAY_SECONDS
    company = company_of(order.plant)
    lines = []
    for position, item in enumerate(order.items, start=1):
        estimate = item.cents * order.rate / rate(company.currency, ordered) / item.material.group.per
        lines.append(
            {
                **_line(position, item.material, item.quantity, int(estimate * (94 + chance.whole(0, 12)) * 100)),
                "CurrencyCode": company.currency,
                "RequestedDeliveryDate": item.lines[0].planned.isoformat(),
                "DeliverToLocation": order.plant,
                "LineStatus": "Approved",
                "PurchaseOrder": order.number,
                "PurchaseOrderLine": str(item.number),
                "SupplierNumber": order.supplier.number,
            }
        )
    return entered, {
        "Requisition": order.requisition,
        "RequisitioningBU": company.name,
        "PreparerNumber": chance.one(buyers),
        "Description": f"{order.items[0].material.group.noun} for plant {order.plant}",
        "DocumentStatus": "Approved",
        "SubmissionDate": offset_text(entered + chance.whole(60, 50_000)),
        "ApprovedDate": offset_text(approved),
        "CreationDate": offset_text(entered),
        "LastUpdateDate": offset_text(ordered * DAY_SECONDS + 61_200),
        "lines": lines,
    }


def _open_one(
    chance: Chance, number: int, parts: Sequence[Material], buyers: dict[str, list[str]]
) -> tuple[int, dict[str, Any]]:
    """A requisition that did not become an order."""
    digit = str(chance.whole(1, 3))
    company, status = COMPANY_OF_PLANT[digit], chance.one(STATUSES_OF_OPEN)
    day = chance.whole(LAST - 20, LAST) if status in ("Pending approval", "Approved") else chance.whole(FIRST, LAST - 9)
    entered = day * DAY_SECONDS + draw_second(chance)
    decided = min(NOW, entered + chance.whole(1, 6) * DAY_SECONDS)
    lines = []
    for position in range(1, chance.whole(1, 3) + 1):
        material = chance.one(parts)
        estimate = material.cents * 10_000 // material.group.per
        lines.append(
            {
                **_line(position, material, chance.whole(1, 60) * 1000, estimate),
                "CurrencyCode": company.currency,
                "RequestedDeliveryDate": day_text(day + 40),
                "DeliverToLocation": f"{digit}010",
                "LineStatus": status,
                "PurchaseOrder": None,
                "PurchaseOrderLine": None,
                "SupplierNumber": None,
            }
        )
    return entered, {
        "Requisition": str(number),
        "RequisitioningBU": company.name,
        "PreparerNumber": chance.one(buyers[digit]),
        "Description": "Need of the plant",
        "DocumentStatus": status,
        "SubmissionDate": None if status == "Incomplete" else offset_text(entered),
        "ApprovedDate": offset_text(decided) if status == "Approved" else None,
        "CreationDate": offset_text(entered),
        "LastUpdateDate": offset_text(decided if status != "Incomplete" else entered),
        "lines": lines,
    }


def _line(position: int, material: Material, quantity: int, millionths: int) -> dict[str, Any]:
    return {
        "LineNumber": position,
        "Item": material.number,
        "ItemDescription": material.text,
        "CategoryName": material.group.noun,
        "Quantity": float(thousandths(quantity)),
        "UOM": material.group.unit,
        "Price": max(1, millionths) / 1_000_000,
    }
