"""Changing the data while it is served: what happens in a source system between two loads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from ingestion.sandbox.errors import SandboxError
from ingestion.sandbox.model import EntitySet, Property, Service, services
from ingestion.sandbox.store import Store
from ingestion.sandbox.tables import Table, Tables
from ingestion.sandbox.values import ENCODERS

ORDER_TABLES = ("EKKO", "EKPO", "EKET")
STAMP_COLUMN = "LASTCHANGEDATETIME"


class DataChanges:
    """Tables and the services' declarations, with the store made from them when it is next needed."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._catalogue: dict[str, Service] = services()
        self._store: Store | None = None
        self._lock = threading.RLock()

    @property
    def tables(self) -> Tables:
        """The data as served; change it through the methods here, so that the change is seen."""
        return self._tables

    @contextmanager
    def reading(self, base_url: str) -> Iterator[Store]:
        """Entities over the current data; a change made meanwhile waits, so that no page mixes two states."""
        with self._lock:
            if self._store is None:
                self._store = Store(self._tables, self._catalogue, base_url)
            yield self._store

    def replace_tables(self, tables: Tables) -> None:
        """Serve other data from now on."""
        with self._changing():
            self._tables = tables

    def insert(self, table: str, values: Mapping[str, str]) -> None:
        """Add a row; columns not named stay empty."""
        with self._changing():
            self._table(table).insert(values)

    def update(
        self, table: str, where: Mapping[str, str], changes: Mapping[str, str], *, changed_at: str | None = None
    ) -> int:
        """Change the rows that match; returns how many.

        Args:
            changed_at: for EKKO, EKPO and EKET: the order's new change stamp (ISO 8601), as SAP sets it when an
                order, an item or a schedule line changes.

        Raises:
            SandboxError: no row matches.
        """
        with self._changing():
            orders = self._orders_of(table, where) if changed_at else set()
            count = self._table(table).update(where, changes)
            if not count:
                raise _no_row(table, where)
            self._stamp(orders, changed_at or "")
            return count

    def delete(self, table: str, where: Mapping[str, str], *, changed_at: str | None = None) -> int:
        """Remove the rows that match; returns how many. `changed_at` as for `update`.

        Raises:
            SandboxError: no row matches.
        """
        with self._changing():
            orders = self._orders_of(table, where) if changed_at else set()
            count = self._table(table).delete(where)
            if not count:
                raise _no_row(table, where)
            self._stamp(orders, changed_at or "")
            return count

    def add_column(self, table: str, column: str, value: str = "") -> None:
        """Add a column; one that starts with YY1_ or ZZ is also served, as a property of that name."""
        with self._changing():
            self._table(table).add_column(column, value)

    def change_type(self, entity_set: str, name: str, edm: str, convert: Callable[[str], str] | None = None) -> None:
        """Declare and send a property as another Edm type from now on.

        Args:
            convert: changes the table's values to fit, where they would not otherwise.

        Raises:
            SandboxError: there is no such property or type.
        """
        if edm not in ENCODERS:
            raise SandboxError(f"there is no type {edm}.", subject=name, remedy=f"use one of {', '.join(ENCODERS)}.")
        with self._changing():
            prop = next((p for p in self._entity_set(entity_set).properties if p.name == name), None)
            if prop is None:
                raise _no_property(entity_set, name)
            if convert is not None:
                table, _, column = prop.columns[0].partition(".")
                index = self._table(table).position(column)
                for row in self._table(table).rows:
                    row[index] = convert(row[index])
            changed = replace(prop, edm=edm, length=None, precision=None, scale=None)
            self._redeclare(entity_set, lambda p: changed if p.name == name else p)

    def remove_property(self, entity_set: str, name: str) -> None:
        """Neither declare nor send a property from now on.

        Raises:
            SandboxError: there is no such property.
        """
        with self._changing():
            if name not in {prop.name for prop in self._entity_set(entity_set).properties}:
                raise _no_property(entity_set, name)
            self._redeclare(entity_set, lambda p: None if p.name == name else p)

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Change rows while no request is being answered; entities are made anew for the next one."""
        with self._lock:
            try:
                yield
            finally:
                self._store = None

    def _table(self, name: str) -> Table:
        try:
            return self._tables[name]
        except KeyError:
            raise SandboxError(
                f"there is no table {name}.", subject="sandbox", remedy=f"use one of {', '.join(self._tables)}."
            ) from None

    def _orders_of(self, table: str, where: Mapping[str, str]) -> set[str]:
        if table not in ORDER_TABLES:
            raise SandboxError(
                f"{table} holds no purchase orders, so there is no change stamp to set.",
                subject=f"changed_at of {table}",
                remedy=f"leave it out, or change one of {', '.join(ORDER_TABLES)}.",
            )
        index = self._table(table).position("EBELN")
        return {row[index] for row in self._table(table).matching(where)}

    def _stamp(self, orders: set[str], changed_at: str) -> None:
        if not orders:
            return
        headers = self._table("EKKO")
        if STAMP_COLUMN not in headers.columns:
            headers.add_column(STAMP_COLUMN)
        for order in orders:
            headers.update({"EBELN": order}, {STAMP_COLUMN: changed_at})

    def _entity_set(self, name: str) -> EntitySet:
        for service in self._catalogue.values():
            if name in service.sets:
                return service.sets[name]
        raise SandboxError(f"there is no entity set {name}.", subject="sandbox", remedy="see docs/sandbox.md.")

    def _redeclare(self, name: str, change: Callable[[Property], Property | None]) -> None:
        for service in self._catalogue.values():
            if name in service.sets:
                changed = [change(prop) for prop in service.sets[name].properties]
                service.sets[name] = service.sets[name].with_properties(tuple(p for p in changed if p is not None))


def _no_row(table: str, where: Mapping[str, str]) -> SandboxError:
    shown = ", ".join(f"{column}={value!r}" for column, value in where.items())
    return SandboxError(f"no row of {table} has {shown}.", subject="sandbox", remedy="check the key.")


def _no_property(entity_set: str, name: str) -> SandboxError:
    return SandboxError(f"{entity_set} has no property {name}.", subject="sandbox", remedy="see its $metadata.")
