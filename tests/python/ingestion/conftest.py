"""A small SAP company served by the sandbox, and loads of it into a warehouse of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ingestion.sandbox import SandboxServer
from ingestion.sandbox.tables import Tables, read_extract

SUPPLIERS = [("100001", "GB"), ("100002", "DE"), ("100003", "US"), ("100004", "FR"), ("100005", "PL"), ("100006", "IT")]
FILES = {
    "EKKO": ["EBELN,BSART,LOEKZ,ERNAM,LIFNR,EKORG,EKGRP,WAERS,BEDAT,AEDAT"]
    + [f"45000000{n:02},NB,,BUYER01,{SUPPLIERS[n % 6][0]},1000,001,GBP,2026-01-{n:02},2026-01-{n:02}"
       for n in range(1, 11)],
    "EKPO": ["EBELN,EBELP,LOEKZ,MATNR,WERKS,MATKL,MENGE,MEINS,BPRME,NETPR,PEINH,ELIKZ"]
    + [f"45000000{n:02},{i}0,,M-{i},1000,G1,{n * i},EA,EA,12.50,1," for n in range(1, 11) for i in (1, 2)],
    "EKET": ["EBELN,EBELP,ETENR,EINDT,SLFDT,MENGE"]
    + [f"45000000{n:02},{i}0,1,2026-02-{n:02},2026-02-{n:02},{n * i}" for n in range(1, 11) for i in (1, 2)],
    "EKBE": ["EBELN,EBELP,GJAHR,BELNR,BUZEI,BWART,BUDAT,MENGE,MATNR,WERKS,CPUDT,BLDAT"]
    + [f"45000000{n:02},10,2026,50000000{n:02},1,101,2026-02-{n:02},{n},M-1,1000,2026-02-{n:02},2026-02-{n:02}"
       for n in range(1, 9)],
    "LFA1": ["LIFNR,LAND1,NAME1,ORT01"]
    + [f"{key},{country},Synthetic Supplier {key},Town" for key, country in SUPPLIERS],
    "MAKT": ["MATNR,MAKTX", "M-1,Sample bolt", "M-2,Sample nut", "M-3,Sample washer"],
    "MARD": ["MATNR,WERKS,LGORT,CHARG,LBBSA,MEINS,LABST"]
    + [f"M-{i},{plant},0001,,01,EA,{i}00.5" for i in (1, 2, 3) for plant in ("1000", "2000")],
    "T001W": ["WERKS,NAME1,LAND1,ORT01", "1000,North,GB,Town", "2000,South,DE,Town"],
}  # fmt: skip


@pytest.fixture
def tables(tmp_path: Path) -> Tables:
    """Ten orders of two items, six suppliers, three materials, two plants, six stocks."""
    directory = tmp_path / "extract"
    directory.mkdir()
    for name, lines in FILES.items():
        (directory / f"{name}.csv").write_text("\r\n".join(lines) + "\r\n", encoding="utf-8-sig")
    return read_extract(directory)


@pytest.fixture
def warehouse(tmp_path: Path) -> Path:
    """Where this test's warehouse will be."""
    return tmp_path / "warehouse" / "test.duckdb"


@pytest.fixture
def settings(tmp_path: Path, warehouse: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, str]]:
    """Point the SAP source at a server; returns the settings, which are also set in this process."""

    def point_at(server: SandboxServer, **more: str) -> dict[str, str]:
        values = {
            "STRATA_WAREHOUSE": str(warehouse),
            "STRATA_LOCK_WAIT": "1",
            "SOURCES__SAP__BASE_URL": server.base_url,
            "SOURCES__SAP__TOKEN_URL": server.token_url,
            "SOURCES__SAP__CLIENT_ID": server.client_id,
            "SOURCES__SAP__CLIENT_SECRET": server.client_secret,
            "SOURCES__SAP__REQUESTS_PER_MINUTE": "0",
            "SOURCES__SAP__PAGE_SIZE": "4",
            "SOURCES__SAP__MAX_REJECT_RATIO": "0.5",
            **{f"SOURCES__SAP__{name.upper()}": value for name, value in more.items()},
        }
        for name, value in values.items():
            monkeypatch.setenv(name, value)
        return values

    return point_at


@pytest.fixture
def sap(tables: Tables, settings: Callable[..., dict[str, str]]) -> Iterator[SandboxServer]:
    """The company served on loopback, with the source's settings pointing at it."""
    with SandboxServer(tables) as server:
        settings(server)
        yield server


@pytest.fixture
def rows(warehouse: Path) -> Callable[..., list[tuple[Any, ...]]]:
    """Query the test's warehouse."""

    def query(sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(warehouse)) as connection:
            return connection.execute(sql).fetchall()

    return query
