"""The Prometheus text file: runs, freshness, scores, rejects, incidents. docs/grafana/strata.json draws them.

Format: https://prometheus.io/docs/instrumenting/exposition_formats/ (version 0.0.4), for node_exporter's textfile
collector or any web server. Every family is always there with its HELP and TYPE; one without samples means that the
warehouse does not hold it yet.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from tools.quality.facts import Facts, is_out, series

Sample = tuple[Mapping[str, Any], Any]
DIMENSIONS = ("completeness", "validity", "uniqueness", "consistency", "timeliness")
OUTCOMES = ("good", "warned", "failed", "skipped")
FAMILIES = {
    "strata_metrics_written_timestamp_seconds": "When this file was written.",
    "strata_dbt_run_timestamp_seconds": "When the last dbt run ended.",
    "strata_dbt_run_node_seconds": "Seconds that the nodes of the last dbt run took together.",
    "strata_dbt_run_nodes": "Nodes of the last dbt run by outcome.",
    "strata_node_duration_seconds": "Seconds that a model, snapshot or seed took when it ran last.",
    "strata_node_failed": "1 when a model, snapshot or seed failed when it ran last.",
    "strata_source_age_hours": "Age of the newest row when freshness was checked last.",
    "strata_source_limit_hours": "Age from which dbt calls the source stale.",
    "strata_source_late": "1 when the source was stale when it was checked last.",
    "strata_quality_score": "Newest quality score, 0 to 100; tenant all is the whole dataset.",
    "strata_quality_dimension_score": "Newest score of one dimension, 0 to 100.",
    "strata_spc_out_of_control": "1 when the newest point of the control chart breaks a rule.",
    "strata_anomalies": "Anomalies within the last seven days that were judged.",
    "strata_load_timestamp_seconds": "When the last load of a dataset ended.",
    "strata_load_failed": "1 when the last load failed; dataset * is a whole source.",
    "strata_load_rows": "Rows of the last load by outcome; read = good + rejected.",
    "strata_dead_letters_open": "Records in the dead letters that wait for a replay.",
    "strata_quarantined_rows": "Rows that the models hold back.",
    "strata_incidents_open": "Open incidents.",
}


def as_text(facts: Facts) -> str:
    """The file's text."""
    samples = _samples(facts)
    lines = []
    for name, text in FAMILIES.items():
        lines += [f"# HELP {name} {text}", f"# TYPE {name} gauge"]
        lines += [_line(name, labels, value) for labels, value in samples.get(name, ()) if value is not None]
    return "\n".join(lines) + "\n"


def _samples(facts: Facts) -> dict[str, list[Sample]]:
    found: dict[str, list[Sample]] = {"strata_metrics_written_timestamp_seconds": [({}, facts.written_at.timestamp())]}

    def add(name: str, samples: Iterable[Sample]) -> None:
        found[name] = list(samples)

    for run in facts["runs"][:1]:
        add("strata_dbt_run_timestamp_seconds", [({}, run["ended_at"].timestamp())])
        add("strata_dbt_run_node_seconds", [({}, run["node_seconds"])])
        add("strata_dbt_run_nodes", [({"outcome": outcome}, run[outcome]) for outcome in OUTCOMES])
    nodes = [({"node": row["name"], "resource_type": row["resource_type"]}, row) for row in facts["slowest"]]
    add("strata_node_duration_seconds", [(labels, row["seconds"]) for labels, row in nodes])
    add("strata_node_failed", [(labels, int(row["status"] in ("error", "fail"))) for labels, row in nodes])
    sources = [({"source": row["source"], "dataset": row["dataset"]}, row) for row in facts["freshness"]]
    add("strata_source_age_hours", [(labels, row["age_hours"]) for labels, row in sources])
    add("strata_source_limit_hours", [(labels, row["limit_hours"]) for labels, row in sources])
    add("strata_source_late", [(labels, int(row["status"] in ("error", "runtime error"))) for labels, row in sources])
    scores = [({"dataset": row["dataset_name"], "tenant": row["tenant_id"]}, row) for row in facts["scores"]]
    add("strata_quality_score", [(labels, row["quality_score"]) for labels, row in scores])
    add("strata_quality_dimension_score", [({**labels, "dimension": dimension}, row[dimension])
                                           for labels, row in scores for dimension in DIMENSIONS])  # fmt: skip
    newest = [rows[-1] for rows in series(facts["points"])]
    add("strata_spc_out_of_control", [({"dataset": p["dataset_name"], "measure": p["measure_name"]}, int(is_out(p)))
                                      for p in newest])  # fmt: skip
    anomalies = Counter((row["dataset_name"], row["signal"]) for row in facts["anomalies"])
    add("strata_anomalies", [({"dataset": d, "signal": s}, count) for (d, s), count in sorted(anomalies.items())])
    loads = [({"source": row["source"], "dataset": row["dataset"]}, row) for row in facts["loads"]]
    add("strata_load_timestamp_seconds", [(labels, row["finished_at"].timestamp()) for labels, row in loads])
    add("strata_load_failed", [(labels, int(row["status"] == "failed")) for labels, row in loads])
    add("strata_load_rows", [({**labels, "outcome": outcome}, row[f"rows_{outcome}"])
                             for labels, row in loads for outcome in ("read", "good", "rejected")])  # fmt: skip
    add("strata_dead_letters_open", [({"source": row["source"], "dataset": row["dataset"]}, row["letters"])
                                     for row in facts["dead_letters"]])  # fmt: skip
    add("strata_quarantined_rows", [({"entity": row["entity_name"], "severity": row["severity"]}, row["held"])
                                    for row in facts["quarantined"]])  # fmt: skip
    incidents = Counter((i.kind, i.severity, i.owner_team) for i in facts.finding.incidents)
    add("strata_incidents_open", [({"kind": kind, "severity": severity, "owner_team": team}, count)
                                  for (kind, severity, team), count in sorted(incidents.items())])  # fmt: skip
    return found


def _line(name: str, labels: Mapping[str, Any], value: Any) -> str:
    pairs = ",".join(f'{label}="{_escaped(str(text))}"' for label, text in labels.items())
    number = float(value)
    text = "NaN" if math.isnan(number) else repr(int(number)) if number.is_integer() else repr(number)
    return f"{name}{{{pairs}}} {text}" if pairs else f"{name} {text}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
