"""Client interaction events: JSON lines, a file an hour, from the group's tracking.

Events come late and twice, and new properties appear without notice: a property that the contract does not know
lands as text and is logged in raw_ops.schema_changes. All lines are kept; models tell repeated events by event_id.
What to ask the sender for stands in docs/sources/interactions.md.
"""

from __future__ import annotations

from ingestion.file_source import FileReader


class InteractionsReader(FileReader):
    """Reads the files of `interactions`; all that is particular to them stands in contracts/interactions/."""

    name = "interactions"
