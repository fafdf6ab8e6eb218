"""Trouble between here and the pod, and records that cannot land."""

from __future__ import annotations

import json

import pytest
from support.fusion_company import account, invoice, invoice_line, journal

from ingestion import runner
from ingestion.errors import EXIT_USAGE, ConfigError, SourceError
from ingestion.sandbox.apps.oracle import OracleApp
from ingestion.sandbox.odata import Response
from ingestion.sandbox.rest import RestServer
from ingestion.sources.oracle import OracleReader


def load():
    return runner.load(OracleReader.from_config())


def test_passing_faults_cost_nothing(app, settings, rows):
    faults = [
        {"kind": "too_many_requests", "retry_after": 1, "match": "/invoices?"},
        {"kind": "server_error", "status": 503, "match": "/journalHeaders?"},
        {"kind": "drop", "match": "/purchaseRequisitions?"},
        {"kind": "truncate", "match": "/invoices?", "after": 1},
        {"kind": "invalid_json", "match": "/generalLedgerAccounts?"},
    ]
    with RestServer([app], faults=faults) as server:
        settings(server)
        assert load().exit_code == 0
        assert len(server.faults.struck) == len(faults)
    assert rows("select count(*) from raw_oracle.ap_invoice_lines") == [(24,)]


@pytest.mark.parametrize(
    ("fault", "error", "said"),
    [
        ({"kind": "too_many_requests", "retry_after": 0}, SourceError, "lower requests_per_minute"),
        ({"kind": "server_error", "status": 500}, SourceError, "HTTP 500"),
        ({"kind": "drop"}, SourceError, "no answer"),
        ({"kind": "html"}, SourceError, "log-in or proxy page"),
        ({"kind": "server_error", "status": 403}, SourceError, "privilege"),
        ({"kind": "server_error", "status": 404}, SourceError, "check base_url"),
        ({"kind": "expired_token"}, ConfigError, "SOURCES__ORACLE__USER"),
    ],
    ids=lambda value: value.get("kind") if isinstance(value, dict) else None,
)
def test_lasting_faults_are_named_with_their_remedy(app, settings, fault, error, said):
    with RestServer([app], faults=[{**fault, "times": 0, "match": "/invoices?"}]) as server:
        settings(server, max_attempts="2")
        reader = OracleReader.from_config()
        with pytest.raises(error, match=said) as raised:
            list(reader._fusion.records("invoices", "InvoiceId", order=("InvoiceId",)))
    assert "invoices" in raised.value.subject


def test_a_wrong_password_is_tried_once_and_lands_nothing(pod, settings, rows):
    settings(pod, password="wrong-but-never-printed")
    with pytest.raises(ConfigError, match="SOURCES__ORACLE__USER") as raised:
        load()
    assert raised.value.exit_code == EXIT_USAGE
    assert "never-printed" not in str(raised.value)
    assert len(pod.requests) == 1, "repeated attempts lock users"
    assert rows("select status from raw_ops.loads") == [("failed",)]


def test_missing_settings_are_named(monkeypatch):
    for name in ("BASE_URL", "USER", "PASSWORD", "TOKEN"):
        monkeypatch.delenv(f"SOURCES__ORACLE__{name}", raising=False)
    with pytest.raises(ConfigError, match="SOURCES__ORACLE__BASE_URL"):
        OracleReader.from_config()
    monkeypatch.setenv("SOURCES__ORACLE__BASE_URL", "http://127.0.0.1:1")
    with pytest.raises(ConfigError, match="SOURCES__ORACLE__USER, SOURCES__ORACLE__PASSWORD"):
        OracleReader.from_config()


def test_a_fault_half_way_lands_nothing_and_the_next_run_all(app, settings, rows):
    with RestServer([app]) as server:
        settings(server, max_attempts="1")
        server.faults.add({"kind": "server_error", "match": "/invoices?", "after": 2, "times": 1})
        with pytest.raises(SourceError, match="HTTP 500"):
            load()
        assert rows("select count(*) from raw_ops.loads where status = 'landed'") == [(0,)]
        assert load().exit_code == 0
    assert rows("select count(*) from raw_oracle.ap_invoices") == [(12,)]
    assert rows("select count(*) from raw_oracle.gl_accounts") == [(3,)]


