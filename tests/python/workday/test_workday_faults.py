"""Trouble between here and the tenant, entries that cannot land, and how an entry becomes a record."""

from __future__ import annotations

import json

import pytest
from support.workday_tenant import WORKER_KEYS, expense, worker

from ingestion import runner
from ingestion.contract import load_contracts
from ingestion.errors import EXIT_USAGE, ConfigError, SourceError
from ingestion.sandbox.apps.workday import WorkdayApp
from ingestion.sandbox.odata import Response
from ingestion.sandbox.rest import RestServer
from ingestion.sources.workday import WorkdayReader, flatten

WORKERS = load_contracts("workday")["workers"]


def load():
    return runner.load(WorkdayReader.from_config())


@pytest.mark.parametrize(
    ("value", "flat"),
    [
        ("CC130", "CC130"),
        ({"Descriptor": "CC130", "ID": "1"}, "CC130"),
        ([{"Descriptor": "CC130"}], "CC130"),
        (["CC130"], "CC130"),
        ([], None),
        ("", None),
        (None, None),
        ([{"Descriptor": "CC130"}, {"Descriptor": "CC140"}], [{"Descriptor": "CC130"}, {"Descriptor": "CC140"}]),
        ([["CC130"]], [["CC130"]]),
        ({"ID": "1"}, {"ID": "1"}),
    ],
)
def test_instances_are_their_descriptor(value, flat):
    assert flatten({"Cost_Center": value}, WORKERS) == ({} if flat is None else {"Cost_Center": flat})


def test_texts_are_written_in_the_form_of_their_type():
    expenses = load_contracts("workday")["travel_expenses"]
    entry = {"Expense_Date": "2026-09-30-07:00", "Approval_Date": "2026-09-30Z", "Expense_Report_Line": "2.0"}
    assert flatten(entry, expenses) == {
        "Expense_Date": "2026-09-30",
        "Approval_Date": "2026-09-30",
        "Expense_Report_Line": "2",
    }
    assert flatten({"Memo": "2026-09-30-07:00"}, expenses) == {"Memo": "2026-09-30-07:00"}
    assert flatten("text", expenses) == "text"


def test_passing_faults_cost_nothing(app, settings, rows):
    faults = [
        {"kind": "too_many_requests", "retry_after": 1, "match": "/Workers"},
        {"kind": "truncate", "match": "/Workers"},
        {"kind": "drop", "match": "/Travel_Expenses"},
        {"kind": "server_error", "match": "/Travel_Expenses"},
        {"kind": "invalid_json", "match": "/Journal_Lines"},
    ]
    with RestServer([app], faults=faults) as server:
        settings(server, max_attempts="4")
        assert load().exit_code == 0
        assert len(server.faults.struck) == len(faults)
    assert rows("select count(*) from raw_workday.workers") == [(20,)]


@pytest.mark.parametrize(
    ("fault", "error", "said"),
    [
        ({"kind": "too_many_requests", "retry_after": 0}, SourceError, "lower requests_per_minute"),
        ({"kind": "server_error"}, SourceError, "run the report in Workday"),
        ({"kind": "drop"}, SourceError, "no answer"),
        ({"kind": "truncate"}, SourceError, "no answer"),
        ({"kind": "invalid_json"}, SourceError, "not JSON"),
        ({"kind": "html"}, SourceError, "log-in or proxy page"),
        ({"kind": "server_error", "status": 403}, SourceError, "security group"),
        ({"kind": "expired_token"}, ConfigError, "SOURCES__WORKDAY__USER"),
    ],
    ids=lambda value: f"{value['kind']}{value.get('status', '')}" if isinstance(value, dict) else None,
)
def test_lasting_faults_are_named_with_their_remedy(app, settings, fault, error, said):
    with RestServer([app], faults=[{**fault, "times": 0, "match": "/Workers"}]) as server:
        settings(server)
        with pytest.raises(error, match=said) as raised:
            WorkdayReader.from_config()._entries("workers")
    assert "strata/isu_strata/Workers" in raised.value.subject


class Answering(WorkdayApp):
    """Answers every request the same way."""

    def __init__(self, status, body, kind):
        super().__init__({})
        self.answer = Response(status, body, kind)

    def respond(self, request):
        return self.answer


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((200, b'<?xml version="1.0"?><a><faultstring>Task not authorized</faultstring></a>', "text/xml"),
         "in XML: Task not authorized"),
        ((500, b'<?xml version="1.0"?><a><Message>Report timed out</Message></a>', "text/xml"), "Report timed out"),
        ((200, b'{"data": []}', "application/json"), "no Report_Entry list"),
        ((200, b'[]', "application/json"), "no Report_Entry list"),
        ((200, b'{"Report_Entry": {"Employee_ID": "W1"}}', "application/json"), "no Report_Entry list"),
        ((200, b'', "application/json"), "not JSON"),
    ],
)  # fmt: skip
def test_an_answer_that_is_no_report_is_named(settings, answer, said):
    with RestServer([Answering(*answer)]) as server:
        settings(server, max_attempts="1")
        with pytest.raises(SourceError, match=said):
            WorkdayReader.from_config()._entries("workers")


