"""Customs declarations of CBAM goods: CSV with decimal commas.

CN codes land as they are written, leading zeros missing or not; staging pads them.
What to ask the sender for stands in docs/sources/customs.md.
"""

from __future__ import annotations

from ingestion.file_source import FileReader


class CustomsReader(FileReader):
    """Reads the files of `customs`; all that is particular to them stands in contracts/customs/."""

    name = "customs"
