"""What hangs on changed columns: columns further down, metrics, saved queries, exposures, contracts, and files."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlglot import exp, parse_one
from sqlglot.errors import SqlglotError

from tools.catalogue.columns import ColumnLineage, trace
from tools.catalogue.entries import datasets_of_metric
from tools.impact.changes import Change
from tools.impact.project import Bound

Pair = tuple[str, str]  # dbt's id of a dataset, a column
TEXTS = (".sql", ".yml", ".yaml", ".py", ".md", ".csv", ".json")


@dataclass
class Touched:
    """What a change reaches; ids are dbt's.

    Attributes:
        columns: columns further down, with the changed columns they are made of.
        rows: datasets whose rows depend on something that changed.
        metrics: metric by what of it is touched.
    """

    columns: dict[Pair, set[Pair]] = field(default_factory=dict)
    rows: set[str] = field(default_factory=set)
    metrics: dict[str, str] = field(default_factory=dict)
    saved_queries: dict[str, list[str]] = field(default_factory=dict)
    exposures: dict[str, list[str]] = field(default_factory=dict)
    contracts: dict[str, list[str]] = field(default_factory=dict)
    files: dict[str, list[str]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def touched(before: Bound, now: Bound, found: Mapping[str, Change], root: Path) -> Touched:
    """Follow the changes through both revisions: what went was read by the old one, what came is by the new one."""
    result = Touched()
    for bound in (before, now):
        below = _below(bound, found)
        lineage = trace(bound.manifest, bound.catalog(), only=below - bound.broken.keys())
        result.problems += [line for line in lineage.problems if line not in result.problems]
        _follow(result, bound, found, lineage)
    changed = {(name, column) for name, change in found.items() for column in change.columns}
    for bound in (before, now):
        _metrics(result, bound, changed)
        _exposures(result, bound, found)
    _contracts(result, before, now, found)
    lost = [(name, column) for name, column in sorted(changed) if _is_lost(found[name].columns[column])]
    lost += [(name, "") for name, change in sorted(found.items()) if change.kind == "gone"]
    result.files = _files_naming(root, [((before.label(name)), column) for name, column in lost])
    return result


def _is_lost(what: str) -> bool:
    return what == "gone" or what.startswith("now called")


def _below(bound: Bound, found: Mapping[str, Change]) -> set[str]:
    """The changed datasets and all that is built from them: whose columns are worth tracing."""
    below, waiting = set(), [name for name in found if name in bound.columns]
    while waiting:
        name = waiting.pop()
        if name not in below:
            below.add(name)
            waiting += [child.node_id for child in bound.graph.children(bound.graph.nodes[name])]
    return below & bound.columns.keys()


def _follow(result: Touched, bound: Bound, found: Mapping[str, Change], lineage: ColumnLineage) -> None:
    starts = [(name, column) for name, change in found.items() for column in change.columns]
    starts += [(n, c) for n, change in found.items() if change.kind == "gone" for c in bound.columns.get(n, ())]
    for start in starts:
        waiting, seen = [start], {start}
        while waiting:
            for child in lineage.children.get(waiting.pop(), ()):
                if child not in seen:
                    seen.add(child)
                    waiting.append(child)
        for pair in seen - {start}:
            result.columns.setdefault(pair, set()).add(start)
    reached = {*starts, *result.columns}
    waiting = [name for name, change in found.items() if change.rows]
    waiting += [name for name, pairs in lineage.row_parents.items() if pairs & reached]
    result.rows |= _below(bound, {name: Change("gone") for name in waiting}) - {
        name for name, change in found.items() if change.rows
    }


def _metrics(result: Touched, bound: Bound, changed: set[Pair]) -> None:
    """Simple metrics by the columns they name; all others by those they are made of."""
    reached = changed | result.columns.keys()
    direct: dict[str, str] = {}
    for metric_id, metric in bound.manifest["metrics"].items():
        by = [f"{bound.label(n)}.{c}" for n, c in _columns_of_metric(bound.manifest, metric_id) if (n, c) in reached]
        of_rows = [n for n in datasets_of_metric(bound.manifest, metric_id) if n in result.rows]
        if by:
            direct[metric_id] = ", ".join(sorted(by))
        elif of_rows and metric["type"] == "simple":
            direct[metric_id] = "rows of " + ", ".join(sorted(bound.label(name) for name in of_rows))
    for metric_id, metric in bound.manifest["metrics"].items():
        inputs = _inputs(bound.manifest, metric_id) & direct.keys()
        name = metric["name"]
        if metric_id in direct:
            result.metrics.setdefault(name, direct[metric_id])
        elif inputs:
            made_of = sorted(bound.manifest["metrics"][each]["name"] for each in inputs)
            result.metrics.setdefault(name, f"made of {', '.join(made_of)}")
    for query in (bound.manifest.get("saved_queries") or {}).values():
        asked = [m for m in query["query_params"]["metrics"] if m in result.metrics]
        if asked:
            result.saved_queries[query["name"]] = asked


def _inputs(manifest: Mapping[str, Any], metric_id: str) -> set[str]:
    """Ids of the metrics a metric is made of, at any distance."""
    waiting, seen = [metric_id], set()
    while waiting:
        for parent in manifest["metrics"][waiting.pop()]["depends_on"]["nodes"]:
            if parent in manifest["metrics"] and parent not in seen:
                seen.add(parent)
                waiting.append(parent)
    return seen


def _columns_of_metric(manifest: Mapping[str, Any], metric_id: str) -> set[Pair]:
    """Columns that a simple metric names: in its expression and as its day."""
    params = manifest["metrics"][metric_id]["type_params"]
    aggregation = params.get("metric_aggregation_params")
    if not aggregation:
        return set()
    models = {m["name"]: m for m in manifest["semantic_models"].values()}
    model = models.get(aggregation["semantic_model"])
    if model is None:
        return set()
    dimensions = {each["name"]: each["expr"] or each["name"] for each in model["dimensions"]}
    day = aggregation.get("agg_time_dimension") or (model.get("defaults") or {}).get("agg_time_dimension") or ""
    names = _names(params.get("expr") or manifest["metrics"][metric_id]["name"]) | _names(dimensions.get(day, day))
    return {(node_id, name) for node_id in model["depends_on"]["nodes"] for name in names}


def _names(expression: str) -> set[str]:
    try:
        return {column.name.lower() for column in parse_one(expression, dialect="duckdb").find_all(exp.Column)}
    except SqlglotError:
        return set(re.findall(r"[a-z_][a-z0-9_]*", expression.lower()))


def _exposures(result: Touched, bound: Bound, found: Mapping[str, Change]) -> None:
    for exposure in bound.manifest["exposures"].values():
        name = f"{exposure.get('label') or exposure['name']} ({exposure['type']}, {exposure['owner'].get('name')})"
        for node_id in exposure["depends_on"]["nodes"]:
            columns = {c for n, c in result.columns if n == node_id} | set(getattr(found.get(node_id), "columns", {}))
            change = found.get(node_id)
            if columns:
                result.exposures.setdefault(name, []).append(f"{bound.label(node_id)}: {', '.join(sorted(columns))}")
            elif node_id in result.rows or (change and (change.rows or change.kind != "changed")):
                result.exposures.setdefault(name, []).append(f"{bound.label(node_id)}: its rows")
    result.exposures = {name: sorted(set(what)) for name, what in result.exposures.items()}


def _contracts(result: Touched, before: Bound, now: Bound, found: Mapping[str, Change]) -> None:
    """Enforced contracts that lose or change columns, and those that the SQL no longer meets."""
    for node_id in sorted({*found, *now.broken}):
        node = before.manifest["nodes"].get(node_id) or now.manifest["nodes"].get(node_id)
        if not node or not (node["config"].get("contract") or {}).get("enforced"):
            continue
        change = found.get(node_id, Change("changed"))
        what = [f"{c}: {w}" for c, w in change.columns.items() if w != "computed otherwise"]
        current = now.manifest["nodes"].get(node_id)
        if change.kind == "gone":
            what = ["the model is gone"]
        elif current and node_id not in now.broken and set(current["columns"]) != set(now.columns[node_id]):
            missing = sorted(set(current["columns"]) ^ set(now.columns[node_id]))
            what.append(f"its SQL and its contract differ in {', '.join(missing)}: the model will not build")
        if what:
            result.contracts[node_id] = what


def _files_naming(root: Path, lost: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Files of the project that name both a dataset and its lost column: dashboards, analyses, docs, properties."""
    listed = subprocess.run(["git", "ls-files"], cwd=root, capture_output=True, text=True, check=False).stdout
    texts = {}
    for name in listed.splitlines():
        if name.endswith(TEXTS) and (root / name).is_file():
            texts[name] = set(re.findall(r"\w+", (root / name).read_text(encoding="utf-8", errors="replace")))
    found: dict[str, list[str]] = {}
    for label, column in lost:
        for name, words in texts.items():
            if label.split(".")[-1] in words and (not column or column in words):
                found.setdefault(name, []).append(f"{label}.{column}" if column else label)
    return dict(sorted(found.items()))
