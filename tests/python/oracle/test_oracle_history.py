"""Random histories of documents over several loads: what landed equals what the pod holds."""

from __future__ import annotations

import os
import random
from decimal import Decimal

import pytest
from support.fusion_company import account, invoice, invoice_line, journal

from ingestion import runner
from ingestion.sandbox.apps.oracle import OracleApp
from ingestion.sandbox.rest import RestServer
from ingestion.sources.oracle import OracleReader

SEED = int(os.environ.get("STRATA_SEED", "1"))


class History:
    """A pod whose documents are entered, changed, cancelled and stripped of lines by chance."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.app = OracleApp({}, child_limit=3)
        self.second = 0
        self.emptied: set[int] = set()
        self.lines_seen: dict[int, set[int]] = {}
        for code in range(8):
            self.app.upsert("generalLedgerAccounts", account(f"{code}00000"))

    def stamp(self) -> str:
        """Mostly later than all before; now and then late, but within the look-back."""
        self.second += self.chance.choice([0, 1, 1, 60])
        second = max(0, self.second - (self.chance.randint(0, 3600) if self.chance.random() < 0.2 else 0))
        return f"2026-02-01T{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}+00:00"

    def step(self) -> None:
        """One change of one kind."""
        self.chance.choice([self.enter, self.enter, self.change, self.cancel, self.post, self.close_account])()

    def enter(self) -> None:
        """A new invoice, or one in the place of an old one, with 0 to 5 lines."""
        number = self.chance.randint(1, 40)
        lines = [invoice_line(n, LineAmount=self.chance.randint(1, 999)) for n in range(1, self.chance.randint(1, 6))]
        kept = self.chance.sample(lines, k=self.chance.randint(0, len(lines)))
        self.app.upsert("invoices", invoice(number, LastUpdateDate=self.stamp(), invoiceLines=kept))

    def change(self) -> None:
        """Another amount."""
        for document in self.chance.sample(self.app.documents("invoices") or [{}], k=1):
            if document:
                amount = self.chance.randint(1, 10_000) / 100
                self.app.upsert("invoices", document | {"InvoiceAmount": amount, "LastUpdateDate": self.stamp()})

    def cancel(self) -> None:
        """A cancellation: flags on the invoice and its lines."""
        for document in self.chance.sample(self.app.documents("invoices") or [{}], k=1):
            if document:
                lines = [line | {"CanceledFlag": True, "LineAmount": 0} for line in document["invoiceLines"]]
                change = {"CanceledFlag": True, "InvoiceAmount": 0, "LastUpdateDate": self.stamp()}
                self.app.upsert("invoices", document | change | {"invoiceLines": lines})

    def post(self) -> None:
        """A journal, new or with another status."""
        status = self.chance.choice(["Posted", "Unposted", "Cancelled"])
        number = self.chance.randint(1, 10)
        self.app.upsert("journalHeaders", journal(number, JournalStatus=status, LastUpdateDate=self.stamp()))

    def close_account(self) -> None:
        """An account that goes or comes back, one at a time."""
        held = {document["Account"] for document in self.app.documents("generalLedgerAccounts")}
        missing = sorted({f"{code}00000" for code in range(8)} - held)
        if missing:
            self.app.upsert("generalLedgerAccounts", account(missing[0]))
        else:
            self.app.delete("generalLedgerAccounts", self.chance.choice(sorted(held)))


def truth(app):
    """What the warehouse should hold."""
    invoices, journals = app.documents("invoices"), app.documents("journalHeaders")
    return {
        "invoices": sorted(
            (d["InvoiceId"], Decimal(str(d["InvoiceAmount"])), d["CanceledFlag"], d["LastUpdateDate"][:19])
            for d in invoices
        ),
        "lines": sorted(
            (d["InvoiceId"], line["LineNumber"], line["LineAmount"], line["CanceledFlag"])
            for d in invoices
            for line in d["invoiceLines"]
        ),
        "accounts": sorted(d["Account"] for d in app.documents("generalLedgerAccounts")),
        "journals": sorted(
            (d["JeHeaderId"], line["JeLineNumber"], d["JournalStatus"], d["LastUpdateDate"][:19])
            for d in journals
            for line in d["journalLines"]
        ),
    }


def found(rows):
    """What it holds."""
    stamp = "strftime(last_update_date at time zone 'UTC', '%Y-%m-%dT%H:%M:%S')"
    queries = {
        "invoices": f"select invoice_id, invoice_amount, canceled_flag, {stamp} from raw_oracle.ap_invoices",
        "lines": "select invoice_id, line_number, line_amount, canceled_flag from raw_oracle.ap_invoice_lines"
        " where not _is_deleted",
        "journals": f"select je_header_id, je_line_number, journal_status, {stamp} from raw_oracle.gl_journal_lines",
    }
    accounts = rows("select account from raw_oracle.gl_accounts where not _is_deleted order by all")
    tables = {name: rows(f"{query} order by all") for name, query in queries.items()}
    return tables | {"accounts": [code for (code,) in accounts]}


@pytest.mark.parametrize("round_number", [0, *(pytest.param(n, marks=pytest.mark.slow) for n in range(1, 15))])
def test_what_landed_equals_the_pod_after_each_load(round_number, settings, rows):
    print(f"seed {SEED}")
    chance = random.Random(f"{SEED}/{round_number}")
    history = History(chance)
    for steps in (60, 25, 5):
        for _ in range(steps):
            history.step()
        with RestServer([history.app]) as server:
            settings(server, page_size=str(chance.randint(2, 9)), max_shrink_ratio="0.9")
            runner.load(OracleReader.from_config())
        assert found(rows) == truth(history.app)
