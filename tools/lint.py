"""`make lint`: SQL, Python, YAML, generated files and the project's own conventions.

`make lint FILES="a b"` and `make lint CHANGED=1` run the hooks of .pre-commit-config.yaml on some files: seconds, where
sqlfluff on all models takes minutes. CHANGED are new files and those that differ from where the branch left main.
"""

from __future__ import annotations

import argparse
import os
import subprocess
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


EXIT_USAGE = 2


def main(arguments: list[str] | None = None) -> int:
    """Run the linters; returns 0, 1 with findings, or 2 for a base that git does not know."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.lint", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--files", nargs="+", default=[], metavar="FILE", help="only these, as at a commit")
    parser.add_argument("--changed", action="store_true", help="only what differs from the base")
    parser.add_argument("--base", default="main", help="git revision that --changed compares with (main)")
    options = parser.parse_args(arguments)
    if not options.changed and not options.files:
        return everything()
    files = list(options.files)
    if options.changed:
        left = _git("merge-base", "HEAD", options.base)
        if left.returncode:
            told = left.stderr.strip() or "no common history"
            print(f"base {options.base}: {told}. Remedy: name another with BASE=revision", file=sys.stderr)
            return EXIT_USAGE
        files += _git("diff", "--name-only", "--diff-filter=d", left.stdout.strip()).stdout.splitlines()
        files += _git("ls-files", "--others", "--exclude-standard").stdout.splitlines()
    missing = [file for file in files if not Path(file).exists()]
    if missing:
        print(f"{', '.join(missing)}: no such file. Remedy: check the path", file=sys.stderr)
        return EXIT_USAGE
    return some(files)


def some(files: list[str]) -> int:
    """The quick checks of a commit on some files, whatever is staged."""
    if not files:
        print("nothing has changed")
        return 0
    code = subprocess.run([*PYTHON, "pre_commit", "run", "--files", *files], check=False).returncode
    print(f"{len(files)} file(s) checked; what is generated from them, the graph and the rest: make lint")
    return code


def _git(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)


def everything() -> int:
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
