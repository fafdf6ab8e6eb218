"""Rules on quarantine and on unit tests: no rule without its quarantine, no logic without a case that shows it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tools.conventions.finding import Breach, Rule
from tools.conventions.project import Node, Project
from tools.conventions.properties import data_tests_of
from tools.conventions.text import Mapping

_REF = re.compile(r"ref\(\s*['\"]([a-z0-9_]+)['\"]")
# What makes a model decide something about a row: a case, or rules that send it to quarantine.
_DECIDES = re.compile(r"\bcase\b|\bevaluate_rules\b", re.IGNORECASE)


def _is_quarantine(model: Node) -> bool:
    return model.name.startswith("quarantine_") and "reason_codes" in model.sql


def quarantine_conserves(project: Project) -> Iterator[Breach]:
    for model in project.models:
        entry = project.properties_of(model)
        if entry is None or not _is_quarantine(model):
            continue
        tests = {
            str(next(iter(test))) if isinstance(test, Mapping) and test else test for _, test in data_tests_of(entry)
        }
        if "rows_conserved" not in tests:
            yield Breach(
                entry.path, entry.line, f"nothing proves that '{model.name}' and the good rows make up the input",
                "add the test rows_conserved with input, good and key",
            )  # fmt: skip


def validated_is_quarantined(project: Project) -> Iterator[Breach]:
    readers = {name for model in project.models if _is_quarantine(model) for name in _REF.findall(model.sql)}
    for model in project.models:
        judges = "evaluate_rules" in model.sql
        if judges and not model.name.endswith("_validated"):
            yield Breach(
                model.path, 1, f"'{model.name}' evaluates rules but is not named for it",
                "name it int_<domain>__<entity>_validated",
            )  # fmt: skip
        if model.name.endswith("_validated"):
            if not judges or not (project.config_of(model).get("meta") or {}).get("quarantine_rules"):
                yield Breach(
                    model.path, 1, f"'{model.name}' has no rules",
                    "call evaluate_rules and list the rules in its .yml under config: meta: quarantine_rules",
                )  # fmt: skip
            if model.name not in readers:
                yield Breach(
                    model.path, 1, f"the bad rows of '{model.name}' go nowhere",
                    "write quarantine_<entity>, which reads what has reason_codes",
                )  # fmt: skip


def unit_tested(project: Project) -> Iterator[Breach]:
    tested = {str(entry.entry.get("model")) for entry in project.of_kind("unit_tests")}
    for model in project.models:
        if model.layer in ("intermediate", "marts") and _DECIDES.search(model.sql) and model.name not in tested:
            yield Breach(
                model.path, 1, f"'{model.name}' decides something about a row and has no unit test",
                "add `unit_tests:` to its .yml with a readable row for each branch",
            )  # fmt: skip


RULES = (
    Rule("quarantine-conserves", "a quarantine model proves that good + quarantined = input", quarantine_conserves),
    Rule(
        "validated-quarantined",
        "a validated model has rules and a quarantine for what breaks them",
        validated_is_quarantined,
    ),
    Rule("unit-test", "a model that decides something about a row has a unit test", unit_tested),
)
