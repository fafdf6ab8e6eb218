"""Every investor figure computed twice: read from its mart, and asked of the metric, which adds up the facts itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from metricflow.engine.metricflow_engine import MetricFlowQueryRequest

from tools.metrics.session import Session

Key = tuple[date, str]  # period and company
HALF = 0.5 + 1e-6  # of the last digit that the mart keeps; the rest is what doubles lose


@dataclass(frozen=True)
class Rounded:
    """A metric that the mart keeps rounded: times `factor`, to `digits`; or keeps only once a window is full."""

    metric: str
    digits: int | None = None
    factor: int = 1
    is_partial_earlier: bool = False


@dataclass(frozen=True)
class Mart:
    """A mart, its period, and the metric of each of its figures; what else it has is no figure."""

    name: str
    period_column: str
    grain: str
    figures: Mapping[str, str | Rounded]
    no_figures: frozenset[str]
    reach_further: frozenset[str] = field(default_factory=frozenset)  # metrics with periods that the mart has not


def _rates(*names: str) -> dict[str, Rounded]:
    return {name: Rounded(name.replace("revenue", "net_revenue"), digits=4) for name in names}


_ENGAGEMENT = {
    name: name
    for name in (
        "active_client_count", "active_visitor_count", "session_count", "anonymous_session_count",
        "interaction_count", "action_count", "time_spent_seconds",
    )
}  # fmt: skip
_GROWTH = {
    **{name: name for name in ("sign_up_count", "activation_count", "first_order_count", "lost_client_count")},
    "net_new_client_count": "net_new_client_count",
    "acquisition_cost_amount_gbp": "acquisition_cost_amount_gbp",
    "revenue_amount_gbp": "net_revenue_amount_gbp",
}

MARTS = (
    Mart(
        "agg_profit_quarterly",
        "quarter_start_date",
        "quarter",
        {
            **{
                name: name
                for name in (
                    "shipped_line_count", "line_without_cost_count", "gross_revenue_amount_gbp",
                    "net_revenue_amount_gbp", "incentive_amount_gbp", "other_incentive_amount_gbp",
                    "contribution_amount_gbp", "other_cost_of_sales_amount_gbp", "operating_cost_amount_gbp",
                    "operating_profit_amount_gbp",
                )
            },
            "discount_amount_gbp": "sales_discount_amount_gbp",
            "cost_amount_gbp": "goods_cost_amount_gbp",
            "freight_amount_gbp": "outbound_freight_amount_gbp",
            "contribution_margin_percent": Rounded("contribution_margin", digits=2, factor=100),
            "operating_margin_percent": Rounded("operating_margin", digits=2, factor=100),
        },
        frozenset({"profit_quarter_key", "tenant_id", "is_complete", "quarter_start_date"}),
    ),  # fmt: skip
    Mart(
        "agg_growth_quarterly",
        "quarter_start_date",
        "quarter",
        {
            **_GROWTH,
            "covered_day_count": "growth_day_count",
            "active_client_count": "active_client_count",
            **_rates(*(
                f"{measure}_growth_{period}"
                for measure in ("sign_up", "activation", "active_client", "revenue")
                for period in ("qoq", "yoy")
            )),
        },
        frozenset({
            "growth_quarter_key", "tenant_id", "quarter_start_date", "implausible_rates", "is_growth_implausible",
            "is_complete",
        }),
        frozenset({"active_client_count"}),
    ),  # fmt: skip
    Mart(
        "agg_engagement_quarterly",
        "quarter_start_date",
        "quarter",
        {**_ENGAGEMENT, "tracked_day_count": "tracked_day_count"},
        frozenset({"engagement_quarter_key", "tenant_id", "quarter_start_date", "is_complete"}),
    ),
    Mart(
        "fct_growth_daily",
        "date_day",
        "day",
        {
            **_GROWTH,
            "sign_up_28d_count": Rounded("sign_up_count_28d", is_partial_earlier=True),
            "revenue_28d_amount_gbp": Rounded("net_revenue_amount_gbp_28d", is_partial_earlier=True),
            "sign_up_growth_28d": Rounded("sign_up_growth_28d", digits=4, is_partial_earlier=True),
            "revenue_growth_28d": Rounded("net_revenue_growth_28d", digits=4, is_partial_earlier=True),
        },
        frozenset({"growth_day_key", "tenant_id", "date_day", "is_growth_implausible"}),
    ),
    Mart(
        "agg_engagement_daily",
        "date_day",
        "day",
        _ENGAGEMENT,
        frozenset({"engagement_day_key", "tenant_id", "date_day"}),
    ),
)  # fmt: skip


@dataclass
class Tally:
    """How many figures were compared; filled while the differences are read."""

    compared: int = 0


def differences(session: Session, tally: Tally) -> Iterator[str]:
    """A line for each figure that mart and metric do not agree on, and for each figure of a mart without a metric.

    Sums and counts agree exactly (MetricFlow hands them over as doubles, which tell pence up to trillions apart); where
    the mart has 0, the metric may have no row. What the mart rounds agrees to its
    last digit. What the mart leaves empty is empty in the metric too, but for windows that are not full yet.
    """
    for mart in MARTS:
        stored = _stored(session, mart)
        asked = _asked(session, mart)
        for column in sorted(set(next(iter(stored.values()), {})) - set(mart.figures) - mart.no_figures):
            yield f"{mart.name}.{column}: no metric computes it. Remedy: add it to tools/metrics/agreement.py"
        for column, target in mart.figures.items():
            figure = target if isinstance(target, Rounded) else Rounded(target)
            for key in sorted({*stored, *asked}):
                if key not in stored:
                    if figure.metric not in mart.reach_further and not figure.is_partial_earlier:
                        tally.compared += 1
                        if asked[key].get(figure.metric) not in (None, 0):
                            yield _line(mart, column, key, "no row", figure, asked[key][figure.metric])
                    continue
                tally.compared += 1
                told, computed = stored[key][column], asked.get(key, {}).get(figure.metric)
                if not agree(told, computed, figure):
                    yield _line(mart, column, key, told, figure, computed)


def agree(told: Any, computed: Any, figure: Rounded) -> bool:
    """Whether a mart's value is the metric's."""
    if told is None:
        return computed is None or figure.is_partial_earlier
    if figure.digits is None:
        return float(told) == float(computed or 0)
    if computed is None:
        return figure.is_partial_earlier and told == -1  # nothing left, so that not even a row is
    return abs(float(computed) * figure.factor - float(told)) <= HALF * 10**-figure.digits


def _line(mart: Mart, column: str, key: Key, told: Any, figure: Rounded, computed: Any) -> str:
    period, company = key
    return f"{mart.name}.{column} of {company}, {period}: {told} in the mart, {computed} by the metric {figure.metric}"


def _stored(session: Session, mart: Mart) -> dict[Key, dict[str, Any]]:
    node = next(n for n in session.manifest.nodes.values() if n.name == mart.name and n.resource_type == "model")
    table = session.client.query(f"select * from {node.relation_name}")
    rows = (dict(zip(table.column_names, row, strict=True)) for row in table.rows)
    return {(_day(row[mart.period_column]), row["tenant_id"]): row for row in rows}


def _asked(session: Session, mart: Mart) -> dict[Key, dict[str, Any]]:
    metrics = sorted({f.metric if isinstance(f, Rounded) else f for f in mart.figures.values()})
    period = f"metric_time__{mart.grain}"
    answer = session.engine.query(
        MetricFlowQueryRequest.create(metric_names=metrics, group_by_names=[period, "tenant"])
    ).result_df
    rows = (dict(zip(answer.column_names, row, strict=True)) for row in answer.rows)
    return {(_day(row[period]), row["tenant"]): row for row in rows}


def _day(value: Any) -> date:
    return value.date() if hasattr(value, "date") else value
