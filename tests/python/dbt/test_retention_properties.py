"""A purge deletes what a naive reckoning says, whatever the policies, clocks, holds, families and kills."""

from __future__ import annotations

import contextlib
import hashlib
import json
from datetime import datetime
from functools import cache
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from retention_oracle import SQL_TYPES, Family, Table, expected_to_go, policy_row, random_family
from support.plain_macros import CompilerError, plain_macros

COLUMNS = {
    "id": "integer", "parent_id": "integer", "client_id": "varchar", "note": "varchar", "_dlt_load_id": "varchar",
}  # fmt: skip


class KilledError(Exception):
    """The process dies before a statement."""


@cache
def retention_macros() -> dict[str, Any]:
    """Compiled once for all families."""
    return plain_macros("macros/retention", lambda sql: None)


class Purge:
    """The real macros on a database in memory."""

    def __init__(self, family: Family, archive: Path) -> None:
        self.connection = duckdb.connect(config={"threads": 1})
        self.connection.execute("set TimeZone = 'UTC'")
        self.family, self.archive, self.runs = family, archive, 0
        self.left: int | None = None
        self.macros = retention_macros()
        self.macros["answer"] = self.run_query
        for statement in self.macros["ops_tables"]("ops"):
            self.connection.execute(statement)
        self.connection.execute("create schema raw")
        self.tables: dict[str, Any] = {}
        for table in family.tables.values():
            types = COLUMNS | ({"clock": SQL_TYPES[table.clock_type]} if table.clock_type else {})
            body = ", ".join(f"{name} {kind}" for name, kind in types.items())
            self.connection.execute(f"create table raw.{table.name} ({body})")
            described = self.connection.execute(f"describe raw.{table.name}").fetchall()
            self.tables[f"raw.{table.name}"] = {
                "relation": f"raw.{table.name}", "policy_name": f"raw.{table.name}",
                "columns": {column: kind for column, kind, *_ in described}, "personal": [],
            }  # fmt: skip
            self.land(table.name, table.rows, "first")

    def land(self, name: str, rows: list[dict[str, Any]], load: str) -> None:
        for row in rows:
            columns = [column for column in self.tables[f"raw.{name}"]["columns"] if column != "_dlt_load_id"]
            marks = ", ".join("?" for _ in columns)
            self.connection.execute(
                f"insert into raw.{name} ({', '.join(columns)}, _dlt_load_id) values ({marks}, '{load}')",
                [row[column] for column in columns],
            )

    def run_query(self, sql: str) -> Any:
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                raise KilledError
        return SimpleNamespace(rows=self.connection.execute(sql).fetchall())

    def plan(self) -> Any:
        return self.macros["plan_policies"]([t.row for t in self.family.tables.values()], self.tables)

    def frame(self, **more: Any) -> dict[str, Any]:
        self.runs += 1
        return {
            "as_of": self.family.as_of.strftime("%Y-%m-%d %H:%M:%S"), "policies": self.plan()["policies"],
            "holds": self.family.holds, "ops": "ops", "tombstone_key": "a key", "run_id": f"run{self.runs}",
            "archive_root": str(self.archive), "cause": "retention", "who": "test", **more,
        }  # fmt: skip

    def run(self, killed_after: int | None = None) -> list[dict[str, Any]]:
        frame = self.frame()
        order = self.macros["purge_order"](list(frame["policies"]), frame["policies"])
        self.left = killed_after
        try:
            return self.macros["purge_in_order"](order, frame)
        except KilledError:
            with contextlib.suppress(duckdb.TransactionException):
                self.connection.execute("rollback")
            return []
        finally:
            self.left = None

    def sweep(self) -> None:
        found = self.connection.execute(
            "select dataset_name, bool_or(key_digest is null), max(as_of), max(cause = 'erasure')"
            " from ops.tombstones group by all"
        ).fetchall()
        stones = {
            name: {"kind": "range" if is_range else "digest", "as_of": str(as_of), "erased": erased}
            for name, is_range, as_of, erased in found
        }
        frame = self.frame(stones=stones)
        order = self.macros["purge_order"](list(frame["policies"]), frame["policies"])
        for statement in self.macros["sweep_statements"](order, frame):
            self.connection.execute(statement)

    def ids(self) -> dict[str, set[int]]:
        return {
            name: {row[0] for row in self.connection.execute(f"select id from raw.{name}").fetchall()}
            for name in self.family.tables
        }


