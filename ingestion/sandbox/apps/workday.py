"""A stand-in for Workday's Report-as-a-Service: custom reports as one JSON answer each.

As in Workday a column without a value is left out, numbers and flags are texts, and an instance field that the
report shows as an object comes as `[{"Descriptor": ..., "ID": ...}]`. Faults are XML, as Workday sends them.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from ingestion.sandbox.apps.oracle import read_documents
from ingestion.sandbox.errors import SandboxError
from ingestion.sandbox.odata import XML, Response
from ingestion.sandbox.rest import Credentials, Request, json_answer

PREFIX = "/ccx/service/customreport2"
REPORTS = ("Workers", "Travel_Expenses", "Journal_Lines")
DAY = re.compile(r"^\d{4}-\d\d-\d\d([+-]\d\d:\d\d|Z)?$")


class WorkdayApp:
    """Serves reports; their entries may change while they are served.

    Args:
        documents: by report, its entries.
        tenant: tenant in the path.
        owner: owner of the reports in the path; the sandbox's user unless given.
        nested: columns that come as a list of one object.
    """

    prefix = PREFIX

    def __init__(
        self,
        documents: Mapping[str, Iterable[dict[str, Any]]],
        *,
        tenant: str = "strata",
        owner: str | None = None,
        nested: Iterable[str] = (),
    ) -> None:
        if unknown := set(documents) - set(REPORTS):
            raise SandboxError(
                f"no report is named {', '.join(sorted(unknown))}.",
                subject="sandbox workday",
                remedy=f"use {', '.join(REPORTS)}.",
            )
        self.tenant = tenant
        self.owner = owner or Credentials().user
        self.nested = frozenset(nested)
        self.as_of_dates: list[str] = []
        self._lock = threading.RLock()
        self._entries = {name: list(documents.get(name, [])) for name in REPORTS}

    @classmethod
    def from_directory(cls, directory: Path | str) -> WorkdayApp:
        """Serve the <report>.jsonl files of a directory.

        Raises:
            SandboxError: a file is missing or cannot be read.
        """
        return cls({name: read_documents(Path(directory) / f"{name}.jsonl") for name in REPORTS})

    def documents(self, report: str) -> list[dict[str, Any]]:
        """A copy of a report's entries."""
        with self._lock:
            return deepcopy(self._entries[report])

    def upsert(self, report: str, keys: tuple[str, ...], entry: dict[str, Any]) -> None:
        """Put an entry in the place of the one with the same values of `keys`, or add it."""
        with self._lock:
            self.delete(report, {key: entry.get(key) for key in keys})
            self._entries[report].append(deepcopy(entry))

    def delete(self, report: str, equal: Mapping[str, Any]) -> None:
        """Remove the entries with these values."""
        with self._lock:
            self._entries[report] = [
                entry
                for entry in self._entries[report]
                if not (isinstance(entry, dict) and all(entry.get(name) == value for name, value in equal.items()))
            ]

    def respond(self, request: Request) -> Response:
        """Answer a request below the prefix."""
        parts = request.path.split("/")
        if len(parts) != 3 or parts[:2] != [self.tenant, self.owner]:
            return _fault(404, "The tenant or the owner of the report is not known.")
        if parts[2] not in REPORTS:
            return _fault(404, f"The report {parts[2][:80]} is not enabled as a web service or not shared with you.")
        as_of = request.query.get("As_Of_Date")
        if as_of is not None and not DAY.match(as_of):
            return _fault(400, "Validation error: As_Of_Date is not a date.")
        self.as_of_dates.append(as_of or "")
        if request.query.get("format") != "json":
            return Response(200, b'<?xml version="1.0"?><wd:Report_Data xmlns:wd="urn:com.workday.report"/>', XML)
        with self._lock:
            return json_answer({"Report_Entry": [self._shown(entry) for entry in self._entries[parts[2]]]})

    def _shown(self, entry: Any) -> Any:
        if not isinstance(entry, dict):
            return entry
        kept = {name: value for name, value in entry.items() if value is not None}
        return {name: _instance(value) if name in self.nested else value for name, value in kept.items()}


def _instance(value: Any) -> Any:
    return [{"Descriptor": value, "ID": f"ref_{value}"}] if isinstance(value, str) else value


def _fault(status: int, message: str) -> Response:
    body = (
        '<?xml version="1.0" encoding="UTF-8"?><wd:Validation_Fault xmlns:wd="urn:com.workday/bsvc">'
        f"<wd:Validation_Error><wd:Message>{escape(message)}</wd:Message></wd:Validation_Error></wd:Validation_Fault>"
    )
    return Response(status, body.encode(), XML)
