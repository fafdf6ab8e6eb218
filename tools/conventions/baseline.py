"""The ratchet: debt that is tolerated, by rule and file, until it is paid. New debt fails, and so does a paid entry."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import yaml

from tools.conventions.finding import Finding
from tools.conventions.text import Mapping, load_yaml

FILE_NAME = ".conventions-baseline.yml"


class BaselineError(ValueError):
    """The baseline file cannot be read as a list of debts."""


@dataclass(frozen=True)
class Debt:
    """`count` breaches of `rule` in `path`, tolerated since `date` because of `reason`."""

    rule: str
    path: str
    reason: str
    date: dt.date
    count: int
    line: int


def read(root: Path, rules: Iterable[str]) -> list[Debt]:
    """Debts of the baseline file, none where there is no file; raises `BaselineError` naming the entry at fault."""
    path = root / FILE_NAME
    if not path.exists():
        return []
    try:
        document = load_yaml(path.read_text(encoding="utf-8")) or {}
    except yaml.YAMLError as error:
        raise BaselineError(f"{FILE_NAME} is not YAML: {error}") from error
    entries = document.get("debt") if isinstance(document, Mapping) else None
    if not isinstance(entries, list):
        raise BaselineError(f"{FILE_NAME} has no list `debt:`")
    known = set(rules)
    return [_debt(entry, known) for entry in entries]


def _debt(entry: object, rules: set[str]) -> Debt:
    if not isinstance(entry, Mapping):
        raise BaselineError(f"{FILE_NAME}: an entry is not a mapping: {entry!r}")
    where = f"{FILE_NAME}:{entry.line}"
    for key in ("rule", "path", "reason", "date"):
        if not entry.get(key):
            raise BaselineError(f"{where}: an entry has no `{key}`")
    if entry["rule"] not in rules:
        raise BaselineError(f"{where}: there is no rule `{entry['rule']}`")
    if not isinstance(entry["date"], dt.date):
        raise BaselineError(f"{where}: `date` is not a date such as 2026-11-21")
    count = entry.get("count", 1)
    if not isinstance(count, int) or count < 1:
        raise BaselineError(f"{where}: `count` is not a positive number")
    return Debt(entry["rule"], entry["path"], str(entry["reason"]), entry["date"], count, entry.line)


def apply(findings: list[Finding], debts: list[Debt]) -> tuple[list[Finding], int]:
    """(what still fails, how many were tolerated): above its count all show, below it the entry is stale."""
    counts = Counter((finding.rule, finding.path) for finding in findings)
    tolerated: set[tuple[str, str]] = set()
    stale = []
    for debt in debts:
        occurs = counts[(debt.rule, debt.path)]
        if 0 < occurs <= debt.count:
            tolerated.add((debt.rule, debt.path))
        if occurs < debt.count:
            remedy = "delete the entry" if occurs == 0 else f"lower its count to {occurs}"
            stale.append(
                Finding(
                    FILE_NAME,
                    debt.line,
                    "stale-debt",
                    f"{debt.rule} in {debt.path} occurs {occurs}x, not {debt.count}x",
                    remedy,
                )
            )
    failing = [finding for finding in findings if (finding.rule, finding.path) not in tolerated]
    return failing + stale, len(findings) - len(failing)
