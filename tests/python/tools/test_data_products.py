"""`make products`: what changed of a mart's contract is told, or the gate fails; and the exported contracts hold."""

from __future__ import annotations

import copy
import subprocess
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from tools import contracts, data_products
from tools.data_products import Change, changes, expired, log_lines, owners_of_readers, untold
from tools.odcs_of_marts import contract_of, write_contracts

ROOT = Path(__file__).resolve().parents[3]
ID = "model.shop.fct_orders"
YML = """
version: 2
groups: [{name: sales, owner: {name: sales-analytics}}]
models:
  - name: fct_orders
    description: Orders.
    config: {access: public, group: sales, contract: {enforced: true}, materialized: table}
    columns:
      - {name: order_id, data_type: integer, description: Order., constraints: [{type: not_null}]}
      - {name: note, data_type: varchar, description: What was said.}
  - name: int_orders
    config: {access: protected, contract: {enforced: true}, materialized: table}
    columns: [{name: a, data_type: integer}]
"""
SQL = "select 1 as order_id, 'x' as note"
LOG = "| date | mart | kind | what |\n| --- | --- | --- | --- |\n"


def column(name: str, data_type: str = "varchar", *constraints: str, **more: Any) -> dict[str, Any]:
    kinds = [{"type": kind} for kind in constraints]
    return {"name": name, "data_type": data_type, "description": f"The {name}.", "constraints": kinds, **more}


@pytest.fixture
def manifest() -> dict[str, Any]:
    """One public mart with a test, an exposure that reads it, and a model that nobody outside sees."""
    columns = [column("order_id", "integer", "not_null"), column("amount_gbp", "decimal(18,4)"),
               column("name", config={"meta": {"sensitivity": "personal"}})]  # fmt: skip
    node = {
        "resource_type": "model", "package_name": "shop", "access": "public", "alias": "fct_orders", "unique_id": ID,
        "schema": "dev_marts", "fqn": ["shop", "marts", "sales", "fct_orders"], "description": "Orders.",
        "version": None, "latest_version": None, "deprecation_date": None,
        "columns": {one["name"]: one for one in columns},
        "config": {"schema": "marts", "materialized": "table", "group": "sales", "contract": {"enforced": True},
                   "meta": {"grain": "One row per order", "owner": "sales-analytics", "retention": "operational"}},
    }  # fmt: skip
    test = {
        "resource_type": "test", "package_name": "shop", "name": "orders_obey", "description": "An order is wrong.",
        "attached_node": ID, "test_metadata": {"kwargs": {"key": "order_id", "unique": ["order_id", ["a", "b"]],
                                                          "rules": {"amount_is_there": "amount_gbp >\n 0"}}},
    }  # fmt: skip
    exposure = {"owner": {"name": "growth-data"}, "depends_on": {"nodes": [ID, "model.shop.int_orders"]}}
    group = {"name": "sales", "config": {"meta": {"sla": {"deadline": "07:30 UTC", "freshness_hours": 26}}}}
    return {
        "metadata": {"project_name": "shop"}, "exposures": {"e": exposure}, "groups": {"g": group},
        "nodes": {ID: node, "test.shop.t": test, "model.shop.int_orders": {**node, "access": "protected"}},
    }  # fmt: skip


def drop(node: dict[str, Any]) -> None:
    del node["columns"]["amount_gbp"]


def retype(node: dict[str, Any]) -> None:
    node["columns"]["amount_gbp"]["data_type"] = "double"


def loosen(node: dict[str, Any]) -> None:
    node["columns"]["order_id"]["constraints"] = []


def add(node: dict[str, Any]) -> None:
    node["columns"]["extra"] = column("extra")


def unenforce(node: dict[str, Any]) -> None:
    node["config"]["contract"] = {"enforced": False}


def describe(node: dict[str, Any]) -> None:
    node["columns"]["name"]["description"] = "Another text."


