"""dbt's own artefacts: run_results.json, sources.json and manifest.json, as docs.getdbt.com describes them.

Each dbt command overwrites the files of the one before, so runs are kept apart: `<artifacts>/<invocation id>/` holds
the files of one invocation. A directory as dbt writes it (`target`) is read the same way. An invocation lands once.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dlt
import orjson
from dlt.common.configuration import configspec
from dlt.common.configuration.specs import BaseConfiguration

from ingestion import warehouse
from ingestion.checks import Reason
from ingestion.contract import Dataset
from ingestion.errors import ConfigError
from ingestion.landing import Delivered, Landing
from ingestion.places import artifacts_dir
from ingestion.settings import resolve

RUN_RESULTS, SOURCES, MANIFEST = "run_results.json", "sources.json", "manifest.json"
SCHEMA_NAMES = {RUN_RESULTS: "run-results", SOURCES: "sources", MANIFEST: "manifest"}
NODE_GROUPS = ("nodes", "sources", "unit_tests")
HOURS = {"minute": 1 / 60, "hour": 1, "day": 24}
SHOWN_TEXT = 2000  # characters of an unreadable file that its dead letter keeps


@configspec
class DbtArtifactsConfig(BaseConfiguration):
    """Settings under `sources.dbt_artifacts`: .dlt/config.toml or SOURCES__DBT_ARTIFACTS__* in the environment."""

    artifacts_path: str | None = None  # not `path`: dlt would take the value of the environment's PATH
    max_reject_ratio: float = 0.05


class Unreadable(Exception):
    """A file that is not the artefact its name says; `text` is how it begins."""

    def __init__(self, why: str, text: str) -> None:
        super().__init__(why)
        self.text = text


@dataclass(frozen=True)
class Artifact:
    """One artefact file."""

    path: Path
    document: dict[str, Any]

    @property
    def invocation_id(self) -> str:
        """dbt's identifier of the command that wrote it."""
        return self.document["metadata"]["invocation_id"]

    @property
    def results(self) -> list[Any]:
        """One entry a node."""
        return self.document["results"]


def read_artifact(path: Path) -> Artifact:
    """Read one artefact file.

    Raises:
        Unreadable: not JSON (half-written), or not what dbt writes under this name.
    """
    try:
        document = orjson.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise Unreadable(f"not JSON: {error}", _beginning(path)) from error
    metadata = document.get("metadata") if isinstance(document, dict) else None
    schema = metadata.get("dbt_schema_version") if isinstance(metadata, dict) else None
    if not isinstance(schema, str) or f"/{SCHEMA_NAMES[path.name]}/" not in schema:
        raise Unreadable(f"no dbt {SCHEMA_NAMES[path.name]} artefact (dbt_schema_version)", _beginning(path))
    if not isinstance(metadata.get("invocation_id"), str) or not isinstance(document.get("results", []), list):
        raise Unreadable("it names no invocation_id, or its results are no list", _beginning(path))
    return Artifact(path, {"results": [], **document})


def _beginning(path: Path) -> str:
    shown = path.read_bytes()[:SHOWN_TEXT].decode("utf-8", "replace") if path.is_file() else ""
    return shown.replace("\x00", "\ufffd")


