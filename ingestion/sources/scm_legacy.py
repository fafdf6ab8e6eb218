"""The exports of the two legacy shipment systems, and the stock counts: CSV.

Both systems know the same shipments under different numbers, in different units: nothing is merged here, models do.
What to ask the sender for stands in docs/sources/scm_legacy.md.
"""

from __future__ import annotations

from ingestion.file_source import FileReader


class ScmLegacyReader(FileReader):
    """Reads the files of `scm_legacy`; all that is particular to them stands in contracts/scm_legacy/."""

    name = "scm_legacy"
