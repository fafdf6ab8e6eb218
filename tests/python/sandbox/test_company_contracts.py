"""Every record of the synthetic company keeps its contract, except those that the log of planted faults names."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook

from ingestion.checks import Checker
from ingestion.contract import CONTRACTS_DIR, Dataset, load_dataset
from ingestion.sandbox.company import write_company

Pair = tuple[dict[str, Any], str]  # a record, and where it was read
LEDGER_HEADER = ("JeHeaderId", "JournalName", "Ledger", "PeriodName", "Category", "JournalStatus", "AccountingDate",
                 "ReversedJeHeaderId", "CreationDate", "LastUpdateDate")  # fmt: skip


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A company large enough to have every fault."""
    directory = tmp_path_factory.mktemp("company")
    write_company(directory, seed=5, scale=0.2)
    return directory


@pytest.fixture(scope="module")
def faults(written: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (written / "planted_faults.jsonl").read_text(encoding="utf-8").splitlines()]


def lines(path: Path) -> Iterator[dict[str, Any]]:
    for line in path.read_text(encoding="utf-8").splitlines():
        yield json.loads(line)


def children(path: Path, name: str, header: tuple[str, ...] = ()) -> Iterator[dict[str, Any]]:
    for record in lines(path):
        for child in record[name]:
            yield {**{field: record[field] for field in header}, **child}


def documents(root: Path, source: str, dataset: str) -> Iterator[dict[str, Any]]:
    """The JSON records of a dataset as a reader would deliver them."""
    oracle = root / "oracle"
    if source == "oracle":
        yield from {
            "ap_invoices": lambda: lines(oracle / "invoices.jsonl"),
            "ap_invoice_lines": lambda: children(oracle / "invoices.jsonl", "invoiceLines"),
            "gl_accounts": lambda: lines(oracle / "generalLedgerAccounts.jsonl"),
            "gl_journal_lines": lambda: children(oracle / "journalHeaders.jsonl", "journalLines", LEDGER_HEADER),
            "requisitions": lambda: lines(oracle / "purchaseRequisitions.jsonl"),
            "requisition_lines": lambda: children(oracle / "purchaseRequisitions.jsonl", "lines"),
        }[dataset]()
    elif source == "workday":
        yield from lines(root / "workday" / f"{dataset.title()}.jsonl")
    else:
        yield from lines(root / source / f"{dataset}.jsonl")


def tabular(root: Path, source: str, dataset: str) -> Iterator[dict[str, str]]:
    """The CSV records of a dataset, whole lines only."""
    if source == "atom":
        paths, encoding, separator = [root / "atom" / f"{dataset}.csv"], "utf-8", ","
    else:
        pattern = {"shipments_alpha": "alpha_*.csv", "shipments_beta": "beta_*.csv", "stock_counts": "stock_*.csv"}
        paths = sorted((root / "files" / source).glob(pattern.get(dataset, "*.csv")))
        encoding = {"crm": "cp1252", "customs": "utf-8-sig"}.get(source, "utf-8")
        separator = ";" if source in ("crm", "customs") else ","
    for path in paths:
        text = path.read_bytes().decode(encoding)
        kept = [line for line in re.split(r"(?<=\n)", text) if not re.match(r"(SU|A)-BROKEN|(SU|A)-SHORT", line)]
        reader = csv.reader(io.StringIO("".join(kept), newline=""), delimiter=separator, strict=True)
        header = next(reader)
        for row in reader:
            if len(row) == len(header):
                yield dict(zip(header, row, strict=True))


def typed(record: dict[str, str], contract: Dataset) -> dict[str, Any]:
    """The record as the database delivers it: flags are flags; the rest may stay text."""
    flags = [field.source_field for field in contract.fields if field.logical_type == "boolean"]
    return {**record, **{name: {"true": True, "false": False}[record[name]] for name in flags}}


def contract_of(source: str, dataset: str) -> tuple[Checker, Dataset, tuple[str, ...]]:
    contract = load_dataset(CONTRACTS_DIR / source / f"{dataset}.odcs.yaml")
    return Checker(contract), contract, tuple(contract.by_name[key].source_field for key in contract.keys)


def rejected(records: Iterator[dict[str, Any]], checker: Checker, keys: tuple[str, ...]) -> tuple[int, Counter]:
    """How many records there are, and key and reasons of those that break the contract."""
    count, found = 0, Counter()
    for record in records:
        count += 1
        if reasons := checker.check(record).reasons:
            found[tuple(str(record.get(key)) for key in keys), ",".join(sorted(map(str, reasons)))] += 1
    return count, found


def expected(faults: list[dict[str, Any]], source: str, dataset: str, keys: tuple[str, ...]) -> Counter:
    return Counter(
        (tuple(fault["key"][key] for key in keys), fault["expected_reason_code"])
        for fault in faults
        if (fault["source"], fault["dataset"], fault["expected_outcome"]) == (source, dataset, "rejected")
        and set(keys) <= set(fault["key"])
    )


JSON = [
    (source, path.name.split(".")[0])
    for source in ("oracle", "workday", "incentive", "emerald")
    for path in sorted((CONTRACTS_DIR / source).glob("*.odcs.yaml"))
]
TABULAR = [
    (source, path.name.split(".")[0])
    for source in ("atom", "crm", "customs", "scm_legacy")
    for path in sorted((CONTRACTS_DIR / source).glob("*.odcs.yaml"))
]


