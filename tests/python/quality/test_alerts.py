"""Alerts reach the right people, once, and so does their end: against real web and mail servers on this machine."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import timedelta
from importlib import import_module
from pathlib import Path

import pytest
from support.alert_receivers import MailReceiver, WebReceiver
from support.observed_warehouse import NOW, PROJECT, TABLES, TODAY, PlantedWarehouse

from tools import on_call
from tools.alerts.__main__ import main

ROOT = Path(__file__).resolve().parents[3]
FAILED = {"dim_supplier": "success", "fct_unit_profit": "error", "agg_profit_quarterly": "skipped",
          "unit_profit_obeys": "fail", "suppliers_known": "warn"}  # fmt: skip
MENDED = dict.fromkeys(FAILED, "success")


@pytest.fixture
def planted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PlantedWarehouse:
    """A healthy warehouse, and a place to work in."""
    for name in [name for name in os.environ if name.startswith("STRATA_ALERTS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("STRATA_WAREHOUSE", str(tmp_path / "w.duckdb"))
    monkeypatch.setenv("STRATA_TARGET", "dev")
    monkeypatch.setenv("DBT_TARGET_PATH", str(tmp_path / "target"))
    monkeypatch.delenv("STRATA_DOCS_URL", raising=False)
    return PlantedWarehouse(tmp_path / "w.duckdb")


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[WebReceiver]:
    receiver = WebReceiver()
    yield receiver
    receiver.stop()


@pytest.fixture
def mail() -> Iterator[MailReceiver]:
    receiver = MailReceiver()
    yield receiver
    receiver.stop()


def texts(web: WebReceiver) -> list[str]:
    """What was posted, each message as one text."""
    return [json.dumps(body) for _, body in web.received]


def test_a_failed_model_and_its_test_reach_the_one_on_call_once_and_so_does_the_recovery(
    planted: PlantedWarehouse, web: WebReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STRATA_ALERTS_WEBHOOK_URL", f"{web.url}/hooks/secret")
    monkeypatch.setenv("STRATA_DOCS_URL", "https://git.example.com/strata/")
    monkeypatch.setattr("tools.alerts.messages.HAS_WHY", True)
    planted.invocation(FAILED, failures=3)
    assert main([]) == 0
    ((path, body),) = web.received
    assert path == "/hooks/secret"
    said = json.dumps(body)
    role = next(slot["on_call_role"] for slot in on_call.who(TODAY) if slot["rota_name"] == "profit")
    assert body["blocks"][0]["text"]["text"] == "Strata, sales-analytics [unit_profit]: 2 new incident(s)"
    assert f"on call: {role}" in said
    assert "https://git.example.com/strata/docs/runbooks/unit_profit.md" in said
    assert "made of: dim_supplier" in said and "affects: agg_profit_quarterly" in said
    assert "3 row(s) break it" in said
    assert "causes: .venv/bin/python -m ingestion why fct_unit_profit" in said
    assert "agg_profit_quarterly failed" not in said, "what was skipped is no incident of its own"
    assert "jane@example.com" not in said, "messages of tests can quote rows"
    assert main([]) == 0
    planted.invocation(FAILED, failures=3)
    assert main([]) == 0
    assert len(web.received) == 1, "no alert twice for the same open incident"
    planted.invocation(MENDED)
    assert main([]) == 0
    assert len(web.received) == 2
    assert texts(web)[1].count("RECOVERED") == 2 and "closed: mended" in texts(web)[1]
    assert main([]) == 0 and len(web.received) == 2
    planted.invocation(FAILED, failures=1)
    assert main([]) == 0
    assert len(web.received) == 3 and "2 new incident(s)" in texts(web)[2], "broken again is a new incident"


def test_every_kind_of_incident_is_found_with_its_owner(
    planted: PlantedWarehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STRATA_ALERTS_FILE", str(tmp_path / "out" / "alerts.jsonl"))
    with planted.batch():
        planted.invocation(FAILED)
        planted.freshness("error", 30.25)
        planted.load("sap", "landed", 30)
        planted.load("sap", "failed", 5)
        planted.load("oracle", "failed", 30)
        planted.load("oracle", "landed", 5)
        for number in range(5):
            planted.letter(number, "TYPE_MISMATCH:Name" if number else "REQUIRED_MISSING:Supplier")
        planted.load("crm", "landed", 9, detail="refused: a.csv: no header; b.csv: empty")

        yesterday = TODAY - timedelta(days=1)
        planted.score("dim_supplier", yesterday, 10)  # older than the newest: history
        planted.score("dim_supplier", TODAY, 80)
        planted.score("dim_supplier", TODAY, 79.9, tenant="GB10", trend="degrading")
        planted.policy("raw_sap.suppliers", overdue=12, review=yesterday)
        planted.policy("raw_sap.plants", fault="raw_sap.plants: missing clock column valid_to")
        planted.policy("raw_sap.materials")
        planted.point("fct_unit_profit", "row_count", yesterday, 200, "1")
        planted.point("fct_unit_profit", "row_count", TODAY, 101)
        planted.point("dim_supplier", "row_count", TODAY, 130, "1,2")
        planted.point("dim_supplier", "rows_landed", TODAY, 1, jump=True)  # an ordinary Sunday
        planted.point("agg_profit_quarterly", "row_count", TODAY, 1, jump=True)
        for days, change in ((1, "added"), (6, "refused"), (8, "removed")):
            planted.insert("raw_ops.schema_changes", change_id=change, source="sap", dataset="suppliers",
                           column_name="terms", change=change, old_type="decimal(18,4)", new_type="text",
                           detected_at=NOW - timedelta(days=days))  # fmt: skip
        for kind, seen_by, days in (("removed", "profile", 0), ("added", "profile", 0), ("type_changed", "landing", 0),
                                    ("type_changed", "profile", 7)):  # fmt: skip
            planted.insert("dev_platform.fct_schema_changes", dataset_name="dim_supplier", column_name="city",
                           change_kind=kind, seen_by=seen_by, old_type="varchar", owner_team="procurement-analytics",
                           measured_date=TODAY - timedelta(days=days))  # fmt: skip
        for code, count in (("WITHOUT_ORDER", 2), ("IN_FUTURE", 0)):
            planted.insert("dev_platform.rpt_quarantine_summary", entity_name="bills", reason_code=code,
                           severity="critical", meaning="the buyer", quarantined_row_count=count)  # fmt: skip
        for currency, days in (("USD", 0), ("EUR", 7), ("GBP", 8)):
            planted.insert("dev_seeds.exchange_rates", currency_code=currency,
                           valid_to_date=TODAY + timedelta(days=days))  # fmt: skip
        planted.insert("dev_platform.fct_anomalies", dataset_name="dim_supplier", column_name="country_code",
                       signal="null_burst", measured_date=TODAY, score=0.9, is_anomaly=True)  # fmt: skip
        planted.insert("dev_platform.fct_anomalies", dataset_name="dim_supplier", column_name=None, signal="spike",
                       measured_date=TODAY, score=0.1, is_anomaly=False)  # fmt: skip
    assert main([]) == 0
    lines = [json.loads(line) for line in (tmp_path / "out" / "alerts.jsonl").read_text().splitlines()]
    assert {(line["incident_key"], line["owner_team"]) for line in lines} == {
        ("failed_nodes:model.strata.fct_unit_profit", "sales-analytics"),
        ("failed_nodes:test.strata.unit_profit_obeys.1", "sales-analytics"),
        ("stale_sources:source.strata.sap.suppliers", "procurement-data"),
        ("failed_loads:sap", "data-platform"),
        ("dead_letters:sap.suppliers", "procurement-data"),
        ("refused_files:crm.suppliers", "data-platform"),
        ("quality_scores:dim_supplier:GB10", "procurement-analytics"),
        ("nelson_rules:dim_supplier:row_count", "procurement-analytics"),
        ("nelson_rules:agg_profit_quarterly:row_count", "procurement-analytics"),
        ("anomalies:dim_supplier:country_code null_burst", "procurement-analytics"),
        ("retention_overdue:raw_sap.suppliers:purge", "procurement-data"),
        ("retention_overdue:raw_sap.suppliers:review", "procurement-data"),
        ("retention_overdue:raw_sap.plants:purge", "procurement-data"),
        ("landed_schema_changes:sap.suppliers:terms added", "procurement-data"),
        ("landed_schema_changes:sap.suppliers:terms refused", "procurement-data"),
        ("mart_schema_changes:dim_supplier:city removed", "procurement-analytics"),
        ("quarantined_rows:bills:WITHOUT_ORDER", "data-platform"),
        ("stale_seeds:exchange_rates:USD", "finance-data"),
        ("stale_seeds:exchange_rates:EUR", "finance-data"),
    }
    by_key = {line["incident_key"].removeprefix("retention_overdue:"): line for line in lines}
    assert by_key["raw_sap.suppliers:purge"]["headline"] == "12 rows of raw_sap.suppliers should have been purged"
    assert "13 are due, last purged never" in by_key["raw_sap.suppliers:purge"]["detail"]
    assert by_key["raw_sap.suppliers:purge"]["downstream"] == "agg_profit_quarterly, dim_supplier, fct_unit_profit"
    assert by_key["raw_sap.plants:purge"]["headline"].endswith("raw_sap.plants cannot be applied")
    assert by_key["raw_sap.suppliers:review"]["severity"] == "warning"
    by_kind = {line["kind"]: line for line in lines}
    assert by_kind["dead_letters"]["detail"].startswith("TYPE_MISMATCH:Name (4), REQUIRED_MISSING:Supplier (1)")
    assert "30.2" in by_kind["stale_sources"]["detail"] and "allowed 24" in by_kind["stale_sources"]["detail"]
    assert by_kind["stale_sources"]["downstream"] == "agg_profit_quarterly, dim_supplier, fct_unit_profit"
    assert by_kind["quality_scores"]["headline"] == "quality of dim_supplier for GB10 is 79.9 of 100"
    assert "Jane" not in json.dumps(lines) and "secret" not in json.dumps(lines)


def test_messages_are_grouped_by_owner_and_pipeline_and_teams_have_their_own_way(
    planted: PlantedWarehouse, web: WebReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STRATA_ALERTS_WEBHOOK_URL", f"{web.url}/all")
    monkeypatch.setenv("STRATA_ALERTS_WEBHOOK_URL__FINANCE_DATA", f"{web.url}/finance")
    planted.invocation({"fct_unit_profit": "error", "unit_profit_obeys": "fail", "agg_profit_quarterly": "error"})
    assert main([]) == 0
    titles = {path: body["blocks"][0]["text"]["text"] for path, body in web.received}
    assert titles == {
        "/all": "Strata, sales-analytics [unit_profit]: 2 new incident(s)",
        "/finance": "Strata, finance-data [aggregate_profit]: 1 new incident(s)",
    }


def test_pagerduty_triggers_and_resolves_each_incident_under_one_key(
    planted: PlantedWarehouse, web: WebReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STRATA_ALERTS_PAGERDUTY_KEY", "R0UTE")
    monkeypatch.setenv("STRATA_ALERTS_PAGERDUTY_URL", f"{web.url}/v2/enqueue")
    planted.invocation({"fct_unit_profit": "error", "dim_supplier": "error"})
    assert main([]) == 0
    planted.invocation({"fct_unit_profit": "success"})
    assert main([]) == 0
    first, second, third = (body for _, body in web.received)
    triggers = {body["payload"]["component"]: body for body in (first, second)}
    failed = triggers["model.strata.fct_unit_profit"]
    assert failed["event_action"] == "trigger" and failed["routing_key"] == "R0UTE"
    assert failed["payload"]["severity"] == "critical" and failed["payload"]["group"] == "unit_profit"
    assert failed["payload"]["custom_details"]["downstream"] == "agg_profit_quarterly"
    assert third == {"routing_key": "R0UTE", "dedup_key": failed["dedup_key"], "event_action": "resolve"}
    assert failed["dedup_key"] != triggers["model.strata.dim_supplier"]["dedup_key"]


def test_a_mail_says_all_of_it_and_its_recovery_answers_it(
    planted: PlantedWarehouse, mail: MailReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STRATA_ALERTS_SMTP_URL", mail.url)
    monkeypatch.setenv("STRATA_ALERTS_MAIL_FROM", "Strata <strata@example.com>")
    monkeypatch.setenv("STRATA_ALERTS_MAIL_TO", "data@example.com, on-call@example.com")
    planted.invocation({"fct_unit_profit": "error"})
    assert main([]) == 0
    planted.invocation({"fct_unit_profit": "success"})
    assert main([]) == 0
    opened, closed = mail.received
    assert opened["Subject"] == "Strata, sales-analytics [unit_profit]: 1 new incident(s)"
    assert "runbook: docs/runbooks/unit_profit.md" in opened.get_content()
    assert closed["References"] == opened["Message-ID"] and opened["Message-ID"].endswith("@example.com>")
    assert "RECOVERED" in closed.get_content()


def test_a_failed_delivery_ends_with_1_and_is_sent_by_the_next_run(
    planted: PlantedWarehouse, web: WebReceiver, mail: MailReceiver, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setenv("STRATA_ALERTS_WEBHOOK_URL", f"{web.url}/hooks/T0PSECRET")
    for name, value in (("SMTP_URL", mail.url), ("MAIL_FROM", "a@example.com"), ("MAIL_TO", "b@example.com")):
        monkeypatch.setenv(f"STRATA_ALERTS_{name}", value)
    web.answers, mail.refuses = [503, 302, 200], True
    planted.invocation({"fct_unit_profit": "error", "agg_profit_quarterly": "error"})
    assert main([]) == 1, "the server is down"
    mail.refuses = False
    assert main([]) == 1, "a redirection is not followed: it could lead a secret elsewhere"
    said = capsys.readouterr()
    assert "answered 503" in said.err and "T0PSECRET" not in said.out + said.err
    assert "mail over 127.0.0.1" in said.err and len(mail.received) == 2
    assert main([]) == 0
    assert len(web.received) == 2 and len(mail.received) == 2
    assert "May have been told before" not in "".join(texts(web)), "a refusal is certain"


def test_what_closed_before_anybody_was_told_is_told_to_nobody(
    planted: PlantedWarehouse, web: WebReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STRATA_ALERTS_WEBHOOK_URL", web.url)
    web.answers = [500, 200]
    planted.invocation({"fct_unit_profit": "error"})
    assert main([]) == 1
    planted.invocation({"fct_unit_profit": "success"})
    assert main([]) == 0 and web.received == []


def test_a_run_that_is_killed_while_it_sends_loses_nothing(
    planted: PlantedWarehouse, web: WebReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STRATA_ALERTS_WEBHOOK_URL", web.url)
    planted.invocation({"fct_unit_profit": "error", "agg_profit_quarterly": "error"})
    received = threading.Event()
    web.on_receipt, web.hold = received.set, 3.0
    process = subprocess.Popen([sys.executable, "-m", "tools.alerts"], cwd=ROOT)
    assert received.wait(60)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    web.on_receipt, web.hold = lambda: None, 0.0
    assert main([]) == 0
    titles = [body["blocks"][0]["text"]["text"] for _, body in web.received]
    assert sorted(titles) == sorted([titles[0], *set(titles)]), "the one that was under way twice, the other once"
    assert len(set(titles)) == 2
    assert sum("May have been told before" in text for text in texts(web)) == 1
    assert main([]) == 0 and len(web.received) == 3
    assert planted.run("select count(*) from raw_ops.incidents") == [(2,)]


def test_a_killed_line_in_a_file_is_mended_and_no_event_is_written_twice(
    planted: PlantedWarehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "alerts.jsonl"
    monkeypatch.setenv("STRATA_ALERTS_FILE", str(path))
    planted.invocation({"fct_unit_profit": "error"})
    assert main([]) == 0
    whole = path.read_text()
    planted.run("update raw_ops.alert_deliveries set delivered_at = null")  # killed after writing
    assert main([]) == 0 and path.read_text() == whole
    path.write_text(whole[:40])  # killed while writing
    planted.run("update raw_ops.alert_deliveries set delivered_at = null")
    assert main([]) == 0
    assert [json.loads(line)["event"] for line in path.read_text().splitlines()[1:]] == ["opened"]


def test_what_is_not_there_is_named_and_closes_nothing(
    planted: PlantedWarehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STRATA_ALERTS_FILE", str(tmp_path / "alerts.jsonl"))
    planted.score("dim_supplier", TODAY, 50)
    planted.letter(1)
    assert main([]) == 0
    planted.run("drop table dev_platform.agg_quality_scores")
    planted.run("alter table raw_ops.dead_letters rename replayed_at to replayed")
    capsys.readouterr()
    assert main([]) == 0
    said = capsys.readouterr().out
    assert "quality scores that are too low: not looked at, agg_quality_scores is not in this warehouse" in said
    lines = [json.loads(line) for line in (tmp_path / "alerts.jsonl").read_text().splitlines()]
    assert [line["event"] for line in lines] == ["opened"] * 3
    assert lines[2]["incident_key"] == "broken_checks:dead_letters" and lines[2]["owner_team"] == "data-platform"
    planted.run("alter table raw_ops.dead_letters rename replayed to replayed_at")
    assert main([]) == 0
    last = json.loads((tmp_path / "alerts.jsonl").read_text().splitlines()[-1])
    assert (last["incident_key"], last["event"]) == ("broken_checks:dead_letters", "closed")


def test_an_empty_file_of_a_warehouse_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRATA_WAREHOUSE", str(tmp_path / "w.duckdb"))
    monkeypatch.setenv("DBT_TARGET_PATH", str(tmp_path / "target"))
    assert main([]) == 2, "no warehouse"
    PlantedWarehouse(tmp_path / "w.duckdb", tables=())
    assert main([]) == 0


def test_results_that_have_not_landed_count_at_once(
    planted: PlantedWarehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STRATA_ALERTS_FILE", str(tmp_path / "alerts.jsonl"))
    planted.invocation(MENDED)
    kinds = {"model": {}, "source": {}, "test": {}}
    for node, name, group, parents in PROJECT:
        kinds[node.split(".")[0]][node] = {
            "unique_id": node, "resource_type": node.split(".")[0], "name": name, "group": group,
            "depends_on": {"nodes": parents}, "test_metadata": {"namespace": None},
        }  # fmt: skip
    at = (NOW + timedelta(minutes=1)).isoformat()
    target = tmp_path / "target"
    target.mkdir()
    manifest = {"metadata": {"generated_at": at}, "nodes": kinds["model"] | kinds["test"], "sources": kinds["source"]}
    (target / "manifest.json").write_text(json.dumps(manifest))
    result = {"unique_id": "model.strata.dim_supplier", "status": "error", "message": "no such column",
              "failures": None, "execution_time": 0.1}  # fmt: skip
    results = {"metadata": {"generated_at": at, "invocation_id": "fresh"}, "results": [result]}
    (target / "run_results.json").write_text(json.dumps(results))
    (target / "sources.json").write_text("{half a fi")
    assert main([]) == 0
    (line,) = (tmp_path / "alerts.jsonl").read_text().splitlines()
    assert json.loads(line)["incident_key"] == "failed_nodes:model.strata.dim_supplier"


def test_a_change_is_news_for_a_week_and_not_mended_then(
    planted: PlantedWarehouse, web: WebReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STRATA_ALERTS_WEBHOOK_URL", web.url)
    planted.insert("raw_ops.schema_changes", change_id="1", source="sap", dataset="suppliers", column_name="terms",
                   change="added", detected_at=NOW)  # fmt: skip
    assert main([]) == 0
    planted.run("update raw_ops.schema_changes set detected_at = detected_at - interval 8 day")
    assert main([]) == 0
    first, second = texts(web)
    assert "column terms of sap.suppliers is new" in first
    assert "CLOSED: column terms of sap.suppliers is new" in second and "RECOVERED" not in second
    assert "closed: told for seven days, after 0 min" in second


@pytest.mark.parametrize("setting", [("STRATA_TARGET", "snowflake"), ("STRATA_DESTINATION", "snowflake")])
@pytest.mark.parametrize("command", ["alerts", "quality", "remedies"])
def test_a_warehouse_in_snowflake_is_refused_though_an_old_file_lies_there(
    setting: tuple[str, str], command: str, planted: PlantedWarehouse, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    planted.invocation({"fct_unit_profit": "error"})
    monkeypatch.setenv(*setting)
    assert import_module(f"tools.{command}.__main__").main([]) == 2
    said = capsys.readouterr()
    assert "the data is in Snowflake" in said.err and "`python -m ingestion status` and `why` work there" in said.err
    assert ("raw_ops", "incidents") not in planted.run("select table_schema, table_name from information_schema.tables")


def test_a_node_that_left_the_project_closes_as_such(
    planted: PlantedWarehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STRATA_ALERTS_FILE", str(tmp_path / "alerts.jsonl"))
    planted.invocation({"unit_profit_obeys": "fail"})
    assert main([]) == 0
    planted.invocation({"dim_supplier": "success"}, without=("unit_profit_obeys",))
    assert main([]) == 0
    last = json.loads((tmp_path / "alerts.jsonl").read_text().splitlines()[-1])
    assert (last["event"], last["closed_because"]) == ("closed", "no longer in the project")


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"SMTP_URL": "smtp://localhost"}, "MAIL_FROM"),
        ({"WEBHOOK_URL": "hooks.example.com/x"}, "WEBHOOK_URL"),
        ({"WEBHOOK_URL": "http://h", "WEBHOOK_URL__A": "file:///etc/passwd"}, "WEBHOOK_URL__A"),
        ({"SMTP_URL": "smtp://h:port", "MAIL_FROM": "a@b", "MAIL_TO": "a@b"}, "SMTP_URL"),
    ],
)
def test_wrong_settings_are_named_before_anything_is_sent(
    settings: dict[str, str], word: str, planted: PlantedWarehouse, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    for name, value in settings.items():
        monkeypatch.setenv(f"STRATA_ALERTS_{name}", value)
    assert main([]) == 2
    assert word in capsys.readouterr().err


def test_markup_in_names_stays_text_and_long_messages_are_cut(
    planted: PlantedWarehouse, web: WebReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STRATA_ALERTS_WEBHOOK_URL", web.url)
    with planted.batch():
        for number in range(60):
            planted.score(f"<!channel> & {number:02d}", TODAY, 10)
    assert main([]) == 0
    ((_, body),) = web.received
    assert len(body["blocks"]) < 50 and "and 36 more" in texts(web)[0]
    assert "<!channel>" not in texts(web)[0] and "&lt;!channel&gt; &amp; 00" in texts(web)[0]


def test_every_check_is_planted_here() -> None:
    """A new check needs a fault of its own in the test above."""
    from tools.alerts.incidents import checks

    kinds = {check.kind for check in checks()}
    text = Path(__file__).read_text(encoding="utf-8")
    assert kinds and {kind for kind in kinds if f'("{kind}:' not in text} == set()
    needed = {table for check in checks() for table in check.needs if not table.startswith("dbt_")}
    assert needed <= {name.removeprefix("dev_platform.").removeprefix("dev_seeds.") for name in TABLES}
