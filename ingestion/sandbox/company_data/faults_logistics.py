"""Shipments that keep their contract and yet cannot be right: the models quarantine them.

Each fault is a copy of an unspoilt line under a number of its own, without an order, so that no delivery of the story
and no total of another system knows of it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from ingestion.sandbox.company_data.log import FaultLog

Row = dict[str, str]
FIRST_NUMBER = 9_000_001
LEFT, ARRIVED = "2026-03-02", "2026-03-05"


@dataclass(frozen=True)
class Fault:
    """What is changed in a good line of Alpha, and the code of the rule that has to find it."""

    code: str
    fault: str
    changes: dict[str, str | Callable[[Row], str]]


FAULTS = (
    Fault("QUANTITY_NOT_POSITIVE", "a shipment of nothing", {"quantity": "0.000", "weight_kg": ""}),
    Fault("UNIT_UNKNOWN", "a unit that nobody knows", {"unit": "XYZ"}),
    Fault(
        "WEIGHT_IMPOSSIBLE",
        "grams written as kilograms",
        {"weight_kg": lambda row: f"{float(row['weight_kg']) * 1000:.3f}"},
    ),
    Fault("DELIVERED_BEFORE_SHIPPED", "goods that arrived before they left", {"delivery_date": "2026-02-27"}),
    Fault("DELIVERED_WITHOUT_DATE", "goods that arrived on no day", {"delivery_date": ""}),
    Fault("DATE_BUT_NOT_DELIVERED", "goods under way that have arrived", {"status": "in_transit"}),
)


def shipment_faults(rows: list[Row], refused: Collection[str], log: FaultLog) -> list[Row]:
    """A line for each fault, made from Alpha's delivered and weighed ones, and logged.

    Args:
        rows: Alpha's lines as they are written.
        refused: numbers of the lines that the landing refuses.
    """
    good = [
        row
        for row in rows
        if row["shipment_ref"] not in refused and row["status"] == "delivered" and row["unit"] == "EA"
        and row["weight_kg"] and float(row["weight_kg"]) >= 10
    ]  # fmt: skip
    planted: list[Row] = []
    for place, fault in enumerate(FAULTS[: len(good)]):
        base = good[place * len(good) // len(FAULTS)]
        row = {
            **base, "shipment_ref": f"A-{FIRST_NUMBER + place}", "po_number": "", "ship_date": LEFT,
            "delivery_date": ARRIVED, "freight_cost": "",
        }  # fmt: skip
        row |= {name: value if isinstance(value, str) else value(row) for name, value in fault.changes.items()}
        planted.append(row)
        log.quarantine("scm_legacy", "shipments_alpha", {"shipment_ref": row["shipment_ref"]}, fault.fault, fault.code)
    return planted
