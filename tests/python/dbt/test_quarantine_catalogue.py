"""The catalogue of quarantine rules, and the test that no quarantine model is left out of the count."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.cli.main import dbtRunner
from harness import ROOT

RULES = [
    {"code": "NOT_POSITIVE", "severity": "error", "holds": "amount > 0\n", "means": ' It isn\'t "positive".  '},
    {"code": "A_WORD", "severity": "warn", "holds": "note <> 'it''s'", "means": "Ünusual; -- no comment."},
]
JUDGED = "with rows_in as (select 1 as id, {amount} as amount, 'x' as note)\n{{{{ evaluate_rules('rows_in') }}}}"
HELD = "select * from {{ ref('%s') }} where reason_codes is not null"
MODELS = {
    "int_b_validated": JUDGED.format(amount=-1),
    "int_a_validated": JUDGED.format(amount=1),  # nothing keeps its bad rows: named after itself
    "quarantine_bills": HELD % "int_b_validated",
    "stg_plain": "select 1 as id",
    "fct_quarantined_rows": "select 'bills' as entity_name, reason_codes from {{ ref('quarantine_bills') }}",
    "quarantine_rules": "select 'no reason of a row' as catalogue",
    "listed": "{% for rule in quarantine_catalogue() %}select {{ loop.index }} as place, $${{ tojson(rule) }}$$ as rule"
    " {{ 'union all ' if not loop.last }}{% else %}select 0 as place, null as rule where false{% endfor %}",
}
META = {"config": {"meta": {"quarantine_rules": RULES}}}
SETTINGS: dict[str, dict[str, Any]] = {
    "int_b_validated": META,
    "int_a_validated": {"config": {**META["config"], "group": "people"}},
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A throw-away project with the real macros and the real singular test."""
    shutil.copytree(ROOT / "macros/quarantine", tmp_path / "macros")
    (tmp_path / "tests").mkdir()
    shutil.copy(ROOT / "tests/platform/every_quarantine_model_is_counted.sql", tmp_path / "tests")
    (tmp_path / "models").mkdir()
    (tmp_path / "dbt_project.yml").write_text(yaml.safe_dump({"name": "strata", "profile": "p", "config-version": 2}))
    output = {"type": "duckdb", "path": str(tmp_path / "q.duckdb"), "schema": "built"}
    (tmp_path / "profiles.yml").write_text(yaml.safe_dump({"p": {"target": "t", "outputs": {"t": output}}}))
    return tmp_path


def build(root: Path, models: Mapping[str, str]) -> dict[str, str]:
    """Build these models; returns the status of each node."""
    for name, sql in models.items():
        (root / f"models/{name}.sql").write_text(sql)
    entries = [{"name": name, **SETTINGS.get(name, {})} for name in models]
    group = {"name": "people", "owner": {"name": "people", "email": "people@example.com"}}
    (root / "models/models.yml").write_text(yaml.safe_dump({"version": 2, "models": entries, "groups": [group]}))
    places = {"DBT_TARGET_PATH": str(root / "target"), "DBT_LOG_PATH": str(root / "logs")}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in places.items():
            patch.setenv(name, value)
        try:
            done = dbtRunner().invoke(
                ["build", "--quiet", "--no-send-anonymous-usage-stats", "--project-dir", str(root),
                 "--profiles-dir", str(root)]
            )  # fmt: skip
        finally:
            DuckDBConnectionManager.close_all_connections()
    assert done.exception is None, done.exception
    return {result.node.name: str(result.status) for result in done.result.results}


def test_the_catalogue_lists_every_rule_with_its_entity(project: Path) -> None:
    assert set(build(project, MODELS).values()) == {"success", "pass"}
    with duckdb.connect(str(project / "q.duckdb")) as connection:
        found = connection.execute("select rule from built.listed order by place").fetchall()
    listed = [yaml.safe_load(row[0]) for row in found]
    assert listed == [
        {"entity": entity, "model": model, "group": group, "code": rule["code"], "severity": rule["severity"],
         "holds": rule["holds"].strip(), "means": rule["means"].strip()}
        for model, entity, group in (("int_a_validated", "int_a_validated", "people"), ("int_b_validated", "bills", ""))
        for rule in RULES
    ]  # fmt: skip


def test_a_project_without_rules_has_an_empty_catalogue(project: Path) -> None:
    plain = {name: MODELS[name] for name in ("stg_plain", "listed")} | {"fct_quarantined_rows": "select 1 as id"}
    assert build(project, plain)["listed"] == "success"
    with duckdb.connect(str(project / "q.duckdb")) as connection:
        assert connection.execute("select count(*) from built.listed").fetchone() == (0,)


def test_a_quarantine_model_that_is_not_counted_is_noticed(project: Path) -> None:
    forgotten = {**MODELS, "quarantine_forgotten": HELD % "int_a_validated"}
    # Forgotten although it holds no row today.
    assert build(project, forgotten)["every_quarantine_model_is_counted"] == "fail"
    counted = "select 'bills' as entity_name, reason_codes from {{ ref('quarantine_bills') }} union all "
    counted += "select 'forgotten', reason_codes from {{ ref('quarantine_forgotten') }}"
    assert build(project, {**forgotten, "fct_quarantined_rows": counted})["every_quarantine_model_is_counted"] == "pass"
