"""Each repair: statements whose outcome is right with it and wrong without it."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest
from snowflake.connector import SnowflakeConnection
from snowflake.connector.errors import Error, ProgrammingError

from tools.snowflake.client import Emulator, running_emulator
from tools.snowflake.repairs import REPAIRS

pytestmark = pytest.mark.emulator


@dataclass(frozen=True)
class Case:
    """Statements in a schema of their own, and the rows the last one must return."""

    repair: str
    statements: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    batch: bool = False  # send the text as one request, as dlt does


CASES = (
    Case(
        "temporary_objects",
        (
            "create or replace temporary table ANALYTICS.{schema}.staged as select 1 as id",
            "create or replace temporary view ANALYTICS.{schema}.shown as select id from ANALYTICS.{schema}.staged",
            "select id from ANALYTICS.{schema}.shown",
        ),
        [(1,)],
    ),
    Case(
        "table_constraints",
        (
            "create or replace table keyed (id integer, name varchar, primary key (id)) as select 1 as id, 'a' as name",
            "select id, name from keyed",
        ),
        [(1, "a")],
    ),
    Case(
        "contract_star",
        (
            "create or replace table days as select cast('2026-01-05' as date) as day",
            "create or replace table months (month date, day date) as (select * from "
            "(select cast(date_trunc('month', day) as date) as month, day from days) order by (month, day))",
            "select month < day from months",
        ),
        [(True,)],
    ),
    Case(
        "native_merge",
        (
            "create or replace table target (id integer, name varchar)",
            "insert into target values (1, 'old'), (3, 'kept')",
            "begin",
            "merge into target using (select 1 as id, 'new' as name union all select 2, 'added') as source "
            "on target.id = source.id when matched then update set name = source.name "
            "when not matched then insert (id, name) values (source.id, source.name)",
            "commit",
            "select id, name from target order by id",
        ),
        [(1, "new"), (2, "added"), (3, "kept")],
    ),
    Case(
        "merge_source_columns",
        (
            "create or replace table target (id integer, name varchar)",
            "insert into target values (1, 'old')",
            "merge into target using (select 1 as id, 'new' as name union all select 2, 'added') as source "
            "on target.id = source.id when matched then update set name = upper(name) "
            'when not matched then insert ("ID", "NAME") values ("ID", "NAME")',
            "select id, name from target order by id",
        ),
        [(1, "NEW"), (2, "added")],
    ),
    Case(
        "recursive_cte",
        (
            "with steps as (select 1 as step union all select step + 1 from steps where step < 3) "
            "select max(step) from steps",
        ),
        [(3,)],
    ),
    Case(
        "quoted_comments",
        (
            "create or replace table remarked (id integer) comment = 'the supplier''s own'",
            "select comment from information_schema.tables where table_name = 'REMARKED' and table_schema = '{schema}'",
        ),
        [("the supplier's own",)],
    ),
    Case(
        "recorded_statements",
        (
            "create or replace table granted (id integer)",
            "alter session set query_tag = 'build'",
            "alter table granted set data_retention_time_in_days = 1",
            "grant select, insert on table ANALYTICS.{schema}.granted to role reporter",
            "revoke insert on table ANALYTICS.{schema}.granted from role reporter",
            "show grants on table ANALYTICS.{schema}.granted",
        ),
        [("1970-01-01", "SELECT", "TABLE", "ANALYTICS.{schema}.GRANTED", "ROLE", "REPORTER", "false", "SYSADMIN")],
    ),
    Case(
        "scalar_functions",
        (
            "create or replace function ANALYTICS.{schema}.doubled(x number) returns number(10, 1) as $$ x * 2.0 $$",
            "select ANALYTICS.{schema}.doubled(4) = 8",
        ),
        [(True,)],
    ),
    Case(
        "statement_batches",
        (
            "create or replace table batched (id integer)",
            "insert into batched values (1); insert into batched values (2);",
            "select id from batched order by id",
        ),
        [(1,), (2,)],
        batch=True,
    ),
    Case(
        "stage_paths",
        (
            "create or replace table staged (id integer, name varchar)",
            """put 'file://{file}' '@"{schema}"."%STAGED"/"load"' overwrite = true, auto_compress = false""",
            """copy into staged from '@"{schema}"."%STAGED"/"load"' """
            "file_format = (type = 'PARQUET', binary_as_text = false) match_by_column_name = 'CASE_INSENSITIVE'",
            "select id, name from staged",
        ),
        [(7, "seven")],
    ),
    Case(
        "stage_unloads",
        (
            "create stage shelf",
            "create table kept as select 7 as id, 'it''s' as name",
            "create table returned (id integer, name varchar)",
            "copy into @ANALYTICS.{schema}.shelf/a-1.parquet from (select t.id as id, t.name as name from kept as t) "
            "file_format = (type = parquet) header = true single = true max_file_size = 5368709120",
            "copy into returned from @ANALYTICS.{schema}.shelf/a-1.parquet "
            "file_format = (type = parquet) match_by_column_name = case_insensitive",
            "list @ANALYTICS.{schema}.shelf/a-1",
            "select id, name from returned",
        ),
        [(7, "it's")],
    ),
    Case(
        "null_timestamps",
        (
            "create or replace table timed (naive timestamp_ntz, zoned timestamp_tz, id integer)",
            "insert into timed values (null, null, 1)",
            "select naive, zoned from timed",
        ),
        [(None, None)],
    ),
    Case(
        "catalogue_views",
        (
            "create or replace view seen as select 1 as id",
            "select table_name, table_type from information_schema.tables where table_schema = '{schema}'",
        ),
        [("SEEN", "VIEW")],
    ),
)

# Shown by tests of their own below: no single statement tells them apart.
TESTED_APART = {"statement_errors", "concurrent_ddl"}


def _filled(value: Any, **names: str) -> Any:
    if isinstance(value, str):
        for name, text in names.items():
            value = value.replace("{" + name + "}", text)
    return value


def _run(connection: SnowflakeConnection, case: Case, schema: str, file: Path) -> list[tuple[Any, ...]]:
    cursor = connection.cursor()
    for statement in case.statements:
        sql = _filled(statement, schema=schema, file=str(file))
        cursor.execute(sql, num_statements=0) if case.batch else cursor.execute(sql)
    return cursor.fetchall()


@pytest.fixture(scope="module")
def parquet_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One row, as dlt would stage it."""
    file = tmp_path_factory.mktemp("stage") / "rows.parquet"
    duckdb.sql("select 7 as id, 'seven' as name").write_parquet(str(file))
    return file


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.repair)
def test_repair_makes_the_statements_work(emulator: Emulator, case: Case, parquet_file: Path) -> None:
    schema = case.repair.upper()
    with emulator.connect(schema=schema) as connection:
        rows = _run(connection, case, schema, parquet_file)
    assert rows == [tuple(_filled(value, schema=schema) for value in row) for row in case.rows]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.repair)
