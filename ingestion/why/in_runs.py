"""Causes that dbt's runs know of: what failed above, what was changed, what was left out."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ingestion.why import actors
from ingestion.why.cause import Cause, first_line, moment
from ingestion.why.history import BAD, GOOD, History, Node
from ingestion.why.question import ERRORS, Question, steps_from

WAREHOUSE_TROUBLE = re.compile(
    r"could not set lock|conflicting lock|out of memory|no space left|could not allocate|disk full|connection refused"
    r"|timed? ?out|statement reached its statement|network|could not connect|too many open files",
    re.IGNORECASE,
)


def warehouse_trouble(_: History, question: Question) -> Iterator[Cause]:
    """What dbt's message says of the warehouse itself."""
    if question.bad and question.bad.status in ERRORS and (hit := WAREHOUSE_TROUBLE.search(question.message)):
        yield Cause(
            "warehouse", question.focus, f"the warehouse could not do it: {hit.group(0).lower()}",
            question.bad.ended_at,
            1.0, (first_line(question.message),), "free what the message names, then run dbt again",
            actors.of_group(actors.PLATFORM, question.until.date()),
        )  # fmt: skip


def upstream_failure(_: History, question: Question) -> Iterator[Cause]:
    """The node that was asked about only waited for another one, or failed with a message of its own."""
    if question.bad is None or question.bad.status not in ERRORS | {"fail"}:
        return
    is_waiting = question.focus.node_id != question.subject.node_id and question.focus.kind != "test"
    if is_waiting or question.bad.status in ERRORS:
        verb = "failed, so what is built from it was skipped" if is_waiting else "ended in an error"
        yield Cause(
            "upstream_failure", question.focus, f"{question.focus.kind} {question.focus.name} {verb}",
            question.bad.ended_at, 1.0, (first_line(question.message) or question.bad.status,),
            f".venv/bin/dbt build --select {question.focus.name}+ once it is mended",
            actors.of_node(question.focus, question.graph, question.until.date()),
        )  # fmt: skip


def upstream_tests(history: History, question: Question) -> Iterator[Cause]:
    """Tests on the way that fail too: they say where it begins, not why."""
    tests = failing_tests(history, question)
    if question.bad and question.focus.kind == "test" and question.focus.node_id != question.subject.node_id:
        tests = [question.focus, *tests]
    for test in tests:
        outcome = history.outcomes(question.bad.invocation_id)[test.node_id]
        read = [question.graph[name] for name in test.parents if name in question.distance and name in question.graph]
        node = max(read, key=lambda node: question.distance[node.node_id], default=test)
        yield Cause(
            "upstream_test", node, f"test {test.name} fails in the same run", outcome.ended_at, 1.0,
            (f"{outcome.failures or 0} rows break it; it held in the last good run",),
            f".venv/bin/dbt test --select {test.name}", actors.of_node(test, question.graph, question.until.date()),
        )  # fmt: skip


def code_changes(_: History, question: Question) -> Iterator[Cause]:
    """Files and inputs of nodes that are not what they were in the last good run."""
    if question.good is None or question.before is question.graph:
        return
    for name in question.distance:
        now, then = question.graph[name], question.before.get(name)
        if now.kind == "source" or (then is None and now.kind == "test"):
            continue
        kind, said = "code_change", f"{now.kind} {now.name} was changed"
        if then is None:
            said, facts = f"{now.kind} {now.name} is new", (f"{now.path} was not there in the last good run",)
        elif now.checksum != then.checksum:
            if now.kind == "seed":
                kind, said = "reference_data_change", f"the reference data {now.name} was changed"
            facts = (f"{now.path}: checksum {(then.checksum or '')[:12]} became {(now.checksum or '')[:12]}",)
        elif set(now.parents) != set(then.parents):
            facts = (f"it reads {', '.join(sorted(set(now.parents) ^ set(then.parents)))} in one of the two runs only",)
        else:
            continue
        if then and (moved := set(now.parents) ^ set(then.parents)) and now.checksum != then.checksum:
            facts += (f"its inputs changed too: {', '.join(sorted(moved))}",)
        yield Cause(
            kind, now, said, question.until, 1.0,
            (*facts, f"last good run {moment(question.since)}"), f"git log -p -- {now.path}",
            actors.of_node(now, question.graph, question.until.date()),
        )  # fmt: skip


