"""The services the sandbox stands in for: entity sets, their properties, and the SAP tables behind them.

Names, types and lengths follow SAP's published API reference of API_PURCHASEORDER_PROCESS_SRV,
API_MATERIAL_DOCUMENT_SRV, API_BUSINESS_PARTNER, API_PRODUCT_SRV, API_PLANT_SRV and API_MATERIAL_STOCK_SRV, limited to
the properties that the tables can fill. Extensions of ours are marked where they stand.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

EXTENSION_PREFIXES = ("YY1_", "ZZ")
"""Columns of customer extensions: served as Edm.String properties of the same name, as SAP's key-user fields are."""


@dataclass(frozen=True)
class Property:
    """One property of an entity type.

    Attributes:
        columns: candidates `TABLE.COLUMN`; the first one that holds a text is served.
        make: how the text is made from the candidates, a name in `store.MAKERS`; `first` takes the first that
            holds a text.
    """

    name: str
    edm: str
    columns: tuple[str, ...]
    length: int | None = None
    precision: int | None = None
    scale: int | None = None
    key: bool = False
    make: str = "first"


@dataclass(frozen=True)
class Navigation:
    """A navigation property: where it leads and which properties of both ends are equal."""

    name: str
    target: str
    join: tuple[tuple[str, str], ...]

    @cached_property
    def ours(self) -> tuple[str, ...]:
        """The properties of the near end."""
        return tuple(ours for ours, _ in self.join)

    @cached_property
    def theirs(self) -> tuple[str, ...]:
        """The properties of the far end."""
        return tuple(theirs for _, theirs in self.join)


@dataclass(frozen=True)
class EntitySet:
    """An entity set of a service.

    Attributes:
        tables: the driving table first, then the tables joined to it by `joins` (one column list each).
        group_by: one entity for each distinct value of these properties, instead of one for each row.
    """

    name: str
    tables: tuple[str, ...]
    properties: tuple[Property, ...]
    joins: tuple[tuple[str, ...], ...] = ()
    navigations: tuple[Navigation, ...] = ()
    group_by: tuple[str, ...] = ()

    @property
    def type_name(self) -> str:
        """Name of the entity type, as SAP derives it."""
        return f"{self.name}Type"

    @property
    def keys(self) -> tuple[Property, ...]:
        """The key properties."""
        return tuple(prop for prop in self.properties if prop.key)

    def with_properties(self, properties: tuple[Property, ...]) -> EntitySet:
        """The same set with other properties."""
        return replace(self, properties=properties)


@dataclass(frozen=True)
class Service:
    """An OData service: a name and its entity sets."""

    name: str
    sets: dict[str, EntitySet] = field(default_factory=dict)


def _text(name: str, length: int, *columns: str, key: bool = False, make: str = "first") -> Property:
    return Property(name, "Edm.String", columns, length=length, key=key, make=make)


def _number(name: str, precision: int, scale: int, *columns: str) -> Property:
    return Property(name, "Edm.Decimal", columns, precision=precision, scale=scale)


def _day(name: str, *columns: str) -> Property:
    return Property(name, "Edm.DateTime", columns, precision=0)


def _stamp(name: str, *columns: str) -> Property:
    return Property(name, "Edm.DateTimeOffset", columns, precision=7)


def _flag(name: str, *columns: str) -> Property:
    return Property(name, "Edm.Boolean", columns)


