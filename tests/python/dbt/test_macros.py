"""Macros with ordinary, empty, null and hostile input."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import Any

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
with versions as (
    select * from (values
        ('a''; drop', 'x', timestamp '2024-01-01', 'False'),
        ('a''; drop', 'y', timestamp '2024-02-01', 'True'),
        ('b', 'z', timestamp '2024-01-01', 'False')
    ) as v (member_id, dbt_scd_id, dbt_valid_from, dbt_is_deleted)
    where {filter}
), history as (
    select member_id, {{{{ scd2_columns('member_id', 'versions') }}}} from versions
), events as (
    select * from (values
        (date '2024-01-31'), (date '2024-02-01'), (cast(null as date)), (date '1899-12-31')
    ) as e (event_date)
)
select events.event_date, history.member_id, history.version_number, history.is_deleted
from events
left join history on {{{{ valid_at('events.event_date', 'history') }}}}
order by 1, 2
"""


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

    before, first_day = date(2024, 1, 31), date(2024, 2, 1)
    assert show(warehouse, VERSIONS.format(filter="true")) == [
        (date(1899, 12, 31), None, None, None),
        (before, "a'; drop", 1, False),
        (before, "b", 1, False),
        (first_day, "a'; drop", 2, True),
        (first_day, "b", 1, False),
        (None, None, None, None),
    ]
    assert all(row[1] is None for row in show(warehouse, VERSIONS.format(filter="false")))


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
