"""`make test` and `make test-all`: everything that guards a change, in two lanes for two cores.

One lane lands the sandbox company and builds it on the `ci` target (unit and data tests included), then builds it
twice on the Snowflake emulator, runs the static gate and a part of pytest. The other lints and runs the rest of it.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tools.steps import Outcome, Step, report, run_lanes

PYTHON = [sys.executable, "-m"]
CI_WAREHOUSE = Path("warehouse/ci.duckdb")
COMPANY_SEED = "54535"
_MEMORY, _MEMORY_BYTES = Path("/dev/shm"), 4 << 30  # noqa: S108 - a file system in memory, not a file name to guess
CI_SCALE = "0.05"  # 3,000 customer orders: every kind of record and fault, in seconds


def main() -> int:
    """Run the steps and print one line each; pytest's closing lines come last."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--all", action="store_true", help="also the long soaks and large property runs")
    parser.add_argument("--seed", type=int, default=None, help="seed of the random histories; default is the clock")
    options = parser.parse_args()
    started = time.monotonic()
    seed = options.seed if options.seed is not None else int(time.time()) % 100_000
    print(f"seed {seed}" + (" (repeat with: .venv/bin/python -m tools.test --all --seed N)" if options.all else ""))
    for path in (CI_WAREHOUSE, CI_WAREHOUSE.with_name(CI_WAREHOUSE.name + ".wal")):
        path.unlink(missing_ok=True)  # CI builds from nothing, so that a first run is what is tested
    ci = {
        "STRATA_TARGET": "ci",
        "STRATA_WAREHOUSE": str(CI_WAREHOUSE),
        "DBT_TARGET_PATH": "target/ci",
        "SANDBOX_SCALE": os.environ.get("SANDBOX_SCALE", CI_SCALE),
    }
    marks = [] if options.all else ["-m", "not slow"]
    pytest = [*PYTHON, "pytest", "-q", "--durations=10", "--durations-min=5", *marks]
    with _scratch() as scratch:
        outcomes = _run(options.all, pytest, options.all or options.seed is not None, seed, ci, scratch)
    code = report(f"test: {time.monotonic() - started:.0f} s", outcomes)
    _print_count(outcomes)
    return code


def _run(
    everything: bool, pytest: list[str], drawn: bool, seed: int, ci: dict[str, str], scratch: dict[str, str]
) -> list[Outcome]:
    """Both lanes.

    Args:
        everything: also what `make test-all` adds.
        drawn: whole companies and storms of faults follow the seed; else they have one of their own.
        scratch: environment that says where temporary files go.
    """
    seeded = {"STRATA_SEED": str(seed), **scratch}
    emulated = [] if everything else ["--no-unit-tests"]  # through the emulator they take as long as all the rest of it
    whole_seeded = seeded if drawn else {**seeded, "STRATA_SEED": COMPANY_SEED}
    heavy = ["tests/python/snowflake", "tests/python/packages"]
    around = ["tests/python/tools", "tests/python/quality"]
    whole = [f"tests/python/{name}" for name in ("landing_all", "real_files", "files", "incentive", "emerald")]
    elsewhere = [*heavy, *whole, *around]
    build_lane = [
        Step("land and build (ci)", [*PYTHON, "tools.run", "all"], ci, stop_lane_on_failure=True),
        Step("metrics", [*PYTHON, "tools.metrics", "check"], ci),
        Step("snowflake emulator", [*PYTHON, "tools.snowflake.job", "--raw", str(CI_WAREHOUSE), *emulated]),
        Step("pytest, both dialects", [*pytest, *heavy], seeded),
        Step("pytest, whole loads", [*pytest, *whole], whole_seeded),
        Step("pytest, tools and quality", [*pytest, *around], seeded),
    ]
    check_lane = [
        Step("lint", [*PYTHON, "tools.lint"]),
        Step("pytest, the rest", [*pytest, "tests/python", *(f"--ignore={path}" for path in elsewhere)], seeded),
    ]
    # What a test breaks on purpose is nobody's incident.
    quiet = {name: value for name, value in os.environ.items() if not name.startswith("STRATA_ALERTS_")}
    return run_lanes([build_lane, check_lane], quiet)


@contextmanager
def _scratch() -> Iterator[dict[str, str]]:
    """Environment that puts the tests' thousands of small warehouses into memory, where there is plenty of it.

    Each of them is written, synced and thrown away: on a slow disk that is most of a test's time.
    """
    if not _MEMORY.is_dir() or shutil.disk_usage(_MEMORY).free < _MEMORY_BYTES or not os.access(_MEMORY, os.W_OK):
        yield {}
        return
    with tempfile.TemporaryDirectory(prefix="strata-test-", dir=_MEMORY, ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o1777)  # as /tmp: PostgreSQL, which root starts as nobody, makes and removes its own there
        yield {"TMPDIR": folder}


def _print_count(outcomes: list[Outcome]) -> None:
    passed = sum(outcome.code == 0 for outcome in outcomes)
    print(f"\nsteps: {passed} passed, {len(outcomes) - passed} failed")


if __name__ == "__main__":
    sys.exit(main())
