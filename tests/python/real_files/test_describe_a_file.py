"""`python -m ingestion describe`: what is in a file, and a contract drafted for it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ingestion.cli import main
from ingestion.contract import Dataset, load_dataset
from ingestion.draft import file_pattern
from ingestion.files.value_types import find_types

LINES = [
    "Shipment No;Weight (lb);Shipped;Sent at;Open;Code;Either;Comment",
    "B-1;1.234,50;30.09.2026;30.09.2026 13:00;true;0012;03/04/2026;",
    "B-2;,25;01.10.2026;01.10.2026 09:30;false;0013;05/06/2026;later",
    "B-3;12;02.10.2026;02.10.2026 00:00;TRUE;0013;01/02/2026;later",
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    found = tmp_path / "shipments_2026-09.csv"
    found.write_text("\r\n".join(LINES), encoding="cp1252")
    return found


def draft(path: Path, out: Path) -> Dataset:
    assert main(["describe", str(path), "--contract", "legacy.shipments", "--out", str(out), "--json"]) == 0
    return load_dataset(out / "legacy" / "shipments.odcs.yaml")


def test_what_is_in_a_file(path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["describe", str(path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["format"], found["delimiter"], found["header line"], found["records"]) == ("csv", ";", 1, 3)
    assert found["columns"] == LINES[0].split(";")
    assert main(["describe", str(path)]) == 0
    assert "Weight (lb)" in capsys.readouterr().out


def test_the_draft_has_types_keys_and_doubts(path: Path, tmp_path: Path):
    dataset = draft(path, tmp_path / "out")
    kinds = {field.name: (field.logical_type, field.date_format, field.required) for field in dataset.fields}
    assert kinds == {
        "shipment_no": ("string", None, True),
        "weight_lb": ("number", None, True),
        "shipped": ("date", "%d.%m.%Y", True),
        "sent_at": ("timestamp", "%d.%m.%Y %H:%M", True),
        "open": ("boolean", None, True),
        "code": ("string", None, True),
        "either": ("string", None, True),
        "comment": ("string", None, False),
    }
    weight = dataset.by_name["weight_lb"]
    assert (weight.decimal_separator, weight.thousands_separator, weight.decimal) == (",", ".", (18, 2))
    assert dataset.keys == ("shipment_no",)
    assert dataset.owner == "data-platform"
    assert dataset.files and dataset.files.pattern == "shipments_*.csv"
    assert "Either is a string because it fits %d/%m/%Y and %m/%d/%Y" in dataset.limitations


def test_the_draft_keeps_the_standard(path: Path, tmp_path: Path):
    from datacontract.data_contract import DataContract

    draft(path, tmp_path / "out")
    run = DataContract(data_contract_file=str(tmp_path / "out" / "legacy" / "shipments.odcs.yaml")).lint()
    assert [check.reason for check in run.checks or [] if str(check.result.value) not in ("passed", "info")] == []


def test_a_combination_or_nothing_is_the_key(tmp_path: Path):
    path = tmp_path / "items.csv"
    path.write_text("order,item,amount\n1,1,0.5\n1,2,1.5\n2,1,2.5\n", encoding="utf-8")
    assert draft(path, tmp_path / "a").keys == ("order", "item")
    path.write_text("order,item,amount\n1,1,0.5\n1,1,1.5\n", encoding="utf-8")
    dataset = draft(path, tmp_path / "b")
    assert dataset.keys == ()
    assert "no primary key" in dataset.limitations


def test_an_existing_contract_is_kept(path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    draft(path, tmp_path)
    arguments = ["describe", str(path), "--contract", "legacy.shipments", "--out", str(tmp_path)]
    assert main(arguments) == 2
    assert "there is a contract already" in capsys.readouterr().err
    assert main(["describe", str(path), "--contract", "Legacy shipments"]) == 2


@pytest.mark.parametrize(
    ("content", "code", "words"),
    [
        (None, 2, "no such file"),
        (b"", 1, "the file is empty"),
        (b" \r\n", 1, "the file is empty"),
        (b"%PDF-1.7 and so on", 1, "not a table"),
        (b"<html><body>a,b</body></html>", 1, "not a table"),
        (b"PK\x03\x04 no workbook", 1, "the workbook cannot be read"),
    ],
)
def test_what_is_no_table_is_named(tmp_path, capsys, content: bytes | None, code: int, words: str):
    path = tmp_path / "delivered.csv"
    if content is not None:
        path.write_bytes(content)
    assert main(["describe", str(path)]) == code
    said = " ".join(capsys.readouterr().err.split())
    assert words in said and "delivered.csv" in said and "remedy" in said


@pytest.mark.parametrize(
    ("texts", "logical"),
    [
        (["1", "-2", "+30"], "integer"),
        (["1", "02"], "string"),
        (["1" * 19], "string"),
        (["1.5", "2"], "number"),
        (["1.5", "1e3"], "string"),
        (["1,234,567"], "integer"),
        (["1,234"], "string"),
        (["2026-02-28"], "date"),
        (["2026-02-30"], "string"),
        (["20260228", "20261231"], "date"),
        (["2026-02-28T10:00:00Z", "2026-02-28"], "timestamp"),
        (["13/12/2026"], "date"),
        (["12/11/2026"], "string"),
        (["2-Jun-06"], "date"),
        (["Y"], "string"),
        (["Y", "N"], "boolean"),
        (["1", "0"], "integer"),
        (["NA", "1"], "string"),
        ([" 1"], "string"),
        ([], "string"),
    ],
)
def test_types_are_found_only_if_every_text_fits(texts: list[str], logical: str):
    assert find_types({"column": texts})["column"].logical == logical


def test_other_columns_tell_what_a_separator_means():
    found = find_types({"clear": ["1.25"], "doubtful": ["1,234"]})
    assert (found["doubtful"].logical, found["doubtful"].thousands_separator) == ("integer", ",")
    found = find_types({"clear": ["1,25"], "doubtful": ["1,234"]})
    assert (found["doubtful"].logical, found["doubtful"].decimal_separator) == ("number", ",")


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("sign_ups_2026-09.csv", "sign_ups_*.csv"),
        ("beta_shipments_2026.csv", "beta_shipments_*.csv"),
        ("01_plain.csv", "01_plain.csv"),
        ("odd[1].csv", "odd[[]1[]].csv"),
    ],
)
def test_the_pattern_takes_the_next_file_too(name: str, pattern: str):
    assert file_pattern(Path(name)) == pattern
    assert Path(name).match(pattern)
