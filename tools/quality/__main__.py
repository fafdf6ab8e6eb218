"""`python -m tools.quality`: Elementary's report where it can be had, the quality page, the Prometheus file.

Exit codes: 0 written, 1 Elementary's report failed (page and metrics are written all the same), 2 no warehouse,
75 another run holds it.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from ingestion.errors import EXIT_OK, StrataError
from ingestion.lock import warehouse_lock
from ingestion.places import warehouse_path
from tools import elementary
from tools.observed import observed
from tools.quality.facts import gather
from tools.quality.metrics import as_text
from tools.quality.page import as_html
from tools.report_files import shown, write_together
from tools.run import ROOT, default_warehouse


def main(arguments: Sequence[str] | None = None, now: datetime | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m tools.quality", description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "reports" / "quality", help="directory to write to")
    parser.add_argument("--without-elementary", action="store_true", help="leave Elementary's own report out")
    options = parser.parse_args(arguments)
    out = options.out.resolve()
    os.chdir(ROOT)
    os.environ.setdefault("STRATA_WAREHOUSE", str(default_warehouse()))
    try:
        with warehouse_lock(warehouse_path()):
            code = EXIT_OK if options.without_elementary else _elementary_report(out / "elementary.html")
            with observed(read_only=True) as warehouse:
                facts = gather(warehouse, now or datetime.now(UTC))
    except StrataError as error:
        print(f"{error}", file=sys.stderr)
        return error.exit_code
    for part, reason in facts.missing.items():
        print(f"{part.replace('_', ' ')}: {reason}")
    # Whole or not at all: a collector may read them at any moment.
    pages = {"index.html": as_html(facts), "strata.prom": as_text(facts)}
    for path in write_together({out / name: text.encode() for name, text in pages.items()}):
        print(f"{shown(path)}: written")
    return code


def _elementary_report(page: Path) -> int:
    if reason := elementary.missing():
        print(f"Elementary's report: not written: {reason}")
        return EXIT_OK
    code = elementary.report(page)
    print(f"{shown(page)}: " + ("written" if code == 0 else f"edr failed with exit code {code}: see target/edr"))
    return int(code != 0)


if __name__ == "__main__":
    sys.exit(main())
