"""Where landed data goes: the DuckDB file or Snowflake, and the dlt pipeline of a source."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import dlt
import duckdb
import pyarrow as pa
from dlt.destinations.exceptions import DatabaseUndefinedRelation

from ingestion.errors import ConfigError, DestinationError
from ingestion.lock import warehouse_lock
from ingestion.places import state_dir, warehouse_path

STORAGE_VERSION = "v1.4.0"  # a new file stays readable for BI drivers built on DuckDB 1.x


def destination_name() -> str:
    """STRATA_DESTINATION: duckdb (default) or snowflake.

    Raises:
        ConfigError: another name.
    """
    name = os.environ.get("STRATA_DESTINATION", "duckdb")
    if name not in ("duckdb", "snowflake"):
        raise ConfigError(f"{name} is not known.", subject="STRATA_DESTINATION", remedy="use duckdb or snowflake.")
    return name


def locked() -> AbstractContextManager[None]:
    """The lock that landing needs: the DuckDB file's; on Snowflake dlt's pipelines of different sources may meet."""
    if destination_name() == "duckdb":
        return warehouse_lock(warehouse_path())
    return nullcontext()


def make_pipeline(source: str) -> dlt.Pipeline:
    """The pipeline `land_<source>` into schema raw_<source>; one name and one runner a source.

    Raises:
        DestinationError: the warehouse file cannot be opened for writing.
    """
    # Every row names its load; set here, because a run from another directory does not find .dlt/config.toml.
    dlt.config["normalize.parquet_normalizer.add_dlt_load_id"] = True
    return dlt.pipeline(
        pipeline_name=f"land_{source}",
        destination=_destination(),
        dataset_name=f"raw_{source}",
        pipelines_dir=str(state_dir()),
    )


def _destination() -> Any:
    if destination_name() == "snowflake":
        # Credentials the dlt way: DESTINATION__SNOWFLAKE__CREDENTIALS__*.
        return dlt.destinations.snowflake(
            preferred_loader_file_format="parquet", supported_loader_file_formats=["parquet"]
        )
    path = warehouse_path().resolve()
    _prepare_file(path)
    return dlt.destinations.duckdb(str(path), preferred_loader_file_format="parquet")


def _prepare_file(path: Path) -> None:
    """Create the file with its storage version, or find out now that it cannot be written."""
    with _writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            duckdb.connect(str(path)).close()
            return
        # Made under another name: a half-written file, of a full disk or a kill, would stop every later load.
        fresh = path.with_name(f"{path.name}.new")
        fresh.unlink(missing_ok=True)
        quoted = str(fresh).replace("'", "''")
        with duckdb.connect() as connection:
            connection.execute(f"attach '{quoted}' (storage_version '{STORAGE_VERSION}')")
        fresh.replace(path)


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except (duckdb.Error, OSError) as error:
        raise DestinationError(
            f"it cannot be opened for writing: {str(error).splitlines()[0]}",
            subject=f"warehouse {path}",
            remedy="close the program that holds it (dbt, a BI tool, a DuckDB shell), check disk space and "
            "permissions, then run again.",
        ) from error


@contextmanager
def held_open() -> Iterator[None]:
    """Keep the DuckDB file, if it is there, open for many small questions: opening it costs more than they do.

    Raises:
        DestinationError: it cannot be opened for writing.
    """
    path = warehouse_path().resolve()
    if destination_name() != "duckdb" or not path.exists():
        yield
        return
    with _writing(path):
        connection = duckdb.connect(str(path))
    try:
        yield
    finally:
        connection.close()


def query(pipeline: dlt.Pipeline, sql: str, *params: Any) -> list[dict[str, Any]]:
    """Rows of a query as dictionaries with lower-case names; a table that is not there yet yields no rows."""
    with pipeline.sql_client() as client:
        try:
            with client.execute_query(sql, *params) as cursor:
                names = [column[0].lower() for column in cursor.description]
                return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        except DatabaseUndefinedRelation:
            return []


def query_table(pipeline: dlt.Pipeline, sql: str, *params: Any) -> pa.Table | None:
    """Rows of a query as an arrow table; None where the table is not there yet."""
    with pipeline.sql_client() as client:
        try:
            with client.execute_query(sql, *params) as cursor:
                native = cursor.native_cursor  # dlt's own arrow() calls what DuckDB 2.0 no longer has
                if not hasattr(native, "to_arrow_table"):
                    return native.fetch_arrow_all()  # Snowflake
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # it copies the rows once more: they are few
                    return native.to_arrow_table()
        except DatabaseUndefinedRelation:
            return None
