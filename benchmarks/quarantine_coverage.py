"""`python -m benchmarks.quarantine_coverage`: which planted faults the quarantine catches, under which code, and what
it catches that nobody planted.

The sandbox's log is the truth: its entries with expected outcome `quarantined`. The models are found in dbt's manifest
by name, so that a new quarantine model is measured without a change here. A planted record is told by the hash and the
place it landed with, which every quarantined row carries.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
from rich.console import Console
from rich.table import Table

from benchmarks.landing import Figures
from benchmarks.process import BenchError, run
from benchmarks.workspace import DBT, Stage, company
from ingestion.contract import load_contracts
from ingestion.errors import EXIT_OK, EXIT_REJECTS
from tools.run import sandbox

WANTED_SHARE, WANTED_KINDS = 0.95, 40
# Rules about a document as a whole: where a line of it was rejected, its other lines wait with these codes.
OF_WHOLE_DOCUMENTS = {"JOURNAL_UNBALANCED", "LINES_DIFFER_FROM_INVOICE"}
NEEDED = {"quarantine_key", "reason_codes", "row_hash", "source_ref"}
CAUGHT, OTHER_CODE, MISSED, NOT_LANDED = "caught", "other code", "missed", "not landed"
EXIT_UNDER_TARGET = 1

Mark = tuple[str, str]  # row_hash and source_ref: one landed record
Say = Callable[[str], None]


@dataclass(frozen=True)
class Planted:
    """A line of the sandbox's log."""

    source: str
    dataset: str
    key: tuple[str, ...]
    fault: str
    code: str
    outcome: str


@dataclass(frozen=True)
class Held:
    """A quarantined row.

    Attributes:
        values: every value of the row as text.
    """

    model: str
    pipeline: str
    key: str
    codes: frozenset[str]
    mark: Mark
    values: frozenset[str]


@dataclass
class Kind:
    """A kind of fault: where it was planted and which code it should get.

    Attributes:
        pipeline: the domain of the quarantine model; the source where none caught anything of the dataset.
    """

    source: str
    dataset: str
    code: str
    fault: str
    pipeline: str = ""
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def planted(self) -> int:
        """Rows of this kind."""
        return self.counts.total()

    @property
    def is_caught(self) -> bool:
        """Every row of the kind is in quarantine under its code."""
        return self.counts[CAUGHT] == self.planted


@dataclass(frozen=True)
class Coverage:
    """What was found.

    Attributes:
        false_alarms: rows that nobody planted and that wait for nothing that was rejected.
        followers: rows that wait because a record they belong to was rejected or quarantined, by model and codes.
    """

    kinds: tuple[Kind, ...]
    false_alarms: tuple[Held, ...]
    followers: Counter[tuple[str, str]]

    @property
    def share(self) -> float:
        """Share of the planted rows that is in quarantine under its code."""
        planted = sum(kind.planted for kind in self.kinds)
        return sum(kind.counts[CAUGHT] for kind in self.kinds) / planted if planted else 0.0

    @property
    def meets_target(self) -> bool:
        """Enough kinds, enough of the rows caught, and no false alarm."""
        return self.share >= WANTED_SHARE and len(self.kinds) >= WANTED_KINDS and not self.false_alarms


def read_log(path: Path) -> list[Planted]:
    """The sandbox's log."""
    lines = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    return [
        Planted(line["source"], line["dataset"], tuple(map(str, line["key"].values())), line["fault"],
                line["expected_reason_code"], line["expected_outcome"])
        for line in lines
    ]  # fmt: skip


def read_quarantine(connection: duckdb.DuckDBPyConnection, manifest: Mapping[str, Any]) -> list[Held]:
    """Every row of every quarantine model that the manifest names.

    Raises:
        BenchError: a quarantine model has not been built, or none is there.
    """
    held: list[Held] = []
    models = 0
    for node in manifest["nodes"].values():
        if node["resource_type"] != "model" or not node["name"].startswith("quarantine_"):
            continue
        try:
            found = connection.execute(f'select * from "{node["schema"]}"."{node["alias"]}"')
        except duckdb.CatalogException as error:
            raise BenchError(f"{node['name']} has not been built.\n  remedy: dbt build -s +{node['name']}") from error
        columns = [column[0] for column in found.description]
        if not set(columns) >= NEEDED:
            continue  # the catalogue of rules has the same name in front
        models += 1
        for values in found.fetchall():
            row = dict(zip(columns, values, strict=True))
            held.append(
                Held(node["name"], node["fqn"][2], str(row["quarantine_key"]), frozenset(row["reason_codes"].split()),
                     (row["row_hash"], row["source_ref"]), frozenset(map(_plain, values)))
            )  # fmt: skip
    if not models:
        raise BenchError("the manifest has no quarantine model.\n  remedy: dbt build, then give its manifest.json")
    return held


