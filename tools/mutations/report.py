"""The outcome of a run: the table, the CSV file and the verdict."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console
from rich.table import Table

from tools.mutations.checks import Check
from tools.mutations.dropped import Dropped
from tools.mutations.faults import Mutation

PROVEN = Path(__file__).with_name("proven.yml")
COLUMNS = ("part", "test", "check", "kind", "outcome", "fault", "planted_faults", "planted_that_flow", "rows_that_flow",
           "noticed_by_count", "noticed_by")  # fmt: skip
CAN_FAIL, ON_CLEAN_ROWS, STUCK, EXCEPTED, NOT_EVALUATED = (
    "can fail", "broken as it stands; can fail", "could not be broken", "excepted", "could not be evaluated",
)  # fmt: skip


@dataclass(frozen=True)
class Run:
    """All that was found.

    Attributes:
        unreadable: data tests that could not be taken apart, as sentences.
        unevaluated: checks that do not run on the warehouse, with the reason.
    """

    mutations: tuple[Mutation, ...]
    dropped: tuple[Dropped, ...] = ()
    unreadable: tuple[str, ...] = ()
    unevaluated: Mapping[Check, str] = field(default_factory=dict)
    exceptions: Mapping[str, str] = field(default_factory=dict)

    def outcome(self, mutation: Mutation) -> str:
        """What the run says of a check."""
        if mutation.fault is None:
            return EXCEPTED if mutation.check.label in self.exceptions else STUCK
        return ON_CLEAN_ROWS if mutation.on_clean_rows else CAN_FAIL

    @property
    def stuck(self) -> list[str]:
        """Checks that no fault breaks and that no exception names."""
        return [mutation.check.label for mutation in self.mutations if self.outcome(mutation) == STUCK]

    @property
    def needless(self) -> list[str]:
        """Exceptions for checks that can fail."""
        broken = {mutation.check.label for mutation in self.mutations if mutation.fault}
        return sorted(broken & set(self.exceptions))

    @property
    def is_good(self) -> bool:
        """Everything was evaluated, and every check can fail or is excepted."""
        return not (self.stuck or self.needless or self.unreadable or self.unevaluated)


def read_proven(path: Path = PROVEN) -> dict[str, Any]:
    """The lists of proven.yml."""
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def rows(run: Run) -> list[tuple[Any, ...]]:
    """The lines of the CSV file: every check with its fault, then every quarantine rule as if it were dropped."""
    found: list[tuple[Any, ...]] = [
        ("fault", mutation.check.test, mutation.check.name, mutation.check.kind, run.outcome(mutation),
         mutation.fault or run.exceptions.get(mutation.check.label, ""), "", "", "", len(mutation.noticed_by),
         "; ".join(mutation.noticed_by))
        for mutation in run.mutations
    ]  # fmt: skip
    found += [
        ("fault", check.test, check.name, check.kind, NOT_EVALUATED, why, "", "", "", "", "")
        for check, why in run.unevaluated.items()
    ]
    found += [
        ("rule dropped", f"rules of {drop.model}", drop.code, f"quarantine rule, {drop.severity}", _flow(drop), "",
         drop.planted, drop.planted_flow, drop.rows_flow, len(drop.noticed_by), "; ".join(drop.noticed_by))
        for drop in run.dropped
    ]  # fmt: skip
    found += [
        ("test dropped", test, "", "data test", f"{alone} faults unnoticed", "", "", "", flows, "", "")
        for test, (alone, flows) in sorted(_tests_dropped(run).items())
    ]
    return found


def write(run: Run, path: Path) -> None:
    """Write the CSV file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows(rows(run))


def show(run: Run, out: Console) -> None:
    """Print the tables, what could not be broken or evaluated, and a summary."""
    table = Table("test", "check", "fault that breaks it", "also noticed by", title="faults", title_justify="left")
    for mutation in run.mutations:
        fault = mutation.fault or f"[red]{run.outcome(mutation)}[/]"
        clean = " (broken as it stands)" if mutation.fault and mutation.on_clean_rows else ""
        table.add_row(mutation.check.test, mutation.check.name, f"{fault}{clean}", _some(mutation.noticed_by))
    out.print(table)
    if run.dropped:
        out.print(_dropped_table(run))
    counts = Counter(run.outcome(mutation) for mutation in run.mutations)
    alone = sum(not mutation.noticed_by for mutation in run.mutations if mutation.fault)
    out.print(f"{len(run.mutations)} checks: " + ", ".join(f"{count} {name}" for name, count in counts.items())
              + f"; {alone} of them alone notice their fault", highlight=False)  # fmt: skip
    if run.dropped:
        holding = [drop for drop in run.dropped if drop.rows_flow]
        unnoticed = [drop for drop in holding if not drop.noticed_by]
        held = sum(drop.rows_flow for drop in holding)
        out.print(f"{len(run.dropped)} quarantine rules: {len(holding)} alone hold back {held} rows; of "
                  f"{len(unnoticed)} no data test would notice that they are gone", highlight=False)  # fmt: skip
    for text in [
        *(f"could not be broken: {name}" for name in run.stuck),
        *(f"excepted, but can fail: {name}; take it out of {PROVEN.name}" for name in run.needless),
        *(f"could not be taken apart: {text}" for text in run.unreadable),
        *(f"could not be evaluated: {check.label}: {why}" for check, why in run.unevaluated.items()),
    ]:
        out.print(text, style="red", highlight=False, markup=False)


def _dropped_table(run: Run) -> Table:
    table = Table("quarantine rule", title="if the rule were dropped", title_justify="left")
    for column in ("planted", "of these flow", "rows that flow"):
        table.add_column(column, justify="right")
    table.add_column("data tests that would notice")
    for drop in run.dropped:
        numbers = [str(number or "") for number in (drop.planted, drop.planted_flow, drop.rows_flow)]
        notice = _some(drop.noticed_by) if drop.rows_flow else _flow(drop)
        table.add_row(f"{drop.model} {drop.code}", *numbers, notice)
    return table


def _tests_dropped(run: Run) -> dict[str, tuple[int, int]]:
    """By data test: the faults that it alone notices, and the rules whose loss it alone would notice."""
    found: dict[str, tuple[int, int]] = {}
    for mutation in run.mutations:
        if mutation.check.kind == "quarantine rule":
            continue
        test = mutation.check.test
        others = [name for name in mutation.noticed_by if name.split()[0] not in (test, "rules")]
        alone, flows = found.get(test, (0, 0))
        found[test] = (alone + (mutation.fault is not None and not others), flows)
    for drop in run.dropped:
        tests = {name.split()[0] for name in drop.noticed_by}  # `build` where a model stops
        if len(tests) == 1 and (test := tests.pop()) in found:
            found[test] = (found[test][0], found[test][1] + 1)
    return found


def _flow(drop: Dropped) -> str:
    if drop.severity == "warn":
        return "marks rows, holds none back"
    if drop.rows_flow:
        return "rows flow, noticed" if drop.noticed_by else "rows flow, unnoticed"
    return "other rules hold the same rows" if drop.planted else "no row breaks it today"


def _some(names: Sequence[str]) -> str:
    return f"{len(names)}: {', '.join(names[:3])}" if names else "nothing else"
