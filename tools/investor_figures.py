"""The quarterly figures for investors: which, from which mart, and how the group's are made of the companies'."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

GROUP = "group"
UNDEFINED = "not defined"
GBP, COUNT, PERCENT, GROWTH, SECONDS = "GBP", "count", "percent", "growth rate", "seconds"
PLACES = {GBP: "0.0001", PERCENT: "0.01", GROWTH: "0.0001", SECONDS: "0.001", COUNT: "1"}


@dataclass(frozen=True)
class Figure:
    """One figure, as a column of a mart.

    Attributes:
        of: for percents, the columns whose sums the group's is the ratio of; for growth rates the column that grows
            and the quarters back. None: the group's is the sum of the companies'.
    """

    section: str
    mart: str
    column: str
    label: str
    unit: str
    of: tuple[str, str | int] | None = None


PROFIT, GROWING, ENGAGEMENT = "agg_profit_quarterly", "agg_growth_quarterly", "agg_engagement_quarterly"
FIGURES = (
    Figure("Profit", PROFIT, "net_revenue_amount_gbp", "Net revenue", GBP),
    Figure("Profit", PROFIT, "cost_amount_gbp", "Cost of goods", GBP),
    Figure("Profit", PROFIT, "freight_amount_gbp", "Freight", GBP),
    Figure("Profit", PROFIT, "incentive_amount_gbp", "Sales incentives", GBP),
    Figure("Profit", PROFIT, "contribution_amount_gbp", "Contribution", GBP),
    Figure("Profit", PROFIT, "contribution_margin_percent", "Contribution margin", PERCENT,
           ("contribution_amount_gbp", "net_revenue_amount_gbp")),
    Figure("Profit", PROFIT, "other_cost_of_sales_amount_gbp", "Other cost of sales", GBP),
    Figure("Profit", PROFIT, "operating_cost_amount_gbp", "Operating costs", GBP),
    Figure("Profit", PROFIT, "operating_profit_amount_gbp", "Operating profit", GBP),
    Figure("Profit", PROFIT, "operating_margin_percent", "Operating margin", PERCENT,
           ("operating_profit_amount_gbp", "net_revenue_amount_gbp")),
    Figure("Growth", GROWING, "revenue_growth_qoq", "Revenue, on the quarter before", GROWTH,
           ("revenue_amount_gbp", 1)),
    Figure("Growth", GROWING, "revenue_growth_yoy", "Revenue, on the year before", GROWTH, ("revenue_amount_gbp", 4)),
    Figure("Growth", GROWING, "sign_up_count", "Sign-ups", COUNT),
    Figure("Growth", GROWING, "sign_up_growth_qoq", "Sign-ups, on the quarter before", GROWTH, ("sign_up_count", 1)),
    Figure("Growth", GROWING, "sign_up_growth_yoy", "Sign-ups, on the year before", GROWTH, ("sign_up_count", 4)),
    Figure("Growth", GROWING, "activation_count", "Activations", COUNT),
    Figure("Growth", GROWING, "activation_growth_qoq", "Activations, on the quarter before", GROWTH,
           ("activation_count", 1)),
    Figure("Growth", GROWING, "activation_growth_yoy", "Activations, on the year before", GROWTH,
           ("activation_count", 4)),
    Figure("Growth", GROWING, "first_order_count", "First orders", COUNT),
    Figure("Growth", GROWING, "lost_client_count", "Lost clients", COUNT),
    Figure("Growth", GROWING, "net_new_client_count", "Net new clients", COUNT),
    Figure("Engagement", ENGAGEMENT, "active_client_count", "Active clients", COUNT),
    Figure("Engagement", GROWING, "active_client_growth_qoq", "Active clients, on the quarter before", GROWTH,
           ("active_client_count", 1)),
    Figure("Engagement", GROWING, "active_client_growth_yoy", "Active clients, on the year before", GROWTH,
           ("active_client_count", 4)),
    Figure("Engagement", ENGAGEMENT, "session_count", "Sessions", COUNT),
    Figure("Engagement", ENGAGEMENT, "interaction_count", "Interactions", COUNT),
    Figure("Engagement", ENGAGEMENT, "action_count", "Actions", COUNT),
    Figure("Engagement", ENGAGEMENT, "time_spent_seconds", "Time spent, seconds", SECONDS),
)  # fmt: skip

# Of one mart: (company, first day of the quarter) to the row.
Mart = dict[tuple[str, date], dict[str, Any]]


def quarters_back(quarter: date, number: int) -> date:
    """First day of an earlier quarter."""
    months = quarter.year * 12 + quarter.month - 1 - 3 * number
    return date(months // 12, months % 12 + 1, 1)


def value_of(figure: Figure, marts: dict[str, Mart], company: str, quarter: date, companies: list[str]) -> Any:
    """A figure of a company as its mart has it, or of the group; None where it is not defined."""
    mart = marts[figure.mart]
    if company != GROUP:
        return mart.get((company, quarter), {}).get(figure.column)
    if figure.of is None:
        return _sum(mart, figure.column, quarter, companies)
    if isinstance(figure.of[1], int):
        column, back = figure.of
        earlier = quarters_back(quarter, back)
        # A rate compares whole quarters only, as the mart's own rates do.
        if not all(mart.get((one, day), {}).get("is_complete") for one in companies for day in (quarter, earlier)):
            return None
        ratio = _ratio(_sum(mart, column, quarter, companies), _sum(mart, column, earlier, companies))
        return None if ratio is None else _rounded(ratio - 1, figure.unit)
    ratio = _ratio(*(_sum(mart, column, quarter, companies) for column in figure.of))
    return None if ratio is None else _rounded(100 * ratio, figure.unit)


def _sum(mart: Mart, column: str, quarter: date, companies: list[str]) -> Any:
    values = [mart.get((company, quarter), {}).get(column) for company in companies]
    return None if any(value is None for value in values) else sum(values)


def _ratio(part: Any, whole: Any) -> Decimal | None:
    return None if part is None or not whole else Decimal(part) / Decimal(whole)


def _rounded(value: Decimal, unit: str) -> Decimal:
    return value.quantize(Decimal(PLACES[unit]), ROUND_HALF_UP)
