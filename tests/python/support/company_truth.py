"""What the files of a written company hold, counted without the landing's own readers."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from openpyxl import load_workbook

from ingestion.contract import Dataset, load_contracts

SAP_TABLES = {
    "purchase_orders": "EKKO", "purchase_order_items": "EKPO", "purchase_order_schedule_lines": "EKET",
    "goods_receipts": "EKBE", "suppliers": "LFA1", "materials": "MARA", "plants": "T001W", "material_stock": "MARD",
}  # fmt: skip
SAP_FIELDS = {
    "EBELN": ("PurchaseOrder", "PurchasingDocument"), "EBELP": ("PurchaseOrderItem", "PurchasingDocumentItem"),
    "ETENR": ("ScheduleLine",), "GJAHR": ("MaterialDocumentYear",), "BELNR": ("MaterialDocument",),
    "BUZEI": ("MaterialDocumentItem",), "LIFNR": ("Supplier",), "MATNR": ("Product", "Material"),
    "WERKS": ("Plant",), "LGORT": ("StorageLocation",), "LBBSA": ("InventoryStockType",),
}  # fmt: skip
ORACLE = {
    "ap_invoices": ("invoices", ""), "ap_invoice_lines": ("invoices", "invoiceLines"),
    "gl_accounts": ("generalLedgerAccounts", ""), "gl_journal_lines": ("journalHeaders", "journalLines"),
    "requisitions": ("purchaseRequisitions", ""), "requisition_lines": ("purchaseRequisitions", "lines"),
}  # fmt: skip
ENCODINGS = {"crm": "cp1252", "customs": "utf-8-sig"}
SEPARATORS = {"crm": ";", "customs": ";"}


class CompanyTruth:
    """Reads a company directory.

    Attributes:
        planted: the lines of planted_faults.jsonl.
    """

    def __init__(self, directory: Path) -> None:
        self._root = directory
        self.planted = json_lines(directory / "planted_faults.jsonl")

    def count(self, dataset: Dataset) -> int:
        """How many records the source delivers of a dataset, broken ones included."""
        source, name = dataset.source, dataset.name
        if source == "dbt_artifacts":
            return 0  # no dbt run
        if source == "sap":
            return sum(1 for _ in csv_rows(self._root / f"{SAP_TABLES[name]}.csv", "utf-8-sig", ","))
        if source == "atom":
            return sum(1 for _ in csv_rows(self._root / "atom" / f"{name}.csv", "utf-8", ","))
        if source == "oracle":
            resource, child = ORACLE[name]
            documents = json_lines(self._root / "oracle" / f"{resource}.jsonl")
            return sum(len(document[child]) for document in documents) if child else len(documents)
        if source == "workday":
            return len(json_lines(self._root / "workday" / f"{name.title()}.jsonl"))
        if dataset.files is None:
            return len(json_lines(self._root / source / f"{name}.jsonl"))
        return sum(self.count_by_file(dataset).values())

    def count_by_file(self, dataset: Dataset) -> dict[str, int]:
        """Records of each file of a dataset; of files with the same content only the first counts."""
        root = self._root / "files" / dataset.source
        found: dict[str, int] = {}
        contents: set[bytes] = set()
        for path in sorted(path for path in root.glob(dataset.files.pattern) if path.is_file()):
            if path.read_bytes() in contents:
                continue
            contents.add(path.read_bytes())
            name = path.relative_to(root).as_posix()
            if dataset.files.format == "workbook":
                found[name] = _workbook_records(path, dataset)
            elif dataset.files.format == "jsonl":
                found[name] = sum(1 for line in path.read_bytes().split(b"\n") if line.strip())
            else:
                found[name] = self._csv_records(dataset.source, path, name)
        return found

    def events(self, path: str) -> list[dict[str, Any]]:
        """The events of a tracking file."""
        return json_lines(self._root / "files" / "interactions" / path)

    def lines(self, path: str) -> list[str]:
        """The lines of a tracking file, whole or broken."""
        return (self._root / "files" / "interactions" / path).read_text(encoding="utf-8").split("\n")

    def rejected(self, sources: list[str]) -> Counter[tuple[str, str, str, str]]:
        """Source, dataset, key or place, and reason of each record that the log says is refused."""
        contracts = {source: load_contracts(source) for source in sources}
        found: Counter[tuple[str, str, str, str]] = Counter()
        for fault in self.planted:
            if fault["expected_outcome"] == "rejected" and fault["source"] in contracts:
                dataset = contracts[fault["source"]][fault["dataset"]]
                where = _place(fault["key"]) or _record_key(dataset, fault["key"])
                found[dataset.source, dataset.name, where, fault["expected_reason_code"]] += 1
        return found

    def _csv_records(self, source: str, path: Path, name: str) -> int:
        """Records of a file; a line that the log calls broken is one of its own, and no other line is broken."""
        broken = {
            int(fault["key"]["line"])
            for fault in self.planted
            if fault["source"] == source and fault["key"].get("file") == name and "line" in fault["key"]
        }
        lines = re.split(r"(?<=\n)", path.read_bytes().decode(ENCODINGS.get(source, "utf-8")))
        whole = "".join(line for number, line in enumerate(lines, start=1) if number not in broken)
        reader = csv.reader(io.StringIO(whole, newline=""), delimiter=SEPARATORS.get(source, ","), strict=True)
        width = len(next(reader))
        rows = list(reader)
        assert all(len(row) == width for row in rows), f"{path}: a broken line that the log does not name"
        return len(rows) + len(broken)


def json_lines(path: Path) -> list[dict[str, Any]]:
    """The records of a JSON lines file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def csv_rows(path: Path, encoding: str, separator: str) -> Iterator[dict[str, str]]:
    """The records of a CSV file without broken lines."""
    with path.open(encoding=encoding, newline="") as file:
        yield from csv.DictReader(file, delimiter=separator, strict=True)


