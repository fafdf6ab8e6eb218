"""MetricFlow on this project's metrics, in one process and on a fresh parse.

Why not plain `mf`: it reads `target/semantic_manifest.json` as it lies there (also where DBT_TARGET_PATH says
otherwise, and without looking whether the YAML has changed since), asks a package index for a newer version at each
start, and knows nothing of the warehouse's lock. Queries, validations and SQL are MetricFlow's own.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.adapters.factory import get_adapter_by_type
from dbt.cli.main import dbtRunner
from dbt.contracts.graph.manifest import Manifest
from dbt_metricflow.cli.dbt_connectors.adapter_backed_client import AdapterBackedSqlClient
from metricflow.engine.metricflow_engine import MetricFlowEngine
from metricflow_semantic_interfaces.implementations.semantic_manifest import PydanticSemanticManifest
from metricflow_semantics.model.dbt_manifest_parser import parse_manifest_from_dbt_generated_manifest
from metricflow_semantics.model.semantic_manifest_lookup import SemanticManifestLookup

from ingestion.errors import EXIT_USAGE, StrataError
from tools.dbt_session import target_path

QUIET = ["--log-level", "none", "--log-level-file", "debug", "--no-use-colors"]


class MetricsError(StrataError):
    """The metrics cannot be read, checked or asked."""

    exit_code = EXIT_USAGE


@dataclass(frozen=True)
class Session:
    """What a command needs: dbt's manifest, the semantic one, the engine and a connection to the warehouse."""

    manifest: Manifest
    semantic_manifest: PydanticSemanticManifest
    client: AdapterBackedSqlClient
    engine: MetricFlowEngine


@contextmanager
def session(project: Path, *more: str) -> Iterator[Session]:
    """Parse the project and connect; the warehouse's file is closed at the end.

    Args:
        project: the project's folder; profiles are found as dbt finds them.
        more: further arguments of `dbt parse`, such as `--target`.

    Raises:
        MetricsError: the project cannot be parsed; says what dbt or the semantic manifest's validation found.
    """
    # Problems come as events first; the exception only says that there were some.
    found: list[str] = []

    def listen(event) -> None:
        if event.info.level in ("warn", "error"):
            found.append(event.info.msg)

    parsed = dbtRunner(callbacks=[listen]).invoke([*QUIET, "parse", "--project-dir", str(project), *more])
    if not parsed.success:
        problems = "\n  ".join(dict.fromkeys([*found, str(parsed.exception or "")]))
        raise MetricsError(
            f"dbt cannot parse them:\n  {problems}\n", subject="metrics", remedy="correct the YAML it names."
        )
    adapter = get_adapter_by_type(parsed.result.metadata.adapter_type)
    try:
        text = (_absolute(target_path(), project) / "semantic_manifest.json").read_text(encoding="utf-8")
        manifest = parse_manifest_from_dbt_generated_manifest(manifest_json_string=text)
        client = AdapterBackedSqlClient(adapter)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            engine = MetricFlowEngine(semantic_manifest_lookup=SemanticManifestLookup(manifest), sql_client=client)
        yield Session(parsed.result, manifest, client, engine)
    finally:
        # dbt-duckdb keeps the file open until the process ends, unless both are told.
        adapter.cleanup_connections()
        DuckDBConnectionManager.close_all_connections()


def _absolute(path: Path, project: Path) -> Path:
    return path if path.is_absolute() else project / path
