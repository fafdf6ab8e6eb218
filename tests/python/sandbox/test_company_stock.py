"""Material stock: served from MARD, and an empty set where an extract has no such table."""

from __future__ import annotations

from collections.abc import Callable

from sandbox_client import Client

from ingestion.sandbox import Table, Tables

STOCK = "API_MATERIAL_STOCK_SRV/A_MatlStkInAcctMod"


def test_stock_is_served_by_its_key(reader: Client, tables: Tables) -> None:
    rows = reader.all(STOCK)
    names = ("Material", "Plant", "StorageLocation", "InventoryStockType")
    assert len({tuple(row[name] for name in names) for row in rows}) == len(rows) == len(tables["MARD"].rows)
    assert {row["MaterialBaseUnit"] for row in rows} == {"EA", "KG"}


def test_an_extract_without_stock_serves_an_empty_set(tables: Tables, connect: Callable[..., Client]) -> None:
    tables["MARD"] = Table("MARD", [])
    client = connect(tables)
    assert client.all(STOCK) == []
    assert client.get(f"{STOCK}/$count").text == "0"
