"""An Airflow 3 example: land, build, look at what is due each night, purge on Sundays, tell who has to know.

Each task is a make target, so that a run by hand and a run by the scheduler are the same. `STRATA_HOME` is the checkout
on the worker; secrets (`STRATA_TOMBSTONE_KEY`, `STRATA_ALERTS_...`) come from the worker's environment and stand in no
DAG. The pool `strata_warehouse` with one slot keeps two writers from the DuckDB file; without it one of them ends with
exit code 75, which BashOperator would count as a failure.
"""

from __future__ import annotations

import os
from datetime import datetime, timedelta

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

HOME = os.environ.get("STRATA_HOME", "/opt/strata")
SETTINGS = {
    "owner": "data-platform",
    "pool": "strata_warehouse",
    "retries": 2,
    "retry_delay": timedelta(minutes=10),
    "execution_timeout": timedelta(hours=3),
}


def make(target: str, *, task_id: str | None = None, **settings: object) -> BashOperator:
    """A task that calls a make target of the checkout."""
    return BashOperator(
        task_id=task_id or target.split()[0], bash_command=f"make {target}", cwd=HOME, append_env=True, **settings
    )


with DAG(
    "strata_nightly", schedule="15 2 * * *", start_date=datetime(2026, 1, 1), catchup=False, max_active_runs=1,
    default_args=SETTINGS,
):  # fmt: skip
    # A source that failed to land must not keep the others' owners from hearing of it: alerts run in any case.
    make("land") >> make("build") >> make("retention") >> make("alerts", trigger_rule="all_done")

with DAG(
    "strata_weekly_purge", schedule="0 4 * * 0", start_date=datetime(2026, 1, 1), catchup=False, max_active_runs=1,
    default_args=SETTINGS,
):  # fmt: skip
    # No retries: a purge that failed in part says so, and somebody looks before it runs again.
    purge = make("purge CONFIRM=yes", task_id="purge", retries=0)
    after = make("retention", trigger_rule="all_done") >> make("anonymity", trigger_rule="all_done")
    purge >> after >> make("alerts", trigger_rule="all_done")
