"""Headcount and capacity against a count by hand, day by day, on random histories of workers and workbooks."""

from __future__ import annotations

from calendar import monthrange
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from harness import Warehouse
from test_incremental import seeds

Row = dict[str, Any]
FIRST, LAST = date(2024, 1, 1), date(2024, 12, 31)
CENTERS, PROFILES, CAPABILITIES = ("C1", "C2", "C3"), ("Maker", "Boss", "Carer"), ("Making", "Caring", "Planning")
BUILD = (
    "build", "--select", "+fct_headcount_monthly", "+fct_capacity_plan", "+rpt_capacity_unmapped",
    "capacity_counts_every_active_worker", "headcount_rolls_forward",
    "--exclude", "test_type:unit", "path:models/staging,resource_type:test",
    "--indirect-selection", "cautious",
)  # fmt: skip


def entries(random: Random, number: int) -> list[Row]:
    """The dated entries of a worker: hired, changed, perhaps gone, sometimes on the last day of a month."""
    day = FIRST + timedelta(days=random.randint(-400, 250))
    rows, hired = [], day
    state = {"cost_center": random.choice(CENTERS), "job_profile": random.choice(PROFILES), "fte_percent": 100}
    while True:
        rows.append(
            {
                "employee_id": f"W{number}",
                "effective_date": day,
                "worker_status": "Active",
                "company": "GB10",
                "worker_type": "Employee",
                "hire_date": hired,
                **state,
            }  # fmt: skip
        )
        change = random.random()
        day += timedelta(days=random.randint(1, 150))
        if day > LAST or change < 0.2:
            break
        if change < 0.4:
            state = {**state, "cost_center": random.choice(CENTERS)}
        elif change < 0.6:
            state = {**state, "fte_percent": random.choice([50, 62.5, 80])}
        elif change < 0.7:
            rows[-1]["worker_status"] = "On Leave"
        else:
            state = {**state, "job_profile": random.choice(PROFILES)}
    if change < 0.2:
        last = date(day.year, day.month, monthrange(day.year, day.month)[1]) if random.random() < 0.4 else day
        rows.append(
            {
                **rows[-1],
                "effective_date": last + timedelta(days=1),
                "worker_status": "Terminated",
                "termination_date": last,
            }  # fmt: skip
        )
    return rows


def state_on(rows: list[Row], day: date) -> Row | None:
    """What holds of a worker on a day; None before and after employment."""
    valid = sorted((row for row in rows if not row.get("_is_deleted")), key=lambda row: row["effective_date"])
    found = None
    for row in valid:
        if row["effective_date"] <= day or (row is valid[0] and row["hire_date"] <= day):
            found = row
    return None if found is None or found["worker_status"] == "Terminated" else found


def month_ends() -> list[date]:
    return [date(2024, month, monthrange(2024, month)[1]) for month in range(1, 13)]


def count_by_hand(workers: list[list[Row]], shares: list[Row]) -> tuple[dict[Any, Any], dict[Any, Decimal], Decimal]:
    """Headcount by worker and month, actual by month, cost centre and capability, and what no capability takes."""
    months: dict[Any, Any] = {}
    actual: dict[Any, Decimal] = defaultdict(Decimal)
    unmapped = Decimal(0)
    for rows in workers:
        for end in month_ends():
            before = end.replace(day=1) - timedelta(days=1)
            days = [before + timedelta(days=n) for n in range((end - before).days + 1)]
            if all(state_on(rows, day) is None for day in days):
                continue
            then, now = state_on(rows, before), state_on(rows, end)
            fte = Decimal(str(now["fte_percent"])) / 100 if now and now["worker_status"] == "Active" else Decimal(0)
            moved = bool(then and now and then["cost_center"] != now["cost_center"])
            months[rows[0]["employee_id"], end] = (now is not None, then is None, now is None, moved, fte)
            if not fte or now is None:
                continue
            taken = Decimal(0)
            for share in shares:
                if (share["cost_center"], share["job_profile"]) == (now["cost_center"], now["job_profile"]):
                    part = fte * Decimal(str(share["share_percent"])) / 100
                    actual[end, now["cost_center"], share["capability"].lower()] += part
                    taken += part
            unmapped += fte - taken
    return months, actual, unmapped


