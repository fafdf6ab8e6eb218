"""Bad input and broken systems: the message says what, to what and what to do; nothing is lost."""

from __future__ import annotations

import json
import socket

import duckdb
import pytest
from support.loads import load, start_load

from ingestion.cli import main
from ingestion.sandbox import SandboxServer


def test_missing_settings_are_named(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("STRATA_WAREHOUSE", str(tmp_path / "w.duckdb"))
    for name in ("BASE_URL", "TOKEN_URL", "CLIENT_ID", "CLIENT_SECRET"):
        monkeypatch.delenv(f"SOURCES__SAP__{name}", raising=False)
    assert load() == 2
    assert "SOURCES__SAP__CLIENT_SECRET" in capsys.readouterr().err


def test_an_unknown_source_is_refused(capsys):
    assert main(["load", "sapp"]) == 2
    assert "unknown source sapp" in capsys.readouterr().err


def test_wrong_credentials_land_nothing_and_name_the_setting(sap, monkeypatch, capsys, warehouse):
    monkeypatch.setenv("SOURCES__SAP__CLIENT_SECRET", "wrong-but-never-printed")
    assert load() != 0
    shown = capsys.readouterr()
    assert "SOURCES__SAP__CLIENT_ID" in shown.err
    assert "never-printed" not in shown.err + shown.out


def test_a_dead_server_is_named(tables, settings, capsys, rows):
    with SandboxServer(tables) as server:
        settings(server, max_attempts="2")
    assert load() == 1
    shown = capsys.readouterr().err
    assert "no answer" in shown
    assert "base_url" in shown
    assert rows("select status from raw_ops.loads") == [("failed",)]


def test_a_429_storm_is_waited_out(tables, settings):
    storm = [{"kind": "too_many_requests", "retry_after": 1, "times": 3, "match": "A_PurchaseOrder"}]
    with SandboxServer(tables, faults=storm) as server:
        settings(server)
        assert load() == 0


def test_an_endless_429_storm_ends_with_the_setting_to_change(tables, settings, capsys):
    storm = [{"kind": "too_many_requests", "retry_after": 0, "times": 0, "match": "A_PurchaseOrder"}]
    with SandboxServer(tables, faults=storm) as server:
        settings(server, max_attempts="3")
        assert load() == 1
    assert "requests_per_minute" in capsys.readouterr().err


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "truncate", "times": 1},
        {"kind": "drop", "times": 1},
        {"kind": "server_error", "status": 503, "times": 2},
        {"kind": "invalid_json", "times": 1},
        {"kind": "expired_token", "times": 1},
    ],
    ids=lambda fault: fault["kind"],
)
def test_a_passing_fault_costs_nothing(tables, settings, rows, fault):
    with SandboxServer(tables, faults=[{**fault, "match": "A_PurchaseOrder"}]) as server:
        settings(server)
        assert load() == 0
    assert rows("select count(*) from raw_sap.purchase_order_items") == [(20,)]


def test_a_read_that_ends_early_lands_nothing_and_the_next_one_all(tables, settings, rows, capsys):
    with SandboxServer(tables, page_size=4, faults=[{"kind": "missing_next", "match": "A_PurchaseOrder"}]) as server:
        settings(server, page_size="1000")
        first = load()
        if first != 0:  # the reader noticed; had it gone on by $skip, all would be there already
            assert "announced" in capsys.readouterr().err
            assert load() == 0
    assert rows("select count(*) from raw_sap.purchase_orders") == [(10,)]


def test_a_page_link_that_repeats_lands_nothing(tables, settings, capsys):
    fault = {"kind": "repeated_next", "times": 0, "match": "A_PurchaseOrder"}
    with SandboxServer(tables, page_size=3, faults=[fault]) as server:
        settings(server, page_size="1000")
        assert load() == 1
    assert "same page link twice" in capsys.readouterr().err


def test_a_broken_row_is_a_dead_letter_and_the_rest_lands(sap, rows, capsys):
    sap.update("EKPO", {"EBELN": "4500000001", "EBELP": "10"}, {"MENGE": "-5"})
    sap.update("LFA1", {"LIFNR": "100002"}, {"LAND1": "germany"})
    assert load() == 0
    letters = rows("select dataset, record_key, reason_codes, payload, source_ref from raw_ops.dead_letters order by 1")
    assert [letter[:3] for letter in letters] == [
        ("purchase_order_items", "4500000001/10", "OUT_OF_RANGE:OrderQuantity"),
        ("suppliers", "100002", "PATTERN_MISMATCH:Country"),
    ]
    assert json.loads(letters[0][3])["OrderQuantity"].startswith("-5")
    assert "A_PurchaseOrder" in letters[0][4]
    assert rows("select count(*) from raw_sap.purchase_order_items") == [(19,)]
    assert rows("select count(*) from raw_ops.loads where rows_read <> rows_good + rows_rejected") == [(0,)]
    assert "raw_ops.dead_letters" in capsys.readouterr().out


