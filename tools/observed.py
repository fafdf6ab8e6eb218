"""What the warehouse holds about itself, as the notifier, the quality page and the metrics read it.

Nothing here is needed to be there: a table that has not been built or landed yet is named, and who asked for it goes on
without it. The outcome of a dbt command counts as soon as dbt has written it, landed or not.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import orjson
import pyarrow as pa

from ingestion.errors import ConfigError, DestinationError
from ingestion.places import artifacts_dir, warehouse_path
from tools.lineage import Graph, Node, elementary_tests, nodes_of

OUTCOMES = pa.schema(
    [
        ("invocation_id", pa.string()), ("node_id", pa.string()), ("status", pa.string()), ("message", pa.string()),
        ("failures", pa.int64()), ("seconds", pa.float64()), ("ended_at", pa.timestamp("us", tz="UTC")),
    ]
)  # fmt: skip
FRESHNESS = pa.schema(
    [
        ("invocation_id", pa.string()), ("node_id", pa.string()), ("status", pa.string()),
        ("age_hours", pa.float64()), ("limit_hours", pa.float64()), ("newest_row_at", pa.timestamp("us", tz="UTC")),
        ("measured_at", pa.timestamp("us", tz="UTC")),
    ]
)  # fmt: skip
PROJECT = pa.schema([("node_id", pa.string()), ("resource_type", pa.string()), ("name", pa.string())])
# Kept in memory for the time of one command, under these names; everything else is a table of the warehouse.
IN_MEMORY = {"dbt_outcomes", "dbt_freshness", "dbt_project_nodes"}

LANDED_OUTCOMES = """
select r.invocation_id, r.unique_id, r.status, r.message, r.failures, r.execution_seconds, i.generated_at
from raw_dbt_artifacts.run_results as r
inner join raw_dbt_artifacts.invocations as i on r.invocation_id = i.invocation_id
"""
LANDED_FRESHNESS = """
select f.invocation_id, f.unique_id, f.status, f.age_seconds / 3600, coalesce(f.error_after_hours, f.warn_after_hours),
    f.max_loaded_at, f.snapshotted_at
from raw_dbt_artifacts.freshness as f
"""
# Nodes are landed with each invocation; the newest that brought any says what the project is made of.
LANDED_NODES = """
select n.unique_id, n.resource_type, n.name, n.alias, n.owner_group, n.depends_on, i.generated_at
from raw_dbt_artifacts.nodes as n
inner join raw_dbt_artifacts.invocations as i on n.invocation_id = i.invocation_id
qualify rank() over (order by i.generated_at desc, i.invocation_id) = 1
"""


class NotThere(Exception):
    """A query cannot be asked here: the text names the tables that are missing."""


class Observed:
    """The warehouse, and what dbt has written about runs that have not landed yet.

    Args:
        connection: to the warehouse file.
        target: dbt's target, whose schemas are `<target>_<layer>`.
        target_path: dbt's target directory.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, target: str, target_path: Path) -> None:
        self.connection = connection
        self.target = target
        connection.execute("set TimeZone = 'UTC'")
        found = connection.execute(
            "select table_schema, table_name from information_schema.tables where table_catalog = current_database()"
        ).fetchall()
        # A masked view has its mart's name, and is not the mart.
        own = [
            (schema, name) for schema, name in found if schema.startswith(f"{target}_") and schema != f"{target}_masked"
        ]
        self._relations = {name: f'"{schema}"."{name}"' for schema, name in own}
        self._relations |= {f"{schema}.{name}": f'"{schema}"."{name}"' for schema, name in found}
        self.graph = self._read_artifacts(target_path)

    def relation(self, name: str) -> str | None:
        """A model or seed by its name, a landed table as raw_x.y; None when it is not there."""
        return name if name in IN_MEMORY else self._relations.get(name)

    def missing(self, names: Iterable[str]) -> list[str]:
        """Those of the tables that are not there."""
        return [name for name in names if self.relation(name) is None]

    def rows(self, sql: str, tables: Sequence[str] = (), parameters: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """Rows of a query, in which `{table}` stands for each of the tables it needs.

        Raises:
            NotThere: a table is missing.
            duckdb.Error: the query does not fit the tables.
        """
        if missing := self.missing(tables):
            raise NotThere(f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} not in this warehouse")
        for name in tables:
            sql = sql.replace("{" + name + "}", self.relation(name) or "")
        cursor = self.connection.execute(sql, list(parameters))
        names = [column[0] for column in cursor.description or []]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def _read_artifacts(self, target_path: Path) -> Graph:
        outcomes, freshness = self._landed(LANDED_OUTCOMES), self._landed(LANDED_FRESHNESS)
        known = {row[0] for row in self._landed("select distinct invocation_id from raw_dbt_artifacts.invocations")}
        for document in _written(target_path, ("run_results.json", "build_results.json"), known):
            outcomes += list(_outcomes_of(document))
        for document in _written(target_path, ("sources.json",), known):
            freshness += list(_freshness_of(document))
        nodes, at = self._landed_nodes()
        manifest = _json(target_path / "manifest.json")
        if manifest and (at is None or _time(manifest["metadata"]["generated_at"]) > at):
            nodes = list(nodes_of(manifest))
        graph = Graph(nodes, elementary_tests(manifest))
        listed = [(node.node_id, node.resource_type, node.name) for node in graph.nodes.values()]
        for name, rows, schema in (
            ("dbt_outcomes", outcomes, OUTCOMES),
            ("dbt_freshness", freshness, FRESHNESS),
            ("dbt_project_nodes", listed, PROJECT),
        ):
            columns = list(zip(*rows, strict=True)) or [() for _ in schema]
            self.connection.register(name, pa.table([pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)],
                                                    schema=schema))  # fmt: skip
        return graph

    def _landed(self, sql: str) -> list[tuple[Any, ...]]:
        needed = [word for word in sql.split() if word.startswith("raw_dbt_artifacts.")]
        return [] if self.missing(needed) else [_plain(row) for row in self.connection.execute(sql).fetchall()]

    def _landed_nodes(self) -> tuple[list[Node], datetime | None]:
        rows = self._landed(LANDED_NODES)
        nodes = [
            Node(row[0], row[1], row[2], row[3] or row[2], row[4], tuple(json.loads(row[5] or "[]"))) for row in rows
        ]
        return nodes, rows[0][6] if rows else None


