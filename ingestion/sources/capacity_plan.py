"""The finance workbook: capability mapping and planned headcount, one sheet each.

Merged cells are filled down, months become rows, rows of totals are left out and counted.
What to ask the sender for stands in docs/sources/capacity_plan.md.
"""

from __future__ import annotations

from ingestion.file_source import FileReader


class CapacityPlanReader(FileReader):
    """Reads the files of `capacity_plan`; all that is particular to them stands in contracts/capacity_plan/."""

    name = "capacity_plan"
