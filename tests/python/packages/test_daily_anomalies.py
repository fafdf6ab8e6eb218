"""Our own daily anomaly tests, as the project's YAML sets them: silent on steady days, and each fires on its fault."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from throwaway import ROOT, Outcome, Throwaway

NOW = "2026-03-04T12:00:00"  # a Wednesday
MADE = {"dbt_packages", "target", "warehouse", "logs", "reports"}  # by runs, or by this test
DAYS = 220
COMPANIES = "['GB10', 'DE10', 'US10'][1 + i % 3]"
# Each day `n` back has 30 to 36 rows `i`, spread over the day.
EVERY_DAY = f"""
select
    timestamp '2026-03-04' - to_days(n::integer) + to_minutes(cast(1440 * i / a_day as integer)) as moment, i, n
from (select n, 30 + 3 * (n % 3) as a_day from range(1, {DAYS}) days (n)), unnest(range(a_day)) as rows (i)
"""
TABLES = {
    "raw_interactions.events": "moment as received_at, i as event_id",
    "raw_atom.orders": "moment as created_at, i as order_id",
    "raw_atom.payments": "moment as paid_at, i as payment_id",
    "dev_marts.fct_order_lines": f"moment as ordered_at, {COMPANIES} as tenant_id,"
    " if(i < 2, null, i::varchar) as client_id, cast(100 + n % 3 as decimal(18, 4)) as net_amount_gbp",
    "dev_marts.fct_interactions": f"moment as event_at, {COMPANIES} as tenant_id,"
    " cast(900 + n % 3 as bigint) as duration_ms",
    "dev_marts.fct_purchase_order_lines": "cast(moment as date) as purchase_order_date, i as material_id",
    "dev_marts.agg_profit_quarterly": "'GB10' as tenant_id, 1 as net_revenue_amount_gbp",
    "dev_marts.rpt_partner_bank_client_indicators": "'GB10' as tenant_id, 1 as at_stake_gbp",
}
YESTERDAY = ">= timestamp '2026-03-03'"
# test: what goes wrong
FAULTS = {
    "interactions_events_volume": f"delete from raw_interactions.events where received_at {YESTERDAY}",
    "interactions_events_freshness": "",  # the same
    "atom_orders_volume": f"delete from raw_atom.orders where created_at {YESTERDAY}",
    "atom_orders_freshness": "",
    "atom_payments_volume": f"insert into raw_atom.payments from raw_atom.payments where paid_at {YESTERDAY}",
    "fct_order_lines_by_company": f"delete from dev_marts.fct_order_lines where ordered_at {YESTERDAY}"
    " and tenant_id = 'US10'",
    "fct_order_lines_client_is_empty_as_usual": "update dev_marts.fct_order_lines set client_id = null"
    f" where ordered_at {YESTERDAY} and hash(client_id) % 10 < 3",
    "fct_order_lines_amount_is_as_usual": "update dev_marts.fct_order_lines set net_amount_gbp = 100 * net_amount_gbp"
    f" where ordered_at {YESTERDAY}",
    "fct_interactions_by_company": f"insert into dev_marts.fct_interactions"
    f" from dev_marts.fct_interactions where event_at {YESTERDAY} and tenant_id = 'DE10'",
    "fct_interactions_duration_is_as_usual": f"update dev_marts.fct_interactions set duration_ms = 0"
    f" where event_at {YESTERDAY} and hash(event_at) % 10 < 3",
    "fct_purchase_order_lines_volume": "delete from dev_marts.fct_purchase_order_lines"
    " where purchase_order_date between date '2026-02-23' and date '2026-03-01'",
    "fct_purchase_order_lines_columns": "alter table dev_marts.fct_purchase_order_lines add column note varchar",
    "agg_profit_quarterly_columns": "alter table dev_marts.agg_profit_quarterly drop column net_revenue_amount_gbp",
    "rpt_partner_bank_client_indicators_columns": "alter table dev_marts.rpt_partner_bank_client_indicators"
    " alter column at_stake_gbp type varchar",
}


class Project(Throwaway):
    """This very project with the packages of one origin, and its default warehouse."""

    def __post_init__(self) -> None:
        for part in ROOT.iterdir():
            if part.name not in MADE and not part.name.startswith("."):
                (self.root / part.name).symlink_to(part)
        (self.root / "dbt_packages").symlink_to(self.packages)
        self.database.parent.mkdir()

    @property
    def database(self) -> Path:
        return self.root / "warehouse" / "strata.duckdb"


@pytest.fixture(scope="module")
def verdicts(packages: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, str], dict[str, str]]:
    """Status of each test on steady days, and when everything has gone wrong."""
    project = Project(tmp_path_factory.mktemp("daily"), packages)
    schemas = sorted({name.split(".")[0] for name in TABLES})
    project.execute(
        *(f"create schema {name}" for name in schemas),
        *(f"create table {name} as select {columns} from ({EVERY_DAY})" for name, columns in TABLES.items()),
    )
    test = ["test", "--selector", "daily_anomalies", "--vars", json.dumps({"custom_run_started_at": NOW})]
    steady, faulty = project.run(test, ["sql", *filter(None, FAULTS.values())], test)
    return tuple({name: told(run[name]) for name in run if "-on-run-" not in name} for run in (steady, faulty))


def told(outcome: Outcome) -> str:
    return outcome.message if outcome.status == "error" else outcome.status


def test_steady_days_are_no_anomaly(verdicts: tuple[dict[str, str], dict[str, str]]) -> None:
    assert verdicts[0] == dict.fromkeys(FAULTS, "pass"), "each daily test has a fault here, and none fires without it"


def test_every_fault_is_told_and_fails_no_build(verdicts: tuple[dict[str, str], dict[str, str]]) -> None:
    assert verdicts[1] == dict.fromkeys(FAULTS, "warn")
