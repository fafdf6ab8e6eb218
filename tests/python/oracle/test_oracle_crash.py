"""kill -9 at random moments of an Oracle load, then run to the end: the tables equal those of one clean run."""

from __future__ import annotations

import os
import random
import time

import pytest
from support.fusion_company import invoice
from support.processes import finish_source_load, start_source_load, warehouse_content

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
        started = time.monotonic()
        finish_source_load("oracle", clean)
        whole = time.monotonic() - started
        dirty = clean | {"STRATA_WAREHOUSE": str(tmp_path / "killed.duckdb"), "STRATA_LOCK_WAIT": "20"}
        chance, killed = random.Random(SEED), 0
        for _ in range(kills):
            process = start_source_load("oracle", dirty)
            # The first seconds are imports; the reading, normalising and loading come in the later part.
            time.sleep(chance.uniform(0.3, 1.0) * whole)
            killed += process.poll() is None
            process.kill()
            process.communicate()
        record_property("killed", killed)
        assert killed > 0, "every run ended before it could be killed"
        finish_source_load("oracle", dirty)
    found = warehouse_content(tmp_path / "killed.duckdb", "oracle", TABLES)
    assert found == warehouse_content(tmp_path / "clean.duckdb", "oracle", TABLES)
    assert len(found["ap_invoice_lines"]) == 200 * 3 + 24 + 2
