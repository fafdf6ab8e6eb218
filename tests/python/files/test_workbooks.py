"""Workbooks as people make them: titles above, merged labels, months in columns, totals and notes below."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import openpyxl
import pytest
from file_reads import Read

from ingestion.errors import ConfigError, SourceError
from ingestion.files import FileLayout, describe_file
from ingestion.files.cells import cell_name, cell_text

PLAN = FileLayout(
    "workbook",
    sheet="Headcount plan",
    columns=("Department", "Role", "month", "value"),
    unpivot_columns="^(Jan|Feb|Mar) 20[0-9]{2}$",
    unpivot_name_field="month",
    unpivot_value_field="value",
    total_rows="(?i)^(sub)?total",
)


def saved(path: Path, sheets: dict[str, list[list[object]]], merged: dict[str, list[str]] | None = None) -> Path:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
        for cells in (merged or {}).get(name, []):
            sheet.merge_cells(cells)
    book.save(path)
    return path


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    rows = [
        ["Capacity plan 2026"],
        [],
        [None, None, "Q1"],
        ["Department", "Role", dt.datetime(2026, 1, 1), "Feb 2026", dt.date(2026, 3, 1)],
        ["Operations", "Planner", 1, 2.5, 0.1 + 0.2],
        [None, "Buyer", 4, None, 6],
        ["Subtotal", None, 5, 2.5, 6.3],
        ["Sales", "Agent", 7, 8, "n/a"],
        [None, None, None],
        ["  Total", None, 12, 10.5, 6.3],
        ["Note: approved by the steering group in June"],
    ]
    merged = {"Headcount plan": ["A5:A6", "C3:E3", "A1:E1"]}
    return saved(
        tmp_path / "plan.xlsx",
        {"Notes": [["read me"]], " Headcount  Plan": rows},
        {" Headcount  Plan": merged["Headcount plan"]},
    )


def test_months_in_columns_become_records(plan):
    done = Read(plan, PLAN).check()
    assert [tuple(row.values()) for row in done.rows] == [
        ("Operations", "Planner", "Jan 2026", "1"),
        ("Operations", "Planner", "Feb 2026", "2.5"),
        ("Operations", "Planner", "Mar 2026", "0.3"),
        ("Operations", "Buyer", "Jan 2026", "4"),
        ("Operations", "Buyer", "Mar 2026", "6"),
        ("Sales", "Agent", "Jan 2026", "7"),
        ("Sales", "Agent", "Feb 2026", "8"),
        ("Sales", "Agent", "Mar 2026", "n/a"),
    ]
    assert done.batches[0].table.column_names == ["Department", "Role", "month", "value"]
    assert done.batches[0].cells.to_pylist() == ["C5", "D5", "E5", "C6", "E6", "C8", "D8", "E8"]
    assert done.lines == [5, 5, 5, 6, 6, 8, 8, 8]
    assert done.raw[0] == '{"Department":"Operations","Role":"Planner","month":"Jan 2026","value":"1"}'


def test_every_row_is_accounted_for(plan):
    count = Read(plan, PLAN).check().count
    assert (count.preamble, count.blank, count.header, count.totals, count.footer) == (2, 2, 1, 2, 1)
    assert (count.record_lines, count.empty_cells, count.lines) == (3, 1, 11)
    assert [note.kind for note in count.notes] == ["preamble", "preamble", "total", "total", "footer"]


def test_a_merged_amount_is_not_multiplied(tmp_path):
    rows = [["Region", "City", "Budget"], ["North", "A", 100], [None, "B", None], [2024, "C", 7], [None, "D", 8]]
    path = saved(tmp_path / "m.xlsx", {"S": rows}, {"S": ["A2:A3", "C2:C3", "A4:A5"]})
    done = Read(path, FileLayout("workbook")).check()
    assert done.values() == [["North", "A", "100"], ["North", "B", ""], ["2024", "C", "7"], ["2024", "D", "8"]]


def test_header_over_several_rows(tmp_path):
    rows = [["Plant", "Output", None], [None, "planned", "actual"], ["P1", 1, 2], ["P2", 3, 4]]
    path = saved(tmp_path / "h.xlsx", {"S": rows}, {"S": ["A1:A2", "B1:C1"]})
    done = Read(path, FileLayout("workbook")).check()
    assert done.batches[0].table.column_names == ["Plant", "Output planned", "Output actual"]
    assert len(done.rows) == 2


def test_sheets_are_found_or_named_in_the_error(tmp_path):
    table = [["id", "name"], [1, "x"], [2, "y"]]
    path = saved(tmp_path / "s.xlsx", {"Cover": [["About"]], "Data": table})
    assert len(Read(path, FileLayout("workbook", columns=("id", "name"))).rows) == 2
    with pytest.raises(SourceError, match=r"s.xlsx.*'Plan'.*Cover, Data.*Remedy"):
        Read(path, FileLayout("workbook", sheet="Plan"))
    twice = saved(tmp_path / "t.xlsx", {"A": table, "B": table})
    with pytest.raises(SourceError, match="A, B"):
        Read(twice, FileLayout("workbook", columns=("id", "name")))
    assert describe_file(path).layout.sheet == "Data"


def test_what_is_no_workbook_or_no_expression_is_named(tmp_path):
    path = tmp_path / "broken.xlsx"
    path.write_bytes(b"PK\x03\x04 not a workbook")
    with pytest.raises(SourceError, match="broken.xlsx"):
        Read(path, FileLayout("workbook"))
    with pytest.raises(ConfigError, match="regular expression"):
        Read(path, FileLayout("workbook", total_rows="("))


def test_duplicate_and_missing_headers(tmp_path):
    rows = [["id", "amount", None, "amount", None], [1, 2, "note", 3, None]]
    done = Read(saved(tmp_path / "d.xlsx", {"S": rows}), FileLayout("workbook", columns=("id", "amount"))).check()
    assert done.rows == [{"id": "1", "amount": "2", "unnamed_3": "note", "amount_2": "3"}]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (2013.0, "2013"),
        (0.1 + 0.2, "0.3"),
        (7561.289000000001, "7561.289"),
        (1e-7, "0.0000001"),
        (1e20, "100000000000000000000"),
        (-0.5, "-0.5"),
        (True, "true"),
        ("", ""),
        (dt.datetime(2026, 9, 30), "2026-09-30"),
        (dt.datetime(2026, 9, 30, 13, 59, 59, 999999), "2026-09-30T14:00:00"),
        (dt.time(6, 30), "06:30:00"),
        (dt.timedelta(hours=30, minutes=5), "30:05:00"),
    ],
)
def test_cells_as_text(value, text):
    assert cell_text(value) == text


def test_cell_names():
    assert [cell_name(11, 5), cell_name(0, 25), cell_name(0, 26), cell_name(9, 702)] == ["F12", "Z1", "AA1", "AAA10"]
