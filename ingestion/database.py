"""Reading PostgreSQL: one snapshot of several tables, read with COPY into arrow.

dlt's `sql_table` is not used for the reading: through the driver it reaches a fifth to a seventh of COPY's speed before
anything is checked or landed (`python -m benchmarks.database_rate` measures both), and each of its tables is read in a
transaction of its own. dlt keeps settings, cursor state and loading.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg2
import pyarrow as pa
from dlt.common.configuration.specs import ConnectionStringCredentials
from psycopg2 import sql
from pyarrow import csv

from ingestion.contract import Dataset
from ingestion.errors import ConfigError, SourceError

BLOCK_BYTES = 16 * 2**20  # of CSV text; one arrow table each
ACCEPTED_TYPES = {
    "string": {"text", "character varying", "character", "uuid", "citext", "name", "enum"},
    "integer": {"smallint", "integer", "bigint"},
    "number": {"numeric", "smallint", "integer", "bigint"},
    "boolean": {"boolean"},
    "date": {"date"},
    "timestamp": {"timestamp with time zone", "timestamp without time zone"},
}
COLUMNS = """
select c.relname, a.attname,
    case when t.typtype = 'e' then 'enum' else format_type(coalesce(nullif(t.typbasetype, 0), a.atttypid), null) end,
    has_schema_privilege(n.oid, 'usage') and has_column_privilege(c.oid, a.attnum, 'select')
from pg_catalog.pg_class as c
inner join pg_catalog.pg_namespace as n on c.relnamespace = n.oid
inner join pg_catalog.pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
inner join pg_catalog.pg_type as t on a.atttypid = t.oid
where n.nspname = %s and c.relkind in ('r', 'p', 'v', 'm', 'f')
order by c.relname, a.attnum
"""
# Text that PostgreSQL writes depends on these; LOCAL, so that a connection pool in between hands none of it on.
SESSION = ("set local timezone = 'UTC'", "set local datestyle = 'ISO'", "set local intervalstyle = 'iso_8601'")


@dataclass(frozen=True)
class Column:
    """A column of a table: its name, its type without length or precision, and whether we may read it."""

    name: str
    type: str
    is_readable: bool


class Snapshot:
    """Several tables as they were at one moment: one REPEATABLE READ, read-only transaction.

    Args:
        source: name for error messages.
        credentials: where the database is.
        schema: where the tables are.
        connect_timeout_seconds: how long to wait for the server.

    Raises:
        SourceError: the server cannot be reached or refuses the user.
    """

    def __init__(
        self, source: str, credentials: ConnectionStringCredentials, schema: str, connect_timeout_seconds: int
    ) -> None:
        self._source = source
        self._schema = schema
        self._failures = Failures(source, credentials)
        try:
            self._connection = psycopg2.connect(**_parameters(credentials, connect_timeout_seconds))
        except psycopg2.Error as error:
            raise self._failures.connecting(error) from None
        with self._failures.reading(source):
            self._connection.set_client_encoding("UTF8")
            self._connection.set_session(isolation_level="REPEATABLE READ", readonly=True)
            with self._connection.cursor() as cursor:
                for statement in SESSION:
                    cursor.execute(statement)

    def close(self) -> None:
        """End the transaction and the connection."""
        with contextlib.suppress(psycopg2.Error):
            self._connection.close()

    def columns(self) -> dict[str, list[Column]]:
        """Columns of each table and view of the schema, in their order."""
        found: dict[str, list[Column]] = {}
        with self._failures.reading(self._source), self._connection.cursor() as cursor:
            cursor.execute(COLUMNS, [self._schema])
            for table, name, kind, is_readable in cursor.fetchall():
                found.setdefault(table, []).append(Column(name, kind, is_readable))
        return found

    def value(self, table: str, query: sql.Composed, parameters: Sequence[Any] = ()) -> Any:
        """The first column of the first row of a query."""
        with self._failures.reading(f"{self._source}.{table}"), self._connection.cursor() as cursor:
            cursor.execute(query, parameters)
            row = cursor.fetchone()
            return row[0] if row else None

    def copy(
        self, table: str, names: Sequence[str], query: sql.Composed, parameters: Sequence[Any] = ()
    ) -> Iterator[pa.Table]:
        """Rows of a query as arrow tables of text, NULL apart from the empty text.

        Args:
            table: for error messages.
            names: the names of the query's columns.
            query: what to read, with placeholders.
            parameters: values of the placeholders.

        A thread receives while we parse, check and write: the server, the parsing and the landing work side by side.

        Raises:
            SourceError: the connection broke or the query failed; what was yielded before is not the whole answer.
        """
        with self._connection.cursor() as cursor:
            statement = cursor.mogrify(query, parameters).decode("utf-8")
        command = f"copy ({statement}) to stdout (format csv, header true)"
        read_end, write_end = os.pipe()
        receiver = _Receiver(self._connection, command, write_end)
        receiver.start()
        broken: Exception | None = None
        try:
            with os.fdopen(read_end, "rb") as stream:
                yield from _parse(stream, names)
        except pa.ArrowInvalid as error:
            broken = error  # a connection that broke in the middle of a row looks like this, too
        finally:
            receiver.join()  # our end of the pipe is closed, so it cannot be stuck
        if receiver.error is not None:
            with self._failures.reading(f"{self._source}.{table}"):
                raise receiver.error
        if broken is not None:
            raise SourceError(
                f"its rows cannot be read: {broken}.",
                subject=f"{self._source}.{table}",
                remedy=f"a row of more than {BLOCK_BYTES // 2**20} MB, or a database whose encoding is SQL_ASCII and "
                "holds text that is not UTF-8: have the row mended, or leave the column out of what we may read.",
            ) from broken


class _Receiver(threading.Thread):
    """Runs one COPY and writes what comes into a pipe."""

    def __init__(self, connection: Any, command: str, write_end: int) -> None:
        super().__init__(name="copy", daemon=True)
        self._connection = connection
        self._command = command
        self._write_end = write_end
        self.error: Exception | None = None

    def run(self) -> None:
        try:
            with os.fdopen(self._write_end, "wb") as pipe, self._connection.cursor() as cursor:
                cursor.copy_expert(self._command, pipe, size=2**20)
        except Exception as error:  # whatever it is, it belongs to the reader
            self.error = error


def _parse(stream: Any, names: Sequence[str]) -> Iterator[pa.Table]:
    with csv.open_csv(
        stream,
        read_options=csv.ReadOptions(block_size=BLOCK_BYTES),
        parse_options=csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
        convert_options=csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()),
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    ) as reader:
        for batch in reader:
            if batch.num_rows:
                yield pa.Table.from_batches([batch])


def select(schema: str, table: str, columns: Sequence[Column]) -> sql.Composed:
    """`select ... from schema.table as t` of columns as text that means the same everywhere."""
    parts = [sql.SQL("{} as {}").format(_written(column), sql.Identifier(column.name)) for column in columns]
    return sql.SQL("select {} from {} as t").format(sql.SQL(", ").join(parts), sql.Identifier(schema, table))


def _written(column: Column) -> sql.Composed:
    name = sql.Identifier("t", column.name)
    if column.type == "timestamp without time zone":
        return sql.SQL("({} at time zone 'UTC')").format(name)
    if column.type in ("boolean", "character"):  # COPY writes t and f, and pads with spaces
        return sql.SQL("{}::text").format(name)
    return sql.SQL("{}").format(name)


def misfits(dataset: Dataset, columns: Sequence[Column]) -> tuple[dict[str, str], list[str]]:
    """What of a contract the table no longer has as agreed: changed types, and fields that are gone."""
    types = {column.name: column.type for column in columns}
    gone = [field.source_field for field in dataset.fields if field.source_field not in types]
    changed = {
        field.source_field: types[field.source_field]
        for field in dataset.fields
        if field.source_field in types and types[field.source_field] not in ACCEPTED_TYPES[field.logical_type]
    }
    return changed, gone


class Failures:
    """Turns the driver's errors into ours; the password is in none of them."""

    def __init__(self, source: str, credentials: ConnectionStringCredentials) -> None:
        self._source = source
        self._setting = f"SOURCES__{source.upper()}__CREDENTIALS"
        self._password = credentials.password or ""
        self._place = credentials.data_location()

    def connecting(self, error: Exception) -> SourceError:
        """No connection: not there, not let in, or no such database."""
        text = str(error)
        if "password" in text or "authentication" in text or "pg_hba" in text or "role" in text:
            remedy = f"check user and password in {self._setting}, and that pg_hba.conf lets this host in."
        elif "database" in text and "does not exist" in text:
            remedy = f"check the database's name in {self._setting}."
        else:
            remedy = f"check host, port and TLS options in {self._setting}, that the server runs and the network leads "
            remedy += "to it. Nothing was landed; the next load starts from the same point."
        return SourceError(
            f"no connection: {self._said(error)}", subject=f"{self._source} {self._place}", remedy=remedy
        )

    @contextlib.contextmanager
    def reading(self, subject: str) -> Iterator[None]:
        """Around each statement.

        Raises:
            SourceError: it failed.
        """
        try:
            yield
        except (psycopg2.Error, OSError) as error:
            code = getattr(error, "pgcode", None)
            remedy = next((text for start, text in REMEDIES.items() if code and code.startswith(start)), LOST)
            raise SourceError(f"the read failed: {self._said(error)}", subject=subject, remedy=remedy) from None

    def _said(self, error: Exception) -> str:
        first = " ".join(str(error).split("\nLINE ")[0].split()) or type(error).__name__
        return first.replace(self._password, "***") if self._password else first