def test_without_the_repair_they_do_not(unrepaired: Emulator, case: Case, parquet_file: Path) -> None:
    schema = case.repair.upper()
    with unrepaired.connect(schema=schema) as connection:
        try:
            rows = _run(connection, case, schema, parquet_file)
        except Error:
            return
    assert rows != [tuple(_filled(value, schema=schema) for value in row) for row in case.rows]


def test_every_repair_has_a_case() -> None:
    assert {case.repair for case in CASES} | TESTED_APART == {repair.name for repair in REPAIRS}


@pytest.mark.parametrize(
    "sql",
    [
        "select no_such_function(1)",
        "select * from no_such_table",
        "select cast('not a number' as integer)",
        "select 1 from",
        "select '9' || repeat('9', 20) || ''::number(3, 0)::integer::date",
        "merge into no_such_table using (select 1 as id) as s on no_such_table.id = s.id when matched then delete",
    ],
)
def test_a_failing_statement_is_an_ordinary_error_at_once(emulator: Emulator, sql: str) -> None:
    started = time.monotonic()
    with emulator.connect(seconds=30) as connection, pytest.raises(ProgrammingError):
        connection.cursor().execute(sql)
    assert time.monotonic() - started < 10, "the connector retried"


# Two source rows for one target row: fakesnow has no answer to that but HTTP 500.
UNHANDLED = (
    "create or replace table t (id integer)",
    "insert into t values (1)",
    "merge into t using (select 1 as id union all select 1) as s on t.id = s.id when matched then update set id = 2",
)


