"""Each generic test of ours, on rows that fit and on each kind of fault that it is for.

A test's query is compiled once for a table named `judged`; the cases then need no dbt, only a table of that name.
"""

from __future__ import annotations

from typing import Any

import duckdb
import pytest
from harness import Warehouse

FIRST, LAST = "1900-01-01", "9999-12-31"
UNKNOWN = "ad921d60486366258809553a3db49a4a"
INLINE = """
{%- set relation = api.Relation.create(identifier='judged') -%}
{{ test_history_is_continuous('judged', 'member_id') }}
------
{{ test_history_is_continuous('judged', 'member_id', current_on="cast('2024-06-30' as date)") }}
------
{{ test_meets_one_version('judged', key='line_id', dimension='versions', natural_key='member_id',
    dimension_key='member_key', event_date='event_date') }}
------
{{ test_rows_conserved('judged', key='id', input='staged', good='accepted') }}
------
{{ test_rows_conserved('judged', key=['id', 'line'], input='staged', good='accepted') }}
------
{{ test_rules_hold('judged', key='id', rules={'is_positive': 'amount > 0', 'either': "kind = 'a' or amount > 5"}) }}
------
{{ test_rules_hold('judged', key='id', unique=['id', ['kind', 'amount']]) }}
------
{{ test_rules_hold('judged', key='id', references={'parent_id': {'to': api.Relation.create(identifier='parents'),
    'field': 'id'}}) }}
"""
NAMES = ("history", "history_on_a_day", "meets", "conserved", "conserved_by_two", "rules", "unique", "references")

HISTORIES = {
    # rows of member, from, to, is_current: the faults expected
    "one version": ([("a", FIRST, LAST, True)], []),
    "two members, three versions": (
        [("a", FIRST, "2024-01-01", False), ("a", "2024-01-01", LAST, True), ("b", FIRST, LAST, True)], [],
    ),
    "no rows": ([], []),
    "late start": ([("a", "2020-01-01", LAST, True)], ["first version does not reach back"]),
    "early end": ([("a", FIRST, "2024-01-01", True)], ["last version does not reach on"]),
    "gap": (
        [("a", FIRST, "2024-01-01", False), ("a", "2024-01-02", LAST, True)], ["gap before the version"],
    ),
    "overlap": (
        [("a", FIRST, "2024-01-02", False), ("a", "2024-01-01", LAST, True)], ["overlap with the version before"],
    ),
    "version twice": (
        [("a", FIRST, LAST, True), ("a", FIRST, LAST, True)],
        ["current is not the version that holds now", "overlap with the version before"],
    ),
    "turned round": ([("a", LAST, FIRST, True)], ["version ends before it starts"]),
    "empty version": (
        [("a", FIRST, FIRST, False), ("a", FIRST, LAST, True)], ["version ends before it starts"],
    ),
    "none current": ([("a", FIRST, LAST, False)], ["current is not the version that holds now"]),
    "earlier one current": (
        [("a", FIRST, "2024-01-01", True), ("a", "2024-01-01", LAST, True)],
        ["current is not the version that holds now"],
    ),
    "no id": ([(None, FIRST, LAST, True)], ["member has no id"]),
    "no start": ([("a", None, LAST, True)], ["version has no bounds"]),
    "no end": ([("a", FIRST, None, True)], ["version has no bounds"]),
    "no word on current": ([("a", FIRST, LAST, None)], ["version has no bounds"]),
}  # fmt: skip
AHEAD = [("a", FIRST, "2024-06-30", False), ("a", "2024-06-30", "2024-07-01", True), ("a", "2024-07-01", LAST, False)]
DATED = {
    "the future is known": (AHEAD, []),
    "the last is current too early": (
        [*AHEAD[:1], (*AHEAD[1][:3], False), (*AHEAD[2][:3], True)], ["current is not the version that holds now"] * 2,
    ),
}  # fmt: skip
VERSIONS = [
    ("a1", "a", FIRST, "2024-01-01"), ("a2", "a", "2024-01-01", LAST),
    ("b1", "b", FIRST, LAST), ("b2", "b", "2024-01-01", LAST),
    ("c1", "c", "2024-01-01", LAST),
]  # fmt: skip
MEETINGS = {
    # line, key, member, event: is it a fault?
    "before the change": (("l", "a1", "a", "2023-12-31"), False),
    "on the day of the change": (("l", "a2", "a", "2024-01-01"), False),
    "long ago": (("l", "a1", "a", FIRST), False),
    "points to another version": (("l", "a1", "a", "2024-01-01"), True),
    "points to another member": (("l", "b1", "a", "2023-01-01"), True),
    "points nowhere": (("l", None, "a", "2024-01-01"), True),
    "two versions hold": (("l", "b1", "b", "2024-01-01"), True),
    "no version holds": (("l", "c1", "c", "2023-12-31"), True),
    "member that is not there": (("l", UNKNOWN, "z", "2024-01-01"), True),
    "no member": (("l", UNKNOWN, None, "2024-01-01"), False),
    "no event": (("l", UNKNOWN, "a", None), False),
    "no member, but a key": (("l", "a1", None, "2024-01-01"), True),
    "no member and no key": (("l", None, None, "2024-01-01"), True),
    "hostile": (("l'; drop table versions; --", "a1", "a'", "2024-01-01"), True),
}
CONSERVED = {
    # input, good, quarantined: keys with a fault
    "each in one place": (["1", "2"], ["1"], ["2"], []),
    "nothing at all": ([], [], [], []),
    "lost": (["1", "2"], ["1"], [], ["2"]),
    "in both": (["1"], ["1"], ["1"], ["1"]),
    "twice good": (["1"], ["1", "1"], [], ["1"]),
    "twice quarantined": (["1"], [], ["1", "1"], ["1"]),
    "twice in the input": (["1", "1"], ["1", "1"], [], ["1"]),
    "from nowhere": ([], ["1"], ["2"], ["1", "2"]),
    "no key": ([None], [None], [], [None]),
    "as many, but others": (["1"], ["2"], [], ["1", "2"]),
}
RULES = {
    # id, kind, amount, parent: the rules broken
    "fits": ([("1", "a", 1, "p")], []),
    "one rule": ([("1", "b", 3, "p")], [("either", "1")]),
    "both": ([("1", "b", -1, "p")], [("either", "1"), ("is_positive", "1")]),
    "null is no yes": ([("1", "a", None, "p")], [("is_positive", "1")]),
    "no id": ([(None, "a", -1, "p")], [("is_positive", None)]),
    "no rows": ([], []),
}
UNIQUE = {
    "fits": ([("1", "a", 1, "p"), ("2", "a", 2, "p")], []),
    "id twice": ([("1", "a", 1, "p"), ("1", "a", 2, "p")], [("id_is_unique", "1")]),
    "pair twice": ([("1", "a", 1, "p"), ("2", "a", 1, "p")], [("kind_and_amount_is_unique", "2")]),
    "no id": ([(None, "a", 1, "p")], [("id_is_unique", None)]),
    "half a pair": ([("1", None, 1, "p")], [("kind_and_amount_is_unique", "1")]),
}
REFERENCES = {
    "fits": ([("1", "a", 1, "p")], []),
    "none given": ([("1", "a", 1, None)], []),
    "parent is not there": ([("1", "a", 1, "q")], [("parent_id_is_in_parents", "1")]),
    "hostile": ([("1", "a", 1, "' or 1=1 --")], [("parent_id_is_in_parents", "1")]),
}


