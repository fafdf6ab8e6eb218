"""`python -m tools.catalogue`: write the catalogue to target/catalogue/; `search WORDS` asks it on the command line.

Exit codes: 0 done, 1 nothing found, 2 dbt has not written what the catalogue is made of (make docs).
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ingestion.errors import EXIT_OK, ConfigError, StrataError
from tools.catalogue import search, site
from tools.catalogue.columns import trace
from tools.catalogue.entries import Catalogue, gather
from tools.catalogue.state import read_state
from tools.dbt_session import target_path
from tools.run import ROOT, default_warehouse

EXIT_NOTHING = 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.catalogue", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, help="directory to write to (catalogue/ beside dbt's artefacts)")
    parser.add_argument("--without-lineage", action="store_true", help="leave column lineage out: it takes the longest")
    asked = parser.add_subparsers(dest="command").add_parser("search", help="find datasets, metrics and terms")
    asked.add_argument("words", nargs="+")
    asked.add_argument("--limit", type=int, default=10)
    options = parser.parse_args(arguments)
    out = options.out.resolve() if options.out else None
    os.chdir(ROOT)
    os.environ.setdefault("STRATA_WAREHOUSE", str(default_warehouse()))
    try:
        manifest, catalog = _artefact("manifest.json"), _artefact("catalog.json")
    except StrataError as error:
        print(f"{error}", file=sys.stderr)
        return error.exit_code
    catalogue = gather(manifest, catalog, ROOT)
    if options.command == "search":
        return _search(catalogue, " ".join(options.words), options.limit)
    _write(
        out or (target_path() / "catalogue").resolve(),
        catalogue,
        manifest,
        None if options.without_lineage else catalog,
    )
    return EXIT_OK


def _artefact(name: str) -> dict[str, Any]:
    path = target_path() / name
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        text = f"it cannot be read ({type(error).__name__})."
        raise ConfigError(text, subject=str(path), remedy="make docs") from error


def _write(out: Path, catalogue: Catalogue, manifest: dict[str, Any], catalog: dict[str, Any] | None) -> None:
    started, state, docs = time.monotonic(), read_state(), target_path() / "static_index.html"
    for reason in sorted(set(state.missing.values())):
        print(f"catalogue: freshness, quality or loads are left out: {reason}")
    with tempfile.TemporaryDirectory(prefix="strata-catalogue-") as scratch:
        lineage = None
        if catalog is not None:
            page = Path(scratch) / "lineage.html"
            lineage = trace(manifest, catalog, page), page
            for problem in lineage[0].problems[:5]:
                print(f"column lineage: {problem}")
        written_at = datetime.now(UTC)
        size = site.write(out, catalogue, state, written_at, lineage, docs if docs.exists() else None)
    shown = out.relative_to(ROOT) if out.is_relative_to(ROOT) else out
    print(
        f"{shown}/index.html: {len(catalogue.datasets)} datasets, {len(catalogue.metrics)} metrics, "
        f"{len(catalogue.terms)} terms, {size / 1e6:.1f} MB, {time.monotonic() - started:.0f} s"
        + ("" if lineage else "; column lineage comes with make docs")
    )


def _search(catalogue: Catalogue, words: str, limit: int) -> int:
    hits = search.Search(search.build(catalogue))(words, limit)
    for hit in hits:
        print(f"{hit.kind:<8} {hit.name}\n         {hit.text[:150]}")
    if not hits:
        print("nothing like that", file=sys.stderr)
    return EXIT_OK if hits else EXIT_NOTHING


if __name__ == "__main__":
    sys.exit(main())
