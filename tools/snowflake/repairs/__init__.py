"""Repairs to fakesnow that dbt-snowflake and dlt need.

fakesnow translates Snowflake SQL to DuckDB and serves the Snowflake connector's HTTP protocol. As released it passes
first runs only; each repair below closes one gap. They replace functions inside fakesnow, which has no plug-in
interface, so they hold for exactly one version: `SUPPORTED_FAKESNOW` is checked at start.

Every repair can be left out by name (`--without`), which is how its test proves that it is needed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

SUPPORTED_FAKESNOW = "0.12.1"


class UnsupportedEmulator(RuntimeError):
    """The installed fakesnow is not the one that the repairs were written for."""


@dataclass(frozen=True)
class Repair:
    """One gap in fakesnow and why it has to be closed."""

    name: str
    reason: str


REPAIRS: tuple[Repair, ...] = (
    Repair("temporary_objects", "CREATE TEMPORARY in a named schema: DuckDB keeps temporary objects in `temp` only"),
    Repair("table_constraints", "table-level constraints beside a query: dbt's contracts write them, DuckDB refuses"),
    Repair(
        "contract_star",
        "`select *` beside declared columns, as dbt writes it for clustered marts, kept it from running",
    ),
    Repair("native_merge", "MERGE ran as several statements through a temporary table, which fails in a transaction"),
    Repair("merge_source_columns", "unqualified columns in MERGE's WHEN clauses belong to the source"),
    Repair("recursive_cte", "Snowflake needs no RECURSIVE keyword, DuckDB does"),
    Repair("quoted_comments", "a table comment with an apostrophe broke the statement that records it"),
    Repair("recorded_statements", "grants, query tags, clustering: no counterpart, so recorded and answered in shape"),
    Repair("scalar_functions", "CREATE FUNCTION with a SQL body becomes a DuckDB macro"),
    Repair("statement_batches", "several statements in one request, as dlt sends them"),
    Repair("stage_paths", "quoted stage paths and copy options, as dlt writes them"),
    Repair("stage_unloads", "COPY INTO a stage, by which a purge archives, and LIST with a path were not understood"),
    Repair("statement_errors", "an unhandled error was an HTTP 500, which the connector retries for ever"),
    Repair("concurrent_ddl", "two sessions changing the catalogue at once collided; statements now take turns"),
    Repair("null_timestamps", "NULL timestamps arrived as 1970-01-01"),
    Repair("catalogue_views", "views were missing from information_schema.tables, so from dbt's docs"),
)


def check_version() -> None:
    """Raise UnsupportedEmulator unless the pinned fakesnow is installed."""
    try:
        found = version("fakesnow")
    except PackageNotFoundError:
        found = "no version"
    if found != SUPPORTED_FAKESNOW:
        raise UnsupportedEmulator(
            f"the emulator's repairs are written for fakesnow {SUPPORTED_FAKESNOW}, but {found} is installed. "
            "Install the locked version (make setup), or review tools/snowflake/repairs against the new one."
        )


def select(without: Iterable[str] = ()) -> frozenset[str]:
    """Names of the repairs to install; ValueError when `without` names an unknown one."""
    known = {repair.name for repair in REPAIRS}
    if unknown := sorted(set(without) - known):
        raise ValueError(f"unknown repair: {', '.join(unknown)}. Known: {', '.join(sorted(known))}")
    return frozenset(known - set(without))


def install(enabled: frozenset[str]) -> None:
    """Put the chosen repairs into fakesnow, once, before its server starts."""
    check_version()
    # Imported here: merely importing fakesnow's server opens a database.
    from tools.snowflake.repairs import execution, results

    results.install(enabled)
    execution.install(enabled)
