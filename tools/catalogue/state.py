"""How the datasets are today: when they landed, how good they are. Without a warehouse the pages say so."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import duckdb

from ingestion.errors import StrataError
from ingestion.lock import warehouse_lock
from ingestion.places import warehouse_path
from tools.observed import NotThere, Observed, in_snowflake, observed
from tools.quality.facts import QUERIES

PARTS = ("freshness", "scores", "loads")  # the quality page asks the same questions


@dataclass
class State:
    """Rows by dataset; `missing` says why a part is not there."""

    freshness: dict[str, dict[str, Any]] = field(default_factory=dict)
    scores: dict[str, dict[str, Any]] = field(default_factory=dict)
    loads: dict[str, dict[str, Any]] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)

    def oldest(self, landed: Iterable[str]) -> dict[str, Any] | None:
        """Of the landed tables, the one that has used most of its promised hours."""
        known = [self.freshness[name] for name in landed if name in self.freshness]
        judged = [row for row in known if row["age_hours"] is not None and row["limit_hours"]]
        return max(judged, key=lambda row: row["age_hours"] / row["limit_hours"], default=None)


def read_state() -> State:
    """Ask the warehouse of STRATA_WAREHOUSE; what it cannot tell is named in `missing`."""
    try:
        if in_snowflake():
            with observed(read_only=True) as warehouse:  # raises, and says why
                return _ask(warehouse)
        with warehouse_lock(warehouse_path()), observed(read_only=True) as warehouse:
            return _ask(warehouse)
    except StrataError as error:
        return State(missing={part: str(error) for part in PARTS})


def _ask(warehouse: Observed) -> State:
    state = State()
    for part in PARTS:
        tables, sql = QUERIES[part]
        try:
            rows = warehouse.rows(sql, tables)
        except NotThere as error:
            state.missing[part] = f"{error}."
        except duckdb.Error as error:
            state.missing[part] = f"The query failed: {str(error).splitlines()[0]}"
        else:
            for row in rows:
                if part == "scores" and row["tenant_id"] != "all":
                    continue
                name = row["dataset_name"] if part == "scores" else f"{row['source']}.{row['dataset']}"
                getattr(state, part)[name] = row
    return state
