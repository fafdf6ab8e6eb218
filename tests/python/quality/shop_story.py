"""A shop that works until something is broken: a small dbt project on landed tables, one planted cause after the other.

Each cause is planted between two real dbt runs over one warehouse, together with things that always happen (a few
rejected records, a model whose comment changes). Everything is mended before the next one. The sign-ups of the CRM are
landed by the real landing; the shop's own tables and what the landing would say of them are written as it does.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.cli.main import dbtRunner

from ingestion import ops, warehouse
from ingestion.cli import main

HEADER = (
    "SignUpId;SignedUpAt;Company;Email;Country;Tenant;Channel;Campaign;Status;ActivatedAt;ClientId;AcquisitionCost;"
    "Currency;Comment"
)
MODELS = {
    "stg_orders": "select order_id, customer_id, amount_text, currency from {{ source('atom', 'orders') }}",
    "stg_customers": "select customer_id from {{ source('atom', 'customers') }}",
    "stg_sign_ups": "select sign_up_id, acquisition_cost_amount from {{ source('crm', 'sign_ups') }}"
    " where not _is_deleted",
    "int_orders": "{{ config(materialized='table', group='sales_analytics') }}"
    " select order_id, customer_id, cast(amount_text as decimal(18, 2)) as amount, rate"
    " from {{ ref('stg_orders') }} left join {{ ref('rates') }} using (currency)",
    "fct_orders": "{{ config(materialized='table', group='unit_profit') }}"
    " select order_id, customer_id, amount * rate as amount_gbp{{ ', 1 / 0 as x' if false }}"
    " from {{ ref('int_orders') }}{{ ' where gone > 0' if target.name == 'prod' }}",
    "rpt_orders": "{{ config(materialized='table') }} select count(*) as orders from {{ ref('fct_orders') }}",
    "rpt_sign_ups": "{{ config(materialized='table') }} select count(*) as sign_ups from {{ ref('stg_sign_ups') }}",
}
TESTS = {
    "amounts_are_plausible": "select * from {{ ref('fct_orders') }} where amount_gbp > 50",
    "amounts_have_a_rate": "select * from {{ ref('fct_orders') }} where amount_gbp is null",
    "customers_are_known": "select * from {{ ref('fct_orders') }} as o where not exists"
    " (select 1 from {{ ref('stg_customers') }} as c where c.customer_id = o.customer_id)",
    "orders_came": "select * from (select max(order_id) as newest from {{ ref('fct_orders') }})"
    " where newest < {{ env_var('SHOP_DAY') }} * 1000",
    "sign_ups_came": "select * from {{ ref('rpt_sign_ups') }} where sign_ups < {{ env_var('SHOP_SIGN_UPS') }}",
    "orders_are_complete": "select count(*) as n from {{ ref('stg_orders') }} having n >"
    " (select count(*) from {{ ref('fct_orders') }})",
    "staged_orders_are_unique": "select order_id from {{ ref('stg_orders') }} group by 1 having count(*) > 1",
}
PROFILES = """
shop:
  target: dev
  outputs:
    dev: &duck
      {type: duckdb, path: '{{ env_var("STRATA_WAREHOUSE") }}', schema: shop, threads: 1}
    prod: *duck
"""
PROPERTIES = """
groups:
  - {name: sales_analytics, owner: {name: sales-analytics}}
  - {name: unit_profit, owner: {name: sales-analytics}}
sources:
  - name: atom
    schema: raw_atom
    config:
      loaded_at_field: _landed_at
      freshness: {warn_after: {count: 12, period: hour}, error_after: {count: 24, period: hour}}
    tables: [{name: orders}, {name: customers}]
  - name: crm
    schema: raw_crm
    tables: [{name: sign_ups}]
