"""Our duckdb__insert_rows writes what Elementary's own insert_rows writes, only faster."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from throwaway import ROOT, Throwaway

MACRO = ROOT / "macros" / "observability" / "insert_rows.sql"
COLUMNS = (
    "id varchar, note varchar, failures bigint, share double, is_new boolean, detected_at timestamp, tags varchar, "
    "created_at timestamp"
)
# Quotes, line ends, other scripts, texts that look like numbers, lists, mappings, nothing, undefined: Jinja's.
ROWS = r"""[
    {'id': "it's", 'note': 'a\\nb "c" \\ {}', 'failures': 3, 'share': 0.125, 'is_new': true,
     'detected_at': '2026-03-29 02:30:00', 'tags': ['pii', "o'clock"], 'unknown_column': 'left out'},
    {'ID': '007', 'NOTE': 'Straße 東京 🚚', 'failures': 0, 'share': -1e-9, 'is_new': false, 'tags': {'k': [1, none]}},
    {'id': none, 'note': '', 'failures': not_there, 'tags': [], 'created_at': '1999-01-01'},
    {'id': '[1]', 'note': 'null', 'failures': 9007199254740993, 'detected_at': '2026-01-01T00:00:00'},
    {'id': 'line\nend\r', 'note': '%s {{ x }}', 'tags': ''}
]"""
WAYS = {"ours": "duckdb__insert_rows", "theirs": "elementary.default__insert_rows"}
EXPECTED = [
    ("it's", 'a\\nb "c" \\ {}', 3, 0.125, True, datetime(2026, 3, 29, 2, 30), '["pii", "o\'clock"]'),
    ("007", "Straße 東京 🚚", 0, -1e-9, False, None, '{"k": [1, null]}'),
    (None, "", None, None, None, None, "[]"),
    ("[1]", "null", 9007199254740993, None, None, datetime(2026, 1, 1), None),
    ("line\nend\r", "%s {{ x }}", None, None, None, None, ""),
]


def test_rows_arrive_as_they_are(packages: Path, stand_ins: Path, tmp_path: Path) -> None:
    project = Throwaway(tmp_path / "project", packages)
    project.write("macros/insert_rows.sql", MACRO.read_text(encoding="utf-8"))
    ways = ["ours"] if packages == stand_ins else list(WAYS)
    for way in ways:
        write = (
            f"{{% macro write_{way}() %}}{{% if execute %}}{{% do {WAYS[way]}(api.Relation.create("
            f"database=target.database, schema='main', identifier='rows_{way}'), {ROWS}, chunk_size=2) %}}"
            "{% endif %}{% endmacro %}"
        )
        project.write(f"macros/write_{way}.sql", write)
        hook = f'{{{{ config(materialized="table", post_hook="{{{{ write_{way}() }}}}") }}}} select 1 as x'
        project.write(f"models/{way}.sql", hook)
        project.execute(f"create table rows_{way} ({COLUMNS})")
    (outcome,) = project.run(["run", "--select", *ways])
    assert {result.status for result in outcome.values()} == {"success"}, outcome
    for way in ways:
        found = project.query(f"select * from rows_{way} order by rowid")
        assert [row[:-1] for row in found] == EXPECTED, way
        assert all(datetime.now() - row[-1] < timedelta(hours=24) for row in found), "created_at is now"


@pytest.mark.parametrize("packages", ["stand-in"], indirect=True)
def test_nothing_to_write(packages: Path, tmp_path: Path) -> None:
    project = Throwaway(tmp_path / "project", packages)
    project.write("macros/insert_rows.sql", MACRO.read_text(encoding="utf-8"))
    write = "{% if execute %}{% do duckdb__insert_rows(none, [{'id': 1}]) %}{% endif %}"
    project.write("macros/write_none.sql", f"{{% macro write_none() %}}{write}{{% endmacro %}}")
    project.write("models/none.sql", '{{ config(materialized="table", post_hook="{{ write_none() }}") }} select 1 as x')
    (outcome,) = project.run(["run", "--select", "none"])
    assert outcome["none"].status == "success"
