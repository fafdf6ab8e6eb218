"""CSV, XLSX and HTML of a partner bank's weekly report. What they say of a closed week is the same bytes each time."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from html import escape
from pathlib import Path
from typing import Any

from openpyxl import Workbook
from openpyxl.styles import Alignment, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from tools.report_files import heading, plain, without_clock, write_together

Row = tuple[Any, ...]
COUNT, POUNDS, CHANGE, SHARE, POINTS = "#,##0", "#,##0", "+#,##0;[Red]-#,##0;0", "0.0%", "+0.0%;[Red]-0.0%;0.0%"
URGENT = {1: "F8CBAD", 2: "FCE4D6", 3: "FFF2CC", 4: "E2EFDA"}
WIDEST = 60


@dataclass(frozen=True)
class Column:
    """A column of the report: its heading, number format and what it means."""

    label: str
    pattern: str | None
    meaning: str


COLUMNS = {
    "action_rank": Column("No.", COUNT, "Order in which to act: by urgency, then by what is at stake."),
    "urgency": Column("Urgency", COUNT, "1 lost, 2 at risk since this week, 3 still at risk, 4 new or back, "
                      "5 declared only, 6 stays, 7 a single payment."),
    "suggested_action": Column("Action", None, "What to do first."),
    "client_id": Column("Client", None, "Number of the client in Emerald."),
    "client_name": Column("Name", None, "Legal name as it was at week end."),
    "country_code": Column("Country", None, "Country of the client."),
    "industry_name": Column("Industry", None, "Industry of the client."),
    "client_status": Column("Status of client", None, "Prospect, active, dormant or offboarded, at week end."),
    "status_change": Column("Change", None, "Against the week before: new, retained, lost, reactivated (was one in an "
                            "earlier week), none."),
    "evidence": Column("Evidence", None, "Why the client counts: a relationship active on Sunday; else two or more "
                       "payments in 13 weeks; else the bank is declared as its main bank."),
    "confidence": Column("Confidence", "0.0", "1.0 for a relationship, 0.8 for payments, 0.5 for a declaration."),
    "is_partner_client": Column("Client of the bank", None, "There is any evidence."),
    "is_at_risk": Column("At risk", None, "Retained, and the share of payments fell by 30 percent or more of itself, "
                         "or no payment for 28 days after four or more in the 13 weeks before those."),
    "tenure_days": Column("Tenure, days", COUNT, "From the first day of the oldest active relationship to Sunday."),
    "product_count": Column("Products", COUNT, "Different products of the active relationships."),
    "balance_gbp": Column("Balance, GBP", POUNDS, "Last known balances of the active relationships; empty when none "
                          "is known."),
    "balance_change_gbp": Column("Balance, change", CHANGE, "Against the week before."),
    "balance_band": Column("Balance, range", None, "Range of the balance in pounds, or overdrawn."),
    "payment_count_13w": Column("Payments, 13 weeks", COUNT, "Executed payments over the bank's BICs in 13 weeks up to "
                                "Sunday."),
    "payment_count_change": Column("Payments, change", CHANGE, "Against the 13 weeks up to the Sunday before."),
    "payment_amount_13w_gbp": Column("Paid, GBP", POUNDS, "Amount of these payments, in and out added up, at the rate "
                                     "of each payment's month."),
    "payment_amount_change_gbp": Column("Paid, change", CHANGE, "Against the 13 weeks up to the Sunday before."),
    "wallet_share_13w": Column("Share of payments", SHARE, "Paid through this bank over paid through all banks; empty "
                               "for a client without payments."),
    "weekly_share_change": Column("Share, week", POINTS, "In points, against the week before."),
    "wallet_share_change": Column("Share, 13 weeks", POINTS, "In points, against the 13 weeks before."),
    "at_stake_gbp": Column("At stake, GBP", POUNDS, "Balance and payments, the larger of this week's and last week's."),
}  # fmt: skip


@dataclass(frozen=True)
class Totals:
    """A bank group in one week."""

    week: str
    clients: int
    at_risk: int
    new: int
    lost: int
    balance: Decimal
    payments: Decimal


@dataclass(frozen=True)
class Report:
    """One bank group in one week: rows in the order of COLUMNS, and the totals of the weeks up to it, oldest first."""

    bank_group: str
    bank_name: str
    week: str
    monday: date
    sunday: date
    rows: list[Row]
    trend: list[Totals]

    @property
    def totals(self) -> Totals | None:
        """This week's totals; None when no client has a row."""
        return self.trend[-1] if self.trend and self.trend[-1].week == self.week else None

    def records(self) -> list[dict[str, Any]]:
        """The rows with names."""
        return [dict(zip(COLUMNS, row, strict=True)) for row in self.rows]

    @staticmethod
    def plain(value: Any) -> str:
        """A value as it stands in the CSV."""
        return plain(value)


