"""`make publish`: whole copies whatever happens, readers and builds that never meet, and clear refusals."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import subprocess
import sys
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as parquet
import pytest
from support import published_company as company

from ingestion.lock import warehouse_lock
from tools import dbt_session
from tools.publish.__main__ import BUILD_RESULTS, main
from tools.publish.shelf import Shelf, place_of

MODULUS = 2**128
READERS, PUBLISHES = 50, 20


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where copies go; the company is built and its manifest written."""
    warehouse = tmp_path / "company.duckdb"
    company.build(warehouse, 0)
    company.write_manifest(tmp_path / "target", "company")
    monkeypatch.setenv("STRATA_WAREHOUSE", str(warehouse))
    monkeypatch.setenv("DBT_TARGET_PATH", str(tmp_path / "target"))
    monkeypatch.setenv("STRATA_LOCK_WAIT", "0")
    monkeypatch.delenv("STRATA_LOCK_HELD", raising=False)
    monkeypatch.chdir(tmp_path)
    return place_of(warehouse)


@pytest.fixture(scope="module")
def processes() -> Any:
    """Starts processes from a clean one that has imported what they need."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["support.published_company"])
    return context


def manifest_of(place: Path) -> dict[str, Any]:
    return json.loads((place / "current" / "manifest.json").read_text(encoding="utf-8"))


def as_text(value: Any) -> str:
    """A value as docs/publish.md says that it is hashed, written without DuckDB."""
    if value is None:
        return chr(30)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, datetime):
        text = value.isoformat(sep=" ")
        return text.rstrip("0") if value.microsecond else text
    return value.isoformat() if isinstance(value, date) else str(value)


def hash_of(path: Path) -> tuple[int, str]:
    """Rows and content hash of a Parquet file, computed by another reader than the one that published."""
    table = parquet.read_table(path)
    total = 0
    for row in zip(*(column.to_pylist() for column in table.columns), strict=True):
        line = chr(31).join(as_text(value) for value in row)
        total += int.from_bytes(hashlib.md5(line.encode(), usedforsecurity=False).digest(), "little")
    return table.num_rows, f"{total % MODULUS:032x}"


def check_whole(place: Path) -> None:
    """All that the manifest says of the current copy is so."""
    current, written = place / "current", manifest_of(place)
    assert hashlib.sha256((current / written["file"]["path"]).read_bytes()).hexdigest() == written["file"]["sha256"]
    for table in written["tables"]:
        path = current / table["parquet"]
        assert hashlib.sha256(path.read_bytes()).hexdigest() == table["parquet_sha256"]
        assert hash_of(path) == (table["rows"], table["content_hash"])
    company.read_once(current)


def test_the_copy_holds_what_the_marts_hold_and_the_manifest_tells_it(place: Path, capsys: pytest.CaptureFixture[str]):
    assert main([]) == 0
    assert "published 3 tables, 405 rows" in capsys.readouterr().out
    check_whole(place)
    written = manifest_of(place)
    assert [(table["schema"], table["name"], table["rows"]) for table in written["tables"]] == [
        ("marts", "dim_region", 5), ("marts", "fct_orders", 200), ("marts", "rpt_orders", 200),
    ]  # fmt: skip
    assert written["data_as_of"] == "2026-10-01T05:00:00Z" and written["project_version"] and written["git_commit"]
    with duckdb.connect(str(place / "current" / "strata.duckdb"), read_only=True) as connection:
        (tags,) = connection.execute("select tags from duckdb_databases() where database_name = 'strata'").fetchone()
        assert tags["storage_version"].startswith("v1.4.0"), "clients of DuckDB 1.4 could not read it"
        (comment,) = connection.execute(
            "select comment from duckdb_columns() where table_name = 'dim_region' and column_name = 'region_key'"
        ).fetchone()
        assert comment == "The region_key of it's row."
        connection.execute(f"attach '{place.parent.parent / 'company.duckdb'}' as company (read_only)")
        (differ,) = connection.execute(
            "select count(*) from (select * exclude (sales_rep_id) from company.dev_marts.fct_orders "
            "except all select * from marts.fct_orders)"
        ).fetchone()
        assert differ == 0


def test_personal_columns_are_left_out_unless_asked_for(place: Path):
    assert main([]) == 0
    (orders,) = (table for table in manifest_of(place)["tables"] if table["name"] == "fct_orders")
    assert orders["left_out_columns"] == ["sales_rep_id"] and "sales_rep_id" not in orders["columns"]
    assert "sales_rep_id" not in parquet.read_schema(place / "current" / orders["parquet"]).names
    with (
        duckdb.connect(str(place / "current" / "strata.duckdb"), read_only=True) as connection,
        pytest.raises(duckdb.BinderException, match="sales_rep_id"),
    ):
        connection.execute("select sales_rep_id from marts.fct_orders")
    assert main(["--with-personal"]) == 0
    (orders,) = (table for table in manifest_of(place)["tables"] if table["name"] == "fct_orders")
    assert orders["left_out_columns"] == [] and "sales_rep_id" in orders["columns"]
    assert manifest_of(place)["personal_columns"] == "included"
    check_whole(place)


def test_a_changed_value_changes_the_hash_and_the_order_of_rows_does_not(place: Path):
    assert main([]) == 0
    first = {table["name"]: table["content_hash"] for table in manifest_of(place)["tables"]}
    warehouse = os.environ["STRATA_WAREHOUSE"]
    with duckdb.connect(warehouse) as connection:
        connection.execute("create table t as from dev_marts.fct_orders order by order_key desc")
        connection.execute("drop table dev_marts.fct_orders; alter table t rename to fct_orders2")
        connection.execute("create table dev_marts.fct_orders as from fct_orders2")
        connection.execute("update dev_marts.dim_region set region_name = 'Other' where region_key = 'r3'")
    assert main([]) == 0
    second = {table["name"]: table["content_hash"] for table in manifest_of(place)["tables"]}
    assert first["fct_orders"] == second["fct_orders"] and first["dim_region"] != second["dim_region"]


def test_fifty_readers_during_twenty_publishes_and_builds(place: Path, processes: Any):
    assert main([]) == 0
    holder = duckdb.connect(str((place / "current").resolve() / "strata.duckdb"), read_only=True)
    before = holder.execute("from marts.fct_orders order by all").fetchall()
    stop, ready, told = processes.Event(), processes.Semaphore(0), processes.Queue()
    readers = [
        processes.Process(target=company.reader, args=(place / "current", seed, stop, ready, told), daemon=True)
        for seed in range(READERS)
    ]
    for process in readers:
        process.start()
    for _ in readers:
        assert ready.acquire(timeout=900), "a reader did not start"
    for generation in range(1, PUBLISHES + 1):
        company.build(Path(os.environ["STRATA_WAREHOUSE"]), generation)  # fails if a reader were in its way
        assert main([]) == 0
    stop.set()
    results = [told.get(timeout=900) for _ in readers]
    for process in readers:
        process.join(timeout=900)
    assert [problem for _, _, problem in results if problem] == []
    assert all(newest == PUBLISHES for _, newest, _ in results)
    assert holder.execute("from marts.fct_orders order by all").fetchall() == before, "an open copy changed"
    holder.close()
    check_whole(place)


@pytest.mark.parametrize("point", company.KILLED_AT)
def test_a_publish_killed_at_any_step_leaves_a_whole_copy(place: Path, processes: Any, point: str):
    assert main([]) == 0
    old = (place / "current").resolve()
    company.build(Path(os.environ["STRATA_WAREHOUSE"]), 1)
    environment = {name: os.environ[name] for name in ("STRATA_WAREHOUSE", "DBT_TARGET_PATH", "STRATA_LOCK_WAIT")}
    process = processes.Process(target=company.publish_until_killed, args=(place, environment, point))
    process.start()
    process.join(timeout=900)
    assert process.exitcode == -9, "it was not killed"
    check_whole(place)
    assert company.read_once(place / "current") == (1 if point.endswith("done") else 0)
    assert old.is_dir()
    assert main([]) == 0
    check_whole(place)
    assert company.read_once(place / "current") == 1
    assert not list(place.glob(".*")), "something half made stayed"


def test_the_previous_copy_stays_and_older_ones_go(tmp_path: Path):
    shelf, versions = Shelf(tmp_path, grace_seconds=0), []
    for number in range(4):
        with shelf.making() as directory:
            (directory / "x").write_text(str(number), encoding="utf-8")
        versions.append(shelf.current)
    assert (tmp_path / "current" / "x").read_text() == "3" and (tmp_path / "previous" / "x").read_text() == "2"
    assert [path.is_dir() for path in versions] == [False, False, True, True]
    with pytest.raises(ValueError, match="broken"), shelf.making():
        raise ValueError("broken")
    assert (tmp_path / "current" / "x").read_text() == "3" and not list(tmp_path.glob(".*"))


def test_what_only_just_was_replaced_stays_for_who_is_about_to_open_it(tmp_path: Path):
    shelf, versions = Shelf(tmp_path), []
    for _ in range(4):
        with shelf.making():
            pass
        versions.append(shelf.current)
    os.utime(versions[0], (0, 0))
    with shelf.making():
        pass
    assert [path.is_dir() for path in versions] == [False, True, True, True]


def refused(place: Path, capsys: pytest.CaptureFixture[str], code: int, *told: str) -> None:
    """Publishing says why it does not, and the copy stays as it was."""
    before = manifest_of(place)
    assert main([]) == code
    err = capsys.readouterr().err
    for text in (*told, "Remedy"):
        assert text in err
    assert manifest_of(place) == before and not list(place.glob(".making*"))
    check_whole(place)


def test_a_mart_that_is_not_built_is_named(place: Path, capsys: pytest.CaptureFixture[str]):
    assert main([]) == 0
    with duckdb.connect(os.environ["STRATA_WAREHOUSE"]) as connection:
        connection.execute("drop table dev_marts.dim_region; alter table dev_marts.fct_orders drop column note")
    refused(place, capsys, 2, "dev_marts.dim_region is not built", "dev_marts.fct_orders has no column note")


def test_a_view_over_a_column_that_is_gone_is_named(place: Path, capsys: pytest.CaptureFixture[str]):
    assert main([]) == 0
    with duckdb.connect(os.environ["STRATA_WAREHOUSE"]) as connection:
        connection.execute("alter table dev_marts.dim_region rename column generation to epoch")
        connection.execute("alter table dev_marts.dim_region add column generation integer; use dev_marts")
        connection.execute("alter table dev_marts.fct_orders rename column order_key to other_key")
        connection.execute("alter table dev_marts.fct_orders add column order_key varchar")
        connection.execute("drop view dev_marts.rpt_orders; create view dev_marts.rpt_orders as select 1 as order_key")
    refused(place, capsys, 2, "dev_marts.rpt_orders has no column generation")


def test_a_type_that_parquet_has_not_is_named(place: Path, capsys: pytest.CaptureFixture[str]):
    assert main([]) == 0
    with duckdb.connect(os.environ["STRATA_WAREHOUSE"]) as connection:
        connection.execute("alter table dev_marts.dim_region alter generation type hugeint")
    refused(place, capsys, 2, "marts.dim_region has whole numbers of 128 bits", "generation")


def test_a_warehouse_that_another_run_holds_is_told(place: Path, capsys: pytest.CaptureFixture[str]):
    assert main([]) == 0
    with warehouse_lock(Path(os.environ["STRATA_WAREHOUSE"])):
        refused(place, capsys, 75, "company.duckdb", "held by process")
    with warehouse_lock(place):
        refused(place, capsys, 75, "published", "held by process")


def test_a_file_that_another_program_writes_is_told(place: Path, capsys: pytest.CaptureFixture[str]):
    assert main([]) == 0
    script = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", script, os.environ["STRATA_WAREHOUSE"]]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writer:
        assert writer.stdout.readline() == b"open\n"
        refused(place, capsys, 75, "another program has it open for writing")
        writer.stdin.close()
    assert main([]) == 0


def test_a_failed_build_is_not_published_unless_asked_for(place: Path, tmp_path: Path, capsys):
    assert main([]) == 0
    test = {"resource_type": "test", "package_name": "strata", "name": "orders_add_up",
            "depends_on": {"nodes": ["model.strata.fct_orders"]}}  # fmt: skip
    other = {**test, "name": "of_no_mart", "depends_on": {"nodes": ["model.strata.int_orders"]}}
    extra = {"test.strata.orders_add_up": test, "test.strata.of_no_mart": other}
    company.write_manifest(tmp_path / "target", "company", **extra)
    results = {
        "metadata": {"invocation_id": "abc", "generated_at": "2026-10-01T06:00:00Z"},
        "results": [{"unique_id": name, "status": "fail"} for name in extra],
    }
    assert BUILD_RESULTS == dbt_session.BUILD_RESULTS
    path = tmp_path / "target" / BUILD_RESULTS
    path.write_text(json.dumps(results), encoding="utf-8")
    refused(place, capsys, 1, "the last build failed for orders_add_up (fail).")
    assert main(["--even-if-failed"]) == 0
    written = manifest_of(place)
    assert written["failed_in_last_build"] == "orders_add_up (fail)" and written["dbt_invocation"] == "abc"
    results["results"][0]["status"] = "pass"
    path.write_text(json.dumps(results), encoding="utf-8")
    assert main([]) == 0 and manifest_of(place)["failed_in_last_build"] is None


@pytest.mark.parametrize(
    ("fault", "told"),
    [("no manifest", "no readable manifest"), ("snowflake", "build on snowflake"), ("no warehouse", "make run")],
)
def test_what_cannot_be_published_is_refused(place: Path, tmp_path: Path, capsys, fault: str, told: str):
    if fault == "no manifest":
        (tmp_path / "target" / "manifest.json").unlink()
    elif fault == "snowflake":
        company.write_manifest(tmp_path / "target", "company", adapter="snowflake")
    else:
        Path(os.environ["STRATA_WAREHOUSE"]).unlink()
    assert main([]) == 2
    assert told in capsys.readouterr().err
    assert not place.exists()


def test_a_place_that_cannot_be_written_is_told(place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "file").write_text("", encoding="utf-8")
    assert main(["--to", str(tmp_path / "file" / "copies")]) == 1
    assert "Remedy" in capsys.readouterr().err
