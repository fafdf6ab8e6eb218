"""Where a subject's identifier and names stand: tables, copies of the warehouse, and files that the project wrote."""

from __future__ import annotations

import base64
import html
import json
import os
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from tools.archives import word_pattern
from tools.publish.shelf import Shelf

COLUMNS = """
    select t.schema_name, t.table_name, list(c.column_name order by c.column_index)
    from duckdb_tables() as t
    inner join duckdb_columns() as c using (database_name, schema_name, table_name)
    where t.database_name = current_database() and not t.temporary
        and (c.data_type like '%VARCHAR%' or c.data_type in ('JSON', 'UUID'))
    group by all order by all
"""
TEXTS = {".csv", ".htm", ".html", ".js", ".json", ".jsonl", ".log", ".md", ".prom", ".txt", ".yaml", ".yml"}
ENCODED = re.compile(r"[A-Za-z0-9+/]{200,}={0,2}")  # Elementary's report carries its data in base64
WRITE_ANEW = {
    "reports/partner_banks": "write the week anew (make report WEEK= BANK=), and tell the bank that has the old one",
    "reports/investors": "write the quarter anew (make investors QUARTER=)",
    "reports/dashboards": "make dashboards",
    "reports/quality": "make quality",
    "reports/capacity_plan": "make capacity",
    "reports": "write it anew with the command that made it, or delete it",
    "target/catalogue": "make docs",
    "target": "delete it; the next make build writes it anew",
    "logs": "delete it; dbt begins another",
}


@dataclass(frozen=True)
class Place:
    """A column in which rows name the subject."""

    table: str
    column: str
    rows: int


def places(connection: duckdb.DuckDBPyConnection, names: list[str]) -> list[Place]:
    """Every column of every table in which a name stands as a whole word, with the number of rows.

    Views hold nothing of their own. The seed of holds names whom it holds, and says so.
    """
    found = []
    for schema, table, columns in connection.execute(COLUMNS).fetchall():
        if table != "legal_holds":
            rows = _rows_naming(connection, f'"{schema}"."{table}"', columns, names)
            found += [Place(f"{schema}.{table}", column, count) for column, count in rows.items()]
    return found


def in_bytes(path: Path, name: str, chunk: int = 1 << 24) -> bool:
    """Whether the file holds the name's bytes; read in pieces that overlap by its length."""
    wanted, kept = name.encode(), b""
    with path.open("rb") as file:
        while piece := file.read(chunk):
            if wanted in kept + piece:
                return True
            kept = piece[-len(wanted) :]
    return False


def in_copies(shelves: list[Shelf], names: list[str]) -> tuple[list[str], list[str]]:
    """Look into every file of every version: tables and Parquet files by SQL, the bytes of database files, texts.

    Returns:
        Where a name stands, and which files could not be searched.
    """
    found, unsearched = [], []
    for path in (path for shelf in shelves for path in _files(shelf.directory)):
        try:
            found += [f"{path}: {where}" for where in _where(path, names)]
        except (duckdb.Error, OSError) as error:
            unsearched.append(f"{path}: {str(error).splitlines()[0]}")
    return found, unsearched


def in_reports(root: Path, names: list[str]) -> tuple[list[dict[str, str]], list[str]]:
    """Look into the files that reports, dbt and the catalogue wrote; nothing is changed in them.

    Args:
        root: the project's directory; dbt's target and log directories where the environment says they are.
        names: the subject's identifier and names.

    Returns:
        Files that name the subject, each with its remedy, and those of a kind that cannot be searched (PDF).
    """
    found, unsearched = [], []
    for title, folder in _written_folders(root):
        for path in _files(folder):
            if title == "reports" and path.is_relative_to(folder / "boards"):
                continue  # dashboards as code
            if path.suffix == ".pdf":
                unsearched.append(f"{path}")
                continue
            try:
                if any(_where(path, names)):
                    found.append({"file": f"{path}", "remedy": _remedy(f"{title}/{path.relative_to(folder)}")})
            except (duckdb.Error, OSError, zipfile.BadZipFile, InvalidFileException, KeyError) as error:
                unsearched.append(f"{path} ({type(error).__name__})")
    return found, unsearched


