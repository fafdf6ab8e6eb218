"""What happens to the raw tables between the two builds: rows updated, deleted and late in all sources of the marts.

Each change is SQL that both dialects read, with keys and times taken from the data itself. Every touched row gets a
`_landed_at` one second after the newest in the data, so that both targets see the same stamp, and the incremental
models and snapshots see it as new.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import duckdb

from tools.snowflake.raw_data import RawDataError, RawTable

# Added to a number, or put before a text, to make the key of a late row: nothing in the sandbox counts as far.
_LATE_NUMBER = 900_000_000
_LATE = "'LATE-' || "


@dataclass(frozen=True)
class Change:
    """One change to the raw tables, in SQL that both dialects read."""

    label: str
    statements: tuple[str, ...]


def plan_changes(source: Path, tables: list[RawTable]) -> list[Change]:
    """What happens between the two builds of the raw tables in warehouse file `source`."""
    with duckdb.connect(str(source), read_only=True) as connection:
        connection.execute("set TimeZone = 'UTC'")
        plan = _Plan(connection, {table.qualified: [name for name, _ in table.columns] for table in tables})
        return [
            *_purchasing(plan),
            *_master_data(plan),
            *_stock_and_shipments(plan),
            *_customer_orders(plan),
            *_customer_payments(plan),
            *_ledger(plan),
            *_invoices(plan),
            *_people(plan),
            *_clients(plan),
            *_engagement(plan),
            *_sign_ups(plan),
        ]


class _Plan:
    """Writes the statements, with keys and the stamp read from the data."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, columns: dict[str, list[str]]) -> None:
        self._connection = connection
        self._columns = columns
        stamped = [table for table, names in columns.items() if "_landed_at" in names]
        if not stamped:
            raise RawDataError("no raw table has a _landed_at, so there is nothing to change.")
        newest = " union all ".join(f"select max(_landed_at) as landed_at from {table}" for table in stamped)
        self._landed_at = connection.execute(
            f"select strftime(max(landed_at) + interval 1 second, '%Y-%m-%d %H:%M:%S.%f') from ({newest})"
        ).fetchone()[0]

    def rows(self, table: str, key: str, number: int, skip: int = 0, where: str = "true") -> str:
        """Condition for the rows of `number` keys in the keys' order, after the first `skip`."""
        if table not in self._columns:
            raise RawDataError(f"the job changes {table}; the raw data does not hold it.")
        found = self._connection.execute(
            f"select distinct {key} from {table} where not coalesce(_is_deleted, false) and {where} "
            f"order by {key} limit {number} offset {skip}"
        ).fetchall()
        if len(found) < number:
            raise RawDataError(
                f"the job changes rows with {skip + number} {key}s in {table}; the raw data holds fewer."
            )
        return f"{key} in ({', '.join(_literal(value) for (value,) in found)})"

    def update(self, table: str, where: str, **values: str) -> str:
        """Give rows other values, and mark them as just landed with new content."""
        settings = ", ".join(f"{name} = {value}" for name, value in (values | self._stamp("changed")).items())
        return f"update {table} set {settings} where {where}"

    def delete(self, table: str, where: str) -> str:
        """Mark rows as the landing does when the source no longer has them."""
        return self.update(table, where, _is_deleted="true")

    def add(self, table: str, where: str, **values: str) -> str:
        """Land copies of rows with other values, such as a key of their own, as if from another place of the source."""
        replaced = {"_source_ref": "_source_ref || '-late'"} | values | self._stamp("late")
        selected = ", ".join(replaced.get(name, name) for name in self._columns[table])
        return f"insert into {table} ({', '.join(self._columns[table])}) select {selected} from {table} where {where}"

    def _stamp(self, prefix: str) -> dict[str, str]:
        return {
            "_landed_at": f"cast('{self._landed_at}+00:00' as timestamp_tz)",
            "_row_hash": f"sha2('{prefix}' || _row_hash)",
        }


def _literal(value: object) -> str:
    return str(value) if isinstance(value, int) else "'" + str(value).replace("'", "''") + "'"


