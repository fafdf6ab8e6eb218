"""The tables in the terminal and the results file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks import parts
from benchmarks.figures import RATIOS, Spread, as_json, growth
from benchmarks.workspace import ROOT

RESULTS = ROOT / "benchmarks" / "results"
AGAIN = ("seconds", "cpu_seconds", "whole_seconds", "whole_cpu_seconds")  # of each source with nothing new
BUSY_LOAD = 0.5  # load average a core, at the start, above which seconds say little

# section: (figure, label, format)
SECTIONS = {
    "landing": (
        ("landing_rows", "rows read", ",.0f"),
        ("landing_seconds", "first load, s", ".1f"),
        ("landing_rows_per_second", "first load, rows/s", ",.0f"),
        ("landing_extract_seconds", "  extract: requests, contract check, hashes, s", ".1f"),
        ("landing_normalize_seconds", "  normalise, s", ".1f"),
        ("landing_load_seconds", "  load: write and merge, s", ".1f"),
        ("landing_cpu_seconds", "first load, processor s", ".1f"),
        ("landing_peak_mb", "first load, peak MiB", ",.0f"),
        ("relanding_rows", "nothing new: rows read again", ",.0f"),
        ("relanding_seconds", "nothing new: load, s", ".1f"),
        ("pages_seconds", "bare page read, s", ".2f"),
        ("extract_seconds", "DuckDB reads the CSV files, s", ".3f"),
        ("extract_rows_per_second", "DuckDB reads the CSV files, rows/s", ",.0f"),
        ("extract_peak_mb", "DuckDB reads the CSV files, peak MiB", ",.0f"),
    ),
    "dbt": (
        ("parse_cold_seconds", "parse, cold, s", ".1f"),
        ("parse_warm_seconds", "parse, warm, s", ".1f"),
        ("build_nodes", "nodes in a build", ",.0f"),
        ("build_seconds", "build with tests, s", ".1f"),
        ("build_cpu_seconds", "build with tests, processor s", ".1f"),
        ("build_peak_mb", "build with tests, peak MiB", ",.0f"),
        ("models_seconds", "build without tests, s", ".1f"),
        ("rebuild_seconds", "second build with tests, s", ".1f"),
        ("direct_models_seconds", "same SQL in DuckDB: models, s", ".2f"),
        ("direct_tests_seconds", "same SQL in DuckDB: tests, s", ".2f"),
        ("direct_cpu_seconds", "same SQL in DuckDB, processor s", ".2f"),
        ("direct_peak_mb", "same SQL in DuckDB, peak MiB", ",.0f"),
        ("node_milliseconds", "dbt's own cost a node, ms", ",.0f"),
    ),
    "ratios": tuple((name, label, ".2f") for name, (_, _, label) in RATIOS.items()),
}


def show(by_scale: Mapping[float, Mapping[str, Spread]], machine: Mapping[str, Any], out: Console) -> None:
    """Print the tables: a column a scale with median and, for repeats, least to most; then the growth."""
    grown = growth(by_scale) if by_scale else {}
    for section, lines in SECTIONS.items():
        table = Table(section, title_justify="left")
        for scale in by_scale:
            table.add_column(f"{scale:g}x", justify="right")
        if grown and section != "ratios":
            table.add_column("growth", justify="right")
        for name, label, style in lines:
            cells = [_cell(spreads.get(name), style) for spreads in by_scale.values()]
            if grown and section != "ratios":
                cells.append(f"{grown[name]:.2f}x" if name in grown else "")
            if any(cells):
                table.add_row(label, *cells)
        if by_scale:
            out.print(table)
    out.print(
        f"{machine['cpu_model']}, {machine['cores']} cores, {machine['memory_gib']} GiB. Ratios are of one run and "
        "travel to other machines; seconds do not. What is in each figure: docs/benchmarks.md.",
        highlight=False,
    )
    if machine["load_average_at_start"] > BUSY_LOAD * machine["cores"]:
        out.print(
            f"[yellow]The machine was busy (load {machine['load_average_at_start']}): trust the ratios in processor "
            "time, or repeat when it is idle.[/]"
        )


def show_parts(figures: Mapping[str, float], out: Console) -> None:
    """Print what each way of landing takes against its target, and each source with nothing new."""
    sources = [name.removesuffix("_rows_landed") for name in figures if name.endswith("_rows_landed")]
    if sources:
        table = Table("nothing new", title_justify="left")
        for column in ("load, s", "processor s", "whole command, s", "processor s", "rows read again"):
            table.add_column(column, justify="right")
        for source in sources:
            cells = [f"{figures[f'{source}_{name}']:.2f}" for name in AGAIN]
            label = source.removeprefix("again_").replace("whole_company_", "1x: ")
            table.add_row(label, *cells, f"{figures[f'{source}_rows_read']:,.0f}")
        out.print(table)
    found = parts.verdicts(figures)
    if not found:
        return
    table = Table("against its target", title_justify="left")
    for column in ("figure", "target", ""):
        table.add_column(column, justify="right")
    for target, value, is_met in found:
        verdict = "[green]met[/]" if is_met else "[red]missed[/]"
        table.add_row(target.label, format(value, target.style), target.wanted, verdict)
    out.print(table)


def save(
    by_scale: Mapping[float, Mapping[str, Spread]],
    machine: Mapping[str, Any],
    repeats: int,
    directory: Path,
    figures: Mapping[str, float] | None = None,
) -> Path:
    """Write the results file, named by its UTC time; returns its path."""
    now = datetime.now(UTC)
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{now:%Y%m%dT%H%M%SZ}.json"
    document = {
        "taken_at": now.isoformat(timespec="seconds"),
        "machine": machine,
        "repeats": repeats,
        "scales": as_json(by_scale),
        "growth": growth(by_scale) if by_scale else {},
        "parts": dict(figures or {}),
        "targets": [
            {"figure": target.figure, "value": value, "target": target.wanted, "is_met": is_met}
            for target, value, is_met in parts.verdicts(figures or {})
        ],
        "ratios": {name: f"{above} / {below}: {label}" for name, (above, below, label) in RATIOS.items()},
    }
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    return path


def _cell(spread: Spread | None, style: str) -> str:
    if spread is None:
        return ""
    median = format(spread.median, style)
    if spread.least == spread.most:
        return median
    return f"{median} ({format(spread.least, style)} to {format(spread.most, style)})"