class DbtArtifactsReader:
    """Reads dbt's artefacts; see `ingestion.runner.SourceReader` for what the runner asks of it."""

    name = "dbt_artifacts"
    max_shrink_ratio = 1.0  # nothing is read in full

    def __init__(self, config: DbtArtifactsConfig) -> None:
        self.max_reject_ratio = config.max_reject_ratio
        self._given = Path(config.artifacts_path) if config.artifacts_path else None

    @classmethod
    def from_config(cls) -> DbtArtifactsReader:
        """A reader with its settings resolved the dlt way.

        Raises:
            ConfigError: a path is set and there is no such directory.
        """
        reader = cls(resolve(DbtArtifactsConfig(), cls.name))
        if reader._given is not None and not reader._given.is_dir():
            raise ConfigError(
                "there is no such directory.",
                subject=f"SOURCES__DBT_ARTIFACTS__ARTIFACTS_PATH {reader._given}",
                remedy="name dbt's target directory, or leave the setting out: the project's own runs are found then.",
            )
        return reader

    def refused_fields(self, contracts: dict[str, Dataset]) -> tuple[dict[str, dict[str, str]], dict[str, list[str]]]:
        """Nothing: JSON declares no types; each record is checked."""
        return {}, {}

    def resources(self, landing: Landing) -> list[Any]:
        """One dlt resource: the files of a run belong together."""
        return [dlt.resource(self._read(landing), name="read_dbt_artifacts")]

    def _read(self, landing: Landing) -> Iterator[Any]:
        rows = warehouse.query(
            dlt.current.pipeline(), "select invocation_id from raw_dbt_artifacts.invocations where not _is_deleted"
        )
        landed = {row["invocation_id"] for row in rows}
        directories = self._directories(landed)
        if not directories and not landed:
            print(
                "dbt_artifacts: no dbt run yet, nothing to land. The next load after `dbt build` brings it.",
                file=sys.stderr,
            )
        for directory in directories:
            yield from self._read_directory(landing, directory, landed)
        for name in landing.contracts:
            yield from landing.finish(name)

    def _directories(self, landed: set[str]) -> list[Path]:
        """Directories with artefacts, without those that are known to have landed."""
        roots = [self._given] if self._given else [artifacts_dir(), Path(os.environ.get("DBT_TARGET_PATH", "target"))]
        found = []
        for root in roots:
            children = sorted(child for child in root.iterdir() if child.is_dir()) if root.is_dir() else []
            for child in children:
                if child.name in landed and root == artifacts_dir():
                    shutil.rmtree(child, ignore_errors=True)  # an earlier load has landed it: its keeping is over
            found += [path for path in (root, *children) if path.name not in landed and _has_results(path)]
        return found

    def _read_directory(self, landing: Landing, directory: Path, landed: set[str]) -> Iterator[Any]:
        """Land each invocation of a directory that is new; adds them to `landed`."""
        for name in (RUN_RESULTS, SOURCES):
            if not (directory / name).exists():
                continue
            try:
                artifact = read_artifact(directory / name)
            except Unreadable as error:
                yield from _refuse(landing, "invocations", directory / name, error)
                continue
            if artifact.invocation_id in landed:
                continue
            landed.add(artifact.invocation_id)
            yield from self._read_run(landing, artifact)

    def _read_run(self, landing: Landing, artifact: Artifact) -> Iterator[Any]:
        is_run = artifact.path.name == RUN_RESULTS
        dataset, flatten = ("run_results", _result) if is_run else ("freshness", _freshness)
        yield from landing.batch(dataset, _records(artifact, artifact.results, flatten))
        manifest = artifact.path.with_name(MANIFEST)
        if manifest.exists():
            try:
                # A command may run on the manifest of the parse before it: the nodes are those of this invocation.
                nodes = _nodes(read_artifact(manifest).document)
                yield from landing.batch("nodes", [_node(artifact, manifest, *node) for node in nodes])
            except Unreadable as error:
                yield from _refuse(landing, "nodes", manifest, error)
        # Comes last: an invocation that is known has all of its rows.
        yield from landing.batch("invocations", [Delivered(_invocation(artifact), _ref(artifact.path))])


def _has_results(directory: Path) -> bool:
    return any((directory / name).is_file() for name in (RUN_RESULTS, SOURCES))


def _refuse(landing: Landing, dataset: str, path: Path, error: Unreadable) -> Iterator[Any]:
    record = {"file": _ref(path), "text": error.text}
    yield from landing.reject(dataset, Delivered(record, _ref(path)), Reason("UNREADABLE_RECORD", "*", str(error)))


def _records(
    artifact: Artifact, results: list[Any], flatten: Callable[[dict[str, Any]], dict[str, Any]]
) -> list[Delivered]:
    return [
        Delivered(
            {"invocation_id": artifact.invocation_id, **flatten(result)} if isinstance(result, dict) else result,
            f"{_ref(artifact.path)}#results/{position}",
        )
        for position, result in enumerate(results)
    ]


