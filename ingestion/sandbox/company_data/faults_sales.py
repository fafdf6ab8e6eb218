"""Orders and payments of Atom that keep their contract and yet cannot be right: the models quarantine them.

Each fault is an order of its own, numbered below all others, so that no total of the story and no other system knows
of it.
Nothing is wrong with the rest of such an order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ingestion.sandbox.company_data.log import FaultLog

Row = dict[str, str]
Rows = dict[str, list[Row]]
FIRST_ORDER, FIRST_PAYMENT = 600_001, 400_001
ORDERED, SHIPPED, DELIVERED, PAID = (
    "2026-08-03T09:00:00Z", "2026-08-05T09:00:00Z", "2026-08-07T09:00:00Z", "2026-08-20T09:00:00Z",
)  # fmt: skip
FUTURE = "2029-12-14T09:00:00Z"
LONG_AGO = "2019-02-14T09:00:00Z"
FOREIGN = {"GB10": "DE10", "DE10": "US10", "US10": "GB10"}
OTHER_CURRENCY = {"GBP": "EUR", "EUR": "USD", "USD": "GBP"}


@dataclass(frozen=True)
class Fault:
    """One fault: where it is planted, what it is, the code of the rule that has to find it, and what it changes.

    Attributes:
        dataset: order_lines or payments; the record that goes to quarantine.
        order, line, payment: columns to overwrite; a value may be made from the good row.
        extra: further payments, made from the good one.
    """

    dataset: str
    code: str
    fault: str
    order: dict[str, str | Callable[[Row], str]] = field(default_factory=dict)
    line: dict[str, str | Callable[[Row], str]] = field(default_factory=dict)
    payment: dict[str, str | Callable[[Row], str]] = field(default_factory=dict)
    is_paid: bool = False
    extra: tuple[dict[str, str], ...] = ()


FAULTS = (
    Fault("order_lines", "ORDERED_IN_FUTURE", "an order of the year 2029",
          {"ordered_at": FUTURE, "shipped_at": "", "delivered_at": "", "status": "placed"}),
    Fault("order_lines", "SHIPPED_IN_FUTURE", "goods that leave in 2029",
          {"shipped_at": FUTURE, "delivered_at": "", "status": "shipped"}),
    Fault("order_lines", "DELIVERED_IN_FUTURE", "goods that arrive in 2029", {"delivered_at": FUTURE}),
    Fault("order_lines", "SHIPPED_BEFORE_ORDERED", "goods that left before the order",
          {"shipped_at": "2026-08-01T09:00:00Z"}),
    Fault("order_lines", "DELIVERED_BEFORE_SHIPPED", "goods that arrived before they left",
          {"delivered_at": "2026-08-04T09:00:00Z"}),
    Fault("order_lines", "DELIVERED_WITHOUT_SHIPMENT", "goods that arrived and never left", {"shipped_at": ""}),
    Fault("order_lines", "STATUS_BEHIND_DATES", "a cancelled order that was delivered", {"status": "cancelled"}),
    Fault("order_lines", "STATUS_AHEAD_OF_DATES", "a delivered order without a delivery", {"delivered_at": ""}),
    Fault("order_lines", "ORDERED_BEFORE_CUSTOMER", "an order older than its customer", {"ordered_at": LONG_AGO}),
    Fault("order_lines", "TENANT_UNKNOWN", "a company that the group does not have", {"tenant": "XX10"}),
    Fault("order_lines", "TENANT_NOT_OF_CUSTOMER", "an order at another company than the customer's",
          {"tenant": lambda row: FOREIGN[row["tenant"]]}),
    Fault("order_lines", "CURRENCY_WITHOUT_RATE", "a currency that nobody converts", {"currency": "XTS"}),
    Fault("order_lines", "QUANTITY_NOT_POSITIVE", "a line of nothing",
          line={"quantity": "0.000", "discount_amount": "0.00", "tax_amount": "0.00"}),
    Fault("order_lines", "PRICE_NOT_POSITIVE", "goods without a price",
          line={"unit_price": "0.00", "tax_amount": "0.00"}),
    Fault("order_lines", "PRICE_NOT_OF_PRODUCT", "a price with its point in the wrong place",
          line={"unit_price": lambda row: f"{float(row['unit_price']) * 100:.2f}"}),
    Fault("order_lines", "DISCOUNT_ABOVE_GROSS", "a discount above the price",
          line={"discount_amount": "9999999.00", "tax_amount": "0.00"}),
    Fault("order_lines", "TAX_NEGATIVE", "a negative tax", line={"tax_amount": "-1.00"}),
    Fault("order_lines", "TAX_ABOVE_HIGHEST_RATE", "a tax of half the price",
          line={"tax_amount": lambda row: f"{float(row['unit_price']) / 2:.2f}"}),
    Fault("order_lines", "LINE_WITHOUT_ORDER", "a line whose order does not exist", {"order_id": ""}),
    Fault("payments", "PAYMENT_WITHOUT_ORDER", "a payment for an order that does not exist",
          payment={"order_id": "599999"}, is_paid=True),
    Fault("payments", "PAID_IN_FUTURE", "money that arrives in 2029", payment={"paid_at": FUTURE}, is_paid=True),
    Fault("payments", "PAID_BEFORE_ORDERED", "money older than its order",
          payment={"paid_at": "2026-08-01T09:00:00Z"}, is_paid=True),
    Fault("payments", "PAYER_NOT_OF_ORDER", "money from another customer",
          payment={"customer_id": lambda row: str(int(row["customer_id"]) + 1)}, is_paid=True),
    Fault("payments", "CURRENCY_NOT_OF_ORDER", "money in another currency than the order",
          payment={"currency": lambda row: OTHER_CURRENCY[row["currency"]]}, is_paid=True),
    Fault("payments", "PAYMENT_OF_NOTHING", "a payment of nothing", payment={"amount": "0.00"}, is_paid=True),
    Fault("payments", "PAYMENT_ABOVE_TOTAL", "a payment above the order's total",
          payment={"amount": lambda row: f"{float(row['amount']) * 3:.2f}"}, is_paid=True),
    Fault("payments", "PAYMENT_REPEATED", "a payment that was booked twice",
          payment={"amount": "1.00"}, is_paid=True, extra=({"paid_at": "2026-08-20T11:00:00Z"},)),
    Fault("payments", "REFUND_ABOVE_TOTAL", "more paid back than the order cost",
          payment={"amount": "1.00"}, is_paid=True,
          extra=({"paid_at": "2026-08-25T11:00:00Z", "amount": "-9999999.00"},)),
    Fault("payments", "BANK_MISSING", "a transfer from no bank", payment={"payer_bic": ""}, is_paid=True),
)  # fmt: skip


def plant_sales_faults(rows: Rows, spoilt: set[str], log: FaultLog) -> None:
    """Append an order for each fault to the rows of Atom's tables, and log it.

    Args:
        rows: customers, products, orders, order_lines and payments as they are written.
        spoilt: customers and products that the landing refuses, by number; no order here names one.
    """
    customers = [
        row
        for row in rows["customers"]
        if row["customer_id"] not in spoilt and "2019-06-01" < row["created_at"] < "2026-07-01"
    ]
    products = [row for row in rows["products"] if row["product_id"] not in spoilt]
    for place, fault in enumerate(FAULTS):
        order, line, payments = _good(place, customers[place % len(customers)], products[place % len(products)])
        planted = [_changed(row, fault.payment) for row in payments[:1]] if fault.is_paid else []
        planted += [
            {**planted[0], **more, "payment_id": str(FIRST_PAYMENT + 500 + place)} for more in fault.extra if planted
        ]
        order, line = _changed(order, fault.order), _changed(line, fault.line)
        rows["order_lines"].append(line)
        rows["payments"] += planted
        if order["order_id"]:
            rows["orders"].append(order)
        _log(fault, line, planted, log)


def _good(place: int, customer: Row, product: Row) -> tuple[Row, Row, Sequence[Row]]:
    """An order with a line and its payment that nothing is wrong with."""
    number, price = str(FIRST_ORDER + place), float(product["list_price"])
    order = {
        "order_id": number, "customer_id": customer["customer_id"], "tenant": customer["tenant"], "sales_rep_id": "",
        "ordered_at": ORDERED, "status": "delivered", "shipped_at": SHIPPED, "delivered_at": DELIVERED,
        "currency": customer["currency"], "freight_amount": "9.50", "channel": "web", "created_at": ORDERED,
        "updated_at": DELIVERED,
    }  # fmt: skip
    line = {
        "order_id": number, "line_number": "1", "product_id": product["product_id"], "quantity": "1.000",
        "unit_price": f"{price:.2f}", "discount_amount": "0.00", "tax_amount": f"{price * 0.05:.2f}",
        "updated_at": ORDERED,
    }  # fmt: skip
    payment = {
        "payment_id": str(FIRST_PAYMENT + place), "order_id": number, "customer_id": customer["customer_id"],
        "paid_at": PAID, "amount": f"{price:.2f}", "currency": customer["currency"], "method": "bank_transfer",
        "payer_bic": "BARCGB22", "updated_at": PAID,
    }  # fmt: skip
    return order, line, [payment]


def _changed(row: Row, changes: dict[str, str | Callable[[Row], str]]) -> Row:
    return {**row, **{name: value if isinstance(value, str) else value(row) for name, value in changes.items()}}


def _log(fault: Fault, line: Row, payments: Sequence[Row], log: FaultLog) -> None:
    """The record at fault: of several payments the last one."""
    if fault.dataset == "payments":
        key = {"payment_id": payments[-1]["payment_id"]}
    else:
        key = {"order_id": line["order_id"], "line_number": line["line_number"]}
    log.quarantine("atom", fault.dataset, key, fault.fault, fault.code)