def test_the_same_broken_row_is_one_dead_letter_however_often_it_is_read(sap, rows):
    sap.update("LFA1", {"LIFNR": "100002"}, {"LAND1": "germany"})
    load()
    load()
    assert rows("select count(*) from raw_ops.dead_letters") == [(1,)]


def test_a_good_row_that_breaks_later_stays_as_it_was(sap, rows):
    load()
    sap.update("EKKO", {"EBELN": "4500000009"}, {"AEDAT": "2026-01-11"})
    sap.update("EKPO", {"EBELN": "4500000009", "EBELP": "10"}, {"MENGE": "many"})
    sap.update("EKPO", {"EBELN": "4500000009", "EBELP": "20"}, {"MENGE": "40"})
    load()
    items = "select purchase_order_item, order_quantity from raw_sap.purchase_order_items"
    assert rows(f"{items} where purchase_order = '4500000009' order by 1") == [("10", 9), ("20", 40)]


def test_too_many_rejects_are_an_exit_code_of_their_own(sap, monkeypatch, capsys, rows):
    monkeypatch.setenv("SOURCES__SAP__MAX_REJECT_RATIO", "0.05")
    sap.update("LFA1", {"LIFNR": "100002"}, {"LAND1": "germany"})
    assert load() == 3
    assert "sap.suppliers" in capsys.readouterr().err
    assert rows("select count(*) from raw_sap.suppliers") == [(5,)], "what is good has landed"


def test_a_changed_type_sends_its_records_to_the_dead_letters(sap, rows):
    load()
    sap.change_type("A_Plant", "PlantName", "Edm.Int32")
    sap.update("T001W", {"WERKS": "1000"}, {"NAME1": "17"})
    assert load() == 3
    assert rows("select column_name, change, old_type, new_type from raw_ops.schema_changes") == [
        ("plant_name", "refused", "varchar", "Edm.Int32")
    ]
    assert rows("select distinct reason_codes from raw_ops.dead_letters") == [("TYPE_MISMATCH:PlantName",)]
    assert rows("select count(*) from raw_sap.plants where plant_name in ('North', 'South')") == [(2,)]


def test_a_locked_warehouse_file_names_the_remedy(sap, settings, warehouse):
    load()
    holder = duckdb.connect(str(warehouse))
    try:
        process = start_load(settings(sap))
        output, _ = process.communicate(timeout=120)
    finally:
        holder.close()
    assert process.returncode == 1
    assert "warehouse" in output
    assert "close the program that holds it" in output.replace("\n", " ")


def test_a_second_run_says_who_holds_the_lock(sap, settings, warehouse):
    import os

    from ingestion.lock import warehouse_lock

    with warehouse_lock(warehouse):
        process = start_load(settings(sap))
        output, _ = process.communicate(timeout=120)
    assert process.returncode == 75
    assert f"process {os.getpid()}" in output


def test_a_warehouse_that_cannot_be_written_names_it(sap, monkeypatch, tmp_path, capsys):
    blocker = tmp_path / "file"
    blocker.write_text("not a directory")
    monkeypatch.setenv("STRATA_WAREHOUSE", str(blocker / "w.duckdb"))
    assert load() == 1
    assert "w.duckdb" in capsys.readouterr().err


def test_a_port_without_odata_is_named(settings, tables, monkeypatch, capsys):
    with SandboxServer(tables) as server:
        settings(server, max_attempts="1")
        monkeypatch.setenv("SOURCES__SAP__BASE_URL", f"{server.base_url}/elsewhere")
        assert load() == 1
    assert "HTTP 404" in capsys.readouterr().err


def test_a_proxy_page_instead_of_json_is_named(tables, settings, capsys):
    with SandboxServer(tables, faults=[{"kind": "html", "times": 0, "match": "A_Plant?"}]) as server:
        settings(server, max_attempts="1")
        assert load() == 1
    shown = capsys.readouterr().err
    assert "A_Plant" in shown
    assert "not JSON" in shown


def test_nobody_listening_is_not_an_endless_wait(settings, tables, monkeypatch, capsys):
    with SandboxServer(tables) as server:
        settings(server, max_attempts="2")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        monkeypatch.setenv("SOURCES__SAP__TOKEN_URL", f"http://127.0.0.1:{port}/oauth/token")
        assert load() == 1
    assert "no answer" in capsys.readouterr().err
