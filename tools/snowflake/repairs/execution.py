"""Repairs to how a statement runs: merges, batches, errors and concurrency."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import duckdb
import fakesnow.cursor
import fakesnow.server
from fakesnow.cursor import FakeSnowflakeCursor
from snowflake.connector import errors
from sqlglot import Expr, exp

from tools.snowflake.repairs import stages, syntax
from tools.snowflake.repairs.answers import StatementLedger

_CONFLICT_ATTEMPTS = 6
_FIRST_PAUSE_SECONDS = 0.05
_EMULATOR_ERROR = 999999  # not one of Snowflake's codes: a reader sees whose error it is
_MERGE_ACTIONS = {"inserted": "INSERT", "updated": "UPDATE", "deleted": "DELETE"}


def install(enabled: frozenset[str]) -> None:
    """Replace fakesnow's parser and its cursor's execute by the repaired ones."""
    runner = StatementRunner(
        enabled=enabled,
        parse=fakesnow.cursor.parse_one,
        execute=FakeSnowflakeCursor.execute,
    )

    def execute(cursor: FakeSnowflakeCursor, command: str, params: Any = None, *_: Any, **options: Any) -> Any:
        return runner.run(cursor, command, params, options)

    fakesnow.cursor.parse_one = runner.parse_repaired
    FakeSnowflakeCursor.execute = execute
    # The server parses a statement before it executes it, to learn its type.
    fakesnow.server.parse_one = runner.parse_for_type


class StatementRunner:
    """Runs statements on fakesnow's cursor with the chosen repairs."""

    def __init__(self, enabled: frozenset[str], parse: Callable[[str], Expr], execute: Callable[..., Any]) -> None:
        self._enabled = enabled
        self._parse = parse
        self._execute = execute
        self._ledger = StatementLedger()
        self._turn = threading.RLock()
        self._open_transactions: set[int] = set()

    def parse_repaired(self, sql: str) -> Expr:
        """fakesnow's parser, followed by the repairs to the syntax tree."""
        tree = self._parse(sql)
        for name, repair in syntax.TREE_REPAIRS.items():
            if name in self._enabled:
                tree = repair(tree)
        return tree

    def parse_for_type(self, sql: str) -> Expr:
        """The tree that the server reads the statement's type from."""
        if "recorded_statements" in self._enabled and (answer := self._ledger_peek(sql)):
            return self._parse(answer)
        return self._parse(self._normalise(sql))

    def run(self, cursor: FakeSnowflakeCursor, command: str, params: Any, options: dict[str, Any]) -> Any:
        """Execute one request: a statement, or several in one text."""
        if "statement_batches" in self._enabled and not params and not options.get("binding_params"):
            for statement in (batch := syntax.split_batch(command)):
                self._run_one(cursor, statement, None, options)
            if batch:
                return cursor
        return self._run_one(cursor, command, params, options)

    def _ledger_peek(self, sql: str) -> str | None:
        return StatementLedger(list(self._ledger.grants)).answer(sql)

    def _normalise(self, sql: str) -> str:
        return syntax.normalise_stage_paths(sql) if "stage_paths" in self._enabled else sql

    def _run_one(self, cursor: FakeSnowflakeCursor, command: str, params: Any, options: dict[str, Any]) -> Any:
        command = self._normalise(command)
        answer = self._ledger.answer(command) if "recorded_statements" in self._enabled else None
        if answer is None and "scalar_functions" in self._enabled and (macro := syntax.scalar_function_macro(command)):
            with self._turn:
                cursor._duck_conn.execute(macro)
            answer = "select 'Function successfully created.' as status"
        if answer is None and "stage_unloads" in self._enabled:
            answer = self._on_stage(cursor, command)
        if answer is not None:
            command, params = answer, None
            options = {name: value for name, value in options.items() if name != "binding_params"}
        return self._attempt(cursor, command, params, options)

    def _on_stage(self, cursor: FakeSnowflakeCursor, command: str) -> str | None:
        try:
            with self._turn:
                return stages.answer(cursor, command)
        except (errors.ProgrammingError, errors.OperationalError):
            raise
        except Exception as failure:
            raise self._as_statement_error(cursor, failure) from failure

    def _attempt(self, cursor: FakeSnowflakeCursor, command: str, params: Any, options: dict[str, Any]) -> Any:
        if "concurrent_ddl" not in self._enabled:
            return self._guarded(cursor, command, params, options)
        for attempt in range(_CONFLICT_ATTEMPTS):
            try:
                with self._turn:
                    return self._guarded(cursor, command, params, options)
            except duckdb.TransactionException as conflict:
                if attempt + 1 == _CONFLICT_ATTEMPTS:
                    raise self._as_statement_error(cursor, conflict) from conflict
                time.sleep(_FIRST_PAUSE_SECONDS * 2**attempt)
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _guarded(self, cursor: FakeSnowflakeCursor, command: str, params: Any, options: dict[str, Any]) -> Any:
        connection = id(cursor._conn)
        try:
            result = self._dispatch(cursor, command, params, options)
        except (errors.ProgrammingError, errors.OperationalError):
            raise  # the server already answers these as Snowflake does
        except duckdb.TransactionException as conflict:
            if connection not in self._open_transactions and "concurrent_ddl" in self._enabled:
                raise  # nothing is lost outside a transaction: _attempt tries again
            raise self._as_statement_error(cursor, conflict) from conflict
        except Exception as failure:
            raise self._as_statement_error(cursor, failure) from failure
        word = syntax.first_word(command)
        if word in ("BEGIN", "START"):
            self._open_transactions.add(connection)
        elif word in ("COMMIT", "ROLLBACK"):
            self._open_transactions.discard(connection)
        return result

    def _dispatch(self, cursor: FakeSnowflakeCursor, command: str, params: Any, options: dict[str, Any]) -> Any:
        if "native_merge" in self._enabled and syntax.first_word(command) == "MERGE":
            return self._merge(cursor, command, options.get("binding_params") or params)
        return self._execute(cursor, command, params, **options)

    def _merge(self, cursor: FakeSnowflakeCursor, command: str, params: Any) -> FakeSnowflakeCursor:
        """Run MERGE as DuckDB's own, which, as Snowflake's, refuses two source rows for one target row."""
        tree = self.parse_repaired(command)
        cursor.check_db_and_schema(tree)
        written = {_branch_kind(branch) for branch in syntax.merge_branches(tree)}
        sql = cursor._transform(tree, params).sql(dialect="duckdb") + " RETURNING merge_action"
        actions = Counter(row[0] for row in cursor._duck_conn.execute(sql, params or None).fetchall())
        counts = {kind: actions[action] for kind, action in _MERGE_ACTIONS.items()}
        columns = [f'{counts[kind]} as "number of rows {kind}"' for kind in _MERGE_ACTIONS if kind in written]
        self._execute(cursor, "select " + ", ".join(columns))
        cursor._rowcount = sum(counts.values())
        return cursor

    def _as_statement_error(self, cursor: FakeSnowflakeCursor, failure: Exception) -> Exception:
        """An ordinary Snowflake error in place of an HTTP 500; ends the transaction that DuckDB has aborted."""
        connection = id(cursor._conn)
        if connection in self._open_transactions:
            self._open_transactions.discard(connection)
            try:
                cursor._duck_conn.rollback()
            except duckdb.Error as again:
                failure.add_note(f"rollback failed too: {again}")
        if "statement_errors" not in self._enabled:
            return failure
        return errors.ProgrammingError(
            msg=f"[emulator] {type(failure).__name__}: {failure}", errno=_EMULATOR_ERROR, sqlstate="XX000"
        )


def _branch_kind(branch: exp.When) -> str:
    then = branch.args["then"]
    if isinstance(then, exp.Insert):
        return "inserted"
    return "updated" if isinstance(then, exp.Update) else "deleted"
