"""The stand-ins hold what the project uses of the packages: no less, and for dbt_utils no more."""

from __future__ import annotations

import re
from pathlib import Path

from tools import deps

PROJECT_CODE = ("models", "macros", "tests", "snapshots", "seeds", "analyses")
HELPERS = {"generate_series"}  # what only other macros of the stand-ins call
# Elementary's anomaly tests share their statistics; all are there so that a model can use any of them.
ELEMENTARY_TESTS = {
    "volume_anomalies",
    "freshness_anomalies",
    "column_anomalies",
    "all_columns_anomalies",
    "dimension_anomalies",
    "schema_changes",
}


def used(package: str) -> set[str]:
    """Names behind ``package.`` in the project's SQL and YAML, comments aside."""
    names: set[str] = set()
    for directory in PROJECT_CODE:
        for path in sorted((deps.ROOT / directory).rglob("*")):
            if path.suffix not in {".sql", ".yml", ".yaml"} or "python" in path.relative_to(deps.ROOT).parts:
                continue
            text = re.sub(
                r"\{#.*?#\}|^\s*(--|#).*?$", "", path.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE
            )
            names |= set(re.findall(rf"\b{package}\.(\w+)", text))
    return names


def defined(package: Path) -> set[str]:
    """Macros and generic tests that a package defines, without the implementations that dispatch picks."""
    names: set[str] = set()
    for path in (package / "macros").rglob("*.sql"):
        found = re.findall(r"\{%-?\s*(?:macro|test)\s+(\w+)\s*\(", path.read_text(encoding="utf-8"))
        names |= {name for name in found if not re.match(r"(default|duckdb|snowflake)__", name)}
    return names


def test_dbt_utils_is_exactly_what_the_project_uses(stand_ins: Path) -> None:
    provided = defined(stand_ins / "dbt_utils") - HELPERS
    missing, idle = used("dbt_utils") - provided, provided - used("dbt_utils")
    assert not missing, (
        f"the project uses dbt_utils.{missing}: add them to offline_packages/dbt_utils, with cases in test_dbt_utils.py"
    )
    assert not idle, f"nothing in the project uses dbt_utils.{idle}: remove them from offline_packages/dbt_utils"


def test_helpers_exist(stand_ins: Path) -> None:
    assert defined(stand_ins / "dbt_utils") >= HELPERS


def test_elementary_has_what_the_project_uses(stand_ins: Path) -> None:
    provided = defined(stand_ins / "elementary")
    assert provided >= ELEMENTARY_TESTS
    # empty_* belong to the real package's own tables, which macros/ touches only where those exist
    missing = {name for name in used("elementary") - provided if not name.startswith("empty_")}
    assert not missing, (
        f"the project uses elementary.{missing}, which offline_packages/elementary lacks: see docs/packages.md"
    )
