"""A cause, as the finders yield it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ingestion.why.actors import Actor
from ingestion.why.history import Node


@dataclass(frozen=True)
class Cause:
    """Something that happened, and how likely it is the reason."""

    kind: str
    node: Node | None
    what: str
    at: datetime | None
    strength: float
    evidence: tuple[str, ...]
    next_step: str
    actor: Actor
    words: tuple[str, ...] = ()  # columns it touches: a message or test that names one speaks for it
    score: float = 0.0

    @property
    def where(self) -> str:
        """The node it happened to."""
        return self.node.label if self.node else "warehouse"


def moment(at: datetime) -> str:
    """A time as it is shown."""
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def first_line(text: str) -> str:
    """How a message begins."""
    lines = [line.strip() for line in text.strip().splitlines() if line.strip()]
    return " ".join(lines[:3])[:300]
