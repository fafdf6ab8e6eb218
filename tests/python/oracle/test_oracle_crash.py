"""kill -9 at random moments of an Oracle load, then run to the end: the tables equal those of one clean run."""

from __future__ import annotations

import os
import random

import pytest
from support.fusion_company import invoice
from support.killing import content, finish, kill_some

from ingestion.sandbox.rest import RestServer

SEED = int(os.environ.get("STRATA_SEED", "1"))
TABLES = ["ap_invoices", "ap_invoice_lines", "gl_accounts", "gl_journal_lines", "requisitions", "requisition_lines"]


@pytest.mark.parametrize("kills", [3, pytest.param(40, marks=pytest.mark.slow)])
def test_oracle_load_killed_at_random_moments(kills, app, settings, tmp_path, record_property):
    print(f"seed {SEED}")
    for number in range(1000, 1200):
        app.upsert("invoices", invoice(number, lines=3))
    app.upsert("invoices", invoice(1200, InvoiceCurrency="pounds"))
    with RestServer([app], latency=0.005) as server:
        clean = settings(server, page_size="10") | {"STRATA_WAREHOUSE": str(tmp_path / "clean.duckdb")}
        whole = finish("oracle", clean)
        dirty = clean | {"STRATA_WAREHOUSE": str(tmp_path / "killed.duckdb"), "STRATA_LOCK_WAIT": "20"}
        killed = kill_some("oracle", dirty, kills, whole, random.Random(SEED))
        record_property("killed", killed)
        assert killed > 0, "every run ended before it could be killed"
        finish("oracle", dirty)
    found = content(tmp_path / "killed.duckdb", "oracle", TABLES)
    assert found == content(tmp_path / "clean.duckdb", "oracle", TABLES)
    assert len(found["ap_invoice_lines"]) == 200 * 3 + 24 + 2