def test_a_wrong_report_tenant_or_day_names_the_setting(tenant, settings):
    for change, said in (
        ({"workers_report": "Wrkers"}, r"Wrkers is not enabled.*SOURCES__WORKDAY__\.\.\._REPORT"),
        ({"tenant": "other"}, "check tenant, report_owner"),
        ({"report_owner": "someone_else"}, "check tenant, report_owner"),
    ):
        settings(tenant, **{"workers_report": "Workers", "tenant": "strata", "report_owner": "isu_strata", **change})
        with pytest.raises(SourceError, match=said):
            WorkdayReader.from_config()._entries("workers")
    settings(tenant, as_of_date="30.09.2026")
    with pytest.raises(ConfigError, match=r"as_of_date is '30\.09\.2026'"):
        WorkdayReader.from_config()


def test_a_wrong_password_is_tried_once_and_lands_nothing(tenant, settings, rows):
    settings(tenant, password="wrong-but-never-printed")
    with pytest.raises(ConfigError, match="SOURCES__WORKDAY__USER") as raised:
        load()
    assert raised.value.exit_code == EXIT_USAGE
    assert "never-printed" not in str(raised.value)
    assert len(tenant.requests) == 1, "repeated attempts lock users"
    assert rows("select status from raw_ops.loads") == [("failed",)]


def test_missing_settings_are_named(monkeypatch):
    for name in ("BASE_URL", "TENANT", "USER", "PASSWORD"):
        monkeypatch.delenv(f"SOURCES__WORKDAY__{name}", raising=False)
    with pytest.raises(ConfigError, match="SOURCES__WORKDAY__TENANT"):
        WorkdayReader.from_config()


def test_a_half_report_that_is_valid_json_lands_nothing(app, tenant, rows):
    load()
    everything = app.documents("Workers")
    for entry in everything[10:]:
        app.delete("Workers", {"Employee_ID": entry["Employee_ID"]})
    with pytest.raises(SourceError, match="at most 20%"):
        load()
    for entry in everything[10:]:
        app.upsert("Workers", WORKER_KEYS, entry)
    report = load()
    assert (report.datasets["workers"].rows_unchanged, report.datasets["workers"].rows_deleted) == (20, 0)


def test_what_cannot_land_is_a_dead_letter_with_its_reason_and_no_deletion(tenant, app, rows):
    load()
    app.upsert("Workers", WORKER_KEYS, worker(1, FTE="120"))
    app.upsert("Workers", WORKER_KEYS, worker(2, Annual_Base_Pay="forty thousand"))
    app.upsert("Workers", WORKER_KEYS, worker(3, Cost_Center=[{"Descriptor": "CC130"}, {"Descriptor": "CC140"}]))
    app.upsert("Workers", WORKER_KEYS, worker(4, Worker_Status="Gone"))
    app.upsert("Workers", WORKER_KEYS, worker(99, Effective_Date=None))
    app.upsert("Travel_Expenses", ("Expense_Report",), expense(60, Amount="NaN"))
    app.upsert("Travel_Expenses", ("Expense_Report", "Amount"), expense(1, Amount="1"))
    assert load().exit_code == 0
    assert rows("select dataset, record_key, reason_codes from raw_ops.dead_letters order by 1, 2") == [
        ("travel_expenses", "EXP-1/1", "DUPLICATE_KEY:expense_report_line"),
        ("travel_expenses", "EXP-60/1", "OUT_OF_RANGE:Amount"),
        ("workers", "W00001/2025-01-01", "OUT_OF_RANGE:FTE"),
        ("workers", "W00002/2025-01-01", "TYPE_MISMATCH:Annual_Base_Pay"),
        ("workers", "W00003/2025-01-01", "TYPE_MISMATCH:Cost_Center"),
        ("workers", "W00004/2025-01-01", "NOT_IN_ALLOWED_VALUES:Worker_Status"),
        ("workers", "W00099/?", "KEY_MISSING:Effective_Date"),
    ]
    assert rows("select count(*) from raw_workday.workers where not _is_deleted") == [(20,)]
    details = " ".join(detail for (detail,) in rows("select detail from raw_ops.dead_letters"))
    assert "forty thousand" not in details, "pay is sensitive"
    payload = rows("select payload from raw_ops.dead_letters where record_key = 'W00001/2025-01-01'")[0][0]
    assert json.loads(payload)["FTE"] == "120"
