"""Elementary's daily tests replayed over a warehouse's history: false alarms, and what they catch.

`python -m benchmarks.elementary_thresholds WAREHOUSE [--manifest target/manifest.json] [--grid]`. For each test with
tag `daily_anomalies`, each day of the history is judged as the package judges it: its distance from the mean of the
buckets of `days_back`, itself included, in sample standard deviations. Then the same with a fault planted in that day.
`--grid` prints other sensitivities too. What was chosen by it stands in docs/observability.md.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from ingestion.contract import DAILY

SENSITIVITIES = (2.0, 2.25, 2.5, 2.75, 3.0, 3.25, 3.5, 4.0)
DAY = timedelta(days=1)
MIN_BUCKETS = 7  # the default of min_training_set_size
MONITORS = {
    "null_percent": "100.0 * count(*) filter (where {column} is null) / count(*)",
    "zero_percent": "100.0 * count(*) filter (where {column} is null or {column} = 0) / count(*)",
    "average": "avg({column}::double)",
}
Fault = Callable[[float], float]
COUNT_FAULTS: dict[str, Fault] = {"lost": lambda value: 0.0, "doubled": lambda value: 2 * value}
COLUMN_FAULTS: dict[str, dict[str, Fault]] = {
    "null_percent": {"30 % empty": lambda value: value + 0.3 * (100 - value)},
    "zero_percent": {"30 % zero": lambda value: value + 0.3 * (100 - value)},
    "average": {"doubled": lambda value: 2 * value, "pence for pounds": lambda value: 100 * value},
}


@dataclass(frozen=True)
class Series:
    """One metric day by day; `faulty` is what each fault would have made of a day."""

    values: Mapping[date, float]
    faulty: Mapping[str, Mapping[date, float]]


@dataclass
class Replay:
    """The scores of the clean history by day, the largest of all series, and those of each planted fault."""

    name: str
    sensitivity: float
    clean: dict[date, float] = field(default_factory=dict)
    planted: dict[str, list[float]] = field(default_factory=dict)

    def row(self, sensitivity: float) -> str:
        """One line of the table."""
        alarms = sum(score > sensitivity for score in self.clean.values())
        caught = [
            f"{name} {100 * sum(score > sensitivity for score in scores) / len(scores):.0f} %"
            for name, scores in self.planted.items()
        ]
        share = 100 * alarms / len(self.clean)
        return f"{sensitivity:<5g} {alarms:>4} in {len(self.clean):<5} {share:>4.1f}  {', '.join(caught)}"


def replays(connection: duckdb.DuckDBPyConnection, manifest: Mapping[str, Any]) -> Iterator[Replay]:
    """Each anomaly test of the tag; schema_changes judges no numbers."""
    orders = manifest["nodes"]["model.strata.fct_order_lines"]
    connection.execute(
        "create temp table history as select min(order_date) as first_day, max(order_date) as last_day"
        f" from {orders['schema']}.{orders['alias']}"
    )
    for node in sorted(manifest["nodes"].values(), key=lambda node: node["name"]):
        if node["resource_type"] != "test" or DAILY not in node["tags"]:
            continue
        kind, arguments = node["test_metadata"]["name"], node["test_metadata"]["kwargs"]
        if kind == "schema_changes":
            continue
        tested = node["depends_on"]["nodes"][0]
        owner = manifest["nodes"].get(tested) or manifest["sources"][tested]
        relation = f"{owner['schema']}.{owner.get('alias') or owner['identifier']}"
        replay = Replay(node["name"], float(arguments["anomaly_sensitivity"]))
        for series in SERIES[kind](connection, relation, arguments):
            judge = Judge(series.values, arguments, is_one_sided=kind == "freshness_anomalies")
            _play(replay, series, judge)
            if kind == "dimension_anomalies":
                _stay_away(replay, series, judge)
        yield replay


class Judge:
    """Scores a bucket among those before it, as the test's arguments say."""

    def __init__(self, values: Mapping[date, float], arguments: Mapping[str, Any], *, is_one_sided: bool) -> None:
        is_weekly = _period(arguments) == "week"
        self._step = 7 if is_weekly or arguments.get("seasonality") == "day_of_week" else 1
        self._buckets = int(arguments["days_back"]) // (7 if is_weekly else 1)
        self._values, self._first, self._is_one_sided = values, min(values), is_one_sided

    def score(self, day: date, changed: Mapping[date, float]) -> float | None:
        """The score of a day among the clean ones before it, those in `changed` aside; None for too short a history."""
        days = [day - number * self._step * DAY for number in range(self._buckets)]
        window = [changed.get(past, self._values[past]) for past in days if past in self._values]
        if days[-1] < self._first or len(window) < MIN_BUCKETS:
            return None
        spread = statistics.stdev(window)
        found = (window[0] - statistics.fmean(window)) / spread if spread else 0.0
        return found if self._is_one_sided else abs(found)


def _play(replay: Replay, series: Series, judge: Judge) -> None:
    for day in series.values:
        if (found := judge.score(day, {})) is not None:
            replay.clean[day] = max(found, replay.clean.get(day, found))
            for name, days in series.faulty.items():
                replay.planted.setdefault(name, []).append(judge.score(day, {day: days[day]}) or 0.0)