def _purchasing(plan: _Plan) -> list[Change]:
    orders, items = "raw_sap.purchase_orders", "raw_sap.purchase_order_items"
    changed = plan.rows(orders, "purchase_order", 20)
    deleted = plan.rows(orders, "purchase_order", 1, skip=20)
    receipted = plan.rows(orders, "purchase_order", 20, skip=21)
    requisitions, lines = "raw_oracle.requisitions", "raw_oracle.requisition_lines"
    requisition = plan.rows(requisitions, "requisition_header_id", 1)
    return [
        Change(
            "20 purchase orders: one more on every line, at another price",
            (
                plan.update(
                    items,
                    changed,
                    order_quantity="order_quantity + 1",
                    net_price_amount="net_price_amount + 1",
                ),
                plan.update(orders, changed, payment_terms="'Z030'"),
            ),
        ),
        Change(
            "1 purchase order: deleted",
            tuple(plan.update(table, deleted, purchasing_document_deletion_code="'L'") for table in (orders, items)),
        ),
        Change(
            "late goods receipts of 20 purchase orders",
            (
                plan.add(
                    "raw_sap.goods_receipts",
                    f"{receipted} and goods_movement_type = '101'",
                    material_document="'9' || substr(material_document, 2)",
                ),
            ),
        ),
        Change(
            "5 requisitions: one more on every line; 1 deleted",
            (
                plan.update(
                    lines, plan.rows(requisitions, "requisition_header_id", 5, skip=1), quantity="quantity + 1"
                ),
                plan.delete(requisitions, requisition),
                plan.delete(lines, requisition),
            ),
        ),
    ]


def _master_data(plan: _Plan) -> list[Change]:
    suppliers, materials = "raw_sap.suppliers", "raw_sap.materials"
    products, customers = "raw_atom.products", "raw_atom.customers"
    return [
        Change(
            "1 supplier: moved and blocked",
            (
                plan.update(
                    suppliers,
                    plan.rows(suppliers, "supplier", 1),
                    city_name="'Elsewhere'",
                    business_partner_is_blocked="true",
                ),
            ),
        ),
        Change(
            "1 supplier: gone from the source", (plan.delete(suppliers, plan.rows(suppliers, "supplier", 1, skip=1)),)
        ),
        Change(
            "1 material: another description",
            (
                plan.update(
                    materials,
                    plan.rows(materials, "product", 1),
                    product_description="product_description || ' (revised)'",
                ),
            ),
        ),
        Change(
            "3 products: another price and cost; 1 gone",
            (
                plan.update(
                    products,
                    plan.rows(products, "product_id", 3),
                    list_price="list_price + 1",
                    unit_cost="unit_cost + 1",
                ),
                plan.delete(products, plan.rows(products, "product_id", 1, skip=3)),
            ),
        ),
        Change(
            "3 customers: another segment; 1 without its client",
            (
                plan.update(customers, plan.rows(customers, "customer_id", 3), segment="'enterprise'"),
                plan.update(customers, plan.rows(customers, "customer_id", 1, skip=3), client_id="null"),
            ),
        ),
        Change(
            "1 general ledger account: another description",
            (
                plan.update(
                    "raw_oracle.gl_accounts",
                    plan.rows("raw_oracle.gl_accounts", "account", 1),
                    description="description || ' (revised)'",
                ),
            ),
        ),
    ]