ORDER = EntitySet(
    "A_PurchaseOrder",
    ("EKKO",),
    (
        _text("PurchaseOrder", 10, "EKKO.EBELN", key=True),
        _text("CompanyCode", 4, "EKKO.BUKRS"),
        _text("PurchaseOrderType", 4, "EKKO.BSART"),
        _text("PurchasingDocumentDeletionCode", 1, "EKKO.LOEKZ"),
        _text("CreatedByUser", 12, "EKKO.ERNAM"),
        _day("CreationDate", "EKKO.AEDAT"),  # EKKO-AEDAT is the day the record was created, whatever its name says
        _stamp("LastChangeDateTime", "EKKO.LASTCHANGEDATETIME", "EKKO.AEDAT", "EKKO.BEDAT"),
        _text("Supplier", 10, "EKKO.LIFNR"),
        _text("PaymentTerms", 4, "EKKO.ZTERM"),
        _text("PurchasingOrganization", 4, "EKKO.EKORG"),
        _text("PurchasingGroup", 3, "EKKO.EKGRP"),
        _day("PurchaseOrderDate", "EKKO.BEDAT"),
        _text("DocumentCurrency", 5, "EKKO.WAERS"),
        _text("ExchangeRate", 12, "EKKO.WKURS"),
    ),
    navigations=(Navigation("to_PurchaseOrderItem", "A_PurchaseOrderItem", (("PurchaseOrder", "PurchaseOrder"),)),),
)

ITEM = EntitySet(
    "A_PurchaseOrderItem",
    ("EKPO", "EKKO", "MAKT"),
    (
        _text("PurchaseOrder", 10, "EKPO.EBELN", key=True),
        _text("PurchaseOrderItem", 5, "EKPO.EBELP", key=True),
        _text("PurchasingDocumentDeletionCode", 1, "EKPO.LOEKZ"),
        _text("PurchaseOrderItemText", 40, "EKPO.TXZ01", "MAKT.MAKTX"),
        _text("Plant", 4, "EKPO.WERKS"),
        _text("MaterialGroup", 9, "EKPO.MATKL"),
        _number("OrderQuantity", 13, 3, "EKPO.MENGE"),
        _text("PurchaseOrderQuantityUnit", 3, "EKPO.MEINS"),
        _text("OrderPriceUnit", 3, "EKPO.BPRME"),
        _text("DocumentCurrency", 5, "EKKO.WAERS"),
        _number("NetPriceAmount", 12, 3, "EKPO.NETPR"),
        _number("NetPriceQuantity", 5, 0, "EKPO.PEINH"),
        _number("OverdelivTolrtdLmtRatioInPct", 3, 1, "EKPO.UEBTO"),
        _number("UnderdelivTolrtdLmtRatioInPct", 3, 1, "EKPO.UNTTO"),
        _flag("IsCompletelyDelivered", "EKPO.ELIKZ"),
        _flag("GoodsReceiptIsExpected", "EKPO.WEPOS"),
        _text("PurchaseRequisition", 10, "EKPO.BANFN"),
        _text("PurchaseRequisitionItem", 5, "EKPO.BNFPO"),
        _text("Material", 40, "EKPO.MATNR"),
    ),
    joins=(("EBELN",), ("MATNR",)),
    navigations=(
        Navigation(
            "to_ScheduleLine",
            "A_PurchaseOrderScheduleLine",
            (("PurchaseOrder", "PurchasingDocument"), ("PurchaseOrderItem", "PurchasingDocumentItem")),
        ),
    ),
)

SCHEDULE_LINE = EntitySet(
    "A_PurchaseOrderScheduleLine",
    ("EKET", "EKPO"),
    (
        _text("PurchasingDocument", 10, "EKET.EBELN", key=True),
        _text("PurchasingDocumentItem", 5, "EKET.EBELP", key=True),
        _text("ScheduleLine", 4, "EKET.ETENR", key=True),
        _day("ScheduleLineDeliveryDate", "EKET.EINDT"),
        _day("SchedLineStscDeliveryDate", "EKET.SLFDT"),
        _number("ScheduleLineOrderQuantity", 13, 3, "EKET.MENGE"),
        _text("PurchaseOrderQuantityUnit", 3, "EKPO.MEINS"),
        _number("ScheduleLineCommittedQuantity", 13, 3, "EKET.MNG02"),
    ),
    joins=(("EBELN", "EBELP"),),
)

