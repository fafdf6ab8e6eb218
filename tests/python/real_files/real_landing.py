"""Files through the whole landing: a contract drafted for each, one dlt load of all into DuckDB."""

from __future__ import annotations

import csv
import os
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ingestion import contract
from ingestion.contract import Dataset
from ingestion.draft import draft_contract
from ingestion.file_source import FileReader, FileSourceConfig
from ingestion.files import FileLayout
from ingestion.runner import LoadReport, load

ROOT = Path(__file__).resolve().parents[3]
DATA = Path(os.environ.get("STRATA_SHARED_DATA", ROOT.parent / "shared" / "data"))
SEED = int(os.environ.get("STRATA_SEED", "1"))
SOURCE = "real"

needs_data = pytest.mark.skipif(not DATA.is_dir(), reason=f"no sample files at {DATA}; set STRATA_SHARED_DATA")


class RealReader(FileReader):
    """Reads the files that a test delivers."""

    name = SOURCE
    header_rows: dict[str, tuple[tuple[int, str], ...]] = {}

    def layout(self, dataset: Dataset) -> FileLayout:
        return replace(super().layout(dataset), unpivot_header_rows=self.header_rows.get(dataset.name, ()))


@dataclass
class Landed:
    """A warehouse after a load of one source."""

    report: LoadReport
    warehouse: Path
    inbox: Path

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Query the warehouse."""
        with duckdb.connect(str(self.warehouse)) as connection:
            return connection.execute(sql, list(values)).fetchall()

    def tables(self) -> set[str]:
        """The raw tables; a dataset without a good record has none."""
        sql = f"select table_name from information_schema.tables where table_schema = 'raw_{SOURCE}'"
        return {name for (name,) in self.rows(sql)}


class Delivery:
    """An inbox with one directory and one contract for each dataset."""

    def __init__(self, directory: Path) -> None:
        self.inbox, self.contracts = directory / "inbox", directory / "contracts"
        (self.contracts / SOURCE).mkdir(parents=True)
        self.inbox.mkdir()
        self.warehouse, self.state = directory / "w.duckdb", directory / "state"

    def deliver(self, path: Path, dataset: str | None = None) -> str:
        """Put a file into its dataset's directory; returns the dataset's name."""
        dataset = dataset or dataset_name(path)
        (self.inbox / dataset).mkdir()
        (self.inbox / dataset / path.name).symlink_to(path.resolve())
        return dataset

    def draft(self, dataset: str, path: Path, *changes: tuple[str, str], sheet: str | None = None) -> None:
        """Draft the contract of a dataset; `changes` are what a person edits in it."""
        text = draft_contract(path, SOURCE, dataset, pattern=f"{dataset}/*", sheet=sheet)
        for old, new in changes:
            assert old in text, (dataset, old)
            text = text.replace(old, new)
        self.write(dataset, text)

    def write(self, dataset: str, text: str) -> None:
        """Put a contract in place."""
        (self.contracts / SOURCE / f"{dataset}.odcs.yaml").write_text(text, encoding="utf-8")

    def load(self, max_reject_ratio: float = 1.0) -> Landed:
        """One load of all datasets."""
        with self._environment():
            report = load(RealReader(FileSourceConfig(directory=str(self.inbox), max_reject_ratio=max_reject_ratio)))
        return Landed(report, self.warehouse, self.inbox)

    @contextmanager
    def _environment(self) -> Iterator[None]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("STRATA_WAREHOUSE", str(self.warehouse))
            patch.setenv("STRATA_STATE_DIR", str(self.state))
            patch.setattr(contract.load_contracts, "__defaults__", (self.contracts,))
            yield


def dataset_name(path: Path) -> str:
    """A dataset's name for a file: its directory and its name in snake_case."""
    stem = re.sub(r"\.(csv|gz|jsonl?|xlsx?)\b", "", path.name)
    return re.sub(r"[^a-z0-9]+", "_", f"{path.parent.name}_{stem}".lower()).strip("_")


def stand_in(directory: Path, columns: list[str], *rows: list[str]) -> Path:
    """A small CSV with these columns, to draft a contract for a file of which no record can be read."""
    path = directory / "stand_in.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([columns, *(rows or [["x"] * len(columns)])])
    return path


def check_conservation(landed: Landed) -> None:
    """Rows in the table + dead letters = records read, and raw_ops.loads and raw_ops.files say the same."""
    letters = Counter(dataset for (dataset,) in landed.rows("select dataset from raw_ops.dead_letters"))
    sql = "select dataset, rows_read, rows_good, rows_rejected from raw_ops.{}"
    loads = {row[0]: row[1:] for row in landed.rows(sql.format("loads"))}
    files = {row[0]: row[1:] for row in landed.rows(sql.format("files"))}
    refused = {text.partition(":")[0] for text in landed.report.refused_files}
    tables = landed.tables()
    assert set(loads) == set(landed.report.datasets)
    assert set(files) == set(loads) - refused
    for dataset, counts in landed.report.datasets.items():
        rows = landed.rows(f"select count(*) from raw_{SOURCE}.{dataset}")[0][0] if dataset in tables else 0
        assert (rows, letters[dataset]) == (counts.rows_good, counts.rows_rejected), dataset
        assert rows + letters[dataset] == counts.rows_read, dataset
        assert loads[dataset] == (counts.rows_read, rows, letters[dataset]), dataset
        assert files.get(dataset, loads[dataset]) == loads[dataset], dataset
