"""`make publish WHOLE=1` and `python -m tools.defer`: one changed model on production's data, by real dbt runs.

The project is a small one with the real profiles.yml, so that a parse costs nothing.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import duckdb
import pytest
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.cli.main import dbtRunner

from ingestion.lock import warehouse_lock
from tools import defer, slim_ci
from tools.publish import __main__ as publish

ROOT = Path(__file__).resolve().parents[3]
FILES = {
    "dbt_project.yml": """
name: strata
version: "0.1.0"
profile: strata
vars: {raw_database: ""}
models:
  strata:
    marts: {+materialized: table, +schema: marts, +access: public}
    intermediate: {+materialized: view, +schema: intermediate, +access: protected}
""",
    "models/shop.yml": """
sources:
  - name: raw_shop
    database: "{{ var('raw_database') or target.database }}"
    tables: [{name: orders}]
models:
  - name: fct_orders
    config: {event_time: order_date}
    columns:
      - {name: order_id}
      - {name: customer_name, config: {meta: {sensitivity: personal}}}
      - {name: order_date}
      - {name: amount}
  - name: agg_orders
    columns:
      - {name: order_date, data_tests: [unique]}
      - {name: amount}
  - name: agg_weights
    columns: [{name: amount}]
""",
    "models/intermediate/int_orders.sql": "select * from {{ source('raw_shop', 'orders') }}",
    "models/marts/fct_orders.sql": "select order_id, customer_name, order_date, amount from {{ ref('int_orders') }}",
    "models/marts/agg_orders.sql": """
select order_date, cast(sum(amount) as bigint) as amount from {{ ref('fct_orders') }} group by order_date
""",
    "models/marts/agg_weights.sql": "select cast(sum(amount) as bigint) as amount from {{ ref('int_orders') }}",
}
DAYS = 4


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The project, built in `warehouse/strata.duckdb`, with both copies published from it."""
    directory = tmp_path_factory.mktemp("analyst")
    for name, text in FILES.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(text, encoding="utf-8")
    (directory / "warehouse").mkdir()
    warehouse = directory / "warehouse" / "strata.duckdb"
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute(
            "create schema raw_shop; create table raw_shop.orders as select i as order_id, concat('Customer ', i) as "
            f"customer_name, date '2026-09-01' + cast(i % {DAYS} as integer) as order_date, i as amount "
            "from range(20) as numbers (i)"
        )
    settings = {
        "DBT_PROFILES_DIR": str(ROOT), "DBT_TARGET_PATH": str(directory / "target"), "STRATA_LOCK_WAIT": "0",
        "DBT_LOG_PATH": str(directory / "logs"), "STRATA_WAREHOUSE": str(warehouse), "STRATA_TARGET": "dev",
    }  # fmt: skip
    places = [mock.patch.object(module, "ROOT", directory) for module in (defer, slim_ci, publish)]
    before = Path.cwd()
    with mock.patch.dict(os.environ, settings), places[0], places[1], places[2]:
        os.environ.pop("STRATA_LOCK_HELD", None)
        os.chdir(directory)
        built = dbtRunner().invoke(["--log-level", "none", "build"])
        DuckDBConnectionManager.close_all_connections()
        assert built.success, built.exception or built.result
        assert publish.main(["--whole"]) == 0 and publish.main([]) == 0
        yield directory
        DuckDBConnectionManager.close_all_connections()
        os.chdir(before)


@pytest.fixture
def run(project: Path) -> Callable[..., int]:
    """A fresh clone: what is deferred starts without a file, and the models are as they were."""
    for path in (project / "warehouse").glob("deferred.duckdb*"):
        path.unlink()
    for name, text in FILES.items():
        (project / name).write_text(text, encoding="utf-8")

    def command(*arguments: str, copy: str = "production") -> int:
        place = project / "warehouse" / copy / "strata" / "current"
        with mock.patch.dict(os.environ, {"STRATA_PRODUCTION": str(place)}):
            try:
                return defer.main(list(arguments))
            finally:
                DuckDBConnectionManager.close_all_connections()

    return command


def stored(project: Path, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(project / "warehouse" / "deferred.duckdb"), read_only=True) as connection:
        return connection.execute(sql).fetchall()


TABLES = "select table_name from information_schema.tables where table_schema like 'deferred%' order by table_name"


def test_one_changed_mart_is_built_on_the_whole_copy(project: Path, run, capsys):
    changed = project / "models/marts/agg_orders.sql"
    changed.write_text(FILES["models/marts/agg_orders.sql"].replace("sum(amount)", "sum(2 * amount)"), encoding="utf-8")
    assert run("build", "--select", "state:modified") == 0
    assert stored(project, TABLES) == [("agg_orders",)]
    assert stored(project, "select count(*), sum(amount) from deferred_marts.agg_orders") == [(DAYS, 2 * 190)]
    capsys.readouterr()
    assert run("show", "--select", "agg_orders", "--limit", "2") == 0
    assert "2026-09-0" in capsys.readouterr().out
    assert run("ls", "--select", "state:modified", "--resource-type", "model", "--output", "name") == 0
    assert capsys.readouterr().out.split() == ["agg_orders"]

    assert run("run", "--select", "agg_orders", "--sample", "{'start': '2026-09-02', 'end': '2026-09-03'}") == 0
    assert stored(project, "select order_date::varchar from deferred_marts.agg_orders") == [("2026-09-02",)]
    assert run("build", "--select", "agg_orders", "--empty") == 0
    assert stored(project, "from deferred_marts.agg_orders") == []