def _stay_away(replay: Replay, series: Series, judge: Judge, days: int = 3) -> None:
    """A part missing for some days: the best score of them, each judged when those before it are missing too."""
    for first in list(series.values)[: -days + 1]:
        gone = {first + number * DAY: 0.0 for number in range(days)}
        scores = [judge.score(day, {past: 0.0 for past in gone if past <= day}) for day in gone]
        if scores[0] is not None:
            best = max(score or 0.0 for score in scores)
            replay.planted.setdefault(f"lost for {days} days", []).append(best)


def _counts(connection: duckdb.DuckDBPyConnection, relation: str, arguments: Mapping[str, Any]) -> Iterator[Series]:
    parts = ", ".join(arguments.get("dimensions") or ["''"])
    period = _period(arguments)
    moment = f"date_trunc('{period}', cast({arguments['timestamp_column']} as timestamp))"
    found: dict[str, dict[date, float]] = {}
    for part, day, count in _rows(connection, f"concat_ws('; ', {parts})", f"{moment}::date", "count(*)", relation):
        found.setdefault(part, {})[day] = count
    last = max(day for days in found.values() for day in days)
    for days in found.values():
        values = {day: float(days.get(day, 0)) for day in _days(min(days), last, 7 if period == "week" else 1)}
        if period == "week":  # which the history need not fill
            values.pop(last)
        yield _series(values, COUNT_FAULTS)


def _columns(connection: duckdb.DuckDBPyConnection, relation: str, arguments: Mapping[str, Any]) -> Iterator[Series]:
    for monitor in arguments["column_anomalies"]:
        figure = MONITORS[monitor].format(column=arguments["column_name"])
        rows = _rows(connection, "''", f"cast({arguments['timestamp_column']} as date)", figure, relation)
        series = _series({day: value for _, day, value in rows if value is not None}, COLUMN_FAULTS[monitor])
        yield Series(series.values, {f"{monitor} {name}": days for name, days in series.faulty.items()})


def _waits(connection: duckdb.DuckDBPyConnection, relation: str, arguments: Mapping[str, Any]) -> Iterator[Series]:
    """Longest wait for a row that ends in the day or lasts at its end, in seconds; lost: none came that day."""
    moment = f"cast({arguments['timestamp_column']} as timestamp)"
    distinct = (
        f"(select moment, epoch(moment - lag(moment) over (order by moment)) as gap"
        f" from (select distinct {moment} as moment from {relation}))"
    )
    figure = "{first: min(moment), last: max(moment), gap: max(gap)}"
    rows = _rows(connection, "''", "cast(moment as date)", figure, distinct)
    moments = {day: found for _, day, found in rows}
    values, lost, last = {}, {}, rows[0][2]["first"]
    for day in _days(rows[0][1], rows[-1][1]):
        end = datetime.combine(day + DAY, datetime.min.time())
        lost[day] = (end - last).total_seconds()
        found = moments.get(day, {"last": last, "gap": 0.0})
        last = found["last"]
        values[day] = max(found["gap"] or 0.0, (end - last).total_seconds())
    yield Series(values, {"lost": lost})


def _rows(connection: duckdb.DuckDBPyConnection, part: str, day: str, figure: str, relation: str) -> list[Any]:
    """Part, day and figure within the history of the valid orders: what is dated elsewhere is a fault of its own."""
    return connection.execute(
        f"with grouped as (select {part} as part, {day} as bucket, {figure} as figure from {relation} group by 1, 2)"
        " select part, bucket, figure from grouped, history where bucket between first_day and last_day order by bucket"
    ).fetchall()


def _series(values: dict[date, float], faults: Mapping[str, Fault]) -> Series:
    faulty = {name: {day: fault(value) for day, value in values.items()} for name, fault in faults.items()}
    return Series(values, faulty)


def _period(arguments: Mapping[str, Any]) -> str:
    return (arguments.get("time_bucket") or {}).get("period", "day")


def _days(first: date, last: date, step: int = 1) -> Iterator[date]:
    return (first + number * DAY for number in range(0, (last - first).days + 1, step))


SERIES = {
    "volume_anomalies": _counts,
    "dimension_anomalies": _counts,
    "column_anomalies": _columns,
    "freshness_anomalies": _waits,
}


def main(arguments: list[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("warehouse", type=Path, help="a DuckDB file with a landed and built company; only read")
    parser.add_argument("--manifest", type=Path, default=Path("target/manifest.json"), help="dbt's manifest.json")
    parser.add_argument("--grid", action="store_true", help="other sensitivities too")
    options = parser.parse_args(arguments)
    manifest = json.loads(options.manifest.read_text(encoding="utf-8"))
    with duckdb.connect(str(options.warehouse), read_only=True) as connection:
        connection.execute("set TimeZone = 'UTC'")
        for replay in replays(connection, manifest):
            print(f"{replay.name}: sensitivity, false alarms, in 100 days, faults caught")
            for sensitivity in SENSITIVITIES if options.grid else (replay.sensitivity,):
                print(f"  {'*' if sensitivity == replay.sensitivity else ' '} {replay.row(sensitivity)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
