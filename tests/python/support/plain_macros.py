"""Macros that only write SQL and run it, without dbt: a purge of a small table then takes milliseconds.

Each macro is a template of its own, as dbt makes them, so that `return` ends the macro and not the caller's.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from jinja2 import Environment

ROOT = Path(__file__).resolve().parents[3]
MACRO = re.compile(r"{%-?\s*macro\s+(\w+)\(.*?{%-?\s*endmacro\s*-?%}", re.DOTALL)


class _ReturnedError(Exception):
    """How dbt's `return` leaves a macro, with the value it gives."""

    def __init__(self, value: Any) -> None:
        self.value = value


class CompilerError(Exception):
    """What exceptions.raise_compiler_error raises."""


def plain_macros(folder: str, run_query: Callable[[str], Any], **context: Any) -> dict[str, Any]:
    """The macros of a folder by name; `run_query` answers their queries, `context` is what else dbt would give them.

    A macro that differs by warehouse is that of `target.type` in the context, DuckDB's without one.
    """

    def give_back(value: Any) -> None:
        raise _ReturnedError(value)

    def fail(message: str) -> None:
        raise CompilerError(message)

    environment = Environment(extensions=["jinja2.ext.do"], autoescape=False)  # noqa: S701 - SQL, not HTML
    known: dict[str, Any] = {
        "return": give_back,
        "run_query": lambda sql: environment.globals["answer"](sql),
        "answer": run_query,
        "exceptions": SimpleNamespace(raise_compiler_error=fail),
        "modules": SimpleNamespace(re=re),
        "execute": True,
        "adapter": SimpleNamespace(dispatch=lambda name: dispatched(name), quote=lambda name: f'"{name}"'),
        **context,
    }
    environment.globals.update(known)

    def dispatched(name: str) -> Callable[..., Any]:
        dialect = getattr(environment.globals.get("target"), "type", "duckdb")
        return environment.globals.get(f"{dialect}__{name}") or environment.globals[f"default__{name}"]

    def callable_macro(name: str, text: str) -> Callable[..., Any]:
        # Under another name inside, as with dbt: a macro that calls itself has to come by here.
        renamed = text.replace(f"macro {name}(", f"macro inner__{name}(", 1)
        body = environment.from_string(renamed, globals=environment.globals)

        def call(*arguments: Any, **named: Any) -> Any:
            try:
                return getattr(body.module, f"inner__{name}")(*arguments, **named)
            except _ReturnedError as returned:
                return returned.value

        return call

    for path in sorted((ROOT / folder).glob("*.sql")):
        for found in MACRO.finditer(path.read_text(encoding="utf-8")):
            environment.globals[found.group(1)] = callable_macro(found.group(1), found.group(0))
    return environment.globals
