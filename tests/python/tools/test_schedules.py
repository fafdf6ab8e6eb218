"""The schedules in deploy/ compile and call make targets that exist."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import pytest

ROOT = Path(__file__).resolve().parents[3]
DAG_FILE = ROOT / "deploy" / "airflow" / "strata_dag.py"
CRON_FILE = ROOT / "deploy" / "cron" / "strata.cron"
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
CALL = re.compile(r"\bmake ([a-z-]+)((?: [A-Z_]+=\S+)*)")


class Task:
    """Airflow's BashOperator as far as the example uses it."""

    made: ClassVar[list[Task]] = []

    def __init__(self, *, task_id: str, bash_command: str, cwd: str, append_env: bool, **settings: Any) -> None:
        self.task_id, self.command, self.settings, self.after = task_id, bash_command, settings, []
        self.dag = Dag.open
        Task.made.append(self)

    def __rshift__(self, other: Task) -> Task:
        other.after.append(self.task_id)
        return other


class Dag:
    """Airflow's DAG as far as the example uses it."""

    open = ""

    def __init__(self, name: str, **settings: Any) -> None:
        self.name, self.settings = name, settings

    def __enter__(self) -> None:
        Dag.open = self.name

    def __exit__(self, *_: object) -> None:
        Dag.open = ""


@pytest.fixture
def tasks(monkeypatch: pytest.MonkeyPatch) -> dict[tuple[str, str], Task]:
    """The example's tasks by DAG and name, run against the few names of Airflow that it imports."""
    modules = {
        "airflow.sdk": {"DAG": Dag},
        "airflow.providers.standard.operators.bash": {"BashOperator": Task},
    }
    for name, contents in modules.items():
        parts = name.split(".")
        for size in range(1, len(parts) + 1):
            path = ".".join(parts[:size])
            monkeypatch.setitem(sys.modules, path, sys.modules.get(path) or ModuleType(path))
        vars(sys.modules[name]).update(contents)
    Task.made.clear()
    exec(compile(DAG_FILE.read_text(encoding="utf-8"), str(DAG_FILE), "exec"), {"__name__": "strata_dag"})  # noqa: S102
    return {(task.dag, task.task_id): task for task in Task.made}


def unknown(text: str) -> list[str]:
    """Make targets and variables in a text that the Makefile does not know."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    found = [target for target, _ in CALL.findall(text) if target not in TARGETS]
    given = [pair.split("=")[0] for _, pairs in CALL.findall(text) for pair in pairs.split()]
    return found + [name for name in given if f"$({name})" not in makefile]


def test_the_dag_calls_targets_that_exist_in_order(tasks: dict[tuple[str, str], Task]) -> None:
    assert [task.command for task in tasks.values() if unknown(task.command)] == []
    assert all(CALL.fullmatch(task.command) for task in tasks.values())
    assert {name: task.after for (dag, name), task in tasks.items() if dag == "strata_nightly"} == {
        "land": [], "build": ["land"], "retention": ["build"], "alerts": ["retention"],
    }  # fmt: skip
    assert tasks["strata_weekly_purge", "purge"].command == "make purge CONFIRM=yes"
    assert tasks["strata_weekly_purge", "purge"].settings["retries"] == 0
    weekly = [task for (dag, _), task in tasks.items() if dag == "strata_weekly_purge"]
    assert {task.task_id for task in weekly if task.settings.get("trigger_rule") == "all_done"} == {
        "retention", "anonymity", "alerts",
    }  # fmt: skip


def test_cron_calls_targets_that_exist() -> None:
    lines = [line for line in CRON_FILE.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    jobs = [line for line in lines if not re.match(r"[A-Z]+=", line)]
    assert len(jobs) == 2
    for job in jobs:
        assert re.match(r"[\d*]+ [\d*]+ \* \* [\d*]+ +cd \"\$STRATA\" && ", job), job
        assert CALL.findall(job)
        assert unknown(job) == []
    assert "make purge CONFIRM=yes" in jobs[1]


def test_a_target_that_is_gone_is_noticed() -> None:
    assert unknown("make purge CONFIRM=yes; make nothing WHY=not") == ["nothing", "WHY"]