def _where(path: Path, names: list[str]) -> Iterator[str]:
    """Places in a file in which a name stands as a whole word, and for a database file, also its bytes."""
    if path.suffix == ".duckdb":
        with duckdb.connect(str(path), read_only=True) as connection:
            yield from (f"{place.table}.{place.column}, {place.rows} rows" for place in places(connection, names))
        if any(in_bytes(path, name) for name in names):
            yield "its bytes"
    elif path.suffix == ".wal":
        yield from ("its bytes" for name in names if in_bytes(path, name))
    elif path.suffix == ".parquet":
        with duckdb.connect() as connection:
            relation = "read_parquet('{}')".format(str(path).replace("'", "''"))
            described = connection.execute(f"describe select * from {relation}").fetchall()
            columns = [name for name, kind, *_ in described if "VARCHAR" in kind or kind in ("JSON", "UUID")]
            rows = _rows_naming(connection, relation, columns, names)
            yield from (f"{column}, {count} rows" for column, count in rows.items())
    elif path.suffix == ".xlsx":
        pattern = re.compile(word_pattern(names))
        book = load_workbook(path, read_only=True)
        for sheet in book:
            if any(pattern.search(f"{cell}") for row in sheet.iter_rows(values_only=True) for cell in row if cell):
                yield f"sheet {sheet.title}"
        book.close()
    elif path.suffix in TEXTS or re.fullmatch(r"\.log\.\d+", "".join(path.suffixes[-2:])):
        text = path.read_text(encoding="utf-8", errors="replace")
        if re.search(word_pattern(_spellings(names)), text + _decoded(text)):
            yield "its text"


def _rows_naming(
    connection: duckdb.DuckDBPyConnection, relation: str, columns: list[str], names: list[str]
) -> dict[str, int]:
    """Columns in which rows name the subject, with how many."""
    if not columns:
        return {}
    quoted = ['"' + column.replace('"', '""') + '"' for column in columns]
    # Most values hold no name at all, and finding that out by a plain search is far cheaper than by the pattern.
    anywhere = " or ".join(f"contains(value, ${number})" for number in range(2, len(names) + 2))
    counts = ", ".join(
        f"count(*) filter (case when {anywhere.replace('value', f'cast({column} as varchar)')} "
        f"then regexp_matches(cast({column} as varchar), $1) end)"
        for column in quoted
    )
    (row,) = connection.execute(f"select {counts} from {relation}", [word_pattern(names), *names]).fetchall()
    return {column: rows for column, rows in zip(columns, row, strict=True) if rows}


def _spellings(names: list[str]) -> list[str]:
    """The names as they stand in plain text, in HTML and in JSON."""
    spelt = [
        spelling
        for name in names
        for spelling in (
            name, html.escape(name), html.escape(name, quote=False), json.dumps(name)[1:-1],
            json.dumps(name, ensure_ascii=False)[1:-1], name.replace("<", "\\u003c"),
        )
    ]  # fmt: skip
    return list(dict.fromkeys(spelt))


def _decoded(text: str) -> str:
    decoded = []
    for run in ENCODED.findall(text):
        try:
            decoded.append(base64.b64decode(run + "=" * (-len(run) % 4)).decode("utf-8", errors="replace"))
        except ValueError:
            continue  # a long word, no base64
    return "\n".join(["", *decoded])


def _files(folder: Path) -> list[Path]:
    """Files in the folder and below it, each once."""
    return sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def _written_folders(root: Path) -> list[tuple[str, Path]]:
    return [
        ("reports", root / "reports"),
        ("target", root / os.environ.get("DBT_TARGET_PATH", "target")),
        ("logs", root / os.environ.get("DBT_LOG_PATH", "logs")),
    ]


def _remedy(path: str) -> str:
    """What to do about a file, by the longest beginning of its path that is known."""
    return WRITE_ANEW[max((begin for begin in WRITE_ANEW if path.startswith(begin)), key=len)]
