"""Partner-bank indicators over random histories: as defined, week after week, and closed when they are old."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any
from unittest import mock

import pytest
from dbt.tracking import User
from harness import Warehouse
from partner_bank_oracle import COLUMNS, FIRST_SUNDAY, WEEK, Known, Row, group_of
from test_incremental import seeds

FACT, RESTATEMENTS = "dev_marts.fct_partner_bank_indicators_weekly", "dev_marts.fct_partner_bank_restatements"
BUILD = (
    "build", "--select", "+fct_partner_bank_restatements", "--exclude-resource-type", "test", "unit_test",
)  # fmt: skip
AGAIN = (*BUILD, "--exclude", "resource_type:seed", "dim_date")
BICS = ("HBUKGB4B", "MIDLGB22", "BARCGB22", "CITIGB2L", "ZZZZGB2L", "HSBCDEFF")
GROUPS = sorted({group_of(bic) for bic in BICS})
PRODUCTS = ("current_account", "deposit", "fx")
FIRST_RUN = date(2020, 12, 21)  # a Monday; later runs pass week 53
Rows = dict[tuple[str, str, date], tuple[Any, ...]]
Place = tuple[str, str, date]


class History:
    """Clients, relationships, balances and payments that land in batches, in and out of order."""

    def __init__(self, seed: int, clients: int, payments: int) -> None:
        self.random = Random(seed)
        self.clients: dict[str, list[tuple[datetime, Row]]] = {}
        self.relationships: dict[str, list[tuple[datetime, Row]]] = {}
        self.balances: dict[tuple[str, date], Row] = {}
        self.payments: dict[str, Row] = {}
        self.landed_from = datetime(2020, 2, 1, tzinfo=UTC)
        self.today = date(2020, 2, 1)
        self.names = [f"CL-{number}" for number in range(clients)]
        self.per_batch = payments

    def live_until(self, day: date) -> None:
        """Let a batch land before a day: new, changed, late and deleted records."""
        first = not self.clients
        self.landed_from, self.today = datetime.combine(self.today, datetime.min.time(), UTC), day
        for name in self.names:
            if first or self.random.random() < 0.3:
                self._change_client(name)
        for _ in range(len(self.names) * (2 if first else 1)):
            self._change_relationship()
        for number, versions in self.relationships.items():
            if self.random.random() < 0.6:
                self._balance(number, versions[-1][1])
        for _ in range(self.per_batch * (6 if first else 1)):
            self._pay()

    def write(self, warehouse: Warehouse) -> None:
        """Bring the raw tables to what has landed by now."""
        warehouse.clear("clients", "bank_relationships", "balances", "payments", source="emerald")
        newest = {"clients": self.clients, "bank_relationships": self.relationships}
        for dataset, entities in newest.items():
            rows = [{**versions[-1][1], "_landed_at": versions[-1][0]} for versions in entities.values()]
            warehouse.land(dataset, rows, source="emerald")
        warehouse.land("balances", self.balances.values(), source="emerald")
        warehouse.land("payments", self.payments.values(), source="emerald")

    def known(self, warehouse: Warehouse) -> Known:
        """What no rule holds back: the rules have tests of their own."""

        def good(entity: str, key: str) -> set[Any]:
            query = f"select {key} from dev_intermediate.int_clients__{entity}_validated where reason_codes is null"
            return {row[0] for row in warehouse.query(query)}

        relationships, clients = good("bank_relationships", "relationship_id"), good("clients", "client_id")
        payments, balances = good("payments", "payment_id"), good("balances", "relationship_id || ' ' || balance_date")
        return Known(
            {key: versions for key, versions in self.relationships.items() if key in relationships},
            {key: versions for key, versions in self.clients.items() if key in clients},
            [row for (number, day), row in self.balances.items() if f"{number} {day}" in balances],
            [row for key, row in self.payments.items() if key in payments],
        )

    def _moment(self) -> datetime:
        """When a record of the batch lands; often in the last or the first second of a week."""
        span = (self.today - self.landed_from.date()).days
        day = self.landed_from + timedelta(days=self.random.randrange(max(span, 1)))
        if self.random.random() < 0.3 and day.weekday() == 6:
            return day + timedelta(hours=23, minutes=59, seconds=59)
        return day + timedelta(seconds=self.random.choice([0, 1, 40_000]))

    def _day(self, back: int) -> date:
        return self.today - timedelta(days=self.random.randint(1, back))

    def _change_client(self, name: str) -> None:
        landed_at = self._moment()
        versions = self.clients.setdefault(name, [])
        onboarded = date(2020, 1, 1) + timedelta(days=self.random.choice([0, 0, 30, 250]))
        row: Row = {
            "client_id": name, "legal_name": name, "tenant": "GB10", "country": "GB", "status": "active",
            "onboarded_on": versions[-1][1]["onboarded_on"] if versions else onboarded, "modified_at": landed_at,
            "declared_bank_bic": self.random.choice([*BICS, None, None, None]),
        }  # fmt: skip
        versions.append((landed_at, row))

    def _change_relationship(self) -> None:
        landed_at = self._moment()
        row: Row
        if self.relationships and self.random.random() < 0.4:
            number = self.random.choice(sorted(self.relationships))
            before, row = self.relationships[number][-1]
            landed_at = max(landed_at, before + timedelta(seconds=1))
            row = {**row}
            change = self.random.choice(["end", "end", "move", "suspend", "resume", "date", "product"])
            if change == "end":
                row |= {"status": "ended", "ended_on": max(row["started_on"], landed_at.date() - timedelta(days=2))}
            elif change == "move":
                row |= {"bank_bic": self.random.choice(BICS)}
            elif change == "product":
                row |= {"product": self.random.choice(PRODUCTS)}
            elif change == "date":
                row |= {"started_on": row["started_on"] - timedelta(days=self.random.randint(1, 60))}
            elif row["status"] != "ended":
                row |= {"status": "suspended" if change == "suspend" else "active"}
        else:
            number = f"R{len(self.relationships)}"
            start = self._day(self.random.choice([6, 60, 900]))
            row = {
                "relationship_id": number, "client_id": self.random.choice(self.names), "started_on": start,
                "bank_bic": self.random.choice(BICS), "product": self.random.choice(PRODUCTS), "status": "active",
                "ended_on": None,
            }  # fmt: skip
            if self.random.random() < 0.3:  # often starts and ends inside a week
                row |= {"status": "ended", "ended_on": min(start + timedelta(days=3), self.today - timedelta(days=1))}
        versions = self.relationships.setdefault(number, [])
        if versions and versions[-1][0] >= self.landed_from:
            versions.pop()  # no run came between the two, so that the first was never seen
        versions.append((landed_at, {**row, "modified_at": landed_at}))

    def _balance(self, number: str, relationship: Row) -> None:
        day = max(relationship["started_on"], self._day(80))
        key = number, day
        gone = key in self.balances and self.random.random() < 0.3
        self.balances[key] = {
            "relationship_id": number, "balance_date": day, "currency": self.random.choice(["GBP", "EUR", "USD"]),
            "balance_amount": Decimal(self.random.choice([5_000, 10_000, 99_999, 250_000, 1_500_000])),
            "modified_at": self._moment(), "_landed_at": self._moment(), "_is_deleted": gone,
        }  # fmt: skip

    def _pay(self) -> None:
        if self.payments and self.random.random() < 0.1:
            row = self.payments[self.random.choice(sorted(self.payments))]
            row |= self.random.choice([{"_is_deleted": True}, {"status": "returned"}, {"amount": Decimal("70.5")}])
            return
        number = f"P{len(self.payments)}"
        # Most clients keep to a bank or two, some of them stop; a few payments come months late.
        client = self.random.choice(self.names)
        place = self.names.index(client)
        bic = BICS[place % 5] if self.random.random() < 0.7 else self.random.choice(BICS)
        day = self._day(300 if len(self.payments) < self.per_batch * 6 else self.random.choice([10, 10, 25, 120]))
        moment = datetime.combine(day, datetime.min.time(), UTC)
        moment += timedelta(seconds=self.random.choice([0, 86_399, 36_000, 50_000]))
        self.payments[number] = {
            "payment_id": number, "client_id": client, "bank_bic": bic, "direction": "outgoing",
            "status": "failed" if self.random.random() < 0.05 else "executed",
            "currency": self.random.choice(["GBP", "GBP", "EUR", "USD"]), "executed_at": moment,
            "amount": Decimal(self.random.choice(["70", "100", "30", "33.3333", "1000"])),
            "modified_at": moment + timedelta(days=1), "_landed_at": self._moment(),
        }  # fmt: skip


def run_on(day: date, warehouse: Warehouse, *arguments: str) -> None:
    """Run dbt as if it were that day: a var for it would have the project parsed anew."""
    moment = datetime.combine(day, datetime.min.time(), UTC) + timedelta(hours=6)
    started = property(lambda _: moment, lambda *_: None)
    with mock.patch.object(User, "run_started_at", started, create=True):
        warehouse.dbt(*arguments)


def stored(warehouse: Warehouse) -> Rows:
    columns = ", ".join(COLUMNS)
    found = warehouse.query(f"select client_id, bank_group, week_end_date, {columns} from {FACT}")
    rows = {(client, group, sunday): tuple(rest) for client, group, sunday, *rest in found}
    assert len(rows) == len(found)
    return rows


def sundays(first: date, last: date) -> list[date]:
    return [first + WEEK * number for number in range((last - first).days // 7 + 1)]


def compare(found: Rows, expected: Rows, where: str) -> None:
    wrong = {key: (found.get(key), expected.get(key)) for key in found.keys() | expected if
             found.get(key) != expected.get(key)}  # fmt: skip
    assert not wrong, f"{where}: found and expected differ in {len(wrong)} rows: {sorted(wrong.items())[:2]}"


def check_restatements(warehouse: Warehouse, delivered: Rows, now: Rows, where: str) -> int:
    """The table lists what the closed weeks would say otherwise, all of it and nothing else."""
    expected: dict[Place, tuple[str, str]] = {}
    for key in delivered.keys() | now:
        was, is_now = delivered.get(key), now.get(key)
        if was != is_now:
            kind = "added" if was is None else "removed" if is_now is None else "changed"
            nothing: tuple[Any, ...] = (None,) * len(COLUMNS)
            pairs = zip(COLUMNS, was or nothing, is_now or nothing, strict=True)
            expected[key] = kind, " ".join(name for name, one, other in pairs if one != other)
    found = {
        (client, group, sunday): (kind, columns)
        for client, group, sunday, kind, columns in warehouse.query(
            f"select client_id, bank_group, week_end_date, restatement_kind, changed_columns from {RESTATEMENTS}"
        )
    }
    assert found == expected, f"{where}: restatements differ"
    return len(expected)


def check_history(warehouse: Warehouse, seed: int, steps: tuple[int, ...], clients: int, payments: int) -> None:
    """Runs after so many days each: open weeks are as defined, closed ones as they were delivered."""
    print(f"STRATA_SEED={seed}")
    history = History(seed, clients, payments)
    day, delivered, last, restated = FIRST_RUN, {}, None, 0
    for step in (0, *steps):
        day += timedelta(days=step)
        where = f"seed {seed}, run of {day}"
        history.live_until(day)
        history.write(warehouse)
        run_on(day, warehouse, *(AGAIN if last else BUILD))
        known = history.known(warehouse)
        newest = day - timedelta(days=day.isoweekday())
        everything = {
            key: row
            for sunday in sundays(FIRST_SUNDAY + WEEK, newest)
            for key, row in known.week(sunday, history.names, GROUPS).items()
        }
        # The last four weeks, and those that no run has seen.
        first_open = FIRST_SUNDAY if last is None else min(newest - 3 * WEEK, last + WEEK)
        closed = {key: row for key, row in delivered.items() if key[2] < first_open}
        delivered = {**closed, **{key: row for key, row in everything.items() if key[2] >= first_open}}
        compare(stored(warehouse), delivered, where)
        old = newest - 4 * WEEK
        restated += check_restatements(
            warehouse,
            {key: row for key, row in delivered.items() if key[2] <= old},
            {key: row for key, row in everything.items() if key[2] <= old},
            where,
        )
        last = newest
    statuses = {row[2] for row in everything.values()}
    assert len(everything) > 100 and len(statuses) >= 4 and restated, f"seed {seed}: too little happened"

    with warehouse.connect() as connection:
        connection.execute(f"drop table {FACT}")
    run_on(day, warehouse, "run", "--select", "fct_partner_bank_indicators_weekly", "fct_partner_bank_restatements")
    compare(stored(warehouse), everything, f"seed {seed}, from nothing")
    assert warehouse.query(f"select count(*) from {RESTATEMENTS}") == [(0,)]


@pytest.mark.parametrize("seed", seeds(1))
def test_weeks_follow_the_definition_and_stay_closed(warehouse: Warehouse, seed: int) -> None:
    # A week later, then four weeks unseen across New Year and week 53.
    check_history(warehouse, seed, steps=(7, 35), clients=7, payments=30)


@pytest.mark.slow
@pytest.mark.parametrize("seed", seeds(4))
def test_long_histories_of_many_clients(warehouse: Warehouse, seed: int) -> None:
    check_history(warehouse, seed, steps=(7, 7, 14, 3, 42, 7, 7), clients=25, payments=120)
