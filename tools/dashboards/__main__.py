"""`make dashboards`: checks each board of reports/boards against the marts and writes its page to reports/dashboards.

Exit codes: 0 all drawn; 1 a board cannot be drawn (its page says why); 2 no warehouse, manifest or published copy;
75 another run holds the warehouse. With 2 and 75 nothing is written.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from ingestion.errors import EXIT_NOT_LANDED, EXIT_OK, ConfigError, StrataError
from tools.dashboards.answers import Answers, ask
from tools.dashboards.boards import Board, BoardError, read_board
from tools.dashboards.page import as_html, as_index
from tools.dashboards.source import marts_of_copy, marts_of_warehouse
from tools.observed import in_snowflake
from tools.publish.shelf import place_of
from tools.report_files import shown, write_together
from tools.run import ROOT, default_warehouse, warehouse

BOARDS = ROOT / "reports" / "boards"


def main(arguments: Sequence[str] | None = None, now: datetime | None = None) -> int:
    """Run the command; returns its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.dashboards", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--boards", type=Path, default=BOARDS, help="directory of the boards")
    parser.add_argument("--out", type=Path, default=ROOT / "reports" / "dashboards", help="directory to write to")
    parser.add_argument("--published", nargs="?", const=True, metavar="DIR",
                        help="read the published copy (in DIR) instead of the warehouse")  # fmt: skip
    parser.add_argument("--check", action="store_true", help="only check the boards; write nothing")
    options = parser.parse_args(arguments)
    folder, out = options.boards.resolve(), options.out.resolve()
    copy = Path(options.published).resolve() if isinstance(options.published, str) else options.published
    os.chdir(ROOT)
    os.environ.setdefault("STRATA_WAREHOUSE", str(default_warehouse()))
    try:
        boards, broken = read_boards(folder)
        answered = answer(boards, copy)
    except StrataError as error:
        print(f"{error}", file=sys.stderr)
        return error.exit_code
    if not options.check:
        _write_pages(out, answered, broken, now or datetime.now(UTC))
        print(f"{len(answered) - sum(bool(a.problems) for a in answered)} dashboards in {shown(out / 'index.html')}")
    remedy = "publish again (make publish)" if copy else "build the mart (make build)"
    for answers in answered:
        for problem in answers.problems:
            print(f"board {answers.board.name}, {problem}. Remedy: {remedy}, or change the board.", file=sys.stderr)
        for name, dataset in answers.datasets.items():
            if not dataset.rows:
                print(f"board {answers.board.name}, dataset {name}: no rows; the page says so.")
    for problem in broken.values():
        print(problem, file=sys.stderr)
    return EXIT_NOT_LANDED if broken or any(answers.problems for answers in answered) else EXIT_OK


def read_boards(folder: Path) -> tuple[list[Board], dict[str, str]]:
    """The boards of a directory by name, and what is wrong with files that are none.

    Raises:
        ConfigError: there is no board.
    """
    boards, broken = [], {}
    for path in sorted(folder.glob("*.yml")):
        try:
            boards.append(read_board(path))
        except BoardError as error:
            broken[path.stem] = f"{error}"
    if not boards and not broken:
        raise ConfigError("there are no boards.", subject=f"{folder}", remedy="docs/dashboards.md says how to add one.")
    return boards, broken


def answer(boards: Sequence[Board], copy: Path | bool | None) -> list[Answers]:
    """What the marts say to each board; the warehouse's lock is held for the queries only.

    Raises:
        StrataError: there is nothing to read from, or another program holds it.
    """
    if not copy and in_snowflake():
        raise ConfigError(
            "the data is in Snowflake, and dashboards are drawn from a DuckDB file.",
            subject="STRATA_TARGET or STRATA_DESTINATION",
            remedy="build on DuckDB, or have a BI tool read the marts in Snowflake (docs/bi/).",
        )
    manifest = Path(os.environ.get("DBT_TARGET_PATH", "target")) / "manifest.json"
    place = place_of(warehouse()) if copy is True else copy
    with marts_of_copy(place) if place else marts_of_warehouse(warehouse(), manifest) as marts:
        return [ask(board, marts) for board in boards]


def _write_pages(out: Path, answered: Sequence[Answers], broken: dict[str, str], now: datetime) -> None:
    pages = [answers.board for answers in answered]
    out.mkdir(parents=True, exist_ok=True)
    wanted = {f"{board.name}.html" for board in pages} | {"index.html"}
    for old in out.glob("*.html"):
        if old.name not in wanted:
            old.unlink()  # a board that is gone, or no board any more, must not look current
    drawn = {f"{answers.board.name}.html": as_html(answers, pages, now) for answers in answered}
    drawn["index.html"] = as_index(answered, broken, now)
    write_together({out / name: text.encode() for name, text in drawn.items()})


if __name__ == "__main__":
    sys.exit(main())
