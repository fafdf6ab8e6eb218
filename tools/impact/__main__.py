"""`make impact`: what the working tree changes against main, down to columns, as Markdown for a pull request.

Both revisions are compiled by dbt into an empty file, bound by DuckDB and traced by dbt-colibri; no warehouse is read.
Exit codes: 0 told, 1 some SQL asks for what is no longer there, 2 there is nothing to compare with.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ingestion.errors import EXIT_OK, ConfigError, StrataError
from tools.data_products import merge_base, parse_base, read, run_dbt
from tools.impact.changes import changes
from tools.impact.project import bind
from tools.impact.report import as_markdown
from tools.impact.touched import touched
from tools.run import ROOT

EXIT_BROKEN = 1
FILE = "impact.duckdb"  # of the same name for both revisions, because compiled SQL carries it


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.impact", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--base", default="main", help="git revision to compare with (main)")
    parser.add_argument("--out", type=Path, help="write the Markdown to this file, too")
    options = parser.parse_args(arguments)
    out = options.out.resolve() if options.out else None
    os.chdir(ROOT)
    try:
        revision = merge_base(options.base)
        with tempfile.TemporaryDirectory(prefix="strata-impact-") as scratch:
            base, tree = _manifests(revision, Path(scratch))
    except StrataError as error:
        print(f"{error}", file=sys.stderr)
        return error.exit_code
    text, is_broken = report(base, tree, revision)
    print(text)
    if out:
        out.write_text(text + "\n", encoding="utf-8")
    return EXIT_BROKEN if is_broken else EXIT_OK


def report(base: dict[str, Any], tree: dict[str, Any], revision: str) -> tuple[str, bool]:
    """The report on two manifests with compiled SQL, and whether SQL asks for what is no longer there."""
    before = bind(base)
    now = bind(tree, before)
    found = changes(before, now)
    text = as_markdown(before, now, found, touched(before, now, found, ROOT), revision)
    return text, bool(now.broken.keys() - before.broken.keys())


def _manifests(revision: str, scratch: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Manifests with compiled SQL of the base and of the working tree.

    Raises:
        ConfigError: one of them does not compile.
    """
    kept = {name: os.environ.get(name) for name in ("STRATA_WAREHOUSE", "STRATA_TARGET")}
    os.environ |= {"STRATA_WAREHOUSE": str(scratch / FILE), "STRATA_TARGET": "dev"}
    try:
        before = read(parse_base(revision, scratch, _compile(ROOT)) / "manifest.json")
        done = run_dbt(_compile(ROOT), ROOT, scratch / "now")
    finally:
        for name, value in kept.items():
            os.environ.pop(name, None) if value is None else os.environ.update({name: value})
    if done.returncode:
        text = f"dbt cannot compile it: {done.stdout.strip()[-600:]}"
        raise ConfigError(text, subject="working tree", remedy="dbt compile")
    return before, read(scratch / "now" / "manifest.json")


def _compile(root: Path) -> list[str]:
    """Of models and snapshots alone: tests would double the time."""
    name = next(
        line.split(":", 1)[1].split("#")[0].strip(" '\"")
        for line in (root / "dbt_project.yml").read_text(encoding="utf-8").splitlines()
        if line.startswith("name:")
    )
    return ["compile", "--select", *(f"resource_type:{kind},package:{name}" for kind in ("model", "snapshot"))]


if __name__ == "__main__":
    sys.exit(main())
