"""The published company with a client that a purge removes: its warehouse and a stand-in for dbt.

The stand-in does what dbt does to the file: it purges the landed rows, writes the line of ops.retention_actions, and
builds the marts again. The macros and models themselves have tests of their own.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any
from unittest import mock

import duckdb
import pyarrow.parquet as parquet
from support import published_company as company

from ingestion.lock import warehouse_lock
from tools import purge
from tools.publish import renewal
from tools.publish.shelf import Shelf

GONE, NAME = "CL-990017", "Quentin Purgeable & Sons"
KEPT = "CL-990018"
OPTIONS = argparse.Namespace(confirm=True, as_of=None, dataset=None, no_compact=False)
IN_PURGE = ("pending", "compact", "note", "follow")
KILLED_AT = (*IN_PURGE, "run", "publish", "Shelf._link", "Shelf.remove_older", "write_copies")
OPS = """
    create schema ops;
    create table ops.retention_actions (
        run_id varchar, dataset_name varchar, cause varchar, action varchar, rows_due bigint, rows_held bigint,
        rows_done bigint, done_by varchar, done_at timestamptz
    );
    create table ops.tombstones (dataset_name varchar, run_id varchar, as_of timestamp)
"""


def build(warehouse: Path) -> None:
    """A built warehouse in which a client is to go; the marts name it in a plain and in a personal column."""
    company.build(warehouse, 0)
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("create schema raw_emerald; create schema raw_atom;" + OPS)
        connection.execute(
            "create table raw_emerald.clients (client_id varchar, legal_name varchar, contact_email varchar)"
        )
        connection.executemany(
            "insert into raw_emerald.clients values ($1, $2, $1 || '@example.test')",
            [[GONE, NAME], [KEPT, "Others plc"]],
        )
        build_marts(connection)


def build_marts(connection: duckdb.DuckDBPyConnection) -> None:
    """What a full refresh makes of the clients that are left."""
    connection.execute(
        "create or replace table dev_marts.int_orders as select client_id as order_key from raw_emerald.clients"
    )
    connection.execute("delete from dev_marts.fct_orders where order_key like 'CL-%'")
    connection.execute(
        "insert into dev_marts.fct_orders (order_key, sales_rep_id, note) "
        "select client_id, legal_name, client_id from raw_emerald.clients"
    )


class Dbt:
    """Stands in for `tools.purge.run`: purges or erases the client, and builds the marts again, or fails to."""

    def __init__(self, warehouse: Path, build_fails: bool = False) -> None:
        self.warehouse, self.build_fails, self.calls = warehouse, build_fails, []

    def __call__(self, *arguments: str) -> int:
        self.calls.append(arguments[:2])
        with duckdb.connect(str(self.warehouse)) as connection:
            if arguments[0] == "run-operation":
                self._remove(connection)
            elif self.build_fails:
                return 1
            else:
                build_marts(connection)
        return 0

    def _remove(self, connection: duckdb.DuckDBPyConnection) -> None:
        (count,) = connection.execute("delete from raw_emerald.clients where client_id = ?", [GONE]).fetchone() or (0,)
        connection.execute(
            "insert into ops.retention_actions values "
            "('run-1', 'raw_emerald.clients', 'x', 'delete', $1, 0, $1, 'test', current_timestamp)",
            [count],
        )
        connection.execute("insert into ops.tombstones values ('client', 'run-1', current_timestamp)")


def run_purge(warehouse: Path, dbt: Dbt | None = None) -> int:
    """`make purge CONFIRM=yes`, with the stand-in for dbt."""
    held = mock.patch.dict(os.environ, {"STRATA_LOCK_HELD": str(warehouse.resolve())})
    with mock.patch.object(purge, "run", dbt or Dbt(warehouse)), warehouse_lock(warehouse), held:
        return purge.purge_and_follow(OPTIONS)


def holding(place: Path, value: str) -> list[str]:
    """Files below a directory that hold a value in a table, a Parquet column or their bytes; hidden ones too."""
    found = []
    for path in (path for path in place.rglob("*") if path.is_file() and not path.is_symlink()):
        text = repr(parquet.read_table(path).to_pylist()) if path.suffix == ".parquet" else ""
        if path.suffix == ".duckdb":
            with duckdb.connect(str(path), read_only=True) as connection:
                tables = connection.execute("select schema_name, table_name from duckdb_tables()").fetchall()
                text = repr([connection.execute(f'from "{schema}"."{name}"').fetchall() for schema, name in tables])
        if value in text or value.encode() in path.read_bytes():
            found.append(str(path.relative_to(place)))
    return found


def purge_until_killed(warehouse: Path, point: str) -> None:
    """Purge in this process, which kills itself when the purge comes to the point."""

    def die(*_: Any, **__: Any) -> None:
        os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(60)

    class Dying(Dbt):
        def __call__(self, *arguments: str) -> int:
            return die() if arguments[0] == point else super().__call__(*arguments)  # type: ignore[func-returns-value]

    if point == "run":
        run_purge(warehouse, Dying(warehouse))
    owner, name = (Shelf, point[6:]) if point.startswith("Shelf.") else (renewal, point)
    with mock.patch.object(purge if point in IN_PURGE else owner, name, die):
        run_purge(warehouse)


if __name__ == "__main__":
    purge_until_killed(Path(os.environ["STRATA_WAREHOUSE"]), sys.argv[1])
