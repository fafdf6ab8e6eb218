"""CSV, XLSX and PDF of the quarterly figures for investors. The same figures are the same bytes each time."""

from __future__ import annotations

import csv
import io
import textwrap
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from html import escape
from pathlib import Path
from typing import Any

import vl_convert
from openpyxl import Workbook
from openpyxl.styles import Alignment, Font, PatternFill

from tools.investor_figures import COUNT, GBP, GROUP, GROWTH, PERCENT, SECONDS, UNDEFINED
from tools.report_files import heading, plain, without_clock, write_together

PATTERNS = {
    GBP: "#,##0;[Red]-#,##0;0",
    COUNT: "#,##0",
    PERCENT: '0.0" %"',
    GROWTH: "+0.0%;[Red]-0.0%;0.0%",
    SECONDS: "#,##0",
}
RESTATED = "FFE699"
COLUMNS = (
    "quarter", "section", "figure", "label", "unit", "company", "value", "quarter_before", "restated_from",
    "restated_by", "quarter_before_restated_from", "as_of", "definition",
)  # fmt: skip
WIDTH, HEIGHT, MARGIN = 595, 842, 32  # A4 in points
QUARTER_MORE = "0.25 is a quarter more"  # as the metrics and marts say it
FONT = "Liberation Sans, Arial, Helvetica, sans-serif"


@dataclass(frozen=True)
class Line:
    """A figure of a company or the group.

    Attributes:
        restated_from: what was delivered for this quarter before, where that is another value; as it stands in the CSV.
        before_restated_from: the same of the quarter before, in the file of that quarter.
    """

    section: str
    figure: str
    label: str
    unit: str
    company: str
    value: Any
    before: Any
    definition: str
    restated_from: str | None = None
    before_restated_from: str | None = None

    @property
    def restated_by(self) -> Decimal | None:
        """Now less before; None where either is undefined."""
        if self.restated_from in (None, UNDEFINED) or self.value is None:
            return None
        return Decimal(self.value) - Decimal(self.restated_from)


@dataclass(frozen=True)
class Report:
    """One quarter."""

    quarter: str
    first_day: date
    last_day: date
    as_of: datetime
    companies: list[str]
    lines: list[Line]
    notes: list[str]

    @property
    def restated(self) -> list[Line]:
        """Lines that differ from what was delivered, of this quarter or the one before."""
        return [line for line in self.lines if line.restated_from is not None or line.before_restated_from is not None]


def write_files(report: Report, directory: Path) -> list[Path]:
    """Write the three files; returns their paths.

    Raises:
        OSError: the directory cannot be written.
    """
    contents = {
        "csv": _csv(report).encode("utf-8-sig"),  # Excel needs the mark to read UTF-8
        "xlsx": _xlsx(report),
        "pdf": vl_convert.svg_to_pdf(page(report)),
    }
    return write_together({directory / f"{report.quarter}.{end}": content for end, content in contents.items()})


def _csv(report: Report) -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for line in report.lines:
        # What was delivered stands as it stood there: a figure, not a text that could be a formula.
        writer.writerow(
            [
                report.quarter, line.section, line.figure, line.label, line.unit, plain(line.company),
                plain(line.value), plain(line.before), line.restated_from or "", plain(line.restated_by),
                line.before_restated_from or "", f"{report.as_of:%Y-%m-%dT%H:%M:%SZ}", plain(line.definition),
            ]
        )  # fmt: skip
    return text.getvalue()


def _xlsx(report: Report) -> bytes:
    book = Workbook()
    sheet = book.active
    sheet.title = "Figures"
    columns = [*report.companies, GROUP]
    before = f"{GROUP}, quarter before"
    heading(sheet, ["Section", "Figure", "Unit", *columns, before])
    by_figure = rows_of(report)
    for number, (first, cells) in enumerate(by_figure, start=2):
        for place, text in enumerate((first.section, first.label, first.unit), start=1):
            sheet.cell(number, place, text)
        for place, line in enumerate([cells[name] for name in columns], start=4):
            _fill(sheet.cell(number, place), line.value, line.unit, line.restated_from is not None)
        group = cells[GROUP]
        _fill(sheet.cell(number, 4 + len(columns)), group.before, group.unit, group.before_restated_from is not None)
    for letter, width in (("A", 13), ("B", 38), ("C", 13), *((chr(68 + n), 17) for n in range(len(columns) + 1))):
        sheet.column_dimensions[letter].width = width
    sheet.freeze_panes = "D2"
    _definitions(book.create_sheet("Definitions"), report, by_figure)
    _restatements(book.create_sheet("Restatements"), report)
    for cell in (cell for one in book for row in one.iter_rows() for cell in row):
        if isinstance(cell.value, str):
            cell.data_type = "s"  # never a formula, whatever a company calls itself
    buffer = io.BytesIO()
    book.save(buffer)
    return without_clock(buffer.getvalue(), report.last_day)


