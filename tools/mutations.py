"""`python -m tools.mutations`: which tests catch which faults, and whether every test and quarantine rule can fail.

For each check (a rule, unique key or reference inside a rules_hold test, any other data test, a quarantine rule) a
fault is searched that breaks it: rows doubled or gone, or columns emptied or moved. It is planted in the built
warehouse inside a transaction, the check and all others on the same relation run, and the transaction is rolled back.
A check that no such fault breaks proves nothing or needs a fault of its own; the command lists it and ends with 1.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
from rich.console import Console
from rich.table import Table

PROJECT = "strata"
PART = re.compile(
    r"select '(?P<name>\w+)' as broken_rule,.*?(?=\n\s*union all\n\s*select '\w+' as broken_rule,|\Z)", re.DOTALL
)
MAX_COLUMNS = 40
VALUES = {
    "text": ("null", "''", "'no such value'", "lower({0})", "upper({0})"),
    "number": ("null", "0", "-1", "{0} + 1", "-{0}", "{0} * 1000", "99999"),
    "moment": ("null", "cast('1800-01-01' as {1})", "cast('9999-12-30' as {1})"),
    "boolean": ("null", "not {0}", "true", "false"),
}


@dataclass(frozen=True)
class Check:
    """Something that can fail.

    Attributes:
        sql: yields the rows that break it.
        relations: quoted names of what it reads.
    """

    test: str
    name: str
    sql: str
    relations: tuple[str, ...]


@dataclass(frozen=True)
class Mutation:
    """A check with the fault that breaks it; no fault where none was found."""

    check: Check
    fault: str | None
    caught_by: tuple[str, ...] = ()


def checks_of(manifest: Mapping[str, Any]) -> Iterator[Check]:
    """Every check of the project's data tests, as dbt compiled them, and every quarantine rule."""
    nodes = {**manifest["nodes"], **manifest.get("sources", {})}
    for node in manifest["nodes"].values():
        if node["package_name"] != PROJECT:
            continue
        if node["resource_type"] == "test" and node.get("compiled_code"):
            relations = tuple(
                name for parent in node["depends_on"]["nodes"] if (name := nodes[parent].get("relation_name"))
            )
            metadata = node.get("test_metadata") or {}
            if metadata.get("namespace") == "elementary":
                continue  # compares with what it remembers of other days
            if metadata.get("name") == "rules_hold":
                attached = nodes[node["attached_node"]]["relation_name"] if node.get("attached_node") else relations[0]
                for part in PART.finditer(node["compiled_code"]):
                    yield Check(node["name"], part["name"], part[0], (attached,))
            else:
                yield Check(node["name"], "", node["compiled_code"], relations)
        for rule in ((node.get("config") or {}).get("meta") or {}).get("quarantine_rules") or []:
            sql = f"select * from {node['relation_name']} where not coalesce(({rule['holds']}), false)"
            yield Check(f"rules of {node['name']}", rule["code"], sql, (node["relation_name"],))


