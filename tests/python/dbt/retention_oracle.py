"""Families of random tables with policies and holds, and the plainest reckoning of what a purge deletes from them."""

from __future__ import annotations

import calendar
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

ZONES = ["UTC", "Europe/London", "America/New_York", "Pacific/Auckland"]
# Around changes of the clocks, leap days and ends of months.
MOMENTS = [
    datetime(2024, 2, 29, 12), datetime(2023, 2, 28, 0), datetime(2024, 3, 31, 1, 30), datetime(2024, 10, 27, 0, 30),
    datetime(2024, 10, 27, 1, 30), datetime(2023, 11, 5, 5, 30), datetime(2024, 1, 31, 23, 59, 59),
    datetime(2024, 12, 31, 23, 30),
]  # fmt: skip
SQL_TYPES = {"date": "date", "timestamp": "timestamp", "timestamptz": "timestamptz"}


@dataclass
class Table:
    """A dataset: its policy as a row of the seed, and its rows {id, parent_id, client_id, clock, note}."""

    name: str
    row: dict[str, Any]
    clock_type: str | None
    rows: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class Family:
    """Datasets, parents first, with holds (dataset, kind, id, predicate) and the moment of the purge."""

    tables: dict[str, Table]
    holds: list[dict[str, Any]]
    as_of: datetime


def policy_row(name: str, **changes: Any) -> dict[str, Any]:
    """A row of the seed with plain values."""
    return {
        "dataset_name": name, "applies_to": "table", "retention_period": "1 year", "clock_column": "clock",
        "clock_zone": "UTC", "only_where": None, "rows_ahead": None, "purge_action": "delete", "key_columns": "id",
        "parent_dataset": None,
        "parent_columns": None, "subject_keys": None, "tombstones": "digest", "follows_dataset": None,
        "erasure_action": "delete", **changes,
    }  # fmt: skip


def random_family(random: Random) -> Family:
    """One to four datasets, each perhaps the child of one before it, with rows on both sides of the limit and on it."""
    as_of = random.choice(MOMENTS) + timedelta(seconds=random.choice([0, 0, 1, 86400, 86400 * 40]))
    family = Family({}, [], as_of)
    for number in range(random.randint(1, 4)):
        parent = random.choice([*family.tables, None, *family.tables])
        table = random_table(random, f"t{number}", parent)
        fill(random, family, table)
        family.tables[table.name] = table
    for _ in range(random.choice([0, 0, 1, 2, 4])):
        family.holds.append(random_hold(random, list(family.tables)))
    return family


def random_table(random: Random, name: str, parent: str | None) -> Table:
    """A dataset with a random policy."""
    cascades = parent is not None and random.random() < 0.4
    row = policy_row(
        f"raw.{name}",
        retention_period=random.choice(["1 year", "3 months", "1 month", "30 days", "400 days", "2 years"]),
        clock_zone=random.choice(ZONES),
        purge_action=random.choice(["delete", "delete", "delete", "archive_delete"]),
        tombstones=random.choice(["digest", "range"]),
        only_where=random.choice([None, None, None, "note <> 'stay'"]),
    )
    if parent:
        row |= {"parent_dataset": f"raw.{parent}", "parent_columns": "parent_id=id"}
    if cascades:
        row |= {"retention_period": "with parent", "clock_column": None, "only_where": None, "tombstones": "digest"}
    if random.random() < 0.6:
        row["subject_keys"] = "client:client_id"
    return Table(name, row, None if cascades else random.choice(list(SQL_TYPES)))


def fill(random: Random, family: Family, table: Table) -> None:
    """Rows with clocks near the limit, exactly at it, far from it, or without one."""
    parent = family.tables.get((table.row["parent_dataset"] or "").removeprefix("raw."))
    for number in range(random.randint(0, 7)):
        table.rows.append({
            "id": number,
            "parent_id": random.choice([*(row["id"] for row in parent.rows), None, 99]) if parent else None,
            "client_id": random.choice(["C1", "C2", "it's", None]),
            "clock": random_clock(random, family, table) if table.clock_type else None,
            "note": random.choice(["stay", "go", None]),
        })  # fmt: skip


