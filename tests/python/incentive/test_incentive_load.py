"""Loads of the incentive platform: changes, look-back, single faults, hostile records, errors in words."""

from __future__ import annotations

import json
import os
import random
import sys

import pytest
from support import platforms
from support.platforms import hashes, payout, plan

from ingestion.contract import load_contracts
from ingestion.errors import SourceError
from ingestion.landing import Landing
from ingestion.provenance import row_hash
from ingestion.rest_pages import Delivery
from ingestion.sandbox.apps.incentive import IncentiveApp
from ingestion.sandbox.faults import Fault
from ingestion.sandbox.odata import JSON, Response
from ingestion.sandbox.rest import RestServer
from ingestion.sources.incentive import IncentiveReader

SEED = int(os.environ.get("STRATA_SEED", "1"))


def truth(app, table):
    return sorted((row_hash(record), False) for record in app.documents.all(table))


def read(name="payouts"):
    """A whole read without a warehouse: what it delivers and the landing that counted it."""
    landing, reader = Landing(load_contracts("incentive"), "run"), IncentiveReader.from_config()
    delivery = Delivery(landing, name)
    for page in reader._pages(name, None, delivery):
        for _ in delivery.land(page):
            pass
    return delivery, landing.counts[name], reader.service


def test_random_histories_end_in_the_truth_and_only_changes_are_read(point_at, warehouse, rows):
    print(f"seed {SEED}")
    chance = random.Random(SEED)
    app = IncentiveApp(platforms.incentive_documents(payouts=80))
    with RestServer([app]) as server:
        point_at(server, lookback_hours="2")
        for day in range(4):
            minutes = 1440 * (1 + day)
            for _ in range(12):
                app.documents.upsert("payouts", payout(chance.randrange(120), minutes + chance.randrange(90), day + 1))
            app.documents.upsert("plans", plan(chance.randrange(7), day + 2, minutes))
            # Committed late, with a stamp from before what the last load has seen.
            app.documents.upsert("payouts", payout(2000 + day, minutes - 1440 + 30))
            assert platforms.load("incentive") == 0
            for table in ("plans", "payouts"):
                assert hashes(warehouse, "incentive", table) == truth(app, table), f"day {day}"
    reads = rows("select rows_read from raw_ops.loads where dataset = 'payouts' order by finished_at")
    assert all(last < 40 for (last,) in reads[1:]), "the cursor was not used"
    refs = rows("select count(*) from raw_incentive.payouts where _source_ref not like 'incentive/api/v1/payouts?%#%'")
    assert refs == [(0,)]


@pytest.mark.parametrize(
    "kind",
    ["gone", "repeated_page", "skipped_page", "missing_next", "repeated_next", "lost_rows", "jumping_cursor",
     "bad_rows", "duplicate_rows", "plain_429", "dated_429", "expired_token"],
)  # fmt: skip
@pytest.mark.parametrize("after", [0, 2, 5])
def test_one_fault_costs_no_record(point_at, kind, after):
    app = IncentiveApp(platforms.incentive_documents(payouts=60))
    with RestServer([app], faults=[Fault(kind, match="payouts", after=after)]) as server:
        point_at(server)
        delivery, counts, _ = read()
        assert len(server.requests) < 20
    assert delivery.keys == {record["payout_id"] for record in app.documents.all("payouts")}
    assert counts.rows_good == 60
    assert (counts.rows_rejected > 0) == (kind == "bad_rows"), "a damaged row leaves a dead letter, nothing else does"


@pytest.mark.parametrize(
    "kind", ["gone", "repeated_page", "missing_next", "lost_rows", "jumping_cursor", "html", "drop"]
)
def test_a_wall_of_faults_of_one_kind_is_got_round_or_ends_with_an_error(point_at, kind):
    app = IncentiveApp(platforms.incentive_documents(payouts=60))
    with RestServer([app], faults=[Fault(kind, match="payouts", times=0)]) as server:
        point_at(server, max_attempts="3", max_restarts="2")
        try:
            delivery, _, _ = read()
        except SourceError as error:
            assert "incentive payouts" in str(error)
            return
    assert kind in ("repeated_page", "jumping_cursor"), "this cannot be got round"
    assert delivery.keys == {record["payout_id"] for record in app.documents.all("payouts")}


