"""Master data of the synthetic company: plants, suppliers, materials, and the chance they come from."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TypeVar

from ingestion.sandbox.tables import Table

CLIENT = "800"
FIRST_DAY, TODAY = date(2024, 1, 1), date(2026, 9, 30)
T = TypeVar("T")

LFA1 = "MANDT LIFNR LAND1 NAME1 NAME2 ORT01 ORT02 REGIO PSTLZ SPERR LOEVM ERDAT UPDAT"
MARD = "MANDT MATNR WERKS LGORT CHARG SOBKZ LBBSA MEINS LABST"
MARA = "MANDT MATNR ERSDA LAEDA LVORM MTART MATKL MEINS BRGEW NTGEW GEWEI"
# plant, name, city, country, region code, postcode; places exist, the plants do not
PLANTS = (
    ("1010", "Synthetic Plant Leeds", "Leeds", "GB", "WY", "LS1 0AA"),
    ("1020", "Synthetic Plant Derby", "Derby", "GB", "DB", "DE1 0AA"),
    ("1030", "Synthetic Plant Swindon", "Swindon", "GB", "SD", "SN1 0AA"),
    ("2010", "Synthetic Plant Kassel", "Kassel", "DE", "06", "34117"),
    ("2020", "Synthetic Plant Eindhoven", "Eindhoven", "NL", "06", "5611 AA"),
    ("2030", "Synthetic Plant Gdansk", "Gdansk", "PL", "PM", "80-001"),
    ("3010", "Synthetic Plant Dayton", "Dayton", "US", "OH", "45402"),
    ("3020", "Synthetic Plant Reno", "Reno", "US", "NV", "89501"),
)
# country, city, region code, currency, relative number of suppliers
PLACES = (
    ("GB", "Birmingham", "WM", "GBP", 9),
    ("GB", "Sheffield", "SY", "GBP", 8),
    ("DE", "Stuttgart", "08", "EUR", 8),
    ("NL", "Rotterdam", "12", "EUR", 4),
    ("PL", "Poznan", "WP", "EUR", 5),
    ("IT", "Brescia", "BS", "EUR", 4),
    ("US", "Cleveland", "OH", "USD", 6),
    ("CN", "Suzhou", "100", "USD", 5),
    ("IN", "Pune", "13", "USD", 4),
    ("MX", "Monterrey", "NL", "USD", 3),
)
POSTCODES = {"GB": "ZZ{:02d} 9ZZ", "NL": "{:04d} ZZ", "PL": "{:02d}-999"}


@dataclass(frozen=True)
class Group:
    """A material group: price range in GBP cents, usual order size, unit, price unit, kg a piece, material type."""

    code: str
    noun: str
    low: int
    high: int
    pieces: int
    unit: str
    per: int
    kilograms: float
    kind: str


GROUPS = (
    Group("MOTOR", "Drive motor", 18_000, 95_000, 12, "EA", 1, 14.0, "HALB"),
    Group("CASTING", "Casting", 1_500, 22_000, 40, "EA", 1, 6.5, "ROH"),
    Group("SENSOR", "Sensor", 900, 14_000, 60, "EA", 1, 0.2, "HALB"),
    Group("CABLE", "Cable set", 400, 5_500, 80, "EA", 1, 1.1, "HALB"),
    Group("FASTENER", "Fastener", 250, 4_000, 4000, "EA", 100, 0.02, "ROH"),
    Group("STEEL", "Steel sheet", 70, 240, 2500, "KG", 1, 1.0, "ROH"),
    Group("RESIN", "Resin", 150, 900, 600, "KG", 1, 1.0, "ROH"),
    Group("PACKING", "Packing board", 1_200, 9_000, 1500, "EA", 1000, 0.3, "VERP"),
)
# GBP for one unit of the document currency at the first day, and its drift over a year
RATES = {"GBP": (1.0, 0.0), "EUR": (0.866, -0.011), "USD": (0.787, -0.013)}


@dataclass(frozen=True)
class Supplier:
    """A supplier and how well it delivers."""

    number: str
    currency: str
    groups: tuple[Group, ...]
    weight: float
    on_time: float
    in_full: float
    usual_delay: int
    lead_days: int
    price_factor: float
    terms: str
    blocked_from: date | None


@dataclass(frozen=True)
class Material:
    """A material with its price in GBP cents for its group's price unit."""

    number: str
    text: str
    group: Group
    cents: int


class Chance:
    """The few draws the generator needs, all from `random.Random.random`, whose sequence Python guarantees."""

    def __init__(self, seed: int | str) -> None:
        self.draw = random.Random(seed).random  # noqa: S311 - repeatable on purpose

    def whole(self, low: int, high: int) -> int:
        """A whole number from low to high, both included."""
        return low + int(self.draw() * (high - low + 1))

    def happens(self, probability: float) -> bool:
        """True with this probability."""
        return self.draw() < probability

    def one(self, options: Sequence[T]) -> T:
        """One of the options, all alike."""
        return options[int(self.draw() * len(options))]

    def weighted(self, cumulated: Sequence[float]) -> int:
        """Position in a list of cumulated weights."""
        target, low, high = self.draw() * cumulated[-1], 0, len(cumulated) - 1
        while low < high:
            middle = (low + high) // 2
            low, high = (middle + 1, high) if cumulated[middle] <= target else (low, middle)
        return low