@pytest.mark.parametrize(
    ("change", "kind", "what"),
    [
        (drop, "breaking", "column amount_gbp is gone"),
        (retype, "breaking", "column amount_gbp is double, was decimal(18,4)"),
        (loosen, "breaking", "column order_id no longer promises not_null"),
        (unenforce, "breaking", "its contract is no longer enforced"),
        (add, "additive", "new column extra"),
        (describe, None, None),
    ],
)
def test_what_changed_of_a_contract_is_told_by_kind(manifest, change, kind, what):
    now = copy.deepcopy(manifest)
    change(now["nodes"][ID])
    assert changes(manifest, now, {ID}) == ([Change("fct_orders", kind, (what,))] if kind else [])


def test_a_mart_that_moves_goes_or_hides_breaks_its_readers(manifest):
    moved, gone, hidden = (copy.deepcopy(manifest) for _ in range(3))
    moved["nodes"][ID]["config"]["schema"] = "platform"
    del gone["nodes"][ID]
    hidden["nodes"][ID]["access"] = "protected"
    assert changes(manifest, moved, set()) == [
        Change("fct_orders", "breaking", ("stands in schema platform, was in marts",))
    ]
    for now in (gone, hidden):
        assert changes(manifest, now, {ID}) == [Change("fct_orders", "withdrawn", ("no longer there for readers",))]
    assert changes(gone, manifest, {ID, "model.shop.int_orders"}) == [Change("fct_orders", "new", ("3 columns",))]


def test_a_change_needs_a_line_of_its_kind_that_names_who_reads(manifest):
    readers = owners_of_readers(manifest)
    assert readers == {"fct_orders": {"growth-data"}}
    broken, added = (
        Change("fct_orders", "breaking", ("column a is gone",)),
        Change("fct_orders", "additive", ("new b",)),
    )

    def told(text: str, *found: Change) -> list[str]:
        return untold(list(found), set(log_lines(text)), readers)

    silent = told("", broken)
    assert len(silent) == 1 and "column a is gone" in silent[0] and "Remedy" in silent[0]
    assert told("| 2026-11-21 | `fct_other` | breaking | growth-data agreed |", broken)
    assert told("| 2026-11-21 | `fct_orders` | additive | growth-data agreed |", broken)
    (unnamed,) = told("| 2026-11-21 | `fct_orders` | breaking | a is gone |", broken)
    assert "growth-data" in unnamed
    assert told("| 2026-11-21 | `fct_orders` | breaking | a is gone, agreed with growth-data |", broken) == []
    assert told("| 2026-11-21 | `fct_orders` | additive | b |", added) == []


def test_an_old_version_has_an_end_and_is_gone_after_it(manifest):
    node, today = manifest["nodes"][ID], date(2026, 11, 21)
    assert expired(manifest, today) == []
    node |= {"version": 1, "latest_version": 2}
    assert "without deprecation_date" in expired(manifest, today)[0]
    node["deprecation_date"] = "2026-11-20T00:00:00+00:00"
    assert "was to end on 2026-11-20" in expired(manifest, today)[0]
    node["deprecation_date"] = "2026-11-21T00:00:00+00:00"
    assert expired(manifest, today) == []


def test_the_log_is_readable_and_of_public_marts():
    lines = log_lines((ROOT / data_products.LOG).read_text(encoding="utf-8"))
    text = (ROOT / data_products.LOG).read_text(encoding="utf-8")
    assert len(lines) == sum(line.startswith("| 2") for line in text.splitlines()), "a line is not as it should be"
    assert [line[0] for line in lines] == sorted(line[0] for line in lines)
    assert {line[2] for line in lines} <= set(data_products.KINDS)


