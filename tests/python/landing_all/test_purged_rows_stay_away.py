"""What a purge took from any source stays away, when the source delivers all of it again.

Look-backs of 22 years bring every record of the REST platforms and of the database, Workday always sends full reports,
files that the warehouse has forgotten land as late ones, and dbt's runs wait for their landing once more.
"""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import pytest
from landing_all.conftest import Story, Warehouse
from support.dbt_runs import write_runs
from support.plain_macros import ROOT, plain_macros

from ingestion.contract import landed_sources
from ingestion.sandbox.systems import SandboxSystems

AS_OF = "2100-01-01 00:00:00"  # late enough for every period, so that each row with a clock is due
LOOKBACK = "200000"
Keys = dict[str, set[tuple[Any, ...]]]


class Retention:
    """The macros with the project's own policies on a landed warehouse."""

    def __init__(self, path: Path) -> None:
        self.connection = duckdb.connect(str(path))
        self.connection.execute("set TimeZone = 'UTC'")
        self.macros = plain_macros(
            "macros/retention", lambda sql: SimpleNamespace(rows=self.connection.execute(sql).fetchall())
        )
        for statement in self.macros["ops_tables"]("ops"):
            self.connection.execute(statement)
        with (ROOT / "seeds/retention/retention_policies.csv").open(encoding="utf-8") as file:
            rows = [row for row in csv.DictReader(file) if row["applies_to"] == "table"]
        rows = [row for row in rows if row["dataset_name"].split(".")[0].removeprefix("raw_") in landed_sources()]
        plan = self.macros["plan_policies"](
            [{name: value or None for name, value in row.items()} for row in rows],
            {row["dataset_name"]: self._table(row["dataset_name"]) for row in rows},
        )
        assert plan["faults"] == []
        self.policies = plan["policies"]
        self.order = self.macros["purge_order"](list(self.policies), self.policies)

    def _table(self, name: str) -> dict[str, Any]:
        described = self.connection.execute(f"describe {name}").fetchall()
        columns = {column: kind for column, kind, *_ in described}
        return {"relation": name, "policy_name": name, "columns": columns, "personal": []}

    def _frame(self, **more: Any) -> dict[str, Any]:
        return {
            "as_of": AS_OF, "policies": self.policies, "holds": [], "ops": "ops", "tombstone_key": "a key",
            "run_id": "run", "archive_root": self.archive, "cause": "retention", "who": "test", **more,
        }  # fmt: skip

    archive = "."

    def purge(self, archive: Path) -> list[dict[str, Any]]:
        self.archive = str(archive)
        return self.macros["purge_in_order"](self.order, self._frame())

    def sweep(self) -> None:
        found = self.connection.execute(
            "select dataset_name, bool_or(key_digest is null) from ops.tombstones group by all"
        ).fetchall()
        stones = {
            name: {"kind": "range" if is_range else "digest", "as_of": AS_OF, "erased": False}
            for name, is_range in found
        }
        for statement in self.macros["sweep_statements"](self.order, self._frame(stones=stones)):
            self.connection.execute(statement)

    def keys(self) -> Keys:
        return {
            name: set(self.connection.execute(f"select {', '.join(policy['keys'])} from {name}").fetchall())
            for name, policy in self.policies.items()
        }


@dataclass
class Purged:
    """Keys before the purge, after it, when all had landed again, and after the sweep."""

    before: Keys
    after: Keys
    landed_again: Keys
    swept: Keys
    outcomes: list[dict[str, Any]]
    codes: list[int]


@pytest.fixture(scope="module")
def purged(story: Story, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Purged]:
    place = tmp_path_factory.mktemp("purged")
    warehouse = Warehouse(place / "w.duckdb")
    company, runs = story.kept.path.parents[1] / "now", place / "artifacts" / "w"
    story.kept.close()
    shutil.copy(story.kept.path, warehouse.path)
    write_runs(runs, range(2))
    warehouse.load({}, ["dbt_artifacts"])
    retention = Retention(warehouse.path)
    before = retention.keys()
    outcomes = retention.purge(place)
    retention.sweep()  # as the build after the purge does
    after = retention.keys()
    retention.connection.execute("delete from raw_ops.files")
    retention.connection.close()
    shutil.rmtree(runs, ignore_errors=True)
    write_runs(runs, range(2))
    with SandboxSystems(company) as systems:
        lookbacks = {
            f"SOURCES__{source.upper()}__LOOKBACK_HOURS": LOOKBACK
            for source in ("sap", "oracle", "incentive", "emerald", "atom")
        }
        warehouse.load({**systems.settings, **lookbacks})
    retention = Retention(warehouse.path)
    landed_again = retention.keys()
    retention.sweep()
    yield Purged(before, after, landed_again, retention.keys(), outcomes, warehouse.codes)
    retention.connection.close()


def test_every_source_loses_rows_and_delivers_them_again(purged: Purged) -> None:
    assert {outcome["status"] for outcome in purged.outcomes} <= {"done", "nothing due"}
    assert purged.codes == [0, 0]
    for source in landed_sources():
        names = [name for name in purged.before if name.startswith(f"raw_{source}.")]
        gone = sum(len(purged.before[name] - purged.after[name]) for name in names)
        back = sum(len(purged.landed_again[name] - purged.after[name]) for name in names)
        assert gone > 0, source
        assert back > 0, source


def test_no_purged_row_is_back_after_the_sweep(purged: Purged) -> None:
    for name, keys in purged.swept.items():
        assert keys & (purged.before[name] - purged.after[name]) == set(), name
        # Nor has the sweep taken what the purge had left.
        assert purged.after[name] & purged.landed_again[name] <= keys, name