def check(seed: int, archive: Path) -> int:
    """One random family: purged with a kill half-way, purged again, delivered again. Returns the rows deleted."""
    random = Random(seed)
    family = random_family(random)
    goes = expected_to_go(family)
    purge = Purge(family, archive)
    assert purge.plan()["faults"] == []
    if random.random() < 0.5:
        purge.run(killed_after=random.randint(0, 25))
    outcomes = purge.run()
    assert {outcome["status"] for outcome in outcomes} <= {"done", "nothing due"}
    stays = {name: {row["id"] for row in table.rows} - goes[name] for name, table in family.tables.items()}
    assert purge.ids() == stays
    logged = "select dataset_name, sum(rows_done) from ops.retention_actions group by all"
    assert dict(purge.connection.execute(logged).fetchall()) == {
        f"raw.{name}": len(ids) for name, ids in goes.items() if ids
    }
    assert [outcome["due"] for outcome in purge.run()] == [0] * len(family.tables)
    purge.sweep()
    assert purge.ids() == stays
    for name, table in family.tables.items():
        purge.land(name, [row for row in table.rows if row["id"] in goes[name]], "again")
    purge.sweep()
    assert purge.ids() == stays
    purge.connection.close()
    return sum(len(ids) for ids in goes.values())


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
def test_purge_deletes_what_a_naive_reckoning_says(seed: int, tmp_path: Path) -> None:
    check(seed, tmp_path)


@pytest.mark.slow
def test_purge_deletes_what_a_naive_reckoning_says_in_1500_families(tmp_path: Path) -> None:
    deleted = sum(check(seed, tmp_path) for seed in range(1500))
    assert deleted > 1500


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"retention_period": "seven years"}, "raw.t0: bad period 'seven years'"),
        ({"retention_period": "-1 days"}, "raw.t0: bad period"),
        ({"retention_period": None}, "raw.t0: bad period"),
        ({"clock_column": "gone_at"}, "raw.t0: missing clock column gone_at"),
        ({"clock_column": None}, "raw.t0: missing clock column"),
        ({"clock_column": "note"}, "raw.t0: clock column note is a VARCHAR"),
        ({"dataset_name": "raw.nowhere"}, "raw.nowhere: unknown dataset"),
        ({"retention_period": "201 years"}, "raw.t0: bad period '201 years'"),
        ({"rows_ahead": "some"}, "raw.t0: rows_ahead is 'some'"),
        ({"purge_action": "anonymise"}, "raw.t0: nothing to anonymise"),
        ({"purge_action": "anonymise", "subject_keys": "client:id"}, "raw.t0: id is a INTEGER"),
        ({"key_columns": "id;other"}, "raw.t0: has no column other"),
        ({"parent_dataset": "raw.nowhere", "parent_columns": "parent_id=id"}, "raw.t0: raw.nowhere is unknown"),
        ({"parent_dataset": "raw.t0", "parent_columns": "parent_id=id"}, "raw.t0: its parents go round in a circle"),
    ],
)
def test_a_wrong_policy_is_named_and_stops_all(changes: dict[str, Any], fault: str, tmp_path: Path) -> None:
    purge = company(tmp_path)
    purge.family.tables["t0"] = Table("t0", policy_row("raw.t0"), "timestamp")
    purge.tables["raw.t0"] = purge.tables["raw.apart"]
    purge.family.tables["t0"].row |= changes
    faults = purge.plan()["faults"]
    assert any(found.startswith(fault) for found in faults), faults
    assert fault in str(refused(purge, purge.frame(faults=faults)))


def refused(purge: Purge, frame: dict[str, Any]) -> Exception:
    """A real run of the operation on that frame; it has to end before it deletes a row of the others."""
    names = ("parent", "child", "apart")
    before = {name: purge.connection.execute(f"select * from raw.{name} order by all").fetchall() for name in names}
    macros = operation()
    macros.update(answer=purge.run_query, frame=frame)
    with pytest.raises(CompilerError, match="nothing was deleted") as raised:
        macros["purge"](dry_run=False, confirm=True)
    after = {name: purge.connection.execute(f"select * from raw.{name} order by all").fetchall() for name in names}
    assert before == after
    assert purge.connection.execute("select count(*) from ops.retention_actions").fetchall() == [(0,)]
    return raised.value


