"""What goes wrong with a database: not there, not let in, no right, connection lost. Nothing is lost by it."""

from __future__ import annotations

import contextlib
import json

import psycopg2
import pytest

from ingestion.cli import main
from ingestion.database import Snapshot

SECRET = "wrong-and-secret"


def load():
    return main(["load", "atom", "--json"])


def told(capsys):
    shown = capsys.readouterr()
    assert SECRET not in shown.out + shown.err
    return json.loads(shown.out.strip().splitlines()[-1])


def with_credentials(monkeypatch, settings, change):
    monkeypatch.setenv("SOURCES__ATOM__CREDENTIALS", change(settings["SOURCES__ATOM__CREDENTIALS"]))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda uri: uri.replace("sandbox-only-not-a-secret", SECRET), "check user and password"),
        (lambda uri: uri.replace("/atom?", "/nowhere?"), "check the database's name"),
        (lambda uri: f"postgresql://reader:{SECRET}@127.0.0.1:9/atom", "check host, port"),
        (lambda uri: f"postgresql://reader:{SECRET}@no-such-host.invalid/atom", "check host, port"),
    ],
)
def test_no_connection(platform, settings, monkeypatch, capsys, change, says):
    with_credentials(monkeypatch, settings, change)
    assert load() == 1
    error = told(capsys)
    assert says in error["remedy"]
    assert "SOURCES__ATOM__CREDENTIALS" in error["remedy"]


@pytest.mark.parametrize("value", [None, "not a connection string " + SECRET, f"mysql://reader:{SECRET}@host/atom"])
def test_no_usable_connection_string(platform, monkeypatch, capsys, value):
    if value is None:
        monkeypatch.delenv("SOURCES__ATOM__CREDENTIALS")
    else:
        monkeypatch.setenv("SOURCES__ATOM__CREDENTIALS", value)
    assert load() == 2
    said = str(told(capsys))
    assert ("SOURCES__ATOM__CREDENTIALS" if value is None else "postgresql://") in said


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("drop table atom.payments", "no table atom.payments"),
        ("revoke usage on schema atom from \"sandbox-client\"", "may not read"),
        ("revoke select on atom.orders from \"sandbox-client\"", "may not read order_id"),
        ("alter table atom.orders drop column status", "no longer has status"),
    ],
)  # fmt: skip
def test_what_is_missing_is_named(platform, capsys, change, says):
    platform.run(change)
    assert load() == 1
    error = told(capsys)
    assert says in error["error"]
    assert error["subject"].startswith("atom.")


def test_a_column_kept_from_us_that_no_contract_names_is_left_alone(platform, rows):
    platform.orders(1, 2)
    platform.run("alter table atom.orders add column note text default 'private'")
    platform.run('revoke select on atom.orders from "sandbox-client"')
    columns = "order_id, customer_id, tenant, sales_rep_id, ordered_at, status, shipped_at, delivered_at, currency,"
    columns += " freight_amount, channel, created_at, updated_at"
    platform.run(f'grant select ({columns}) on atom.orders to "sandbox-client"')
    assert load() == 0
    assert rows("select count(*) from raw_atom.orders") == [(2,)]
    assert "note" not in {row[0] for row in rows("select column_name from (describe raw_atom.orders)")}


def test_the_reader_cannot_write(platform, settings):
    connection = psycopg2.connect(settings["SOURCES__ATOM__CREDENTIALS"])
    refused = pytest.raises(psycopg2.errors.ReadOnlySqlTransaction)
    with contextlib.closing(connection), connection.cursor() as cursor, refused:
        cursor.execute("delete from atom.orders")


def test_a_connection_lost_in_the_middle_loses_nothing(platform, rows, monkeypatch, capsys):
    platform.orders(1, 15_000)  # several blocks of lines
    monkeypatch.setattr("ingestion.database.BLOCK_BYTES", 50_000)
    copy, ended = Snapshot.copy, []

    def copy_until_cut(self, table, *arguments):
        for number, part in enumerate(copy(self, table, *arguments)):
            yield part
            if table == "order_lines" and number == 1 and not ended:
                ended.extend(
                    platform.run(
                        "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'strata'"
                    )
                )

    monkeypatch.setattr(Snapshot, "copy", copy_until_cut)
    assert load() == 1
    assert ended == [(True,)]
    error = told(capsys)
    assert error["subject"] == "atom.order_lines"
    assert "starts from the same point" in error["remedy"]
    assert rows("select count(*) from raw_ops.loads where status = 'failed'") == [(1,)]
    assert load() == 0
    assert rows("select count(*), sum(quantity) from raw_atom.order_lines") == platform.run(
        "select count(*), sum(quantity) from atom.order_lines"
    )
    assert rows("select count(*) from raw_atom.orders") == [(15_000,)]


def test_a_time_limit_of_the_server_is_told_as_such(platform, monkeypatch, capsys):
    platform.orders(1, 5)
    platform.run("alter role \"sandbox-client\" set statement_timeout = '400ms'")
    platform.run("alter table atom.orders rename to held_orders")
    platform.run("create view atom.orders as select *, pg_sleep(0.2) is null as slow from atom.held_orders")
    platform.run('grant select on atom.orders to "sandbox-client"')
    try:
        assert load() == 1
        assert "statement_timeout" in told(capsys)["remedy"]
    finally:
        platform.run('alter role "sandbox-client" reset statement_timeout')