def landed_marks(connection: duckdb.DuckDBPyConnection, planted: Iterable[Planted]) -> dict[Planted, Mark | None]:
    """The landed record of each planted fault; None where it has not landed."""
    marks: dict[Planted, Mark | None] = {}
    contracts = {}
    for entry in planted:
        if entry.source not in contracts:
            contracts[entry.source] = load_contracts(entry.source)
        keys = contracts[entry.source][entry.dataset].keys
        # The log has the key in the order of the contract, under the source's own names; SAP exports pad numbers.
        where = " and ".join(f"ltrim(cast({name} as varchar), '0') = ltrim(?, '0')" for name in keys)
        row = connection.execute(
            f"select _row_hash, _source_ref from raw_{entry.source}.{entry.dataset} where {where}",
            entry.key[: len(keys)],
        ).fetchone()
        marks[entry] = row and (row[0], row[1])
    return marks


def judge(planted: Sequence[Planted], marks: Mapping[Planted, Mark | None], held: Sequence[Held]) -> Coverage:
    """Hold what is in quarantine against what was planted."""
    by_mark: dict[Mark, list[Held]] = defaultdict(list)
    for row in held:
        by_mark[row.mark].append(row)
    wanted = [entry for entry in planted if entry.outcome == "quarantined"]
    kinds: dict[tuple[str, str, str], Kind] = {}
    for entry in wanted:
        mark = marks[entry]
        rows = by_mark[mark] if mark else []
        verdict = MISSED if mark else NOT_LANDED
        if rows:
            verdict = CAUGHT if any(entry.code in row.codes for row in rows) else OTHER_CODE
        kind = kinds.setdefault(
            (entry.source, entry.dataset, entry.code),
            Kind(entry.source, entry.dataset, entry.code, entry.fault),
        )
        kind.counts[verdict] += 1
        kind.pipeline = rows[0].pipeline if rows else kind.pipeline
    pipelines = {(kind.source, kind.dataset): kind.pipeline for kind in kinds.values() if kind.pipeline}
    for kind in kinds.values():
        kind.pipeline = kind.pipeline or pipelines.get((kind.source, kind.dataset), kind.source)
    known = {mark for mark in marks.values() if mark}
    held_back = [entry for entry in planted if entry.outcome in ("rejected", "quarantined")]
    parents = [frozenset(map(_plain, entry.key)) for entry in held_back]
    torn = [frozenset(map(_plain, entry.key[:-1])) for entry in held_back if len(entry.key) > 1]
    false_alarms, followers = [], Counter()
    for row in held:
        if row.mark in known:
            continue
        explained = [*parents, *torn] if row.codes <= OF_WHOLE_DOCUMENTS else parents
        if any(parent <= row.values for parent in explained):
            followers[row.model, " ".join(sorted(row.codes))] += 1
        else:
            false_alarms.append(row)
    return Coverage(tuple(kinds.values()), tuple(false_alarms), followers)


def measure_warehouse(warehouse: Path, log: Path, manifest: Path) -> Coverage:
    """The coverage of a built warehouse.

    Args:
        log: planted_faults.jsonl of the company that was landed.
        manifest: dbt's manifest.json of the build.
    """
    planted = read_log(log)
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        connection.execute("set TimeZone = 'UTC'")
        held = read_quarantine(connection, json.loads(manifest.read_text(encoding="utf-8")))
        # What lands with a word to the models, such as a copy of an invoice, was planted as well.
        traced = [entry for entry in planted if entry.outcome == "quarantined" or entry.outcome.startswith("lands; ")]
        return judge(planted, landed_marks(connection, traced), held)


