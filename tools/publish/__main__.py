"""Publish the marts: `make publish`, or `python -m tools.publish [--to DIR] [--with-personal] [--even-if-failed]`.

`--whole` copies the warehouse as it is instead, personal data and all, for who develops against it (tools/defer.py).

Exit codes: 0 published; 1 the last build of a mart failed, or the copy cannot be written; 2 a mart is not built or a
setting is wrong; 75 another run holds the warehouse. Whatever is not 0 leaves the published copy as it was.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import yaml

from ingestion.errors import EXIT_OK, ConfigError, DestinationError, StrataError
from ingestion.lock import warehouse_lock
from tools.publish.copies import MARTS, WHOLE, WITH_PERSONAL, note_copy
from tools.publish.copying import FILE, STORAGE_VERSION, Published, copy_marts, finish_copy, first_line, write_run
from tools.publish.marts import BrokenBuildError, broken, published_marts, read_manifest
from tools.publish.shelf import CURRENT, Shelf, place_of, place_of_whole
from tools.publish.whole import MANIFEST, copy_whole, write_state
from tools.run import ROOT, default_warehouse, warehouse

BUILD_RESULTS = "build_results.json"  # as tools.dbt_session keeps them; importing it would cost all of dbt


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.publish", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--to", type=Path, help="directory of the copies (warehouse/published/<warehouse>)")
    chosen = parser.add_mutually_exclusive_group()
    chosen.add_argument("--with-personal", action="store_true", help="also columns of sensitivity personal")
    chosen.add_argument(
        "--whole", action="store_true", help="everything, to develop against: as secret as the warehouse"
    )
    parser.add_argument("--even-if-failed", action="store_true", help="although the last build of a mart failed")
    options = parser.parse_args(arguments)
    to = options.to.resolve() if options.to else None
    os.chdir(ROOT)
    os.environ.setdefault("STRATA_WAREHOUSE", str(default_warehouse()))
    started = time.monotonic()
    try:
        if options.whole:
            file = publish_whole(to or place_of_whole(warehouse()), options.even_if_failed)
            print(f"  {file.parent}\nexport STRATA_PRODUCTION={file.parent} for tools.defer (docs/analyst.md)")
            return EXIT_OK
        written = publish(to or place_of(warehouse()), options.with_personal, options.even_if_failed)
    except StrataError as error:
        print(f"{error}", file=sys.stderr)
        return error.exit_code
    left_out = sum(len(table["left_out_columns"]) for table in written["tables"])
    rows = sum(table["rows"] for table in written["tables"])
    seconds, as_of = time.monotonic() - started, written["data_as_of"] or "unknown"
    print(f"published {len(written['tables'])} tables, {rows:,} rows, in {seconds:.1f} s; data as of {as_of}")
    if left_out:
        print(f"  {left_out} columns with personal data are left out")
    print(f"  {(to or place_of(warehouse())) / 'current' / FILE}")
    return EXIT_OK


def publish_whole(place: Path, even_if_failed: bool = False) -> Path:
    """Make a new copy of the whole warehouse current; returns its file, beside which dbt's manifest lies.

    Raises:
        StrataError: nothing was published; the copy that was current still is.
    """
    path, manifest, _ = _last_build(with_personal=True, even_if_failed=even_if_failed)
    shelf = Shelf(place)
    with _told(place), warehouse_lock(place), shelf.making() as directory, warehouse_lock(path):
        note_copy(path, directory, WHOLE, even_if_failed)
        count = copy_whole(path, _target() / MANIFEST, manifest, directory)
    current = place / CURRENT
    print(f"published the whole warehouse: {count} seeds, snapshots and models with all that has landed")
    return next(current.glob("*.duckdb"))


def publish(place: Path, with_personal: bool = False, even_if_failed: bool = False) -> dict[str, Any]:
    """Make a new copy current; returns its manifest.

    The warehouse's lock is held only while rows are copied out of it; hashing, Parquet and checks come after.

    Raises:
        StrataError: nothing was published; the copy that was current still is.
    """
    path, manifest, failed = _last_build(with_personal, even_if_failed)
    marts, results = published_marts(manifest, with_personal), _results()
    shelf = Shelf(place)
    with _told(place), warehouse_lock(place), shelf.making() as directory:
        with warehouse_lock(path):
            note_copy(path, directory, WITH_PERSONAL if with_personal else MARTS, even_if_failed)
            rows, landed = copy_marts(path, marts, directory)
        tables = finish_copy(directory, marts, rows)
        about = {
            "published_at": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
            "data_as_of": f"{landed.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if landed else None,
            **_project(),
            "dbt_invocation": results and results["metadata"]["invocation_id"],
            "dbt_invocation_at": results and results["metadata"]["generated_at"],
            "personal_columns": "included" if with_personal else "left out",
            "failed_in_last_build": ", ".join(failed) or None,
        }
        write_run(directory, about, tables)
        write_state(directory, manifest, marts)
        return _write_manifest(directory, about, tables)


def _target() -> Path:
    return Path(os.environ.get("DBT_TARGET_PATH", "target"))


def _last_build(with_personal: bool, even_if_failed: bool) -> tuple[Path, dict[str, Any], list[str]]:
    """The warehouse, dbt's manifest of it, and what of the marts the last build did not get through.

    Raises:
        ConfigError: there is no warehouse, or no manifest.
        BrokenBuildError: something failed, and only what did not is asked for.
    """
    path = warehouse()
    if not path.is_file():
        raise ConfigError("there is no such warehouse.", subject=f"{path}", remedy="make run")
    manifest = read_manifest(_target() / MANIFEST)
    failed = broken(manifest, _results(), published_marts(manifest, with_personal))
    if failed and not even_if_failed:
        text = f"the last build failed for {', '.join(failed)}. Nothing was published."
        remedy = "mend it and make build; python -m tools.publish --even-if-failed publishes it as it is."
        raise BrokenBuildError(text, subject=f"warehouse {path}", remedy=remedy)
    return path, manifest, failed


@contextmanager
def _told(place: Path) -> Iterator[None]:
    """Errors of the disk and of DuckDB, as what a person can do about them."""
    try:
        yield
    except duckdb.Error as error:
        text = f"DuckDB could not copy it: {first_line(error)}"
        raise DestinationError(text, subject=f"{place}", remedy="check space and permissions there.") from error
    except OSError as error:
        text = f"it cannot be written ({error.strerror})."
        raise DestinationError(text, subject=f"{place}", remedy="check space and permissions there.") from error


def _results() -> dict[str, Any] | None:
    """What the last build said of each node; None for a warehouse that was built elsewhere."""
    try:
        return json.loads((_target() / BUILD_RESULTS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _project() -> dict[str, str | None]:
    """Version of the project, and the commit it stands on, if it is a git checkout."""
    project = yaml.safe_load((ROOT / "dbt_project.yml").read_text(encoding="utf-8"))
    commit = _git("rev-parse", "HEAD")
    changed = _git("status", "--porcelain", "--untracked-files=no")
    return {
        "project_version": str(project["version"]),
        "git_commit": commit and commit + (" with changes" if changed else ""),
    }


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


def _write_manifest(directory: Path, about: dict[str, str | None], tables: list[Published]) -> dict[str, Any]:
    written = {
        **about,
        "file": {"path": FILE, "storage_version": STORAGE_VERSION, "sha256": _sha256(directory / FILE)},
        "tables": [
            {
                "schema": table.mart.schema,
                "name": table.mart.name,
                "dbt_model": table.mart.unique_id,
                "rows": table.rows,
                "content_hash": table.content_hash,
                "columns": list(table.mart.columns),
                "left_out_columns": list(table.mart.left_out),
                "parquet": table.parquet,
                "parquet_sha256": _sha256(directory / table.parquet),
            }
            for table in tables
        ],
    }
    (directory / MANIFEST).write_text(json.dumps(written, indent=2) + "\n", encoding="utf-8")
    return written


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


if __name__ == "__main__":
    sys.exit(main())
