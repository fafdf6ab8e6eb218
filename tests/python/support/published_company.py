"""A very small company whose marts are published: its warehouse, dbt's manifest of it, and readers of the copy."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from pathlib import Path
from typing import Any
from unittest import mock

import duckdb

from tools.publish.copying import content_hash

TABLES = {
    "fct_orders": (
        "order_key varchar, sales_rep_id varchar, amount_gbp decimal(18, 4), ratio double, note varchar, "
        "is_late boolean, order_date date, shipped_at timestamp"
    ),
    "dim_region": "region_key varchar, region_name varchar, generation integer",
}
PERSONAL = {"sales_rep_id"}
KILLED_AT = (
    "copy_marts", "finish_copy", "write_run", "_write_manifest", "Shelf._link:previous", "Shelf._link:current",
    "Shelf._link:done",
)  # fmt: skip


def node_of(database: str, name: str, columns: str, **more: Any) -> dict[str, Any]:
    """What the manifest says of a model."""
    names = [part.split()[0] for part in columns.split(", ") if not part[0].isdigit()]
    described = {
        column: {
            "name": column,
            "description": f"The {column} of it's row.",
            "config": {"meta": {"sensitivity": "personal"} if column in PERSONAL else {}},
        }
        for column in names
    }
    return {
        "resource_type": "model", "package_name": "strata", "access": "public", "database": database,
        "schema": "dev_marts", "name": name, "alias": name, "description": f"About {name}.", "columns": described,
        "config": {"schema": "marts"}, "depends_on": {"nodes": []}, **more,
    }  # fmt: skip


def write_manifest(target: Path, database: str, adapter: str = "duckdb", **extra: dict[str, Any]) -> Path:
    """The manifest of a build of the company; `extra` nodes beside its own."""
    nodes = {f"model.strata.{name}": node_of(database, name, columns) for name, columns in TABLES.items()}
    view = node_of(database, "rpt_orders", "order_key varchar, generation integer")
    hidden = node_of(database, "int_orders", "order_key varchar", access="protected")
    nodes |= {"model.strata.rpt_orders": view, "model.strata.int_orders": hidden, **extra}
    target.mkdir(parents=True, exist_ok=True)
    path = target / "manifest.json"
    metadata = {"adapter_type": adapter, "project_name": "strata"}
    path.write_text(json.dumps({"metadata": metadata, "nodes": nodes}), encoding="utf-8")
    return path


def build(warehouse: Path, generation: int, rows: int = 200) -> None:
    """What a build does to the marts: every one is written anew, and all hold the same generation."""
    with duckdb.connect(str(warehouse), config={"storage_compatibility_version": "v1.4.0"}) as connection:
        connection.execute("create schema if not exists dev_marts; create schema if not exists raw_ops")
        connection.execute(
            "create or replace table raw_ops.loads as select 'sap' as source, timestamptz '2026-10-01 05:00:00+00' as "
            "finished_at union all select 'dbt_artifacts', timestamptz '2026-10-02 05:00:00+00'"
        )
        for name, columns in TABLES.items():
            connection.execute(f"create or replace table dev_marts.{name} ({columns})")
        connection.execute(
            "insert into dev_marts.fct_orders select concat('k', i), concat('W', i % 7), i * 1.25, i / 8, "
            "case i % 3 when 0 then null when 1 then '' else 'it''s; a — note' end, i % 2 = 0, "
            "date '2026-01-01' + cast(i % 90 as integer), timestamp '2026-01-01 08:00:00' + to_milliseconds(i * 250) "
            f"from range({rows + generation}) as numbers (i)"
        )
        connection.execute(
            f"insert into dev_marts.dim_region select concat('r', i), 'Region', {generation} from range(5) as n (i)"
        )
        connection.execute(
            f"create or replace view dev_marts.rpt_orders as select order_key, generation from "
            f'"{warehouse.stem}"."dev_marts"."fct_orders" cross join '
            f'(select max(generation) as generation from "{warehouse.stem}"."dev_marts"."dim_region")'
        )


def read_once(current: Path) -> int:
    """Open the current copy as a BI client does, check it against what it says of itself; returns its generation.

    Raises:
        AssertionError: tables of different builds, or not what was published.
    """
    with duckdb.connect(str(current / "strata.duckdb"), read_only=True) as connection:
        connection.execute("set enable_progress_bar = false")
        generations = connection.execute(
            "select generation from marts.dim_region union select generation from marts.rpt_orders"
        ).fetchall()
        assert len(generations) == 1, f"tables of several builds: {generations}"
        for schema, name, rows, content in connection.execute(
            "select table_schema, table_name, row_count, content_hash from publication.tables"
        ).fetchall():
            described = connection.execute(f"describe {schema}.{name}").fetchall()
            found = content_hash(connection, f"{schema}.{name}", [column[0] for column in described])
            assert found == (rows, content), f"{schema}.{name}: {found} for {rows}, {content}"
        return generations[0][0]


def reader(current: Path, seed: int, stop: Any, ready: Any, told: Any) -> None:
    """Read until told to stop, waiting a little between; tells the reads, the newest generation seen and what broke."""
    chance, reads, newest, problem = random.Random(seed), 0, -1, ""
    try:
        while reads == 0 or not stop.is_set():
            generation = read_once(current)
            assert generation >= newest, f"generation {generation} after {newest}"
            reads, newest = reads + 1, generation
            if reads == 1:
                ready.release()
            stop.wait(chance.uniform(0.3, 1.2))
        newest = read_once(current)
    except Exception as error:
        problem = f"{type(error).__name__}: {error}"
        ready.release()
    told.put((reads, newest, problem))


def publish_until_killed(place: Path, environment: dict[str, str], point: str) -> None:
    """Publish in this process, which kills itself at the point: before a step, or (`done`) after the last of them."""
    from tools.publish import __main__ as command  # readers do without it

    os.environ.update(environment)
    name, _, which = point.partition(":")

    def die(*_: Any, **__: Any) -> None:
        os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(60)

    if name != "Shelf._link":
        with mock.patch.object(command, name, die):
            command.publish(place)
    link = command.Shelf._link

    def linking(shelf: Any, called: str, version: str) -> None:
        if called == which:
            die()
        link(shelf, called, version)
        if which == "done" and called == "current":
            die()

    with mock.patch.object(command.Shelf, "_link", linking):
        command.publish(place)
