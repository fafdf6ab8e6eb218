"""The synthetic company: repeatable, coherent, and broken only where it says so."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ingestion.sandbox import SandboxError, Tables
from ingestion.sandbox.company import default_company, generate_company, write_company
from ingestion.sandbox.masters import TODAY


def content(directory: Path) -> dict[str, bytes]:
    files = sorted(path for path in directory.rglob("*") if path.is_file())
    return {path.relative_to(directory).as_posix(): path.read_bytes() for path in files}


def records(tables: Tables, name: str) -> list[dict[str, str]]:
    table = tables[name]
    return [dict(zip(table.columns, row, strict=True)) for row in table.rows]


@pytest.fixture(scope="module")
def whole() -> tuple[Tables, list[dict[str, Any]]]:
    """The company in its default size, and the planted faults."""
    tables, faults = generate_company()
    return tables, [fault.as_dict() for fault in faults]


@pytest.fixture(scope="module")
def spoilt(whole: tuple[Tables, list[dict[str, Any]]]) -> set[tuple[str, str]]:
    """Table and first key value of the records with a planted fault."""
    return {(fault["table"], next(iter(fault["key"].values()))) for fault in whole[1]}


def test_same_seed_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_company(tmp_path / name, seed=3, scale=0.03)
    found = [content(tmp_path / name) for name in ("one", "two")]
    assert found[0].keys() == found[1].keys()
    assert [name for name in found[0] if found[0][name] != found[1][name]] == []
    assert {name.split("/")[0] for name in found[0] if "/" in name} == {
        "oracle", "workday", "atom", "incentive", "emerald", "files",
    }  # fmt: skip


def test_other_seed_other_company(tmp_path: Path) -> None:
    write_company(tmp_path / "one", seed=3, scale=0.01)
    write_company(tmp_path / "two", seed=4, scale=0.01)
    one, two = content(tmp_path / "one"), content(tmp_path / "two")
    for name in ("EKKO.csv", "atom/orders.csv", "oracle/invoices.jsonl", "emerald/payments.jsonl"):
        assert one[name] != two[name]


def test_files_look_as_sap_exports_them(company: Path) -> None:
    for path in company.glob("*.csv"):
        text = path.read_bytes()
        assert text.startswith(b"\xef\xbb\xbfMANDT,"), path.name
        assert text.count(b"\n") == text.count(b"\r\n") > 1, path.name


def test_default_size(whole: tuple[Tables, Any]) -> None:
    sizes = {name: len(table.rows) for name, table in whole[0].items()}
    assert (sizes["EKKO"], sizes["LFA1"], sizes["MARA"], sizes["T001W"]) == (3000, 300, 2000, 8)
    assert 1 < sizes["EKPO"] / sizes["EKKO"] < 5
    assert sizes["EKPO"] < sizes["EKET"] <= 2 * sizes["EKPO"]


def test_scale_multiplies_orders() -> None:
    small, large = (generate_company(scale=scale)[0] for scale in (0.1, 0.3))
    assert (len(small["EKKO"].rows), len(large["EKKO"].rows)) == (300, 900)


@pytest.mark.parametrize("scale", [0, -1, 101, float("nan")])
def test_impossible_scale_is_refused(scale: float) -> None:
    with pytest.raises(SandboxError, match="Remedy: use 0.01 to 100"):
        generate_company(scale=scale)


def test_keys_are_unique_and_join(whole: tuple[Tables, Any]) -> None:
    tables, _ = whole
    keys = {
        "EKKO": ("EBELN",),
        "EKPO": ("EBELN", "EBELP"),
        "EKET": ("EBELN", "EBELP", "ETENR"),
        "EKBE": ("GJAHR", "BELNR", "BUZEI"),
        "LFA1": ("LIFNR",),
        "MARA": ("MATNR",),
        "T001W": ("WERKS",),
        "MARD": ("MATNR", "WERKS", "LGORT", "LBBSA"),
    }
    values = {
        name: [tuple(row[column] for column in columns) for row in records(tables, name)]
        for name, columns in keys.items()
    }
    for name, found in values.items():
        assert len(found) == len(set(found)), name
    items, suppliers, parts = set(values["EKPO"]), set(values["LFA1"]), set(values["MARA"])
    assert {key[:1] for key in items} == set(values["EKKO"])
    assert {key[:2] for key in values["EKET"]} == items
    assert {(row["EBELN"], row["EBELP"]) for row in records(tables, "EKBE")} <= items
    assert {(row["LIFNR"],) for row in records(tables, "EKKO") if row["LIFNR"]} <= suppliers
    assert {(row["MATNR"],) for row in records(tables, "EKPO")} <= parts
    assert {key[:1] for key in values["MARD"]} == parts
    assert {key[1:2] for key in values["MARD"]} <= set(values["T001W"])


def test_dates_are_in_order(whole: tuple[Tables, Any], spoilt: set[tuple[str, str]]) -> None:
    tables, _ = whole
    ordered = {row["EBELN"]: row["AEDAT"] for row in records(tables, "EKKO")}
    for row in records(tables, "EKKO"):
        assert row["LASTCHANGEDATETIME"][:10] >= row["AEDAT"]
        assert ("EKKO", row["EBELN"]) in spoilt or row["BEDAT"] == row["AEDAT"]
    for row in records(tables, "EKET"):
        assert ("EKET", row["EBELN"]) in spoilt or row["EINDT"] > ordered[row["EBELN"]]
    for row in records(tables, "EKBE"):
        assert ordered[row["EBELN"]] <= row["BLDAT"] <= row["BUDAT"] <= row["CPUDT"] <= TODAY.isoformat()


def test_receipts_are_of_live_items_and_reversals_of_receipts(whole: tuple[Tables, Any]) -> None:
    tables, _ = whole
    deleted = {(row["EBELN"], row["EBELP"]) for row in records(tables, "EKPO") if row["LOEKZ"]}
    history = {(row["GJAHR"], row["BELNR"], row["BUZEI"]): row for row in records(tables, "EKBE")}
    reversals = [row for row in history.values() if row["BWART"] == "102"]
    assert deleted
    assert reversals
    assert not deleted & {(row["EBELN"], row["EBELP"]) for row in history.values()}
    for row in reversals:
        original = history[row["LFGJA"], row["LFBNR"], row["LFPOS"]]
        assert (original["BWART"], original["EBELP"], original["BELNR"] < row["BELNR"]) == ("101", row["EBELP"], True)


def test_net_value_follows_from_quantity_and_price(whole: tuple[Tables, Any], spoilt: set[tuple[str, str]]) -> None:
    for row in records(whole[0], "EKPO"):
        if ("EKPO", row["EBELN"]) not in spoilt:
            exact = Decimal(row["MENGE"]) * Decimal(row["NETPR"]) / Decimal(row["PEINH"])
            assert abs(Decimal(row["NETWR"]) - exact) <= Decimal("0.005"), row


def test_suppliers_differ_in_punctuality(whole: tuple[Tables, Any]) -> None:
    tables, _ = whole
    supplier = {row["EBELN"]: row["LIFNR"] for row in records(tables, "EKKO")}
    due: dict[tuple[str, str], str] = defaultdict(str)
    last: dict[tuple[str, str], str] = defaultdict(str)
    for rows, found, column in ((records(tables, "EKET"), due, "EINDT"), (records(tables, "EKBE"), last, "BUDAT")):
        for row in rows:
            if row.get("BWART", "101") == "101":
                key = (row["EBELN"], row["EBELP"])
                found[key] = max(found[key], row[column])
    lines, on_time = Counter(), Counter()
    for key, day in last.items():
        lines[supplier[key[0]]] += 1
        on_time[supplier[key[0]]] += day <= due[key]
    rates = [on_time[name] / lines[name] for name in lines if lines[name] >= 25]
    assert 0.65 < on_time.total() / lines.total() < 0.8
    assert min(rates) < 0.6 < 0.85 < max(rates)


def test_no_orders_go_to_a_supplier_after_its_block(whole: tuple[Tables, Any]) -> None:
    tables, _ = whole
    blocked = {row["LIFNR"]: row["UPDAT"] for row in records(tables, "LFA1") if row["SPERR"]}
    late = [row for row in records(tables, "EKKO") if row["AEDAT"] >= blocked.get(row["LIFNR"], "9999")]
    assert blocked
    assert not late


def test_planted_faults_are_where_the_log_says(whole: tuple[Tables, list[dict[str, Any]]]) -> None:
    tables, faults = whole
    assert 8 <= len(faults) <= 12
    for fault in faults:
        if fault["table"] == "EKPO" and fault["column"] == "WAERS":
            continue  # shown by the item, held by its order
        (row,) = [row for row in records(tables, fault["table"]) if fault["key"].items() <= row.items()]
        assert row[fault["column"]] == fault["value"]


def test_names_say_that_they_are_made_up(whole: tuple[Tables, Any]) -> None:
    tables, _ = whole
    assert all("Synthetic" in row["NAME1"] for name in ("LFA1", "T001W") for row in records(tables, name))
    assert all("synthe" in row["MAKTX"] for row in records(tables, "MAKT"))
    assert all(row["ERNAM"].startswith("BUYER") for row in records(tables, "EKKO"))
    assert date.fromisoformat(max(row["AEDAT"] for row in records(tables, "EKKO"))) <= TODAY


def test_default_company_is_kept_and_repaired(tmp_path: Path) -> None:
    first = default_company(scale=0.02, cache=tmp_path)
    stamp = (first / "EKKO.csv").stat().st_mtime_ns
    assert default_company(scale=0.02, cache=tmp_path) == first
    assert (first / "EKKO.csv").stat().st_mtime_ns == stamp
    before = content(first)
    for name in ("EKPO.csv", "emerald/clients.jsonl"):
        (first / name).write_text("damaged")
        assert content(default_company(scale=0.02, cache=tmp_path)) == before
    assert [path.name for path in tmp_path.iterdir()] == [first.name]
    assert {"EKKO.csv", "atom/orders.csv"} <= json.loads((first / "checksums.json").read_text()).keys()
