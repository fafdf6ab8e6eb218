"""`python -m tools.metrics check | query | list | publish | page`: the semantic layer (docs/metrics.md).

check validates the metrics as `mf validate-configs` does and computes every investor figure twice, from its mart and by
its metric; query and list take the options of `mf query` and `mf list`; publish makes tables of the saved queries; page
writes the list in docs/metrics.md.

Exit codes: 0 fine, 1 a metric is broken or a figure differs, 2 the project cannot be parsed or wrong arguments, 75
another run holds the warehouse.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from ingestion.errors import EXIT_OK, StrataError
from ingestion.lock import warehouse_lock
from ingestion.places import warehouse_path
from tools.conventions.metrics import PAGE, listing, metrics_of
from tools.conventions.project import Project
from tools.metrics.agreement import Tally, differences
from tools.metrics.check import problems
from tools.metrics.mf import run
from tools.metrics.publish import publish
from tools.metrics.session import Session, session
from tools.observed import in_snowflake
from tools.reading import connect_for_reading
from tools.run import ROOT, default_warehouse

SHOWN = 40  # problems printed; a mart that is old differs in thousands of figures
BEGIN, END = "<!-- list: begin -->", "<!-- list: end -->"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.metrics", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    check = commands.add_parser("check", help="validate the YAML, and the SQL of every metric against the warehouse")
    check.add_argument("--skip-warehouse", action="store_true", help="the YAML only")
    publish = commands.add_parser("publish", help="make tables of the saved queries")
    publish.add_argument("names", nargs="*", help="saved queries (default: all)")
    commands.add_parser("page", help=f"write the list in {PAGE}")
    commands.add_parser("query", add_help=False, help="ask for metrics, with the options of `mf query`")
    commands.add_parser("list", add_help=False, help="metrics, dimensions or entities, as `mf list`")
    options, rest = parser.parse_known_args(arguments)
    if rest and options.command not in ("query", "list"):
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    os.chdir(ROOT)
    if options.command == "page":
        return write_page()
    os.environ.setdefault("STRATA_WAREHOUSE", str(default_warehouse()))
    try:
        with warehouse_lock(warehouse_path()):
            return _with_session(options, rest)
    except StrataError as error:
        print(f"{error}", file=sys.stderr)
        return error.exit_code


def _with_session(options: argparse.Namespace, rest: list[str]) -> int:
    needs_warehouse = options.command != "list" and not getattr(options, "skip_warehouse", False)
    if needs_warehouse and not in_snowflake():
        connect_for_reading(warehouse_path()).close()  # dbt would make an empty one, or end in a traceback
    with session(ROOT) as opened:
        if options.command == "check":
            found = list(problems(opened, with_warehouse=not options.skip_warehouse))
            if not found and not options.skip_warehouse:
                return _agree(opened)
            return _check(found)
        if options.command == "publish":
            for line in publish(opened, options.names):
                print(line, flush=True)
            return EXIT_OK
        return run(opened, options.command, rest)


def _agree(opened: Session) -> int:
    tally = Tally()
    found = list(differences(opened, tally))
    code = _check(found)
    print(f"investor figures: {tally.compared} computed twice, {len(found)} differ")
    return code


def _check(found: list[str]) -> int:
    for line in found[:SHOWN]:
        print(line)
    if len(found) > SHOWN:
        print(f"... and {len(found) - SHOWN} more")
    metrics = [metric for metric in metrics_of(Project(ROOT)) if not metric.is_hidden]
    print(f"metrics: {len(metrics)} metrics, {len(found)} problem(s)")
    return int(bool(found))


def write_page() -> int:
    """Put the list of metrics between the page's marks."""
    path = ROOT / PAGE
    before, _, rest = path.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    path.write_text(f"{before}{BEGIN}\n\n{listing(Project(ROOT))}\n{END}{after}", encoding="utf-8")
    print(f"{PAGE}: written")
    return EXIT_OK


if __name__ == "__main__":
    sys.exit(main())