def check(warehouse: Warehouse, workers: list[list[Row]], shares: list[Row], plan: list[Row], stamp: datetime) -> None:
    warehouse.clear("workers", source="workday")
    warehouse.land("workers", [row for rows in workers for row in rows], stamp, source="workday")
    warehouse.clear("capability_mapping", "planned_headcount", source="capacity_plan")
    warehouse.land("capability_mapping", shares, stamp, source="capacity_plan")
    warehouse.land("planned_headcount", plan, stamp, source="capacity_plan")
    warehouse.dbt(*BUILD)
    months, actual, unmapped = count_by_hand(workers, shares)
    found = {
        (worker, end): tuple(rest)
        for worker, end, *rest in warehouse.query(
            "select employee_id, month_end_date, is_employed, is_joiner, is_leaver, is_mover, active_fte "
            "from dev_marts.fct_headcount_monthly where extract(year from month_end_date) = 2024"
        )
    }
    assert found == months
    facts = {
        (end, center, capability): fte
        for end, center, capability, fte in warehouse.query(
            "select month_end_date, cost_center_id, lower(capability_name), actual_fte "
            "from dev_marts.fct_capacity_plan where actual_fte <> 0 and extract(year from month_end_date) = 2024"
        )
    }
    assert facts == {key: fte for key, fte in actual.items() if fte}
    ((left,),) = warehouse.query(
        "select coalesce(sum(fte), 0) from dev_intermediate.int_finance__capacity_actuals "
        "where capability_code is null and extract(year from month_end_date) = 2024"
    )
    assert left == unmapped


@pytest.mark.parametrize("seed", seeds(1))
def test_headcount_and_capacity_equal_a_count_by_hand(warehouse: Warehouse, seed: int) -> None:
    print(f"STRATA_SEED={seed}")
    random = Random(seed)
    workers = [entries(random, number) for number in range(25)]
    workers.append(  # leaves on the last day of February, after a change that is rescinded later
        [
            {
                "employee_id": "W-last",
                "effective_date": day,
                "worker_status": status,
                "company": "GB10",
                "cost_center": center,
                "job_profile": "Maker",
                "fte_percent": 100,
                "hire_date": date(2023, 5, 1),
            }
            for day, status, center in (
                (date(2023, 5, 1), "Active", "C1"),
                (date(2024, 1, 15), "Active", "C2"),
                (date(2024, 3, 1), "Terminated", "C2"),
            )
        ]  # fmt: skip
    )
    book = {"_source_file": "book.xlsx"}
    shares = [
        {**book, "cost_center": center, "job_profile": profile, "capability": capability, "share_percent": share}
        for center in CENTERS for profile in PROFILES for capability, share in (
            (random.choice(CAPABILITIES[:2]), random.choice([100, 60, 33.3333])),
            ("Planning", random.choice([40, 66.6667])),
        ) if (center, profile) != ("C3", "Carer")
    ]  # fmt: skip
    for number, row in enumerate(shares):
        row["_source_ref"] = f"book.xlsx!Capability mapping!A{number + 5}"
    plan = [
        {
            **book, "cost_center": center, "capability": "Making", "plan_month": date(2024, month, 1), "planned_fte": 3,
            "_source_ref": f"book.xlsx!Headcount plan!{center}{month}",
        }
        for center in CENTERS for month in range(2, 13)
    ]  # fmt: skip
    stamp = datetime.now(UTC) - timedelta(days=3)
    check(warehouse, workers, shares, plan, stamp)

    for rows in workers:  # a later day: changes are rescinded, others come dated back
        for row in rows[1:]:
            if row["worker_status"] == "Active" and (rows[0]["employee_id"] == "W-last" or random.random() < 0.3):
                row["_is_deleted"] = True
    check(warehouse, workers, shares, plan, stamp + timedelta(days=1))
