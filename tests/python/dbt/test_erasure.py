"""An erased subject leaves nothing but its pseudonym, and does not come back."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import pytest
from retention_oracle import policy_row
from support.plain_macros import plain_macros

from tools.purge import compact
from tools.subject_search import Place, in_bytes, places

TABLES = {
    "raw.clients": "client_id varchar, legal_name varchar, contact_email varchar, clock date, _dlt_load_id varchar",
    "raw.relations": "id integer, client_id varchar, clock timestamp, _dlt_load_id varchar",
    "raw.balances": "id integer, relation_id integer, amount decimal(9, 2), _dlt_load_id varchar",
    "raw.payments": "id integer, client_id varchar, amount integer, memo varchar, clock date, _dlt_load_id varchar",
    "raw.sign_ups": "id integer, company_name varchar, clock timestamp, _dlt_load_id varchar",
    "raw_ops.dead_letters": (
        "dead_letter_id varchar, payload varchar, record_key varchar, detail varchar, landed_at date"
    ),
    "snapshots.snap_clients": "client_id varchar, client_name varchar",
}
PERSONAL = {
    "raw.clients": ["legal_name", "contact_email"], "raw.payments": ["memo"], "raw.sign_ups": ["company_name"],
}  # fmt: skip
OF_CLIENT = {
    "subject_keys": "client:client_id",
    "parent_dataset": "raw.clients",
    "parent_columns": "client_id=client_id",
}
POLICIES = [
    policy_row("raw.clients", key_columns="client_id", subject_keys="client:client_id"),
    policy_row("raw.relations", **OF_CLIENT),
    policy_row(
        "raw.balances", retention_period="with parent", clock_column=None, parent_dataset="raw.relations",
        parent_columns="relation_id=id",
    ),
    policy_row("raw.payments", erasure_action="anonymise", **OF_CLIENT),
    policy_row("raw.sign_ups", erasure_action="keep"),
    policy_row("raw_ops.dead_letters", clock_column="landed_at", key_columns="dead_letter_id"),
    policy_row(
        "snapshots.snap_clients", clock_column=None, retention_period="with followed", follows_dataset="raw.clients",
        key_columns="client_id", subject_keys="client:client_id", tombstones="none",
    ),
]  # fmt: skip
ROWS = """
insert into raw.clients values
    ('CL-1', 'Acme (Holding) Ltd', 'it''s@acme.example', '2026-01-01', 'one'),
    ('CL-12', 'Other plc', 'post@other.example', '2026-01-01', 'one');
insert into raw.relations values (1, 'CL-1', '2026-01-01', 'one'), (2, 'CL-12', '2026-01-01', 'one');
insert into raw.balances values (1, 1, 10, 'one'), (2, 2, 20, 'one'), (3, 1, 30, 'one');
insert into raw.payments values
    (1, 'CL-1', 5, 'for Acme', '2026-01-01', 'one'), (2, 'CL-12', 7, 'rent', '2026-01-01', 'one'),
    (3, 'CL-1', 11, null, '2026-01-02', 'one');
insert into raw.sign_ups values (1, 'Acme (Holding) Ltd', '2026-01-01', 'one'), (2, 'Other plc', '2026-01-01', 'one');
insert into raw_ops.dead_letters values
    ('a', '{"client": "CL-1"}', 'x', null, '2026-01-01'), ('b', '{"client": "CL-12"}', 'CL-12', null, '2026-01-01'),
    ('c', 'from it''s@acme.example', null, null, '2026-01-01'), ('d', null, 'line CL-1/2', 'no', '2026-01-01');