"""
RATES = "currency,rate\nGBP,1\nEUR,0.8\n"
ORDERS_A_DAY = 20


@dataclass
class Shop:
    """The project and its warehouse, day by day."""

    root: Path
    day: int = 0
    sign_ups: int = 0
    asked: dict[str, datetime] = field(default_factory=dict)

    @property
    def project(self) -> Path:
        return self.root / "project"

    @property
    def path(self) -> Path:
        return self.root / "warehouse" / "shop.duckdb"

    def write(self, name: str, text: str) -> None:
        """Put a file of the project in place."""
        (self.project / name).parent.mkdir(parents=True, exist_ok=True)
        (self.project / name).write_text(text, encoding="utf-8")

    def set_up(self) -> None:
        """Write the project as it works, and empty tables."""
        self.write("dbt_project.yml", "{name: shop, version: 1.0.0, profile: shop}")
        self.write("profiles.yml", PROFILES)
        self.write("models/shop.yml", PROPERTIES)
        self.mend()
        pipeline = warehouse.make_pipeline("atom")
        ops.ensure_tables(pipeline)
        self.sql("create schema raw_atom")
        stamp = "_landed_at timestamptz"
        self.sql(
            f"create table raw_atom.orders (order_id int, customer_id int, amount_text text, currency text, {stamp})"
        )
        self.sql(f"create table raw_atom.customers (customer_id int, {stamp})")
        self.sql("insert into raw_atom.customers (customer_id, _landed_at) select i, now() from range(10) t(i)")
        (self.root / "crm").mkdir()

    def mend(self) -> None:
        """Put all code and reference data back."""
        for name, sql in MODELS.items():
            self.write(f"models/{name}.sql", sql)
        for name, sql in TESTS.items():
            self.write(f"tests/{name}.sql", sql)
        self.write("seeds/rates.csv", RATES)

    def sql(self, statement: str, *values: object) -> None:
        """Change the warehouse."""
        with duckdb.connect(str(self.path)) as connection:
            connection.execute(statement, values)

    def next_day(self, *, orders: int = ORDERS_A_DAY, customers: bool = True) -> None:
        """A day's deliveries, all well: orders of the day, customers."""
        self.day += 1
        self.land_orders(orders)
        if customers:
            self.log_load("customers", 10)

    def land_orders(self, count: int, rejected: int = 1, amount: str = "10.00") -> None:
        """Orders of the day; one rejected record is nothing special."""
        self.sql(
            "insert into raw_atom.orders (order_id, customer_id, amount_text, currency, _landed_at)"
            f" select {self.day} * 1000 + i, i % 10, '{amount}', 'EUR', now()"
            f" from range({count}) t(i)"
        )
        self.log_load("orders", count + rejected, rejected)
        for number in range(rejected):
            self.sql(
                "insert into raw_ops.dead_letters (dead_letter_id, source, dataset, reason_codes, landed_at)"
                f" values ('o{self.day}-{number}', 'atom', 'orders', 'OUT_OF_RANGE:quantity', now())"
            )

    def log_load(self, dataset: str, read: int, rejected: int = 0, deleted: int = 0) -> None:
        """What the landing writes of a load."""
        now = datetime.now(UTC)
        self.sql(
            "insert into raw_ops.loads (source, dataset, load_id, run_id, started_at, finished_at, rows_read,"
            " rows_good, rows_rejected, rows_unchanged, rows_deleted, status)"
            " values ('atom', ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, 'landed')",
            dataset, now.isoformat(), now.isoformat(), now, now, read, read - rejected, rejected, deleted,
        )  # fmt: skip

    def land_sign_ups(self, bad: int = 0, text: str | None = None) -> int:
        """Deliver a file of three sign-ups to the CRM's directory and land it; `text` instead is another file."""
        good = 3 - bad
        lines = [f"S{self.day}-{n};30.09.2026 12:00:01;Firm;a@example.com;GB;north;organic;;new;;;12,50;EUR;"
                 for n in range(good)]  # fmt: skip
        lines += [f"S{self.day}-{n};30.09.2026 12:00:01;Firm;a@example.com;Utopia;north;organic;;new;;;12,50;EUR;"
                  for n in range(good, 3)]  # fmt: skip
        content = text or "\r\n".join([HEADER, *lines, ""])
        (self.root / "crm" / f"sign_ups_{self.day:03}.csv").write_text(content, encoding="cp1252")
        self.sign_ups += 3
        return main(["load", "crm", "--quiet"])

    def dbt(self, *arguments: str) -> None:
        """Run dbt and keep what it says of the run, as the project's own commands do."""
        places = ["--project-dir", str(self.project), "--profiles-dir", str(self.project), "--log-level", "none"]
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("SHOP_DAY", str(self.day))
            patch.setenv("SHOP_SIGN_UPS", str(self.sign_ups))
            outcome = dbtRunner().invoke([*(arguments or ["build"]), *places])
            DuckDBConnectionManager.close_all_connections()
        assert outcome.exception is None, outcome.exception
        target = self.root / "target"
        written = target / ("sources.json" if arguments[:1] == ("source",) else "run_results.json")
        invocation = json.loads(written.read_text(encoding="utf-8"))["metadata"]["invocation_id"]
        kept = self.path.parent / "artifacts" / self.path.stem / invocation
        kept.mkdir(parents=True)
        for path in (written, target / "manifest.json"):
            shutil.copyfile(path, kept / path.name)

    @contextmanager
    def broken(self, name: str) -> Iterator[None]:
        """A good run, then what the caller plants, then a run; mended afterwards."""
        self.next_day()
        self.dbt()
        # What goes on all the time, and breaks nothing.
        self.write("models/rpt_sign_ups.sql", f"{MODELS['rpt_sign_ups']} -- day {self.day}")
        yield
        self.asked[name] = datetime.now(UTC)
        self.mend()


