"""A small Oracle pod served by the sandbox's app, and loads of it into a warehouse of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from support.fusion_company import company

from ingestion.sandbox.apps.oracle import OracleApp
from ingestion.sandbox.rest import RestServer


@pytest.fixture
def app() -> OracleApp:
    """Twelve invoices, three accounts, four journals, five requisitions."""
    return OracleApp(company())


@pytest.fixture
def warehouse(tmp_path: Path) -> Path:
    """Where this test's warehouse will be."""
    return tmp_path / "warehouse" / "test.duckdb"


@pytest.fixture
def settings(warehouse: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, str]]:
    """Point the Oracle source at a server; returns the settings, which are also set in this process."""

    def point_at(server: RestServer, **more: str) -> dict[str, str]:
        own = {
            "base_url": server.base_url,
            "user": server.credentials.user,
            "password": server.credentials.password,
            "requests_per_minute": "0",
            "page_size": "4",
            "max_reject_ratio": "0.5",
            "max_attempts": "3",
            **more,
        }
        values = {"STRATA_WAREHOUSE": str(warehouse), "STRATA_LOCK_WAIT": "1"}
        values |= {f"SOURCES__ORACLE__{name.upper()}": value for name, value in own.items()}
        for name, value in values.items():
            monkeypatch.setenv(name, value)
        return values

    return point_at


@pytest.fixture
def pod(app: OracleApp, settings: Callable[..., dict[str, str]]) -> Iterator[RestServer]:
    """The pod served on loopback, with the source's settings pointing at it."""
    with RestServer([app]) as server:
        settings(server)
        yield server


@pytest.fixture
def rows(warehouse: Path) -> Callable[..., list[tuple[Any, ...]]]:
    """Query the test's warehouse."""

    def query(sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(warehouse)) as connection:
            return connection.execute(sql).fetchall()

    return query
