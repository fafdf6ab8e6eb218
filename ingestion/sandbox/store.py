"""Entities over the tables: property values, keys, navigation and JSON."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Container
from typing import Any
from urllib.parse import quote

from ingestion.sandbox.errors import SandboxError
from ingestion.sandbox.model import EXTENSION_PREFIXES, EntitySet, Navigation, Property, Service
from ingestion.sandbox.tables import Table, Tables
from ingestion.sandbox.values import ENCODERS, to_comparable, to_instant

SERVICE_ROOT = "/sap/opu/odata/sap"
REVERSALS = frozenset({"102", "104", "106", "123", "162"})
LANGUAGES = {"D": "DE", "E": "EN", "F": "FR", "I": "IT", "L": "PL", "N": "NL", "S": "ES"}

Entity = tuple[list[str] | None, ...]
"""An entity is a row of the driving table and the rows joined to it; nothing else is kept of it."""
Getter = Callable[[Entity], str | None]
Reader = Callable[[Entity, int], str]
"""Text of the n-th candidate column; empty where the row or the column is missing."""


def _make_first(read: Reader, rows: Entity, count: int) -> str:
    return next((text for index in range(count) if (text := read(rows, index))), "")


def _make_joined(read: Reader, rows: Entity, count: int) -> str:
    return " ".join(text for index in range(count) if (text := read(rows, index).strip()))


def _make_year(read: Reader, rows: Entity, count: int) -> str:
    """The first candidate that is a year, or the year of the first that is a date; else the first text."""
    for index in range(count):
        text = read(rows, index)
        if len(text) == 4 and text.isdigit() and text != "0000":
            return text
        if text and (moment := to_instant(text)):
            return f"{moment.year:04d}"
    return _make_first(read, rows, count)


def _make_language(read: Reader, rows: Entity, count: int) -> str:
    """SAP's one-letter language as ISO code; a table without languages holds English texts."""
    text = read(rows, 0)
    return LANGUAGES.get(text, text) or "EN"


def _make_reversal(read: Reader, rows: Entity, count: int) -> str:
    """The reference of a reversal; SAP fills the column for ordinary receipts too."""
    return read(rows, 0) if read(rows, 1) in REVERSALS else ""


MAKERS: dict[str, Callable[[Reader, Entity, int], str]] = {
    "first": _make_first,
    "joined": _make_joined,
    "year": _make_year,
    "language": _make_language,
    "reversal": _make_reversal,
}


