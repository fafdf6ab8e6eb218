"""What `make capacity` refuses, and what it writes."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import openpyxl
import pytest

from tools.capacity import PlanError, check_plan, main
from tools.capacity_report import Report, write_report

DAY = date(2026, 7, 1)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("~$plan.xlsx", "while a workbook is open"),
        ("nowhere.xlsx", "no such file"),
        (".", "is a directory"),
        ("plan.pdf", "no Excel workbook"),
    ],
)
def test_a_file_that_is_no_plan_is_refused(tmp_path: Path, name: str, told: str) -> None:
    for real in ("~$plan.xlsx", "plan.pdf"):
        (tmp_path / real).write_bytes(b"x")
    with pytest.raises(PlanError, match=told.replace("$", r"\$")):
        check_plan(tmp_path / name)


def test_a_refusal_is_told_and_nothing_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--plan", str(tmp_path / "nowhere.xlsx"), "--out", str(tmp_path / "out")]) == 2
    assert "no such file" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_the_report_reads_back(tmp_path: Path) -> None:
    hostile = '=HYPERLINK("x")'
    report = Report(
        [(DAY, "GB10", "C1", Decimal("4.00"), Decimal("3.5"), Decimal("-0.5"), Decimal("-12.5"), None, None)],
        [
            (
                DAY,
                "GB10",
                "C1",
                hostile,
                Decimal("4.00"),
                Decimal("3.5"),
                Decimal("-0.5"),
                Decimal("-12.5"),
                "planned",
                "b",
            )
        ],
        [],
        ["b"],
        has_workers=True,
    )
    book_path, csv_path = write_report(report, tmp_path)
    book = openpyxl.load_workbook(book_path)
    sheet = book["By cost centre"]
    assert [cell.value for cell in sheet[2]][3:7] == [4, 3.5, -0.5, -12.5]
    assert sheet["A2"].number_format == "mmm yyyy"
    assert sheet.freeze_panes == "D2"
    assert book["By capability"]["D2"].data_type == "s", "what a planner typed must not become a formula"
    assert csv_path.read_text(encoding="utf-8-sig").splitlines()[1].startswith("2026-07,GB10,C1,\"'=HYPERLINK")
    assert report.headline()[0] == "July 2026: 4.0 planned, 3.5 actual, -0.5"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["capacity_plan.csv", "capacity_plan.xlsx"]
