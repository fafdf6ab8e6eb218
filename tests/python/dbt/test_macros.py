"""Macros with ordinary, empty, null and hostile input."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, date, datetime
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import duckdb
import pytest
from harness import ROOT, Warehouse
from jinja2 import Environment

INLINE = """
select
    {{ blank_to_null("'  a b '") }} as ordinary,
    {{ blank_to_null("''") }} as empty,
    {{ blank_to_null("'   '") }} as spaces,
    {{ blank_to_null("cast(null as varchar)") }} as nothing,
    {{ blank_to_null("''' or 1=1 --'") }} as hostile,
    {{ utc_timestamp("timestamptz '2024-03-31 03:30:00+02'") }} as summer_time,
    {{ utc_timestamp("cast(null as timestamptz)") }} as no_time,
    {{ utc_timestamp("timestamp '2024-03-31 03:30:00'") }} as without_zone,
    {{ unknown_member_key() }} as unknown_key,
    {{ as_of_date() }} as today,
    (select {{ lookback_start('stamp') }} from (select timestamp '2024-03-02 10:00:00' as stamp)) as three_days_back,
    (select {{ lookback_start('stamp') }} from (select now()::timestamp as stamp) where false) as from_start
"""
VERSIONS = """
with snapped as (
    select * from (values
        ('a''; drop', 'x', timestamp '2024-01-01', timestamp '2024-02-01', 'False'),
        ('a''; drop', 'y', timestamp '2024-02-01', timestamp '2024-03-01', 'True'),
        ('a''; drop', 'y2', timestamp '2024-02-02', null, 'True'),
        ('b', 'z', timestamp '2024-01-01', null, 'False'),
        (null, 'n', timestamp '2024-01-01', null, 'False')
    ) as v (member_id, dbt_scd_id, dbt_valid_from, dbt_valid_to, dbt_is_deleted)
    where {filter}
), history as (
    {{{{ scd2_history('snapped', 'member_id') }}}}
), referenced as (
    select * from (values ('a''; drop'), ('new'), ('new'), (null)) as r (member_id)
), members as (
    {{{{ scd2_members('member_id') }}}}
), events as (
    select * from (values
        (date '2024-01-31'), (date '2024-02-01'), (cast(null as date)), (date '1899-12-31')
    ) as e (event_date) cross join (values ('a''; drop'), ('new'), ('nobody'), (null)) as m (member_id)
)
select events.member_id, events.event_date, members.version_number, members.is_deleted, members.is_inferred
from events
{{{{ point_in_time_join('members', 'member_id', 'events', 'event_date') }}}}
where members.member_id is not null
order by all
"""
MEMBERS = """
with history as (
    select 7 as member_id, 'early' as named, 1 as version_number, 'x' as dbt_scd_id,
        timestamp '1900-01-01' as valid_from, timestamp '9999-12-31' as valid_to, true as is_current,
        false as is_deleted
), referenced as (select 8 as member_id)
{{ scd2_members('member_id', version='named', unknown_id='-1') }}
order by member_id
"""
MONEY = """
with rates as (
    select * from (values
        ('GBP', date '2024-01-01', date '2024-02-01', cast(1 as decimal(18, 6))),
        ('JPY', date '2024-01-01', date '2024-02-01', cast(0.005213 as decimal(18, 6)))
    ) as r (currency_code, valid_from_date, valid_to_date, gbp_per_unit)
), lines as (
    select * from (values
        (1, 'GBP', timestamp '2024-01-31 23:59:59', cast(12.3456 as decimal(18, 4))),
        (2, 'JPY', timestamp '2024-01-01', cast(99999999999999.9999 as decimal(18, 4))),
        (3, 'GBP', timestamp '2024-02-01', 1), (4, 'gbp', timestamp '2024-01-15', 1),
        (5, null, timestamp '2024-01-15', 1), (6, 'GBP', null, 1), (7, 'GBP', timestamp '2024-01-15', null),
        (8, 'G''P', timestamp '2024-01-15', 1)
    ) as l (line, currency_code, ordered_at, amount)
)
select line, {{ in_gbp('amount') }}, typeof({{ in_gbp('amount') }})
from lines
left join rates on {{ rate_at('lines.currency_code', 'lines.ordered_at') }}
order by line
"""
PRODUCTS = """
with given as (
    select * from (values
        (1, cast(2.5 as decimal(18, 4)), cast(3 as decimal(12, 3))), (2, 0.0001, 0.5), (3, -0.0001, 0.5),
        (4, 99999999999999.9999, 0.001), (5, 1000000, 99999.999), (6, null, 1), (7, 1, null),
        (8, -999998.9999, 99997.999)
    ) as v (line, price, quantity)
)
select
    line,
    {{ amount_product('price', 'quantity', digits=[6, 4], other_digits=[5, 3]) }} as narrowed,
    cast(cast(price as decimal(24, 4)) * quantity as decimal(18, 4)) as wide,
    typeof({{ amount_product('price', 'quantity', digits=[6, 4], other_digits=[5, 3]) }}) as kind,
    {{ amount_of_units(whole_units('price')) }} is not distinct from price as comes_back