def measure_company(scale: float, say: Say) -> Coverage:
    """Land a company, build what leads to the quarantine models, and measure."""
    with tempfile.TemporaryDirectory(prefix="strata-quarantine-") as directory:
        stage = Stage(Path(directory))
        extract = company(scale)
        say("landing")
        with sandbox(str(extract)) as settings:
            if not settings:
                raise BenchError(f"the sandbox did not start on {extract}.\n  remedy: make land shows why.")
            load = [sys.executable, "-m", "ingestion", "load", "--quiet"]
            run(load, stage.env(settings), accept=(EXIT_OK, EXIT_REJECTS))
        say("dbt build of the quarantine models")
        without_tests = ["--exclude-resource-type", "test", "unit_test"]
        run([DBT, "build", "--quiet", "--select", "+quarantine_*", *without_tests], stage.env())
        return measure_warehouse(stage.warehouse, extract / "planted_faults.jsonl", stage.target / "manifest.json")


def figures(scale: float) -> Figures:
    """The measure as figures of the bench."""
    found = measure_company(scale, lambda _: None)
    return {
        "quarantine_caught_share": found.share,
        "quarantine_kinds": float(len(found.kinds)),
        "quarantine_false_alarms": float(len(found.false_alarms)),
    }


def show(found: Coverage, out: Console) -> None:
    """Print a line for each kind, the false alarms, the rows that wait for others, and the verdict."""
    table = Table("pipeline", "dataset", "code", "fault", title="planted faults", title_justify="left")
    for column in ("planted", CAUGHT, OTHER_CODE, MISSED, NOT_LANDED):
        table.add_column(column, justify="right")
    for kind in sorted(found.kinds, key=lambda kind: (kind.pipeline, kind.dataset, kind.code)):
        counts = [str(kind.counts[name] or "") for name in (CAUGHT, OTHER_CODE, MISSED, NOT_LANDED)]
        style = "" if kind.is_caught else "red"
        table.add_row(kind.pipeline, kind.dataset, kind.code, kind.fault, str(kind.planted), *counts, style=style)
    out.print(table)
    for (model, codes), count in sorted(found.followers.items()):
        out.print(f"follow a planted fault: {count} rows of {model} ({codes})", highlight=False)
    for row in found.false_alarms:
        out.print(f"false alarm: {row.model} {row.key} ({' '.join(sorted(row.codes))})", style="red", highlight=False)
    verdict = "[green]met[/]" if found.meets_target else "[red]missed[/]"
    planted = sum(kind.planted for kind in found.kinds)
    out.print(
        f"caught under the right code: {found.share:.1%} of {planted} rows of {len(found.kinds)} kinds, "
        f"{len(found.false_alarms)} false alarms; target: {WANTED_SHARE:.0%} of at least {WANTED_KINDS} kinds, "
        f"no false alarm: {verdict}",
        highlight=False,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; returns 1 under the target or when it cannot be measured."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quarantine_coverage", description=__doc__)
    parser.add_argument("--scale", type=float, default=0.05, help="size of the company that is landed (0.05)")
    parser.add_argument("--warehouse", type=Path, help="measure this built warehouse instead; needs the next two")
    parser.add_argument("--log", type=Path, help="planted_faults.jsonl of the company that was landed in it")
    parser.add_argument("--manifest", type=Path, help="dbt's manifest.json of its build")
    options = parser.parse_args(arguments)
    given = [options.warehouse, options.log, options.manifest]
    if any(given) and not all(given):
        parser.error("--warehouse, --log and --manifest go together")
    err = Console(stderr=True)
    try:
        if all(given):
            found = measure_warehouse(*given)
        else:
            found = measure_company(options.scale, lambda step: err.print(f"{step} ...", highlight=False))
    except BenchError as error:
        err.print(f"[bold red]bench[/]: {error}", soft_wrap=True, highlight=False)
        return EXIT_UNDER_TARGET
    show(found, Console(width=None if sys.stdout.isatty() else 150))
    return 0 if found.meets_target else EXIT_UNDER_TARGET


def _plain(value: Any) -> str:
    """A value as the log would write it."""
    return "" if value is None else str(value).lstrip("0") or "0"


if __name__ == "__main__":
    sys.exit(main())
