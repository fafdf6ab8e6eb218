"""However often, late and doubled events land, sessions are what one full refresh and a plain reader make of them."""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random

import pytest
from harness import Warehouse
from session_histories import SETTLED, SessionHistory
from test_incremental import seeds

MODELS = {
    "int_engagement__interactions_validated": ("dev_intermediate", "event_id", "tomorrow_at"),
    "fct_interactions": ("dev_marts", "event_id", ""),
    "fct_sessions": ("dev_marts", "session_key", ""),
}
NO_TESTS = ("--exclude-resource-type", "test", "unit_test")
OTHERS = ("quarantine_interactions", "dim_tenant", "dim_date")
ALL = ("build", "--select", *(f"+{model}" for model in MODELS), *OTHERS, *NO_TESTS)
AGAIN = ("build", "--select", "snap_emerald__clients", "dim_client", *MODELS, *NO_TESTS)  # views see the new rows
ACTIVE = {
    "agg_engagement_daily": "date_day", "agg_engagement_quarterly": "quarter_start_date",
}  # fmt: skip
SESSIONS = (
    "select tenant_id, user_id, first_event_id, client_id, channel, interaction_count, action_count, "
    "cast(time_spent_seconds * 1000 as bigint), has_order, session_date, started_at, ended_at "
    "from dev_marts.fct_sessions"
)


def contents(warehouse: Warehouse, model: str) -> list[tuple]:
    """All rows but for what says when they were written."""
    schema, key, more = MODELS[model]
    left_out = ", ".join(name for name in ("load_id", "validated_at", more) if name)
    return warehouse.query(f"select * exclude ({left_out}) from {schema}.{model} order by {key}")


def check_history(warehouse: Warehouse, seed: int, batches: int, events: int) -> None:
    print(f"STRATA_SEED={seed}")
    history = SessionHistory(random=Random(seed), now=datetime(2026, 5, 1, tzinfo=UTC))
    for number in range(batches):
        history.batch(events)
        history.write(warehouse)
        warehouse.dbt(*(AGAIN if number else ALL))
    incremental = {model: contents(warehouse, model) for model in MODELS}
    stamps = dict(warehouse.query("select user_id, max(validated_at) from dev_marts.fct_sessions group by 1"))
    expected = sorted((session.as_row() for session in history.sessions()), key=str)
    found = sorted(warehouse.query(SESSIONS), key=str)
    assert found == expected, f"seed {seed}: {[r for r in found if r not in expected][:3]} is not what a reader says"
    events_expected = {row["event_id"] for row in history.counted_events()}
    assert {row[0] for row in warehouse.query("select event_id from dev_marts.fct_interactions")} == events_expected
    warehouse.dbt("run", "--select", *MODELS, *ACTIVE, "--full-refresh")
    for model, period in ACTIVE.items():
        counted = warehouse.query(
            f"select tenant_id, {period}, active_client_count, session_count, interaction_count from dev_marts.{model}"
        )
        assert sum(row[3] for row in counted) == len(expected), f"seed {seed}: {model} counts a session twice"
        assert sum(row[4] for row in counted) == len(events_expected), f"seed {seed}: {model} counts an event twice"
        active = {row[:2]: row[2] for row in counted if row[2]}
        assert active == history.active_clients("quarter" in model), f"seed {seed}: {model}"
    for model, rows in incremental.items():
        refreshed = contents(warehouse, model)
        missing, surplus = [r for r in refreshed if r not in rows], [r for r in rows if r not in refreshed]
        assert not missing, f"seed {seed}, {model}: only a full refresh gives {missing[:3]}, instead of {surplus[:3]}"
        assert not surplus, f"seed {seed}, {model}: only the incremental runs give {surplus[:3]}"
        assert len(rows) == len(refreshed) >= 5
    assert stamps[SETTLED] < max(stamps.values()), f"seed {seed}: a settled user was written again"


@pytest.mark.parametrize("seed", seeds(1))
def test_incremental_sessions_equal_a_full_refresh_and_a_plain_reader(warehouse: Warehouse, seed: int) -> None:
    check_history(warehouse, seed, batches=4, events=60)


@pytest.mark.slow
@pytest.mark.parametrize("seed", seeds(6))
def test_long_histories_of_sessions(warehouse: Warehouse, seed: int) -> None:
    check_history(warehouse, seed, batches=9, events=80)
