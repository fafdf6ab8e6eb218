"""`python -m benchmarks`: landing and dbt against bare DuckDB at two sizes of the company, then each way of landing."""

from __future__ import annotations

import argparse
import math
import os
import shutil
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from benchmarks import building, landing, machine, parts, report
from benchmarks.figures import Spread, summarise, with_ratios
from benchmarks.landing import Figures
from benchmarks.process import BenchError
from benchmarks.workspace import LANDED, ROOT, Workspace, company, require_packages
from tools.run import sandbox

EXIT_FAILED = 1
FREE_MIB_A_SCALE = 300
FREE_MIB_OF_FILES = 6000  # the file of 10 million rows, its package and its warehouse
COMPANY = "company"

err = Console(stderr=True, width=None if sys.stderr.isatty() else 140)
out = Console(width=None if sys.stdout.isatty() else 140)


def main(arguments: list[str] | None = None) -> int:
    """Run the bench; returns 0, 1 when something is missing or a measure failed; argparse exits with 2."""
    options = _parser().parse_args(arguments)
    chosen = options.only or [COMPANY, *parts.NAMES]
    scales = (options.scales or ((1.0, 3.0) if options.quick else (1.0, 10.0))) if COMPANY in chosen else ()
    repeats = options.repeat or (1 if options.quick else 3)
    os.chdir(ROOT)
    directory = Path(tempfile.mkdtemp(prefix="strata-bench-"))
    try:
        require_packages()
        _require_space(directory, max(scales, default=0), has_large_file="files" in chosen and not options.quick)
        described = machine.describe()
        by_scale = {scale: measure_scale(Workspace(directory / f"{scale:g}", scale), repeats) for scale in scales}
        figures = parts.measure(chosen, quick=options.quick, say=lambda step: _say("parts", step))
    except BenchError as error:
        err.print(f"[bold red]bench[/]: {error}", soft_wrap=True, highlight=False, markup=True)
        return EXIT_FAILED
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    report.show(by_scale, described, out)
    report.show_parts(figures, out)
    path = report.save(by_scale, described, repeats, report.RESULTS, figures)
    out.print(f"results: {os.path.relpath(path, ROOT)}", highlight=False)
    return 0


def measure_scale(workspace: Workspace, repeats: int) -> dict[str, Spread]:
    """All measures at one scale, each repeat from an empty warehouse on."""
    err.print(f"{workspace.scale:g}x: making the company ...", highlight=False)
    extract = company(workspace.scale)
    found = []
    for number in range(1, repeats + 1):
        word = f"{workspace.scale:g}x" + (f", repeat {number} of {repeats}" if repeats > 1 else "")
        found.append(with_ratios({**measure_landing(workspace, extract, word), **measure_dbt(workspace, word)}))
    return summarise(found)


def measure_landing(workspace: Workspace, extract: Path, word: str) -> Figures:
    """First load, load with nothing new, bare page read, DuckDB's read of the same files."""
    stage = workspace.stage(LANDED)
    with sandbox(str(extract)) as settings:
        if not settings:
            raise BenchError(f"the sandbox did not start on {extract}.\n  remedy: make land shows why.")
        settings = {**settings, "SOURCES__SAP__PAGE_SIZE": "500"}
        _say(word, "first load")
        figures = landing.first_load(stage, settings)
        _say(word, "load with nothing new")
        figures |= landing.second_load(stage, settings)
        _say(word, "bare page read")
        figures |= landing.page_read(stage, settings)
    _say(word, "DuckDB's read of the files")
    return figures | landing.extract_read(stage, extract)


def measure_dbt(workspace: Workspace, word: str) -> Figures:
    """Parse, first and second build, build without tests, and the same SQL in DuckDB, over what has landed."""
    source = workspace.landed.warehouse
    built = workspace.stage("built", copy_of=source)
    _say(word, "dbt parse")
    figures = building.parse(built)
    building.prepare(built)
    _say(word, "dbt build")
    figures |= building.full_build(built)
    building.keep_run_sql(built)
    _say(word, "the same SQL in DuckDB")
    figures |= building.direct_sql(workspace.stage("direct", copy_of=source), built)
    _say(word, "second dbt build")
    figures |= building.second_build(built)
    _say(word, "dbt build without tests")
    models = workspace.stage("models", copy_of=source)
    shutil.copytree(built.target, models.target)
    return figures | building.models_build(models)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        epilog="Results also go to benchmarks/results/<utc time>.json. What is in each figure: docs/benchmarks.md.",
    )
    parser.add_argument(
        "--quick", action="store_true", help="1x and 3x, one repeat, instead of 1x and 10x, three; small parts"
    )
    parser.add_argument("--only", nargs="+", choices=[COMPANY, *parts.NAMES], help="these parts alone")
    parser.add_argument("--repeat", type=_repeat, metavar="N", help="repeats of each measure; medians are reported")
    parser.add_argument("--scales", type=_scale, nargs="+", metavar="X", help="sizes of the company; 1 is 3,000 orders")
    return parser


def _repeat(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is below 1")
    return number


def _scale(text: str) -> float:
    number = float(text)
    if not (math.isfinite(number) and 0.01 <= number <= 100):
        raise argparse.ArgumentTypeError(f"{text} is not between 0.01 and 100")
    return number


def _require_space(directory: Path, scale: float, *, has_large_file: bool) -> None:
    need = max(FREE_MIB_A_SCALE * max(scale, 1), FREE_MIB_OF_FILES if has_large_file else 0)
    free = shutil.disk_usage(directory).free / 2**20
    if free < need:
        raise BenchError(f"{directory.parent}: {free:,.0f} MiB free, about {need:,.0f} needed.\n  remedy: set TMPDIR.")


def _say(word: str, step: str) -> None:
    err.print(f"{word}: {step} ...", highlight=False)


if __name__ == "__main__":
    sys.exit(main())
