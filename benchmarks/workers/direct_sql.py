"""The statements of a dbt build without dbt: `direct_sql PLAN WAREHOUSE BUILT`.

Prints JSON: models_seconds, tests_seconds, cpu_seconds, statements. BUILT is the warehouse that dbt made from the same
plan: seeds are copied from it before the clock starts, and row counts compared with it after the clock has stopped.
"""

from __future__ import annotations

import json
import re
import sys
import time
from pathlib import Path
from typing import Any

import duckdb
import yaml

PROFILES = Path(__file__).resolve().parents[2] / "profiles.yml"
TEMPORARY = "__dbt_tmp"  # dbt builds beside the old relation and renames; a first build leaves nothing to drop
KEPT = ("model", "snapshot", "seed")


def settings() -> dict[str, str]:
    """DuckDB's settings of the default profile, but for those that the environment gives, such as its memory."""
    profile = yaml.safe_load(PROFILES.read_text(encoding="utf-8"))["strata"]["outputs"]["dev"]
    return {name: value for name, value in profile["settings"].items() if "{{" not in value}


def prepare(connection: duckdb.DuckDBPyConnection, plan: list[dict[str, Any]]) -> None:
    """Make the schemas and copy the seeds, which dbt loads without SQL of its own."""
    for schema in sorted({entry["relation"].rsplit(".", 1)[0] for entry in plan if entry["kind"] in KEPT}):
        connection.execute(f"create schema if not exists {schema}")
    for entry in plan:
        if entry["kind"] == "seed":
            connection.execute(f"create table {entry['relation']} as from {_in_built(entry['relation'])}")


def execute(connection: duckdb.DuckDBPyConnection, entry: dict[str, Any], sql: str) -> None:
    """Execute one node's statements and, where they made a temporary relation, give it its name."""
    cursor = connection.execute(sql)
    if entry["kind"] in ("test", "unit_test"):
        cursor.fetchall()
        return
    if f"{entry['alias']}{TEMPORARY}" in sql:
        kind = "view" if re.match(r"\s*create\s+(or\s+replace\s+)?view", sql, re.IGNORECASE) else "table"
        temporary = entry["relation"].removesuffix('"') + f'{TEMPORARY}"'
        connection.execute(f'alter {kind} {temporary} rename to "{entry["alias"]}"')


def views_of_hooks(connection: duckdb.DuckDBPyConnection, plan: list[dict[str, Any]]) -> dict[str, str]:
    """By model, the view of its name that dbt's hooks made of it, such as the masked one.

    Their schemas, and the tables of schema ops that they read, are made here.
    """
    planned = {tuple(entry["relation"].replace('"', "").split(".")[1:]) for entry in plan if entry["kind"] in KEPT}
    rows = connection.execute(
        "select schema_name, view_name, sql from duckdb_views() where database_name = 'built' and not internal"
    ).fetchall()
    made = [(schema, name, sql) for schema, name, sql in rows if (schema, name) not in planned]
    names = {name for _, name in planned}
    for schema in sorted({schema for schema, name, _ in made if name in names}):
        connection.execute(f'create schema if not exists "{schema}"')
    connection.execute("create schema if not exists ops")
    tables = "select table_name from duckdb_tables() where database_name = 'built' and schema_name = 'ops'"
    for (name,) in connection.execute(tables).fetchall():
        connection.execute(f'create or replace table ops."{name}" as from built.ops."{name}"')
    return {name: sql for _, name, sql in made if name in names}


def unequal(connection: duckdb.DuckDBPyConnection, plan: list[dict[str, Any]]) -> list[str]:
    """Relations whose row count differs from what dbt built."""
    different = []
    for entry in plan:
        if entry["kind"] in KEPT:
            names = (entry["relation"], _in_built(entry["relation"]))
            mine, theirs = (connection.execute(f"select count(*) from {name}").fetchall()[0][0] for name in names)
            if mine != theirs:
                different.append(f"{entry['relation']}: {mine} rows, dbt has {theirs}")
    return different


def _in_built(relation: str) -> str:
    return '"built".' + relation.split(".", 1)[1]


def main(plan_file: Path, warehouse: Path, built: Path) -> int:
    """Run the plan and print what it took; 1 when the result is not dbt's."""
    plan = json.loads(plan_file.read_text(encoding="utf-8"))
    statements = {entry["id"]: Path(entry["file"]).read_text(encoding="utf-8") for entry in plan if entry["file"]}
    connection = duckdb.connect(str(warehouse))
    for name, value in settings().items():
        connection.execute(f"set {name} = '{value}'")
    quoted = str(built).replace("'", "''")
    connection.execute(f"attach '{quoted}' as built (read_only)")
    prepare(connection, plan)
    of_hooks = views_of_hooks(connection, plan)
    seconds, cpu_before = {"models": 0.0, "tests": 0.0}, time.process_time()
    for entry in plan:
        if entry["id"] in statements:
            started = time.perf_counter()
            execute(connection, entry, statements[entry["id"]])
            if entry["kind"] == "model" and entry["alias"] in of_hooks:
                connection.execute(of_hooks[entry["alias"]])
            group = "models" if entry["kind"] in KEPT else "tests"
            seconds[group] += time.perf_counter() - started
    cpu_seconds = time.process_time() - cpu_before
    if different := unequal(connection, plan):
        print("the same SQL gave other rows than dbt:\n  " + "\n  ".join(different), file=sys.stderr)
        return 1
    figures = {f"{name}_seconds": value for name, value in seconds.items()}
    print(json.dumps({**figures, "cpu_seconds": cpu_seconds, "statements": len(statements)}))
    return 0


if __name__ == "__main__":
    sys.exit(main(*(Path(argument) for argument in sys.argv[1:])))
