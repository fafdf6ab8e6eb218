"""Seven years for real spend and real shipments: what goes, what stays and what is archived, against the csv module."""

from __future__ import annotations

import csv
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
from real_files.real_landing import DATA, needs_data
from retention_oracle import policy_row
from support.plain_macros import plain_macros

pytestmark = needs_data
AS_OF, LAST_DUE = "2019-02-28 00:00:00", date(2012, 2, 29)  # 84 months after a leap day it is 28 February
# dataset: file, key, amount, clock, how its text is written, whom a lawsuit holds
FILES: dict[str, tuple[str, str, str, str, str, tuple[str, str]]] = {
    "raw.spend": (
        "finance_spend/gla_expenditure_over_250.csv", "ID", "Amount", "Date", "%Y-%m-%d",
        ("Vendor", "2CL COMMUNICATIONS LTD"),
    ),
    "raw.shipments": (
        "scm/SCMS_Delivery_History_Dataset.csv", "id", "line item value", "delivered to client date", "%d-%b-%y",
        ("country", "Zambia"),
    ),
}  # fmt: skip


def rows_of(dataset: str) -> list[dict[str, str]]:
    with (DATA / FILES[dataset][0]).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def is_due(dataset: str, row: dict[str, str]) -> bool:
    _, _, _, clock, form, (column, held) = FILES[dataset]
    return datetime.strptime(row[clock], form).date() <= LAST_DUE and row[column] != held


def total(dataset: str, rows: list[dict[str, str]]) -> Decimal:
    return sum((Decimal(row[FILES[dataset][2]]) for row in rows), Decimal(0))


def purge(connection: duckdb.DuckDBPyConnection, archive: Path) -> dict[str, dict[str, Any]]:
    """Both files under a policy of seven years, each with a hold."""
    macros = plain_macros("macros/retention", lambda sql: SimpleNamespace(rows=connection.execute(sql).fetchall()))
    policies, tables, holds = [], {}, []
    for dataset, (_, key, _, _, _, (column, held)) in FILES.items():
        policies.append(
            policy_row(dataset, retention_period="7 years", key_columns=key, purge_action="archive_delete",
                       clock_zone="Europe/London")
        )  # fmt: skip
        columns = {name: kind for name, kind, *_ in connection.execute(f"describe {dataset}").fetchall()}
        tables[dataset] = {"relation": dataset, "policy_name": dataset, "columns": columns, "personal": []}
        holds.append({"dataset": dataset, "kind": None, "id": None, "predicate": f"\"{column}\" = '{held}'"})
    plan = macros["plan_policies"](policies, tables)
    assert plan["faults"] == []
    for statement in macros["ops_tables"]("ops"):
        connection.execute(statement)
    frame = {
        "as_of": AS_OF, "policies": plan["policies"], "holds": holds, "ops": "ops", "tombstone_key": "a key",
        "run_id": "run", "archive_root": str(archive), "cause": "retention", "who": "test",
    }  # fmt: skip
    return {outcome["dataset"]: outcome for outcome in macros["purge_in_order"](list(plan["policies"]), frame)}


def test_seven_years_of_real_spend_and_shipments(tmp_path: Path) -> None:
    connection = duckdb.connect()
    connection.execute("create schema raw")
    for dataset, (file, key, amount, clock, form, _) in FILES.items():
        connection.execute(
            f'create table {dataset} as select * replace (cast("{key}" as integer) as "{key}",'
            f' cast("{amount}" as decimal(18, 2)) as "{amount}"),'
            f" cast(strptime(\"{clock}\", '{form}') as date) as clock"
            f" from read_csv('{DATA / file}', all_varchar = true)"
        )
    outcomes = purge(connection, tmp_path)
    for dataset, (_, key, amount, clock, form, (column, held)) in FILES.items():
        rows = rows_of(dataset)
        due = [row for row in rows if is_due(dataset, row)]
        kept = [row for row in rows if not is_due(dataset, row)]
        over = [row for row in rows if row[column] == held and datetime.strptime(row[clock], form).date() <= LAST_DUE]
        assert min(len(due), len(kept), len(over)) > 0, dataset
        outcome = outcomes[dataset]
        assert (outcome["status"], outcome["done"], outcome["held"]) == ("done", len(due), len(over)), dataset
        sums = f'select count(*), sum("{amount}"), list(distinct "{key}" order by "{key}")'
        for relation, expected in ((dataset, kept), (f"read_parquet('{outcome['archive']['path']}')", due)):
            keys = sorted({int(row[key]) for row in expected})
            found = connection.execute(f"{sums} from {relation}").fetchall()
            assert found == [(len(expected), total(dataset, expected), keys)], relation
        tombstones = "select count(distinct key_digest) from ops.tombstones where dataset_name = ?"
        assert connection.execute(tombstones, [dataset]).fetchall() == [(len({row[key] for row in due}),)]
