"""Random histories of effective-dated workers over several loads: what landed equals the report."""

from __future__ import annotations

import os
import random
from decimal import Decimal

import pytest
from support.workday_tenant import WORKER_KEYS, reports, worker

from ingestion import runner
from ingestion.sandbox.apps.workday import WorkdayApp
from ingestion.sandbox.rest import RestServer
from ingestion.sources.workday import WorkdayReader

SEED = int(os.environ.get("STRATA_SEED", "1"))


def step(app: WorkdayApp, chance: random.Random) -> None:
    """A hire, a change from a day on, a correction, or a rescinded row."""
    entries = app.documents("Workers")
    chosen = chance.choice(entries)
    kind = chance.choice(["hire", "change", "correct", "rescind"])
    if kind == "hire":
        app.upsert("Workers", WORKER_KEYS, worker(chance.randint(100, 300)))
    elif kind == "change":
        day = f"2026-{chance.randint(1, 12):02}-01"
        app.upsert("Workers", WORKER_KEYS, chosen | {"Effective_Date": day, "FTE": str(chance.randint(1, 100))})
    elif kind == "correct":
        pay = f"{chance.randint(20_000, 90_000)}.{chance.randint(0, 99):02}"
        app.upsert("Workers", WORKER_KEYS, chosen | {"Annual_Base_Pay": chance.choice([pay, None, ""])})
    else:
        app.delete("Workers", {key: chosen[key] for key in WORKER_KEYS})


def truth(app: WorkdayApp) -> list[tuple]:
    return sorted(
        (
            entry["Employee_ID"],
            entry["Effective_Date"],
            Decimal(entry["FTE"]),
            Decimal(entry["Annual_Base_Pay"] or 0) if entry.get("Annual_Base_Pay") else Decimal(-1),
        )
        for entry in app.documents("Workers")
    )


@pytest.mark.parametrize("round_number", [0, *(pytest.param(n, marks=pytest.mark.slow) for n in range(1, 15))])
def test_what_landed_equals_the_report_after_each_load(round_number, settings, rows):
    print(f"seed {SEED}")
    chance = random.Random(f"{SEED}/{round_number}")
    app = WorkdayApp(
        reports(), owner="isu_strata", nested=chance.sample(["Company", "Cost_Center", "Job_Profile"], k=1)
    )
    changes: set[str] = set()
    before: dict[str, dict] = {}
    for day, steps in enumerate((40, 12, 6), start=1):
        for _ in range(steps):
            step(app, chance)
        with RestServer([app]) as server:
            settings(server, as_of_date=f"2026-09-{day:02}", max_shrink_ratio="0.9")
            runner.load(WorkdayReader.from_config())
        query = (
            "select employee_id, effective_date::varchar, fte_percent, coalesce(annual_base_pay_amount, -1)"
            " from raw_workday.workers where not _is_deleted order by all"
        )
        assert rows(query) == truth(app)
        now = {f"{e['Employee_ID']}/{e['Effective_Date']}": worker_values(e) for e in app.documents("Workers")}
        if day > 1:
            changes = {key for key in before.keys() | now.keys() if before.get(key) != now.get(key)}
            logged = rows(f"select record_key from raw_ops.row_changes where as_of::varchar like '2026-09-{day:02}%'")
            assert {key for (key,) in logged} == changes
        before = now


def worker_values(entry: dict) -> dict:
    """The entry without what is no value."""
    return {name: value for name, value in entry.items() if value not in (None, "")}