def write_files(report: Report, written_at: datetime, lines: tuple[str, ...], directory: Path) -> list[Path]:
    """Write the three files whole or not at all; returns their paths.

    Raises:
        OSError: the directory cannot be written, or on Windows, an old report is open in Excel.
    """
    delivery = (f"Written {written_at:%Y-%m-%d %H:%M:%S} UTC.", *lines)
    contents = {
        "csv": _csv(report).encode("utf-8-sig"),  # Excel needs the mark to read UTF-8
        "xlsx": _xlsx(report, delivery),
        "html": _html(report, delivery).encode(),
    }
    return write_together({directory / f"{report.week}.{ending}": content for ending, content in contents.items()})


def _csv(report: Report) -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    writer.writerows([report.plain(value) for value in row] for row in report.rows)
    return text.getvalue()


def _xlsx(report: Report, delivery: tuple[str, ...]) -> bytes:
    book = Workbook()
    clients = book.active
    clients.title = "Clients"
    _fill_clients(clients, report)
    _fill_weeks(book.create_sheet("Weeks"), report)
    _fill_definitions(book.create_sheet("Definitions"), report)
    _fill_delivery(book.create_sheet("Delivery"), delivery)
    buffer = io.BytesIO()
    book.save(buffer)
    return without_clock(buffer.getvalue(), report.sunday)