class Mutator:
    """Plants faults in a warehouse, one at a time, and takes them back."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, checks: Sequence[Check]) -> None:
        self._connection = connection
        self._checks = checks

    def run(self, check: Check) -> Mutation:
        """Search a fault that breaks the check; tell which other checks notice it."""
        if self._is_broken(check):
            return Mutation(check, "broken as it stands")
        for relation in check.relations:
            for fault, select in self._faults(check, relation):
                if (noticed := self._plant(check, relation, select)) is not None:
                    return Mutation(check, f"{relation.split('.')[-1].strip(chr(34))}: {fault}", noticed)
        return Mutation(check, None)

    def _plant(self, check: Check, relation: str, select: str) -> tuple[str, ...] | None:
        """The other checks that notice the fault, or None when the check itself does not."""
        self._connection.execute("begin")
        try:
            kind = "view" if self._is_view(relation) else "table"
            self._connection.execute(f"create temp table mutated as {select}")
            self._connection.execute(f"drop {kind} {relation}")
            self._connection.execute(f"create table {relation} as select * from mutated")
            if not self._is_broken(check):
                return None
            others = [other for other in self._checks if other is not check and relation in other.relations]
            return tuple(f"{other.test} {other.name}".strip() for other in others if self._is_broken(other))
        except duckdb.Error:
            return None  # the value does not fit the column: no fault that could happen
        finally:
            self._connection.execute("rollback")

    def _is_broken(self, check: Check) -> bool:
        return self._connection.execute(f"select 1 from ({check.sql}) as failures limit 1").fetchone() is not None

    def _is_view(self, relation: str) -> bool:
        database, schema, name = (part.strip('"') for part in relation.split("."))
        where = "database_name = ? and schema_name = ? and view_name = ?"
        return bool(
            self._connection.execute(f"select 1 from duckdb_views() where {where}", [database, schema, name]).fetchone()
        )

    def _faults(self, check: Check, relation: str) -> Iterator[tuple[str, str]]:
        """Faults as a text and the query that yields the relation with it."""
        yield "every row twice", f"select * from {relation} union all select * from {relation}"
        yield "no rows", f"select * from {relation} where false"
        # An empty relation gets a row of nulls, so that there is something to damage.
        base = f"(select held.* from (select 1) as one left join {relation} as held on true)"
        columns = self._connection.execute(f"describe {relation}").fetchall()
        named = [column for column in columns if re.search(rf"\b{re.escape(column[0])}\b", check.sql)] or columns
        single = [
            (f"{name} = {value}", name, value)
            for name, kind, *_ in named[:MAX_COLUMNS]
            for value in (template.format(f'"{name}"', kind) for template in VALUES[_family(kind)])
        ]
        for text, name, value in single:
            yield text, f'select * replace ({value} as "{name}") from {base}'
        for place, (text, name, value) in enumerate(single):
            for other_text, other_name, other_value in single[place + 1 :]:
                if other_name != name and "null" not in (value, other_value) and len(named) <= 4:
                    both = f'{value} as "{name}", {other_value} as "{other_name}"'
                    yield f"{text}, {other_text}", f"select * replace ({both}) from {base}"


def _family(kind: str) -> str:
    if kind.startswith(("DATE", "TIMESTAMP")):
        return "moment"
    if kind == "BOOLEAN":
        return "boolean"
    return "text" if kind.startswith("VARCHAR") else "number"


def mutate(warehouse: Path, manifest: Mapping[str, Any], only: str = "") -> list[Mutation]:
    """Search a fault for every check whose name holds `only`; the warehouse is as before afterwards."""
    checks = list(checks_of(manifest))
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("set TimeZone = 'UTC'")
        runnable = []
        for check in checks:
            try:
                connection.execute(f"select 1 from ({check.sql}) as failures limit 1").fetchone()
            except duckdb.CatalogException:
                continue  # what it reads is not in this warehouse
            runnable.append(check)
        mutator = Mutator(connection, runnable)
        return [mutator.run(check) for check in runnable if only in f"{check.test} {check.name}"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; returns 1 when a check could not be broken."""
    parser = argparse.ArgumentParser(prog="python -m tools.mutations", description=__doc__)
    parser.add_argument("--warehouse", type=Path, required=True, help="a built warehouse; a copy, to be careful")
    parser.add_argument("--manifest", type=Path, required=True, help="manifest.json of its build, with compiled tests")
    parser.add_argument("--only", default="", help="checks whose name holds this text")
    options = parser.parse_args(arguments)
    manifest = json.loads(options.manifest.read_text(encoding="utf-8"))
    found = mutate(options.warehouse, manifest, options.only)
    table = Table("test", "check", "fault that breaks it", "also noticed by", title="mutations", title_justify="left")
    for mutation in found:
        table.add_row(
            mutation.check.test, mutation.check.name, mutation.fault or "[red]none found[/]",
            f"{len(mutation.caught_by)}: {', '.join(mutation.caught_by[:3])}" if mutation.caught_by else "nothing else",
        )  # fmt: skip
    out = Console(width=None if sys.stdout.isatty() else 180)
    out.print(table)
    stuck = [f"{mutation.check.test} {mutation.check.name}".strip() for mutation in found if mutation.fault is None]
    alone = sum(not mutation.caught_by for mutation in found if mutation.fault)
    out.print(
        f"{len(found)} checks: {len(found) - len(stuck)} can fail, {alone} of them alone notice their fault",
        highlight=False,
    )
    for name in stuck:
        out.print(f"could not be broken: {name}", style="red", highlight=False)
    return 1 if stuck else 0


if __name__ == "__main__":
    sys.exit(main())
