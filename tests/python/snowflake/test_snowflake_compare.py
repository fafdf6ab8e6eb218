"""The comparison: equal content in any types and order is equal, every other difference is seen."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.snowflake.compare import Window, canonical, compare, content

NOON = datetime(2026, 3, 1, 12, 0, 0)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (1, Decimal("1.000")),
        (Decimal("10"), Decimal("1E+1")),
        (Decimal("-0.00"), 0),
        (1.5, Decimal("1.5")),
        (0.1 + 0.2, Decimal("0.3")),
        (NOON, NOON.replace(tzinfo=UTC)),
        (NOON, (NOON + timedelta(hours=2)).replace(tzinfo=timezone(timedelta(hours=2)))),
    ],
)
def test_one_value_in_two_types_is_equal(left: Any, right: Any) -> None:
    assert canonical(left) == canonical(right)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (None, ""),
        (None, 0),
        (None, "None"),
        (True, 1),
        (Decimal("1.001"), Decimal("1.002")),
        (NOON, NOON + timedelta(microseconds=1)),
        (date(2026, 3, 1), datetime(2026, 3, 1)),
        ("a", "A"),
        ("a", "a "),
    ],
)
def test_different_values_differ(left: Any, right: Any) -> None:
    assert canonical(left) != canonical(right)


_VALUES = st.one_of(st.none(), st.booleans(), st.integers(-5, 5), st.text(max_size=3), st.dates())


@given(st.lists(st.tuples(_VALUES, _VALUES), max_size=8), st.randoms(use_true_random=False))
def test_order_of_rows_and_columns_does_not_matter(rows: list[tuple[Any, Any]], random: Any) -> None:
    shuffled = [(b, a) for a, b in rows]
    random.shuffle(shuffled)
    assert compare("t", content(["A", "B"], rows), content(["b", "a"], shuffled)).equal


@given(st.lists(st.integers(0, 3), min_size=1, max_size=6))
def test_a_lost_or_doubled_row_is_seen(values: list[int]) -> None:
    rows = [(value,) for value in values]
    whole = content(["a"], rows)
    assert not compare("t", whole, content(["a"], rows[1:])).equal
    assert not compare("t", whole, content(["a"], [*rows, rows[0]])).equal


def test_two_changes_do_not_cancel_out() -> None:
    left = content(["a", "b"], [(1, 2), (3, 4)])
    right = content(["a", "b"], [(1, 4), (3, 2)])
    outcome = compare("t", left, right)
    assert not outcome.equal
    assert (outcome.duckdb_rows, outcome.emulator_rows) == (2, 2)
    assert "b: DuckDB '2', emulator '4'" in " ".join(outcome.details)


def test_a_missing_column_is_named() -> None:
    outcome = compare("t", content(["a", "b"], [(1, 2)]), content(["A"], [(1,)]))
    assert not outcome.equal
    assert outcome.details == ("column only in DuckDB: b",)


def test_run_dependent_columns_are_left_out() -> None:
    left = content(["id", "dbt_updated_at"], [(1, NOON)])
    right = content(["id", "dbt_updated_at"], [(1, NOON + timedelta(days=1))])
    assert compare("t", left, right).equal


def test_a_time_of_the_builds_own_clock_counts_as_that_build() -> None:
    here = [Window("during build 1", NOON, NOON + timedelta(minutes=1))]
    there = [Window("during build 1", NOON + timedelta(minutes=5), NOON + timedelta(minutes=6))]
    left = content(["id", "valid_from"], [(1, NOON + timedelta(seconds=10))], here)
    right = content(["id", "valid_from"], [(1, NOON + timedelta(minutes=5, seconds=3))], there)
    assert compare("t", left, right).equal


def test_a_time_outside_the_builds_must_be_equal() -> None:
    windows = [Window("during build 1", NOON, NOON + timedelta(minutes=1))]
    earlier = NOON - timedelta(days=1)
    left = content(["id", "valid_from"], [(1, earlier)], windows)
    assert not compare("t", left, content(["id", "valid_from"], [(1, earlier + timedelta(seconds=1))], windows)).equal
    assert not compare("t", left, content(["id", "valid_from"], [(1, NOON)], windows)).equal


def test_other_columns_get_no_allowance_for_the_clock() -> None:
    windows = [Window("during build 1", NOON, NOON + timedelta(minutes=1))]
    left = content(["id", "landed_at"], [(1, NOON + timedelta(seconds=1))], windows)
    right = content(["id", "landed_at"], [(1, NOON + timedelta(seconds=2))], windows)
    assert not compare("t", left, right).equal
