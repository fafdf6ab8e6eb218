"""Slim CI: build what a change touches, read everything else from the main branch's warehouse.

``python -m tools.slim_ci --state DIR [--list]``

DIR holds what the main branch's CI uploaded: ``manifest.json`` and one ``*.duckdb`` file, the warehouse built from it.
Selected is ``state:modified+``: nodes whose SQL, properties, configuration or macros differ from DIR's manifest, and
all that depends on them, tests included. They are built in a new file of their own; parents that are not selected are
read from DIR's warehouse, attached read-only (target `slim_ci` of profiles.yml). Landed data come from there too.

Exit codes: 0 built, or nothing to build; 1 a node failed; 2 DIR is not usable. docs/slim_ci.md has the whole story.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dbt.cli.main import dbtRunner

from ingestion.contract import DAILY
from ingestion.errors import EXIT_OK, EXIT_USAGE, ConfigError
from tools import dbt_session
from tools.publish.whole import STORED

ROOT = Path(__file__).resolve().parent.parent
SELECTION = "state:modified+,package:strata"
LEFT_OUT = ("--exclude", f"tag:{DAILY}")  # they judge days of data, not a change of code
TARGET = "slim_ci"
EXIT_FAILED = 1


@dataclass(frozen=True)
class State:
    """What the main branch built.

    Attributes:
        database: the name that its manifest's relations carry; the file is attached under it.
    """

    directory: Path
    warehouse: Path
    database: str
    manifest: dict[str, Any]

    @classmethod
    def read(cls, directory: Path) -> State:
        """Check the directory.

        Raises:
            ConfigError: manifest or warehouse file is missing, there are several, or they are not DuckDB's.
        """
        remedy = "download the artefact of the main branch's CI, or make one as docs/slim_ci.md says."
        try:
            manifest = json.loads((directory / "manifest.json").read_text(encoding="utf-8"))
            adapter, nodes = manifest["metadata"]["adapter_type"], manifest["nodes"].values()
        except (OSError, ValueError, KeyError) as error:
            text = f"no readable manifest.json ({type(error).__name__})."
            raise ConfigError(text, subject=f"state {directory}", remedy=remedy) from error
        files = sorted(directory.glob("*.duckdb"))
        if adapter != "duckdb" or len(files) != 1:
            text = f"built with {adapter}, {len(files)} files *.duckdb; one file and a manifest of duckdb are needed."
            raise ConfigError(text, subject=f"state {directory}", remedy=remedy)
        databases = Counter(node["database"] for node in nodes if node["resource_type"] in STORED)
        if not databases:
            raise ConfigError("its manifest has no models.", subject=f"state {directory}", remedy=remedy)
        return cls(directory.resolve(), files[0].resolve(), databases.most_common(1)[0][0], manifest)


def main(arguments: list[str] | None = None) -> int:
    """Select, print, build."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.slim_ci", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--state", type=Path, required=True, metavar="DIR", help="manifest.json and warehouse of main")
    parser.add_argument("--list", action="store_true", help="only say what would be built")
    options = parser.parse_args(arguments)
    directory = options.state.resolve()
    os.chdir(ROOT)
    try:
        state = State.read(directory)
        warehouse = point_dbt_to(state, TARGET)
        for path in (warehouse, warehouse.with_name(warehouse.name + ".wal")):
            path.unlink(missing_ok=True)
        values = ["--vars", json.dumps({"raw_database": state.database})]
        runner = parsed_runner(values)
    except ConfigError as error:
        print(f"{error}", file=sys.stderr)
        return EXIT_USAGE
    select = ["--select", SELECTION, *LEFT_OUT, "--state", str(directory)]
    chosen = _invoke(runner, ["ls", *values, *select, "--output", "json", "--output-keys", "unique_id"])
    if chosen is None:
        return EXIT_USAGE
    nodes = [json.loads(line)["unique_id"] for line in chosen if line.startswith("{")]
    _describe(state, nodes)
    if options.list or not nodes:
        return EXIT_OK
    built = _invoke(runner, ["build", *values, *select, "--defer"])
    return EXIT_OK if built is not None else EXIT_FAILED


