"""The weekly client report of a partner bank, as CSV, XLSX and HTML.

`make report WEEK=2026-W40` writes HSBC's report of that week to reports/partner_banks/HSBC, `BANK=BARCLAYS` another
group's. It reads what dbt has built and calculates nothing. A week that is not complete is refused. What a closed week
says is the same each time, byte by byte; only the header "Delivery" of XLSX and HTML tells when it was written and what
changed against the report that was delivered last. docs/partner_bank_indicators.md is for who reads it.
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

from ingestion.errors import EXIT_OK, EXIT_USAGE, LockedError
from ingestion.lock import warehouse_lock
from tools.partner_bank_files import COLUMNS, Report, Totals, write_files
from tools.run import ROOT, default_warehouse, warehouse

LABEL = re.compile(r"([0-9]{4})-W([0-9]{2})")
FACT, VIEW = "fct_partner_bank_indicators_weekly", "rpt_partner_bank_client_indicators"
WEEKS_SHOWN = 13
OPEN_WEEKS = 4


class ReportError(Exception):
    """The report cannot be written; the text says why and what to do."""


def main(arguments: list[str] | None = None, now: datetime | None = None) -> int:
    """Run the command; returns 0, or 2 with the reason when there is no report to write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--week", required=True, help="ISO week, such as 2026-W40")
    parser.add_argument("--bank", default="HSBC", help="bank group, as in seeds/reference/partner_banks.csv (HSBC)")
    parser.add_argument("--out", type=Path, default=ROOT / "reports" / "partner_banks", help="directory of the reports")
    options = parser.parse_args(arguments)
    out = options.out.resolve()
    os.chdir(ROOT)
    os.environ.setdefault("STRATA_WAREHOUSE", str(default_warehouse()))
    try:
        monday = monday_of(options.week)
        if not warehouse().is_file():
            raise ReportError(f"there is no warehouse at {warehouse()}. Remedy: make run")
        with warehouse_lock(warehouse()), duckdb.connect(str(warehouse()), read_only=True) as connection:
            connection.execute("set TimeZone = 'UTC'")
            report, notes = read_report(connection, os.environ.get("STRATA_TARGET", "dev"), options.bank, monday)
        directory = out / report.bank_group
        lines = tuple(notes + compare_with_delivered(report, directory))
        paths = write_files(report, (now or datetime.now(UTC)).replace(microsecond=0), lines, directory)
    except ReportError as error:
        print(f"partner-bank report: {error}", file=sys.stderr)
        return EXIT_USAGE
    except OSError as error:
        print(f"partner-bank report: {out} cannot be written ({error.strerror}). Close it in Excel?", file=sys.stderr)
        return EXIT_USAGE
    except LockedError as error:
        print(f"{error}", file=sys.stderr)
        return error.exit_code
    print(f"{report.bank_name}, {report.week}: {headline(report.totals)}")
    for line in lines:
        print(f"  {line}")
    print(f"Report: {', '.join(str(path) for path in paths)}")
    return EXIT_OK


def monday_of(label: str) -> date:
    """The first day of a week.

    Raises:
        ReportError: there is no such week.
    """
    match = LABEL.fullmatch(label)
    try:
        return date.fromisocalendar(int(match[1]), int(match[2]), 1) if match else date.fromisoformat("")
    except ValueError:
        remedy = "Give a year and an ISO week, such as WEEK=2026-W40"
        raise ReportError(f"'{label}' is no ISO week. {remedy}") from None


