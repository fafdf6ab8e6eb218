"""Purchasing documents that land but must not be believed: each breaks one rule of the models and no contract.

They are documents of their own, added beside the company's, so that what the systems tell each other stays as it was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ingestion.sandbox.company_data.common import COMPANIES, DAY_SECONDS, LAST, day_text, offset_text
from ingestion.sandbox.company_data.log import FaultLog
from ingestion.sandbox.masters import CLIENT
from ingestion.sandbox.planted import PlantedFault
from ingestion.sandbox.tables import Tables

Record = dict[str, Any]
# Numbers that the company never reaches, so that new documents do not take one.
FIRST_ORDER, FIRST_RECEIPT = 4_590_000_001, 5_900_000_001
FIRST_INVOICE, FIRST_REQUISITION = 299_000_000_001, 309_000_000_001
ORDERED, CHANGED = "2026-03-02", "2026-03-02T09:00:00Z"
NEVER = "2099-03-02"  # after any day a run may take for today
ORDERS, ITEMS, SCHEDULES = "purchase_orders", "purchase_order_items", "purchase_order_schedule_lines"
RECEIPTS = "goods_receipts"
KEYS = {
    ITEMS: ("EKPO", ("EBELN", "EBELP")),
    SCHEDULES: ("EKET", ("EBELN", "EBELP", "ETENR")),
    RECEIPTS: ("EKBE", ("GJAHR", "BELNR", "BUZEI")),
}


@dataclass(frozen=True)
class SapFault:
    """An order of one line with its delivery and receipt, of which one record is wrong.

    Attributes:
        dataset: whose record is to be quarantined under `code`.
        header, item, schedule, receipt: what differs from a sound order; None leaves the record out. SAP serves lines
            within their order and deliveries within their line, so neither can be without.
        reversal: a second movement that takes the receipt back, with these differences; None for none.
    """

    fault: str
    dataset: str
    code: str
    header: Mapping[str, str] | None = field(default_factory=dict)
    item: Mapping[str, str] | None = field(default_factory=dict)
    schedule: Mapping[str, str] | None = field(default_factory=dict)
    receipt: Mapping[str, str] | None = field(default_factory=dict)
    reversal: Mapping[str, str] | None = None


BARE: dict[str, Any] = {"schedule": None, "receipt": None}
SAP_FAULTS = (
    SapFault("an order dated in the future", ITEMS, "ORDERED_IN_FUTURE", {"BEDAT": NEVER}, **BARE),
    SapFault("a currency that has no rate", ITEMS, "CURRENCY_WITHOUT_RATE", {"WAERS": "JPY"}, **BARE),
    SapFault("ordered by the piece, priced by the kilogram", ITEMS, "PRICE_UNIT_WITHOUT_CONVERSION",
             item={"BPRME": "KG"}, **BARE),
    SapFault("nothing is ordered", ITEMS, "QUANTITY_NOT_POSITIVE", item={"MENGE": "0.000", "NETWR": "0.00"}, **BARE),
    SapFault("a price with a slipped decimal point", ITEMS, "AMOUNT_IMPLAUSIBLE",
             item={"NETPR": "9000000.00", "NETWR": "90000000.00"}, **BARE),
    SapFault("a delivery of nothing", SCHEDULES, "QUANTITY_NOT_POSITIVE", schedule={"MENGE": "0.000"}, receipt=None),
    SapFault("a slip in the year of a delivery", SCHEDULES, "DUE_IMPLAUSIBLY_LATE",
             schedule={"EINDT": "2062-04-01"}, receipt=None),
    SapFault("a receipt for a line that is not there", RECEIPTS, "RECEIPT_WITHOUT_ITEM",
             item={"EBELP": "20"}, schedule=None),
    SapFault("a receipt posted in the future", RECEIPTS, "RECEIVED_IN_FUTURE", receipt={"BUDAT": NEVER}),
    SapFault("a reversal of more than was received", RECEIPTS, "REVERSED_MORE_THAN_RECEIVED",
             reversal={"MENGE": "12.000"}),
)  # fmt: skip


def plant_sap_faults(tables: Tables, log: FaultLog) -> None:
    """Add the doubtful orders to EKKO, EKPO, EKET and EKBE."""
    sound = _sound_order(tables)
    for place, fault in enumerate(SAP_FAULTS):
        records = _order(sound, fault, str(FIRST_ORDER + place), str(FIRST_RECEIPT + 2 * place))
        for table, rows in records.items():
            for row in rows:
                tables[table].insert(row)
        table, columns = KEYS[fault.dataset]
        key = {column: records[table][-1][column] for column in columns}
        log.append(
            PlantedFault(
                table, key, "", "", fault.fault, fault.dataset, fault.code, expected_outcome="quarantined"
            )
        )  # fmt: skip


def _sound_order(tables: Tables) -> dict[str, str]:
    """Supplier, material and plant of an order that nothing was done to."""
    items, orders = tables["EKPO"], tables["EKKO"]
    row = items.rows[0]
    material, plant, text, group = (row[items.position(name)] for name in ("MATNR", "WERKS", "TXZ01", "MATKL"))
    number = row[items.position("EBELN")]
    (header,) = orders.matching({"EBELN": number})
    supplier = header[orders.position("LIFNR")]
    return {"MATNR": material, "WERKS": plant, "TXZ01": text, "MATKL": group, "LIFNR": supplier}


def _order(sound: Mapping[str, str], fault: SapFault, order: str, document: str) -> dict[str, list[dict[str, str]]]:
    line = {"MANDT": CLIENT, "EBELN": order, "EBELP": "10"}
    header = {
        "MANDT": CLIENT, "EBELN": order, "BUKRS": "GB10", "BSTYP": "F", "BSART": "NB", "AEDAT": ORDERED,
        "ERNAM": "BUYER01", "LIFNR": sound["LIFNR"], "ZTERM": "N030", "EKORG": "1000", "EKGRP": "001", "WAERS": "GBP",
        "WKURS": "1.00000", "BEDAT": ORDERED, "LASTCHANGEDATETIME": CHANGED,
    }  # fmt: skip
    item = {
        **line, "TXZ01": sound["TXZ01"], "MATNR": sound["MATNR"], "WERKS": sound["WERKS"], "MATKL": sound["MATKL"],
        "MENGE": "10.000", "MEINS": "EA", "BPRME": "EA", "NETPR": "5.00", "PEINH": "1", "NETWR": "50.00",
        "UEBTO": "5.0", "UNTTO": "2.0", "WEPOS": "X",
    }  # fmt: skip
    schedule = {
        **line, "ETENR": "1", "EINDT": "2026-04-01", "SLFDT": "2026-04-01", "MENGE": "10.000", "WEMNG": "0.000",
        "MNG02": "10.000",
    }  # fmt: skip
    receipt = {
        **line, "ZEKKN": "0", "VGABE": "1", "GJAHR": "2026", "BELNR": document, "BUZEI": "1", "BEWTP": "E",
        "BWART": "101", "BUDAT": "2026-03-30", "MENGE": "10.000", "SHKZG": "S", "MATNR": sound["MATNR"],
        "WERKS": sound["WERKS"], "CPUDT": "2026-03-30", "CPUTM": "10:00:00", "BLDAT": "2026-03-30", "XBLNR": "DN1",
        "ERNAM": "WHSE01",
    }  # fmt: skip
    back = {
        **receipt, "BELNR": str(int(document) + 1), "BWART": "102", "SHKZG": "H", "LFGJA": "2026", "LFBNR": document,
        "LFPOS": "1",
    }  # fmt: skip
    parts = (
        ("EKKO", header, fault.header), ("EKPO", item, fault.item), ("EKET", schedule, fault.schedule),
        ("EKBE", receipt, fault.receipt), ("EKBE", back, fault.reversal),
    )  # fmt: skip
    made: dict[str, list[dict[str, str]]] = {"EKKO": [], "EKPO": [], "EKET": [], "EKBE": []}
    for table, record, changes in parts:
        if changes is not None:
            made[table].append({**record, **changes})
    return made


@dataclass(frozen=True)
class OracleFault:
    """A document of one line, with what differs from a sound one in its head and in its line."""

    fault: str
    code: str
    head: Mapping[str, Any] = field(default_factory=dict)
    line: Mapping[str, Any] = field(default_factory=dict)


INVOICE_FAULTS = (
    OracleFault("a business unit that is no tenant", "BUSINESS_UNIT_UNKNOWN",
                {"BusinessUnit": "Synthetic Group Nowhere"}),
    OracleFault("an invoice dated in the future", "INVOICED_IN_FUTURE",
                {"InvoiceDate": NEVER, "DueDate": NEVER, "PaymentDate": None, "AmountPaid": 0, "PaidStatus": "Unpaid"}),
    OracleFault("a currency that has no rate", "CURRENCY_WITHOUT_RATE", {"InvoiceCurrency": "CHF"}),
    OracleFault("an amount with a slipped decimal point", "AMOUNT_IMPLAUSIBLE",
                {"InvoiceAmount": 90_000_000, "AmountPaid": 90_000_000}, {"LineAmount": 90_000_000}),
    OracleFault("lines that do not add up to the invoice", "LINES_DIFFER_FROM_INVOICE", {"InvoiceAmount": 120}),
    OracleFault("due before it was written", "DUE_BEFORE_INVOICED", {"DueDate": "2026-03-01"}),
    OracleFault("paid before it was written", "PAID_BEFORE_INVOICED", {"PaymentDate": "2026-03-01"}),
    OracleFault("paid twice over", "PAID_MORE_THAN_INVOICED", {"AmountPaid": 200}),
)  # fmt: skip
REQUISITION_FAULTS = (
    OracleFault("a business unit that is no tenant", "BUSINESS_UNIT_UNKNOWN",
                {"RequisitioningBU": "Synthetic Group Nowhere"}),
    OracleFault("submitted in the future", "REQUESTED_IN_FUTURE",
                {"SubmissionDate": f"{NEVER}T08:00:00+00:00", "ApprovedDate": None}),
    OracleFault("approved before it was submitted", "APPROVED_BEFORE_SUBMITTED",
                {"ApprovedDate": "2026-03-01T08:00:00+00:00"}),
    OracleFault("approved and never submitted", "APPROVED_WITHOUT_SUBMISSION", {"SubmissionDate": None}),
    OracleFault("a currency that has no rate", "CURRENCY_WITHOUT_RATE", line={"CurrencyCode": "SEK"}),
    OracleFault("nothing is requested", "QUANTITY_NOT_POSITIVE", line={"Quantity": 0}),
    OracleFault("a price with a slipped decimal point", "AMOUNT_IMPLAUSIBLE", line={"Price": 90_000_000}),
)  # fmt: skip


def plant_invoice_faults(records: Sequence[Record], log: FaultLog) -> list[Record]:
    """The doubtful invoices of a supplier that the company knows."""
    known = records[0]
    company = COMPANIES[0]
    made = []
    for place, fault in enumerate(INVOICE_FAULTS):
        number = FIRST_INVOICE + place
        head = {
            "InvoiceId": number, "InvoiceNumber": f"ODD-{place + 1:03}", "InvoiceType": "Standard",
            "BusinessUnit": company.name, "SupplierNumber": known["SupplierNumber"], "Supplier": known["Supplier"],
            "PurchaseOrderNumber": None, "InvoiceCurrency": "GBP", "InvoiceAmount": 100, "AmountPaid": 100,
            "InvoiceDate": ORDERED, "TermsDate": ORDERED, "DueDate": "2026-04-01", "PaymentDate": "2026-03-31",
            "AccountingDate": "2026-03-05", "PaidStatus": "Paid", "CanceledFlag": False, "CanceledDate": None,
            "CreationDate": "2026-03-05T08:00:00+00:00", "LastUpdateDate": "2026-03-31T08:00:00+00:00",
            **fault.head,
        }  # fmt: skip
        line = {
            "InvoiceId": number, "LineNumber": 1, "LineType": "Miscellaneous", "LineAmount": 100, "Quantity": None,
            "UOM": None, "UnitPrice": None, "Description": "Services without order", "PurchaseOrderNumber": None,
            "PurchaseOrderLineNumber": None, "DistributionCombination": f"{company.code}-CC120-640000",
            "AccountingDate": "2026-03-05", "CanceledFlag": False, **fault.line,
        }  # fmt: skip
        made.append({**head, "invoiceLines": [line]})
        key = {"InvoiceId": str(number), "LineNumber": "1"}
        log.quarantine("oracle", "ap_invoice_lines", key, fault.fault, fault.code)
    return made


def plant_requisition_faults(records: Sequence[Record], log: FaultLog) -> list[Record]:
    """The doubtful requisitions for a material that the company knows."""
    known = records[0]["lines"][0]
    made = []
    for place, fault in enumerate(REQUISITION_FAULTS):
        number = FIRST_REQUISITION + place
        head = {
            "RequisitionHeaderId": number, "Requisition": str(18_000_001 + place),
            "RequisitioningBU": COMPANIES[0].name,
            "PreparerNumber": records[0]["PreparerNumber"], "Description": "Need of the plant",
            "DocumentStatus": "Approved", "SubmissionDate": f"{ORDERED}T08:00:00+00:00",
            "ApprovedDate": "2026-03-04T08:00:00+00:00", "CreationDate": f"{ORDERED}T07:00:00+00:00",
            "LastUpdateDate": offset_text(LAST * DAY_SECONDS), **fault.head,
        }  # fmt: skip
        line = {
            "RequisitionHeaderId": number, "LineNumber": 1, "Item": known["Item"],
            "ItemDescription": known["ItemDescription"], "CategoryName": known["CategoryName"], "Quantity": 5,
            "UOM": known["UOM"], "Price": 2.5, "CurrencyCode": "GBP", "RequestedDeliveryDate": day_text(LAST),
            "DeliverToLocation": known["DeliverToLocation"], "LineStatus": "Approved", "PurchaseOrder": None,
            "PurchaseOrderLine": None, "SupplierNumber": None, **fault.line,
        }  # fmt: skip
        made.append({**head, "lines": [line]})
        key = {"RequisitionHeaderId": str(number), "LineNumber": "1"}
        log.quarantine("oracle", "requisition_lines", key, fault.fault, fault.code)
    return made
