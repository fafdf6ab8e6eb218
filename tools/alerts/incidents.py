"""What is wrong now, from the queries in checks/, each finding with who answers for it and what hangs on it."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from pathlib import Path

import duckdb

from ingestion.contract import load_contracts
from ingestion.errors import StrataError
from tools import on_call
from tools.lineage import Node
from tools.observed import NotThere, Observed

CHECKS = Path(__file__).with_name("checks")
HEAD = re.compile(r"^-- (title|needs|closed): (.+)$", re.MULTILINE)
MENDED = "mended"
RUNBOOKS = "docs/runbooks/index.md"
NAMES_SHOWN = 8
SEVERITIES = ("critical", "error", "warning")


@dataclass(frozen=True)
class Check:
    """A query that finds incidents; the name of its file is their kind.

    Attributes:
        closed: why an incident is over that the query does not find any more.
    """

    kind: str
    title: str
    needs: tuple[str, ...]
    sql: str
    closed: str = MENDED

    @classmethod
    def read(cls, path: Path) -> Check:
        """The check in a file, whose first lines name its title, the tables it needs and, if not `mended`, its end."""
        text = path.read_text(encoding="utf-8")
        head = dict(HEAD.findall(text))
        needs = tuple(name.strip() for name in head["needs"].split(","))
        return cls(path.stem, head["title"], needs, text, head.get("closed", MENDED))


@dataclass(frozen=True)
class Incident:
    """Something that is wrong, with who has to know."""

    kind: str
    subject: str
    part: str
    severity: str
    headline: str
    detail: str
    owner_team: str
    group: str
    on_call: str
    backup: str
    runbook: str
    upstream: str
    downstream: str

    @property
    def key(self) -> str:
        """The same for the same fault in every run."""
        return ":".join(word for word in (self.kind, self.subject, self.part) if word)


@dataclass(frozen=True)
class Finding:
    """What one round of checks came to."""

    incidents: list[Incident]
    asked: list[str]
    skipped: dict[str, str] = field(default_factory=dict)
    closed: dict[str, str] = field(default_factory=dict)  # why what was not found again is over, by kind


class People:
    """Teams, pipelines and rotas, from the seeds as files: they have to be known when nothing can be built.

    Args:
        day: whose rota counts.
    """

    def __init__(self, day: date) -> None:
        with (on_call.ROOT / "seeds" / "operations" / "pipelines.csv").open(encoding="utf-8", newline="") as file:
            self._groups = {row["group_name"]: row for row in csv.DictReader(file)}
        self._slots = {row["rota_name"]: row for row in on_call.who(day)}

    def group(self, name: str | None) -> dict[str, str]:
        """The group, or the one that answers where there is none."""
        return self._groups.get(name or "none") or self._groups["none"]

    def on_call(self, group: dict[str, str]) -> tuple[str, str]:
        """Roles that are on call for a group: first and backup; empty when nobody is planned."""
        slot = self._slots.get(group["rota_name"], {})
        return slot.get("on_call_role", ""), slot.get("backup_role", "")


def checks() -> list[Check]:
    """Every check, by name."""
    return [Check.read(path) for path in sorted(CHECKS.glob("*.sql"))]


def find(observed: Observed, day: date, *, without_elementary: bool = False) -> Finding:
    """Ask every check.

    A check whose tables are not there is skipped. One that does not fit its tables is an incident by itself: nobody
    would miss its alerts otherwise.

    Args:
        day: whose rota counts.
        without_elementary: leave Elementary's own tests out, as `edr monitor` tells them.
    """
    people, found, asked, skipped = People(day), [], [], {}
    for check in checks():
        try:
            rows = observed.rows(check.sql, check.needs)
        except NotThere as error:
            skipped[check.kind] = f"{check.title}: not looked at, {error}"
            continue
        except duckdb.Error as error:
            skipped[check.kind] = f"{check.title}: the query failed: {str(error).splitlines()[0]}"
            found.append(_broken(check, people))
            continue
        asked.append(check.kind)
        for row in rows:
            if not (without_elementary and row["node"] in observed.graph.elementary_tests):
                found.append(_incident(check.kind, row, observed, people))
    # A check that works again closes the incident of its failure.
    asked.append("broken_checks")
    return Finding(_ranked(found), asked, skipped, {check.kind: check.closed for check in checks()})


def _ranked(found: Sequence[Incident]) -> list[Incident]:
    return sorted({incident.key: incident for incident in found}.values(),
                  key=lambda i: (SEVERITIES.index(i.severity), i.key))  # fmt: skip


def _broken(check: Check, people: People) -> Incident:
    group = people.group("data_platform")
    return Incident(
        "broken_checks", check.kind, "", "error", f"alerts cannot look for {check.title}",
        f"its query does not fit the tables: tools/alerts/checks/{check.kind}.sql", group["owner_team"],
        group["group_name"], *people.on_call(group), _runbook(group), "", "",
    )  # fmt: skip


def _incident(kind: str, row: dict[str, str | None], observed: Observed, people: People) -> Incident:
    node = observed.graph.find(row["node"])
    group = people.group(observed.graph.group_of(node) if node else None)
    label = node.label if node else row["node"] or ""
    team = row["owner_team"] or (_owner_of_dataset(label) if "." in label and node_is_source(node) else None)
    return Incident(
        kind, row["subject"] or "", row["part"] or "", row["severity"] or "error", row["headline"] or "",
        row["detail"] or "", team or group["owner_team"], group["group_name"], *people.on_call(group), _runbook(group),
        _names(observed.graph.upstream(node)) if node else "", _names(observed.graph.downstream(node)) if node else "",
    )  # fmt: skip


def node_is_source(node: Node | None) -> bool:
    """Whether a dotted label means a landed dataset: also where dbt does not know it yet."""
    return node is None or node.resource_type == "source"


@cache
def _owner_of_dataset(label: str) -> str | None:
    source, dataset = label.split(".", 1)
    try:
        contract = _contracts(source).get(dataset)
    except (StrataError, OSError):
        return None
    return contract.owner if contract else None


_contracts = cache(load_contracts)


def _runbook(group: dict[str, str]) -> str:
    """Link to the page, where STRATA_DOCS_URL says where the repository can be read; else its path."""
    base, page = os.environ.get("STRATA_DOCS_URL", ""), group["runbook_path"] or RUNBOOKS
    return f"{base.rstrip('/')}/{page}" if base else page


def _names(labels: Sequence[str]) -> str:
    more = len(labels) - NAMES_SHOWN
    return ", ".join(labels[:NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")
