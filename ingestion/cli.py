"""Command line of the landing: `python -m ingestion --help`."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table

from ingestion.errors import EXIT_OK, ConfigError, DestinationError, NotConfiguredError, StrataError

EXIT_CODES = """exit codes:
  0   done
  1   a source or the warehouse failed: nothing of that run was landed, the next one starts from the same point
  2   wrong arguments, missing settings or a broken contract
  3   landed, but more records than max_reject_ratio went to the dead letters, or a whole file was refused
  75  another run holds the warehouse"""

out = Console(width=None if sys.stdout.isatty() else 140)
err = Console(stderr=True, width=None if sys.stderr.isatty() else 140)


def main(argv: list[str] | None = None) -> int:
    """Run a command and return its exit code."""
    parser = _parser()
    options = parser.parse_args(argv)
    try:
        return options.run(options)
    except StrataError as error:
        if getattr(options, "json", False):
            print(json.dumps({"error": error.what, "subject": error.subject, "remedy": error.remedy}))
        err.print(f"[bold red]{error.subject}[/]: {error.what}", soft_wrap=True, highlight=False)
        err.print(f"  remedy: {error.remedy}", soft_wrap=True, highlight=False)
        return error.exit_code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m ingestion",
        description="Land source systems in the warehouse: checked against contracts, nothing lost, all traceable.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: Callable[[argparse.Namespace], int], help_text: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=help_text, description=help_text)
        added.set_defaults(run=run)
        added.add_argument("--json", action="store_true", help="print for machines")
        return added

    command("list", _list, "Sources and their datasets, with key and how they are read.")
    load = command("load", _load, "Land sources: all of them, or the ones named.")
    load.add_argument("sources", nargs="*", metavar="SOURCE")
    load.add_argument("--quiet", action="store_true", help="print only what went wrong")
    status = command("status", _status, "The last load of each dataset, open dead letters, schema changes, files.")
    status.add_argument("--source", help="only this source")
    replay = command("replay", _replay, "Check dead letters again with today's contract and land what is now good.")
    replay.add_argument("--source", required=True)
    replay.add_argument("--dataset")
    replay.add_argument("--reason", help="only letters with this reason code, for example PATTERN_MISMATCH:Country")
    trace = command("trace", _trace, "Where a landed row came from: request, load, time, hash.")
    trace.add_argument("table", help="for example purchase_orders or raw_sap.purchase_orders")
    trace.add_argument("key", help="the key; parts joined by / as in 4500000001/10")
    why = command("why", _why, "What most likely made a node go wrong: causes by likelihood, evidence, and who acts.")
    why.add_argument("node", help="a model, test, seed or snapshot, or source.table")
    why.add_argument("--at", metavar="TIME", help="as it was known then (UTC), for example 2026-11-21T07:30")
    why.add_argument("--limit", type=int, default=5, metavar="N", help="show at most so many causes (5)")
    describe = command("describe", _describe, "What is in a file, and a draft of the contract to land it with.")
    describe.add_argument("file", type=Path, metavar="FILE", help="CSV, JSON Lines or a workbook")
    describe.add_argument("--sheet", help="of a workbook; else the largest")
    describe.add_argument("--contract", metavar="SOURCE.DATASET", help="write a draft of this contract")
    describe.add_argument("--out", type=Path, default=Path("contracts"), metavar="DIR", help="default: contracts")
    contracts = command("contracts", _contracts, "Write what is generated from the contracts: dbt sources.")
    contracts.add_argument("--check", action="store_true", help="only say what is stale, exit 1 if anything is")
    sandbox = commands.add_parser("sandbox", help="Serve the stand-in company on loopback.", add_help=False)
    sandbox.add_argument("rest", nargs=argparse.REMAINDER)
    sandbox.set_defaults(run=_sandbox)
    return parser


def _list(options: argparse.Namespace) -> int:
    from ingestion.contract import load_contracts
    from ingestion.sources import SOURCES

    datasets = [dataset for source in SOURCES for dataset in load_contracts(source).values()]
    if options.json:
        print(
            json.dumps([{"source": d.source, "dataset": d.name, "keys": d.keys, "read": d.read_mode} for d in datasets])
        )
        return EXIT_OK
    table = Table("source", "dataset", "one row is", "key", "read", "owner")
    for d in datasets:
        table.add_row(d.source, d.name, d.grain.removeprefix("One row per "), ", ".join(d.keys), d.read_mode, d.owner)
    out.print(table)
    return EXIT_OK


def _load(options: argparse.Namespace) -> int:
    from ingestion import warehouse
    from ingestion.ops import ensure_landing_tables
    from ingestion.runner import load
    from ingestion.sources import SOURCES, make_reader

    chosen = options.sources or list(SOURCES)
    skipped: list[str] = []
    if unknown := [name for name in chosen if name not in SOURCES]:
        raise ConfigError(f"unknown source {', '.join(unknown)}.", subject="load", remedy=f"use {', '.join(SOURCES)}.")
    code, reports, first_error = EXIT_OK, [], None
    with warehouse.locked(), warehouse.held_open():
        for name in chosen:
            try:
                with _progress(name) as note:
                    report = load(make_reader(name), on_start=note)
            except NotConfiguredError:
                if name in options.sources:
                    raise
                skipped.append(name)
                continue
            except StrataError as error:
                first_error = first_error or error
                if len(chosen) > 1:
                    err.print(f"[bold red]{error.subject}[/]: {error.what} Remedy: {error.remedy}", soft_wrap=True)
                continue
            reports.append(report)
            code = code or report.exit_code
            if not options.json and (not options.quiet or report.exit_code):
                _print_report(report)
        if not isinstance(first_error, DestinationError):
            # dbt's results land in the middle of a run, after a load that has made the company's tables.
            ensure_landing_tables("dbt_artifacts" if chosen == ["dbt_artifacts"] else None)
    if options.json:
        print(json.dumps([{**dataclasses.asdict(report), "over_limit": report.over_limit} for report in reports]))
    if skipped:
        err.print(f"no settings, so not landed: {', '.join(skipped)}", highlight=False, soft_wrap=True)
    if first_error is not None:
        raise first_error
    if not options.sources and all(report.source == "dbt_artifacts" for report in reports):
        raise ConfigError(
            "no source has settings.", subject="load", remedy="see docs/sources/, or use `make run` for the sandbox."
        )
    return code


@contextlib.contextmanager
def _progress(source: str) -> Iterator[Callable[[Any], None]]:
    """Show on a terminal how many records were read so far; yields what wants to know the landing."""
    landings: list[Any] = []

    def line() -> str:
        read = sum(counts.rows_read for landing in landings for counts in landing.counts.values())
        return f"landing {source}: {read:,} records read" if landings else f"landing {source} ..."

    with Live(get_renderable=lambda: Spinner("dots", line()), console=err, transient=True, refresh_per_second=4):
        yield landings.append


def _print_report(report: Any) -> None:
    table = Table("dataset", title=f"landed {report.source} in {report.seconds:.1f} s", title_justify="left")
    for column in ("read", "good", "of these unchanged", "rejected", "deleted in source"):
        table.add_column(column, justify="right")
    for name, c in report.datasets.items():
        rejected = f"[red]{c.rows_rejected}[/]" if c.rows_rejected else "0"
        cells = [str(n) for n in (c.rows_read, c.rows_good, c.rows_unchanged)] + [rejected, str(c.rows_deleted)]
        table.add_row(name, *cells)
    out.print(table)
    for notice in report.notices[:20]:
        out.print(f"note: {report.source}.{notice}", highlight=False)
    if len(report.notices) > 20:
        out.print(f"... and {len(report.notices) - 20} more in raw_ops.schema_changes and raw_ops.files")
    if any(c.rows_rejected for c in report.datasets.values()):
        out.print("Rejected records stand in raw_ops.dead_letters: `python -m ingestion status` shows why.")
    for refused in report.refused_files:
        err.print(
            f"[bold red]{report.source}.{refused}[/]: the file was not landed. Remedy: have it delivered again; every "
            "load tries it until then.",
            soft_wrap=True,
            highlight=False,
        )
    for name in report.over_limit:
        err.print(
            f"[bold red]{report.source}.{name}[/]: more than {report.max_reject_ratio:.0%} of its records "
            "were rejected. "
            "Remedy: read raw_ops.dead_letters, have the source or the contract mended, then replay.",
            soft_wrap=True,
        )


def _status(options: argparse.Namespace) -> int:
    from ingestion.status import print_status

    return print_status(out, as_json=options.json, source=options.source)


def _replay(options: argparse.Namespace) -> int:
    from ingestion import warehouse
    from ingestion.replay import replay

    with warehouse.locked():
        result = replay(options.source, dataset=options.dataset, reason=options.reason)
    if options.json:
        print(json.dumps(result))
    else:
        out.print(
            f"{result['read']} dead letters read: {result['landed']} landed, {result['superseded']} superseded by a "
            f"newer row, {result['still_rejected']} still rejected."
        )
    return EXIT_OK


def _trace(options: argparse.Namespace) -> int:
    from ingestion.status import print_trace

    return print_trace(out, options.table, options.key, as_json=options.json)


def _why(options: argparse.Namespace) -> int:
    from ingestion.why.command import print_why

    return print_why(out, options.node, at=options.at, limit=options.limit, as_json=options.json)


def _describe(options: argparse.Namespace) -> int:
    from ingestion.draft import run_describe

    return run_describe(
        out,
        options.file,
        sheet=options.sheet,
        contract=options.contract,
        directory=options.out,
        as_json=options.json,
    )


def _contracts(options: argparse.Namespace) -> int:
    from ingestion.generate import generate

    stale = generate(check_only=options.check)
    for path in stale:
        word = "stale, run `make contracts`" if options.check else "written"
        out.print(f"{path}: {word}", highlight=False)
    return 1 if options.check and stale else EXIT_OK


def _sandbox(options: argparse.Namespace) -> int:
    from ingestion.sandbox.__main__ import main as serve

    return serve(options.rest) or EXIT_OK
