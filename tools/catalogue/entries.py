"""What the catalogue shows: datasets, metrics and terms, from dbt's artefacts, the glossary and the seeds."""

from __future__ import annotations

import csv
import fnmatch
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tools.lineage import Graph, nodes_of

GLOSSARY = Path("docs/glossary")
POLICIES = Path("seeds/retention/retention_policies.csv")
KINDS = {"model": "models", "snapshot": "snapshots", "seed": "seeds", "source": "landed tables"}
SENSITIVITIES = ("restricted", "personal", "confidential")  # the most closed one first


@dataclass
class Column:
    """A column; `parents` are (dataset id, column) that its values are made of."""

    name: str
    data_type: str
    description: str
    sensitivity: str
    is_required: bool
    parents: list[tuple[str, str]] = field(default_factory=list)


@dataclass
class Dataset:
    """A model, snapshot, seed or landed table. Its label is its name, a landed table's system.table."""

    node_id: str
    kind: str
    label: str
    layer: str
    relation: str
    description: str
    grain: str
    owner: str
    path: str
    materialized: str
    access: str
    version: str
    deprecation_date: str
    is_contract_enforced: bool
    test_count: int
    columns: list[Column]
    retention: dict[str, str]
    upstream: list[str] = field(default_factory=list)  # labels
    downstream: list[str] = field(default_factory=list)
    landed_from: list[str] = field(default_factory=list)  # landed tables behind it, at any distance
    exposures: list[dict[str, str]] = field(default_factory=list)
    metrics: list[str] = field(default_factory=list)
    terms: list[str] = field(default_factory=list)

    @property
    def page(self) -> str:
        """Name of its page, below datasets/."""
        return re.sub(r"[^A-Za-z0-9_.-]", "-", self.label) + ".html"

    @property
    def sensitivity(self) -> str:
        """The most closed sensitivity among its columns; empty where none is declared."""
        return next((word for word in SENSITIVITIES if any(c.sensitivity == word for c in self.columns)), "")

    @property
    def layer_name(self) -> str:
        """Where it stands: marts / procurement, landed / sap."""
        return self.layer.replace("/", " / ")


@dataclass
class Metric:
    """A metric of the semantic layer; `datasets` are labels it is computed from, at any distance."""

    name: str
    kind: str
    description: str
    unit: str
    owner: str
    datasets: list[str]
    terms: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Term:
    """A word of the business, as docs/glossary/ has it."""

    term: str
    area: str
    definition: str
    source: str
    owner: str
    synonyms: tuple[str, ...]
    datasets: tuple[str, ...]
    columns: tuple[str, ...]
    metrics: tuple[str, ...]

    @property
    def anchor(self) -> str:
        """Its place on the glossary page."""
        return re.sub(r"[^a-z0-9]+", "-", self.term.lower()).strip("-")


@dataclass
class Catalogue:
    """Everything, by label or name."""

    datasets: dict[str, Dataset]
    metrics: dict[str, Metric]
    terms: dict[str, Term]

    def by_id(self) -> dict[str, Dataset]:
        """Datasets by dbt's id."""
        return {dataset.node_id: dataset for dataset in self.datasets.values()}