def _fill(cell: Any, value: Any, unit: str, marked: bool) -> None:
    if value is None:
        cell.value = UNDEFINED
        cell.font = Font(italic=True, color="7F7F7F")
    else:
        cell.value = float(value) if isinstance(value, Decimal) else value
        cell.number_format = PATTERNS[unit]
    cell.alignment = Alignment(horizontal="right")
    if marked:
        cell.fill = PatternFill("solid", fgColor=RESTATED)


def _definitions(sheet: Any, report: Report, rows: list[tuple[Line, dict[str, Line]]]) -> None:
    heading(sheet, ["Figure", "Name in the CSV", "Unit", "What it means"])
    for first, _ in rows:
        sheet.append([first.label, first.figure, first.unit, first.definition])
    sheet.append([])
    for text in explanations(report):
        sheet.append(["", "", "", text])
    for letter, width in (("A", 38), ("B", 32), ("C", 13), ("D", 110)):
        sheet.column_dimensions[letter].width = width
    for row in sheet.iter_rows(min_row=2):
        row[3].alignment = Alignment(wrap_text=True, vertical="top")


def _restatements(sheet: Any, report: Report) -> None:
    heading(sheet, ["Figure", "Company", "Quarter", "Delivered as", "Is now", "Difference"])
    for line in report.restated:
        if line.restated_from is not None:
            difference = None if line.restated_by is None else float(line.restated_by)
            sheet.append([line.label, line.company, report.quarter, line.restated_from,
                          plain(line.value) or UNDEFINED, difference])  # fmt: skip
        if line.before_restated_from is not None:
            sheet.append([line.label, line.company, "the one before", line.before_restated_from,
                          plain(line.before) or UNDEFINED, None])  # fmt: skip
    if not report.restated:
        sheet.append(["Nothing differs from what was delivered."])
    for letter, width in (("A", 38), ("B", 12), ("C", 16), ("D", 20), ("E", 20), ("F", 16)):
        sheet.column_dimensions[letter].width = width


def rows_of(report: Report) -> list[tuple[Line, dict[str, Line]]]:
    """The lines by figure, in their order: the first of each, and all of it by company."""
    found: dict[str, dict[str, Line]] = {}
    for line in report.lines:
        found.setdefault(line.figure, {})[line.company] = line
    return [(next(iter(cells.values())), cells) for cells in found.values()]


def explanations(report: Report) -> tuple[str, ...]:
    """What a reader has to know of all figures."""
    return (
        f"Quarter {report.quarter}: {report.first_day} to {report.last_day}. "
        f"Data as of {report.as_of:%Y-%m-%d %H:%M} UTC.",
        f"Amounts in pounds at the group's rate of the month. Growth compares whole quarters; {QUARTER_MORE}.",
        "The group's amounts and counts are the sums of its companies; its margins and rates are those of the sums.",
        "A figure that differs from the file delivered before is marked; the sheet Restatements tells both.",
        *report.notes,
    )


def shown(value: Any, unit: str) -> str:
    """A figure as the page shows it."""
    if value is None:
        return "–"
    if unit == GROWTH:
        return f"{100 * value:+.1f} %"
    return f"{value:.1f} %" if unit == PERCENT else f"{value:,.0f}"


