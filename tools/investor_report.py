"""The quarterly figures for investors and partners: profit, growth and engagement, as CSV, XLSX and PDF.

`make investors QUARTER=2026-Q3` writes them to reports/investors/. It reads what dbt has built. A quarter that is not
complete is refused. A figure that differs from the file delivered before is marked, and both values are told; the mark
stays in later files of the quarter. docs/investor_files.md is for who reads them.
"""

from __future__ import annotations

import argparse
import csv
import os
import re
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from ingestion.errors import EXIT_OK, EXIT_USAGE, StrataError
from tools.investor_figures import ENGAGEMENT, FIGURES, GROUP, GROWING, PROFIT, UNDEFINED, Mart, quarters_back, value_of
from tools.investor_files import Line, Report, write_files
from tools.reading import opened_for_reading
from tools.report_files import plain
from tools.run import ROOT, default_warehouse, warehouse

LABEL = re.compile(r"([0-9]{4})-Q([1-4])")
MARTS = (PROFIT, GROWING, ENGAGEMENT)
# The systems that the figures come from: a quarter is whole when each was read after its end.
SOURCES = ("atom", "incentive", "oracle", "workday", "crm", "emerald", "interactions")


class ReportError(Exception):
    """The files cannot be written; the text says why and what to do."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns 0, 2 with the reason when there is nothing to write, or 75 for a held warehouse."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quarter", required=True, help="calendar quarter, such as 2026-Q3")
    parser.add_argument("--out", type=Path, default=ROOT / "reports" / "investors", help="directory of the files")
    options = parser.parse_args(arguments)
    out = options.out.resolve()
    os.chdir(ROOT)
    os.environ.setdefault("STRATA_WAREHOUSE", str(default_warehouse()))
    try:
        first_day = first_day_of(options.quarter)
        with opened_for_reading(warehouse()) as connection:
            report = read_report(connection, os.environ.get("STRATA_TARGET", "dev"), first_day, out)
        paths = write_files(report, out)
    except ReportError as error:
        print(f"investor files: {error}", file=sys.stderr)
        return EXIT_USAGE
    except OSError as error:
        print(f"investor files: {out} cannot be written ({error.strerror}). Close it in Excel?", file=sys.stderr)
        return EXIT_USAGE
    except StrataError as error:
        print(f"{error}", file=sys.stderr)
        return error.exit_code
    print(f"{report.quarter}: {len(FIGURES)} figures of {len(report.companies)} companies and the group, "
          f"{len(report.restated)} restated")  # fmt: skip
    for note in report.notes:
        print(f"  {note}")
    print(f"Files: {', '.join(str(path) for path in paths)}")
    return EXIT_OK


def first_day_of(label: str) -> date:
    """First day of a quarter.

    Raises:
        ReportError: there is no such quarter.
    """
    match = LABEL.fullmatch(label)
    if not match or not 1900 <= int(match[1]) <= 9000:
        raise ReportError(f"'{label}' is no quarter. Give a year and a quarter, such as QUARTER=2026-Q3")
    return date(int(match[1]), 3 * int(match[2]) - 2, 1)


def label_of(first_day: date) -> str:
    """The quarter's name, such as 2026-Q3."""
    return f"{first_day.year}-Q{(first_day.month + 2) // 3}"


def read_report(connection: duckdb.DuckDBPyConnection, target: str, quarter: date, directory: Path) -> Report:
    """The figures of a quarter, held against what was delivered into the directory before.

    Raises:
        ReportError: the quarter is not complete, or the marts are not built.
    """
    marts = {name: read_mart(connection, f"{target}_marts", name) for name in MARTS}
    meanings = read_meanings(connection, f"{target}_marts")
    companies = sorted({company for mart in marts.values() for company, day in mart if day == quarter})
    as_of = check_complete(connection, marts, companies, quarter)
    before = quarters_back(quarter, 1)
    label = label_of(quarter)
    delivered, delivered_before = (read_delivered(directory / f"{name}.csv") for name in (label, label_of(before)))
    lines = []
    for figure in FIGURES:
        for company in [*companies, GROUP]:
            value, earlier = (value_of(figure, marts, company, day, companies) for day in (quarter, before))
            key = (figure.column, plain(company))  # as it stands in the file
            lines.append(
                Line(
                    figure.section, figure.column, figure.label, figure.unit, company, value, earlier,
                    meanings[figure.mart, figure.column], restated_from(value, delivered.get(key)),
                    restated_from(earlier, delivered_before.get(key), carry=False),
                )
            )  # fmt: skip
    notes = implausible(marts[GROWING], quarter)
    last_day = quarters_back(quarter, -1) - timedelta(days=1)
    return Report(label, quarter, last_day, as_of, companies, lines, notes)


