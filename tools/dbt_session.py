"""Several dbt commands in one process: dbt's start and parse cost seconds, so `build` and `docs` share them.

`python -m tools.dbt_session build [ARGS...] [-- docs generate --static]` prints one progress line a step and every
warning or failure; the full log is in logs/dbt.log.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from pathlib import Path
from typing import Any

from dbt.artifacts.schemas.results import NodeStatus
from dbt.cli.main import dbtRunner
from dbt.contracts.graph.manifest import Manifest
from dbt.contracts.graph.nodes import SourceDefinition
from dbt.node_types import NodeType

from ingestion.contract import CONTRACTS_DIR
from ingestion.places import artifacts_dir

STEP = 0.1  # print at each tenth of the nodes when not on a terminal
PROBLEMS = {"warn", "error"}
# What a person sees is for Progress to say; dbt itself writes to its log file.
QUIET = ["--log-level", "none", "--log-level-file", "debug", "--no-use-colors"]
BUILD_RESULTS = "build_results.json"
RECORDED = {"build", "run", "test", "snapshot", "seed", "source"}  # commands that write results
OBSERVABILITY = "observability"  # tag of the models in which the warehouse speaks of itself
BUILT = {NodeType.Model, NodeType.Seed, NodeType.Snapshot}
UNCOUNTED = {"operation", "unit_test"}  # dbt leaves them out of its own node count


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

    Returns:
        0, or dbt's exit code: 1 for failed nodes or tests, 2 for a command that could not run.
    """
    progress = Progress()
    parsed = dbtRunner(callbacks=[progress]).invoke([*QUIET, "parse"])
    if not parsed.success:
        print(f"dbt parse: {parsed.exception}", file=sys.stderr)
        return 2
    runner = dbtRunner(manifest=parsed.result, callbacks=[progress])
    for command in commands:
        result = runner.invoke([*QUIET, *command])
        if result.exception is not None:
            print(f"dbt {' '.join(command)}: {result.exception}", file=sys.stderr)
            return 2
        _keep_results(command, is_about_data=_is_about_data(result.result))
        for line in remedies(result.result, parsed.result):
            print(line, flush=True)
        if not result.success and command[0] != "source":  # stale sources are told, they do not stop what follows
            return 1
    return 0


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


def _keep_results(command: list[str], *, is_about_data: bool) -> None:
    """Keep what the command wrote about itself: the next one overwrites it.

    A build's results stay under a name of their own for the summary, which tells of the company's data; all artefacts
    of a run are kept for the landing (source dbt_artifacts).
    """
    results = target_path() / "run_results.json"
    if command[0] == "build" and is_about_data and results.exists():
        shutil.copyfile(results, target_path() / BUILD_RESULTS)
    written = target_path() / ("sources.json" if command[:2] == ["source", "freshness"] else "run_results.json")
    if command[0] in RECORDED and written.exists():
        invocation = json.loads(written.read_text(encoding="utf-8"))["metadata"]["invocation_id"]
        kept = artifacts_dir() / invocation
        kept.mkdir(parents=True, exist_ok=True)
        for path in (written, target_path() / "manifest.json"):
            if path.exists():
                shutil.copyfile(path, kept / path.name)


def target_path() -> Path:
    """Where dbt writes its artefacts."""
    return Path(os.environ.get("DBT_TARGET_PATH", "target"))


def main(arguments: list[str]) -> int:
    """Split the arguments at `--` into commands."""
    commands: list[list[str]] = [[]]
    for argument in arguments:
        if argument == "--":
            commands.append([])
        else:
            commands[-1].append(argument)
    return run([command for command in commands if command])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
