"""The Incentive platform served on loopback, and loads of it into a warehouse of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from support import platforms


@pytest.fixture
def warehouse(tmp_path: Path) -> Path:
    """Where this test's warehouse will be."""
    return tmp_path / "warehouse" / "test.duckdb"


@pytest.fixture
def point_at(warehouse: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, str]]:
    """Point the source at a server; returns the settings, which are also set in this process."""

    def point(server: Any, **more: str) -> dict[str, str]:
        values = platforms.settings("incentive", server, warehouse, **more)
        for name, value in values.items():
            monkeypatch.setenv(name, value)
        return values

    return point


@pytest.fixture
def rows(warehouse: Path) -> Callable[..., list[tuple[Any, ...]]]:
    """Query the test's warehouse."""

    def query(sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(warehouse)) as connection:
            return connection.execute(sql).fetchall()

    return query