@cache
def operation() -> dict[str, Any]:
    """The macros, with a frame that a test sets in place of what dbt's graph and the seeds say."""
    macros = plain_macros("macros/retention", lambda sql: None)
    macros.update(read_retention=lambda *_: macros["frame"], allow_deletion=lambda *_: None)
    return macros


@pytest.mark.parametrize("clock_type", ["date", "timestamp", "timestamptz"])
def test_a_clock_in_the_future_stops_all(clock_type: str, tmp_path: Path) -> None:
    purge = company(tmp_path)
    purge.connection.execute(f"alter table raw.apart alter clock type {clock_type}")
    purge.tables["raw.apart"]["columns"]["clock"] = SQL_TYPES[clock_type]
    if clock_type == "timestamptz":
        purge.tables["raw.apart"]["columns"]["clock"] = "TIMESTAMP WITH TIME ZONE"
    purge.connection.execute(
        "insert into raw.apart (id, clock) values"
        " (7, '2026-01-01 12:00:00'), (8, '2026-01-03'), (9, '9999-12-31'), (10, null)"
    )
    message = str(refused(purge, purge.frame(faults=[], now="2026-01-01 00:00:00")))
    assert "raw.apart: clock clock lies in the future in 2 rows, 0 may (rows_ahead)" in message
    row = purge.family.tables["apart"].row
    for allowed, stops in (("1", True), ("2", False), ("any", False)):
        row["rows_ahead"] = allowed
        faults: list[str] = []
        purge.macros["check_rows"](["raw.child", "raw.apart"], purge.frame(now="2026-01-01 00:00:00"), faults)
        assert bool(faults) == stops, allowed
    purge.run()
    assert purge.ids()["apart"] == {7, 8, 9, 10}, "a row whose clock is ahead is not due"


def company(tmp_path: Path) -> Purge:
    """A parent with a child, and a table apart; all rows are due."""
    family = Family({}, [], datetime(2026, 1, 1))
    for name, changes in (
        ("parent", {}),
        ("child", {"parent_dataset": "raw.parent", "parent_columns": "parent_id=id", "purge_action": "archive_delete"}),
        ("apart", {}),
    ):
        rows = [
            {"id": number, "parent_id": number, "client_id": None, "clock": datetime(2020, 1, 1), "note": None}
            for number in range(3)
        ]
        family.tables[name] = Table(name, policy_row(f"raw.{name}", **changes), "timestamp", rows)
    return Purge(family, tmp_path)


@pytest.mark.parametrize(
    ("statement", "spoilt", "why"),
    [
        ("delete from raw.child", " and t.id > 0", "3 rows were due, 2 went, 1 are left"),
        ("delete from raw.child", " or t.id is null; insert into raw.child (id) values (9)", "3 rows were due, 2 went"),
        ("copy (select t.*", " and t.id > 0", "the archive does not read back as what is due"),
        (
            "copy (select t.*",
            " union all select t.* from raw.child as t where id = 0",
            "the archive does not read back",
        ),
    ],
)
def test_counts_that_disagree_roll_back_one_dataset(statement: str, spoilt: str, why: str, tmp_path: Path) -> None:
    purge = company(tmp_path)

    def spoil(sql: str) -> Any:
        if sql.startswith(statement) and "raw.child" in sql:
            head, bracket, tail = sql.partition(") to ") if statement.startswith("copy") else (sql, "", "")
            sql = head + spoilt + bracket + tail
        return SimpleNamespace(rows=purge.connection.execute(sql).fetchall())

    purge.macros["answer"] = spoil
    outcomes = {outcome["dataset"]: outcome for outcome in purge.run()}
    assert outcomes["raw.child"]["status"] == "mismatch"
    assert outcomes["raw.child"]["why"].startswith(why)
    assert outcomes["raw.parent"]["status"] == "skipped"
    assert outcomes["raw.apart"]["status"] == "done"
    assert purge.ids() == {"parent": {0, 1, 2}, "child": {0, 1, 2}, "apart": set()}
    assert purge.connection.execute("select distinct dataset_name from ops.tombstones").fetchall() == [("raw.apart",)]
    purge.macros["answer"] = purge.run_query
    purge.run()
    assert purge.ids() == {"parent": set(), "child": set(), "apart": set()}


