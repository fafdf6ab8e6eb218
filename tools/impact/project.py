"""A revision of the project as DuckDB reads it: compiled SQL bound to empty tables, so that columns need no warehouse.

Every landed table and seed is made empty from its properties, every model and snapshot from its own SQL, parents first.
DuckDB's binder then says which columns come out, and names the first column that an SQL asks for in vain.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from typing import Any

import duckdb

from tools.lineage import Graph, nodes_of

SNAPSHOT_COLUMNS = {
    "dbt_scd_id": "varchar", "dbt_updated_at": "timestamp", "dbt_valid_from": "timestamp", "dbt_valid_to": "timestamp",
}  # fmt: skip
SOME_MOMENT = "2000-01-01 00:00:00"
STORED = ("model", "snapshot", "seed")
Columns = dict[str, str]  # type by name, in order


@dataclass
class Bound:
    """A revision.

    Attributes:
        manifest: with compiled SQL.
        columns: of each dataset, by dbt's id.
        broken: why SQL cannot be bound, by the id of its node. Its columns are then those it had before, else the
            described ones, so that what is built from it is judged by itself.
    """

    manifest: Mapping[str, Any]
    graph: Graph
    columns: dict[str, Columns] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)

    def node(self, node_id: str) -> Mapping[str, Any]:
        """A node or source as the manifest has it."""
        return self.manifest["nodes"].get(node_id) or self.manifest["sources"][node_id]

    def label(self, node_id: str) -> str:
        """The name people use."""
        return self.graph.nodes[node_id].label

    def catalog(self) -> dict[str, Any]:
        """The columns in the shape of dbt's catalog.json."""
        found: dict[str, Any] = {"nodes": {}, "sources": {}, "metadata": {}}
        for node_id, columns in self.columns.items():
            node = self.node(node_id)
            name = node.get("identifier") or node.get("alias") or node["name"]
            metadata = {"type": "TABLE", "database": node["database"], "schema": node["schema"], "name": name}
            listed = {
                column: {"name": column, "index": index, "type": data_type}
                for index, (column, data_type) in enumerate(columns.items(), 1)
            }
            part = "sources" if node_id.startswith("source.") else "nodes"
            found[part][node_id] = {"unique_id": node_id, "metadata": metadata, "columns": listed}
        return found


def bind(manifest: Mapping[str, Any], before: Bound | None = None) -> Bound:
    """Bind every dataset of the project, parents first.

    Args:
        before: the revision that came before, for columns of SQL that cannot be bound any more.
    """
    known = before.columns if before else {}
    bound = Bound(_without_moment(manifest), Graph(nodes_of(manifest)))
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        places = {(node["database"], node["schema"]) for _, node in _datasets(bound.manifest)}
        for database in sorted({database for database, _ in places}):
            connection.execute(f"attach ':memory:' as {_quoted(database)}")
        for database, schema in sorted(places):
            connection.execute(f"create schema if not exists {_quoted(database)}.{_quoted(schema)}")
        for node_id, node in _datasets(bound.manifest):
            bound.columns[node_id] = _make(connection, node_id, node, bound, known.get(node_id, {}))
    return bound


def _without_moment(manifest: Mapping[str, Any]) -> Mapping[str, Any]:
    """The manifest with the same moment in all compiled SQL: dbt writes into it when the run started."""
    started = str(manifest["metadata"].get("run_started_at") or "").partition("+")[0]
    if not started:
        return manifest
    nodes = {}
    for name, node in manifest["nodes"].items():
        sql = node.get("compiled_code") or ""
        for text in (started, started.replace("T", " ")):
            sql = sql.replace(text, SOME_MOMENT)
        nodes[name] = {**node, "compiled_code": sql}
    return {**manifest, "nodes": nodes}


def _datasets(manifest: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Everything that is a table or view, parents first."""
    stored = {name: node for name, node in manifest["nodes"].items() if node["resource_type"] in STORED}
    nodes = {**manifest["sources"], **stored}
    parents = {
        name: set((node.get("depends_on") or {}).get("nodes") or ()) & nodes.keys() for name, node in nodes.items()
    }
    for name in TopologicalSorter(dict(sorted(parents.items()))).static_order():
        yield name, nodes[name]


def _make(
    connection: duckdb.DuckDBPyConnection, node_id: str, node: Mapping[str, Any], bound: Bound, known: Columns
) -> Columns:
    relation, sql = node["relation_name"], node.get("compiled_code")
    if sql and node["resource_type"] == "snapshot":
        extra = {**SNAPSHOT_COLUMNS, **({"dbt_is_deleted": "varchar"} if node["config"].get("hard_deletes") else {})}
        listed = ", ".join(f"cast(null as {data_type}) as {name}" for name, data_type in extra.items())
        sql = f"select seen.*, {listed} from ({sql}) as seen"
    if sql:
        try:
            connection.execute(f"create table {relation} as {sql}\nwith no data")
        except duckdb.Error as error:
            bound.broken[node_id] = " ".join(str(error).split("LINE ")[0].split())
    if not sql or node_id in bound.broken:
        _declare(connection, relation, known if node_id in bound.broken and known else _described(node))
    rows = connection.execute(f"describe {relation}").fetchall()
    return {name.lower(): data_type.lower() for name, data_type, *_ in rows}


def _described(node: Mapping[str, Any]) -> Columns:
    types = dict.fromkeys(node["columns"], "varchar")
    types |= {name: column["data_type"] for name, column in node["columns"].items() if column.get("data_type")}
    return types | (node["config"].get("column_types") or {})


def _declare(connection: duckdb.DuckDBPyConnection, relation: str, types: Columns) -> None:
    """An empty table with these columns; where DuckDB does not know a type, all become text."""
    for chosen in (types, dict.fromkeys(types, "varchar")):
        listed = ", ".join(f"{_quoted(name)} {data_type}" for name, data_type in chosen.items())
        try:
            connection.execute(f"create table {relation} ({listed or 'nothing_described varchar'})")
        except duckdb.Error:
            continue
        return


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
