"""When a remedy is due: each condition looks at the warehouse and names what it found, with the evidence."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import import_module
from typing import Any

from ingestion.contract import load_contracts
from ingestion.errors import ConfigError
from tools.observed import Observed

BEHIND = timedelta(hours=6)  # a build that follows its landing within this time is on its way
LOOKBACK_DAYS = 3  # as var lookback_days in dbt_project.yml


@dataclass(frozen=True)
class Due:
    """Something that a remedy is due for.

    Args:
        subject: what it is about; attempts are counted by it.
        evidence: why, in words without values of rows.
        arguments: for the placeholders of the command.
    """

    subject: str
    evidence: str
    arguments: dict[str, str]


def letters_that_fit(observed: Observed, now: datetime) -> Iterator[Due]:
    """Datasets with open dead letters that today's contract would take."""
    from ingestion.landing import Landing

    if observed.missing(["raw_ops.dead_letters"]):
        return
    rows = observed.rows(
        "select source, dataset, payload from {raw_ops.dead_letters} where replayed_at is null",
        ["raw_ops.dead_letters"],
    )
    by_source: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        by_source[row["source"]].append(row)
    for source, letters in sorted(by_source.items()):
        try:
            contracts = load_contracts(source)
        except ConfigError:
            continue  # a source that is no longer there
        landing = Landing(contracts, "check")
        counts: dict[str, list[bool]] = defaultdict(list)
        for letter in letters:
            if letter["dataset"] in contracts:
                record = _record(letter["payload"])
                fits = record is not None and landing.accepts(letter["dataset"], record)
                counts[letter["dataset"]].append(fits)
        for dataset, fit in sorted(counts.items()):
            if any(fit):
                evidence = f"{sum(fit)} of {len(fit)} dead letter(s) fit the contract as it is now"
                yield Due(f"{source}.{dataset}", evidence, {"source": source, "dataset": dataset})


def _record(payload: str) -> Any:
    try:
        return json.loads(payload)
    except ValueError:
        return None  # a part of a broken file


def files_not_landed(observed: Observed, now: datetime) -> Iterator[Due]:
    """Sources of files with one that the last load did not meet as it is."""
    from ingestion.sources import SOURCES

    if observed.missing(["raw_ops.files", "raw_ops.loads"]):
        return
    known: dict[str, dict[tuple[str, str], str]] = defaultdict(dict)
    for row in observed.rows("select source, dataset, path, sha256 from {raw_ops.files}", ["raw_ops.files"]):
        known[row["source"]][(row["dataset"], row["path"])] = row["sha256"]
    for source in SOURCES:
        reader = _file_reader(source)
        if reader is None:
            continue
        new, corrected = [], []
        for name, dataset in load_contracts(source).items():
            for path, sha256 in reader.delivered(dataset):
                before = known[source].get((name, path))
                if before != sha256:
                    (new if before is None else corrected).append(path)
        if new or corrected:
            counted = [f"{len(paths)} {word} (first {paths[0]})" for paths, word in
                       ((new, "not landed yet"), (corrected, "corrected")) if paths]  # fmt: skip
            yield Due(source, f"file(s): {', '.join(counted)}", {"source": source})


def _file_reader(source: str) -> Any:
    """The reader, if the source is one of files and has its settings here."""
    from ingestion.file_source import FileReader
    from ingestion.sources import SOURCES

    module, _, name = SOURCES[source].rpartition(".")
    reader = getattr(import_module(module), name)
    if not issubclass(reader, FileReader):
        return None
    try:
        return reader.from_config()
    except ConfigError:
        return None


def windows_left_behind(observed: Observed, now: datetime) -> Iterator[Due]:
    """Incremental models whose last good build is older than what has landed for them since."""
    needed = ["raw_ops.loads", "raw_dbt_artifacts.nodes", "raw_dbt_artifacts.invocations"]
    if observed.missing(needed):
        return
    landed = {
        f"{row['source']}.{row['dataset']}": row["at"]
        for row in observed.rows(
            "select source, dataset, max(finished_at) as at from {raw_ops.loads}"
            " where status = 'landed' and (rows_good > rows_unchanged or rows_deleted > 0) group by all",
            ["raw_ops.loads"],
        )
    }
    built = {
        row["node_id"]: row["at"]
        for row in observed.rows(
            "select node_id, max(ended_at) as at from dbt_outcomes where status = 'success' group by all"
        )
    }
    for row in observed.rows(
        "select distinct n.unique_id from {raw_dbt_artifacts.nodes} as n"
        " inner join dbt_project_nodes as p on n.unique_id = p.node_id"
        " where n.materialization = 'incremental' and n.resource_type = 'model' order by all",
        ["raw_dbt_artifacts.nodes"],
    ):
        node = observed.graph.nodes[row["unique_id"]]
        at = built.get(node.node_id)
        newest = max((landed[name] for name in observed.graph.sources(node) if name in landed), default=None)
        if at is None or newest is None or newest <= at or now - newest < BEHIND:
            continue  # never built is no stale window; just landed will be built
        days = math.ceil((now - at) / timedelta(days=1)) + LOOKBACK_DAYS
        evidence = f"rows landed until {newest:%Y-%m-%d %H:%M} UTC, built well last at {at:%Y-%m-%d %H:%M}"
        yield Due(node.name, evidence, {"model": node.name, "days": str(days)})


CONDITIONS: dict[str, tuple[Callable[[Observed, datetime], Iterator[Due]], frozenset[str]]] = {
    "letters_that_fit": (letters_that_fit, frozenset({"source", "dataset"})),
    "files_not_landed": (files_not_landed, frozenset({"source"})),
    "windows_left_behind": (windows_left_behind, frozenset({"model", "days"})),
}