def test_what_cannot_land_is_a_dead_letter_with_its_reason(pod, app, rows):
    without_lines = invoice(401, day=13)
    del without_lines["invoiceLines"]
    app.upsert("invoices", without_lines)
    app.upsert("invoices", invoice(402, day=13, InvoiceCurrency="pounds"))
    mixed = [
        invoice_line(1),
        invoice_line(1, LineAmount=99),
        invoice_line(2, InvoiceId=301),
        invoice_line(3, LineType="?"),
        invoice_line(4, LineAmount="much"),
        "no line",
    ]
    app.upsert("invoices", invoice(403, day=13) | {"invoiceLines": mixed})
    app.upsert("invoices", invoice(404, day=13, CanceledFlag="N", InvoiceDate="01.02.2026"))
    app.upsert("invoices", invoice(405, day=13, InvoiceNumber=405))
    app.upsert("journalHeaders", journal(780, day=5, CurrencyCode=None))
    app.upsert("generalLedgerAccounts", account("900000", AccountType="Asset "))
    report = load()
    assert report.exit_code == 0
    letters = rows("select dataset, record_key, reason_codes from raw_ops.dead_letters order by all")
    assert letters == [
        ("ap_invoice_lines", "301/2", "PARENT_MISMATCH:InvoiceId"),
        ("ap_invoice_lines", "401/?", "UNREADABLE_RECORD:invoiceLines"),
        ("ap_invoice_lines", "403/1", "DUPLICATE_KEY:LineNumber"),
        ("ap_invoice_lines", "403/3", "NOT_IN_ALLOWED_VALUES:LineType"),
        ("ap_invoice_lines", "403/4", "TYPE_MISMATCH:LineAmount"),
        ("ap_invoice_lines", "?", "UNREADABLE_RECORD:*"),
        ("ap_invoices", "402", "PATTERN_MISMATCH:InvoiceCurrency"),
        ("ap_invoices", "404", "TYPE_MISMATCH:CanceledFlag,TYPE_MISMATCH:InvoiceDate"),
        ("ap_invoices", "405", "TYPE_MISMATCH:InvoiceNumber"),
        ("gl_accounts", "900000", "NOT_IN_ALLOWED_VALUES:AccountType"),
        ("gl_journal_lines", "780/1", "REQUIRED_MISSING:CurrencyCode"),
        ("gl_journal_lines", "780/2", "REQUIRED_MISSING:CurrencyCode"),
    ]
    assert rows("select line_number from raw_oracle.ap_invoice_lines where invoice_id = 403") == [(1,)]
    assert rows("select line_number from raw_oracle.ap_invoice_lines where invoice_id = 301 order by 1") == [(1,), (2,)]
    assert rows("select count(*) from raw_ops.loads where rows_read <> rows_good + rows_rejected") == [(0,)]
    payload = rows("select payload from raw_ops.dead_letters where record_key = '402'")[0][0]
    assert "invoiceLines" not in json.loads(payload)


def test_a_changed_type_is_refused_and_a_closed_describe_is_said(pod, app, settings, rows):
    app.types[("invoiceLines", "Description")] = "number"
    app.types[("invoices", "TermsDate")] = None
    report = load()
    assert rows("select column_name, change, new_type from raw_ops.schema_changes order by 1") == [
        ("description", "refused", "number"),
        ("terms_date", "removed", None),
    ]
    assert rows("select distinct reason_codes from raw_ops.dead_letters") == [("TYPE_MISMATCH:Description",)]
    assert report.exit_code == 3
    app.types[("invoices", "InvoiceDate")] = None
    with pytest.raises(SourceError, match="InvoiceDate, which the contract requires"):
        load()
    app.describes = False
    settings(pod, skip_resources="journalHeaders, generalLedgerAccounts")
    report = load()
    assert not any("journalHeaders" in target for target in list(pod.requests)[-8:])
    assert any("invoices: describe may not be read" in notice for notice in report.notices)
    assert rows("select count(*) from raw_oracle.ap_invoice_lines") > [(0,)]


def test_a_line_that_breaks_later_stays_as_it_was(pod, app, rows):
    load()
    broken = [invoice_line(1, LineAmount=77), invoice_line(2, Quantity="x")]
    app.upsert("invoices", invoice(309, day=12) | {"invoiceLines": broken})
    load()
    lines = "select line_number, line_amount from raw_oracle.ap_invoice_lines where invoice_id = 309 order by 1"
    assert rows(lines) == [(1, 77), (2, 20)]


class SigningOn(OracleApp):
    """Leads to a sign-on page on another host, as a pod with single sign-on does."""

    def respond(self, request):
        return Response(302, b"", headers={"Location": "http://127.0.0.2:9/sign-on"})


def test_a_sign_on_page_on_another_host_is_not_followed(settings):
    with RestServer([SigningOn({})]) as server:
        settings(server)
        with pytest.raises(SourceError, match=r"another host \(127\.0\.0\.2:9\)"):
            OracleReader.from_config()._fusion.declared("invoices")
