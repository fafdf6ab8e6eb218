"""The marts as data products: what their readers rely on, what changed of it, and contracts to hand out.

`make products` compares the contracts of the public models with those on the main branch (BASE=revision: with
another), fails for a change that the log in docs/data_products.md does not tell, and writes each contract as Open Data
Contract Standard YAML to reports/contracts/, checked by datacontract-cli. docs/contracts.md says what counts as what.

Exit codes: 0 all told; 1 a change is not told, or a contract breaks the standard; 2 there is nothing to compare with.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from ingestion.errors import EXIT_OK, ConfigError, StrataError
from tools.odcs_of_marts import write_contracts
from tools.run import ROOT

LOG = "docs/data_products.md"
LINE = re.compile(r"^\| (\d{4}-\d\d-\d\d) \| `(\w+)` \| (\w+) \| (.+) \|$")
KINDS = ("new", "additive", "breaking", "withdrawn")
EXIT_UNTOLD = 1
DBT = [sys.executable, "-m", "dbt.cli.main", "--quiet"]


@dataclass(frozen=True)
class Change:
    """What changed of one mart: `kind` is one of KINDS, `what` says which columns."""

    mart: str
    kind: str
    what: tuple[str, ...]


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", default="main", help="git revision whose contracts readers rely on (main)")
    parser.add_argument("--state", type=Path, help="directory with the manifest.json of such a revision: no parsing")
    parser.add_argument("--no-export", action="store_true", help="only compare")
    options = parser.parse_args(arguments)
    state = options.state.resolve() if options.state else None
    os.chdir(ROOT)
    try:
        with tempfile.TemporaryDirectory(prefix="strata-contracts-") as scratch:
            target = Path(scratch) / "now"
            problems = gate(options.base, state, Path(scratch), target)
            manifest = read(target / "manifest.json")
    except StrataError as error:
        print(f"{error}", file=sys.stderr)
        return error.exit_code
    for problem in problems:
        print(problem, file=sys.stderr)
    faulty = 0 if options.no_export else _export(manifest)
    return EXIT_UNTOLD if problems or faulty else EXIT_OK


def gate(base: str, state: Path | None, scratch: Path, target: Path) -> list[str]:
    """What stands against the change, a line each; prints what changed.

    Args:
        state: directory with the base's manifest; None to make it from the base's files.
        target: where dbt writes the manifest of the working tree.
    """
    revision = merge_base(base)
    state = state or parse_base(revision, scratch)
    chosen, refused = select_changed(state, target)
    before, now = read(state / "manifest.json"), read(target / "manifest.json")
    found = changes(before, now, chosen)
    for change in found:
        print(f"{change.mart}: {change.kind}: {'; '.join(change.what)}")
    if not found and not refused:
        print(f"no contract of a public model differs from {revision[:12]}")
    added = set(log_lines((ROOT / LOG).read_text(encoding="utf-8"))) - set(log_lines(at(revision, LOG)))
    return [*refused, *untold(found, added, owners_of_readers(before)), *expired(now, date_today())]


def merge_base(base: str) -> str:
    """The commit that this branch left the base at: what came to the base since is no change of this branch.

    Raises:
        ConfigError: there is no such revision.
    """
    done = _git("merge-base", "HEAD", base)
    if done.returncode:
        text = f"no common history with this branch ({done.stderr.strip() or 'none'})."
        remedy = "name another with BASE=revision, or fetch it: git fetch origin main:main"
        raise ConfigError(text, subject=f"base {base}", remedy=remedy)
    return done.stdout.strip()


def parse_base(revision: str, scratch: Path, command: Sequence[str] = ("parse",)) -> Path:
    """Directory with the manifest of a revision, which dbt makes from a worktree of it by `command`.

    Raises:
        ConfigError: the revision cannot be parsed.
    """
    target = scratch / "base"
    with _worktree(revision, scratch / "tree") as tree:
        packages = ROOT / "dbt_packages"
        if packages.is_dir() and not (tree / "dbt_packages").exists():
            (tree / "dbt_packages").symlink_to(packages.resolve(), target_is_directory=True)
        done = run_dbt(command, tree, target)
    if done.returncode:
        text = f"dbt cannot parse it: {done.stdout.strip()[-600:]}"
        raise ConfigError(
            text, subject=f"revision {revision[:12]}", remedy="name a revision that parses: BASE=revision"
        )
    return target


@contextmanager
def _worktree(revision: str, place: Path) -> Iterator[Path]:
    done = _git("worktree", "add", "--detach", "--force", str(place), revision)
    if done.returncode:
        raise ConfigError(done.stderr.strip(), subject=f"revision {revision[:12]}", remedy="git worktree prune")
    try:
        yield place
    finally:
        _git("worktree", "remove", "--force", str(place))


def select_changed(state: Path, target: Path) -> tuple[set[str], list[str]]:
    """Models whose contract dbt finds changed or new, and what it refuses: a version that promised not to change.

    Raises:
        ConfigError: dbt fails for another reason, such as a project that does not parse.
    """
    command = ["ls", "--select", "state:modified.contract", "--state", str(state), "--resource-type", "model"]
    done = run_dbt([*command, "--output", "json", "--output-keys", "unique_id"], ROOT, target)
    if done.returncode and "breaking change to contract" in done.stdout.lower():
        return set(), [f"dbt: {done.stdout.strip()}"]
    if done.returncode:
        text = f"dbt ls fails: {done.stdout.strip()[-600:]} {done.stderr.strip()[-200:]}"
        raise ConfigError(text, subject="project", remedy="dbt parse")
    return {json.loads(line)["unique_id"] for line in done.stdout.splitlines() if line.startswith("{")}, []


def changes(before: dict[str, Any], now: dict[str, Any], chosen: set[str]) -> list[Change]:
    """The changes that readers of public models notice: those dbt chose, and models that are gone or hidden now."""
    old, new = public(before), public(now)
    found = [Change(label(old[name]), "withdrawn", ("no longer there for readers",)) for name in old if name not in new]
    for name in sorted(chosen & new.keys()):
        if name not in old:
            found.append(Change(label(new[name]), "new", (f"{len(new[name]['columns'])} columns",)))
        elif what := _difference(old[name], new[name]):
            breaking = any(not text.startswith("new column") for text in what)
            found.append(Change(label(new[name]), "breaking" if breaking else "additive", tuple(what)))
    for name in new.keys() & old.keys():  # no part of dbt's contract, but of what a reader writes down
        was, stands = old[name]["config"].get("schema"), new[name]["config"].get("schema")
        if was != stands:
            found.append(Change(label(new[name]), "breaking", (f"stands in schema {stands}, was in {was}",)))
    return sorted(found, key=lambda change: change.mart)


def public(manifest: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The project's models with public access by id."""
    project = manifest["metadata"]["project_name"]
    return {
        name: node
        for name, node in manifest["nodes"].items()
        if node["resource_type"] == "model" and node["package_name"] == project and node.get("access") == "public"
    }


