"""The real purchasing extract, served and added up."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

from sandbox_client import ORDERS, Client

DOCUMENTS = "API_MATERIAL_DOCUMENT_SRV/A_MaterialDocumentHeader"


def test_figures_of_the_extract(connect: Callable[..., Client], real_extract: Path) -> None:
    client = connect(real_extract, page_size=300)
    orders = client.all(ORDERS, expand="to_PurchaseOrderItem/to_ScheduleLine", orderby="PurchaseOrder")
    items = [item for order in orders for item in order["to_PurchaseOrderItem"]["results"]]
    lines = [line for item in items for line in item["to_ScheduleLine"]["results"]]
    documents = client.all(DOCUMENTS, expand="to_MaterialDocumentItem")
    receipts = [item for document in documents for item in document["to_MaterialDocumentItem"]["results"]]
    assert (len(orders), len(items), len(lines), len(receipts)) == (1000, 1000, 1000, 1000)
    value = sum(
        Decimal(item["OrderQuantity"]) * Decimal(item["NetPriceAmount"]) / Decimal(item["NetPriceQuantity"])
        for item in items
    )
    assert value == 4174409
    assert sum(Decimal(item["OrderQuantity"]) for item in items) == 10800
    assert sum(Decimal(item["QuantityInEntryUnit"]) for item in receipts) == 10160
    assert {item["DocumentCurrency"] for item in items} == {"USD"}


def test_on_time_and_in_full(connect: Callable[..., Client], real_extract: Path) -> None:
    client = connect(real_extract)
    received = {
        (item["PurchaseOrder"], item["PurchaseOrderItem"]): (document["PostingDate"], item["QuantityInEntryUnit"])
        for document in client.all(DOCUMENTS, expand="to_MaterialDocumentItem")
        for item in document["to_MaterialDocumentItem"]["results"]
    }
    on_time = in_full = 0
    for order in client.all(ORDERS, expand="to_PurchaseOrderItem/to_ScheduleLine"):
        for item in order["to_PurchaseOrderItem"]["results"]:
            posted, quantity = received[item["PurchaseOrder"], item["PurchaseOrderItem"]]
            due = item["to_ScheduleLine"]["results"][0]["ScheduleLineDeliveryDate"]
            on_time += int(posted[6:-2]) <= int(due[6:-2])
            in_full += Decimal(quantity) >= Decimal(item["OrderQuantity"])
    assert (on_time, in_full) == (532, 582)


def test_stamps_and_years_the_extract_lacks(connect: Callable[..., Client], real_extract: Path) -> None:
    client = connect(real_extract)
    order = client.get(f"{ORDERS}('102036')").json()["d"]
    assert order["LastChangeDateTime"] == "/Date(1650067200000+0000)/"  # BEDAT 2022-04-16 at 00:00 UTC
    assert order["CreationDate"] is None
    (document,) = client.results(DOCUMENTS, filter="MaterialDocument eq '112050'")
    assert (document["MaterialDocumentYear"], document["CreationDate"]) == ("2022", "/Date(1657497600000)/")
    assert len(client.results("API_BUSINESS_PARTNER/A_BusinessPartner", filter="LastChangeDate eq null")) == 56
    product = client.get("API_PRODUCT_SRV/A_Product('1385')", expand="to_Description").json()["d"]
    assert product["to_Description"]["results"][0]["ProductDescription"] == "EMN-MOTOR"
