"""`make investors`: what it refuses, that figures agree with the marts, and that restatements are marked."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pytest
import vl_convert
import yaml

from ingestion.lock import warehouse_lock
from tools.investor_figures import FIGURES, GROUP, quarters_back
from tools.investor_report import MARTS, SOURCES, main

ROOT = Path(__file__).resolve().parents[3]
THIS, BEFORE, YEAR_BEFORE, RUNNING = date(2026, 7, 1), date(2026, 4, 1), date(2025, 7, 1), date(2026, 10, 1)
COMPANIES = {"DE10": 1, "GB10": 3}


def columns_of(mart: str) -> dict[str, str]:
    """Columns and types of a mart, from its contract."""
    text = (ROOT / f"models/marts/investor/{mart}.yml").read_text(encoding="utf-8")
    (found,) = yaml.safe_load(text)["models"]
    return {column["name"]: column["data_type"] for column in found["columns"]}


def row_of(mart: str, company: str, day: date, size: int) -> dict[str, Any]:
    """A row whose figures are multiples of the company's size, and of another in each quarter."""
    scale = size * {YEAR_BEFORE: 1, BEFORE: 2, THIS: 3, RUNNING: 1}[day]
    row: dict[str, Any] = {"tenant_id": company, "quarter_start_date": day, "is_complete": day != RUNNING}
    for name, kind in columns_of(mart).items():
        if name in row or kind in ("varchar", "date", "boolean"):
            continue
        row[name] = Decimal("0.5") if "_growth_" in name or name.endswith("_percent") else scale * (7 + len(name))
    if mart == "agg_growth_quarterly" and day == YEAR_BEFORE:
        row["active_client_count"] = None  # not tracked yet
    return row