def play(root: Path) -> Shop:
    """The whole story; `asked` says when each cause had shown."""
    shop = Shop(root)
    shop.set_up()
    for _ in range(3):
        shop.next_day()
        shop.land_sign_ups()
    for chapter in CHAPTERS:
        with shop.broken(chapter.__name__):
            chapter(shop)
    assert main(["load", "dbt_artifacts", "--quiet"]) == 0
    return shop


def code_change(shop: Shop) -> None:
    shop.next_day()
    shop.write("models/int_orders.sql", MODELS["int_orders"].replace("rate from", "rate * 10 as rate from"))
    shop.dbt()


def upstream_failure(shop: Shop) -> None:
    shop.next_day()
    shop.sql(f"update raw_atom.orders set amount_text = 'ten' where order_id = {shop.day}001")
    shop.dbt()
    shop.sql("update raw_atom.orders set amount_text = '10.00' where amount_text = 'ten'")


def schema_change(shop: Shop) -> None:
    shop.next_day()
    shop.sql("alter table raw_atom.orders rename column currency to currency_iso")
    shop.sql(
        "insert into raw_ops.schema_changes (change_id, source, dataset, table_name, column_name, change, old_type,"
        " detected_at) values ('1', 'atom', 'orders', 'raw_atom.orders', 'currency', 'removed', 'varchar', now())"
    )
    shop.dbt()
    shop.sql("alter table raw_atom.orders rename column currency_iso to currency")


def landing_rejects(shop: Shop) -> None:
    shop.day += 1
    shop.land_orders(ORDERS_A_DAY)
    shop.log_load("customers", 10)
    shop.land_sign_ups(bad=2)
    shop.dbt()
    shop.sign_ups -= 2


def file_refused(shop: Shop) -> None:
    shop.day += 1
    shop.land_orders(ORDERS_A_DAY)
    shop.land_sign_ups(text="a,b,c\n1,2,3\n")
    shop.dbt()
    shop.sign_ups -= 3
    (shop.root / "crm" / f"sign_ups_{shop.day:03}.csv").unlink()


def late_source(shop: Shop) -> None:
    shop.day += 1
    shop.sql("update raw_atom.orders set _landed_at = _landed_at - interval 3 day")
    shop.dbt("source", "freshness")
    shop.dbt()


def load_failed(shop: Shop) -> None:
    shop.day += 1
    pipeline = warehouse.make_pipeline("atom")
    ops.record_failure(pipeline, "atom", "run", datetime.now(UTC) - timedelta(seconds=1), "atom: no answer in 30 s.")
    shop.dbt()


def reference_data_change(shop: Shop) -> None:
    shop.next_day()
    shop.write("seeds/rates.csv", RATES.replace("EUR", "USD"))
    shop.dbt()


def volume_change(shop: Shop) -> None:
    shop.next_day(orders=0)
    shop.dbt()


def mass_deletion(shop: Shop) -> None:
    shop.next_day(customers=False)
    shop.sql("delete from raw_atom.customers where customer_id >= 4")
    shop.log_load("customers", 4, deleted=6)
    shop.dbt()
    shop.sql("insert into raw_atom.customers (customer_id, _landed_at) select i, now() from range(4, 10) t(i)")


def not_rebuilt(shop: Shop) -> None:
    shop.next_day()
    shop.dbt("build", "--select", "fct_orders+", "stg_orders+1", "--exclude", "int_orders")


def version_change(shop: Shop) -> None:
    shop.next_day()
    shop.dbt("build", "--target", "prod")


def upstream_test(shop: Shop) -> None:
    shop.next_day()
    shop.sql(f"insert into raw_atom.orders from raw_atom.orders where order_id = {shop.day}001")
    shop.dbt()
    shop.sql(f"delete from raw_atom.orders where order_id = {shop.day}001")


CHAPTERS = (
    code_change, upstream_failure, schema_change, landing_rejects, file_refused, late_source, load_failed,
    reference_data_change, volume_change, mass_deletion, not_rebuilt, version_change, upstream_test,
)  # fmt: skip
