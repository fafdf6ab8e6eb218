"""`python -m tools.remedies`: what remedies.yml declares and what is due now; with --apply, do it.

Each look and each try is a row of raw_ops.remediations. Exit codes: 0 nothing due, looked at only, or all went well,
1 a remedy failed or was tried too often, 2 remedies.yml or a setting is wrong, 75 another run holds the warehouse.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from string import Formatter
from typing import Any

import duckdb
import yaml

from ingestion.errors import EXIT_OK, ConfigError, StrataError
from ingestion.lock import warehouse_lock
from ingestion.places import warehouse_path
from tools.observed import observed
from tools.remedies.conditions import CONDITIONS, Due
from tools.run import ROOT, default_warehouse

DECLARED = Path(__file__).with_name("remedies.yml")
KEYS = {"name", "condition", "means", "is_safe_because", "run", "good_exit_codes", "at_most", "timeout_minutes"}
# `running` without an end belongs to a run that was killed: it counts as a try, and the remedy is due again.
LOG = """
create table if not exists raw_ops.remediations (
    remediation_id varchar, remedy varchar, subject varchar, evidence varchar, command varchar, outcome varchar,
    exit_code integer, started_at timestamptz, finished_at timestamptz
)
"""
PLANNED, RUNNING, DONE, FAILED, GIVEN_UP = "planned", "running", "done", "failed", "given up"


@dataclass(frozen=True)
class Remedy:
    """A declared repair."""

    name: str
    condition: str
    means: str
    run: tuple[str, ...]
    good_exit_codes: frozenset[int]
    times: int
    hours: float
    timeout_seconds: float

    def command(self, due: Due) -> list[str]:
        """The command with its arguments, as it is run: no shell reads it."""
        return [part.format(**due.arguments) for part in self.run]


def declared(path: Path = DECLARED) -> list[Remedy]:
    """The remedies.

    Raises:
        ConfigError: the file is no list of them; names the entry.
    """
    try:
        entries = yaml.safe_load(path.read_text(encoding="utf-8"))["remedies"]
        return [_remedy(entry) for entry in entries]
    except (yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        raise ConfigError(f"it cannot be read: {error}.", subject=path.name, remedy="see docs/remedies.md.") from error


def _remedy(entry: Mapping[str, Any]) -> Remedy:
    if set(entry) != KEYS:
        raise ValueError(f"{entry.get('name')} has to have exactly {', '.join(sorted(KEYS))}")
    if entry["condition"] not in CONDITIONS:
        raise ValueError(f"{entry['name']}: there is no condition {entry['condition']}")
    given = CONDITIONS[entry["condition"]][1]
    used = {name for part in entry["run"] for _, name, _, _ in Formatter().parse(part) if name is not None}
    if not used <= given:
        raise ValueError(f"{entry['name']}: its condition gives no {', '.join(sorted(used - given))}")
    if entry["run"][:2] != ["python", "-m"]:
        raise ValueError(f"{entry['name']}: run has to begin with python -m")
    return Remedy(
        entry["name"], entry["condition"], entry["means"], tuple(entry["run"]), frozenset(entry["good_exit_codes"]),
        int(entry["at_most"]["times"]), float(entry["at_most"]["hours"]), 60 * float(entry["timeout_minutes"]),
    )  # fmt: skip


def main(arguments: Sequence[str] | None = None, path: Path = DECLARED) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m tools.remedies", description=__doc__)
    parser.add_argument("--apply", action="store_true", help="run what is due (default: only say it)")
    parser.add_argument("--only", metavar="NAME", help="only this remedy")
    options = parser.parse_args(arguments)
    os.chdir(ROOT)
    os.environ.setdefault("STRATA_WAREHOUSE", str(default_warehouse()))
    try:
        remedies = [remedy for remedy in declared(path) if options.only in (None, remedy.name)]
        if not remedies:
            raise ConfigError(f"there is no remedy {options.only}.", subject="remedies", remedy=f"see {path.name}.")
        with warehouse_lock(warehouse_path()):
            return max([_treat(remedy, apply=options.apply) for remedy in remedies])
    except StrataError as error:
        print(f"{error}", file=sys.stderr)
        return error.exit_code


def _treat(remedy: Remedy, *, apply: bool) -> int:
    """Find what is due; the warehouse is closed while a command runs, because it opens the file itself."""
    now = datetime.now(UTC)
    with observed(read_only=True) as warehouse:
        found = list(CONDITIONS[remedy.condition][0](warehouse, now))
    if not found:
        print(f"{remedy.name}: nothing is due")
    code = EXIT_OK
    for due in found:
        code = max(code, _try(remedy, due, apply=apply))
    return code


def _try(remedy: Remedy, due: Due, *, apply: bool) -> int:
    command, started = remedy.command(due), datetime.now(UTC)
    shown = " ".join(command)
    print(f"{remedy.name}: {due.subject}: {due.evidence}")
    if apply and _tries(remedy, due, started) >= remedy.times:
        print(f"  given up: tried {remedy.times} times within {remedy.hours:g} hours", file=sys.stderr)
        _log(remedy, due, shown, GIVEN_UP, started)
        return 1
    if not apply:
        print(f"  would run: {shown}")
        _log(remedy, due, shown, PLANNED, started)
        return EXIT_OK
    identifier = _log(remedy, due, shown, RUNNING, started)
    print(f"  running: {shown}", flush=True)
    environment = {**os.environ, "STRATA_LOCK_HELD": str(warehouse_path().resolve())}
    try:
        code: int | None = subprocess.run(
            [sys.executable, *command[1:]], env=environment, check=False, timeout=remedy.timeout_seconds
        ).returncode
    except subprocess.TimeoutExpired:
        code = None
    is_good = code in remedy.good_exit_codes
    _finish(identifier, DONE if is_good else FAILED, code)
    ended = f"exit code {code}" if code is not None else "stopped, as it took too long"
    print(f"  {DONE if is_good else FAILED}: {ended}")
    return EXIT_OK if is_good else 1


def _log_open() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(str(warehouse_path()))
    connection.execute("create schema if not exists raw_ops")
    connection.execute(LOG)
    return connection


def _tries(remedy: Remedy, due: Due, now: datetime) -> int:
    with _log_open() as connection:
        rows = connection.execute(
            "select count(*) from raw_ops.remediations where remedy = ? and subject = ? and started_at > ?"
            " and outcome in (?, ?, ?)",
            [remedy.name, due.subject, now - timedelta(hours=remedy.hours), RUNNING, DONE, FAILED],
        ).fetchall()
    return rows[0][0]


def _log(remedy: Remedy, due: Due, command: str, outcome: str, at: datetime) -> str:
    identifier = uuid.uuid4().hex
    with _log_open() as connection:
        connection.execute(
            "insert into raw_ops.remediations values (?, ?, ?, ?, ?, ?, null, ?, ?)",
            [identifier, remedy.name, due.subject, due.evidence, command, outcome, at,
             None if outcome == RUNNING else at],
        )  # fmt: skip
    return identifier


def _finish(identifier: str, outcome: str, code: int | None) -> None:
    with _log_open() as connection:
        connection.execute(
            "update raw_ops.remediations set outcome = ?, exit_code = ?, finished_at = ? where remediation_id = ?",
            [outcome, code, datetime.now(UTC), identifier],
        )


if __name__ == "__main__":
    sys.exit(main())
