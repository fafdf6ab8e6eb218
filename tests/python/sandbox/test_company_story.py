"""The systems of the synthetic company tell one story: keys join, journals balance, dates are in order."""

from __future__ import annotations

import csv
import json
from collections import Counter, defaultdict
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from ingestion.sandbox.company import write_company
from ingestion.sandbox.company_data.sales import FIRST_ORDER

SCALE = 0.2


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("company")
    write_company(directory, seed=2, scale=SCALE)
    return directory


@pytest.fixture(scope="module")
def spoilt(root: Path) -> set[tuple[str, str, str]]:
    """Source, dataset and first key value of the records with a planted fault."""
    faults = map(json.loads, (root / "planted_faults.jsonl").read_text(encoding="utf-8").splitlines())
    return {
        (fault["source"], fault["dataset"], next(iter(fault["key"].values())))
        for fault in faults
        if fault["expected_outcome"] in ("rejected", "quarantined")
    }


PLANTED_CLIENTS = "CL-9"  # what faults_clients.py adds begins with it; the story is told without


def documents(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def atom(root: Path) -> dict[str, list[dict[str, str]]]:
    """Without the orders that were planted for the models to quarantine: they are no part of the story."""
    return {
        name: [
            row for row in table(root / "atom" / f"{name}.csv") if int(row.get("order_id", FIRST_ORDER)) >= FIRST_ORDER
        ]
        for name in ("customers", "products", "orders", "order_lines", "payments")
    }


@pytest.fixture(scope="module")
def emerald(root: Path) -> dict[str, list[dict[str, Any]]]:
    names = ("clients", "bank_relationships", "balances", "payments")
    found = {name: documents(root / "emerald" / f"{name}.jsonl") for name in names}
    return {name: [row for row in rows if not _is_planted(row)] for name, rows in found.items()}


def _is_planted(row: dict[str, Any]) -> bool:
    number = row.get("client_id") or row.get("relationship_id", "")
    return number.replace("REL", "CL").startswith(PLANTED_CLIENTS)


@pytest.fixture(scope="module")
def workers(root: Path) -> list[dict[str, Any]]:
    return documents(root / "workday" / "Workers.jsonl")


def test_sizes_follow_the_scale(root: Path, atom: Any, emerald: Any, workers: list[dict[str, Any]]) -> None:
    assert len(atom["orders"]) == 60_000 * SCALE
    assert 2.0 < len(atom["order_lines"]) / len(atom["orders"]) < 2.6
    assert len(emerald["clients"]) == 5_000 * SCALE
    assert len({worker.get("Employee_ID") for worker in workers}) == 1_500 * SCALE
    assert 2.2 < len(workers) / (1_500 * SCALE) < 4
    assert len(list((root / "files" / "interactions").rglob("*.jsonl"))) > 700


def test_sales_join(root: Path, atom: Any, emerald: Any, workers: list[dict[str, Any]]) -> None:
    customers = {row["customer_id"]: row for row in atom["customers"]}
    clients = {row["client_id"] for row in emerald["clients"]}
    linked = [row for row in atom["customers"] if row["client_id"]]
    assert {row["client_id"] for row in linked} <= clients
    assert 0.85 < len(linked) / len(customers) < 0.98
    products = {row["product_id"] for row in atom["products"]}
    materials = {row["MATNR"] for row in table(root / "MARA.csv")}
    assert {row["material_id"] for row in atom["products"]} <= materials
    orders = {row["order_id"]: row for row in atom["orders"]}
    assert {row["customer_id"] for row in atom["orders"]} <= set(customers)
    assert {row["order_id"] for row in atom["order_lines"]} == set(orders)
    assert {row["product_id"] for row in atom["order_lines"]} <= products
    reps = {worker["Employee_ID"] for worker in workers if worker["Job_Profile"].startswith("Sales")}
    assert {row["sales_rep_id"] for row in atom["orders"] if row["sales_rep_id"]} <= reps
    for payment in atom["payments"]:
        assert orders[payment["order_id"]]["customer_id"] == payment["customer_id"]
        assert payment["paid_at"] >= orders[payment["order_id"]]["shipped_at"] > ""


def test_sales_dates_are_in_order(atom: Any) -> None:
    for row in atom["orders"]:
        stamps = [row["ordered_at"], row["shipped_at"], row["delivered_at"]]
        known = [stamp for stamp in stamps if stamp]
        assert known == sorted(known), row
        assert max(known) <= row["updated_at"] <= "2026-09-30T23:59:59Z", row
    assert min(row["ordered_at"] for row in atom["orders"]) < "2023-10-15"


def test_reps_are_employed_when_they_sell(atom: Any, workers: list[dict[str, Any]], spoilt: Any) -> None:
    status: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for worker in workers:
        status[worker["Employee_ID"]].append((worker["Effective_Date"], worker["Worker_Status"]))
    for row in atom["orders"]:
        rep, day = row["sales_rep_id"], row["ordered_at"][:10]
        if rep and ("workday", "workers", rep) not in spoilt:
            assert max(entry for entry in status[rep] if entry[0] <= day)[1] == "Active", row


def test_sales_grow_and_have_seasons(atom: Any) -> None:
    months = Counter(row["ordered_at"][:7] for row in atom["orders"])
    first, last = (sum(months[f"{year}-{m:02d}"] for m in range(1, 10)) for year in (2024, 2026))
    assert last > 1.2 * first
    assert months["2025-11"] > 1.2 * months["2025-08"]


def test_payments_come_from_the_clients_banks(atom: Any, emerald: Any, spoilt: Any) -> None:
    banks: dict[str, set[str]] = defaultdict(set)
    for row in emerald["bank_relationships"]:
        banks[row.get("client_id", "")].add(row["bank_bic"])
    for row in emerald["payments"]:
        if not any(("emerald", "bank_relationships", f"REL-{row['client_id'][3:]}-{n}") in spoilt for n in range(1, 7)):
            assert row["bank_bic"] in banks[row["client_id"]], row
    switched = Counter(
        row.get("client_id") for row in emerald["bank_relationships"] if row["product"] == "current_account"
    )
    assert 0.03 < sum(count > 1 for count in switched.values()) / len(switched) < 0.15
    assert {row["relationship_id"] for row in emerald["balances"]} <= {
        row["relationship_id"] for row in emerald["bank_relationships"]
    }


def test_clients_leave_and_stop_buying(atom: Any, emerald: Any) -> None:
    status = {row["client_id"]: row["status"] for row in emerald["clients"]}
    last: dict[str, str] = defaultdict(str)
    client = {row["customer_id"]: row["client_id"] for row in atom["customers"]}
    for row in atom["orders"]:
        last[client[row["customer_id"]]] = max(last[client[row["customer_id"]]], row["ordered_at"])
    gone = [number for number, what in status.items() if what in ("offboarded", "dormant")]
    assert len(gone) > 0.06 * len(status)
    assert all(last[number] < "2026-08-05" for number in gone if number)
    assert not any(last[number] for number, what in status.items() if what == "prospect")


def test_lei_check_digits(emerald: Any, spoilt: Any) -> None:
    known = [row for row in emerald["clients"] if row["lei"] and ("emerald", "clients", row["client_id"]) not in spoilt]
    assert known
    assert all(int("".join(str(int(c, 36)) for c in row["lei"])) % 97 == 1 for row in known)


def test_requisitions_are_those_that_sap_names(root: Path) -> None:
    wanted = {
        (row["BANFN"], row["BNFPO"]): (row["EBELN"], row["EBELP"]) for row in table(root / "EKPO.csv") if row["BANFN"]
    }
    found = {
        (requisition["Requisition"], str(line["LineNumber"])): (line["PurchaseOrder"], line["PurchaseOrderLine"])
        for requisition in documents(root / "oracle" / "purchaseRequisitions.jsonl")
        for line in requisition["lines"]
        if line["PurchaseOrder"]
    }
    assert found == wanted
    assert len(found) > 0.7 * len(table(root / "EKPO.csv"))


def test_invoices_bill_what_sap_received(root: Path, spoilt: Any) -> None:
    orders = {row["EBELN"]: row for row in table(root / "EKKO.csv")}
    items = {(row["EBELN"], row["EBELP"]) for row in table(root / "EKBE.csv")}
    invoices = documents(root / "oracle" / "invoices.jsonl")
    by_kind = Counter((row["InvoiceType"], row["PaidStatus"], row["CanceledFlag"]) for row in invoices)
    assert {"Standard", "Credit memo"} <= {kind for kind, _, _ in by_kind}
    assert {"Paid", "Unpaid", "Partially paid"} <= {status for _, status, _ in by_kind}
    assert any(cancelled for _, _, cancelled in by_kind)
    for row in invoices:
        if ("oracle", "ap_invoices", str(row["InvoiceId"])) in spoilt:
            continue
        if row["PurchaseOrderNumber"] and ("sap", "purchase_orders", row["PurchaseOrderNumber"]) not in spoilt:
            order = orders[row["PurchaseOrderNumber"]]
            assert (order["LIFNR"], order["WAERS"]) == (row["SupplierNumber"], row["InvoiceCurrency"])
        if ("oracle", "ap_invoice_lines", str(row["InvoiceId"])) in spoilt:
            continue
        total = sum(Decimal(str(line["LineAmount"])) for line in row["invoiceLines"])
        assert total == Decimal(str(row["InvoiceAmount"])), row
        for line in row["invoiceLines"]:
            if line["PurchaseOrderNumber"]:
                assert (line["PurchaseOrderNumber"], line["PurchaseOrderLineNumber"]) in items


def amount(journal: dict[str, Any], field: str) -> Decimal:
    return sum((Decimal(str(line[field] or 0)) for line in journal["journalLines"]), Decimal(0))


def test_oracle_journals_balance_and_use_known_accounts(root: Path, spoilt: Any) -> None:
    accounts = {row["Account"]: row for row in documents(root / "oracle" / "generalLedgerAccounts.jsonl")}
    parents = {row["ParentAccount"] for row in accounts.values()}
    centers = {row.get("Cost_Center") for row in documents(root / "workday" / "Workers.jsonl")}
    journals = documents(root / "oracle" / "journalHeaders.jsonl")
    numbers = {journal["JeHeaderId"]: journal for journal in journals}
    assert len(numbers) == len(journals)
    for journal in journals:
        if ("oracle", "gl_journal_lines", str(journal["JeHeaderId"])) in spoilt:
            continue
        for kind in ("Entered", "Accounted"):
            debit, credit = (amount(journal, f"{kind}{side}") for side in ("Dr", "Cr"))
            assert debit == credit, journal
        for line in journal["journalLines"]:
            assert accounts[line["Account"]]["EnabledFlag"]
            assert line["Account"] not in parents
            assert line["CostCenter"] in centers
        if journal["ReversedJeHeaderId"]:
            assert numbers[journal["ReversedJeHeaderId"]]["AccountingDate"] < journal["AccountingDate"]
    categories = {journal["Category"] for journal in journals}
    assert {"Purchase Invoices", "Sales", "Payroll", "Accrual", "Reversal", "Receiving", "Payments"} <= categories


def test_workday_journals_balance_and_reach_oracle(root: Path, spoilt: Any) -> None:
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for line in documents(root / "workday" / "Journal_Lines.jsonl"):
        if ("workday", "journal_lines", line["Journal_Number"]) not in spoilt:
            for kind in ("", "Ledger_"):
                sums[line["Journal_Number"] + kind] += Decimal(line.get(f"{kind}Debit_Amount", "0"))
                sums[line["Journal_Number"] + kind] -= Decimal(line.get(f"{kind}Credit_Amount", "0"))
    assert sums
    assert not any(sums.values())
    taken_over = {
        line["Reference"]
        for journal in documents(root / "oracle" / "journalHeaders.jsonl")
        if journal["Category"] in ("Payroll", "Expense reports")
        for line in journal["journalLines"]
    }
    assert {name.removesuffix("Ledger_") for name in sums} <= taken_over


def test_revenue_in_the_ledger_is_what_atom_shipped(root: Path, atom: Any, spoilt: Any) -> None:
    shipped = {row["order_id"]: row["tenant"] for row in atom["orders"] if row["shipped_at"]}
    bad = {key for source, dataset, key in spoilt if (source, dataset) == ("atom", "order_lines")}
    expected: dict[str, Decimal] = defaultdict(Decimal)
    for line in atom["order_lines"]:
        if line["order_id"] in shipped and line["order_id"] not in bad:
            net = Decimal(line["quantity"]) * Decimal(line["unit_price"]) - Decimal(line["discount_amount"])
            expected[shipped[line["order_id"]]] += net
    found: dict[str, Decimal] = defaultdict(Decimal)
    for journal in documents(root / "oracle" / "journalHeaders.jsonl"):
        for line in journal["journalLines"]:
            if journal["Category"] == "Sales" and line["Account"] == "401000":
                found[line["Company"]] += Decimal(str(line["EnteredCr"] or 0))
    for tenant, amount in expected.items():
        assert abs(found[tenant] / amount - 1) < Decimal("0.01"), tenant


def test_payouts_go_to_reps_for_their_orders(root: Path, atom: Any, spoilt: Any) -> None:
    rep = {row["order_id"]: row["sales_rep_id"] for row in atom["orders"]}
    plans = {(row["plan_id"], row["version"]) for row in documents(root / "incentive" / "plans.jsonl")}
    payouts = documents(root / "incentive" / "payouts.jsonl")
    for row in payouts:
        if ("incentive", "payouts", row["payout_id"]) in spoilt:
            continue
        assert (row["plan_id"], row["plan_version"]) in plans
        assert row["order_id"] is None or rep[str(row["order_id"])] == row["employee_id"]
    assert any(row["order_id"] for row in payouts)
    assert any(row["status"] == "reversed" for row in payouts)


def test_travel_is_claimed_by_workers_of_the_cost_centre(root: Path, workers: list[dict[str, Any]]) -> None:
    centers = defaultdict(set)
    for worker in workers:
        centers[worker["Employee_ID"]].add(worker.get("Cost_Center"))
    for line in documents(root / "workday" / "Travel_Expenses.jsonl"):
        if "Employee_ID" in line:
            assert line["Cost_Center"] in centers[line["Employee_ID"]] or None in centers[line["Employee_ID"]]


def test_shipments_are_of_receipts_and_overlap(root: Path) -> None:
    directory = root / "files" / "scm_legacy"
    orders = {row["EBELN"] for row in table(root / "EKKO.csv")}
    suppliers = {row["LIFNR"] for row in table(root / "LFA1.csv")}
    alpha, beta = set(), set()
    for path in sorted(directory.glob("*_shipments_*.csv")):
        for text in path.read_text(encoding="utf-8").splitlines()[1:]:
            row = next(csv.reader([text]))
            if row[0].startswith("B-") and row[2]:
                number = row[1] if len(row[1]) == 10 else f"45{row[1]}"
                assert row[2].split(" ")[0] in suppliers
                beta.add((number, row[3]))
            elif row[0].startswith("A-0"):
                assert row[2] in suppliers
                alpha.add((row[1], row[3]))
    assert {number for number, _ in alpha | beta} <= orders
    assert 0.1 < len(alpha & beta) / len(alpha | beta) < 0.5
    stocked = {row["MATNR"] for row in table(root / "MARD.csv")}
    counts = [row for path in directory.glob("stock_counts_*.csv") for row in table(path)]
    assert {row["material_id"] for row in counts if row["material_id"]} <= stocked


def test_customs_lines_are_of_suppliers_outside_the_union(root: Path, spoilt: Any) -> None:
    land = {row["LIFNR"]: row["LAND1"] for row in table(root / "LFA1.csv")}
    seen = 0
    for path in (root / "files" / "customs").glob("*.csv"):
        for text in path.read_text(encoding="utf-8-sig").splitlines()[1:]:
            row = text.split(";")
            if len(row) == 13 and ("customs", "cbam_imports", row[0]) not in spoilt:
                seen += 1
                assert land[row[6]] == row[5] or ("sap", "suppliers", row[6]) in spoilt
                assert row[3][:2] in ("72", "73", "76")
    assert seen > 20


def test_meters_count_up(root: Path, spoilt: Any) -> None:
    last: dict[str, tuple[str, float]] = {}
    resets = 0
    for path in sorted((root / "files" / "energy").glob("*.jsonl")):
        for row in documents(path):
            meter, moment = row["meter_id"], row["reading_at"]
            value = row["reading_value"]
            if not isinstance(value, int | float) or value < 0 or row["quality"] == "manual":
                continue
            if row["is_reset"]:
                resets += 1
            elif meter in last and moment > last[meter][0]:
                assert value >= last[meter][1], row
            if meter not in last or moment > last[meter][0]:
                last[meter] = (moment, value)
    assert resets >= 1
    assert max(moment for moment, _ in last.values()) == "2026-09-30T23:00:00Z"


def test_sessions_are_bursts_and_orders_are_seen(root: Path, atom: Any, emerald: Any) -> None:
    orders = {row["order_id"]: row for row in atom["orders"]}
    client = {row["customer_id"]: row["client_id"] for row in atom["customers"]}
    known = {row["client_id"] for row in emerald["clients"]}
    users: dict[str, list[datetime]] = defaultdict(list)
    placed = 0
    for path in sorted((root / "files" / "interactions").rglob("*.jsonl")):
        for text in path.read_text(encoding="utf-8").splitlines():
            try:
                event = json.loads(text)
                moment = datetime.fromisoformat(event["event_at"])
            except ValueError:
                continue
            assert event["client_id"] is None or event["client_id"] in known
            users[event.get("user_id", "")].append(moment)
            if event["event_type"] == "order_placed":
                order = orders[str(json.loads(event["properties"])["order_id"])]
                assert order["ordered_at"] == event["event_at"]
                assert client[order["customer_id"]] in ("", event["client_id"])
                placed += 1
    assert placed > 1000 * SCALE
    gaps = [later - earlier for moments in users.values() for earlier, later in pairwise(sorted(moments))]
    close = sum(gap < timedelta(minutes=30) for gap in gaps)
    assert 0.5 < close / len(gaps) < 0.95


def test_sign_ups_become_clients(root: Path, emerald: Any) -> None:
    onboarded = {row["client_id"]: row["onboarded_on"] for row in emerald["clients"]}
    activated = 0
    for path in sorted((root / "files" / "crm").glob("*.csv")):
        text = path.read_bytes().decode("cp1252")
        for row in csv.reader([line for line in text.split("\r\n") if "BROKEN" not in line], delimiter=";"):
            if len(row) == 14 and row[10].startswith("CL-") and not row[10].startswith(PLANTED_CLIENTS):
                activated += 1
                day = row[9][:10]
                assert onboarded[row[10]] == f"{day[6:]}-{day[3:5]}-{day[:2]}"
    assert activated > 0.25 * len(onboarded)
