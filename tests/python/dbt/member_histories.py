"""Random histories of master data, and what the dimensions have to say of them, worked out naively.

A naive reading knows nothing of dbt: it looks at the source at each run, as a clerk would who keeps a card per member.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any, NamedTuple

from harness import Warehouse

Row = dict[str, Any]
START, END = datetime(1900, 1, 1), datetime(9999, 12, 31)
ACTIONS = ("stay", "again", "change", "change", "tombstone", "vanish", "return")


class Entity(NamedTuple):
    """A dimension whose versions come from a snapshot of one landed table."""

    name: str
    source: str
    dataset: str
    id_field: str
    value_field: str
    value_column: str
    others: Row
    reference: tuple[str, str, str]
    """Source, dataset and field of a transaction that can name a member before it lands."""


ENTITIES = (
    Entity("supplier", "sap", "suppliers", "supplier", "business_partner_full_name", "supplier_name",
           {"country": "NA"}, ("sap", "purchase_orders", "supplier")),
    Entity("material", "sap", "materials", "product", "product_description", "material_name",
           {}, ("sap", "goods_receipts", "material")),
    Entity("client", "emerald", "clients", "client_id", "legal_name", "client_name",
           {"tenant": "GB10", "country": "DE", "status": "active"}, ("crm", "sign_ups", "client_id")),
    Entity("product", "atom", "products", "product_id", "product_name", "product_name",
           {"currency": "GBP", "is_active": True}, ("atom", "order_lines", "product_id")),
)  # fmt: skip


def key(*parts: object) -> str:
    """The surrogate key of these parts, as dbt_utils makes it."""
    return hashlib.md5("-".join(str(part) for part in parts).encode()).hexdigest()  # noqa: S324 - not for secrecy


def utc(stamp: datetime) -> datetime:
    return stamp.astimezone(UTC).replace(tzinfo=None)


@dataclass
class Version:
    """One line on the card: since is exact for what landed; a run that misses a member knows only "not before"."""

    value: Any
    deleted: bool = False
    since: datetime | None = None
    not_before: datetime | None = None


@dataclass
class Members:
    """The landed rows of one entity, and the card of each member."""

    entity: Entity
    ids: list[Any]
    random: Random
    rows: dict[Any, Row] = field(default_factory=dict)
    gone: dict[Any, Row] = field(default_factory=dict)
    cards: dict[Any, list[Version]] = field(default_factory=dict)
    referenced: set[Any] = field(default_factory=set)

    def step(self, run: int) -> None:
        """Let one thing happen to each member; the first three do what the dice may leave out."""
        for number, member in enumerate(self.ids):
            action = self.random.choice(ACTIONS)
            if number < 3:
                # Landed, deleted twice over, back; landed late; landed and left alone.
                action = (("change", "tombstone", "stay", "return"), ("stay", "stay", "change", "again"),
                          ("change", "stay", "stay", "again"))[number][run % 4]  # fmt: skip
            self.act(member, action)

    def act(self, member: Any, action: str) -> None:
        stamp, present = datetime.now(UTC), self.rows.get(member)
        fresh = {self.entity.id_field: member, **self.entity.others, "_landed_at": stamp, "_is_deleted": False}
        if action == "change":
            self.rows[member] = {**fresh, self.entity.value_field: f"Synthetic {self.random.randint(1, 3)}"}
        elif action == "again" and present:
            self.rows[member] = {**present, "_landed_at": stamp}
        elif action == "tombstone" and present:
            self.rows[member] = {**present, "_landed_at": stamp, "_is_deleted": True}
        elif action == "vanish" and present:
            self.gone[member] = self.rows.pop(member)
        elif action == "return":
            old = self.gone.get(member) or present
            if old:
                self.rows[member] = {**old, "_landed_at": stamp, "_is_deleted": False}

    def write(self, warehouse: Warehouse) -> None:
        warehouse.clear(self.entity.dataset, source=self.entity.source)
        rows = list(self.rows.values())
        self.random.shuffle(rows)
        warehouse.land(self.entity.dataset, rows, source=self.entity.source)
        source, dataset, name = self.entity.reference
        new = [member for member in self.ids if member not in self.referenced and self.random.random() < 0.7]
        # The second member is named before it lands, whatever the dice say.
        new += [member for member in self.ids[1:2] if member not in self.referenced and member not in new]
        warehouse.land(dataset, [{name: member} for member in new], source=source)
        self.referenced |= set(new)

    def observe(self, ran: datetime) -> None:
        """Write down what a run that starts now finds."""
        for member in {*self.cards, *self.rows}:
            row = self.rows.get(member)
            card = self.cards.get(member) or []
            last = card[-1] if card else None
            if row is not None and not row["_is_deleted"]:
                if last is None or last.deleted or last.value != row[self.entity.value_field]:
                    card.append(Version(row[self.entity.value_field], since=utc(row["_landed_at"])))
            elif last is not None and not last.deleted:
                card.append(Version(last.value, deleted=True, not_before=utc(ran)))
            if card:
                self.cards[member] = card


@dataclass
class Workers:
    """Dated entries of workers: entered, corrected, rescinded and entered again; and the cost centres that follow."""

    random: Random
    today: date
    rows: dict[tuple[str, date], Row] = field(default_factory=dict)
    known: dict[tuple[str, date], tuple[Row, int | None]] = field(default_factory=dict)
    """The last that was known of each entry, and the run that missed it."""
    cards: dict[str, list[Version]] = field(default_factory=dict)
    """The card of each cost centre."""
    runs: int = 0

    def step(self, run: int) -> None:
        for number in range(1, 16):
            worker = f"W{number}"
            dates = [effective for (employee, effective) in self.rows if employee == worker]
            for _ in range(2):
                action = self.random.choice(["stay", "enter", "enter", "correct", "rescind", "leave"])
                if action == "enter" or (run == 0 and number < 5):
                    # Years around today, so that entries come in between, before and ahead.
                    self.enter(worker, self.today + timedelta(days=self.random.randint(-900, 200)))
                elif action == "correct" and dates:
                    self.enter(worker, self.random.choice(dates))
                elif action == "rescind" and dates:
                    self.rescind(worker, self.random.choice(dates))
                elif action == "leave" and self.random.random() < 0.3:
                    for effective in dates:
                        self.rescind(worker, effective)
        # In the first run one works until today; then an entry comes in between, then the first goes, then all go.
        entries = [(-300, -100), (-200,), (), ()][run % 4]
        for days in entries:
            self.enter("W0", self.today + timedelta(days=days))
        for days in [(), (), (-300,), (-200, -100)][run % 4]:
            self.rescind("W0", self.today + timedelta(days=days))

    def enter(self, worker: str, effective: date) -> None:
        self.rows[worker, effective] = {
            "employee_id": worker,
            "effective_date": effective,
            "worker_type": "Employee",
            "worker_status": self.random.choice(["Active", "Active", "On Leave", "Terminated"]),
            "cost_center": self.random.choice(["CC1", "CC2", "CC3", "CC4", "CC5", "CC6"]),
            "company": self.random.choice(["GB10", "DE10"]),
            "country": self.random.choice(["GB", "NA"]),
            "manager_id": self.random.choice(["W1", "W2", "W99", None]),
            "hire_date": effective,
            "_landed_at": datetime.now(UTC),
            "_is_deleted": False,
        }

    def rescind(self, worker: str, effective: date) -> None:
        """As a full report does: the row stays as a tombstone, or is gone."""
        if (row := self.rows.get((worker, effective))) and self.random.random() < 0.7:
            self.rows[worker, effective] = {**row, "_is_deleted": True, "_landed_at": datetime.now(UTC)}
        else:
            self.rows.pop((worker, effective), None)

    def write(self, warehouse: Warehouse) -> None:
        warehouse.clear("workers", source="workday")
        rows = list(self.rows.values())
        self.random.shuffle(rows)
        warehouse.land("workers", rows, source="workday")
        if not self.runs:
            # A worker and a cost centre that no entry will ever name.
            expense = {"employee_id": "W77", "cost_center": "CC77"}
            warehouse.land("travel_expenses", [expense], source="workday")

    def standing(self) -> list[Row]:
        return [row for row in self.rows.values() if not row["_is_deleted"]]

    def observe(self, ran: datetime) -> None:
        self.runs += 1
        standing = {(row["employee_id"], row["effective_date"]): row for row in self.standing()}
        for entry, (row, missed) in list(self.known.items()):
            if entry not in standing and missed is None:
                self.known[entry] = (row, self.runs)
        for entry, row in standing.items():
            self.known[entry] = (row, None)
        derived = self.cost_centers()
        for center in {*self.cards, *derived}:
            card = self.cards.setdefault(center, [])
            last = card[-1] if card else None
            if center in derived:
                if last is None or last.deleted or last.value != derived[center]:
                    card.append(Version(derived[center], not_before=utc(ran)))
            elif last is not None and not last.deleted:
                card.append(Version(last.value, deleted=True, not_before=utc(ran)))

    def cost_centers(self) -> dict[str, tuple[Any, ...]]:
        """Company, country and manager of each cost centre by vote, and whether somebody works there."""
        entries = [row for row in self.standing() if row["effective_date"] <= self.today]
        latest = {
            worker: max(row["effective_date"] for row in entries if row["employee_id"] == worker)
            for worker in {row["employee_id"] for row in entries}
        }
        by_center = defaultdict(list)
        for row in entries:
            ended = row["effective_date"] != latest[row["employee_id"]]
            by_center[row["cost_center"]].append((row, not ended, not ended and row["worker_status"] != "Terminated"))
        return {
            center: (*(vote(votes, name) for name in ("company", "country", "manager_id")), any(v[2] for v in votes))
            for center, votes in by_center.items()
        }

    def versions(self) -> dict[str, list[tuple[date, Row, bool]]]:
        """Effective date, entry and whether it is gone, of each worker."""
        found: dict[str, list[tuple[date, Row, bool]]] = {}
        for worker in {worker for worker, _ in self.known}:
            own = {effective: known for (employee, effective), known in self.known.items() if employee == worker}
            left = [missed for _, missed in own.values() if missed is not None]
            gone = len(left) == len(own)
            kept = [
                (effective, row, gone)
                for effective, (row, missed) in sorted(own.items())
                if missed is None or (gone and missed == max(left))
            ]
            found[worker] = kept
        return found


def vote(votes: list[tuple[Row, bool, bool]], name: str) -> Any:
    """What most of those who work there have; then of those who ended there, then of all; then the smallest value."""
    working, ended, all_votes = Counter(), Counter(), Counter()
    for row, latest, working_now in votes:
        working[row[name]] += working_now
        ended[row[name]] += latest
        all_votes[row[name]] += 1
    values = sorted(value for value in all_votes if value is not None)
    return min(values, key=lambda v: (-working[v], -ended[v], -all_votes[v], v)) if values else None
