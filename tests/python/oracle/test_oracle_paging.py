"""Pages of a collection that moves while it is read: nothing is lost, and a server that misbehaves is named."""

from __future__ import annotations

import json
import os
import random
from decimal import Decimal

import pytest
from dlt.sources.helpers.rest_client import RESTClient
from dlt.sources.helpers.rest_client.auth import HttpBasicAuth
from dlt.sources.helpers.rest_client.paginators import OffsetPaginator
from support.fusion_company import account, invoice

from ingestion.errors import SourceError
from ingestion.fusion import FusionService
from ingestion.http import client, exact_number
from ingestion.sandbox.apps.oracle import PREFIX, OracleApp
from ingestion.sandbox.rest import RestServer, json_answer

SEED = int(os.environ.get("STRATA_SEED", "1"))


class MovingApp(OracleApp):
    """Calls `move(page number)` after each page, and lets `spoil` change an answer."""

    def __init__(self, documents, move=lambda page: None, spoil=lambda request, content: content):
        super().__init__(documents)
        self.move = move
        self.spoil = spoil
        self.pages = 0

    def respond(self, request):
        answer = super().respond(request)
        self.pages += 1
        self.move(self.pages)
        return json_answer(self.spoil(request, json.loads(answer.body)), answer.status)


def session(server):
    auth = HttpBasicAuth(server.credentials.user, server.credentials.password)
    limits = {"requests_per_minute": 0, "max_attempts": 2, "timeout_seconds": 10}
    return client("oracle", base_url=server.base_url, auth=auth, **limits).session


def read(app, page_size=7, resource="invoices", key="InvoiceId", order=("LastUpdateDate", "InvoiceId"), since=None):
    """Records and the stamps of those left to the next load."""
    with RestServer([app]) as server:
        service = FusionService("oracle", server.base_url + PREFIX, session(server), page_size)
        stamp = order[0] if len(order) > 1 else None
        pages = list(service.records(resource, key, order=order, stamp=stamp, since=since))
    return [item.record for page in pages for item in page.records], [s for page in pages for s in page.changed]


def mover(chance, app, until=25):
    """Changes, adds and late commits between pages; later stamps are always behind all earlier ones."""
    clock = iter(range(1, 100_000))

    def move(page):
        if page > until:
            return
        for document in chance.sample(app.documents("invoices"), k=chance.randint(0, 5)):
            tick = next(clock)
            moved = f"2026-02-01T{tick // 3600:02}:{tick // 60 % 60:02}:{tick % 60:02}+00:00"
            app.upsert("invoices", document | {"LastUpdateDate": moved})
        if chance.random() < 0.3:
            app.upsert("invoices", invoice(5000 + next(clock), day=chance.randint(1, 28), lines=0))

    return move


def company(chance, same_stamp):
    return [
        invoice(n, day=3 if n < 1000 + same_stamp else chance.randint(1, 28), second=0, lines=0)
        for n in range(1000, 1120)
    ]


@pytest.mark.parametrize("round_number", range(6))
def test_no_record_is_lost_while_others_move(round_number):
    print(f"seed {SEED}")
    chance = random.Random(f"{SEED}/{round_number}")
    app = MovingApp({"invoices": company(chance, same_stamp=40 * (round_number % 3))})
    before = {document["InvoiceId"] for document in app.documents("invoices")}
    app.move = mover(chance, app)
    found, changed = read(app)
    keys = [record["InvoiceId"] for record in found]
    assert len(keys) == len(set(keys)), "a record came twice"
    assert before <= set(keys)
    after = {document["InvoiceId"]: document["LastUpdateDate"] for document in app.documents("invoices")}
    stale = {after[record["InvoiceId"]] for record in found if record["LastUpdateDate"] != after[record["InvoiceId"]]}
    assert stale <= set(changed), "a version left out is not known, so the cursor could pass it"


def test_plain_offsets_would_lose_records():
    lost = 0
    for round_number in range(6):
        chance = random.Random(f"{SEED}/{round_number}")
        app = MovingApp({"invoices": company(chance, same_stamp=0)})
        before = {document["InvoiceId"] for document in app.documents("invoices")}
        app.move = mover(chance, app)
        with RestServer([app]) as server:
            rest = RESTClient(server.base_url + PREFIX, session=session(server), data_selector="items")
            paginator = OffsetPaginator(limit=7, total_path=None, has_more_path="hasMore")
            order = {"orderBy": "LastUpdateDate:asc,InvoiceId:asc", "onlyData": "true"}
            pages = rest.paginate("invoices", params=order, paginator=paginator)
            lost += len(before - {record["InvoiceId"] for page in pages for record in page})
    assert lost > 0, "then dlt's own paginator would do"


