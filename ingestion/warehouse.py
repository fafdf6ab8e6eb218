"""Where landed data goes: the DuckDB file or Snowflake, and the dlt pipeline of a source."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import dlt
import duckdb
from dlt.destinations.exceptions import DatabaseUndefinedRelation

from ingestion.errors import ConfigError, DestinationError
from ingestion.lock import warehouse_lock

STORAGE_VERSION = "v1.4.0"  # a new file stays readable for BI drivers built on DuckDB 1.x


def warehouse_path() -> Path:
    """The DuckDB file: STRATA_WAREHOUSE, or warehouse/strata.duckdb."""
    return Path(os.environ.get("STRATA_WAREHOUSE", "warehouse/strata.duckdb"))


def state_dir() -> Path:
    """dlt's working directory: STRATA_STATE_DIR, or `dlt/<file name>` beside the warehouse file."""
    default = warehouse_path().parent / "dlt" / warehouse_path().stem
    return Path(os.environ.get("STRATA_STATE_DIR", str(default))).resolve()


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
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            duckdb.connect(str(path)).close()
            return
        quoted = str(path).replace("'", "''")
        with duckdb.connect() as connection:
            connection.execute(f"attach '{quoted}' (storage_version '{STORAGE_VERSION}')")
    except (duckdb.Error, OSError) as error:
        raise DestinationError(
            f"it cannot be opened for writing: {str(error).splitlines()[0]}",
            subject=f"warehouse {path}",
            remedy="close the program that holds it (dbt, a BI tool, a DuckDB shell), check disk space and "
            "permissions, then run again.",
        ) from error


def query(pipeline: dlt.Pipeline, sql: str, *params: Any) -> list[dict[str, Any]]:
    """Rows of a query as dictionaries with lower-case names; a table that is not there yet yields no rows."""
    with pipeline.sql_client() as client:
        try:
            with client.execute_query(sql, *params) as cursor:
                names = [column[0].lower() for column in cursor.description]
                return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        except DatabaseUndefinedRelation:
            return []
