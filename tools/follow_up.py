"""Which lines of ops.retention_actions the models have been built again after: ops.retention_follow_ups, beside them.

By run and dataset, not by time: a line has its time before it is committed, and on Snowflake two purges may run at
once, so that a time would pass over what the other one has not committed yet. And by where was built: targets may share
what has landed. An action without a note counts as not followed; a run that was killed anywhere before the note is thus
finished by the next one.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb

from tools.observed import builds_in_snowflake
from tools.run import warehouse

ACTIONS, NOTES = "retention_actions", "retention_follow_ups"
COLUMNS = "run_id varchar, dataset_name varchar, built_in varchar, followed_at timestamp with time zone"


@dataclass(frozen=True)
class Action:
    """What one run removed from one dataset, which is committed as a whole."""

    run_id: str
    dataset: str


@dataclass(frozen=True)
class _Warehouse:
    """How it is asked, the database of schema ops with its dot, what stands for a parameter, and where dbt builds."""

    rows: Callable[..., list[tuple[Any, ...]]]
    database: str
    mark: str
    built_in: str

    def table(self, name: str) -> str | None:
        """The table's name in a statement; None while there is none."""
        listed = f"select count(*) from {self.database}information_schema.tables where lower(table_schema) = 'ops'"
        ((found,),) = self.rows(f"{listed} and lower(table_name) = '{name}'")
        return f"{self.database}ops.{name}" if found else None


def pending() -> list[Action]:
    """Actions that removed something and that nobody has followed in dbt's target."""
    with _asked() as there:
        if not (actions := there.table(ACTIONS)):
            return []
        sql, values = f"select distinct a.run_id, a.dataset_name from {actions} as a where a.rows_done > 0", []
        if notes := there.table(NOTES):
            same = "n.run_id = a.run_id and n.dataset_name = a.dataset_name"
            sql += f" and not exists (select 1 from {notes} as n where {same} and n.built_in = {there.mark})"
            values = [there.built_in]
        return [Action(*row) for row in there.rows(f"{sql} order by 1, 2", *values)]


def note(actions: Sequence[Action]) -> None:
    """Write down that the models were built again after these actions; only after dbt has said so."""
    if not actions:
        return
    with _asked(read_only=False) as there:
        notes = f"{there.database}ops.{NOTES}"
        there.rows(f"create table if not exists {notes} ({COLUMNS})")
        values = ", ".join([f"({', '.join([there.mark] * 3)}, current_timestamp)"] * len(actions))
        parameters = [part for action in actions for part in (action.run_id, action.dataset, there.built_in)]
        there.rows(f"insert into {notes} (run_id, dataset_name, built_in, followed_at) values {values}", *parameters)


def last_change() -> datetime | None:
    """When the last action was done or followed, whichever is later; None before the first."""
    with _asked() as there:
        found = []
        for name, sql in ((ACTIONS, "select max(done_at) from {} where rows_done > 0"),
                          (NOTES, "select max(followed_at) from {}")):  # fmt: skip
            if table := there.table(name):
                found += [moment for (moment,) in there.rows(sql.format(table)) if moment]
    return max(found, default=None)


@contextmanager
def _asked(*, read_only: bool = True) -> Iterator[_Warehouse]:
    if not builds_in_snowflake():
        with duckdb.connect(str(warehouse()), read_only=read_only) as connection:
            target = os.environ.get("STRATA_TARGET") or "dev"
            yield _Warehouse(lambda sql, *values: connection.execute(sql, values).fetchall(), "", "?", target)
        return
    from tools.snowflake.account import session  # the connector takes a second to import, and DuckDB needs none of it

    with session() as (connection, credentials, raw):
        cursor = connection.cursor()

        def rows(sql: str, *values: Any) -> list[tuple[Any, ...]]:
            return cursor.execute(sql, values or None).fetchall()

        yield _Warehouse(rows, f"{raw}.", "%s", f"{credentials.database}.{credentials.schema}".lower())