# An extract's EKBE may lack the fiscal year; SAP numbers material documents by year, so the posting year stands in.
DOCUMENT_YEAR = _text("MaterialDocumentYear", 4, "EKBE.GJAHR", "EKBE.BUDAT", "EKBE.CPUDT", key=True, make="year")
DOCUMENT_NUMBER = _text("MaterialDocument", 10, "EKBE.BELNR", key=True)
# A reversal names the item it takes back; an item that is named so is a cancelled one.
CANCELLED_BY = ("EKBE.LFGJA", "EKBE.LFBNR", "EKBE.LFPOS")
DOCUMENT_JOIN = (("MaterialDocumentYear", "MaterialDocumentYear"), ("MaterialDocument", "MaterialDocument"))

DOCUMENT = EntitySet(
    "A_MaterialDocumentHeader",
    ("EKBE",),
    (
        DOCUMENT_YEAR,
        DOCUMENT_NUMBER,
        _day("DocumentDate", "EKBE.BLDAT"),
        _day("PostingDate", "EKBE.BUDAT"),
        _day("CreationDate", "EKBE.CPUDT"),
        Property("CreationTime", "Edm.Time", ("EKBE.CPUTM",), precision=0),
        _text("CreatedByUser", 12, "EKBE.ERNAM"),
        _text("ReferenceDocument", 16, "EKBE.XBLNR"),
    ),
    navigations=(Navigation("to_MaterialDocumentItem", "A_MaterialDocumentItem", DOCUMENT_JOIN),),
    group_by=("MaterialDocumentYear", "MaterialDocument"),
)

DOCUMENT_ITEM = EntitySet(
    "A_MaterialDocumentItem",
    ("EKBE", "EKPO", "EKKO"),
    (
        DOCUMENT_YEAR,
        DOCUMENT_NUMBER,
        _text("MaterialDocumentItem", 4, "EKBE.BUZEI", key=True),
        _text("Material", 40, "EKBE.MATNR", "EKPO.MATNR"),
        _text("Plant", 4, "EKBE.WERKS", "EKPO.WERKS"),
        _text("GoodsMovementType", 3, "EKBE.BWART"),
        _text("Supplier", 10, "EKKO.LIFNR"),
        _text("PurchaseOrder", 10, "EKBE.EBELN"),
        _text("PurchaseOrderItem", 5, "EKBE.EBELP"),
        _text("DebitCreditCode", 1, "EKBE.SHKZG"),
        _text("EntryUnit", 3, "EKPO.MEINS"),
        _number("QuantityInEntryUnit", 13, 3, "EKBE.MENGE"),
        Property("GoodsMovementIsCancelled", "Edm.Boolean", CANCELLED_BY, make="cancelled"),
        _text("ReversedMaterialDocumentYear", 4, "EKBE.LFGJA", "EKBE.BWART", make="reversal"),
        _text("ReversedMaterialDocument", 10, "EKBE.LFBNR", "EKBE.BWART", make="reversal"),
        _text("ReversedMaterialDocumentItem", 4, "EKBE.LFPOS", "EKBE.BWART", make="reversal"),
    ),
    joins=(("EBELN", "EBELP"), ("EBELN",)),
)

PARTNER = EntitySet(
    "A_BusinessPartner",
    ("LFA1",),
    (
        _text("BusinessPartner", 10, "LFA1.LIFNR", key=True),
        _text("Supplier", 10, "LFA1.LIFNR"),
        _text("BusinessPartnerCategory", 1, "2", make="constant"),
        _text("BusinessPartnerFullName", 81, "LFA1.NAME1", "LFA1.NAME2", make="joined"),
        _text("OrganizationBPName1", 40, "LFA1.NAME1"),
        _text("OrganizationBPName2", 40, "LFA1.NAME2"),
        _day("CreationDate", "LFA1.ERDAT"),
        _day("LastChangeDate", "LFA1.UPDAT", "LFA1.AEDAT"),
        _flag("BusinessPartnerIsBlocked", "LFA1.SPERR"),
        _flag("IsMarkedForArchiving", "LFA1.LOEVM"),
    ),
    navigations=(
        Navigation("to_BusinessPartnerAddress", "A_BusinessPartnerAddress", (("BusinessPartner", "BusinessPartner"),)),
    ),
)

