"""The incentive compensation platform: plans and payouts by cursor, and on request as flaky as the real one.

Protocol: docs/sources/incentive.md. A cursor is a keyset token (the last record delivered), so that pages stay right
while records change.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Mapping
from email.utils import formatdate
from pathlib import Path

from ingestion.sandbox.apps.paged import Document, Documents, as_count, damaged, read_documents, with_doubles
from ingestion.sandbox.faults import Fault
from ingestion.sandbox.odata import Response
from ingestion.sandbox.rest import Request, json_answer

KEYS = {"plans": ("plan_id", "version"), "payouts": ("payout_id",)}
MAX_LIMIT = 500


class IncentiveApp:
    """Serves `GET /incentive/api/v1/{plans,payouts}`.

    Attributes:
        documents: what is served; may be changed while it is.
        played: the faults that took effect, by kind and request.
    """

    prefix = "/incentive/api/v1"

    def __init__(self, documents: Mapping[str, list[Document]]) -> None:
        self.documents = Documents(documents, KEYS, "updated_at")
        self.played: list[tuple[str, str]] = []
        self._generation = 0
        self._last: dict[str, Document] = {}

    @classmethod
    def from_directory(cls, directory: Path | str) -> IncentiveApp:
        """The platform with the documents of <directory>/plans.jsonl and payouts.jsonl."""
        return cls(read_documents(directory, tuple(KEYS)))

    def respond(self, request: Request) -> Response:
        """Answer a request below the prefix."""
        if request.path not in KEYS:
            return json_answer({"title": "Not Found", "detail": f"there is no {request.path[:100]}"}, 404)
        fault = request.fault
        if fault is not None and (refused := self._refusal(fault, request)):
            return refused
        try:
            place = self._place(request)
        except ValueError as error:
            return json_answer({"title": "Bad Request", "detail": str(error)}, 400)
        if place["generation"] != self._generation:
            return json_answer({"title": "Gone", "detail": "the cursor has expired"}, 410)
        with self.documents.lock:
            return json_answer(self._page(request, place, fault))

    def _refusal(self, fault: Fault, request: Request) -> Response | None:
        if fault.kind == "gone":
            self._generation += 1
            self._note(fault, request)
            return json_answer({"title": "Gone", "detail": "the cursor has expired"}, 410)
        if fault.kind in ("plain_429", "dated_429"):
            answer = json_answer({"title": "Too Many Requests", "detail": "quota exceeded"}, 429)
            if fault.kind == "dated_429":
                answer.headers["Retry-After"] = formatdate(time.time() + fault.retry_after, usegmt=True)
            self._note(fault, request)
            return answer
        return None

    def _place(self, request: Request) -> Document:
        """Where the page begins: in the cursor, or the first page of what the query asks for."""
        if not (cursor := request.query.get("cursor")):
            since = request.query.get("updated_since", "")
            return {"since": since, "after": None, "page": 1, "generation": self._generation}
        try:
            place = json.loads(base64.urlsafe_b64decode(cursor.encode()))
            return {name: place[name] for name in ("since", "after", "page", "generation")}
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError("the cursor cannot be read") from error

    def _page(self, request: Request, place: Document, fault: Fault | None) -> Document:
        kind = fault.kind if fault else ""
        document, following = self._read(request, place)
        if kind == "skipped_page" and following:
            document, _ = self._read(request, following)
            self._note(fault, request)
        elif kind == "repeated_page" and place["page"] > 1 and request.path in self._last:
            document = self._last[request.path]
            self._note(fault, request)
        else:
            self._last[request.path] = document
            document = self._damaged(request, place, fault, document, following)
        return document

    def _read(self, request: Request, place: Document) -> tuple[Document, Document | None]:
        limit = as_count(request.query.get("limit"), 100, MAX_LIMIT)
        resource = request.path
        found = self.documents.changed_since(resource, place["since"])
        after = place["after"]
        # The sign after the key is larger than the key and smaller than the next one.
        rest = found if after is None else self.documents.between(resource, (after[0], after[1] + "\x00"))
        rows = rest[:limit]
        following = None
        if len(rest) > limit:
            after = list(self.documents.order(resource, rows[-1]))
            following = {**place, "after": after, "page": place["page"] + 1}
        document = {
            "data": rows,
            "next_cursor": following and _token(following),
            "page": place["page"],
            "total": len(found),
        }
        return document, following

    def _damaged(
        self, request: Request, place: Document, fault: Fault | None, document: Document, following: Document | None
    ) -> Document:
        kind, rows = fault.kind if fault else "", document["data"]
        seed = place["page"] * 1000 + len(self.played)
        changed: Document | None = None
        if kind == "bad_rows" and rows:
            changed = {"data": damaged(rows, seed, KEYS[request.path])}
        elif kind == "duplicate_rows" and rows:
            changed = {"data": with_doubles(rows, seed)}
        elif kind == "lost_rows" and rows:
            changed = {"data": rows[: len(rows) // 2] + rows[len(rows) // 2 + 1 :]}
        elif kind == "missing_next" and following:
            changed = {"next_cursor": None}
        elif kind == "repeated_next" and following and request.query.get("cursor"):
            changed = {"next_cursor": request.query["cursor"]}
        elif kind == "jumping_cursor" and following:
            beyond, _ = self._read(request, following)
            if len(beyond["data"]) > 1:
                after = list(self.documents.order(request.path, beyond["data"][0]))
                changed = {"next_cursor": _token({**following, "after": after})}
        if changed is None:
            return document
        self._note(fault, request)
        return {**document, **changed}

    def _note(self, fault: Fault | None, request: Request) -> None:
        if fault is not None:
            self.played.append((fault.kind, f"{request.path}?{request.query}"))


def _token(place: Document) -> str:
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode()
