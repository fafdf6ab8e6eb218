"""Faults that the sandbox plays on request, so that a client's behaviour in trouble can be tested.

Each fault watches for requests whose path and query hold a text, lets some pass, strikes some times, and is done.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

from ingestion.sandbox.errors import SandboxError

KINDS = {
    "too_many_requests": "429 with Retry-After (field retry_after, seconds)",
    "server_error": "an HTTP error (field status, 500 unless given) in SAP's error JSON",
    "drop": "the connection is closed before any answer",
    "truncate": "the connection is closed after half of the body, though Content-Length promised all",
    "invalid_json": "200 with a body that is cut off but has a matching Content-Length",
    "html": "200 with a proxy's HTML page instead of JSON",
    "slow": "the right answer after a delay (field delay, seconds)",
    "expired_token": "all tokens given so far become invalid, so the request gets 401",
    "repeated_next": "the page's __next leads to the same page again",
    "missing_next": "the page lacks its link or cursor to the next one, though more follows",
    "plain_429": "429 without Retry-After",
    "dated_429": "429 with Retry-After as an HTTP date (retry_after seconds from now)",
    "gone": "410, and all cursors given so far become invalid",
    "repeated_page": "the page before comes again instead of the one that is due",
    "skipped_page": "the page after the one that is due comes",
    "lost_rows": "the page lacks rows, and nothing else shows it",
    "jumping_cursor": "the page's cursor leads past rows of the next one, and nothing else shows it",
    "bad_rows": "some rows of the page are damaged: values, types, keys, nesting, characters",
    "duplicate_rows": "some rows come twice in the page",
}


@dataclass(frozen=True)
class Fault:
    """One fault.

    Attributes:
        kind: one of KINDS.
        match: strikes requests whose decoded path and query hold this text; empty means every request.
        after: matching requests to let pass first.
        times: requests to strike; 0 means all that follow.
    """

    kind: str
    match: str = "/sap/opu/odata/"
    after: int = 0
    times: int = 1
    retry_after: int = 1
    status: int = 500
    delay: float = 1.0

    def __post_init__(self) -> None:
        """Refuse what cannot be played."""
        if self.kind not in KINDS:
            raise SandboxError(
                f"there is no fault {self.kind!r}.", subject="faults", remedy=f"use one of {', '.join(KINDS)}."
            )
        numbers = {name: getattr(self, name) for name in ("after", "times", "retry_after", "status", "delay")}
        for name, value in numbers.items():
            if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
                raise SandboxError(
                    f"{name} of fault {self.kind} is {value!r}.", subject="faults", remedy="use a number from 0."
                )


class FaultPlan:
    """The faults still to be played; safe to ask from several threads."""

    def __init__(self, faults: Iterable[Fault | Mapping[str, Any]] = ()) -> None:
        self._lock = threading.Lock()
        self._faults: list[list[Any]] = []  # fault, matching requests seen
        self.struck: list[tuple[str, str]] = []
        for fault in faults:
            self.add(fault)

    def add(self, fault: Fault | Mapping[str, Any]) -> None:
        """Plan one more fault."""
        planned = fault if isinstance(fault, Fault) else _from_mapping(fault)
        with self._lock:
            self._faults.append([planned, 0])

    def clear(self) -> None:
        """Forget all faults."""
        with self._lock:
            self._faults.clear()

    def strike(self, target: str) -> Fault | None:
        """The fault that this request meets, if any.

        Faults are tried in their order and one that strikes ends the search, so a later fault does not count the
        requests that an earlier one struck.
        """
        decoded = unquote_plus(target)
        chosen = None
        with self._lock:
            for entry in self._faults:
                fault, seen = entry
                if fault.match and fault.match not in decoded and fault.match not in target:
                    continue
                entry[1] = seen + 1
                if seen >= fault.after and (fault.times == 0 or seen < fault.after + fault.times):
                    chosen = fault
                    break
            if chosen is not None:
                self.struck.append((chosen.kind, target))
        return chosen


def read_faults(path: Path | str) -> list[Fault]:
    """Read a JSON list of faults.

    Raises:
        SandboxError: the file is missing, is not such a list, or names an unknown fault or field.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SandboxError(
            f"the faults cannot be read: {error}.", subject=str(path), remedy="give a JSON list (docs/sandbox.md)."
        ) from error
    if not isinstance(content, list) or not all(isinstance(item, dict) for item in content):
        raise SandboxError(
            "this is not a list of faults.", subject=str(path), remedy='write [{"kind": "drop", "times": 2}, ...].'
        )
    return [_from_mapping(item) for item in content]


def _from_mapping(item: Mapping[str, Any]) -> Fault:
    known = {entry.name for entry in fields(Fault)}
    if "kind" not in item or set(item) - known:
        raise SandboxError(
            f"a fault has kind and may have {', '.join(sorted(known - {'kind'}))}; found {', '.join(map(str, item))}.",
            subject="faults",
            remedy="correct the names.",
        )
    return Fault(**item)
