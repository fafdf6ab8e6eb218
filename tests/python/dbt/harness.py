"""Runs the real dbt project on a throw-away warehouse.

dbt runs in this process: most of what a call costs is importing dbt, which then happens once for all tests.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

import duckdb
import yaml
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.cli.main import dbtRunner, dbtRunnerResult

from ingestion.contract import landed_sources
from ingestion.ops import TABLES

ROOT = Path(__file__).resolve().parents[3]
FAILED = {"error", "fail", "runtime error", "partial success"}
OPS_TABLES = {
    "loads": "source varchar, dataset varchar, load_id varchar, run_id varchar, started_at timestamptz, "
    "finished_at timestamptz, rows_read bigint, rows_good bigint, rows_rejected bigint, rows_unchanged bigint, "
    "rows_deleted bigint, cursor_from varchar, cursor_to varchar, status varchar",
    "dead_letters": "dead_letter_id varchar, source varchar, dataset varchar, record_key varchar, "
    "reason_codes varchar, detail varchar, payload varchar, source_ref varchar, load_id varchar, "
    "landed_at timestamptz, replayed_at timestamptz",
    "schema_changes": "change_id varchar, source varchar, dataset varchar, table_name varchar, column_name varchar, "
    "change varchar, "
    "old_type varchar, new_type varchar, load_id varchar, detected_at timestamptz",
    **{
        name: ", ".join(f"{column} {kind}" for column, kind in TABLES[name].items())
        for name in ("dataset_profiles", "column_profiles", "row_changes")
    },
}


@cache
def raw_columns(source: str = "sap") -> dict[str, dict[str, str]]:
    """Column types of each raw table of a source, from the source file that the contracts generate."""
    path = ROOT / f"models/staging/{source}/_{source}__sources.yml"
    tables = yaml.safe_load(path.read_text())["sources"][0]["tables"]
    return {
        table["name"]: {
            column["name"]: "timestamptz" if column["data_type"] == "timestamp" else column["data_type"]
            for column in table["columns"]
        }
        for table in tables
    }


@dataclass
class Warehouse:
    """A DuckDB file with empty raw tables, and dbt pointed at it.

    A second Warehouse in the same directory replaces the first. Tests share the directory, because a path that changes
    makes dbt parse the whole project again.
    """

    directory: Path
    path: Path = field(init=False)

    def __post_init__(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        self.path = self.directory / "test.duckdb"
        self.path.unlink(missing_ok=True)
        with self.connect() as connection:
            connection.execute("create schema raw_ops")
            for source in landed_sources():
                connection.execute(f"create schema raw_{source}")
                for table, columns in raw_columns(source).items():
                    body = ", ".join(f"{name} {kind}" for name, kind in columns.items())
                    connection.execute(f"create table raw_{source}.{table} ({body})")
            for table, body in OPS_TABLES.items():
                connection.execute(f"create table raw_ops.{table} ({body})")

    def connect(self) -> duckdb.DuckDBPyConnection:
        """A connection in UTC; close it before dbt runs, DuckDB allows one writer."""
        connection = duckdb.connect(str(self.path))
        connection.execute("set TimeZone = 'UTC'")
        return connection

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        with self.connect() as connection:
            return connection.execute(sql).fetchall()

    def clear(self, *datasets: str, source: str = "sap") -> None:
        """Empty raw tables."""
        with self.connect() as connection:
            for dataset in datasets:
                connection.execute(f"delete from raw_{source}.{dataset}")

    def land(
        self, dataset: str, rows: Iterable[Mapping[str, Any]], landed_at: datetime | None = None, source: str = "sap"
    ) -> None:
        """Append rows to a raw table; the bookkeeping columns are filled in where a row leaves them out."""
        columns = raw_columns(source)[dataset]
        stamp = landed_at or datetime.now(UTC)
        prepared = []
        for number, row in enumerate(rows):
            unknown = set(row) - set(columns)
            if unknown:
                raise ValueError(f"raw_{source}.{dataset} has no column {sorted(unknown)}")
            filled = {
                "_row_hash": f"{dataset}-{sorted(row.items(), key=str)}",
                "_source_ref": f"test#{number}",
                "_landed_at": stamp,
                "_is_deleted": False,
                "_dlt_load_id": stamp.isoformat(),
                **row,
            }
            prepared.append([filled.get(name) for name in columns])
        if prepared:
            marks = ", ".join("?" for _ in columns)
            with self.connect() as connection:
                connection.executemany(f"insert into raw_{source}.{dataset} values ({marks})", prepared)

    def dbt(self, *arguments: str, check: bool = True) -> dict[str, str]:
        """Run dbt and return the status of each node by its name; raises with the failures when check is set."""
        result = self._invoke(*arguments)
        if result.exception is not None:
            raise result.exception
        # A run-operation's own outcome has no node.
        named = [outcome for outcome in getattr(result.result, "results", []) if hasattr(outcome, "node")]
        outcomes = [outcome for outcome in named if outcome.node.resource_type != "operation"]
        if check and not result.success:
            messages = [f"{o.node.name}: {o.status}: {o.message}" for o in outcomes if o.status in FAILED]
            raise AssertionError(f"dbt {' '.join(arguments)} failed:\n" + "\n".join(messages))
        return {outcome.node.name: str(outcome.status) for outcome in outcomes}

    def compile(self, sql: str) -> str:
        """A query written with the project's macros, as plain SQL."""
        result = self._invoke("compile", "--inline", sql)
        if result.exception is not None:
            raise result.exception
        return result.result.results[0].node.compiled_code

    def _invoke(self, *arguments: str) -> dbtRunnerResult:
        environment = {
            "STRATA_WAREHOUSE": str(self.path),
            "STRATA_TARGET": "dev",
            "DBT_TARGET_PATH": str(self.directory / "target"),
            "DBT_LOG_PATH": str(self.directory / "logs"),
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        }
        with mock.patch.dict(os.environ, environment):
            try:
                return dbtRunner().invoke(
                    [*arguments, "--quiet", "--project-dir", str(ROOT), "--profiles-dir", str(ROOT)]
                )
            finally:
                # dbt-duckdb keeps the file open until the process ends.
                DuckDBConnectionManager.close_all_connections()
