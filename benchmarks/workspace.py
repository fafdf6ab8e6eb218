"""A temporary place for one size of company: warehouse, dlt state, dbt target. What the project has is not touched."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.process import BenchError, run

ROOT = Path(__file__).resolve().parent.parent
DBT = str(Path(sys.executable).with_name("dbt"))
FILE = "bench.duckdb"  # dbt writes the file's name into its SQL as database, so every copy keeps it
LANDED = "landing"
# Settings of the caller that would lead a measured command to another place.
FOREIGN = ("STRATA_", "DBT_", "SOURCES__", "SAP_DATA", "SANDBOX_", "DESTINATION__")


@dataclass(frozen=True)
class Workspace:
    """Directories of one size of company."""

    directory: Path
    scale: float

    @property
    def landed(self) -> Stage:
        """The stage that the landing wrote."""
        return Stage(self.directory / LANDED)

    def stage(self, name: str, copy_of: Path | None = None) -> Stage:
        """A fresh stage, with a copy of another stage's warehouse file if given."""
        path = self.directory / name
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True)
        if copy_of:
            shutil.copyfile(copy_of, path / FILE)
        return Stage(path)


@dataclass(frozen=True)
class Stage:
    """One warehouse file with the directories that belong to it."""

    directory: Path

    @property
    def warehouse(self) -> Path:
        """The DuckDB file."""
        return self.directory / FILE

    @property
    def target(self) -> Path:
        """dbt's target directory."""
        return self.directory / "target"

    def env(self, more: dict[str, str] | None = None) -> dict[str, str]:
        """Environment of a command that works in this stage only, and reports to nobody."""
        own = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
        return {
            **own,
            "STRATA_WAREHOUSE": str(self.warehouse),
            "STRATA_STATE_DIR": str(self.directory / "dlt"),
            "DBT_TARGET_PATH": str(self.target),
            "DBT_LOG_PATH": str(self.directory / "logs"),
            "DBT_PROFILES_DIR": str(ROOT),
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
            "RUNTIME__DLTHUB_TELEMETRY": "false",
            "DO_NOT_TRACK": "1",
            **(more or {}),
        }


def company(scale: float) -> Path:
    """Directory of the synthetic company as CSV files in SAP table shape; written once and kept. Not measured.

    Raises:
        BenchError: the sandbox does not make a company of that size.
    """
    code = "import sys; from ingestion.sandbox.company import default_company as c; print(c(1, float(sys.argv[1])))"
    done = run([sys.executable, "-c", code, str(scale)], dict(os.environ))
    return Path(done.output.strip().splitlines()[-1]).resolve()


def require_packages() -> None:
    """Check that dbt's packages are there, before minutes are spent on landing.

    Raises:
        BenchError: `make deps` has not run.
    """
    if not (ROOT / "dbt_packages" / "dbt_utils").exists():
        raise BenchError("dbt_packages/ lacks dbt_utils: dbt cannot parse the project.\n  remedy: make deps")


def git_commit() -> str | None:
    """The commit checked out, with `-dirty` where files differ from it; None outside of git."""
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--abbrev=40", "--dirty", "--exclude=*"],
            cwd=ROOT, capture_output=True, text=True, check=True,
        )  # fmt: skip
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()