def read_report(
    connection: duckdb.DuckDBPyConnection, target: str, bank: str, monday: date
) -> tuple[Report, list[str]]:
    """The report of a week, and what client data has to know about it.

    Raises:
        ReportError: the week is not complete or not calculated, or there is no such group.
    """
    marts, sunday = f"{target}_marts", monday + timedelta(days=6)
    found = connection.execute(
        "select count(*) from information_schema.tables where table_schema = ? and table_name in (?, ?)",
        [marts, FACT, VIEW],
    ).fetchone()
    if not found or found[0] != 2:
        raise ReportError("the warehouse has no indicators yet. Remedy: make build")
    group, name = _group(connection, target, bank)
    through, landed_at = _complete(connection, target, sunday)
    columns = ", ".join(COLUMNS)
    rows = connection.execute(
        f"select {columns} from {marts}.{VIEW} where bank_group = ? and week_end_date = ? order by action_rank",  # noqa: S608
        [group, sunday],
    ).fetchall()
    first = sunday - timedelta(weeks=WEEKS_SHOWN - 1)
    history = connection.execute(
        f"""
        select
            iso_week_label, count(*) filter (where is_partner_client), count(*) filter (where is_at_risk),
            count(*) filter (where status_change in ('new', 'reactivated')),
            count(*) filter (where status_change = 'lost'), coalesce(sum(balance_gbp), 0), sum(payment_amount_13w_gbp)
        from {marts}.{FACT} where bank_group = ? and week_end_date between ? and ?
        group by iso_week_label, week_end_date order by week_end_date
        """,  # noqa: S608
        [group, first, sunday],
    ).fetchall()
    trend = [Totals(*row) for row in history]
    notes = _notes(connection, marts, group, sunday, through)
    notes.append(f"Emerald was last read on {landed_at:%Y-%m-%d %H:%M} UTC.")
    return Report(group, name, _label(monday), monday, sunday, rows, trend), notes


def _group(connection: duckdb.DuckDBPyConnection, target: str, bank: str) -> tuple[str, str]:
    """Code and name of a bank group; what stands in no line of the seed is never a partner."""
    groups = dict(
        connection.execute(
            f"select distinct bank_group, bank_group_name from {target}_seeds.partner_banks order by 1"  # noqa: S608
        ).fetchall()
    )
    if bank not in groups:
        raise ReportError(f"'{bank}' is no bank group. Give one of {', '.join(groups)}")
    return bank, groups[bank]


def _complete(connection: duckdb.DuckDBPyConnection, target: str, sunday: date) -> tuple[date, datetime]:
    """Last week that is calculated, and when Emerald was last read, if the week is complete.

    Raises:
        ReportError: it is not.
    """
    weeks = f"{target}_intermediate.int_clients__complete_weeks"
    first, last = connection.execute(
        f"select min(week_end_date), max(week_end_date) filter (where has_landed) from {weeks}"  # noqa: S608
    ).fetchone() or (None, None)
    (through,) = connection.execute(
        f"select max(restated_through_date) from {target}_marts.{FACT}"  # noqa: S608
    ).fetchone() or (None,)
    row = connection.execute(
        f"select has_landed, last_landed_at from {weeks} where week_end_date = ?",  # noqa: S608
        [sunday],
    ).fetchone()
    label = _label(sunday)
    newest = f"The last complete week is {_label(min(last, through))}" if last and through else "No week is complete"
    if first is not None and sunday < first:
        raise ReportError(f"{label} lies before the first week of the calendar, {_label(first)}")
    if row is None:
        raise ReportError(f"{label} is not over for the last build: it ends on Sunday, {sunday}. {newest}")
    if not row[0]:
        when = f"on {row[1]:%Y-%m-%d}, before it was over" if row[1] else "never"
        raise ReportError(f"{label} is not complete: Emerald was last read {when}. {newest}. Remedy: make run")
    if through is None or through < sunday:
        raise ReportError(f"{label} is not calculated yet. {newest}. Remedy: make build")
    return through, row[1]


