"""What `make report WEEK=...` refuses, what it writes, and that a closed week comes out the same again."""

from __future__ import annotations

import csv
import re
import zipfile
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pytest
import yaml

from tools.partner_bank_files import COLUMNS
from tools.partner_bank_report import main
from tools.report_files import NAVY

ROOT = Path(__file__).resolve().parents[3]
MARTS = ROOT / "models/marts/clients"
LAST = date(2026, 11, 1)  # Sunday of the last week that is over, W44
NOW, LATER = datetime(2026, 11, 2, 7, tzinfo=UTC), datetime(2027, 3, 1, 9, 30, 5, tzinfo=UTC)
HOSTILE = '=HYPERLINK("http://x")<script>alert(1)</script>'


@cache
def types_of(model: str) -> dict[str, str]:
    """Columns and types of a mart, from its contract."""
    (found,) = yaml.safe_load((MARTS / f"{model}.yml").read_text(encoding="utf-8"))["models"]
    return {column["name"]: column["data_type"] for column in found["columns"]}


def label(day: date) -> str:
    year, week, _ = day.isocalendar()
    return f"{year}-W{week:02}"


def row_of(client: str, sunday: date, rank: int, **values: Any) -> dict[str, Any]:
    return {
        "client_id": client, "bank_group": "HSBC", "bank_group_name": "HSBC", "iso_week_label": label(sunday),
        "urgency": 6, "action_rank": rank, "suggested_action": "Nothing to do", "client_name": f"Client {client}",
        "evidence": "relationship", "confidence": Decimal("1.0"), "status_change": "retained", "product_count": 1,
        "balance_gbp": Decimal("1000.5"), "balance_band": "below 10k", "payment_count_13w": 2,
        "payment_amount_13w_gbp": Decimal("250.25"), "wallet_share_13w": Decimal("0.333333"), "is_partner_client": True,
        "is_at_risk": False, "is_newly_at_risk": False, "is_mapped_bank": True, "at_stake_gbp": Decimal("1250.75"),
        "week_end_date": sunday, "restated_through_date": LAST, **values,
    }  # fmt: skip