def letters_found(rows: list[tuple[str, str, str, str, str]]) -> Counter[tuple[str, str, str, str]]:
    """Dead letters (source, dataset, record_key, source_ref, reason_codes) in the form of `CompanyTruth.rejected`."""
    found: Counter[tuple[str, str, str, str]] = Counter()
    for source, dataset, key, ref, codes in rows:
        is_place = not key.replace("/", "").replace("?", "")
        found[source, dataset, ref if is_place else key, codes] += 1
    return found


def _place(key: dict[str, str]) -> str | None:
    return f"{key['file']}:{key['line']}" if "line" in key else None


def _record_key(dataset: Dataset, key: dict[str, str]) -> str:
    values = dict(key)
    for column, names in SAP_FIELDS.items() if dataset.source == "sap" else ():
        if column in key:
            values |= dict.fromkeys(names, key[column])
    return "/".join(values.get(dataset.by_name[name].source_field) or "?" for name in dataset.keys)


def _workbook_records(path: Path, dataset: Dataset) -> int:
    """Records of a sheet: below the header, without totals; of an unpivoted one each cell with a value."""
    sheet = load_workbook(path)[dataset.files.sheet]
    rows = list(sheet.iter_rows(values_only=True))
    first = dataset.fields[0].source_field
    header = next(number for number, row in enumerate(rows) if row[0] == first)
    total = re.compile(dataset.files.total_rows)
    body = [row for row in rows[header + 1 :] if any(v is not None for v in row) and not total.match(str(row[0]))]
    if not dataset.files.unpivot_columns:
        return len(body)
    months = [n for n, name in enumerate(rows[header]) if re.match(dataset.files.unpivot_columns, str(name))]
    return sum(row[month] is not None for row in body for month in months)


def by_dataset(changes: list[Any]) -> dict[tuple[str, str, str], list[dict[str, str]]]:
    """Keys of changes by source, dataset and kind of change."""
    found: dict[tuple[str, str, str], list[dict[str, str]]] = defaultdict(list)
    for change in changes:
        found[change.source, change.dataset, change.change].append(change.key)
    return dict(found)
