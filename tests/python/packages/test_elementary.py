"""Elementary's anomaly and schema-change tests: clear-cut cases, judged alike by our stand-in and the real package."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from throwaway import Case, Outcome, Throwaway

NOW = "2024-03-15T12:00:00"
ELEMENTARY_VARS = {
    "custom_run_started_at": NOW,
    "disable_dbt_artifacts_autoupload": True,
    "disable_run_results": True,
    "disable_dbt_invocation_autoupload": True,
    "test_sample_row_count": 0,
}
SOME = None


def daily(rows_a_day: str, columns: str = "1 as v", days: int = 30, until: str = "2024-03-15") -> str:
    """Rows spread over each of ``days`` days before ``until``; SQL sees the day d, counted back n, and the row i."""
    return (
        f"select d + to_minutes(cast(1440 * i / ({rows_a_day}) as integer)) as ts, {columns} "
        f"from (select timestamp '{until}' - to_days(cast(k as integer)) as d, k as n from range(1, {days + 1}) r(k)) "
        f"cross join lateral (select unnest(range({rows_a_day})) as i)"
    )


NOISE = "(20 + n % 3)"
SPIKE = f"case when n = 1 then 200 else {NOISE} end"
MISSING = f"case when n = 1 then 0 else {NOISE} end"
TS = {"timestamp_column": "ts"}


def with_missing_day(columns: str = "1 as v") -> str:
    return f"select * from ({daily(NOISE, columns)}) where ts < timestamp '2024-03-14' or ts >= timestamp '2024-03-15'"


def case(name: str, kind: str, sql: str, failures: int | None = 0, /, error: str = "", **arguments: Any) -> Case:
    return Case(name, sql, {f"elementary.{kind}": {**TS, **arguments}}, failures, error)


JUDGED = [
    case("volume_steady", "volume_anomalies", daily(NOISE)),
    case("volume_spike", "volume_anomalies", daily(SPIKE), SOME),
    case("volume_missing_day", "volume_anomalies", with_missing_day(), SOME),
    case("volume_no_variance", "volume_anomalies", daily("20")),
    case("volume_empty", "volume_anomalies", "select timestamp '2024-03-01' as ts, 1 as v where false"),
    case("volume_single_row", "volume_anomalies", "select timestamp '2024-03-01 10:00:00' as ts, 1 as v"),
    case("volume_null_times", "volume_anomalies", daily(NOISE) + " union all select null, 1 from range(500)"),
    case("volume_spike_allowed", "volume_anomalies", daily(SPIKE), anomaly_direction="drop"),
    case("volume_drop_only", "volume_anomalies", with_missing_day(), SOME, anomaly_direction="drop"),
    case("volume_drop_allowed", "volume_anomalies", with_missing_day(), anomaly_direction="spike"),
    case("volume_insensitive", "volume_anomalies", daily(SPIKE), anomaly_sensitivity=4),
    case("volume_old_name_of_sensitivity", "volume_anomalies", daily(SPIKE), sensitivity=4),
    case("volume_spike_filtered", "volume_anomalies", daily(SPIKE, "i as v"), where_expression="v < 20"),
    case(
        "volume_small_change",
        "volume_anomalies",
        daily(SPIKE),
        ignore_small_changes={"spike_failure_percent_threshold": 900},
    ),
    case(
        "volume_large_change",
        "volume_anomalies",
        daily(SPIKE),
        SOME,
        ignore_small_changes={"spike_failure_percent_threshold": 50, "drop_failure_percent_threshold": 50},
    ),
    case("volume_zero", "volume_anomalies", with_missing_day(), SOME, fail_on_zero=True, anomaly_sensitivity=9),
    case("volume_spike_long_ago", "volume_anomalies", daily("case when n = 5 then 200 else 20 + n % 3 end")),
    case(
        "volume_longer_detection",
        "volume_anomalies",
        daily("case when n = 5 then 200 else 20 + n % 3 end", days=40),
        SOME,
        detection_period={"period": "week", "count": 1},
        training_period={"period": "day", "count": 30},
    ),
    case(
        "volume_spike_not_yet_judged", "volume_anomalies", daily(SPIKE), detection_delay={"period": "day", "count": 2}
    ),
    case(
        "volume_two_bad_days_hide",
        "volume_anomalies",
        daily("case when n <= 2 then 200 else 20 + n % 3 end"),
        SOME,
        exclude_detection_period_from_training=True,
    ),
    case(
        "volume_hours",
        "volume_anomalies",
        daily("24 * 5 + case when n = 1 then 5 * 24 * 40 else 0 end", days=5),
        SOME,
        time_bucket={"period": "hour", "count": 4},
        days_back=4,
    ),
    case(
        "volume_weekends",
        "volume_anomalies",
        daily("case when dayofweek(d) in (0, 6) then 1 else 40 + n % 3 end", days=110, until="2024-03-11"),
        seasonality="day_of_week",
        detection_delay={"period": "day", "count": 4},
        anomaly_sensitivity=2.9,
    ),
    case(
        "volume_busy_weekend",
        "volume_anomalies",
        daily(
            "case when n <> 5 and dayofweek(d) in (0, 6) then 1 + n % 2 else 40 + n % 3 end",
            days=110,
        ),
        SOME,
        seasonality="day_of_week",
        detection_delay={"period": "day", "count": 4},
    ),
    case("volume_where_config", "volume_anomalies", daily(SPIKE, "i as v"), config={"where": "v < 20"}),
    case(
        "volume_timestamp_with_zone",
        "volume_anomalies",
        f"select timezone('UTC', ts) as ts from ({daily(SPIKE)})",
        SOME,
    ),
    case("freshness_steady", "freshness_anomalies", daily(NOISE)),
    case("freshness_late", "freshness_anomalies", with_missing_day(), SOME),
    case("freshness_empty", "freshness_anomalies", "select timestamp '2024-03-01' as ts where false"),
    case(
        "dimension_steady",
        "dimension_anomalies",
        daily(NOISE, "case when i % 2 = 0 then 'a' else 'b' end as k"),
        dimensions=["k"],
    ),
    case(
        "dimension_spike_hidden_in_total",
        "dimension_anomalies",
        daily("100", "case when i < case when n = 1 then 60 else 3 + n % 3 end then 'a' else 'b' end as k"),
        SOME,
        dimensions=["k"],
    ),
    case(
        "dimension_hostile_values",
        "dimension_anomalies",
        daily(
            NOISE,
            "case i % 4 when 0 then 'it''s; \"q\"' when 1 then '' when 2 then null else 'größe 🙂' end as k, 1 as v",
        ),
        dimensions=["k", "v"],
    ),
    case("column_steady", "column_anomalies", daily(NOISE, "i as v"), column_name="v", anomaly_sensitivity=5),
    case(
        "column_nulls_appear",
        "column_anomalies",
        daily("100", "case when n = 1 or i < n % 3 then null else i end as v"),
        SOME,
        column_name="v",
        column_anomalies=["null_percent"],
    ),
    case(
        "column_average_jumps",
        "column_anomalies",
        daily("20", "100 + n % 3 + case when n = 1 then 900 else 0 end as v"),
        SOME,
        column_name="v",
        column_anomalies=["average"],
    ),
    case("column_no_variance", "column_anomalies", daily("20", "7 as v"), column_name="v"),
    case(
        "column_decimal_jumps",
        "column_anomalies",
        daily("20", "cast(100 + n % 3 + case when n = 1 then 900 else 0 end as decimal(18, 4)) as v"),
        SOME,
        column_name="v",
        column_anomalies=["average"],
    ),
    case(
        "column_text_lengths",
        "column_anomalies",
        daily("20", "repeat('é', cast(10 + n % 3 + case when n = 1 then 90 else 0 end as integer)) as v"),
        SOME,
        column_name="v",
        column_anomalies=["average_length", "average"],
    ),
    case(
        "column_flags",
        "column_anomalies",
        daily("50", "i < case when n = 1 then 45 else 5 + n % 3 end as v"),
        SOME,
        column_name="v",
    ),
    case(
        "column_by_dimension",
        "column_anomalies",
        daily(
            "40",
            "case when i % 2 = 0 then 'a' else 'b' end as k, 10 + n % 3 + if(n = 1 and i % 2 = 0, 50, 0) as v",
        ),
        SOME,
        column_name="v",
        column_anomalies=["average"],
        dimensions=["k"],
    ),
    case("all_columns_steady", "all_columns_anomalies", daily("20", "7 as v, 'x' as w, true as b")),
    case(
        "all_columns_one_bad",
        "all_columns_anomalies",
        daily("20", "7 as v, 100 + n % 3 + case when n = 1 then 900 else 0 end as w"),
        SOME,
        column_anomalies=["average"],
    ),
    case(
        "all_columns_bad_one_left_out",
        "all_columns_anomalies",
        daily("20", "7 as v, 100 + n % 3 + case when n = 1 then 900 else 0 end as tmp_w"),
        column_anomalies=["average"],
        exclude_prefix="tmp_",
    ),
]

SCHEMA_SQL = "select 1 as id, 'x' as name, 1.5 as amount"
# what happens to the table between the first and the second run, and the number of changes the second run must report
SCHEMA_CHANGES = {
    "schema_same": ("insert into {} values (2, 'y', 2.5)", 0),
    "schema_added": ("alter table {} add column note varchar", 1),
    "schema_removed": ("alter table {} drop column amount", 1),
    "schema_type": ("alter table {} alter column id type varchar", 1),
    "schema_three": ("create or replace table {} as select 'x' as name, '1' as id, true as \"größe's\"", 3),
    "schema_reordered": ("create or replace table {} as select 1.5 as amount, 'x' as name, 1 as id", 0),
}

# What the stand-in refuses in words. (The real package takes the first one: it collects a metric per run then.)
REFUSED = [
    Case("refused_no_timestamp", daily(NOISE), {"elementary.volume_anomalies": {}}, error="timestamp_column is needed"),
    case("refused_direction", "volume_anomalies", daily(NOISE), error="anomaly_direction is", anomaly_direction="up"),
    case(
        "refused_period",
        "volume_anomalies",
        daily(NOISE),
        error="time_bucket.period",
        time_bucket={"period": "year", "count": 1},
    ),
    case("refused_key", "volume_anomalies", daily(NOISE), error="period and count", time_bucket={"size": 1}),
    case("refused_season", "volume_anomalies", daily(NOISE), error="seasonality", seasonality="hour_of_day"),
    case(
        "refused_monitor",
        "column_anomalies",
        daily(NOISE),
        error="unknown monitors",
        column_name="v",
        column_anomalies=["mode"],
    ),
    case("refused_column", "column_anomalies", daily(NOISE), error="no column", column_name="absent"),
    case("refused_no_dimension", "dimension_anomalies", daily(NOISE), error="dimensions is needed"),
]

# The stand-in sees a vanished value in any run; the real package only once earlier runs have stored its metrics.
STAND_IN_ONLY = [
    case(
        "dimension_vanishes",
        "dimension_anomalies",
        "select * from ("
        + daily("40", "case when i < 20 + n % 3 then 1 else 2 end as k")
        + ") where k = 2 or ts < timestamp '2024-03-14'",
        SOME,
        dimensions=["k"],
    ),
    case("volume_short_history", "volume_anomalies", daily(SPIKE), min_training_set_size=20),
]

Run = dict[str, Outcome]


@pytest.fixture(scope="session")
def runs(packages: Path, stand_ins: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Throwaway, list[Run]]:
    """All cases in a first dbt run; then the tables change and the schema tests run twice more."""
    project = Throwaway(tmp_path_factory.mktemp("elementary") / "project", packages, ELEMENTARY_VARS)
    schema = [Case(name, SCHEMA_SQL, {"elementary.schema_changes": {}}) for name in SCHEMA_CHANGES]
    own = REFUSED + STAND_IN_ONLY if packages == stand_ins else []
    project.add_cases(JUDGED + schema + own)
    changes = [sql.format(f"cases.{name}") for name, (sql, _) in SCHEMA_CHANGES.items()]
    tests = ["test", "--select", "package:throwaway"]
    again = ["test", "--select", "test_name:schema_changes"]
    steps = [tests, ["sql", *changes], again, again]
    if packages != stand_ins:  # whose models are the tables that its tests use
        steps.insert(
            0, ["run", "--select", "data_monitoring_metrics", "schema_columns_snapshot", "elementary_test_results"]
        )
    return project, project.run(*steps)[-3:]


@pytest.mark.parametrize("case", JUDGED, ids=lambda case: case.name)
def test_verdict(runs: tuple[Throwaway, list[Run]], case: Case) -> None:
    outcome = runs[1][0][f"test_{case.name}"]
    assert outcome.status == ("pass" if case.failures == 0 else "fail"), outcome.message


@pytest.mark.parametrize("name", SCHEMA_CHANGES)
def test_schema_changes(runs: tuple[Throwaway, list[Run]], name: str) -> None:
    first, second, third = (run[f"test_{name}"] for run in runs[1])
    assert first.status == "pass", "nothing to compare with yet"
    assert second.failures == SCHEMA_CHANGES[name][1], second.message
    assert third.status == "pass", "a change is reported once"


@pytest.mark.parametrize("packages", ["stand-in"], indirect=True)
@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.name)
def test_stand_in_refuses(runs: tuple[Throwaway, list[Run]], case: Case) -> None:
    outcome = runs[1][0][f"test_{case.name}"]
    assert outcome.status == "error" and case.error in outcome.message, outcome


@pytest.mark.parametrize("packages", ["stand-in"], indirect=True)
@pytest.mark.parametrize("case", STAND_IN_ONLY, ids=lambda case: case.name)
def test_stand_in_differs(runs: tuple[Throwaway, list[Run]], case: Case) -> None:
    assert runs[1][0][f"test_{case.name}"].status == ("pass" if case.failures == 0 else "fail")


@pytest.mark.parametrize("packages", ["stand-in"], indirect=True)
def test_stand_in_keeps_only_changes(runs: tuple[Throwaway, list[Run]]) -> None:
    """The baseline grows with a change, not with a run."""
    snapshots = dict(
        runs[0].query(
            "select split_part(relation_name, '.', 3), count(distinct observed_at) "
            "from main_elementary.schema_columns_baseline group by 1"
        )
    )
    assert snapshots == {name: 2 if changes else 1 for name, (_, changes) in SCHEMA_CHANGES.items()}


def test_each_generic_test_can_fail() -> None:
    kinds = {kind for case in JUDGED for kind in case.test}
    assert kinds == {kind for case in JUDGED if case.failures is SOME for kind in case.test}