@pytest.mark.parametrize(("source", "dataset"), JSON)
def test_json_records_keep_their_contract(
    written: Path, faults: list[dict[str, Any]], source: str, dataset: str
) -> None:
    checker, _, keys = contract_of(source, dataset)
    count, found = rejected(documents(written, source, dataset), checker, keys)
    assert count > 0
    assert found == expected(faults, source, dataset, keys)
    assert found.total() <= 0.05 * count


@pytest.mark.parametrize(("source", "dataset"), TABULAR)
def test_csv_records_keep_their_contract(
    written: Path, faults: list[dict[str, Any]], source: str, dataset: str
) -> None:
    checker, contract, keys = contract_of(source, dataset)
    records = tabular(written, source, dataset)
    if source == "atom":
        records = (typed(record, contract) for record in records)
    count, found = rejected(records, checker, keys)
    assert count > 0
    assert found == expected(faults, source, dataset, keys)
    assert found.total() <= 0.05 * count


@pytest.mark.parametrize(("source", "dataset"), [("interactions", "events"), ("energy", "meter_readings")])
def test_json_lines_keep_their_contract(written: Path, faults: list[dict[str, Any]], source: str, dataset: str) -> None:
    checker, _, keys = contract_of(source, dataset)
    broken = {
        (fault["key"]["file"], int(fault["key"]["line"]))
        for fault in faults
        if fault["source"] == source and "line" in fault["key"]
    }
    directory = written / "files" / source
    records, unreadable = [], set()
    for path in sorted(directory.rglob("*.jsonl")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            try:
                records.append(json.loads(line))
            except ValueError:
                unreadable.add((path.relative_to(directory).as_posix(), number))
    count, found = rejected(iter(records), checker, keys)
    assert unreadable == broken
    assert set(found) == set(expected(faults, source, dataset, keys))
    assert found.total() <= 0.05 * count


def test_malformed_csv_lines_stand_where_the_log_says(written: Path, faults: list[dict[str, Any]]) -> None:
    codes: dict[str, set[str]] = defaultdict(set)
    for fault in faults:
        if fault["source"] in ("crm", "scm_legacy", "customs") and "line" in fault["key"]:
            path = written / "files" / fault["source"] / fault["key"]["file"]
            encoding = {"crm": "cp1252", "customs": "utf-8-sig"}.get(fault["source"], "utf-8")
            line = path.read_bytes().decode(encoding).split("\n")[int(fault["key"]["line"]) - 1]
            separator = "," if fault["source"] == "scm_legacy" else ";"
            is_broken = (
                line.count('"') % 2 == 1 if "QUOTE" in fault["expected_reason_code"] else line.count(separator) < 5
            )
            assert is_broken, (fault, line)
            codes[fault["source"]].add(fault["expected_reason_code"])
    both = {"UNBALANCED_QUOTE:*", "COLUMN_COUNT:*"}
    assert codes == {"crm": both, "scm_legacy": both, "customs": {"COLUMN_COUNT:*"}}


def test_every_source_has_a_fault_and_every_fault_an_outcome(faults: list[dict[str, Any]]) -> None:
    sources = {path.name for path in CONTRACTS_DIR.iterdir() if path.is_dir()} - {"dbt_artifacts", "erp"}
    assert {fault["source"] for fault in faults} == sources
    for fault in faults:
        is_judged = fault["expected_outcome"] in ("rejected", "quarantined")
        assert is_judged == bool(fault["expected_reason_code"]), fault
        assert fault["key"], fault
        assert (CONTRACTS_DIR / fault["source"] / f"{fault['dataset']}.odcs.yaml").is_file(), fault


def test_workbooks_are_as_planners_make_them(written: Path, faults: list[dict[str, Any]]) -> None:
    paths = sorted((written / "files" / "capacity_plan").glob("*.xlsx"))
    months = re.compile(r"^(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) 20[0-9]{2}$")
    assert len(paths) == 11
    odd = []
    for path in paths:
        book = load_workbook(path)
        assert book.sheetnames == ["Headcount plan", "Capability mapping"]
        plan, mapping = book["Headcount plan"], book["Capability mapping"]
        header = [cell.value for cell in plan[4]]
        assert header[:2] == ["Cost centre", "Capability"]
        assert all(months.match(name) for name in header[2:])
        assert len(header) == 14
        assert plan.merged_cells.ranges
        assert mapping.merged_cells.ranges
        assert [cell.value for cell in mapping[4]] == ["Cost centre", "Job profile", "Capability", "Share %"]
        first = [row[0] for row in plan.iter_rows(min_row=5, values_only=True)]
        assert sum(str(name).startswith("Subtotal") for name in first) == 3
        assert first[-1] == "Total"
        values = [value for row in plan.iter_rows(min_row=5, min_col=3, values_only=True) for value in row]
        odd += [value for value in values if not isinstance(value, int | float) or value < 0]
    logged = [fault["value"] for fault in faults if fault["source"] == "capacity_plan"]
    assert sorted(map(str, odd)) == sorted(logged)
