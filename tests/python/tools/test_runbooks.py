"""Runbooks: what keeps a pipeline from being run as a product is named, and its selector runs what its page says."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tools import on_call, runbooks

SLA = {"deadline": "07:00 UTC", "freshness_hours": 26}
ENTRY = {
    "name": "pay", "title": "Pay", "rota": "night", "exposure": "board", "purpose": "To be paid.", "if_late": "Wait.",
    "failures": [{"symptom": "None", "cause": "None", "first": "Look.", "run": "ls | cat", "then": "Sleep."}],
    "alerts": [{"test": "sums", "means": "Wrong | odd.", "do": "Run `dbt build --select pay`."}],
    "escalation": [{"after": "an hour", "to": "the backup"}],
}  # fmt: skip
DOCUMENT = {
    "rotas": [{"name": "night", "roles": ["a", "b"]}], "default_rota": "night", "pipelines": [ENTRY],
    "first_steps": [{"what": "Build.", "run": "dbt build --selector {selector}"}],
}  # fmt: skip


def node(name: str, kind: str = "model", parents: tuple[str, ...] = (), **more: Any) -> dict[str, Any]:
    config = {"access": more.pop("access", "protected"), "meta": {"grain": "One row", "retention": "reference"}}
    return {
        "unique_id": f"{kind}.{name}", "name": name, "resource_type": kind, "description": "Says something.",
        "depends_on": {"nodes": list(parents)}, "config": config, **more,
    }  # fmt: skip


def manifest() -> dict[str, Any]:
    nodes = [
        node("stg", parents=("source.raw",), group="other"),
        node("step", parents=("model.stg",), group="pay"),
        node("pay", parents=("model.step",), group="pay", access="public"),
        node("sums", "test", ("model.pay",)),
        node("elsewhere", "test", ("model.stg",)),
    ]
    source = node("raw", "source", source_name="atom", freshness={"warn_after": {"count": 24, "period": "hour"}})
    unit = node("rule", "unit_test", model="step")
    board = node("board", "exposure", ("model.pay",), label="Board")
    meta = {"secondary_owner": "beta", "criticality": "high", "sla": dict(SLA)}
    groups = [
        {"name": "pay", "owner": {"name": "alpha"}, "config": {"meta": meta}},
        {"name": "other", "owner": {"name": "gamma"}, "config": {"meta": {}}},
    ]
    return {
        "nodes": {entry["unique_id"]: entry for entry in nodes}, "sources": {"source.raw": source},
        "unit_tests": {"unit_test.rule": unit}, "exposures": {"exposure.board": board},
        "groups": {group["name"]: group for group in groups},
    }  # fmt: skip


def found(document: dict[str, Any], of: dict[str, Any], selectors: tuple[str, ...] = ("pay",)) -> list[str]:
    return list(runbooks.problems(document, runbooks.Graph(of, selectors)))


def test_a_page_tells_what_people_and_dbt_know() -> None:
    graph = runbooks.Graph(manifest(), ["pay"])
    assert found(DOCUMENT, manifest()) == []
    page = runbooks.page(ENTRY, DOCUMENT, graph)
    assert page == runbooks.page(ENTRY, DOCUMENT, graph)
    for words in (
        "| owner | alpha |", "| second owner | beta |", "dbt build --selector pay", "  ls | cat", "Wrong \\| odd.",
        "| `raw_atom.raw` | 24 hours |  |", "  stg --> step", "  step --> pay", "class pay,step own", "`stg`",
        "1 data tests read it, and 1 unit tests", "| `sums` | Says something. |", "| an hour | the backup |",
    ):  # fmt: skip
        assert words in page, words
    assert "elsewhere" not in page
    rows = runbooks.seed(DOCUMENT, graph).splitlines()
    assert rows[1:] == [
        "other,false,night,gamma,,low,,,",
        "pay,true,night,alpha,beta,high,07:00 UTC,26,docs/runbooks/pay.md",
        "none,false,night,data-platform,,low,,,",
    ]
    assert "[Pay](pay.md)" in runbooks.index(DOCUMENT, graph)


def broken(change: Any) -> list[str]:
    """Problems after a change of entry, group's meta and manifest."""
    document, changed = copy.deepcopy(DOCUMENT), manifest()
    change(document["pipelines"][0], changed["groups"]["pay"]["config"]["meta"], changed)
    return found(document, changed)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda entry, meta, of: entry.update(name="gone"), "gone: models/_groups.yml has no such group"),
        (lambda entry, meta, of: meta.pop("secondary_owner"), "pay: meta of its group has no secondary_owner"),
        (lambda entry, meta, of: meta.update(secondary_owner="alpha"), "pay: owner and secondary owner are the same"),
        (lambda entry, meta, of: meta.update(criticality="huge"), "pay: criticality is one of"),
        (lambda entry, meta, of: meta["sla"].pop("deadline"), "pay: sla of its group needs deadline"),
        (lambda entry, meta, of: entry.update(rota="day"), "pay: day is no rota"),
        (lambda entry, meta, of: entry.update(exposure="none"), "pay: there is no exposure none"),
        (lambda entry, meta, of: of["exposures"]["exposure.board"]["depends_on"].update(nodes=[]), "does not read pay"),
        (lambda entry, meta, of: of["nodes"]["model.pay"]["config"].update(access="protected"), "no public model"),
        (lambda entry, meta, of: entry["alerts"][0].update(test="elsewhere"), "alert elsewhere is no data test"),
        (lambda entry, meta, of: entry["alerts"][0].update(do="dbt build --select lost+"), "its text names lost"),
        (
            lambda entry, meta, of: entry["alerts"][0].update(do="select 1 from {{ ref('lost') }}"),
            "its text names lost",
        ),
        (lambda entry, meta, of: entry.update(escalation=[]), "pay: escalation are missing"),
    ],
)
def test_what_is_missing_is_named(change: Any, words: str) -> None:
    problems = broken(change)
    assert any(words in problem for problem in problems), problems


