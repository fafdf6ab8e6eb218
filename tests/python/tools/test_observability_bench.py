"""The measure of what watching costs: pairs in turns, each held against its own other half."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from benchmarks import observability
from benchmarks.process import Measured
from benchmarks.workspace import Workspace


def test_builds_take_turns_and_a_slow_minute_meets_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    landed = tmp_path / "landed.duckdb"
    with duckdb.connect(str(landed)) as connection:
        for table in observability.MOVING:
            connection.execute(f"create schema if not exists {table.split('.')[0]}")
            connection.execute(
                f"create table {table} as select i::varchar as _source_ref, timestamptz '2026-01-01' as _landed_at"
                " from range(20000) as rows (i)"
            )
    # Before it counts, then three pairs, of which the machine halves its speed in the second.
    seconds = {"with": [99.0, 98.0, 12.0, 24.0, 11.0], "without": [1.0, 2.0, 10.0, 20.0, 10.0]}
    order: list[str] = []
    newest: list[object] = []

    def run(command: list[str], env: dict[str, str], accept: tuple[int, ...]) -> Measured:
        name = "with" if command[:4] == observability.WITH else "without"
        order.append(name)
        with duckdb.connect(env["STRATA_WAREHOUSE"], read_only=True) as connection:
            days = {
                connection.execute(f"select max(_landed_at), arg_max(_source_ref, _landed_at) from {table}").fetchone()
                for table in observability.MOVING
            }
        newest.append(max(days))
        return Measured(seconds[name].pop(0), 5.0, 100.0, "")

    monkeypatch.setattr(observability, "run", run)
    found = observability.share(Workspace(tmp_path / "bench", 1), pairs=3, landed=landed)
    assert order == ["with", "without", "without", "with"] * 2 + ["with", "without"]
    assert newest == sorted(set(newest)), "each build meets a day that the one before has not seen"
    assert found["observability_share"] == pytest.approx(0.2)
    assert (found["observability_with_seconds"], found["observability_without_seconds"]) == (12.0, 10.0)
    assert found["observability_cpu_share"] == 0


def test_the_build_without_is_what_the_build_with_begins_with() -> None:
    from tools.run import build_command

    assert observability.WITHOUT[3:] == build_command()