def _stock_and_shipments(plan: _Plan) -> list[Change]:
    counts, stock = "raw_scm_legacy.stock_counts", "raw_sap.material_stock"
    alpha, beta = "raw_scm_legacy.shipments_alpha", "raw_scm_legacy.shipments_beta"
    return [
        Change(
            "stock of 10 materials: five more; of 1: gone",
            (
                plan.update(
                    stock,
                    plan.rows(stock, "material", 10),
                    matl_wrhs_stk_qty_in_matl_base_unit="matl_wrhs_stk_qty_in_matl_base_unit + 5",
                ),
                plan.delete(stock, plan.rows(stock, "material", 1, skip=10)),
            ),
        ),
        Change(
            "stock counts: 5 corrected, 2 deleted, 10 late",
            (
                plan.update(counts, plan.rows(counts, "count_no", 5), counted_quantity="counted_quantity + 1"),
                plan.delete(counts, plan.rows(counts, "count_no", 2, skip=5)),
                plan.add(
                    counts,
                    plan.rows(counts, "count_no", 10, skip=7),
                    count_no=f"{_LATE}count_no",
                    count_date="count_date + 1",
                ),
            ),
        ),
        Change(
            "legacy shipments: 10 corrected, 3 deleted, 5 late",
            (
                plan.update(alpha, plan.rows(alpha, "shipment_ref", 5), quantity="quantity + 1"),
                plan.update(beta, plan.rows(beta, "tracking_no", 5), qty="qty + 1"),
                plan.delete(alpha, plan.rows(alpha, "shipment_ref", 1, skip=5)),
                plan.delete(beta, plan.rows(beta, "tracking_no", 2, skip=5)),
                plan.add(
                    alpha,
                    plan.rows(alpha, "shipment_ref", 5, skip=6),
                    shipment_ref="'A-9' || substr(shipment_ref, 4)",
                    quantity="quantity + 7",
                ),
            ),
        ),
    ]


def _customer_orders(plan: _Plan) -> list[Change]:
    orders, lines = "raw_atom.orders", "raw_atom.order_lines"
    changed = plan.rows(orders, "order_id", 20)
    deleted = plan.rows(orders, "order_id", 2, skip=20)
    late = plan.rows(orders, "order_id", 5, skip=22)
    late_order = {"order_id": f"order_id + {_LATE_NUMBER}"}
    return [
        Change(
            "20 customer orders: another channel, one more on every line",
            (
                plan.update(orders, changed, channel="'partner'"),
                plan.update(lines, changed, quantity="quantity + 1"),
            ),
        ),
        Change(
            "3 customer orders: cancelled",
            (plan.update(orders, plan.rows(orders, "order_id", 3, skip=40), status="'cancelled'"),),
        ),
        Change(
            "customer orders: 2 deleted, 5 late",
            (
                plan.delete(orders, deleted),
                plan.delete(lines, deleted),
                plan.add(orders, late, **late_order),
                plan.add(lines, late, **late_order),
            ),
        ),
        Change(
            "lines of customer orders: 5 deleted, 20 late",
            (
                plan.delete(
                    lines,
                    f"{plan.rows(lines, 'order_id', 5, skip=60, where='line_number = 1')} and line_number = 1",
                ),
                plan.add(
                    lines,
                    f"{plan.rows(lines, 'order_id', 20, skip=80, where='line_number = 1')} and line_number = 1",
                    line_number="line_number + 50",
                ),
            ),
        ),
    ]


def _customer_payments(plan: _Plan) -> list[Change]:
    payments, payouts = "raw_atom.payments", "raw_incentive.payouts"
    return [
        Change(
            "payments of customers: 10 corrected, 2 deleted, 5 late",
            (
                plan.update(payments, plan.rows(payments, "payment_id", 10), amount="amount + 1"),
                plan.delete(payments, plan.rows(payments, "payment_id", 2, skip=10)),
                plan.add(
                    payments,
                    plan.rows(payments, "payment_id", 5, skip=12),
                    payment_id=f"payment_id + {_LATE_NUMBER}",
                ),
            ),
        ),
        Change(
            "incentive payouts: 5 corrected, 1 deleted, 3 late",
            (
                plan.update(payouts, plan.rows(payouts, "payout_id", 5), payout_amount="payout_amount + 1"),
                plan.delete(payouts, plan.rows(payouts, "payout_id", 1, skip=5)),
                plan.add(payouts, plan.rows(payouts, "payout_id", 3, skip=6), payout_id=f"{_LATE}payout_id"),
            ),
        ),
    ]


