"""`$filter`: what it selects, and that no text can do more than be refused."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion.sandbox.filters import FilterError, parse_filter
from ingestion.sandbox.model import services
from ingestion.sandbox.store import Collection
from ingestion.sandbox.tables import Table, Tables

COLUMNS = ["EBELN", "LIFNR", "WKURS", "BEDAT", "LASTCHANGEDATETIME", "WAERS"]
ROWS = [
    ["1", "A", "1.5", "2026-01-01", "2026-01-01T10:00:00Z", "EUR"],
    ["2", "O'Neil", "", "2026-02-01", "2026-02-01T00:00:00Z", "USD"],
    ["3", "", "-2", "not a date", "2026-03-01T00:00:00.500Z", "eur"],
]


@pytest.fixture(scope="module")
def orders() -> Collection:
    """Three orders, one with values that are none."""
    tables = Tables({name: Table(name, ["MANDT"]) for name in ("EKPO", "EKET", "MAKT")})
    tables["EKKO"] = Table("EKKO", COLUMNS, ROWS)
    service = services()["API_PURCHASEORDER_PROCESS_SRV"]
    entity_set = service.sets["A_PurchaseOrder"]
    # The entity has no number of its own: its rate is text. Declared as a number here, to filter by one.
    declared = [replace(p, edm="Edm.Decimal") if p.name == "ExchangeRate" else p for p in entity_set.properties]
    return Collection(service, entity_set.with_properties(tuple(declared)), tables, "http://sandbox")


def chosen(text: str, orders: Collection) -> str:
    predicate = parse_filter(text, orders)
    return "".join(orders.text(entity, "PurchaseOrder") or "" for entity in orders.entities if predicate(entity))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("PurchaseOrder eq '2'", "2"),
        ("'2' eq PurchaseOrder", "2"),
        ("PurchaseOrder ne '2'", "13"),
        ("Supplier ne ''", "12"),
        ("Supplier eq 'O''Neil'", "2"),
        ("ExchangeRate gt 0", "1"),
        ("ExchangeRate eq 1.50M", "1"),
        ("ExchangeRate lt -1.5", "3"),
        ("ExchangeRate le 15e-1", "13"),
        ("ExchangeRate eq null", "2"),
        ("ExchangeRate ne null", "13"),
        ("LastChangeDateTime ge datetimeoffset'2026-02-01T00:00:00Z'", "23"),
        ("LastChangeDateTime gt datetimeoffset'2026-02-01T01:00:00+01:00'", "3"),
        ("LastChangeDateTime gt datetimeoffset'2026-03-01T00:00:00Z'", "3"),
        ("PurchaseOrderDate lt datetime'2026-01-31T00:00:00'", "1"),
        ("PurchaseOrderDate eq null", "3"),
        ("PurchaseOrder eq '1' or PurchaseOrder eq '2' and Supplier eq 'x'", "1"),
        ("(PurchaseOrder eq '1' or PurchaseOrder eq '2') and Supplier eq 'x'", ""),
        ("not (PurchaseOrder eq '1')", "23"),
        ("not not PurchaseOrder eq '1'", "1"),
        ("startswith(Supplier,'O')", "2"),
        ("endswith(DocumentCurrency,'R') eq true", "1"),
        ("substringof('eur',tolower(DocumentCurrency)) ne false", "13"),
        ("toupper(DocumentCurrency) eq 'EUR'", "13"),
        ("(((PurchaseOrder eq '3')))", "3"),
        ("  PurchaseOrder   eq\t'3' ", "3"),
        ("true eq true", "123"),
    ],
)
def test_selects(orders: Collection, text: str, expected: str) -> None:
    assert chosen(text, orders) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is due at position 0, found the end"),
        ("PurchaseOrder", "one of eq, ne"),
        ("PurchaseOrder eq", "a property or a value is due"),
        ("PurchaseOrder eq '1", "a text literal that does not end at position 17"),
        ("PurchaseOrder eq '1' and", "found the end"),
        ("PurchaseOrder eq '1' '2'", "'and', 'or' or the end is due at position 21"),
        ("(PurchaseOrder eq '1'", r"'\)' is due"),
        ("PurchaseOrder eq '1')", "found '\\)'"),
        ("Nothing eq '1'", "A_PurchaseOrder has no property Nothing"),
        ("__class__ eq '1'", "has no property __class__"),
        ("PurchaseOrder eq 1", "compares a text with a number"),
        ("PurchaseOrderDate gt '2026-01-01'", "compares a stamp with a text"),
        ("PurchaseOrderDate gt datetime'yesterday'", "is not a datetime"),
        ("PurchaseOrderDate gt datetime'2026-02-30T00:00:00'", "is not a datetime"),
        ("true gt false", "flags are compared with eq and ne"),
        ("startswith(Supplier)", "',' is due"),
        ("startswith(Supplier,1)", "a text is due"),
        ("startswith(Supplier,'x') eq 1", "true or false only"),
        ("PurchaseOrder = '1'", "cannot read '=' at position 14"),
        ("PurchaseOrder eq '1'; drop table EKKO", "cannot read ';'"),
        ("ExchangeRate add 1 gt 2", "one of eq, ne"),
        ("(" * 60 + "PurchaseOrder eq '1'" + ")" * 60, "more than 50 levels"),
        ("not " * 5000 + "PurchaseOrder eq '1'", "at most 8000 are read"),
        ("not " * 1000 + "PurchaseOrder eq '1'", "more than 50 levels"),
        ("tolower(" * 900 + "Supplier" + ")" * 90, "more than 50 levels"),
        ("PurchaseOrder eq '\x00'and", "found the end"),
        ("PurchaseOrder e\u0301q '1'", "cannot read"),
    ],
)
def test_refuses_with_position_and_reason(orders: Collection, text: str, message: str) -> None:
    with pytest.raises(FilterError, match=message):
        parse_filter(text, orders)


PIECES = st.sampled_from(
    ["PurchaseOrder", "ExchangeRate", "eq", "gt", "and", "or", "not", "(", ")", ",", "'1'", "1", "null", "true"]
    + ["startswith(", "tolower(", "datetime'2026-01-01T00:00:00'", "datetime'x'", "'", "-", ".", " ", "é", "\x00"]
)


@given(st.lists(PIECES, max_size=14).map(" ".join) | st.text(max_size=60))
def test_any_text_is_a_filter_or_an_error(orders: Collection, text: str) -> None:
    try:
        predicate = parse_filter(text, orders)
    except FilterError:
        return
    assert all(predicate(entity) in (True, False) for entity in orders.entities)
