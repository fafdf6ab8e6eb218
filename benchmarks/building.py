"""Measures of dbt. Each function says what is in its figures and what is not."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from benchmarks.landing import Figures
from benchmarks.process import BenchError, Measured, run, worker
from benchmarks.workspace import DBT, Stage
from tools.deps import elementary_models_needed

QUIET = ["--quiet", "--no-use-colors"]
NO_TESTS = ["--exclude-resource-type", "test", "--exclude-resource-type", "unit_test"]


def parse(stage: Stage) -> Figures:
    """`dbt parse` from nothing and again with its partial-parse file: what every dbt command pays before it works.

    In: the interpreter's start, dbt's imports, reading the project. Not in: any query.
    """
    cold = run([DBT, *QUIET, "parse", "--no-partial-parse"], stage.env())
    warm = run([DBT, *QUIET, "parse"], stage.env())
    return {
        "parse_cold_seconds": cold.seconds,
        "parse_warm_seconds": warm.seconds,
        "parse_peak_mb": max(cold.peak_mb, warm.peak_mb),
    }


def prepare(stage: Stage) -> None:
    """Build Elementary's own tables where the real package is installed, as `make build` does. Not measured."""
    if elementary_models_needed(None):
        run([DBT, *QUIET, "run", "--selector", "elementary"], stage.env())


def full_build(stage: Stage, *options: str) -> Figures:
    """`dbt build` over a freshly landed warehouse: seeds, snapshots, models, data tests and unit tests.

    In: the whole command, with a warm partial parse. Not in: Elementary's own models, which change only with its
    version.
    """
    done = _build(stage, *options)
    nodes = len(_results(stage))
    warm = {"build_nodes": float(nodes)}
    return {**warm, "build_seconds": done.seconds, "build_cpu_seconds": done.cpu_seconds, "build_peak_mb": done.peak_mb}


def second_build(stage: Stage, *options: str) -> Figures:
    """The same `dbt build` again with nothing new landed: incremental models and snapshots take their merge path.

    In: the whole command, all tests. Not in: any new row; the look-back is still read again.
    """
    done = _build(stage, *options)
    return {"rebuild_seconds": done.seconds, "rebuild_peak_mb": done.peak_mb}


def models_build(stage: Stage) -> Figures:
    """`dbt build` without tests over a freshly landed warehouse: seeds, snapshots and models only."""
    return {"models_seconds": _build(stage, *NO_TESTS).seconds}


def direct_sql(stage: Stage, built: Stage) -> Figures:
    """The SQL that `full_build` sent, executed straight in DuckDB: one connection, one statement after the other.

    In: the statements dbt wrote to target/run for models, snapshots, data tests and unit tests, in the order dbt
    finished them (a DAG order), with the rename that ends each model. Not in: the interpreter's start; seeds, which
    dbt loads from Python (they are copied in beforehand); hooks, comments on columns, dbt's look-ups in the catalogue.
    The row counts of all tables are compared with dbt's afterwards: unequal ones are an error.
    """
    plan = stage.directory / "plan.json"
    plan.write_text(json.dumps(direct_plan(_manifest(built), _results(built), built.directory / "run")))
    done = run(worker("direct_sql", str(plan), str(stage.warehouse), str(built.warehouse)), stage.env())
    found = done.json()
    return {
        "direct_models_seconds": found["models_seconds"],
        "direct_tests_seconds": found["tests_seconds"],
        "direct_seconds": found["models_seconds"] + found["tests_seconds"],
        "direct_cpu_seconds": found["cpu_seconds"],
        "direct_peak_mb": done.peak_mb,
    }


def keep_run_sql(stage: Stage) -> None:
    """Set the statements of the build just done aside: the next build overwrites them."""
    shutil.copytree(stage.target / "run", stage.directory / "run", dirs_exist_ok=True)
    shutil.copyfile(stage.target / "run_results.json", stage.directory / "run_results.json")


def direct_plan(manifest: dict, results: list[dict], run_directory: Path) -> list[dict[str, str | None]]:
    """The statements to execute: node id, kind, file and, for what stays in the warehouse, relation and alias.

    Raises:
        BenchError: a node that dbt ran has no file, or several.
    """
    plan: list[dict[str, str | None]] = []
    for result in results:
        node_id = result["unique_id"]
        node = manifest["nodes"].get(node_id) or manifest["unit_tests"].get(node_id)
        kind = node_id.split(".", 1)[0]
        if node is None or kind not in ("model", "snapshot", "seed", "test", "unit_test"):
            continue  # exposures and hooks
        if (node.get("test_metadata") or {}).get("namespace") == "elementary":
            continue
        entry: dict[str, str | None] = {"id": node_id, "kind": kind, "file": None, "relation": None, "alias": None}
        if kind in ("model", "snapshot", "seed"):
            entry |= {"relation": node["relation_name"], "alias": node["alias"]}
        if kind != "seed":
            entry["file"] = str(_run_file(node, kind, run_directory))
        plan.append(entry)
    return plan


def _run_file(node: dict, kind: str, run_directory: Path) -> Path:
    source = run_directory / node["package_name"] / node["original_file_path"]
    # Where a properties file declares the node, dbt makes a directory of that file's name.
    stem = node["name"] if kind == "unit_test" else Path(node["path"]).stem
    found = [source] if source.is_file() else sorted(source.rglob(f"{stem}.sql"))
    if len(found) != 1:
        raise BenchError(f"{node['unique_id']}: {len(found)} files named {stem}.sql under {source}, one was expected.")
    return found[0]


def _build(stage: Stage, *options: str) -> Measured:
    # dbt exits with 1 for a failed data test too. Planted faults may fail one; a model that fails is an error.
    done = run([DBT, *QUIET, "build", *options], stage.env(), accept=(0, 1))
    broken = [r for r in _results_now(stage) if r["status"] in ("error", "skipped", "runtime error")]
    if broken:
        names = "\n".join(f"    {r['unique_id']}: {(r.get('message') or 'skipped').strip()}" for r in broken[:5])
        raise BenchError(f"dbt build: {len(broken)} nodes failed or were skipped:\n{names}\n  remedy: make build")
    return done


def _results_now(stage: Stage) -> list[dict]:
    return json.loads((stage.target / "run_results.json").read_text(encoding="utf-8"))["results"]


def _results(stage: Stage) -> list[dict]:
    kept = stage.directory / "run_results.json"
    if kept.exists():
        return json.loads(kept.read_text(encoding="utf-8"))["results"]
    return _results_now(stage)


def _manifest(stage: Stage) -> dict:
    return json.loads((stage.target / "manifest.json").read_text(encoding="utf-8"))
