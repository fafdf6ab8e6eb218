"""`python -m tools.runbooks` writes a runbook page for each pipeline; with --check it says what is stale.

What people know stands in docs/runbooks/pipelines.yml, who answers in the meta of the group of the same name
(models/_groups.yml), what is built and tested in dbt's manifest. From these come docs/runbooks/<pipeline>.md, the list
in docs/runbooks/index.md, and two seeds: seeds/operations/pipelines.csv, which models join, and on_call.csv beside it.
Exit 0 when all is well, 1 when something is stale or wrong, 2 when dbt cannot parse the project.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from tools import on_call

ROOT = on_call.ROOT
PAGES = ROOT / "docs" / "runbooks"
SEED = ROOT / "seeds" / "operations" / "pipelines.csv"
NOTE = "<!-- Written by `make runbooks` from pipelines.yml and the dbt project; change those, not this page. -->"
SEED_COLUMNS = (
    "group_name", "is_pipeline", "rota_name", "owner_team", "secondary_owner", "criticality", "sla_deadline",
    "sla_freshness_hours", "runbook_path",
)  # fmt: skip
INDEX_END = """\
`.venv/bin/python -m tools.on_call who` says who is on call; `rpt_failures_on_call` says it for each failed node.

A new pipeline: give its models a group, give the group `secondary_owner`, `criticality` and `sla` in its meta, add a
selector and an exposure of it, and write an entry in [pipelines.yml](pipelines.yml). `make runbooks` writes the page
and says what is missing; `make lint` checks that pages and plan are up to date.
"""
CRITICALITIES = ("critical", "high", "medium", "low")
BUILT = ("model", "seed", "snapshot")
Node = Mapping[str, Any]


class Graph:
    """What dbt knows, by the questions a runbook asks.

    Args:
        manifest: dbt's manifest.json.
        selectors: names in selectors.yml.
    """

    def __init__(self, manifest: Mapping[str, Any], selectors: Sequence[str]) -> None:
        self.nodes: dict[str, Node] = {
            **manifest["nodes"], **manifest["sources"], **manifest["unit_tests"], **manifest["exposures"],
        }  # fmt: skip
        self.groups = {group["name"]: group for group in manifest["groups"].values()}
        self.exposures = {exposure["name"]: exposure for exposure in manifest["exposures"].values()}
        self.selectors = set(selectors)

    def members(self, group: str) -> list[Node]:
        """Models, seeds and snapshots of a group, by name."""
        found = [node for node in self.nodes.values() if node["resource_type"] in BUILT and node.get("group") == group]
        return sorted(found, key=lambda node: node["name"])

    def outputs(self, group: str) -> list[Node]:
        """What others read: the members with public access."""
        return [node for node in self.members(group) if (node.get("config") or {}).get("access") == "public"]

    def inputs(self, group: str) -> list[Node]:
        """What the members read and do not make themselves."""
        members = {node["unique_id"] for node in self.members(group)}
        parents = {parent for member in members for parent in _parents(self.nodes[member])} - members
        return sorted((self.nodes[parent] for parent in parents), key=lambda node: node["name"])

    def sources(self, group: str) -> list[Node]:
        """Every landed table that a member is made of, at any distance."""
        waiting, seen = [node["unique_id"] for node in self.members(group)], set()
        while waiting:
            node = waiting.pop()
            if node not in seen:
                seen.add(node)
                waiting += _parents(self.nodes[node])
        found = [self.nodes[node] for node in seen if self.nodes[node]["resource_type"] == "source"]
        return sorted(found, key=lambda node: (node["source_name"], node["name"]))

    def tests(self, group: str) -> list[Node]:
        """Data tests that read a member, by name."""
        members = {node["unique_id"] for node in self.members(group)}
        found = [n for n in self.nodes.values() if n["resource_type"] == "test" and members & set(_parents(n))]
        return sorted(found, key=lambda node: node["name"])

    def unit_tests(self, group: str) -> int:
        """How many unit tests the members have."""
        names = {node["name"] for node in self.members(group)}
        return sum(1 for n in self.nodes.values() if n["resource_type"] == "unit_test" and n["model"] in names)


def _parents(node: Node) -> list[str]:
    return list((node.get("depends_on") or {}).get("nodes") or [])


def problems(document: Mapping[str, Any], graph: Graph) -> Iterator[str]:
    """What keeps a pipeline from being run as a product, one line each."""
    rotas = {rota["name"] for rota in document["rotas"]}
    if document["default_rota"] not in rotas:
        yield f"default_rota {document['default_rota']} is no rota"
    for pipeline in document["pipelines"]:
        name = pipeline["name"]
        if name not in graph.groups:
            yield f"{name}: models/_groups.yml has no such group"
            continue
        meta = _meta(graph, name)
        for key in ("secondary_owner", "criticality", "sla"):
            if not meta.get(key):
                yield f"{name}: meta of its group has no {key}"
        if meta.get("criticality") not in CRITICALITIES:
            yield f"{name}: criticality is one of {', '.join(CRITICALITIES)}"
        if not {"deadline", "freshness_hours"} <= set(meta.get("sla") or {}):
            yield f"{name}: sla of its group needs deadline and freshness_hours"
        if meta.get("secondary_owner") == graph.groups[name]["owner"]["name"]:
            yield f"{name}: owner and secondary owner are the same team"
        if not graph.outputs(name):
            yield f"{name}: no public model is in its group"
        if name not in graph.selectors:
            yield f"{name}: selectors.yml has no such selector"
        if pipeline["rota"] not in rotas:
            yield f"{name}: {pipeline['rota']} is no rota"
        yield from _problems_of_exposure(pipeline, graph)
        tests = {test["name"] for test in graph.tests(name)}
        for alert in pipeline["alerts"]:
            if alert["test"] not in tests:
                yield f"{name}: alert {alert['test']} is no data test of its models"
        for missing in sorted(_named_nodes(json.dumps(pipeline)) - {node["name"] for node in graph.nodes.values()}):
            yield f"{name}: its text names {missing}, which is not in the project"
        for part in ("failures", "alerts", "escalation"):
            if not pipeline[part]:
                yield f"{name}: {part} are missing"


def _problems_of_exposure(pipeline: Mapping[str, Any], graph: Graph) -> Iterator[str]:
    exposure = graph.exposures.get(pipeline["exposure"])
    if exposure is None:
        yield f"{pipeline['name']}: there is no exposure {pipeline['exposure']}"
        return
    unread = [node["name"] for node in graph.outputs(pipeline["name"]) if node["unique_id"] not in _parents(exposure)]
    if unread:
        yield f"{pipeline['name']}: exposure {exposure['name']} does not read {', '.join(unread)}"


def _named_nodes(text: str) -> set[str]:
    """Nodes that commands name, as ref('x') or after --select."""
    selected = [word for words in re.findall(r"--select ((?:[a-z0-9_+]+ ?)+)", text) for word in words.split()]
    return {*re.findall(r"ref\('([a-z0-9_]+)'\)", text), *(word.strip("+") for word in selected)}


def _meta(graph: Graph, group: str) -> Mapping[str, Any]:
    found = graph.groups[group]
    return (found.get("config") or {}).get("meta") or found.get("meta") or {}


def page(pipeline: Mapping[str, Any], document: Mapping[str, Any], graph: Graph) -> str:
    """The runbook of a pipeline."""
    name = pipeline["name"]
    group, meta = graph.groups[name], _meta(graph, name)
    exposure = graph.exposures[pipeline["exposure"]]
    lines = [NOTE, "", f"# {pipeline['title']}", "", _text(pipeline["purpose"]), ""]
    lines += _table(
        ("what", "is"),
        [
            ("owner", group["owner"]["name"]),
            ("second owner", meta["secondary_owner"]),
            ("criticality", meta["criticality"]),
            ("ready by", meta["sla"]["deadline"]),
            ("never older than", f"{meta['sla']['freshness_hours']} hours"),
            ("on call", f"rota `{pipeline['rota']}` in `seeds/operations/on_call.csv`"),
            ("read by", f"{exposure['label']} (exposure `{exposure['name']}`)"),
        ],
    )
    lines += ["", "## You were woken", "", f"**If it is late:** {_text(pipeline['if_late'])}", ""]
    for place, step in enumerate(document["first_steps"], start=1):
        lines += [
            f"{place}. {_text(step['what'])}",
            "   ```",
            f"   {step['run'].replace('{selector}', name)}",
            "   ```",
        ]
    lines += ["", "## What goes wrong, and what to do", ""]
    for failure in pipeline["failures"]:
        lines += [f"### {_text(failure['symptom'])}", f"- Cause: {_text(failure['cause'])}"]
        lines += [f"- First: {_text(failure['first'])}"]
        if "run" in failure:
            lines += ["  ```", f"  {_text(failure['run'])}", "  ```"]
        lines += [f"- Then: {_text(failure['then'])}", ""]
    lines += ["## Alerts", ""]
    lines += _table(
        ("test that fails", "what it means", "what to do"),
        [(f"`{alert['test']}`", _text(alert["means"]), _text(alert["do"])) for alert in pipeline["alerts"]],
    )
    lines += ["", "## Escalation", ""]
    lines += _table(("when", "to whom"), [(_text(s["after"]), _text(s["to"])) for s in pipeline["escalation"]])
    return "\n".join([*lines, "", *_known_to_dbt(name, graph)]) + "\n"


def _known_to_dbt(name: str, graph: Graph) -> list[str]:
    outputs, alerts = graph.outputs(name), graph.tests(name)
    lines = ["## What it makes", ""]
    lines += _table(
        ("table", "one row is", "kept"),
        [(f"`{node['name']}`", _config_meta(node, "grain"), _config_meta(node, "retention")) for node in outputs],
    )
    lines += ["", "## What it needs", "", "Landed tables, with the hours after which dbt warns and fails:", ""]
    lines += _table(
        ("table", "warns", "fails"),
        [(f"`raw_{n['source_name']}.{n['name']}`", *_freshness(n)) for n in graph.sources(name)],
    )
    own, needed = graph.members(name), graph.inputs(name)
    names = ", ".join(f"`{node['name']}`" for node in needed)
    lines += ["", f"Read directly from other groups: {names}.", ""]
    lines += ["## Lineage", "", "```mermaid", "flowchart LR"]
    members = {node["unique_id"] for node in own}
    edges = {(parent, node["unique_id"]) for node in own for parent in _parents(node)}
    lines += [f"  {graph.nodes[a]['name']} --> {graph.nodes[b]['name']}" for a, b in sorted(edges)]
    lines += ["  classDef own fill:#dbeafe", f"  class {','.join(sorted(n['name'] for n in own))} own", "```", ""]
    if not members:
        raise ValueError(f"{name}: its group has no models")
    lines += [
        "## Tests",
        "",
        f"{len(alerts)} data tests read it, and {graph.unit_tests(name)} unit tests hold its rules.",
        "",
    ]
    lines += _table(
        ("data test", "what a failure means"), [(f"`{t['name']}`", _text(t["description"])) for t in alerts]
    )
    return lines


def _config_meta(node: Node, key: str) -> str:
    return str((node["config"].get("meta") or {}).get(key, ""))


def _freshness(node: Node) -> tuple[str, str]:
    limits = node.get("freshness") or {}
    return tuple(  # type: ignore[return-value]
        f"{limit['count']} {limit['period']}s" if (limit := limits.get(f"{kind}_after")) and limit["count"] else ""
        for kind in ("warn", "error")
    )


def _text(text: str) -> str:
    return " ".join(str(text).split())


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    cells = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    return [f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *cells)]


def index(document: Mapping[str, Any], graph: Graph) -> str:
    """The list of all runbooks."""
    rows = []
    for pipeline in document["pipelines"]:
        name, meta = pipeline["name"], _meta(graph, pipeline["name"])
        link = f"[{pipeline['title']}]({name}.md)"
        rows.append(
            (link, graph.groups[name]["owner"]["name"], meta["criticality"], meta["sla"]["deadline"], pipeline["rota"])
        )
    lines = [
        NOTE,
        "",
        "# Runbooks",
        "",
        'Woken at night? Open the page of the pipeline and start with "You were woken".',
        "",
    ]
    lines += _table(("pipeline", "owner", "criticality", "ready by", "rota"), rows)
    lines += ["", *INDEX_END.splitlines()]
    return "\n".join(lines) + "\n"


def seed(document: Mapping[str, Any], graph: Graph) -> str:
    """Every group with who answers for it; `none` stands for nodes without a group."""
    pipelines = {pipeline["name"]: pipeline for pipeline in document["pipelines"]}
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(SEED_COLUMNS)
    for name in [*sorted(graph.groups), "none"]:
        pipeline = pipelines.get(name)
        meta = _meta(graph, name) if pipeline else {}
        sla = meta.get("sla") or {}
        owner = graph.groups[name]["owner"]["name"] if name in graph.groups else "data-platform"
        rota = pipeline["rota"] if pipeline else document["default_rota"]
        writer.writerow(
            [
                name, str(pipeline is not None).lower(), rota, owner, meta.get("secondary_owner", ""),
                meta.get("criticality", "low"), sla.get("deadline", ""), sla.get("freshness_hours", ""),
                f"docs/runbooks/{name}.md" if pipeline else "",
            ]
        )  # fmt: skip
    return out.getvalue()


def wanted(document: Mapping[str, Any], graph: Graph) -> dict[Path, str]:
    """Every generated file with the text it has to have."""
    files = {PAGES / f"{pipeline['name']}.md": page(pipeline, document, graph) for pipeline in document["pipelines"]}
    return {**files, PAGES / "index.md": index(document, graph), SEED: seed(document, graph)}


def read_graph() -> Graph | None:
    """Parse the project; None when dbt cannot."""
    from dbt.cli.main import dbtRunner

    parsed = dbtRunner().invoke(["--quiet", "parse"])
    if not parsed.success:
        print(f"dbt parse: {parsed.exception}", file=sys.stderr)
        return None
    manifest = Path(os.environ.get("DBT_TARGET_PATH", "target")) / "manifest.json"
    selectors = yaml.safe_load((ROOT / "selectors.yml").read_text(encoding="utf-8"))["selectors"]
    return Graph(json.loads(manifest.read_text(encoding="utf-8")), [entry["name"] for entry in selectors])


def main(argv: Sequence[str] | None = None) -> int:
    """Write or check."""
    parser = argparse.ArgumentParser(prog="python -m tools.runbooks", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="only say what is stale, exit 1 if anything is")
    options = parser.parse_args(argv)
    document = yaml.safe_load(on_call.PIPELINES.read_text(encoding="utf-8"))
    graph = read_graph()
    if graph is None:
        return 2
    if found := list(problems(document, graph)):
        print("\n".join(found))
        return 1
    stale = []
    for path, text in {**wanted(document, graph), on_call.ON_CALL: on_call.wanted()}.items():
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(path)
        if not options.check:
            path.write_text(text, encoding="utf-8")
        print(f"{path.relative_to(ROOT)}: {'stale, run `make runbooks`' if options.check else 'written'}")
    return 1 if options.check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
