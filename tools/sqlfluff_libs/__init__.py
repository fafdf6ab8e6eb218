"""What dbt puts into a model's Jinja context, sketched for sqlfluff's jinja templater (`library_path` in .sqlfluff).

Each name here becomes a Jinja global. The sketches yield SQL of the right shape, not the right SQL: enough to lint,
without starting dbt. The project's own macros are read from macros/, so only dbt's and the packages' stand here.
"""

from __future__ import annotations

import datetime
import hashlib
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jinja2
import yaml

# sqlfluff loads this file by an unresolved path.
_PROJECT = yaml.safe_load((Path(__file__).resolve().parents[2] / "dbt_project.yml").read_text(encoding="utf-8"))


def _compile_once() -> None:
    """Have Jinja keep what it has compiled: sqlfluff compiles all of macros/ twice for each file it looks at.

    That was two thirds of its time, and it has no setting for it. This file is loaded for each of them as well, hence
    the mark. What is compiled depends on the kind of environment and its extensions, which sqlfluff does not change.
    """
    original = jinja2.Environment.compile
    if hasattr(original, "kept"):
        return
    kept: dict[tuple[Any, ...], Any] = {}

    def compile_once(self: jinja2.Environment, source: Any, *rest: Any, **more: Any) -> Any:
        if not isinstance(source, str):
            return original(self, source, *rest, **more)
        kind = (type(self), tuple(sorted(self.extensions)), self.keep_trailing_newline)
        key = (*kind, source, rest, tuple(more.items()))
        if key not in kept:
            kept[key] = original(self, source, *rest, **more)
        return kept[key]

    compile_once.kept = kept
    jinja2.Environment.compile = compile_once


_compile_once()


class _Calls:
    """A namespace of macros not sketched below: each renders as a call with its arguments, `name(a, b)`."""

    def __init__(self, prefix: str = "", **sketched: Any) -> None:
        self._prefix = prefix
        self.__dict__.update(sketched)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return lambda *args, **kwargs: f"{self._prefix}{name}({', '.join(map(str, (*args, *kwargs.values())))})"


def var(name: str, default: Any = None) -> Any:
    """The value in dbt_project.yml, else the default the caller gives."""
    return _PROJECT.get("vars", {}).get(name, default)


def env_var(name: str, default: str = "") -> str:
    """The default: linting must not depend on the environment."""
    return default or name.lower()


def local_md5(text: str) -> str:
    """A digest of the text."""
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _raise(message: str) -> str:
    raise ValueError(message)


dbt = _Calls(
    type_string=lambda: "varchar",
    type_timestamp=lambda: "timestamp",
    type_int=lambda: "integer",
    type_bigint=lambda: "bigint",
    type_numeric=lambda: "decimal(18, 4)",
    type_boolean=lambda: "boolean",
    concat=lambda fields: " || ".join(fields),
    generate_series=lambda upper_bound: f"select generated_number from range({upper_bound})",
    listagg=lambda measure, delimiter, order="": f"string_agg({measure}, {delimiter} {order})",
    current_timestamp=lambda: "current_timestamp",
)
dbt_utils = _Calls(
    generate_surrogate_key=lambda fields: f"md5({' || '.join(fields)})",
    date_spine=lambda datepart, start_date, end_date: f"select {start_date} as date_{datepart}",
)
elementary = _Calls()
# A dispatched macro has one implementation per dialect; which, only dbt knows. It renders as a call.
adapter = SimpleNamespace(dispatch=lambda name, package=None: getattr(_Calls(), name))
exceptions = SimpleNamespace(raise_compiler_error=_raise, warn=lambda message: "")
modules = SimpleNamespace(datetime=datetime, re=re, pytz=SimpleNamespace(utc=datetime.UTC))
target = SimpleNamespace(name="dev", schema="dev", database="strata", type="duckdb")
run_started_at = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
execute = False
invocation_id = "lint"
