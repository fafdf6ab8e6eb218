"""Capacity plan: quarterly workbooks as planners write them: titles, merged cells, months as columns, totals."""

from __future__ import annotations

import io
import re
import zipfile
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from openpyxl import Workbook
from openpyxl.styles import Font
from openpyxl.worksheet.worksheet import Worksheet

from ingestion.sandbox.company_data.common import COMPANIES, FUNCTIONS, LAST, cost_center, day_text, month_ends
from ingestion.sandbox.company_data.log import FaultLog
from ingestion.sandbox.company_data.people import Worker
from ingestion.sandbox.masters import Chance

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
HEADCOUNT, MAPPING = "Headcount plan", "Capability mapping"
PLAN_MONTHS = 12
SECOND = {"Production": "Process automation", "Technology": "Process automation", "Sales": "Client care"}
STAMP = (1980, 1, 1, 0, 0, 0)


def write_capacity_plans(directory: Path, workers: Sequence[Worker], chance: Chance, log: FaultLog) -> None:
    """One workbook a quarter, each with the plan of the twelve months from the quarter's start."""
    starts = [day + 1 for day in month_ends()[2::3] if day < LAST]
    directory.mkdir(parents=True, exist_ok=True)
    for place, start in enumerate(starts):
        text = day_text(start)
        name = f"capacity_plan_{text[:4]}Q{(int(text[5:7]) + 2) // 3}.xlsx"
        book = Workbook()
        plan = book.active
        plan.title = HEADCOUNT
        _headcount(plan, workers, start, chance)
        _mapping(book.create_sheet(MAPPING))
        if place == len(starts) - 1:
            _spoil(plan, log)
        (directory / name).write_bytes(repeatable(book))


def _month_names(start: int) -> list[str]:
    year, month = int(day_text(start)[:4]), int(day_text(start)[5:7]) - 1
    return [f"{MONTHS[(month + n) % 12]} {year + (month + n) // 12}" for n in range(PLAN_MONTHS)]


def _title(sheet: Worksheet, title: str, note: str, header: list[str]) -> None:
    """Title on row 1, a note on row 2, nothing on row 3, the header on row 4."""
    sheet["A1"], sheet["A2"] = title, note
    sheet["A1"].font = Font(bold=True, size=14)
    sheet.append([])
    for column, text in enumerate(header, start=1):
        sheet.cell(4, column, text).font = Font(bold=True)


def _headcount(sheet: Worksheet, workers: Sequence[Worker], start: int, chance: Chance) -> None:
    months = _month_names(start)
    _title(sheet, "Capacity plan", f"Status {day_text(start)}, full-time equivalents", [
        "Cost centre", "Capability", *months])  # fmt: skip
    staff: dict[str, float] = defaultdict(float)
    for worker in workers:
        version = worker.at(start)
        if version and version.status == "Active":
            staff[cost_center(worker.company, version.function)] += version.fte / 100
    row, grand = 5, [0.0] * PLAN_MONTHS
    for company in COMPANIES:
        total = [0.0] * PLAN_MONTHS
        for code, name, capability, *_ in FUNCTIONS:
            center = cost_center(company, code)
            split = {capability: 0.85, SECOND[name]: 0.15} if name in SECOND else {capability: 1.0}
            first = row
            for target, share in split.items():
                base, growth = staff[center] * share, 0.002 + 0.008 * chance.draw()
                values = [round(base * (1 + growth * month), 1) for month in range(PLAN_MONTHS)]
                _put(sheet, row, [center if row == first else None, target, *values])
                total = [a + b for a, b in zip(total, values, strict=True)]
                row += 1
            if row - first > 1:
                sheet.merge_cells(start_row=first, end_row=row - 1, start_column=1, end_column=1)
        _put(sheet, row, [f"Subtotal {company.code}", None, *[round(value, 1) for value in total]])
        grand = [a + b for a, b in zip(grand, total, strict=True)]
        row += 1
    _put(sheet, row, ["Total", None, *[round(value, 1) for value in grand]])


def _put(sheet: Worksheet, row: int, values: list[object]) -> None:
    for column, value in enumerate(values, start=1):
        if value is not None:
            sheet.cell(row, column, value)


def _mapping(sheet: Worksheet) -> None:
    _title(sheet, "Capability mapping", "Share of a job profile that counts", [
        "Cost centre", "Job profile", "Capability", "Share %"])  # fmt: skip
    row = 5
    for company in COMPANIES:
        for code, _, capability, profiles, _ in FUNCTIONS:
            first = row
            for profile, share in zip(profiles, (100, 60), strict=True):
                center = cost_center(company, code) if row == first else None
                _put(sheet, row, [center, profile, capability, share])
                row += 1
            sheet.merge_cells(start_row=first, end_row=row - 1, start_column=1, end_column=1)


def _spoil(sheet: Worksheet, log: FaultLog) -> None:
    """Cells that are no numbers a plan can hold, in the newest workbook."""
    for row, column, value, fault, code in (
        (6, 5, "tbd", "text in a number", "TYPE_MISMATCH"),
        (9, 8, -2, "a negative headcount", "OUT_OF_RANGE"),
    ):
        above = next(sheet.cell(r, 1).value for r in range(row, 4, -1) if sheet.cell(r, 1).value)
        sheet.cell(row, column, value)
        key = {
            "Cost centre": str(above),
            "Capability": str(sheet.cell(row, 2).value),
            "month": str(sheet.cell(4, column).value),
        }
        log.add("capacity_plan", "planned_headcount", key, fault, f"{code}:value", "value", value)


def repeatable(book: Workbook) -> bytes:
    """The workbook without its times of writing, and stored without compression, whose result differs by build."""
    buffer = io.BytesIO()
    book.properties.creator = "sandbox"
    book.properties.created = datetime(2023, 10, 1)  # noqa: DTZ001 - openpyxl writes naive UTC
    book.save(buffer)
    fixed = io.BytesIO()
    with zipfile.ZipFile(buffer) as old, zipfile.ZipFile(fixed, "w", zipfile.ZIP_STORED) as new:
        for name in sorted(old.namelist()):
            content = old.read(name)
            if name == "docProps/core.xml":
                content = re.sub(rb"(<dcterms:modified[^>]*>)[^<]*", rb"\g<1>2023-10-01T00:00:00Z", content)
            entry = zipfile.ZipInfo(name, STAMP)
            entry.create_system = 3
            new.writestr(entry, content)
    return fixed.getvalue()
