"""One message for each owner and pipeline: what opened and closed, who is on call, the runbook, what hangs on it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from importlib.util import find_spec
from itertools import groupby
from typing import Any

from tools.alerts.book import Event
from tools.alerts.incidents import MENDED

INCIDENTS_SHOWN = 24  # a chat shows at most 50 blocks
NODES = ("model", "test", "unit_test", "seed", "snapshot")
HAS_WHY = find_spec("ingestion.why") is not None  # ranks likely causes
EXPLAINED = ("failed_nodes", "stale_sources", "quality_scores", "nelson_rules", "anomalies")
DOUBTFUL = "May have been told before: the run that sent it was interrupted."


@dataclass(frozen=True)
class Message:
    """What one team is told about one pipeline on one channel."""

    owner_team: str
    group: str
    events: tuple[Event, ...]

    @property
    def opened(self) -> list[Event]:
        """Those that are open."""
        return [event for event in self.events if event.is_opening]

    @property
    def closed(self) -> list[Event]:
        """Those that are over."""
        return [event for event in self.events if not event.is_opening]

    @property
    def title(self) -> str:
        """The message in one line."""
        parts = [f"{len(self.opened)} new incident(s)"] if self.opened else []
        parts += [f"{len(self.closed)} closed"] if self.closed else []
        pipeline = "" if self.group == "none" else f" [{self.group}]"
        return f"Strata, {self.owner_team}{pipeline}: {', '.join(parts)}"

    @property
    def message_id(self) -> str:
        """The same for the same events, so that a receiver can tell that it has them."""
        return self.events[0].event_id if len(self.events) == 1 else f"{self.events[0].event_id}-{len(self.events)}"

    def paragraphs(self) -> Iterator[tuple[str, list[tuple[str, str]]]]:
        """A heading for each incident with its lines as label and text; the longest messages are cut."""
        for event in self.events[:INCIDENTS_SHOWN]:
            yield (heading(event), list(_lines(event)))
        if (more := len(self.events) - INCIDENTS_SHOWN) > 0:
            yield (f"and {more} more", [("see", "reports/quality/index.html, or raw_ops.incidents")])

    def text(self) -> str:
        """The message for a mail or a terminal."""
        lines = [self.title, ""]
        for title, pairs in self.paragraphs():
            lines += [title, *(f"  {label}: {text}" for label, text in pairs), ""]
        return "\n".join(lines)

    def blocks(self) -> dict[str, Any]:
        """The message as Slack's Block Kit, with a plain text for notifications.

        https://api.slack.com/reference/block-kit/blocks (150 characters a header, 3,000 a section, 50 blocks).
        """
        header = {"type": "plain_text", "text": self.title[:150], "emoji": False}
        blocks: list[dict[str, Any]] = [{"type": "header", "text": header}]
        for title, pairs in self.paragraphs():
            lines = [f"*{_escaped(title)}*", *(f"{label}: {_escaped(text)}" for label, text in pairs)]
            blocks.append({"type": "section", "text": {"type": "mrkdwn", "text": "\n".join(lines)[:3000]}})
        return {"text": _escaped(self.title), "blocks": blocks}


def heading(event: Event) -> str:
    """The event in one line."""
    if event.is_opening:
        return f"{event.severity.upper()}: {event.headline}"
    return f"{'RECOVERED' if event.closed_because == MENDED else 'CLOSED'}: {event.headline}"


def messages(events: Sequence[Event], *, one_each: bool = False) -> list[Message]:
    """Events as messages, one for each owner and pipeline, or one for each event."""
    if one_each:
        return [Message(event.owner_team, event.group_name, (event,)) for event in events]
    ordered = sorted(events, key=_address)  # keeps the order within
    return [Message(*address, tuple(group)) for address, group in groupby(ordered, key=_address)]


def _address(event: Event) -> tuple[str, str]:
    return event.owner_team, event.group_name


def _lines(event: Event) -> Iterator[tuple[str, str]]:
    if not event.is_opening:
        yield "closed", f"{event.closed_because}, after {_duration(event.closed_at - event.first_seen_at)}"
    else:
        yield "what", event.detail
        yield "since", f"{event.first_seen_at:%Y-%m-%d %H:%M} UTC"
        yield (
            "on call",
            f"{event.on_call_role}, backup {event.backup_role}" if event.on_call_role else "nobody is planned",
        )
        yield "runbook", event.runbook
        if HAS_WHY and event.kind in EXPLAINED:
            yield "causes", f".venv/bin/python -m ingestion why {_label(event.subject)}"
        if event.upstream:
            yield "made of", event.upstream
        if event.downstream:
            yield "affects", event.downstream
    yield "owner", event.owner_team
    if event.is_doubtful:
        yield "note", DOUBTFUL


def _label(subject: str) -> str:
    """A node's id as the name that commands take."""
    kind, *rest = subject.split(".")
    if kind == "source" and len(rest) > 2:
        return ".".join(rest[1:3])
    return rest[1] if kind in NODES and len(rest) > 1 else subject


def _duration(span: timedelta) -> str:
    minutes = round(span.total_seconds() / 60)
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min" if minutes < 2880 else f"{minutes // 1440} days"


def _escaped(text: str) -> str:
    """Slack's three control characters."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
