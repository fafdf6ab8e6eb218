"""What differs between two revisions: columns that came, went, were renamed, or whose SQL or type is another."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlglot import exp, parse_one
from sqlglot.errors import SqlglotError
from sqlglot.lineage import lineage
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import build_scope

from tools.catalogue.columns import deep_sql
from tools.impact.project import Bound


@dataclass
class Change:
    """What changed of a dataset that both revisions have, or that is new or gone.

    Attributes:
        kind: new, gone or changed.
        rows: its conditions, joins or grouping differ, so that any column may come out differently.
        columns: what happened to each column.
    """

    kind: str
    rows: bool = False
    columns: dict[str, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return self.kind != "changed" or self.rows or bool(self.columns)


@dataclass(frozen=True)
class Shape:
    """SQL taken apart: what each column is computed by, step by step, and all the rest."""

    columns: Mapping[str, frozenset[str]]
    rest: tuple[str, ...]


def changes(before: Bound, now: Bound) -> dict[str, Change]:
    """Changes by dbt's id of the dataset."""
    found = {name: Change("gone") for name in before.columns if name not in now.columns}
    for name, columns in now.columns.items():
        if name not in before.columns:
            found[name] = Change("new")
        elif change := _change(name, before, now):
            found[name] = change
        elif columns != before.columns[name]:
            # Not its own SQL: a type or a star further up. What it was changed by is told there.
            found[name] = Change("changed", columns=_listed(before.columns[name], columns))
    return found


def _change(name: str, before: Bound, now: Bound) -> Change | None:
    old, new = (bound.node(name).get("compiled_code") or "" for bound in (before, now))
    if old == new and name not in now.broken:
        return None
    change = Change("changed", columns=_listed(before.columns[name], now.columns[name]))
    if old != new:
        shapes = _shape(name, before), _shape(name, now)
        if None in shapes:
            change.rows = True
        else:
            _compare(change, *shapes)  # type: ignore[arg-type]
    return change if change else None


def _listed(old: Mapping[str, str], new: Mapping[str, str]) -> dict[str, str]:
    found = {column: "gone" for column in old if column not in new}
    found |= {column: "new" for column in new if column not in old}
    found |= {c: f"{new[c]}, was {old[c]}" for c in new if c in old and old[c] != new[c]}
    return found


def _compare(change: Change, old: Shape, new: Shape) -> None:
    for column, steps in new.columns.items():
        if column in old.columns and steps != old.columns[column]:
            change.columns[column] = "; ".join(filter(None, [change.columns.get(column), "computed otherwise"]))
    came = [column for column, what in change.columns.items() if what == "new"]
    for column in [column for column, what in change.columns.items() if what == "gone"]:
        twins = [other for other in came if new.columns.get(other) == old.columns.get(column)]
        if len(twins) == 1:
            change.columns |= {column: f"now called {twins[0]}", twins[0]: f"was called {column}"}
    change.rows = old.rest != new.rest


def _shape(name: str, bound: Bound) -> Shape | None:
    """The SQL taken apart, or None where sqlglot does not understand it."""
    schema: dict[str, Any] = {}
    for node_id in bound.graph.nodes[name].parents:
        if node_id in bound.columns:
            node = bound.node(node_id)
            table = node.get("identifier") or node.get("alias") or node["name"]
            schema.setdefault(node["database"], {}).setdefault(node["schema"], {})[table] = dict(bound.columns[node_id])
    sql = bound.node(name)["compiled_code"]
    try:
        with deep_sql(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = qualify(
                parse_one(sql, dialect="duckdb"), schema=schema, dialect="duckdb", validate_qualify_columns=False,
                identify=False,
            )  # fmt: skip
            traced = lineage(None, tree, schema, dialect="duckdb", scope=build_scope(tree), trim_selects=False)
            columns = {column.lower(): _steps(node) for column, node in traced.items()}
            told = frozenset[str]().union(*columns.values())
            return Shape(columns, _rest(tree, told))
    except (SqlglotError, RecursionError):
        return None


def _steps(root: Any) -> frozenset[str]:
    """The expressions that a column goes through, and what they read in the end; a name passed on is no step."""
    found = set()
    for node in root.walk():
        part = node.expression.unalias()
        if isinstance(part, exp.Table):
            found.add(f"{_text(part)} {node.name.rpartition('.')[2]}")
        elif not isinstance(part, (exp.Column, exp.SetOperation, exp.Select)):
            found.add(_text(part))
    return frozenset(found)


def _text(part: exp.Expression) -> str:
    return part.unalias().sql(dialect="duckdb", comments=False)


def _rest(tree: exp.Expression, told: frozenset[str]) -> tuple[str, ...]:
    """Everything that is no column's own: joins, conditions, grouping, and expressions that only these use."""
    rest = tree.copy()
    loose = []
    for select in rest.find_all(exp.Select):
        parts = [part.unalias() for part in select.expressions]
        loose += [text for part in parts if not isinstance(part, exp.Column) and (text := _text(part)) not in told]
        select.set("expressions", [])
    return (rest.sql(dialect="duckdb", comments=False), *sorted(loose))