class Collection:
    """The entities of one entity set.

    Args:
        service: name of the service, for the entities' addresses.
        entity_set: what to serve.
        tables: the extract.
        base_url: start of the entities' addresses.
    """

    def __init__(self, service: Service, entity_set: EntitySet, tables: Tables, base_url: str) -> None:
        self.service = service
        self.definition = _extended(entity_set, tables[entity_set.tables[0]])
        self._tables = tables
        self._address = f"{base_url}{SERVICE_ROOT}/{service.name}/{entity_set.name}"
        self._type = json.dumps(f"{service.name}.{self.definition.type_name}")
        self.getters = {prop.name: self._getter(prop) for prop in self.definition.properties}
        self.properties = {prop.name: prop for prop in self.definition.properties}
        self.navigations = {nav.name: nav for nav in self.definition.navigations}
        self._key_names = [prop.name for prop in self.definition.keys]
        self._key_getters = [self.getters[name] for name in self._key_names]
        self._encoders = [
            (prop.name, f"{json.dumps(prop.name)}:", self.getters[prop.name], ENCODERS[prop.edm])
            for prop in self.definition.properties
        ]
        self.entities = self._entities()
        self._indexes: dict[tuple[str, ...], dict[tuple[str | None, ...], list[Entity]]] = {}
        self.results: dict[Any, list[Entity]] = {}

    def text(self, entity: Entity, name: str) -> str | None:
        """Table text of a property."""
        return self.getters[name](entity)

    def value(self, entity: Entity, name: str) -> Any:
        """Comparable value of a property."""
        return to_comparable(self.properties[name].edm, self.getters[name](entity))

    def find(self, names: tuple[str, ...], texts: tuple[str | None, ...]) -> list[Entity]:
        """Entities whose properties hold these texts, by an index that is built at the first call."""
        index = self._indexes.get(names)
        if index is None:
            index = defaultdict(list)
            getters = [self.getters[name] for name in names]
            for entity in self.entities:
                index[tuple([getter(entity) for getter in getters])].append(entity)
            self._indexes[names] = index
        return index.get(texts, [])

    def children(self, entity: Entity, navigation: Navigation, target: Collection) -> list[Entity]:
        """The entities a navigation property leads to."""
        texts = tuple([self.getters[ours](entity) for ours in navigation.ours])
        return target.find(navigation.theirs, texts)

    def address(self, entity: Entity) -> str:
        """The entity's own address, percent-encoded."""
        texts = [getter(entity) or "" for getter in self._key_getters]
        quoted = [
            text if text.isascii() and text.isalnum() else quote(text.replace("'", "''"), safe="") for text in texts
        ]
        if len(quoted) == 1:
            return f"{self._address}('{quoted[0]}')"
        pairs = ",".join([f"{name}='{text}'" for name, text in zip(self._key_names, quoted, strict=True)])
        return f"{self._address}({pairs})"

    def json_start(self, entity: Entity, address: str, names: Container[str] | None = None) -> str:
        """The entity's JSON up to its last property, without navigation properties and closing brace.

        Args:
            names: the properties to send; None for all.
        """
        parts = [f'{{"__metadata":{{"id":"{address}","uri":"{address}","type":{self._type}}}']
        for name, label, getter, encode in self._encoders:
            if names is None or name in names:
                text = getter(entity)
                parts.append(label + ("null" if text is None else encode(text)))
        return ",".join(parts)

    def _entities(self) -> list[Entity]:
        main = self._tables[self.definition.tables[0]]
        joined = [
            self._lookup(name, on) for name, on in zip(self.definition.tables[1:], self.definition.joins, strict=True)
        ]
        entities = []
        for row in main.rows:
            entities.append((row, *[found.get(tuple([row[i] for i in positions])) for positions, found in joined]))
        return self._grouped(entities) if self.definition.group_by else entities

    def _grouped(self, entities: list[Entity]) -> list[Entity]:
        """The first entity of each group."""
        getters = [self.getters[name] for name in self.definition.group_by]
        first: dict[tuple[str | None, ...], Entity] = {}
        for entity in entities:
            first.setdefault(tuple(getter(entity) for getter in getters), entity)
        return list(first.values())

    def _lookup(self, name: str, on: tuple[str, ...]) -> tuple[list[int], dict[tuple[str, ...], list[str]]]:
        """Positions of the join columns in the driving table, and the joined table's first row for each value."""
        table, main = self._tables[name], self._tables[self.definition.tables[0]]
        if not main.columns:
            return [], {}  # an optional table that the extract lacks: no row to join to
        positions = [main.position(column) for column in on]
        if not table.columns:
            return positions, {}
        theirs = [table.position(column) for column in on]
        found: dict[tuple[str, ...], list[str]] = {}
        for row in table.rows:
            found.setdefault(tuple(row[i] for i in theirs), row)
        return positions, found

    def _getter(self, prop: Property) -> Getter:
        if prop.make == "constant":
            return lambda rows: prop.columns[0]
        if prop.make == "cancelled":
            return self._cancelled(prop)
        places = [self._place(column) for column in prop.columns]
        if all(place is None for place in places):
            empty = "" if prop.edm == "Edm.String" and prop.make != "language" else None
            return (lambda rows: "EN") if prop.make == "language" else (lambda rows: empty)
        if prop.make == "first":
            return _first_getter([place for place in places if place is not None])
        make = MAKERS[prop.make]

        def read(rows: Entity, index: int) -> str:
            place = places[index]
            row = rows[place[0]] if place else None
            return "" if row is None or place is None else row[place[1]]

        return lambda rows: make(read, rows, len(places))

    def _place(self, column: str) -> tuple[int, int] | None:
        """Slot of the table among the joined rows and position of the column; None where the extract lacks it."""
        table, _, name = column.partition(".")
        columns = self._tables[table].columns
        return (self.definition.tables.index(table), columns.index(name)) if name in columns else None

    def _cancelled(self, prop: Property) -> Getter:
        """True for an item that a reversal names; nothing where the extract does not tell."""
        places = [self._place(column) for column in prop.columns]
        own = [self._place(column) for column in ("EKBE.GJAHR", "EKBE.BELNR", "EKBE.BUZEI")]
        kind = self._place("EKBE.BWART")
        if kind is None or None in places or None in own:
            return lambda rows: None
        reversed_items = {
            tuple(row[place[1]] for place in places if place)
            for row in self._tables["EKBE"].rows
            if row[kind[1]] in REVERSALS
        }
        positions = [place[1] for place in own if place]
        return lambda rows: "X" if tuple((rows[0] or [])[i] for i in positions) in reversed_items else ""


def _first_getter(places: list[tuple[int, int]]) -> Getter:
    if len(places) == 1:
        slot, index = places[0]
        if slot == 0:
            return lambda rows: rows[0][index]  # type: ignore[index]  # the driving row is always there
        return lambda rows: "" if rows[slot] is None else rows[slot][index]  # type: ignore[index]

    def first(rows: Entity) -> str:
        for slot, index in places:
            row = rows[slot]
            if row is not None and row[index]:
                return row[index]
        return ""

    return first


def _extended(entity_set: EntitySet, table: Table) -> EntitySet:
    """The set with a property for each customer-extension column of its driving table."""
    known = {prop.name for prop in entity_set.properties}
    extra = tuple(
        Property(column, "Edm.String", (f"{table.name}.{column}",), length=255)
        for column in table.columns
        if column.startswith(EXTENSION_PREFIXES) and column not in known
    )
    return entity_set.with_properties(entity_set.properties + extra) if extra else entity_set


class Store:
    """All collections of all services over one state of the tables."""

    def __init__(self, tables: Tables, catalogue: dict[str, Service], base_url: str) -> None:
        self.services = catalogue
        self._collections = {
            (service.name, entity_set.name): Collection(service, entity_set, tables, base_url)
            for service in catalogue.values()
            for entity_set in service.sets.values()
        }

    def collection(self, service: str, entity_set: str) -> Collection:
        """The collection of an entity set.

        Raises:
            SandboxError: there is none of this name.
        """
        try:
            return self._collections[service, entity_set]
        except KeyError:
            raise SandboxError(
                f"no entity set {entity_set}.", subject=service, remedy="see the service's $metadata."
            ) from None

    def of_service(self, service: str) -> list[Collection]:
        """All collections of a service."""
        return [found for (name, _), found in self._collections.items() if name == service]
