"""Saved queries as tables. dbt-core parses their exports and does nothing with them; this does what an export says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dbt_common.exceptions import DbtBaseException
from metricflow.engine.metricflow_engine import MetricFlowQueryRequest
from metricflow_semantic_interfaces.protocols.metric import Metric

from tools.metrics.session import MetricsError, Session


def publish(session: Session, names: Sequence[str] = ()) -> Iterator[str]:
    """Create or replace the table of each saved query, and say how many rows it has.

    Periods are dates; a row in which every metric is empty is left out (comparisons with earlier periods reach beyond
    the last one). Table and columns carry the descriptions of query and metrics. Each table is replaced in one
    statement: who reads it sees the old or the new one, also when a later query fails.

    Raises:
        MetricsError: a name is no saved query, or the warehouse refused a query; says which and why.
    """
    queries = {query.name: query for query in session.semantic_manifest.saved_queries}
    if unknown := sorted(set(names) - set(queries)):
        raise MetricsError(
            "there is none of this name.", subject=f"saved query {', '.join(unknown)}",
            remedy=f"name one or more of {', '.join(sorted(queries))}.",
        )  # fmt: skip
    described = {metric.name: metric for metric in session.semantic_manifest.metrics}
    prefix = _schema_prefix(session)
    for name in sorted(names or queries):
        query = queries[name]
        try:
            figures = session.engine.explain(
                MetricFlowQueryRequest.create(saved_query_name=name)
            ).sql_statement.without_descriptions.sql
            for export in query.exports:
                schema = f"{prefix}{export.config.schema_name}"
                relation = f"{schema}.{export.config.alias or export.name}"
                session.client.execute(f"create schema if not exists {schema}")
                columns = session.client.query(f"select * from ({figures}) as figures limit 0").column_names
                session.client.execute(f"create or replace table {relation} as {_select(figures, columns, described)}")
                # Together: a statement of its own is a commit, and so a write to disk, for each column.
                session.client.execute(";\n".join(_comments(relation, query.description or "", columns, described)))
                rows = session.client.query(f"select count(*) as row_count from {relation}").rows[0][0]
                yield f"{relation}: {rows} rows"
        except DbtBaseException as error:
            raise MetricsError(
                " ".join(str(error).split()) + ".", subject=f"saved query {name}",
                remedy="python -m tools.metrics check says which metric is broken.",
            ) from error  # fmt: skip


def _schema_prefix(session: Session) -> str:
    """What the target puts before a schema's own name, such as `dev_`; dim_date shows it."""
    spine = next(node for node in session.manifest.nodes.values() if getattr(node, "time_spine", None))
    return spine.schema.removesuffix(str(spine.config.schema or ""))


def _select(figures: str, columns: Sequence[str], metrics: dict) -> str:
    types = {column: _type(column, metrics) for column in columns}
    listed = ", ".join(f"cast({c} as {t}) as {c}" if t else c for c, t in types.items())
    empty = " and ".join(f"{column} is null" for column in columns if column in metrics)
    return f"select {listed} from ({figures}) as figures where not ({empty})"


def _type(column: str, metrics: dict) -> str | None:
    """Days for periods, the marts' own types for sums: DuckDB adds integers up to 128 bits, which BI clients lack."""
    if column.startswith("metric_time__"):
        return "date"
    metric = metrics.get(column)
    if metric is None or metric.type.value in ("ratio", "conversion"):
        return None
    return {"count": "bigint", "GBP": "decimal(18, 4)"}.get(_unit(metric))


def _unit(metric: Metric) -> str:
    return str(((metric.config.meta if metric.config else None) or {}).get("unit"))


def _comments(relation: str, text: str, columns: Sequence[str], metrics: dict) -> Iterator[str]:
    yield f"comment on table {relation} is {_quoted(text)}"
    for column in columns:
        if column in metrics:
            told = f"{' '.join((metrics[column].description or '').split())} Unit: {_unit(metrics[column])}."
            yield f"comment on column {relation}.{column} is {_quoted(told)}"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