def page(report: Report) -> str:
    """The page as SVG: a table by section, what each figure means beside it, and what was restated below."""
    names = [*report.companies, GROUP, "group, before"]
    left, right, meaning = MARGIN, WIDTH - MARGIN, 168
    step = (right - left - 118 - meaning) / len(names)
    ends = [left + 118 + step * (number + 1) for number in range(len(names))]
    text_at = ends[-1] + 10
    drawn = [_text(left, 50, "Quarterly figures", 19, "bold"), _text(right, 50, report.quarter, 19, "bold", "end")]
    drawn.append(_text(left, 66, f"{report.first_day:%d %B %Y} to {report.last_day:%d %B %Y}. Data as of "
                       f"{report.as_of:%Y-%m-%d %H:%M} UTC. Amounts in GBP.", 8))  # fmt: skip
    y, section = 78.0, ""
    for first, cells in rows_of(report):
        if first.section != section:
            section = first.section
            y += 6
            drawn.append(f'<rect x="{left}" y="{y}" width="{right - left}" height="14" fill="#1F3864"/>')
            drawn.append(_text(left + 4, y + 10, section, 8, "bold", fill="white"))
            drawn += [
                _text(end, y + 10, name, 7, "bold", "end", "white") for end, name in zip(ends, names, strict=True)
            ]
            y += 14
        values = [(cells[name].value, cells[name].restated_from) for name in names[:-1]]
        values.append((cells[GROUP].before, cells[GROUP].before_restated_from))
        words = textwrap.wrap(_in_percent(first.definition), 66, max_lines=3, placeholder=" ...")
        height = max(15.0, 5 + 6.2 * len(words))
        for place, (end, (value, restated)) in enumerate(zip(ends, values, strict=True)):
            if restated is not None:
                drawn.append(f'<rect x="{end - step + 4:.1f}" y="{y + 1:.1f}" width="{step - 2:.1f}" '
                             f'height="{height - 2:.1f}" fill="#{RESTATED}"/>')  # fmt: skip
            mark = "R " if restated is not None else ""
            weight = "bold" if names[place] == GROUP else "normal"
            drawn.append(_text(end, y + 10, mark + shown(value, first.unit), 7.2, weight, "end"))
        drawn.append(_text(left + 4, y + 10, first.label, 7))
        drawn += [_text(text_at, y + 7 + 6.2 * number, word, 5.2, fill="#555") for number, word in enumerate(words)]
        y += height
        drawn.append(f'<line x1="{left}" y1="{y:.1f}" x2="{right}" y2="{y:.1f}" stroke="#DDE1E8" stroke-width="0.5"/>')
    drawn += _below(report, y + 14)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}">'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>{"".join(drawn)}</svg>'
    )


def _below(report: Report, y: float) -> list[str]:
    """Explanations and restatements, as many as the page has room for; the rest stands in the workbook."""
    texts = [*explanations(report)[1:3], "– is not defined, such as growth from nothing.",
             "The last column is the group in the quarter before.", *report.notes]  # fmt: skip
    for line in report.restated:
        if line.restated_from is not None:
            texts.append(
                f"R  {line.label}, {line.company}: delivered as {_old(line.restated_from, line.unit)}, "
                f"is now {shown(line.value, line.unit)}."
            )
        elif line.company == GROUP:
            texts.append(
                f"R  {line.label}, {line.company}, quarter before: delivered as "
                f"{_old(line.before_restated_from, line.unit)}, is now {shown(line.before, line.unit)}."
            )
    lines = [part for text in texts for part in textwrap.wrap(_in_percent(text), 150)]
    room = int((HEIGHT - MARGIN / 2 - y) // 8)
    if len(lines) > room:
        lines = [*lines[: max(room - 1, 0)], "More in the workbook: sheets Restatements and Definitions."]
    return [_text(MARGIN + 4, y + 8 * number, line, 6.2, fill="#333") for number, line in enumerate(lines)]


def _in_percent(text: str) -> str:
    """Growth is a share of one in the files for machines and in the warehouse, and percent on the page."""
    return text.replace(QUARTER_MORE, f"{shown(Decimal('0.25'), GROWTH)} is a quarter more")


def _old(text: str | None, unit: str) -> str:
    return shown(None if text in (None, UNDEFINED) else Decimal(text), unit)


def _text(
    x: float, y: float, text: str, size: float, weight: str = "normal", anchor: str = "start", fill: str = "#1B1F27"
) -> str:
    # Bold is a line around the letters: with two fonts in it, the PDF's objects come in another order each time.
    bold = f'stroke="{fill}" stroke-width="{size / 24:.2f}" ' if weight == "bold" else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-family="{FONT}" font-size="{size}" {bold}'
        f'text-anchor="{anchor}" fill="{fill}">{escape(text)}</text>'
    )
