"""Loads of the Oracle source through the real protocol: first, repeated, changed, cancelled."""

from __future__ import annotations

import pytest
from support.fusion_company import account, invoice, invoice_line, journal

from ingestion import runner
from ingestion.errors import SourceError
from ingestion.sources.oracle import OracleReader

COUNTS = """
select dataset, rows_read, rows_good, rows_rejected, rows_unchanged, rows_deleted from raw_ops.loads
qualify row_number() over (partition by dataset order by finished_at desc) = 1
"""
TABLES = ("ap_invoices", "ap_invoice_lines", "gl_accounts", "gl_journal_lines", "requisitions", "requisition_lines")


def load() -> int:
    return runner.load(OracleReader.from_config()).exit_code


def landed(rows):
    return {row[0]: row[1:] for row in rows(COUNTS)}


def test_a_first_load_lands_every_document_with_its_provenance(pod, rows):
    assert load() == 0
    assert landed(rows) == {
        "ap_invoices": (12, 12, 0, 0, 0),
        "ap_invoice_lines": (24, 24, 0, 0, 0),
        "gl_accounts": (3, 3, 0, 0, 0),
        "gl_journal_lines": (8, 8, 0, 0, 0),
        "requisitions": (5, 5, 0, 0, 0),
        "requisition_lines": (5, 5, 0, 0, 0),
    }
    for table in TABLES:
        complete = rows(
            f"select count(*) from raw_oracle.{table} where length(_row_hash) = 64 and _source_ref like '%?%limit=4%#%'"
            " and not _is_deleted and _dlt_load_id in (select load_id from raw_ops.loads)"
        )
        assert complete == rows(f"select count(*) from raw_oracle.{table}"), table
    assert rows("select sum(line_amount), typeof(any_value(line_amount)) from raw_oracle.ap_invoice_lines") == [
        (360, "DECIMAL(18,4)")
    ]
    assert rows("select ledger, last_update_date::varchar from raw_oracle.gl_journal_lines where je_header_id = 703"
                " and je_line_number = 2")[0][0] == "Group"  # fmt: skip


def test_a_second_load_changes_nothing_and_reads_little(pod, rows):
    assert load() == 0
    content = {
        name: rows(f"select * exclude (_landed_at, _source_ref, _dlt_load_id) from raw_oracle.{name} order by all")
        for name in TABLES
    }
    first = len(pod.requests)
    assert load() == 0
    for name in TABLES:
        again = rows(f"select * exclude (_landed_at, _source_ref, _dlt_load_id) from raw_oracle.{name} order by all")
        assert again == content[name], name
    assert landed(rows)["gl_accounts"] == (3, 3, 0, 3, 0)
    assert landed(rows)["ap_invoices"][0] == 4, "the cursor, three days back, was not used"
    assert len(pod.requests) - first < first


def test_changes_cancellations_and_removed_lines_arrive(pod, app, rows):
    load()
    cancelled = invoice(301, day=20, InvoiceAmount=0, CanceledFlag=True, CanceledDate="2026-01-20")
    cancelled["invoiceLines"] = [invoice_line(n, CanceledFlag=True, LineAmount=0) for n in (1, 2)]
    app.upsert("invoices", cancelled)
    app.upsert("invoices", invoice(302, day=20, lines=3) | {"invoiceLines": [invoice_line(1), invoice_line(3)]})
    app.upsert("invoices", invoice(320, day=21, lines=1))
    app.upsert("journalHeaders", journal(701, day=20, JournalStatus="Cancelled"))
    assert load() == 0
    assert rows("select canceled_flag, invoice_amount, canceled_date::varchar from raw_oracle.ap_invoices"
                " where invoice_id = 301") == [(True, 0, "2026-01-20")]  # fmt: skip
    lines = "select line_number, canceled_flag from raw_oracle.ap_invoice_lines"
    assert rows(f"{lines} where invoice_id = 301 order by 1") == [(1, True), (2, True)]
    assert rows(f"{lines} where invoice_id = 302 order by 1") == [(1, False), (3, False)]
    assert rows("select count(*) from raw_oracle.ap_invoices") == [(13,)]
    assert rows("select distinct journal_status from raw_oracle.gl_journal_lines where je_header_id = 701") == [
        ("Cancelled",)
    ]


def test_a_document_that_loses_all_lines_keeps_them_marked_and_gets_new_ones(pod, app, rows):
    load()
    app.upsert("invoices", invoice(303, day=20, lines=0))
    assert load() == 0
    lines = "select line_number, _is_deleted from raw_oracle.ap_invoice_lines where invoice_id = 303 order by 1"
    assert rows(lines) == [(1, True), (2, True)]
    app.upsert("invoices", invoice(303, day=21, lines=1))
    assert load() == 0
    assert rows(lines) == [(1, False)]


def test_an_account_that_vanishes_is_marked_and_a_read_that_lost_many_is_refused(pod, app, rows):
    for number in range(10):
        app.upsert("generalLedgerAccounts", account(f"70{number}000"))
    load()
    app.delete("generalLedgerAccounts", "601000")
    assert load() == 0
    assert rows("select account from raw_oracle.gl_accounts where _is_deleted") == [("601000",)]
    app.upsert("invoices", invoice(330, day=20))
    for number in range(9):
        app.delete("generalLedgerAccounts", f"70{number}000")
    with pytest.raises(SourceError, match=r"oracle\.gl_accounts.*SOURCES__ORACLE__MAX_SHRINK_RATIO"):
        load()
    assert rows("select count(*) from raw_oracle.ap_invoices where invoice_id = 330") == [(0,)]


def test_long_line_lists_are_read_to_their_end(pod, app, rows):
    app.child_limit = 5
    app.upsert("invoices", invoice(340, day=25, lines=23))
    assert load() == 0
    assert rows("select count(*), sum(line_amount) from raw_oracle.ap_invoice_lines where invoice_id = 340") == [
        (23, sum(n * 10 for n in range(1, 24)))
    ]
    assert any("/child/invoiceLines" in target for target in pod.requests)


def test_a_late_commit_is_found_and_a_stamp_in_the_future_hides_nothing(pod, app, settings, rows):
    settings(pod, token=pod.credentials.password, password="", user="")
    app.upsert("invoices", invoice(342, LastUpdateDate="2099-01-01T00:00:00+00:00"))
    app.delete("invoices", 312)
    load()
    assert rows("select max(cursor_to) < '2099' from raw_ops.loads where dataset = 'ap_invoices'") == [(True,)]
    cursors = "select cursor_to from raw_ops.loads where dataset = 'requisitions'"
    assert rows(cursors) == [("2026-01-05T08:00:00+00:00",)]
    app.upsert("journalHeaders", journal(741, day=3))  # committed after the journal of the 4th was read
    assert load() == 0
    assert rows("select count(*) from raw_oracle.gl_journal_lines where je_header_id = 741") == [(2,)]