def _run_unhandled(emulator: Emulator, seconds: int) -> tuple[Error, float]:
    with emulator.connect(schema="UNHANDLED", seconds=seconds) as connection:
        started = time.monotonic()
        with pytest.raises(Error) as caught:
            for sql in UNHANDLED:
                connection.cursor().execute(sql)
        return caught.value, time.monotonic() - started


def test_an_unhandled_failure_is_an_error_of_the_statement(emulator: Emulator) -> None:
    error, waited = _run_unhandled(emulator, seconds=30)
    assert isinstance(error, ProgrammingError)
    assert "[emulator]" in str(error)
    assert waited < 10


def test_without_the_repair_the_connector_retries_until_its_limit() -> None:
    limit = 3
    with running_emulator(without=["statement_errors"]) as emulator:
        error, waited = _run_unhandled(emulator, seconds=limit)
    assert not isinstance(error, ProgrammingError)
    assert waited >= limit - 1


def test_sessions_that_change_the_catalogue_at_once_do_not_collide(emulator: Emulator) -> None:
    failures: list[Exception] = []

    def build(number: int) -> None:
        try:
            with emulator.connect(schema="SHARED") as connection:
                for _ in range(5):
                    connection.cursor().execute(f"create or replace table built_{number % 2} as select {number} as id")
        except Error as error:
            failures.append(error)

    threads = [threading.Thread(target=build, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_a_failed_statement_leaves_the_session_usable(emulator: Emulator) -> None:
    with emulator.connect(schema="AFTER_FAILURE") as connection:
        cursor = connection.cursor()
        cursor.execute("create or replace table kept (id integer not null)")
        cursor.execute("begin")
        cursor.execute("insert into kept values (1)")
        with pytest.raises(ProgrammingError):
            cursor.execute("insert into kept values (null)")
        cursor.execute("rollback")
        assert cursor.execute("select count(*) from kept").fetchall() == [(0,)]


def test_merge_counts_its_rows(emulator: Emulator) -> None:
    with emulator.connect(schema="COUNTS") as connection:
        cursor = connection.cursor()
        cursor.execute("create or replace table target (id integer, is_gone boolean)")
        cursor.execute("insert into target values (1, false), (2, false)")
        cursor.execute(
            "merge into target using (select 1 as id, true as gone union all select 2, false union all select 3, false)"
            " as source on target.id = source.id when matched and source.gone then delete"
            " when matched then update set is_gone = source.gone"
            " when not matched then insert (id, is_gone) values (source.id, source.gone)"
        )
        names = [column.name for column in cursor.description]
        assert names == ["number of rows inserted", "number of rows updated", "number of rows deleted"]
        assert cursor.fetchall() == [(1, 1, 1)]
        assert cursor.rowcount == 3


def test_merge_refuses_two_source_rows_for_one_target_row(emulator: Emulator) -> None:
    with emulator.connect(schema="DUPLICATES") as connection:
        cursor = connection.cursor()
        cursor.execute("create or replace table target (id integer, value integer)")
        cursor.execute("insert into target values (1, 0)")
        with pytest.raises(ProgrammingError):
            cursor.execute(
                "merge into target using (select 1 as id, 1 as value union all select 1, 2) as source "
                "on target.id = source.id when matched then update set value = source.value"
            )
        assert cursor.execute("select value from target").fetchall() == [(0,)]


def test_timestamps_survive_the_round_trip_beside_nulls(emulator: Emulator) -> None:
    with emulator.connect(schema="TIMES") as connection:
        rows = (
            connection.cursor()
            .execute(
                "select moment from (select 1 as n, cast('2024-02-29 23:59:59.123456' as timestamp_ntz) as moment "
                "union all select 2, null union all select 3, cast('1900-01-01' as timestamp_ntz) "
                "union all select 4, cast('9999-12-31' as timestamp_ntz)) order by n"
            )
            .fetchall()
        )
    shown = [row[0] and row[0].isoformat() for row in rows]
    assert shown == ["2024-02-29T23:59:59.123456", None, "1900-01-01T00:00:00", "9999-12-31T00:00:00"]