insert into snapshots.snap_clients values ('CL-1', 'Acme (Holding) Ltd'), ('CL-12', 'Other plc');
"""
NAMES = ["CL-1", "Acme (Holding) Ltd", "it's@acme.example"]


class Warehouse:
    """The tables above in a file, and the macros on them."""

    def __init__(self, path: Path) -> None:
        self.path, self.runs = path, 0
        self.connection = duckdb.connect(str(path))
        self.connection.execute(
            "set TimeZone = 'UTC'; create schema raw; create schema raw_ops; create schema snapshots"
        )
        for name, columns in TABLES.items():
            self.connection.execute(f"create table {name} ({columns})")
        self.connection.execute(ROWS)
        self.macros = plain_macros(
            "macros/retention", lambda sql: SimpleNamespace(rows=self.connection.execute(sql).fetchall())
        )
        for statement in self.macros["ops_tables"]("ops"):
            self.connection.execute(statement)

    def frame(self, **more: Any) -> dict[str, Any]:
        self.runs += 1
        tables = {}
        for name in TABLES:
            described = self.connection.execute(f"describe {name}").fetchall()
            columns = {column: kind for column, kind, *_ in described}
            tables[name] = {
                "relation": name, "policy_name": name, "personal": PERSONAL.get(name, []), "columns": columns,
            }  # fmt: skip
        plan = self.macros["plan_policies"](POLICIES, tables)
        assert plan["faults"] == []
        return {
            "as_of": "2026-06-01 00:00:00", "policies": plan["policies"], "holds": [], "ops": "ops", "cause": "erasure",
            "tombstone_key": "a key", "run_id": f"run{self.runs}", "archive_root": "", "who": "test", **more,
        }  # fmt: skip

    def erase(self, subject: str, dry_run: bool = False, **more: Any) -> list[dict[str, Any]]:
        return self.macros["erase_in_order"](self.frame(**more), "client", subject, dry_run)

    def sweep(self) -> None:
        found = self.connection.execute("select distinct dataset_name from ops.tombstones").fetchall()
        stones = {name: {"kind": "digest", "as_of": "2026-06-01 00:00:00", "erased": True} for (name,) in found}
        frame = self.frame(stones=stones)
        order = self.macros["purge_order"](list(frame["policies"]), frame["policies"])
        for statement in self.macros["sweep_statements"](order, frame):
            self.connection.execute(statement)

    def all(self, sql: str) -> list[tuple[Any, ...]]:
        return self.connection.execute(sql).fetchall()

    def contents(self) -> list[Any]:
        return [self.all(f"select * exclude (_dlt_load_id) from {name} order by all")
                if "_dlt_load_id" in columns else self.all(f"select * from {name} order by all")
                for name, columns in TABLES.items()]  # fmt: skip


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return Warehouse(tmp_path / "erasure.duckdb")


def test_nothing_names_an_erased_client(warehouse: Warehouse) -> None:
    before = places(warehouse.connection, NAMES)
    assert Place("raw_ops.dead_letters", "payload", 2) in before
    assert Place("raw.sign_ups", "company_name", 1) in before
    warehouse.erase("CL-1")
    assert places(warehouse.connection, NAMES) == []
    assert warehouse.all("select client_id from raw.clients") == [("CL-12",)]
    assert warehouse.all("select id from raw.balances") == [(2,)]
    assert warehouse.all("select dead_letter_id from raw_ops.dead_letters") == [("b",)]
    assert warehouse.all("select client_id from snapshots.snap_clients") == [("CL-12",)]


def test_facts_stay_countable_under_one_pseudonym(warehouse: Warehouse) -> None:
    warehouse.erase("CL-1")
    ((nobody, count, total, memos),) = warehouse.all(
        "select client_id, count(*), sum(amount), list(memo order by id) from raw.payments"
        " where client_id <> 'CL-12' group by all"
    )
    assert (count, total, memos) == (2, 16, ["erased", "erased"])
    assert nobody.startswith("anon-")
    assert warehouse.all("select sum(amount) from raw.payments") == [(23,)]


def test_a_dry_run_only_counts(warehouse: Warehouse) -> None:
    before = warehouse.contents()
    found = {(result["dataset"], result["action"]): result["due"] for result in warehouse.erase("CL-1", dry_run=True)}
    assert found["raw.balances", "delete"] == 2
    assert found["raw.payments", "anonymise"] == 2
    assert warehouse.contents() == before
    assert warehouse.all("select count(*) from ops.retention_actions") == [(0,)]


def test_held_rows_stay(warehouse: Warehouse) -> None:
    before = warehouse.contents()
    hold = {"dataset": "*", "kind": "client", "id": "CL-1", "predicate": None}
    payments = next(r for r in warehouse.erase("CL-1", holds=[hold]) if r["dataset"] == "raw.payments")
    assert (payments["held"], payments["done"]) == (2, 0)
    after = warehouse.contents()
    names = list(TABLES)
    for held in ("raw.clients", "raw.relations", "raw.balances", "raw.payments"):
        assert after[names.index(held)] == before[names.index(held)]


def test_what_lands_again_goes_again(warehouse: Warehouse) -> None:
    warehouse.erase("CL-1")
    erased = warehouse.contents()
    warehouse.connection.execute("delete from raw.payments where id in (1, 3)")
    for statement in ROWS.replace("'one'", "'two'").split(";\n"):
        if "raw.clients" in statement or "raw.relations" in statement or "raw.balances" in statement:
            warehouse.connection.execute(statement)
    warehouse.connection.execute("delete from raw.clients where client_id = 'CL-12' and _dlt_load_id = 'two'")
    warehouse.connection.execute("delete from raw.relations where id = 2 and _dlt_load_id = 'two'")
    warehouse.connection.execute("delete from raw.balances where id = 2 and _dlt_load_id = 'two'")
    warehouse.connection.execute(
        "insert into raw.payments values (1, 'CL-1', 5, 'for Acme', '2026-01-01', 'two'),"
        " (3, 'CL-1', 11, null, '2026-01-02', 'two')"
    )
    warehouse.connection.execute(
        "insert into raw_ops.dead_letters values ('a', '{\"client\": \"CL-1\"}', 'x', null, now())"
    )
    warehouse.sweep()
    assert warehouse.contents() == erased
    warehouse.connection.execute("insert into raw.payments values (4, 'CL-1', 1, 'late', '2026-07-01', 'three')")
    warehouse.sweep()
    assert warehouse.all("select distinct client_id from raw.payments where id in (1, 4)") == [
        warehouse.all("select client_id from raw.payments where id = 3")[0]
    ]


def test_the_log_names_nobody(warehouse: Warehouse) -> None:
    warehouse.erase("CL-1")
    logged = repr(warehouse.all("select * from ops.retention_actions") + warehouse.all("select * from ops.tombstones"))
    assert "raw.payments" in logged
    assert not [name for name in [*NAMES, "CL-1", "a key"] if name in logged]


def test_the_compacted_file_holds_no_bytes_of_what_was_erased(warehouse: Warehouse) -> None:
    warehouse.connection.execute("checkpoint")
    assert in_bytes(warehouse.path, "Acme (Holding) Ltd", chunk=64)
    warehouse.erase("CL-1")
    erased = warehouse.contents()
    warehouse.connection.close()
    warehouse.path.with_name(warehouse.path.name + ".compacting").write_bytes(b"of a run that was killed")
    compact(warehouse.path)
    assert [name for name in NAMES[1:] if in_bytes(warehouse.path, name)] == []
    assert in_bytes(warehouse.path, "Other plc", chunk=64)
    warehouse.connection = duckdb.connect(str(warehouse.path))
    assert warehouse.contents() == erased
