"""Each fault planted among clients, relationships, balances and payments ends in quarantine, and nothing else does."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest
from harness import Warehouse, raw_columns

from benchmarks import quarantine_coverage
from ingestion.contract import load_contracts
from ingestion.sandbox.company import write_company

PIPELINE = ("clients", "bank_relationships", "balances", "client_payments")
SCALE = 0.05


def land_emerald(
    connection: duckdb.DuckDBPyConnection, company: Path, refused: set[tuple[str, tuple[str, ...]]]
) -> None:
    """Insert Emerald's documents as they would land; the ones that break their contract stay away."""
    for name, contract in load_contracts("emerald").items():
        types = raw_columns("emerald")[name]
        path = company / "emerald" / f"{name}.jsonl"
        records = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        fields = [contract.by_name[column].source_field for column in contract.by_name]
        good = [
            [record.get(field) for field in fields]
            for record in records
            if (name, tuple(str(record.get(key)) for key in contract.keys)) not in refused
        ]
        lines = [json.dumps(dict(zip(contract.by_name, row, strict=True))) for row in good]
        spool = company / f"{name}.landing.jsonl"
        spool.write_text("\n".join(lines), encoding="utf-8")
        shape = ", ".join(f"{column}: 'varchar'" for column in contract.by_name)
        values = ", ".join(f"cast({column} as {types[column]}) as {column}" for column in contract.by_name)
        connection.execute(
            f"insert into raw_emerald.{name} by name select {values}, md5(numbered::varchar) as _row_hash, "
            f"'{name}#' || row_number() over () as _source_ref, now() as _landed_at, false as _is_deleted, "
            f"'1' as _dlt_load_id from read_json('{spool}', format = 'newline_delimited', columns = {{{shape}}}) numbered"
        )


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("company")
    write_company(directory, seed=4, scale=SCALE)
    return directory


def test_every_planted_client_fault_is_caught_and_nothing_else(warehouse: Warehouse, company: Path) -> None:
    planted = quarantine_coverage.read_log(company / "planted_faults.jsonl")
    emerald = [fault for fault in planted if fault.source == "emerald"]
    refused = {(fault.dataset, fault.key) for fault in emerald if fault.outcome == "rejected"}
    assert len({fault.code for fault in emerald if fault.outcome == "quarantined"}) >= 30
    with warehouse.connect() as connection:
        land_emerald(connection, company, refused)
    models = [f"quarantine_{name}" for name in PIPELINE]
    tests = [f"{name}_are_good_or_quarantined" for name in PIPELINE]
    upstream = [f"+{model}" for model in models]
    warehouse.dbt("build", "--select", *upstream, "--exclude-resource-type", "test", "unit_test", "snapshot")
    assert set(warehouse.dbt("test", "--select", *tests[:2]).values()) == {"pass"}

    manifest = json.loads((warehouse.directory / "target" / "manifest.json").read_text())
    manifest["nodes"] = {key: node for key, node in manifest["nodes"].items() if node["name"] in models}
    with warehouse.connect() as connection:
        held = quarantine_coverage.read_quarantine(connection, manifest)
        wanted = [fault for fault in emerald if fault.outcome == "quarantined"]
        marks = quarantine_coverage.landed_marks(connection, wanted)
    found = quarantine_coverage.judge(emerald, marks, held)
    assert [kind for kind in found.kinds if not kind.is_caught] == []
    assert [(row.model, row.key, row.codes) for row in found.false_alarms] == []
    assert {codes for _, codes in found.followers} <= {"BALANCE_WITHOUT_RELATIONSHIP"}
    assert sum(found.followers.values()) + len(wanted) == len(held)
