"""Faults are found for what can fail, what cannot is told, and so is what a dropped rule lets through."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tools.mutations import __main__ as command
from tools.mutations import dropped
from tools.mutations.report import ON_CLEAN_ROWS

ORDERS, JUDGED, HELD = '"w"."main"."orders"', '"w"."main"."int_orders"', '"w"."main"."quarantine_orders"'
FAR = '"w"."main"."customers"'
RULES = {
    "NOTHING_ORDERED": "amount <> 0",
    "NOTE_MISSING": "note is not null",
    "ODD_NOTE": "note <> 'z'",
}


def rule(name: str, condition: str) -> str:
    return (
        f"select '{name}' as broken_rule, order_id as record_key from {ORDERS} where not coalesce({condition}, false)"
    )


PARTS = {
    "amount_is_positive": rule("amount_is_positive", "amount > 0"),
    "either_is_given": rule("either_is_given", "amount > 0 or note in ('x', 'y')"),
    "always": rule("always", "amount > 0 or true"),
    "broken_already": rule("broken_already", "amount < 6"),
    "order_id_is_unique": f"select 'order_id_is_unique' as broken_rule, max(order_id) as record_key from {ORDERS} "
    "group by order_id having count(*) > 1 or order_id is null",
    "note_is_unique": f"select 'note_is_unique' as broken_rule, max(order_id) as record_key from {ORDERS} "
    "group by note having count(*) > 1 or note is null",
    "note_is_in_customers": f"select 'note_is_in_customers' as broken_rule, order_id as record_key from {ORDERS} "
    f"as child where child.note is not null and not exists "
    f"(select 1 from {FAR} as parent where parent.note = child.note)",
}
CANNOT = "select 1 as n where false"


def data_test(name: str, sql: str, *reads: str, **more: Any) -> dict[str, Any]:
    return {
        "package_name": "strata", "resource_type": "test", "name": name, "compiled_code": sql,
        "unique_id": f"test.strata.{name}", "depends_on": {"nodes": [f"model.strata.{read}" for read in reads]}, **more,
    }  # fmt: skip


def model(name: str, sql: str, kind: str, *reads: str, **meta: Any) -> dict[str, Any]:
    return {
        "package_name": "strata", "resource_type": "model", "name": name, "relation_name": f'"w"."main"."{name}"',
        "unique_id": f"model.strata.{name}", "database": "w", "compiled_code": sql,
        "depends_on": {"nodes": [f"model.strata.{read}" for read in reads]},
        "config": {"materialized": kind, "meta": meta},
    }  # fmt: skip


@pytest.fixture
def small(tmp_path: Path) -> tuple[Path, dict[str, Any]]:
    """Five judged orders, of which two are good; a fact of the good ones and its tests."""
    path = tmp_path / "another name.duckdb"
    good = f"select order_id, amount, note from {JUDGED} where reason_codes is null"
    bad = f"select * from {JUDGED} where reason_codes is not null"
    with duckdb.connect() as connection:
        connection.execute(f"attach '{path}' as w")
        connection.execute("use w")
        connection.execute(
            "create table int_orders (order_id varchar not null, amount decimal(18, 4), note varchar, "
            "reason_codes varchar, warning_codes varchar, row_hash varchar, source_ref varchar)"
        )
        connection.execute(
            "insert into int_orders values ('1', 5, 'x', null, null, 'h1', 'r'), "
            "('2', 6, 'y', null, 'ODD_NOTE', 'h2', 'r'), "
            "('3', 0, 'x', 'NOTHING_ORDERED', null, 'h3', 'r'), "
            "('4', 0, null, 'NOTHING_ORDERED NOTE_MISSING', null, 'h4', 'r'), "
            "('5', 0, 'w', 'NOTHING_ORDERED', null, 'h5', 'r')"
        )
        connection.execute(f"create table orders as {good}")
        connection.execute(f"create view quarantine_orders as {bad}")
        connection.execute("create table customers as select unnest(['x', 'y']) as note")
    rules = [{"code": code, "holds": holds, "severity": "warn" if code == "ODD_NOTE" else "error", "means": "Wrong."}
             for code, holds in RULES.items()]  # fmt: skip
    nodes = [
        model("int_orders", "", "table", quarantine_rules=rules),
        model("orders", good, "incremental", "int_orders"),
        model("quarantine_orders", bad, "view", "int_orders"),
        data_test(
            "orders_obey", "\n    union all\n    ".join(PARTS.values()), "orders", attached_node="model.strata.orders",
            test_metadata={"name": "rules_hold", "kwargs": {
                "rules": dict.fromkeys(["amount_is_positive", "either_is_given", "always", "broken_already"], ""),
                "unique": ["order_id", "note"], "references": {"note": {}},
            }},
        ),
        data_test("orders_are_there", f"select * from (select count(*) as n from {ORDERS}) as c where n = 0", "orders"),
        data_test(
            "orders_are_conserved",
            f"select 1 from (select (select count(*) from {ORDERS}) + (select count(*) from {HELD}) as n) as c "
            "where n <> 5",
            "orders", "quarantine_orders",
        ),
        data_test("orders_are_few", f"select 1 from (select count(*) as n from {ORDERS}) as c where n > 1", "orders"),
        data_test("remembered", "select never", "orders", test_metadata={"namespace": "elementary", "name": "volume"}),
    ]  # fmt: skip
    return path, {"nodes": {node["unique_id"]: node for node in nodes}}


def test_a_fault_is_found_for_what_can_fail(small: tuple[Path, dict[str, Any]]) -> None:
    path, manifest = small
    before = path.read_bytes()
    run = command.mutate(path, manifest)
    found = {mutation.check.label.removeprefix("orders_obey "): mutation for mutation in run.mutations}
    tests = {"orders_are_there", "orders_are_conserved", "orders_are_few"}
    assert set(found) == {*PARTS, *tests, *(f"rules of int_orders {code}" for code in RULES)}
    assert found["order_id_is_unique"].fault == "orders: a row twice"
    assert "orders_are_conserved" in found["order_id_is_unique"].noticed_by
    assert found["orders_are_conserved"].fault == "orders: a row twice"
    assert found["orders_are_there"].fault == "orders: no rows"
    assert found["amount_is_positive"].fault == "orders: amount = null"
    assert found["note_is_in_customers"].fault == "orders: note = ''"
    assert "amount" in found["either_is_given"].fault and "note" in found["either_is_given"].fault
    assert found["rules of int_orders NOTE_MISSING"].fault == "int_orders: note = null"
    assert run.stuck == ["orders_obey always"]
    assert not run.is_good
    assert path.read_bytes() == before


def test_what_is_broken_already_is_told_apart(small: tuple[Path, dict[str, Any]]) -> None:
    path, manifest = small
    run = command.mutate(path, manifest)
    apart = {m.check.label: m.fault for m in run.mutations if run.outcome(m) == ON_CLEAN_ROWS}
    assert apart["orders_obey broken_already"] == "orders: amount = null"  # planted in the one row that passes
    assert apart["rules of int_orders NOTHING_ORDERED"] == "int_orders: amount = null"
    assert apart["orders_are_few"] == "orders: its rows as they stand, none without them"
    assert set(apart) == {
        "orders_obey broken_already", "orders_are_few", *(f"rules of int_orders {code}" for code in RULES)
    }  # fmt: skip
    never = data_test("never_holds", f"select 1 from (select count(*) as n from {ORDERS}) as c where n >= 0", "orders")
    manifest["nodes"]["never_holds"] = never
    assert command.mutate(path, manifest, "never_holds").stuck == ["never_holds"]


def test_a_check_that_always_fails_does_not_count(small: tuple[Path, dict[str, Any]]) -> None:
    path, manifest = small
    manifest["nodes"]["model.strata.int_orders"]["config"]["meta"]["quarantine_rules"] = [
        {"code": "NEVER", "holds": "amount > 0 and false", "severity": "error", "means": "Wrong."}
    ]
    assert command.mutate(path, manifest, "NEVER").stuck == ["rules of int_orders NEVER"]


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        ({"compiled_code": f"select nothing from {ORDERS}"}, "could not be evaluated: orders_are_there"),
        ({"compiled_code": None}, "could not be taken apart: orders_are_there: not compiled"),
        (
            {"test_metadata": {"name": "rules_hold", "kwargs": {"rules": {"one": "", "two": ""}}},
             "attached_node": "model.strata.orders", "compiled_code": PARTS["amount_is_positive"]},
            "could not be taken apart: orders_are_there: 2 checks in the YAML, 1 in the compiled test",
        ),
        (
            {"compiled_code": f"{CANNOT} and (select count(*) from {ORDERS}) = 0"},
            "could not be broken: orders_are_there",
        ),
    ],
    ids=["does not run", "not compiled", "a part is lost", "cannot fail"],
)  # fmt: skip
def test_the_command_ends_with_1(
    small: tuple[Path, dict[str, Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str], damage: Any, words: str
) -> None:
    path, manifest = small
    file, out = tmp_path / "manifest.json", tmp_path / "reports" / "m.csv"
    arguments = ["--warehouse", str(path), "--manifest", str(file), "--only", "orders_are_there", "--out", str(out)]
    file.write_text(json.dumps(manifest))
    assert command.main(arguments) == 0
    manifest["nodes"]["test.strata.orders_are_there"].update(damage)
    file.write_text(json.dumps(manifest))
    assert command.main(arguments) == 1
    assert words in capsys.readouterr().out


def test_an_exception_is_for_what_cannot_be_broken(small: tuple[Path, dict[str, Any]]) -> None:
    path, manifest = small
    excepted = {"orders_obey always": "It always holds."}
    assert command.mutate(path, manifest, "orders_obey", exceptions=excepted).is_good
    needless = command.mutate(path, manifest, "order_id", exceptions={"orders_obey order_id_is_unique": "Why?"})
    assert needless.needless == ["orders_obey order_id_is_unique"]
    assert not needless.is_good


def test_a_dropped_rule_lets_its_rows_through(
    small: tuple[Path, dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, manifest = small
    planted = {"NOTHING_ORDERED": {("h3", "r"), ("h4", "r")}, "NOTE_MISSING": {("h4", "r")}, "ODD_NOTE": {("h2", "r")}}
    monkeypatch.setattr(command, "planted_marks", lambda *_: planted)
    run = command.mutate(path, manifest, "", tmp_path / "log")
    found = {drop.code: drop for drop in run.dropped}
    empty = found["NOTHING_ORDERED"]  # orders 3 and 5 flow, 4 is still held for want of a note
    assert (empty.planted, empty.planted_flow, empty.rows_flow) == (2, 1, 2)
    # order 3 has the note of order 1, order 5 one that no customer has; the count of all rows stays whole
    assert empty.noticed_by == (
        "orders_obey amount_is_positive", "orders_obey either_is_given", "orders_obey note_is_in_customers",
        "orders_obey note_is_unique",
    )  # fmt: skip
    missing = found["NOTE_MISSING"]
    assert (missing.planted, missing.planted_flow, missing.rows_flow, missing.noticed_by) == (1, 0, 0, ())
    assert (found["ODD_NOTE"].rows_flow, found["ODD_NOTE"].severity) == (0, "warn")
    out = tmp_path / "m.csv"
    command.write(run, out)
    with out.open(encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    assert {line["part"] for line in lines} == {"fault", "rule dropped", "test dropped"}
    assert {line["check"]: line["outcome"] for line in lines if line["part"] == "rule dropped"} == {
        "NOTHING_ORDERED": "rows flow, noticed",
        "NOTE_MISSING": "other rules hold the same rows",
        "ODD_NOTE": "marks rows, holds none back",
    }
    alone = {line["test"]: line["rows_that_flow"] for line in lines if line["part"] == "test dropped"}
    assert alone["orders_obey"] == "1" and alone["orders_are_there"] == "0"


def test_a_model_that_stops_at_a_freed_row_is_named(
    small: tuple[Path, dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, manifest = small
    monkeypatch.setattr(command, "planted_marks", lambda *_: {})
    strict = f"select cast('x' || amount as integer) as n from {ORDERS} where amount = 0"
    manifest["nodes"]["model.strata.strict"] = model("strict", strict, "table", "orders")
    after = 'select * from "w"."main"."strict"'
    manifest["nodes"]["model.strata.after"] = model("after", after, "table", "strict")
    found = {drop.code: drop for drop in command.mutate(path, manifest, "rules of", tmp_path / "log").dropped}
    assert found["NOTHING_ORDERED"].noticed_by[0] == "build of strict"
    assert "build of after" not in found["NOTHING_ORDERED"].noticed_by
    assert "orders_obey amount_is_positive" in found["NOTHING_ORDERED"].noticed_by


def test_planted_faults_are_told_by_the_row_they_landed_as(tmp_path: Path) -> None:
    path, log = tmp_path / "w.duckdb", tmp_path / "planted.jsonl"
    with duckdb.connect(str(path)) as connection:
        connection.execute("create schema raw_emerald")
        connection.execute(
            "create table raw_emerald.clients as select 'A' as client_id, 'h' as _row_hash, 'r' as _source_ref"
        )
    log.write_text("".join(
        json.dumps({"source": "emerald", "dataset": "clients", "key": {"client_id": client}, "fault": "bad",
                    "expected_reason_code": "LEI_USED_TWICE", "expected_outcome": outcome}) + "\n"
        for client, outcome in (("A", "quarantined"), ("B", "quarantined"), ("A", "rejected"))
    ))  # fmt: skip
    manifest = {"nodes": {"m": model("orders", "", "table")}}
    check = next(command.checks_of({"nodes": {"t": data_test("t", f"select 1 from {ORDERS}", "orders")}}))
    with command.Bench.open(path, [check]) as bench:
        assert dropped.planted_marks(bench, manifest, log) == {"LEI_USED_TWICE": {("h", "r")}}