@pytest.fixture
def warehouse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Eight complete weeks up to W44, a ninth that Emerald was not read after, and what dbt would have built."""
    path = tmp_path / "w.duckdb"
    with duckdb.connect(str(path)) as connection:
        for schema in ("marts", "intermediate", "seeds"):
            connection.execute(f"create schema dev_{schema}")
        models = (
            "fct_partner_bank_indicators_weekly",
            "rpt_partner_bank_client_indicators",
            "fct_partner_bank_restatements",
        )
        for model in models:
            columns = ", ".join(f"{name} {kind}" for name, kind in types_of(model).items())
            connection.execute(f"create table dev_marts.{model} ({columns})")
        connection.execute("create table dev_seeds.partner_banks (bank_group varchar, bank_group_name varchar)")
        connection.execute("insert into dev_seeds.partner_banks values ('HSBC', 'HSBC'), ('CITI', 'Citigroup')")
        connection.execute(
            "create table dev_intermediate.int_clients__complete_weeks (week_end_date date, has_landed boolean, "
            "last_landed_at timestamp)"
        )
        for number in range(-1, 8):
            connection.execute(
                "insert into dev_intermediate.int_clients__complete_weeks values (?, ?, '2026-11-02 06:00:00')",
                [LAST - timedelta(weeks=number), number >= 0],
            )
    for number in range(8):
        sunday = LAST - timedelta(weeks=number)
        add(path, row_of("A", sunday, 2), row_of("B", sunday, 3, client_name=HOSTILE, wallet_share_13w=None))
    add(
        path,
        row_of(
            "C", LAST - timedelta(weeks=5), 1, urgency=1, status_change="lost", is_partner_client=False, evidence=None
        ),
    )
    monkeypatch.setenv("STRATA_WAREHOUSE", str(path))
    monkeypatch.delenv("STRATA_TARGET", raising=False)
    return path


def add(path: Path, *rows: dict[str, Any]) -> None:
    with duckdb.connect(str(path)) as connection:
        for row in rows:
            for model in ("fct_partner_bank_indicators_weekly", "rpt_partner_bank_client_indicators"):
                given = {name: value for name, value in row.items() if name in types_of(model)}
                marks = ", ".join("?" for _ in given)
                connection.execute(
                    f"insert into dev_marts.{model} ({', '.join(given)}) values ({marks})", list(given.values())
                )


def write(out: Path, week: str = "2026-W39", now: datetime = NOW, *more: str) -> dict[str, bytes]:
    """Write a report; returns the content of its files by their ending."""
    assert main(["--week", week, "--out", str(out), *more], now) == 0
    bank = more[1] if more else "HSBC"
    return {path.suffix: path.read_bytes() for path in (out / bank).glob(f"{week}.*")}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            ["--week", "2026-W45"],
            "Emerald was last read on 2026-11-02, before it was over. The last complete week is 2026-W44",
        ),
        (["--week", "2026-W46"], "is not over for the last build: it ends on Sunday, 2026-11-15"),
        (["--week", "2019-W40"], "lies before the first week of the calendar, 2026-W37"),
        (["--week", "2025-W53"], "is no ISO week"),
        (["--week", "2026-40"], "is no ISO week"),
        (["--week", "2026-W44", "--bank", "hsbc; drop"], "is no bank group. Give one of CITI, HSBC"),
    ],
)
def test_a_week_that_is_not_complete_is_refused(
    warehouse: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    assert warehouse.exists()
    assert main([*arguments, "--out", str(tmp_path / "out")]) == 2
    assert told in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_week_that_no_build_has_calculated_is_refused(
    warehouse: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute(
            "update dev_marts.fct_partner_bank_indicators_weekly set restated_through_date = '2026-10-18'"
        )
    assert main(["--week", "2026-W44", "--out", str(tmp_path / "out")]) == 2
    assert "is not calculated yet. The last complete week is 2026-W42" in capsys.readouterr().err
    monkeypatch.setenv("STRATA_WAREHOUSE", str(tmp_path / "none.duckdb"))
    assert main(["--week", "2026-W44", "--out", str(tmp_path / "out")]) == 2
    assert "no warehouse" in capsys.readouterr().err


def test_the_files_can_be_read(warehouse: Path, tmp_path: Path) -> None:
    files = write(tmp_path / "out")
    rows = list(csv.DictReader(files[".csv"].decode("utf-8-sig").splitlines()))
    assert [row["client_id"] for row in rows] == ["C", "A", "B"]
    assert list(rows[0]) == list(COLUMNS)
    assert (rows[0]["evidence"], rows[0]["is_partner_client"], rows[1]["balance_gbp"]) == ("", "false", "1000.5000")
    assert rows[2]["wallet_share_13w"] == "" and rows[2]["client_name"] == f"'{HOSTILE}"

    book = openpyxl.load_workbook(tmp_path / "out/HSBC/2026-W39.xlsx")
    assert book.sheetnames == ["Clients", "Weeks", "Definitions", "Delivery"]
    clients = book["Clients"]
    assert clients.freeze_panes == "F2" and clients.auto_filter.ref.startswith("A1:")
    assert clients["A1"].font.bold and clients["A1"].fill.fgColor.rgb.endswith(NAVY)
    place = {column.label: number for number, column in enumerate(COLUMNS.values(), start=1)}
    share, balance = clients.cell(3, place["Share of payments"]), clients.cell(3, place["Balance, GBP"])
    assert (share.value, share.number_format) == (0.333333, "0.0%")
    assert (balance.value, balance.number_format) == (1000.5, "#,##0")
    name = clients.cell(4, place["Name"])
    assert (name.value, name.data_type) == (HOSTILE, "s")
    assert clients.cell(4, place["Share of payments"]).value is None
    assert {row[1].value for row in book["Definitions"].iter_rows(min_row=2)} >= set(COLUMNS)
    assert [row[0].value for row in book["Weeks"].iter_rows(min_row=2)] == ["2026-W37", "2026-W38", "2026-W39"]

    page = files[".html"].decode()
    assert page.count("<svg") == 3 and "<script" not in page and "&lt;script&gt;" in page
    # Self-contained: nothing that a browser would fetch.
    assert not re.search(r"(?:src|href|url|@import|xlink)\s*[=(:]", page.replace(HOSTILE, ""))


def test_a_closed_week_is_the_same_again_but_for_its_header(warehouse: Path, tmp_path: Path) -> None:
    first = write(tmp_path / "out")
    write(tmp_path / "out", "2026-W40")
    again = write(tmp_path / "out", now=LATER)
    assert first[".csv"] == again[".csv"]
    assert first[".html"] != again[".html"]
    header = re.compile(rb'<header class="delivery">.*?</header>', re.S)
    assert header.sub(b"", first[".html"]) == header.sub(b"", again[".html"])
    (tmp_path / "first.xlsx").write_bytes(first[".xlsx"])
    with zipfile.ZipFile(tmp_path / "first.xlsx") as one, zipfile.ZipFile(tmp_path / "out/HSBC/2026-W39.xlsx") as other:
        assert one.namelist() == other.namelist()
        differing = [name for name in one.namelist() if one.read(name) != other.read(name)]
        assert {info.date_time for info in one.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    assert differing == ["xl/worksheets/sheet4.xml"]  # sheet "Delivery"
    assert write(tmp_path / "elsewhere") == first


def test_it_says_what_changed_against_the_last_delivery(
    warehouse: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "out", "2026-W39")
    assert "The week is closed.\n" in capsys.readouterr().out
    add(warehouse, row_of("D", LAST, 1, is_at_risk=True))
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute(
            "delete from dev_marts.rpt_partner_bank_client_indicators where client_id = 'B' and week_end_date = ?",
            [LAST],
        )
        connection.execute(
            "insert into dev_marts.fct_partner_bank_restatements (bank_group, week_end_date) "
            "values ('HSBC', '2026-09-27')"
        )
    write(tmp_path / "out", "2026-W44")
    told = capsys.readouterr().out
    assert (
        "Against 2026-W39, delivered last: 2 clients, were 2; 1 new (D); 1 gone (B); 1 newly at risk (D); "
        "0 with other figures." in told
    )
    assert "The week is open: late changes restate it until 2026-W48 is calculated." in told
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute(
            "update dev_marts.rpt_partner_bank_client_indicators set balance_gbp = 7 where client_id = 'A'"
        )
    write(tmp_path / "out", "2026-W44")
    assert (
        "This week was delivered before and is restated: 2 clients, were 2; 1 with other figures."
        in capsys.readouterr().out
    )
    write(tmp_path / "out", "2026-W44")
    assert "This week was delivered before, with the same content." in capsys.readouterr().out
    write(tmp_path / "out", "2026-W39")
    assert "1 row(s) would come out differently today" in capsys.readouterr().out


def test_another_group_without_clients_has_a_report_too(
    warehouse: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = write(tmp_path / "out", "2026-W44", NOW, "--bank", "CITI")
    assert "Citigroup, 2026-W44: no client" in capsys.readouterr().out
    assert files[".csv"].decode("utf-8-sig").splitlines() == [",".join(COLUMNS)]
    assert "No client of this group" in files[".html"].decode()


def test_the_report_reads_columns_that_the_contract_has() -> None:
    assert set(COLUMNS) <= set(types_of("rpt_partner_bank_client_indicators"))
