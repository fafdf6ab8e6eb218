"""dbt_utils: what our stand-in must do, and that the real package does the same on the same inputs."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from throwaway import Case, Outcome, Throwaway

NULL = "_dbt_utils_surrogate_key_null_"


def rows(columns: str, *values: str) -> str:
    """A table from SQL literals; without values an empty one with these columns as text."""
    if not values:
        return "select " + ", ".join(f"cast(null as varchar) as {c}" for c in columns.split(", ")) + " where false"
    return f"select * from (values {', '.join(f'({v})' for v in values)}) as t ({columns})"


UNIQUE = {"combination_of_columns": ["a", "b"]}
RANGES = {"lower_bound_column": "lo", "upper_bound_column": "hi"}
BY_KEY = {**RANGES, "partition_by": "k"}

CASES = [
    # unique_combination_of_columns
    Case("unique_ok", rows("a, b", "1, 1", "1, 2", "2, 1"), {"dbt_utils.unique_combination_of_columns": UNIQUE}),
    Case(
        "unique_twice",
        rows("a, b", "1, 1", "1, 1", "2, 2", "2, 2", "2, 2"),
        {"dbt_utils.unique_combination_of_columns": UNIQUE},
        2,
    ),
    Case("unique_empty", rows("a, b"), {"dbt_utils.unique_combination_of_columns": UNIQUE}),
    Case("unique_single_row", rows("a, b", "1, null"), {"dbt_utils.unique_combination_of_columns": UNIQUE}),
    Case(
        "unique_nulls_are_equal",
        rows("a, b", "1, null", "1, null"),
        {"dbt_utils.unique_combination_of_columns": UNIQUE},
        1,
    ),
    Case(
        "unique_separator_in_key",
        rows("a, b", "'x-', 'y'", "'x', '-y'"),
        {"dbt_utils.unique_combination_of_columns": UNIQUE},
    ),
    Case(
        "unique_unicode",
        rows("a, b", "'é', 'ß''\"'", "'é', 'ß''\"'"),
        {"dbt_utils.unique_combination_of_columns": UNIQUE},
        1,
    ),
    Case(
        "unique_quoted_column",
        'select 1 as "Order No", 2 as "select" union all select 1, 2',
        {
            "dbt_utils.unique_combination_of_columns": {
                "combination_of_columns": ["Order No", "select"],
                "quote_columns": True,
            }
        },
        1,
    ),
    Case(
        "unique_where",
        rows("a, b", "1, 1", "1, 1"),
        {"dbt_utils.unique_combination_of_columns": {**UNIQUE, "config": {"where": "a > 1"}}},
    ),
    # mutually_exclusive_ranges
    Case("ranges_ok", rows("lo, hi", "1, 2", "2, 3", "5, 6"), {"dbt_utils.mutually_exclusive_ranges": RANGES}),
    Case("ranges_overlap", rows("lo, hi", "1, 3", "2, 4", "4, 5"), {"dbt_utils.mutually_exclusive_ranges": RANGES}, 1),
    Case("ranges_backwards", rows("lo, hi", "3, 1"), {"dbt_utils.mutually_exclusive_ranges": RANGES}, 1),
    Case("ranges_zero_length", rows("lo, hi", "1, 1", "2, 3"), {"dbt_utils.mutually_exclusive_ranges": RANGES}, 1),
    Case(
        "ranges_zero_length_allowed",
        rows("lo, hi", "1, 1", "2, 3"),
        {"dbt_utils.mutually_exclusive_ranges": {**RANGES, "zero_length_range_allowed": True}},
    ),
    Case(
        "ranges_gap",
        rows("lo, hi", "1, 2", "3, 4"),
        {"dbt_utils.mutually_exclusive_ranges": {**RANGES, "gaps": "not_allowed"}},
        1,
    ),
    Case(
        "ranges_no_gap",
        rows("lo, hi", "1, 2", "2, 4"),
        {"dbt_utils.mutually_exclusive_ranges": {**RANGES, "gaps": "not_allowed"}},
    ),
    Case(
        "ranges_touch",
        rows("lo, hi", "1, 2", "2, 4"),
        {"dbt_utils.mutually_exclusive_ranges": {**RANGES, "gaps": "required"}},
        1,
    ),
    Case(
        "ranges_partition", rows("k, lo, hi", "'a', 1, 3", "'b', 2, 4"), {"dbt_utils.mutually_exclusive_ranges": BY_KEY}
    ),
    Case(
        "ranges_partition_overlap",
        rows("k, lo, hi", "'a', 1, 3", "'a', 2, 4", "'b', 2, 4"),
        {"dbt_utils.mutually_exclusive_ranges": BY_KEY},
        1,
    ),
    Case("ranges_null_end", rows("lo, hi", "1, 2", "2, null"), {"dbt_utils.mutually_exclusive_ranges": RANGES}, 1),
    Case("ranges_null_start", rows("lo, hi", "1, 2", "null, 3"), {"dbt_utils.mutually_exclusive_ranges": RANGES}, 1),
    Case(
        "ranges_same_start", rows("lo, hi", "1, 2", "1, 2", "1, 3"), {"dbt_utils.mutually_exclusive_ranges": RANGES}, 2
    ),
    Case("ranges_empty", "select 1 as lo, 2 as hi where false", {"dbt_utils.mutually_exclusive_ranges": RANGES}),
    Case("ranges_single_row", rows("lo, hi", "1, 2"), {"dbt_utils.mutually_exclusive_ranges": RANGES}),
]

# id, fields of a two-column key, and the text whose MD5 the key is
KEYS = [
    ("ordinary", "'4500000001'", "'00010'", "4500000001-00010"),
    ("numbers", "1", "2.50", "1-2.50"),
    ("null", "null", "'a'", f"{NULL}-a"),
    ("empty", "''", "'a'", "-a"),
    ("all_null", "null", "null", f"{NULL}-{NULL}"),
    ("separator_left", "'a-'", "'b'", "a--b"),
    ("separator_right", "'a'", "'-b'", "a--b"),
    ("quotes", "'it''s'", "'\"q\"'", 'it\'s-"q"'),
    ("unicode", "'Größe'", "'零件 🙂'", "Größe-零件 🙂"),
    ("date", "date '2024-02-29'", "timestamp '2024-02-29 23:59:59'", "2024-02-29-2024-02-29 23:59:59"),
    ("boolean", "true", "false", "true-false"),
    ("blank", "' a '", "'\t'", " a -\t"),
]


def key_model() -> str:
    lines = [
        f'select \'{name}\' as id, {{{{ dbt_utils.generate_surrogate_key(["{a}", "{b}"]) }}}} as k'
        for name, a, b, _ in KEYS
    ]
    single = "select 'single' as id, {{ dbt_utils.generate_surrogate_key(['1']) }} as k"
    return "\nunion all ".join([*(line.replace('"q"', '\\"q\\"') for line in lines), single])


@pytest.fixture(scope="session")
def project(packages: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Throwaway, dict[str, Outcome]]:
    """All cases in one dbt build."""
    project = Throwaway(tmp_path_factory.mktemp("utils") / "project", packages)
    project.write("models/keys.sql", key_model())
    project.write("models/keys_null_as_empty.sql", "{{ config(materialized='table') }}\n" + key_model())
    project.add_cases(CASES)
    null_as_empty = [
        "run",
        "--select",
        "keys_null_as_empty",
        "--vars",
        "surrogate_key_treat_nulls_as_empty_strings: true",
    ]
    outcomes, _ = project.run(["build", "--select", "package:throwaway"], null_as_empty)
    return project, outcomes


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_generic_test(project: tuple[Throwaway, dict[str, Outcome]], case: Case) -> None:
    outcome = project[1][f"test_{case.name}"]
    assert (outcome.status, outcome.failures) == ("fail" if case.failures else "pass", case.failures), outcome.message


def test_each_generic_test_can_fail() -> None:
    kinds = {kind for case in CASES for kind in case.test}
    assert kinds == {kind for case in CASES if case.failures for kind in case.test}


def test_surrogate_keys_bit_for_bit(project: tuple[Throwaway, dict[str, Outcome]]) -> None:
    expected = {name: hashlib.md5(text.encode()).hexdigest() for name, _, _, text in KEYS}  # noqa: S324
    expected["single"] = hashlib.md5(b"1").hexdigest()  # noqa: S324
    assert dict(project[0].query("select id, k from keys")) == expected


def test_surrogate_key_var_treats_null_as_empty(project: tuple[Throwaway, dict[str, Outcome]]) -> None:
    keys = dict(project[0].query("select id, k from keys_null_as_empty"))
    assert keys["null"] == keys["empty"] == hashlib.md5(b"-a").hexdigest()  # noqa: S324
