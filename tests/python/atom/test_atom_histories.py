"""Random histories of the platform: after each load the warehouse holds what the platform holds."""

from __future__ import annotations

import os
import random

import pytest

from ingestion.runner import load as load_source
from ingestion.sources.atom import AtomReader

SEED = int(os.environ.get("STRATA_SEED", "1"))
ORDERS = "order_id, tenant, status, freight_amount, shipped_at, updated_at"
LINES = "order_id, line_number, quantity, unit_price, updated_at"


class History:
    """Things that happen to orders, by chance."""

    def __init__(self, platform, chance: random.Random) -> None:
        self.platform = platform
        self.chance = chance
        self.next_key = 1
        self.removed: list[tuple] = []

    def step(self) -> None:
        """One thing happens."""
        happening = self.chance.choices(
            [self.insert, self.update, self.delete, self.restore, self.late_insert, self.late_update],
            [5, 5, 2, 2, 2, 2],
        )[0]
        happening()

    def stamp(self) -> str:
        """Now, of low resolution so that stamps repeat."""
        return f"2025-09-{10 + self.next_key // 40:02} {self.chance.randrange(24):02}:00:00+00"

    def insert(self, stamp: str | None = None) -> None:
        last = self.next_key + self.chance.randrange(4)
        self.platform.orders(self.next_key, last, stamp or self.stamp())
        self.next_key = last + 1

    def late_insert(self) -> None:
        self.insert(f"2025-01-{self.chance.randrange(1, 28):02} 00:00:00+00")

    def update(self, stamp: str | None = None) -> None:
        status = self.chance.choice(["shipped", "delivered", "cancelled"])
        self.platform.run(
            "update atom.orders set status = %s, shipped_at = %s, updated_at = %s where order_id = %s",
            status, self.chance.choice([None, "2025-09-30 00:00:00+02"]), stamp or self.stamp(), self.key(),
        )  # fmt: skip
        self.platform.run(
            "update atom.order_lines set quantity = quantity + 0.125, updated_at = %s where order_id = %s",
            stamp or self.stamp(), self.key(),
        )  # fmt: skip

    def late_update(self) -> None:
        # A stamp tells versions apart: a change that keeps an old stamp is not to be seen by anyone.
        self.update(f"2025-02-01 00:00:{self.chance.uniform(0, 59):09.6f}+00")

    def delete(self) -> None:
        key = self.key()
        self.removed += self.platform.run("delete from atom.orders where order_id = %s returning *", key)
        self.platform.run("delete from atom.order_lines where order_id = %s", key)

    def restore(self) -> None:
        if self.removed:
            row = self.removed.pop(self.chance.randrange(len(self.removed)))
            values = ", ".join(["%s"] * len(row))
            self.platform.run(f"insert into atom.orders values ({values}) on conflict do nothing", *row)

    def key(self) -> int:
        return self.chance.randrange(1, max(self.next_key, 2))


@pytest.mark.parametrize("histories", [1, pytest.param(12, marks=pytest.mark.slow)])
def test_any_history_in_any_number_of_loads_ends_in_the_truth(histories, platform, rows, monkeypatch, warehouse):
    print(f"seed {SEED}")
    monkeypatch.setenv("SOURCES__ATOM__MAX_SHRINK_RATIO", "1")
    for number in range(histories):
        platform.reset()
        monkeypatch.setenv("STRATA_WAREHOUSE", str(warehouse.with_name(f"{number}.duckdb")))
        chance = random.Random(f"{SEED}/{number}")
        history = History(platform, chance)
        history.insert()
        for load in range(5):
            for _ in range(chance.randrange(0, 25)):
                history.step()
            if not platform.run("select 1 from atom.orders limit 1"):
                history.insert()
            load_source(AtomReader.from_config())
            for table, columns in (("orders", ORDERS), ("order_lines", LINES)):
                truth = sorted(platform.run(f"select {columns} from atom.{table}"))
                landed = sorted(held(warehouse.with_name(f"{number}.duckdb"), table, columns))
                assert landed == truth, f"history {number}, load {load}, {table}"


def held(path, table, columns):
    import duckdb

    with duckdb.connect(str(path)) as connection:
        connection.execute("set timezone = 'UTC'")
        return connection.execute(f"select {columns} from raw_atom.{table} where not _is_deleted").fetchall()
