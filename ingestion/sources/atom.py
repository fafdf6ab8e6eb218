"""The Atom order platform's PostgreSQL database. What to ask its administrator for stands in docs/sources/atom.md.

All tables are read in one snapshot (REPEATABLE READ), so that orders, lines and payments fit together. Each table is
read by its change stamp, from a look-back before the newest stamp seen, because a transaction can stamp a row early and
commit it late. Then all keys and stamps of the table are compared with what the warehouse holds: that finds deleted
rows, and rows that came back, or were committed later than the look-back reaches, with an old stamp.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import dlt
import pyarrow as pa
import pyarrow.compute as pc
from dlt.common.configuration import configspec
from dlt.common.configuration.exceptions import InvalidNativeValue
from dlt.common.configuration.specs import BaseConfiguration, ConnectionStringCredentials
from psycopg2 import sql

from ingestion.contract import Dataset
from ingestion.database import Column, Snapshot, misfits, select
from ingestion.errors import ConfigError, SourceError
from ingestion.items import arrow_type
from ingestion.key_comparison import KeyComparison, deleted_rows
from ingestion.landing import DeliveredTable, Landing
from ingestion.settings import resolve

KEYS_A_QUERY = 10_000


@configspec
class AtomConfig(BaseConfiguration):
    """Settings under `sources.atom`: .dlt/config.toml, .dlt/secrets.toml or SOURCES__ATOM__* in the environment."""

    credentials: ConnectionStringCredentials = None  # type: ignore[assignment]
    schema_name: str = "atom"
    lookback_hours: float = 24
    compare_keys: bool = True
    max_shrink_ratio: float = 0.2
    max_reject_ratio: float = 0.05
    connect_timeout_seconds: int = 15


@dataclass(frozen=True)
class Table:
    """A table as it is read: its contract and the columns we may read."""

    dataset: Dataset
    columns: tuple[Column, ...]

    @property
    def stamp(self) -> str:
        """The source's name of the change stamp."""
        assert self.dataset.change_cursor is not None
        return self.dataset.by_name[self.dataset.change_cursor].source_field

    @property
    def keys(self) -> list[str]:
        """The source's names of the key columns."""
        return [self.dataset.by_name[key].source_field for key in self.dataset.keys]

    @property
    def has_agreed(self) -> tuple[bool, bool]:
        """Whether the stamp, and whether stamp and keys, have the types of the contract."""
        changed = misfits(self.dataset, self.columns)[0]
        return self.stamp not in changed, not {self.stamp, *self.keys} & changed.keys()


