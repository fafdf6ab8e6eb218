"""`make lint`: SQL, Python, YAML, generated files and the project's own conventions."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tools.steps import Step, report, run_lanes

PYTHON = [sys.executable, "-m"]
SQL_FOLDERS = ["models", "snapshots", "tests", "analyses", "seeds", "macros"]
YAML_PATHS = [
    *("contracts", "models", "snapshots", "seeds", "macros", "tests", ".github"),
    *(
        "docs/runbooks",
        "docs/glossary",
        "tools/remedies",
        "dbt_project.yml",
        "profiles.yml",
        "packages.yml",
        "selectors.yml",
        "dbt-bouncer.yml",
    ),
    ".pre-commit-config.yaml",
]


def main() -> int:
    """Run all linters in two lanes: sqlfluff takes as long as the rest together."""
    steps = [
        Step("conventions", [*PYTHON, "tools.conventions"]),
        Step("contracts generated", [*PYTHON, "ingestion", "contracts", "--check"]),
        Step("contracts checked", [*PYTHON, "tools.contracts", "--lint-only"]),
        Step("bouncer", [*PYTHON, "tools.bouncer"]),
        Step("runbooks generated", [*PYTHON, "tools.runbooks", "--check"]),
        Step("ruff", [*PYTHON, "ruff", "check", "."]),
        Step("ruff format", [*PYTHON, "ruff", "format", "--check", "--quiet", "."]),
        Step("yamllint", [*PYTHON, "yamllint", "--strict", *YAML_PATHS]),
    ]
    folders = [folder for folder in SQL_FOLDERS if Path(folder).is_dir()]
    sql = [Step("sqlfluff", [*PYTHON, "sqlfluff", "lint", "--disable-progress-bar", *folders])]
    return report("lint", run_lanes([steps, sql], dict(os.environ)))


if __name__ == "__main__":
    sys.exit(main())
