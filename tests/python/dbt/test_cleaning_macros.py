"""Macros that clean values of the legacy exports and the meters, with ordinary, empty, null and hostile input.

They are rendered without dbt and run on DuckDB: what they give does not depend on the project.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import duckdb
import pytest
from test_macros import macro


def run(path: str, name: str, *literals: str) -> Any:
    """Value of a macro over SQL expressions."""
    (row,) = duckdb.sql(f"select {macro(path, name)(*literals)}").fetchall()
    return row[0]


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("'B-000-123456'", "123456"),
        ("'A-0123456'", "123456"),
        ("'123456'", "123456"),
        ("'B-120-000100'", "120000100"),
        ("'B-000-000000'", None),
        ("' b-12 '", "12"),
        ("'SHP000-7'", "7"),
        ("'12B-3'", "12B3"),
        ("'B-'", None),
        ("''", None),
        ("null::varchar", None),
        ("'B-1''; drop table x --'", "1'; DROP TABLE X "),
    ],
)
def test_shipment_number(written: str, number: str | None) -> None:
    assert run("macros/cleaning/shipment_number.sql", "shipment_number", written) == number


@pytest.mark.parametrize(
    ("value", "unit", "mwh"),
    [
        ("1500::decimal(18,4)", "'kWh'", "1.5"),
        ("1500", "'MWh'", "1500"),
        ("3600", "'GJ'", "1000"),
        ("1000", "'m3'", "11.1833"),
        ("99999999999999.9999::decimal(18,4)", "'kWh'", "100000000000"),
        ("99999999999999.9999::decimal(18,4)", "'MWh'", "99999999999999.9999"),
        ("99999999999999.9999::decimal(18,4)", "'GJ'", "27777777777777.779972"),
        ("0", "'GJ'", "0"),
        ("1", "'kwh'", None),
        ("1", "null", None),
        ("null", "'MWh'", None),
    ],
)
def test_energy_in_mwh(value: str, unit: str, mwh: str | None) -> None:
    found = run("macros/cleaning/energy_in_mwh.sql", "energy_in_mwh", value, unit)
    assert found == (None if mwh is None else Decimal(mwh))


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("'1000010 Synthetic Supplier 0010'", "1000010"),
        ("'Synthetic Supplier (1000011)'", "1000011"),
        ("'no number 0012'", None),
        ("''", None),
        ("null::varchar", None),
        ("'x'' or 1=1 -- 99999'", "99999"),
    ],
)
def test_first_match(text: str, match: str | None) -> None:
    assert run("macros/dialect/first_match.sql", "default__first_match", text, "'[0-9]{5,10}'") == match


def test_first_match_for_snowflake() -> None:
    rendered = macro("macros/dialect/first_match.sql", "snowflake__first_match")("vendor", "'[0-9]{5,10}'")
    assert rendered.strip() == "regexp_substr(vendor, '[0-9]{5,10}')"


@pytest.mark.parametrize(
    ("text", "spaced"),
    [
        ("'A  B   C'", "A B C"),
        ("'A B'", "A B"),
        ("'  A '", " A "),
        ("''", ""),
        ("null::varchar", None),
        ("'A''  --  B'", "A' -- B"),
    ],
)
def test_every_run_of_blanks_becomes_one(text: str, spaced: str | None) -> None:
    assert run("macros/dialect/single_spaced.sql", "default__single_spaced", text) == spaced


def test_every_run_of_blanks_becomes_one_for_snowflake() -> None:
    rendered = macro("macros/dialect/single_spaced.sql", "snowflake__single_spaced")("carrier")
    assert " ".join(rendered.split()) == "regexp_replace(carrier, ' +', ' ')"


@pytest.mark.parametrize(
    ("document", "value"),
    [
        ("""'{"tenant":"GB10","n":7}'""", "GB10"),
        ("""'{"n":7}'""", None),
        ("""'{"tenant":null}'""", None),
        ("""'{"tenant":"a '' b; --"}'""", "a ' b; --"),
        ("'no json'", None),
        ("''", None),
        ("null::varchar", None),
        ("'[1, 2]'", None),
    ],
)
def test_json_text(document: str, value: str | None) -> None:
    assert run("macros/dialect/json_text.sql", "default__json_text", document, "tenant") == value


def test_json_text_for_snowflake() -> None:
    rendered = macro("macros/dialect/json_text.sql", "snowflake__json_text")("payload", "tenant")
    assert rendered.strip() == "cast(get_path(try_parse_json(payload), 'tenant') as varchar)"