def test_an_archive_is_what_was_deleted(tmp_path: Path) -> None:
    purge = company(tmp_path)
    before = purge.connection.execute("select * from raw.child order by all").fetchall()
    purge.run()
    ((path, digest),) = purge.connection.execute(
        "select archive_path, archive_sha256 from ops.retention_actions where archive_path <> ''"
    ).fetchall()
    assert purge.connection.execute("select * from read_parquet(?) order by all", [path]).fetchall() == before
    manifest = json.loads(Path(path.replace(".parquet", ".manifest.json")).read_text(encoding="utf-8"))
    assert hashlib.sha256(Path(path).read_bytes()).hexdigest() == digest == manifest["sha256"]
    assert (manifest["row_count"], manifest["dataset_name"]) == (3, "raw.child")


def test_a_member_that_is_back_may_stay(tmp_path: Path) -> None:
    purge = company(tmp_path)
    purge.run()
    purge.land(
        "apart", [{"id": 1, "parent_id": 1, "client_id": None, "clock": datetime(2025, 7, 1), "note": None}], "new"
    )
    purge.land(
        "apart", [{"id": 2, "parent_id": 1, "client_id": None, "clock": datetime(2020, 1, 1), "note": None}], "new"
    )
    purge.sweep()
    assert purge.ids()["apart"] == {1}


@pytest.mark.parametrize("tombstones", ["digest", "range"])
def test_what_is_made_anonymous_stays_joined_and_countable(tombstones: str, tmp_path: Path) -> None:
    old, young = datetime(2020, 1, 1), datetime(2025, 12, 1)
    orders = [("C1", 10, old), ("C2", 20, old), ("C1", 40, young), (None, 80, old), ("it's", 160, old)]
    family = Family({}, [{"dataset": "*", "kind": "client", "id": "it's", "predicate": None}], datetime(2026, 1, 1))
    for name in ("orders", "payments"):
        row = policy_row(
            f"raw.{name}", purge_action="anonymise", subject_keys="client:client_id", tombstones=tombstones
        )
        rows = [
            {"id": number, "parent_id": amount, "client_id": client, "clock": clock, "note": "n"}
            for number, (client, amount, clock) in enumerate(orders)
        ]
        family.tables[name] = Table(name, row, "timestamp", rows)
    purge = Purge(family, tmp_path)
    joined = (
        "select count(*), sum(o.parent_id), sum(p.parent_id), count(distinct o.client_id)"
        " from raw.orders as o inner join raw.payments as p on o.client_id = p.client_id and o.clock = p.clock"
    )
    (before,) = purge.connection.execute(joined).fetchall()
    assert [(outcome["due"], outcome["done"], outcome["held"]) for outcome in purge.run()] == [(2, 2, 1)] * 2
    # C1 is two members now: the one of the young order, and nobody.
    assert purge.connection.execute(joined).fetchall() == [(*before[:3], before[3] + 1)]
    clients = "select client_id from raw.orders order by id"
    first, second, *others = [client for (client,) in purge.connection.execute(clients).fetchall()]
    assert first.startswith("anon-")
    assert second.startswith("anon-")
    assert first != second
    assert others == ["C1", None, "it's"]
    assert [outcome["due"] for outcome in purge.run()] == [0, 0]
    # Landed again by key, as the landing does, under its name: it loses it again, and is not deleted.
    contents = "select * exclude (_dlt_load_id) from raw.orders order by id"
    anonymous = purge.connection.execute(contents).fetchall()
    purge.connection.execute("delete from raw.orders where id in (0, 2)")
    purge.land("orders", [family.tables["orders"].rows[0], family.tables["orders"].rows[2]], "again")
    purge.sweep()
    assert purge.connection.execute(contents).fetchall() == anonymous