def test_an_exported_contract_holds_the_promise_and_keeps_to_the_standard(manifest, tmp_path):
    contract = contract_of(manifest["nodes"][ID], manifest)
    (table,) = contract["schema"]
    by_name = {one["name"]: one for one in table["properties"]}
    assert by_name["order_id"]["primaryKey"] and by_name["order_id"]["required"] and not by_name["name"]["required"]
    assert by_name["name"]["classification"] == "personal" and by_name["amount_gbp"]["logicalType"] == "number"
    assert table["quality"][0]["description"] == "An order is wrong. amount_is_there: amount_gbp > 0"
    assert {one["property"]: one["value"] for one in contract["slaProperties"]} == {
        "retention": "operational", "frequency": 26, "timeOfAvailability": "07:30 UTC",
    }  # fmt: skip
    manifest["nodes"][ID]["deprecation_date"] = "2027-03-31T00:00:00"
    (tmp_path / "gone.odcs.yaml").write_text("", encoding="utf-8")
    paths = write_contracts(manifest, tmp_path)
    assert [path.name for path in paths] == ["fct_orders.odcs.yaml"] and not (tmp_path / "gone.odcs.yaml").exists()
    assert yaml.safe_load(paths[0].read_text(encoding="utf-8"))["status"] == "deprecated"


def test_the_standard_is_really_checked(manifest, tmp_path, monkeypatch):
    monkeypatch.setattr(contracts, "ROOT", tmp_path)
    paths = write_contracts(manifest, tmp_path)
    assert contracts.lint(paths) == 0
    paths[0].write_text(paths[0].read_text(encoding="utf-8").replace("logicalType: integer", "logicalType: whole"))
    assert contracts.lint(paths) == 1


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A dbt project under git, with a commit on main and a branch on it."""
    files = {
        "dbt_project.yml": "name: shop\nversion: 1.0.0\nprofile: shop\nmodels: {shop: {+schema: marts}}\n",
        "profiles.yml": "shop: {target: dev, outputs: {dev: {type: duckdb, path: ':memory:'}}}\n",
        "models/marts/sales/fct_orders.sql": SQL,
        "models/marts/sales/int_orders.sql": "select 1 as a",
        "models/marts/sales/models.yml": YML,
        data_products.LOG: LOG,
        ".gitignore": "logs/\ntarget/\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    author = ("-c", "user.name=ci", "-c", "user.email=ci@example.com")
    for command in (
        ("init", "-qb", "main"),
        ("add", "."),
        (*author, "commit", "-qm", "base"),
        ("checkout", "-qb", "b"),
    ):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    monkeypatch.setattr(data_products, "ROOT", tmp_path)
    monkeypatch.chdir(tmp_path)
    for name in ("DBT_TARGET_PATH", "DBT_PROFILES_DIR", "STRATA_TARGET"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def test_dbt_finds_the_change_of_a_branch_and_the_gate_stops_it(shop: Path, capsys: pytest.CaptureFixture[str]):
    yml, log = shop / "models/marts/sales/models.yml", shop / data_products.LOG
    yml.write_text(YML.replace("name: note, data_type: varchar", "name: remark, data_type: varchar"), encoding="utf-8")
    assert data_products.main(["--no-export"]) == 1
    told = capsys.readouterr()
    assert "fct_orders: breaking: column note is gone; new column remark" in told.out
    assert "docs/data_products.md does not tell it" in told.err and "int_orders" not in told.out
    assert subprocess.run(["git", "worktree", "list"], cwd=shop, capture_output=True, text=True).stdout.count("\n") == 1

    log.write_text(LOG + "| 2026-11-21 | `fct_orders` | breaking | note is now remark |\n", encoding="utf-8")
    assert data_products.main(["--no-export"]) == 0
    assert "int_orders" not in capsys.readouterr().out


def test_what_cannot_be_compared_is_refused(shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert data_products.main(["--base", "no-such-branch"]) == 2
    assert "no-such-branch" in capsys.readouterr().err
    empty = tmp_path / "state"
    empty.mkdir()
    assert data_products.main(["--state", str(empty), "--no-export"]) == 2
    assert "Remedy" in capsys.readouterr().err