def plants() -> Table:
    """Table T001W."""
    columns = ["MANDT", "WERKS", "NAME1", "ORT01", "LAND1", "REGIO", "PSTLZ", "LOEVM"]
    rows = [[CLIENT, plant, name, city, land, region, code, ""] for plant, name, city, land, region, code in PLANTS]
    return Table("T001W", columns, rows)


def suppliers(chance: Chance, count: int) -> tuple[list[Supplier], Table]:
    """The suppliers, and table LFA1."""
    shares = cumulated([place[4] for place in PLACES])
    found, rows = [], []
    for position in range(count):
        land, city, region, currency, _ = PLACES[chance.weighted(shares)]
        first = GROUPS[position % len(GROUPS)]  # every group has suppliers
        created = date(2019, 1, 1) + timedelta(days=chance.whole(0, 1500))
        is_blocked, is_closing = chance.happens(0.06), chance.happens(0.04)
        quality = chance.draw()
        supplier = Supplier(
            number=str(1_000_001 + position),
            currency=currency,
            groups=(first, chance.one(GROUPS)) if chance.happens(0.4) else (first,),
            weight=1.0 / (1 + chance.whole(0, count // 3)),
            on_time=0.46 + 0.48 * quality,
            in_full=0.78 + 0.2 * chance.draw(),
            usual_delay=3 + int(18 * (1 - quality)),
            lead_days=chance.whole(10, 28) + (25 if land in ("CN", "IN", "US", "MX") else 0),
            price_factor=0.9 + 0.25 * chance.draw(),
            terms=chance.one(("N030", "N030", "N045", "N060", "N014")),
            blocked_from=TODAY - timedelta(days=chance.whole(60, 400)) if is_blocked else None,
        )
        changed = supplier.blocked_from or created + timedelta(days=chance.whole(0, 1200))
        found.append(supplier)
        name = f"Synthetic Supplier {position + 1:04d} {'Ltd' if land == 'GB' else 'Company'}"
        postcode = POSTCODES.get(land, "{:05d}").format(chance.whole(1, 99))
        flags = ["X" if is_blocked else "", "X" if is_closing else ""]
        dates = [created.isoformat(), min(changed, TODAY).isoformat()]
        rows.append(
            [CLIENT, supplier.number, land, name, f"{first.noun} works", city, "", region, postcode, *flags, *dates]
        )
    return found, Table("LFA1", LFA1.split(), rows)


def materials(chance: Chance, count: int) -> tuple[list[Material], list[Table]]:
    """The materials, and tables MAKT and MARA."""
    makt = Table("MAKT", ["MANDT", "MATNR", "SPRAS", "MAKTX"])
    mara = Table("MARA", MARA.split())
    found = []
    for position in range(count):
        group = GROUPS[position % len(GROUPS)]
        # skewed to the cheap end, as part lists are
        cents = group.low + int((group.high - group.low) * chance.draw() * chance.draw())
        material = Material(f"SYN-{10_001 + position}", f"{group.noun} {position + 1:04d} (synthetic)", group, cents)
        found.append(material)
        makt.rows.append([CLIENT, material.number, "E", material.text])
        if chance.happens(0.3):
            makt.rows.append([CLIENT, material.number, "D", f"{group.code} {position + 1:04d} (synthetisch)"])
        created = date(2020, 1, 1) + timedelta(days=chance.whole(0, 1300))
        changed = created + timedelta(days=chance.whole(0, (TODAY - created).days))
        grams = 1000 if group.unit == "KG" else max(1, int(group.kilograms * 1000 * (0.5 + chance.draw())))
        gross = grams if group.unit == "KG" else grams + grams // 20
        flag = "X" if chance.happens(0.02) else ""
        head = [CLIENT, material.number, created.isoformat(), changed.isoformat(), flag, group.kind, group.code]
        mara.rows.append([*head, group.unit, thousandths(gross), thousandths(grams), "KG"])
    return found, [makt, mara]


def stock(chance: Chance, parts: Sequence[Material]) -> Table:
    """Table MARD: stock of each material in one to three plants, by storage location and stock type.

    A real MARD has one column for each stock type; the service shows one row for each, and so does this table.
    """
    rows = []
    for material in parts:
        first = chance.whole(0, len(PLANTS) - 1)
        for step in range(chance.whole(1, 3)):
            plant = PLANTS[(first + step) % len(PLANTS)][0]
            on_hand = int(material.group.pieces * (0.2 + 3 * chance.draw())) * 1000
            if chance.happens(0.01):
                on_hand = -1000 * chance.whole(1, 20)  # an issue was posted before its receipt
            amounts = [("01", on_hand)]
            if chance.happens(0.2):
                amounts.append(("02", on_hand // 10_000 * 1000))
            if chance.happens(0.08):
                amounts.append(("07", 1000 * chance.whole(1, 9)))
            place = f"{chance.whole(1, 3):04d}"
            batch = f"B{chance.whole(1, 99_999):06d}" if material.group.code == "RESIN" else ""
            head = [CLIENT, material.number, plant, place, batch, ""]
            rows += [[*head, kind, material.group.unit, thousandths(amount)] for kind, amount in amounts]
    return Table("MARD", MARD.split(), rows)


def cumulated(weights: Sequence[float]) -> list[float]:
    """Running totals, for `Chance.weighted`."""
    total, found = 0.0, []
    for weight in weights:
        total += weight
        found.append(total)
    return found


def thousandths(number: int) -> str:
    """A number of thousandths with three decimals."""
    if number < 0:
        return f"-{thousandths(-number)}"
    return f"{number // 1000}.{number % 1000:03d}"
