"""Compare a relation's content between two warehouses: row count and an order-independent hash.

Values are brought to one form first, so that only content can differ: decimals without trailing zeros, floats to 12
significant digits, timestamps in UTC without zone, column names in lower case.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

# Depend on the run alone. dbt_scd_id hashes the text of a time, which each warehouse writes its own way; its
# uniqueness is tested by dbt in each. inputs_hash digests numbers and times as each writes them, and the statement in its
# dialect; what it decides on is compared.
EXCLUDED_COLUMNS = frozenset({"dbt_updated_at", "dbt_scd_id", "inputs_hash"})
# Usually from the data, but dbt stamps a vanished row with the clock, and validated_at, calculated_at and closed_at are
# when a run judged, reckoned or closed a row: a time inside a build's own window is replaced by that build's label, any
# other must be equal to the microsecond.
_RUN_STAMPS = {"validated_at", "calculated_at", "closed_at"}
CLOCK_COLUMNS = frozenset({"dbt_valid_from", "dbt_valid_to", "valid_from", "valid_to", *_RUN_STAMPS})

_NULL = "\x00"
_SEPARATOR = "\x1f"
_SAMPLE = 3


@dataclass(frozen=True)
class Window:
    """When a build ran, in UTC without zone."""

    label: str
    started: datetime
    finished: datetime

    @property
    def seconds(self) -> float:
        """How long it took."""
        return (self.finished - self.started).total_seconds()

    def holds(self, moment: datetime) -> bool:
        """Whether the build's clock can have written this time."""
        return self.started <= moment <= self.finished


@dataclass(frozen=True)
class Content:
    """Rows of one relation as canonical text, with the columns they come from."""

    columns: tuple[str, ...]
    rows: Counter[str]

    @property
    def count(self) -> int:
        """Number of rows, duplicates counted."""
        return self.rows.total()

    @property
    def digest(self) -> str:
        """Hash of the columns and the rows in any order; a duplicate row changes it."""
        total = 0
        for row, times in self.rows.items():
            total += times * int.from_bytes(hashlib.sha256(row.encode()).digest())
        head = hashlib.sha256(_SEPARATOR.join(self.columns).encode()).hexdigest()
        return hashlib.sha256(f"{head}:{total}:{self.count}".encode()).hexdigest()


@dataclass(frozen=True)
class Comparison:
    """Outcome for one relation."""

    name: str
    duckdb_rows: int | None
    emulator_rows: int | None
    equal: bool
    details: tuple[str, ...] = field(default=())


@lru_cache(maxsize=200_000, typed=True)  # typed: True, 1 and 1.0 are one key otherwise
def canonical(value: Any) -> str:
    """One text for equal values, whatever types the two drivers deliver."""
    if value is None:
        return _NULL
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | Decimal | float):
        return _number(value)
    if isinstance(value, datetime):
        return utc(value).isoformat(sep=" ", timespec="microseconds")
    if isinstance(value, date):
        return value.isoformat()
    return str(value)


def _number(value: int | float | Decimal) -> str:
    exact = Decimal(format(value, ".12g")) if isinstance(value, float) else Decimal(value)
    if not exact.is_finite():
        return str(exact)
    text = format(exact, "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in ("-0", "") else text


def utc(moment: datetime) -> datetime:
    """The moment in UTC without zone; one without zone is UTC already."""
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


def content(columns: Sequence[str], rows: Sequence[Sequence[Any]], windows: Sequence[Window] = ()) -> Content:
    """Bring the rows of a relation to canonical text; `windows` are the builds' times on this warehouse."""
    names = [name.lower() for name in columns]
    kept = sorted((name, position) for position, name in enumerate(names) if name not in EXCLUDED_COLUMNS)

    def clocked(value: Any) -> str:
        if isinstance(value, datetime):
            moment = utc(value)
            if label := next((window.label for window in windows if window.holds(moment)), None):
                return label
        return canonical(value)

    by_column = list(zip(*rows, strict=True))  # whole columns at a time: several times faster than row by row
    texts = [
        map(clocked if name in CLOCK_COLUMNS else canonical, by_column[position] if by_column else ())
        for name, position in kept
    ]
    return Content(tuple(name for name, _ in kept), Counter(map(_SEPARATOR.join, zip(*texts, strict=True))))


def compare(name: str, duckdb: Content, emulator: Content) -> Comparison:
    """Compare two contents; the details name the columns or show the first rows that differ."""
    details: list[str] = []
    if duckdb.columns != emulator.columns:
        details += [f"column only in DuckDB: {column}" for column in duckdb.columns if column not in emulator.columns]
        details += [
            f"column only in the emulator: {column}" for column in emulator.columns if column not in duckdb.columns
        ]
    elif duckdb.digest != emulator.digest:
        details += _row_differences(duckdb, emulator)
    return Comparison(name, duckdb.count, emulator.count, duckdb.digest == emulator.digest, tuple(details))


def _row_differences(duckdb: Content, emulator: Content) -> list[str]:
    """The columns in which paired leftovers differ; rows pair by their longest agreement in canonical order."""
    left = sorted((duckdb.rows - emulator.rows).elements())
    right = sorted((emulator.rows - duckdb.rows).elements())
    details = [f"{len(left)} rows only in DuckDB, {len(right)} rows only in the emulator"]
    for row in left[:_SAMPLE]:
        values = row.split(_SEPARATOR)
        if not right:
            details.append(f"only in DuckDB: {_shown(duckdb.columns, values)}")
            continue
        other = max(
            (candidate.split(_SEPARATOR) for candidate in right[:200]), key=lambda cells: _agreement(values, cells)
        )
        pairs = zip(duckdb.columns, values, other, strict=True)
        unlike = [f"{column}: DuckDB {a!r}, emulator {b!r}" for column, a, b in pairs if a != b]
        details.append("; ".join(unlike[:6]))
    if not left:
        details += [f"only in the emulator: {_shown(emulator.columns, row.split(_SEPARATOR))}" for row in right[:1]]
    return details


def _agreement(left: Sequence[str], right: Sequence[str]) -> int:
    return sum(a == b for a, b in zip(left, right, strict=True))


def _shown(columns: Sequence[str], values: Sequence[str]) -> str:
    return ", ".join(f"{column}={value!r}" for column, value in zip(columns[:8], values[:8], strict=False))
