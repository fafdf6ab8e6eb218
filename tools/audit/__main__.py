"""dbt-project-evaluator on a copy of the project: exit 0 when clean, 1 with findings, 3 where it cannot be had.

The evaluator adds some fifty relations and needs the real dbt_utils, so it is no package of the project itself: this
builds it in a throw-away project and warehouse, from the dbt hub or the git mirror that DBT_PACKAGES_GIT describes.
What is tolerated stands in dbt_project_evaluator_exceptions.csv beside this file, with the date and the reason.
"""

from __future__ import annotations

import csv
import os
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import duckdb
import yaml
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.cli.main import dbtRunner

from tools.deps import INSTALLERS, DepsError, Package, RouteUnavailable, locked_packages

ROOT = Path(__file__).resolve().parents[2]
EXCEPTIONS = Path(__file__).with_name("dbt_project_evaluator_exceptions.csv")
EVALUATOR = Package("dbt-labs/dbt_project_evaluator", "dbt_project_evaluator", "1.3.2")
COPIED = ("models", "macros", "seeds", "snapshots", "tests", "analyses", "docs", "profiles.yml", "selectors.yml")
UNAVAILABLE = 3
SETTINGS = {
    "models": {
        "dbt_project_evaluator": {"+schema": "evaluator", "+persist_docs": {"relation": False, "columns": False}}
    },
    "seeds": {"dbt_project_evaluator": {"dbt_project_evaluator_exceptions": {"+enabled": False}}},
    "vars": {
        "exclude_packages": ["elementary", "dbt_utils", "dbt_project_evaluator"],
        # rules_hold holds keys; that it names one is for the conventions to check.
        "primary_key_test_macros": [["strata.test_rules_hold"], ["strata.test_rows_conserved"], ["dbt.test_unique"]],
        "marts_prefixes": ["fct_", "dim_", "agg_", "obt_", "rpt_"],
        "intermediate_prefixes": ["int_", "quarantine_"],
        "model_types": ["base", "staging", "intermediate", "marts", "platform", "other"],
        "platform_folder_name": "platform",
        "platform_prefixes": ["fct_", "dim_", "agg_", "rpt_", "int_platform__"],
        "models_fanout_threshold": 30,
        "too_many_joins_threshold": 12,
        "chained_views_threshold": 5,
    },
}
# Facts that list shares, not findings.
MEASURES = {"fct_documentation_coverage", "fct_test_coverage"}


def main() -> int:
    """Install, build, read the findings and print those that no exception covers."""
    broken = exceptions_without_reason()
    if broken:
        print("\n".join(broken))
        return 1
    with tempfile.TemporaryDirectory(prefix="strata-audit-") as directory:
        project = Path(directory)
        try:
            prepare(project)
        except (RouteUnavailable, DepsError) as reason:
            print(f"NOT AUDITED: dbt-project-evaluator is to be had from neither the hub nor a git mirror: {reason}")
            print("Remedy: set DBT_PACKAGES_GIT to a mirror (docs/packages.md), or run where the dbt hub is reachable.")
            return UNAVAILABLE
        if not evaluate(project):
            return 1
        findings = read_findings(project / "audit.duckdb")
    for finding in findings:
        print(finding)
    print(f"dbt-project-evaluator {EVALUATOR.version}: {len(findings)} finding(s), {exception_count()} exception(s)")
    return 1 if findings else 0


def exceptions_without_reason() -> list[str]:
    """Exceptions that do not say since when and why."""
    with EXCEPTIONS.open(encoding="utf-8", newline="") as file:
        return [
            f"{EXCEPTIONS.name}:{number}: say since when and why: 2026-11-21: <reason of at least three words>"
            for number, row in enumerate(csv.DictReader(file), start=2)
            if not re.fullmatch(r"\d{4}-\d\d-\d\d: \S+( \S+){2,}", row["comment"] or "")
        ]


def exception_count() -> int:
    """How many exceptions are listed."""
    return len(EXCEPTIONS.read_text(encoding="utf-8").splitlines()) - 1


def prepare(project: Path) -> None:
    """A copy of the project with the evaluator and the real packages it needs."""
    packages = [*locked_packages(ROOT), EVALUATOR]
    destination = project / "dbt_packages"
    destination.mkdir()
    install(project, packages, destination)
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, project / name, ignore=shutil.ignore_patterns("python"))
        else:
            shutil.copyfile(source, project / name)
    shutil.copyfile(EXCEPTIONS, project / "seeds" / EXCEPTIONS.name)
    settings = yaml.safe_load((ROOT / "dbt_project.yml").read_text(encoding="utf-8"))
    settings["dispatch"] = [{"macro_namespace": "dbt", "search_order": ["strata", "dbt_project_evaluator", "dbt"]}]
    for key, value in SETTINGS.items():
        settings[key] = {**settings.get(key, {}), **value}
    (project / "dbt_project.yml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    asked = {"packages": [{"package": p.package, "version": p.version} for p in packages]}
    (project / "packages.yml").write_text(yaml.safe_dump(asked), encoding="utf-8")


def install(project: Path, packages: list[Package], destination: Path) -> None:
    """The hub first, then the git mirror, as make deps does; there is no stand-in for the evaluator."""
    (project / "packages.yml").write_text(
        yaml.safe_dump({"packages": [{"package": p.package, "version": p.version} for p in packages]})
    )
    (project / "package-lock.yml").write_text(
        yaml.safe_dump({"packages": [{"package": p.package, "name": p.name, "version": p.version} for p in packages]})
    )
    try:
        INSTALLERS["hub"](project, packages, destination)
    except RouteUnavailable as no_hub:
        try:
            INSTALLERS["git"](project, packages, destination)
        except RouteUnavailable as no_mirror:
            raise RouteUnavailable(f"hub: {no_hub}; git: {no_mirror}") from no_mirror


def evaluate(project: Path) -> bool:
    """Build the evaluator's models; what dbt says of a failure is printed."""
    os.environ.update(
        STRATA_WAREHOUSE=str(project / "audit.duckdb"), STRATA_TARGET="dev", DBT_TARGET_PATH=str(project / "target"),
        DBT_LOG_PATH=str(project / "logs"), DBT_SEND_ANONYMOUS_USAGE_STATS="false",
    )  # fmt: skip
    places = ["--project-dir", str(project), "--profiles-dir", str(project), "--quiet", "--no-use-colors"]
    seeds = ["seed", "--select", EXCEPTIONS.stem, *places]
    models = ["run", "--select", "package:dbt_project_evaluator", *places]
    succeeded = all(dbtRunner().invoke(command).success for command in (seeds, models))
    DuckDBConnectionManager.close_all_connections()
    return succeeded


def read_findings(warehouse: Path) -> list[str]:
    """One line for each row of each of the evaluator's fact tables."""
    lines = []
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        names = connection.execute(
            "select table_name from information_schema.tables"
            " where table_schema = 'dev_evaluator' and table_name like 'fct_%' order by 1"
        ).fetchall()
        for (name,) in names:
            if name not in MEASURES:
                lines += [f"{name.removeprefix('fct_')}: {_shown(row)}" for row in _rows(connection, name)]
    return lines


def _rows(connection: duckdb.DuckDBPyConnection, name: str) -> list[dict[str, Any]]:
    cursor = connection.execute(f"select * from dev_evaluator.{name} order by all")
    columns = [column[0] for column in cursor.description]
    return [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]


def _shown(row: dict[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in row.items() if value is not None)


if __name__ == "__main__":
    sys.exit(main())
