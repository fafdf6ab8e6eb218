"""`make purge CONFIRM=yes` on the emulator with a stand-in for dbt, in a database of its own, killed where one likes.

The stand-in deletes as the macro does, one transaction a dataset with the line that the real macro writes about it, and
builds a mart of what is left.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
import uuid
from types import SimpleNamespace
from typing import Any
from unittest import mock

from snowflake.connector.cursor import SnowflakeCursor
from support.plain_macros import plain_macros

from tools import follow_up, purge
from tools.snowflake.client import connect

# In the order of a purge: after the first of two datasets, after both, before and after building, in writing the note.
KILLED_AT = ("delete", "pending", "build", "note", "insert")
DUE = ("raw_crm.sign_ups", "raw_emerald.clients")
OPTIONS = argparse.Namespace(confirm=True, as_of=None, dataset=None, no_compact=False)


class Company:
    """Two landed tables, each with a row that is due, and a mart of both."""

    def __init__(self, port: int, database: str) -> None:
        self.cursor = connect(port, database, "PUBLIC", 30).cursor()
        self.macros = plain_macros("macros/retention", self.rows, target=SimpleNamespace(type="snowflake"))
        self.calls: list[tuple[str, ...]] = []
        self.build_fails = False

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self.cursor.execute(sql).fetchall()

    def land(self) -> None:
        for table in DUE:
            self.rows(f"create schema {table.split('.')[0]}")
            self.rows(f"create table {table} as select column1 as id from values ('due'), ('young')")
        self.rows("create schema ci_marts")
        self.build()

    def build(self) -> None:
        """What a full refresh makes of what is left."""
        self.rows(f"create or replace table ci_marts.dim as {' union all '.join(f'select id from {t}' for t in DUE)}")

    def marts(self) -> list[str]:
        return sorted({name for (name,) in self.rows("select id from ci_marts.dim")})

    def notes(self) -> list[str]:
        """Datasets of the notes."""
        return [name for (name,) in self.rows("select dataset_name from ops.retention_follow_ups order by 1")]

    def dbt(self, *arguments: str) -> int:
        """Stands in for `tools.purge.run`."""
        self.calls.append(arguments)
        if arguments[0] == "run-operation":
            self.purge()
        elif self.build_fails:
            return 1
        else:
            self.build()
        return 0

    def purge(self) -> None:
        for statement in self.macros["ops_tables"]("ops"):
            self.rows(statement)
        frame = {"ops": "ops", "run_id": uuid.uuid4().hex, "cause": "retention", "who": "a test",
                 "as_of": "2026-01-01 00:00:00", "tombstone_key": ""}  # fmt: skip
        for table in DUE:
            ((due,),) = self.rows(f"select count(*) from {table} where id = 'due'")
            outcome = {"due": int(due), "held": 0, "done": int(due)}
            self.rows("begin transaction")
            self.rows(f"delete from {table} where id = 'due'")
            if due:
                policy = {"dataset": table, "action": "delete"}
                self.rows(self.macros["log_action"](policy, frame, outcome, "id = 'due'"))
            self.rows("commit")


def run_purge(company: Company) -> int:
    """`make purge CONFIRM=yes`; company.calls then says what dbt was asked to do."""
    company.calls.clear()
    with mock.patch.object(purge, "run", company.dbt):
        return purge.purge_on_snowflake(OPTIONS)


def purge_until_killed(company: Company, point: str) -> None:
    """Purge in this process, which kills itself when the purge comes to the point."""

    def die(*_: Any, **__: Any) -> None:
        os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(60)

    execute = SnowflakeCursor.execute

    def execute_or_die(self: SnowflakeCursor, sql: str, *arguments: Any, **named: Any) -> Any:
        is_second = point == "delete" and sql.startswith(f"delete from {DUE[1]}")
        is_note = point == "insert" and sql.startswith("insert into") and follow_up.NOTES in sql
        return die() if is_second or is_note else execute(self, sql, *arguments, **named)

    owner, name, dies = SnowflakeCursor, "execute", execute_or_die
    if point in ("pending", "build", "note"):
        owner, name, dies = company if point == "build" else purge, point, die
    with mock.patch.object(owner, name, dies):
        run_purge(company)


if __name__ == "__main__":
    port, database = int(os.environ["STRATA_EMULATOR_PORT"]), os.environ["STRATA_EMULATOR_DATABASE"]
    purge_until_killed(Company(port, database), sys.argv[1])
