"""What `why` prints."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.markup import escape

from ingestion import warehouse
from ingestion.contract import landed_sources
from ingestion.errors import EXIT_OK, ConfigError
from ingestion.why.cause import Cause
from ingestion.why.causes import rank
from ingestion.why.history import History
from ingestion.why.question import LONG_AGO, Question, ask


def explain(wanted: str, *, at: str | None = None) -> tuple[Question, list[Cause]]:
    """What is to be explained, and its likely causes.

    Raises:
        ConfigError: nobody knows the node, or `at` is no time.
    """
    history = History(warehouse.make_pipeline(landed_sources()[0]), _moment(at))
    with warehouse.held_open():  # it asks many small things
        question = ask(history, wanted)
        return question, rank(history, question)


def print_why(out: Console, wanted: str, *, at: str | None, limit: int, as_json: bool) -> int:
    """Print the likely causes of what is wrong with a node, likeliest first."""
    question, causes = explain(wanted, at=at)
    if as_json:
        print(json.dumps(_document(question, causes[:limit]), default=str))
        return EXIT_OK
    out.print(f"[bold]{escape(question.subject.label)}[/]: {_what_happened(question)}", soft_wrap=True, highlight=False)
    if not causes:
        out.print("Nothing that is known changed since. Compare the rows themselves: `dbt show --select`, `trace`.")
    for place, cause in enumerate(causes[:limit], start=1):
        when = f", {cause.at:%Y-%m-%d %H:%M} UTC" if cause.at else ""
        out.print(f"\n[bold]{place}. {escape(cause.what)}[/] ({cause.kind}, {cause.score:.2f}{when})", soft_wrap=True)
        for label, text in _lines(cause):
            out.print(f"   {label:<9} {escape(text)}", soft_wrap=True, highlight=False)
    if len(causes) > limit:
        out.print(f"\n... and {len(causes) - limit} less likely ones (--limit)")
    return EXIT_OK


def _lines(cause: Cause) -> list[tuple[str, str]]:
    on_call = f", on call: {cause.actor.on_call}" if cause.actor.on_call else ""
    return [
        *(("evidence", fact) for fact in cause.evidence),
        ("acts", f"{cause.actor.team}{on_call}"),
        ("read", cause.actor.page),
        ("next", cause.next_step),
    ]


def _what_happened(question: Question) -> str:
    since = "never before" if question.since == LONG_AGO else f"{question.since:%Y-%m-%d %H:%M:%S} UTC"
    if question.bad is None:
        return f"its last run ended well; what changed since the run before ({since}):"
    other = "" if question.focus is question.subject else f" {question.focus.kind} {question.focus.label}:"
    return (
        f"{other} {question.bad.status} since {question.bad.ended_at:%Y-%m-%d %H:%M:%S} UTC, last good {since}".strip()
    )


def _document(question: Question, causes: list[Cause]) -> dict[str, Any]:
    return {
        "node": question.subject.node_id,
        "went_wrong_in": question.focus.node_id,
        "status": question.bad.status if question.bad else None,
        "since": None if question.since == LONG_AGO else question.since,
        "until": question.until,
        "causes": [
            {
                "kind": cause.kind, "where": cause.where, "what": cause.what, "score": cause.score, "at": cause.at,
                "evidence": list(cause.evidence), "owner": cause.actor.team, "on_call": cause.actor.on_call,
                "runbook": cause.actor.page, "next_step": cause.next_step,
            }
            for cause in causes
        ],
    }  # fmt: skip


def _moment(at: str | None) -> datetime:
    if at is None:
        return datetime.now(UTC)
    try:
        found = datetime.fromisoformat(at)
    except ValueError as error:
        raise ConfigError(f"{at} is no time.", subject="--at", remedy="write it as 2026-11-21T07:30 (UTC).") from error
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
