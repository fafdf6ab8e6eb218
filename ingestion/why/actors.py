"""Who acts: owners of groups and contracts, today's role on call, and the page that says what to do."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

from ingestion.contract import CONTRACTS_DIR, Dataset, load_dataset
from ingestion.why.history import Node

ROOT = CONTRACTS_DIR.parent
OPERATIONS = ROOT / "seeds" / "operations"
PLATFORM, NO_GROUP = "data_platform", "none"
DEFAULT_PAGE = "docs/runbooks/index.md"


@dataclass(frozen=True)
class Actor:
    """Who mends it, and where it says how."""

    team: str
    on_call: str | None
    page: str


@cache
def contract_of(source: str, dataset: str) -> Dataset | None:
    """The contract of a landed table; None for one that has none."""
    path = CONTRACTS_DIR / source / f"{dataset}.odcs.yaml"
    return load_dataset(path) if path.exists() else None


def of_source(node: Node, day: date) -> Actor:
    """Who owns the contract of a source table."""
    source, dataset = node.dataset
    contract = contract_of(source, dataset)
    page = f"docs/sources/{source}.md"
    team = contract.owner if contract else _pipelines()[PLATFORM]["owner_team"]
    return Actor(
        team, _on_call(_pipelines()[PLATFORM]["rota_name"], day), page if (ROOT / page).exists() else DEFAULT_PAGE
    )


def of_group(group: str | None, day: date) -> Actor:
    """Who answers for a group of nodes."""
    known = _pipelines()
    entry = known.get(group or NO_GROUP) or known[NO_GROUP]
    return Actor(entry["owner_team"], _on_call(entry["rota_name"], day), entry["runbook_path"] or DEFAULT_PAGE)


def of_node(node: Node, graph: Mapping[str, Node], day: date) -> Actor:
    """Who answers for a node; for a test without a group, who answers for what it reads."""
    if node.kind == "source":
        return of_source(node, day)
    groups = [node.group, *(graph[parent].group for parent in node.parents if parent in graph)]
    return of_group(next((group for group in groups if group), None), day)


@cache
def _pipelines() -> dict[str, dict[str, str]]:
    return {row["group_name"]: row for row in _read(OPERATIONS / "pipelines.csv")}


@cache
def _slots() -> list[dict[str, str]]:
    return _read(OPERATIONS / "on_call.csv")


def _on_call(rota: str, day: date) -> str | None:
    now = day.isoformat()
    found = (
        row for row in _slots() if row["rota_name"] == rota and row["slot_start_date"] <= now <= row["slot_end_date"]
    )
    return next((row["on_call_role"] for row in found), None)


def _read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