def gather(manifest: Mapping[str, Any], catalog: Mapping[str, Any], root: Path) -> Catalogue:
    """Put the catalogue together.

    Args:
        manifest: dbt's manifest.json.
        catalog: dbt's catalog.json: columns of what is built; described columns stand in for what it lacks.
        root: the project's folder, for glossary and retention policies.
    """
    graph, policies = Graph(nodes_of(manifest)), read_policies(root)
    groups = {group["name"]: group["owner"].get("name") or "" for group in manifest["groups"].values()}
    tests = _test_counts(manifest)
    project = manifest["metadata"]["project_name"]
    datasets: dict[str, Dataset] = {}
    for node in [*manifest["nodes"].values(), *manifest["sources"].values()]:
        if node["resource_type"] not in KINDS or node["package_name"] != project:
            continue
        dataset = _dataset(node, catalog, groups, tests, policies)
        place = graph.nodes[node["unique_id"]]
        dataset.upstream = graph.upstream(place)
        dataset.downstream = sorted(child.label for child in graph.children(place) if child.resource_type in KINDS)
        dataset.landed_from = sorted(graph.sources(place)) if dataset.kind != "source" else [dataset.label]
        dataset.exposures = [
            _exposure(manifest["exposures"][child.node_id])
            for child in graph.children(place)
            if child.resource_type == "exposure"
        ]
        datasets[dataset.label] = dataset
    found = Catalogue(dict(sorted(datasets.items())), _metrics(manifest, graph), read_glossary(root))
    _link(found)
    return found


def read_glossary(root: Path) -> dict[str, Term]:
    """Terms by name; their completeness is for `python -m tools.conventions` to check."""
    found = {}
    for path in sorted((root / GLOSSARY).glob("*.yml")):
        for term in (yaml.safe_load(path.read_text(encoding="utf-8")) or {}).get("terms", []):
            lists = {key: tuple(term.get(key) or ()) for key in ("synonyms", "datasets", "columns", "metrics")}
            texts = {key: " ".join(str(term[key]).split()) for key in ("term", "definition", "source", "owner")}
            found[texts["term"]] = Term(**texts, **lists, area=path.stem.replace("_", " "))
    return dict(sorted(found.items(), key=lambda item: item[0].lower()))


def read_policies(root: Path) -> list[dict[str, str]]:
    """Retention policies, as the seed has them."""
    with (root / POLICIES).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def policy_of(policies: Iterable[Mapping[str, str]], dataset: str, retention_class: str) -> dict[str, str]:
    """The closest policy, as docs/retention.md orders them: table, class, then the longest pattern of a layer."""
    rank = {"table": 0, "class": 1, "layer": 2}
    found = [
        policy
        for policy in policies
        if policy["dataset_name"] == (retention_class if policy["applies_to"] == "class" else dataset)
        or (policy["applies_to"] == "layer" and fnmatch.fnmatchcase(dataset, policy["dataset_name"]))
    ]
    found.sort(key=lambda policy: (rank[policy["applies_to"]], -len(policy["dataset_name"]), policy["dataset_name"]))
    return dict(found[0]) if found else {}


def _dataset(
    node: Mapping[str, Any],
    catalog: Mapping[str, Any],
    groups: Mapping[str, str],
    tests: Mapping[str, int],
    policies: list[dict[str, str]],
) -> Dataset:
    kind, config = node["resource_type"], node.get("config") or {}
    meta = config.get("meta") or node.get("meta") or {}
    is_source = kind == "source"
    label = f"{node['source_name']}.{node['name']}" if is_source else node.get("alias") or node["name"]
    folders = node["fqn"][1:-1]
    layer = f"landed/{node['source_name']}" if is_source else "/".join(folders if kind == "model" else [f"{kind}s"])
    layer = layer or kind
    place = f"{node['schema']}.{label}" if is_source else f"{layer.split('/')[0]}.{label}"
    return Dataset(
        node_id=node["unique_id"], kind=kind, label=label, layer=layer,
        relation=f"{node['schema']}.{node.get('alias') or node.get('identifier') or node['name']}",
        description=" ".join((node.get("description") or "").split()), grain=str(meta.get("grain") or ""),
        owner=str(meta.get("owner") or groups.get(node.get("group") or config.get("group") or "", "")),
        path=node["original_file_path"],
        materialized="" if is_source else config.get("materialized") or "",
        access=node.get("access") or "", version=str(node.get("version") or ""),
        deprecation_date=str(node.get("deprecation_date") or "")[:10],
        is_contract_enforced=bool((config.get("contract") or {}).get("enforced")) or is_source and "grain" in meta,
        test_count=tests.get(node["unique_id"], 0), columns=columns_of(node, catalog),
        retention=policy_of(
            policies, f"{node['schema']}.{node['name']}" if is_source else place, str(meta.get("retention") or "")
        ),
    )  # fmt: skip


