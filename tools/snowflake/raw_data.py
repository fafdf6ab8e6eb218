"""The raw tables that both targets build from: copied once, then changed in the same way on both.

The rows are copied, not landed a second time: two landings would differ in load ids and times, and the comparison
needs the very same rows. The copy takes the path that dlt's Snowflake destination takes: typed DDL, PUT of parquet
files to the table's stage, COPY INTO by column name.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable
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


@dataclass(frozen=True)
class Change:
    """One change to the raw tables, in SQL that both dialects read."""

    label: str
    statements: tuple[str, ...]


def plan_changes(source: Path, tables: list[RawTable]) -> list[Change]:
    """What happens between the two builds, with keys and times taken from the data itself.

    Every touched row gets a `_landed_at` one second after the newest in the data, so that both targets see the
    same stamp, and the incremental models and snapshots see it as new.
    """
    columns = {table.qualified: [name for name, _ in table.columns] for table in tables}
    with duckdb.connect(str(source), read_only=True) as connection:
        keys = _Keys.read(connection)
    return [
        Change("20 orders: one more on every line, at another price", _updated_orders(keys)),
        Change("1 order: deleted", _deleted_order(keys)),
        Change("20 late goods receipts", (_late_receipts(keys, columns["raw_sap.goods_receipts"]),)),
        Change("1 supplier: moved and blocked", (_changed_supplier(keys),)),
        Change("1 supplier: gone from the source", (_deleted_supplier(keys),)),
        Change("1 material: another description", (_changed_material(keys),)),
    ]


@dataclass(frozen=True)
class _Keys:
    """Keys of the rows to change and the stamp they get."""

    landed_at: str
    changed_orders: tuple[str, ...]
    deleted_order: str
    receipted_orders: tuple[str, ...]
    changed_supplier: str
    deleted_supplier: str
    material: str

    @classmethod
    def read(cls, connection: duckdb.DuckDBPyConnection) -> _Keys:
        def column(sql: str) -> tuple[str, ...]:
            return tuple(row[0] for row in connection.execute(sql).fetchall())

        connection.execute("set TimeZone = 'UTC'")
        newest = "select max(_landed_at) as newest_at from raw_sap.purchase_orders"
        orders = column("select purchase_order from raw_sap.purchase_orders order by 1 limit 41")
        suppliers = column("select supplier from raw_sap.suppliers where not _is_deleted order by 1 limit 2")
        materials = column("select product from raw_sap.materials where not _is_deleted order by 1 limit 1")
        if len(orders) < 41 or len(suppliers) < 2 or not materials:
            raise RawDataError("the job changes 41 orders, 2 suppliers and a material; the raw data holds fewer.")
        return cls(
            landed_at=column(f"select strftime(newest_at + interval 1 second, '%Y-%m-%d %H:%M:%S.%f') from ({newest})")[
                0
            ],
            changed_orders=orders[:20],
            deleted_order=orders[20],
            receipted_orders=orders[21:],
            changed_supplier=suppliers[0],
            deleted_supplier=suppliers[1],
            material=materials[0],
        )

    @property
    def stamp(self) -> str:
        """SQL that marks a row as just landed with new content."""
        return f"_landed_at = cast('{self.landed_at}+00:00' as timestamp_tz), _row_hash = sha2('changed' || _row_hash)"


def _listed(values: tuple[str, ...]) -> str:
    return ", ".join(f"'{value}'" for value in values)


def _updated_orders(keys: _Keys) -> tuple[str, ...]:
    where = f"where purchase_order in ({_listed(keys.changed_orders)})"
    return (
        f"update raw_sap.purchase_order_items set order_quantity = order_quantity + 1, "
        f"net_price_amount = net_price_amount + 1, {keys.stamp} {where}",
        f"update raw_sap.purchase_orders set payment_terms = 'Z030', {keys.stamp} {where}",
    )


def _deleted_order(keys: _Keys) -> tuple[str, ...]:
    where = f"where purchase_order = '{keys.deleted_order}'"
    flag = "purchasing_document_deletion_code = 'L'"
    return (
        f"update raw_sap.purchase_orders set {flag}, {keys.stamp} {where}",
        f"update raw_sap.purchase_order_items set {flag}, {keys.stamp} {where}",
    )


def _late_receipts(keys: _Keys, columns: list[str]) -> str:
    replaced = {
        "material_document": "'9' || substr(material_document, 2)",
        "goods_movement_type": "'101'",
        "_landed_at": f"cast('{keys.landed_at}+00:00' as timestamp_tz)",
        "_row_hash": "sha2('late' || _row_hash)",
    }
    values = ", ".join(replaced.get(name, name) for name in columns)
    return (
        f"insert into raw_sap.goods_receipts ({', '.join(columns)}) select {values} from raw_sap.goods_receipts "
        f"where purchase_order in ({_listed(keys.receipted_orders)}) and goods_movement_type = '101'"
    )


def _changed_supplier(keys: _Keys) -> str:
    return (
        f"update raw_sap.suppliers set city_name = 'Elsewhere', business_partner_is_blocked = true, {keys.stamp} "
        f"where supplier = '{keys.changed_supplier}'"
    )


def _deleted_supplier(keys: _Keys) -> str:
    return f"update raw_sap.suppliers set _is_deleted = true, {keys.stamp} where supplier = '{keys.deleted_supplier}'"


def _changed_material(keys: _Keys) -> str:
    return (
        f"update raw_sap.materials set product_description = product_description || ' (revised)', {keys.stamp} "
        f"where product = '{keys.material}'"
    )


def to_duckdb(sql: str) -> str:
    """The two words in which the changes' SQL differs between the dialects, in DuckDB's form."""
    return sql.replace("timestamp_tz", "timestamptz").replace("sha2(", "sha256(")


def apply_changes(changes: list[Change], run: Callable[[str], int]) -> list[tuple[str, int]]:
    """Run every change with `run`, which returns the rows touched; yields label and rows. None may touch nothing."""
    done = []
    for change in changes:
        touched = sum(run(statement) for statement in change.statements)
        if not touched:
            raise RawDataError(f"change '{change.label}' touched no row, so the second build would prove nothing.")
        done.append((change.label, touched))
    return done