def test_many_records_on_one_stamp_are_all_read():
    found, _ = read(MovingApp({"invoices": [invoice(n, day=3, lines=0) for n in range(100)]}))
    assert sorted(record["InvoiceId"] for record in found) == list(range(100))


def test_a_full_read_without_stamp_survives_removals_and_additions():
    codes = [f"{n:06}" for n in range(100, 160)]
    app = MovingApp({"generalLedgerAccounts": [account(code) for code in codes]})
    app.move = lambda page: app.upsert("generalLedgerAccounts", account(f"{page:06}")) if page < 5 else None
    found, _ = read(app, resource="generalLedgerAccounts", key="Account", order=("Account",))
    assert set(codes) <= {record["Account"] for record in found}
    app = MovingApp({"generalLedgerAccounts": [account(code) for code in codes]})
    app.move = lambda page: app.delete("generalLedgerAccounts", codes[page] if page < 4 else codes[-1])
    found, _ = read(app, resource="generalLedgerAccounts", key="Account", order=("Account",))
    assert {record["Account"] for record in found} == set(codes[:-1]), "only the last one went before it was read"


def test_records_that_cannot_be_ordered_or_keyed_are_delivered_once():
    odd = [invoice(1, LastUpdateDate="yesterday", lines=0), invoice(2, LastUpdateDate=None, lines=0), "text", None, 7]
    found, _ = read(MovingApp({"invoices": [*odd, *(invoice(n, lines=0) for n in range(100, 130))]}), page_size=4)
    assert len(found) == 35
    assert [record for record in found if not isinstance(record, dict)] == ["text", None, 7]


def ends_early(request, content):
    return content | {"hasMore": False} if "items" in content else content


def empty_page(request, content):
    return content | {"items": [], "hasMore": True} if request.query.get("q") else content


def no_items(request, content):
    return {"rows": content["items"]}


def one_record(request, content):
    return content | {"items": content["items"][:1], "hasMore": True}


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (ends_early, r"announced 20 records, now 20, and delivered 7 \(first request: invoices"),
        (empty_page, r'an empty page .*\(request invoices\?.*q=LastUpdateDate>="2026'),
        (no_items, "no list of items"),
        (one_record, "one record a page"),
    ],
)
def test_a_server_that_breaks_off_is_named_with_the_request(spoil, said):
    app = MovingApp({"invoices": [invoice(n, day=3, lines=0) for n in range(20)]}, spoil=spoil)
    if spoil is empty_page:
        app = MovingApp({"invoices": [invoice(n, lines=0) for n in range(20)]}, spoil=spoil)
    with pytest.raises(SourceError, match=said):
        read(app)


class Stubborn(OracleApp):
    """A server that does not know a parameter."""

    without = ""

    def respond(self, request):
        request.query.pop(self.without, None)
        return super().respond(request)


@pytest.mark.parametrize("without", ["q", "orderBy"])
def test_a_server_that_ignores_filter_or_order_is_named(without):
    app = Stubborn({"invoices": [invoice(n, day=28 - n, lines=0) for n in range(20)]})
    app.without = without
    with pytest.raises(SourceError, match="does not follow q or orderBy"):
        read(app)


def test_numbers_keep_their_digits():
    content = json.loads("[12.50, 12345678901234567.1234, 0.1, 1e999, 3]", parse_float=exact_number)
    assert content == [12.5, Decimal("12345678901234567.1234"), 0.1, Decimal("1e999"), 3]
    assert [type(number) for number in content] == [float, Decimal, float, Decimal, int]


def test_a_child_list_that_changes_its_place_is_found_by_its_link():
    document = invoice(17, lines=31)
    app = OracleApp({"invoices": [document]}, child_limit=10)
    with RestServer([app]) as server:
        service = FusionService("oracle", server.base_url + PREFIX, session(server), 4)
        page = next(service.records("invoices", "InvoiceId", order=("InvoiceId",), expand="invoiceLines"))
        assert len(page.records[0].record["invoiceLines"]["items"]) == 10
        lines = service.children("invoices", "InvoiceId", page.records[0].record, "invoiceLines", "LineNumber")
    assert [line["LineNumber"] for line in lines] == list(range(1, 32))
    own = b"17".hex().upper()
    assert any(f"invoices/{own}/child/invoiceLines" in target for target in server.requests)
