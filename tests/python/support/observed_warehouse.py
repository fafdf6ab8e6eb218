"""A small warehouse in the shape that landing, dbt and the quality models leave behind, to plant faults in."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

NOW = datetime.now(UTC).replace(microsecond=0)
TODAY = NOW.date()

TABLES = {
    "raw_ops.loads": "source varchar, dataset varchar, load_id varchar, run_id varchar, started_at timestamptz, "
    "finished_at timestamptz, rows_read bigint, rows_good bigint, rows_rejected bigint, rows_unchanged bigint, "
    "rows_deleted bigint, cursor_from varchar, cursor_to varchar, status varchar, detail varchar",
    "raw_ops.dead_letters": "dead_letter_id varchar, source varchar, dataset varchar, record_key varchar, "
    "reason_codes varchar, detail varchar, payload varchar, source_ref varchar, load_id varchar, "
    "landed_at timestamptz, replayed_at timestamptz, replay_outcome varchar",
    "raw_ops.files": "source varchar, dataset varchar, path varchar, sha256 varchar, status varchar, rows_read bigint, "
    "rows_rejected bigint, load_id varchar, landed_at timestamptz",
    "raw_ops.schema_changes": "change_id varchar, source varchar, dataset varchar, table_name varchar, "
    "column_name varchar, change varchar, old_type varchar, new_type varchar, load_id varchar, detected_at timestamptz",
    "raw_dbt_artifacts.invocations": "invocation_id varchar, command varchar, generated_at timestamptz, "
    "target_name varchar, elapsed_seconds decimal(18, 6)",
    "raw_dbt_artifacts.run_results": "invocation_id varchar, unique_id varchar, status varchar, message varchar, "
    "failures bigint, execution_seconds decimal(18, 6)",
    "raw_dbt_artifacts.nodes": "invocation_id varchar, unique_id varchar, resource_type varchar, name varchar, "
    "alias varchar, materialization varchar, owner_group varchar, depends_on varchar",
    "raw_dbt_artifacts.freshness": "invocation_id varchar, unique_id varchar, status varchar, "
    "max_loaded_at timestamptz, snapshotted_at timestamptz, age_seconds decimal(18, 3), "
    "warn_after_hours decimal(12, 3), error_after_hours decimal(12, 3)",
    "dev_platform.agg_quality_scores": "dataset_name varchar, tenant_id varchar, measured_date date, "
    "owner_team varchar, completeness decimal(5, 2), "
    "validity decimal(5, 2), uniqueness decimal(5, 2), consistency decimal(5, 2), "
    "timeliness decimal(5, 2), quality_score decimal(5, 2), trend varchar, is_alert boolean",
    "dev_platform.fct_spc_points": "dataset_name varchar, measure_name varchar, measured_date date, "
    "owner_team varchar, measure_value double, centre_line double, lower_limit double, upper_limit double, "
    "moving_range double, broken_rules varchar, is_stable boolean, is_volume_jump boolean",
    "dev_platform.fct_anomalies": "dataset_name varchar, column_name varchar, measured_date date, signal varchar, "
    "score decimal(18, 3), is_anomaly boolean",
    "dev_platform.rpt_retention_due": "dataset_name varchar, owner_team varchar, retention_period varchar, "
    "policy_fault varchar, rows_due bigint, rows_overdue bigint, oldest_due_date date, is_purge_overdue boolean, "
    "is_review_overdue boolean, next_review_date date, last_purged_at timestamp",
    "dev_platform.fct_schema_changes": "dataset_name varchar, column_name varchar, change_kind varchar, "
    "seen_by varchar, old_type varchar, new_type varchar, owner_team varchar, measured_date date",
    "dev_platform.rpt_quarantine_summary": "entity_name varchar, reason_code varchar, severity varchar, "
    "meaning varchar, owner_group varchar, quarantined_row_count bigint",
    "dev_seeds.exchange_rates": "currency_code varchar, valid_from_date date, valid_to_date date",
}
# Name, type, group, parents: a test of two pipelines' models, and what hangs on them.
PROJECT = (
    ("source.strata.sap.suppliers", "suppliers", None, ()),
    ("model.strata.dim_supplier", "dim_supplier", "procurement_analytics", ("source.strata.sap.suppliers",)),
    ("model.strata.fct_unit_profit", "fct_unit_profit", "unit_profit", ("model.strata.dim_supplier",)),
    (
        "model.strata.agg_profit_quarterly",
        "agg_profit_quarterly",
        "aggregate_profit",
        ("model.strata.fct_unit_profit",),
    ),
    ("test.strata.unit_profit_obeys.1", "unit_profit_obeys", None, ("model.strata.fct_unit_profit",)),
    ("test.strata.suppliers_known.2", "suppliers_known", None, ("model.strata.dim_supplier",)),
)


class PlantedWarehouse:
    """Plants rows; every method commits and closes, so that the command under test finds the file free.

    Args:
        path: of the file; made anew, with all tables empty.
        tables: names of the tables it has.
    """

    def __init__(self, path: Path, tables: tuple[str, ...] = tuple(TABLES)) -> None:
        self.path = path
        self._invocations = 0
        self._batch: duckdb.DuckDBPyConnection | None = None
        with duckdb.connect(str(path)) as connection:
            for name in tables:
                schema = name.split(".")[0]
                connection.execute(f"create schema if not exists {schema}")
                connection.execute(f"create table {name} ({TABLES[name]})")

    def run(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Run a statement and return its rows."""
        if self._batch is not None:
            return self._batch.execute(sql, list(parameters)).fetchall()
        with duckdb.connect(str(self.path)) as connection:
            return connection.execute(sql, list(parameters)).fetchall()

    @contextlib.contextmanager
    def batch(self) -> Iterator[None]:
        """Keep the file open for many rows: opening it costs more than they do."""
        with duckdb.connect(str(self.path)) as self._batch:
            yield
        self._batch = None

    def insert(self, table: str, **values: Any) -> None:
        """One row, other columns null."""
        marks = ", ".join("?" * len(values))
        self.run(f"insert into {table} ({', '.join(values)}) values ({marks})", *values.values())

    def invocation(
        self, outcomes: dict[str, str], failures: int | None = None, *, without: tuple[str, ...] = ()
    ) -> str:
        """A landed dbt run: outcomes by name of the node; `without` are nodes that the project lost."""
        self._invocations += 1
        invocation = f"i{self._invocations}"
        at = NOW - timedelta(hours=2) + timedelta(minutes=self._invocations)
        self.insert(
            "raw_dbt_artifacts.invocations",
            invocation_id=invocation,
            command="build",
            generated_at=at,
            elapsed_seconds=9,
        )
        ids = {name: node for node, name, _, _ in PROJECT}
        for node, name, group, parents in PROJECT:
            if name not in without:
                self.insert(
                    "raw_dbt_artifacts.nodes", invocation_id=invocation, unique_id=node, name=name, alias=name,
                    resource_type=node.split(".")[0], owner_group=group, depends_on=json.dumps(parents),
                    materialization="incremental" if name == "fct_unit_profit" else "table",
                )  # fmt: skip
        for name, status in outcomes.items():
            self.insert(
                "raw_dbt_artifacts.run_results", invocation_id=invocation, unique_id=ids[name], status=status,
                message="value 'jane@example.com' is bad", failures=failures, execution_seconds=1.5,
            )  # fmt: skip
        return invocation

    def freshness(self, status: str, age_hours: float | None) -> None:
        """A landed freshness check of the one source."""
        invocation = self.invocation({})
        newest = None if age_hours is None else NOW - timedelta(hours=age_hours)
        self.insert(
            "raw_dbt_artifacts.freshness", invocation_id=invocation, unique_id="source.strata.sap.suppliers",
            status=status, max_loaded_at=newest, snapshotted_at=NOW,
            age_seconds=None if age_hours is None else age_hours * 3600, error_after_hours=24,
        )  # fmt: skip

    def load(self, source: str, status: str, minutes_ago: float = 0, detail: str = "secret token abc") -> None:
        """A landed or failed load."""
        at = NOW - timedelta(minutes=minutes_ago)
        self.insert(
            "raw_ops.loads", source=source, dataset="*" if status == "failed" else "suppliers",
            load_id=f"{source}{minutes_ago}", run_id="r", started_at=at, finished_at=at, rows_read=10, rows_good=9,
            rows_rejected=1, rows_unchanged=0, rows_deleted=0, status=status, detail=detail,
        )  # fmt: skip

    def letter(self, number: int, reason: str = "TYPE_MISMATCH:Name", source: str = "sap") -> None:
        """An open dead letter whose payload is personal."""
        self.insert(
            "raw_ops.dead_letters", dead_letter_id=f"d{number}", source=source, dataset="suppliers",
            record_key=f"{number}", reason_codes=reason, payload='{"Name": "Jane Roe"}', landed_at=NOW,
        )  # fmt: skip

    def score(self, dataset: str, day: date, score: float, tenant: str = "all", **more: Any) -> None:
        """A quality score."""
        values = {
            "trend": "steady", "owner_team": "procurement-analytics", "is_alert": score < 80, "completeness": score,
            "validity": score, "uniqueness": 100, "consistency": None, "timeliness": 100, **more,
        }  # fmt: skip
        self.insert(
            "dev_platform.agg_quality_scores", dataset_name=dataset, tenant_id=tenant, measured_date=day,
            quality_score=score, **values,
        )  # fmt: skip

    def policy(self, dataset: str, *, overdue: int = 0, fault: str | None = None, review: date | None = None) -> None:
        """A retention policy with a row more due than overdue."""
        self.insert(
            "dev_platform.rpt_retention_due", dataset_name=dataset, owner_team="procurement-data",
            retention_period="7 years", policy_fault=fault, rows_due=None if fault else overdue + 1,
            rows_overdue=None if fault else overdue, oldest_due_date=date(2019, 3, 1), is_purge_overdue=overdue > 0,
            is_review_overdue=review is not None and review < TODAY, next_review_date=review or TODAY,
        )  # fmt: skip

    def point(
        self, dataset: str, measure: str, day: date, value: float, rules: str = "", *, jump: bool = False
    ) -> None:
        """A point of a control chart around 100."""
        self.insert(
            "dev_platform.fct_spc_points", dataset_name=dataset, measure_name=measure, measured_date=day,
            owner_team="procurement-analytics", measure_value=value, centre_line=100, lower_limit=85, upper_limit=115,
            broken_rules=rules, is_stable=not rules, is_volume_jump=jump,
        )  # fmt: skip
