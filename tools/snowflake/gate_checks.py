"""The static gate's checks on one statement: would Snowflake parse it, know its functions, types and columns?

Four independent checks, because each misses what another sees: sqlfluff's Snowflake grammar, a list of function and
type names, sqlglot's resolution of every column, and bans of what those three and the emulator let through.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import sqlglot
from sqlfluff.core import FluffConfig, Linter
from sqlfluff.core.parser import BaseSegment
from sqlglot.errors import OptimizeError, SqlglotError
from sqlglot.optimizer.qualify import qualify

FUNCTIONS_FILE = Path(__file__).with_name("functions.txt")
_OTHER_REMEDY = "use one that both dialects have, or a dispatched macro with a Snowflake branch; names: functions.txt"

Schema = dict[str, dict[str, dict[str, dict[str, str]]]]

# https://docs.snowflake.com/en/sql-reference/intro-summary-data-types
_TYPE_NAMES = """
array bigint binary boolean byteint char character date datetime dec decimal double float float4 float8 geography
geometry int integer map nchar number numeric nvarchar nvarchar2 object real smallint string text time timestamp
timestamp_ltz timestamp_ntz timestamp_tz timestampltz timestampntz timestamptz tinyint varbinary varchar variant vector
"""
TYPES = frozenset(_TYPE_NAMES.split())

# sqlfluff reads table(...) around a table function as a call.
_TABLE_KEYWORD = frozenset({"table"})

# What to write instead of DuckDB's names; a name that is not here gets the general remedy.
FUNCTION_REMEDIES: Mapping[str, str] = {
    "bool_and": "booland_agg, or min(iff(...))",
    "bool_or": "boolor_agg, or max(iff(...))",
    "date_add": "dateadd, through {{ dbt.dateadd() }}",
    "date_diff": "datediff, through {{ dbt.datediff() }}",
    "epoch": "date_part(epoch_second, ...), in a dispatched macro",
    "epoch_ms": "to_timestamp_ntz(value, 3), in a dispatched macro",
    "generate_series": "{{ dbt_utils.date_spine() }}, or table(generator(...)) in a dispatched macro",
    "isnull": "is null",
    "json_extract": "get_path, in a dispatched macro",
    "json_extract_string": "column:path::varchar, in a dispatched macro",
    "list_aggregate": "array_agg and flatten, in a dispatched macro",
    "make_date": "date_from_parts, in a dispatched macro",
    "quantile_cont": "percentile_cont(...) within group (order by ...)",
    "range": "table(generator(...)) in a dispatched macro",
    "regexp_matches": "regexp_like, in a dispatched macro: Snowflake's pattern must match the whole text",
    "sha256": "sha2(..., 256), in a dispatched macro",
    "string_agg": "listagg, through {{ dbt.listagg() }}",
    "strftime": "to_char, in a dispatched macro: the format letters differ",
    "strptime": "to_timestamp_ntz(text, format), in a dispatched macro",
    "struct_pack": "object_construct, in a dispatched macro",
    "try_strptime": "try_to_timestamp_ntz(text, format), in a dispatched macro",
    "unnest": "lateral flatten(input => ...), in a dispatched macro",
}


@dataclass(frozen=True)
class Ban:
    """A form that the emulator runs and Snowflake refuses, or reads as something else."""

    name: str
    pattern: re.Pattern[str]
    remedy: str


def _ban(name: str, pattern: str, remedy: str) -> Ban:
    return Ban(name, re.compile(pattern, re.IGNORECASE), remedy)


BANS: tuple[Ban, ...] = (
    _ban("filter (where ...)", r"\bfilter\s*\(\s*where\b", "count_if(...) or sum(iff(..., value, null))"),
    _ban("->> operator", r"->>", "column:path::varchar, in a dispatched macro"),
    _ban("select that starts with from", r"(?:\A\s*|\(\s*)from\b", "write select * from ..."),
    _ban("// as integer division", r"//", "floor(a / b): in Snowflake // starts a comment"),
    _ban("** as power", r"\*\*", "power(a, b)"),
    _ban("distinct on", r"\bdistinct\s+on\s*\(", "qualify row_number() over (partition by ... order by ...) = 1"),
    _ban("semi, anti or positional join", r"\b(?:semi|anti|positional)\s+join\b", "where [not] exists (...)"),
    _ban("interval without quotes", r"\binterval\s+[\w(]", "{{ dbt.dateadd() }}, or interval '1 day'"),
    _ban("arithmetic on an interval", r"\binterval\s*'[^']*'\s*[*/]", "{{ dbt.dateadd() }} with the product"),
    _ban("struct literal or named argument with :=", r":=", "object_construct(...), or => for arguments"),
    _ban("columns(...) expression", r"\bcolumns\s*\(", "name the columns"),
    _ban("array slice", r"\[[^\]'\"]*:[^\]'\"]*\]", "array_slice(...), or substr(...) for text"),
)
_QUOTED_LOWER = Ban("quoted lower-case identifier", re.compile(r'"[^"]*[a-z][^"]*"'), "leave the quotes out")


@dataclass(frozen=True)
class Problem:
    """What is wrong where, and what to write instead."""

    check: str
    line: int
    message: str
    remedy: str


def read_functions(path: Path = FUNCTIONS_FILE) -> frozenset[str]:
    """The allowed function names; comments and [group] lines are for the reader."""
    lines = (line.strip() for line in path.read_text().splitlines())
    return frozenset(word for line in lines if line and line[0] not in "#[" for word in line.split())


def blank_literals(sql: str) -> str:
    """The statement with comments and the inside of text literals as spaces: same length, same lines."""

    def blank(match: re.Match[str]) -> str:
        text = match[0]
        kept = text[0] == "'"
        return "".join(
            char if char == "\n" or (kept and place in (0, len(text) - 1)) else " " for place, char in enumerate(text)
        )

    return re.sub(r"'(?:[^']|'')*'|--[^\n]*|/\*.*?\*/", blank, sql, flags=re.DOTALL)


_PARSER_FRAMES = 20_000  # sqlfluff parses by recursion: a check digit over twenty characters is deeper than 1,000


class StatementChecks:
    """Checks statements; keeps sqlfluff's parser, which is slow to set up."""

    def __init__(self, functions: frozenset[str] | None = None) -> None:
        self._functions = read_functions() if functions is None else functions

    @cached_property
    def _linter(self) -> Linter:
        # Nothing is taken from .sqlfluff: that file is about the sources' style, this about the grammar.
        # Its limits protect servers from strangers' SQL; unions over every table exceed them.
        overrides = {"dialect": "snowflake", "templater": "raw", "large_file_skip_byte_limit": 0}
        overrides |= {"max_parse_depth": 0, "max_parse_nodes": 0}
        sys.setrecursionlimit(max(sys.getrecursionlimit(), _PARSER_FRAMES))
        return Linter(config=FluffConfig(overrides=overrides))

    def check(self, sql: str, schema: Schema | None = None) -> list[Problem]:
        """Every problem in the statement, by line. Columns are resolved only where a schema is given."""
        problems = [*self._banned(sql), *self._parsed(sql)]
        if schema is not None:
            problems += resolve(sql, schema)[1]
        return sorted(set(problems), key=lambda problem: (problem.line, problem.check, problem.message))

    def _banned(self, sql: str) -> Iterator[Problem]:
        text = blank_literals(sql)
        for ban in (*BANS, _QUOTED_LOWER):
            for match in ban.pattern.finditer(text):
                line = text.count("\n", 0, match.end()) + 1
                yield Problem("banned form", line, ban.name, ban.remedy)

    def _parsed(self, sql: str) -> Iterator[Problem]:
        # The grammar has no // comment in front of it: the ban above names that case.
        parsed = self._linter.parse_string(sql if sql.endswith("\n") else sql + "\n")
        variant = parsed.root_variant()  # without one, .tree is an assertion error
        tree = variant.tree if variant else None
        if tree is None:
            reason = parsed.violations[0].desc() if parsed.violations else "it does not say why"
            message = f"sqlfluff cannot read the statement: {reason}"
            yield Problem("grammar", 1, message, "simplify it until sqlfluff parses it")
            return
        for segment in tree.recursive_crawl("unparsable"):
            shown = " ".join(segment.raw.split())[:80]
            yield Problem("grammar", _line(segment), f"not Snowflake's grammar: {shown}", _OTHER_REMEDY)
        yield from self._names(tree)

    def _names(self, tree: BaseSegment) -> Iterator[Problem]:
        for segment in tree.recursive_crawl("function_name"):
            name = segment.raw.lower()
            if name not in self._functions | _TABLE_KEYWORD:
                remedy = FUNCTION_REMEDIES.get(name, _OTHER_REMEDY)
                yield Problem("function name", _line(segment), f"{name}() is not a listed Snowflake function", remedy)
        for segment in tree.recursive_crawl("data_type"):
            name = (re.findall(r"\w+", segment.raw.lower()) or [""])[0]
            if name not in TYPES:
                yield Problem(
                    "type name", _line(segment), f"{name} is not a Snowflake type", "use {{ dbt.type_...() }}"
                )


def _line(segment: BaseSegment) -> int:
    return segment.pos_marker.source_position()[0] if segment.pos_marker else 1


def resolve(sql: str, schema: Schema) -> tuple[list[str], list[Problem]]:
    """Resolve every column as Snowflake would; the output columns in upper case, and what cannot be resolved."""
    try:
        tree = sqlglot.parse_one(sql, read="snowflake")
        tree = qualify(tree, schema=schema, dialect="snowflake", quote_identifiers=False)
    except OptimizeError as error:
        line = re.search(r"[Ll]ine:?\s*(\d+)", str(error))
        message = re.sub(r"\x1b\[\d*m", "", str(error)).splitlines()[0]
        remedy = "the name must exist in one relation in scope; a source's yml must list every column that is read"
        return [], [Problem("column", int(line[1]) if line else 1, message, remedy)]
    except (SqlglotError, ValueError) as error:  # ValueError: a form that sqlglot reads but cannot resolve
        message = re.sub(r"\x1b\[\d*m", "", str(error)).splitlines()[0]
        return [], [Problem("grammar", 1, f"sqlglot cannot read it: {message}", _OTHER_REMEDY)]
    return [column.upper() for column in getattr(tree, "named_selects", [])], []
