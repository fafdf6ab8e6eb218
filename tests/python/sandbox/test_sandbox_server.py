"""Tokens, the rate limit and every fault, seen by a plain HTTP client."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
from sandbox_client import ORDERS, TIMEOUT, Client

from ingestion.sandbox import Fault, SandboxError, Tables
from ingestion.sandbox.faults import KINDS, read_faults
from ingestion.sandbox.server import RateLimit

PLANTS = "API_PLANT_SRV/A_Plant"
GRANT = {"grant_type": "client_credentials"}


def test_credentials_in_the_form_and_in_the_header(connect: Callable[..., Client], tables: Tables) -> None:
    server = connect(tables, authorised=False, client_id="me:not", client_secret="s p+c").server
    form = {**GRANT, "client_id": "me:not", "client_secret": "s p+c"}
    assert requests.post(server.token_url, data=form, timeout=TIMEOUT).status_code == 200
    basic = requests.post(server.token_url, data=GRANT, auth=("me%3Anot", "s+p%2Bc"), timeout=TIMEOUT)
    assert basic.json()["token_type"] == "bearer"
    assert basic.json()["expires_in"] == 3600


@pytest.mark.parametrize("auth", [("sandbox-client", "wrong"), ("", ""), ("ü", "ü"), None])
def test_bad_credentials(connect: Callable[..., Client], tables: Tables, auth: tuple[str, str] | None) -> None:
    server = connect(tables, authorised=False).server
    encoded = auth and (auth[0].encode(), auth[1].encode())
    answer = requests.post(server.token_url, data=GRANT, auth=encoded, timeout=TIMEOUT)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_broken_token_requests(connect: Callable[..., Client], tables: Tables) -> None:
    server = connect(tables, authorised=False).server
    assert requests.get(server.token_url, timeout=TIMEOUT).status_code == 405
    assert requests.post(server.token_url, data={"grant_type": "password"}, timeout=TIMEOUT).status_code == 400
    broken = requests.post(server.token_url, data=GRANT, headers={"Authorization": "Basic ?"}, timeout=TIMEOUT)
    assert broken.status_code == 401
    assert requests.post(server.token_url, data=b"x" * 100_000, timeout=TIMEOUT).status_code == 413


@pytest.mark.parametrize("header", [None, "Bearer", "Bearer nonsense", "Basic c2FuZGJveC1jbGllbnQ6eA=="])
def test_services_want_a_good_token(connect: Callable[..., Client], tables: Tables, header: str | None) -> None:
    client = connect(tables, authorised=False)
    if header:
        client.session.headers["Authorization"] = header
    answer = client.get(PLANTS)
    assert answer.status_code == 401
    assert "invalid_token" in answer.headers["WWW-Authenticate"]
    assert "Unauthorized" in answer.json()["error"]["message"]["value"]


def test_tokens_expire(connect: Callable[..., Client], tables: Tables) -> None:
    client = connect(tables, token_ttl=0.2)
    assert client.get(PLANTS).status_code == 200
    time.sleep(0.25)
    assert client.get(PLANTS).status_code == 401
    client.authorise()
    assert client.get(PLANTS).status_code == 200


def test_only_reading_is_offered(connect: Callable[..., Client], tables: Tables) -> None:
    client = connect(tables)
    url = f"{client.server.base_url}/sap/opu/odata/sap/{PLANTS}"
    assert client.session.post(url, json={}, timeout=TIMEOUT).status_code == 405
    head = client.session.head(url, timeout=TIMEOUT)
    assert (head.status_code, head.content) == (200, b"")
    assert client.session.get(f"{client.server.base_url}/elsewhere", timeout=TIMEOUT).status_code == 404


def test_rate_limit_answers_429_with_retry_after(connect: Callable[..., Client], tables: Tables) -> None:
    client = connect(tables, rate_limit=3)
    assert [client.get(PLANTS).status_code for _ in range(3)] == [200, 200, 200]
    refused = client.get(PLANTS)
    assert refused.status_code == 429
    assert 50 <= int(refused.headers["Retry-After"]) <= 60
    client.authorise()  # the token endpoint has no quota


def test_rate_limit_is_a_sliding_minute() -> None:
    now = [0.0]
    limit = RateLimit(2, clock=lambda: now[0])
    assert limit.wait_seconds() == 0
    now[0] = 30
    assert limit.wait_seconds() == 0
    now[0] = 31.5
    assert limit.wait_seconds() == 29
    now[0] = 60
    assert (limit.wait_seconds(), limit.wait_seconds()) == (0, 30)


def test_429_storm_then_calm(connect: Callable[..., Client], tables: Tables) -> None:
    client = connect(tables, faults=[Fault("too_many_requests", times=3, retry_after=7)])
    answers = [client.get(PLANTS) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [429, 429, 429, 200]
    assert {answer.headers.get("Retry-After") for answer in answers} == {"7", None}


@pytest.mark.parametrize("status", [500, 502, 503])
def test_server_errors(connect: Callable[..., Client], tables: Tables, status: int) -> None:
    client = connect(tables, faults=[{"kind": "server_error", "status": status, "after": 1}])
    assert [client.get(PLANTS).status_code for _ in range(3)] == [200, status, 200]


def test_dropped_connection(connect: Callable[..., Client], tables: Tables) -> None:
    client = connect(tables, faults=[Fault("drop")])
    with pytest.raises(requests.ConnectionError):
        client.get(PLANTS)
    assert client.get(PLANTS).status_code == 200


def test_truncated_body(connect: Callable[..., Client], tables: Tables) -> None:
    client = connect(tables, faults=[Fault("truncate")])
    with pytest.raises((requests.exceptions.ChunkedEncodingError, requests.ConnectionError), match="(?i)incomplete"):
        client.get(PLANTS)
    assert client.get(PLANTS).status_code == 200


def test_invalid_json_and_html(connect: Callable[..., Client], tables: Tables) -> None:
    client = connect(tables, faults=[Fault("invalid_json"), Fault("html")])
    for expected in ("application/json", "text/html"):
        answer = client.get(PLANTS)
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, expected)
        with pytest.raises(requests.exceptions.JSONDecodeError):
            answer.json()


def test_slow_answer(connect: Callable[..., Client], tables: Tables) -> None:
    client = connect(tables, faults=[Fault("slow", delay=0.3)])
    with pytest.raises(requests.exceptions.ReadTimeout):
        client.session.get(f"{client.server.base_url}/sap/opu/odata/sap/{PLANTS}", timeout=0.1)
    assert client.get(PLANTS).status_code == 200


def test_token_expires_in_the_middle(connect: Callable[..., Client], tables: Tables) -> None:
    client = connect(tables, page_size=50, faults=[Fault("expired_token", match="skiptoken=50")])
    link = client.get(ORDERS).json()["d"]["__next"]
    assert client.get(link).status_code == 401
    client.authorise()
    assert client.get(link).status_code == 200


def test_repeated_and_missing_next(connect: Callable[..., Client], tables: Tables) -> None:
    client = connect(tables, page_size=50, faults=[Fault("repeated_next", match="skiptoken=50")])
    first = client.get(ORDERS).json()["d"]["__next"]
    assert client.get(first).json()["d"]["__next"] == first
    assert client.get(first).json()["d"]["__next"].endswith("$skiptoken=100")
    client.server.faults.add(Fault("missing_next", match="A_PurchaseOrder"))
    page = client.get(ORDERS, inlinecount="allpages").json()["d"]
    assert (page["__count"], len(page["results"]), "__next" in page) == ("160", 50, False)


def test_faults_of_the_token_endpoint(connect: Callable[..., Client], tables: Tables) -> None:
    client = connect(tables, authorised=False, faults=[Fault("server_error", match="/oauth/token", status=503)])
    with pytest.raises(requests.HTTPError, match="503"):
        client.authorise()
    client.authorise()


def test_faults_are_played_in_their_order(connect: Callable[..., Client], tables: Tables) -> None:
    plan = [
        Fault("too_many_requests", times=2),
        Fault("server_error", after=1),
        Fault("server_error", times=0, status=503),
    ]
    client = connect(tables, faults=plan[:2])
    assert [client.get(PLANTS).status_code for _ in range(5)] == [429, 429, 200, 500, 200]
    client.server.faults.add(plan[2])
    assert {client.get(PLANTS).status_code for _ in range(5)} == {503}
    client.server.faults.clear()
    assert client.get(PLANTS).status_code == 200
    assert [kind for kind, _ in client.server.faults.struck][:3] == ["too_many_requests"] * 2 + ["server_error"]


def test_match_reads_decoded_queries(connect: Callable[..., Client], tables: Tables) -> None:
    client = connect(tables, faults=[Fault("server_error", match="Plant eq '1020'")])
    assert client.get(PLANTS, filter="Plant eq '1010'").status_code == 200
    assert client.get(PLANTS, filter="Plant eq '1020'").status_code == 500


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "the faults cannot be read"),
        ("{", "the faults cannot be read"),
        ('{"kind": "drop"}', "not a list of faults"),
        ('[{"kind": "earthquake"}]', f"there is no fault 'earthquake'.*{next(iter(KINDS))}"),
        ('[{"kind": "drop", "often": 2}]', "found kind, often"),
        ('[{"times": 2}]', "a fault has kind"),
        ('[{"kind": "drop", "times": "2"}]', "times of fault drop is '2'"),
        ('[{"kind": "drop", "after": -1}]', "after of fault drop is -1"),
    ],
)
def test_wrong_fault_files(tmp_path: Path, content: str | None, message: str) -> None:
    path = tmp_path / "faults.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(SandboxError, match=message):
        read_faults(path)


def test_fault_file(tmp_path: Path) -> None:
    path = tmp_path / "faults.json"
    path.write_text(json.dumps([{"kind": kind} for kind in KINDS]))
    assert [fault.kind for fault in read_faults(path)] == list(KINDS)


def test_many_clients_at_once(connect: Callable[..., Client], tables: Tables) -> None:
    client = connect(tables, page_size=20)
    expected = [order["PurchaseOrder"] for order in client.all(ORDERS)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: [order["PurchaseOrder"] for order in client.all(ORDERS)], range(16)))
    assert answers == [expected] * 16


def test_port_is_closed_after_stop(connect: Callable[..., Client], tables: Tables) -> None:
    client = connect(tables)
    client.server.stop()
    with pytest.raises(requests.ConnectionError):
        client.get(PLANTS)
