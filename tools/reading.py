"""The warehouse opened for reading, by whoever makes a figure or a file of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from ingestion.errors import ConfigError, LockedError
from ingestion.lock import warehouse_lock


@contextmanager
def opened_for_reading(warehouse: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A read-only connection in UTC, under the warehouse's lock.

    Raises:
        ConfigError: there is no such file, or it is no DuckDB database.
        LockedError: a run holds the lock, or another program has the file open for writing.
    """
    with warehouse_lock(warehouse), connect_for_reading(warehouse) as connection:
        connection.execute("set TimeZone = 'UTC'")
        yield connection


def connect_for_reading(warehouse: Path) -> duckdb.DuckDBPyConnection:
    """A read-only connection; the caller holds the warehouse's lock.

    Raises:
        ConfigError: there is no such file, or it is no DuckDB database.
        LockedError: another program has it open for writing.
    """
    subject = f"warehouse {warehouse}"
    if not warehouse.is_file():
        raise ConfigError("there is no such file.", subject=subject, remedy="make run")
    try:
        return duckdb.connect(str(warehouse), read_only=True)
    except duckdb.Error as error:
        told = str(error).splitlines()[0]
        if "lock" not in told:
            text = f"DuckDB cannot open it ({told})."
            raise ConfigError(text, subject=subject, remedy="check STRATA_WAREHOUSE.") from error
        text = f"another program has it open for writing ({told})."
        remedy = "end that program; who only reads takes the copy of make publish instead (docs/publish.md)."
        raise LockedError(text, subject=subject, remedy=remedy) from error
