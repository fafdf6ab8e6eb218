"""What the warehouse remembers of dbt's runs and of the landings, as far as it was known at a moment."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import dlt

from ingestion import warehouse
from ingestion.errors import ConfigError

BAD = {"error", "fail", "runtime error", "skipped", "warn", "partial success"}
GOOD = {"success", "pass", "no-op"}


@dataclass(frozen=True)
class Node:
    """A node of dbt as it was in a run."""

    node_id: str
    name: str
    kind: str
    group: str | None
    path: str | None
    schema: str | None
    alias: str | None
    materialization: str | None
    checksum: str | None
    parents: tuple[str, ...]

    @property
    def dataset(self) -> tuple[str, str]:
        """Source and dataset of a source table."""
        _, _, source, name = self.node_id.split(".", 3)
        return source, name

    @property
    def label(self) -> str:
        """How a person calls it."""
        return ".".join(self.dataset) if self.kind == "source" else self.name


@dataclass(frozen=True)
class Outcome:
    """What became of a node in a run; of a source, how fresh it was found."""

    node_id: str
    invocation_id: str
    status: str
    message: str
    failures: int | None
    started_at: datetime
    ended_at: datetime

    @property
    def is_bad(self) -> bool:
        """Whether somebody has to act."""
        return self.status in BAD


class History:
    """Answers from the landed tables; nothing later than `at` is seen."""

    def __init__(self, pipeline: dlt.Pipeline, at: datetime) -> None:
        self._pipeline = pipeline
        self.at = at
        self.nodes = cache(self._nodes)
        self.outcomes = cache(self._outcomes)

    def rows(self, sql: str, *params: Any) -> list[dict[str, Any]]:
        """Rows of a query; times are in UTC."""
        found = warehouse.query(self._pipeline, sql, *params)
        return [{name: _utc(value) for name, value in row.items()} for row in found]

    def find(self, wanted: str) -> Node:
        """The node that a person means, from the newest run that knows it.

        Raises:
            ConfigError: no landed run knows it, or several nodes are called so.
        """
        matches = self.rows(
            "select n.unique_id, n.invocation_id, i.generated_at from raw_dbt_artifacts.nodes as n"
            " inner join raw_dbt_artifacts.invocations as i on n.invocation_id = i.invocation_id"
            " where i.generated_at <= %s and (n.unique_id = %s or n.name = %s or n.unique_id like %s)"
            " order by i.generated_at desc",
            self.at, wanted, wanted, f"source.%.{wanted}",
        )  # fmt: skip
        newest = {row["unique_id"]: row["invocation_id"] for row in reversed(matches)}
        # A table name alone means the model of that name before the source of the same name.
        found = [name for name in newest if not name.startswith("source.") or "." in wanted] or list(newest)
        if not found:
            raise ConfigError(
                "no landed run of dbt knows it.",
                subject=wanted,
                remedy="give the name of a model, test, seed or snapshot, or source.table; "
                "`python -m ingestion load dbt_artifacts` lands the newest runs.",
            )
        if len(found) > 1:
            raise ConfigError(
                "several nodes are called so.", subject=wanted, remedy=f"use {' or '.join(sorted(found))}."
            )
        return self.nodes(newest[found[0]])[found[0]]

    def _nodes(self, invocation_id: str) -> Mapping[str, Node]:
        rows = self.rows("select * from raw_dbt_artifacts.nodes where invocation_id = %s", invocation_id)
        return {
            row["unique_id"]: Node(
                row["unique_id"], row["name"], row["resource_type"], row["owner_group"] or None, row["path"],
                row["schema_name"], row["alias"], row["materialization"], row["checksum"],
                tuple(json.loads(row["depends_on"] or "[]")),
            )
            for row in rows
        }  # fmt: skip

    def _outcomes(self, invocation_id: str) -> Mapping[str, Outcome]:
        """What became of each node of a run."""
        return {one.node_id: one for one in self._read_outcomes("r.invocation_id = %s", invocation_id)}

    def outcomes_of(self, node: Node) -> list[Outcome]:
        """What became of a node in each run, oldest first."""
        return self.freshness(node.node_id) if node.kind == "source" else self._read_outcomes(
            "r.unique_id = %s", node.node_id
        )  # fmt: skip

    def _read_outcomes(self, condition: str, value: str) -> list[Outcome]:
        rows = self.rows(
            "select r.*, i.generated_at from raw_dbt_artifacts.run_results as r"
            " inner join raw_dbt_artifacts.invocations as i on r.invocation_id = i.invocation_id"
            f" where {condition} and i.generated_at <= %s order by i.generated_at",
            value, self.at,
        )  # fmt: skip
        return [
            Outcome(
                row["unique_id"], row["invocation_id"], row["status"], row["message"] or "", row["failures"],
                row["started_at"] or row["generated_at"], row["generated_at"],
            )
            for row in rows
        ]  # fmt: skip

    def freshness(self, node_id: str) -> list[Outcome]:
        """How fresh a source table was found, oldest first."""
        rows = self.rows(
            "select * from raw_dbt_artifacts.freshness where unique_id = %s and snapshotted_at <= %s"
            " order by snapshotted_at",
            node_id, self.at,
        )  # fmt: skip
        return [
            Outcome(
                node_id, row["invocation_id"], "pass" if row["status"] == "pass" else row["status"],
                row["error"] or f"its newest row is {float(row['age_seconds'] or 0) / 3600:,.1f} hours old",
                None, row["snapshotted_at"], row["snapshotted_at"],
            )
            for row in rows
        ]  # fmt: skip

    def invocation(self, invocation_id: str) -> dict[str, Any]:
        """The run itself."""
        rows = self.rows("select * from raw_dbt_artifacts.invocations where invocation_id = %s", invocation_id)
        return rows[0] if rows else {}

    def loads(self, source: str, dataset: str) -> list[dict[str, Any]]:
        """Loads of a dataset, and failed ones of its source (dataset *), oldest first."""
        return self.rows(
            "select * from raw_ops.loads where source = %s and dataset in (%s, '*') and finished_at <= %s"
            " order by finished_at",
            source, dataset, self.at,
        )  # fmt: skip

    def dead_letters(self, source: str, dataset: str) -> list[dict[str, Any]]:
        """Rejected records of a dataset, without what they hold."""
        return self.rows(
            "select reason_codes, landed_at, replayed_at from raw_ops.dead_letters"
            " where source = %s and dataset = %s and landed_at <= %s order by landed_at",
            source, dataset, self.at,
        )  # fmt: skip

    def schema_changes(self, source: str, dataset: str) -> list[dict[str, Any]]:
        """Columns that came, went or changed their type, oldest first."""
        return self.rows(
            "select column_name, change, old_type, new_type, detected_at from raw_ops.schema_changes"
            " where source = %s and dataset = %s and detected_at <= %s order by detected_at",
            source, dataset, self.at,
        )  # fmt: skip

    def anomalies(self, relation: Node, datasets: list[str], since: datetime) -> list[dict[str, Any]]:
        """Verdicts of fct_anomalies on some datasets, newest first; empty where it was never built."""
        if not datasets:
            return []
        marks = ", ".join("%s" for _ in datasets)
        return self.rows(
            "select dataset_name, column_name, measured_date, signal, score"
            f" from {relation.schema}.{relation.alias} where is_anomaly and measured_date >= %s"
            f" and dataset_name in ({marks}) order by measured_date desc, score desc",
            since.date() - timedelta(days=1), *datasets,
        )  # fmt: skip


def _utc(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    return value
