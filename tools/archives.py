"""Takes an erased subject out of the archives of earlier purges: Parquet files with a manifest each.

A file is written anew without the rows that name the subject, and its manifest says that it was: rows and SHA-256
before and after. A kill leaves the old pair, or a new file whose manifest the next run puts in place.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb


class ArchiveError(Exception):
    """An archive that cannot be trusted as it is; names the file and what to do."""


@dataclass(frozen=True)
class Removed:
    """Rows taken out of one archive."""

    archive: str
    rows: int


def word_pattern(names: list[str]) -> str:
    """A regular expression, as DuckDB and Python both read it, for any of the names as a whole word."""
    return f"(^|[^A-Za-z0-9])({'|'.join(re.escape(name) for name in names)})([^A-Za-z0-9]|$)"


def archive_folder(warehouse: Path) -> Path:
    """STRATA_ARCHIVE, else the directory that `make purge` uses beside the warehouse."""
    return Path(os.environ.get("STRATA_ARCHIVE") or warehouse.resolve().with_name("archive"))


def erase_from_archives(folder: Path, names: list[str], run_id: str) -> list[Removed]:
    """Remove rows in whose texts a name stands, from every archive in the folder.

    Args:
        folder: where purges archive to; there may be none yet.
        names: the subject's identifier and names.
        run_id: the erasure, which the manifests then name.

    Returns:
        What was removed, for archives that held something.

    Raises:
        ArchiveError: a file is not what its manifest says, or cannot be read; it and those after it stay as they are.
    """
    removed = []
    for path in sorted(folder.glob("*.parquet")):
        _finish(path)
        rows = _erase(path, names, run_id)
        if rows:
            removed.append(Removed(path.name, rows))
    return removed


def _finish(path: Path) -> None:
    """What a killed run left: its manifest if the new file stands already, else nothing of it."""
    fresh_manifest, fresh = _fresh(_manifest(path)), _fresh(path)
    if fresh_manifest.exists():
        if json.loads(fresh_manifest.read_text(encoding="utf-8"))["sha256"] == _sha256(path):
            fresh_manifest.replace(_manifest(path))
        else:
            fresh_manifest.unlink()
    fresh.unlink(missing_ok=True)


def _erase(path: Path, names: list[str], run_id: str) -> int:
    manifest = _checked_manifest(path)
    quoted = str(path).replace("'", "''")
    with duckdb.connect() as connection:
        try:
            described = connection.execute(f"describe select * from read_parquet('{quoted}')").fetchall()
            texts = [column for column, kind, *_ in described if "VARCHAR" in kind or kind in ("JSON", "UUID")]
            if not texts:
                return 0
            named = " or ".join(
                f"""coalesce(regexp_matches(cast("{column}" as varchar), $1), false)""" for column in texts
            )
            sql = f"select count(*) from read_parquet('{quoted}') where {named}"
            ((rows,),) = connection.execute(sql, [word_pattern(names)]).fetchall()
            if not rows:
                return 0
            fresh = _fresh(path)
            # The relation, not the connection: it hands its rows over without copying them.
            connection.sql(
                f"select * from read_parquet('{quoted}') where not ({named})", params=[word_pattern(names)]
            ).write_parquet(str(fresh))
            ((left,),) = connection.execute("select count(*) from read_parquet($1)", [str(fresh)]).fetchall()
        except duckdb.Error as error:
            raise ArchiveError(
                f"{path}: {str(error).splitlines()[0]} Remedy: bring the file back from a backup, or remove it and its "
                "manifest when it may go as a whole; then erase again."
            ) from error
    if left != manifest["row_count"] - rows:
        fresh.unlink()
        raise ArchiveError(f"{path}: {manifest['row_count']} rows less {rows} are not {left}; it is as it was.")
    _replace(path, manifest, {"run_id": run_id, "rows_removed": rows}, left)
    return rows


def _replace(path: Path, manifest: dict[str, Any], erasure: dict[str, Any], row_count: int) -> None:
    fresh = _fresh(path)
    before = {"sha256_before": manifest["sha256"], "row_count_before": manifest["row_count"]}
    now = {
        **manifest,
        "row_count": row_count,
        "sha256": _sha256(fresh),
        "size_bytes": fresh.stat().st_size,
        "erasures": [*manifest.get("erasures", []), {**erasure, **before}],
    }
    _fresh(_manifest(path)).write_text(json.dumps(now) + "\n", encoding="utf-8")
    fresh.replace(path)
    _fresh(_manifest(path)).replace(_manifest(path))


def _checked_manifest(path: Path) -> dict[str, Any]:
    try:
        manifest = json.loads(_manifest(path).read_text(encoding="utf-8"))
        if manifest["sha256"] == _sha256(path):
            return manifest
        why = "its SHA-256 is not the one in its manifest"
    except (OSError, ValueError, KeyError):
        why = "its manifest is missing or cannot be read"
    raise ArchiveError(
        f"{path}: {why}, so that nobody can say what it holds. Remedy: bring both back from a backup, or remove both "
        "when they may go as a whole; then erase again."
    )


def _manifest(path: Path) -> Path:
    return path.with_suffix(".manifest.json")


def _fresh(path: Path) -> Path:
    return path.with_name(path.name + ".new")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
