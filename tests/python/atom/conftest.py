"""One PostgreSQL for all tests here; each test has the platform's tables to itself, empty."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ingestion.sandbox.atom import AtomDatabase

NOON = "2025-09-30 12:00:00+00"


class Platform:
    """The Atom platform as its users see it: SQL, and rows of orders with what the contract requires."""

    def __init__(self, database: AtomDatabase) -> None:
        self.database = database
        self._connection = database.connect()

    def run(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Run a statement as the owner; rows of a query."""
        with self._connection.cursor() as cursor:
            cursor.execute(statement, parameters or None)
            return cursor.fetchall() if cursor.description else []

    def orders(self, first: int, last: int, stamp: str = NOON) -> None:
        """Orders with two lines each, all stamped alike, a second apart."""
        self.run(
            "insert into atom.orders (order_id, customer_id, tenant, sales_rep_id, ordered_at, status, currency,"
            " freight_amount, channel, created_at, updated_at) select i, mod(i, 7), 'Tenant ' || mod(i, 3), null, s,"
            " 'placed', 'GBP', i + 0.1234, 'web', s, s from generate_series(%s, %s) as i, lateral"
            " (select %s::timestamptz + i * interval '1 second' as s) as t",
            first, last, stamp,
        )  # fmt: skip
        self.run(
            "insert into atom.order_lines select i, n, 10 + n, i * n / 8.0, 9.9999, 0, 1.98, s from"
            " generate_series(%s, %s) as i, generate_series(1, 2) as n, lateral"
            " (select %s::timestamptz + i * interval '1 second' as s) as t",
            first, last, stamp,
        )  # fmt: skip

    def reset(self) -> None:
        """Make the schema as it was."""
        self.run("drop schema if exists atom cascade")
        self.database.make_tables()

    def close(self) -> None:
        """End the connection."""
        self._connection.close()


@pytest.fixture(scope="session")
def atom_database() -> Iterator[AtomDatabase]:
    """A PostgreSQL with the platform's schema."""
    with AtomDatabase() as database:
        yield database


@pytest.fixture
def warehouse(tmp_path: Path) -> Path:
    """Where this test's warehouse will be."""
    return tmp_path / "warehouse" / "test.duckdb"


@pytest.fixture
def settings(atom_database: AtomDatabase, warehouse: Path) -> dict[str, str]:
    """The settings that lead to the platform and to this test's warehouse."""
    return {
        "STRATA_WAREHOUSE": str(warehouse),
        "STRATA_LOCK_WAIT": "20",
        "SOURCES__ATOM__CREDENTIALS": atom_database.credentials,
        "SOURCES__ATOM__MAX_REJECT_RATIO": "1",
    }


@pytest.fixture
def platform(
    atom_database: AtomDatabase, settings: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Platform]:
    """The platform with empty tables, and the source's settings pointing at it."""
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    with contextlib.closing(Platform(atom_database)) as made:
        made.reset()
        yield made


@pytest.fixture
def rows(warehouse: Path) -> Callable[..., list[tuple[Any, ...]]]:
    """Query the test's warehouse."""

    def query(statement: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(warehouse)) as connection:
            connection.execute("set timezone = 'UTC'")
            return connection.execute(statement).fetchall()

    return query
