"""Plan against actual headcount in one step: lands the capacity plan, builds what depends on it, writes the report.

`make capacity` takes the workbooks of the configured directory, or the sandbox's; `make capacity PLAN=book.xlsx` takes
that one workbook. The report goes to reports/capacity_plan.xlsx and .csv. docs/capacity_plan.md is for who reads it.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb

from ingestion.errors import EXIT_NOT_LANDED, EXIT_OK, EXIT_REJECTS, EXIT_USAGE, LockedError
from ingestion.lock import warehouse_lock
from tools.capacity_report import Report, read_report, write_report
from tools.run import ROOT, dbt, default_warehouse, run_module, warehouse

DIRECTORY = "SOURCES__CAPACITY_PLAN__DIRECTORY"
WORKBOOKS = (".xlsx", ".xls", ".xlsm")
SHEETS = 2  # plan and mapping, a dataset each
LOCK_COPY = "~$"  # Excel puts such a file beside a workbook that is open
MODELS = [
    "stg_capacity_plan__planned_headcount", "stg_capacity_plan__capability_mapping", "int_finance__capacity_months",
    "int_finance__capacity_plan_lines", "int_finance__capability_shares", "int_finance__capacity_actuals",
    "int_finance__capacity_issues", "fct_capacity_plan", "rpt_capacity_unmapped",
]  # fmt: skip
WORKERS = "int_people__worker_months"


class PlanError(Exception):
    """The workbook or the warehouse cannot be used; the text says what to do."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns 0, the landing's or dbt's exit code, or 2 for input that cannot be used."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plan", type=Path, help="one workbook; else the configured directory, or the sandbox's")
    parser.add_argument("--out", type=Path, default=Path("reports"), help="directory of the report (reports)")
    options = parser.parse_args(arguments)
    plan = options.plan.expanduser().resolve() if options.plan and str(options.plan) != "." else None
    out = options.out.resolve()
    os.chdir(ROOT)
    os.environ.setdefault("STRATA_WAREHOUSE", str(default_warehouse()))
    started = time.monotonic()
    try:
        check_plan(plan)
        with warehouse_lock(warehouse()):
            os.environ["STRATA_LOCK_HELD"] = str(warehouse().resolve())
            return _run(plan, out, started)
    except PlanError as error:
        print(f"capacity plan: {error}", file=sys.stderr)
        return EXIT_USAGE
    except LockedError as error:
        print(f"{error}", file=sys.stderr)
        return error.exit_code


def check_plan(plan: Path | None) -> None:
    """Refuse what cannot be a workbook before anything starts.

    Raises:
        PlanError: says what to do.
    """
    if "snowflake" in os.environ.get("STRATA_TARGET", ""):
        raise PlanError("the report reads a DuckDB warehouse; unset STRATA_TARGET and try again")
    if plan is None:
        return
    if plan.name.startswith(LOCK_COPY):
        raise PlanError(f"{plan.name} is the mark that Excel sets while a workbook is open. Give the workbook itself")
    if not plan.exists():
        raise PlanError(f"{plan}: no such file. Give the path of the workbook, in quotes if it has blanks")
    if not plan.is_file():
        raise PlanError(f"{plan} is a directory. Give one workbook, or set {DIRECTORY} to take all of it")
    if plan.suffix.lower() not in WORKBOOKS:
        raise PlanError(f"{plan.name} is no Excel workbook. Save it as .xlsx and try again")


def _run(plan: Path | None, out: Path, started: float) -> int:
    with _settings(plan) as settings:
        landed = run_module("ingestion", "load", "capacity_plan", env=settings)
    if landed not in (EXIT_OK, EXIT_REJECTS):
        return landed
    if plan and not _has_landed(plan):
        print(f"capacity plan: {plan.name} was not taken; the reason stands above. No report written.", file=sys.stderr)
        return EXIT_NOT_LANDED
    built = dbt([["build", "--select", *_selection(), "--exclude-resource-type", "unit_test"]])
    if built:
        return built
    with duckdb.connect(str(warehouse()), read_only=True) as connection:
        report = read_report(connection, os.environ.get("STRATA_TARGET", "dev"))
    try:
        paths = write_report(report, out)
    except OSError as error:
        remedy = "Close it in Excel, or give --out"
        raise PlanError(f"the report cannot be written to {out} ({error.strerror}). {remedy}") from error
    _tell(report, plan, paths, time.monotonic() - started)
    return landed


@contextlib.contextmanager
def _settings(plan: Path | None) -> Iterator[dict[str, str]]:
    """Where the landing finds the workbooks. One workbook alone is copied, so that what lies beside it stays out."""
    if plan:
        with tempfile.TemporaryDirectory(prefix="strata-capacity-") as directory:
            try:
                shutil.copyfile(plan, Path(directory) / plan.name)
            except OSError as error:
                raise PlanError(
                    f"{plan.name} cannot be read ({error.strerror}). Close it in Excel and try again"
                ) from error
            yield {DIRECTORY: directory}
    elif is_configured():
        yield {}
    else:
        from ingestion.sandbox.company import default_company  # the generator is loaded only where it is needed

        print("no capacity plan is configured: taking the sandbox's ...", flush=True)
        company = default_company(scale=float(os.environ.get("SANDBOX_SCALE", "1")))
        yield {DIRECTORY: str(company / "files" / "capacity_plan")}


def is_configured() -> bool:
    """Whether the user has a directory of workbooks."""
    files = [ROOT / ".dlt" / name for name in ("config.toml", "secrets.toml")]
    texts = [path.read_text(encoding="utf-8") for path in files if path.exists()]
    return DIRECTORY in os.environ or any("sources.capacity_plan" in text for text in texts)


def _has_landed(plan: Path) -> bool:
    """Whether the landing knows both sheets of this content, from now or from an earlier run."""
    digest = hashlib.sha256(plan.read_bytes()).hexdigest()
    with duckdb.connect(str(warehouse()), read_only=True) as connection:
        found = connection.execute(
            "select count(distinct dataset) from raw_ops.files where source = 'capacity_plan' and sha256 = ?", [digest]
        ).fetchone()
    return bool(found and found[0] == SHEETS)


def _selection() -> list[str]:
    """Only what reads the plan; in a warehouse where the workers were never built, all that stands before it, too."""
    with duckdb.connect(str(warehouse()), read_only=True) as connection:
        found = connection.execute(
            "select count(distinct table_name) from information_schema.tables"
            " where table_name in (?, 'fct_headcount_monthly')",
            [WORKERS],
        ).fetchone()
    if found and found[0] == 2:
        return MODELS
    print("building workers and cost centres first, which this warehouse does not have yet ...", flush=True)
    return ["+fct_capacity_plan", "+rpt_capacity_unmapped", "+fct_headcount_monthly"]


def _tell(report: Report, plan: Path | None, paths: list[Path], seconds: float) -> None:
    if plan and plan.name not in report.workbooks:
        print(f"No month follows {plan.name}: a workbook that starts later, or landed later, plans the same months.")
    if not report.has_workers:
        print("No workers have landed, so nothing is actual yet. Remedy: make run")
    for line in report.headline():
        print(line)
    print(f"Report: {', '.join(str(path) for path in paths)}, {seconds:.0f} s")


if __name__ == "__main__":
    sys.exit(main())
