"""Sign-ups exported from the CRM: CSV in Windows-1252 with semicolons and decimal commas.

Lines with a stray quote or a missing cell go to the dead letters one by one; the rest of the file lands.
What to ask the sender for stands in docs/sources/crm.md.
"""

from __future__ import annotations

from ingestion.file_source import FileReader


class CrmReader(FileReader):
    """Reads the files of `crm`; all that is particular to them stands in contracts/crm/."""

    name = "crm"
