"""What the emulator job prints: the table of comparisons, and plainly what it cannot check."""

from __future__ import annotations

from collections.abc import Sequence

from tools.snowflake.compare import Comparison

NOT_VERIFIED = (
    "that Snowflake accepts the SQL: the emulator translates it to DuckDB; the static gate narrows the gap",
    "grants, roles, masking policies, row access policies: recorded or ignored, never enforced",
    "dynamic tables, tasks, streams, pipes, time travel, swap, clones of schemas: not executed",
    "warehouses, query tags, clustering, transient storage, cost, speed, concurrency",
    "Python models and stored procedures",
    "purges: nested EXISTS as Snowflake takes it, times in its Parquet files, two sessions at once",
    "value semantics of flatten(path), typeof, percentile_cont on NUMBER, varchar(n) overflow, NUMBER overflow",
    "value semantics of division and average scale, rounding, collation, ordering of text, time zones besides UTC",
    "value semantics of text made from times and numbers, and so of keys hashed from such text",
    "quoted identifiers: the emulator ignores their case",
    "key-pair authentication and network policies: the emulator takes any password",
)


def print_comparisons(comparisons: Sequence[Comparison]) -> None:
    """One line a relation: rows in DuckDB, rows in the emulator, equal or not; then what differs."""
    width = max((len(_short(item.name)) for item in comparisons), default=8)
    print(f"\n{'relation':<{width}}  {'DuckDB':>9}  {'emulator':>9}  equal")
    for item in sorted(comparisons, key=lambda item: (_layer(item.name), item.name)):
        print(
            f"{_short(item.name):<{width}}  {_shown(item.duckdb_rows):>9}  {_shown(item.emulator_rows):>9}  "
            f"{'yes' if item.equal else 'NO'}"
        )
        for line in item.details:
            print(f"{'':<{width}}  {line}")
    unequal = sum(not item.equal for item in comparisons)
    print(f"{len(comparisons)} relations compared by columns, row count and content hash, {unequal} differ")


def print_not_verified() -> None:
    """The lines that keep a green run from being read as more than it is."""
    print("\nThe emulator shows that Jinja, macro dispatch and the sequence of statements work.")
    for line in NOT_VERIFIED:
        print(f"NOT VERIFIED: {line}")
    print()


def _short(name: str) -> str:
    """`fct_x` for model.strata.fct_x."""
    return name.rsplit(".", 1)[-1]


def _layer(name: str) -> int:
    """Place in the table: staging, history, business logic, then what BI reads."""
    prefixes = ("stg_", "snap_", "int_")
    return next((place for place, prefix in enumerate(prefixes) if _short(name).startswith(prefix)), len(prefixes))


def _shown(count: int | None) -> str:
    return "-" if count is None else f"{count:,}"
