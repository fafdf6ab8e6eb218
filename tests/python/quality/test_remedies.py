"""Declared remedies: what is due is found, nothing happens unasked, all is logged and done by the real commands."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from support.observed_warehouse import NOW, PlantedWarehouse

from ingestion.cli import main as ingestion
from tools.observed import observed
from tools.remedies.__main__ import DECLARED, declared, main
from tools.remedies.conditions import CONDITIONS

HEADER = (
    "SignUpId;SignedUpAt;Company;Email;Country;Tenant;Channel;Campaign;Status;ActivatedAt;ClientId;AcquisitionCost;"
    "Currency;Comment"
)
LOG = "select remedy, subject, outcome, exit_code from raw_ops.remediations order by started_at"


def line(key: str, country: str = "GB") -> str:
    return f"{key};30.09.2026 12:00:01;Synthetic Client;a@example.com;{country};north;organic;;new;;;12,50;EUR;"


def write(path: Path, *lines: str) -> None:
    path.write_bytes("\r\n".join([HEADER, *lines, ""]).encode("cp1252"))


def rows(path: Path, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(path)) as connection:
        return connection.execute(sql).fetchall()


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the warehouse will be."""
    monkeypatch.setenv("STRATA_WAREHOUSE", str(tmp_path / "w.duckdb"))
    monkeypatch.setenv("STRATA_TARGET", "dev")
    monkeypatch.setenv("DBT_TARGET_PATH", str(tmp_path / "target"))
    return tmp_path / "w.duckdb"


