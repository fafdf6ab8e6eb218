"""The landing check: each rule of a contract, and input that nobody expects."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion.checks import Checker
from ingestion.contract import load_contracts

ITEMS = load_contracts("sap")["purchase_order_items"]
ORDERS = load_contracts("sap")["purchase_orders"]
GOOD_ITEM = {
    "PurchaseOrder": "4500000001",
    "PurchaseOrderItem": "10",
    "Plant": "1000",
    "OrderQuantity": "5.000",
    "PurchaseOrderQuantityUnit": "EA",
    "NetPriceAmount": "10.50",
    "NetPriceQuantity": "1",
    "DocumentCurrency": "GBP",
    "IsCompletelyDelivered": False,
}
GOOD_ORDER = {
    "PurchaseOrder": "4500000001",
    "LastChangeDateTime": "/Date(1640995200000+0000)/",
    "Supplier": "100001",
    "PurchaseOrderDate": "/Date(1640995200000)/",
    "DocumentCurrency": "GBP",
}


def codes(checker: Checker, record: object) -> set[str]:
    return {str(reason) for reason in checker.check(record).reasons}


def test_good_record_becomes_a_typed_row_with_every_column_of_the_contract():
    row = Checker(ORDERS).check(GOOD_ORDER).row
    assert row is not None
    assert set(row) == {field.name for field in ORDERS.fields}
    assert row["last_change_date_time"] == datetime(2022, 1, 1, tzinfo=UTC)
    assert row["purchase_order_date"] == date(2022, 1, 1)
    assert Checker(ITEMS).check(GOOD_ITEM).row["order_quantity"] == Decimal("5.000")


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("Plant", None, "REQUIRED_MISSING:Plant"),
        ("Plant", "", "REQUIRED_MISSING:Plant"),
        ("PurchaseOrder", None, "KEY_MISSING:PurchaseOrder"),
        ("OrderQuantity", "-1", "OUT_OF_RANGE:OrderQuantity"),
        ("OrderQuantity", "abc", "TYPE_MISMATCH:OrderQuantity"),
        ("OrderQuantity", "1e30", "OUT_OF_RANGE:OrderQuantity"),
        ("OrderQuantity", "NaN", "OUT_OF_RANGE:OrderQuantity"),
        ("OrderQuantity", "1.2345", "OUT_OF_RANGE:OrderQuantity"),
        ("OrderQuantity", True, "TYPE_MISMATCH:OrderQuantity"),
        ("OrderQuantity", {"a": 1}, "TYPE_MISMATCH:OrderQuantity"),
        ("NetPriceQuantity", "0", "OUT_OF_RANGE:NetPriceQuantity"),
        ("DocumentCurrency", "gbp", "PATTERN_MISMATCH:DocumentCurrency"),
        ("PurchaseOrder", "12345678901", "TOO_LONG:PurchaseOrder"),
        ("PurchaseOrder", 4500000001, "TYPE_MISMATCH:PurchaseOrder"),
        ("PurchasingDocumentDeletionCode", "Q", "NOT_IN_ALLOWED_VALUES:PurchasingDocumentDeletionCode"),
        ("IsCompletelyDelivered", "yes", "TYPE_MISMATCH:IsCompletelyDelivered"),
        ("IsCompletelyDelivered", 1, "TYPE_MISMATCH:IsCompletelyDelivered"),
        ("PurchaseOrderItemText", "a\x00b", "UNREADABLE_RECORD:PurchaseOrderItemText"),
        ("PurchaseOrderItemText", "\ud800", "UNREADABLE_RECORD:PurchaseOrderItemText"),
        ("PurchaseOrderItemText", "x" * 10_000_000, "UNREADABLE_RECORD:PurchaseOrderItemText"),
    ],
)
def test_each_broken_rule_has_its_reason_code(field, value, code):
    assert codes(Checker(ITEMS), {**GOOD_ITEM, field: value}) == {code}


@pytest.mark.parametrize(
    ("value", "good"),
    [
        ("/Date(1640995200000)/", True),
        ("2022-01-01", True),
        ("/Date(-62135596800000)/", True),  # 0001-01-01, SAP's oldest day
        ("/Date(1640995200001)/", False),  # a time of day in a date
        ("/Date(99999999999999999)/", False),
        ("/Date(abc)/", False),
        ("2022-13-01", False),
        ("20220101x", False),
        (1640995200000, False),
    ],
)
def test_dates_are_read_as_odata_writes_them_or_refused(value, good):
    found = codes(Checker(ORDERS), {**GOOD_ORDER, "PurchaseOrderDate": value})
    assert found == (set() if good else {"TYPE_MISMATCH:PurchaseOrderDate"})


def test_a_record_with_two_faults_names_both():
    found = codes(Checker(ITEMS), {**GOOD_ITEM, "Plant": None, "OrderQuantity": "-1"})
    assert found == {"REQUIRED_MISSING:Plant", "OUT_OF_RANGE:OrderQuantity"}


def test_a_sensitive_value_never_stands_in_the_detail():
    reasons = Checker(ORDERS).check({**GOOD_ORDER, "CreatedByUser": "SECRETUSER-TOO-LONG"}).reasons
    assert [str(reason) for reason in reasons] == ["TOO_LONG:CreatedByUser"]
    assert "SECRETUSER" not in reasons[0].detail


def test_a_field_of_changed_type_refuses_every_record():
    checker = Checker(ITEMS, {"OrderQuantity": "Edm.String"})
    assert codes(checker, GOOD_ITEM) == {"TYPE_MISMATCH:OrderQuantity"}


def test_unknown_fields_are_kept_as_text():
    checked = Checker(ITEMS).check({**GOOD_ITEM, "YY1_Colour": "red", "YY1_Parts": [1, {"b": 2}]})
    assert checked.extras == {"YY1_Colour": "red", "YY1_Parts": '[1, {"b": 2}]'}


@pytest.mark.parametrize("record", [None, 1, "text", [], [GOOD_ITEM]])
def test_what_is_not_an_object_is_unreadable(record):
    assert codes(Checker(ITEMS), record) == {"UNREADABLE_RECORD:*"}


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just("/Date(0)/") | st.just("\ud800"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(changes=st.dictionaries(st.sampled_from(sorted(GOOD_ITEM)) | st.text(max_size=8), anything, max_size=5))
def test_any_record_is_either_a_full_row_or_refused_with_reasons(changes):
    checked = Checker(ITEMS).check({**GOOD_ITEM, **changes})
    assert (checked.row is None) == bool(checked.reasons)
    if checked.row is not None:
        assert set(checked.row) == {field.name for field in ITEMS.fields}
        assert all(checked.row[key] for key in ITEMS.keys)