def _ledger(plan: _Plan) -> list[Change]:
    oracle, workday = "raw_oracle.gl_journal_lines", "raw_workday.journal_lines"
    # Journals that neither reverse another nor are reversed, so that a late one can reverse them.
    open_journals = (
        "reversed_je_header_id is null and je_header_id not in "
        f"(select reversed_je_header_id from {oracle} where reversed_je_header_id is not null)"
    )
    return [
        Change(
            "journals: 10 described otherwise, 2 deleted",
            (
                plan.update(
                    oracle,
                    plan.rows(oracle, "je_header_id", 9, where=open_journals),
                    description="description || ' (revised)'",
                ),
                plan.delete(oracle, plan.rows(oracle, "je_header_id", 1, skip=9, where=open_journals)),
                plan.update(workday, plan.rows(workday, "journal_number", 1), memo="'revised'"),
                plan.delete(workday, plan.rows(workday, "journal_number", 1, skip=1)),
            ),
        ),
        Change(
            "journals: 3 late, 2 reversed by a late one",
            (
                plan.add(
                    oracle,
                    plan.rows(oracle, "je_header_id", 2, skip=10, where=open_journals),
                    je_header_id=f"je_header_id + {_LATE_NUMBER}",
                ),
                plan.add(
                    workday,
                    plan.rows(workday, "journal_number", 1, skip=2),
                    journal_number=f"{_LATE}journal_number",
                ),
                plan.add(
                    oracle,
                    plan.rows(oracle, "je_header_id", 2, skip=12, where=open_journals),
                    je_header_id=f"je_header_id + {_LATE_NUMBER}",
                    reversed_je_header_id="je_header_id",
                    entered_dr="entered_cr",
                    entered_cr="entered_dr",
                    accounted_dr="accounted_cr",
                    accounted_cr="accounted_dr",
                ),
            ),
        ),
    ]


def _invoices(plan: _Plan) -> list[Change]:
    invoices, lines = "raw_oracle.ap_invoices", "raw_oracle.ap_invoice_lines"
    changed = plan.rows(invoices, "invoice_id", 5)
    deleted = plan.rows(invoices, "invoice_id", 1, skip=5)
    late = plan.rows(invoices, "invoice_id", 5, skip=6)
    late_invoice = {"invoice_id": f"invoice_id + {_LATE_NUMBER}"}
    return [
        Change(
            "5 supplier invoices: paid on their due date, one pound more on every line",
            (
                plan.update(
                    invoices, changed, payment_date="due_date", amount_paid="invoice_amount", paid_status="'Paid'"
                ),
                plan.update(lines, changed, line_amount="line_amount + 1"),
            ),
        ),
        Change(
            "supplier invoices: 1 deleted, 5 late",
            (
                plan.delete(invoices, deleted),
                plan.delete(lines, deleted),
                plan.add(invoices, late, **late_invoice, invoice_number=f"{_LATE}invoice_number"),
                plan.add(lines, late, **late_invoice),
            ),
        ),
    ]


def _people(plan: _Plan) -> list[Change]:
    workers, expenses = "raw_workday.workers", "raw_workday.travel_expenses"
    rescinded = "effective_date > hire_date"
    report = plan.rows(expenses, "expense_report", 1, skip=5)
    return [
        Change(
            "workers: 3 with another level, 3 promoted on a past day, later entries of 2 rescinded, 1 gone",
            (
                plan.update(workers, plan.rows(workers, "employee_id", 3), management_level="'Director'"),
                plan.add(
                    workers,
                    f"{plan.rows(workers, 'employee_id', 3, skip=3)} and effective_date = hire_date",
                    effective_date="effective_date + 100",
                    business_title="'Promoted'",
                ),
                plan.delete(
                    workers, f"{plan.rows(workers, 'employee_id', 2, skip=6, where=rescinded)} and {rescinded}"
                ),
                plan.delete(workers, plan.rows(workers, "employee_id", 1, skip=20)),
            ),
        ),
        Change(
            "travel expenses: 5 reports corrected, 1 deleted, 2 late",
            (
                plan.update(expenses, plan.rows(expenses, "expense_report", 5), amount="amount + 1"),
                plan.delete(expenses, report),
                plan.add(
                    expenses,
                    plan.rows(expenses, "expense_report", 2, skip=6),
                    expense_report=f"{_LATE}expense_report",
                ),
            ),
        ),
        Change(
            "capacity plan of 2 cost centres: half a post more",
            (
                plan.update(
                    "raw_capacity_plan.planned_headcount",
                    plan.rows("raw_capacity_plan.planned_headcount", "cost_center", 2),
                    planned_fte="planned_fte + 0.5",
                ),
            ),
        ),
    ]