@pytest.fixture
def out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where files go; the warehouse has three whole quarters and a running one, of two companies."""
    path = tmp_path / "w.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("create schema dev_marts; create schema raw_ops")
        for mart in MARTS:
            columns = columns_of(mart)
            connection.execute(
                f"create table dev_marts.{mart} ({', '.join(f'{name} {kind}' for name, kind in columns.items())})"
            )
            for name in columns:
                connection.execute(f"comment on column dev_marts.{mart}.{name} is 'What {name} means.'")
            for company, size in COMPANIES.items():
                for day in (YEAR_BEFORE, BEFORE, THIS, RUNNING):
                    row = row_of(mart, company, day, size)
                    connection.execute(
                        f"insert into dev_marts.{mart} ({', '.join(row)}) values ({', '.join('?' for _ in row)})",
                        list(row.values()),
                    )
        connection.execute("create table raw_ops.loads (source varchar, finished_at timestamptz)")
        for number, source in enumerate(SOURCES):
            connection.execute("insert into raw_ops.loads values (?, ?)", [source, f"2026-10-02 0{number}:00:00+00"])
    monkeypatch.setenv("STRATA_WAREHOUSE", str(path))
    monkeypatch.setenv("STRATA_LOCK_WAIT", "0")
    monkeypatch.delenv("STRATA_TARGET", raising=False)
    monkeypatch.delenv("STRATA_LOCK_HELD", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "reports"


def deliver(out: Path, quarter: str = "2026-Q3") -> dict[tuple[str, str], dict[str, str]]:
    """Write the files; returns the lines of the CSV."""
    assert main(["--quarter", quarter, "--out", str(out)]) == 0
    with (out / f"{quarter}.csv").open(encoding="utf-8-sig", newline="") as file:
        return {(row["figure"], row["company"]): row for row in csv.DictReader(file)}


def execute(statement: str) -> None:
    with duckdb.connect(os.environ["STRATA_WAREHOUSE"]) as connection:
        connection.execute(statement)


def contents(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in out.iterdir()}


def test_each_figure_is_that_of_its_mart_and_has_unit_definition_and_as_of(out: Path):
    lines = deliver(out)
    assert len(lines) == len(FIGURES) * (len(COMPANIES) + 1)
    for figure in FIGURES:
        for company, size in COMPANIES.items():
            line, row = lines[figure.column, company], row_of(figure.mart, company, THIS, size)
            assert Decimal(line["value"]) == row[figure.column]
            assert line["definition"] == f"What {figure.column} means." and line["unit"] == figure.unit
            assert line["as_of"] == "2026-10-02T00:00:00Z", "the oldest of the sources' last loads"
            assert (line["restated_from"], line["restated_by"], line["quarter_before_restated_from"]) == ("", "", "")


def test_the_groups_figures_are_made_of_the_companies(out: Path):
    lines = deliver(out)
    one, three = (row_of("agg_profit_quarterly", name, THIS, size) for name, size in COMPANIES.items())
    revenue = one["net_revenue_amount_gbp"] + three["net_revenue_amount_gbp"]
    profit = one["operating_profit_amount_gbp"] + three["operating_profit_amount_gbp"]
    assert Decimal(lines["net_revenue_amount_gbp", GROUP]["value"]) == revenue
    assert Decimal(lines["operating_margin_percent", GROUP]["value"]) == round(Decimal(100 * profit) / revenue, 2)
    assert lines["revenue_growth_qoq", GROUP]["value"] == "0.5000"  # from 2 parts to 3
    assert lines["revenue_growth_yoy", GROUP]["value"] == "2.0000"
    assert lines["revenue_growth_yoy", GROUP]["quarter_before"] == "", "the quarter four before that is not there"
    assert lines["active_client_growth_yoy", GROUP]["value"] == "", "nothing was tracked a year before"


def test_growth_of_the_group_from_nothing_or_with_a_partial_quarter_is_not_defined(out: Path):
    execute(f"update dev_marts.agg_growth_quarterly set sign_up_count = 0 where quarter_start_date = '{BEFORE}'")
    execute(f"update dev_marts.agg_growth_quarterly set is_complete = false where quarter_start_date = '{YEAR_BEFORE}' "
            "and tenant_id = 'DE10'")  # fmt: skip
    execute("update dev_marts.agg_profit_quarterly set net_revenue_amount_gbp = 0")
    lines = deliver(out)
    assert lines["sign_up_growth_qoq", GROUP]["value"] == "" and lines["revenue_growth_yoy", GROUP]["value"] == ""
    assert lines["operating_margin_percent", GROUP]["value"] == ""


def test_the_same_figures_are_the_same_bytes(out: Path):
    deliver(out)
    first = contents(out)
    deliver(out)
    assert contents(out) == first and sorted(first) == ["2026-Q3.csv", "2026-Q3.pdf", "2026-Q3.xlsx"]
    assert first["2026-Q3.pdf"].startswith(b"%PDF-")


def test_a_figure_that_differs_from_the_delivered_file_is_marked_and_stays_so(out: Path):
    was = deliver(out)["net_revenue_amount_gbp", "GB10"]["value"]
    plain = contents(out)
    change = f"where quarter_start_date = '{THIS}' and tenant_id = 'GB10'"
    execute(f"update dev_marts.agg_profit_quarterly set net_revenue_amount_gbp = net_revenue_amount_gbp - 5 {change}")
    execute(f"update dev_marts.agg_growth_quarterly set sign_up_growth_qoq = null {change}")
    lines = deliver(out)
    assert lines["net_revenue_amount_gbp", "GB10"]["restated_from"] == was
    assert lines["net_revenue_amount_gbp", "GB10"]["restated_by"] == "-5.0000"
    assert lines["net_revenue_amount_gbp", GROUP]["restated_by"] == "-5.0000"
    assert lines["net_revenue_amount_gbp", "DE10"]["restated_from"] == ""
    gone = lines["sign_up_growth_qoq", "GB10"]
    assert (gone["value"], gone["restated_from"], gone["restated_by"]) == ("", "0.5000", "")
    marked = contents(out)
    assert marked["2026-Q3.pdf"] != plain["2026-Q3.pdf"]
    deliver(out)
    assert contents(out) == marked, "the mark is gone although nothing changed"

    book = openpyxl.load_workbook(out / "2026-Q3.xlsx")
    told = [[cell.value for cell in row[:2]] for row in book["Restatements"].iter_rows(min_row=2)]
    assert ["Net revenue", "GB10"] in told and ["Sign-ups, on the quarter before", "GB10"] in told
    filled = {(row[1].value, cell.column) for row in book["Figures"].iter_rows(min_row=2)
              for cell in row if cell.fill.fgColor.rgb == "00FFE699"}  # fmt: skip
    assert ("Net revenue", 5) in filled and ("Net revenue", 6) in filled and ("Net revenue", 4) not in filled

    execute(f"update dev_marts.agg_growth_quarterly set sign_up_growth_qoq = 0.25 {change}")
    assert deliver(out)["sign_up_growth_qoq", "GB10"]["restated_from"] == "not defined"
    again = contents(out)
    deliver(out)
    assert contents(out) == again


def test_the_quarter_before_is_held_against_its_own_file(out: Path):
    was = deliver(out, "2026-Q2")["session_count", "DE10"]["value"]
    execute("update dev_marts.agg_engagement_quarterly set session_count = session_count + 1 "
            f"where quarter_start_date = '{BEFORE}' and tenant_id = 'DE10'")  # fmt: skip
    line = deliver(out)["session_count", "DE10"]
    assert line["quarter_before_restated_from"] == was and line["restated_from"] == ""
    assert int(line["quarter_before"]) == int(was) + 1


def test_hostile_names_are_no_formulas_and_no_markup(out: Path):
    for mart in MARTS:
        execute(f"update dev_marts.{mart} set tenant_id = '=1+1<b>&' where tenant_id = 'DE10'")
    assert ("session_count", "'=1+1<b>&") in deliver(out)
    book = openpyxl.load_workbook(out / "2026-Q3.xlsx")
    assert book["Figures"]["D1"].data_type == "s"
    execute("update dev_marts.agg_engagement_quarterly set session_count = 1")
    assert deliver(out)["session_count", "'=1+1<b>&"]["restated_from"] != ""


def test_the_page_is_drawn(out: Path):
    from tools import investor_files, investor_report

    with duckdb.connect(os.environ["STRATA_WAREHOUSE"], read_only=True) as connection:
        connection.execute("set TimeZone = 'UTC'")
        report = investor_report.read_report(connection, "dev", THIS, out)
    page = investor_files.page(report)
    for text in ("2026-Q3", "2026-10-02 00:00 UTC", "Operating profit", "What session_count means.", "+50.0 %"):
        assert text in page
    assert "+25.0 % is a quarter more" in page and "0.25 is a quarter more" not in page, "its growth is in percent"
    assert vl_convert.svg_to_png(page).startswith(b"\x89PNG")
    assert len({vl_convert.svg_to_pdf(page) for _ in range(5)}) == 1, "its bytes differ from time to time"


@pytest.mark.parametrize(
    ("quarter", "statement", "told"),
    [
        ("2026-Q5", "", "no quarter"),
        ("Q3", "", "no quarter"),
        ("2026-Q4", "", "agg_profit_quarterly of DE10"),
        ("2030-Q1", "", "The last complete quarter is 2026-Q3"),
        ("2026-Q3", "delete from dev_marts.agg_growth_quarterly where tenant_id = 'GB10'",
         "agg_growth_quarterly of GB10"),
        ("2026-Q3", "update raw_ops.loads set finished_at = '2026-09-30 23:59:00+00' where source = 'crm'",
         "crm was last read before its end"),
        ("2026-Q3", "delete from raw_ops.loads where source in ('crm', 'atom')", "atom, crm were last read"),
        ("2026-Q3", "drop table dev_marts.agg_profit_quarterly", "agg_profit_quarterly cannot be read"),
        ("2026-Q3", "alter table dev_marts.agg_engagement_quarterly rename session_count to sessions",
         "agg_engagement_quarterly cannot be read"),
        ("2026-Q3", "comment on column dev_marts.agg_profit_quarterly.cost_amount_gbp is null",
         "no definition of cost_amount_gbp"),
    ],
)  # fmt: skip
def test_what_would_be_a_wrong_picture_is_refused(out: Path, capsys, quarter: str, statement: str, told: str):
    if statement:
        execute(statement)
    assert main(["--quarter", quarter, "--out", str(out)]) == 2
    assert told in capsys.readouterr().err
    assert not out.exists()


def test_a_delivered_file_that_cannot_be_read_is_not_written_over(out: Path, capsys: pytest.CaptureFixture[str]):
    out.mkdir()
    (out / "2026-Q3.csv").write_text("something;else\n1;2\n", encoding="utf-8")
    assert main(["--quarter", "2026-Q3", "--out", str(out)]) == 2
    assert "nothing can be held against it" in capsys.readouterr().err
    assert (out / "2026-Q3.csv").read_text(encoding="utf-8").startswith("something")


def test_a_warehouse_that_is_held_or_cannot_be_opened_is_told(out: Path, capsys: pytest.CaptureFixture[str]):
    warehouse = Path(os.environ["STRATA_WAREHOUSE"])
    ask = ["--quarter", "2026-Q3", "--out", str(out)]
    with warehouse_lock(warehouse):
        assert main(ask) == 75
    assert "held by process" in capsys.readouterr().err
    script = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", script, str(warehouse)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writer:
        assert writer.stdout.readline() == b"open\n"
        assert main(ask) == 75
        assert "another program has it open for writing" in (told := capsys.readouterr().err) and "Remedy" in told
        writer.stdin.close()
    warehouse.write_text("no database", encoding="utf-8")
    assert main(ask) == 2
    assert "DuckDB cannot open it" in capsys.readouterr().err
    warehouse.unlink()
    assert main(ask) == 2
    assert "Remedy: make run" in capsys.readouterr().err and not out.exists()


def test_rows_without_a_company_are_refused(out: Path, capsys: pytest.CaptureFixture[str]):
    execute("update dev_marts.agg_engagement_quarterly set tenant_id = null where tenant_id = 'DE10'")
    assert main(["--quarter", "2026-Q3", "--out", str(out)]) == 2
    assert "agg_engagement_quarterly has rows without a company" in capsys.readouterr().err and not out.exists()


def test_figures_that_are_empty_all_over_are_not_defined_rather_than_0(out: Path):
    """A mart whose columns may be empty and are: no figure of it is made up."""
    execute("update dev_marts.agg_engagement_quarterly set session_count = null, time_spent_seconds = null")
    lines = deliver(out)
    for figure in ("session_count", "time_spent_seconds"):
        assert {lines[figure, company]["value"] for company in (*COMPANIES, GROUP)} == {""}
    book = openpyxl.load_workbook(out / "2026-Q3.xlsx")
    (row,) = [row for row in book["Figures"].iter_rows(min_row=2, values_only=True) if row[1] == "Sessions"]
    assert set(row[3:]) == {"not defined"}


def test_quarters_are_counted_back_over_years():
    assert [quarters_back(date(2026, 1, 1), number) for number in (-4, 0, 1, 5)] == [
        date(2027, 1, 1), date(2026, 1, 1), date(2025, 10, 1), date(2024, 10, 1),
    ]  # fmt: skip