def test_a_late_and_a_corrected_file_and_letters_that_fit_are_landed_when_asked(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    inbox = tmp_path / "crm"
    inbox.mkdir()
    monkeypatch.setenv("SOURCES__CRM__DIRECTORY", str(inbox))
    monkeypatch.setenv("SOURCES__CRM__MAX_REJECT_RATIO", "1")
    write(inbox / "sign_ups_2026-09.csv", line("S1"), line("S2", country="germany"))
    assert ingestion(["load", "crm", "--quiet"]) == 0
    capsys.readouterr()
    assert main([]) == 0
    assert capsys.readouterr().out.count("nothing is due") == 3, "what no contract takes is not tried again"

    write(inbox / "sign_ups_2026-08.csv", line("S0"))
    write(inbox / "sign_ups_2026-09.csv", line("S1"), line("S3"), line("S2", country="germany"))
    assert main([]) == 0
    said = capsys.readouterr().out
    assert (
        "crm: file(s): 1 not landed yet (first sign_ups_2026-08.csv), 1 corrected (first sign_ups_2026-09.csv)" in said
    )
    assert "would run: python -m ingestion load crm --quiet" in said
    keys = "select sign_up_id from raw_crm.sign_ups where not _is_deleted order by all"
    assert rows(place, keys) == [("S1",)], "a dry run changes nothing"
    assert main(["--apply"]) == 0
    assert rows(place, keys) == [("S0",), ("S1",), ("S3",)]
    assert rows(place, LOG) == [
        ("land_late_or_corrected_file", "crm", "planned", None), ("land_late_or_corrected_file", "crm", "done", 0)
    ]  # fmt: skip

    # As after a contract change: the letter's record is one that the contract takes now.
    with duckdb.connect(str(place)) as connection:
        (payload,) = connection.execute("select payload from raw_ops.dead_letters where replayed_at is null").fetchone()
        fitting = json.dumps({**json.loads(payload), "Country": "DE"})
        connection.execute("update raw_ops.dead_letters set payload = ? where replayed_at is null", [fitting])
    capsys.readouterr()
    assert main(["--apply", "--only", "replay_dead_letters"]) == 0
    assert "crm.sign_ups: 1 of 1 dead letter(s) fit the contract as it is now" in capsys.readouterr().out
    assert rows(place, keys) == [("S0",), ("S1",), ("S2",), ("S3",)]
    assert main(["--apply"]) == 0
    assert len(rows(place, LOG)) == 3, "nothing is left to do"


def test_a_window_left_behind_is_found_and_one_on_its_way_is_not(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    planted = PlantedWarehouse(place)
    planted.invocation({"dim_supplier": "success", "fct_unit_profit": "success"})  # two hours ago
    planted.load("sap", "landed", 60)
    assert main(["--only", "rebuild_stale_window"]) == 0
    assert "nothing is due" in capsys.readouterr().out, "landed an hour ago: the build will come"
    planted.run("update raw_dbt_artifacts.invocations set generated_at = generated_at - interval 49 hour")
    assert main(["--only", "rebuild_stale_window"]) == 0
    assert "nothing is due" in capsys.readouterr().out
    planted.run("update raw_ops.loads set finished_at = ?", NOW - timedelta(hours=8))
    assert main(["--only", "rebuild_stale_window"]) == 0
    said = capsys.readouterr().out
    assert "build --select +fct_unit_profit" in said and "lookback_days: 6" in said, (
        "51 hours are three days, and three"
    )
    assert "dim_supplier" not in said, "a table is built whole"
    planted.invocation({"fct_unit_profit": "error"})
    assert main(["--only", "rebuild_stale_window"]) == 0
    assert "fct_unit_profit" in capsys.readouterr().out, "a failed build is none"
    planted.run("update raw_ops.loads set rows_unchanged = rows_good")
    assert main(["--only", "rebuild_stale_window"]) == 0
    assert "nothing is due" in capsys.readouterr().out, "the same rows again change nothing"


def declare(path: Path, **changes: Any) -> Path:
    """A declaration of one harmless remedy for a window left behind."""
    entry = {
        "name": "who", "condition": "windows_left_behind", "means": "m", "is_safe_because": "s",
        "run": ["python", "-m", "tools.on_call", "who", "--day", "2026-11-21"], "good_exit_codes": [0],
        "at_most": {"times": 2, "hours": 24}, "timeout_minutes": 1, **changes,
    }  # fmt: skip
    path.write_text(yaml.safe_dump({"remedies": [entry]}), encoding="utf-8")
    return path


def test_failures_time_outs_and_tries_are_logged_and_end(
    place: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    planted = PlantedWarehouse(place)
    planted.invocation({"fct_unit_profit": "success"})
    planted.load("sap", "landed", 8 * 60)
    planted.run("update raw_dbt_artifacts.invocations set generated_at = generated_at - interval 49 hour")
    good = declare(tmp_path / "good.yml")
    assert main(["--apply"], good) == 0
    bad = declare(tmp_path / "bad.yml", run=["python", "-m", "tools.on_call", "who", "--day", "{model}"])
    assert main(["--apply"], bad) == 1
    assert main(["--apply"], good) == 1, "two tries are over, a failed one counts"
    assert "given up: tried 2 times within 24 hours" in capfd.readouterr().err
    slow = declare(tmp_path / "slow.yml", name="slow", timeout_minutes=0.0001)
    assert main(["--apply"], slow) == 1
    killed = declare(tmp_path / "killed.yml", name="killed", at_most={"times": 1, "hours": 24})
    planted.run("insert into raw_ops.remediations (remedy, subject, outcome, started_at) "
                "values ('killed', 'fct_unit_profit', 'running', now())")  # fmt: skip
    assert main(["--apply"], killed) == 1, "a run that was killed counts as a try"
    assert planted.run(LOG)[:4] == [
        ("who", "fct_unit_profit", "done", 0), ("who", "fct_unit_profit", "failed", 2),
        ("who", "fct_unit_profit", "given up", None), ("slow", "fct_unit_profit", "failed", None),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"condition": "moon_is_full"}, "no condition moon_is_full"),
        ({"run": ["python", "-m", "x", "{source}"]}, "gives no source"),
        ({"run": ["rm", "-rf", "{model}"]}, "python -m"),
        ({"surprise": 1}, "exactly"),
        ({"at_most": {"times": "often", "hours": 1}}, "often"),
    ],
)
def test_a_wrong_declaration_is_refused_before_anything_runs(
    changes: dict[str, Any], word: str, place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    PlantedWarehouse(place, tables=())
    assert main([], declare(tmp_path / "r.yml", **changes)) == 2
    assert word in capsys.readouterr().err


def test_nothing_is_due_in_an_empty_warehouse_and_without_one_it_says_so(place: Path) -> None:
    assert main([]) == 2
    PlantedWarehouse(place, tables=())
    assert main([]) == 0
    with observed(read_only=True) as warehouse:
        assert warehouse.missing(["raw_ops.remediations"]), "nothing to log, nothing written"
    assert main(["--only", "unheard_of"]) == 2


def test_every_condition_is_used_and_every_remedy_says_why_it_is_safe() -> None:
    entries = yaml.safe_load(DECLARED.read_text(encoding="utf-8"))["remedies"]
    assert {remedy.condition for remedy in declared()} == set(CONDITIONS)
    assert all(len(entry["is_safe_because"]) > 20 for entry in entries)