def random_clock(random: Random, family: Family, table: Table) -> datetime | date | None:
    """A clock of the table's type."""
    if random.random() < 0.1:
        return None
    months, days = period(table.row["retention_period"])
    moment = back(family.as_of, months) - timedelta(days=days)
    moment += timedelta(
        days=random.choice([0, 0, 0, 1, -1, 3, -3, 200, -2000]),
        hours=random.choice([0, 0, 1, -1, 5, -5, 13]),
        seconds=random.choice([0, 0, 1, -1]),
    )
    if table.clock_type == "date":
        return moment.date()
    return moment.replace(tzinfo=UTC) if table.clock_type == "timestamptz" else moment


def random_hold(random: Random, names: list[str]) -> dict[str, Any]:
    """A hold on a subject or by a condition."""
    dataset = f"raw.{random.choice(names)}"
    if random.random() < 0.5:
        return {
            "dataset": dataset,
            "kind": None,
            "id": None,
            "predicate": random.choice(["id <= 2", "note = 'go'", "id in (1, 5)"]),
        }
    return {
        "dataset": random.choice([dataset, "*"]),
        "kind": "client",
        "id": random.choice(["C1", "it's"]),
        "predicate": None,
    }


def period(text: str) -> tuple[int, int]:
    """Months and days of a period."""
    number, unit = text.split()
    unit = unit.removesuffix("s")
    return {"day": (0, int(number)), "month": (int(number), 0), "year": (12 * int(number), 0)}[unit]


def forward(moment: datetime, months: int) -> datetime:
    """Calendar months later; the last day of the month where there is no such day."""
    month = moment.month - 1 + months
    year, month = moment.year + month // 12, month % 12 + 1
    return moment.replace(year=year, month=month, day=min(moment.day, calendar.monthrange(year, month)[1]))


def back(moment: datetime, months: int) -> datetime:
    """Calendar months earlier."""
    return forward(moment, -months)


def expected_to_go(family: Family) -> dict[str, set[int]]:
    """Ids that a purge takes from each dataset, row by row and by the definitions in docs/retention.md."""
    return {
        name: {row["id"] for row in table.rows if is_due(family, table, row)} for name, table in family.tables.items()
    }


def is_due(family: Family, table: Table, row: dict[str, Any]) -> bool:
    if table.clock_type:
        return is_over(family, table, row) and may_go(family, table, row)
    parent = parent_of(family, table)
    return any(is_due(family, parent, above) for above in rows_above(parent, row)) and may_go(family, table, row)


def may_go(family: Family, table: Table, row: dict[str, Any]) -> bool:
    if is_held(family, table, row):
        return False
    for child in family.tables.values():
        if child.row["parent_dataset"] != f"raw.{table.name}":
            continue
        for below in child.rows:
            if below["parent_id"] != row["id"]:
                continue
            if not may_go(family, child, below) or (child.clock_type and not is_over(family, child, below)):
                return False
    return True


def is_over(family: Family, table: Table, row: dict[str, Any]) -> bool:
    clock = row["clock"]
    if clock is None or (table.row["only_where"] and row["note"] in (None, "stay")):
        return False
    zone = ZoneInfo(table.row["clock_zone"])
    if isinstance(clock, datetime):
        local = (clock if clock.tzinfo else clock.replace(tzinfo=UTC)).astimezone(zone).replace(tzinfo=None)
    else:
        local = datetime(clock.year, clock.month, clock.day)
    months, days = period(table.row["retention_period"])
    now = family.as_of.replace(tzinfo=UTC).astimezone(zone).replace(tzinfo=None)
    return forward(local, months) + timedelta(days=days) <= now


def is_held(family: Family, table: Table, row: dict[str, Any]) -> bool:
    for hold in family.holds:
        if hold["dataset"] not in ("*", f"raw.{table.name}"):
            continue
        if hold["predicate"]:
            named = {"id <= 2": row["id"] <= 2, "note = 'go'": row["note"] == "go", "id in (1, 5)": row["id"] in (1, 5)}
            if named[hold["predicate"]]:
                return True
        elif is_about(family, table, row, hold["id"]):
            return True
    return False


def is_about(family: Family, table: Table, row: dict[str, Any], client: str) -> bool:
    if table.row["subject_keys"] and row["client_id"] == client:
        return True
    parent = parent_of(family, table)
    return parent is not None and any(is_about(family, parent, above, client) for above in rows_above(parent, row))


def parent_of(family: Family, table: Table) -> Any:
    return family.tables.get((table.row["parent_dataset"] or "").removeprefix("raw."))


def rows_above(parent: Table, row: dict[str, Any]) -> list[dict[str, Any]]:
    return [above for above in parent.rows if above["id"] == row["parent_id"]]
