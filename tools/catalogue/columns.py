"""Which column is made of which, by dbt-colibri, for the catalogue's pages and for `make impact`."""

from __future__ import annotations

import contextlib
import json
import logging
import sys
import tempfile
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

NESTED_DEEP = 20_000  # our longest condition nests deeper than Python's usual 1,000 calls
# Closes colibri's and dbt's pages to the network: their bundles know addresses of telemetry and of their makers.
NO_REQUESTS = (
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'unsafe-inline' 'unsafe-eval' data: blob:; "
    "connect-src data: blob:; form-action 'none'\">"
)


@dataclass
class ColumnLineage:
    """Edges of columns. A column is (dbt's id of the dataset, its name).

    Attributes:
        parents: columns that a column's values are made of.
        children: the other way round.
        row_parents: columns that decide which rows a dataset has: of its joins and conditions.
        problems: what could not be traced, a line each.
    """

    parents: dict[tuple[str, str], list[tuple[str, str]]] = field(default_factory=dict)
    children: dict[tuple[str, str], set[tuple[str, str]]] = field(default_factory=dict)
    row_parents: dict[str, set[tuple[str, str]]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def trace(
    manifest: Mapping[str, Any],
    catalog: Mapping[str, Any],
    page: Path | None = None,
    only: Collection[str] | None = None,
) -> ColumnLineage:
    """Trace the columns of all compiled models and snapshots.

    Args:
        manifest: with compiled SQL; what was not compiled is left out.
        catalog: columns of every dataset that SQL reads, in the shape of dbt's catalog.json.
        page: where colibri's own page shall be written, if at all.
        only: ids of the models and snapshots to trace, all by default: a model takes up to a second.
    """
    from dbt_colibri.lineage_extractor.extractor import DbtColumnLineageExtractor
    from dbt_colibri.report.generator import DbtColibriReportGenerator
    from sqlglot.optimizer.scope import Scope

    if not hasattr(Scope, "union_scopes"):  # colibri asks for it by the name that it had before sqlglot 30
        Scope.union_scopes = property(lambda scope: scope.set_operation_scopes)
    project = manifest["metadata"]["project_name"]
    ours = {name: node for name, node in manifest["nodes"].items() if node["package_name"] == project}
    if only is not None and not ours.keys() & set(only):
        return ColumnLineage()  # for colibri, none chosen would mean all
    manifest = {**manifest, "nodes": ours}  # not what Elementary's package brings
    with tempfile.TemporaryDirectory(prefix="strata-lineage-") as scratch, deep_sql(), _quiet() as said:
        for name, document in (("manifest", manifest), ("catalog", catalog)):
            (Path(scratch) / f"{name}.json").write_text(json.dumps(document), encoding="utf-8")
        # Not the command `colibri generate`: that one asks the package index for a newer version.
        chosen = sorted(name for name in ours if name in only) if only is not None else []
        extractor = DbtColumnLineageExtractor(f"{scratch}/manifest.json", f"{scratch}/catalog.json", chosen)
        generator = DbtColibriReportGenerator(extractor, light_mode=True, disable_telemetry=True)
        if page is None:
            edges = extractor.extract_project_lineage()["lineage"]["parents"]
        else:
            generator.generate_report(scratch)
            edges = json.loads(Path(scratch, "colibri-manifest.json").read_text(encoding="utf-8"))["lineage"]["parents"]
            page.write_text(closed(Path(scratch, "index.html").read_text(encoding="utf-8")), encoding="utf-8")
    return _lineage(edges, said)


def closed(page: str) -> str:
    """A page of another tool that can ask the network for nothing."""
    return page.replace("<head>", "<head>" + NO_REQUESTS, 1)


def _lineage(edges: Mapping[str, Mapping[str, list[dict[str, str]]]], said: list[str]) -> ColumnLineage:
    found = ColumnLineage(problems=sorted(set(said)))
    for node, columns in edges.items():
        for column, parents in columns.items():
            pairs = [(parent["dbt_node"], parent["column"].strip("\"'").lower()) for parent in parents]
            if column.startswith("__colibri_"):
                found.row_parents.setdefault(node, set()).update(pairs)
                continue
            own = (node, column.strip("\"'").lower())
            found.parents[own] = list(dict.fromkeys(pairs))
            for pair in pairs:
                found.children.setdefault(pair, set()).add(own)
    return found


class _Kept(logging.Handler):
    """Keeps what went wrong; the rest of colibri's log says nothing to a reader."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage().splitlines()[0])


@contextlib.contextmanager
def deep_sql() -> Iterator[None]:
    """Room for SQL that nests deeper than Python's calls usually may."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(max(limit, NESTED_DEEP))
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)


@contextlib.contextmanager
def _quiet() -> Iterator[list[str]]:
    """What goes wrong is kept rather than printed."""
    logger, parser, kept = logging.getLogger("colibri"), logging.getLogger("sqlglot"), _Kept()
    before = logger.handlers[:], logger.propagate, parser.level
    logger.handlers, logger.propagate = [kept], False
    parser.setLevel(logging.ERROR)
    try:
        yield kept.lines
    finally:
        logger.handlers, logger.propagate = before[:2]
        parser.setLevel(before[2])
