"""The check of whole tables decides as the check of single records does, for any text."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingestion.checks import Checker
from ingestion.contract import Dataset, Field, load_contracts
from ingestion.vector import TableChecker

DATASETS = [
    ("crm", "sign_ups"), ("customs", "cbam_imports"), ("scm_legacy", "shipments_beta"),
    ("interactions", "events"), ("energy", "meter_readings"), ("capacity_plan", "planned_headcount"),
]  # fmt: skip
NASTY = [
    "", " ", "0", "-0", "+1", "1.", ".5", "1,5", "1,2,3", "1,234", "1,234.50", "12.5000000000001", "1e3", "1e999",
    "NaN", "inf", "-inf", "1_000", "0x10", "999999999999999999999", "9" * 40, "true", "FALSE", "t", "2", "GB", "gb",
    "GBR", "GBP", "2026-09-30", "2026-9-3", "2026-02-30", "30.09.2026 12:00:01", "31.02.2026 00:00:00", "30/09/2026",
    "09/30/2026", "2026-09-30T12:00:00Z", "2026-09-30T12:00:00+02:00", "2026-09-30 12:00", "2026-09-30T25:00:00Z",
    "epoch", "infinity", "Sep 2026", "Foo 2026", "organic", "new", "kWh", "electricity", "road", "OPEN", "a" * 300,
    "a\x00b", "\u00a0", "ß", "\U0001f600", "'; drop table x; --", '"', "\\", "%", "\r\n", "72131000",
]  # fmt: skip
CELL = st.one_of(st.sampled_from(NASTY), st.text(max_size=12), st.none(), st.decimals(-1000, 1000, places=3).map(str))


def outcome_one_by_one(checker: Checker, table: pa.Table):
    return [(checked.row, checked.reasons) for checked in map(checker.check, table.to_pylist())]


def fitting(field: Field) -> str:
    """A text that fits a field."""
    if field.allowed:
        return field.allowed[0]
    if field.logical_type in ("date", "timestamp"):
        usual = "%Y-%m-%d" if field.logical_type == "date" else "%Y-%m-%dT%H:%M:%SZ"
        return datetime(2026, 9, 1, tzinfo=UTC).strftime(field.date_format or usual)
    if field.logical_type in ("integer", "number"):
        return "7"
    if field.logical_type == "boolean":
        return "true"
    return {"country": "GB", "currency": "GBP", "origin_country": "CN", "cn_code": "72131000"}.get(field.name, "x")


CHECKERS = {}


def checkers(source: str, name: str) -> tuple[Dataset, Checker, TableChecker]:
    if (source, name) not in CHECKERS:
        dataset = load_contracts(source)[name]
        checker = Checker(dataset)
        CHECKERS[source, name] = dataset, checker, TableChecker(dataset, checker)
    return CHECKERS[source, name]


@pytest.mark.parametrize(("source", "name"), DATASETS)
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(data=st.data())
def test_a_table_is_judged_as_its_records_are(source: str, name: str, data: st.DataObject):
    dataset, checker, table_checker = checkers(source, name)
    good = {field.source_field: fitting(field) for field in dataset.fields}
    assert checker.check(good).row is not None
    changed = st.lists(st.tuples(st.sampled_from(sorted(good)), CELL), max_size=2)
    rows = [good | dict(changes) for changes in data.draw(st.lists(changed, min_size=1, max_size=30))]
    absent = data.draw(st.sampled_from(["", *good]))
    kept = [field for field in good if field != absent]
    table = pa.Table.from_pylist(rows, pa.schema([(field, pa.string()) for field in kept]))
    checked = table_checker.check(table)
    expected = outcome_one_by_one(checker, table)
    assert checked.good.num_rows + len(checked.rejected) == len(rows)
    assert [position for position, (row, _) in enumerate(expected) if row is not None] == checked.positions.to_pylist()
    assert [row for row, _ in expected if row is not None] == checked.good.to_pylist()
    assert {position: reasons for position, _, reasons in checked.rejected} == {
        position: reasons for position, (row, reasons) in enumerate(expected) if row is None
    }


def good_sign_up(**changes: str) -> dict[str, str]:
    record = {
        "SignUpId": "S1", "SignedUpAt": "30.09.2026 12:00:01", "Company": "Synthetic", "Country": "GB",
        "Tenant": "north", "Channel": "organic", "Status": "new", "AcquisitionCost": "12,50", "Currency": "EUR",
    }  # fmt: skip
    return record | changes


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"AcquisitionCost": "12.50"}, "TYPE_MISMATCH:AcquisitionCost"),
        ({"AcquisitionCost": "-1"}, "OUT_OF_RANGE:AcquisitionCost"),
        ({"AcquisitionCost": "1,23456"}, "OUT_OF_RANGE:AcquisitionCost"),
        ({"SignedUpAt": "31.02.2026 00:00:00"}, "TYPE_MISMATCH:SignedUpAt"),
        ({"SignedUpAt": ""}, "REQUIRED_MISSING:SignedUpAt"),
        ({"SignUpId": ""}, "KEY_MISSING:SignUpId"),
        ({"Country": "Germany"}, "PATTERN_MISMATCH:Country"),
        ({"Channel": "podcast"}, "NOT_IN_ALLOWED_VALUES:Channel"),
        ({"SignUpId": "S" * 21}, "TOO_LONG:SignUpId"),
        ({"Company": "a\x00b"}, "UNREADABLE_RECORD:Company"),
    ],
)
def test_each_rule_has_its_code(change: dict[str, str], code: str):
    dataset = load_contracts("crm")["sign_ups"]
    table = pa.Table.from_pylist([good_sign_up(SignUpId="S0"), good_sign_up(**change)])
    checked = TableChecker(dataset, Checker(dataset)).check(table)
    assert [str(reason) for _, _, reasons in checked.rejected for reason in reasons] == [code]
    assert checked.good["acquisition_cost_amount"].to_pylist() == [Decimal("12.5000")]


def test_values_of_personal_fields_never_stand_in_a_reason():
    dataset = load_contracts("crm")["sign_ups"]
    secret = "someone@" + "x" * 300
    table = pa.Table.from_pylist([good_sign_up(Email=secret)])
    [(_, _, reasons)] = TableChecker(dataset, Checker(dataset)).check(table).rejected
    assert secret not in str([reason.detail for reason in reasons])


def test_typed_columns_of_another_type_are_refused_not_cast():
    dataset = load_contracts("atom")["products"]
    columns = {"product_id": pa.array(["1"]), "weight_kg": pa.array([1.5], pa.float64())}
    checked = TableChecker(dataset, Checker(dataset)).check(pa.table(columns))
    codes = {str(reason) for _, _, reasons in checked.rejected for reason in reasons}
    assert "REQUIRED_MISSING:sku" in codes


def test_records_in_many_chunks_keep_their_places():
    """DuckDB's threads share the chunks of an Arrow table; what stands beside a record must stay beside it."""
    dataset = load_contracts("interactions")["events"]
    template = {field.source_field: fitting(field) for field in dataset.fields}
    rows = [template | {"event_id": f"E{number}"} for number in range(400)]
    whole = pa.Table.from_pylist(rows, pa.schema([(field, pa.string()) for field in template]))
    expected = [row["event_id"] for row in rows]
    one_chunk = TableChecker(dataset, Checker(dataset)).hashes(whole).to_pylist()
    assert len(set(one_chunk)) == len(rows)
    for width in (1, 3, 7, 20) * 5:
        chunked = pa.concat_tables(whole.slice(start, width) for start in range(0, len(rows), width))
        checker = TableChecker(dataset, Checker(dataset))
        checked = checker.check(chunked)
        assert checked.good["event_id"].to_pylist() == expected
        assert checked.positions.to_pylist() == list(range(len(rows)))
        assert checker.hashes(chunked).to_pylist() == one_chunk
