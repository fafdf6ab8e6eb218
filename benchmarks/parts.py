"""The parts of the bench that stand for themselves: each measures one way of landing and holds it against a target."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import (
    anomaly_detection,
    database_rate,
    file_rate,
    nothing_new,
    observability,
    order_lines,
    parallel_paging,
    partner_banks,
    purge,
    quarantine_coverage,
    rest_rate,
    whole_build,
)
from benchmarks.landing import Figures

QUICK_SCALE, WHOLE_SCALE = 0.1, 1.0
QUICK_BUILDS, WHOLE_BUILDS = (0.1, 0.3), (1.0, 10.0)
QUICK_ORDER_LINES = 300_000
QUICK_PURGE = 1_000_000
WATCHED_SCALES, WATCHED_PAIRS, PROFILED_ROWS = (0.1, 1.0), (1, 3), (1_000_000, observability.ROWS)
QUARANTINE_SCALE = 0.05  # every kind of fault is planted once


@dataclass(frozen=True)
class Target:
    """A figure and what it may be at most, or has to be at least."""

    figure: str
    label: str
    limit: float
    at_least: bool = False
    style: str = ".2f"

    def is_met(self, value: float) -> bool:
        """Whether the figure is within its limit."""
        return value >= self.limit if self.at_least else value <= self.limit

    @property
    def wanted(self) -> str:
        """The limit in words."""
        return f"at {'least' if self.at_least else 'most'} {format(self.limit, ',.10g')}"


@dataclass(frozen=True)
class Part:
    """One measure: `measure(quick)` gives its figures."""

    name: str
    label: str
    measure: Callable[[bool], Figures]
    targets: tuple[Target, ...]


def _files(quick: bool) -> Figures:
    if quick:
        return file_rate.file_rate(rows=300_000, repeats=1)
    return file_rate.file_rate(large_rows=file_rate.LARGE_ROWS)


def _database(quick: bool) -> Figures:
    rows, repeats = (200_000, 1) if quick else (database_rate.ROWS, 3)
    return {f"database_{name}": value for name, value in database_rate.measure(rows, repeats).items()}


def _rest(quick: bool) -> Figures:
    return rest_rate.rest_rate(40_000 if quick else rest_rate.RECORDS)


def _paging(quick: bool) -> Figures:
    return parallel_paging.parallel_paging(1 if quick else 3)


def _again(quick: bool) -> Figures:
    figures = nothing_new.nothing_new(QUICK_SCALE)
    if not quick:
        whole = nothing_new.nothing_new(WHOLE_SCALE)
        figures |= {name.replace("again_", "again_whole_company_", 1): value for name, value in whole.items()}
    return figures


def _build(quick: bool) -> Figures:
    with TemporaryDirectory(prefix="strata-bench-build-") as directory:
        return whole_build.whole_build(QUICK_BUILDS if quick else WHOLE_BUILDS, Path(directory))


def _order_lines(quick: bool) -> Figures:
    return order_lines.figures(QUICK_ORDER_LINES if quick else order_lines.LINES)


def _observability(quick: bool) -> Figures:
    size = 0 if quick else 1
    return observability.figures(WATCHED_SCALES[size], WATCHED_PAIRS[size], PROFILED_ROWS[size])


def _partner_banks(quick: bool) -> Figures:
    return partner_banks.figures(quick)


def _anomalies(quick: bool) -> Figures:
    return anomaly_detection.figures(quick)


def _purge(quick: bool) -> Figures:
    return purge.figures(QUICK_PURGE, 1) if quick else purge.figures()


def _quarantine(quick: bool) -> Figures:
    return quarantine_coverage.figures(QUARANTINE_SCALE if quick else WHOLE_SCALE)


PARTS = (
    Part(
        "files",
        "a CSV of a file source",
        _files,
        (
            Target("file_plain_load_per_read_cpu", "files: landing a CSV over DuckDB's typed read, processor", 6),
            Target("file_quoted_load_per_read_cpu", "files: the same with quoted texts", 6),
            Target("file_plain_load_per_read_whole_cpu", "files: the first with interpreter and imports in both", 6),
            Target("file_large_peak_mb", "files: peak MiB of a load of 10 million rows", 2048, style=",.0f"),
        ),
    ),
    Part(
        "database",
        "a table of a database",
        _database,
        (Target("database_load_per_copy", "database: landing a table over COPY of it to a file, time", 10),),
    ),
    Part(
        "rest",
        "records of a REST source",
        _rest,
        (
            Target("rest_records_per_cpu_second", "REST: records a processor second", 10_000, True, ",.0f"),
            Target("rest_checked_records_per_cpu_second", "REST: the same, repeats told apart", 10_000, True, ",.0f"),
        ),
    ),
    Part(
        "paging",
        "pages of a slow service",
        _paging,
        (Target("paging_saved_ratio", "REST: time saved by parallel paging at 50 ms an answer", 0.4, True),),
    ),
    Part(
        "build",
        "production builds of the whole project at two sizes",
        _build,
        (
            Target("whole_small_build_per_direct", "build over the same SQL in DuckDB, smaller company", 3),
            Target("whole_large_build_per_direct", "build over the same SQL in DuckDB, larger company", 1.5),
            Target("whole_build_growth_per_rows", "build: growth of its time over growth of the rows", 1),
            Target("whole_large_build_peak_mb", "build: peak MiB of the larger company", 2048, style=",.0f"),
        ),
    ),
    Part(
        "nothing-new",
        "loads of every source with nothing new",
        _again,
        (
            Target("again_most_seconds", "nothing new: slowest source, s", 3),
            Target("again_most_cpu_seconds", "nothing new: slowest source, processor s", 3),
            Target("again_most_whole_cpu_seconds", "nothing new: slowest whole command, processor s", 3),
            Target("again_whole_company_most_seconds", "nothing new: slowest source of the 1x company, s", 3),
            Target("again_whole_company_most_cpu_seconds", "nothing new: the same, processor s", 3),
            Target("again_whole_company_most_whole_cpu_seconds", "nothing new: its slowest command, processor s", 3),
        ),
    ),
    Part(
        "order-lines",
        "a day of order lines against a full refresh",
        _order_lines,
        (
            Target(
                "order_lines_sql_full_per_day", "order lines: SQL of models, full refresh over a day", 15, True, ".1f"
            ),
            Target(
                "order_lines_full_per_day", "order lines: command with tests, full refresh over a day", 3, True, ".1f"
            ),
            Target("order_lines_peak_mb", "order lines: peak MiB of either", 2048, style=",.0f"),
        ),
    ),
    Part(
        "partner-banks",
        "a week of partner-bank indicators against their whole history",
        _partner_banks,
        (
            Target(
                "partner_banks_fact_full_per_week",
                "partner banks: SQL, history over a week",
                partner_banks.LEAST_RATIO,
                True,
                ".1f",
            ),
            Target("partner_banks_full_sql_seconds", "partner banks: whole history, s", partner_banks.MOST_SECONDS),
            Target("partner_banks_growth_per_payments", "partner banks: growth of time over that of payments", 1),
        ),
    ),
    Part(
        "anomalies",
        "detectors of anomalies on planted ones",
        _anomalies,
        (
            Target(
                "anomalies_accuracy",
                "anomalies: accuracy of the shipped detector",
                anomaly_detection.LEAST_ACCURACY,
                True,
                ".1%",
            ),
            Target(
                "anomalies_false_alarms_per_three_sigma",
                "anomalies: its false alarms over those of 3-sigma",
                anomaly_detection.MOST_FALSE_ALARMS,
            ),
        ),
    ),  # fmt: skip
    Part(
        "purge",
        "a purge against the bare DELETE",
        _purge,
        (
            Target(
                "purge_range_per_delete_cpu", "purge: 1 row in 10 over the bare DELETE, processor", purge.MOST_RATIO
            ),
            Target("purge_range_per_delete", "purge: the same, time", purge.MOST_RATIO),
            Target("purge_digest_per_delete_cpu", "purge: with a digest for each row, processor", purge.MOST_RATIO),
            Target("purge_peak_mb", "purge: peak MiB", purge.MOST_MB, style=",.0f"),
        ),
    ),
    Part(
        "observability",
        "builds that watch themselves against builds that do not",
        _observability,
        (
            Target(
                "observability_share",
                "observability: its time over that of the build without it",
                observability.MOST_SHARE,
                style=".1%",
            ),
            Target(
                "profile_seconds",
                "observability: profile of the large table, s",
                observability.MOST_SECONDS,
                style=".1f",
            ),
            Target("profile_peak_mb", "observability: its peak MiB", observability.MOST_MB, style=",.0f"),
        ),
    ),
    Part(
        "quarantine",
        "planted faults in quarantine",
        _quarantine,
        (
            Target("quarantine_caught_share", "quarantine: planted faults caught under their code", 0.95, True, ".1%"),
            Target("quarantine_kinds", "quarantine: kinds of planted faults", 40, True, ",.0f"),
            Target("quarantine_false_alarms", "quarantine: rows that nobody planted", 0, style=",.0f"),
        ),
    ),
)
NAMES = tuple(part.name for part in PARTS)


def measure(names: Iterable[str], *, quick: bool, say: Callable[[str], None]) -> Figures:
    """The figures of the parts named."""
    figures: Figures = {}
    for part in PARTS:
        if part.name in names:
            say(part.label)
            figures |= part.measure(quick)
    return figures


def verdicts(figures: Mapping[str, float]) -> list[tuple[Target, float, bool]]:
    """Each target whose figure was taken, with the figure and whether it is met."""
    targets = [target for part in PARTS for target in part.targets if target.figure in figures]
    return [(target, figures[target.figure], target.is_met(figures[target.figure])) for target in targets]