def not_rebuilt(history: History, question: Question) -> Iterator[Cause]:
    """Tables on the way that were left out of the run although new rows had landed for them."""
    run = question.bad.invocation_id if question.bad else None
    if run is None or question.good is None:
        return
    ran = history.outcomes(run)
    for name, steps in question.distance.items():
        node = question.graph[name]
        if node.kind not in ("model", "snapshot") or node.materialization in ("view", "ephemeral", None) or not steps:
            continue
        built = [one for one in history.outcomes_of(node) if one.status in GOOD and one.ended_at <= question.until]
        if name in ran or not built:
            continue
        above = [question.graph[parent] for parent in steps_from(name, question.graph)]
        fresh = [source.label for source in above if source.kind == "source"
                 for row in history.loads(*source.dataset)
                 if row["status"] == "landed"
                 and built[-1].started_at < row["finished_at"] <= question.until]  # fmt: skip
        if fresh:
            yield Cause(
                "not_rebuilt", node, f"{node.name} was left out of the run", built[-1].ended_at, 1.0,
                (f"last built {moment(built[-1].ended_at)}; since then {', '.join(sorted(set(fresh)))} landed",),
                f".venv/bin/dbt build --select {node.name}+",
                actors.of_node(node, question.graph, question.until.date()),
            )  # fmt: skip


def version_changes(history: History, question: Question) -> Iterator[Cause]:
    """Another dbt, or another target."""
    if not question.good or not question.bad:
        return
    now, then = history.invocation(question.bad.invocation_id), history.invocation(question.good.invocation_id)
    for column, word in (("dbt_version", "version of dbt"), ("target_name", "target")):
        if now.get(column) != then.get(column):
            yield Cause(
                "version_change", None, f"the {word} is another one", question.until, 1.0,
                (f"{then.get(column)} became {now.get(column)}",), "run it again as before, and compare",
                actors.of_group(actors.PLATFORM, question.until.date()),
            )  # fmt: skip


def anomalies(history: History, question: Question) -> Iterator[Cause]:
    """Verdicts of fct_anomalies on what the node is made of."""
    relation = next((node for node in question.graph.values() if node.name == "fct_anomalies"), None)
    if relation is None:
        return
    labels = {question.graph[name].label: question.graph[name] for name in question.distance}
    for row in history.anomalies(relation, sorted(labels), question.since)[:5]:
        node, column = labels[row["dataset_name"]], row["column_name"]
        yield Cause(
            "anomaly_upstream", node, f"{row['signal']} of {node.label} is out of the ordinary", None, 1.0,
            (f"{row['measured_date']}{f', column {column}' if column else ''}, score {float(row['score']):.1f}",),
            f"look at fct_anomalies of {node.label}", actors.of_node(node, question.graph, question.until.date()),
            (column or "",),
        )  # fmt: skip


def never_good(_: History, question: Question) -> Iterator[Cause]:
    """A node that never ended well since runs are kept."""
    if question.bad and question.good is None:
        yield Cause(
            "never_good", question.focus, f"{question.focus.name} never ended well", question.bad.ended_at, 1.0,
            ("no good run of it has landed, so nothing can be compared",), f"git log -p -- {question.focus.path}",
            actors.of_node(question.focus, question.graph, question.until.date()),
        )  # fmt: skip


def failing_tests(history: History, question: Question) -> list[Node]:
    """Other tests on what the focus is made of that failed in the same run, and did not in the good one."""
    if question.bad is None:
        return []
    outcomes = history.outcomes(question.bad.invocation_id)
    earlier = history.outcomes(question.good.invocation_id) if question.good else {}
    return [
        node for name, node in question.graph.items()
        if node.kind == "test" and name not in (question.focus.node_id, question.subject.node_id)
        and name in outcomes and outcomes[name].status in BAD - {"skipped"}
        and (name not in earlier or earlier[name].status in GOOD)
        and any(question.distance.get(parent, 0) > 0 for parent in node.parents)
    ]  # fmt: skip
