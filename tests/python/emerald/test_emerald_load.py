"""Loads of the Emerald platform: in parallel and the same, over a set that moves, erased clients, errors in words."""

from __future__ import annotations

import os
import random
import time

import pytest
from support import platforms
from support.platforms import balance, client, hashes, payment, relationship

from ingestion.contract import load_contracts
from ingestion.landing import Landing
from ingestion.provenance import row_hash
from ingestion.rest_pages import Delivery
from ingestion.sandbox.apps.emerald import EmeraldApp
from ingestion.sandbox.faults import Fault, FaultPlan
from ingestion.sandbox.rest import RestServer
from ingestion.sources.emerald import EmeraldReader, NumberedPages

SEED = int(os.environ.get("STRATA_SEED", "1"))
TABLES = ["clients", "bank_relationships", "balances", "payments"]


def truth(app, table):
    return sorted((row_hash(record), False) for record in app.documents.all(table))


def pages_of(reader, delivery, name, workers=8, size=10):
    return NumberedPages(reader.service, name, {}, size, workers, delivery.judge, may_vanish=name == "clients").read()


def read_all(name, workers=8, size=10):
    """Hashes of what one read delivers, in the order in which it lands."""
    landing, reader = Landing(load_contracts("emerald"), "run"), EmeraldReader.from_config()
    delivery = Delivery(landing, name)
    for page in pages_of(reader, delivery, name, workers, size):
        yield from delivery.land(page)


def test_every_record_lands_with_its_provenance_and_again_costs_little(point_at, warehouse, rows):
    app = EmeraldApp(platforms.emerald_documents())
    with RestServer([app]) as server:
        point_at(server, lookback_hours="0")
        assert platforms.load("emerald") == 0
        for table in TABLES:
            assert hashes(warehouse, "emerald", table) == truth(app, table)
        assert rows("select distinct dataset from raw_ops.loads where rows_read <> rows_good + rows_rejected") == []
        ref = rows("select _source_ref from raw_emerald.payments where payment_id = 'P0000000'")[0][0]
        assert ref == "emerald/api/v2/payments?page=1&page_size=10#1"
        server.requests.clear()
        assert platforms.load("emerald") == 0
        assert len(server.requests) == 5, "a page each, and one of keys"
    for table in TABLES:
        assert hashes(warehouse, "emerald", table) == truth(app, table)


@pytest.mark.parametrize("workers", [1, 3, 8])
def test_the_result_does_not_depend_on_the_number_of_workers(point_at, workers):
    app = EmeraldApp(platforms.emerald_documents())
    with RestServer([app], latency=0.003) as server:
        point_at(server)
        tables = [item.data if hasattr(item, "data") else item for item in read_all("payments", workers)]
        order = [row["payment_id"] for table in tables for row in table.to_pylist()]
    assert sorted(order) == sorted(record["payment_id"] for record in app.documents.all("payments"))
    # The last page comes first, to see whether the set moves; then all in their order.
    assert order[10:] == sorted(order)[:-10]


def test_pages_in_parallel_take_less_than_half_the_time(point_at):
    app = EmeraldApp(platforms.emerald_documents(payments=600))
    with RestServer([app], latency=0.05) as server:
        point_at(server)
        seconds = {}
        for workers in (1, 8):
            started = time.perf_counter()
            assert sum(1 for _ in read_all("payments", workers, 20)) >= 30
            seconds[workers] = time.perf_counter() - started
    assert seconds[8] < 0.6 * seconds[1], seconds


def test_no_record_is_lost_while_the_set_moves(point_at):
    """Records change, come and, of the clients, go while pages are read: what stood all the time is delivered."""
    print(f"seed {SEED}")
    chance = random.Random(SEED)
    for name, make in (("clients", client), ("payments", payment)):
        for _ in range(4):
            app = EmeraldApp({name: [make(number, number) for number in range(95)]})

            class Busy(FaultPlan):
                """Changes the set at every third request, for the first forty of them."""

                calls = 0

                def strike(self, target, app=app, name=name, make=make):
                    self.calls += 1
                    if self.calls < 40 and self.calls % 3 == 0:
                        app.documents.upsert(name, make(chance.randrange(90), 1000 + self.calls))
                        if chance.random() < 0.5:
                            app.documents.upsert(name, make(1000 + self.calls, 1000 + self.calls))
                        if name == "clients" and chance.random() < 0.5:
                            gone = chance.choice(app.documents.all(name))["client_id"]
                            app.documents.delete(name, gone)

            with RestServer([app]) as server:
                server.faults = Busy()
                point_at(server)
                landing, reader = Landing(load_contracts("emerald"), "run"), EmeraldReader.from_config()
                delivery = Delivery(landing, name)
                for page in pages_of(reader, delivery, name, workers=4):
                    for _ in delivery.land(page):
                        pass
            key = "client_id" if name == "clients" else "payment_id"
            assert {record[key] for record in app.documents.all(name)} <= delivery.keys


