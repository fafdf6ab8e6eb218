"""Detectors of anomalies in the profile history, held against planted ones.

    python -m benchmarks.anomaly_detection            # three seeds to choose thresholds on, three to judge by
    python -m benchmarks.anomaly_detection --quick    # one of each

`fct_anomalies` is built by dbt over made-up histories (benchmarks/anomaly_history.py); its scores are the seasonal
detector. On the very same signals stand the plain 3-sigma rule over the eight weeks before, and isolation forests
(scikit-learn), on the signals as they are with the weekday and on the deviations of the seasonal detector. Thresholds
of the detectors that have one are chosen on seeds that are not judged; 3-sigma keeps its three.

A judged day of a dataset is flagged when any of its signals is. A planted anomaly is found when one of its days is
flagged; accuracy is over planted anomalies and ordinary days, and told once more over days alone.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
from rich.console import Console
from rich.table import Table
from sklearn.ensemble import IsolationForest

from benchmarks.anomaly_history import FIRST, KINDS, SHAPES, WARM_UP, Day, History, day_of, make_history
from benchmarks.landing import Figures
from benchmarks.process import BenchError, run
from benchmarks.workspace import DBT, Stage, require_packages

TUNED_ON, JUDGED_ON = (101, 102, 103), (201, 202, 203)
HISTORY_DAYS = 56
SIGMAS = 3.0
SHIPPED = "seasonal"
SHIPPED_THRESHOLD = 5.0  # var anomaly_threshold
THRESHOLDS = {
    SHIPPED: tuple(np.arange(3.0, 12.01, 0.5)),
    "forest": tuple(np.arange(0.40, 0.80, 0.01)),
    "forest_on_deviations": tuple(np.arange(0.40, 0.80, 0.01)),
}
REFIT_DAYS, TREES, FIT_DAYS = 28, 50, 98
LEAST_ACCURACY, MOST_FALSE_ALARMS = 0.95, 0.5

TABLES = {
    "fct_row_counts": "dataset_name varchar, measured_date date, row_count bigint",
    "fct_column_profiles": "dataset_name varchar, column_name varchar, measured_date date, profiled_row_count bigint, "
    "filled_count bigint, null_share decimal(7, 6), distinct_count bigint, mean_value double",
    "fct_freshness": "dataset_name varchar, measured_date date, hours_since_landed decimal(18, 3), "
    "measured_at timestamp, invocation_id varchar",
}


@dataclass(frozen=True)
class Verdict:
    """How a detector did on some histories."""

    found: int
    planted: int
    false_alarms: int
    ordinary: int
    right_days: int
    wrong_days: int  # anomalous and not flagged
    missed: Mapping[str, int]

    @property
    def accuracy(self) -> float:
        """Share of planted anomalies and ordinary days that came out right."""
        return (self.found + self.ordinary - self.false_alarms) / (self.planted + self.ordinary)

    @property
    def day_accuracy(self) -> float:
        """Share of all days that came out right, where each day of an anomaly has to be flagged."""
        days = self.right_days + self.wrong_days + self.ordinary
        return (self.right_days + self.ordinary - self.false_alarms) / days

    @property
    def recall(self) -> float:
        """Share of the planted anomalies that were found."""
        return self.found / self.planted

    @property
    def precision(self) -> float:
        """Share of the flagged days that are anomalous."""
        return self.right_days / max(1, self.right_days + self.false_alarms)


def main(arguments: list[str] | None = None) -> int:
    """Measure and print; exit code 1 when it could not be measured, 2 when a target was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one seed to choose on, one to judge by")
    parser.add_argument("--json", type=Path, help="write the figures to this file as well")
    options = parser.parse_args(arguments)
    try:
        verdicts, chosen = measure(*_seeds(options.quick))
    except BenchError as problem:
        print(problem, file=sys.stderr)
        return 1
    report(Console(width=120), verdicts, chosen)
    taken = _figures(verdicts)
    if options.json:
        options.json.write_text(json.dumps(taken, indent=2))
    is_met = taken["anomalies_accuracy"] >= LEAST_ACCURACY
    return 0 if is_met and taken["anomalies_false_alarms_per_three_sigma"] <= MOST_FALSE_ALARMS else 2


def figures(quick: bool) -> Figures:
    """What the bench keeps."""
    verdicts, chosen = measure(*_seeds(quick))
    report(Console(width=120), verdicts, chosen)
    return _figures(verdicts)


def _seeds(quick: bool) -> tuple[Sequence[int], Sequence[int]]:
    return (TUNED_ON[:1], JUDGED_ON[:1]) if quick else (TUNED_ON, JUDGED_ON)


