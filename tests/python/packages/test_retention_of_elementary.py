"""The retention policies fit the tables that the real Elementary makes: one that does not fit stops every purge."""

from __future__ import annotations

import csv
from fnmatch import fnmatchcase
from pathlib import Path
from types import SimpleNamespace

from support.plain_macros import plain_macros
from throwaway import ROOT, Throwaway

VARS = {
    "disable_dbt_artifacts_autoupload": True,
    "disable_run_results": True,
    "disable_dbt_invocation_autoupload": True,
}
LOGS = {
    "data_monitoring_metrics", "dbt_invocations", "dbt_run_results", "dbt_source_freshness_results",
    "elementary_test_results", "schema_columns_snapshot", "test_result_rows",
}  # fmt: skip


def test_what_elementary_logs_has_a_clock_and_what_it_describes_needs_none(real_packages: Path, tmp_path: Path) -> None:
    project = Throwaway(tmp_path, real_packages, VARS)
    project.run(["run", "--select", "elementary"])
    found = project.query(
        "select table_name, list([column_name, data_type]) from duckdb_columns() inner join duckdb_tables() using "
        "(database_name, schema_name, table_name) where schema_name like '%elementary' group by all"
    )
    with (ROOT / "seeds/retention/retention_policies.csv").open(encoding="utf-8") as file:
        policies = [{name: value or None for name, value in row.items()} for row in csv.DictReader(file)]
    layers = [row for row in policies if row["dataset_name"].startswith("elementary.")]
    tables = {}
    for name, columns in found:
        fitting = [row["dataset_name"] for row in layers if fnmatchcase(f"elementary.{name}", row["dataset_name"])]
        tables[f"elementary.{name}"] = {
            "relation": name, "policy_name": max(fitting, key=len), "columns": dict(columns), "personal": [],
        }  # fmt: skip
    macros = plain_macros("macros/retention", lambda sql: SimpleNamespace(rows=[]))
    plan = macros["plan_policies"](layers, tables)
    assert plan["faults"] == []
    assert set(plan["policies"]) == {f"elementary.{name}" for name in LOGS}
    assert len(tables) > len(LOGS), "its tables about the project were not made"
