"""Loads of the Atom database: first, repeated, changed, late, deleted, restored."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from ingestion.errors import EXIT_OK, SourceError
from ingestion.runner import load as load_source
from ingestion.sources.atom import AtomReader

COUNTS = """
select dataset, rows_read, rows_good, rows_rejected, rows_deleted from raw_ops.loads
qualify row_number() over (partition by dataset order by finished_at desc) = 1
"""
OLD = "2025-01-05 08:00:00+00"  # far behind any look-back


def load() -> int:
    return load_source(AtomReader.from_config()).exit_code


def landed(rows):
    return {row[0]: row[1:] for row in rows(COUNTS)}


def alive(rows):
    return {key for (key,) in rows("select order_id from raw_atom.orders where not _is_deleted")}


def test_a_first_load_lands_every_row_as_it_is(platform, rows):
    platform.orders(1, 50)
    platform.run(
        "insert into atom.customers values"
        " (1, null, E'Müller \"Söhne\"\\n, Ltd €', null, 'Tenant 1', null, 'GB', 'GBP', %s, %s),"
        " (2, 'C2', '日本 🚚 \\.', '', 'Tenant 1', 'enterprise', 'JP', 'JPY', %s, %s)",
        "2025-03-29 01:30:00.123456+02", "2025-03-29 01:30:00+00", "0999-01-01 00:00:00+00", "2025-03-29 01:30:00+00",
    )  # fmt: skip
    platform.run(
        "insert into atom.products values (1, 'S', 'P', 'C', null, 99999999999999.9999, 0.0001, 'GBP', null, false,"
        " now(), now()), (9223372036854775807, 'S', 'P', 'C', 'M', 0, 0, 'GBP', 0.5, true, now(), now())"
    )
    assert load() == EXIT_OK
    assert landed(rows)["orders"] == (50, 50, 0, 0)
    assert landed(rows)["order_lines"] == (100, 100, 0, 0)
    sums = "sum(freight_amount), count(*), max(updated_at), count(sales_rep_id)"
    assert rows(f"select {sums} from raw_atom.orders") == platform.run(f"select {sums} from atom.orders")
    assert rows("select sum(quantity * unit_price) from raw_atom.order_lines") == platform.run(
        "select sum(quantity * unit_price) from atom.order_lines"
    )
    assert rows("select customer_id, customer_name, contact_email, segment, created_at from raw_atom.customers") == [
        (1, 'Müller "Söhne"\n, Ltd €', None, None, datetime(2025, 3, 28, 23, 30, 0, 123456, UTC)),
        (2, "日本 🚚 \\.", None, "enterprise", datetime(999, 1, 1, tzinfo=UTC)),
    ]
    assert rows("select product_id, list_price, unit_cost, weight_kg, is_active from raw_atom.products order by 1") == [
        (1, Decimal("99999999999999.9999"), Decimal("0.0001"), None, False),
        (9223372036854775807, Decimal(0), Decimal(0), Decimal("0.500"), True),
    ]
    assert rows("select _source_ref from raw_atom.order_lines where order_id = 7 order by 1") == [
        ("atom.order_lines/7/1",),
        ("atom.order_lines/7/2",),
    ]
    assert rows("select count(*) from raw_atom.orders where length(_row_hash) = 64 and not _is_deleted") == [(50,)]


def test_changes_arrive_and_little_is_read(platform, rows):
    platform.orders(1, 30, OLD)
    platform.orders(31, 40)
    load()
    hashes = dict(rows("select order_id, _row_hash from raw_atom.orders"))
    platform.run("update atom.orders set status = 'shipped', updated_at = now() where order_id in (3, 35)")
    platform.orders(41, 42, "2025-10-01 00:00:00+00")
    assert load() == EXIT_OK
    assert landed(rows)["orders"] == (13, 13, 0, 0), "the ten within the look-back, one older one, two new ones"
    assert rows("select order_id from raw_atom.orders where status = 'shipped' order by 1") == [(3,), (35,)]
    again = dict(rows("select order_id, _row_hash from raw_atom.orders"))
    assert {key for key in hashes if hashes[key] != again[key]} == {3, 35}
    assert len(again) == 42


def test_a_commit_later_than_the_look_back_is_found(platform, rows):
    platform.orders(1, 10)
    load()
    platform.orders(11, 12, OLD)  # stamped long ago, committed only now
    platform.run("update atom.orders set status = 'returned', updated_at = %s where order_id = 4", OLD)
    load()
    assert alive(rows) == set(range(1, 13))
    assert rows("select status from raw_atom.orders where order_id = 4") == [("returned",)]


def test_rows_of_one_stamp_are_all_read(platform, rows):
    platform.orders(1, 10)
    platform.run("update atom.orders set updated_at = '2025-09-30 00:00:00+00'")
    load()
    platform.orders(11, 12)
    platform.run(
        "update atom.orders set status = 'cancelled', updated_at = '2025-09-30 00:00:00+00' where order_id > 9"
    )
    load()
    assert rows("select order_id from raw_atom.orders where status = 'cancelled' order by 1") == [(10,), (11,), (12,)]


def test_a_stamp_in_the_future_does_not_hide_later_changes(platform, rows):
    platform.orders(1, 5)
    platform.run("update atom.orders set updated_at = '2199-01-01' where order_id = 1")
    load()
    platform.run("update atom.orders set status = 'shipped', updated_at = now() where order_id = 2")
    load()
    assert rows("select order_id from raw_atom.orders where status = 'shipped'") == [(2,)]
    assert rows("select max(cursor_to) < '2198' from raw_ops.loads where dataset = 'orders'") == [(True,)]


def test_deleted_rows_are_marked_and_restored_ones_come_back(platform, rows):
    platform.orders(1, 40, OLD)
    platform.orders(41, 41)
    load()
    platform.run("delete from atom.orders where order_id in (7, 8)")
    platform.run("delete from atom.order_lines where order_id = 7 and line_number = 2")
    assert load() == EXIT_OK
    assert landed(rows)["orders"] == (1, 1, 0, 2)
    assert landed(rows)["order_lines"] == (2, 2, 0, 1)
    last = "select order_id, status, freight_amount, _source_ref from raw_atom.orders where _is_deleted order by 1"
    assert rows(last) == [
        (7, "placed", Decimal("7.1234"), "atom.orders/7: absent from the source"),
        (8, "placed", Decimal("8.1234"), "atom.orders/8: absent from the source"),
    ]
    assert load() == EXIT_OK
    assert landed(rows)["orders"][3] == 0, "a deletion is one event, not one a load"
    platform.run("delete from atom.order_lines where order_id = 8")
    platform.orders(8, 8, OLD)  # restored from a backup, with its old stamp
    load()
    assert alive(rows) == set(range(1, 42)) - {7}
    assert rows("select count(*) from raw_atom.order_lines where order_id = 8 and not _is_deleted") == [(2,)]


def test_too_many_deletions_land_nothing(platform, rows):
    platform.orders(1, 20, OLD)
    load()
    platform.run("delete from atom.orders where order_id > 10")
    platform.run("update atom.order_lines set tax_amount = 5, updated_at = now()")
    with pytest.raises(SourceError, match="atom.orders.*lacks 10 of the 20 known ones.*MAX_SHRINK_RATIO=1"):
        load()
    assert len(alive(rows)) == 20
    assert rows("select count(*) from raw_atom.order_lines where tax_amount = 5") == [(0,)]


def test_an_emptied_table_lands_nothing(platform, rows):
    platform.orders(1, 1)
    load()
    platform.run("delete from atom.orders")
    with pytest.raises(SourceError, match="the table has 0 rows"):
        load()
    assert alive(rows) == {1}


def test_bad_rows_go_to_the_dead_letters_once(platform, rows):
    platform.orders(1, 10, OLD)
    platform.orders(11, 11)
    platform.run("update atom.orders set currency = 'gbp' where order_id = 2")
    platform.run("update atom.orders set status = null, delivered_at = 'infinity' where order_id = 3")
    platform.run("update atom.orders set updated_at = null where order_id = 4")
    load()
    letters = "select record_key, reason_codes from raw_ops.dead_letters order by 1"
    assert rows(letters) == [
        ("2", "PATTERN_MISMATCH:currency"),
        ("3", "REQUIRED_MISSING:status,TYPE_MISMATCH:delivered_at"),
        ("4", "REQUIRED_MISSING:updated_at"),
    ]
    assert len(alive(rows)) == 8
    load()
    assert landed(rows)["orders"] == (2, 1, 1, 0), "the newest, and the one without a stamp: other letters are known"
    platform.run("update atom.orders set currency = 'GBP', updated_at = now() where order_id = 2")
    load()
    assert 2 in alive(rows)
    assert len(rows(letters)) == 3


def test_a_column_of_another_type_is_refused_and_a_new_one_lands_as_text(platform, rows):
    platform.orders(1, 3)
    platform.run("alter table atom.orders alter column freight_amount type double precision")
    platform.run("alter table atom.order_lines add column batch jsonb default '{\"a\": 1}'")
    load()
    assert landed(rows)["orders"] == (3, 0, 3, 0)
    assert rows("select distinct reason_codes from raw_ops.dead_letters") == [("TYPE_MISMATCH:freight_amount",)]
    assert rows("select distinct batch from raw_atom.order_lines") == [('{"a": 1}',)]
    changes = "select dataset, column_name, change, new_type from raw_ops.schema_changes order by 1"
    assert rows(changes) == [
        ("order_lines", "batch", "added", "text"),
        ("orders", "freight_amount", "refused", "double precision"),
    ]


@pytest.mark.parametrize("column", ["updated_at", "order_id"])
def test_a_stamp_or_key_of_another_type_is_refused_without_losing_what_landed(platform, rows, column):
    platform.orders(1, 3)
    load()
    platform.run(f"alter table atom.orders alter column {column} type text using 'x' || {column}")
    load()
    assert landed(rows)["orders"] == (3, 0, 3, 0)
    assert alive(rows) == {1, 2, 3}


def test_times_without_a_zone_and_wider_numbers_are_taken(platform, rows):
    platform.orders(1, 2)
    platform.run("alter table atom.orders alter column ordered_at type timestamp using ordered_at at time zone 'UTC'")
    platform.run("alter table atom.orders alter column updated_at type timestamp using updated_at at time zone 'UTC'")
    platform.run("alter table atom.orders alter column freight_amount type numeric(30, 6)")
    platform.run("update atom.orders set freight_amount = 1.123456 where order_id = 2")
    load()
    assert rows("select order_id, ordered_at from raw_atom.orders") == [
        (1, datetime(2025, 9, 30, 12, 0, 1, tzinfo=UTC))
    ]
    assert rows("select reason_codes from raw_ops.dead_letters") == [("OUT_OF_RANGE:freight_amount",)]
    assert rows("select max(cursor_to) from raw_ops.loads where dataset = 'orders'") == [
        ((datetime(2025, 9, 30, 12, tzinfo=UTC) + timedelta(seconds=2)).isoformat(),)
    ]


def test_tables_are_read_as_of_one_moment(platform, rows, monkeypatch):
    """Orders that are placed while lines are read have neither their order nor their lines in this load."""
    from ingestion.database import Snapshot

    platform.orders(1, 5)
    copy = Snapshot.copy

    def copy_while_orders_arrive(self, table, *arguments):
        yield from copy(self, table, *arguments)
        if table == "order_lines":  # before orders, which come next
            platform.orders(6, 7, "2025-10-01 00:00:00+00")

    monkeypatch.setattr(Snapshot, "copy", copy_while_orders_arrive)
    load()
    assert alive(rows) == set(range(1, 6))
