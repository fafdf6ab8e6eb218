"""Quarantine conserves rows: whatever rules and rows, each row is good or quarantined, once, under the right codes."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.cli.main import dbtRunner
from harness import ROOT
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as hypothesis_seed
from hypothesis import strategies as st

SEED = int(os.environ.get("STRATA_SEED", "1"))
SEVERITIES = ("critical", "error", "warn")
# A condition in SQL, and what it comes to for a row (a, b, s); None where SQL says null.
Row = tuple[int | None, int | None, str | None]
CONDITIONS: dict[str, Any] = {
    "a > 0": lambda a, b, s: None if a is None else a > 0,
    "a <= b": lambda a, b, s: None if a is None or b is None else a <= b,
    "a is not null": lambda a, b, s: a is not None,
    "b is null or b <> 3": lambda a, b, s: b is None or b != 3,
    "s like '%x%'": lambda a, b, s: None if s is None else "x" in s,
    "s <> '' and a < 4": lambda a, b, s: _and(None if s is None else s != "", None if a is None else a < 4),
    "a in (1, 2, null)": lambda a, b, s: True if a in (1, 2) else None,
    "10 / nullif(b, 0) > 2": lambda a, b, s: None if not b else 10 / b > 2,
    "true": lambda a, b, s: True,
    "false": lambda a, b, s: False,
    "cast(null as boolean)": lambda a, b, s: None,
}
MODEL = """with input_rows as (select * from raw_rows.landed_{number}),
final as ({{{{ evaluate_rules('input_rows') }}}})
select * from final
"""
EVALUATIONS = re.compile(r"coalesce\(\((?P<holds>.*?)\), false\) then '' else '(?P<code>[A-Z0-9_]+) ' end", re.DOTALL)


def _and(one: bool | None, other: bool | None) -> bool | None:
    if one is False or other is False:
        return False
    return None if one is None or other is None else True


rules = st.lists(st.tuples(st.sampled_from(sorted(CONDITIONS)), st.sampled_from(SEVERITIES)), min_size=1, max_size=7)
rows = st.lists(
    st.tuples(
        st.none() | st.integers(-2, 5), st.none() | st.integers(0, 5), st.none() | st.text("x 'y\\;%", max_size=4)
    ),
    max_size=30,
)
cases = st.lists(st.tuples(rules, rows), min_size=25, max_size=25)


def verdict(number: int, chosen: list[tuple[str, str]], row: Row) -> tuple[Any, ...]:
    """Naively: key, reason codes, warning codes, severity."""
    broken = [
        (severity, f"RULE_{place}")
        for place, (holds, severity) in enumerate(chosen)
        if CONDITIONS[holds](*row) is not True
    ]
    reasons = [code for wanted in ("critical", "error") for severity, code in broken if severity == wanted]
    warnings = [code for severity, code in broken if severity == "warn"]
    worst = next((severity for severity in SEVERITIES if severity in [found for found, _ in broken]), None)
    return number, " ".join(reasons) or None, " ".join(warnings) or None, worst


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A throw-away project with nothing but the real quarantine macros."""
    root = tmp_path_factory.mktemp("quarantine_project")
    shutil.copytree(ROOT / "macros/quarantine", root / "macros")
    (root / "models").mkdir()
    (root / "dbt_project.yml").write_text(yaml.safe_dump({"name": "strata", "profile": "p", "config-version": 2}))
    output = {"type": "duckdb", "path": str(root / "q.duckdb"), "schema": "built", "threads": 2}
    (root / "profiles.yml").write_text(yaml.safe_dump({"p": {"target": "t", "outputs": {"t": output}}}))
    return root


def run_dbt(root: Path) -> dict[str, str]:
    """Run all models; returns the compiled SQL by model."""
    environment = {"DBT_TARGET_PATH": str(root / "target"), "DBT_LOG_PATH": str(root / "logs")}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        try:
            done = dbtRunner().invoke(
                [
                    "run",
                    "--quiet",
                    "--no-send-anonymous-usage-stats",
                    "--project-dir",
                    str(root),
                    "--profiles-dir",
                    str(root),
                ]
            )
        finally:
            DuckDBConnectionManager.close_all_connections()
    assert done.exception is None, done.exception
    if not done.success:
        raise ValueError("\n".join(str(result.message) for result in done.result.results))
    return {result.node.name: result.node.compiled_code for result in done.result.results}


