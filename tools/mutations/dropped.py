"""What would reach the marts if a quarantine rule were dropped, and which data tests would then notice.

The judged model loses the rule's code in every row; what is built from it is evaluated again with the SQL that dbt
compiled, and the data tests that read any of it run on the result.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from benchmarks.quarantine_coverage import Mark, landed_marks, read_log
from tools.mutations.bench import Bench, readers
from tools.mutations.checks import PROJECT, Check, quarantine_rules

WITHOUT = "nullif(trim(replace(' ' || {column} || ' ', ' {code} ', ' ')), '')"


@dataclass(frozen=True)
class Dropped:
    """A quarantine rule that was dropped.

    Attributes:
        planted: rows with a fault that the sandbox planted for this rule.
        planted_flow: those of them that nothing else holds back.
        rows_flow: all rows that nothing else holds back.
        noticed_by: the data tests, with the rule inside, that break once these rows flow; and `build of <model>` where
            a model's own SQL stops at them.
    """

    model: str
    code: str
    severity: str
    planted: int
    planted_flow: int
    rows_flow: int
    noticed_by: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """The rule by its name."""
        return f"rules of {self.model} {self.code}"


def planted_marks(bench: Bench, manifest: Mapping[str, Any], log: Path) -> Mapping[str, set[Mark]]:
    """By rule code, the landed records that the sandbox planted for it."""
    database = next(node["database"] for node in manifest["nodes"].values() if node["package_name"] == PROJECT)
    bench.connection.execute(f'use "{database}"')
    planted = [entry for entry in read_log(log) if entry.outcome == "quarantined"]
    found: dict[str, set[Mark]] = defaultdict(set)
    for entry, mark in landed_marks(bench.connection, planted).items():
        if mark:
            found[entry.code].add(mark)
    bench.connection.execute("use memory")
    return found


def drop_each(
    bench: Bench,
    manifest: Mapping[str, Any],
    checks: Sequence[Check],
    broken_before: set[Check],
    marks: Mapping[str, set[Mark]],
    only: str = "",
) -> Iterator[Dropped]:
    """Drop every quarantine rule whose name holds `only`, one after the other."""
    tests = [check for check in checks if check.kind != "quarantine rule"]
    for node in manifest["nodes"].values():
        built_from = list(_descendants(node["unique_id"], manifest)) if quarantine_rules(node) else []
        for rule in quarantine_rules(node):
            if only not in f"rules of {node['name']} {rule['code']}":
                continue
            try:
                found = _drop(bench, node, rule, marks.get(rule["code"], set()))
                if found.rows_flow:
                    stopped = _build_again(bench, built_from)
                    affected = [check for check in readers(tests, bench.replaced) if check not in broken_before]
                    noticed = (*stopped, *sorted(check.label for check in bench.broken(affected)))
                    found = Dropped(node["name"], found.code, found.severity, found.planted, found.planted_flow,
                                    found.rows_flow, noticed)  # fmt: skip
                yield found
            finally:
                bench.restore()


def _drop(bench: Bench, node: Mapping[str, Any], rule: Mapping[str, Any], marks: set[Mark]) -> Dropped:
    relation, code = node["relation_name"], rule["code"]
    less = ", ".join(
        f"{WITHOUT.format(column=column, code=code)} as {column}" for column in ("reason_codes", "warning_codes")
    )
    bench.replace(relation, f"select * replace ({less}) from {relation}")
    flowing = f"select * from {relation} where reason_codes = '{code}'"
    carriers = f"select * from {relation} where (' ' || reason_codes || ' ') like '% {code} %'"
    columns = {column[0] for column in bench.connection.execute(f"describe {relation}").fetchall()}
    traced = {"row_hash", "source_ref"} <= columns
    planted, planted_flow = (
        len(marks.intersection(bench.connection.execute(f"select row_hash, source_ref from ({rows})").fetchall()))
        if traced
        else 0
        for rows in (carriers, flowing)
    )
    rows_flow = bench.connection.execute(f"select count(*) from ({flowing})").fetchone()[0]
    return Dropped(node["name"], code, rule["severity"], planted, planted_flow, rows_flow)


def _build_again(bench: Bench, nodes: Sequence[Mapping[str, Any]]) -> list[str]:
    """Build the models again; those that stop are named, and what is built from them stays as it was."""
    stopped: dict[str, str] = {}
    for node in nodes:
        if set(node["depends_on"]["nodes"]) & set(stopped):
            stopped[node["unique_id"]] = ""
            continue
        kind = "view" if node["config"]["materialized"] == "view" else "table"
        try:
            bench.replace(node["relation_name"], bench.sql(node["compiled_code"]), kind=kind)
        except duckdb.Error:
            stopped[node["unique_id"]] = f"build of {node['name']}"
    return [text for text in stopped.values() if text]


def _descendants(unique_id: str, manifest: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The project's models that are built from a model, each after what it is built from."""
    nodes = {
        name: node
        for name, node in manifest["nodes"].items()
        if node["resource_type"] == "model" and node["package_name"] == PROJECT and node.get("compiled_code")
    }
    reached = {unique_id}
    waiting = True
    while waiting:
        waiting = [n for n, node in nodes.items() if n not in reached and reached & set(node["depends_on"]["nodes"])]
        reached.update(waiting)
    placed = {unique_id}
    rest = reached - placed
    while rest:
        ready = sorted(name for name in rest if not rest & set(nodes[name]["depends_on"]["nodes"]))
        yield from (nodes[name] for name in ready)
        rest -= set(ready)
