"""Loads of the Workday source through the real protocol: full reports turned into changes."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from support.workday_tenant import WORKER_KEYS, expense, worker

from ingestion import runner
from ingestion.errors import ConfigError, SourceError
from ingestion.sources.workday import WorkdayReader

COUNTS = """
select dataset, rows_read, rows_good, rows_rejected, rows_unchanged, rows_deleted from raw_ops.loads
qualify row_number() over (partition by dataset order by finished_at desc) = 1
"""
TABLES = ("workers", "travel_expenses", "journal_lines")


def load():
    return runner.load(WorkdayReader.from_config())


def landed(rows):
    return {row[0]: row[1:] for row in rows(COUNTS)}


def content(rows):
    return {
        name: rows(f"select * exclude (_landed_at, _source_ref, _dlt_load_id) from raw_workday.{name} order by all")
        for name in TABLES
    }


def test_a_first_load_lands_every_entry_and_a_second_one_nothing(tenant, rows):
    assert load().exit_code == 0
    assert landed(rows) == {
        "workers": (20, 20, 0, 0, 0),
        "travel_expenses": (10, 10, 0, 0, 0),
        "journal_lines": (10, 10, 0, 0, 0),
    }
    today = datetime.now(UTC).date()
    for table in TABLES:
        complete = rows(
            f"select count(*) from raw_workday.{table} where length(_row_hash) = 64 and not _is_deleted and"
            f" _source_ref like 'customreport2/strata/isu_strata/%As_Of_Date={today}-00%#%'"
        )
        assert complete == rows(f"select count(*) from raw_workday.{table}"), table
    assert rows("select cost_center, company, annual_base_pay_amount, termination_date from raw_workday.workers"
                " where employee_id = 'W00003'") == [("CC130", "GB10", 41250.5, None)]  # fmt: skip
    assert rows("select distinct cursor_to from raw_ops.loads") == [(str(today),)]
    before, landed_at = content(rows), rows("select max(_landed_at) from raw_workday.workers")
    requests = len(tenant.requests)
    assert load().exit_code == 0
    assert content(rows) == before
    assert rows("select max(_landed_at) from raw_workday.workers") == landed_at, "unchanged rows were written again"
    assert landed(rows)["workers"] == (20, 20, 0, 20, 0)
    assert len(tenant.requests) - requests == 3


def test_a_full_report_becomes_changes_with_their_day(tenant, app, settings, rows):
    settings(tenant, as_of_date="2026-09-29")
    load()
    app.delete("Workers", {"Employee_ID": "W00002"})  # rescinded
    app.upsert("Workers", WORKER_KEYS, worker(3, Job_Profile="Category Manager"))
    app.upsert("Workers", WORKER_KEYS, worker(4, "2027-01-01", Worker_Status="Terminated"))
    settings(tenant, as_of_date="2026-09-30")
    assert load().exit_code == 0
    changes = "select record_key, change, as_of::varchar from raw_ops.row_changes where dataset = 'workers' order by 1"
    second = [
        ("W00002/2025-01-01", "deleted", "2026-09-30"),
        ("W00003/2025-01-01", "changed", "2026-09-30"),
        ("W00004/2027-01-01", "added", "2026-09-30"),
    ]
    assert rows(changes) == second
    assert rows("select employee_id from raw_workday.workers where _is_deleted") == [("W00002",)]
    assert landed(rows)["workers"] == (20, 20, 0, 18, 1)
    app.upsert("Workers", WORKER_KEYS, worker(2))
    assert load().exit_code == 0
    assert [row[1] for row in rows(changes) if row[0] == "W00002/2025-01-01"] in (
        ["deleted", "reappeared"],
        ["reappeared", "deleted"],
    )
    assert app.as_of_dates[-1] == "2026-09-30-00:00"
    settings(tenant, as_of_date="2026-09-28")
    with pytest.raises(ConfigError, match="2026-09-30 has landed already"):
        load()


@pytest.mark.parametrize("kept", [0, 15])
def test_a_report_that_shrinks_too_much_lands_nothing(tenant, app, rows, kept):
    load()
    app.upsert("Travel_Expenses", ("Expense_Report",), expense(50))
    for number in range(kept + 1, 21):
        app.delete("Workers", {"Employee_ID": f"W{number:05}"})
    with pytest.raises(SourceError, match=rf"delivers {kept} keys and lacks {20 - kept} of the 20") as raised:
        load()
    assert "SOURCES__WORKDAY__MAX_SHRINK_RATIO" in raised.value.remedy
    assert raised.value.subject == "workday.workers"
    assert rows("select count(*) from raw_workday.workers where _is_deleted") == [(0,)]
    assert rows("select count(*) from raw_workday.travel_expenses") == [(10,)], "nothing of the run may land"


def test_a_column_that_leaves_the_report_is_logged(tenant, app, rows):
    load()
    for entry in app.documents("Workers"):
        app.upsert("Workers", WORKER_KEYS, {name: value for name, value in entry.items() if name != "Date_of_Birth"})
    load()
    assert rows("select table_name, column_name, change from raw_ops.schema_changes") == [
        ("raw_workday.workers", "date_of_birth", "removed")
    ]


def test_a_new_column_lands_as_text(tenant, app, rows):
    app.upsert("Workers", WORKER_KEYS, worker(1, Work_Shift=[{"Descriptor": "Night"}], Skills=["a", "b"]))
    assert load().exit_code == 0
    assert rows("select work_shift, skills from raw_workday.workers where employee_id = 'W00001'") == [
        ("Night", '["a", "b"]')
    ]
