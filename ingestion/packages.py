"""dlt's load packages: run one, and finish what a killed run left of another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dlt
from dlt.common.schema.utils import get_columns_names_with_prop
from dlt.common.storages.load_package import ParsedLoadJobFileName
from dlt.destinations.exceptions import DestinationException
from dlt.extract.exceptions import ResourceExtractionError
from dlt.pipeline.exceptions import PipelineStepFailed

from ingestion import ops, warehouse
from ingestion.errors import DestinationError, StrataError


def run_resources(pipeline: dlt.Pipeline, resources: list[Any]) -> None:
    """Extract, normalise and load the resources as one package.

    Raises:
        SourceError, DestinationError: see `load`.
    """
    _guard(pipeline, lambda: pipeline.run(resources))


def finish_pending(pipeline: dlt.Pipeline, source: str) -> None:
    """Complete the package that a killed run left: dlt would otherwise do that instead of reading new data."""
    if pipeline.default_schema_name is None:
        pipeline.sync_destination()  # a new machine; else dlt's run does this itself
    if pipeline.has_pending_data:
        _forget_normalised_twice(pipeline)
        _take_back_unmarked(pipeline)
        _guard(pipeline, lambda: pipeline.run())
    ops.sweep(pipeline, source)


def _forget_normalised_twice(pipeline: dlt.Pipeline) -> None:
    """Drop the extracted half of a package whose normalised half is complete.

    dlt renames the normalised package into place and then deletes the extracted one. A run killed between the two
    leaves both, and dlt would normalise again and fail on the name for ever ("Directory not empty").
    """
    extracted = pipeline._get_normalize_storage().extracted_packages  # dlt has no public way to drop just these
    for load_id in set(extracted.list_packages()) & set(pipeline.list_normalized_load_packages()):
        extracted.delete_package(load_id)


def _take_back_unmarked(pipeline: dlt.Pipeline) -> None:
    """Take back what a killed run's jobs may have put into staging tables without marking it as loaded.

    dlt marks a file after the warehouse has committed it, so a run killed between the two loads that file again.
    Where rows are merged by their key, one of a pair is left; where whole parents or files are replaced no key tells
    the pair apart, and both would land. Snowflake is told apart by COPY, which skips a file it has loaded.
    """
    if warehouse.destination_name() != "duckdb":
        return
    packages = pipeline._get_load_storage().normalized_packages  # dlt has no public way to ask which jobs were started
    for load_id in pipeline.list_normalized_load_packages():
        for path in packages.list_started_jobs(load_id):
            file = Path(packages.storage.make_full_path(path))
            job = ParsedLoadJobFileName.parse(file.name)
            if job.file_format != "parquet" or packages.load_pending_transition(load_id, file.name):
                continue
            table = pipeline.default_schema.get_table(job.table_name)
            if table["write_disposition"] != "merge" or get_columns_names_with_prop(table, "primary_key"):
                continue
            with pipeline.sql_client() as client, client.with_staging_dataset():
                quoted = str(file).replace("'", "''")
                client.execute_sql(
                    f"delete from {client.make_qualified_table_name(job.table_name)} "
                    "where (_source_ref, _row_hash, _landed_at) in "
                    f"(select _source_ref, _row_hash, _landed_at from read_parquet('{quoted}'))"
                )


def _guard(pipeline: dlt.Pipeline, action: Any) -> None:
    """Turn dlt's wrapping of an error back into ours; what lies pending on disk is kept for the next run."""
    try:
        action()
    except PipelineStepFailed as failed:
        cause: BaseException | None = failed
        while cause is not None:
            if isinstance(cause, StrataError):
                raise cause from failed
            cause = cause.__cause__ or (cause.exception if isinstance(cause, PipelineStepFailed) else None)
        if failed.step in ("load", "sync") or isinstance(failed.exception, (DestinationException, OSError)):
            raise DestinationError(
                f"writing failed: {str(failed.exception).splitlines()[0]}",
                subject=f"{pipeline.pipeline_name} into {pipeline.dataset_name}",
                remedy="check disk space, permissions and who else holds the warehouse, then run the same load again: "
                "it finishes the pending package first.",
            ) from failed
        raise
    except ResourceExtractionError as failed:
        if isinstance(failed.__cause__, StrataError):
            raise failed.__cause__ from failed
        raise