class AtomReader:
    """Reads the Atom source; see `ingestion.runner.SourceReader` for what the runner asks of it."""

    name = "atom"

    def __init__(self, config: AtomConfig) -> None:
        self.max_reject_ratio = config.max_reject_ratio
        self.max_shrink_ratio = config.max_shrink_ratio
        self._config = config
        self._lookback = timedelta(hours=config.lookback_hours)

    @classmethod
    def from_config(cls) -> AtomReader:
        """A reader with its settings resolved the dlt way.

        Raises:
            ConfigError: the connection string is missing or cannot be read.
        """
        try:
            return cls(resolve(AtomConfig(), cls.name))
        except InvalidNativeValue:
            raise ConfigError(
                "the value of SOURCES__ATOM__CREDENTIALS is not a connection string.",
                subject="source atom",
                remedy="set postgresql://user:password@host:5432/database in the environment or .dlt/secrets.toml "
                "(docs/sources/atom.md), with %-escapes for special characters; or use `make run`.",
            ) from None  # the cause holds the string

    def refused_fields(self, contracts: dict[str, Dataset]) -> tuple[dict[str, dict[str, str]], dict[str, list[str]]]:
        """Compare each contract with the database's catalogue: fields of changed type, and fields that are gone.

        Raises:
            SourceError: a table, a required field or the right to read it is missing.
        """
        refused: dict[str, dict[str, str]] = {}
        removed: dict[str, list[str]] = {}
        with closing(self._snapshot()) as snapshot:
            tables = self._tables(snapshot, contracts)
        for name, table in tables.items():
            changed, gone = misfits(table.dataset, table.columns)
            if changed:
                refused[name] = changed
            if gone:
                removed[name] = gone
        return refused, removed

    def resources(self, landing: Landing) -> list[Any]:
        """One dlt resource for all tables, because one snapshot cannot be read from two sides at once."""
        return [dlt.resource(self._read(landing), name="read_atom")]

    def _snapshot(self) -> Snapshot:
        config = self._config
        return Snapshot(self.name, config.credentials, config.schema_name, config.connect_timeout_seconds)

    def _read(self, landing: Landing) -> Iterator[Any]:
        # dlt's incremental follows the rows that are landed; here some go to the dead letters and a stamp in the
        # future must not move the cursor, so it is kept in the resource's state, which travels in the same package.
        cursors = dlt.current.resource_state().setdefault("cursors", {})
        with closing(self._snapshot()) as snapshot:
            for name, table in self._tables(snapshot, landing.contracts).items():
                cursor = cursors.get(name)
                has_stamp, is_comparable = table.has_agreed
                start = datetime.fromisoformat(cursor) - self._lookback if cursor and has_stamp else None
                yield from self._read_changed(landing, snapshot, table, start)
                if self._config.compare_keys and is_comparable:
                    yield from self._compare(landing, snapshot, table, start)
                newest = self._newest(snapshot, table) if has_stamp else None
                cursors[name] = newest or cursor
                yield from landing.finish(name, start and start.isoformat(), cursors[name])

    def _read_changed(
        self, landing: Landing, snapshot: Snapshot, table: Table, start: datetime | None
    ) -> Iterator[Any]:
        query = select(self._config.schema_name, table.dataset.name, table.columns)
        if start is not None:
            # A row without a stamp breaks the contract; it is not overlooked, it goes to the dead letters.
            stamp = sql.Identifier("t", table.stamp)
            query += sql.SQL(" where {0} >= %s or {0} is null").format(stamp)
        yield from self._land(landing, snapshot, table, query, [start] if start else [])

    def _compare(self, landing: Landing, snapshot: Snapshot, table: Table, start: datetime | None) -> Iterator[Any]:
        comparison = KeyComparison(table.dataset, dlt.current.pipeline())
        if start is None and not comparison.known:
            return
        wanted = {*table.keys, table.stamp}
        columns = [column for column in table.columns if column.name in wanted]
        names = [column.name for column in columns]
        query = select(self._config.schema_name, table.dataset.name, columns)
        comparison.compare(snapshot.copy(table.dataset.name, names, query), before=start)
        gone = comparison.gone(self.max_shrink_ratio)
        for keys in _chunks(comparison.overlooked()):
            yield from self._read_by_key(landing, snapshot, table, keys)
        for keys in _chunks(gone):
            rows = deleted_rows(table.dataset, dlt.current.pipeline(), keys)
            landing.counts[table.dataset.name].rows_deleted += len(rows)
            yield from landing.rows_item(table.dataset, rows)

    def _read_by_key(
        self, landing: Landing, snapshot: Snapshot, table: Table, keys: list[tuple[Any, ...]]
    ) -> Iterator[Any]:
        types = {column.name: column.type for column in table.columns}
        arrays = sql.SQL(", ").join(
            sql.SQL("%s::{}[]").format(sql.SQL("text" if types[key] == "enum" else types[key])) for key in table.keys
        )
        names = sql.SQL(", ").join(map(sql.Identifier, table.keys))
        query = select(self._config.schema_name, table.dataset.name, table.columns)
        query += sql.SQL(" inner join unnest({}) as k ({}) using ({})").format(arrays, names, names)
        values = [list(column) for column in zip(*keys, strict=True)]
        yield from self._land(landing, snapshot, table, query, values)

    def _land(
        self, landing: Landing, snapshot: Snapshot, table: Table, query: sql.Composed, parameters: list[Any]
    ) -> Iterator[Any]:
        names = [column.name for column in table.columns]
        for text in snapshot.copy(table.dataset.name, names, query, parameters):
            refs = _refs(f"{self._config.schema_name}.{table.dataset.name}", [text[key] for key in table.keys])
            delivered = DeliveredTable(typed_columns(table.dataset, text), refs)
            yield from landing.arrow_batch(table.dataset.name, delivered)

    def _newest(self, snapshot: Snapshot, table: Table) -> str | None:
        """The newest stamp; one in the future would hide all later changes, so the server's now is the limit."""
        query = sql.SQL("select max({0}) from {1} where {0} <= now() and {0} > '0001-01-02'").format(
            sql.Identifier(table.stamp), sql.Identifier(self._config.schema_name, table.dataset.name)
        )
        newest = snapshot.value(table.dataset.name, query)
        return newest.replace(tzinfo=newest.tzinfo or UTC).isoformat() if newest is not None else None

    def _tables(self, snapshot: Snapshot, contracts: dict[str, Dataset]) -> dict[str, Table]:
        found = snapshot.columns()
        return {name: self._table(dataset, found.get(name, [])) for name, dataset in contracts.items()}

    def _table(self, dataset: Dataset, columns: list[Column]) -> Table:
        place = f"{self._config.schema_name}.{dataset.name}"
        if not columns:
            raise SourceError(
                f"there is no table {place} in the database.",
                subject=f"{self.name}.{dataset.name}",
                remedy="check SOURCES__ATOM__SCHEMA_NAME and the database in SOURCES__ATOM__CREDENTIALS.",
            )
        # A column that the contract does not know may be kept from us on purpose.
        readable = tuple(column for column in columns if column.is_readable)
        denied = [c.name for c in columns if not c.is_readable and c.name in dataset.by_source_field]
        if denied:
            raise SourceError(
                f"the user may not read {', '.join(denied)} of {place}.",
                subject=f"{self.name}.{dataset.name}",
                remedy=f"have the DBA run: grant usage on schema {self._config.schema_name} to <user>; "
                f"grant select on {place} to <user>;",
            )
        lost = [name for name in misfits(dataset, readable)[1] if dataset.by_source_field[name].required]
        if lost:
            raise SourceError(
                f"{place} no longer has {', '.join(lost)}, which the contract requires.",
                subject=f"{self.name}.{dataset.name}",
                remedy=f"ask the platform's team, or change {dataset.path.name} if the change is agreed.",
            )
        return Table(dataset, readable)


def typed_columns(dataset: Dataset, text: pa.Table) -> pa.Table:
    """Columns of text in their contract's types; a column with a value that does not fit stays text for the check."""
    columns = {}
    for name in text.column_names:
        column, field = text[name], dataset.by_source_field.get(name)
        if field is not None and field.logical_type != "string":
            try:
                column = pc.cast(column, arrow_type(field))
            except pa.ArrowInvalid:
                column = text[name]
        columns[name] = column
    return pa.table(columns)


def _refs(place: str, keys: list[pa.ChunkedArray]) -> pa.Array:
    joined = pc.binary_join_element_wise(place, *keys, "/", null_handling="replace", null_replacement="?")
    return joined.combine_chunks() if isinstance(joined, pa.ChunkedArray) else joined


def _chunks(keys: list[tuple[Any, ...]]) -> Iterator[list[tuple[Any, ...]]]:
    for start in range(0, len(keys), KEYS_A_QUERY):
        yield keys[start : start + KEYS_A_QUERY]
