"""Replay: what is good today lands, what is superseded does not, and it can be killed and run again."""

from __future__ import annotations

import json

import pytest
from support.loads import load
from support.purging import Retention

from ingestion import replay as replay_module
from ingestion.cli import main
from ingestion.places import warehouse_path


def replay(capsys, *arguments: str) -> dict[str, int]:
    capsys.readouterr()
    assert main(["replay", "--source", "sap", "--json", *arguments]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.fixture
def rejected(sap):
    """A first load with three dead letters: an item, a supplier, a plant."""
    sap.update("EKPO", {"EBELN": "4500000001", "EBELP": "10"}, {"MATKL": "FASTENERS-METRIC"})
    sap.update("LFA1", {"LIFNR": "100002"}, {"LAND1": "germany"})
    sap.update("T001W", {"WERKS": "2000"}, {"NAME1": ""})
    load()
    return sap


@pytest.fixture
def mended_contract(monkeypatch, tmp_path):
    """Contracts that allow longer material groups, as if the owner had agreed to them."""
    import shutil

    from ingestion import contract

    shutil.copytree(contract.CONTRACTS_DIR, tmp_path / "contracts")
    path = tmp_path / "contracts" / "sap" / "purchase_order_items.odcs.yaml"
    path.write_text(path.read_text().replace("maxLength: 9\n", "maxLength: 20\n"))
    monkeypatch.setattr(
        replay_module, "load_contracts", lambda source: contract.load_contracts(source, tmp_path / "contracts")
    )


def test_with_the_same_contract_everything_stays_rejected(rejected, rows, capsys):
    assert replay(capsys) == {"read": 3, "landed": 0, "superseded": 0, "still_rejected": 3}
    assert rows("select count(*) from raw_ops.dead_letters where replayed_at is null") == [(3,)]


def test_what_fits_a_mended_contract_lands_beside_its_siblings(rejected, rows, capsys, mended_contract):
    assert replay(capsys) == {"read": 3, "landed": 1, "superseded": 0, "still_rejected": 2}
    items = "select purchase_order_item, material_group from raw_sap.purchase_order_items"
    assert rows(f"{items} where purchase_order = '4500000001' order by 1") == [("10", "FASTENERS-METRIC"), ("20", "G1")]
    assert rows("select count(*) from raw_sap.purchase_order_items") == [(20,)]
    assert rows("select dataset, replay_outcome from raw_ops.dead_letters where replayed_at is not null") == [
        ("purchase_order_items", "landed")
    ]
    assert replay(capsys)["read"] == 2, "a replayed letter is not read again"


def test_a_newer_row_stands(rejected, rows, capsys, mended_contract):
    rejected.update("EKPO", {"EBELN": "4500000001", "EBELP": "10"}, {"MATKL": "G1", "MENGE": "7"})
    rejected.update("EKKO", {"EBELN": "4500000001"}, {"AEDAT": "2026-01-12"})
    load()
    assert replay(capsys, "--dataset", "purchase_order_items")["superseded"] == 1
    key = "purchase_order = '4500000001' and purchase_order_item = '10'"
    assert rows(f"select order_quantity from raw_sap.purchase_order_items where {key}") == [(7,)]


def test_only_the_reason_asked_for_is_replayed(rejected, capsys, mended_contract):
    assert replay(capsys, "--reason", "PATTERN_MISMATCH:Country")["read"] == 1


def test_a_replay_killed_before_marking_can_run_again(rejected, rows, capsys, mended_contract, monkeypatch):
    def killed(*arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(replay_module.ops, "mark_replayed", killed)
        with pytest.raises(KeyboardInterrupt):
            main(["replay", "--source", "sap"])
    replay(capsys)
    assert rows("select count(*) from raw_sap.purchase_order_items") == [(20,)]
    assert rows("select count(*) from raw_ops.dead_letters where replayed_at is null") == [(2,)]


def test_an_unknown_dataset_is_refused(rejected, capsys):
    assert main(["replay", "--source", "sap", "--dataset", "nonsense"]) == 2
    assert "purchase_orders" in capsys.readouterr().err


def test_a_purged_row_that_is_replayed_goes_again(sap, rows, capsys, mended_contract, tmp_path):
    def sweep():
        retention = Retention(warehouse_path(), ["sap"])
        retention.sweep()
        retention.connection.close()

    order = {"EBELN": "4500000001"}
    items = "select purchase_order_item from raw_sap.purchase_orders join raw_sap.purchase_order_items"
    items += f" using (purchase_order) where purchase_order = '{order['EBELN']}' order by all"
    load()
    assert rows(items) == [("10",), ("20",)]
    retention = Retention(warehouse_path(), ["sap"])
    retention.purge(tmp_path)
    retention.connection.close()
    sweep()
    assert rows("select count(*) from raw_sap.purchase_order_items") == [(0,)]
    sap.update("EKPO", {**order, "EBELP": "10"}, {"MATKL": "FASTENERS-METRIC"})
    sap.update("EKKO", order, {"AEDAT": "2026-01-12"})
    load()
    assert rows(items) == [("20",)], "the other line is a dead letter"
    sweep()
    assert rows(items) == []
    assert replay(capsys)["landed"] == 1
    assert rows("select count(*) from raw_sap.purchase_order_items") != [(0,)]
    sweep()
    assert rows("select count(*) from raw_sap.purchase_order_items") == [(0,)]
