"""Unloading a query to a stage, and listing the files behind a path in one."""

from __future__ import annotations

import re
from pathlib import Path

import fakesnow.cursor
import fakesnow.transforms.stage as fakesnow_stage
from fakesnow.cursor import FakeSnowflakeCursor
from sqlglot import exp

from tools.snowflake.repairs.syntax import strip_comments

_UNLOAD = re.compile(r"COPY\s+INTO\s+@", re.IGNORECASE)
_LIST_PATH = re.compile(r"LIST\s+@(?P<stage>[\w.$]+)/(?P<path>\S*)$", re.IGNORECASE)


def answer(cursor: FakeSnowflakeCursor, command: str) -> str | None:
    """Run an unload or a LIST with a path; a query that yields Snowflake's answer, None for other statements."""
    plain = strip_comments(command)
    if _UNLOAD.match(plain):
        return _unload(cursor, plain)
    if match := _LIST_PATH.match(plain):
        return _list(cursor, match["stage"], match["path"])
    return None


def _storage(cursor: FakeSnowflakeCursor, name: str) -> str:
    """The stage's full name; an error as Snowflake's where there is no such stage."""
    connection = cursor._conn
    parts = fakesnow_stage.parts_from_var(name, connection.database, connection.schema)
    stages = "_fs_global._fs_information_schema._fs_stages"
    known = f"select 1 from {stages} where (database_name, schema_name, name) = (?, ?, ?)"
    if not cursor._duck_conn.execute(known, parts).fetchall():
        raise fakesnow_stage.not_found_error(".".join(parts))
    return ".".join(parts)


def _unload(cursor: FakeSnowflakeCursor, sql: str) -> str:
    tree = fakesnow.cursor.parse_one(sql)
    formats = {item.this.name.upper(): item for item in tree.args["params"]}
    kind = next((item.args["value"].name for item in formats["FILE_FORMAT"].expressions), "").upper()
    source = tree.args["files"][0]
    if kind != "PARQUET" or not isinstance(source, exp.Subquery) or "SINGLE" not in formats:
        raise ValueError("the emulator unloads a query to a single Parquet file only")
    name, _, path = tree.this.this.name[1:].partition("/")
    file = Path(fakesnow_stage.internal_dir(_storage(cursor, name), path))
    if file.exists():
        raise FileExistsError(f"Files already existing at the unload destination: {path}")
    file.parent.mkdir(parents=True, exist_ok=True)
    query = cursor._transform(source.this.copy(), None).sql(dialect="duckdb")
    target = exp.Literal.string(str(file)).sql(dialect="duckdb")
    rows = cursor._duck_conn.execute(f"copy ({query}) to {target} (format parquet)").fetchall()[0][0]
    size = file.stat().st_size
    return f'select {rows} as "rows_unloaded", {size} as "input_bytes", {size} as "output_bytes"'


def _list(cursor: FakeSnowflakeCursor, name: str, path: str) -> str:
    storage = _storage(cursor, name)
    columns = ("name", "size", "md5", "last_modified")
    start = f"{storage.rsplit('.', 1)[-1].lower()}/{path}"
    files = [
        row
        for row in cursor._duck_conn.execute(fakesnow_stage.list_stage_files_sql(storage)).fetchall()
        if row[0].startswith(start)
    ]
    if not files:
        return "select " + ", ".join(f"cast(null as varchar) as {column}" for column in columns) + " where 1 = 0"
    selects = []
    for row in files:
        values = [exp.Literal.string(str(value)).sql(dialect="snowflake") for value in row]
        selects.append(
            "select " + ", ".join(f'{value} as "{name}"' for value, name in zip(values, columns, strict=True))
        )
    return " union all ".join(selects)
