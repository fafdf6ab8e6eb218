"""The raw tables that both targets build from: copied once; raw_changes.py changes them in the same way on both.

The rows are copied, not landed a second time: two landings would differ in load ids and times, and the comparison
needs the very same rows. The copy takes the path that dlt's Snowflake destination takes: typed DDL, PUT of parquet
files to the table's stage, COPY INTO by column name.
"""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

import duckdb
from snowflake.connector import SnowflakeConnection

from ingestion.contract import landed_sources

RAW_SCHEMAS = (*(f"raw_{source}" for source in landed_sources()), "raw_ops")

# DuckDB's type as the landing leaves it, and the Snowflake type that dlt creates for the same column.
_SNOWFLAKE_TYPES = {
    "BIGINT": "NUMBER(19,0)",
    "BLOB": "BINARY",
    "BOOLEAN": "BOOLEAN",
    "DATE": "DATE",
    "DOUBLE": "FLOAT",
    "HUGEINT": "NUMBER(38,0)",
    "INTEGER": "NUMBER(10,0)",
    "JSON": "VARIANT",
    "TIME": "TIME",
    "TIMESTAMP": "TIMESTAMP_NTZ",
    "TIMESTAMP WITH TIME ZONE": "TIMESTAMP_TZ",
    "VARCHAR": "VARCHAR",
}


class RawDataError(RuntimeError):
    """The raw tables cannot serve the comparison; says which and what to do."""


@dataclass(frozen=True)
class RawTable:
    """A raw table and its columns with DuckDB's types."""

    schema: str
    name: str
    columns: tuple[tuple[str, str], ...]

    @property
    def qualified(self) -> str:
        """Schema and name, unquoted: each database resolves the case its own way."""
        return f"{self.schema}.{self.name}"


def snowflake_type(duckdb_type: str) -> str:
    """Snowflake's type for a column that DuckDB holds as `duckdb_type`; RawDataError when there is none."""
    if match := re.fullmatch(r"DECIMAL\((\d+),\s*(\d+)\)", duckdb_type):
        return f"NUMBER({match[1]},{match[2]})"
    try:
        return _SNOWFLAKE_TYPES[duckdb_type]
    except KeyError:
        raise RawDataError(
            f"no Snowflake type is known for DuckDB's {duckdb_type}. "
            "Add it to _SNOWFLAKE_TYPES in tools/snowflake/raw_data.py."
        ) from None


def raw_tables(connection: duckdb.DuckDBPyConnection, database: str) -> list[RawTable]:
    """Every raw table of the attached `database`, without the loader's own (`_dlt_loads` and the like)."""
    rows = connection.execute(
        "select schema_name, table_name, list((column_name, data_type) order by column_index) from duckdb_columns() "
        "where database_name = ? and list_contains(?, schema_name) and not starts_with(table_name, '_') "
        "group by all order by all",
        [database, list(RAW_SCHEMAS)],
    ).fetchall()
    return [RawTable(schema, name, tuple(tuple(column) for column in columns)) for schema, name, columns in rows]


def copy_to_duckdb(source: Path, target: Path) -> list[RawTable]:
    """Copy the raw schemas of warehouse file `source` into the new file `target`."""
    if not source.exists():
        raise RawDataError(f"{source}: no such warehouse file. Run `make land` first, or leave out --raw.")
    with duckdb.connect() as connection:
        connection.execute(f"attach '{source}' as landed (read_only)")
        connection.execute(f"attach '{target}' as copied (storage_version 'v1.4.0')")
        tables = raw_tables(connection, "landed")
        if not any(table.schema == "raw_sap" for table in tables):
            raise RawDataError(f"{source}: holds no raw_sap tables. Run `make land` first, or leave out --raw.")
        for schema in RAW_SCHEMAS:
            connection.execute(f"create schema copied.{schema}")
        for table in tables:
            connection.execute(f"create table copied.{table.qualified} as from landed.{table.qualified}")
    return tables


def copy_to_emulator(source: Path, tables: list[RawTable], connection: SnowflakeConnection) -> None:
    """Create the raw tables of DuckDB file `source` in the emulator and load their rows."""
    cursor = connection.cursor()
    for schema in RAW_SCHEMAS:
        cursor.execute(f"create schema if not exists {schema}")
    with tempfile.TemporaryDirectory(prefix="strata-raw-") as folder, duckdb.connect(str(source)) as landed:
        for table in tables:
            columns = ", ".join(f"{name} {snowflake_type(kind)}" for name, kind in table.columns)
            cursor.execute(f"create or replace table {table.qualified} ({columns})")
            expected = _count(landed, table)
            if not expected:
                continue
            file = Path(folder) / f"{table.schema}_{table.name}.parquet"
            landed.execute(f"copy {table.qualified} to '{file}' (format parquet)")
            stage = f"@{table.schema}.%{table.name}"
            cursor.execute(f"put 'file://{file}' {stage} auto_compress = false overwrite = true")
            cursor.execute(
                f"copy into {table.qualified} from {stage} file_format = (type = parquet) "
                "match_by_column_name = case_insensitive"
            )
            loaded = cursor.execute(f"select count(*) from {table.qualified}").fetchone()[0]
            if loaded != expected:
                raise RawDataError(f"{table.qualified}: {expected} rows copied to the emulator, {loaded} arrived.")


def _count(connection: duckdb.DuckDBPyConnection, table: RawTable) -> int:
    return connection.execute(f"select count(*) from {table.qualified}").fetchone()[0]
