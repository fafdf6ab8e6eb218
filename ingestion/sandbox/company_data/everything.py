"""Writes the files of all systems but SAP into the company's directory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ingestion.sandbox.company_data.acquisition import write_sign_ups
from ingestion.sandbox.company_data.clients import make_clients, write_emerald
from ingestion.sandbox.company_data.engagement import write_interactions
from ingestion.sandbox.company_data.incentive import write_incentive
from ingestion.sandbox.company_data.ledger import make_journals, write_accounts
from ingestion.sandbox.company_data.ledger import write_journals as write_gl_journals
from ingestion.sandbox.company_data.log import FaultLog
from ingestion.sandbox.company_data.logistics import write_logistics
from ingestion.sandbox.company_data.people import make_workers, write_workers
from ingestion.sandbox.company_data.planning import write_capacity_plans
from ingestion.sandbox.company_data.procurement_finance import make_invoices, write_invoices, write_requisitions
from ingestion.sandbox.company_data.sales import Sales, write_atom
from ingestion.sandbox.company_data.sustainability import write_customs, write_energy
from ingestion.sandbox.company_data.workday_finance import (
    expense_journals,
    payroll,
    travel,
    write_journals,
    write_travel,
)
from ingestion.sandbox.masters import Chance, Material, Supplier
from ingestion.sandbox.orders import OrderBook
from ingestion.sandbox.tables import Table


@dataclass(frozen=True)
class Purchasing:
    """The purchasing side as SAP knows it, before anything was spoilt.

    Attributes:
        suppliers: country and name by supplier number.
        stock: table MARD.
    """

    book: OrderBook
    partners: list[Supplier]
    parts: list[Material]
    suppliers: dict[str, tuple[str, str]]
    stock: Table


def write_other_systems(directory: Path, seed: int, scale: float, sap: Purchasing) -> FaultLog:
    """Write the files of every other system; returns what was planted in them.

    Each part draws from a chance of its own, so that a change to one leaves the others as they were.
    """
    log = FaultLog()

    def chance(part: str) -> Chance:
        return Chance(f"{seed}/{part}")

    workers = make_workers(chance("workers"), scale)
    clients = make_clients(chance("clients"), scale)
    sales = Sales(chance("sales"), scale, clients, workers, sap.parts)
    _write_finance(directory, workers, sales, scale, sap, chance, log)
    write_workers(directory / "workday" / "Workers.jsonl", workers, log)
    write_atom(directory / "atom", sales, chance("atom"), log)
    write_incentive(directory / "incentive", sales, chance("incentive"), log)
    write_emerald(directory / "emerald", clients, chance("emerald"), log)
    files = directory / "files"
    write_interactions(files / "interactions", clients, sales, chance("interactions"), scale, log)
    write_sign_ups(files / "crm", clients, chance("crm"), log)
    write_logistics(files / "scm_legacy", sap.book, sap.suppliers, sap.stock, chance("logistics"), log)
    write_customs(files / "customs", sap.book, sap.suppliers, chance("customs"), log)
    write_energy(files / "energy", chance("energy"), scale, log)
    write_capacity_plans(files / "capacity_plan", workers, chance("planning"), log)
    return log


def _write_finance(
    directory: Path,
    workers: list,
    sales: Sales,
    scale: float,
    sap: Purchasing,
    chance: Callable[[str], Chance],
    log: FaultLog,
) -> None:
    """Oracle, and the parts of Workday that its ledger takes over."""
    oracle, workday = directory / "oracle", directory / "workday"
    expenses = travel(chance("travel"), workers, scale)
    handed_over = [*payroll(workers), *expense_journals(expenses)]
    write_travel(workday / "Travel_Expenses.jsonl", expenses, log)
    write_journals(workday / "Journal_Lines.jsonl", handed_over, log)
    invoices = make_invoices(chance("invoices"), sap.book, sap.partners, log)
    names = {number: name for number, (_, name) in sap.suppliers.items()}
    write_invoices(oracle / "invoices.jsonl", invoices, names, log)
    journals = make_journals(chance("ledger"), sales, invoices, sap.book, handed_over)
    write_gl_journals(oracle / "journalHeaders.jsonl", journals, log)
    write_accounts(oracle / "generalLedgerAccounts.jsonl")
    path = oracle / "purchaseRequisitions.jsonl"
    write_requisitions(path, chance("requisitions"), sap.book, sap.parts, workers, log)
