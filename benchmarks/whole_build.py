"""A production build of the whole project, tests included, against the same SQL run straight in DuckDB, at two sizes.

`python -m benchmarks.whole_build [--scales 1 10]` lands the synthetic company of each size first; that is not measured
and takes most of the time. `--landed FILE FILE` takes warehouses that hold landed companies already.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

import duckdb

from benchmarks import building
from benchmarks.landing import Figures
from benchmarks.process import run
from benchmarks.workspace import ROOT, Workspace, require_packages

# As `make run` builds: unit tests are about code and belong to `make test`.
PRODUCTION = ["--exclude-resource-type", "unit_test"]
SMALL, LARGE = 1.0, 10.0


def whole_build(scales: tuple[float, float], directory: Path, landed: tuple[Path, ...] = ()) -> Figures:
    """Figures of a smaller and a larger company: build, second build, direct SQL, their ratios and their growth."""
    small, large = (
        measure(Workspace(directory / f"{scale:g}", scale), landed[place] if landed else None)
        for place, scale in enumerate(scales)
    )
    grown = {
        "whole_rows_growth": large["rows"] / small["rows"],
        "whole_build_growth": large["build_seconds"] / small["build_seconds"],
        "whole_build_growth_per_rows": (large["build_seconds"] / small["build_seconds"])
        / (large["rows"] / small["rows"]),
    }
    return {
        **{f"whole_small_{name}": value for name, value in small.items()},
        **{f"whole_large_{name}": value for name, value in large.items()},
        **grown,
    }


def measure(workspace: Workspace, landed: Path | None = None) -> Figures:
    """Build from nothing, run the same SQL directly, build again. A warm partial parse, as in a schedule."""
    source = landed or land(workspace)
    built = workspace.stage("built", copy_of=source)
    run([building.DBT, *building.QUIET, "parse"], built.env())
    building.prepare(built)
    figures = building.full_build(built, *PRODUCTION)
    building.keep_run_sql(built)
    figures |= building.direct_sql(workspace.stage("direct", copy_of=source), built)
    figures |= building.second_build(built, *PRODUCTION)
    return {
        **figures,
        "rows": float(landed_rows(source)),
        "build_per_direct": figures["build_seconds"] / figures["direct_seconds"],
        "build_per_direct_cpu": figures["build_cpu_seconds"] / figures["direct_cpu_seconds"],
    }


def land(workspace: Workspace) -> Path:
    """Land the whole company of that size from the sandbox. Not measured."""
    stage = workspace.stage("landing")
    environment = stage.env(
        {"SANDBOX_SCALE": f"{workspace.scale:g}", "STRATA_SANDBOX_DIR": str(stage.directory / "sandbox")}
    )
    run([sys.executable, "-m", "tools.run", "land"], environment, accept=(0, 3))
    return stage.warehouse


def landed_rows(warehouse: Path) -> int:
    """Rows that the loads in a warehouse landed."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        return connection.execute("select sum(rows_good) from raw_ops.loads").fetchall()[0][0]


def main() -> int:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scales", type=float, nargs=2, default=(SMALL, LARGE), metavar="X")
    parser.add_argument("--landed", type=Path, nargs=2, default=(), metavar="FILE")
    options = parser.parse_args()
    os.chdir(ROOT)
    require_packages()
    with tempfile.TemporaryDirectory(prefix="strata-bench-") as directory:
        landed = tuple(path.resolve() for path in options.landed)
        print(json.dumps(whole_build(tuple(options.scales), Path(directory), landed), indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
