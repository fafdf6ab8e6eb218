"""A few records of the synthetic company that break their contract, planted so that a first run shows rejects.

Only values are spoilt that no `$filter` of a load looks at: a real system would not lose its own change stamps.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

from ingestion.sandbox.tables import Tables


@dataclass(frozen=True)
class PlantedFault:
    """One planted fault: a record that the landing is expected to refuse, or a change that it has to cope with.

    Attributes:
        table: the SAP table; empty for the other sources.
        key: the record's key by the source's field names (for SAP the table's columns); for a line that is no record,
            its file and line.
        column, value: what was written where.
        fault: the fault in words.
        dataset: the landed dataset whose record is concerned.
        expected_reason_code: `CODE:field` as the dead letters show it, or `CODE` as a quarantine model does; empty
            where nothing is refused.
        source: the source system.
        expected_outcome: `rejected`, `quarantined` (it lands, a rule of the models stops it), or in words what becomes
            of a change that breaks no contract.
    """

    table: str
    key: dict[str, str]
    column: str
    value: str
    fault: str
    dataset: str
    expected_reason_code: str
    source: str = "sap"
    expected_outcome: str = "rejected"

    def as_dict(self) -> dict[str, object]:
        """The fault as one line of planted_faults.jsonl."""
        return asdict(self)


@dataclass(frozen=True)
class Plan:
    """What to spoil: the row at `share` of the table's length, and what is expected of it."""

    table: str
    share: float
    column: str
    value: str
    fault: str
    dataset: str
    reason: str


KEYS = {
    "EKKO": ("EBELN",),
    "EKPO": ("EBELN", "EBELP"),
    "EKET": ("EBELN", "EBELP", "ETENR"),
    "EKBE": ("GJAHR", "BELNR", "BUZEI"),
    "LFA1": ("LIFNR",),
    "MAKT": ("MATNR", "SPRAS"),
    "MARD": ("MATNR", "WERKS", "LGORT", "LBBSA"),
}
ORDERS, ITEMS = "purchase_orders", "purchase_order_items"
SCHEDULES, RECEIPTS, STOCK = "purchase_order_schedule_lines", "goods_receipts", "material_stock"
PLANS = (
    Plan("EKKO", 0.11, "LIFNR", "", "an order without a supplier", ORDERS, "REQUIRED_MISSING:Supplier"),
    Plan("EKKO", 0.64, "BEDAT", "31.06.2025", "a date that is no date", ORDERS, "TYPE_MISMATCH:PurchaseOrderDate"),
    Plan("EKPO", 0.23, "MENGE", "-12.000", "a negative quantity", ITEMS, "OUT_OF_RANGE:OrderQuantity"),
    Plan("EKPO", 0.47, "NETPR", "12,50 each", "text in a decimal", ITEMS, "TYPE_MISMATCH:NetPriceAmount"),
    Plan("EKPO", 0.81, "PEINH", "0", "a price for zero units", ITEMS, "OUT_OF_RANGE:NetPriceQuantity"),
    Plan(
        "EKET",
        0.35,
        "EINDT",
        "2025-02-30",
        "a day that does not exist",
        SCHEDULES,
        "TYPE_MISMATCH:ScheduleLineDeliveryDate",
    ),
    Plan("EKBE", 0.52, "MENGE", "-3.000", "a negative quantity", RECEIPTS, "OUT_OF_RANGE:QuantityInEntryUnit"),
    Plan(
        "MARD",
        0.41,
        "LBBSA",
        "09",
        "a stock type that is none",
        "material_stock",
        "NOT_IN_ALLOWED_VALUES:InventoryStockType",
    ),
    Plan("LFA1", 0.93, "LAND1", "G8", "a country code that is none", "suppliers", "PATTERN_MISMATCH:Country"),
)
CURRENCY_SHARE, BAD_CURRENCY = 0.9, "EU1"


def plant_faults(tables: Tables) -> list[PlantedFault]:
    """Spoil a few records in place; returns what was done, one entry for each record that should be refused."""
    return [_plant(tables, plan) for plan in PLANS] + _plant_currency(tables)


def _plant(tables: Tables, plan: Plan) -> PlantedFault:
    table = tables[plan.table]
    row = table.rows[int(len(table.rows) * plan.share)]
    row[table.position(plan.column)] = plan.value
    key = {column: row[table.position(column)] for column in KEYS[plan.table]}
    return PlantedFault(plan.table, key, plan.column, plan.value, plan.fault, plan.dataset, plan.reason)


def _plant_currency(tables: Tables) -> list[PlantedFault]:
    """A currency code that is none, in an order of one item: the service shows the order's currency in its items."""
    items: dict[str, list[str]] = {}
    position = tables["EKPO"].position
    for row in tables["EKPO"].rows:
        items.setdefault(row[position("EBELN")], []).append(row[position("EBELP")])
    orders = tables["EKKO"]
    number, currency = orders.position("EBELN"), orders.position("WAERS")
    start = int(len(orders.rows) * CURRENCY_SHARE)
    row = next(row for row in orders.rows[start:] + orders.rows[:start] if len(items[row[number]]) == 1)
    row[currency] = BAD_CURRENCY
    key, reason = {"EBELN": row[number]}, "PATTERN_MISMATCH:DocumentCurrency"
    shared = ("WAERS", BAD_CURRENCY, "a currency code that is none")
    return [
        PlantedFault("EKKO", key, *shared, ORDERS, reason),
        PlantedFault("EKPO", {**key, "EBELP": items[row[number]][0]}, *shared, ITEMS, reason),
    ]
