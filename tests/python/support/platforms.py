"""Made-up documents of the incentive and Emerald platforms, and loads of them into a warehouse of its own."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from ingestion.cli import main

START = datetime(2026, 9, 1, tzinfo=UTC)
BICS = ["AAAAGB2LXXX", "BBBBDEFF", "CCCCUS33"]


def stamp(minutes: float) -> str:
    """A change stamp that many minutes after the start."""
    return (START + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")


def plan(number: int, version: int = 1, minutes: float = 0) -> dict[str, Any]:
    """A compensation plan."""
    return {
        "plan_id": f"PLAN-{number:03}", "version": version, "plan_name": f"Plan {number}", "metric": "net_revenue",
        "rate_percent": 2.5 + number, "cap_amount": None, "currency": "GBP", "valid_from": "2026-01-01",
        "valid_to": None, "updated_at": stamp(minutes),
    }  # fmt: skip


def payout(number: int, minutes: float, amount: float = 10.25, status: str = "calculated") -> dict[str, Any]:
    """A payout."""
    return {
        "payout_id": f"PAY-{number:06}", "plan_id": f"PLAN-{number % 7:03}", "plan_version": 1,
        "employee_id": f"W{number % 50:05}", "order_id": number, "period_month": "2026-09", "basis_amount": 1000.5,
        "payout_amount": amount, "currency": "GBP", "status": status, "paid_on": None, "updated_at": stamp(minutes),
    }  # fmt: skip


def client(number: int, minutes: float, name: str = "Synthetic Client") -> dict[str, Any]:
    """An Emerald client."""
    return {
        "client_id": f"C{number:06}", "legal_name": f"{name} {number} Ltd", "lei": None, "tenant": "north",
        "country": "GB", "industry": "retail", "status": "active", "declared_bank_bic": BICS[number % 3],
        "onboarded_on": "2025-01-01", "contact_email": f"client{number}@example.com", "modified_at": stamp(minutes),
    }  # fmt: skip


def relationship(number: int, minutes: float) -> dict[str, Any]:
    """A client's relationship with a bank."""
    return {
        "relationship_id": f"R{number:06}", "client_id": f"C{number:06}", "bank_bic": BICS[number % 3],
        "product": "deposit", "status": "active", "started_on": "2025-02-01", "ended_on": None,
        "modified_at": stamp(minutes),
    }  # fmt: skip


def balance(number: int, minutes: float, amount: float = 100.0) -> dict[str, Any]:
    """A month-end balance."""
    return {
        "relationship_id": f"R{number % 40:06}", "balance_date": f"2026-{1 + number // 40 % 9:02}-28",
        "balance_amount": amount, "currency": "EUR", "modified_at": stamp(minutes),
    }  # fmt: skip


def payment(number: int, minutes: float, amount: float = 42.42) -> dict[str, Any]:
    """A payment by a client."""
    return {
        "payment_id": f"P{number:07}", "client_id": f"C{number % 90:06}", "bank_bic": BICS[number % 3],
        "executed_at": stamp(minutes), "amount": amount, "currency": "USD", "direction": "outgoing",
        "status": "executed", "modified_at": stamp(minutes),
    }  # fmt: skip


def incentive_documents(payouts: int = 60, plans: int = 7) -> dict[str, list[dict[str, Any]]]:
    """A platform with that many payouts, one a minute."""
    return {
        "plans": [plan(number) for number in range(plans)],
        "payouts": [payout(number, number) for number in range(payouts)],
    }


def emerald_documents(clients: int = 90, payments: int = 120) -> dict[str, list[dict[str, Any]]]:
    """A platform with that many clients and payments."""
    return {
        "clients": [client(number, number) for number in range(clients)],
        "bank_relationships": [relationship(number, number) for number in range(40)],
        "balances": [balance(number, number) for number in range(80)],
        "payments": [payment(number, number) for number in range(payments)],
    }


def landed(warehouse: Path, source: str, table: str) -> list[tuple[Any, ...]]:
    """The rows of a landed table without what differs between two loads of the same."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        return connection.execute(
            f"select * exclude (_landed_at, _source_ref, _dlt_load_id) from raw_{source}.{table} order by all"
        ).fetchall()


def hashes(warehouse: Path, source: str, table: str) -> list[tuple[str, bool]]:
    """Hash and deletion mark of each landed row, sorted."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        return connection.execute(f"select _row_hash, _is_deleted from raw_{source}.{table} order by all").fetchall()


def shuffled(records: list[Any], chance: random.Random) -> list[Any]:
    """The records in another order."""
    return chance.sample(records, len(records))


def settings(source: str, server: Any, warehouse: Path, **more: str) -> dict[str, str]:
    """Environment of a load of one of the platforms, with waits that are short enough for tests."""
    own = {
        "base_url": server.base_url, "token": server.credentials.password, "page_size": "10",
        "max_backoff_seconds": "0.01", "timeout_seconds": "5", "max_reject_ratio": "1", **more,
    }  # fmt: skip
    values = {f"SOURCES__{source.upper()}__{name.upper()}": value for name, value in own.items()}
    return {"STRATA_WAREHOUSE": str(warehouse), "STRATA_LOCK_WAIT": "20", **values}


def load(source: str) -> int:
    """`python -m ingestion load SOURCE` in this process; returns the exit code."""
    return main(["load", source])
