"""A small Workday tenant served by the sandbox's app, and loads of it into a warehouse of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from support.workday_tenant import reports

from ingestion.sandbox.apps.workday import WorkdayApp
from ingestion.sandbox.rest import RestServer


@pytest.fixture
def app() -> WorkdayApp:
    """Twenty workers, ten expense lines, ten journal lines."""
    return WorkdayApp(reports(), owner="isu_strata", nested=("Cost_Center", "Company"))


@pytest.fixture
def warehouse(tmp_path: Path) -> Path:
    """Where this test's warehouse will be."""
    return tmp_path / "warehouse" / "test.duckdb"


@pytest.fixture
def settings(warehouse: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, str]]:
    """Point the Workday source at a server; returns the settings, which are also set in this process."""

    def point_at(server: RestServer, **more: str) -> dict[str, str]:
        own = {
            "base_url": server.base_url,
            "tenant": "strata",
            "report_owner": "isu_strata",
            "user": server.credentials.user,
            "password": server.credentials.password,
            "requests_per_minute": "0",
            "max_reject_ratio": "0.5",
            "max_attempts": "2",
            **more,
        }
        values = {"STRATA_WAREHOUSE": str(warehouse), "STRATA_LOCK_WAIT": "1"}
        values |= {f"SOURCES__WORKDAY__{name.upper()}": value for name, value in own.items()}
        for name, value in values.items():
            monkeypatch.setenv(name, value)
        return values

    return point_at


@pytest.fixture
def tenant(app: WorkdayApp, settings: Callable[..., dict[str, str]]) -> Iterator[RestServer]:
    """The tenant served on loopback, with the source's settings pointing at it."""
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
