"""Causes that the landing knows of: what the sources delivered, or did not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from statistics import median
from typing import Any

from ingestion.why import actors
from ingestion.why.cause import Cause, first_line, moment
from ingestion.why.history import History
from ingestion.why.question import Question

LOADS_TO_COMPARE = 3  # earlier loads that say what is usual
EMPTY, FEW, MANY = 0.1, 0.5, 2.0  # of the usual rows
USUAL_REJECTS = 2.0  # times the share before is still usual
LATE_LOADS = 1.5  # times its frequency after which a source is late, where nobody measured its freshness


def landed_schema_changes(history: History, question: Question) -> Iterator[Cause]:
    """Columns that came, went or are refused for their type."""
    strengths = {"refused": 1.0, "removed": 0.95, "added": 0.35}
    for node in question.sources():
        for row in history.schema_changes(*node.dataset):
            if not question.is_within(row["detected_at"]):
                continue
            types = f" ({row['old_type'] or 'none'} became {row['new_type'] or 'none'})"
            yield Cause(
                "schema_change", node, f"column {row['column_name']} of {node.label} was {row['change']}",
                row["detected_at"], strengths.get(row["change"], 0.5), (f"raw_ops.schema_changes{types}",),
                f"agree the change with the source, then edit contracts/{'/'.join(node.dataset)}.odcs.yaml",
                actors.of_source(node, question.until.date()), (row["column_name"],),
            )  # fmt: skip


def landing_rejects(history: History, question: Question) -> Iterator[Cause]:
    """Records that broke their contract, more than usual or for a new reason."""
    for node in question.sources():
        loads = [row for row in history.loads(*node.dataset) if row["status"] == "landed"]
        now, before = _split(loads, question)
        rejected, read = _total(now, "rows_rejected"), _total(now, "rows_read")
        if not rejected:
            continue
        share, usual = rejected / max(read, 1), _total(before, "rows_rejected") / max(_total(before, "rows_read"), 1)
        letters = history.dead_letters(*node.dataset)
        reasons = Counter(code for row in letters if question.is_within(row["landed_at"])
                          for code in row["reason_codes"].split(","))  # fmt: skip
        known = {
            code for row in letters if row["landed_at"] <= question.since for code in row["reason_codes"].split(",")
        }
        news = [code for code in reasons if code not in known] if before else []
        strength = 0.25
        most = max((row["rows_rejected"] or 0 for row in before), default=0)
        if (share > USUAL_REJECTS * usual and rejected > most) or news:
            strength = min(1.0, (0.5 if news else 0.4) + 5 * max(0.0, share - usual))
        top = ", ".join(f"{code} ({count})" for code, count in reasons.most_common(3))
        yield Cause(
            "landing_rejects", node, f"{rejected:,} of {read:,} records of {node.label} were rejected on landing",
            now[-1]["finished_at"], strength,
            (f"{share:.1%} rejected, {usual:.1%} before", *((f"reasons: {top}",) if top else ()),
             *((f"new: {', '.join(sorted(news))}",) if news else ())),
            f"python -m ingestion status --source {node.dataset[0]}; when mended, "
            f"python -m ingestion replay --source {node.dataset[0]} --dataset {node.dataset[1]}",
            actors.of_source(node, question.until.date()),
            tuple(code.partition(":")[2] for code in reasons),
        )  # fmt: skip


def failed_landings(history: History, question: Question) -> Iterator[Cause]:
    """Loads that landed nothing, and files that were refused as a whole."""
    for node in question.sources():
        now, _ = _split(history.loads(*node.dataset), question)
        failed = [row for row in now if row["status"] == "failed"]
        landed = [row for row in now if row["status"] == "landed"]
        if failed:
            is_over = bool(landed) and landed[-1]["finished_at"] > failed[-1]["finished_at"]
            yield Cause(
                "load_failed", node, f"{node.dataset[0]} could not be landed, {len(failed)} times",
                failed[-1]["finished_at"],
                0.3 if is_over else 1.0, (first_line(failed[-1]["detail"] or "no detail"),
                                          "a later load landed it" if is_over else "no later load landed it"),
                f"python -m ingestion load {node.dataset[0]}", actors.of_source(node, question.until.date()),
            )  # fmt: skip
        refused = [row for row in landed if (row["detail"] or "").startswith("refused")]
        if refused:
            is_over = landed[-1] is not refused[-1]
            yield Cause(
                "file_refused", node, f"a file of {node.label} was refused as a whole", refused[-1]["finished_at"],
                0.4 if is_over else 1.0, (first_line(refused[-1]["detail"]),),
                f"have it delivered again, then python -m ingestion load {node.dataset[0]}",
                actors.of_source(node, question.until.date()),
            )  # fmt: skip


def late_sources(history: History, question: Question) -> Iterator[Cause]:
    """Sources that dbt found stale, or that did not land when they should have."""
    for node in question.sources():
        measured = history.freshness(node.node_id)
        recent = [one for one in measured if one.started_at > question.since]
        actor = actors.of_source(node, question.until.date())
        step = f"python -m ingestion load {node.dataset[0]}; if it stays old, ask the source's owner"
        if recent and recent[-1].is_bad:
            before = [one for one in measured if one.started_at <= question.since]
            is_old_news = bool(before) and before[-1].status == recent[-1].status
            strength = (1.0 if recent[-1].status != "warn" else 0.8) * (0.4 if is_old_news else 1.0)
            facts = (f"dbt source freshness: {recent[-1].status}, {recent[-1].message}",)
            facts += ("it was so in the last good run already",) if is_old_news else ()
            yield Cause(
                "late_source", node, f"{node.label} is late", recent[-1].started_at, strength, facts, step, actor
            )
            continue
        contract, loads = actors.contract_of(*node.dataset), history.loads(*node.dataset)
        landed = [
            row["finished_at"] for row in loads if row["status"] == "landed" and row["finished_at"] <= question.until
        ]
        if recent or contract is None or not landed:
            continue
        silent = question.until - max(landed)
        if silent > timedelta(hours=LATE_LOADS * contract.frequency_hours):
            yield Cause(
                "late_source", node, f"{node.label} has not landed for {silent.total_seconds() / 3600:,.0f} hours",
                max(landed), 0.9,
                (f"it is due every {contract.frequency_hours} hours; last load {moment(max(landed))}",),
                step, actor,
            )  # fmt: skip


def volume_changes(history: History, question: Question) -> Iterator[Cause]:
    """Loads that brought far fewer or far more rows than those before, or marked many as deleted."""
    for node in question.sources():
        loads = [row for row in history.loads(*node.dataset) if row["status"] == "landed"]
        now, before = _split(loads, question)
        if not now:
            continue
        actor, at = actors.of_source(node, question.until.date()), now[-1]["finished_at"]
        source = node.dataset[0]
        step = f"ask the owner of {source} what was delivered; python -m ingestion status --source {source}"
        gone, read = _total(now, "rows_deleted"), _total(now, "rows_read")
        if gone and gone >= max(5, 0.05 * read):
            usual = max((row["rows_deleted"] or 0 for row in before), default=0)
            yield Cause(
                "mass_deletion", node, f"{gone:,} rows of {node.label} are gone from the source", at,
                1.0 if gone > 2 * usual else 0.3, (f"at most {usual:,} a load before",), step, actor,
            )  # fmt: skip
        if len(before) < LOADS_TO_COMPARE:
            continue
        # The first load of an incremental source brings all there is, so it says nothing of a usual one.
        usual, last = median(row["rows_read"] for row in before[1:]), now[-1]["rows_read"]
        if usual < 5:
            continue
        times = last / usual
        if times <= FEW or times >= MANY:
            strength = 1.0 if times <= EMPTY else 0.85
            said = "brought nothing" if last == 0 else f"brought {last:,} rows"
            yield Cause("volume_change", node, f"the last load of {node.label} {said}, {usual:,.0f} are usual", at,
                        strength, (f"{times:.0%} of the median of {len(before) - 1} loads before",), step,
                        actor)  # fmt: skip


def _split(loads: list[dict[str, Any]], question: Question) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Loads within the time in question, and those before."""
    now = [row for row in loads if question.is_within(row["finished_at"])]
    return now, [row for row in loads if row["finished_at"] <= question.since]


def _total(loads: list[dict[str, Any]], column: str) -> int:
    return sum(row[column] or 0 for row in loads)
