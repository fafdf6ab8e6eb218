"""However journal lines land, the incremental fact is what one full refresh would make of them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

import pytest
from harness import Warehouse
from test_incremental import seeds

Row = dict[str, Any]
FACT = "select * exclude (load_id) from dev_marts.fct_journal_lines order by journal_line_key"
WRITTEN = "select journal_line_key, load_id from dev_marts.fct_journal_lines"
BUILD = (
    "build", "--select", "+fct_journal_lines", "quarantine_journal_lines", "journal_lines_equal_the_ledger_once",
    "journals_of_the_fact_balance",
    "--exclude", "test_type:unit", "path:models/staging,resource_type:test",
    "--indirect-selection", "cautious",
)  # fmt: skip


class Ledger:
    """Journals of both systems as they stand; a change lands now or with the next batch."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.now = datetime.now(UTC) - timedelta(days=60)
        self.oracle: dict[tuple[int, int], Row] = {}
        self.workday: dict[tuple[str, int], Row] = {}
        self.late: list[tuple[int, int]] = []
        self.journals = 0

    def stamp(self) -> datetime:
        return self.now - timedelta(days=self.random.random() * 2.5)

    def batch(self, step: timedelta) -> None:
        """Move on; what was held back lands, journals come, are reversed, change and go."""
        self.now += step
        for key in self.late:
            self.oracle[key] |= {"_is_deleted": False, "_landed_at": self.stamp()}
        self.late = []
        for _ in range(12):
            self.post()
        for action in (self.reverse, self.rebook, self.withdraw, self.close, self.hand_over):
            action()

    def post(self, reverses: int | None = None, account: str | None = None, reference: str | None = None) -> int:
        self.journals += 1
        number, amount = self.journals, self.random.randint(1, 90_000) / 100
        day = date(2026, 1, 1) + timedelta(days=self.random.randint(0, 200))
        for line in (1, 2):
            self.oracle[number, line] = {
                "je_header_id": number, "je_line_number": line, "reversed_je_header_id": reverses, "company": "GB10",
                "cost_center": self.random.choice(["C1", "C2"]), "account": account or "601000", "currency_code": "GBP",
                "journal_status": self.random.choice(["Posted", "Posted", "Unposted"]), "accounting_date": day,
                "reference": reference, "entered_dr": amount if line == 1 else None,
                "entered_cr": amount if line == 2 else None, "accounted_dr": amount if line == 1 else None,
                "accounted_cr": amount if line == 2 else None, "_landed_at": self.stamp(),
            }  # fmt: skip
        if self.random.random() < 0.2:  # half of the journal is missing until the next batch
            self.oracle[number, 2]["_is_deleted"] = True
            self.late.append((number, 2))
        return number

    def pick(self) -> int:
        return self.random.randint(1, self.journals)

    def reverse(self) -> None:
        self.post(reverses=self.pick())

    def rebook(self) -> None:
        """A line moves to another account, long after it was posted."""
        self.oracle[self.pick(), 1] |= {"account": self.random.choice(["602000", "699000"]), "_landed_at": self.stamp()}

    def withdraw(self) -> None:
        """A journal is deleted in the source; its tombstones land."""
        number = self.pick()
        for line in (1, 2):
            if (number, line) not in self.late:
                self.oracle[number, line] |= {"_is_deleted": True, "_landed_at": self.stamp()}

    def close(self) -> None:
        """A journal on an account that is closed: quarantined as a whole."""
        self.post(account="699000")

    def hand_over(self) -> None:
        """A Workday journal lands; the ledger takes the one before it over."""
        names = sorted({name for name, _ in self.workday})
        if names:
            self.post(reference=names[-1])
        for line in (1, 2):
            name = f"WJ-{len(names) + 1:03}"
            self.workday[name, line] = {
                "journal_number": name, "line_order": line, "company": "GB10", "ledger_account": "601000",
                "cost_center": "C1", "journal_source": "Payroll", "status": "Posted", "currency": "GBP",
                "accounting_date": date(2026, 3, 31), "debit_amount": 10 if line == 1 else None,
                "credit_amount": 10 if line == 2 else None, "ledger_debit_amount": 10 if line == 1 else None,
                "ledger_credit_amount": 10 if line == 2 else None, "_landed_at": self.stamp() - timedelta(days=20),
            }  # fmt: skip

    def left_to_workday(self) -> int:
        """Lines of Workday's journals that no journal of the ledger stands for."""
        taken_over = {row["reference"] for row in self.oracle.values() if not row.get("_is_deleted")}
        return sum(name not in taken_over for name, _ in self.workday)

    def write(self, warehouse: Warehouse) -> None:
        for source, dataset, rows in (
            ("oracle", "gl_journal_lines", self.oracle), ("workday", "journal_lines", self.workday),
        ):  # fmt: skip
            shuffled = [
                {
                    **row, "_row_hash": f"{sorted((k, v) for k, v in row.items() if k[0] != '_')}",
                    "_dlt_load_id": str(self.now), "_source_ref": f"{dataset}/{key}",
                }
                for key, row in rows.items()
            ]  # fmt: skip
            self.random.shuffle(shuffled)
            warehouse.clear(dataset, source=source)
            warehouse.land(dataset, shuffled, source=source)


@pytest.mark.parametrize("seed", seeds(1))
def test_incremental_journal_lines_equal_a_full_refresh(warehouse: Warehouse, seed: int) -> None:
    print(f"STRATA_SEED={seed}")
    ledger = Ledger(Random(seed))
    accounts = [("601000", None), ("602000", None), ("699000", date(2022, 12, 31))]
    warehouse.land(
        "gl_accounts",
        [
            {
                "account": account, "description": f"Account {account}", "account_type": "Expense",
                "enabled_flag": end is None, "start_date": date(2015, 1, 1), "end_date": end,
            }
            for account, end in accounts
        ],
        ledger.now,
        source="oracle",
    )  # fmt: skip
    for step in (timedelta(0), timedelta(days=6), timedelta(hours=5), timedelta(days=8)):
        ledger.batch(step)
        ledger.write(warehouse)
        warehouse.dbt(*BUILD)
    incremental, written = warehouse.query(FACT), dict(warehouse.query(WRITTEN))
    ((held_back,),) = warehouse.query("select count(*) from dev_intermediate.quarantine_journal_lines")
    ((workday,),) = warehouse.query("select count(*) from dev_marts.fct_journal_lines where source_system = 'workday'")
    warehouse.dbt("run", "--select", "fct_journal_lines", "--full-refresh")
    refreshed, newest = warehouse.query(FACT), dict(warehouse.query(WRITTEN))

    assert held_back > 2, f"seed {seed}: nothing was quarantined, so nothing could leave quarantine"
    assert workday == ledger.left_to_workday() > 0, "Workday's lines tell what the ledger has not taken over"
    assert [row for row in refreshed if row not in incremental] == [], f"seed {seed}"
    assert incremental == refreshed, f"seed {seed}"
    left_alone = [key for key in newest if written[key] != newest[key]]
    assert len(left_alone) >= 3, f"seed {seed}: even settled lines were written again, so equality proves nothing"
