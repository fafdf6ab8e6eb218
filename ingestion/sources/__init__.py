"""One module a source system; SOURCES names them for the CLI."""

from __future__ import annotations

from collections.abc import Callable

from ingestion.runner import SourceReader
from ingestion.sources.sap import SapReader

SOURCES: dict[str, Callable[[], SourceReader]] = {"sap": SapReader.from_config}
