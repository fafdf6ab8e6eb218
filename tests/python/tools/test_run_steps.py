"""The steps behind `make land` and `make build`: freshness first, then the build, and who is told at the end."""

from __future__ import annotations

import json
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import duckdb
import pytest

from tools import dbt_session, elementary, run


@pytest.fixture
def warehouse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("STRATA_TARGET", "STRATA_DESTINATION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("STRATA_WAREHOUSE", str(tmp_path / "w.duckdb"))
    return tmp_path / "w.duckdb"


def test_alerts_end_a_step_where_there_is_something_to_look_at(
    warehouse: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[int] = []
    assert run.tell(lambda: asked.append(1) or 1) == 0 and asked == [], "nothing has ever landed"
    duckdb.connect(str(warehouse)).close()
    assert run.tell(lambda: asked.append(2) or 1) == 1, "a message did not arrive"
    monkeypatch.setenv("STRATA_TARGET", "snowflake")
    assert run.tell(lambda: asked.append(3) or 1) == 0
    assert asked == [2]
    assert "nobody is told" in capsys.readouterr().out


def test_freshness_is_asked_of_what_has_landed(warehouse: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run.freshness_commands() == []
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("create schema raw_ops; create table raw_ops.loads (source varchar, rows_good bigint)")
        connection.execute("insert into raw_ops.loads values ('sap', 1), ('crm', 0), ('dbt_artifacts', 9), ('sap', 0)")
    assert run.freshness_commands() == [["source", "freshness", "--select", "source:sap"]]
    monkeypatch.setenv("STRATA_TARGET", "snowflake")
    assert run.freshness_commands() == [["source", "freshness"]]


def test_unit_tests_of_both_builds_run_where_code_is_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRATA_TARGET", "ci")
    commands = [run.build_command(), *run.observe_commands()]
    assert not any("unit_test" in command for command in commands)
    monkeypatch.setenv("STRATA_TARGET", "dev")
    builds = [command for command in [run.build_command(), *run.observe_commands()] if command[0] == "build"]
    assert [command[-2:] for command in builds] == [["--exclude-resource-type", "unit_test"]] * 2
    assert {command[2] for command in builds} == {"company", "observability"}
    assert run.build_command(["+a", "b"])[:4] == ["build", "--select", "+a", "b"]


def test_of_snowflake_it_is_noted_by_schema_what_elementary_has_built(
    warehouse: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DBT_TARGET_PATH", str(tmp_path))
    monkeypatch.setattr(elementary, "installed", lambda: {"route": "git", "versions": {"elementary": "9.9"}})
    monkeypatch.setenv("STRATA_TARGET", "snowflake")
    assert not warehouse.exists() and elementary.built_version() is None
    for schema in ("DEV_A", "DEV_B"):
        monkeypatch.setenv("SNOWFLAKE_SCHEMA", schema)
        assert elementary.built_version() is None
        elementary.note_built()
        assert elementary.built_version() == "9.9"


@pytest.mark.parametrize(
    ("nodes", "is_about_data"),
    [
        ([("model", ["observability"]), ("test", [])], False),
        ([("model", ["observability"]), ("model", ["big_fact"])], True),
        ([("seed", [])], True),
        ([("test", [])], True),
    ],
)
def test_the_summary_tells_of_the_companys_data(nodes: list[tuple[str, list[str]]], is_about_data: bool) -> None:
    results = [SimpleNamespace(node=SimpleNamespace(resource_type=kind, tags=tags)) for kind, tags in nodes]
    assert dbt_session._is_about_data(SimpleNamespace(results=results)) is is_about_data


def test_elementarys_tables_are_built_once_whatever_the_build_comes_to(
    warehouse: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    duckdb.connect(str(warehouse)).close()
    asked: list[tuple[str, ...]] = []
    codes = iter([1, 0, 1, 1])
    monkeypatch.setattr(elementary, "installed", lambda: {"route": "git", "versions": {"elementary": "9.9"}})
    monkeypatch.setattr(run, "elementary_models_needed", lambda built: built != "9.9")
    monkeypatch.setattr(run, "run_module", lambda *arguments: asked.append(arguments[1:3]) or next(codes))
    told: list[int] = []
    monkeypatch.setattr(
        run, "_session", lambda arguments, then: (asked.append(tuple(arguments[:2])), then(), next(codes))[-1]
    )
    for number in range(3):
        assert run.dbt([["build", "--selector", "company"]], lambda: told.append(1)) == 1
        assert len(told) == number + 1, "who has to know is told whatever failed"
    own, company = ("run", "--selector"), ("build", "--selector")
    assert asked == [own, own, company, company], "what failed is tried again, what is there is not built again"


def test_elementarys_tables_describe_the_project_as_it_was_last_built(
    warehouse: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    duckdb.connect(str(warehouse)).close()
    runs: list[tuple[str, ...]] = []
    codes = iter([1, 0, 0, 0])
    monkeypatch.setenv("DBT_TARGET_PATH", str(tmp_path))
    monkeypatch.setattr(elementary, "installed", lambda: {"route": "git", "versions": {"elementary": "9.9"}})
    monkeypatch.setattr(
        elementary.subprocess,
        "run",
        lambda command, **_: runs.append(command[-2:]) or SimpleNamespace(returncode=next(codes)),
    )

    def refresh(owner: str, compiled: str = "") -> tuple[int, int]:
        node = {"config": {"meta": {"owner": owner}}, "compiled_code": compiled}
        document = {"nodes": {"test.strata.a": node}, "metadata": {"generated_at": compiled}}
        (tmp_path / "manifest.json").write_text(json.dumps(document), encoding="utf-8")
        return elementary.refresh(), len(runs)

    assert elementary.refresh() == 0 and not runs, "nothing has been built"
    assert refresh("sales-data") == (1, 1), "dbt failed"
    assert refresh("sales-data") == (0, 2), "what failed is tried again"
    assert refresh("sales-data", "select 1") == (0, 2), "the same project"
    assert refresh("client-data") == (0, 3), "another owner"
    assert elementary.built_version() == "9.9"
    warehouse.rename(warehouse.with_suffix(".old"))
    duckdb.connect(str(warehouse)).close()
    assert elementary.built_version() is None and refresh("client-data") == (0, 4), "another warehouse"


@pytest.mark.parametrize(
    ("session", "code"),
    [
        ("import os, time; os.close(int(os.environ['STRATA_RELEASE'])); time.sleep(2); raise SystemExit(3)", 3),
        ("raise SystemExit(2)", 2),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", -9),
    ],
    ids=["released", "ended", "killed"],
)
def test_who_waits_for_the_warehouse_starts_when_a_session_lets_go_of_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, session: str, code: int
) -> None:
    interpreter = tmp_path / "python"
    interpreter.write_text(f'#!/bin/sh\nexec {sys.executable} -c "{session}"\n', encoding="utf-8")
    interpreter.chmod(0o755)
    monkeypatch.setattr(run.sys, "executable", str(interpreter))
    started = time.monotonic()
    moments: list[float] = []
    assert run._session(["build"], lambda: moments.append(time.monotonic() - started)) == code
    (moment,) = moments
    assert "sleep" not in session or time.monotonic() - started - moment > 1, "the session had not ended yet"


DAILY = [["finally", "dbt", "test", "--selector", "daily_anomalies"]]
NOW = datetime.now(UTC)


@pytest.mark.parametrize(
    ("judged", "is_due"),
    [
        ({}, True),
        ({NOW - timedelta(days=1): ("pass", "warn")}, True),
        ({NOW: ("pass", "warn")}, False),
        ({NOW: ("pass", "error")}, True),
        ({NOW: ("pass", None)}, True),
        ({NOW: (None, None)}, True),
        ({NOW - timedelta(days=1): ("pass", "error"), NOW: ("pass", "fail")}, False),
    ],
    ids=[
        "never",
        "yesterday",
        "today",
        "one broke off",
        "one was left out",
        "another command",
        "again after a bad day",
    ],
)
def test_anomalies_are_looked_for_once_a_day(
    warehouse: Path, judged: dict[datetime, tuple[str | None, ...]], is_due: bool
) -> None:
    """What each landed command of a day said of the two daily tests; None where it did not run one."""
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("create schema raw_dbt_artifacts")
        for table in ("nodes (tags varchar,", "invocations (generated_at timestamptz,", "run_results (status varchar,"):
            connection.execute(f"create table raw_dbt_artifacts.{table} unique_id varchar, invocation_id varchar)")
        for moment, verdicts in judged.items():
            command = str(moment)
            connection.execute("insert into raw_dbt_artifacts.invocations values (?, null, ?)", [moment, command])
            others = [('["big_fact"]', "model", command), ('["elementary-tests"]', "other test", command)]
            daily = [('["daily_anomalies", "elementary-tests"]', f"test {n}", command) for n in range(len(verdicts))]
            connection.executemany("insert into raw_dbt_artifacts.nodes values (?, ?, ?)", [*others, *daily])
            results = [("error", "model"), *((verdict, f"test {n}") for n, verdict in enumerate(verdicts) if verdict)]
            for status, node in results:
                connection.execute(
                    "insert into raw_dbt_artifacts.run_results values (?, ?, ?)", [status, node, command]
                )
    assert run.daily_commands() == (DAILY if is_due else [])


def test_anomalies_are_looked_for_after_the_build_and_before_its_results_land(
    warehouse: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run.daily_commands() == DAILY, "no result of dbt has ever landed"
    steps = run.step_commands("build")
    landing = next(place for place, step in enumerate(steps) if "dbt_artifacts" in step)
    assert steps.index(run.build_command()) < steps.index(DAILY[0]) < landing
    assert DAILY[0] not in run.step_commands("build", ["fct_order_lines"]), "a part of a build is no day"
    monkeypatch.setenv("STRATA_TARGET", "snowflake")
    assert run.daily_commands() == DAILY


def test_what_is_done_finally_follows_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    codes = {"build": 1, "test": 1}
    parsed = SimpleNamespace(success=True, result=SimpleNamespace(flat_graph={}))
    runner = SimpleNamespace(invoke=lambda _: parsed)
    monkeypatch.setattr(dbt_session, "dbtRunner", lambda **_: runner)
    monkeypatch.setattr(
        dbt_session, "_run_command", lambda _, command, *__, **___: done.append(command[0]) or codes.get(command[0], 0)
    )
    beside = SimpleNamespace(work=lambda: done.append("land"))
    steps = [["build"], ["docs"], DAILY[0], ["docs"], ["finally", "ingestion", "load"], ["run-operation"], ["source"]]
    assert dbt_session._run_all(steps, [beside]) == 1
    assert done == ["build", "test", "land", "run-operation", "source"]