LOST = "the connection was lost. Nothing of this run was landed; run again, the next load starts from the same point."
REMEDIES = {  # by the start of SQLSTATE
    "42501": "have the DBA grant usage on the schema and select on its tables (docs/sources/atom.md).",
    "42": "the table is not as it was a moment ago: run again; see contracts/ if it stays so.",
    "57014": "a time limit of the server stopped the query: have the DBA raise statement_timeout for this user.",
    "40001": "the standby cancelled the query to catch up: have the DBA switch on hot_standby_feedback or raise "
    "max_standby_streaming_delay, then run again.",
    "53": "the server is short of memory, disk or connections: try again later.",
}


def _parameters(credentials: ConnectionStringCredentials, connect_timeout_seconds: int) -> dict[str, Any]:
    if not (credentials.drivername or "").startswith(("postgresql", "postgres")):
        raise ConfigError(
            f"the connection string is for {credentials.drivername}.",
            subject="credentials",
            remedy="use postgresql://user:password@host:5432/database.",
        )
    given = {
        "host": credentials.host,
        "port": credentials.port,
        "user": credentials.username,
        "password": credentials.password,
        "dbname": credentials.database,
    }
    defaults = {"connect_timeout": connect_timeout_seconds, "application_name": "strata", "keepalives_idle": 60}
    return {
        **defaults,
        **{name: value for name, value in given.items() if value is not None},
        **credentials.get_query(),
    }
