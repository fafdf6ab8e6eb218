"""A small company, served as it was written and after three more days, and the warehouses it landed in."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pytest
from rich.console import Console
from support.company_truth import CompanyTruth

from ingestion import cli
from ingestion.contract import Dataset, landed_sources, load_contracts
from ingestion.sandbox.atom import AtomDatabase
from ingestion.sandbox.company import write_company
from ingestion.sandbox.company_data.evolve import Change, evolve
from ingestion.sandbox.systems import SandboxSystems

SEED = int(os.environ.get("STRATA_SEED", "1"))
SCALE, DAYS = 0.03, 3
# What `evolve` may change; on some seeds a source of them has a quiet day, and is landed like the others.
EVOLVING = {"sap", "oracle", "workday", "incentive", "emerald", "atom", "interactions"}
BOOKKEEPING = ("_landed_at", "_source_ref", "_dlt_load_id")


NO_DBT = {"DBT_TARGET_PATH": "/nonexistent"}  # this project's own dbt runs are none of this company's


@dataclass
class Warehouse:
    """A warehouse file, what its loads printed, and how they ended."""

    path: Path
    outputs: list[str] = field(default_factory=list)
    codes: list[int] = field(default_factory=list)
    _reading: Any = None

    def load(self, settings: dict[str, str], sources: list[str] | None = None) -> None:
        """`python -m ingestion load` in this process, all output caught."""
        self.close()
        caught = io.StringIO()
        with pytest.MonkeyPatch.context() as patch:
            own = {"STRATA_WAREHOUSE": str(self.path), "STRATA_LOCK_WAIT": "60", **NO_DBT}
            for name, value in {**settings, **own}.items():
                patch.setenv(name, value)
            for console in ("out", "err"):
                patch.setattr(cli, console, Console(file=caught, width=140))
            with contextlib.redirect_stdout(caught), contextlib.redirect_stderr(caught):
                self.codes.append(cli.main(["load", *(sources or [])]))
        self.outputs.append(caught.getvalue())

    def rows(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Rows of a query; the file stays open for the next one, until a load needs it."""
        if self._reading is None:
            self._reading = duckdb.connect(str(self.path), read_only=True)
            self._reading.execute("set timezone = 'UTC'")
        return self._reading.execute(statement, parameters).fetchall()

    def close(self) -> None:
        """Let go of the file."""
        if self._reading is not None:
            self._reading.close()
            self._reading = None

    def content(self, datasets: list[Dataset]) -> dict[str, list[tuple[Any, ...]]]:
        """Every table without what differs from load to load, and the dead letters."""
        found = {
            f"{d.source}.{d.name}": self.rows(
                f"select * exclude ({', '.join(BOOKKEEPING)}) from raw_{d.source}.{d.name} order by all"
            )
            for d in datasets
        }
        letters = "select dead_letter_id, reason_codes, payload, replayed_at from raw_ops.dead_letters order by all"
        return {**found, "dead_letters": self.rows(letters)}


@dataclass
class Story:
    """What happened: a first load, one with nothing new, days that passed, a third load, and one from scratch."""

    truth: CompanyTruth
    evolved: CompanyTruth
    changes: list[Change]
    datasets: list[Dataset]
    kept: Warehouse
    fresh: Warehouse
    first: dict[str, list[tuple[Any, ...]]]
    second: dict[str, list[tuple[Any, ...]]]
    first_letters: list[tuple[Any, ...]]
    first_loads: list[tuple[Any, ...]]
    first_tables: dict[str, list[tuple[Any, ...]]]
    first_files: list[tuple[Any, ...]]


@pytest.fixture(scope="session")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """All that the tests look at; every source lands here as `python -m ingestion load` lands it."""
    root = tmp_path_factory.mktemp("landing_all")
    before, now = root / "before", root / "now"
    write_company(before, seed=SEED, scale=SCALE)
    shutil.copytree(before, now)
    datasets = [dataset for source in landed_sources() for dataset in load_contracts(source).values()]
    kept, fresh = Warehouse(root / "kept" / "w.duckdb"), Warehouse(root / "fresh" / "w.duckdb")
    print(f"seed {SEED}")
    with SandboxSystems(now) as systems:
        kept.load(systems.settings)
        first = kept.content(datasets)
        letters = kept.rows(
            "select source, dataset, record_key, source_ref, reason_codes, detail, payload from raw_ops.dead_letters"
        )
        loads = kept.rows("select source, dataset, rows_read, rows_good, rows_rejected, status from raw_ops.loads")
        tables = {
            f"{d.source}.{d.name}": kept.rows(
                "select _row_hash, _source_ref, _landed_at, t._dlt_load_id, l.status, _is_deleted"
                f" from raw_{d.source}.{d.name} as t left join raw_ops.loads as l"
                " on t._dlt_load_id = l.load_id and l.source = ? and l.dataset = ?",
                d.source, d.name,
            )
            for d in datasets
        }  # fmt: skip
        files = kept.rows("select source, dataset, path, rows_read, rows_good, rows_rejected from raw_ops.files")
        kept.load(systems.settings)
        second = kept.content(datasets)
        changes = evolve(now, DAYS, SEED)
        systems.reload()
        changed = [source for source in systems.sources if source in EVOLVING]
        with AtomDatabase(now) as atom:  # the database does not follow the directory: one is made of the new state
            settings = {**systems.settings, "SOURCES__ATOM__CREDENTIALS": atom.credentials}
            kept.load(settings, changed)
            fresh.load(settings, changed)
    yield Story(
        CompanyTruth(before), CompanyTruth(now), changes, datasets, kept, fresh, first, second, letters, loads,
        tables, files,
    )  # fmt: skip
    kept.close()
    fresh.close()
