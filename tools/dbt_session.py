"""Several dbt commands in one process: dbt's start and parse cost seconds, so that they share them.

`python -m tools.dbt_session build [ARGS...] [-- docs generate --static]` prints one progress line a step and every
warning or failure; the full log is in logs/dbt.log. A step `finally MODULE [ARGS...]` runs another program of the
project with the warehouse set free for it, `finally dbt [ARGS...]` another command of dbt; it and all that follows it
run also where a step before them has failed.
"""

from __future__ import annotations

import gc
import json
import os
import shutil
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.artifacts.schemas.results import NodeStatus
from dbt.cli.main import dbtRunner
from dbt.contracts.graph.manifest import Manifest
from dbt.contracts.graph.nodes import SourceDefinition
from dbt.node_types import NodeType

from ingestion.contract import CONTRACTS_DIR
from ingestion.errors import EXIT_OK
from ingestion.places import artifacts_dir
from tools.standby import RELEASE, Standby

STEP = 0.1  # print at each tenth of the nodes when not on a terminal
PROBLEMS = {"warn", "error"}
# What a person sees is for Progress to say; dbt itself writes to its log file.
QUIET = ["--log-level", "none", "--log-level-file", "debug", "--no-use-colors"]
BUILD_RESULTS = "build_results.json"
RECORDED = {"build", "run", "test", "snapshot", "seed", "source"}  # commands that write results
COMPILING = {"build", "run", "test"}
OBSERVABILITY = "observability"  # tag of the models in which the warehouse speaks of itself
BUILT = {NodeType.Model, NodeType.Seed, NodeType.Snapshot}
FINALLY, DBT = "finally", "dbt"
UNCOUNTED = {"operation", "unit_test"}  # dbt leaves them out of its own node count
# dbt keeps a project in some million objects, and little of what it makes is garbage in cycles: with the thresholds of
# Python itself a build spends two seconds on looking for it.
COLLECT_AFTER = (20_000, 20, 50)


class Progress:
    """Counts finished nodes of a dbt command and prints what a person wants to see of it."""

    def __init__(self) -> None:
        self._done = 0
        self._total = 0
        self._shown = 0.0
        self._started = time.monotonic()

    def __call__(self, event: Any) -> None:
        """Receive one dbt event."""
        name = event.info.name
        if name == "ConcurrencyLine":
            self._done, self._shown, self._total = 0, 0.0, int(event.data.node_count)
            self._started = time.monotonic()
        elif name == "NodeFinished" and self._total and event.data.node_info.resource_type not in UNCOUNTED:
            self._done += 1
            self._show(event.data.node_info.node_name)
        if event.info.level in PROBLEMS:
            print(event.info.msg, flush=True)

    def _show(self, node: str) -> None:
        share = self._done / self._total
        seconds = time.monotonic() - self._started
        if sys.stdout.isatty():
            end = "\n" if self._done >= self._total else ""
            print(f"\r\033[K  {self._done}/{self._total} nodes, {seconds:.0f} s  {node[:60]}", end=end, flush=True)
        elif share >= self._shown + STEP or self._done == self._total:
            self._shown = share
            print(f"  {self._done}/{self._total} nodes, {seconds:.0f} s", flush=True)


def run(commands: list[list[str]]) -> int:
    """Run dbt commands one after the other on one parse of the project, and stop at the first that fails.

    Args:
        commands: dbt's arguments, or `finally` with `dbt` or a module of the project, and its arguments.

    Returns:
        0, or the first exit code that is not: of dbt 1 for failed nodes or tests, 2 for a command that could not run.
    """
    with ExitStack() as stack:
        # They import what they need while dbt parses, which keeps one processor busy and no more.
        beside = [stack.enter_context(Standby(*command[1:])) for command in commands if _is_beside(command)]
        return _run_all(commands, beside)


def _run_all(commands: list[list[str]], beside: list[Standby]) -> int:
    progress = Progress()
    parsed = dbtRunner(callbacks=[progress]).invoke([*QUIET, "parse"])
    if not parsed.success:
        print(f"dbt parse: {parsed.exception}", file=sys.stderr)
        return 2
    runner = dbtRunner(manifest=parsed.result, callbacks=[progress])
    own = set(parsed.result.flat_graph)
    codes = [EXIT_OK]
    is_going_on = True
    is_written = False
    for step in commands:
        is_going_on = is_going_on or step[0] == FINALLY
        command = step[2:] if step[:2] == [FINALLY, DBT] else step
        if _is_beside(step):
            _run_beside(beside.pop(0))  # says itself what it could not do: the data are built all the same
        elif is_going_on:
            # The manifest with the parse, and once more when its SQL is compiled: each writing costs seconds.
            writes = command[0] == "docs" or (command[0] in COMPILING and not is_written)
            is_written = is_written or writes
            codes.append(_run_command(runner, command, parsed.result, writes=writes))
            # Packages keep there what they know of a command, as Elementary its temporary tables: gone for the next.
            for foreign in set(parsed.result.flat_graph) - own:
                del parsed.result.flat_graph[foreign]
            is_going_on = codes[-1] == EXIT_OK
    return next((code for code in codes if code != EXIT_OK), EXIT_OK)


