"""dbt on what you changed, with everything else read from a copy of production: `python -m tools.defer COMMAND ...`.

`python -m tools.defer build --select my_mart` takes any dbt command and its options. What is selected is built in
warehouse/deferred.duckdb; a `ref` to a model that is not there reads the copy, and so do sources, so that nothing has
to land or be built here first. What was built there before goes before the copy (`--favor-state`: the copy first).

The copy is the directory in --production or STRATA_PRODUCTION: `current` of make publish WHOLE=1, or of make publish,
which holds the marts only (docs/analyst.md).

Exit codes: 0; 1 a node or a test failed; 2 the copy or the project cannot be used; 75
another run writes to warehouse/deferred.duckdb.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from pathlib import Path
from typing import Any

from ingestion.errors import EXIT_OK, ConfigError, StrataError
from ingestion.lock import warehouse_lock
from tools.slim_ci import EXIT_FAILED, ROOT, STORED, State, parsed_runner, point_dbt_to

TARGET = "deferred"
DEFERRING = {"build", "run", "test", "show", "compile", "seed", "snapshot"}
SHOWING = {"show", "compile", "ls", "list"}
ABSENT = re.compile(r"(does not|doesn't) exist")
REMEDY = "make publish WHOLE=1 where production is built, and STRATA_PRODUCTION={place}"


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.defer", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--production", type=Path, metavar="DIR", help="the copy (default: STRATA_PRODUCTION)")
    parser.add_argument("command", nargs=argparse.REMAINDER, help="a dbt command with its options")
    options = parser.parse_args(arguments)
    if not options.command:
        parser.error("name a dbt command, such as: build --select my_mart")
    given = options.production or os.environ.get("STRATA_PRODUCTION")
    directory = Path(given).resolve() if given else None
    os.chdir(ROOT)
    try:
        state = _state(directory)
        with warehouse_lock(point_dbt_to(state, TARGET)):
            return _run(state, options.command)
    except StrataError as error:
        print(f"{error}", file=sys.stderr)
        return error.exit_code


def _run(state: State, command: list[str]) -> int:
    """Run dbt; returns 0, or 1 after saying what failed.

    Raises:
        ConfigError: dbt cannot parse the project.
    """
    values = ["--vars", json.dumps({"raw_database": state.database})] if state.manifest["sources"] else []
    runner = parsed_runner(values)
    name = command[0]
    compared = ["--state", str(state.directory)] if name in {*DEFERRING, *SHOWING} else []
    deferred = [*compared, "--defer"] if name in DEFERRING else compared
    # Progress alone for what builds; dbt's own lines where they are what was asked for.
    quiet = ["--quiet"] if name in SHOWING else ["--log-level", "none"]
    if name in SHOWING:
        runner.callbacks.clear()
    result = runner.invoke([*quiet, "--log-level-file", "debug", "--no-use-colors", *command, *values, *deferred])
    told = str(result.exception or "")
    if told and name not in SHOWING:  # these print it themselves
        print(f"dbt {name}: {told}", file=sys.stderr)
    told += " ".join(str(one.message) for one in getattr(result.result, "results", []))
    if not result.success and ABSENT.search(told):
        print(_what_is_missing(state, result.result), file=sys.stderr)
    return EXIT_OK if result.success else EXIT_FAILED


def _state(directory: Path | None) -> State:
    """The copy.

    Raises:
        ConfigError: it is not named, not there, or no copy.
    """
    if directory is None:
        remedy = f"{REMEDY.format(place='the directory it names')}; with landed data of your own, dbt does."
        raise ConfigError("nobody says where it is.", subject="copy of production", remedy=remedy)
    whole = directory / "state" if (directory / "state" / "manifest.json").is_file() else directory
    try:
        return State.read(whole)
    except ConfigError as error:
        remedy = f"{REMEDY.format(place='its directory current')}."
        raise ConfigError(error.what, subject=f"copy of production {directory}", remedy=remedy) from error


def _what_is_missing(state: State, outcome: Any) -> str:
    """Names what the failed nodes read and the copy does not hold."""
    held = {*state.manifest["nodes"], *state.manifest["sources"]}
    built = {one.node.unique_id for one in getattr(outcome, "results", [])}
    read = {
        parent
        for one in getattr(outcome, "results", [])
        if str(one.status) in ("error", "fail", "skipped")
        for parent in one.node.depends_on.nodes
    }
    lacking = sorted(
        parent.split(".", 2)[2] for parent in read - held - built if parent.split(".")[0] in (*STORED, "source")
    )
    if not lacking and not state.manifest["sources"]:
        lacking = ["models that are not public, seeds and sources"]
    if not lacking:
        return "Remedy: build what it reads along with it (--select +name), or take a newer copy of production."
    return (
        f"the copy {state.directory} does not hold {', '.join(lacking)}. "
        f"Remedy: {REMEDY.format(place='its directory current')}, or build it along with the rest (--select +name)."
    )


if __name__ == "__main__":
    sys.exit(main())
