"""The OData v2 protocol, seen by a plain HTTP client."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from sandbox_client import ORDERS, Client

from ingestion.sandbox import Tables
from ingestion.sandbox.model import services

EDM = "{http://schemas.microsoft.com/ado/2008/09/edm}"
ITEMS = "API_PURCHASEORDER_PROCESS_SRV/A_PurchaseOrderItem"
DOCUMENTS = "API_MATERIAL_DOCUMENT_SRV/A_MaterialDocumentHeader"


def test_pages_hold_every_order_once(reader: Client, tables: Tables) -> None:
    expected = [row[1] for row in tables["EKKO"].rows]
    assert [order["PurchaseOrder"] for order in reader.all(ORDERS)] == expected
    assert [order["PurchaseOrder"] for order in reader.all(ORDERS, orderby="PurchaseOrder desc")] == expected[::-1]


def test_server_pages_end_after_top(reader: Client) -> None:
    first = reader.get(ORDERS, top=70, skip=10, inlinecount="allpages").json()["d"]
    assert (len(first["results"]), first["__count"]) == (40, "160")
    assert "$skiptoken=50" in first["__next"]
    second = reader.get(first["__next"]).json()["d"]
    assert len(second["results"]) == 30
    assert "__next" not in second
    assert "__next" not in reader.get(ORDERS, top=40).json()["d"]
    assert reader.results(ORDERS, top=0) == []
    assert reader.results(ORDERS, skip=100_000) == []


def test_next_keeps_all_options(reader: Client) -> None:
    options = {
        "filter": "Supplier ne '' and substringof('%&+#=/',Supplier) eq false",
        "expand": "to_PurchaseOrderItem/to_ScheduleLine",
        "orderby": "LastChangeDateTime desc,PurchaseOrder",
    }
    orders = reader.all(ORDERS, **options)
    assert len({order["PurchaseOrder"] for order in orders}) == len(orders) == 159  # one has no supplier
    assert all(order["to_PurchaseOrderItem"]["results"] for order in orders)
    stamps = [int(order["LastChangeDateTime"][6:-7]) for order in orders]
    assert stamps == sorted(stamps, reverse=True)


def test_types_on_the_wire(connect: Callable[..., Client], tables: Tables) -> None:
    order, item = tables["EKKO"].rows[0][1], "10"
    tables["EKKO"].update({"EBELN": order}, {"BEDAT": "1969-12-31", "LASTCHANGEDATETIME": "20260102030405"})
    tables["EKPO"].update({"EBELN": order, "EBELP": item}, {"MENGE": "16", "ELIKZ": "X", "WEPOS": "", "UEBTO": ""})
    key = f"PurchaseOrder='{order}',PurchaseOrderItem='{item}'"
    client = connect(tables)
    found = client.get(f"{ORDERS}('{order}')").json()["d"]
    assert found["PurchaseOrderDate"] == "/Date(-86400000)/"
    assert found["LastChangeDateTime"] == "/Date(1767323045000+0000)/"
    assert found["PurchasingDocumentDeletionCode"] == ""
    line = client.get(f"{ITEMS}({key})").json()["d"]
    assert (line["OrderQuantity"], line["IsCompletelyDelivered"], line["GoodsReceiptIsExpected"]) == ("16", True, False)
    assert line["OverdelivTolrtdLmtRatioInPct"] is None
    document = client.results(DOCUMENTS, top=1)[0]
    assert re.fullmatch(r"PT\d\dH\d\dM\d\dS", document["CreationTime"])


def test_bad_values_travel_as_they_stand(reader: Client, planted: list[dict[str, Any]]) -> None:
    shown = {
        "BEDAT": (ORDERS, "PurchaseOrderDate"),
        "LIFNR": (ORDERS, "Supplier"),
        "MENGE": (ITEMS, "OrderQuantity"),
        "NETPR": (ITEMS, "NetPriceAmount"),
        "PEINH": (ITEMS, "NetPriceQuantity"),
    }
    tried = 0
    for fault in planted:
        if fault["table"] not in ("EKKO", "EKPO") or fault["column"] not in shown:
            continue
        path, name = shown[fault["column"]]
        number, item = fault["key"]["EBELN"], fault["key"].get("EBELP")
        key = f"PurchaseOrder='{number}',PurchaseOrderItem='{item}'" if item else f"'{number}'"
        assert reader.get(f"{path}({key})").json()["d"][name] == fault["value"], fault
        tried += 1
    assert tried == 5


def test_expand_nests_and_the_rest_is_deferred(reader: Client, tables: Tables) -> None:
    orders = reader.all(ORDERS, expand="to_PurchaseOrderItem/to_ScheduleLine")
    items = [item for order in orders for item in order["to_PurchaseOrderItem"]["results"]]
    lines = [line for item in items for line in item["to_ScheduleLine"]["results"]]
    assert (len(items), len(lines)) == (len(tables["EKPO"].rows), len(tables["EKET"].rows))
    assert all(line["PurchasingDocument"] for line in lines)
    only_items = reader.results(ORDERS, expand="to_PurchaseOrderItem", top=1)[0]
    line_link = only_items["to_PurchaseOrderItem"]["results"][0]["to_ScheduleLine"]["__deferred"]["uri"]
    item_link = reader.results(ORDERS, top=1)[0]["to_PurchaseOrderItem"]["__deferred"]["uri"]
    assert reader.results(line_link)
    assert reader.results(item_link, top=1)[0]["PurchaseOrder"] == only_items["PurchaseOrder"]


def test_material_documents_hold_all_movements(reader: Client, tables: Tables) -> None:
    documents = reader.all(DOCUMENTS, expand="to_MaterialDocumentItem")
    items = [item for document in documents for item in document["to_MaterialDocumentItem"]["results"]]
    assert len(items) == len(tables["EKBE"].rows)
    assert len(documents) == len({(row[5], row[6]) for row in tables["EKBE"].rows})
    reversals = [item for item in items if item["GoodsMovementType"] == "102"]
    cancelled = {
        (item["MaterialDocumentYear"], item["MaterialDocument"], item["MaterialDocumentItem"])
        for item in items
        if item["GoodsMovementIsCancelled"]
    }
    names = ("ReversedMaterialDocumentYear", "ReversedMaterialDocument", "ReversedMaterialDocumentItem")
    assert reversals
    assert {tuple(item[name] for name in names) for item in reversals} == cancelled


def test_master_data(reader: Client, tables: Tables) -> None:
    suppliers = reader.all(
        "API_BUSINESS_PARTNER/A_BusinessPartner", filter="Supplier ne ''", expand="to_BusinessPartnerAddress"
    )
    products = reader.all("API_PRODUCT_SRV/A_Product", expand="to_Description")
    assert len(suppliers) == len(tables["LFA1"].rows)
    assert all(len(partner["to_BusinessPartnerAddress"]["results"]) == 1 for partner in suppliers)
    assert len(products) == len(tables["MARA"].rows)
    texts = [{text["Language"] for text in product["to_Description"]["results"]} for product in products]
    assert {"EN"} in texts
    assert {"EN", "DE"} in texts
    assert len(reader.results("API_PLANT_SRV/A_Plant")) == 8


def test_select(reader: Client) -> None:
    order = reader.results(
        ORDERS, select="PurchaseOrder,to_PurchaseOrderItem/Plant", expand="to_PurchaseOrderItem", top=1
    )[0]
    assert set(order) == {"__metadata", "PurchaseOrder", "to_PurchaseOrderItem"}
    assert set(order["to_PurchaseOrderItem"]["results"][0]) == {"__metadata", "Plant"}


def test_counts(reader: Client) -> None:
    assert reader.get(f"{ORDERS}/$count").text == "160"
    assert reader.get(f"{ORDERS}/$count", filter="Supplier eq ''").text == "1"
    order = reader.results(ORDERS, top=1)[0]["PurchaseOrder"]
    assert int(reader.get(f"{ORDERS}('{order}')/to_PurchaseOrderItem/$count").text) >= 1


def test_metadata_declares_what_is_served(reader: Client) -> None:
    for service in services().values():
        document = reader.metadata(service.name)
        types = {entity.get("Name"): entity for entity in document.iter(f"{EDM}EntityType")}
        for entity_set in service.sets.values():
            declared = types[f"{entity_set.name}Type"]
            names = {prop.get("Name") for prop in declared.iter(f"{EDM}Property")}
            navigations = {nav.get("Name") for nav in declared.iter(f"{EDM}NavigationProperty")}
            sent = reader.results(f"{service.name}/{entity_set.name}", top=1)[0]
            assert set(sent) == names | navigations | {"__metadata"}
            assert sent["__metadata"]["type"] == f"{service.name}.{entity_set.name}Type"
            assert {ref.get("Name") for ref in declared.iter(f"{EDM}PropertyRef")} <= names


def test_metadata_facets(reader: Client) -> None:
    document = reader.metadata("API_PURCHASEORDER_PROCESS_SRV")
    found = {prop.get("Name"): prop.attrib for prop in document.iter(f"{EDM}Property")}
    assert found["PurchaseOrder"]["MaxLength"] == "10"
    assert found["PurchaseOrder"]["Nullable"] == "false"
    quantity = found["OrderQuantity"]
    assert (quantity["Type"], quantity["Precision"], quantity["Scale"]) == ("Edm.Decimal", "13", "3")
    assert document.findall(f".//{EDM}AssociationSet")


@pytest.mark.parametrize(
    ("path", "options", "status"),
    [
        ("NO_SUCH_SRV/A_Thing", {}, 403),
        ("API_PLANT_SRV/A_Nothing", {}, 404),
        ("API_PLANT_SRV/A_Plant('9999')", {}, 404),
        ("API_PLANT_SRV/A_Plant('1010')/to_Nowhere", {}, 404),
        ("API_PLANT_SRV/A_Plant/to_Nowhere", {}, 404),
        ("API_PLANT_SRV/$count", {}, 404),
        ("API_PLANT_SRV/A_Plant(1010)", {}, 400),
        ("API_PLANT_SRV/A_Plant('1010", {}, 404),
        ("API_PLANT_SRV/A_Plant(Plant='1010',Other='1')", {}, 400),
        ("API_PLANT_SRV/A_Plant('1010')/$count", {}, 400),
        ("API_PLANT_SRV/A_Plant", {"filter": "Plant eq 1"}, 400),
        ("API_PLANT_SRV/A_Plant", {"filter": "x" * 9000}, 400),
        ("API_PLANT_SRV/A_Plant", {"top": "-1"}, 400),
        ("API_PLANT_SRV/A_Plant", {"top": "many"}, 400),
        ("API_PLANT_SRV/A_Plant", {"skip": "²"}, 400),
        ("API_PLANT_SRV/A_Plant", {"skiptoken": "../.."}, 400),
        ("API_PLANT_SRV/A_Plant", {"orderby": "Nothing"}, 400),
        ("API_PLANT_SRV/A_Plant", {"orderby": "Plant sideways"}, 400),
        ("API_PLANT_SRV/A_Plant", {"select": "Nothing"}, 400),
        ("API_PLANT_SRV/A_Plant", {"expand": "to_Nowhere"}, 400),
        ("API_PLANT_SRV/A_Plant", {"inlinecount": "some"}, 400),
        ("API_PLANT_SRV/A_Plant", {"format": "atom"}, 400),
        ("API_PLANT_SRV/A_Plant", {"apply": "groupby"}, 400),
        (ORDERS, {"select": "to_PurchaseOrderItem/Plant"}, 400),
    ],
)
def test_wrong_requests_get_saps_error_json(reader: Client, path: str, options: dict[str, str], status: int) -> None:
    answer = reader.get(path, **options)
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert error["code"].startswith("/IW")
    assert error["message"]["lang"] == "en"
    assert error["message"]["value"]
    assert error["innererror"]["errordetails"]


def test_keys_with_special_characters(connect: Callable[..., Client], tables: Tables) -> None:
    for number in ("A/B C", "O'Neil", "Ü%20", "x,y='z'"):
        tables["MAKT"].insert({"MATNR": number, "SPRAS": "E", "MAKTX": number})
    client = connect(tables)
    for product in client.all("API_PRODUCT_SRV/A_Product"):
        own = client.get(product["__metadata"]["uri"]).json()["d"]
        assert own["Product"] == product["Product"]


def test_service_document(reader: Client) -> None:
    assert reader.get("API_PLANT_SRV/").json() == {"d": {"EntitySets": ["A_Plant"]}}