def _is_beside(command: list[str]) -> bool:
    """Whether it is another program of the project."""
    return command[0] == FINALLY and command[1] != DBT


def _run_command(runner: dbtRunner, command: list[str], manifest: Manifest, *, writes: bool) -> int:
    result = runner.invoke([*QUIET, *([] if writes else ["--no-write-json"]), *command])
    if result.exception is not None:
        print(f"dbt {' '.join(command)}: {result.exception}", file=sys.stderr)
        return 2
    _keep_results(command, result.result)
    for line in remedies(result.result, manifest):
        print(line, flush=True)
    # Stale sources are told; they do not stop what follows.
    return EXIT_OK if result.success or command[0] == "source" else 1


def _run_beside(program: Standby) -> None:
    """Run another program of the project, while this process does not hold the warehouse file."""
    DuckDBConnectionManager.close_all_connections()
    program.work()


def remedies(outcome: Any, manifest: Manifest) -> list[str]:
    """A line for each landed dataset that a model could not be built from: dbt names only its own model and table."""
    lines = []
    for result in getattr(outcome, "results", []):
        if result.status != NodeStatus.Error or result.node.resource_type not in (NodeType.Model, NodeType.Snapshot):
            continue
        for name in result.node.depends_on.nodes:
            source = manifest.sources.get(name)
            if source:
                lines.append(f"{result.node.name} could not read {source.schema}.{source.name}: {_remedy(source)}")
    return lines


def _remedy(source: SourceDefinition) -> str:
    contract = CONTRACTS_DIR / source.source_name / f"{source.name}.odcs.yaml"
    if not contract.exists():
        return "the landing keeps it itself. Remedy: python -m ingestion load"
    return (
        f"it lands from dataset {source.name} of {source.source_name}. "
        f"Remedy: python -m ingestion load {source.source_name}; a column that is still missing after that is not in "
        f"the contract contracts/{source.source_name}/{contract.name}"
    )


def _is_about_data(outcome: Any) -> bool:
    """Whether anything ran besides what the warehouse says of itself, whose models are tagged so."""
    nodes = [result.node for result in getattr(outcome, "results", []) if hasattr(result, "node")]
    built = [node for node in nodes if node.resource_type in BUILT]
    return not built or any(OBSERVABILITY not in node.tags for node in built)


def _keep_results(command: list[str], outcome: Any) -> None:
    """Write what the command says about itself, and keep it: the next one overwrites it.

    A build's results stay under a name of their own for the summary, which tells of the company's data; all artefacts
    of a run are kept for the landing (source dbt_artifacts).
    """
    if command[0] not in RECORDED or not hasattr(outcome, "write"):
        return
    written = target_path() / ("sources.json" if command[:2] == ["source", "freshness"] else "run_results.json")
    outcome.write(str(written))
    if command[0] == "build" and _is_about_data(outcome):
        shutil.copyfile(written, target_path() / BUILD_RESULTS)
    kept = artifacts_dir() / json.loads(written.read_text(encoding="utf-8"))["metadata"]["invocation_id"]
    kept.mkdir(parents=True, exist_ok=True)
    for path in (written, target_path() / "manifest.json"):
        if path.exists():
            shutil.copyfile(path, kept / path.name)


def target_path() -> Path:
    """Where dbt writes its artefacts."""
    return Path(os.environ.get("DBT_TARGET_PATH", "target"))


def main(arguments: list[str]) -> int:
    """Split the arguments at `--` into commands."""
    gc.set_threshold(*COLLECT_AFTER)
    commands: list[list[str]] = [[]]
    for argument in arguments:
        if argument == "--":
            commands.append([])
        else:
            commands[-1].append(argument)
    waited_for = os.environ.pop(RELEASE, None)
    code = run([command for command in commands if command])
    if waited_for:
        DuckDBConnectionManager.close_all_connections()
        os.close(int(waited_for))
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