def test_random_histories_end_in_the_truth(point_at, warehouse, rows):
    print(f"seed {SEED}")
    chance = random.Random(SEED)
    app = EmeraldApp(platforms.emerald_documents(clients=60, payments=60))
    erased = set()
    kinds = ["server_error", "html", "drop", "lost_rows", "repeated_page", "skipped_page", "duplicate_rows", "bad_rows"]
    with RestServer([app]) as server:
        point_at(server, lookback_hours="100")
        for day in range(4):
            minutes = 2000 + 1440 * day
            for _ in range(8):
                number = chance.randrange(60)
                if f"C{number:06}" not in erased:
                    app.documents.upsert("clients", client(number, minutes, f"Renamed {day}"))
                app.documents.upsert("payments", payment(chance.randrange(80), minutes, chance.randrange(1, 99)))
                app.documents.upsert("balances", balance(chance.randrange(80), minutes, chance.randrange(99)))
                app.documents.upsert("bank_relationships", relationship(chance.randrange(50), minutes))
            for gone in chance.sample(app.documents.all("clients"), 2) if day else []:
                erased.add(gone["client_id"])
                app.documents.delete("clients", gone["client_id"])
            for kind in chance.sample(kinds, 4):
                server.faults.add(Fault(kind, match="/emerald/", after=chance.randrange(8), times=2))
            assert platforms.load("emerald") == 0
            for table in TABLES[1:]:
                assert hashes(warehouse, "emerald", table) == truth(app, table), f"day {day}"
            alive = [row for row in hashes(warehouse, "emerald", "clients") if not row[1]]
            assert alive == truth(app, "clients"), f"day {day}"
    assert {key for (key,) in rows("select client_id from raw_emerald.clients where _is_deleted")} == erased
    assert rows("select count(*) from raw_ops.loads where rows_read <> rows_good + rows_rejected") == [(0,)]


def test_a_client_that_is_there_again_is_no_longer_deleted(point_at, rows):
    app = EmeraldApp(platforms.emerald_documents())
    with RestServer([app]) as server:
        point_at(server, lookback_hours="0")
        platforms.load("emerald")
        app.documents.delete("clients", "C000005")
        platforms.load("emerald")
        assert rows("select client_id from raw_emerald.clients where _is_deleted") == [("C000005",)]
        app.documents.upsert("clients", client(5, 5))
        platforms.load("emerald")
        assert rows("select count(*) from raw_emerald.clients where _is_deleted") == [(0,)]


def test_keys_that_shrink_too_much_land_nothing(point_at, rows, capsys):
    app = EmeraldApp(platforms.emerald_documents())
    with RestServer([app]) as server:
        point_at(server, lookback_hours="0")
        platforms.load("emerald")
        for number in range(40):
            app.documents.delete("clients", f"C{number:06}")
        app.documents.upsert("payments", payment(900, 900))
        assert platforms.load("emerald") == 1
        assert "40 of 90 known clients" in capsys.readouterr().err
        assert rows("select count(*) from raw_emerald.payments where payment_id = 'P0000900'") == [(0,)]
        point_at(server, lookback_hours="0", max_shrink_ratio="1")
        assert platforms.load("emerald") == 0
    assert rows("select count(*) from raw_emerald.clients where _is_deleted") == [(40,)]


def test_an_error_in_one_worker_stops_the_others_and_names_the_page(point_at, capsys):
    app = EmeraldApp(platforms.emerald_documents(payments=600))
    faults = [{"kind": "server_error", "match": "payments?page=7&", "times": 0}]
    with RestServer([app], faults=faults) as server:
        point_at(server, max_attempts="2")
        assert platforms.load("emerald") == 1
        asked = sum("payments?page=" in target for target in server.requests)
    shown = capsys.readouterr().err
    assert "emerald payments page=7" in shown
    assert "HTTP 500" in shown
    assert asked < 50, "the other workers went on"


def test_rows_that_never_come_end_in_a_count(point_at, capsys):
    app = EmeraldApp(platforms.emerald_documents())
    with RestServer([app], faults=[{"kind": "lost_rows", "match": "clients?page=3&", "times": 0}]) as server:
        point_at(server, max_attempts="2")
        assert platforms.load("emerald") == 1
    assert "emerald clients page 3" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("setting", "value", "words"),
    [
        ("token", "wrong-but-never-shown", "SOURCES__EMERALD__TOKEN"),
        ("base_url", "{base_url}/elsewhere", "SOURCES__EMERALD__BASE_URL"),
        ("base_url", "http://127.0.0.1:9", "base_url"),
    ],
)
def test_wrong_settings_are_named(point_at, capsys, setting, value, words):
    with RestServer([EmeraldApp(platforms.emerald_documents())]) as server:
        point_at(server, max_attempts="2", **{setting: value.format(base_url=server.base_url)})
        assert platforms.load("emerald") == 1
    shown = capsys.readouterr()
    assert words in shown.err
    assert "never-shown" not in shown.err + shown.out
