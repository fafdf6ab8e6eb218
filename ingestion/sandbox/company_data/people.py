"""Workday: workers with effective-dated rows. Sales, payroll, travel and the capacity plan build on them."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ingestion.sandbox.company_data.common import (
    COMPANIES,
    FIRST,
    FUNCTION_SHARES,
    FUNCTIONS,
    LAST,
    Company,
    cents_text,
    cost_center,
    day_text,
    write_jsonl,
)
from ingestion.sandbox.company_data.log import FaultLog, Spoil
from ingestion.sandbox.masters import Chance, cumulated

WORKERS = 1500
COMPANY_SHARES = cumulated([company.share for company in COMPANIES])
# usual annual pay in thousands of the company's currency for the first and the second profile of a function
PAY = {"10": (38, 68), "20": (29, 47), "30": (42, 66), "40": (27, 41), "50": (44, 72), "60": (52, 60), "70": (40, 37),
       "80": (33, 45)}  # fmt: skip
KEYS = ("Employee_ID", "Effective_Date")
FAULTS = (
    Spoil(0.31, "Worker_Status", "Suspended", "a status that is none", "NOT_IN_ALLOWED_VALUES"),
    Spoil(0.52, "FTE", "140.00", "more than full time", "OUT_OF_RANGE"),
    Spoil(0.67, "Cost_Center", None, "a worker without a cost centre", "REQUIRED_MISSING"),
    Spoil(0.12, "Hire_Date", "2021-13-01", "a month that does not exist", "TYPE_MISMATCH"),
    Spoil(0.88, "Annual_Base_Pay", "38k", "text in a decimal", "TYPE_MISMATCH"),
)


@dataclass
class Version:
    """What holds of a worker from a day on; pay in whole units of the company's currency."""

    day: int
    status: str
    profile: int
    function: str
    pay: int
    fte: int


@dataclass
class Worker:
    """A worker with all versions by effective day; the last ones may lie in the future."""

    number: str
    company: Company
    hired: int
    left: int | None
    born: int
    is_contingent: bool
    versions: list[Version] = field(default_factory=list)
    manager: str = ""

    def at(self, day: int) -> Version | None:
        """The version that holds on a day; None before hire and after leaving."""
        place = bisect_right(self.versions, day, key=lambda version: version.day)
        version = self.versions[place - 1] if place else None
        return None if version is None or version.status == "Terminated" else version

    @property
    def function(self) -> str:
        """The function the worker was hired for."""
        return self.versions[0].function


def make_workers(chance: Chance, scale: float) -> list[Worker]:
    """The workers, by number; managers are workers of the same company and function."""
    workers = [_worker(chance, position) for position in range(max(24, round(WORKERS * scale)))]
    managers: dict[tuple[str, str], str] = {}
    for worker in workers:
        team = (worker.company.code, worker.function)
        if worker.left is None and team not in managers:
            managers[team] = worker.number
            for version in worker.versions:
                version.profile = 1
    for worker in workers:
        manager = managers.get((worker.company.code, worker.function), "")
        worker.manager = manager if manager != worker.number else managers.get((COMPANIES[0].code, "50"), "")
    return workers


def _worker(chance: Chance, position: int) -> Worker:
    if position < len(FUNCTIONS) * len(COMPANIES):  # every cost centre has somebody who stays
        company, code = COMPANIES[position % len(COMPANIES)], FUNCTIONS[position // len(COMPANIES)][0]
        hired, left = FIRST - chance.whole(200, 2500), None
    else:
        company = COMPANIES[chance.weighted(COMPANY_SHARES)]
        code = FUNCTIONS[chance.weighted(FUNCTION_SHARES)][0]
        hired = FIRST - chance.whole(0, 3000) if chance.happens(0.62) else chance.whole(FIRST, LAST + 40)
        left = _leaving(chance, hired)
    worker = Worker(
        number=f"W{position + 1:05d}",
        company=company,
        hired=hired,
        left=left,
        born=hired - 365 * chance.whole(19, 55) - chance.whole(0, 364),
        is_contingent=code in ("20", "40", "60") and chance.happens(0.12),
    )
    worker.versions = _versions(chance, worker, code)
    return worker


def _leaving(chance: Chance, hired: int) -> int | None:
    """The last day; about one in ten leaves a year. A few are known before they happen."""
    if not chance.happens(0.27):
        return None
    start = max(hired, FIRST) + 60
    return chance.whole(start, LAST + 60) if start < LAST else None


def _versions(chance: Chance, worker: Worker, function: str) -> list[Version]:
    profile = 1 if chance.happens(0.18) else 0
    pay = int(PAY[function][profile] * 1000 * (0.85 + 0.3 * chance.draw())) // 50 * 50
    fte = 100 if chance.happens(0.86) else chance.one((50, 60, 80))
    current = Version(worker.hired, "Active", profile, function, pay, fte)
    found = [current]
    day = max(worker.hired, FIRST) + chance.whole(60, 420)
    until = worker.left if worker.left is not None else LAST + 75
    while day < until:
        current = Version(day, "Active", current.profile, current.function, current.pay, current.fte)
        kind = chance.draw()
        if kind < 0.62:
            current.pay = int(current.pay * (1.02 + 0.04 * chance.draw())) // 50 * 50
        elif kind < 0.74:
            current.profile, current.pay = 1, int(current.pay * 1.12) // 50 * 50
        elif kind < 0.84:
            current.fte = chance.one((50, 60, 80, 100))
        elif kind < 0.92 and function not in ("10",):
            current.function = FUNCTIONS[chance.weighted(FUNCTION_SHARES)][0]
        else:
            found.append(Version(day, "On Leave", current.profile, current.function, current.pay, current.fte))
            day += chance.whole(20, 200)
            if day >= until:
                break
            current.day = day
        found.append(current)
        day += chance.whole(330, 640)
    if worker.left is not None:
        last = found[-1]
        found.append(Version(worker.left + 1, "Terminated", last.profile, last.function, last.pay, last.fte))
    return found


def write_workers(path: Path, workers: list[Worker], log: FaultLog) -> None:
    """The Workers report: one entry for each worker and effective date."""
    records = [_entry(worker, version) for worker in workers for version in worker.versions]
    log.spoil("workday", "workers", records, KEYS, FAULTS)
    write_jsonl(path, records)


def _entry(worker: Worker, version: Version) -> dict[str, Any]:
    profiles = next(profiles for code, _, _, profiles, _ in FUNCTIONS if code == version.function)
    entry = {
        "Employee_ID": worker.number,
        "Effective_Date": day_text(version.day),
        "Worker": f"Worker {worker.number[1:]}",
        "Worker_Type": "Contingent Worker" if worker.is_contingent else "Employee",
        "Worker_Status": version.status,
        "Business_Title": profiles[version.profile],
        "Job_Profile": profiles[version.profile],
        "Management_Level": "Manager" if version.profile else "Individual Contributor",
        "Cost_Center": cost_center(worker.company, version.function),
        "Company": worker.company.code,
        "Location": worker.company.location,
        "Country_ISO": worker.company.country,
        "Manager_ID": worker.manager,
        "FTE": f"{version.fte}.00",
        "Annual_Base_Pay": cents_text(version.pay * 100),
        "Pay_Currency": worker.company.currency,
        "Hire_Date": day_text(worker.hired),
        "Termination_Date": day_text(worker.left) if version.status == "Terminated" and worker.left else "",
        "Date_of_Birth": day_text(worker.born),
    }
    return {name: value for name, value in entry.items() if value != ""}  # the report leaves out what is empty
