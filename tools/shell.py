"""Ask the warehouse in SQL: `make shell`, or `python -m tools.shell [--sql "..."] [--published] [--file F] [--write]`.

DuckDB's own command line is no Python package of the version in requirements.lock, hence these few lines on the Python
one. The file is opened for each statement and let go after it, so that a shell left open is in no build's way; what a
session makes for itself (temporary tables, settings, `use`) stays until it ends. `--write` keeps the warehouse instead.

Exit codes: 0; 1 a statement of --sql or of a pipe failed; 2 there is no such file; 75 another run holds the warehouse.
"""

from __future__ import annotations

import argparse
import code
import contextlib
import os
import shutil
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from pathlib import Path

import duckdb

from ingestion.errors import EXIT_OK, ConfigError, LockedError, StrataError
from ingestion.lock import warehouse_lock
from tools.observed import in_snowflake
from tools.publish.copying import FILE, first_line
from tools.publish.shelf import place_of
from tools.run import ROOT, default_warehouse, warehouse

ROWS, WIDTH = 40, 120  # rows shown of a result; characters of a line where no terminal says otherwise
EXIT_FAILED = 1
AS_OF = (  # of a published copy, of a warehouse
    "select value from publication.run where name = 'data_as_of'",
    "select strftime(max(finished_at), '%Y-%m-%dT%H:%M:%SZ') from raw_ops.loads where source <> 'dbt_artifacts'",
)
HELP = """
  select table_schema, table_name from information_schema.tables where table_name like '%supplier%';
  select table_name, comment from duckdb_tables() where schema_name = '{schema}';   -- what each table is
  describe {schema}.{table};   -- its columns
  summarize {schema}.{table};   -- ranges, means and empty values of each
  from {schema}.{table} limit 10;
  use {schema};   -- then its tables need no schema
  copy (from {schema}.{table}) to 'rows.csv';
  .help   .quit (or Ctrl-D)"""


