"""What a purge took from any source stays away, when the source delivers all of it again.

Look-backs of 22 years bring every record of the REST platforms and of the database, Workday always sends full reports,
files that the warehouse has forgotten land as late ones, and dbt's runs wait for their landing once more.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from landing_all.conftest import Story, Warehouse
from support.dbt_runs import write_runs
from support.purging import Keys, Retention

from ingestion.contract import landed_sources
from ingestion.sandbox.systems import SandboxSystems

LOOKBACK = "200000"


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
    retention = Retention(warehouse.path, landed_sources())
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
    retention = Retention(warehouse.path, landed_sources())
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
