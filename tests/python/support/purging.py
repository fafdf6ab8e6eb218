"""Purges and sweeps of landed tables by the project's own policies, without dbt."""

from __future__ import annotations

import csv
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
from support.plain_macros import ROOT, plain_macros

AS_OF = "2100-01-01 00:00:00"  # late enough for every period, so that each row with a clock is due
Keys = dict[str, set[tuple[Any, ...]]]


class Retention:
    """The macros with the project's own policies on a landed warehouse; close `connection` before the next load."""

    def __init__(self, path: Path, sources: list[str]) -> None:
        self.connection = duckdb.connect(str(path))
        self.connection.execute("set TimeZone = 'UTC'")
        self.macros = plain_macros(
            "macros/retention", lambda sql: SimpleNamespace(rows=self.connection.execute(sql).fetchall())
        )
        for statement in self.macros["ops_tables"]("ops"):
            self.connection.execute(statement)
        with (ROOT / "seeds/retention/retention_policies.csv").open(encoding="utf-8") as file:
            rows = [row for row in csv.DictReader(file) if row["applies_to"] == "table"]
        landed = self.connection.execute("select schema_name || '.' || table_name from duckdb_tables()").fetchall()
        rows = [
            row
            for row in rows
            if row["dataset_name"].split(".")[0].removeprefix("raw_") in sources and (row["dataset_name"],) in landed
        ]
        plan = self.macros["plan_policies"](
            [{name: value or None for name, value in row.items()} for row in rows],
            {row["dataset_name"]: self._table(row["dataset_name"]) for row in rows},
        )
        assert plan["faults"] == []
        self.policies = plan["policies"]
        self.order = self.macros["purge_order"](list(self.policies), self.policies)

    def _table(self, name: str) -> dict[str, Any]:
        described = self.connection.execute(f"describe {name}").fetchall()
        columns = {column: kind for column, kind, *_ in described}
        return {"relation": name, "policy_name": name, "columns": columns, "personal": []}

    def _frame(self, **more: Any) -> dict[str, Any]:
        return {
            "as_of": AS_OF, "policies": self.policies, "holds": [], "ops": "ops", "tombstone_key": "a key",
            "run_id": "run", "archive_root": "", "cause": "retention", "who": "test", **more,
        }  # fmt: skip

    def purge(self, archive: Path) -> list[dict[str, Any]]:
        """Everything that a clock makes due, whatever its period."""
        return self.macros["purge_in_order"](self.order, self._frame(archive_root=str(archive)))

    def sweep(self) -> None:
        """What dbt's hook does before a build."""
        found = self.connection.execute(
            "select dataset_name, bool_or(key_digest is null) from ops.tombstones group by all"
        ).fetchall()
        stones = {
            name: {"kind": "range" if is_range else "digest", "as_of": AS_OF, "erased": False}
            for name, is_range in found
        }
        for statement in self.macros["sweep_statements"](self.order, self._frame(stones=stones)):
            self.connection.execute(statement)

    def keys(self) -> Keys:
        """The natural keys of all rows."""
        return {
            name: set(self.connection.execute(f"select {', '.join(policy['keys'])} from {name}").fetchall())
            for name, policy in self.policies.items()
        }