def check(root: Path, drawn: list[tuple[list[tuple[str, str]], list[Row]]]) -> None:
    """One dbt run over many rule sets, each against the oracle."""
    models = []
    for stale in (root / "models").glob("judged_*.sql"):
        stale.unlink()
    with duckdb.connect(str(root / "q.duckdb")) as connection:
        connection.execute("create schema if not exists raw_rows")
        for number, (chosen, table) in enumerate(drawn):
            connection.execute(f"create or replace table raw_rows.landed_{number} (id int, a int, b int, s varchar)")
            if table:
                values = [(place, *row) for place, row in enumerate(table)]
                connection.executemany(f"insert into raw_rows.landed_{number} values (?, ?, ?, ?)", values)
            entries = [
                {"code": f"RULE_{place}", "severity": severity, "holds": holds, "means": "It is wrong."}
                for place, (holds, severity) in enumerate(chosen)
            ]
            models.append(
                {"name": f"judged_{number}", "config": {"materialized": "table", "meta": {"quarantine_rules": entries}}}
            )
            (root / f"models/judged_{number}.sql").write_text(MODEL.format(number=number))
    (root / "models/models.yml").write_text(yaml.safe_dump({"version": 2, "models": models}))
    compiled = run_dbt(root)
    with duckdb.connect(str(root / "q.duckdb")) as connection:
        for number, (chosen, table) in enumerate(drawn):
            found = connection.execute(
                f"select id, reason_codes, warning_codes, severity from built.judged_{number} order by id"
            ).fetchall()
            assert found == [verdict(place, chosen, row) for place, row in enumerate(table)], chosen
            good, quarantined = connection.execute(
                f"select count(*) filter (reason_codes is null), count(*) filter (reason_codes is not null) "
                f"from built.judged_{number}"
            ).fetchone()
            assert good + quarantined == len(table)
            columns = [row[0] for row in connection.execute(f"describe built.judged_{number}").fetchall()]
            assert columns == ["id", "a", "b", "s", "reason_codes", "warning_codes", "severity"]
            evaluated = [match["code"] for match in EVALUATIONS.finditer(compiled[f"judged_{number}"])]
            assert sorted(evaluated) == sorted(f"RULE_{place}" for place in range(len(chosen))), "each rule once"


def conserve(root: Path, examples: int) -> None:
    @hypothesis_seed(SEED)
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(cases)
    def holds(drawn: list[tuple[list[tuple[str, str]], list[Row]]]) -> None:
        check(root, drawn)

    holds()


def test_quarantine_conserves_rows(project: Path) -> None:
    conserve(project, 2)


@pytest.mark.slow
def test_quarantine_conserves_rows_of_many_rule_sets(project: Path) -> None:
    conserve(project, 40)


def test_every_condition_in_every_severity(project: Path) -> None:
    table = [(a, b, s) for a in (None, -1, 0, 1, 4) for b in (None, 0, 3, 5) for s in (None, "", "x", "' or 1=1 --")]
    drawn = [([(holds, severity) for holds in sorted(CONDITIONS)], table) for severity in SEVERITIES]
    check(
        project,
        [*drawn, ([("false", "warn"), ("false", "error"), ("false", "critical")], table), ([("true", "warn")], [])],
    )


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"severity": "fatal"}, "severity is critical, error or warn"),
        ({"code": "lower case"}, "give it a code in capitals"),
        ({"holds": ""}, "give under holds the condition"),
        ({"means": ""}, "say under means"),
        (None, "has no rules"),
    ],
)
def test_a_rule_that_is_not_whole_stops_the_build(
    tmp_path: Path, project: Path, rule: dict[str, str] | None, message: str
) -> None:
    root = tmp_path / "broken"
    shutil.copytree(project, root, ignore=shutil.ignore_patterns("target", "logs", "q.duckdb*", "judged_*"))
    profile = (root / "profiles.yml").read_text().replace(str(project), str(root))
    (root / "profiles.yml").write_text(profile)
    whole = {"code": "RULE", "severity": "error", "holds": "true", "means": "It is wrong."}
    meta = {"quarantine_rules": [{**whole, **rule}]} if rule is not None else {}
    entry = {"name": "judged_0", "config": {"meta": meta}}
    (root / "models/models.yml").write_text(yaml.safe_dump({"version": 2, "models": [entry]}))
    (root / "models/judged_0.sql").write_text(MODEL.format(number=0))
    with pytest.raises(ValueError, match=message):
        run_dbt(root)
