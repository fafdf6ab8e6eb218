"""Each fault planted among events and sign-ups lands, ends in quarantine under its code, and nothing else does."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from harness import Warehouse, raw_columns

from benchmarks import quarantine_coverage
from ingestion import cli
from ingestion.sandbox.company import write_company

SOURCES = {"interactions": "events", "crm": "sign_ups"}
MODELS = ("quarantine_interactions", "quarantine_sign_ups")
TESTS = ("sign_ups_are_good_or_quarantined", "interactions_are_good_or_quarantined")


def test_every_planted_growth_fault_is_caught_and_nothing_else(
    warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    company, landed = tmp_path / "company", tmp_path / "landed.duckdb"
    write_company(company, seed=4, scale=0.05)
    monkeypatch.setenv("STRATA_WAREHOUSE", str(landed))
    monkeypatch.setenv("DBT_TARGET_PATH", "/nonexistent")  # no dbt runs are to be landed beside the files
    for source in SOURCES:
        monkeypatch.setenv(f"SOURCES__{source.upper()}__DIRECTORY", str(company / "files" / source))
    assert cli.main(["load", *SOURCES]) == 0
    monkeypatch.undo()
    with warehouse.connect() as connection:
        connection.execute(f"attach '{landed}' as landed (read_only)")
        for source, name in SOURCES.items():
            columns = ", ".join(raw_columns(source)[name])
            connection.execute(
                f"insert into raw_{source}.{name} by name select {columns} from landed.raw_{source}.{name}"
            )

    upstream = [f"+{model}" for model in (*MODELS, "fct_interactions")]
    warehouse.dbt("build", "--select", *upstream, "--exclude-resource-type", "test", "unit_test")
    assert set(warehouse.dbt("test", "--select", *TESTS).values()) == {"pass"}

    manifest = json.loads((warehouse.directory / "target" / "manifest.json").read_text())
    manifest["nodes"] = {key: node for key, node in manifest["nodes"].items() if node["name"] in MODELS}
    planted = [
        fault for fault in quarantine_coverage.read_log(company / "planted_faults.jsonl") if fault.source in SOURCES
    ]
    wanted = [fault for fault in planted if fault.outcome == "quarantined"]
    assert len({fault.code for fault in wanted}) >= 10
    with warehouse.connect() as connection:
        held = quarantine_coverage.read_quarantine(connection, manifest)
        marks = quarantine_coverage.landed_marks(connection, wanted)
    found = quarantine_coverage.judge(planted, marks, held)
    assert [kind for kind in found.kinds if not kind.is_caught] == []
    assert [(row.model, row.key, row.codes) for row in found.false_alarms] == []
    assert len(wanted) == len(held)
