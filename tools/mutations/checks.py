"""The checks of a build: its data tests, taken apart, and its quarantine rules."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

PROJECT = "strata"
PART = re.compile(
    r"select '(?P<name>\w+)' as broken_rule,.*?(?=\n\s*union all\n\s*select '\w+' as broken_rule,|\Z)", re.DOTALL
)
RULE = re.compile(r" where not coalesce\((?P<holds>.*), false\)\s*\Z", re.DOTALL)
UNIQUE = re.compile(r" group by (?P<columns>.*?) having count\(\*\) > 1 or (?P<empty>.*)\Z", re.DOTALL)
REFERENCE = re.compile(r" as child where (?P<orphan>child\..*)\Z", re.DOTALL)
RELATION = re.compile(r'"\w+"\."\w+"\."\w+"')
# Kinds of data tests that no single row can break: they compare with what they remember of other days.
REMEMBERING = {"elementary"}


@dataclass(frozen=True)
class Check:
    """Something that can fail.

    Attributes:
        kind: rule, unique, reference, data test or quarantine rule.
        test: the data test, or the judged model, that it belongs to.
        sql: yields the rows that break it.
        relations: quoted names of what it reads, the one it is about first.
        clean: query for the rows that pass, where each row passes or breaks for itself.
        mentions: the text that names the columns it is about.
    """

    kind: str
    test: str
    name: str
    sql: str
    relations: tuple[str, ...]
    clean: str | None
    mentions: str

    @property
    def label(self) -> str:
        """The test and the rule inside it."""
        return f"{self.test} {self.name}".strip()


def checks_of(manifest: Mapping[str, Any]) -> Iterator[Check]:
    """Every check of the project's data tests, as dbt compiled them, and every quarantine rule."""
    for node in manifest["nodes"].values():
        if node["package_name"] != PROJECT:
            continue
        if node["resource_type"] == "test" and node.get("compiled_code"):
            yield from _checks_of_test(node, manifest)
        for rule in quarantine_rules(node):
            yield _row_wise("quarantine rule", f"rules of {node['name']}", rule["code"], rule["holds"],
                            node["relation_name"])  # fmt: skip


def unreadable(manifest: Mapping[str, Any]) -> list[str]:
    """Data tests that cannot be taken apart: not compiled, or with other parts than their YAML says."""
    found = []
    for node in manifest["nodes"].values():
        if node["package_name"] != PROJECT or node["resource_type"] != "test":
            continue
        metadata = node.get("test_metadata") or {}
        if metadata.get("namespace") in REMEMBERING:
            continue
        if not node.get("compiled_code"):
            found.append(f"{node['name']}: not compiled; build it with its tests first")
        elif metadata.get("name") == "rules_hold":
            arguments = metadata.get("kwargs") or {}
            said = sum(len(arguments.get(kind) or []) for kind in ("rules", "unique", "references"))
            parts = len(PART.findall(node["compiled_code"]))
            if parts != said:
                found.append(f"{node['name']}: {said} checks in the YAML, {parts} in the compiled test")
    return found


def quarantine_rules(node: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The quarantine rules of a model."""
    return ((node.get("config") or {}).get("meta") or {}).get("quarantine_rules") or []


def _checks_of_test(node: Mapping[str, Any], manifest: Mapping[str, Any]) -> Iterator[Check]:
    metadata = node.get("test_metadata") or {}
    if metadata.get("namespace") in REMEMBERING:
        return
    sql = node["compiled_code"].strip()
    attached = manifest["nodes"].get(node.get("attached_node") or "", {}).get("relation_name")
    relations = _relations(sql, attached)
    if metadata.get("name") == "rules_hold":
        for part in PART.finditer(sql):
            yield _part(node["name"], part["name"], part[0].strip(), attached or relations[0])
    else:
        yield Check("data test", node["name"], "", sql, relations, None, sql)


def _part(test: str, name: str, sql: str, relation: str) -> Check:
    """One rule, unique key or reference of a rules_hold test."""
    relations = _relations(sql, relation)
    if found := UNIQUE.search(sql):
        clean = (
            f"select * from {relation} where not ({found['empty']}) "
            f"qualify count(*) over (partition by {found['columns']}) = 1"
        )
        return Check("unique", test, name, sql, relations, clean, found["columns"])
    if found := REFERENCE.search(sql):
        clean = f"select * from {relation} as child where not ({found['orphan']})"
        return Check("reference", test, name, sql, relations, clean, found["orphan"])
    if found := RULE.search(sql):
        clean = f"select * from {relation} where coalesce({found['holds']}, false)"
        return Check("rule", test, name, sql, relations, clean, found["holds"])
    raise ValueError(f"{test} {name}: neither rule nor key nor reference:\n{sql}")


def _row_wise(kind: str, test: str, name: str, holds: str, relation: str) -> Check:
    broken = f"select * from {relation} where not coalesce(({holds}), false)"
    clean = f"select * from {relation} where coalesce(({holds}), false)"
    return Check(kind, test, name, broken, _relations(broken, relation), clean, holds)


def _relations(sql: str, first: str | None) -> tuple[str, ...]:
    found = dict.fromkeys(RELATION.findall(sql))
    return tuple(dict.fromkeys([first] if first in found else [])) + tuple(name for name in found if name != first)
