"""Random histories of tracking files, and a plain reading of what sessions they hold."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from random import Random
from typing import Any

from harness import Warehouse

Row = dict[str, Any]
LOOKBACK = timedelta(days=3)
SILENCE, ACCEPTED = timedelta(minutes=30), timedelta(days=7)
FIRST_DAY = datetime(2026, 3, 30, 21, tzinfo=UTC)  # sessions go over midnight and over the end of a quarter
ACTIONS = {"search": True, "order_placed": True, "page_view": False, "login": False, "danced": False}
SETTLED = "U-settled"  # a user that nothing happens to after the first batch
TENANTS = ("GB10", "DE10")


@dataclass
class Session:
    """What a plain reader of the events says about one session."""

    tenant: str
    user: str
    events: list[Row]

    @property
    def client(self) -> str | None:
        """The first client known in it."""
        return next((event["client_id"] for event in self.events if event["client_id"]), None)

    def as_row(self) -> tuple[Any, ...]:
        """The columns that the test compares."""
        first, last = self.events[0], self.events[-1]
        return (
            self.tenant, self.user, first["event_id"], self.client, first["channel"], len(self.events),
            sum(ACTIONS[event["event_type"]] for event in self.events),
            sum(event["duration_ms"] or 0 for event in self.events),
            any(event["event_type"] == "order_placed" for event in self.events),
            first["event_at"].date(), naive(first["event_at"]), naive(last["event_at"]),
        )  # fmt: skip


def naive(moment: datetime) -> datetime:
    return moment.replace(tzinfo=None)


@dataclass
class SessionHistory:
    """Tracking files as they stand after each batch; a corrected file loses the lines that it no longer has."""

    random: Random
    now: datetime
    files: dict[str, list[Row]] = field(default_factory=dict)
    landed: dict[str, datetime] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)
    clients: dict[str, Row] = field(default_factory=dict)
    numbers: int = 0

    def batch(self, events: int) -> None:
        """Move on; short steps stay inside the look-back, long ones leave it."""
        self.now += self.random.choice([timedelta(hours=5), timedelta(days=5), timedelta(days=9)])
        if not self.files:
            self.deliver("settled.jsonl", [self.event(SETTLED, minute) for minute in (0, 10, 39, 69, 70)])
            for number in range(1, 4):
                self.change_client(number)
        for _ in range(events // 10):
            self.random.choice(
                [self.new_file, self.new_file, self.new_file, self.new_file, self.correct, self.correct, self.withdraw,
                 self.send_again, lambda: self.change_client(self.random.randint(1, 4))]
            )()  # fmt: skip

    def deliver(self, name: str, events: list[Row]) -> None:
        """Land a file whole, stamped up to almost the look-back behind the newest: loads overlap and commit late."""
        self.files[name] = events
        self.landed[name] = self.now - self.random.random() * 0.9 * LOOKBACK
        self.deleted.discard(name)

    def event(self, user: str | None = None, minute: int | None = None) -> Row:
        """An event near others, at distances of a second around the silence that ends a session."""
        self.numbers += 1
        minutes = self.random.randint(0, 60) * 10 if minute is None else minute
        happened = FIRST_DAY + timedelta(minutes=minutes, seconds=self.random.choice([-1, 0, 0, 1]))
        late = self.random.choice([0, 0, 0, 3, 40_000, 7 * 86_400, 7 * 86_400 + 1])
        kind = self.random.choice(list(ACTIONS))
        return {
            "event_id": f"evt-{self.random.randint(0, 10**6):06d}-{self.numbers}",
            "event_at": happened,
            "received_at": happened + timedelta(seconds=0 if user == SETTLED else late),
            "client_id": self.random.choice([None, "CL1", "CL2", "CL4"]),
            "user_id": user or self.random.choice(["U1", "U2", "U3"]),
            "tenant": self.random.choice(TENANTS) if user != SETTLED else "GB10",
            "channel": self.random.choice(["web", "app", "phone"]),
            "event_type": kind,
            "duration_ms": self.random.choice([None, 0, 999, 60_000, 86_400_000]),
        }

    def new_file(self) -> None:
        """A tenth of its lines repeat an event of another file."""
        events = [self.event() for _ in range(self.random.randint(4, 16))]
        known = [event for name, lines in self.files.items() for event in lines if name != "settled.jsonl"]
        events = [dict(self.random.choice(known)) if known and self.random.random() < 0.1 else row for row in events]
        self.deliver(f"{self.random.randint(0, 10**6):06d}.jsonl", events)

    def pick(self) -> str | None:
        names = [name for name in self.files if name != "settled.jsonl"]
        return self.random.choice(names) if names else None

    def correct(self) -> None:
        """The same file with lines dropped, changed and in other places."""
        if name := self.pick():
            events = [dict(event) for event in self.files[name] if self.random.random() < 0.7]
            for event in events:
                if self.random.random() < 0.3:
                    event |= {"event_at": self.event()["event_at"], "user_id": self.random.choice(["U1", "U2", "U3"])}
            self.random.shuffle(events)
            self.deliver(name, events or [self.event()])

    def withdraw(self) -> None:
        """A correction without one good record: the old rows stay as tombstones."""
        if name := self.pick():
            self.deleted.add(name)
            self.landed[name] = self.now

    def send_again(self) -> None:
        """Some events once more, received later, perhaps too late, or earlier than the ones we have."""
        if name := self.pick():
            moved = timedelta(seconds=self.random.choice([-5, 60, 9 * 86_400]))
            events = [{**event, "received_at": event["received_at"] + moved} for event in self.files[name][:3]]
            if events:
                self.deliver(f"again-{self.random.randint(0, 10**6):06d}.jsonl", events)

    def change_client(self, number: int) -> None:
        self.clients[f"CL{number}"] = {
            "client_id": f"CL{number}", "legal_name": f"Synthetic {self.random.randint(1, 99)} Ltd", "tenant": "GB10",
            "_landed_at": self.now,
        }  # fmt: skip

    def rows(self) -> list[Row]:
        """All landed lines, in any order."""
        found = []
        for name, events in self.files.items():
            for line, event in enumerate(events, start=1):
                content = hashlib.sha256(json.dumps(event, default=str, sort_keys=True).encode()).hexdigest()
                found.append(
                    {**event, "_source_file": name, "_source_line": line, "_source_ref": f"{name}:{line}",
                     "_row_hash": content, "_landed_at": self.landed[name], "_is_deleted": name in self.deleted}
                )  # fmt: skip
        self.random.shuffle(found)
        return found

    def write(self, warehouse: Warehouse) -> None:
        """Bring the warehouse's raw tables to this state."""
        warehouse.clear("events", source="interactions")
        warehouse.land("events", self.rows(), source="interactions")
        warehouse.clear("clients", source="emerald")
        warehouse.land("clients", self.clients.values(), source="emerald")

    def counted_events(self) -> list[Row]:
        """Each event once, by its copy received first, without those that are too late or last a day."""
        copies: dict[str, list[Row]] = defaultdict(list)
        for row in self.rows():
            if not row["_is_deleted"]:
                copies[row["event_id"]].append(row)
        firsts = [
            min(rows, key=lambda row: (row["received_at"], row["_source_file"], row["_source_line"]))
            for rows in copies.values()
        ]
        return [
            row
            for row in firsts
            if row["received_at"] - row["event_at"] <= ACCEPTED and (row["duration_ms"] or 0) < 86_400_000
            and row["event_at"] - row["received_at"] <= timedelta(minutes=5)
        ]  # fmt: skip

    def sessions(self) -> list[Session]:
        """One walk through the events of each user."""
        users: dict[tuple[str, str], list[Row]] = defaultdict(list)
        for event in self.counted_events():
            users[event["tenant"], event["user_id"]].append(event)
        found = []
        for (tenant, user), events in users.items():
            events.sort(key=lambda event: (event["event_at"], event["event_id"]))
            starts = [0]
            starts += [
                place
                for place, (before, after) in enumerate(pairwise(events), start=1)
                if after["event_at"] - before["event_at"] >= SILENCE
            ]
            for start, end in pairwise([*starts, len(events)]):
                found.append(Session(tenant, user, events[start:end]))
        return found

    def active_clients(self, quarter: bool) -> dict[tuple[str, date], int]:
        """Distinct clients by company and day, or first day of the quarter, of their sessions' starts."""
        found: dict[tuple[str, date], set[str]] = defaultdict(set)
        for session in self.sessions():
            day = session.events[0]["event_at"].date()
            if quarter:
                day = day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1)
            if session.client:
                found[session.tenant, day].add(session.client)
        return {key: len(clients) for key, clients in found.items()}
