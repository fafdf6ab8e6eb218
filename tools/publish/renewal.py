"""After a purge or an erasure: every copy of the warehouse made before it is published anew, or removed.

A version is due when it is older than the last action in ops.retention_actions, or than the building again that
followed it (tools/follow_up.py). Nothing else is remembered, so a run after a killed one finds what that one left.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from ingestion.errors import StrataError
from ingestion.lock import warehouse_lock
from tools.follow_up import last_change
from tools.publish.__main__ import publish, publish_whole
from tools.publish.copies import WHOLE, WITH_PERSONAL, Copy, copy_at, read_copies, shelves, write_copies
from tools.publish.shelf import Shelf

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
RENEWED, REMOVED, UP_TO_DATE = "published anew", "removed", "made since"


@dataclass(frozen=True)
class Outcome:
    """What became of the copies in one directory.

    Attributes:
        directory: the directory with `current` and `previous`.
        kind: `marts`, `with_personal` or `whole`; of the current version.
        done: `published anew`, `removed`, or `made since` where the current version was new enough.
        why: why it was not published anew.
        removed: versions that were removed.
        left: versions that had to go and could not be removed.
    """

    directory: str
    kind: str
    done: str
    why: str = ""
    removed: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """One line for a person."""
        parts = [self.done if not self.why else f"{self.done} ({self.why})"]
        parts += [f"{len(self.removed)} earlier versions removed"] if self.removed else []
        parts += [f"COULD NOT BE REMOVED: {', '.join(self.left)}"] if self.left else []
        return f"copy {self.directory} ({self.kind}): {'; '.join(parts)}"


def follow(warehouse: Path, *, rebuilt: bool) -> list[Outcome]:
    """Deal with every copy, and tell each; the caller holds the warehouse's lock and has no connection open.

    Args:
        warehouse: the warehouse, built again and compacted, with a note of it.
        rebuilt: whether the models were built again without what was removed; if not, no copy may be made of them.

    Returns:
        What became of each directory that held an earlier version.
    """
    # Versions made before this hold, or may hold, what was removed.
    before = (last_change() or LONG_AGO) if rebuilt else datetime.now(UTC)
    outcomes = [_renew(warehouse, shelf, before, rebuilt) for shelf in shelves(warehouse) if shelf.older(before)]
    write_copies(warehouse, read_copies(warehouse))
    for outcome in outcomes:
        print(outcome.text, flush=True)
    return outcomes


def _renew(warehouse: Path, shelf: Shelf, before: datetime, rebuilt: bool) -> Outcome:
    due, current = shelf.older(before), shelf.current
    copy = copy_at(warehouse, shelf.directory / (current or due[-1]).name)
    done, why = (UP_TO_DATE, "") if current else (REMOVED, "none was current")
    if current and current.name in [path.name for path in due]:
        done, why = _publish(copy, shelf.directory) if rebuilt else (REMOVED, "the models were not built again")
    try:
        with warehouse_lock(shelf.directory):
            shelf.remove_older(before)
    except (StrataError, OSError) as error:
        why = why or f"{error}"
    left = [path.name for path in shelf.older(before)]
    removed = [path.name for path in due if path.name not in left]
    return Outcome(str(shelf.directory), copy.kind, done, why, removed, left)


def _publish(copy: Copy, place: Path) -> tuple[str, str]:
    """Publish with the same options; says what was done, and why if that is to remove it."""
    try:
        if copy.kind == WHOLE:
            publish_whole(place, copy.even_if_failed)
        else:
            publish(place, copy.kind == WITH_PERSONAL, copy.even_if_failed)
    except (StrataError, duckdb.Error, OSError) as error:
        return REMOVED, f"{error}"
    return RENEWED, ""
