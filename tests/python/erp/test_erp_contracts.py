"""The contracts of the unified ERP view: what they map is what the models do, for every system, column by column."""

from __future__ import annotations

import copy
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import sqlglot
import yaml
from erp_lineage import columns, essence, imports, outputs, parse
from sqlglot import exp

from ingestion.contract import landed_sources

ROOT = Path(__file__).resolve().parents[3]
ERP_SYSTEMS = {"sap", "oracle", "workday"}
CONTRACTS = sorted((ROOT / "contracts" / "erp").glob("*.odcs.yaml"))
NAMES = [path.name.split(".")[0] for path in CONTRACTS]


def custom(node: dict[str, Any]) -> dict[str, Any]:
    return {item["property"]: item["value"] for item in node.get("customProperties", [])}


@cache
def properties_of(model: str) -> dict[str, Any]:
    """The properties of a model, from the file beside it."""
    path = next((ROOT / "models").rglob(f"{model}.yml"))
    return yaml.safe_load(path.read_text())["models"][0]


@cache
def columns_of(model: str) -> frozenset[str]:
    return frozenset(column["name"] for column in properties_of(model)["columns"])


def table_of(name: str) -> dict[str, Any]:
    return yaml.safe_load((ROOT / "contracts" / "erp" / f"{name}.odcs.yaml").read_text())["schema"][0]


def sql_of(model: str) -> exp.Query:
    return parse(next((ROOT / "models").rglob(f"{model}.sql")).read_text())


def differences_from_properties(table: dict[str, Any]) -> list[str]:
    """Where the model's enforced contract says something else than the data contract."""
    properties = properties_of(table["physicalName"])
    found = [] if properties["config"].get("contract") == {"enforced": True} else ["the contract is not enforced"]
    contracted = {field["name"]: field["physicalType"] for field in table["properties"]}
    described = {column["name"]: column.get("data_type") for column in properties["columns"]}
    for name in sorted(contracted.keys() | described.keys()):
        if contracted.get(name) != described.get(name):
            found.append(f"{name}: contract {contracted.get(name)}, model {described.get(name)}")
    return found


def differences_of_mapping(table: dict[str, Any], query: exp.Query) -> list[str]:
    """Where a mapping is missing, names what is not there, or says something else than the model's SQL does."""
    found = []
    for system in custom(table)["systems"]:
        written = outputs(query, system)
        for field in table["properties"]:
            mapping = custom(field)["mapping"]
            if system not in mapping:
                found.append(f"{field['name']}: no mapping for {system}; null says that it has no such field")
            elif field["name"] in written:
                found += _differences(field["name"], system, mapping[system], written[field["name"]])
            elif mapping[system] is None:
                found.append(f"{field['name']}: {system} maps to null, but the model derives it")
    return found


def _differences(name: str, system: str, mapped: str | None, written: exp.Expression) -> list[str]:
    if mapped is None or essence(written) is None:
        return [] if mapped == essence(written) else [f"{name}: {system} maps to {mapped}, SQL has {essence(written)}"]
    expression = sqlglot.parse_one(mapped, dialect="duckdb")
    unknown = [
        f"{name}: {model}.{column} is not described"
        for model, column in sorted(columns(expression))
        if column not in columns_of(model)
    ]
    if essence(expression) != essence(written):
        unknown.append(f"{name}: {system} maps to {mapped}, SQL has {essence(written)}")
    return unknown


def test_purchases_invoices_and_journals_are_contracted_and_not_taken_for_a_source():
    assert NAMES == ["invoices", "journals", "purchases"]
    assert "erp" not in landed_sources()


@pytest.mark.parametrize("name", NAMES)
def test_every_erp_system_is_mapped_or_its_absence_explained(name):
    said = custom(table_of(name))
    assert said["systems"].keys() | said["systemsWithout"].keys() == ERP_SYSTEMS
    assert not said["systems"].keys() & said["systemsWithout"].keys()
    assert all(len(reason.split()) > 5 for reason in said["systemsWithout"].values())


@pytest.mark.parametrize("name", NAMES)
def test_the_model_enforces_the_columns_and_types_of_the_contract(name):
    assert differences_from_properties(table_of(name)) == []


@pytest.mark.parametrize("name", NAMES)
def test_every_mapping_is_what_the_model_does(name):
    table = table_of(name)
    assert differences_of_mapping(table, sql_of(table["physicalName"])) == []


@pytest.mark.parametrize("name", NAMES)
def test_systems_list_their_columns_in_one_order(name):
    table = table_of(name)
    query = sql_of(table["physicalName"])
    orders = {tuple(outputs(query, system)) for system in custom(table)["systems"]}
    assert len(orders) == 1, "union all goes by position"
    derived = {field["name"] for field in table["properties"]} - set(orders.pop())
    assert derived <= {table["properties"][0]["name"], "ledger_amount_gbp"}


@pytest.mark.parametrize("name", NAMES)
def test_each_system_reads_its_own_staging_only(name):
    table = table_of(name)
    query = sql_of(table["physicalName"])
    for system in custom(table)["systems"]:
        written = outputs(query, system)
        written.pop("is_also_in_oracle", None)  # what its name says
        read = {model for expression in written.values() for model, _ in columns(expression)}
        foreign = ERP_SYSTEMS - {system}
        assert read
        assert not [model for model in read if any(model.startswith(f"stg_{other}__") for other in foreign)]
    assert all(model.startswith(("stg_", "int_")) for model in imports(query).values())


def test_a_wrong_mapping_a_wrong_type_and_a_missing_system_are_found():
    query = sql_of("int_erp__journal_lines")
    wrong = copy.deepcopy(table_of("journals"))
    fields = {field["name"]: field for field in wrong["properties"]}
    mappings = {name: field["customProperties"][0]["value"] for name, field in fields.items()}
    mappings["journal_id"]["oracle"] = "stg_oracle__gl_journal_lines.je_header_id"
    mappings["source_document"]["oracle"] = None
    mappings["ledger_name"]["workday"] = "stg_workday__journal_lines.company_name"
    mappings["source_system"]["workday"] = "'sap'"
    del mappings["is_posted"]["oracle"]
    fields["accounting_date"]["physicalType"] = "timestamp"
    found = differences_of_mapping(wrong, query)
    assert "journal_id: stg_oracle__gl_journal_lines.je_header_id is not described" in found
    assert {line.split(":")[0] for line in found} == {
        *("journal_id", "source_document", "ledger_name", "source_system", "is_posted")
    }
    assert differences_from_properties(wrong) == ["accounting_date: contract timestamp, model date"]