def read_mart(connection: duckdb.DuckDBPyConnection, schema: str, name: str) -> Mart:
    """All quarters of a mart.

    Raises:
        ReportError: it is not built, lacks a column, or has rows of nobody or of no quarter.
    """
    columns = sorted(needed(name))
    try:
        rows = connection.execute(f"select {', '.join(columns)} from {schema}.{name}").fetchall()
    except (duckdb.CatalogException, duckdb.BinderException) as error:
        first = str(error).splitlines()[0]
        raise ReportError(f"{name} cannot be read: {first} Remedy: make build") from error
    records = [dict(zip(columns, row, strict=True)) for row in rows]
    if any(record["tenant_id"] is None or record["quarter_start_date"] is None for record in records):
        raise ReportError(f"{name} has rows without a company or a quarter, whose figures nobody would see")
    return {(record["tenant_id"], record["quarter_start_date"]): record for record in records}


def needed(name: str) -> set[str]:
    """Columns of a mart that the figures take."""
    columns = {"tenant_id", "quarter_start_date", "is_complete"}
    if name == GROWING:
        columns.add("implausible_rates")
    for figure in FIGURES:
        if figure.mart == name:
            columns.add(figure.column)
            columns |= {part for part in figure.of or () if isinstance(part, str)}
    return columns


def read_meanings(connection: duckdb.DuckDBPyConnection, schema: str) -> dict[tuple[str, str], str]:
    """What each column means, as dbt wrote it into the warehouse.

    Raises:
        ReportError: a figure has no description there.
    """
    found = {
        (table, column): " ".join((comment or "").split())
        for table, column, comment in connection.execute(
            "select table_name, column_name, comment from duckdb_columns() where schema_name = ?", [schema]
        ).fetchall()
    }
    missing = [figure.column for figure in FIGURES if not found.get((figure.mart, figure.column))]
    if missing:
        raise ReportError(f"no definition of {', '.join(missing)} in the warehouse. Remedy: make build")
    return found


def check_complete(
    connection: duckdb.DuckDBPyConnection, marts: dict[str, Mart], companies: list[str], quarter: date
) -> datetime:
    """Up to when the data are: the end of the oldest of the sources' last loads, if the quarter is complete.

    Raises:
        ReportError: it is not over, a company lacks figures, or a source was last read before its end.
    """
    label, end = label_of(quarter), quarters_back(quarter, -1)
    problems = [
        f"{name} of {company}"
        for name, mart in marts.items()
        for company in companies
        if not mart.get((company, quarter), {}).get("is_complete")
    ]
    if not companies or problems:
        whole = [day for day in {day for mart in marts.values() for _, day in mart} if _is_whole(marts, day)]
        newest = f"The last complete quarter is {label_of(max(whole))}" if whole else "No quarter is complete"
        raise ReportError(f"{label} is not complete: {', '.join(problems) or 'no company has figures'}. {newest}")
    loads = dict(
        connection.execute(
            "select source, max(finished_at) from raw_ops.loads where source in "
            f"({', '.join('?' for _ in SOURCES)}) group by source",
            list(SOURCES),
        ).fetchall()
    )
    unread = [source for source in SOURCES if source not in loads or loads[source].astimezone(UTC).date() < end]
    if unread:
        text = f"{', '.join(unread)} was last read before its end" if len(unread) == 1 else (
            f"{', '.join(unread)} were last read before its end")  # fmt: skip
        raise ReportError(f"{label} is not complete: {text}. Remedy: make run")
    return min(loads.values()).astimezone(UTC).replace(microsecond=0)


def _is_whole(marts: dict[str, Mart], day: date) -> bool:
    companies = {company for mart in marts.values() for company, quarter in mart if quarter == day}
    return all(mart.get((company, day), {}).get("is_complete") for mart in marts.values() for company in companies)


def read_delivered(path: Path) -> dict[tuple[str, str], dict[str, str]]:
    """The lines of a file delivered before, by figure and company; none where there is none.

    Raises:
        ReportError: it is no such file.
    """
    if not path.exists():
        return {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
        wanted = ("figure", "company", "value", "restated_from")
        return {(row["figure"], row["company"]): {name: row[name] for name in wanted} for row in rows}
    except (KeyError, UnicodeDecodeError, csv.Error) as error:
        text = f"{path} was delivered before and cannot be read, so nothing can be held against it"
        raise ReportError(f"{text} ({type(error).__name__}). Remedy: put the delivered file back") from error


def restated_from(value: Any, delivered: dict[str, str] | None, carry: bool = True) -> str | None:
    """The delivered value, as text, where it is another than now; an unchanged value keeps the mark it was given.

    None is no restatement; a figure that was delivered empty was not defined.
    """
    if delivered is None:
        return None
    if delivered["value"] != plain(value):
        return delivered["value"] or UNDEFINED
    return (delivered["restated_from"] or None) if carry else None


def implausible(growth: Mart, quarter: date) -> list[str]:
    """The rates that the mart itself calls implausible."""
    labels = {figure.column: figure.label for figure in FIGURES}
    notes = []
    for (company, day), row in sorted(growth.items()):
        if day == quarter and row["implausible_rates"]:
            names = [labels.get(name, name) for name in row["implausible_rates"].split()]
            notes.append(f"Beyond what is plausible, {company}: {'; '.join(names)}.")
    return notes


if __name__ == "__main__":
    sys.exit(main())
