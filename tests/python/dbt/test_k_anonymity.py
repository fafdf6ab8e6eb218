"""k is the smallest number of subjects who share all their quasi-identifiers, whatever is missing or odd."""

from __future__ import annotations

from collections import defaultdict
from types import SimpleNamespace
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.plain_macros import CompilerError, plain_macros

COLUMNS = ["subject_count", "group_count", "k", "groups_below", "rows_below", "verdict"]


def asked(**more: Any) -> SimpleNamespace:
    row = {
        "dataset_name": "masked.people", "population": "all", "quasi_identifiers": "country;born_year",
        "subject_column": None, "only_where": None, "least_k": 2, "below_least": "warn",
    }  # fmt: skip
    return SimpleNamespace(**{**row, **more})


MACROS = plain_macros(
    "macros/access", lambda _: None, adapter=SimpleNamespace(quote=lambda name: f'"{name}"'),
    generate_schema_name=lambda layer, _: f"dev_{layer}", target=SimpleNamespace(database="memory", type="duckdb"),
    var=lambda _, default="": default,
)  # fmt: skip


def measure(rows: list[tuple[Any, ...]], **more: Any) -> dict[str, Any]:
    with duckdb.connect() as connection:
        connection.execute("create table people (subject varchar, country varchar, born_year integer)")
        if rows:
            connection.executemany("insert into people values (?, ?, ?)", rows)
        found = connection.execute(MACROS["k_anonymity_sql"](asked(**more), "people")).fetchall()
    assert len(found) == 1
    return dict(zip(COLUMNS, found[0], strict=True))


def test_the_rarest_combination_counts() -> None:
    rows = [
        ("a", "GB", 1990),
        ("b", "GB", 1990),
        ("c", "GB", 1990),
        ("d", "DE", 1990),
        ("e", "DE", 1990),
        ("f", "DE", 1991),
    ]
    assert measure(rows) == {
        "subject_count": 6, "group_count": 3, "k": 1, "groups_below": 1, "rows_below": 1, "verdict": "warn",
    }  # fmt: skip
    assert measure(rows, quasi_identifiers="country")["k"] == 3
    assert measure(rows, quasi_identifiers="country", least_k=3)["verdict"] == "ok"
    assert measure(rows, quasi_identifiers="country", least_k=4, below_least="error")["verdict"] == "error"


def test_what_is_missing_is_alike() -> None:
    rows = [("a", None, 1990), ("b", None, 1990), ("c", None, None), ("d", "", 1990), ("e", "'; drop", None)]
    found = measure(rows)
    assert (found["group_count"], found["k"], found["groups_below"]) == (4, 1, 3)
    assert measure([("a", None, None), ("b", None, None)])["k"] == 2


def test_many_rows_of_one_subject_are_no_crowd() -> None:
    rows = [("a", "GB", 1990)] * 9 + [("b", "GB", 1990), (None, "GB", 1990), (None, "FR", 1990)]
    assert measure(rows)["k"] == 1
    found = measure(rows, subject_column="subject", least_k=3)
    assert (found["subject_count"], found["group_count"], found["k"], found["rows_below"]) == (2, 1, 2, 10)


def test_only_what_is_asked_for_is_looked_at() -> None:
    rows = [("anon-1", "GB", 1990), ("anon-2", "GB", 1990), ("c", "GB", 1990), ("anon-3", "DE", 1990)]
    assert measure(rows, only_where="subject like 'anon-%' or false")["k"] == 1
    assert measure(rows, only_where="subject like 'anon-%'", subject_column="subject")["subject_count"] == 3
    nobody = measure(rows, only_where="subject = 'nobody'")
    assert nobody == {
        "subject_count": 0, "group_count": 0, "k": None, "groups_below": 0, "rows_below": 0, "verdict": "nobody",
    }  # fmt: skip


VALUES = st.tuples(
    st.sampled_from(["a", "b", "c", "d", None]),
    st.sampled_from(["GB", "DE", "", None]),
    st.sampled_from([1990, 0, None]),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(VALUES, max_size=12), st.integers(2, 4))
def test_k_equals_a_naive_count(rows: list[tuple[Any, ...]], least: int) -> None:
    groups: dict[tuple[Any, Any], set[str]] = defaultdict(set)
    for subject, *values in rows:
        if subject is not None:
            groups[tuple(values)].add(subject)
    sizes = [len(subjects) for subjects in groups.values()]
    found = measure(rows, subject_column="subject", least_k=least)
    assert found["k"] == min(sizes, default=None)
    assert found["groups_below"] == sum(size < least for size in sizes)


def report(rows: list[SimpleNamespace], answers: dict[str, Any], built: bool = True) -> list[str]:
    """Lines that report_k_anonymity prints."""
    printed: list[str] = []

    class Found(dict[str, Any]):
        __getattr__ = dict.__getitem__

    known = plain_macros(
        "macros/access", lambda _: None, adapter=SimpleNamespace(quote=lambda name: name), print=printed.append,
        rows_of=lambda sql: rows if sql.startswith("select * from seed") else [Found(answers)],
        retention_seed=lambda name: f"seed_{name}", has_table=lambda *_: built, sql_text=lambda text: f"'{text}'",
        invocation_id="run", generate_schema_name=lambda layer, _: f"dev_{layer}", var=lambda _, default="": default,
        target=SimpleNamespace(database="memory", type="duckdb"),
    )  # fmt: skip
    known["report_k_anonymity"]()
    return printed


ANSWER = {"subject_count": 9, "group_count": 4, "k": 1, "groups_below": 1, "rows_below": 1}


def test_a_report_warns_or_fails_as_configured() -> None:
    assert "warn" in report([asked()], {**ANSWER, "verdict": "warn"})[-1]
    with pytest.raises(CompilerError, match=r"masked\.people: k is 1 and has to be 2 or more"):
        report([asked(below_least="error")], {**ANSWER, "verdict": "error"})
    with pytest.raises(CompilerError, match="no such table"):
        report([asked()], {}, built=False)


def test_a_dataset_is_found_in_the_schema_of_the_target() -> None:
    assert MACROS["place_of"]("masked.people")["relation"] == '"memory"."dev_masked"."people"'
    assert MACROS["place_of"]("raw_atom.customers")["relation"] == '"memory"."raw_atom"."customers"'