def test_a_test_that_fails_and_a_column_that_is_not_there_are_told(project: Path, run, capsys):
    changed = project / "models/marts/agg_orders.sql"
    changed.write_text("select date '2026-09-01' as order_date, amount from {{ ref('fct_orders') }}", encoding="utf-8")
    assert run("build", "--select", "agg_orders") == 1
    assert "unique_agg_orders_order_date" in capsys.readouterr().out
    changed.write_text("select order_date, amuont as amount from {{ ref('fct_orders') }}", encoding="utf-8")
    assert run("build", "--select", "agg_orders") == 1
    told = capsys.readouterr()
    assert "amuont" in told.out and "amount" in told.out and "does not hold" not in told.err


def test_what_was_built_here_goes_before_the_copy_unless_asked(project: Path, run):
    changed = project / "models/intermediate/int_orders.sql"
    changed.write_text(FILES["models/intermediate/int_orders.sql"] + " where order_id < 5", encoding="utf-8")
    assert run("build", "--select", "int_orders") == 0
    assert run("build", "--select", "agg_weights") == 0
    assert stored(project, "from deferred_marts.agg_weights") == [(10,)]
    assert run("build", "--select", "agg_weights", "--favor-state") == 0
    assert stored(project, "from deferred_marts.agg_weights") == [(190,)]


def test_the_published_copy_serves_marts_on_marts_and_says_what_it_lacks(project: Path, run, capsys):
    assert run("build", "--select", "agg_orders", copy="published") == 0
    assert stored(project, "select count(*), sum(amount) from deferred_marts.agg_orders") == [(DAYS, 190)]
    assert run("build", "--select", "agg_weights", copy="published") == 1
    told = capsys.readouterr().err
    assert "does not hold int_orders" in told and "make publish WHOLE=1" in told
    assert run("show", "--select", "agg_weights", copy="published") == 1
    assert "does not hold" in capsys.readouterr().err
    query = "select customer_name from {{ ref('fct_orders') }}"
    assert run("show", "--inline", query, copy="published") == 1, "personal columns are in it"
    assert "customer_name" in capsys.readouterr().out
    assert run("show", "--inline", query) == 0


def test_what_is_no_copy_or_in_use_is_refused_with_the_remedy(project: Path, run, capsys):
    for copy in ("nowhere", "production/strata"):
        assert run("build", copy=copy) == 2
        assert "make publish WHOLE=1" in capsys.readouterr().err
    with mock.patch.dict(os.environ):
        os.environ.pop("STRATA_PRODUCTION", None)
        assert defer.main(["build"]) == 2
    assert "STRATA_PRODUCTION" in capsys.readouterr().err
    with warehouse_lock(project / "warehouse" / "deferred.duckdb"):
        assert run("build") == 75
    assert "held by process" in capsys.readouterr().err


def test_the_whole_copy_is_of_one_moment_or_not_there(project: Path, run, capsys):
    """A writer that is there, a killed one, a relation that is gone."""
    warehouse = project / "warehouse" / "strata.duckdb"
    current = project / "warehouse" / "production" / "strata" / "current"
    version = current.resolve()
    script = (
        "import duckdb, os, sys; c = duckdb.connect(sys.argv[1]);"
        "c.execute('create table raw_shop.late as select 7 as n');"
        "print('open', flush=True); sys.stdin.read(); os._exit(9)"
    )
    with (
        mock.patch.dict(os.environ, {"STRATA_WAREHOUSE": str(warehouse), "DBT_TARGET_PATH": str(project / "target")}),
        subprocess.Popen(
            [sys.executable, "-c", script, str(warehouse)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as writer,
    ):
        assert writer.stdout.readline() == b"open\n"
        assert publish.main(["--whole"]) == 75
        assert "open for writing" in capsys.readouterr().err and current.resolve() == version
        writer.stdin.close()
        assert writer.wait() == 9 and warehouse.with_name("strata.duckdb.wal").exists()
        assert publish.main(["--whole"]) == 0
        with duckdb.connect(str(current / "strata.duckdb"), read_only=True) as connection:
            assert connection.execute("from raw_shop.late").fetchall() == [(7,)]
        manifest = json.loads((current / "manifest.json").read_text(encoding="utf-8"))
        assert {node["database"] for node in manifest["nodes"].values()} == {"strata"}

        version = current.resolve()
        with duckdb.connect(str(warehouse)) as connection:
            connection.execute("drop view dev_intermediate.int_orders")
        capsys.readouterr()
        assert publish.main(["--whole"]) == 2
        told = capsys.readouterr().err
        assert "dev_intermediate.int_orders" in told and "Remedy" in told and current.resolve() == version
