"""The labelled set of the anomaly detectors: profile histories of made-up datasets with planted anomalies.

Seven datasets that behave as landed tables do: a strong week, none at weekends, one large delivery a week, a ledger
that only grows, a list that hardly ever changes; growth, month ends, two holidays, noise with heavy tails. Each day has
what the profiles measure: rows, hours late, and for each column share of nulls, distinct values and mean. Anomalies of
ten kinds are planted after the warm-up; a day is anomalous in a dataset while one lasts. All follows from the seed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np

FIRST = date(2025, 1, 6)  # a Monday
WARM_UP, JUDGED = 98, 200  # days without and with anomalies
A_KIND = 7  # anomalies of each kind
Day = tuple[str, date]
GAP = 4  # undisturbed days between two anomalies of a dataset, at least
SPANS = {
    "spike": (1, 1), "drop": (1, 1), "drift": (12, 16), "seasonality_break": (7, 7), "null_burst": (1, 3),
    "duplicate_burst": (1, 1), "late_feed": (1, 2), "type_change": (1, 4), "category_explosion": (1, 3),
    "silent_zero": (1, 2),
}  # fmt: skip
KINDS = tuple(SPANS)
SEEN_FROM = 0.1  # what has moved by less is neither an anomaly nor an ordinary day
BREAK_SHIFT = 3  # days by which a broken week is late
HIT_COLUMNS = {
    "null_burst": ("status", "reference_code", "amount"), "category_explosion": ("status", "reference_code"),
}  # fmt: skip
TYPICAL_LATENESS, LATENESS_NOISE = 1.0, 0.35  # hours late on an ordinary day: lognormal


@dataclass(frozen=True)
class Column:
    """A column: its role decides which measures it has."""

    name: str
    null_share: float = 0.0
    values: int | None = None  # distinct values of a category; None: every row its own
    mean: float | None = None
    spread: float = 0.0


COLUMNS = (
    Column("record_id"),
    Column("status", values=6),
    Column("reference_code", null_share=0.3, values=400),
    Column("amount", null_share=0.002, mean=120.0, spread=90.0),
)


@dataclass(frozen=True)
class Shape:
    """How a dataset behaves when all is well."""

    name: str
    rows: float
    week: tuple[float, ...]  # share of an ordinary day, Monday first
    noise: float
    growth: float = 0.0  # a day
    grows_only: bool = False  # the table keeps what it has: row_count is the total

    @property
    def has_week(self) -> bool:
        """Whether its week can break."""
        return max(self.week) > 1.5 * min(self.week)


SHAPES = (
    Shape("orders", 2_000, (1.0, 1.05, 1.0, 1.1, 1.3, 0.5, 0.35), 0.06, growth=0.001),
    Shape("office_feed", 120, (1.2, 1.0, 1.0, 1.0, 0.8, 0.0, 0.0), 0.05),
    Shape("events", 50_000, (0.7, 0.7, 0.75, 0.8, 1.2, 1.9, 1.8), 0.1, growth=0.002),
    Shape("weekly_file", 5_000, (1.0, 0.05, 0.05, 0.05, 0.05, 0.05, 0.05), 0.07),
    Shape("meter_readings", 9_600, (1.0,) * 7, 0.01),
    Shape("ledger", 3_000, (1.0, 1.0, 1.0, 1.0, 1.1, 0.2, 0.1), 0.1, grows_only=True),
    Shape("reference_list", 0.3, (1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0), 0.0, grows_only=True),
)
STOCK = {"ledger": 400_000, "reference_list": 900}  # rows before the first day


@dataclass(frozen=True)
class Planted:
    """An anomaly: `force` is its size within the range of its kind, 0 to 1."""

    dataset: str
    kind: str
    first: int
    days: int
    force: float

    @property
    def is_of_rows(self) -> bool:
        """Whether a drift is one of the number of rows, not of the mean."""
        return bool(self.first % 2)

    def covers(self, day: int) -> bool:
        """Whether the anomaly lasts on that day."""
        return self.first <= day < self.first + self.days


@dataclass
class History:
    """What was measured, and what was planted."""

    row_counts: list[tuple[str, date, int]] = field(default_factory=list)
    profiles: list[tuple[str, str, date, float | None, int, float | None]] = field(default_factory=list)
    lateness: list[tuple[str, date, float]] = field(default_factory=list)
    planted: list[Planted] = field(default_factory=list)

    def labels(self) -> dict[Day, str]:
        """The kind of anomaly of each judged day of each dataset; empty for an ordinary day.

        Days of an anomaly that do not show are left out: a Tuesday in place of a Wednesday, a drift of a few percent.
        """
        found = {(shape.name, day_of(n)): "" for shape in SHAPES for n in range(WARM_UP, WARM_UP + JUDGED)}
        for one in self.planted:
            for number in range(one.first, one.first + one.days):
                if _is_seen(one, number):
                    found[one.dataset, day_of(number)] = one.kind
                else:
                    del found[one.dataset, day_of(number)]
        return found


def day_of(number: int) -> date:
    """The date of a day's number."""
    return FIRST + timedelta(days=number)