def _figures(verdicts: Mapping[str, Verdict]) -> Figures:
    shipped, plain = verdicts[SHIPPED], verdicts["three_sigma"]
    taken = {
        f"anomalies_{name}_{measure}": getattr(verdict, measure)
        for name, verdict in verdicts.items() for measure in ("accuracy", "day_accuracy", "precision", "recall")
    }  # fmt: skip
    return taken | {
        "anomalies_accuracy": shipped.accuracy,
        "anomalies_precision": shipped.precision,
        "anomalies_recall": shipped.recall,
        "anomalies_false_alarms_per_three_sigma": shipped.false_alarms / max(1, plain.false_alarms),
        "anomalies_planted": float(shipped.planted),
        "anomalies_days": float(shipped.ordinary + shipped.right_days + shipped.wrong_days),
    }


def measure(tuned_on: Sequence[int], judged_on: Sequence[int]) -> tuple[dict[str, Verdict], dict[str, float]]:
    """The verdict on each detector over the seeds judged, and the thresholds chosen on the others.

    The seasonal detector is judged with the threshold that it is shipped with; the one that these seeds would choose
    is told beside it.

    Raises:
        BenchError: dbt failed.
    """
    require_packages()
    histories = {seed: make_history(seed) for seed in (*tuned_on, *judged_on)}
    with tempfile.TemporaryDirectory(prefix="strata-anomalies-") as directory:
        stage = Stage(Path(directory))
        fill(stage.warehouse, histories)
        scores = _scores(stage, histories)
    chosen = {
        name: max(limits, key=lambda limit: _judge(histories, scores[name], limit, tuned_on).day_accuracy)
        for name, limits in THRESHOLDS.items()
    }
    used = {**chosen, SHIPPED: SHIPPED_THRESHOLD, "three_sigma": SIGMAS}
    return {name: _judge(histories, scores[name], limit, judged_on) for name, limit in used.items()}, chosen


def fill(path: Path, histories: Mapping[int, History]) -> None:
    """Write the histories as the tables that the detector reads; a dataset's name begins with its seed."""
    rows: dict[str, list[tuple]] = {name: [] for name in TABLES}
    for seed, history in histories.items():
        counts = {(dataset, day): count for dataset, day, count in history.row_counts}
        rows["fct_row_counts"] += [(f"{seed}/{dataset}", day, count) for (dataset, day), count in counts.items()]
        for dataset, column, day, null_share, distinct, mean in history.profiles:
            count = counts[dataset, day]
            filled = round(count * (1 - (null_share or 0)))
            rows["fct_column_profiles"].append(
                (f"{seed}/{dataset}", column, day, count, filled, null_share, min(distinct, filled), mean)
            )
        rows["fct_freshness"] += [
            (f"{seed}/{dataset}", day, late, day, str(seed)) for dataset, day, late in history.lateness
        ]
    with duckdb.connect(str(path), config={"storage_compatibility_version": "v1.4.0"}) as connection:
        connection.execute("create schema dev_platform")
        for name, body in TABLES.items():
            connection.execute(f"create table dev_platform.{name} ({body})")
            columns = [list(values) for values in zip(*rows[name], strict=True)]
            names = [column.split()[0] for column in body.split(", ") if not column[0].isdigit()]
            connection.register("given", pa.table(dict(zip(names, columns, strict=True))))
            connection.execute(f"insert into dev_platform.{name} select * from given")
            connection.unregister("given")


def build(stage: Stage, days: int) -> None:
    """Let dbt build fct_anomalies over what stands in the warehouse, judging that many days up to the last one.

    Raises:
        BenchError: dbt failed.
    """
    last = FIRST + timedelta(days=days)
    variables = {"as_of_date": last.isoformat(), "anomaly_days": days, "anomaly_threshold": SHIPPED_THRESHOLD}
    run([DBT, "--quiet", "run", "--select", "fct_anomalies", "--vars", json.dumps(variables)], stage.env())


def _scores(stage: Stage, histories: Mapping[int, History]) -> dict[str, dict[tuple[int, Day], float]]:
    """By detector, the highest score of each day of each dataset."""
    build(stage, max(len({day for _, day, _ in history.row_counts}) for history in histories.values()))
    with duckdb.connect(str(stage.warehouse), read_only=True) as connection:
        return {
            SHIPPED: _worst(connection, "select dataset_name, measured_date, max(score) from found group by all"),
            "three_sigma": _worst(connection, THREE_SIGMA),
            "forest": _forests(connection, "signal_value", with_weekday=True),
            "forest_on_deviations": _forests(connection, "score", with_weekday=False),
        }


FOUND = (
    "with found as (select * exclude (column_name), coalesce(column_name, '') as column_name"
    " from dev_platform.fct_anomalies)"
)
# Of a series that never moved any move is infinitely many sigmas.
THREE_SIGMA = f"""
select dataset_name, measured_date, max(sigmas) from (
    select dataset_name, measured_date,
        case when abs(signal_value - avg(signal_value) over days) <= 1e-9 then 0
            else abs(signal_value - avg(signal_value) over days) / nullif(stddev_samp(signal_value) over days, 0)
        end as found_sigmas,
        coalesce(least(found_sigmas, 1e9), 1e9) as sigmas, count(*) over days as known
    from found
    window days as (
        partition by dataset_name, column_name, signal order by measured_date
        range between interval {HISTORY_DAYS} day preceding and interval 1 day preceding
    )
) where known >= 21 group by all
"""


