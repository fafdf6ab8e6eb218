"""Finds what may have made a node go wrong, and ranks it.

Each finder looks at one kind of event between the last good outcome and the bad one. A cause counts WEIGHTS of its
kind (how often such an event breaks something), times the strength of its own evidence, times NEARNESS for each step
between it and where it went wrong, times what dbt's message and the tests on the way say for or against it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace

from ingestion.why import in_landings, in_runs
from ingestion.why.cause import Cause
from ingestion.why.history import History, Node
from ingestion.why.in_runs import failing_tests
from ingestion.why.question import ERRORS, Question, steps_from

WEIGHTS = {
    "warehouse": 1.0,  # locked, full, out of memory: the message itself says so
    "load_failed": 0.9,
    "file_refused": 0.9,
    "schema_change": 0.9,
    "code_change": 0.85,
    "reference_data_change": 0.85,
    "landing_rejects": 0.9,
    "late_source": 0.8,
    "volume_change": 0.75,
    "mass_deletion": 0.75,
    "upstream_failure": 0.6,
    "not_rebuilt": 0.6,
    "version_change": 0.55,
    "anomaly_upstream": 0.4,
    "upstream_test": 0.4,
    "never_good": 0.3,
}
NEARNESS = 0.98
DATA_KINDS = {"landing_rejects", "late_source", "volume_change", "mass_deletion", "file_refused", "load_failed"}
CODE_KINDS = {"code_change", "schema_change", "version_change"}
SQL_TROUBLE = re.compile(
    r"binder error|parser error|catalog error|compilation error|syntax error|invalid identifier|does not exist"
    r"|not found in from|contract|unknown function",
    re.IGNORECASE,
)
VALUE_TROUBLE = re.compile(
    r"conversion error|could not convert|cast|out of range|overflow|constraint|duplicate key|divi.*zero", re.IGNORECASE
)

FINDERS: tuple[Callable[[History, Question], Iterator[Cause]], ...] = (
    in_runs.warehouse_trouble, in_runs.upstream_failure, in_runs.upstream_tests, in_runs.code_changes,
    in_landings.landed_schema_changes, in_landings.landing_rejects, in_landings.failed_landings,
    in_landings.late_sources, in_landings.volume_changes, in_runs.not_rebuilt, in_runs.version_changes,
    in_runs.anomalies, in_runs.never_good,
)  # fmt: skip


def rank(history: History, question: Question) -> list[Cause]:
    """All causes found, likeliest first."""
    found = [cause for finder in FINDERS for cause in finder(history, question)]
    failing = failing_tests(history, question)
    scored = [replace(cause, score=_score(cause, question, failing)) for cause in found]
    return sorted(scored, key=lambda cause: (-cause.score, cause.kind, cause.where))


def _score(cause: Cause, question: Question, failing: list[Node]) -> float:
    steps = question.distance.get(cause.node.node_id, 0) if cause.node else 0
    score = WEIGHTS[cause.kind] * cause.strength * NEARNESS**steps
    message, named = question.message, f"{question.message} {question.focus.name}".lower()
    if question.bad and question.bad.status in ERRORS and cause.kind != "warehouse":
        if SQL_TROUBLE.search(message):
            score *= 1.15 if cause.kind in CODE_KINDS else 0.5
        elif VALUE_TROUBLE.search(message):
            score *= 1.1 if cause.kind in DATA_KINDS | {"schema_change"} else 0.8
    if any(re.search(rf"(?<![a-z0-9]){re.escape(word.lower())}(?![a-z0-9])", named) for word in cause.words if word):
        score *= 1.2
    if failing and cause.node:
        # A test that fails on the way shows that the fault lies at or above what it reads.
        above = any(cause.node.node_id == name or cause.node.node_id in _above(question, name)
                    for test in failing for name in test.parents)  # fmt: skip
        score *= 1.1 if above else 0.85
    return round(min(score, 0.99), 3)


def _above(question: Question, name: str) -> set[str]:
    return set(steps_from(name, question.graph)) if name in question.graph else set()
