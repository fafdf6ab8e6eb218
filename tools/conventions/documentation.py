"""Rules on what else must be described: macros, tests, and the contract behind each landed table."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from tools.conventions.finding import Breach, Rule
from tools.conventions.project import Macro, Project, Properties
from tools.conventions.text import Mapping

# Implementations that adapter.dispatch picks; the macro that dispatches is the documented one.
_DISPATCHED = re.compile(r"(default|duckdb|snowflake|postgres|bigquery|redshift|spark|databricks)__")


def _documented_name(macro: Macro) -> str:
    """dbt knows the generic test `x` as the macro `test_x`."""
    return f"test_{macro.name}" if macro.kind == "test" else macro.name


def _public_macros(project: Project) -> Iterator[tuple[Macro, Properties | None]]:
    entries = {entry.name: entry for entry in project.of_kind("macros")}
    for macro in project.macros:
        if not _DISPATCHED.match(macro.name):
            yield macro, entries.get(_documented_name(macro))


def macro_documented(project: Project) -> Iterator[Breach]:
    for macro, entry in _public_macros(project):
        if entry is None or not str(entry.entry.get("description") or "").strip():
            yield Breach(
                macro.path, macro.line, f"{macro.kind} '{macro.name}' is not described",
                f"add it under `macros:` as {_documented_name(macro)} in a .yml beside it",
            )  # fmt: skip
    known = {_documented_name(macro) for macro in project.macros}
    for entry in project.of_kind("macros"):
        if entry.name not in known:
            yield Breach(
                entry.path, entry.line, f"describes macro '{entry.name}', which is not there", "delete the entry"
            )


def macro_arguments(project: Project) -> Iterator[Breach]:
    for macro, entry in _public_macros(project):
        if entry is None:
            continue
        described = [argument for argument in entry.entry.get("arguments") or [] if isinstance(argument, Mapping)]
        if macro.kind == "test" and not described:
            yield from _test_arguments_in_description(macro, entry)
            continue
        names = tuple(str(argument.get("name")) for argument in described)
        if names != macro.arguments:
            wrong = f"arguments of '{macro.name}' are {macro.arguments}, described are {names}"
            yield Breach(entry.path, entry.line, wrong, "list under `arguments:` what the signature has, in its order")
        for argument in described:
            if not (argument.get("type") and argument.get("description")):
                wrong = f"argument '{argument.get('name')}' of '{macro.name}' is half described"
                yield Breach(entry.path, argument.line, wrong, "give it a type and a description")


def _test_arguments_in_description(macro: Macro, entry: Properties) -> Iterator[Breach]:
    """dbt warns about `arguments:` of a generic test, whose signature it does not know; so its text names them."""
    text = str(entry.entry.get("description") or "")
    unnamed = [name for name in macro.arguments if name not in ("model", "column_name") and name not in text]
    if unnamed:
        wrong = f"the description of test '{macro.name}' does not name {', '.join(unnamed)}"
        yield Breach(entry.path, entry.line, wrong, "say in it what each argument is")


def singular_test_documented(project: Project) -> Iterator[Breach]:
    described = {
        entry.name
        for entry in project.of_kind("data_tests", "tests")
        if str(entry.entry.get("description") or "").strip()
    }
    names = {Path(path).stem for path in project.singular_tests}
    for path in project.singular_tests:
        if Path(path).stem not in described:
            yield Breach(
                path, 1, f"test '{Path(path).stem}' is not described",
                "add it under `data_tests:` in a .yml beside it: what its failure means and who acts",
            )  # fmt: skip
    for entry in project.of_kind("data_tests"):
        if entry.path.startswith("tests/") and entry.name not in names:
            yield Breach(
                entry.path, entry.line, f"describes test '{entry.name}', which is not there", "delete the entry"
            )


def contract_behind_source(project: Project) -> Iterator[Breach]:
    tables = {}
    for source in project.of_kind("sources"):
        for table in source.entry.get("tables") or []:
            if isinstance(table, Mapping):
                tables[(source.name, str(table.get("name")))] = (source.path, table.line)
    contracts = {}
    for path in project.below("contracts", ".odcs.yaml"):
        parts = path.split("/")
        if len(parts) == 3 and "property: mapping" not in project.texts[path]:  # with mappings it describes a model
            contracts[(parts[1], parts[2].removesuffix(".odcs.yaml"))] = path
    contracted_sources = {source for source, _ in contracts}
    for (source, table), (path, line) in tables.items():
        if source in contracted_sources and (source, table) not in contracts:
            yield Breach(
                path, line, f"{source}.{table} lands without a contract", f"write contracts/{source}/{table}.odcs.yaml"
            )
    for (source, table), path in contracts.items():
        if (source, table) not in tables:
            yield Breach(
                path,
                1,
                f"no dbt source table stands for {source}.{table}",
                "generate the source YAML from the contracts",
            )


RULES = (
    Rule("macro-documented", "every macro and generic test is described", macro_documented),
    Rule(
        "macro-arguments",
        "the arguments described are those of the signature, each with type and meaning",
        macro_arguments,
    ),
    Rule("test-documented", "every singular test says what its failure means", singular_test_documented),
    Rule(
        "contract-behind-source",
        "each landed table has a contract, each contract a source table",
        contract_behind_source,
    ),
)
