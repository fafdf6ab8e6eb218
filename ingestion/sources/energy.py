"""Meter readings of the plants: JSON lines, a file a month.

A month's file grows until the month ends: its rows are replaced each time its content changed.
What to ask the sender for stands in docs/sources/energy.md.
"""

from __future__ import annotations

from ingestion.file_source import FileReader


class EnergyReader(FileReader):
    """Reads the files of `energy`; all that is particular to them stands in contracts/energy/."""

    name = "energy"
