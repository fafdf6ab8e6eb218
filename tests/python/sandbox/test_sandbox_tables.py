"""Reading extract directories, good and bad."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ingestion.sandbox import SandboxError, read_extract

SUFFIXED = {
    "EKKO": "ACME_PO_HEADER",
    "EKPO": "ACME_PO_ITEMS",
    "EKET": "ACME_PO_SCHEDULE_LINES",
    "EKBE": "ACME_PO_HISTORY",
    "LFA1": "ACME_SUPPLIER",
    "MAKT": "ACME_MATERIAL",
    "T001W": "ACME_ORDERING_PLANT",
}


@pytest.fixture
def extract(company: Path, tmp_path: Path) -> Path:
    """A copy of the small company to spoil."""
    return Path(shutil.copytree(company, tmp_path / "extract"))


def test_suffix_names_are_understood(extract: Path) -> None:
    plain = read_extract(extract)
    for table, name in SUFFIXED.items():
        (extract / f"{table}.csv").rename(extract / f"{name}.csv")
    (extract / "MARA.csv").unlink()
    for other in ("ACME_MATERIAL_GROUP", "ACME_SUPPLIER_GEO", "ACME_NOSUPPLIER"):
        (extract / f"{other}.csv").write_text("X,Y\n1,2\n")
    renamed = read_extract(extract)
    for table in SUFFIXED:
        assert renamed[table].rows == plain[table].rows
    assert renamed["MARA"].rows == []


def test_values_are_kept_as_they_stand(extract: Path) -> None:
    (extract / "T001W.csv").write_bytes('\ufeffWERKS,NAME1,LAND1\r\n0010," a ""quoted""\r\nname ",??\r\n\r\n'.encode())
    assert read_extract(extract)["T001W"].rows == [["0010", ' a "quoted"\r\nname ', "??"]]


def test_missing_directory(tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match=r"nowhere: the extract directory is not there.*Remedy: give a directory"):
        read_extract(tmp_path / "nowhere")


def test_a_file_is_no_directory(extract: Path) -> None:
    with pytest.raises(SandboxError, match="this is not a directory"):
        read_extract(extract / "EKKO.csv")


def test_missing_tables_are_all_named(extract: Path) -> None:
    (extract / "EKBE.csv").unlink()
    (extract / "LFA1.csv").unlink()
    with pytest.raises(SandboxError, match=r"EKBE \(purchase order history\).*LFA1 \(suppliers\).*Remedy: export"):
        read_extract(extract)


def test_two_files_for_one_table(extract: Path) -> None:
    for name in ("A_PO_HEADER.csv", "B_PO_HEADER.csv"):
        shutil.copy(extract / "EKKO.csv", extract / name)
    assert read_extract(extract)["EKKO"].source.endswith("EKKO.csv")
    (extract / "EKKO.csv").unlink()
    with pytest.raises(SandboxError, match=r"A_PO_HEADER.csv, B_PO_HEADER.csv.*name it EKKO.csv"):
        read_extract(extract)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"T001W.csv \(table T001W\): the file is empty"),
        (b"WERKS,NAME1\n1,a\n", "the header lacks LAND1.*found: WERKS, NAME1"),
        (b"WERKS,NAME1,LAND1\n1,a\n", "line 2 has 2 values, the header has 3 columns"),
        (b"WERKS,NAME1,LAND1,NAME1\n1,a,b,c\n", "the header names NAME1 twice"),
        (b"WERKS,NAME1,LAND1\n1,M\xfcnster,DE\n", "byte 21 is not UTF-8"),
        (b'WERKS,NAME1,LAND1\n1,"never closed,DE\n', "the file cannot be read"),
    ],
)
def test_broken_files(extract: Path, content: bytes, message: str) -> None:
    (extract / "T001W.csv").write_bytes(content)
    with pytest.raises(SandboxError, match=message):
        read_extract(extract)


def test_nameless_columns_are_harmless(extract: Path) -> None:
    (extract / "T001W.csv").write_bytes(b"WERKS,NAME1,LAND1,,\n1,a,DE,,\n")
    assert read_extract(extract)["T001W"].rows == [["1", "a", "DE", "", ""]]
