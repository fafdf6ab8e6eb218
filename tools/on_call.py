"""`python -m tools.on_call write` plans who is on call; `python -m tools.on_call who` says who is, without a warehouse.

A slot is a rota's week, Monday to Sunday. Roles take turns: each round of a rota gives every role one week, in an order
in which no role has two weeks in a row and weeks with a public holiday are shared alike. The backup of a week is who
has the week after it, so that a handover is between two who know. The plan follows from docs/runbooks/pipelines.yml,
the holidays and the first and last week alone: planned again, it is the same file. Roles, not persons, stand in it;
teams keep who fills a role in their own directory.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import permutations
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
PIPELINES = ROOT / "docs" / "runbooks" / "pipelines.yml"
ON_CALL = ROOT / "seeds" / "operations" / "on_call.csv"
HOLIDAYS = ROOT / "seeds" / "operations" / "holidays.csv"
COLUMNS = ("rota_name", "slot_start_date", "slot_end_date", "on_call_role", "backup_role", "holiday_count")
FIRST, LAST = date(2026, 1, 5), date(2027, 12, 26)
WEEK = timedelta(days=7)
MOST_ROLES = 6  # every order of a round is tried
ORDERS_KEPT = 24  # of the fairest plans so far; one alone can run into a corner


@dataclass(frozen=True)
class Slot:
    """A week of a rota."""

    rota: str
    start: date
    role: str
    backup: str
    holidays: int

    @property
    def end(self) -> date:
        """The slot's Sunday."""
        return self.start + WEEK - timedelta(days=1)


def plan(rota: str, roles: Sequence[str], first: date, last: date, holidays: Sequence[date]) -> list[Slot]:
    """Slots from the week of `first` to that of `last`.

    Args:
        roles: at least two, at most six, each once.
        first: a Monday.
        holidays: public holidays of the rota's country.

    Raises:
        ValueError: roles or days with which no fair plan exists.
    """
    if len(roles) != len(set(roles)) or not 2 <= len(roles) <= MOST_ROLES:
        raise ValueError(f"rota {rota}: give two to {MOST_ROLES} roles, each once")
    if first.weekday() != 0 or last < first:
        raise ValueError(f"rota {rota}: the first day has to be a Monday, the last not before it")
    weeks = [first + WEEK * place for place in range((last - first).days // 7 + 1)]
    counts = [sum(1 for day in holidays if week <= day < week + WEEK) for week in weeks]
    chosen = _turns(roles, [count > 0 for count in counts])
    slots = [Slot(rota, week, chosen[place], chosen[place + 1], counts[place]) for place, week in enumerate(weeks)]
    if _unfairness(slots, roles) > 1:
        raise ValueError(f"rota {rota}: with {len(roles)} roles these weeks cannot be shared alike")
    return slots


def _turns(roles: Sequence[str], has_holiday: Sequence[bool]) -> tuple[str, ...]:
    """A role for each week and for the one after the last, round by round; the fairest of the orders that were kept."""
    weeks = len(has_holiday)
    kept: list[tuple[str, ...]] = [()]
    while len(kept[0]) <= weeks:
        size = min(len(roles), weeks + 1 - len(kept[0]))
        found: dict[tuple[str, str, tuple[int, ...]], tuple[str, ...]] = {}
        for taken in kept:
            for order in permutations(roles, size):
                if not taken or order[0] != taken[-1]:
                    longer = taken + order
                    # Orders that end alike and share the holidays alike go on alike: the first stands for them.
                    found.setdefault((longer[0], longer[-1], _counts(longer, roles, has_holiday)), longer)
        if len(kept[0]) + size <= weeks:
            kept = sorted(found.values(), key=lambda taken: _spread(_counts(taken, roles, has_holiday)))[:ORDERS_KEPT]
            continue
        return min(
            found.values(),
            key=lambda taken: max(
                _spread(_counts(taken, roles, has_holiday)),
                _spread([taken[1:].count(role) for role in roles]),
            ),
        )
    raise AssertionError("a round is never empty")


def _counts(taken: Sequence[str], roles: Sequence[str], has_holiday: Sequence[bool]) -> tuple[int, ...]:
    """Weeks with a holiday of each role."""
    held = Counter(role for role, holiday in zip(taken, has_holiday, strict=False) if holiday)
    return tuple(held[role] for role in roles)


def _spread(counts: Sequence[int]) -> int:
    return max(counts) - min(counts)


def _unfairness(slots: Sequence[Slot], roles: Sequence[str]) -> int:
    """The largest difference between two roles: of weeks, of weeks as backup, of weeks with a holiday."""
    loads = (
        Counter(slot.role for slot in slots),
        Counter(slot.backup for slot in slots),
        Counter(slot.role for slot in slots if slot.holidays),
    )
    return max(_spread([load[role] for role in roles]) for load in loads)


def plan_all(document: Mapping[str, object], holidays: Sequence[Mapping[str, str]]) -> list[Slot]:
    """The slots of all rotas of pipelines.yml, ordered by rota and week."""
    slots: list[Slot] = []
    for rota in document["rotas"]:  # type: ignore[attr-defined]
        country = rota["holiday_country_code"]
        days = [date.fromisoformat(row["holiday_date"]) for row in holidays if row["country_code"] == country]
        if not days:
            raise ValueError(f"rota {rota['name']}: no holidays of {country} in {HOLIDAYS.name}")
        slots += plan(rota["name"], rota["roles"], FIRST, LAST, days)
    return sorted(slots, key=lambda slot: (slot.rota, slot.start))


def as_csv(slots: Sequence[Slot]) -> str:
    """The seed's text."""
    lines = [",".join(COLUMNS)]
    lines += [f"{s.rota},{s.start},{s.end},{s.role},{s.backup},{s.holidays}" for s in slots]
    return "\n".join(lines) + "\n"


def wanted() -> str:
    """The seed as it has to be by pipelines.yml and the holidays."""
    document = yaml.safe_load(PIPELINES.read_text(encoding="utf-8"))
    with HOLIDAYS.open(encoding="utf-8", newline="") as file:
        return as_csv(plan_all(document, list(csv.DictReader(file))))


def who(day: date, path: Path = ON_CALL) -> list[dict[str, str]]:
    """The slots that hold a day, by rota."""
    with path.open(encoding="utf-8", newline="") as file:
        return [
            row for row in csv.DictReader(file) if row["slot_start_date"] <= day.isoformat() <= row["slot_end_date"]
        ]


def main(argv: Sequence[str] | None = None) -> int:
    """Exit 0 when done, 1 when nobody is planned for the day or the plan cannot be made."""
    parser = argparse.ArgumentParser(prog="python -m tools.on_call", description=(__doc__ or "").splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("write", help="write seeds/operations/on_call.csv")
    asked = commands.add_parser("who", help="who is on call")
    asked.add_argument("--day", type=date.fromisoformat, default=date.today(), help="default: today")
    options = parser.parse_args(argv)
    if options.command == "write":
        try:
            ON_CALL.write_text(wanted(), encoding="utf-8")
        except ValueError as error:
            print(error, file=sys.stderr)
            return 1
        print(f"{ON_CALL.relative_to(ROOT)}: written")
        return 0
    found = who(options.day)
    for row in found:
        print(f"{row['rota_name']}: {row['on_call_role']}, backup {row['backup_role']}, until {row['slot_end_date']}")
    if not found:
        print(f"nobody is planned for {options.day}: move LAST in tools/on_call.py on, then write.", file=sys.stderr)
    return 0 if found else 1


if __name__ == "__main__":
    sys.exit(main())
