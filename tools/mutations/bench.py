"""A built warehouse with a second, empty one beside it, where damaged copies of its relations take their place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import duckdb

from tools.mutations.checks import RELATION, Check

DAMAGED = '"damaged"'


class Bench:
    """Evaluates checks on the warehouse as it stands, or with some of its relations replaced.

    The warehouse is attached read-only under the name that the compiled SQL gives it: nothing here can change it.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection
        self.replaced: set[str] = set()

    @classmethod
    @contextmanager
    def open(cls, warehouse: Path, checks: Iterable[Check]) -> Iterator[Bench]:
        """A bench on a warehouse; closed at the end."""
        names = {check.relations[0].split(".")[0] for check in checks if check.relations}
        if len(names) != 1:
            raise ValueError(f"the checks read {len(names)} databases: {sorted(names)}")
        with duckdb.connect() as connection:
            connection.execute("set TimeZone = 'UTC'")
            connection.execute(f"attach '{warehouse}' as {names.pop()} (read_only)")
            connection.execute(f"attach ':memory:' as {DAMAGED}")
            yield cls(connection)

    def sql(self, text: str) -> str:
        """The text with the replaced relations in place of the warehouse's."""
        return RELATION.sub(lambda name: damaged(name[0]) if name[0] in self.replaced else name[0], text)

    def replace(self, relation: str, select: str, *, kind: str = "table") -> None:
        """Put the rows of a query in the place of a relation; the query may read the relation itself."""
        here = damaged(relation)
        self.connection.execute(f"create schema if not exists {here.rpartition('.')[0]}")
        self.connection.execute(f"create or replace {kind} {here} as {select}")
        self.replaced.add(relation)

    def restore(self) -> None:
        """All relations are the warehouse's own again."""
        for relation in sorted(self.replaced):
            here = damaged(relation)
            schema, name = (part.strip('"') for part in here.split(".")[1:])
            kind = self.connection.execute(
                "select case when table_type = 'VIEW' then 'view' else 'table' end from information_schema.tables "
                "where table_catalog = 'damaged' and table_schema = ? and table_name = ?", [schema, name],
            ).fetchone()  # fmt: skip
            if kind:
                self.connection.execute(f"drop {kind[0]} {here}")
        self.replaced.clear()

    def is_broken(self, check: Check) -> bool:
        """Whether the check finds a row."""
        found = self.connection.execute(f"select 1 from ({self.sql(check.sql)}) as failures limit 1")
        return found.fetchone() is not None

    def broken(self, checks: Iterable[Check]) -> set[Check]:
        """Those of the checks that find a row; one that stumbles over a damaged value notices it too."""
        found = set()
        for check in checks:
            try:
                if self.is_broken(check):
                    found.add(check)
            except duckdb.Error:
                found.add(check)
        return found

    def judge(self, checks: Iterable[Check]) -> tuple[list[Check], set[Check], dict[Check, str]]:
        """The checks that run on the warehouse as it stands, those of them that are broken, and why others fail."""
        good, broken, failed = [], set(), {}
        for check in checks:
            try:
                if self.is_broken(check):
                    broken.add(check)
                good.append(check)
            except duckdb.Error as error:
                failed[check] = str(error).splitlines()[0]
        return good, broken, failed


def damaged(relation: str) -> str:
    """Where the replacement of a relation stands."""
    return ".".join([DAMAGED, *relation.split(".")[1:]])


def readers(checks: Iterable[Check], relations: Mapping[str, object] | set[str]) -> list[Check]:
    """The checks that read one of the relations."""
    return [check for check in checks if any(relation in relations for relation in check.relations)]
