"""Rules on marts: what a reader outside the project relies on."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tools.conventions.finding import Breach, Rule
from tools.conventions.project import Node, Project, Properties
from tools.conventions.properties import data_tests_of
from tools.conventions.text import Mapping

ACCESS = ("public", "protected", "private")


def _described_marts(project: Project) -> Iterator[tuple[Node, Properties]]:
    """Marts with properties; one without any is reported by `properties-file` alone."""
    for model in project.marts:
        entry = project.properties_of(model)
        if entry is not None:
            yield model, entry


def mart_contract(project: Project) -> Iterator[Breach]:
    for model, entry in _described_marts(project):
        contract = project.config_of(model).get("contract") or {}
        switched_off = re.search(r"contract\s*=\s*\{[^}]*enforced['\"]?\s*:\s*false", model.sql, re.IGNORECASE)
        if contract.get("enforced") is not True or switched_off:
            yield Breach(
                entry.path, entry.entry.line_of("config"), f"the contract of '{model.name}' is not enforced",
                "set config: contract: {enforced: true} and give every column its data_type",
            )  # fmt: skip


def mart_columns(project: Project) -> Iterator[Breach]:
    for model, entry in _described_marts(project):
        if not entry.columns:
            yield Breach(
                entry.path, entry.line, f"'{model.name}' lists no columns", "list each with data_type and description"
            )
        for column in entry.columns:
            for key, remedy in (
                ("description", "say what it means to a reader; doc blocks in docs/ serve shared columns"),
                ("data_type", "declare the type the contract holds it to"),
            ):
                if not str(column.get(key) or "").strip():
                    yield Breach(entry.path, column.line, f"column '{column.get('name')}' has no {key}", remedy)


def mart_grain(project: Project) -> Iterator[Breach]:
    for model, entry in _described_marts(project):
        grain = (project.config_of(model).get("meta") or {}).get("grain")
        if not isinstance(grain, str | list) or not grain:
            yield Breach(
                entry.path, entry.entry.line_of("config"), f"'{model.name}' declares no grain",
                "set config: meta: grain to what one row is",
            )  # fmt: skip


def mart_retention(project: Project) -> Iterator[Breach]:
    for model, entry in _described_marts(project):
        if not (project.config_of(model).get("meta") or {}).get("retention"):
            yield Breach(
                entry.path, entry.entry.line_of("config"), f"'{model.name}' does not say how long its rows are kept",
                "set config: meta: retention to the policy that applies",
            )  # fmt: skip


def mart_owner(project: Project) -> Iterator[Breach]:
    for model, entry in _described_marts(project):
        group = project.config_of(model).get("group")
        if not group:
            yield Breach(
                entry.path, entry.entry.line_of("config"), f"'{model.name}' has no owner group",
                "set config: group to one of models/_groups.yml",
            )  # fmt: skip


def group_exists(project: Project) -> Iterator[Breach]:
    for model in project.models:
        group, entry = project.config_of(model).get("group"), project.properties_of(model)
        if group and group not in project.groups:
            yield Breach(
                entry.path if entry else model.path, entry.entry.line_of("config") if entry else 1,
                f"group '{group}' of '{model.name}' is not defined", "add it to models/_groups.yml with its owner",
            )  # fmt: skip
    for group, entry in project.groups.items():
        owner = entry.entry.get("owner") or {}
        if not (owner.get("name") or owner.get("email")):
            yield Breach(
                entry.path, entry.line, f"group '{group}' has no owner", "set owner: name to the team that answers"
            )


def mart_access(project: Project) -> Iterator[Breach]:
    for model, entry in _described_marts(project):
        if project.config_of(model).get("access") not in ACCESS:
            yield Breach(
                entry.path, entry.entry.line_of("config"), f"'{model.name}' does not say who may read it",
                f"set config: access to {', '.join(ACCESS)}",
            )  # fmt: skip


def has_unique_key(entry: Properties) -> bool:
    """Whether a test or an enforced constraint holds the rows apart by one column or several."""
    names = {"unique", "unique_combination_of_columns", "primary_key"}
    tests = {
        str(next(iter(test))) if isinstance(test, Mapping) and test else str(test) for _, test in data_tests_of(entry)
    }
    constraints = {
        item.get("type")
        for holder in (entry.entry, *entry.columns)
        for item in holder.get("constraints") or []
        if isinstance(item, Mapping)
    }
    batched = any(
        (body.get("arguments") or {}).get("unique")
        for _, test in data_tests_of(entry)
        for name, body in (test.items() if isinstance(test, Mapping) else ())
        if name == "rules_hold" and isinstance(body, Mapping)
    )
    return bool(batched or names & {test.split(".")[-1] for test in tests} or names & constraints)


def mart_unique_key(project: Project) -> Iterator[Breach]:
    for model, entry in _described_marts(project):
        if not has_unique_key(entry):
            yield Breach(
                entry.path, entry.line, f"nothing proves that '{model.name}' keeps its grain",
                "name its key under `unique:` of its rules_hold test (a column, or a list of columns)",
            )  # fmt: skip


def mart_listed(project: Project) -> Iterator[Breach]:
    page = project.root / "docs" / "marts.md"
    listed = set(re.findall(r"`([a-z0-9_]+)`", page.read_text(encoding="utf-8"))) if page.is_file() else set()
    for model in project.marts:
        if model.name not in listed and not model.name.endswith("_current"):
            yield Breach(
                model.path, 1, f"'{model.name}' is not in docs/marts.md",
                "add a line with what one row is, and for a fact one with its dimensions",
            )  # fmt: skip
    built = {node.name for node in project.nodes}
    for name in sorted(name for name in listed if re.match(r"(dim|fct|agg|obt|rpt)_[a-z0-9]", name)):
        if name not in built:
            yield Breach(
                "docs/marts.md", 1, f"names '{name}', which is not there", "correct the name or delete the line"
            )


def version_ends(project: Project) -> Iterator[Breach]:
    for entry in project.of_kind("models"):
        latest = str(
            entry.entry.get("latest_version") or max((str(one.get("v")) for one in entry.versions), default="")
        )
        for version in entry.versions:
            if str(version.get("v")) != latest and not version.get("deprecation_date"):
                yield Breach(
                    entry.path, version.line, f"old version {version.get('v')} of '{entry.name}' stays for ever",
                    "set its deprecation_date to the day until which readers have it (docs/contracts.md)",
                )  # fmt: skip


RULES = (
    Rule("mart-listed", "every mart is listed in docs/marts.md, and nothing else", mart_listed),
    Rule("mart-contract", "a mart's contract is enforced", mart_contract),
    Rule("mart-columns", "every column of a mart has a description and a data_type", mart_columns),
    Rule("mart-grain", "a mart says what one row is (meta.grain)", mart_grain),
    Rule("mart-retention", "a mart says how long its rows are kept (meta.retention)", mart_retention),
    Rule("mart-owner", "a mart belongs to an owner group", mart_owner),
    Rule("group-exists", "every group used is defined and has an owner", group_exists),
    Rule("mart-access", "a mart says who may read it", mart_access),
    Rule("mart-unique-key", "a mart's key is tested or constrained", mart_unique_key),
    Rule("version-ends", "an old version of a model has a deprecation_date", version_ends),
)
