"""The summary that `make run` prints: what landed, what was built, what failed, where to look next."""

from __future__ import annotations

import json
import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import duckdb
from rich.console import Console
from rich.table import Table

LOADS = """
select dataset, status, rows_read, rows_good, rows_rejected
from raw_ops.loads
where source <> 'dbt_artifacts' -- what dbt says of itself is not what the company delivered
qualify row_number() over (partition by source, dataset order by finished_at desc, load_id desc) = 1
order by dataset
"""
OPEN_LETTERS = "select count(*) from raw_ops.dead_letters where replayed_at is null"
QUARANTINE_SCHEMAS = "select table_schema from information_schema.tables where table_name = 'fct_quarantined_rows'"
HELD_BY_ENTITY = 'select entity_name, count(*) from "{schema}".fct_quarantined_rows group by all order by 2 desc, 1'
KINDS = {"model": "models", "snapshot": "snapshots", "seed": "seeds"}
TESTS = {"test", "unit_test"}


@dataclass(frozen=True)
class BuildResult:
    """Counts out of dbt's run_results.json."""

    built: Counter[str]
    tests: Counter[str]
    problems: list[tuple[str, str, str]]
    seconds: float

    @classmethod
    def read(cls, path: Path) -> BuildResult | None:
        """The results of the last dbt command, or None before the first."""
        if not path.exists():
            return None
        document = json.loads(path.read_text(encoding="utf-8"))
        built: Counter[str] = Counter()
        tests: Counter[str] = Counter()
        problems = []
        for result in document["results"]:
            kind, name = result["unique_id"].split(".", 1)
            status = result["status"]
            if kind in TESTS:
                tests[status] += 1
            elif status == "success":
                built[kind] += 1
            if status not in ("pass", "success", "no-op", "skipped"):
                problems.append((status, name, (result.get("message") or "").strip().splitlines()[0:1]))
        return cls(built, tests, [(s, n, m[0] if m else "") for s, n, m in problems], document["elapsed_time"])


def print_summary(warehouse: Path, target: Path, seconds: float | None, out: Console | None = None) -> None:
    """Print the summary.

    Args:
        warehouse: the DuckDB file.
        target: dbt's target directory.
        seconds: wall time of the whole run, where there was one.
    """
    out = out or Console(width=None if os.isatty(1) else 110, highlight=False)
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    result = BuildResult.read(target / "build_results.json")
    table.add_row("landed", _landed(warehouse))
    if result is not None:
        table.add_row("built", ", ".join(f"{result.built[kind]} {word}" for kind, word in KINDS.items()))
        table.add_row("tests", _tests(result.tests))
        table.add_row("quarantine", _quarantined(warehouse))
    if seconds is not None:
        table.add_row("time", f"{seconds:.0f} s")
    table.add_row("dbt packages", _route())
    table.add_row("warehouse", f"{_shown(warehouse)} ({warehouse.stat().st_size / 1e6:.0f} MB, DuckDB)")
    page = target / "catalogue" / "index.html"
    table.add_row("docs", _shown(page) if page.exists() else "not written yet: make docs")
    out.print()
    out.print("[bold]Strata summary[/]")
    out.print(table)
    for status, name, message in (result.problems if result else [])[:20]:
        out.print(f"  {status}: {name}  {message}", markup=False)
    out.print()
    out.print("Look next:")
    out.print("  .venv/bin/dbt show --select agg_supplier_performance_monthly")
    out.print("  .venv/bin/python -m ingestion status     what was rejected, and why")
    out.print("  .venv/bin/dbt show --select rpt_quarantine_summary   what the models hold back, and why")
    out.print("  docs/index.md                            how to add a source, a model, a warehouse")


def _landed(warehouse: Path) -> str:
    try:
        with duckdb.connect(str(warehouse), read_only=True) as connection:
            loads = connection.execute(LOADS).fetchall()
            letters = connection.execute(OPEN_LETTERS).fetchone()
    except duckdb.Error as error:
        return f"unknown: {str(error).splitlines()[0]}"
    read, good, rejected = (sum(row[i] for row in loads) for i in (2, 3, 4))
    text = f"{len(loads)} datasets: {read:,} rows read = {good:,} good + {rejected:,} rejected"
    if letters and letters[0]:
        text += f"; {letters[0]} in the dead letters"
    failed = [row[0] for row in loads if row[1] != "landed"]
    return text + (f"; FAILED: {', '.join(failed)}" if failed else "")


def _quarantined(warehouse: Path) -> str:
    """How many rows the models hold back, by entity."""
    try:
        with duckdb.connect(str(warehouse), read_only=True) as connection:
            schema = connection.execute(QUARANTINE_SCHEMAS).fetchone()
            if schema is None:
                return "not built yet"
            held = connection.execute(HELD_BY_ENTITY.format(schema=schema[0])).fetchall()
    except duckdb.Error as error:
        return f"unknown: {str(error).splitlines()[0]}"
    if not held:
        return "no row is held back"
    entities = ", ".join(f"{count:,} {entity.replace('_', ' ')}" for entity, count in held)
    return f"{sum(count for _, count in held):,} rows held back: {entities}; each in quarantine_<entity>"


def _tests(tests: Counter[str]) -> str:
    failed = tests["fail"] + tests["error"]
    skipped = f", {tests['skipped']} skipped" if tests["skipped"] else ""
    return f"{tests['pass']} passed, {tests['warn']} warned, {failed} failed{skipped}"


def _route() -> str:
    marker = Path("dbt_packages/.route.json")
    if not marker.exists():
        return "not installed"
    route = json.loads(marker.read_text(encoding="utf-8"))["route"]
    return {"offline": "offline stand-ins (offline_packages/)", "git": "git mirror", "hub": "dbt hub"}.get(route, route)


def _shown(path: Path) -> str:
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)