def _is_seen(one: Planted, number: int) -> bool:
    """Whether the anomaly moves what is measured on that day by more than SEEN_FROM."""
    if one.kind == "drift":
        return abs(_drift(one, number) - 1) > SEEN_FROM
    if one.kind == "seasonality_break":
        (week,) = (shape.week for shape in SHAPES if shape.name == one.dataset)
        now, then = week[number % 7], week[(number + BREAK_SHIFT) % 7]
        return abs(now - then) > SEEN_FROM * max(now, then)
    return True


def _drift(one: Planted, number: int) -> float:
    """By what a drift has multiplied its measure: rows of one half of the drifts, means of the other."""
    since = number - one.first + 1
    return (0.98 - 0.02 * one.force) ** since if one.is_of_rows else (1.012 + 0.012 * one.force) ** since


def make_history(seed: int) -> History:
    """A history with A_KIND anomalies of each kind."""
    random = np.random.default_rng(seed)
    history = History(planted=list(_plan(random)))
    for shape in SHAPES:
        _measure(shape, history, random)
    return history


def _plan(random: np.random.Generator) -> Iterator[Planted]:
    """Anomalies of all kinds, none within GAP days of another of its dataset; the long ones find a place first."""
    taken = {shape.name: np.zeros(WARM_UP + JUDGED + GAP + 1, dtype=bool) for shape in SHAPES}
    for kind in sorted(KINDS, key=lambda kind: -SPANS[kind][1]):
        shapes = [shape for shape in SHAPES if _can_have(shape, kind)]
        for number in range(A_KIND):
            days = int(random.integers(SPANS[kind][0], SPANS[kind][1] + 1))
            for turn in range(10_000):
                shape = shapes[(number + turn // 200) % len(shapes)]
                first = int(random.integers(WARM_UP, WARM_UP + JUDGED - days))
                free = not taken[shape.name][first - GAP : first + days + GAP].any()
                if free and _shows(shape, kind, first, days):
                    break
            else:
                raise RuntimeError(f"no place for {kind}")
            taken[shape.name][first : first + days] = True
            yield Planted(shape.name, kind, first, days, float(random.random()))


def _can_have(shape: Shape, kind: str) -> bool:
    if kind == "seasonality_break":
        return shape.has_week and shape.name != "reference_list"
    return shape.name != "reference_list" or kind not in ("spike", "drift", "silent_zero")


def _shows(shape: Shape, kind: str, first: int, days: int) -> bool:
    """Whether rows are due on each of its days: where nothing comes nothing goes wrong; a drift runs over weekends."""
    if kind in ("drift", "seasonality_break"):
        return True
    return all(shape.week[day % 7] > 0 for day in range(first, first + days))


def _measure(shape: Shape, history: History, random: np.random.Generator) -> None:
    total = STOCK.get(shape.name, 0)
    holidays = set(random.choice(np.arange(WARM_UP, WARM_UP + JUDGED), 2, replace=False).tolist())
    level = 0.0  # what the dataset's mean wanders by
    repeated = 0  # duplicates that stand in a table that keeps its rows, until the day after
    for number in range(WARM_UP + JUDGED):
        planted = next((one for one in history.planted if one.dataset == shape.name and one.covers(number)), None)
        day = day_of(number)
        level = 0.95 * level + float(random.normal(0, 0.004))
        new = _new_rows(shape, number, number in holidays, random)
        if shape.grows_only:
            total -= repeated
        repeated = 0
        new = _disturbed_rows(shape, number, new, planted, total)
        if planted and planted.kind == "duplicate_burst":
            repeated = max(1, int((0.15 + 0.65 * planted.force) * (total * 0.02 if shape.grows_only else new)))
        if shape.grows_only:
            total = max(0, total + new + repeated)
            if shape.name == "reference_list" and planted and planted.kind == "drop":
                repeated = -int(total * (0.2 + 0.5 * planted.force))  # partly emptied, filled again the day after
                total += repeated
        rows = total if shape.grows_only else new + repeated
        history.row_counts.append((shape.name, day, rows))
        if shape.week[number % 7] > 0:
            late = TYPICAL_LATENESS * math.exp(LATENESS_NOISE * float(random.standard_normal()))
            if planted and planted.kind == "late_feed":
                late += 6 + 30 * planted.force
            history.lateness.append((shape.name, day, round(late, 3)))
        if rows > 0:
            _profile(shape, day, rows, max(0, repeated), level, planted, number, history, random)


def _new_rows(shape: Shape, number: int, is_holiday: bool, random: np.random.Generator) -> int:
    """Rows of an ordinary day: week, growth, month end, holiday, and noise of which some is large."""
    share = min(shape.week) if is_holiday and min(shape.week) > 0 else shape.week[number % 7]
    if (day_of(number) + timedelta(days=1)).day == 1:
        share *= 1.1
    noise = shape.noise * float(random.standard_t(5))
    return int(random.poisson(max(0.0, shape.rows * share * (1 + shape.growth) ** number * math.exp(noise))))


def _disturbed_rows(shape: Shape, number: int, new: int, planted: Planted | None, total: int) -> int:
    if planted is None or (shape.name == "reference_list"):
        return new
    force = planted.force
    if planted.kind == "spike":
        return int(new * (1.8 + 2.2 * force))
    if planted.kind == "drop":
        return int(new * (0.1 + 0.4 * (1 - force)))
    if planted.kind == "silent_zero":
        return 0
    if planted.kind == "drift" and planted.is_of_rows:
        return int(new * _drift(planted, number))
    if planted.kind == "seasonality_break":
        # The week runs as if it were half a week later.
        now, then = shape.week[number % 7], shape.week[(number + BREAK_SHIFT) % 7]
        ordinary = new / now if now > 0 else shape.rows * (1 + shape.growth) ** number
        return int(ordinary * then)
    return new


def _profile(
    shape: Shape, day: date, rows: int, repeated: int, level: float, planted: Planted | None, number: int,
    history: History, random: np.random.Generator,
) -> None:  # fmt: skip
    kind, force = (planted.kind, planted.force) if planted else ("", 0.0)
    columns = HIT_COLUMNS.get(kind, ("",))
    hit = columns[planted.first % len(columns)] if planted else ""
    for column in COLUMNS:
        is_hit = column.name == hit
        share = float(random.binomial(rows, column.null_share)) / rows
        if kind == "null_burst" and is_hit:
            share = min(1.0, share + 0.1 + 0.7 * force)
        distinct = rows - repeated
        if column.values is not None:
            distinct = int(min(rows, column.values - random.poisson(0.3 if column.values < 50 else 3)))
            if kind == "category_explosion" and is_hit:
                distinct = int(min(rows, column.values * (3 + 20 * force) + 8))
        mean = None
        if column.mean is not None:
            mean = column.mean * (1 + level) + column.spread / math.sqrt(rows) * float(random.standard_normal())
            distinct = max(1, int(min(0.6 * rows, 12_000)))
            if kind == "drift" and planted is not None and not planted.is_of_rows:
                mean *= _drift(planted, number)
            if kind == "type_change":
                # Numbers come as texts: nothing to average; where the texts are cast, those that cannot be are null.
                mean, share = (None, share) if force < 0.6 else (mean * 0.5, share + 0.3 * force)
        history.profiles.append((shape.name, column.name, day, share, distinct, mean))
