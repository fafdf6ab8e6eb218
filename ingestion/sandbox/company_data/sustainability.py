"""Energy meters at the plants, and customs lines of goods under the EU's Carbon Border Adjustment Mechanism."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingestion.sandbox.company_data.common import (
    DAY_SECONDS,
    FIRST,
    LAST,
    SEASON,
    csv_line,
    day_text,
    decimal_comma,
    moment_text,
    month_of,
    number_of,
    rate,
    write_jsonl,
    write_lines,
)
from ingestion.sandbox.company_data.log import ROWS_PER_FAULT, FaultLog, Spoil
from ingestion.sandbox.masters import PLANTS, Chance
from ingestion.sandbox.orders import RECEIPT, OrderBook

HOURLY_DAYS = 60
EU_PLANTS = {plant: land for plant, _, _, land, *_ in PLANTS if land in ("DE", "NL", "PL")}
EU_ORIGINS = ("DE", "NL", "PL", "IT")
# group: CN code, text, kg CO2e a tonne direct and indirect
GOODS = {
    "CASTING": ("73259910", "Cast articles of iron", 2_150, 310),
    "FASTENER": ("73181595", "Screws and bolts of steel", 2_480, 420),
    "STEEL": ("72083900", "Flat-rolled steel, hot-rolled", 1_890, 240),
    "CABLE": ("76149000", "Stranded wire of aluminium", 7_300, 5_900),
}
HEAT_SEASON = (1.8, 1.7, 1.4, 1.0, 0.6, 0.4, 0.3, 0.3, 0.5, 0.9, 1.3, 1.7)
ENERGY_FAULTS = (
    Spoil(0.18, "energy_type", "steam", "an energy that is none", "NOT_IN_ALLOWED_VALUES"),
    Spoil(0.47, "reading_value", -3.5, "a negative counter", "OUT_OF_RANGE"),
    Spoil(0.68, "reading_value", "ERR", "a meter's error code in a decimal", "TYPE_MISMATCH"),
    Spoil(0.9, "unit", "kW", "a unit of power", "NOT_IN_ALLOWED_VALUES"),
)
CUSTOMS_FAULTS = (
    Spoil(0.36, "NetMassKg", "0,000", "goods without mass", "OUT_OF_RANGE"),
    Spoil(0.55, "CN", "7325.99", "a code with a point", "PATTERN_MISMATCH"),
    Spoil(0.74, "ImportDate", "31/06/2025", "a day that does not exist", "TYPE_MISMATCH"),
    Spoil(0.91, "Origin", "China", "a country name where a code is due", "PATTERN_MISMATCH"),
)


@dataclass
class Meter:
    """A meter: what it counts, and how much a day in thousandths of its unit."""

    number: str
    plant: str
    kind: str
    unit: str
    daily: int
    value: int


def _meters(chance: Chance, scale: float) -> list[Meter]:
    """Two for each plant, less one; small companies have fewer."""
    kinds = (("electricity", "kWh", 9_000), ("natural_gas", "m3", 700))
    found = []
    for position, (plant, *_) in enumerate(PLANTS):
        for kind, unit, daily in kinds:
            if position == 3 and kind == "natural_gas":
                kind, unit, daily = "district_heat", "GJ", 40
            if plant == "1020" and kind == "electricity":
                unit, daily = "MWh", 8
            size = int(daily * 1000 * (0.6 + 0.9 * chance.draw()))
            start = size * chance.whole(100, 2000)
            found.append(Meter(f"MTR-{plant}-{kind[0].upper()}{len(found) + 1:02d}", plant, kind, unit, size, start))
    return found[: 15 if scale >= 0.5 else 5]


def write_energy(directory: Path, chance: Chance, scale: float, log: FaultLog) -> None:
    """Meter files by month: daily readings, hourly ones for the last 60 days."""
    meters = _meters(chance, scale)
    moments = [(day, day * DAY_SECONDS) for day in range(FIRST, LAST - HOURLY_DAYS + 1)]
    hourly = range((LAST - HOURLY_DAYS + 1) * 24, (LAST + 1) * 24)
    moments += [(hour // 24, hour * 3600) for hour in hourly]
    resets = {meters[1].number: LAST - 400, meters[-1].number: LAST - 12}
    records: list[tuple[int, dict[str, Any]]] = []
    gap_until = 0
    for meter in meters:
        previous = moments[0][1] - DAY_SECONDS
        for day, moment in moments:
            elapsed, previous = moment - previous, moment
            meter.value += _used(chance, meter, day, moment, elapsed)
            is_reset = resets.get(meter.number) == day and moment % DAY_SECONDS == 0
            if is_reset:
                meter.value = 0
                key = {"meter_id": meter.number, "reading_at": moment_text(moment)}
                log.change("energy", "meter_readings", key, "the counter was replaced", "lands with is_reset")
            if moment < gap_until:
                continue
            gap_until = moment + chance.whole(2, 30) * 3600 if chance.happens(0.0015) and not is_reset else 0
            records.append((day, _reading(chance, meter, moment, is_reset)))
        gap_until = 0
    records.sort(key=lambda record: (record[1]["reading_at"], record[1]["meter_id"]))
    rows = [record for _, record in records]
    log.spoil("energy", "meter_readings", rows, ("meter_id", "reading_at"), ENERGY_FAULTS)
    months: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for day, row in records:
        months[month_of(day)].append(row)
    _repeat(months, log)
    for month, found in months.items():
        write_jsonl(directory / f"{month}.jsonl", found)


def _used(chance: Chance, meter: Meter, day: int, moment: int, elapsed: int) -> int:
    """Consumption since the last reading: less at night and at the weekend, heat by season."""
    month = int(day_text(day)[5:7]) - 1
    season = SEASON[month] if meter.kind == "electricity" else HEAT_SEASON[month]
    hour = moment % DAY_SECONDS // 3600
    shape = 1.0 if elapsed >= DAY_SECONDS else 1.5 if 6 <= hour < 20 else 0.5
    weekend = 0.45 if (day + 3) % 7 > 4 else 1.0
    return int(meter.daily * elapsed / DAY_SECONDS * season * shape * weekend * (0.9 + 0.2 * chance.draw()))


def _reading(chance: Chance, meter: Meter, moment: int, is_reset: bool) -> dict[str, Any]:
    draw = chance.draw()
    return {
        "meter_id": meter.number,
        "reading_at": moment_text(moment),
        "plant": meter.plant,
        "energy_type": meter.kind,
        "reading_value": meter.value / 1000,
        "unit": meter.unit,
        "quality": "measured" if draw < 0.985 else "estimated" if draw < 0.995 else "manual",
        "is_reset": is_reset,
    }


def _repeat(months: dict[str, list[dict[str, Any]]], log: FaultLog) -> None:
    """A reading that stands twice in a file, and an estimate that a later file corrects."""
    names = sorted(months)
    row = months[names[-2]][len(months[names[-2]]) // 2]
    months[names[-2]].append(row)
    key = {"meter_id": row["meter_id"], "reading_at": row["reading_at"]}
    log.change("energy", "meter_readings", key, "the same reading twice", "lands; one reading in the models")
    old = months[names[-3]][5]
    months[names[-2]].append({**old, "reading_value": old["reading_value"] + 1.25, "quality": "manual"})
    key = {"meter_id": old["meter_id"], "reading_at": old["reading_at"]}
    log.change("energy", "meter_readings", key, "a reading corrected in a later file", "lands; the later file holds")


def write_customs(
    directory: Path, book: OrderBook, suppliers: dict[str, tuple[str, str]], chance: Chance, log: FaultLog
) -> None:
    """Quarterly exports: receipts of iron, steel and aluminium goods at EU plants from suppliers outside the EU."""
    rows: list[dict[str, str]] = []
    quarters: dict[str, list[dict[str, str]]] = defaultdict(list)
    items: dict[str, int] = defaultdict(int)
    for movement in book.movements:
        order, group = movement.order, movement.item.material.group
        country = suppliers[order.supplier.number][0]
        if movement.kind != RECEIPT or order.plant not in EU_PLANTS or country in EU_ORIGINS or group.code not in GOODS:
            continue
        cn, text, direct, indirect = GOODS[group.code]
        day = number_of(movement.day)
        grams = max(1000, int(movement.quantity * group.kilograms))
        cents = movement.quantity * movement.item.cents // (1000 * group.per)
        euros = int(cents * rate(order.supplier.currency, day) / rate("EUR", day)) + 100
        mrn = f"{day_text(day)[2:4]}{EU_PLANTS[order.plant]}{int(movement.document):014d}"
        items[mrn] += 1
        is_declared = not chance.happens(0.25)
        factor = 0.8 + 0.5 * chance.draw()
        year, month, rest = day_text(day).split("-")
        row = {
            "MRN": mrn,
            "Item": str(items[mrn]),
            "ImportDate": f"{rest}/{month}/{year}",
            "CN": cn if chance.happens(0.8) else cn[:6],
            "Goods": text,
            "Origin": country,
            "Supplier": order.supplier.number,
            "Installation": f"Synthetic Works {order.supplier.number[-3:]}" if is_declared else "",
            "NetMassKg": decimal_comma(grams, 3),
            "CustomsValueEUR": decimal_comma(euros),
            "DirectEmissions": decimal_comma(int(grams * direct * factor / 1000), 6) if is_declared else "",
            "IndirectEmissions": decimal_comma(int(grams * indirect * factor / 1000), 6) if is_declared else "",
            "CarbonPricePaid": decimal_comma(euros // 200) if is_declared and country in ("GB", "CN") else "",
        }
        rows.append(row)
        quarters[f"{year}Q{(int(month) + 2) // 3}"].append(row)
    log.spoil("customs", "cbam_imports", rows, ("MRN", "Item"), CUSTOMS_FAULTS)
    for quarter, found in sorted(quarters.items()):
        lines = [csv_line(list(found[0]), ";"), *[csv_line(list(row.values()), ";") for row in found]]
        if quarter == max(quarters) and len(rows) >= ROWS_PER_FAULT // 2:
            lines.append("26DE00000000000000;1;01/09/2026")
            key = {"file": f"cbam_imports_{quarter}.csv", "line": str(len(lines))}
            log.add("customs", "cbam_imports", key, "a line with too few values", "COLUMN_COUNT:*")
        write_lines(directory / f"cbam_imports_{quarter}.csv", lines, encoding="utf-8-sig", ending="\r\n")
