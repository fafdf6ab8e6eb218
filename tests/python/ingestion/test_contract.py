"""Contracts: they can be read, broken ones say what is wrong, and what is generated from them is fresh."""

from __future__ import annotations

import json
import shutil

import jsonschema
import pytest
import yaml

from ingestion.contract import CONTRACTS_DIR, landed_sources, load_contracts, load_dataset
from ingestion.errors import ConfigError
from ingestion.generate import generate, json_schema, key_test, sources_yaml

SAP = load_contracts("sap")
ALL = {f"{source}.{name}": found for source in landed_sources() for name, found in load_contracts(source).items()}


@pytest.mark.parametrize("name", sorted(ALL))
def test_every_dataset_has_a_key_of_required_fields_and_an_owner(name):
    dataset = ALL[name]
    assert dataset.path.name == f"{dataset.name}.odcs.yaml", "the landing finds a table's contract by its file name"
    assert dataset.keys
    assert all(dataset.by_name[key].required for key in dataset.keys)
    assert dataset.owner
    assert dataset.retention
    assert dataset.change_cursor is None or dataset.change_cursor in dataset.by_name
    assert dataset.replaces_by is None or dataset.replaces_by in dataset.keys
    assert dataset.read_mode in ("full", "incremental", "file")
    assert (dataset.files is not None) == (dataset.read_mode == "file")


def test_a_contract_without_its_table_is_refused_with_file_and_remedy(tmp_path):
    path = tmp_path / "sap" / "broken.odcs.yaml"
    path.parent.mkdir()
    path.write_text("apiVersion: v3.1.0\nkind: DataContract\n")
    with pytest.raises(ConfigError, match=r"broken\.odcs\.yaml.*Remedy"):
        load_dataset(path)


def test_an_unknown_type_is_refused_with_the_property_named(tmp_path):
    text = (CONTRACTS_DIR / "sap" / "plants.odcs.yaml").read_text().replace("logicalType: boolean", "logicalType: flag")
    path = tmp_path / "plants.odcs.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match="is_marked_for_archiving has logicalType flag"):
        load_dataset(path)


def test_a_source_without_contracts_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="no contract file"):
        load_contracts("nothing", tmp_path)


def test_generated_files_are_fresh():
    assert generate(check_only=True) == []


def test_a_changed_contract_makes_its_generated_files_stale(tmp_path):
    shutil.copytree(CONTRACTS_DIR, tmp_path / "contracts")
    assert generate(root=tmp_path)
    assert generate(root=tmp_path, check_only=True) == []
    path = tmp_path / "contracts" / "sap" / "plants.odcs.yaml"
    path.write_text(path.read_text().replace("maxLength: 30", "maxLength: 31"))
    assert [str(stale) for stale in generate(root=tmp_path, check_only=True)] == [
        "contracts/sap/json_schema/plants.schema.json"
    ]


def test_the_dbt_source_names_each_table_and_the_key_test_its_key():
    document = yaml.safe_load(sources_yaml("sap", SAP))
    assert {table["name"] for table in document["sources"][0]["tables"]} == set(SAP)
    test = key_test(list(SAP.values()))
    assert "'sap.purchase_order_items': [\n        'purchase_order', 'purchase_order_item',\n    ]," in test
    assert all(f"'sap.{name}': " in test for name in SAP)


def test_the_json_schema_accepts_a_row_and_refuses_a_broken_one():
    schema = json.loads(json.dumps(json_schema(SAP["plants"])))
    validator = jsonschema.Draft202012Validator(schema)
    assert validator.is_valid({"plant": "1000", "plant_name": "North", "country": "GB", "region": None})
    assert not validator.is_valid({"plant": "1000", "plant_name": "North", "country": "gb"})
    assert not validator.is_valid({"plant": "1000", "country": "GB"})