@pytest.fixture(scope="module")
def queries(dbt_directory: Any) -> dict[str, str]:
    parts = Warehouse(dbt_directory).compile(INLINE).split("------")
    return dict(zip(NAMES, parts, strict=True))


def judge(query: str, **tables: tuple[str, list[tuple[Any, ...]]]) -> list[tuple[Any, ...]]:
    """The rows a test complains of, where each table is given as its columns and rows."""
    with duckdb.connect() as connection:
        for name, (columns, rows) in tables.items():
            connection.execute(f"create table {name} ({columns})")
            if rows:
                connection.executemany(f"insert into {name} values ({', '.join('?' for _ in rows[0])})", rows)
        return connection.execute(query).fetchall()


HISTORY = "member_id varchar, valid_from timestamp, valid_to timestamp, is_current boolean"
RECORD = "id varchar, kind varchar, amount integer, parent_id varchar"


@pytest.mark.parametrize("case", HISTORIES)
def test_history_is_continuous(queries: dict[str, str], case: str) -> None:
    rows, faults = HISTORIES[case]
    assert [row[-1] for row in judge(queries["history"], judged=(HISTORY, rows))] == faults


@pytest.mark.parametrize("case", DATED)
def test_history_is_current_on_a_day(queries: dict[str, str], case: str) -> None:
    rows, faults = DATED[case]
    assert [row[-1] for row in judge(queries["history_on_a_day"], judged=(HISTORY, rows))] == faults


@pytest.mark.parametrize("case", MEETINGS)
def test_meets_one_version(queries: dict[str, str], case: str) -> None:
    row, fault = MEETINGS[case]
    facts = "line_id varchar, member_key varchar, member_id varchar, event_date date"
    versions = "member_key varchar, member_id varchar, valid_from timestamp, valid_to timestamp"
    found = judge(queries["meets"], judged=(facts, [row]), versions=(versions, VERSIONS))
    assert bool(found) == fault, found


@pytest.mark.parametrize("case", CONSERVED)
def test_rows_conserved(queries: dict[str, str], case: str) -> None:
    staged, good, quarantined, faults = CONSERVED[case]
    tables = {"staged": staged, "accepted": good, "judged": quarantined}
    found = judge(queries["conserved"], **{name: ("id varchar", [(i,) for i in ids]) for name, ids in tables.items()})
    assert sorted((row[0] for row in found), key=str) == faults


@pytest.mark.parametrize("case", CONSERVED)
def test_rows_conserved_by_a_key_of_two_columns(queries: dict[str, str], case: str) -> None:
    staged, good, quarantined, faults = CONSERVED[case]
    tables = {
        name: ("id bigint, line bigint", [(i and int(i), 7) for i in ids])
        for name, ids in {"staged": staged, "accepted": good, "judged": quarantined}.items()
    }
    found = judge(queries["conserved_by_two"], **tables)
    assert sorted((row[0] for row in found), key=str) == [fault and f"{fault}/7" for fault in faults]


@pytest.mark.parametrize(
    ("query", "case"),
    [
        (name, case)
        for name, cases in (("rules", RULES), ("unique", UNIQUE), ("references", REFERENCES))
        for case in cases
    ],
)
def test_rules_hold(queries: dict[str, str], query: str, case: str) -> None:
    rows, broken = {"rules": RULES, "unique": UNIQUE, "references": REFERENCES}[query][case]
    parents = ("id varchar", [("p",), (None,)])
    assert sorted(judge(queries[query], judged=(RECORD, rows), parents=parents), key=str) == broken


def test_rules_hold_wants_something_to_check(warehouse: Warehouse, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(Exception, match="inline query"):
        warehouse.compile("{{ test_rules_hold('judged', key='id') }}")
    assert "rules_hold on judged has no rules; give one as name: condition" in capfd.readouterr().out