def point_dbt_to(state: State, target: str) -> Path:
    """Have dbt build in a file of the target's own, with the state attached; returns the file's path.

    Raises:
        ConfigError: the state's warehouse carries the name of the new file.
    """
    warehouse = ROOT / "warehouse" / f"{target}.duckdb"
    if state.database == warehouse.stem:
        raise ConfigError(
            f"its database is called {state.database}, as the one to be built.",
            subject=f"state {state.directory}",
            remedy="take the state from a build on target ci or dev.",
        )
    warehouse.parent.mkdir(exist_ok=True)
    os.environ |= {
        "STRATA_TARGET": target,
        "STRATA_WAREHOUSE": str(warehouse),
        "STRATA_STATE_WAREHOUSE": str(state.warehouse),
        "STRATA_STATE_DATABASE": state.database,
        "DBT_TARGET_PATH": f"target/{target}",
    }
    return warehouse


def parsed_runner(values: list[str]) -> dbtRunner:
    """dbt with the project parsed once for all commands; variables are part of what is parsed."""
    parsed = dbtRunner().invoke([*dbt_session.QUIET, "parse", *values])
    if not parsed.success:
        text = f"dbt cannot parse it: {parsed.exception or 'see logs/dbt.log'}"
        raise ConfigError(text, subject="project", remedy="correct what it names; dbt parse checks it.")
    return dbtRunner(manifest=parsed.result, callbacks=[dbt_session.Progress()])


def _invoke(runner: dbtRunner, command: list[str]) -> Any | None:
    """The result of a dbt command, or None after printing why it failed."""
    result = runner.invoke([*dbt_session.QUIET, *command])
    if result.success:
        return result.result or []
    if result.exception is not None:
        print(f"dbt {command[0]}: {result.exception}", file=sys.stderr)
    return None


def _describe(state: State, chosen: list[str]) -> None:
    manifest = json.loads((ROOT / "target" / TARGET / "manifest.json").read_text(encoding="utf-8"))
    kinds = Counter(_kind(node) for node in chosen)
    total = sum(1 for node in [*manifest["nodes"].values(), *manifest["unit_tests"].values()] if _ours(node))
    counts = ", ".join(f"{number} {kind}{'s' if number > 1 else ''}" for kind, number in sorted(kinds.items()))
    print(f"modified against {state.directory}, with all that depends on it: {counts or 'nothing'} (of {total} nodes)")
    for node in sorted(node for node in chosen if _kind(node) in STORED):
        print(f"  build  {_name(node)}")
    for node in parents(manifest["parent_map"], chosen):
        print(f"  defer  {_name(node)}")
    for node in sorted(set(state.manifest["nodes"]) - set(manifest["nodes"])):
        if _kind(node) in STORED and _ours(state.manifest["nodes"][node]):
            print(f"  gone   {_name(node)}: no longer in the project; what read it must be among the nodes above")
    sys.stdout.flush()


def parents(parent_map: dict[str, list[str]], chosen: list[str]) -> list[str]:
    """Stored nodes that a selected node reads and that are not selected themselves: what is deferred."""
    read = {parent for node in chosen for parent in parent_map.get(node, [])}
    return sorted(node for node in read - set(chosen) if _kind(node) in STORED)


def _ours(node: dict[str, Any]) -> bool:
    return node["package_name"] == "strata" and node["resource_type"] in (*STORED, "test", "unit_test")


def _kind(unique_id: str) -> str:
    return unique_id.split(".", 1)[0]


def _name(unique_id: str) -> str:
    kind, _, name = unique_id.split(".", 2)
    return f"{kind} {name}"


if __name__ == "__main__":
    sys.exit(main())
