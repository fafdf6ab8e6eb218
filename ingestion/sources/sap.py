"""SAP S/4HANA purchasing through its released OData v2 services.

Services, as SAP's API reference names them: API_PURCHASEORDER_PROCESS_SRV (orders with items and schedule
lines), API_MATERIAL_DOCUMENT_SRV (goods receipts), API_BUSINESS_PARTNER (suppliers), API_PRODUCT_SRV (materials),
API_PLANT_SRV (plants) and API_MATERIAL_STOCK_SRV (stock on hand). What to ask the SAP administrator for stands in
docs/sources/sap.md.

Orders are read by their change stamp and goods receipts by their entry day, both from a look-back before the
newest value seen, because a change can be committed after a later one. Master data and stock are read in full,
because these services do not tell of deletions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import dlt
from dlt.common.configuration import configspec
from dlt.common.configuration.specs import BaseConfiguration
from dlt.common.typing import TSecretStrValue

from ingestion.checks import Reason, to_timestamp
from ingestion.contract import Dataset
from ingestion.errors import SourceError
from ingestion.http import authorised_client
from ingestion.landing import Delivered, Landing
from ingestion.odata import ODataService, children, misfits, plain
from ingestion.settings import resolve

SERVICE_PATH = "/sap/opu/odata/sap"
ORDERS, ITEMS, SCHEDULES = "purchase_orders", "purchase_order_items", "purchase_order_schedule_lines"
RECEIPTS = "goods_receipts"

# dataset: service and the entity types its fields come from
DECLARED_IN = {
    ORDERS: ("API_PURCHASEORDER_PROCESS_SRV", "A_PurchaseOrderType"),
    ITEMS: ("API_PURCHASEORDER_PROCESS_SRV", "A_PurchaseOrderItemType"),
    SCHEDULES: ("API_PURCHASEORDER_PROCESS_SRV", "A_PurchaseOrderScheduleLineType"),
    RECEIPTS: ("API_MATERIAL_DOCUMENT_SRV", "A_MaterialDocumentHeaderType", "A_MaterialDocumentItemType"),
    "suppliers": ("API_BUSINESS_PARTNER", "A_BusinessPartnerType", "A_BusinessPartnerAddressType"),
    "materials": ("API_PRODUCT_SRV", "A_ProductType", "A_ProductDescriptionType"),
    "plants": ("API_PLANT_SRV", "A_PlantType"),
    "material_stock": ("API_MATERIAL_STOCK_SRV", "A_MatlStkInAcctModType"),
}
ADDRESS_FIELDS = ("Country", "CityName", "District", "Region", "PostalCode")
DOCUMENT_FIELDS = ("DocumentDate", "PostingDate", "CreationDate")


@configspec
class SapConfig(BaseConfiguration):
    """Settings under `sources.sap`, from .dlt/config.toml, .dlt/secrets.toml or SOURCES__SAP__* in the environment."""

    base_url: str = None  # type: ignore[assignment]
    token_url: str = None  # type: ignore[assignment]
    client_id: str = None  # type: ignore[assignment]
    client_secret: TSecretStrValue = None  # type: ignore[assignment]
    requests_per_minute: int = 100
    page_size: int = 500
    lookback_hours: int = 72
    max_shrink_ratio: float = 0.2
    max_reject_ratio: float = 0.05
    max_attempts: int = 8
    timeout_seconds: float = 60.0


class SapReader:
    """Reads the SAP source; see `ingestion.runner.SourceReader` for what the runner asks of it."""

    name = "sap"

    def __init__(self, config: SapConfig) -> None:
        self.max_reject_ratio = config.max_reject_ratio
        self.max_shrink_ratio = config.max_shrink_ratio
        self._lookback = timedelta(hours=config.lookback_hours)
        client = authorised_client(
            self.name,
            base_url=config.base_url,
            token_url=config.token_url,
            client_id=config.client_id,
            client_secret=str(config.client_secret),
            requests_per_minute=config.requests_per_minute,
            max_attempts=config.max_attempts,
            timeout_seconds=config.timeout_seconds,
        )
        self._odata = ODataService(
            self.name, config.base_url.rstrip("/") + SERVICE_PATH, client.session, config.page_size
        )

    @classmethod
    def from_config(cls) -> SapReader:
        """A reader with its settings resolved the dlt way.

        Raises:
            ConfigError: a setting is missing; names it.
        """
        return cls(resolve(SapConfig(), cls.name))

    def refused_fields(self, contracts: dict[str, Dataset]) -> tuple[dict[str, dict[str, str]], dict[str, list[str]]]:
        """Compare each contract with the services' $metadata: fields of changed type, and fields that are gone.

        Raises:
            SourceError: a required field is gone, so that no record could be good.
        """
        refused: dict[str, dict[str, str]] = {}
        removed: dict[str, list[str]] = {}
        for name, dataset in contracts.items():
            service, *types = DECLARED_IN[name]
            refused[name], removed[name] = misfits(dataset, self._odata.declared_types(service, *types))
            lost = [field for field in removed[name] if dataset.by_source_field[field].required]
            if lost:
                raise SourceError(
                    f"{service} no longer declares {', '.join(lost)}, which the contract requires.",
                    subject=f"sap.{name}",
                    remedy=f"ask the SAP administrator, or change {dataset.path.name} if the change is agreed.",
                )
        return refused, removed

    def resources(self, landing: Landing) -> list[Any]:
        """dlt resources, one for each request series."""
        return [
            *(dlt.resource(self._read_full(landing, read), name=f"read_{read.dataset}") for read in FULL_READS),
            dlt.resource(self._read_orders(landing), name="read_purchase_orders"),
            dlt.resource(self._read_receipts(landing), name="read_goods_receipts"),
        ]

    def _read_full(self, landing: Landing, read: FullRead) -> Iterator[Any]:
        for page in self._odata.records(read.service, read.entity_set, **read.options):
            yield from landing.batch(read.dataset, [Delivered(read.flatten(item.record), item.ref) for item in page])
        yield from landing.mark_vanished(read.dataset, f"{read.service}/{read.entity_set}: absent from the full read")
        yield from landing.finish(read.dataset)

    def _read_orders(self, landing: Landing) -> Iterator[Any]:
        # dlt's incremental follows the rows of one table; here one request feeds three and the dead letters,
        # so the cursor is kept in the resource's state, which travels in the same load package.
        state = dlt.current.resource_state()
        start = _start(state.get("cursor"), self._lookback)
        options = {"filter": f"LastChangeDateTime ge datetimeoffset'{start:%Y-%m-%dT%H:%M:%SZ}'"} if start else {}
        newest, seen = state.get("cursor"), set()
        for page in self._odata.records(
            "API_PURCHASEORDER_PROCESS_SRV",
            "A_PurchaseOrder",
            expand="to_PurchaseOrderItem/to_ScheduleLine",
            orderby="PurchaseOrder",
            **options,
        ):
            # An order that shifts to a later page while we read comes twice. The first one lands; a newer
            # version has a newer stamp, and the next load's look-back reads it.
            fresh = [item for item in page if _not_seen(item.record, seen)]
            yield from self._order_page(landing, fresh)
            newest = _newest(newest, [_stamp(item.record, "LastChangeDateTime") for item in fresh])
        state["cursor"] = newest
        for name in (ORDERS, ITEMS, SCHEDULES):
            yield from landing.finish(name, start and start.isoformat(), newest)

    def _order_page(self, landing: Landing, page: list[Delivered]) -> Iterator[Any]:
        items, schedules = [], []
        for order in page:
            if not isinstance(order.record, dict):
                continue
            lines = children(order.record, "to_PurchaseOrderItem")
            if lines is None:
                yield from landing.reject(
                    ITEMS, order, Reason("UNREADABLE_RECORD", "to_PurchaseOrderItem", "items are missing")
                )
                continue
            for number, line in enumerate(lines, start=1):
                items.append(Delivered(plain(line), f"{order.ref}/items/{number}"))
                parts = children(line, "to_ScheduleLine") if isinstance(line, dict) else None
                schedules += [
                    Delivered(plain(part), f"{order.ref}/items/{number}/schedule_lines/{position}")
                    for position, part in enumerate(parts or [], start=1)
                ]
        yield from landing.batch(ORDERS, [Delivered(plain(order.record), order.ref) for order in page])
        yield from landing.batch(ITEMS, items)
        yield from landing.batch(SCHEDULES, schedules)

    def _read_receipts(self, landing: Landing) -> Iterator[Any]:
        state = dlt.current.resource_state()
        start = _start(state.get("cursor"), self._lookback)
        # Entry days have no time of day: the day of the cursor is read again as a whole.
        options = {"filter": f"CreationDate ge datetime'{start:%Y-%m-%d}T00:00:00'"} if start else {}
        newest = state.get("cursor")
        for page in self._odata.records(
            "API_MATERIAL_DOCUMENT_SRV",
            "A_MaterialDocumentHeader",
            expand="to_MaterialDocumentItem",
            orderby="MaterialDocumentYear,MaterialDocument",
            **options,
        ):
            for document in page:
                if children(document.record, "to_MaterialDocumentItem") is None:
                    reason = Reason("UNREADABLE_RECORD", "to_MaterialDocumentItem", "items are missing")
                    yield from landing.reject(RECEIPTS, document, reason)
            yield from landing.batch(RECEIPTS, [line for document in page for line in _receipt_lines(document)])
            newest = _newest(newest, [_stamp(document.record, "CreationDate") for document in page])
        state["cursor"] = newest
        yield from landing.finish(RECEIPTS, start and f"{start:%Y-%m-%d}", newest)


def _receipt_lines(document: Delivered) -> list[Delivered]:
    """The document's items, each with the header's dates."""
    dates = {name: document.record.get(name) for name in DOCUMENT_FIELDS}
    return [
        Delivered({**plain(line), **dates}, f"{document.ref}/items/{number}")
        for number, line in enumerate(children(document.record, "to_MaterialDocumentItem") or [], start=1)
    ]


def _supplier(record: Any) -> Any:
    """The business partner with its first address."""
    addresses = children(record, "to_BusinessPartnerAddress") or [{}]
    return {**plain(record), **{name: addresses[0].get(name) for name in ADDRESS_FIELDS}}


def _material(record: Any) -> Any:
    """The product with its English description, or the first one."""
    texts = children(record, "to_Description") or [{}]
    chosen = next((text for text in texts if text.get("Language") == "EN"), texts[0])
    return {**plain(record), "ProductDescription": chosen.get("ProductDescription")}


def _not_seen(record: Any, seen: set[str]) -> bool:
    key = record.get("PurchaseOrder") if isinstance(record, dict) else None
    if not isinstance(key, str) or key not in seen:
        seen.add(str(key))
        return True
    return False


def _stamp(record: Any, name: str) -> datetime | None:
    try:
        return to_timestamp(record[name]) if isinstance(record, dict) else None
    except (KeyError, TypeError, ValueError):
        return None  # the record itself goes to the dead letters


def _newest(cursor: str | None, stamps: list[datetime | None]) -> str | None:
    """The cursor after these stamps; one in the future would hide all later changes, so now is the limit."""
    known = [stamp for stamp in stamps if stamp is not None]
    if cursor:
        known.append(datetime.fromisoformat(cursor))
    return min(max(known), datetime.now(UTC)).isoformat() if known else None


def _start(cursor: str | None, lookback: timedelta) -> datetime | None:
    return datetime.fromisoformat(cursor) - lookback if cursor else None


@dataclass(frozen=True)
class FullRead:
    """A dataset that is read in full: the request, and how a delivered record becomes a flat one."""

    dataset: str
    service: str
    entity_set: str
    flatten: Callable[[Any], Any]
    options: dict[str, str]


FULL_READS = (
    FullRead(
        "suppliers",
        "API_BUSINESS_PARTNER",
        "A_BusinessPartner",
        _supplier,
        {"filter": "Supplier ne ''", "expand": "to_BusinessPartnerAddress", "orderby": "BusinessPartner"},
    ),
    FullRead(
        "materials", "API_PRODUCT_SRV", "A_Product", _material, {"expand": "to_Description", "orderby": "Product"}
    ),
    FullRead("plants", "API_PLANT_SRV", "A_Plant", plain, {"orderby": "Plant"}),
    FullRead(
        "material_stock",
        "API_MATERIAL_STOCK_SRV",
        "A_MatlStkInAcctMod",
        plain,
        {"orderby": "Material,Plant,StorageLocation,Batch,InventorySpecialStockType,InventoryStockType"},
    ),
)
