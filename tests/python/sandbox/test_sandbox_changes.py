"""Changing the data between two loads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from sandbox_client import ORDERS, Client

from ingestion.sandbox import SandboxError, Tables, read_extract

SERVICE = "API_PURCHASEORDER_PROCESS_SRV"
CHANGED = "2026-10-05T08:30:00Z"
SINCE = "LastChangeDateTime ge datetimeoffset'2026-10-05T00:00:00Z'"


def declared(client: Client) -> dict[str | None, str | None]:
    document = client.metadata(SERVICE)
    return {node.get("Name"): node.get("Type") for node in document.iter() if node.tag.endswith("}Property")}


@pytest.fixture
def order(tables: Tables) -> str:
    """An order's number."""
    return tables["EKKO"].rows[3][1]


def test_update_with_change_stamp(connect: Callable[..., Client], tables: Tables, order: str) -> None:
    client = connect(tables)
    assert client.results(ORDERS, filter=SINCE) == []
    assert client.server.update("EKPO", {"EBELN": order}, {"MENGE": "77.000"}, changed_at=CHANGED) >= 1
    (found,) = client.results(ORDERS, filter=SINCE, expand="to_PurchaseOrderItem")
    assert found["PurchaseOrder"] == order
    assert {item["OrderQuantity"] for item in found["to_PurchaseOrderItem"]["results"]} == {"77.000"}


def test_update_without_change_stamp_stays_unseen(connect: Callable[..., Client], tables: Tables, order: str) -> None:
    client = connect(tables)
    client.server.update("EKKO", {"EBELN": order}, {"ZTERM": "N999"})
    assert client.results(ORDERS, filter=SINCE) == []
    assert client.get(f"{ORDERS}('{order}')").json()["d"]["PaymentTerms"] == "N999"


def test_insert_and_delete(connect: Callable[..., Client], tables: Tables, order: str) -> None:
    client = connect(tables)
    client.server.insert("EKKO", {"EBELN": "4599999999", "LIFNR": "1000001", "LASTCHANGEDATETIME": CHANGED})
    assert [found["PurchaseOrder"] for found in client.results(ORDERS, filter=SINCE)] == ["4599999999"]
    client.server.delete("EKPO", {"EBELN": order, "EBELP": "10"}, changed_at=CHANGED)
    found = client.get(f"{ORDERS}('{order}')", expand="to_PurchaseOrderItem").json()["d"]
    assert "10" not in {item["PurchaseOrderItem"] for item in found["to_PurchaseOrderItem"]["results"]}
    assert len(client.results(ORDERS, filter=SINCE)) == 2
    assert client.server.delete("EKKO", {"EBELN": order}) == 1
    assert client.get(f"{ORDERS}('{order}')").status_code == 404


def test_stamp_column_is_added_where_the_extract_has_none(
    connect: Callable[..., Client], tables: Tables, order: str
) -> None:
    header = tables["EKKO"]
    stamp = header.position("LASTCHANGEDATETIME")
    header.columns.pop(stamp)
    for row in header.rows:
        row.pop(stamp)
    client = connect(tables)
    client.server.update("EKKO", {"EBELN": order}, {"ZTERM": "N999"}, changed_at=CHANGED)
    assert [found["PurchaseOrder"] for found in client.results(ORDERS, filter=SINCE)] == [order]


def test_added_extension_column_is_served(connect: Callable[..., Client], tables: Tables) -> None:
    client = connect(tables)
    assert "YY1_CostCentre" not in client.results(ORDERS, top=1)[0]
    client.server.add_column("EKKO", "YY1_CostCentre", "CC-10")
    assert client.results(ORDERS, top=1, filter="YY1_CostCentre eq 'CC-10'")[0]["YY1_CostCentre"] == "CC-10"
    assert declared(client)["YY1_CostCentre"] == "Edm.String"


def test_changed_type(connect: Callable[..., Client], tables: Tables) -> None:
    client = connect(tables)
    client.server.change_type("A_PurchaseOrderItem", "OrderQuantity", "Edm.Double")
    client.server.change_type("A_PurchaseOrder", "DocumentCurrency", "Edm.Int32", lambda text: str(len(text)))
    assert declared(client)["OrderQuantity"] == "Edm.Double"
    assert isinstance(client.results(f"{SERVICE}/A_PurchaseOrderItem", top=1)[0]["OrderQuantity"], float)
    assert client.results(ORDERS, top=1)[0]["DocumentCurrency"] == 3


def test_removed_property(connect: Callable[..., Client], tables: Tables) -> None:
    client = connect(tables)
    client.server.remove_property("A_PurchaseOrder", "PaymentTerms")
    assert "PaymentTerms" not in declared(client)
    assert "PaymentTerms" not in client.results(ORDERS, top=1)[0]


def test_other_servers_keep_their_declarations(connect: Callable[..., Client], tables: Tables) -> None:
    connect(tables).server.remove_property("A_PurchaseOrder", "PaymentTerms")
    assert "PaymentTerms" in declared(connect(tables))


def test_changes_that_hit_nothing_are_errors(connect: Callable[..., Client], tables: Tables) -> None:
    server = connect(tables).server
    with pytest.raises(SandboxError, match="no row of EKKO has EBELN='none'"):
        server.update("EKKO", {"EBELN": "none"}, {"WAERS": "EUR"})
    with pytest.raises(SandboxError, match="no row of LFA1"):
        server.delete("LFA1", {"LIFNR": "none"})
    with pytest.raises(SandboxError, match=r"no table NOPE.*use one of EKKO"):
        server.insert("NOPE", {})
    with pytest.raises(SandboxError, match="table EKKO has no column NOPE"):
        server.insert("EKKO", {"NOPE": "1"})
    with pytest.raises(SandboxError, match="has a column WAERS already"):
        server.add_column("EKKO", "WAERS")
    with pytest.raises(SandboxError, match="LFA1 holds no purchase orders"):
        server.update("LFA1", {"LIFNR": "1000001"}, {"SPERR": "X"}, changed_at=CHANGED)
    with pytest.raises(SandboxError, match="no type Edm.Nope"):
        server.change_type("A_Plant", "Plant", "Edm.Nope")
    with pytest.raises(SandboxError, match="A_Plant has no property Nope"):
        server.remove_property("A_Plant", "Nope")


def test_reload_reads_the_directory_again(
    connect: Callable[..., Client], tables: Tables, tmp_path: Path, order: str
) -> None:
    tables.save(tmp_path)
    client = connect(tmp_path)
    changed = read_extract(tmp_path)
    changed["EKKO"].update({"EBELN": order}, {"LASTCHANGEDATETIME": CHANGED})
    changed.save(tmp_path)
    assert client.results(ORDERS, filter=SINCE) == []
    client.server.reload()
    assert len(client.results(ORDERS, filter=SINCE)) == 1
    (tmp_path / "EKBE.csv").unlink()
    with pytest.raises(SandboxError, match="EKBE"):
        client.server.reload()
    assert len(client.results(ORDERS, filter=SINCE)) == 1
