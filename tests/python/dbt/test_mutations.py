"""Every test and quarantine rule can fail: a fault is found for each, and one that cannot fail is noticed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest
from harness import Warehouse
from test_client_faults import land_emerald

from ingestion.sandbox.company import write_company
from tools import mutations

RELATION = '"w"."main"."orders"'


def rule(name: str, condition: str) -> str:
    return (
        f"select '{name}' as broken_rule, order_id as record_key from {RELATION} where not coalesce({condition}, false)"
    )


PARTS = {
    "amount_is_positive": rule("amount_is_positive", "amount > 0"),
    "either_is_given": rule("either_is_given", "amount > 0 or note in ('x', 'y')"),
    "always": rule("always", "amount > 0 or true"),
    "id_is_unique": f"select 'id_is_unique' as broken_rule, max(order_id) as record_key from {RELATION} "
    "group by order_id having count(*) > 1 or order_id is null",
}


@pytest.fixture
def small(tmp_path: Path) -> tuple[Path, dict[str, Any]]:
    path = tmp_path / "w.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("create table orders (order_id varchar not null, amount decimal(18, 4), note varchar)")
        connection.execute("insert into orders values ('1', 5, 'x'), ('2', 6, 'y')")
    nodes = {
        "model.strata.orders": {
            "package_name": "strata", "resource_type": "model", "name": "orders", "relation_name": RELATION,
            "config": {"meta": {"quarantine_rules": [{"code": "NOTHING_ORDERED", "holds": "amount <> 0"}]}},
        },
        "test.strata.orders_obey": {
            "package_name": "strata", "resource_type": "test", "name": "orders_obey",
            "attached_node": "model.strata.orders",
            "test_metadata": {"name": "rules_hold"}, "depends_on": {"nodes": ["model.strata.orders"]},
            "compiled_code": "\n    union all\n    ".join(PARTS.values()),
        },
        "test.strata.orders_are_there": {
            "package_name": "strata", "resource_type": "test", "name": "orders_are_there",
            "depends_on": {"nodes": ["model.strata.orders"]},
            "compiled_code": f"select * from (select count(*) as n from {RELATION}) as c where n = 0",
        },
    }  # fmt: skip
    return path, {"nodes": nodes}


def test_a_fault_is_found_for_what_can_fail(small: tuple[Path, dict[str, Any]]) -> None:
    path, manifest = small
    found = {mutation.check.name: mutation for mutation in mutations.mutate(path, manifest)}
    assert set(found) == {*PARTS, "", "NOTHING_ORDERED"}
    assert found["id_is_unique"].fault == "orders: every row twice"
    assert found[""].fault == "orders: no rows"
    assert found["amount_is_positive"].fault == "orders: amount = null"
    assert "rules of orders NOTHING_ORDERED" in found["amount_is_positive"].caught_by
    assert "amount" in found["either_is_given"].fault and "note" in found["either_is_given"].fault
    assert found["always"].fault is None
    with duckdb.connect(str(path)) as connection:  # all taken back, constraints included
        assert connection.execute("select count(*), sum(amount) from orders").fetchone() == (2, 11)
        with pytest.raises(duckdb.ConstraintException):
            connection.execute("insert into orders values (null, 1, null)")


def test_a_check_that_cannot_fail_fails_the_command(
    small: tuple[Path, dict[str, Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, manifest = small
    file = tmp_path / "manifest.json"
    file.write_text(json.dumps(manifest))
    arguments = ["--warehouse", str(path), "--manifest", str(file)]
    assert mutations.main(arguments) == 1
    assert "could not be broken: orders_obey always" in capsys.readouterr().out
    assert mutations.main([*arguments, "--only", "amount_is_positive"]) == 0


@pytest.mark.slow
def test_every_check_on_clients_can_fail(warehouse: Warehouse, tmp_path: Path) -> None:
    company = tmp_path / "company"
    write_company(company, seed=4, scale=0.02)
    faults = map(json.loads, (company / "planted_faults.jsonl").read_text(encoding="utf-8").splitlines())
    refused = {
        (fault["dataset"], tuple(fault["key"].values())) for fault in faults if fault["expected_outcome"] == "rejected"
    }
    with warehouse.connect() as connection:
        land_emerald(connection, company, refused)
    warehouse.dbt("build", "--select", "+path:models/marts/clients", "+path:models/intermediate/clients",
                  "--exclude-resource-type", "unit_test", check=False)  # fmt: skip
    manifest = json.loads((warehouse.directory / "target" / "manifest.json").read_text())
    found = [
        mutation
        for mutation in mutations.mutate(warehouse.path, manifest)
        if "client" in mutation.check.test or "balance" in mutation.check.test or "relationship" in mutation.check.test
    ]
    assert len(found) > 40
    assert [(mutation.check.test, mutation.check.name) for mutation in found if mutation.fault is None] == []