ADDRESS = EntitySet(
    "A_BusinessPartnerAddress",
    ("LFA1",),
    (
        _text("BusinessPartner", 10, "LFA1.LIFNR", key=True),
        _text("AddressID", 10, "LFA1.ADRNR", "LFA1.LIFNR", key=True),
        _text("CityName", 40, "LFA1.ORT01"),
        _text("District", 40, "LFA1.ORT02"),
        _text("Region", 40, "LFA1.REGIO", "LFA1.REGION"),  # SAP: a code of 3; extracts often hold the name
        _text("PostalCode", 10, "LFA1.PSTLZ"),
        _text("Country", 3, "LFA1.LAND1"),
    ),
)

PRODUCT = EntitySet(
    "A_Product",
    ("MAKT", "MARA"),
    (
        _text("Product", 40, "MAKT.MATNR", key=True),
        _text("ProductType", 4, "MARA.MTART"),
        _text("ProductGroup", 9, "MARA.MATKL"),
        _text("BaseUnit", 3, "MARA.MEINS"),
        _number("GrossWeight", 13, 3, "MARA.BRGEW"),
        _number("NetWeight", 13, 3, "MARA.NTGEW"),
        _text("WeightUnit", 3, "MARA.GEWEI"),
        _flag("IsMarkedForDeletion", "MARA.LVORM"),
        _day("CreationDate", "MARA.ERSDA"),
        _stamp("LastChangeDateTime", "MARA.LAEDA"),
    ),
    joins=(("MATNR",),),
    navigations=(Navigation("to_Description", "A_ProductDescription", (("Product", "Product"),)),),
    group_by=("Product",),
)

DESCRIPTION = EntitySet(
    "A_ProductDescription",
    ("MAKT",),
    (
        _text("Product", 40, "MAKT.MATNR", key=True),
        _text("Language", 2, "MAKT.SPRAS", key=True, make="language"),
        _text("ProductDescription", 40, "MAKT.MAKTX"),
    ),
)

PLANT = EntitySet(
    "A_Plant",
    ("T001W",),
    (
        _text("Plant", 4, "T001W.WERKS", key=True),
        _text("PlantName", 30, "T001W.NAME1"),
        _flag("IsMarkedForArchiving", "T001W.LOEVM"),
        # The address fields are our extension: SAP's service holds an address number only.
        _text("CityName", 40, "T001W.ORT01"),
        _text("Region", 40, "T001W.REGIO", "T001W.REGION"),
        _text("PostalCode", 10, "T001W.PSTLZ"),
        _text("Country", 3, "T001W.LAND1"),
    ),
)

STOCK = EntitySet(
    "A_MatlStkInAcctMod",
    ("MARD", "MARA"),
    (
        _text("Material", 40, "MARD.MATNR", key=True),
        _text("Plant", 4, "MARD.WERKS", key=True),
        _text("StorageLocation", 4, "MARD.LGORT", key=True),
        _text("Batch", 10, "MARD.CHARG", key=True),
        _text("InventorySpecialStockType", 1, "MARD.SOBKZ", key=True),
        _text("InventoryStockType", 2, "MARD.LBBSA", key=True),
        _text("MaterialBaseUnit", 3, "MARD.MEINS", "MARA.MEINS"),
        _number("MatlWrhsStkQtyInMatlBaseUnit", 31, 14, "MARD.LABST"),
    ),
    joins=(("MATNR",),),
)


def services() -> dict[str, Service]:
    """A fresh copy of the catalogue: services by name."""
    catalogue = {
        "API_PURCHASEORDER_PROCESS_SRV": (ORDER, ITEM, SCHEDULE_LINE),
        "API_MATERIAL_DOCUMENT_SRV": (DOCUMENT, DOCUMENT_ITEM),
        "API_BUSINESS_PARTNER": (PARTNER, ADDRESS),
        "API_PRODUCT_SRV": (PRODUCT, DESCRIPTION),
        "API_PLANT_SRV": (PLANT,),
        "API_MATERIAL_STOCK_SRV": (STOCK,),
    }
    return {name: Service(name, {entity.name: entity for entity in sets}) for name, sets in catalogue.items()}
