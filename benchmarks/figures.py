"""From single figures to ratios, medians and growth."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

# ratio: (numerator, denominator, what it says); those of processor time hold on a busy machine too
RATIOS = {
    "landing_per_extract_read": (
        "extract_rows_per_second",
        "landing_rows_per_second",
        "DuckDB's rows/s from CSV over the landing's rows/s",
    ),
    "landing_per_extract_read_cpu": (
        "landing_cpu_seconds",
        "extract_cpu_seconds",
        "the same in processor time, start-up included",
    ),
    "landing_per_page_read": ("landing_seconds", "pages_seconds", "landing over bare fetching of the same pages"),
    "relanding_per_landing": ("relanding_seconds", "landing_seconds", "landing with nothing new over the first one"),
    "build_per_direct": ("build_seconds", "direct_seconds", "dbt build over the same SQL in DuckDB, tests in both"),
    "build_per_direct_cpu": ("build_cpu_seconds", "direct_cpu_seconds", "the same in processor time"),
    "models_per_direct": (
        "models_seconds",
        "direct_models_seconds",
        "dbt build without tests over its SQL in DuckDB",
    ),
    "rebuild_per_build": ("rebuild_seconds", "build_seconds", "second dbt build over the first"),
    "warm_per_cold_parse": ("parse_warm_seconds", "parse_cold_seconds", "warm parse over cold parse"),
}


@dataclass(frozen=True)
class Spread:
    """Median, smallest and largest of the repeats."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """The spread of at least one value."""
        return cls(statistics.median(values), min(values), max(values))


def with_ratios(figures: Mapping[str, float]) -> dict[str, float]:
    """The figures of one repeat with its ratios: both sides of each are of the same repeat.

    `node_milliseconds` is what a node of the build costs beyond its SQL: build less warm parse less direct SQL.
    """
    ratios = {
        name: figures[above] / figures[below]
        for name, (above, below, _) in RATIOS.items()
        if above in figures and figures.get(below)
    }
    added = {}
    if "build_nodes" in figures:
        beyond = figures["build_seconds"] - figures["parse_warm_seconds"] - figures["direct_seconds"]
        added["node_milliseconds"] = 1000 * beyond / figures["build_nodes"]
    return {**figures, **added, **ratios}


def summarise(repeats: Sequence[Mapping[str, float]]) -> dict[str, Spread]:
    """The spread of each figure over the repeats."""
    return {name: Spread.of([repeat[name] for repeat in repeats]) for name in repeats[0]}


def growth(by_scale: Mapping[float, Mapping[str, Spread]]) -> dict[str, float]:
    """Each median at the largest scale over the one at the smallest; empty for a single scale."""
    small, large = min(by_scale), max(by_scale)
    if small == large:
        return {}
    return {
        name: by_scale[large][name].median / spread.median
        for name, spread in by_scale[small].items()
        if name not in RATIOS and name in by_scale[large] and spread.median
    }


def as_json(by_scale: Mapping[float, Mapping[str, Spread]]) -> dict[str, dict[str, dict[str, float]]]:
    """The spreads by scale, for the results file."""
    return {
        f"{scale:g}": {name: asdict(spread) for name, spread in spreads.items()} for scale, spreads in by_scale.items()
    }
