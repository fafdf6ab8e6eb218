"""Rules on metrics: one name one meaning, each with an owner, a unit and a place in docs/metrics.md."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.conventions.finding import Breach, Rule
from tools.conventions.project import Project
from tools.conventions.properties import is_trivial
from tools.conventions.text import Mapping

PAGE = "docs/metrics.md"
# What a metric's name says about its unit, so that nobody adds pounds to pieces.
UNITS = {
    "GBP": r"_amount_gbp(_|$)",
    "GBP per kg": r"_amount_gbp_per_kg$",
    "count": r"_count(_|$)",
    "share": r"(_rate|_margin)(_|$)|_growth_",
    "days": r"_days(_|$)",
    "seconds": r"_seconds$",
    "kg": r"_kg$",
    "fte": r"_fte$",
    "score": r"_score$",
    "date": r"_date$",
}
_PROSE = {"name", "label", "description", "config", "hidden"}


@dataclass(frozen=True)
class Metric:
    """A metric as it stands in YAML; `model` is empty for one at the top level of a file."""

    name: str
    path: str
    entry: Mapping
    model: str
    model_settings: Mapping

    @property
    def kind(self) -> str:
        return str(self.entry.get("type", "simple"))

    @property
    def domain(self) -> str:
        return Path(self.path).parts[-2]

    @property
    def is_hidden(self) -> bool:
        return bool(self.entry.get("hidden"))

    @property
    def description(self) -> str:
        return " ".join(str(self.entry.get("description") or "").split())

    @property
    def meta(self) -> dict[str, Any]:
        return (self.entry.get("config") or {}).get("meta") or {}

    @property
    def meaning(self) -> str:
        """All that decides the metric's value; two metrics with the same are one under two names."""
        settings = {key: value for key, value in self.entry.items() if key not in _PROSE}
        if self.model:
            settings = {"agg_time_dimension": self.model_settings.get("agg_time_dimension"), **settings}
        return f"{self.model} {json.dumps(settings, sort_keys=True, default=str)}"


def metrics_of(project: Project) -> list[Metric]:
    """Every metric of the project, by name."""
    found = []
    for entry in project.of_kind("models"):
        for metric in _mappings(entry.entry.get("metrics")):
            found.append(Metric(str(metric.get("name", "")), entry.path, metric, entry.name, entry.entry))
    for entry in project.of_kind("metrics"):
        found.append(Metric(entry.name, entry.path, entry.entry, "", Mapping()))
    return sorted(found, key=lambda metric: (metric.name, metric.path))


def _mappings(value: Any) -> list[Mapping]:
    return [item for item in value or [] if isinstance(item, Mapping)]


def metric_described(project: Project) -> Iterator[Breach]:
    owners = {str((group.entry.get("owner") or {}).get("name")) for group in project.groups.values()}
    for metric in metrics_of(project):
        if is_trivial(metric.name, metric.description):
            yield Breach(
                metric.path, metric.entry.line, f"metric '{metric.name}' does not say what it counts",
                "describe what is in it, what is not, and by which day",
            )  # fmt: skip
        if metric.meta.get("owner") not in owners:
            yield Breach(
                metric.path, metric.entry.line, f"metric '{metric.name}' has no owner among models/_groups.yml",
                "set config: meta: owner to the team that answers for its meaning",
            )  # fmt: skip
        if metric.meta.get("unit") not in UNITS:
            yield Breach(
                metric.path, metric.entry.line, f"metric '{metric.name}' has no known unit",
                f"set config: meta: unit to one of {', '.join(UNITS)}",
            )  # fmt: skip


def metric_name(project: Project) -> Iterator[Breach]:
    for metric in metrics_of(project):
        pattern = UNITS.get(str(metric.meta.get("unit")))
        if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", metric.name) or (
            pattern and not re.search(pattern, metric.name)
        ):
            yield Breach(
                metric.path, metric.entry.line, f"'{metric.name}' does not show its unit '{metric.meta.get('unit')}'",
                "use the ending that the other metrics of this unit have (UNITS in tools/conventions/metrics.py)",
            )  # fmt: skip


def metric_once(project: Project) -> Iterator[Breach]:
    names: dict[str, Metric] = {}
    meanings: dict[str, Metric] = {}
    for metric in metrics_of(project):
        namesake = names.setdefault(metric.name, metric)
        if namesake is not metric:
            yield Breach(
                metric.path, metric.entry.line, f"metric '{metric.name}' is defined in {namesake.path} too",
                "one name has one meaning: keep one, or name what differs",
            )  # fmt: skip
        twin = meanings.setdefault(metric.meaning, metric)
        if twin is not metric:
            yield Breach(
                metric.path, metric.entry.line, f"metric '{metric.name}' is '{twin.name}' under another name",
                "use the one that is there",
            )  # fmt: skip


def metric_place(project: Project) -> Iterator[Breach]:
    for metric in metrics_of(project):
        if metric.model and metric.kind != "simple":
            yield Breach(
                metric.path, metric.entry.line, f"{metric.kind} metric '{metric.name}' stands under a model",
                "move it to the top level of _<domain>__metrics.yml; partial parsing would keep the old one",
            )  # fmt: skip


def saved_query(project: Project) -> Iterator[Breach]:
    for entry in project.of_kind("saved_queries"):
        exports = [str(export.get("name")) for export in _mappings(entry.entry.get("exports"))]
        if exports != [entry.name] or is_trivial(entry.name, str(entry.entry.get("description") or "")):
            yield Breach(
                entry.path, entry.line, f"saved query '{entry.name}' lacks a description or an export of its own name",
                "describe it, and name the table that `python -m tools.metrics publish` makes like the query",
            )  # fmt: skip


def metric_listed(project: Project) -> Iterator[Breach]:
    metrics = [metric for metric in metrics_of(project) if not metric.is_hidden]
    if metrics and listing(project) not in project.texts.get(PAGE, ""):
        yield Breach(PAGE, 1, "does not list the metrics as they are in the YAML", "run `python -m tools.metrics page`")


def listing(project: Project) -> str:
    """The generated part of docs/metrics.md: a table a domain, hidden metrics left out."""
    domains: dict[str, list[Metric]] = {}
    for metric in metrics_of(project):
        if not metric.is_hidden:
            domains.setdefault(metric.domain, []).append(metric)
    lines = []
    for domain in sorted(domains):
        lines += [f"### {domain.replace('_', ' ').capitalize()}", "", "| metric | is | unit | kind | owner |"]
        lines += ["| --- | --- | --- | --- | --- |"]
        for metric in domains[domain]:
            unit, owner = metric.meta.get("unit"), metric.meta.get("owner")
            lines.append(f"| `{metric.name}` | {metric.description} | {unit} | {metric.kind} | {owner} |")
        lines.append("")
    queries = sorted(project.of_kind("saved_queries"), key=lambda entry: entry.name)
    if queries:
        lines += ["### Saved queries", "", "| table in the metrics schema | holds |", "| --- | --- |"]
        lines += [f"| `{q.name}` | {' '.join(str(q.entry.get('description') or '').split())} |" for q in queries]
        lines.append("")
    return "\n".join(lines)


RULES = (
    Rule("metric-described", "a metric has a description, an owner and a unit", metric_described),
    Rule("metric-name", "a metric's name shows its unit", metric_name),
    Rule("metric-once", "a metric's name has one meaning, and a meaning one name", metric_once),
    Rule("metric-place", "only simple metrics stand under a model", metric_place),
    Rule("saved-query", "a saved query is described and exported under its name", saved_query),
    Rule("metric-listed", f"{PAGE} lists the metrics that are there", metric_listed),
)
