"""cache_test_rows puts the rows into Elementary's memory that Elementary would make itself, field by field."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from throwaway import ROOT, Throwaway

MACROS = ("observability/cache_test_rows.sql", "project/ensure_elementary_tables.sql")
VARS = {
    "disable_dbt_artifacts_autoupload": True,
    "disable_run_results": True,
    "disable_dbt_invocation_autoupload": True,
    "test_sample_row_count": 0,
}
# What an undefined field is in the comparison; it is no none.
COMPARE = """
{% macro shown(row) %}
    {%- set fields = {} %}
    {%- for name, value in row.items() %}
        {%- do fields.update({name: 'UNDEFINED' if value is undefined else value}) %}
    {%- endfor %}
    {{ return(fields) }}
{% endmacro %}
{% macro compare_rows() %}
    {%- if execute %}
        {%- set cached = graph['elementary']['elementary_test_results'] %}
        {%- for result in results if result.node.resource_type == 'test' %}
            {%- set theirs = elementary.get_dbt_test_result_row(elementary.flatten_test(result.node.to_dict())) %}
            {%- set ours = cached.get(result.node.unique_id, []) %}
            {%- do print('ROW ' ~ tojson({'name': result.node.name, 'theirs': shown(theirs), 'count': ours | length,
                                          'ours': shown(ours[0]) if ours else none})) %}
        {%- endfor %}
    {%- endif %}
{% endmacro %}
"""


def generic(
    name: str, kind: str = "not_null", config: dict[str, Any] | None = None, **properties: Any
) -> dict[str, Any]:
    arguments = {"arguments": properties.pop("arguments")} if "arguments" in properties else {}
    return {kind: {"name": name, "config": config or {}, **properties, **arguments}}


ORDERS_TESTS = [
    "not_null",
    generic("named_by_hand", description="Told in words.", tags=["late", "Late", "early"]),
    generic("warns", config={"severity": "warn", "warn_if": ">0", "where": "x > 0"}),
    generic(
        "with_meta", config={"meta": {"owner": "Test Owner", "quality_dimension": "accuracy", "tags": ["m", "late"]}}
    ),
    generic("tags_as_text", config={"meta": {"tags": "pii"}, "tags": "single"}),
    generic("accepts", "accepted_values", arguments={"values": [1, 2], "quote": False}),
    generic("fails", "accepted_values", config={"alias": "fails_by_alias"}, arguments={"values": [3], "quote": False}),
    generic("breaks", config={"where": "no_such_column = 1"}),
    generic("points_to_source", "relationships", arguments={"to": "source('landed', 'customers')", "field": "id"}),
    generic("points_to_owned", "relationships", arguments={"to": "ref('owned_by_list')", "field": "x"}),
    generic("tells_which", config={"meta": {"override_primary_test_model_id": "model.throwaway.owned_by_list"}}),
    generic("tells_of_none", config={"meta": {"override_primary_test_model_id": "model.throwaway.not_there"}}),
]
MODELS: dict[str, dict[str, Any]] = {
    "orders": {"config": {"tags": ["sales", "Fact"], "meta": {"owner": "Zoe, adam ,Zoe", "tags": ["fact", "big"]}}},
    "owned_by_list": {"config": {"meta": {"owner": ["Nina", "ben", "Ben"]}, "tags": ["sales", "list"]}},
    "owned_by_mapping": {"config": {"meta": {"owner": {"name": "Kim", "email": "kim@example.com"}}}},
    "owned_by_group": {"config": {"group": "mailed"}},
    "owned_by_named_group": {"config": {"group": "named", "schema": "apart"}},
    "owned_by_nobody": {},
    "after_orders": {},
}
SINGULAR = {
    "single_parent": "select * from {{ ref('orders') }} where x < 0",
    "two_parents": "{{ config(tags=['both'], severity='warn') }} select o.x from {{ ref('orders') }} as o "
    "inner join {{ ref('owned_by_list') }} as l on o.x = l.x",
    "in_a_schema": "{{ config(schema='checks') }} select o.x from {{ ref('orders') }} as o, {{ ref('numbers') }} as l",
    "no_parent": "select 1 as x where false",
    "cannot_run": "select no_such_column from {{ ref('orders') }}",
    "cannot_compile": "select * from {{ ref('orders') }} {{ exceptions.raise_compiler_error('no') if execute }}",
}


def project(root: Path, packages: Path, *hooks: str, has_all_tests: bool = True) -> Throwaway:
    """Tests of every kind on models, a source, a seed and a snapshot; ``hooks`` run at the end of each command."""
    made = Throwaway(root, packages, VARS)
    for path in MACROS:
        made.write(f"macros/{Path(path).name}", (ROOT / "macros" / path).read_text(encoding="utf-8"))
    settings = yaml.safe_load((made.root / "dbt_project.yml").read_text(encoding="utf-8"))
    settings |= {"on-run-start": ["{{ ensure_elementary_tables() }}"], "on-run-end": list(hooks)}
    made.write("dbt_project.yml", yaml.safe_dump(settings))
    made.execute("create table customers as select 1 as id union all select 2")
    made.write("seeds/numbers.csv", "x\n1\n2\n")
    kept = "{{ config(unique_key='x', strategy='check', check_cols=['x']) }} select * from {{ ref('owned_by_nobody') }}"
    made.write("snapshots/kept.sql", f"{{% snapshot kept %}}{kept}{{% endsnapshot %}}")
    for name in MODELS:
        made.write(f"models/{name}.sql", "select 1 as x" + " from {{ ref('orders') }}" * (name == "after_orders"))
    for name, sql in SINGULAR.items():
        made.write(f"tests/{name}.sql", sql)
    made.write("tests/generic/is_small.sql", "{% test is_small(model, column_name, most=9) %}"
               "select * from {{ model }} where {{ column_name }} > {{ most }}{% endtest %}")  # fmt: skip
    described = [
        {"name": name, **settings, "columns": [{"name": "x", "data_tests": ["unique", "is_small"]}]}
        for name, settings in MODELS.items()
    ]
    described[0]["columns"][0]["data_tests"] = [*ORDERS_TESTS, {"is_small": {"arguments": {"most": 5}}}]
    landed = {
        "name": "landed",
        "schema": "main",
        "config": {"tags": ["landed"], "meta": {"owner": "Source Owner", "tags": ["raw"]}},
        "tables": [
            {"name": "customers", "columns": [{"name": "id", "data_tests": ["unique", generic("of_a_source")]}]},
            {"name": "clients", "identifier": "customers", "config": {"meta": {"owner": "Own, Owner"}, "tags": ["c"]},
             "columns": [{"name": "id", "data_tests": [generic("points_to_seed", "relationships",
                                                                arguments={"to": "ref('numbers')", "field": "x"})]}]},
        ],
    }  # fmt: skip
    owned = {"config": {"meta": {"owner": "Keeper"}, "tags": ["kept"]}}
    columns = {"columns": [{"name": "x", "data_tests": ["not_null"]}]}
    elementary_test = {"elementary.volume_anomalies": {"name": "their_own"}}
    described[1]["data_tests"] = [elementary_test]
    if has_all_tests:
        described[1]["columns"][0]["data_tests"] += [
            "dbt_utils.not_constant",
            {"dbt_utils.at_least_one": {"name": "own"}},
        ]
    made.write("models/all.yml", yaml.safe_dump({
        "version": 2, "models": described, "sources": [landed], "seeds": [{"name": "numbers", **owned, **columns}],
        "snapshots": [{"name": "kept", **owned, **columns}],
        "groups": [{"name": "mailed", "owner": {"name": "Mail", "email": "mail@example.com"}},
                   {"name": "named", "owner": {"name": "Named Team"}}],
    }))  # fmt: skip
    return made


def reported(made: Throwaway) -> dict[str, dict[str, Any]]:
    rows = [json.loads(line.split("ROW ", 1)[1]) for line in made.output.splitlines() if "ROW {" in line]
    return {row["name"]: row for row in rows}


def written(made: Throwaway) -> dict[str, dict[str, Any]]:
    """Elementary's table of results by test, without what each run or the clock decides."""
    with_names = "select to_json(r) from main_elementary.elementary_test_results as r"
    rows = [json.loads(text) for (text,) in made.query(with_names)]
    by_test = {row["test_unique_id"]: row for row in rows}
    assert len(by_test) == len(rows), "each test has one row"
    changing = ("id", "data_issue_id", "test_execution_id", "invocation_id", "detected_at", "created_at")
    for row in rows:
        if row["test_type"] == "dbt_test":
            assert row["id"] == row["test_execution_id"] == f"{row['invocation_id']}.{row['test_unique_id']}"
    return {test: {name: value for name, value in row.items() if name not in changing} for test, row in by_test.items()}


