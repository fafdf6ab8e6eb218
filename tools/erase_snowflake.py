"""What `make erase` reads in Snowflake: where a subject stands, what holds it, and what an erasure did.

Searched are the database of dbt's target and that of var raw_database, each table with one query; the session sees what
its role may read, and masks where the role gets masks.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from snowflake.connector import SnowflakeConnection
from snowflake.connector.errors import Error

from tools.snowflake.account import one_line, session
from tools.subject_search import Place

# Views hold nothing of their own; the seed of holds names whom it holds, and says so.
COLUMNS = """
    select t.table_catalog, t.table_schema, t.table_name, t.retention_time, c.column_name
    from {database}.information_schema.tables as t
    inner join {database}.information_schema.columns as c
        on t.table_schema = c.table_schema and t.table_name = c.table_name
    where t.table_schema <> 'INFORMATION_SCHEMA' and t.table_type not like '%VIEW'
        and lower(t.table_name) <> 'legal_holds'
        and (c.data_type in ('TEXT', 'VARIANT', 'OBJECT', 'ARRAY', 'MAP') or c.data_type like 'VARCHAR%')
    order by t.table_schema, t.table_name, c.ordinal_position
"""
ACTIONS = """
    select dataset_name, action, rows_due, rows_held, rows_done, done_by, done_at
    from {ops}.retention_actions where run_id = %s order by done_at, dataset_name
"""
HOLDS = """
    select hold_id, dataset_name, held_from_date, reason from {seeds}.legal_holds
    where held_from_date <= %s and coalesce(held_to_date > %s, true) and subject_kind = %s and subject_id = %s
    order by hold_id, dataset_name
"""


@dataclass
class Found:
    """Columns that name the subject, tables that could not be read, how many could, and for how many days Time Travel
    keeps rows of one of them at most."""

    places: list[Place] = field(default_factory=list)
    unsearched: list[str] = field(default_factory=list)
    tables: int = 0
    days: int = 0


class Account:
    """The target's database, whose schemas begin with `schema`, and `raw`, that of the landed ones."""

    def __init__(self, connection: SnowflakeConnection, database: str, schema: str, raw: str) -> None:
        self._cursor = connection.cursor()
        self.databases = [database] if raw.upper() == database.upper() else [database, raw]
        self._raw, self._ops = raw, f"{raw}.ops"
        # As macro generate_schema_name names it. Seeds of other developers in the same database are not asked.
        self._seeds = f"{database}." + ("seeds" if schema.lower() == "prod" else f"{schema}_seeds")

    def rows(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Rows of a query; `%s` stands for a parameter where there is one."""
        self._cursor.execute(sql, parameters or None)
        return self._cursor.fetchall()

    def _records(self, sql: str, *parameters: Any) -> list[dict[str, Any]]:
        rows = self.rows(sql, *parameters)
        names = [column.name.lower() for column in self._cursor.description]
        plain = [[f"{value}" if isinstance(value, date) else value for value in row] for row in rows]
        return [dict(zip(names, row, strict=True)) for row in plain]

    def role(self) -> str:
        """The session's role."""
        return self.rows("select current_role()")[0][0]

    def names(self, subject: str, master: tuple[str, str, list[str]], shortest: int) -> list[str]:
        """The identifier, and what the master record calls the subject, from so many letters on."""
        table, key, columns = master
        found = [subject]
        for column in columns:
            sql = f"select distinct {column} from {self._raw}.{table} where {key} = %s"
            found += [name for (name,) in self.rows(sql, subject) if name and len(name) >= shortest]
        return found

    def search(self, names: list[str]) -> Found:
        """Every text column of every table, for rows in which a name stands as a whole word; one query a table."""
        columns: dict[tuple[str, str, str], list[str]] = {}
        found = Found()
        for database in self.databases:
            for *table, days, column in self.rows(COLUMNS.format(database=database)):
                columns.setdefault(tuple(table), []).append(column)
                found.days = max(found.days, int(days or 0))
        for table, listed in columns.items():
            label = ".".join(table)
            try:
                counts = self._rows_naming(table, listed, names)
            except Error as error:
                why = f"error {error.errno}" if any(name in f"{error}" for name in names) else one_line(error)
                found.unsearched.append(f"{label}: {why}")
                continue
            found.tables += 1
            found.places += [Place(label, column, rows) for column, rows in zip(listed, counts, strict=True) if rows]
        return found

    def _rows_naming(self, table: tuple[str, ...], columns: list[str], names: list[str]) -> tuple[int, ...]:
        # In JSON a quote or a backslash of a name is written with another before it.
        spelt = list(dict.fromkeys([*names, *(json.dumps(name, ensure_ascii=False)[1:-1] for name in names)]))
        counts = []
        for column in columns:
            text = f"cast({_quoted(column)} as varchar)".replace("%", "%%")
            anywhere = " or ".join([f"contains({text}, %s)"] * len(spelt))
            counts.append(f"count_if(({anywhere}) and regexp_instr({text}, %s) > 0)")
        source = ".".join(_quoted(part) for part in table).replace("%", "%%")
        (row,) = self.rows(f"select {', '.join(counts)} from {source}", *[*spelt, _pattern(spelt)] * len(columns))
        return row

    def holds(self, kind: str, subject: str) -> list[dict[str, Any]]:
        """Holds in force today, by UTC, that name the subject."""
        today = datetime.now(UTC).date().isoformat()
        return self._records(HOLDS.format(seeds=self._seeds), today, today, kind, subject)

    def erasures(self, kind: str) -> list[str]:
        """Runs that erased somebody of the kind, the newest first; none before the first."""
        listed = f"select count(*) from {self._raw}.information_schema.tables where lower(table_schema) = 'ops'"
        if not self.rows(f"{listed} and lower(table_name) = 'tombstones'")[0][0]:
            return []
        sql = (
            f"select run_id, max(as_of) from {self._ops}.tombstones where dataset_name = %s group by 1 order by 2 desc"
        )
        return [run_id for run_id, _ in self.rows(sql, kind)]

    def actions(self, run_id: str) -> list[dict[str, Any]]:
        """What the run did, a line for each dataset."""
        return self._records(ACTIONS.format(ops=self._ops), run_id)

    def archives(self) -> int:
        """How many archives earlier purges wrote to the stage."""
        sql = f"select count(*) from {self._ops}.retention_actions where coalesce(archive_path, '') <> ''"
        return int(self.rows(sql)[0][0])


@contextmanager
def account() -> Iterator[Account]:
    """The account of dbt's target. Raises ConfigError for settings, DestinationError for what Snowflake refuses."""
    with session() as (connection, credentials, raw):
        yield Account(connection, credentials.database, credentials.schema, raw)


def _pattern(names: list[str]) -> str:
    """Any of the names as a whole word; what is no letter or digit in brackets, as macro snowflake__mentions has it."""
    spelt = ["".join(c if c.isalnum() else f"\\{c}" if c in "\\^[]" else f"[{c}]" for c in name) for name in names]
    return f"(^|[^A-Za-z0-9])({'|'.join(spelt)})([^A-Za-z0-9]|$)"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
