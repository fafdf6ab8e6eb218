"""Static gate: would Snowflake accept the SQL that dbt writes for it? No account, no server.

    python -m tools.snowflake.static_gate [--keep DIR]

dbt compiles every model and data test for the snowflake target twice, as on a first run and as on an incremental one
(var assume_incremental), and every different text goes through gate_checks. A problem names the model, the line of
its compiled SQL and the remedy.
Exit codes: 0 nothing found; 1 problems; 2 the project could not be compiled.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

from tools.snowflake.gate_checks import Problem, Schema, StatementChecks, resolve

EXIT_PROBLEMS = 1
EXIT_USAGE = 2
_ROOT = Path(__file__).resolve().parents[2]
_COMPILE_SECONDS = 600  # a minute on an idle machine; other work may share it
_CHECKED_KINDS = ("model", "test")
_SNAPSHOT_COLUMNS = ("dbt_scd_id", "dbt_updated_at", "dbt_valid_from", "dbt_valid_to", "dbt_is_deleted")
_VARIANTS = {"first run": "false", "incremental run": "true"}
# Nothing is contacted: dbt only fills them into names.
_PLACEHOLDERS = {
    "SNOWFLAKE_ACCOUNT": "static-gate",
    "SNOWFLAKE_USER": "STATIC_GATE",
    "SNOWFLAKE_PRIVATE_KEY_PATH": "no-key.p8",
    "SNOWFLAKE_ROLE": "STATIC_GATE",
    "SNOWFLAKE_WAREHOUSE": "STATIC_GATE",
    "SNOWFLAKE_DATABASE": "STATIC_GATE",
    "SNOWFLAKE_SCHEMA": "CI_GATE",
}


class GateError(RuntimeError):
    """The project could not be compiled for Snowflake."""


@dataclass(frozen=True)
class Finding:
    """A problem in a model's compiled SQL."""

    path: str
    variant: str
    problem: Problem
    text: str


@dataclass
class Findings:
    """Everything the gate saw."""

    problems: list[Finding] = field(default_factory=list)
    statements: int = 0
    resolved: int = 0
    unresolved: list[str] = field(default_factory=list)


def compile_project(folder: Path) -> dict[str, dict[str, Any]]:
    """The manifest of each variant, by label."""
    # Same project and environment but for one var: in parallel, in processes of their own.
    running = {label: _start_compile(folder / label.replace(" ", "_"), value) for label, value in _VARIANTS.items()}
    manifests = {}
    try:
        for label, (process, target) in running.items():
            output, _ = process.communicate(timeout=_COMPILE_SECONDS)
            if process.returncode:
                raise GateError(f"dbt compile for Snowflake ({label}) failed:\n{output[-3000:]}")
            manifests[label] = json.loads((target / "manifest.json").read_text())
    except subprocess.TimeoutExpired as error:
        raise GateError(f"dbt compile for Snowflake took longer than {_COMPILE_SECONDS} s") from error
    finally:
        for process, _ in running.values():
            if process.poll() is None:
                process.kill()
                process.wait()
    return manifests