@pytest.mark.parametrize("packages", ["real"], indirect=True)
def test_rows_are_those_of_elementary(packages: Path, tmp_path: Path) -> None:
    ours = project(tmp_path / "ours", packages, "{{ cache_test_rows() }}", "{{ compare_rows() }}")
    ours.write("macros/compare.sql", COMPARE)
    (outcome,) = ours.run(["build", "--select", "throwaway"])
    expected = {
        "fails": "fail",
        "breaks": "error",
        "cannot_run": "error",
        "two_parents": "warn",
        "unique_after_orders_x": "skipped",
    }
    expected |= {"not_null_kept_x": "pass", "no_parent": "pass", "of_a_source": "pass"}
    assert {name: outcome[name].status for name in expected} == expected
    rows = reported(ours)
    assert set(rows) == {
        name for name in outcome if name not in {*MODELS, "numbers", "kept"} and "-on-run-" not in name
    }
    for name, row in rows.items():
        if name == "their_own":
            assert row["ours"] != row["theirs"], "their own test left its row by itself"
            continue
        assert row["count"] == 1 and list(row["ours"]) == list(row["theirs"]), name
        moments = [datetime.fromisoformat(made.pop("detected_at")) for made in (row["ours"], row["theirs"])]
        assert abs(moments[0] - moments[1]) < timedelta(minutes=5), name
        assert row["ours"] == row["theirs"], name
    assert rows["named_by_hand"]["ours"]["owners"] == ["adam", "Zoe"], "not empty on both sides"
    assert rows["two_parents"]["ours"]["table_name"] == "UNDEFINED"
    assert rows["cannot_compile"]["ours"]["test_results_query"] is None

    theirs = project(tmp_path / "theirs", packages)
    theirs.run(["build", "--select", "throwaway"])
    with_hook, without_hook = written(ours), written(theirs)
    assert len(with_hook) == len(rows)
    assert with_hook.keys() == without_hook.keys()
    for test, row in with_hook.items():
        if not test.startswith("test.throwaway.their_own"):  # names working tables
            assert row == without_hook[test]


@pytest.mark.parametrize("packages", ["stand-in"], indirect=True)
def test_stand_in_is_left_alone(packages: Path, tmp_path: Path) -> None:
    """The stand-in keeps no rows of results: the hook makes none, and dbt goes on."""
    left = "{% if execute %}{% do print('MEMORY ' ~ ('elementary' in graph)) %}{% endif %}"
    made = project(tmp_path / "project", packages, "{{ cache_test_rows() }}", left, has_all_tests=False)
    (outcome,) = made.run(["build", "--select", "throwaway"])
    assert outcome["fails"].status == "fail"
    assert "MEMORY False" in made.output and "hook: throwaway.on-run-end" in made.output
