"""Run dbt on both targets at once and read back what it built."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from tools.snowflake.compare import Window, utc

_ROOT = Path(__file__).resolve().parents[2]
_COMPARED_KINDS = ("model", "snapshot", "seed")
_FAILED = ("error", "fail", "runtime error", "partial success")


class BuildFailed(RuntimeError):
    """dbt failed on a target; the message names the nodes."""


@dataclass(frozen=True)
class Target:
    """A dbt target with artefacts and environment of its own."""

    label: str
    name: str
    folder: Path
    environment: dict[str, str]

    @property
    def artefacts(self) -> Path:
        """Where dbt writes manifest.json, run_results.json and the compiled SQL."""
        return self.folder / "target"

    @property
    def output(self) -> Path:
        """What dbt printed."""
        return self.folder / "output.txt"

    def failures(self) -> str:
        """The nodes that failed in the last run, one a line; dbt's last lines when it did not come that far."""
        results = self.artefacts / "run_results.json"
        if results.exists():
            rows = json.loads(results.read_text())["results"]
            failed = [f"{row['unique_id']}: {row['message']}" for row in rows if row["status"] in _FAILED]
            if failed:
                return "\n".join(failed)
        return "\n".join(self.output.read_text().splitlines()[-20:])

    def executed(self) -> dict[str, int]:
        """How many nodes ended in each status in the last run."""
        rows = json.loads((self.artefacts / "run_results.json").read_text())["results"]
        counts: dict[str, int] = {}
        for row in rows:
            counts[row["status"]] = counts.get(row["status"], 0) + 1
        return counts

    def manifest(self) -> dict[str, Any]:
        """dbt's manifest of the last run, with the SQL compiled in it."""
        return json.loads((self.artefacts / "manifest.json").read_text())

    def relations(self) -> dict[str, str]:
        """The project's tables and views by dbt's unique id, as this target names them."""
        manifest = self.manifest()
        project = manifest["metadata"]["project_name"]
        return {
            key: node["relation_name"]
            for key, node in manifest["nodes"].items()
            if node["resource_type"] in _COMPARED_KINDS
            and node["package_name"] == project
            and node["config"]["materialized"] != "ephemeral"
        }


class DbtProcess:
    """A dbt worker for one target, started at once so that its imports overlap with other work."""

    def __init__(self, target: Target) -> None:
        self.target = target
        target.folder.mkdir(parents=True, exist_ok=True)
        environment = {
            **os.environ,
            "DBT_PROFILES_DIR": str(_ROOT),
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
            "DO_NOT_TRACK": "1",
            "DBT_TARGET": target.name,
            "DBT_TARGET_PATH": str(target.artefacts),
            "DBT_LOG_PATH": str(target.folder),
            "DBT_USE_COLORS": "false",
            **target.environment,
        }
        with target.output.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tools.snowflake.dbt_worker"],
                cwd=_ROOT,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
                text=True,
            )

    def send(self, arguments: Sequence[str]) -> None:
        """Start a command; `answer` waits for it."""
        (self.target.artefacts / "run_results.json").unlink(missing_ok=True)
        with suppress(BrokenPipeError):  # a process that has ended is reported by `answer`
            self._process.stdin.write(json.dumps(list(arguments)) + "\n")
            self._process.stdin.flush()

    def answer(self, label: str) -> Window:
        """Wait for the command; when it ran, or BuildFailed."""
        line = self._process.stdout.readline()
        if not line:
            raise BuildFailed(f"dbt on {self.target.label} ended during {label}:\n{self.target.failures()}")
        told = json.loads(line)
        if not told["success"]:
            reason = told["exception"] or self.target.failures()
            raise BuildFailed(f"dbt failed on {self.target.label} during {label}:\n{reason}")
        started, finished = (utc(datetime.fromisoformat(told[name])) for name in ("started", "finished"))
        return Window(f"during {label}", started, finished)

    def stop(self) -> None:
        """End the process, also in the middle of a command."""
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()
        with suppress(BrokenPipeError):
            self._process.stdin.close()


@contextmanager
def dbt_processes(targets: Sequence[Target]) -> Iterator[list[DbtProcess]]:
    """One dbt process for each target; all are ended on leaving."""
    processes: list[DbtProcess] = []
    try:
        processes += (DbtProcess(target) for target in targets)
        yield processes
    finally:
        for process in processes:
            process.stop()


def run_all(processes: Sequence[DbtProcess], arguments: Sequence[str], label: str) -> dict[str, Window]:
    """Run the same dbt command on every target in parallel; each one's time window by target, or BuildFailed."""
    for process in processes:
        process.send(arguments)
    windows: dict[str, Window] = {}
    failures: list[str] = []
    for process in processes:
        try:
            windows[process.target.label] = process.answer(label)
        except BuildFailed as error:
            failures.append(str(error))
    if failures:
        raise BuildFailed("\n".join(failures))
    return windows
