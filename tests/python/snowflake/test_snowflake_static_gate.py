"""The static gate: how many of a set of statements it catches, and that each of its checks can fail."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tools.snowflake.gate_checks import BANS, FUNCTION_REMEDIES, Schema, StatementChecks, read_functions
from tools.snowflake.static_gate import check_manifests, print_findings

_FILE = yaml.safe_load(Path(__file__).with_name("statements.yml").read_text())
REJECTED, MISSED, ACCEPTED = (_FILE[group].splitlines() for group in ("rejected", "missed", "accepted"))
_LINES = "order_id line_number quantity price ordered_at order_date note payload"
_ORDERS = "order_id supplier_id order_date"


def _table(columns: str) -> dict[str, str]:
    return {column.upper(): "VARCHAR" for column in columns.split()}


SCHEMA: Schema = {"": {"": {"LINES": _table(_LINES), "ORDERS": _table(_ORDERS)}}}


@pytest.fixture(scope="module")
def checks() -> StatementChecks:
    """sqlfluff's parser takes a second to set up."""
    return StatementChecks()


def test_statements_that_snowflake_refuses_are_caught(checks: StatementChecks) -> None:
    passed = [sql for sql in REJECTED if not checks.check(sql, SCHEMA[""])]
    total = len(REJECTED) + len(MISSED)
    print(f"static gate: {len(REJECTED) - len(passed)} of {total} statements that Snowflake refuses are caught")
    assert passed == []


def test_what_is_known_to_be_missed_is_still_missed(checks: StatementChecks) -> None:
    assert [sql for sql in MISSED if checks.check(sql, SCHEMA[""])] == [], "caught by now: move it to rejected"


def test_accepted_statements_raise_no_alarm(checks: StatementChecks) -> None:
    alarms = {sql: problems for sql in ACCEPTED if (problems := checks.check(sql, SCHEMA[""]))}
    print(f"static gate: {len(alarms)} false alarms in {len(ACCEPTED)} statements that Snowflake accepts")
    assert alarms == {}


@pytest.mark.parametrize(
    ("check", "sql"),
    [
        ("grammar", "select order_id from lines using sample 10"),
        ("function name", "select list_value(1)"),
        ("type name", "select cast('a' as uuid)"),
        ("column", "select absent from lines"),
        ("banned form", "select order_id from lines anti join orders using (order_id)"),
    ],
)
def test_each_check_sees_what_it_is_for(checks: StatementChecks, check: str, sql: str) -> None:
    assert check in {problem.check for problem in checks.check(sql, SCHEMA[""])}


def test_every_ban_is_exercised() -> None:
    assert [ban.name for ban in BANS if not any(ban.pattern.search(sql) for sql in REJECTED)] == []


def test_a_problem_names_line_and_remedy(checks: StatementChecks) -> None:
    sql = "select\n    order_id,\n    strftime(order_date, '%Y') as order_year\nfrom lines\n"
    (problem,) = checks.check(sql, SCHEMA[""])
    assert (problem.line, problem.check) == (3, "function name")
    assert "to_char" in problem.remedy


def test_duckdb_functions_with_a_remedy_are_not_allowed() -> None:
    assert FUNCTION_REMEDIES.keys() & read_functions() == set()


def _node(name: str, kind: str, sql: str | None = None, columns: tuple[str, ...] = (), **more: Any) -> dict[str, Any]:
    return {
        "unique_id": f"{kind}.demo.{name}",
        "name": name,
        "resource_type": kind,
        "package_name": "demo",
        "database": "DB",
        "schema": "S",
        "original_file_path": f"models/{name}.sql",
        "columns": dict.fromkeys(columns),
        "compiled_code": sql,
        "depends_on": {"nodes": []},
        **more,
    }


def _manifest(*nodes: dict[str, Any]) -> dict[str, Any]:
    keyed = {node["unique_id"]: node for node in nodes}
    sources = {key: node for key, node in keyed.items() if node["resource_type"] == "source"}
    rest = {key: node for key, node in keyed.items() if key not in sources}
    return {"metadata": {"project_name": "demo"}, "sources": sources, "nodes": rest}


def _project(incremental: str, last: str = "select order_id, added from DB.S.snap") -> dict[str, Any]:
    return _manifest(
        _node("orders", "source", columns=("order_id",), identifier="orders_raw"),
        _node(
            "stg",
            "model",
            "select order_id, 1 as added from DB.S.orders_raw",
            depends_on={"nodes": ["source.demo.orders"]},
        ),
        _node("snap", "snapshot", "ignored", config={}, depends_on={"nodes": ["model.demo.stg"]}),
        _node("fct", "model", last, depends_on={"nodes": ["snapshot.demo.snap"]}),
        _node("inc", "model", incremental, depends_on={"nodes": ["model.demo.stg"]}),
    )


def test_columns_are_followed_through_the_project() -> None:
    first = _project("select order_id from DB.S.stg")
    second = _project("select order_id from DB.S.stg where order_id > (select max(order_id) from DB.S.inc)")
    findings = check_manifests({"first run": first, "incremental run": second})
    assert findings.problems == []
    assert (findings.statements, findings.resolved, findings.unresolved) == (4, 4, [])


def test_a_column_lost_upstream_is_found_in_both_variants(capsys: pytest.CaptureFixture[str]) -> None:
    first = _project("select order_id from DB.S.stg", last="select order_id, lost\nfrom DB.S.snap")
    second = _project("select order_id from DB.S.stg where order_id > (select max(gone) from DB.S.inc)")
    findings = check_manifests({"first run": first, "incremental run": second})
    assert [(found.path, found.variant) for found in findings.problems] == [
        ("models/fct.sql", "first run"),
        ("models/inc.sql", "incremental run"),
    ]
    print_findings(findings)
    printed = capsys.readouterr().out
    assert "models/fct.sql (first run), line 1 of the compiled SQL" in printed
    assert "3 statements" not in printed
    assert "2 problems" in printed


def test_unknown_columns_are_reported_not_passed_over() -> None:
    manifest = _manifest(
        _node("undeclared", "source"),
        _node("stg", "model", "select a from DB.S.undeclared", depends_on={"nodes": ["source.demo.undeclared"]}),
    )
    findings = check_manifests({"first run": manifest})
    assert findings.unresolved == ["stg: the columns of source.demo.undeclared are not known"]
    assert findings.resolved == 0
