"""What the quality page and the metrics show, each part by one query; a part whose tables are missing says so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import duckdb

from tools.alerts.incidents import Finding, find
from tools.observed import NotThere, Observed

Rows = list[dict[str, Any]]
DAYS = 60

# name: tables needed, query
QUERIES: dict[str, tuple[tuple[str, ...], str]] = {
    "scores": (
        ("agg_quality_scores",),
        """
        select dataset_name, tenant_id, owner_team, measured_date, quality_score, completeness, validity, uniqueness,
            consistency, timeliness, trend, is_alert
        from {agg_quality_scores}
        qualify row_number() over (partition by dataset_name, tenant_id order by measured_date desc) = 1
        order by quality_score nulls last, dataset_name, tenant_id
        """,
    ),
    "score_history": (
        ("agg_quality_scores",),
        """
        select dataset_name, measured_date, quality_score from {agg_quality_scores}
        where tenant_id = 'all' and quality_score is not null
        qualify dense_rank() over (order by measured_date desc) <= 60
        order by dataset_name, measured_date
        """,
    ),
    "points": (
        ("fct_spc_points",),
        """
        select measure_name, dataset_name, owner_team, measured_date, measure_value, centre_line, lower_limit,
            upper_limit, coalesce(broken_rules, '') as broken_rules, is_volume_jump
        from {fct_spc_points}
        qualify row_number() over (partition by measure_name, dataset_name order by measured_date desc) <= 60
        order by measure_name, dataset_name, measured_date
        """,
    ),
    "anomalies": (
        ("fct_anomalies",),
        """
        select dataset_name, column_name, signal, measured_date, score from {fct_anomalies}
        where is_anomaly and measured_date >= (select max(measured_date) - 7 from {fct_anomalies})
        order by measured_date desc, score desc
        """,
    ),
    "freshness": (
        ("dbt_freshness",),
        """
        select split_part(node_id, '.', 3) as source, split_part(node_id, '.', 4) as dataset, status, age_hours,
            limit_hours, newest_row_at, measured_at
        from dbt_freshness
        qualify row_number() over (partition by node_id order by measured_at desc, invocation_id desc) = 1
        order by age_hours / nullif(limit_hours, 0) desc nulls first, 1, 2
        """,
    ),
    "runs": (
        ("dbt_outcomes",),
        """
        select invocation_id, max(ended_at) as ended_at, round(sum(seconds), 1) as node_seconds, count(*) as nodes,
            count(*) filter (where status in ('success', 'pass', 'no-op')) as good,
            count(*) filter (where status = 'warn') as warned,
            count(*) filter (where status in ('error', 'fail', 'runtime error')) as failed,
            count(*) filter (where status = 'skipped') as skipped
        from dbt_outcomes group by invocation_id order by ended_at desc limit 200
        """,
    ),
    "slowest": (
        ("dbt_outcomes", "dbt_project_nodes"),
        """
        select o.node_id, n.name, n.resource_type, o.seconds, o.status, o.ended_at
        from dbt_outcomes as o inner join dbt_project_nodes as n on o.node_id = n.node_id
        where n.resource_type in ('model', 'snapshot', 'seed') and o.status <> 'skipped'
        qualify row_number() over (partition by o.node_id order by o.ended_at desc, o.invocation_id desc) = 1
        order by o.seconds desc
        """,
    ),
    "loads": (
        ("raw_ops.loads",),
        """
        select source, dataset, status, finished_at, rows_read, rows_good, rows_rejected
        from {raw_ops.loads}
        qualify row_number() over (partition by source, dataset order by finished_at desc, load_id desc) = 1
        order by source, dataset
        """,
    ),
    "dead_letters": (
        ("raw_ops.dead_letters",),
        """
        select source, dataset, count(*) as letters from {raw_ops.dead_letters} where replayed_at is null
        group by all order by all
        """,
    ),
    "quarantined": (
        ("fct_quarantined_rows",),
        "select entity_name, severity, count(*) as held from {fct_quarantined_rows} group by all order by all",
    ),
    "remedies": (
        ("raw_ops.remediations",),
        """
        select remedy, subject, outcome, command, started_at, finished_at from {raw_ops.remediations}
        order by started_at desc limit 20
        """,
    ),
}
# Whose table the first use makes: that it is not there is no fault.
NONE_YET = {"remedies": "None has been tried yet."}


@dataclass
class Facts:
    """Everything that is shown."""

    written_at: datetime
    target: str
    parts: dict[str, Rows] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)  # part: why it is not there
    finding: Finding = field(default_factory=lambda: Finding([], []))
    first_seen: dict[str, datetime] = field(default_factory=dict)

    def __getitem__(self, part: str) -> Rows:
        """Rows of a part, none when it is missing."""
        return self.parts.get(part, [])


def gather(observed: Observed, now: datetime) -> Facts:
    """Ask everything; what cannot be asked is kept with the reason."""
    facts = Facts(now, observed.target)
    for part, (tables, sql) in QUERIES.items():
        try:
            facts.parts[part] = observed.rows(sql, tables)
        except NotThere as error:
            facts.missing[part] = NONE_YET.get(part, f"{error}.")
        except duckdb.Error as error:
            facts.missing[part] = f"The query failed: {str(error).splitlines()[0]}"
    facts.finding = find(observed, now.date())
    if not observed.missing(["raw_ops.incidents"]):
        rows = observed.rows(
            "select incident_key, first_seen_at from {raw_ops.incidents} where closed_at is null", ["raw_ops.incidents"]
        )
        facts.first_seen = {row["incident_key"]: row["first_seen_at"] for row in rows}
    return facts


def series(points: Sequence[dict[str, Any]]) -> list[Rows]:
    """Control chart points by measure and dataset, those first whose newest point is out of control."""
    found: dict[tuple[str, str], Rows] = {}
    for point in points:
        found.setdefault((point["measure_name"], point["dataset_name"]), []).append(point)
    return sorted(found.values(), key=lambda rows: (not is_out(rows[-1]), rows[-1]["measure_name"] != "row_count",
                                                    rows[-1]["dataset_name"]))  # fmt: skip


def is_out(point: dict[str, Any]) -> bool:
    """Whether a point breaks a rule or is a jump."""
    return bool(point["broken_rules"] or point["is_volume_jump"])