class Warehouse:
    """A DuckDB file that is attached for the time of a statement.

    Args:
        path: the file.
        is_shared: whether builds write to it, so that its lock is asked for; False for a published copy.
        is_writable: attach it for writing; the caller holds its lock.
    """

    def __init__(self, path: Path, *, is_shared: bool, is_writable: bool, scratch: str) -> None:
        self.path, self._is_shared, self._is_writable = path, is_shared, is_writable
        self.name = path.stem  # views carry the database's name
        self._schema = "main"
        self._connection = duckdb.connect(
            config={
                "memory_limit": os.environ.get("STRATA_MEMORY_LIMIT", "1500MB"),
                "temp_directory": scratch,
                "autoinstall_known_extensions": "false",
            }
        )
        self._connection.execute("set TimeZone = 'UTC'; set enable_progress_bar = false")

    @contextlib.contextmanager
    def opened(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection to the file, in the schema that the last `use` named.

        Raises:
            LockedError: a run holds the warehouse, or another program writes to it.
        """
        lock = warehouse_lock(self.path, wait_seconds=0) if self._is_shared else contextlib.nullcontext()
        file, mode = str(self.path).replace("'", "''"), "" if self._is_writable else "(read_only)"
        with lock:
            try:
                self._connection.execute(f"attach '{file}' as \"{self.name}\" {mode}")
            except duckdb.IOException as error:
                if "lock" not in str(error):
                    raise
                raise LockedError(
                    f"another program has it open ({first_line(error)}).",
                    subject=f"warehouse {self.path}",
                    remedy="end that program, or try again later.",
                ) from error
            try:
                self._connection.execute(f'use "{self.name}"."{self._schema}"')
                yield self._connection
                database, schema = self._connection.execute("select current_database(), current_schema()").fetchall()[0]
                self._schema = schema if database == self.name else self._schema
            finally:
                self._connection.execute(f'use memory; detach "{self.name}"')

    def run(self, text: str) -> bool:
        """Run statements and print their results up to the first that fails; returns whether none did."""
        try:
            for statement in duckdb.extract_statements(text):
                with self.opened() as connection:
                    result = connection.sql(_without_end(statement.query))
                    if result is not None and result.columns != ["Success"]:
                        result.show(max_rows=ROWS, max_width=shutil.get_terminal_size((WIDTH, ROWS)).columns)
        except LockedError as error:
            print(f"{error}{_copy_there_is(self.path)}", file=sys.stderr)
        except duckdb.Error as error:
            print(f"{error}", file=sys.stderr)
            if "read-only" in str(error):
                print("Remedy: make shell WRITE=1 opens the warehouse for writing.", file=sys.stderr)
        except KeyboardInterrupt:
            print("interrupted", file=sys.stderr)
        else:
            return True
        return False

    def overview(self) -> tuple[str, str]:
        """What the file holds, and a few statements that fit it."""
        with self.opened() as connection:
            found = connection.execute(
                "select table_schema, count(*), min(table_name) from information_schema.tables "
                "where table_catalog = ? and not table_schema like 'raw\\_%\\_staging' escape '\\' "
                "group by table_schema order by table_schema",
                [self.name],
            ).fetchall()
            as_of = [_first_value(connection, query) for query in AS_OF]
        told = f"{self.path}, {'for writing' if self._is_writable else 'read-only'}"
        if any(as_of):
            told += f", data as of {as_of[0] or as_of[1]}"
        lines = [f"{told}; tables and views by schema:"]
        held = [f"{schema} {count}" for schema, count, _ in found] or ["none yet. Remedy: make run"]
        lines += textwrap.wrap(
            ", ".join(held), WIDTH, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False
        )
        marts = [(schema, table) for schema, _, table in found if schema.endswith("marts")] or [("marts", "dim_date")]
        return "\n".join(lines), HELP.format(schema=marts[0][0], table=marts[0][1])


class Console(code.InteractiveConsole):
    """Reads statements up to their semicolon."""

    def __init__(self, opened: Warehouse, help_text: str) -> None:
        super().__init__()
        self._opened, self._help = opened, help_text

    def runsource(self, source: str, filename: str = "", symbol: str = "") -> bool:
        """Run what was typed so far; returns whether more is needed."""
        text = source.strip()
        if text in (".quit", ".exit", "quit", "exit"):
            raise SystemExit(EXIT_OK)
        if text == ".help":
            print(self._help)
        elif text and not text.endswith(";"):
            return True
        elif text:
            self._opened.run(text)
        return False


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.shell", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sql", help="run these statements and end")
    chosen = parser.add_mutually_exclusive_group()
    chosen.add_argument("--published", action="store_true", help="the copy that make publish wrote")
    chosen.add_argument("--file", type=Path, help="another DuckDB file, such as a copy of production's")
    chosen.add_argument("--write", action="store_true", help="keep the warehouse and write to it")
    options = parser.parse_args(arguments)
    given = options.file.resolve() if options.file else None
    os.chdir(ROOT)
    os.environ.setdefault("STRATA_WAREHOUSE", str(default_warehouse()))
    path = given or (place_of(warehouse()) / "current" / FILE if options.published else warehouse())
    try:
        _check(path, is_published=options.published, is_given=given is not None)
        with tempfile.TemporaryDirectory(prefix="strata-shell-") as scratch:
            if options.write:
                with warehouse_lock(path):
                    return _talk(Warehouse(path, is_shared=False, is_writable=True, scratch=scratch), options.sql)
            is_shared = not (given or options.published)
            return _talk(Warehouse(path, is_shared=is_shared, is_writable=False, scratch=scratch), options.sql)
    except StrataError as error:
        print(f"{error}{_copy_there_is(path)}", file=sys.stderr)
        return error.exit_code
    except duckdb.Error as error:
        print(f"{path}: DuckDB cannot open it: {first_line(error)}", file=sys.stderr)
        return EXIT_FAILED


def _without_end(query: str) -> str:
    """A statement without its semicolon and what follows: DuckDB shows a result by putting its query into another."""
    parts = [place for place, kind in duckdb.tokenize(query) if kind != duckdb.token_type.comment]
    return query[: parts[-1]] if parts and query[parts[-1]] == ";" else query


def _talk(opened: Warehouse, sql: str | None) -> int:
    if sql is None and not sys.stdin.isatty():
        sql = sys.stdin.read()
    if sql is not None:
        return EXIT_OK if opened.run(sql) else EXIT_FAILED
    with contextlib.suppress(ImportError):
        import readline  # noqa: F401 - line editing and history where Python has it
    holds, help_text = opened.overview()
    sys.ps1, sys.ps2 = f"{opened.name}> ", " " * len(opened.name) + "> "
    with contextlib.suppress(SystemExit):
        Console(opened, help_text).interact(
            banner=f"{holds}\nA statement ends with ; for example:{help_text}", exitmsg=""
        )
    return EXIT_OK


def _check(path: Path, *, is_published: bool, is_given: bool) -> None:
    if path.is_file():
        return
    if in_snowflake() and not is_given and not is_published:
        text, remedy = "the target is Snowflake, which has a shell of its own.", "snow sql, or dbt show --inline"
        raise ConfigError(text, subject="warehouse", remedy=remedy)
    remedy = "make publish" if is_published else "check the path." if is_given else "make run"
    raise ConfigError("there is no such file.", subject=f"{path}", remedy=f"{remedy}")


def _copy_there_is(path: Path) -> str:
    """Where to read meanwhile, if a copy of the warehouse was published."""
    is_there = path == warehouse() and (place_of(path) / "current" / FILE).is_file()
    return " Meanwhile, make shell PUBLISHED=1 reads the copy that make publish wrote." if is_there else ""


def _first_value(connection: duckdb.DuckDBPyConnection, query: str) -> str | None:
    try:
        row = connection.execute(query).fetchone()
    except duckdb.CatalogException:
        return None
    return row[0] if row else None


if __name__ == "__main__":
    sys.exit(main())
