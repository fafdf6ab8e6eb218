"""`python -m tools.mutations`: which tests catch which faults, and whether every test and quarantine rule can fail.

For each check (a rule, unique key or reference inside a rules_hold test, any other data test, a quarantine rule) a
fault is searched that breaks it: a row twice or gone, or columns emptied or moved. It is planted in a copy of the
relation beside the warehouse, and all other checks on that relation run too. A check that the data breaks already is
tried on the rows that pass. With the sandbox's log, each quarantine rule is then dropped: which rows would flow into
the marts, and which data tests would notice. Ends with 1 when a check cannot fail or cannot be evaluated.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from tools.mutations.bench import Bench
from tools.mutations.checks import checks_of, unreadable
from tools.mutations.dropped import drop_each, planted_marks
from tools.mutations.faults import search
from tools.mutations.report import Run, read_proven, show, write


def mutate(
    warehouse: Path,
    manifest: Mapping[str, Any],
    only: str = "",
    log: Path | None = None,
    exceptions: Mapping[str, str] | None = None,
) -> Run:
    """Search a fault for every check, and drop every quarantine rule.

    Args:
        only: checks whose name holds this text.
        log: the sandbox's planted_faults.jsonl; no rule is dropped without it.
        exceptions: why a check cannot be broken, by its name.
    """
    checks = list(checks_of(manifest))
    with Bench.open(warehouse, checks) as bench:
        runnable, broken, unevaluated = bench.judge(checks)
        found = tuple(search(bench, check, runnable, broken) for check in runnable if only in check.label)
        dropped = ()
        if log is not None:
            marks = planted_marks(bench, manifest, log)
            dropped = tuple(drop_each(bench, manifest, runnable, broken, marks, only))
    return Run(found, dropped, tuple(unreadable(manifest)), unevaluated, exceptions or {})


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables and write the file; returns 1 when a check could not be broken or evaluated."""
    parser = argparse.ArgumentParser(prog="python -m tools.mutations", description=__doc__)
    parser.add_argument(
        "--warehouse", type=Path, required=True, help="a warehouse that `dbt build` has built; only read"
    )
    parser.add_argument("--manifest", type=Path, required=True, help="manifest.json of its build, with compiled tests")
    parser.add_argument(
        "--log", type=Path, help="planted_faults.jsonl of the sandbox company in it: drop each rule too"
    )
    parser.add_argument("--only", default="", help="checks whose name holds this text")
    parser.add_argument("--out", type=Path, default=Path("reports/mutations.csv"), help="where the table is written")
    options = parser.parse_args(arguments)
    manifest = json.loads(options.manifest.read_text(encoding="utf-8"))
    exceptions = {entry["name"]: entry["reason"] for entry in read_proven()["exceptions"]}
    run = mutate(options.warehouse, manifest, options.only, options.log, exceptions)
    show(run, Console(width=None if sys.stdout.isatty() else 180))
    write(run, options.out)
    return 0 if run.is_good else 1


if __name__ == "__main__":
    sys.exit(main())
