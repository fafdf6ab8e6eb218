"""Where boards read: the warehouse, or the copy that `make publish` made of it, under the same names.

Either way a board sees the public models in the schemas `marts` and `platform`, without columns of personal data.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import sqlglot
from sqlglot import exp

from ingestion.errors import ConfigError, LockedError
from ingestion.lock import warehouse_lock
from tools.publish.copying import FILE, attach_source, first_line, landed_through
from tools.publish.marts import Mart, published_marts, read_manifest

MISSING_COLUMN = re.compile(r'column named "([^"]+)"|Referenced column "([^"]+)"|does not have a column "([^"]+)"')


class Unanswered(Exception):  # noqa: N818 - it is told to who runs the command, as a sentence
    """The marts cannot answer a query; the text says which mart or column is missing."""


@dataclass
class Marts:
    """An open connection, and what stands in it.

    Attributes:
        columns: description of each column of each mart, `schema.table` to column to text.
        left_out: columns that no board may show, by mart.
        promised: columns of the contract that the warehouse does not have, by mart.
    """

    connection: duckdb.DuckDBPyConnection
    origin: str
    as_of: str | None
    columns: dict[str, dict[str, str]]
    left_out: dict[str, tuple[str, ...]] = field(default_factory=dict)
    promised: dict[str, list[str]] = field(default_factory=dict)
    remedy: str = "build the mart (make build), or change the board."

    def query(self, sql: str) -> tuple[list[str], list[tuple[Any, ...]]]:
        """Names of the columns, and the rows.

        Raises:
            Unanswered: a mart or a column is missing, or the SQL is wrong.
        """
        reads = tables_of(sql)
        if missing := [name for name in reads if name not in self.columns]:
            raise Unanswered(f"there is no mart {', '.join(missing)} (not built, renamed, or not public)")
        try:
            cursor = self.connection.execute(sql)
            return [column[0] for column in cursor.description or []], cursor.fetchall()
        except duckdb.Error as error:
            found = MISSING_COLUMN.search(str(error))
            raise Unanswered(self._lacks(next(filter(None, found.groups())), reads) if found else
                             f"the query of {', '.join(reads)} failed: {first_line(error)}") from error  # fmt: skip

    def _lacks(self, column: str, reads: list[str]) -> str:
        if hidden := [name for name in reads if column in self.left_out.get(name, ())]:
            return f"column {column} of {', '.join(hidden)} holds personal data, which boards do not show"
        owners = [name for name in reads if column in self.promised.get(name, ())]
        return f"there is no column {column} in {' or '.join(owners or reads)}"


def tables_of(sql: str) -> list[str]:
    """Tables that a query reads, as `schema.table`, without its own CTEs.

    Raises:
        Unanswered: it is no SQL.
    """
    try:
        tree = sqlglot.parse_one(sql, dialect="duckdb")
    except sqlglot.errors.SqlglotError as error:
        raise Unanswered(f"the SQL cannot be read: {first_line(error)}") from error
    ctes = {cte.alias for cte in tree.find_all(exp.CTE)}
    tables = {".".join(filter(None, (table.db, table.name))) for table in tree.find_all(exp.Table)}
    return sorted(tables - ctes)


@contextmanager
def marts_of_warehouse(path: Path, manifest: Path) -> Iterator[Marts]:
    """The warehouse as its published copy would be, without copying; holds its lock meanwhile.

    Raises:
        ConfigError: there is no warehouse, or no manifest of its build.
        LockedError: a run, or another program, holds it.
    """
    if not path.is_file():
        raise ConfigError("there is no such warehouse.", subject=f"{path}", remedy="make run")
    marts = published_marts(read_manifest(manifest), with_personal=False)
    with warehouse_lock(path), _in_memory() as connection:
        database = marts[0].source[0]
        attach_source(connection, path, database)
        landed = landed_through(connection, database)
        there = _columns(connection, database)
        columns, promised = {}, {}
        for mart in marts:
            found = there.get(mart.source[1:])
            if found is None:
                continue
            kept = [column for column in mart.columns if column in found]
            promised[mart.title] = [column for column in mart.columns if column not in found]
            if kept:
                columns[mart.title] = {column: mart.columns[column] for column in kept}
                _view(connection, mart, kept)
        left_out = {mart.title: mart.left_out for mart in marts}
        as_of = f"{landed:%Y-%m-%d %H:%M} UTC" if landed else None
        yield Marts(connection, "the warehouse", as_of, columns, left_out, promised)


@contextmanager
def marts_of_copy(place: Path) -> Iterator[Marts]:
    """The current published copy; no lock, so that no build waits.

    Raises:
        ConfigError: nothing has been published there.
    """
    file = (place / "current" / FILE).resolve()
    if not file.is_file():
        raise ConfigError("nothing has been published there.", subject=f"{place}", remedy="make publish")
    try:
        opened = duckdb.connect(str(file), read_only=True)
    except duckdb.Error as error:
        text = f"it cannot be opened: {first_line(error)}."
        raise LockedError(text, subject=f"{file}", remedy="close the program that holds it, or make publish again."
                          ) from error  # fmt: skip
    with opened as connection:
        columns: dict[str, dict[str, str]] = {}
        left_out = {}
        for schema, table, column, comment in connection.execute(
            "select schema_name, table_name, column_name, comment from duckdb_columns() where not internal"
        ).fetchall():
            columns.setdefault(f"{schema}.{table}", {})[column] = comment or ""
        for schema, table, names in connection.execute(
            "select table_schema, table_name, left_out_columns from publication.tables"
        ).fetchall():
            left_out[f"{schema}.{table}"] = tuple(filter(None, (names or "").split(", ")))
        row = connection.execute("select value from publication.run where name = 'data_as_of'").fetchone()
        as_of = row[0].replace("T", " ")[:16] + " UTC" if row and row[0] else None
        remedy = "publish again (make publish), or change the board."
        yield Marts(connection, "the published copy", as_of, columns, left_out, remedy=remedy)


def _columns(connection: duckdb.DuckDBPyConnection, database: str) -> dict[tuple[str, str], set[str]]:
    found: dict[tuple[str, str], set[str]] = {}
    rows: Iterable[tuple[str, str, str]] = connection.execute(
        "select schema_name, table_name, column_name from duckdb_columns() where database_name = ?", [database]
    ).fetchall()
    for schema, name, column in rows:
        found.setdefault((schema, name), set()).add(column)
    return found


def _view(connection: duckdb.DuckDBPyConnection, mart: Mart, columns: list[str]) -> None:
    connection.execute(f'create schema if not exists memory."{mart.schema}"')
    chosen = ", ".join(f'"{column}"' for column in columns)
    source = ".".join(f'"{part}"' for part in mart.source)
    connection.execute(f'create view memory."{mart.schema}"."{mart.name}" as select {chosen} from {source}')


@contextmanager
def _in_memory() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(config={"autoinstall_known_extensions": "false"}) as connection:
        connection.execute("set TimeZone = 'UTC'; set enable_progress_bar = false")
        yield connection