def builds_in_snowflake() -> bool:
    """Whether dbt's target is on Snowflake."""
    return (os.environ.get("STRATA_TARGET") or "dev").startswith("snowflake")


def in_snowflake() -> bool:
    """Whether dbt builds, or the landing writes, in Snowflake."""
    destination = os.environ.get("STRATA_DESTINATION") or "duckdb"
    return destination != "duckdb" or builds_in_snowflake()


@contextlib.contextmanager
def observed(*, read_only: bool) -> Iterator[Observed]:
    """The warehouse of STRATA_WAREHOUSE with the schemas of STRATA_TARGET (dev).

    Raises:
        ConfigError: the data is in Snowflake, or there is no warehouse file.
        DestinationError: another program holds the file, or it cannot be read.
    """
    if in_snowflake():
        raise ConfigError(
            "the data is in Snowflake, and this command reads a DuckDB file: an old one may lie there.",
            subject="STRATA_TARGET or STRATA_DESTINATION",
            remedy="query the platform schema in Snowflake; `python -m ingestion status` and `why` work there "
            "(docs/snowflake.md).",
        )
    path = warehouse_path()
    if not path.is_file():
        raise ConfigError("there is no such warehouse yet.", subject=str(path), remedy="make run")
    try:
        connection = duckdb.connect(str(path), read_only=read_only)
    except duckdb.Error as error:
        raise DestinationError(
            f"it cannot be opened: {str(error).splitlines()[0]}", subject=f"warehouse {path}",
            remedy="close the program that holds it, then run again.",
        ) from error  # fmt: skip
    with connection:
        target = os.environ.get("STRATA_TARGET", "dev")
        yield Observed(connection, target, Path(os.environ.get("DBT_TARGET_PATH", "target")))


def _written(target_path: Path, names: tuple[str, ...], known: set[str]) -> Iterator[Mapping[str, Any]]:
    """What dbt wrote and the landing has not taken yet; each invocation once."""
    seen = set(known)
    folders = [*sorted(artifacts_dir().glob("*/")), target_path]
    # A run is kept in a folder of its name: what has landed need not be read to be known.
    for path in (folder / name for folder in folders if folder.name not in known for name in names):
        document = _json(path)
        if document and (invocation := document["metadata"]["invocation_id"]) not in seen:
            seen.add(invocation)
            yield document


def _json(path: Path) -> Any:
    """The document, or None when there is none; half a file is named and left out."""
    try:
        return orjson.loads(path.read_bytes())
    except OSError:
        return None
    except ValueError as error:
        print(f"{path.name} cannot be read, so it is left out: {error}", file=sys.stderr)
        return None


def _outcomes_of(document: Mapping[str, Any]) -> Iterator[tuple[Any, ...]]:
    at, invocation = _time(document["metadata"]["generated_at"]), document["metadata"]["invocation_id"]
    for result in document["results"]:
        seconds = float(result["execution_time"] or 0)
        yield (invocation, result["unique_id"], result["status"], result["message"], result["failures"], seconds, at)


def _freshness_of(document: Mapping[str, Any]) -> Iterator[tuple[Any, ...]]:
    at, invocation = _time(document["metadata"]["generated_at"]), document["metadata"]["invocation_id"]
    for result in document["results"]:
        age, limit = result.get("max_loaded_at_time_ago_in_s"), _hours(result.get("criteria") or {})
        newest = result.get("max_loaded_at")
        yield (
            invocation, result["unique_id"], result["status"], None if age is None else age / 3600, limit,
            _time(newest) if newest else None, at,
        )  # fmt: skip


def _hours(criteria: Mapping[str, Any]) -> float | None:
    limit = criteria.get("error_after") or criteria.get("warn_after") or {}
    if not limit.get("count"):
        return None
    return limit["count"] * {"minute": 1 / 60, "hour": 1.0, "day": 24.0}[limit["period"]]


def _time(text: str) -> datetime:
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _plain(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """Decimals as floats and times in UTC, as arrow takes them."""
    return tuple(
        value.astimezone(UTC) if isinstance(value, datetime)
        else float(value) if type(value).__name__ == "Decimal"
        else value
        for value in row
    )  # fmt: skip