from given
order by line
"""
RULES = """
{{ config(meta={'quarantine_rules': [
    {'code': 'ODD', 'severity': 'warn', 'holds': 'mod(amount, 2) = 0', 'means': 'Odd.'},
    {'code': 'SMALL', 'severity': 'error', 'holds': 'amount > 5 or amount = 0', 'means': 'Small.'},
    {'code': 'QUOTED', 'severity': 'critical', 'holds': "name <> '''; drop'", 'means': 'Hostile.'},
    {'code': 'ZERO', 'severity': 'error', 'holds': 'amount <> 0', 'means': 'Zero.'},
]}) }}
with judged_lines as (
    select * from (values (1, 10, 'a'), (2, 7, 'a'), (3, 3, 'a'), (4, 0, 'a'), (5, null, 'a'), (6, 8, '''; drop'),
        (7, 8, null)) as l (line, amount, name)
)
select line, reason_codes, warning_codes, severity from (
    {{ evaluate_rules('judged_lines') }}
) order by line
"""
RULE = {"code": "TOO_SMALL", "severity": "error", "holds": "amount > 5", "means": "Too small."}


class Relation(str):
    """What dbt hands a macro as a relation, as far as the macros here use it."""

    @property
    def identifier(self) -> str:
        return self.split(".")[-1]


def show(warehouse: Warehouse, sql: str) -> list[tuple[Any, ...]]:
    """Compile a query with the project's macros, then run it."""
    target = warehouse.directory / "inline.sql"
    compiled = warehouse.compile(sql)
    target.write_text(compiled)
    return warehouse.query(compiled)


def macro(path: str, name: str, **context: Any) -> Any:
    """A macro of pure Jinja, rendered without dbt: what a hostile var does needs no warehouse."""

    def fail(message: str) -> None:
        raise ValueError(message)

    context.setdefault("exceptions", SimpleNamespace(raise_compiler_error=fail))
    context.setdefault("modules", SimpleNamespace(re=re, pytz=SimpleNamespace(utc=UTC)))
    environment = Environment(extensions=["jinja2.ext.do"], autoescape=False)  # noqa: S701 - SQL, not HTML
    return getattr(environment.from_string((ROOT / path).read_text(), globals=context).module, name)


def test_macros_on_a_warehouse(warehouse: Warehouse) -> None:
    ((ordinary, empty, spaces, nothing, hostile, summer, no_time, zoneless, key, today, back, start),) = show(
        warehouse, INLINE
    )
    assert (ordinary, empty, spaces, nothing, hostile) == ("a b", None, None, None, "' or 1=1 --")
    assert (summer, no_time) == (datetime(2024, 3, 31, 1, 30), None)
    assert zoneless == datetime(2024, 3, 31, 3, 30)
    assert key == "ad921d60486366258809553a3db49a4a"
    assert today == datetime.now(UTC).date()
    assert (back, start) == (datetime(2024, 2, 28, 10), datetime(1900, 1, 1))


def test_versions_members_and_their_join(warehouse: Warehouse) -> None:
    before, first_day = date(2024, 1, 31), date(2024, 2, 1)
    assert show(warehouse, VERSIONS.format(filter="true")) == [
        ("a'; drop", before, 1, False, False),
        ("a'; drop", first_day, 2, True, False),
        ("new", before, 1, False, True),
        ("new", first_day, 1, False, True),
    ]
    # Without any history, all that is referenced is inferred.
    assert show(warehouse, VERSIONS.format(filter="false")) == [
        ("a'; drop", before, 1, False, True),
        ("a'; drop", first_day, 1, False, True),
        ("new", before, 1, False, True),
        ("new", first_day, 1, False, True),
    ]
    md5 = {name: hashlib.md5(name.encode()).hexdigest() for name in ("7-early", "8-1")}  # noqa: S324
    assert [(row[0], row[1], row[8], row[9]) for row in show(warehouse, MEMBERS)] == [
        ("ad921d60486366258809553a3db49a4a", -1, False, True),
        (md5["7-early"], 7, False, False),
        (md5["8-1"], 8, True, False),
    ]


def test_amounts_in_pounds(warehouse: Warehouse) -> None:
    found = show(warehouse, MONEY)
    # The second needs more digits on the way than DuckDB gives a product by itself.
    amounts = [Decimal("12.3456"), Decimal("521300000000.0000"), None, None, None, None, None, None]
    assert [row[1] for row in found] == amounts
    assert {row[2] for row in found} == {"DECIMAL(18,4)"}


def test_quarantine_rules_on_rows(warehouse: Warehouse) -> None:
    assert show(warehouse, RULES) == [
        (1, None, None, None),
        (2, None, "ODD", "warn"),
        (3, "SMALL", "ODD", "error"),
        (4, "ZERO", None, "error"),
        # What cannot be decided is broken; codes of one severity stand in the order of the rules.
        (5, "SMALL ZERO", "ODD", "error"),
        (6, "QUOTED", None, "critical"),
        (7, "QUOTED", None, "critical"),
    ]


@pytest.mark.parametrize(
    ("rules", "complaint"),
    [
        ([{**RULE, "severity": "fatal"}], "rule TOO_SMALL of lines: severity is critical, error or warn"),
        ([{**RULE, "severity": None}], "severity is critical, error or warn"),
        ([RULE, {**RULE, "holds": "amount > 6"}], "rule TOO_SMALL of lines is there twice"),
        ([{**RULE, "code": "too small'"}], "give it a code in capitals"),
        ([{**RULE, "code": None}], "give it a code in capitals"),
        ([{**RULE, "holds": ""}], "give under holds the condition"),
        ([{**RULE, "means": None}], "say under means what is wrong"),
        ([], "lines has no rules under config: meta: quarantine_rules"),
        (None, "lines has no rules under config: meta: quarantine_rules"),
    ],
)
def test_quarantine_rules_are_checked(rules: list[dict[str, str]] | None, complaint: str) -> None:
    with pytest.raises(ValueError, match=re.escape(complaint)):
        rules_of(rules)


def test_quarantine_rules_are_handed_on_in_their_order() -> None:
    rules = [RULE, {**RULE, "code": "A"}]
    assert rules_of(rules) == rules


def rules_of(rules: list[dict[str, str]] | None) -> list[dict[str, str]]:
    answers: list[list[dict[str, str]]] = []
    node = SimpleNamespace(name="lines", config={"meta": {"quarantine_rules": rules}})
    path, name = "macros/quarantine/evaluate_rules.sql", "quarantine_rules_of"
    macro(path, name, execute=True, **{"return": answers.append})(node)
    return answers[0]


@pytest.mark.parametrize(
    ("target", "layer", "expected"),
    [
        (("dev", "dev"), "marts", "dev_marts"),
        (("snowflake", "CI_42"), " marts ", "CI_42_marts"),
        (("prod", "anything"), "marts", "marts"),
        (("snowflake", "PROD"), "marts", "marts"),
        (("dev", "dev"), None, "dev"),
        (("dev", "dev"), "", "dev"),
    ],
)
def test_schema_names(target: tuple[str, str], layer: str | None, expected: str) -> None:
    name = macro(
        "macros/project/generate_schema_name.sql", "generate_schema_name",
        target=SimpleNamespace(name=target[0], schema=target[1]),
    )  # fmt: skip
    assert name(layer, None).strip() == expected


def test_products_are_the_same_in_64_bits_and_beyond(warehouse: Warehouse) -> None:
    found = warehouse.query(warehouse.compile(PRODUCTS))
    assert [row[1] for row in found][:3] == [Decimal("7.5"), Decimal("0.0001"), Decimal("-0.0001")]
    assert len(found) == 8
    for line, narrowed, wide, kind, comes_back in found:
        assert narrowed == wide, line
        assert (kind, comes_back) == ("DECIMAL(18,4)", True), line


def test_amount_product_wants_18_digits(warehouse: Warehouse, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(Exception, match="inline query"):
        warehouse.compile("{{ amount_product('a', 'b', digits=[7, 4], other_digits=[5, 3]) }}")
    assert "have to be 18 together" in capfd.readouterr().out


@pytest.mark.parametrize("day", ["2024-2-1", "2024-02-01' or '1'='1", "today", "20240201"])
def test_as_of_date_refuses_what_is_no_date(day: str) -> None:
    as_of_date = macro("macros/project/as_of_date.sql", "as_of_date", var=lambda *_: day)
    with pytest.raises(ValueError, match="YYYY-MM-DD"):
        as_of_date()


def test_as_of_date_is_the_utc_day_of_the_run() -> None:
    started = datetime.fromisoformat("2024-03-01T01:00:00+02:00")
    as_of_date = macro("macros/project/as_of_date.sql", "as_of_date", var=lambda *_: "", run_started_at=started)
    assert as_of_date() == "cast('2024-02-29' as date)"


@pytest.mark.parametrize("days", ["-1", "3 day", "", None, "1.5"])
def test_lookback_refuses_what_is_no_number_of_days(days: str | None) -> None:
    lookback_start = macro("macros/incremental/lookback_start.sql", "lookback_start", var=lambda *_: days)
    with pytest.raises(ValueError, match="whole number of days"):
        lookback_start("landed_at")


@pytest.mark.parametrize(("assumed", "expected"), [("true", True), (True, True), (False, False), ("no", False)])
def test_assumed_incremental_asks_no_warehouse(assumed: object, expected: bool) -> None:
    answers: list[bool] = []
    is_incremental_run = macro(
        "macros/incremental/is_incremental_run.sql", "is_incremental_run",
        var=lambda *_: assumed, **{"return": answers.append, "is_incremental": None},
    )  # fmt: skip
    is_incremental_run()
    assert answers == [expected]


def test_delete_vanished_rows_only_in_incremental_runs() -> None:
    path, name = "macros/incremental/delete_vanished_rows.sql", "delete_vanished_rows"
    fact = Relation("dev_marts.fact")
    assert macro(path, name, is_incremental_run=lambda: False)(fact, "parent", "line_key").strip() == ""
    statement = macro(path, name, is_incremental_run=lambda: True)(fact, "parent", "line_key")
    assert " ".join(statement.split()) == (
        "delete from dev_marts.fact where not exists"
        " ( select 1 from parent as parent where parent.line_key = fact.line_key )"
    )
    statement = macro(path, name, is_incremental_run=lambda: True)(fact, "parent", ["place", "content"])
    assert " ".join(statement.split()) == (
        "delete from dev_marts.fact where not exists"
        " ( select 1 from parent as parent where parent.place = fact.place and parent.content = fact.content )"
    )


def test_delete_days_outside_only_in_incremental_runs() -> None:
    path, name = "macros/incremental/delete_days_outside.sql", "delete_days_outside"
    fact = Relation("dev_marts.fact")
    assert macro(path, name, is_incremental_run=lambda: False)(fact, "day", "1", "9").strip() == ""
    statement = macro(path, name, is_incremental_run=lambda: True)(fact, "day", "2", "5").strip()
    assert " ".join(statement.split()) == "delete from dev_marts.fact where day < 2 or day > 5"
    with duckdb.connect() as connection:
        connection.execute("create schema dev_marts")
        connection.execute("create table dev_marts.fact as select unnest([1, 2, 3, 5, 6, null]) as day")
        connection.execute(statement)
        left = connection.execute("select day from dev_marts.fact order by 1 nulls last").fetchall()
    assert left == [(2,), (3,), (5,), (None,)], "the ends of the window stay, and what has no day"
