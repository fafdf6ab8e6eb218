"""The capacity report: what the warehouse knows of plan and actual, as a workbook and a CSV that finance can read."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
from openpyxl import Workbook
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

Row = tuple[Any, ...]
MONTH, FTE, CHANGE, PERCENT = "mmm yyyy", "#,##0.0", "+#,##0.0;[Red]-#,##0.0;0.0", "+0.0;[Red]-0.0;0.0"
HEADER_FILL = PatternFill("solid", fgColor="1F3864")
WIDEST = 70
FORMULA_MARKS = ("=", "+", "-", "@")  # a spreadsheet takes a text that starts so for a formula
BY_COST_CENTER = {
    "Month": MONTH, "Company": None, "Cost centre": None, "Planned FTE": FTE, "Actual FTE": FTE, "Variance FTE": CHANGE,
    "Variance %": PERCENT, "FTE without capability": FTE, "Note": None,
}  # fmt: skip
BY_CAPABILITY = {
    "Month": MONTH, "Company": None, "Cost centre": None, "Capability": None, "Planned FTE": FTE, "Actual FTE": FTE,
    "Variance FTE": CHANGE, "Variance %": PERCENT, "Status": None, "Workbook": None,
}  # fmt: skip
UNMAPPED = {
    "What is wrong": None, "What to do": None, "Workbook": None, "Sheet": None, "Cell": None, "Cost centre": None,
    "Capability": None, "Job profile": None, "Shares %": "0.0", "From": MONTH, "To": MONTH, "Months": "0",
    "FTE last month": FTE,
}  # fmt: skip
NOTES = (
    "Planned FTE: the plan of the last workbook that has the month.",
    "Actual FTE: who worked on the last day of the month, by the mapping sheet's shares. Empty until the month ends.",
    "Variance: actual less plan. Below zero (red) are fewer than planned. In percent of the plan.",
    "FTE without capability: workers whom the mapping sheet counts for no capability. Sheet Unmapped says why.",
    "Sheet Unmapped has what stands in workbooks that this month or a later one follows; older ones need no mending.",
    "Status: planned; not planned (the workbook lacks the line); unreadable (the cell is no number).",
)


@dataclass(frozen=True)
class Report:
    """The rows of each sheet, and which workbooks a month follows."""

    by_cost_center: list[Row]
    by_capability: list[Row]
    unmapped: list[Row]
    workbooks: list[str]
    has_workers: bool

    def headline(self) -> list[str]:
        """The newest ended month in total, where it is furthest from the plan, and what has to be mended."""
        ended = [row for row in self.by_cost_center if row[4] is not None and row[3] is not None]
        lines = []
        if ended:
            newest = max(row[0] for row in ended)
            rows = [row for row in ended if row[0] == newest]
            planned, actual = sum(row[3] for row in rows), sum(row[4] for row in rows)
            lines.append(f"{newest:%B %Y}: {planned:,.1f} planned, {actual:,.1f} actual, {actual - planned:+,.1f}")
            furthest = sorted((row for row in rows if row[5]), key=lambda row: -abs(row[5]))[:3]
            lines += [f"  {row[2]}: {row[3]:,.1f} planned, {row[4]:,.1f} actual, {row[5]:+,.1f}" for row in furthest]
        else:
            lines.append("No month with a plan has ended yet.")
        lines.append(f"{len(self.unmapped)} rows to mend: sheet Unmapped" if self.unmapped else "Nothing to mend.")
        return lines


def read_report(connection: duckdb.DuckDBPyConnection, target: str) -> Report:
    """Read the months that are planned, from the built models of a dbt target."""
    marts, intermediate = f"{target}_marts", f"{target}_intermediate"
    capability = connection.execute(
        f"""
        select
            month_start_date, tenant_id, cost_center_id, capability_name, planned_fte, actual_fte, variance_fte,
            variance_percent, plan_status, plan_source_file
        from {marts}.fct_capacity_plan where plan_source_file is not null
        order by month_start_date, tenant_id, cost_center_id, capability_name
        """  # noqa: S608 - the target's name comes from profiles.yml
    ).fetchall()
    cost_center = connection.execute(
        f"""
        with planned as (
            select
                month_start_date, max(tenant_id) as tenant_id, cost_center_id, sum(planned_fte) as planned_fte,
                sum(actual_fte) as actual_fte, sum(variance_fte) as variance_fte,
                count(*) filter (where plan_status = 'unreadable') as unreadable
            from {marts}.fct_capacity_plan where plan_source_file is not null group by month_start_date, cost_center_id
        ), unmapped as (
            select month_start_date, cost_center_id, sum(fte) as fte
            from {intermediate}.int_finance__capacity_actuals
            where capability_code is null and month_start_date in (select month_start_date from planned) group by all
        )
        select
            coalesce(planned.month_start_date, unmapped.month_start_date),
            tenant_id, coalesce(planned.cost_center_id, unmapped.cost_center_id),
            planned_fte, actual_fte, variance_fte, 100 * variance_fte / nullif(planned_fte, 0), unmapped.fte,
            case when unreadable > 0 then unreadable || ' cell(s) of the plan cannot be read' end
        from planned full join unmapped using (month_start_date, cost_center_id)
        order by 1, 2 nulls last, 3
        """  # noqa: S608
    ).fetchall()
    unmapped = connection.execute(
        f"""
        select
            what_is_wrong, remedy, source_file, sheet_name, cell_name, rpt.cost_center_id, rpt.capability_name,
            rpt.job_profile, rpt.share_percent, first_month_date, last_month_date, month_count, last_month.fte
        from {marts}.rpt_capacity_unmapped as rpt
        left join {intermediate}.int_finance__capacity_actuals as last_month
            on last_month.capability_code is null and last_month.month_start_date = rpt.last_month_date
            and last_month.cost_center_id = rpt.cost_center_id and last_month.job_profile = rpt.job_profile
        where rpt.is_in_force
        order by last_month_date desc, issue_code, rpt.cost_center_id, source_file, cell_name
        """  # noqa: S608
    ).fetchall()
    (workers,) = connection.execute(f"select count(*) from {marts}.fct_headcount_monthly").fetchone() or (0,)  # noqa: S608
    return Report(cost_center, capability, unmapped, sorted({row[9] for row in capability}), bool(workers))


def write_report(report: Report, directory: Path) -> list[Path]:
    """Write capacity_plan.xlsx and .csv whole or not at all; returns their paths.

    Raises:
        OSError: the directory cannot be written, or on Windows, the old report is open in Excel.
    """
    directory.mkdir(parents=True, exist_ok=True)
    book = Workbook()
    first = book.active
    first.title = "By cost centre"
    _fill(first, BY_COST_CENTER, report.by_cost_center)
    _fill(book.create_sheet("By capability"), BY_CAPABILITY, report.by_capability)
    _fill(book.create_sheet("Unmapped"), UNMAPPED, report.unmapped)
    _explain(book.create_sheet("How to read this"), report)
    paths = [directory / "capacity_plan.xlsx", directory / "capacity_plan.csv"]
    fresh = [path.with_name(f".{path.name}.part") for path in paths]
    book.save(fresh[0])
    with fresh[1].open("w", encoding="utf-8-sig", newline="") as file:  # Excel needs the mark to read UTF-8
        writer = csv.writer(file)
        writer.writerow(BY_CAPABILITY)
        writer.writerows([_plain(value) for value in row] for row in report.by_capability)
    for part, path in zip(fresh, paths, strict=True):
        part.replace(path)
    return paths


def _fill(sheet: Worksheet, columns: dict[str, str | None], rows: list[Row]) -> None:
    """Header, rows, formats, filter and a header that stays in sight."""
    sheet.append(list(columns))
    for cell in sheet[1]:
        cell.font, cell.fill = Font(bold=True, color="FFFFFF"), HEADER_FILL
        cell.alignment = Alignment(wrap_text=True, vertical="center")
    widths = [len(name) + 3 for name in columns]
    for number, row in enumerate(rows, start=2):
        for column, (value, pattern) in enumerate(zip(row, columns.values(), strict=True), start=1):
            if value is None:
                continue
            cell = sheet.cell(number, column, float(value) if isinstance(value, Decimal) else value)
            if pattern:
                cell.number_format = pattern
            elif isinstance(value, str):
                cell.data_type = "s"  # never a formula, whatever a planner typed
                widths[column - 1] = max(widths[column - 1], min(len(value) + 2, WIDEST))
    for column, width in enumerate(widths, start=1):
        sheet.column_dimensions[get_column_letter(column)].width = max(width, 11)
    sheet.freeze_panes = "B2" if sheet.title == "Unmapped" else "D2"
    sheet.auto_filter.ref = f"A1:{get_column_letter(len(columns))}{max(len(rows) + 1, 2)}"
    sheet.page_setup.orientation, sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight = "landscape", 1, 0
    sheet.sheet_properties.pageSetUpPr.fitToPage = True
    sheet.print_title_rows = "1:1"


def _explain(sheet: Worksheet, report: Report) -> None:
    sheet["A1"] = "Plan against actual headcount, in full-time equivalents"
    sheet["A1"].font = Font(bold=True, size=14)
    for number, text in enumerate((*NOTES, "Workbooks: " + ", ".join(report.workbooks)), start=3):
        sheet.cell(number, 1, text).alignment = Alignment(wrap_text=True, vertical="top")
    sheet.column_dimensions["A"].width = 110


def _plain(value: Any) -> Any:
    if isinstance(value, str) and value.startswith(FORMULA_MARKS):
        return f"'{value}"
    if isinstance(value, date):
        return value.strftime("%Y-%m")
    return f"{value.normalize():f}" if isinstance(value, Decimal) else value
