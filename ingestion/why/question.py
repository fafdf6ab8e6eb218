"""The question behind `why`: which outcome is to be explained, and between which two moments its cause lies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from ingestion.why.history import GOOD, History, Node, Outcome

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
ERRORS = {"error", "runtime error", "partial success"}


@dataclass(frozen=True)
class Question:
    """What is to be explained.

    Args:
        subject: the node that was asked about.
        focus: the node where it went wrong: the subject, or what it had to wait for.
        bad: the first bad outcome of the focus after its last good one; None when it last ended well.
        good: the last good outcome before; None when there is none.
        graph: nodes as they were in the run to be explained.
        before: nodes as they were in the good run.
        distance: the focus and all it is made of, with the number of steps.
    """

    subject: Node
    focus: Node
    bad: Outcome | None
    good: Outcome | None
    since: datetime
    until: datetime
    graph: Mapping[str, Node]
    before: Mapping[str, Node]
    distance: Mapping[str, int] = field(default_factory=dict)

    @property
    def message(self) -> str:
        """What dbt said of the focus."""
        return self.bad.message if self.bad else ""

    def sources(self) -> list[Node]:
        """The source tables that the focus is made of."""
        return [self.graph[name] for name in self.distance if self.graph[name].kind == "source"]

    def is_within(self, moment: datetime | None) -> bool:
        """Whether something happened after the last good read and before the bad outcome."""
        return moment is not None and self.since < moment <= self.until


def ask(history: History, wanted: str) -> Question:
    """Find what is to be explained about a node.

    Raises:
        ConfigError: nobody knows the node.
    """
    subject = history.find(wanted)
    bad, good = _turn(history.outcomes_of(subject))
    focus = subject
    if bad is None and (test := _failing_test(history, subject, good)):
        focus, (bad, good) = test, _turn(history.outcomes_of(test))
    if bad is not None and bad.status == "skipped":
        graph, outcomes = history.nodes(bad.invocation_id), history.outcomes(bad.invocation_id)
        blocker = _blocker(graph, outcomes, subject)
        if blocker is not None:
            focus, (bad, good) = blocker, _turn(history.outcomes_of(blocker))
    if bad is None:
        return _unflagged(history, subject)
    graph = history.nodes(bad.invocation_id) or history.nodes(_run_of(history, subject))
    before = history.nodes(good.invocation_id) if good else {}
    return Question(
        subject, graph.get(focus.node_id, focus), bad, good, _since(history, focus, bad, good), bad.ended_at,
        graph, before or graph, steps_from(focus.node_id, graph),
    )  # fmt: skip


def _since(history: History, focus: Node, bad: Outcome, good: Outcome | None) -> datetime:
    """After which moment the cause lies; of a landed table that was never found fresh, after it last landed."""
    if good is not None:
        return good.started_at
    loads = history.loads(*focus.dataset) if focus.kind == "source" else []
    landed = [row["finished_at"] for row in loads if row["status"] == "landed" and row["finished_at"] < bad.started_at]
    return max(landed, default=LONG_AGO)


def steps_from(node_id: str, graph: Mapping[str, Node]) -> dict[str, int]:
    """The node and all that it is made of, nearest first."""
    found, wave = {node_id: 0}, [node_id]
    while wave:
        parents = [parent for name in wave for parent in graph[name].parents if name in graph]
        wave = [parent for parent in dict.fromkeys(parents) if parent not in found and parent in graph]
        found |= {name: max(found.values()) + 1 for name in wave}
    return found


def _turn(outcomes: list[Outcome]) -> tuple[Outcome | None, Outcome | None]:
    """The first bad outcome since the last good one, and that one; for a node that works, nothing and the newest."""
    bad = good = None
    for one in outcomes:
        if one.status in GOOD:
            bad, good = None, one
        elif bad is None:
            bad = one
    return bad, good


def _failing_test(history: History, subject: Node, good: Outcome | None) -> Node | None:
    """A data test of the node that failed in the run in which the node itself ended well; the worst one first."""
    if good is None:
        return None
    graph, outcomes = history.nodes(good.invocation_id), history.outcomes(good.invocation_id)
    found = [
        (outcomes[node.node_id].status == "warn", -(outcomes[node.node_id].failures or 0), node.node_id)
        for node in graph.values()
        if node.kind == "test" and subject.node_id in node.parents and node.node_id in outcomes
        and outcomes[node.node_id].is_bad and outcomes[node.node_id].status != "skipped"
    ]  # fmt: skip
    return graph[min(found)[-1]] if found else None


def _blocker(graph: Mapping[str, Node], outcomes: Mapping[str, Outcome], subject: Node) -> Node | None:
    """What a skipped node had to wait for: the furthest node that failed, or a failed test of a node on the way."""
    distance = steps_from(subject.node_id, graph)
    failed = [
        (node, distance[node.node_id]) for name, node in graph.items()
        if name in distance and name in outcomes and outcomes[name].status in ERRORS
    ] + [
        (node, max(distance.get(parent, 0) for parent in node.parents)) for name, node in graph.items()
        if node.kind in ("test", "unit_test") and name in outcomes and outcomes[name].status in {"fail", *ERRORS}
        and any(distance.get(parent, 0) > 0 for parent in node.parents)
    ]  # fmt: skip
    return max(failed, key=lambda pair: (pair[1], pair[0].kind != "test", pair[0].node_id))[0] if failed else None


def _unflagged(history: History, subject: Node) -> Question:
    """Nothing failed: what changed between the last run and the one before it?"""
    ended_well = [one for one in history.outcomes_of(subject) if one.status in GOOD]
    last, good = (ended_well[-1:] or [None])[0], (ended_well[-2:-1] or [None])[0]
    run = last.invocation_id if last and history.nodes(last.invocation_id) else _run_of(history, subject)
    graph = history.nodes(run)
    before = history.nodes(good.invocation_id) if good else {}
    return Question(
        subject, graph.get(subject.node_id, subject), None, good, good.started_at if good else LONG_AGO,
        last.ended_at if last else history.at, graph, before or graph, steps_from(subject.node_id, graph),
    )  # fmt: skip


def _run_of(history: History, subject: Node) -> str:
    """The newest run whose nodes are known."""
    rows = history.rows(
        "select n.invocation_id from raw_dbt_artifacts.nodes as n inner join raw_dbt_artifacts.invocations as i"
        " on n.invocation_id = i.invocation_id where n.unique_id = %s and i.generated_at <= %s"
        " order by i.generated_at desc limit 1",
        subject.node_id, history.at,
    )  # fmt: skip
    return rows[0]["invocation_id"]
