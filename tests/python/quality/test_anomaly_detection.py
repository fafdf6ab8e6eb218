"""The evaluation set of the anomaly detectors, how they are judged on it, and fct_anomalies on one seed of it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import duckdb
import pytest

from benchmarks import anomaly_detection
from benchmarks.anomaly_detection import SHIPPED, SHIPPED_THRESHOLD, _judge
from benchmarks.anomaly_history import A_KIND, GAP, JUDGED, KINDS, SHAPES, WARM_UP, History, day_of, make_history
from benchmarks.workspace import Stage

SEED = 301


@pytest.fixture(scope="module")
def history() -> History:
    """The history of one seed."""
    return make_history(SEED)


def test_seven_anomalies_of_ten_kinds_in_two_hundred_days(history: History):
    assert Counter(one.kind for one in history.planted) == dict.fromkeys(KINDS, A_KIND)
    assert len(KINDS) == 10 and len(history.planted) >= 60
    assert len(SHAPES) * JUDGED >= 500
    assert all(one.first >= WARM_UP for one in history.planted)


def test_anomalies_of_a_dataset_keep_their_distance(history: History):
    for shape in SHAPES:
        spans = sorted((one.first, one.first + one.days) for one in history.planted if one.dataset == shape.name)
        assert all(later[0] - earlier[1] >= GAP for earlier, later in zip(spans, spans[1:], strict=False))


def test_the_same_seed_makes_the_same_history(history: History):
    again = make_history(SEED)
    assert again == history
    assert make_history(SEED + 1).row_counts != history.row_counts


def test_what_was_planted_is_in_the_figures(history: History):
    counts = {(dataset, day): rows for dataset, day, rows in history.row_counts}
    late = {(dataset, day): hours for dataset, day, hours in history.lateness}
    for one in history.planted:
        day, a_week_before = day_of(one.first), day_of(one.first - 7)
        if one.kind == "late_feed":
            assert late[one.dataset, day] >= 6
        if one.kind == "silent_zero" and one.dataset != "ledger":
            assert counts[one.dataset, day] == 0 < counts[one.dataset, a_week_before]
        if one.kind == "type_change" and one.force < 0.6:
            means = {mean for dataset, column, on, _, _, mean in history.profiles
                     if (dataset, column, on) == (one.dataset, "amount", day)}  # fmt: skip
            assert means == {None}


def test_verdicts_count_anomalies_and_ordinary_days(history: History):
    labels = history.labels()
    anomalous = {day for day, kind in labels.items() if kind}
    perfect = _judge({SEED: history}, {(SEED, day): 9.0 for day in anomalous}, 5.0, [SEED])
    assert (perfect.accuracy, perfect.day_accuracy, perfect.precision, perfect.recall) == (1, 1, 1, 1)
    nothing = _judge({SEED: history}, {}, 5.0, [SEED])
    assert (nothing.recall, nothing.false_alarms, nothing.found) == (0, 0, 0)
    everything = _judge({SEED: history}, {(SEED, day): 9.0 for day in labels}, 5.0, [SEED])
    assert everything.recall == 1 and everything.false_alarms == everything.ordinary == len(labels) - len(anomalous)


@pytest.mark.slow
def test_the_shipped_detector_meets_its_targets(history: History, tmp_path: Path):
    stage = Stage(tmp_path)
    anomaly_detection.fill(stage.warehouse, {SEED: history})
    anomaly_detection.build(stage, WARM_UP + JUDGED)
    with duckdb.connect(str(stage.warehouse), read_only=True) as connection:
        shipped = anomaly_detection._worst(
            connection, "select dataset_name, measured_date, max(score) from found group by all"
        )
        plain = anomaly_detection._worst(connection, anomaly_detection.THREE_SIGMA)
        first, wrong = connection.execute(
            "select min(measured_date), count(*) filter (is_anomaly <> (score >= ?)) from dev_platform.fct_anomalies",
            [SHIPPED_THRESHOLD],
        ).fetchone() or (None, None)
    # Three values of the weekday, then 21 deviations: no verdict before.
    assert first >= day_of(42) and wrong == 0
    seasonal = _judge({SEED: history}, shipped, SHIPPED_THRESHOLD, [SEED])
    sigma = _judge({SEED: history}, plain, anomaly_detection.SIGMAS, [SEED])
    assert SHIPPED == "seasonal" and seasonal.accuracy >= anomaly_detection.LEAST_ACCURACY > sigma.accuracy
    assert seasonal.false_alarms <= anomaly_detection.MOST_FALSE_ALARMS * sigma.false_alarms
    assert seasonal.recall > sigma.recall and seasonal.precision > sigma.precision
