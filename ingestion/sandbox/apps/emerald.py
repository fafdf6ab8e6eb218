"""The Emerald client platform: clients, bank relationships, balances and payments in numbered pages.

Protocol: docs/sources/emerald.md. Pages are counted over what is there at the moment of each request, as the real
platform does, so records shift across page borders while others change.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from email.utils import formatdate
from pathlib import Path

from ingestion.sandbox.apps.paged import Document, Documents, as_count, damaged, read_documents, with_doubles
from ingestion.sandbox.faults import Fault
from ingestion.sandbox.odata import Response
from ingestion.sandbox.rest import Request, json_answer

KEYS = {
    "clients": ("client_id",),
    "bank_relationships": ("relationship_id",),
    "balances": ("relationship_id", "balance_date"),
    "payments": ("payment_id",),
}
MAX_PAGE_SIZE = 100
MAX_KEY_PAGE_SIZE = 1000


class EmeraldApp:
    """Serves `GET /emerald/api/v2/{clients,bank_relationships,balances,payments}`.

    Attributes:
        documents: what is served; may be changed while it is.
        played: the faults that took effect, by kind and request.
    """

    prefix = "/emerald/api/v2"

    def __init__(self, documents: Mapping[str, list[Document]]) -> None:
        self.documents = Documents(documents, KEYS, "modified_at")
        self.played: list[tuple[str, str]] = []

    @classmethod
    def from_directory(cls, directory: Path | str) -> EmeraldApp:
        """The platform with the documents of <directory>/clients.jsonl and so on."""
        return cls(read_documents(directory, tuple(KEYS)))

    def respond(self, request: Request) -> Response:
        """Answer a request below the prefix."""
        if request.path not in KEYS:
            return json_answer({"title": "Not Found", "detail": f"there is no {request.path[:100]}"}, 404)
        if request.fault is not None and (refused := self._refusal(request.fault, request)):
            return refused
        with self.documents.lock:
            return json_answer(self._page(request))

    def _refusal(self, fault: Fault, request: Request) -> Response | None:
        if fault.kind not in ("plain_429", "dated_429"):
            return None
        answer = json_answer({"title": "Too Many Requests", "detail": "quota exceeded"}, 429)
        if fault.kind == "dated_429":
            answer.headers["Retry-After"] = formatdate(time.time() + fault.retry_after, usegmt=True)
        self.played.append((fault.kind, request.path))
        return answer

    def _page(self, request: Request) -> Document:
        query, resource = request.query, request.path
        fields = [name for name in query.get("fields", "").split(",") if name]
        size = as_count(query.get("page_size"), MAX_PAGE_SIZE, MAX_KEY_PAGE_SIZE if fields else MAX_PAGE_SIZE)
        number = as_count(query.get("page"), 1, 10**9)
        found = self.documents.changed_since(resource, query.get("modified_since", ""))
        kind = request.fault.kind if request.fault else ""
        shown = {"repeated_page": number - 1, "skipped_page": number + 1}.get(kind, number)
        pages = -(-len(found) // size)
        if kind in ("repeated_page", "skipped_page"):
            shown = shown if 1 <= shown <= pages else number
        rows = found[(shown - 1) * size : shown * size]
        items = self._damaged(request, rows, number)
        if shown != number:
            self.played.append((kind, f"{resource} page {number}"))
        if fields:
            items = [{name: row.get(name) for name in fields} if isinstance(row, dict) else row for row in items]
        return {"items": items, "page": shown, "page_size": size, "total_pages": pages, "total": len(found)}

    def _damaged(self, request: Request, rows: list[Document], number: int) -> list[Document]:
        kind = request.fault.kind if request.fault else ""
        seed = number * 1000 + len(self.played)
        if not rows or kind not in ("bad_rows", "duplicate_rows", "lost_rows"):
            return rows
        self.played.append((kind, f"{request.path} page {number}"))
        if kind == "bad_rows":
            return damaged(rows, seed, KEYS[request.path])
        if kind == "duplicate_rows":
            return with_doubles(rows, seed)
        return rows[: len(rows) // 2] + rows[len(rows) // 2 + 1 :]
