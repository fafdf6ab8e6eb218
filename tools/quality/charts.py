"""Altair charts as SVG to put into a page: no script, no request. Told apart by shape, dash and label, not colour."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import altair as alt
import vl_convert

INK, GREY, LIGHT = "#111111", "#555555", "#bbbbbb"
WIDTH, HEIGHT = 340, 150
WORST = 5
FONT = "Helvetica, Arial, sans-serif"
DASHES = ([1, 0], [6, 3], [2, 2], [8, 3, 2, 3], [1, 4])


def control_chart(points: Sequence[dict[str, Any]]) -> str:
    """One measure over its days with centre and limits; what breaks a rule is a labelled diamond."""
    values = [
        {
            "day": point["measured_date"].isoformat(),
            "value": point["measure_value"],
            "centre": point["centre_line"],
            "lower": point["lower_limit"],
            "upper": point["upper_limit"],
            "rule": point["broken_rules"] or ("jump" if point["is_volume_jump"] else ""),
        }
        for point in points
        if point["measure_value"] is not None
    ]
    x = alt.X("day:T", title=None, axis=alt.Axis(format="%d %b", tickCount=5, grid=False))
    scale = alt.Scale(zero=False, nice=True)
    base = alt.Chart(alt.Data(values=values)).encode(x=x)
    y = alt.Y("value:Q", title=None, scale=scale, axis=alt.Axis(tickCount=4, format="~s"))
    layers: list[Any] = []
    if any(value["centre"] is not None for value in values):
        layers += [
            base.mark_line(color=GREY, strokeWidth=1).encode(y=alt.Y("centre:Q", title=None, scale=scale)),
            base.mark_line(color=GREY, strokeWidth=1, strokeDash=[5, 3]).encode(y="lower:Q"),
            base.mark_line(color=GREY, strokeWidth=1, strokeDash=[5, 3]).encode(y="upper:Q"),
        ]
    out = base.transform_filter("datum.rule !== ''")
    layers += [
        base.mark_line(color=INK, strokeWidth=1.2).encode(y=y),
        base.mark_point(color=INK, size=14, filled=True).encode(y=y),
        out.mark_point(color=INK, size=90, shape="diamond", filled=False, strokeWidth=2).encode(y=y),
        out.mark_text(dy=-11, fontSize=11, fontWeight="bold", color=INK).encode(y=y, text="rule:N"),
    ]
    return _svg(alt.layer(*layers), WIDTH, HEIGHT)


def score_lines(history: Sequence[dict[str, Any]], datasets: Sequence[str]) -> str:
    """The scores of a few datasets over their days, each line with its own dash and its name at its end."""
    chosen = list(datasets)[:WORST]
    values = [
        {"day": row["measured_date"].isoformat(), "score": float(row["quality_score"]), "dataset": row["dataset_name"]}
        for row in history
        if row["dataset_name"] in chosen
    ]
    base = alt.Chart(alt.Data(values=values)).encode(
        x=alt.X("day:T", title=None, axis=alt.Axis(format="%d %b", tickCount=6, grid=False)),
        y=alt.Y("score:Q", title="score", scale=alt.Scale(domain=[0, 100]), axis=alt.Axis(tickCount=5)),
        strokeDash=alt.StrokeDash(
            "dataset:N", scale=alt.Scale(domain=chosen, range=[list(dash) for dash in DASHES[: len(chosen)]]),
            legend=alt.Legend(title=None, orient="bottom", columns=2, labelLimit=300, symbolType="stroke",
                              symbolSize=1600),
        ),
    )  # fmt: skip
    limit = alt.Chart(alt.Data(values=[{"limit": 80}])).mark_rule(color=LIGHT).encode(y="limit:Q")
    lines = base.mark_line(color=INK, strokeWidth=1.6, point=alt.OverlayMarkDef(color=INK, size=12))
    return _svg(alt.layer(limit, lines), 440, 200)


def age_bars(freshness: Sequence[dict[str, Any]], shown: int = 15) -> str:
    """Age of sources as part of what is allowed; a bar beyond the line is late."""
    values = [
        {
            "table": f"{row['source']}.{row['dataset']}",
            "share": row["age_hours"] / row["limit_hours"],
            "text": f"{row['age_hours']:.1f} of {row['limit_hours']:.0f} h",
        }
        for row in freshness
        if row["age_hours"] is not None and row["limit_hours"]
    ][:shown]
    base = alt.Chart(alt.Data(values=values)).encode(
        y=alt.Y("table:N", sort=None, title=None, axis=alt.Axis(labelLimit=200, ticks=False)),
        x=alt.X("share:Q", title="part of the allowed age", axis=alt.Axis(format="%", tickCount=5)),
    )
    line = alt.Chart(alt.Data(values=[{"limit": 1}])).mark_rule(color=INK, strokeWidth=2).encode(x="limit:Q")
    bars = base.mark_bar(color=LIGHT, stroke=INK, strokeWidth=0.6)
    texts = base.mark_text(align="left", dx=4, fontSize=11, color=INK).encode(text="text:N")
    return _svg(alt.layer(bars, line, texts), WIDTH, 22 * max(len(values), 1))


def _svg(chart: Any, width: int, height: int) -> str:
    """The chart, as wide as its place allows."""
    styled = (
        chart.properties(width=width, height=height, background="transparent")
        .configure(font=FONT)
        .configure_view(stroke=None)
        .configure_axis(labelColor=INK, titleColor=INK, gridColor="#e4e4e4", labelFontSize=11, titleFontSize=11)
        .configure_legend(labelColor=INK, labelFontSize=11)
    )
    drawn = vl_convert.vegalite_to_svg(styled.to_dict(), allowed_base_urls=[])
    match = re.search(r'<svg[^>]*?width="([0-9.]+)"', drawn)
    natural = float(match[1]) if match else width
    drawn = re.sub(r'(<svg[^>]*?) width="[0-9.]+" height="[0-9.]+"', r"\1", drawn, count=1)
    return drawn.replace("<svg ", f'<svg style="width:100%;max-width:{natural:.0f}px;height:auto" ', 1)