def _fill_clients(sheet: Worksheet, report: Report) -> None:
    """One row a client, coloured by urgency, with a header and names that stay in sight."""
    heading(sheet, [column.label for column in COLUMNS.values()])
    widths = [max(len(column.label) // 2 + 4, 9) for column in COLUMNS.values()]
    urgency = list(COLUMNS).index("urgency")
    for number, row in enumerate(report.rows, start=2):
        fill = URGENT.get(row[urgency])
        for place, (value, column) in enumerate(zip(row, COLUMNS.values(), strict=True)):
            cell = sheet.cell(number, place + 1)
            if isinstance(value, bool):
                cell.value = "yes" if value else "no"
            elif value is not None:
                cell.value = float(value) if isinstance(value, Decimal) else value
            if isinstance(value, str):
                cell.data_type = "s"  # never a formula, whatever a client calls itself
                widths[place] = max(widths[place], min(len(value) + 2, WIDEST))
            if column.pattern:
                cell.number_format = column.pattern
            if fill and place < 5:
                cell.fill = PatternFill("solid", fgColor=fill)
    for place, width in enumerate(widths, start=1):
        sheet.column_dimensions[get_column_letter(place)].width = max(width, 11 if place > 2 else 8)
    sheet.freeze_panes = "F2"
    sheet.auto_filter.ref = f"A1:{get_column_letter(len(COLUMNS))}{max(len(report.rows) + 1, 2)}"


def _fill_weeks(sheet: Worksheet, report: Report) -> None:
    heading(sheet, ["Week", "Clients", "At risk", "New or back", "Lost", "Balance, GBP", "Paid in 13 weeks, GBP"])
    for one in report.trend:
        sheet.append([one.week, one.clients, one.at_risk, one.new, one.lost, float(one.balance), float(one.payments)])
        for cell in sheet[sheet.max_row][1:]:
            cell.number_format = POUNDS
    for place in range(1, 8):
        sheet.column_dimensions[get_column_letter(place)].width = 16
    sheet.freeze_panes = "B2"


def _fill_definitions(sheet: Worksheet, report: Report) -> None:
    heading(sheet, ["Column", "Name in the CSV", "What it means"])
    for name, column in COLUMNS.items():
        sheet.append([column.label, name, column.meaning])
    sheet.append([])
    for text in _explanations(report):
        sheet.append(["", "", text])
    for letter, width in (("A", 22), ("B", 28), ("C", 110)):
        sheet.column_dimensions[letter].width = width
    for row in sheet.iter_rows(min_row=2):
        row[2].alignment = Alignment(wrap_text=True, vertical="top")
    sheet.freeze_panes = "A2"


def _fill_delivery(sheet: Worksheet, delivery: tuple[str, ...]) -> None:
    """The header that differs each time. Its texts stand in the sheet itself: no other part of the file moves."""
    for number, text in enumerate(delivery, start=1):
        cell = sheet.cell(number, 1, text)
        cell.data_type = "inlineStr"
        cell.alignment = Alignment(wrap_text=True, vertical="top")
    sheet.column_dimensions["A"].width = 120


def _explanations(report: Report) -> tuple[str, ...]:
    return (
        f"{report.bank_name}, week {report.week}: {report.monday} (Monday) to {report.sunday} (Sunday, 23:59:59 UTC).",
        "Relationships and declared banks count as known when the week ended; payments and balances by their day.",
        "The last four complete weeks may still be restated; older weeks are closed.",
        "Amounts in pounds at the group's rate of the month.",
    )


STYLE = """
body{font:15px/1.45 system-ui,-apple-system,'Segoe UI',Arial,sans-serif;color:#1b1f27;margin:0 auto;padding:24px;
max-width:1180px}
h1{font-size:26px;margin:0 0 2px}h2{font-size:18px;margin:30px 0 8px}.sub{color:#5a6372;margin:0 0 18px}
.tiles{display:flex;flex-wrap:wrap;gap:12px}.tile{border:1px solid #d9dee7;border-radius:8px;padding:10px 16px;
min-width:128px}
.tile b{display:block;font-size:24px}.tile span{color:#5a6372;font-size:13px}
.charts{display:flex;flex-wrap:wrap;gap:28px;margin-top:26px}figure{margin:0}figcaption{font-weight:600;margin-bottom:4px}
.scroll{overflow-x:auto}table{border-collapse:collapse;font-size:13px;width:100%}
th,td{padding:5px 9px;border-bottom:1px solid #e4e8ef;text-align:left;white-space:nowrap}
th{background:#1f3864;color:#fff;position:sticky;top:0}td.n{text-align:right;font-variant-numeric:tabular-nums}
tr.u1 td:first-child{border-left:5px solid #c0392b}tr.u2 td:first-child{border-left:5px solid #e67e22}
tr.u3 td:first-child{border-left:5px solid #f1c40f}tr.u4 td:first-child{border-left:5px solid #27ae60}
header.delivery{background:#f3f5f9;border-radius:8px;padding:8px 16px;margin-bottom:20px;font-size:13px;color:#414a5a}
dl{display:grid;grid-template-columns:max-content 1fr;gap:4px 16px;font-size:13px}dt{font-weight:600}dd{margin:0}
@media print{th{position:static}body{padding:0}}
"""
SHOWN = (
    "action_rank", "suggested_action", "client_id", "client_name", "status_change", "evidence", "tenure_days",
    "product_count", "balance_gbp", "balance_change_gbp", "payment_count_13w", "payment_amount_13w_gbp",
    "wallet_share_13w", "weekly_share_change", "wallet_share_change", "at_stake_gbp",
)  # fmt: skip


def _html(report: Report, delivery: tuple[str, ...]) -> str:
    title = f"{escape(report.bank_name)}: clients in week {report.week}"
    head = "".join(f"<div>{escape(line)}</div>" for line in delivery)
    body = [
        "<!doctype html>",
        f'<html lang="en"><head><meta charset="utf-8"><title>{title}</title>',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<style>{STYLE}</style></head><body>",
        f'<header class="delivery">{head}</header>',
        f'<h1>{title}</h1><p class="sub">{report.monday:%d %B} to {report.sunday:%d %B %Y}</p>',
        f'<div class="tiles">{_tiles(report)}</div>',
        '<div class="charts">',
        _bars("Clients, and those at risk (orange)", [(t.week, t.clients, t.at_risk) for t in report.trend]),
        _bars("Paid in 13 weeks, thousand GBP", [(t.week, float(t.payments) / 1000, 0) for t in report.trend]),
        _bands(report),
        "</div>",
        "<h2>Who to call first</h2>",
        _table(report),
        "<h2>What the columns mean</h2><dl>",
        *(f"<dt>{escape(COLUMNS[name].label)}</dt><dd>{escape(COLUMNS[name].meaning)}</dd>" for name in SHOWN),
        "</dl>",
        *(f"<p>{escape(text)}</p>" for text in _explanations(report)),
        "</body></html>",
    ]
    return "\n".join(body) + "\n"


def _tiles(report: Report) -> str:
    now = report.totals
    if now is None:
        return "<p>No client of this group has any evidence in this week.</p>"
    before = report.trend[-2] if len(report.trend) > 1 else None
    figures = (
        ("clients", now.clients, before and before.clients), ("at risk", now.at_risk, before and before.at_risk),
        ("new or back", now.new, None), ("lost", now.lost, None),
        ("balance, GBP", now.balance, before and before.balance),
        ("paid in 13 weeks, GBP", now.payments, before and before.payments),
    )  # fmt: skip
    tiles = []
    for label, value, last in figures:
        change = "" if last is None else f" ({value - last:+,.0f} in a week)"
        tiles.append(f'<div class="tile"><b>{value:,.0f}</b><span>{label}{change}</span></div>')
    return "".join(tiles)


def _bars(caption: str, points: list[tuple[str, float, float]]) -> str:
    """A bar for each week, the second figure as its dark part; drawn in the page itself."""
    width, height, low = 500, 170, 26
    top = max([value for _, value, _ in points] + [1])
    step = width / max(len(points), 1)
    drawn = []
    for place, (label, value, part) in enumerate(points):
        tall, dark = (height - low - 16) * value / top, (height - low - 16) * part / top
        left, wide = place * step + 3, step - 6
        tip = f"{label}: {value:,.0f}" + (f", of these {part:,.0f}" if part else "")
        drawn.append(
            f'<g><title>{escape(tip)}</title><rect x="{left:.1f}" y="{height - low - tall:.1f}" width="{wide:.1f}" '
            f'height="{tall:.1f}" fill="#4472c4"/><rect x="{left:.1f}" y="{height - low - dark:.1f}" '
            f'width="{wide:.1f}" height="{dark:.1f}" fill="#e67e22"/>'
            f'<text x="{left + wide / 2:.1f}" y="{height - low - tall - 4:.1f}" text-anchor="middle" font-size="10">'
            f"{value:,.0f}</text>"
            f'<text x="{left + wide / 2:.1f}" y="{height - 10}" text-anchor="middle" font-size="10">{label[5:]}'
            "</text></g>"
        )
    return _figure(caption, width, height, "".join(drawn))


def _bands(report: Report) -> str:
    """Clients by range of balance, as bars that lie."""
    bands = ("overdrawn", "below 10k", "10k to 100k", "100k to 1m", "1m and more", "not known")
    records = [row for row in report.records() if row["is_partner_client"]]
    counts = [sum((row["balance_band"] or "not known") == band for row in records) for band in bands]
    drawn, top = [], max([*counts, 1])
    for place, (band, count) in enumerate(zip(bands, counts, strict=True)):
        y, wide = place * 26 + 4, 240 * count / top
        drawn.append(
            f'<text x="92" y="{y + 14}" text-anchor="end" font-size="12">{band}</text>'
            f'<rect x="100" y="{y}" width="{wide:.1f}" height="18" fill="#4472c4"/>'
            f'<text x="{106 + wide:.1f}" y="{y + 14}" font-size="12">{count}</text>'
        )
    return _figure("Clients by balance, GBP", 400, 164, "".join(drawn))


def _figure(caption: str, width: int, height: int, drawn: str) -> str:
    return (
        f"<figure><figcaption>{escape(caption)}</figcaption>"
        f'<svg role="img" aria-label="{escape(caption)}" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}">{drawn}</svg></figure>'
    )


def _table(report: Report) -> str:
    heads = "".join(f"<th>{escape(COLUMNS[name].label)}</th>" for name in SHOWN)
    rows = []
    for record in report.records():
        cells = "".join(_cell(record[name], COLUMNS[name].pattern) for name in SHOWN)
        rows.append(f'<tr class="u{record["urgency"]}">{cells}</tr>')
    return (
        f'<div class="scroll"><table><thead><tr>{heads}</tr></thead><tbody>\n'
        + "\n".join(rows)
        + "</tbody></table></div>"
    )


def _cell(value: Any, pattern: str | None) -> str:
    if pattern is None:
        return f"<td>{escape('' if value is None else str(value))}</td>"
    if value is None:
        return '<td class="n"></td>'
    signs = "+" if pattern in (CHANGE, POINTS) else ""
    text = f"{100 * value:{signs}.1f} %" if pattern in (SHARE, POINTS) else f"{value:{signs},.0f}"
    return f'<td class="n">{text}</td>'
