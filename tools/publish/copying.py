"""Copies marts into a DuckDB file that clients of 1.4 read, writes Parquet beside it, and checks both by content."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from ingestion.errors import ConfigError, DestinationError, LockedError
from tools.publish.marts import REMEDY, Mart

STORAGE_VERSION = "v1.4.0"
FILE = "strata.duckdb"
COPY = "published_copy"  # the name under which the new file is attached; it is not stored in it
MODULUS = 2**128


@dataclass(frozen=True)
class Published:
    """A table as it stands in the copy: rows, and the hash of its content, whatever the order of the rows."""

    mart: Mart
    rows: int
    content_hash: str

    @property
    def parquet(self) -> str:
        """Path of the Parquet file in the version's directory."""
        return f"parquet/{self.mart.schema}/{self.mart.name}.parquet"


@contextmanager
def connection_to(scratch: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection in UTC that spills into the directory."""
    config = {
        "memory_limit": os.environ.get("STRATA_MEMORY_LIMIT", "1500MB"),
        "temp_directory": str(scratch / ".spill"),
        "autoinstall_known_extensions": "false",
    }
    with duckdb.connect(config=config) as connection:
        connection.execute("set TimeZone = 'UTC'; set enable_progress_bar = false")
        yield connection


def copy_marts(warehouse: Path, marts: list[Mart], directory: Path) -> tuple[dict[str, int], datetime | None]:
    """Write the file; returns the rows of each mart and the time up to which data have landed.

    The caller holds the warehouse's lock.

    Raises:
        ConfigError: a mart, or a column of one, is not in the warehouse.
        LockedError: another program writes to the warehouse.
    """
    database = marts[0].source[0]
    with connection_to(directory) as connection:
        attach_source(connection, warehouse, database)
        _check_built(connection, marts)
        landed = landed_through(connection, database)
        target = _text(str(directory / FILE))
        connection.execute(f"attach {target} as {COPY} (storage_version '{STORAGE_VERSION}')")
        rows = {}
        for schema in sorted({mart.schema for mart in marts}):
            connection.execute(f"create schema {COPY}.{_name(schema)}")
        for mart in marts:
            columns = ", ".join(_name(column) for column in mart.columns)
            source = ".".join(_name(part) for part in mart.source)
            try:
                (count,) = connection.execute(
                    f"create table {_in_copy(mart)} as select {columns} from {source}"
                ).fetchone() or (0,)
            except duckdb.BinderException as error:
                text = f"{mart.name} cannot be read as its contract says: {first_line(error)}"
                raise ConfigError(text, subject=f"warehouse {warehouse}", remedy=REMEDY) from error
            rows[mart.unique_id] = count
        return rows, landed


def attach_source(connection: duckdb.DuckDBPyConnection, warehouse: Path, database: str) -> None:
    """Attach under the name that dbt knew it by: its views carry that name.

    Raises:
        LockedError: another program writes to the warehouse.
    """
    try:
        connection.execute(f"attach {_text(str(warehouse))} as {_name(database)} (read_only)")
    except duckdb.IOException as error:
        if "lock" not in str(error):
            raise
        raise LockedError(
            f"another program has it open for writing ({first_line(error)}).",
            subject=f"warehouse {warehouse}",
            remedy="end that program, and have BI clients read the published copy instead of the warehouse.",
        ) from error


def _check_built(connection: duckdb.DuckDBPyConnection, marts: list[Mart]) -> None:
    found: dict[tuple[str, str], set[str]] = {}
    for schema, name, column in connection.execute(
        "select schema_name, table_name, column_name from duckdb_columns() where database_name = ?",
        [marts[0].source[0]],
    ).fetchall():
        found.setdefault((schema, name), set()).add(column)
    problems = []
    for mart in marts:
        columns = found.get(mart.source[1:])
        if columns is None:
            problems.append(f"{'.'.join(mart.source[1:])} is not built")
        elif missing := [column for column in mart.columns if column not in columns]:
            problems.append(f"{'.'.join(mart.source[1:])} has no column {', '.join(missing)}")
    if problems:
        text = f"{'; '.join(problems)}. Nothing was published."
        raise ConfigError(text, subject=f"warehouse database {marts[0].source[0]}", remedy=REMEDY)


def landed_through(connection: duckdb.DuckDBPyConnection, database: str) -> datetime | None:
    """When the last load of a source ended; dbt's own results do not count."""
    try:
        row = connection.execute(
            f"select max(finished_at) from {_name(database)}.raw_ops.loads where source <> 'dbt_artifacts'"
        ).fetchone()
    except duckdb.CatalogException:
        return None  # a warehouse that this project did not land
    return row[0] if row else None


def finish_copy(directory: Path, marts: list[Mart], rows: dict[str, int]) -> list[Published]:
    """Describe the tables in the file, write Parquet from it, and hold both to the same content.

    Raises:
        ConfigError: a mart has a type that Parquet has not.
        DestinationError: rows or content differ: the disk or the file is broken.
    """
    with connection_to(directory) as connection:
        connection.execute(f"attach {_text(str(directory / FILE))} as {COPY}")
        _describe(connection, marts)
        for schema in sorted({mart.schema for mart in marts}):
            (directory / "parquet" / schema).mkdir(parents=True)
        done = []
        for mart in marts:
            count, content = content_hash(connection, _in_copy(mart), list(mart.columns))
            published = Published(mart, count, content)
            parquet = _text(str(directory / published.parquet))
            connection.execute(f"copy {_in_copy(mart)} to {parquet} (format parquet, compression zstd)")
            again = content_hash(connection, f"read_parquet({parquet})", list(mart.columns))
            if again != (count, content) and (wide := _too_wide(connection, mart)):
                text = f"{mart.title} has whole numbers of 128 bits, which Parquet keeps as floats: {', '.join(wide)}."
                remedy = "cast them to bigint or decimal, as data_type of the mart's contract says, then make build."
                raise ConfigError(text, subject=f"{directory}", remedy=remedy)
            if count != rows[mart.unique_id] or again != (count, content):
                text = f"{mart.title} was copied with {rows[mart.unique_id]} rows and reads back otherwise."
                raise DestinationError(text, subject=f"{directory}", remedy="check the disk, then make publish again.")
            done.append(published)
        return done


def _too_wide(connection: duckdb.DuckDBPyConnection, mart: Mart) -> list[str]:
    """Columns that a sum of integers made, uncast."""
    described = connection.execute(f"describe {_in_copy(mart)}").fetchall()
    return [column[0] for column in described if column[1] in ("HUGEINT", "UHUGEINT")]


def write_run(directory: Path, information: dict[str, str | None], tables: list[Published]) -> None:
    """Put what the manifest says into the file too, for clients that read nothing but SQL."""
    with connection_to(directory) as connection:
        connection.execute(f"attach {_text(str(directory / FILE))} as {COPY} (storage_version '{STORAGE_VERSION}')")
        connection.execute(f"create schema {COPY}.publication")
        connection.execute(f"create table {COPY}.publication.run (name varchar, value varchar)")
        connection.executemany(f"insert into {COPY}.publication.run values (?, ?)", list(information.items()))
        connection.execute(
            f"create table {COPY}.publication.tables (table_schema varchar, table_name varchar, row_count bigint, "
            "content_hash varchar, left_out_columns varchar)"
        )
        connection.executemany(
            f"insert into {COPY}.publication.tables values (?, ?, ?, ?, ?)",
            [
                [table.mart.schema, table.mart.name, table.rows, table.content_hash, ", ".join(table.mart.left_out)]
                for table in tables
            ],
        )
        connection.execute(f"checkpoint {COPY}")
        connection.execute(f"detach {COPY}")


def content_hash(connection: duckdb.DuckDBPyConnection, relation: str, columns: list[str]) -> tuple[int, str]:
    """Rows of a relation, and a hash of them that does not depend on their order.

    Each row is written as text, the values separated by the character 31 and an empty one by the character 30; the hash
    is the sum of the rows' MD5 digests, read as little-endian numbers, modulo 2 to the power of 128, in hexadecimal.
    It needs one pass and no sorting, whatever the size.
    """
    values = ", ".join(f"coalesce(cast({_name(column)} as varchar), chr(30))" for column in columns)
    row = f"concat_ws(chr(31), {values})"
    count, high, low = connection.execute(
        "select count(*), coalesce(sum(md5_number_lower(line)), 0), coalesce(sum(md5_number_upper(line)), 0) "
        f"from (select {row} as line from {relation})"
    ).fetchone() or (0, 0, 0)
    return count, f"{((int(high) << 64) + int(low)) % MODULUS:032x}"


def _describe(connection: duckdb.DuckDBPyConnection, marts: list[Mart]) -> None:
    """The descriptions of tables and columns, which BI clients show."""
    statements = []
    for mart in marts:
        statements.append(f"comment on table {_in_copy(mart)} is {_text(mart.description)}")
        for column, description in mart.columns.items():
            if description:
                statements.append(f"comment on column {_in_copy(mart)}.{_name(column)} is {_text(description)}")
    connection.execute("begin; " + "; ".join(statements) + "; commit")


def first_line(error: Exception) -> str:
    """What DuckDB says before it explains."""
    return str(error).splitlines()[0]


def _in_copy(mart: Mart) -> str:
    return f"{COPY}.{_name(mart.schema)}.{_name(mart.name)}"


def _name(identifier: str) -> str:
    return '"' + identifier.replace('"', '""') + '"'


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