def test_selector_and_default_rota_have_to_exist() -> None:
    assert found(DOCUMENT, manifest(), ()) == ["pay: selectors.yml has no such selector"]
    assert found({**DOCUMENT, "default_rota": "day"}, manifest()) == ["default_rota day is no rota"]


PIPELINES = yaml.safe_load(on_call.PIPELINES.read_text(encoding="utf-8"))["pipelines"]


# One of them in the default run: each takes a parse of the project.
@pytest.mark.parametrize(
    "pipeline",
    [
        pytest.param(entry, id=entry["name"], marks=[] if entry["name"] == "unit_profit" else [pytest.mark.slow])
        for entry in PIPELINES
    ],
)
def test_its_selector_runs_what_the_page_lists(tmp_path: Path, pipeline: dict[str, Any]) -> None:
    environment = {
        **os.environ, "DBT_TARGET_PATH": str(tmp_path / "target"), "DBT_LOG_PATH": str(tmp_path / "logs"),
        "DBT_PROFILES_DIR": str(on_call.ROOT), "STRATA_WAREHOUSE": str(tmp_path / "w.duckdb"),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    }  # fmt: skip
    dbt = [str(Path(sys.executable).with_name("dbt")), "ls", "--quiet", "--output", "name"]
    done = subprocess.run(
        [*dbt, "--selector", pipeline["name"]],
        cwd=on_call.ROOT, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    graph = runbooks.Graph(json.loads((tmp_path / "target" / "manifest.json").read_text(encoding="utf-8")), [])
    run = set(done.stdout.split())
    members = {entry["name"] for entry in graph.members(pipeline["name"])}
    assert members and members <= run
    assert {alert["test"] for alert in pipeline["alerts"]} <= run
    # No test of the run reads what the run does not build, so that an old table raises no alarm.
    built = {entry["unique_id"] for entry in graph.nodes.values() if entry["name"] in run}
    for entry in graph.nodes.values():
        if entry["resource_type"] == "test" and entry["name"] in run:
            unbuilt = [p for p in entry["depends_on"]["nodes"] if p not in built and not p.startswith("source.")]
            assert unbuilt == [], entry["name"]