def _invocation(artifact: Artifact) -> dict[str, Any]:
    metadata, args = artifact.document["metadata"], _object(artifact.document, "args")
    return {
        "invocation_id": artifact.invocation_id,
        "command": args.get("which") or ("source freshness" if artifact.path.name == SOURCES else None),
        "generated_at": metadata.get("generated_at"),
        "dbt_version": metadata.get("dbt_version"),
        "target_name": args.get("target"),
        "elapsed_seconds": _rounded(artifact.document.get("elapsed_time"), 6),
    }


def _result(result: dict[str, Any]) -> dict[str, Any]:
    timing = result.get("timing") if isinstance(result.get("timing"), list) else []
    execute = next((part for part in timing if isinstance(part, dict) and part.get("name") == "execute"), {})
    return {
        "unique_id": result.get("unique_id"),
        "status": result.get("status"),
        "started_at": execute.get("started_at"),
        "completed_at": execute.get("completed_at"),
        "execution_seconds": _rounded(result.get("execution_time"), 6),
        "thread_id": result.get("thread_id"),
        "failures": result.get("failures"),
        "rows_affected": _object(result, "adapter_response").get("rows_affected"),
        "message": result.get("message"),
        "relation_name": result.get("relation_name"),
    }


def _freshness(result: dict[str, Any]) -> dict[str, Any]:
    criteria = _object(result, "criteria")
    return {
        "unique_id": result.get("unique_id"),
        "status": result.get("status"),
        "max_loaded_at": result.get("max_loaded_at"),
        "snapshotted_at": result.get("snapshotted_at"),
        "max_loaded_at_time_ago_in_s": _rounded(result.get("max_loaded_at_time_ago_in_s"), 3),
        "warn_after_hours": _hours(_object(criteria, "warn_after")),
        "error_after_hours": _hours(_object(criteria, "error_after")),
        "error": result.get("error"),
    }


def _nodes(manifest: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for group in NODE_GROUPS:
        yield from _object(manifest, group).items()


def _node(artifact: Artifact, manifest: Path, unique_id: str, node: Any) -> Delivered:
    ref = f"{_ref(manifest)}#{unique_id}"
    if not isinstance(node, dict):
        return Delivered(node, ref)
    config = _object(node, "config")
    record = {
        "invocation_id": artifact.invocation_id,
        "unique_id": unique_id,
        "resource_type": node.get("resource_type"),
        "name": node.get("name"),
        "schema_name": node.get("schema"),
        "alias": node.get("alias") or node.get("identifier"),
        "materialization": config.get("materialized"),
        "path": node.get("original_file_path"),
        "group": node.get("group") or config.get("group"),
        "tags": json.dumps(node.get("tags") or config.get("tags") or []),
        "depends_on": json.dumps(_object(node, "depends_on").get("nodes") or []),
        "checksum": _checksum(node.get("checksum")),
        "attached_node": node.get("attached_node"),
        "severity": _lowered(config.get("severity")) if node.get("resource_type") == "test" else None,
    }
    return Delivered(record, ref)


def _checksum(value: Any) -> Any:
    """The SHA-256; of a seed that is too large to hash dbt gives its path, of a test nothing."""
    if isinstance(value, dict):
        return value.get("checksum") if value.get("name") == "sha256" else None
    return value


def _lowered(value: Any) -> Any:
    """dbt takes `severity: WARN` as well as `warn`."""
    return value.lower() if isinstance(value, str) else value


def _object(parent: dict[str, Any], name: str) -> dict[str, Any]:
    value = parent.get(name)
    return value if isinstance(value, dict) else {}


def _hours(limit: dict[str, Any]) -> Any:
    count, period = limit.get("count"), limit.get("period")
    return _rounded(count * HOURS[period], 3) if isinstance(count, int) and period in HOURS else count


def _rounded(value: Any, digits: int) -> Any:
    """dbt writes binary floats with all their digits; what is not a number is left to the check."""
    return round(value, digits) if isinstance(value, float) else value


def _ref(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"
