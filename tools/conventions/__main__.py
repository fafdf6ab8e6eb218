"""`python -m tools.conventions`: exit 0 when every rule holds, 1 with findings, 2 when the check itself cannot run."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from tools.conventions import (
    baseline,
    documentation,
    glossary,
    hygiene,
    marts,
    metrics,
    names,
    properties,
    quarantine,
    sql,
)
from tools.conventions.finding import Finding, Rule
from tools.conventions.project import Project

RULES: tuple[Rule, ...] = (
    *(*names.RULES, *properties.RULES, *marts.RULES),
    *(*sql.RULES, *documentation.RULES, *hygiene.RULES, *quarantine.RULES),
    *(*metrics.RULES, *glossary.RULES),
)


def check(root: Path) -> list[Finding]:
    """Every finding in the project at `root`, before the baseline is applied."""
    project = Project(root)
    return sorted({finding for rule in RULES for finding in rule.findings(project)})


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; see the module's docstring for the exit codes."""
    parser = argparse.ArgumentParser(prog="python -m tools.conventions", description="Check the project's conventions.")
    parser.add_argument("--root", type=Path, default=Path.cwd(), help="project folder (default: the current one)")
    parser.add_argument("--rules", action="store_true", help="list the rules and stop")
    options = parser.parse_args(arguments)
    if options.rules:
        for rule in RULES:
            print(f"{rule.name:<24} {rule.demand}")
        return 0
    if not (options.root / "dbt_project.yml").is_file():
        print(f"no dbt_project.yml in {options.root}: run from the project folder or pass --root", file=sys.stderr)
        return 2
    try:
        debts = baseline.read(options.root, [rule.name for rule in RULES])
    except baseline.BaselineError as error:
        print(error, file=sys.stderr)
        return 2
    failing, tolerated = baseline.apply(check(options.root), debts)
    for finding in failing:
        print(finding)
    summary = f"conventions: {len(RULES)} rules, {len(failing)} finding(s)"
    print(summary + (f", {tolerated} tolerated in {baseline.FILE_NAME}" if tolerated else ""))
    return 1 if failing else 0


if __name__ == "__main__":
    sys.exit(main())
