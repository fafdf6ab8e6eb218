"""Purge, sweep, measurement and erasure as Snowflake gets them, on the emulator, against the reckoning of DuckDB's."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
import sqlglot
from retention_oracle import Family, Table, expected_to_go, policy_row, random_family
from support.plain_macros import ROOT, plain_macros

from tools.snowflake.client import Emulator, running_emulator

pytestmark = pytest.mark.emulator

COLUMNS = {
    "id": "number(38, 0)", "parent_id": "number(38, 0)", "client_id": "varchar", "note": "varchar",
    "document": "variant", "_dlt_load_id": "varchar",
}  # fmt: skip
TYPES = {"date": "date", "timestamp": "timestamp_ntz", "timestamptz": "timestamp_tz"}
NOW = "2026-01-01 00:00:00"


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with running_emulator() as running:
        yield running


@cache
def snowflake_macros() -> dict[str, Any]:
    return plain_macros(
        "macros/retention", lambda sql: None, target=SimpleNamespace(type="snowflake"), var=lambda *_: 30,
        modules=SimpleNamespace(re=re, datetime=__import__("datetime")),
    )  # fmt: skip


def literal(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, datetime):
        text = value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S") if value.tzinfo else str(value)
        return f"to_timestamp_tz('{text} +00:00')" if value.tzinfo else f"cast('{text}' as timestamp_ntz)"
    if isinstance(value, date):
        return f"cast('{value}' as date)"
    return str(value) if isinstance(value, int) else "'" + value.replace("'", "''") + "'"


class Purge:
    """The real macros, with what they dispatch for Snowflake, in a database of the emulator."""

    def __init__(self, emulator: Emulator, family: Family, database: str) -> None:
        self.connection = emulator.connect(database=database, schema="PUBLIC", seconds=30)
        self.cursor = self.connection.cursor()
        self.family, self.runs = family, 0
        self.statements: list[str] = []
        self.macros = snowflake_macros()
        self.macros["answer"] = self.run_query
        for statement in [*self.macros["ops_tables"]("ops"), "create schema raw", "create stage ops.archive"]:
            self.run_query(statement)
        self.tables: dict[str, Any] = {}
        for table in family.tables.values():
            types = COLUMNS | ({"clock": TYPES[table.clock_type]} if table.clock_type else {})
            self.run_query(f"create table raw.{table.name} ({', '.join(f'{n} {kind}' for n, kind in types.items())})")
            self.know(table.name)
            self.land(table.name, table.rows, "first")

    def know(self, name: str) -> None:
        """What the warehouse lists about a table, as read_tables reads it."""
        listed = self.rows(
            "select column_name, data_type from information_schema.columns"
            f" where table_schema = 'RAW' and table_name = '{name.upper()}' order by ordinal_position"
        )
        columns: dict[str, str] = {}
        for column, kind in listed:
            columns |= self.macros["listed_column"](column, kind)
        self.tables[f"raw.{name}"] = {
            "relation": f'"RAW"."{name.upper()}"', "policy_name": f"raw.{name}", "columns": columns, "personal": [],
        }  # fmt: skip

    def land(self, name: str, rows: list[dict[str, Any]], load: str) -> None:
        for row in rows:
            columns = [c for c in self.tables[f"raw.{name}"]["columns"] if c in row]
            values = ", ".join(literal(row[column]) for column in columns)
            extra, given = (
                ("", "")
                if "document" not in self.tables[f"raw.{name}"]["columns"]
                else (", document", ', parse_json(\'{"n": ' + str(row["id"]) + "}')")
            )
            self.run_query(
                f"insert into raw.{name} ({', '.join(columns)}, _dlt_load_id{extra}) select {values}, '{load}'{given}"
            )

    def run_query(self, sql: str) -> Any:
        self.statements.append(sql)
        return SimpleNamespace(rows=self.rows(sql))

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        self.cursor.execute(sql)
        return self.cursor.fetchall()

    def frame(self, **more: Any) -> dict[str, Any]:
        self.runs += 1
        plan = self.macros["plan_policies"]([t.row for t in self.family.tables.values()], self.tables)
        assert plan["faults"] == []
        return {
            "as_of": self.family.as_of.strftime("%Y-%m-%d %H:%M:%S"), "now": NOW, "policies": plan["policies"],
            "holds": self.family.holds, "ops": "ops", "tombstone_key": "a 'key\\", "run_id": f"run-{self.runs}",
            "archive_root": f"{self.connection.database}.ops.archive", "cause": "retention", "who": "test", **more,
        }  # fmt: skip

    def run(self, **more: Any) -> dict[str, dict[str, Any]]:
        frame = self.frame(**more)
        order = self.macros["purge_order"](list(frame["policies"]), frame["policies"])
        return {outcome["dataset"]: outcome for outcome in self.macros["purge_in_order"](order, frame)}

    def sweep(self) -> None:
        moment = self.macros["moment_text"]("max(as_of)")
        found = self.rows(
            f"select dataset_name, max(case when key_digest is null then 1 else 0 end), {moment},"
            " max(case when cause = 'erasure' then 1 else 0 end) from ops.tombstones group by dataset_name"
        )
        stones = {
            name: {"kind": "range" if is_range else "digest", "as_of": as_of, "erased": erased == 1}
            for name, is_range, as_of, erased in found
        }
        frame = self.frame(stones=stones)
        order = self.macros["purge_order"](list(frame["policies"]), frame["policies"])
        for statement in self.macros["sweep_statements"](order, frame):
            self.run_query(statement)

    def ids(self) -> dict[str, set[int]]:
        return {name: {int(i) for (i,) in self.rows(f"select id from raw.{name}")} for name in self.family.tables}


@pytest.mark.parametrize("seed", range(8))
def test_purge_deletes_what_a_naive_reckoning_says(seed: int, emulator: Emulator) -> None:
    family = random_family(Random(seed))
    goes = expected_to_go(family)
    purge = Purge(emulator, family, f"FAMILY_{seed}")
    before = {name: {row["id"] for row in table.rows} for name, table in family.tables.items()}
    frame = purge.frame()
    for name in family.tables:
        due = purge.macros["is_due"](frame["policies"][f"raw.{name}"], "t", frame)
        assert {int(i) for (i,) in purge.rows(f"select t.id from raw.{name} as t where {due}")} == goes[name]
    assert purge.ids() == before
    assert {outcome["status"] for outcome in purge.run().values()} <= {"done", "nothing due"}
    stays = {name: before[name] - goes[name] for name in before}
    assert purge.ids() == stays
    logged = purge.rows("select dataset_name, sum(rows_done) from ops.retention_actions group by dataset_name")
    assert {name: int(rows) for name, rows in logged} == {f"raw.{name}": len(ids) for name, ids in goes.items() if ids}
    assert {outcome["due"] for outcome in purge.run().values()} <= {0}
    for name, table in family.tables.items():
        purge.land(name, [row for row in table.rows if row["id"] in goes[name]], "again")
    purge.sweep()
    assert purge.ids() == stays
    for statement in purge.statements:
        sqlglot.parse_one(statement, read="snowflake")


def small_company() -> Family:
    """Parent, archived child, follower, and a table that is made anonymous: a hold, no clock, exactly at the limit."""
    family = Family({}, [{"dataset": "*", "kind": "client", "id": "it's", "predicate": None}], datetime(2026, 1, 1))
    old, limit, young = datetime(2020, 1, 1), datetime(2025, 1, 1), datetime(2025, 1, 1, 0, 0, 1)
    rows = [
        {"id": number, "parent_id": number, "client_id": client, "clock": clock, "note": "n"}
        for number, (client, clock) in enumerate(
            [("C1", old), ("C1", limit), ("C2", young), ("C2", None), ("it's", old), (None, old)]
        )
    ]
    zoned = [{**row, "clock": row["clock"].replace(tzinfo=UTC) if row["clock"] else None} for row in rows]
    of_client = {"subject_keys": "client:client_id"}
    family.tables = {
        "parent": Table("parent", policy_row("raw.parent", **of_client), "timestamp", rows),
        "child": Table(
            "child",
            policy_row("raw.child", parent_dataset="raw.parent", parent_columns="parent_id=id",
                       purge_action="archive_delete", key_columns="id;clock"),
            "timestamptz", zoned,
        ),
        "follower": Table(
            "follower",
            policy_row("raw.follower", clock_column=None, retention_period="with followed",
                       follows_dataset="raw.parent", tombstones="none"),
            None, [{name: value for name, value in row.items() if name != "clock"} for row in rows],
        ),
        "unnamed": Table(
            "unnamed",
            policy_row("raw.unnamed", purge_action="anonymise", erasure_action="anonymise", **of_client),
            "timestamp", rows,
        ),
    }  # fmt: skip
    return family


GOES = {0, 1, 5}


def test_a_family_goes_with_its_archive_and_its_snapshot(emulator: Emulator) -> None:
    purge = Purge(emulator, small_company(), "COMPANY")
    columns = "select id, parent_id, client_id, note"
    held = "select count(*) from raw.child where client_id = 'it''s'"
    archived = purge.rows(
        f"{columns}, to_json(document), cast(convert_timezone('UTC', clock) as timestamp_ntz) from raw.child"
        " where id in (0, 1, 5) order by id"
    )
    outcomes = purge.run()
    assert {name: (o["status"], o["due"], o["done"]) for name, o in outcomes.items()} == {
        "raw.child": ("done", 3, 3), "raw.parent": ("done", 3, 3), "raw.follower": ("done", 3, 3),
        "raw.unnamed": ("done", 2, 2),
    }  # fmt: skip
    assert [outcomes[name]["held"] for name in ("raw.child", "raw.parent", "raw.unnamed")] == [1, 1, 1]
    assert purge.ids() == {
        "parent": {2, 3, 4},
        "child": {2, 3, 4},
        "follower": {2, 3, 4},
        "unnamed": {0, 1, 2, 3, 4, 5},
    }
    assert purge.rows(held) == [(1,)]
    clients = [client for (client,) in purge.rows("select client_id from raw.unnamed order by id")]
    assert clients[0] == clients[1]
    assert clients[0].startswith("anon-")
    assert clients[2:] == ["C2", "C2", "it's", None]
    # The archive holds what went, and the log knows it by path and MD5.
    ((path, digest, actor),) = purge.rows(
        "select archive_path, archive_sha256, done_by from ops.retention_actions where archive_path <> ''"
    )
    assert path == "@COMPANY.ops.archive/raw.child__run-1.parquet"
    ((_, _, md5, _),) = purge.rows(f"list {path}")
    assert (digest, actor) == (f"md5:{md5}", "test")
    assert purge.rows(f"{columns}, document, clock from ops.rows_read order by id") == archived
    # The secret stands in no table.
    logged = "select count(*) from ops.retention_actions where contains(predicate, '%s')"
    assert [purge.rows(logged % text) for text in ("''key", "***|raw.parent|")] == [[(0,)], [(1,)]]
    # A row of a tombstone that lands again goes; with a new clock it may stay; one made anonymous loses its name.
    tables = purge.family.tables
    purge.land("child", [row for row in tables["child"].rows if row["id"] in GOES], "again")
    purge.land(
        "parent", [tables["parent"].rows[0], {**tables["parent"].rows[1], "clock": datetime(2025, 7, 1)}], "again"
    )
    purge.land("follower", [tables["follower"].rows[0]], "again")
    purge.run_query("delete from raw.unnamed where id = 0")
    purge.land("unnamed", [tables["unnamed"].rows[0]], "again")
    purge.sweep()
    assert purge.ids()["parent"] == {1, 2, 3, 4}
    assert purge.ids()["child"] == {2, 3, 4}
    assert purge.ids()["follower"] == {2, 3, 4}
    assert purge.rows("select client_id from raw.unnamed where id = 0") == [(clients[0],)]


@pytest.mark.parametrize(
    ("statement", "spoilt", "why"),
    [
        ("delete from", " and t.id > 0", "3 rows were due, 2 went, 1 are left"),
        ("copy into @", " and t.id > 0", "the archive does not read back as what is due"),
        # A copy of a row comes, or a row changes, between the marks and the archive.
        ("select count(*), (select count(*)", "; insert", "the archive does not read back as what is due"),
        ("select count(*), (select count(*)", "; update", "the archive does not read back as what is due"),
        # The same between the archive and the end.
        ("insert into ops.tombstones", "; insert", "3 rows were due, 4 went, 0 are left"),
        ("insert into ops.tombstones", "; update", "3 rows were due, 2 went, 1 are left"),
    ],
)
def test_counts_that_disagree_roll_back_one_dataset(
    statement: str, spoilt: str, why: str, emulator: Emulator, request: pytest.FixtureRequest
) -> None:
    name = re.sub(r"\W", "_", request.node.callspec.id)
    purge = Purge(emulator, small_company(), f"SPOILT_{name}".upper())
    before = purge.ids()
    meddling = {
        "; insert": "insert into raw.child select * from raw.child where id = 0",
        "; update": "update raw.child set note = 'other' where id = 0",
    }

    def spoil(sql: str) -> Any:
        is_it = sql.startswith(statement) and '"CHILD"' in sql and "rows_due" in sql
        if is_it and spoilt not in meddling:
            sql = sql.replace(") file_format", spoilt + ") file_format") if "file_format" in sql else sql + spoilt
        answer = SimpleNamespace(rows=purge.rows(sql))
        if is_it and spoilt in meddling:
            purge.rows(meddling[spoilt])
        return answer

    purge.macros["answer"] = spoil
    outcomes = purge.run()
    assert (outcomes["raw.child"]["status"], outcomes["raw.child"]["why"]) == ("mismatch", why)
    assert outcomes["raw.parent"]["status"] == "skipped"
    assert purge.ids() == before
    assert purge.rows("select count(*) from ops.tombstones where dataset_name = 'raw.child'") == [(0,)]
    purge.macros["answer"] = purge.run_query
    assert purge.run()["raw.child"]["status"] == "done"


def test_what_is_due_is_measured(emulator: Emulator) -> None:
    purge = Purge(emulator, small_company(), "MEASURED")
    frame = purge.frame(faults=["raw.gone: unknown dataset"])
    sql = purge.macros["retention_due_sql"](frame, purge.tables)
    purge.run_query(f"create or replace table ops.retention_due as {sql}")
    found = purge.rows(
        "select dataset_name, rows_due, rows_overdue, rows_due_in_90_days, rows_held, oldest_due_date, policy_fault"
        " from ops.retention_due order by dataset_name"
    )
    first = date(2020, 1, 1)
    assert found == [
        ("raw.child", 3, 2, 1, 1, first, None),
        ("raw.gone", None, None, None, None, None, "raw.gone: unknown dataset"),
        ("raw.parent", 3, 2, 1, 1, first, None),
        ("raw.unnamed", 2, 1, 1, 1, first, None),
    ]
    sqlglot.parse_one(sql, read="snowflake")


def test_an_erased_subject_goes_and_does_not_come_back(emulator: Emulator) -> None:
    purge = Purge(emulator, small_company(), "ERASED")
    frame = purge.frame(cause="erasure", holds=[])
    found = purge.macros["erase_in_order"](frame, "client", "C1", True)
    assert {(item["dataset"], item["action"], item["due"]) for item in found} == {
        ("raw.child", "delete", 2), ("raw.parent", "delete", 2), ("raw.unnamed", "anonymise", 2),
    }  # fmt: skip
    assert purge.ids()["parent"] == {0, 1, 2, 3, 4, 5}
    purge.macros["erase_in_order"](frame, "client", "C1", False)
    assert purge.ids() == {
        "parent": {2, 3, 4, 5}, "child": {2, 3, 4, 5}, "follower": set(range(6)), "unnamed": set(range(6)),
    }  # fmt: skip
    rows = purge.family.tables["parent"].rows
    purge.land("parent", [rows[0], {**rows[0], "id": 77, "clock": datetime(2025, 12, 1)}], "again")
    purge.land("unnamed", [{**rows[0], "id": 78}], "again")
    purge.sweep()
    assert purge.ids()["parent"] == {2, 3, 4, 5}, "also a row of the subject that nobody had seen"
    assert purge.ids()["follower"] == {2, 3, 4, 5}
    assert purge.rows("select count(*) from raw.unnamed where client_id = 'C1'") == [(0,)]


@pytest.mark.parametrize(
    "name", ["CL-1", "Acme (Holding) Ltd", "it's@a.example", "a\\b", "x^y[z]", "50 % + $", "Ünal & Co."]
)
def test_a_text_mentions_a_name_as_a_whole_word(name: str, emulator: Emulator) -> None:
    purge = Purge(emulator, Family({}, [], datetime(2026, 1, 1)), f"TEXTS_{len(name)}_{ord(name[0])}")
    macros = purge.macros
    text = macros["sql_text"]
    assert purge.rows(f"select {text(name)}") == [(name,)]
    for around, is_named in (
        (f"of {name}, now", True),
        (name, True),
        (f"x{name}", False),
        (f"{name}9", False),
        ("other", False),
    ):
        assert purge.rows(f"select {macros['mentions'](text(around), name)}") == [(is_named,)], around


POLICIES_HERE = ("raw_crm.sign_ups", "raw_customs.cbam_imports")


def dbt(folder: Path, port: int, *arguments: str, key: str = "a key of the tests", stage: str = "") -> str:
    """dbt on the emulator; what it printed, with its exit code in front."""
    environment = {
        **os.environ, "DBT_PROFILES_DIR": str(ROOT), "STRATA_EMULATOR_PORT": str(port),
        "DBT_TARGET_PATH": str(folder / "target"), "DBT_LOG_PATH": str(folder / "logs"),
        "STRATA_TOMBSTONE_KEY": key, "STRATA_ARCHIVE_STAGE": stage, "STRATA_ACTOR": "a test",
    }  # fmt: skip
    variables = "{raw_database: RAW, purge_role: duckdb, purge_time_travel_days: 1}"
    command = [
        str(Path(sys.executable).parent / "dbt"),
        *arguments,
        "--target",
        "snowflake_emulator",
        "--vars",
        variables,
    ]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False)
    return f"exit {done.returncode}\n{done.stdout}{done.stderr}"


def operation(name: str, **arguments: Any) -> list[str]:
    return ["run-operation", name, "--args", json.dumps(arguments)]


def test_dbt_purges_sweeps_and_erases_in_another_database(emulator: Emulator, tmp_path: Path) -> None:
    port = emulator.port
    seeded = dbt(tmp_path, port, "seed", "--select", "retention_policies", "legal_holds")
    assert seeded.startswith("exit 0"), seeded
    with emulator.connect(database="RAW", seconds=60) as connection:
        cursor = connection.cursor()

        def rows(sql: str) -> list[tuple[Any, ...]]:
            return cursor.execute(sql).fetchall()

        names = "', '".join(POLICIES_HERE)
        rows(f"delete from ANALYTICS.CI_SEEDS.RETENTION_POLICIES where dataset_name not in ('{names}')")
        rows("create schema RAW_CRM")
        rows("create schema RAW_CUSTOMS")
        rows(
            "create table RAW_CRM.SIGN_UPS as select column1 as sign_up_id, column2 as client_id,"
            " cast(column3 as timestamp_ntz) as signed_up_at, '1' as _dlt_load_id"
            " from values (1, 'C1', '2001-01-01'), (2, 'C1', '2026-01-01'), (3, 'C2', '2001-01-01')"
        )
        rows(
            "create table RAW_CUSTOMS.CBAM_IMPORTS as select column1 as declaration_id, 1 as item_number,"
            " cast(column2 as date) as import_date, '1' as _dlt_load_id"
            " from values ('a', '2001-01-01'), ('b', '2026-01-01')"
        )
        shown = dbt(tmp_path, port, *operation("purge"))
        assert shown.startswith("exit 0"), shown
        assert re.search(r"raw_crm\.sign_ups +2 +0 +0 +2001-01-01 +2001-01-01 +delete", shown), shown
        refused = dbt(tmp_path, port, *operation("purge", dry_run=False, confirm=True))
        assert refused.startswith("exit 1"), refused
        assert "nothing was deleted: 1 rows of raw_customs.cbam_imports have to be archived first" in refused
        assert rows("select count(*) from RAW_CRM.SIGN_UPS") == [(3,)]
        rows("create schema if not exists OPS")
        rows("create stage OPS.ARCHIVE")
        done = dbt(tmp_path, port, *operation("purge", dry_run=False, confirm=True), stage="RAW.OPS.ARCHIVE")
        assert done.startswith("exit 0"), done
        assert rows("select sign_up_id from RAW_CRM.SIGN_UPS") == [(2,)]
        assert rows("select declaration_id from RAW_CUSTOMS.CBAM_IMPORTS") == [("b",)]
        logged = rows(
            "select dataset_name, rows_due, rows_done, archive_path <> '', done_by"
            " from OPS.RETENTION_ACTIONS order by 1"
        )
        assert logged == [
            ("raw_crm.sign_ups", 2, 2, False, "a test"),
            ("raw_customs.cbam_imports", 1, 1, True, "a test"),
        ]
        rows("insert into RAW_CRM.SIGN_UPS select 3, 'C2', cast('2001-01-01' as timestamp_ntz), '2'")
        rows("insert into RAW_CUSTOMS.CBAM_IMPORTS select 'a', 1, cast('2001-01-01' as date), '2'")
        swept = dbt(tmp_path, port, *operation("sweep_tombstones"))
        assert swept.startswith("exit 0"), swept
        assert rows("select sign_up_id from RAW_CRM.SIGN_UPS") == [(2,)]
        assert rows("select declaration_id from RAW_CUSTOMS.CBAM_IMPORTS") == [("b",)]
        measured = dbt(tmp_path, port, *operation("measure_retention"))
        assert measured.startswith("exit 0"), measured
        assert rows("select sum(rows_due), count(*) from OPS.RETENTION_DUE") == [(0, 2)]
        erased = dbt(tmp_path, port, *operation("erase_subject", kind="client", id="C1", dry_run=False, confirm=True))
        assert erased.startswith("exit 0"), erased
        assert rows("select count(*) from RAW_CRM.SIGN_UPS") == [(0,)]
        erasures = rows("select distinct dataset_name from OPS.TOMBSTONES where cause = 'erasure' order by 1")
        assert erasures == [("client",), ("raw_crm.sign_ups",)]