def _start_compile(target: Path, incremental: str) -> tuple[subprocess.Popen[str], Path]:
    target.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "dbt.cli.main", "--no-use-colors", "compile", "--target", "snowflake"]
    command += [
        "--no-introspect",
        "--no-populate-cache",
        "--select",
        "package:strata,resource_type:model",
        "package:strata,resource_type:test",
    ]
    command += ["--vars", f"{{assume_incremental: {incremental}}}", "--target-path", str(target)]
    command += ["--log-path", str(target), "--quiet"]
    environment = {**os.environ, **_PLACEHOLDERS, "DBT_PROFILES_DIR": str(_ROOT)}
    environment |= {"DBT_SEND_ANONYMOUS_USAGE_STATS": "false", "DO_NOT_TRACK": "1"}
    process = subprocess.Popen(
        command, cwd=_ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    return process, target


def check_project(folder: Path) -> Findings:
    """Compile the project into `folder` and check every model; GateError when it does not compile."""
    return check_manifests(compile_project(folder))


def check_manifests(manifests: dict[str, dict[str, Any]]) -> Findings:
    """Check the compiled models and data tests of each variant; a text that two variants share is checked once."""
    gate = _Gate()
    for variant, manifest in manifests.items():
        gate.check(variant, manifest)
    return gate.findings


class _Gate:
    """Walks a manifest from its sources on, so that every model's input columns are known when it is reached."""

    def __init__(self) -> None:
        self.findings = Findings()
        self._checks = StatementChecks()
        self._seen: set[str] = set()
        self._selected: dict[str, list[str]] = {}  # an incremental run reads the columns of the run before

    def check(self, variant: str, manifest: dict[str, Any]) -> None:
        """Check every statement of one variant."""
        schema: Schema = {}
        unknown: set[str] = set()
        for key, node in _in_order(manifest):
            columns = _known_columns(node, manifest, schema)
            sql = node.get("compiled_code")
            if sql and node["resource_type"] in _CHECKED_KINDS and node["package_name"] == _project(manifest):
                if before := self._selected.get(key):
                    _declare(schema, node, before)
                missing = [parent for parent in node["depends_on"]["nodes"] if parent in unknown]
                selected, unresolved = ([], []) if missing else resolve(sql, schema)
                self._record(variant, node, unresolved, missing)
                # A model that failed must not make every child fail: its yml says what it should have.
                columns = self._selected[key] = selected or columns
            if not columns:
                unknown.add(key)
            elif node["resource_type"] != "test":
                _declare(schema, node, columns)

    def _record(self, variant: str, node: dict[str, Any], unresolved: list[Problem], missing: list[str]) -> None:
        sql = node["compiled_code"]
        if sql in self._seen:
            return
        self._seen.add(sql)
        self.findings.statements += 1
        if missing:
            self.findings.unresolved.append(f"{node['name']}: the columns of {', '.join(missing)} are not known")
        else:
            self.findings.resolved += 1
        problems = sorted({*self._checks.check(sql), *unresolved}, key=lambda problem: problem.line)
        self.findings.problems += [_finding(node, variant, problem) for problem in problems]


def _project(manifest: dict[str, Any]) -> str:
    return manifest["metadata"]["project_name"]


def _finding(node: dict[str, Any], variant: str, problem: Problem) -> Finding:
    lines = node["compiled_code"].splitlines()
    text = lines[problem.line - 1].strip() if 0 < problem.line <= len(lines) else ""
    return Finding(node["original_file_path"], variant, problem, text)


def _in_order(manifest: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Sources, seeds, models, snapshots and data tests, parents first."""
    everything = {**manifest["sources"], **manifest["nodes"]}
    nodes = {key: node for key, node in everything.items() if _belongs(node)}
    parents = {
        key: [parent for parent in node.get("depends_on", {}).get("nodes", []) if parent in nodes]
        for key, node in nodes.items()
    }
    yield from ((key, nodes[key]) for key in TopologicalSorter(parents).static_order())


def _belongs(node: dict[str, Any]) -> bool:
    """Whether the gate follows the node; Elementary's tests are procedures of their own, not one statement."""
    if node["resource_type"] == "test":
        return (node.get("test_metadata") or {}).get("namespace") != "elementary"
    return node["resource_type"] in ("source", "seed", "model", "snapshot")


def _known_columns(node: dict[str, Any], manifest: dict[str, Any], schema: Schema) -> list[str]:
    """Columns known without reading SQL: a source's or contract's list, a seed's header, a snapshot's parent."""
    if node["resource_type"] == "seed":
        header = (_ROOT / node["original_file_path"]).read_text(encoding="utf-8-sig").splitlines()[0]
        return [name.strip() for name in header.split(",")]
    if node["resource_type"] == "snapshot":
        named = node["config"].get("snapshot_meta_column_names") or {}
        meta = [named.get(name) or name for name in _SNAPSHOT_COLUMNS]
        parent = manifest["nodes"].get(node["depends_on"]["nodes"][0], {})
        inherited = _table(schema, parent) if parent else {}
        return [*inherited, *meta] if inherited else []
    return list(node.get("columns", {}))


def _table(schema: Schema, node: dict[str, Any]) -> dict[str, str]:
    name = (node.get("identifier") or node.get("alias") or node["name"]).upper()
    return schema.setdefault(node["database"].upper(), {}).setdefault(node["schema"].upper(), {}).setdefault(name, {})


def _declare(schema: Schema, node: dict[str, Any], columns: list[str]) -> None:
    # Types do not matter here: resolution is by name.
    _table(schema, node).update({column.strip('"').upper(): "VARCHAR" for column in columns})


def print_findings(findings: Findings) -> None:
    """One block a problem, then the totals."""
    for finding in findings.problems:
        problem = finding.problem
        print(f"{finding.path} ({finding.variant}), line {problem.line} of the compiled SQL: {problem.message}")
        print(f"    {finding.text[:110]}")
        print(f"    {problem.check}; instead: {problem.remedy}")
    for line in findings.unresolved:
        print(f"static gate: columns not resolved in {line}")
    print(
        f"static gate: {findings.statements} statements for Snowflake, columns resolved in {findings.resolved}, "
        f"{len(findings.problems)} problems"
    )


def main(argv: list[str] | None = None) -> int:
    """Compile, check, print; see the module's exit codes."""
    parser = argparse.ArgumentParser(prog="python -m tools.snowflake.static_gate", description=__doc__.splitlines()[0])
    parser.add_argument("--keep", type=Path, help="keep the compiled SQL in this directory")
    options = parser.parse_args(argv)
    started = time.monotonic()
    try:
        with tempfile.TemporaryDirectory(prefix="strata-gate-") as folder:
            findings = check_project(options.keep.resolve() if options.keep else Path(folder))
    except GateError as error:
        print(f"static gate: {error}", file=sys.stderr)
        return EXIT_USAGE
    print_findings(findings)
    print(f"static gate: {time.monotonic() - started:.0f} s")
    return EXIT_PROBLEMS if findings.problems else 0


if __name__ == "__main__":
    sys.exit(main())