def _notes(connection: duckdb.DuckDBPyConnection, marts: str, group: str, sunday: date, through: date) -> list[str]:
    """Whether the week is closed and what came too late for it, and payments over banks that no group has."""
    closes = sunday + timedelta(weeks=OPEN_WEEKS)
    if through < closes:
        notes = [f"The week is open: late changes restate it until {_label(closes)} is calculated."]
    else:
        (late,) = connection.execute(
            f"select count(*) from {marts}.fct_partner_bank_restatements where bank_group = ? and week_end_date = ?",  # noqa: S608
            [group, sunday],
        ).fetchone() or (0,)
        notes = ["The week is closed."]
        if late:
            notes.append(f"{late} row(s) would come out differently today: see fct_partner_bank_restatements.")
    (unmapped,) = connection.execute(
        f"select coalesce(sum(payment_count_13w), 0) from {marts}.{FACT} "  # noqa: S608
        "where week_end_date = ? and not is_mapped_bank",
        [sunday],
    ).fetchone() or (0,)
    if unmapped:
        notes.append(f"{unmapped} payment(s) in 13 weeks went over banks that seed partner_banks does not name.")
    return notes


def compare_with_delivered(report: Report, directory: Path) -> list[str]:
    """What changed against the newest report of an earlier week, and against this week's, if there is one."""
    reports = {path.stem: path for path in directory.glob("*.csv") if LABEL.fullmatch(path.stem)}
    earlier = [label for label in reports if monday_of(label) < report.monday]
    now = {row["client_id"]: row for row in report.records()}
    lines = []
    if earlier:
        label = max(earlier, key=monday_of)
        lines.append(f"Against {label}, delivered last: {_difference(_delivered(reports[label]), now)}.")
    else:
        lines.append("No earlier week was delivered from here.")
    if report.week in reports:
        before = _delivered(reports[report.week])
        plain = {client: {name: _text(value) for name, value in row.items()} for client, row in now.items()}
        if before == plain:
            lines.append("This week was delivered before, with the same content.")
        else:
            lines.append(f"This week was delivered before and is restated: {_difference(before, now)}.")
    return lines


def _delivered(path: Path) -> dict[str, dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return {row["client_id"]: row for row in csv.DictReader(file)}


def _difference(before: dict[str, dict[str, str]], now: dict[str, dict[str, Any]]) -> str:
    """In words: who joined, who left, who is newly at risk, and how many rows differ otherwise."""

    def who(rows: dict[str, dict[str, Any]], column: str) -> set[str]:
        return {client for client, row in rows.items() if _text(row.get(column)) == "true"}

    clients, risks = who(now, "is_partner_client"), who(now, "is_at_risk")
    had, risked = who(before, "is_partner_client"), who(before, "is_at_risk")
    parts = [
        _listed("new", clients - had), _listed("gone", had - clients),
        _listed("newly at risk", risks - risked), _listed("no longer at risk", risked - risks),
    ]  # fmt: skip
    figures = ("balance_gbp", "payment_count_13w", "payment_amount_13w_gbp", "wallet_share_13w", "evidence")
    moved = {
        client
        for client in before.keys() & now
        if any(before[client].get(name) != _text(now[client][name]) for name in figures)
    }
    parts.append(f"{len(moved)} with other figures")
    return f"{len(clients)} clients, were {len(had)}; " + "; ".join(part for part in parts if part)


def _listed(what: str, clients: set[str]) -> str:
    if not clients:
        return ""
    names = sorted(clients)
    return f"{len(names)} {what} ({', '.join(names[:5])}{' ...' if len(names) > 5 else ''})"


def _text(value: Any) -> str:
    return Report.plain(value)


def _label(day: date) -> str:
    year, week, _ = day.isocalendar()
    return f"{year}-W{week:02}"


def headline(totals: Totals | None) -> str:
    """The week in one line."""
    if totals is None:
        return "no client"
    return (
        f"{totals.clients} clients, {totals.new} new, {totals.lost} lost, {totals.at_risk} at risk, "
        f"balance {totals.balance:,.0f} GBP, payments in 13 weeks {totals.payments:,.0f} GBP"
    )


if __name__ == "__main__":
    sys.exit(main())
