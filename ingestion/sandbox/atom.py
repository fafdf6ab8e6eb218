"""The Atom order platform of the sandbox: its database, filled from a company directory.

with AtomDatabase(company_directory) as atom:
    atom.credentials   # postgresql://..., what SOURCES__ATOM__CREDENTIALS takes
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import psycopg2
from psycopg2 import sql

from ingestion.contract import Dataset, Field, load_contracts
from ingestion.sandbox.errors import SandboxError
from ingestion.sandbox.postgres import PostgresServer
from ingestion.sandbox.rest import Credentials

DATABASE = SCHEMA = "atom"
COMPLETE = "The sandbox's Atom platform"
COLUMN_TYPES = {"string": "text", "integer": "bigint", "boolean": "boolean", "date": "date", "timestamp": "timestamptz"}
FRESH = (
    "drop database if exists {database}",
    "drop role if exists {role}",
    "create database {database}",
    "create role {role} login password {password}",
    "alter role {role} set default_transaction_read_only = on",
)
GRANTS = (
    "grant usage on schema {schema} to {role}",
    "grant select on all tables in schema {schema} to {role}",
)


class AtomDatabase:
    """The platform's database on a server of its own; use it as a context manager.

    Args:
        company: directory with `atom/<table>.csv` to load; None leaves the tables empty.
        directory: where the cluster lives, and stays; None is a temporary one that goes when the server stops.
        reader: the user that may only read; default is the sandbox's.
    """

    def __init__(
        self, company: Path | None = None, directory: Path | None = None, reader: Credentials | None = None
    ) -> None:
        self._company = company
        self._reader = reader or Credentials()
        self.server = PostgresServer(directory)

    def __enter__(self) -> AtomDatabase:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def credentials(self) -> str:
        """Connection string of the user that may only read."""
        return self.server.uri(DATABASE, self._reader.user, self._reader.password)

    def connect(self) -> Any:
        """A psycopg2 connection of the owner, in autocommit: what the platform itself does goes through it."""
        connection = psycopg2.connect(self.server.uri(DATABASE))
        connection.autocommit = True
        return connection

    def start(self) -> None:
        """Start the server; make the database, its tables and its reader, and load the company, where it is new.

        Raises:
            SandboxError: the server does not start, or a file cannot be loaded; says why.
        """
        self.server.start()
        try:
            if not self._is_made():
                self._make()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop the server."""
        self.server.stop()

    def load(self, directory: Path) -> dict[str, int]:
        """COPY `<table>.csv` of a directory into the tables, all or nothing; returns rows by table.

        Raises:
            SandboxError: a file is missing or does not fit its table.
        """
        with contextlib.closing(self.connect()) as connection, connection.cursor() as cursor:
            cursor.execute("begin")
            loaded = {name: _copy(cursor, name, directory / f"{name}.csv") for name in load_contracts("atom")}
            cursor.execute("commit")
            cursor.execute("analyze")
        return loaded

    def _is_made(self) -> bool:
        """Whether a start has ended: the comment is its last statement."""
        with contextlib.closing(psycopg2.connect(self.server.uri())) as connection, connection.cursor() as cursor:
            cursor.execute(
                "select 1 from pg_database where datname = %s and shobj_description(oid, 'pg_database') = %s",
                [DATABASE, COMPLETE],
            )
            return cursor.fetchone() is not None

    def make_tables(self) -> None:
        """Make the schema and its tables, empty, and let the reader read them."""
        self._run(self.server.uri(DATABASE), sql.SQL("create schema {schema}"))
        for dataset in load_contracts("atom").values():
            self._run(self.server.uri(DATABASE), *table_statements(dataset))
        self._run(self.server.uri(DATABASE), *map(sql.SQL, GRANTS))

    def _make(self) -> None:
        self._run(self.server.uri(), *map(sql.SQL, FRESH))
        self.make_tables()
        if self._company is not None:
            self.load(self._company / "atom")
        self._run(self.server.uri(), sql.SQL("comment on database {database} is {complete}"))

    def _run(self, uri: str, *statements: Any) -> None:
        names = {
            "role": sql.Identifier(self._reader.user),
            "password": sql.Literal(self._reader.password),
            "schema": sql.Identifier(SCHEMA),
            "database": sql.Identifier(DATABASE),
            "complete": sql.Literal(COMPLETE),
        }
        with contextlib.closing(psycopg2.connect(uri)) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                for statement in statements:
                    cursor.execute(statement.format(**names) if isinstance(statement, sql.SQL) else statement)


def table_statements(dataset: Dataset) -> list[sql.Composed]:
    """DDL of a table as the platform would have it: typed and keyed, an index on the change stamp.

    Only keys are NOT NULL and nothing is checked, because the company has records that break their contract.
    """
    table = sql.Identifier(SCHEMA, dataset.name)
    columns = [
        sql.SQL("{} {}").format(sql.Identifier(field.source_field), sql.SQL(_column_type(field)))
        for field in dataset.fields
    ]
    keys = [sql.Identifier(dataset.by_name[key].source_field) for key in dataset.keys]
    parts = [*columns, sql.SQL("primary key ({})").format(sql.SQL(", ").join(keys))]
    statements = [sql.SQL("create table {} ({})").format(table, sql.SQL(", ").join(parts))]
    if dataset.change_cursor:
        stamp = sql.Identifier(dataset.by_name[dataset.change_cursor].source_field)
        statements.append(sql.SQL("create index on {} ({})").format(table, stamp))
    return statements


def _column_type(field: Field) -> str:
    if field.logical_type == "number":
        return "numeric({},{})".format(*field.decimal)
    return COLUMN_TYPES[field.logical_type]


def _copy(cursor: Any, name: str, path: Path) -> int:
    try:
        with path.open(encoding="utf-8", newline="") as lines:
            columns = sql.SQL(", ").join(map(sql.Identifier, lines.readline().strip().split(",")))
            lines.seek(0)
            command = sql.SQL("copy {} ({}) from stdin with (format csv, header true)")
            cursor.copy_expert(command.format(sql.Identifier(SCHEMA, name), columns), lines)
            return cursor.rowcount
    except OSError as error:
        raise SandboxError(
            f"it cannot be read: {error.strerror}.",
            subject=str(path),
            remedy="name a company directory with atom/<table>.csv for each contract in contracts/atom.",
        ) from error
    except psycopg2.Error as error:
        raise SandboxError(
            f"it does not fit its table: {' '.join(str(error).split())}",
            subject=str(path),
            remedy=f"compare its header and values with contracts/atom/{name}.odcs.yaml.",
        ) from error