def _clients(plan: _Plan) -> list[Change]:
    clients, payments = "raw_emerald.clients", "raw_emerald.payments"
    relationships, balances = "raw_emerald.bank_relationships", "raw_emerald.balances"
    return [
        Change(
            "clients: 3 renamed, 1 gone",
            (
                plan.update(clients, plan.rows(clients, "client_id", 3), legal_name="legal_name || ' (renamed)'"),
                plan.delete(clients, plan.rows(clients, "client_id", 1, skip=10)),
            ),
        ),
        Change(
            "payments of clients: 5 corrected, 2 deleted, 5 late",
            (
                plan.update(payments, plan.rows(payments, "payment_id", 5), amount="amount + 1"),
                plan.delete(payments, plan.rows(payments, "payment_id", 2, skip=5)),
                plan.add(
                    payments,
                    plan.rows(payments, "payment_id", 5, skip=7),
                    payment_id="'PAY-9' || substr(payment_id, 6)",
                ),
            ),
        ),
        Change(
            "bank relationships: 2 ended on their first day; balances of 5 corrected, of 1 deleted, of 2 late",
            (
                plan.update(
                    relationships,
                    plan.rows(relationships, "relationship_id", 2, where="status = 'active'"),
                    status="'ended'",
                    ended_on="started_on",
                ),
                plan.update(balances, plan.rows(balances, "relationship_id", 5), balance_amount="balance_amount + 1"),
                plan.delete(balances, plan.rows(balances, "relationship_id", 1, skip=5)),
                plan.add(balances, plan.rows(balances, "relationship_id", 2, skip=6), balance_date="balance_date - 1"),
            ),
        ),
    ]


def _engagement(plan: _Plan) -> list[Change]:
    events = "raw_interactions.events"
    another_file = {"_source_file": "'late/' || _source_file"}
    return [
        Change(
            "events: 20 of a corrected file, 5 that are gone from it",
            (
                plan.update(events, plan.rows(events, "event_id", 20), duration_ms="coalesce(duration_ms, 0) + 1000"),
                plan.delete(events, plan.rows(events, "event_id", 5, skip=20)),
            ),
        ),
        Change(
            "events: 10 late, 5 delivered a second time",
            (
                plan.add(
                    events, plan.rows(events, "event_id", 10, skip=25), event_id=f"{_LATE}event_id", **another_file
                ),
                plan.add(events, plan.rows(events, "event_id", 5, skip=35), **another_file),
            ),
        ),
    ]


def _sign_ups(plan: _Plan) -> list[Change]:
    sign_ups, open_ones = "raw_crm.sign_ups", "status not in ('activated', 'rejected')"
    return [
        Change(
            "sign-ups: 2 come to nothing in a later export, 1 gone, 1 late",
            (
                plan.add(
                    sign_ups,
                    plan.rows(sign_ups, "sign_up_id", 2, where=open_ones),
                    status="'rejected'",
                    _source_file="'sign_ups_9999-12.csv'",
                ),
                plan.delete(sign_ups, plan.rows(sign_ups, "sign_up_id", 1, skip=2, where=open_ones)),
                plan.add(sign_ups, plan.rows(sign_ups, "sign_up_id", 1), sign_up_id=f"{_LATE}sign_up_id"),
            ),
        ),
    ]


def to_duckdb(sql: str) -> str:
    """The two words in which the changes' SQL differs between the dialects, in DuckDB's form."""
    return sql.replace("timestamp_tz", "timestamptz").replace("sha2(", "sha256(")


def apply_changes(changes: list[Change], run: Callable[[str], int]) -> list[tuple[str, int]]:
    """Run every change with `run`, which returns the rows touched; returns label and rows. None may touch nothing."""
    done = []
    for change in changes:
        touched = 0
        for statement in change.statements:
            rows = run(statement)
            if not rows:
                raise RawDataError(
                    f"change '{change.label}' touched no row, so the second build would prove nothing: {statement}"
                )
            touched += rows
        done.append((change.label, touched))
    return done