def columns_of(node: Mapping[str, Any], catalog: Mapping[str, Any]) -> list[Column]:
    """Columns in the order of the built relation; of what is not built, the described ones."""
    built = {**catalog.get("nodes", {}), **catalog.get("sources", {})}.get(node["unique_id"], {}).get("columns", {})
    described = {name.lower(): column for name, column in node["columns"].items()}
    in_order = sorted(built.items(), key=lambda item: item[1]["index"])
    types = {name.lower(): column["type"].lower() for name, column in in_order}
    order = [*types, *(name for name in described if name not in types)]
    found = []
    for name in order:
        column = described.get(name, {})
        meta = (column.get("config") or {}).get("meta") or column.get("meta") or {}
        required = any(constraint["type"] == "not_null" for constraint in column.get("constraints") or [])
        text = " ".join((column.get("description") or "").split())
        data_type = column.get("data_type") or types.get(name, "")
        found.append(Column(name, data_type, text, str(meta.get("sensitivity") or ""), required))
    return found


def _test_counts(manifest: Mapping[str, Any]) -> dict[str, int]:
    counts: dict[str, int] = defaultdict(int)
    for node in manifest["nodes"].values():
        if node["resource_type"] == "test":
            for parent in {node.get("attached_node")} - {None} or set(node["depends_on"]["nodes"]):
                counts[parent] += 1
    return counts


def _exposure(exposure: Mapping[str, Any]) -> dict[str, str]:
    return {
        "name": exposure.get("label") or exposure["name"],
        "type": exposure["type"],
        "owner": exposure["owner"].get("name") or "",
        "description": " ".join((exposure.get("description") or "").split()),
    }


def datasets_of_metric(manifest: Mapping[str, Any], metric_id: str) -> list[str]:
    """Ids of the models whose semantic models a metric is computed from, through other metrics too."""
    waiting, seen, found = [metric_id], {metric_id}, set()
    while waiting:
        name = waiting.pop()
        if name.startswith("semantic_model."):
            found.update(manifest["semantic_models"][name]["depends_on"]["nodes"])
            continue
        for parent in manifest["metrics"][name]["depends_on"]["nodes"] if name in manifest["metrics"] else ():
            if parent not in seen:
                seen.add(parent)
                waiting.append(parent)
    return sorted(found)


def _metrics(manifest: Mapping[str, Any], graph: Graph) -> dict[str, Metric]:
    found = {}
    for metric_id, metric in manifest["metrics"].items():
        meta = (metric.get("config") or {}).get("meta") or {}
        if not (metric["type_params"] or {}).get("is_private"):
            found[metric["name"]] = Metric(
                metric["name"], metric["type"], " ".join(metric["description"].split()), str(meta.get("unit") or ""),
                str(meta.get("owner") or ""),
                [graph.nodes[name].label for name in datasets_of_metric(manifest, metric_id) if name in graph.nodes],
            )  # fmt: skip
    return dict(sorted(found.items()))


def _link(catalogue: Catalogue) -> None:
    """Write each link down at both of its ends."""
    for metric in catalogue.metrics.values():
        for label in metric.datasets:
            if label in catalogue.datasets:
                catalogue.datasets[label].metrics.append(metric.name)
    for term in catalogue.terms.values():
        of_columns = {link.rpartition(".")[0] for link in term.columns}
        for label in sorted({*term.datasets, *of_columns} & catalogue.datasets.keys()):
            catalogue.datasets[label].terms.append(term.term)
        for name in term.metrics:
            if name in catalogue.metrics:
                catalogue.metrics[name].terms.append(term.term)