def label(node: dict[str, Any]) -> str:
    """The name readers know the model by."""
    return node["alias"]


def _difference(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    found = []
    if not new["config"]["contract"]["enforced"]:
        found.append("its contract is no longer enforced")
    for name, column in old["columns"].items():
        now = new["columns"].get(name)
        if now is None:
            found.append(f"column {name} is gone")
        elif column["data_type"] != now["data_type"]:
            found.append(f"column {name} is {now['data_type']}, was {column['data_type']}")
        elif lost := _constraints(column) - _constraints(now):
            found.append(f"column {name} no longer promises {', '.join(sorted(lost))}")
    found += [f"new column {name}" for name in new["columns"] if name not in old["columns"]]
    return found


def _constraints(column: dict[str, Any]) -> set[str]:
    return {constraint["type"] for constraint in column.get("constraints") or []}


def log_lines(text: str) -> list[tuple[str, str, str, str]]:
    """Date, mart, kind and words of each line of the log."""
    return [match.groups() for line in text.splitlines() if (match := LINE.match(line))]  # type: ignore[misc]


def untold(found: list[Change], added: set[tuple[str, str, str, str]], readers: dict[str, set[str]]) -> list[str]:
    """Changes without a line of this branch in the log, and breaking ones whose readers' owners it does not name."""
    problems = []
    for change in found:
        lines = [line for line in added if line[1] == change.mart and line[2] == change.kind]
        if not lines:
            problems.append(
                f"{change.mart}: {change.kind}: {'; '.join(change.what)}, and {LOG} does not tell it. Remedy: add "
                f"| {date_today()} | `{change.mart}` | {change.kind} | what readers have to know |"
                + (
                    "; better, keep the old version for a while (docs/contracts.md)"
                    if change.kind == "breaking"
                    else ""
                )
            )
        elif change.kind in ("breaking", "withdrawn"):
            text = " ".join(line[3] for line in lines)
            if missing := sorted(owner for owner in readers.get(change.mart, set()) if owner not in text):
                problems.append(
                    f"{change.mart}: {change.kind}, and its line in {LOG} does not name {', '.join(missing)}, who read "
                    "it. Remedy: agree it with them, and say so"
                )
    return problems


def owners_of_readers(manifest: dict[str, Any]) -> dict[str, set[str]]:
    """Owners of the exposures that read each public model."""
    readers: dict[str, set[str]] = {}
    models = public(manifest)
    for exposure in manifest["exposures"].values():
        for name in exposure["depends_on"]["nodes"]:
            if name in models:
                readers.setdefault(label(models[name]), set()).add(exposure["owner"]["name"])
    return readers


def expired(manifest: dict[str, Any], today: date) -> list[str]:
    """Old versions without a date on which they end, and versions that are there after it."""
    problems = []
    for node in public(manifest).values():
        end = str(node.get("deprecation_date") or "")[:10]
        is_old = node.get("version") is not None and node["version"] != node["latest_version"]
        if is_old and not end:
            problems.append(f"{label(node)}: an old version without deprecation_date. Remedy: say until when it stays")
        elif end and date.fromisoformat(end) < today:
            problems.append(f"{label(node)}: was to end on {end}. Remedy: remove it, or agree a later deprecation_date")
    return problems


def date_today() -> date:
    """Today, UTC."""
    return datetime.now(UTC).date()


def _export(manifest: dict[str, Any]) -> int:
    from tools.contracts import lint  # datacontract-cli takes a second to import

    paths = write_contracts(manifest, ROOT / "reports" / "contracts")
    print(f"{len(paths)} contracts written to reports/contracts/")
    return lint(paths)


def read(path: Path) -> dict[str, Any]:
    """A manifest.

    Raises:
        ConfigError: there is none, or it is of another shape.
    """
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        manifest["nodes"], manifest["metadata"]["project_name"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        text = f"no readable manifest ({type(error).__name__})."
        raise ConfigError(text, subject=f"{path}", remedy="name a directory with a manifest.json of dbt.") from error
    return manifest


def at(revision: str, path: str) -> str:
    """A file as it was; empty where it was not there."""
    done = _git("show", f"{revision}:{path}")
    return done.stdout if done.returncode == 0 else ""


def _git(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)


def run_dbt(command: Sequence[str], project: Path, target: Path) -> subprocess.CompletedProcess[str]:
    """dbt on a project's files. It reads no warehouse, so settings of one are not asked for."""
    environment = {**os.environ, "DBT_PROFILES_DIR": str(project), "DBT_LOG_PATH": str(target)}
    arguments = ["--project-dir", str(project), "--target-path", str(target)]
    return subprocess.run(
        [*DBT, *command, *arguments], cwd=project, env=environment, capture_output=True, text=True, check=False
    )


if __name__ == "__main__":
    sys.exit(main())