def _worst(connection: duckdb.DuckDBPyConnection, query: str) -> dict[tuple[int, Day], float]:
    return {_key(name, day): float(score) for name, day, score in connection.execute(f"{FOUND} {query}").fetchall()}


def _key(name: str, day: date) -> tuple[int, Day]:
    seed, dataset = name.split("/")
    return int(seed), (dataset, day)


def _forests(
    connection: duckdb.DuckDBPyConnection, measure: str, *, with_weekday: bool
) -> dict[tuple[int, Day], float]:
    """An isolation forest for each dataset, fitted anew every REFIT_DAYS on the days before; 0.5 is an average day."""
    rows = connection.execute(
        f"{FOUND} select dataset_name, measured_date, signal || column_name, cast({measure} as double) from found"
    ).fetchall()
    by_dataset: dict[str, dict[date, dict[str, float]]] = {}
    for name, day, signal, value in rows:
        by_dataset.setdefault(name, {}).setdefault(day, {})[signal] = value
    found: dict[tuple[int, Day], float] = {}
    for name, days in by_dataset.items():
        found |= _forest(name, days, with_weekday=with_weekday)
    return found


def _forest(name: str, days: Mapping[date, Mapping[str, float]], *, with_weekday: bool) -> dict[tuple[int, Day], float]:
    order = sorted(days)
    signals = sorted({signal for values in days.values() for signal in values})
    table = np.array([[days[day].get(signal, -1.0) for signal in signals] for day in order])
    table = np.sign(table) * np.log1p(np.abs(table))
    if with_weekday:
        angle = np.array([day.weekday() for day in order]) * 2 * np.pi / 7
        table = np.column_stack([table, np.sin(angle), np.cos(angle)])
    found = {}
    first = next(place for place, day in enumerate(order) if day >= day_of(WARM_UP))
    for start in range(first, len(order), REFIT_DAYS):
        known = table[max(0, start - FIT_DAYS) : start]
        forest = IsolationForest(n_estimators=TREES, random_state=0).fit(known)
        judged = slice(start, start + REFIT_DAYS)
        for day, score in zip(order[judged], -forest.score_samples(table[judged]), strict=True):
            found[_key(name, day)] = float(score)
    return found


def _judge(
    histories: Mapping[int, History], scores: Mapping[tuple[int, Day], float], limit: float, seeds: Iterable[int]
) -> Verdict:
    found = planted = false_alarms = ordinary = right = wrong = 0
    missed = dict.fromkeys(KINDS, 0)
    for seed in seeds:
        history = histories[seed]
        flagged = {day for (of, day), score in scores.items() if of == seed and score > limit}
        for day, kind in history.labels().items():
            false_alarms += not kind and day in flagged
            ordinary += not kind
            right += bool(kind) and day in flagged
            wrong += bool(kind) and day not in flagged
        for one in history.planted:
            is_found = any((one.dataset, day_of(one.first + n)) in flagged for n in range(one.days))
            planted, found = planted + 1, found + is_found
            missed[one.kind] += not is_found
    return Verdict(found, planted, false_alarms, ordinary, right, wrong, missed)


def report(console: Console, verdicts: Mapping[str, Verdict], chosen: Mapping[str, float]) -> None:
    """Print the detectors side by side."""
    one = verdicts[SHIPPED]
    days = one.ordinary + one.right_days + one.wrong_days
    table = Table(
        title=f"{one.planted} planted anomalies of {len(KINDS)} kinds, {days:,} days of {len(SHAPES)} datasets"
    )
    for heading in ("detector", "threshold", "accuracy", "of days", "precision", "found", "false alarms", "missed"):
        table.add_column(heading, justify="left" if heading in ("detector", "missed") else "right")
    for name, verdict in sorted(verdicts.items(), key=lambda pair: -pair[1].accuracy):
        limit = {**chosen, SHIPPED: SHIPPED_THRESHOLD}.get(name, SIGMAS)
        lost = ", ".join(f"{kind} {count}" for kind, count in verdict.missed.items() if count)
        table.add_row(
            name, f"{limit:.2f}", f"{verdict.accuracy:.1%}", f"{verdict.day_accuracy:.1%}", f"{verdict.precision:.1%}",
            f"{verdict.recall:.1%}", f"{verdict.false_alarms:,} of {verdict.ordinary:,}", lost,
        )  # fmt: skip
    console.print(table)
    never = one.ordinary / (one.ordinary + one.planted)
    console.print(f"Who never flags anything has an accuracy of {never:.1%}.")
    console.print(f"The other seeds choose {chosen[SHIPPED]:.1f} for the seasonal detector.")


if __name__ == "__main__":
    sys.exit(main())
