"""The job's own parts: copying raw tables, changing them, ending in time, saying what is not verified."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
import yaml

from ingestion.contract import landed_sources
from tools.snowflake import job, raw_changes, raw_data
from tools.snowflake.client import Emulator
from tools.snowflake.compare import Comparison, compare, content
from tools.snowflake.dbt_runs import BuildFailed, DbtProcess, Target, dbt_processes, run_all
from tools.snowflake.report import NOT_VERIFIED, print_comparisons, print_not_verified

_STAGING = Path(__file__).resolve().parents[3] / "models/staging"


# The columns by which the planner chooses rows: a fixture row has the value that a landed one would.
_CHOSEN = {
    "goods_movement_type": "'101'",
    "status": "'active'",
    "line_number": "1",
    "hire_date": "date '2025-12-31' + (i % 2)::integer",
    "effective_date": "date '2026-01-01'",
    "employee_id": "'W' || (i // 2)",
    "reversed_je_header_id": "cast(null as bigint)",
    "_landed_at": "timestamptz '2026-01-01 10:00:00.123456+00' + interval 1 hour * i",
}
_VALUES = {
    "boolean": "false",
    "date": "date '2026-02-28'",
    "integer": "i",
    "bigint": "i + 9007199254740993",
    "varchar": "case i when 2 then 'It''s \"Ünïcode\"' else 'v' || i end",
    "timestamp": "timestamptz '2026-02-28 10:00:00+00'",
}


@pytest.fixture
def landed(tmp_path: Path) -> Path:
    """A small landed warehouse: 100 rows in every raw table of the contracts, of every type that the landing uses."""
    file = tmp_path / "landed.duckdb"
    with duckdb.connect(str(file)) as connection:
        connection.execute("set TimeZone = 'UTC'; create schema raw_ops")
        for source in landed_sources():
            connection.execute(f"create schema raw_{source}")
            declared = yaml.safe_load((_STAGING / source / f"_{source}__sources.yml").read_text())
            for table in declared["sources"][0]["tables"]:
                values = ", ".join(
                    f"{_CHOSEN.get(column['name'], _value(column['data_type']))} as {column['name']}"
                    for column in table["columns"]
                )
                connection.execute(
                    f"create table raw_{source}.{table['name']} as select {values} from range(100) as r(i)"
                )
        connection.execute("create table raw_sap._dlt_loads (load_id varchar)")
        connection.execute("create table raw_ops.loads (load_id varchar, rows_read bigint, share double)")
        connection.execute("insert into raw_ops.loads values ('l', 9007199254740993, 0.1), (null, null, null)")
    return file


def _value(data_type: str) -> str:
    """A value that differs from row to row where the type lets it."""
    return _VALUES.get(data_type.lower(), f"cast(i % 50 + 0.5 as {data_type})")


def test_a_missing_warehouse_is_named_with_its_remedy(tmp_path: Path) -> None:
    with pytest.raises(raw_data.RawDataError, match=r"gone\.duckdb: no such warehouse file. Run `make land`"):
        raw_data.copy_to_duckdb(tmp_path / "gone.duckdb", tmp_path / "copy.duckdb")


def test_an_empty_warehouse_is_refused(tmp_path: Path) -> None:
    duckdb.connect(str(tmp_path / "empty.duckdb")).close()
    with pytest.raises(raw_data.RawDataError, match="holds no raw_sap tables"):
        raw_data.copy_to_duckdb(tmp_path / "empty.duckdb", tmp_path / "copy.duckdb")


def test_the_loaders_own_tables_are_left_out(landed: Path, tmp_path: Path) -> None:
    tables = raw_data.copy_to_duckdb(landed, tmp_path / "copy.duckdb")
    assert "raw_sap._dlt_loads" not in {table.qualified for table in tables}
    assert "raw_ops.loads" in {table.qualified for table in tables}


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("DECIMAL(13,3)", "NUMBER(13,3)"), ("TIMESTAMP WITH TIME ZONE", "TIMESTAMP_TZ"), ("BIGINT", "NUMBER(19,0)")],
)
def test_types_of_the_copy(kind: str, expected: str) -> None:
    assert raw_data.snowflake_type(kind) == expected


def test_an_unknown_type_is_an_error() -> None:
    with pytest.raises(raw_data.RawDataError, match=r"no Snowflake type is known for DuckDB's VARCHAR\[\]"):
        raw_data.snowflake_type("VARCHAR[]")


@pytest.mark.emulator
def test_copy_and_changes_give_both_sides_the_same_rows(landed: Path, tmp_path: Path, emulator: Emulator) -> None:
    copied = tmp_path / "copy.duckdb"
    tables = raw_data.copy_to_duckdb(landed, copied)
    with emulator.connect("COPIED") as connection:
        raw_data.copy_to_emulator(copied, tables, connection)
        changes = raw_changes.plan_changes(copied, tables)

        def on_emulator(sql: str) -> int:
            return connection.cursor().execute(sql).rowcount

        there = raw_changes.apply_changes(changes, on_emulator)
        with duckdb.connect(str(copied)) as warehouse:
            here = raw_changes.apply_changes(
                changes, lambda sql: warehouse.execute(raw_changes.to_duckdb(sql)).fetchone()[0]
            )
            assert here == there
            warehouse.execute("set TimeZone = 'UTC'")
            for table in tables:
                query = f"select * from {table.qualified}"
                contents = []
                for cursor in (warehouse.execute(query), connection.cursor().execute(query)):
                    rows = cursor.fetchall()
                    contents.append(content([column[0] for column in cursor.description], rows))
                outcome = compare(table.qualified, *contents)
                assert outcome.equal, outcome
            changed = warehouse.execute(
                "select city_name, business_partner_is_blocked, _landed_at from raw_sap.suppliers "
                "where city_name = 'Elsewhere'"
            ).fetchall()
    newest = datetime(2026, 1, 5, 13, 0, 1, 123456, tzinfo=UTC)
    assert changed == [("Elsewhere", True, newest)]


def test_a_change_that_touches_nothing_is_an_error() -> None:
    with pytest.raises(raw_data.RawDataError, match="'moved' touched no row"):
        raw_changes.apply_changes([raw_changes.Change("moved", ("update t set a = 1",))], lambda sql: 0)


def test_too_little_data_to_change_is_an_error(landed: Path, tmp_path: Path) -> None:
    tables = raw_data.copy_to_duckdb(landed, tmp_path / "copy.duckdb")
    with duckdb.connect(str(tmp_path / "copy.duckdb")) as connection:
        connection.execute("delete from raw_sap.purchase_orders where purchase_order > 'v15'")
    with pytest.raises(raw_data.RawDataError, match=r"20 purchase_orders in raw_sap\.purchase_orders"):
        raw_changes.plan_changes(tmp_path / "copy.duckdb", tables)


def test_a_missing_table_to_change_is_an_error(landed: Path) -> None:
    with pytest.raises(raw_data.RawDataError, match=r"changes raw_sap\.purchase_orders; the raw data does not hold it"):
        raw_changes.plan_changes(landed, [raw_data.RawTable("raw_sap", "plants", (("_landed_at", "TIMESTAMP"),))])


def test_every_source_of_the_marts_changes(landed: Path, tmp_path: Path) -> None:
    tables = raw_data.copy_to_duckdb(landed, tmp_path / "copy.duckdb")
    changes = raw_changes.plan_changes(tmp_path / "copy.duckdb", tables)
    statements = [statement for change in changes for statement in change.statements]
    touched = {re.search(r"raw_(\w+)\.", statement)[1] for statement in statements}
    assert touched == {"sap", "oracle", "workday", "atom", "emerald", "incentive", "scm_legacy", "capacity_plan",
                       "interactions", "crm"}  # fmt: skip
    for kind in ("insert into raw_atom.order_lines", "update raw_atom.order_lines set _is_deleted = true"):
        assert any(statement.startswith(kind) for statement in statements), kind


def test_the_time_limit_ends_what_swallows_exceptions() -> None:
    started = time.monotonic()
    with pytest.raises(job.TimeLimitReached), job.time_limit(1):
        while True:
            try:
                time.sleep(10)
            except Exception:  # noqa: BLE001, S112 - as a retry loop would
                continue
    assert time.monotonic() - started < 5


def test_the_job_says_that_it_was_stopped(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job, "_run", lambda *_: time.sleep(10))
    assert job.main(["--time-limit", "1"]) == job.EXIT_TIME_LIMIT
    assert "time limit of 1 s" in capsys.readouterr().err


def test_the_job_refuses_a_missing_warehouse(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert job.main(["--raw", str(tmp_path / "gone.duckdb")]) == job.EXIT_USAGE
    assert "no such warehouse file" in capsys.readouterr().err


def test_a_failed_build_names_its_target(tmp_path: Path) -> None:
    target = Target("DuckDB", "ci", tmp_path, {"STRATA_WAREHOUSE": str(tmp_path / "w.duckdb")})
    with (
        dbt_processes([target]) as processes,
        pytest.raises(BuildFailed, match="dbt failed on DuckDB during build 1(?s:.)*No such option '--no-such-option'"),
    ):
        run_all(processes, ["build", "--no-such-option"], "build 1")


def test_a_dbt_process_that_dies_is_reported(tmp_path: Path) -> None:
    target = Target("DuckDB", "ci", tmp_path, {"STRATA_WAREHOUSE": str(tmp_path / "w.duckdb")})
    process = DbtProcess(target)
    process._process.kill()
    process._process.wait()
    with pytest.raises(BuildFailed, match="ended during build 2"):
        run_all([process], ["debug"], "build 2")
    process.stop()


def test_the_table_shows_rows_and_verdict_of_every_relation(capsys: pytest.CaptureFixture[str]) -> None:
    same = content(["id"], [(1,), (2,)])
    other = content(["id"], [(1,), (Decimal("3"),)])
    print_comparisons(
        [
            compare("model.strata.fct_a", same, same),
            compare("model.strata.fct_b", same, other),
            Comparison("model.strata.dim_c", None, None, False, ("exists only for DuckDB",)),
        ]
    )
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines if line.startswith("fct_")] == [
        ["fct_a", "2", "2", "yes"],
        ["fct_b", "2", "2", "NO"],
    ]
    assert lines[-1] == "3 relations compared by columns, row count and content hash, 2 differ"


def test_not_verified_lines_are_printed_one_by_one(capsys: pytest.CaptureFixture[str]) -> None:
    print_not_verified()
    printed = capsys.readouterr().out
    assert printed.count("NOT VERIFIED: ") == len(NOT_VERIFIED)
    for subject in ("grants", "masking", "row access", "dynamic tables", "tasks", "streams", "time travel"):
        assert subject in printed
