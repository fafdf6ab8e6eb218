"""Small dbt projects that live for one test session: the same inputs, once per origin of the packages."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import yaml

ROOT = Path(__file__).resolve().parents[3]
RESULTS = Path("target", "run_results.json")


@dataclass(frozen=True)
class Case:
    """A table (``sql``), one generic test on it, and what the test must say."""

    name: str
    sql: str
    test: dict[str, Any]
    failures: int | None = 0
    """Number of failures; None where only "some" is promised."""
    error: str = ""
    """Part of the message, where the test must refuse its arguments."""


@dataclass
class Outcome:
    """What dbt reported for one node."""

    status: str
    failures: int | None
    message: str


@dataclass
class Throwaway:
    """A dbt project in ``root`` with its own DuckDB file and the packages of one origin."""

    root: Path
    packages: Path
    vars: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.root.mkdir(parents=True, exist_ok=True)
        shutil.copytree(
            self.packages, self.root / "dbt_packages", ignore=shutil.ignore_patterns(".git", "integration_tests")
        )
        shutil.copyfile(ROOT / "packages.yml", self.root / "packages.yml")  # dbt counts what it lists
        project = {
            "name": "throwaway",
            "version": "1.0.0",
            "config-version": 2,
            "profile": "throwaway",
            "flags": {"send_anonymous_usage_stats": False},
            "models": {"throwaway": {"+materialized": "view"}, "elementary": {"+schema": "elementary"}},
            "vars": self.vars,
        }
        target = {
            "type": "duckdb",
            "path": str(self.database),
            "schema": "main",
            "threads": 2,
            "settings": {"TimeZone": "UTC"},
        }
        self.write("dbt_project.yml", yaml.safe_dump(project))
        self.write("profiles.yml", yaml.safe_dump({"throwaway": {"target": "dev", "outputs": {"dev": target}}}))

    @property
    def database(self) -> Path:
        return self.root / "throwaway.duckdb"

    def write(self, path: str, text: str) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def add_cases(self, cases: list[Case]) -> None:
        """Each case's table as a source made here, so that dbt has only the tests to run."""
        tables = []
        for case in cases:
            (kind, arguments), *_ = case.test.items()
            arguments = dict(arguments)
            config = {"config": arguments.pop("config")} if "config" in arguments else {}
            column = arguments.pop("column_name", None)
            test = {kind: {"name": f"test_{case.name}", "arguments": arguments, **config}}
            tests: dict[str, Any] = {"data_tests": [test]}
            if column:
                quoted = column.startswith('"')
                tests = {"columns": [{"name": column.strip('"'), "quote": quoted, "data_tests": [test]}]}
            tables.append({"name": case.name, **tests})
        sources = {"version": 2, "sources": [{"name": "cases", "schema": "cases", "tables": tables}]}
        self.write("models/cases.yml", yaml.safe_dump(sources, allow_unicode=True))
        self.execute("create schema cases", *(f"create table cases.{case.name} as {case.sql}" for case in cases))

    def execute(self, *statements: str) -> None:
        """Run SQL in the project's DuckDB file, outside dbt."""
        with duckdb.connect(str(self.database)) as connection:
            for statement in statements:
                connection.execute(statement)

    def run(self, *steps: list[str]) -> list[dict[str, Outcome]]:
        """Take the steps, dbt commands and ["sql", ...] statements, in one process of their own: dbt's start is slow.

        Returns the outcomes by node name for each dbt command. A command that breaks off raises with dbt's output.
        """
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("DBT_", "STRATA_"))}
        command = [sys.executable, __file__, json.dumps([*steps]), str(self.database)]
        run = subprocess.run(
            command, cwd=self.root, env=environment, capture_output=True, text=True, timeout=600, check=False
        )
        self.output = run.stdout + run.stderr
        if run.returncode != 0:
            raise AssertionError(f"{steps} broke off:\n{self.output[-4000:]}")
        return [
            {name: Outcome(*outcome) for name, outcome in json.loads(file.read_text(encoding="utf-8")).items()}
            for file in (self.root / f"outcomes_{number}.json" for number, step in enumerate(steps) if step[0] != "sql")
        ]

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows from the project's DuckDB file."""
        with duckdb.connect(str(self.database), read_only=True) as connection:
            return connection.execute(sql).fetchall()


def _take_steps(steps: list[list[str]], database: str) -> int:
    """Run in the process that Throwaway.run starts: writes outcomes_<step>.json for each dbt command."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.cli.main import dbtRunner

    for number, step in enumerate(steps):
        if step[0] == "sql":
            with duckdb.connect(database) as connection:
                for statement in step[1:]:
                    connection.execute(statement)
            continue
        RESULTS.unlink(missing_ok=True)
        result = dbtRunner().invoke(["--no-use-colors", *step])
        DuckDBConnectionManager.close_all_connections()  # a profile can have settings that this process has not
        if result.exception is not None or not RESULTS.exists():
            print(result.exception, file=sys.stderr)
            return 1
        outcomes = {}
        for entry in json.loads(RESULTS.read_text(encoding="utf-8"))["results"]:
            message = entry.get("message") or ""
            outcomes[entry["unique_id"].split(".")[2]] = [entry["status"], entry.get("failures"), message]
        Path(f"outcomes_{number}.json").write_text(json.dumps(outcomes), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(_take_steps(json.loads(sys.argv[1]), sys.argv[2]))
