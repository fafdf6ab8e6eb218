"""Datasets that are read in full: what is new, changed, unchanged or gone against what the warehouse holds."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ingestion.checks import Reason
from ingestion.contract import Dataset
from ingestion.errors import SourceError
from ingestion.provenance import identity


@dataclass
class Existing:
    """What the warehouse already holds of a dataset that is read in full: key to (row hash, is deleted)."""

    hashes: dict[str, tuple[str, bool]] = field(default_factory=dict)
    columns: frozenset[str] = frozenset()


class FullRead:
    """One full read of one dataset, compared with the last one by key and row hash.

    Args:
        dataset: the contract.
        existing: what the warehouse holds.
        max_shrink_ratio: largest share of keys that may vanish.
        run_id: the run, part of the identity of each change.
    """

    def __init__(self, dataset: Dataset, existing: Existing, max_shrink_ratio: float, run_id: str) -> None:
        self._dataset = dataset
        self._known = existing.hashes
        self._max_shrink_ratio = max_shrink_ratio
        self._run_id = run_id
        self._seen: dict[str, str] = {}
        self._changes: list[dict[str, Any]] = []

    def note(self, record: dict[str, Any], digest: str) -> tuple[Reason, ...]:
        """Remember that a key was delivered; a second, different record of a key is refused."""
        key = self._dataset.record_key(record)
        if self._seen.setdefault(key, digest) != digest:
            detail = f"another record with key {key} came in the same read"
            return (Reason("DUPLICATE_KEY", self._dataset.keys[-1], detail),)
        return ()

    def is_unchanged(self, record: dict[str, Any], digest: str) -> bool:
        """Whether the warehouse holds exactly this record; if not, what changed is noted."""
        key = self._dataset.record_key(record)
        known = self._known.get(key)
        if known == (digest, False):
            return True
        if self._known:  # of a first read all rows are new: nothing changed
            change = "added" if known is None else ("reappeared" if known[1] else "changed")
            self._note_change(key, change, known and known[0], digest)
        return False

    def vanished(self) -> set[str]:
        """See `Landing.vanished`."""
        alive = {key for key, (_, is_deleted) in self._known.items() if not is_deleted}
        gone = alive - self._seen.keys()
        if gone and (not self._seen or len(gone) > max(1, self._max_shrink_ratio * len(alive))):
            raise SourceError(
                f"the full read delivers {len(self._seen)} keys and lacks {len(gone)} of the {len(alive)} "
                f"known ones; at most {self._max_shrink_ratio:.0%} may vanish in one load.",
                subject=f"{self._dataset.source}.{self._dataset.name}",
                remedy="ask the source's administrator whether the records were really removed; if so, run again with "
                f"SOURCES__{self._dataset.source.upper()}__MAX_SHRINK_RATIO=1.",
            )
        return gone

    def note_deleted(self, row: dict[str, Any]) -> None:
        """Note that a landed row is gone from the source."""
        self._note_change(self._dataset.row_key(row), "deleted", row["_row_hash"], None)

    def take_changes(self) -> list[dict[str, Any]]:
        """The changes noted so far, once."""
        found, self._changes = self._changes, []
        return found

    def _note_change(self, key: str, change: str, old: str | None, new: str | None) -> None:
        self._changes.append(
            {
                "change_id": identity(self._run_id, self._dataset.source, self._dataset.name, key),
                "source": self._dataset.source,
                "dataset": self._dataset.name,
                "record_key": key,
                "change": change,
                "old_row_hash": old,
                "new_row_hash": new,
                "detected_at": datetime.now(UTC),
            }
        )
