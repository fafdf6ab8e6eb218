"""Searches, for a check, a fault that breaks it: a row twice or gone, a column emptied or moved, two at once."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import duckdb

from tools.mutations.bench import Bench, readers
from tools.mutations.checks import Check

MAX_COLUMNS = 40
MAX_COLUMNS_IN_PAIRS = 6
VALUES = {
    "text": ("null", "''", "'no such value'", "lower({0})", "upper({0})", "{0} || 'x'"),
    "number": ("null", "0", "-1", "{0} + 1", "-{0}", "{0} * 1000", "99999", "999999999999"),
    "moment": (
        "null", "cast('1800-01-01' as {1})", "cast('9999-12-30' as {1})", "cast({0} + interval 1 day as {1})",
        "cast({0} - interval 400 day as {1})",
    ),
    "boolean": ("null", "not {0}", "true", "false"),
}  # fmt: skip
BASE = '"damaged"."main"."base"'


@dataclass(frozen=True)
class Mutation:
    """A check with the fault that breaks it.

    Attributes:
        fault: what was done to the relation; None where nothing broke the check.
        on_clean_rows: the check is broken as the data stands, so the fault was planted among the rows that pass.
        noticed_by: the other checks on that relation that noticed.
    """

    check: Check
    fault: str | None
    on_clean_rows: bool = False
    noticed_by: tuple[str, ...] = ()


def search(bench: Bench, check: Check, checks: Sequence[Check], broken_before: set[Check]) -> Mutation:
    """Search a fault that breaks the check.

    Args:
        checks: all that could notice it.
        broken_before: those that are broken as the data stands.
    """
    is_broken = check in broken_before
    if is_broken and check.clean is None:
        return _healed(bench, check)
    # A row-wise check is about its own relation; what the others hold does not prove that it reads its rows.
    for relation in check.relations[:1] if check.clean else check.relations:
        try:
            others = [other for other in readers(checks, {relation}) if other is not check]
            rows = check.clean if is_broken else f"select * from {relation}"
            bench.connection.execute(f"create or replace table {BASE} as {rows}")
            bench.replace(relation, f"select * from {BASE}", kind="view")
            if is_broken and (bench.is_broken(check) or _is_empty(bench)):
                return Mutation(check, None, on_clean_rows=True)  # no row passes: it fails whatever the data
            unmoved = bench.broken(others) if is_broken else broken_before
            for fault, select in _faults(bench, check, relation, is_broken):
                try:
                    bench.replace(relation, select, kind="view")
                    if not bench.is_broken(check):
                        continue
                except duckdb.Error:
                    continue  # the value does not fit the column: no fault that could happen
                noticed = bench.broken(others) - unmoved
                return Mutation(
                    check, f"{_short(relation)}: {fault}", is_broken, tuple(sorted(other.label for other in noticed))
                )
        finally:
            bench.restore()
    return Mutation(check, None, is_broken)


def _healed(bench: Bench, check: Check) -> Mutation:
    """Of a check that the data breaks and whose good rows cannot be told: it passes once a relation is empty."""
    for relation in check.relations:
        try:
            bench.replace(relation, f"select * from {relation} where false", kind="view")
            if not bench.is_broken(check):
                return Mutation(check, f"{_short(relation)}: its rows as they stand, none without them", True)
        finally:
            bench.restore()
    return Mutation(check, None, on_clean_rows=True)


def _faults(bench: Bench, check: Check, relation: str, is_broken: bool) -> Iterator[tuple[str, str]]:
    """Faults as a text and the query that yields the rows of the base with it."""
    yield "a row twice", f"select * from {BASE} union all (select * from {BASE} limit 1)"
    yield "a row gone", f"select * from {BASE} where rowid <> 0"
    # An empty relation gets a row of nulls, so that there is something to damage.
    rows = f"(select held.* from (select 1) as one left join {BASE} as held on true)"
    columns = bench.connection.execute(f"describe {BASE}").fetchall()
    named = [column for column in columns if re.search(rf"\b{re.escape(column[0])}\b", check.mentions)] or columns
    single = [
        (f"{name} = {value}", name, value)
        for name, kind, *_ in named[:MAX_COLUMNS]
        for value in (template.format(f'"{name}"', kind) for template in VALUES[_family(kind)])
    ]
    for text, name, value in single:
        yield text, f'select * replace ({value} as "{name}") from {rows}'
    if len(named) <= MAX_COLUMNS_IN_PAIRS:
        for place, (text, name, value) in enumerate(single):
            for other_text, other_name, other_value in single[place + 1 :]:
                if other_name != name:
                    both = f'{value} as "{name}", {other_value} as "{other_name}"'
                    yield f"{text}, {other_text}", f"select * replace ({both}) from {rows}"
    if is_broken:  # what breaks it may be a value that only the data knows
        broken = f"(select * from {relation} except select * from {BASE} limit 1)"
        taken = [(name, f'(select "{name}" from {broken})') for name, *_ in named[:MAX_COLUMNS]]
        for name, value in taken:
            yield f"{name} of a row that breaks it", f'select * replace ({value} as "{name}") from {rows}'
        every = ", ".join(f'{value} as "{name}"' for name, value in taken)
        yield "its columns of a row that breaks it", f"select * replace ({every}) from {rows}"
    yield "every row twice", f"select * from {BASE} union all select * from {BASE}"
    yield "no rows", f"select * from {BASE} where false"


def _is_empty(bench: Bench) -> bool:
    return bench.connection.execute(f"select 1 from {BASE} limit 1").fetchone() is None


def _short(relation: str) -> str:
    return relation.rpartition(".")[2].strip('"')


def _family(kind: str) -> str:
    if kind.startswith(("DATE", "TIMESTAMP")):
        return "moment"
    if kind == "BOOLEAN":
        return "boolean"
    return "text" if kind.startswith("VARCHAR") else "number"