def test_a_cursor_that_expires_resumes_near_where_it_was(point_at):
    app = IncentiveApp(platforms.incentive_documents(payouts=200))
    with RestServer([app], faults=[Fault("gone", match="payouts", after=15)]) as server:
        point_at(server)
        delivery, counts, _ = read()
        assert len(server.requests) < 30, "it began again from the start"
    assert len(delivery.keys) == counts.rows_good == 200


def test_records_that_change_while_pages_are_read_are_neither_lost_nor_old(point_at):
    app = IncentiveApp(platforms.incentive_documents(payouts=60))
    with RestServer([app]) as server:
        answer = app.respond

        def respond(request):
            app.documents.upsert("payouts", payout(len(server.requests), 1000 + len(server.requests), 77.5))
            return answer(request)

        app.respond = respond
        point_at(server, page_size="20")
        delivery, _, _ = read()
    for record in app.documents.all("payouts")[:50]:
        assert delivery._versions[record["payout_id"]][1] == row_hash(record)


def test_hostile_records_are_dead_letters_and_the_rest_lands(point_at, warehouse, rows):
    deep = "end"
    for _ in range(300):
        deep = [deep]
    hostile = [
        {**payout(1, 1), "order_id": 2**70}, {**payout(2, 2), "order_id": 10**5000},
        {**payout(3, 3), "currency": "\ud800"}, {**payout(4, 4), "basis_amount": 1e400},
        {**payout(5, 5), "status": deep}, {**payout(6, 6), "plan_id": "x\x00y"},
        {**payout(7, 7), "payout_id": None}, {**payout(8, 8), "payout_id": ["PAY-8"]}, "text", 7, None, [],
        {**payout(9, 9), "plan_id": "P" * 10_000_000},
    ]  # fmt: skip
    good = [payout(number, number) for number in range(100, 110)]

    class Hostile(IncentiveApp):
        def respond(self, request):
            data = [*hostile, *good] if request.path == "payouts" else []
            sys.set_int_max_str_digits(0)
            body = json.dumps({"data": data, "next_cursor": None, "page": 1, "total": len(data)}).encode()
            sys.set_int_max_str_digits(4300)
            return Response(200, body, JSON)

    with RestServer([Hostile({})]) as server:
        point_at(server)
        assert platforms.load("incentive") == 0
    assert hashes(warehouse, "incentive", "payouts") == sorted((row_hash(record), False) for record in good)
    counts = rows("select rows_read, rows_good, rows_rejected from raw_ops.loads where dataset = 'payouts'")
    assert counts == [(len(hostile) + len(good), len(good), len(hostile))]


@pytest.mark.parametrize(
    ("setting", "value", "words"),
    [
        ("token", "wrong-but-never-shown", "SOURCES__INCENTIVE__TOKEN"),
        ("base_url", "{base_url}/elsewhere", "SOURCES__INCENTIVE__BASE_URL"),
        ("base_url", "http://127.0.0.1:9", "base_url"),
    ],
)
def test_wrong_settings_of_incentive_are_named(point_at, capsys, setting, value, words):
    with RestServer([IncentiveApp(platforms.incentive_documents())]) as server:
        point_at(server, max_attempts="2", **{setting: value.format(base_url=server.base_url)})
        assert platforms.load("incentive") == 1
    shown = capsys.readouterr()
    assert words in shown.err
    assert "never-shown" not in shown.err + shown.out


def test_missing_settings_of_incentive_are_named(monkeypatch, warehouse, capsys):
    monkeypatch.setenv("STRATA_WAREHOUSE", str(warehouse))
    for name in ("BASE_URL", "TOKEN"):
        monkeypatch.delenv(f"SOURCES__INCENTIVE__{name}", raising=False)
    assert platforms.load("incentive") == 2
    assert "SOURCES__INCENTIVE__TOKEN" in capsys.readouterr().err
