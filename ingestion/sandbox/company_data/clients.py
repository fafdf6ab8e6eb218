"""Emerald: clients with their tenure, their banks, balances and payments. Sales, CRM and tracking build on them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ingestion.sandbox.company_data.common import (
    BANKS,
    COMPANIES,
    DAY_SECONDS,
    FIRST,
    LAST,
    NOW,
    Company,
    day_text,
    draw_day,
    draw_second,
    moment_text,
    month_ends,
    write_jsonl,
)
from ingestion.sandbox.company_data.faults_clients import plant_client_faults
from ingestion.sandbox.company_data.log import FaultLog, Spoil
from ingestion.sandbox.company_data.people import COMPANY_SHARES
from ingestion.sandbox.masters import Chance, cumulated

CLIENTS = 5000
BALANCE_MONTHS = 12
INDUSTRIES = ("Machinery", "Automotive", "Food", "Construction", "Logistics", "Energy", "Retail", "Health care")
ABROAD = {"GB10": ("IE",), "DE10": ("FR", "NL", "AT", "PL", "IT"), "US10": ("CA", "MX")}
SEGMENTS = (("enterprise", 8), ("mid_market", 30), ("small_business", 62))
SEGMENT_SHARES = cumulated([share for _, share in SEGMENTS])
PRODUCTS = ("deposit", "credit_line", "trade_finance", "fx", "custody")
BALANCED = ("current_account", "deposit", "credit_line")
FAULTS = {
    "clients": (
        Spoil(0.33, "country", "Germany", "a country name where a code is due", "PATTERN_MISMATCH"),
        Spoil(0.61, "status", "closed", "a status that is none", "NOT_IN_ALLOWED_VALUES"),
        Spoil(0.84, "lei", "SYNT-NOT-A-LEI", "an identifier of the wrong form", "PATTERN_MISMATCH"),
    ),
    "bank_relationships": (
        Spoil(0.27, "bank_bic", "HSBC UK", "a bank's name where a BIC is due", "PATTERN_MISMATCH"),
        Spoil(0.69, "started_on", "2024-02-30", "a day that does not exist", "TYPE_MISMATCH"),
        Spoil(0.9, "client_id", None, "a relationship of nobody", "REQUIRED_MISSING"),
    ),
    "balances": (
        Spoil(0.45, "balance_amount", "n/a", "text in a decimal", "TYPE_MISMATCH"),
        Spoil(0.7, "currency", "£", "a sign where a code is due", "PATTERN_MISMATCH"),
    ),
    "payments": (
        Spoil(0.18, "amount", 0, "a payment of nothing", "OUT_OF_RANGE"),
        Spoil(0.5, "direction", "out", "a direction that is none", "NOT_IN_ALLOWED_VALUES"),
        Spoil(0.79, "amount", 1250.55555, "more decimals than money has", "OUT_OF_RANGE"),
    ),
}
KEYS = {
    "clients": ("client_id",),
    "bank_relationships": ("relationship_id",),
    "balances": ("relationship_id", "balance_date"),
    "payments": ("payment_id",),
}


@dataclass
class Relationship:
    """A client's product at a bank."""

    number: str
    bic: str
    product: str
    start: int
    end: int | None


@dataclass
class Client:
    """A client; days as numbers.

    Attributes:
        onboarded: None for a prospect.
        quiet: the last day of activity for clients that went dormant or left.
        banks: main bank by first day, the newest last.
    """

    position: int
    number: str
    name: str
    company: Company
    country: str
    segment: str
    onboarded: int | None
    quiet: int | None
    has_left: bool
    lei: str
    banks: list[tuple[int, str]]
    declared: str
    changed: int
    relationships: list[Relationship] = field(default_factory=list)

    def bank_at(self, day: int) -> str:
        """BIC of the main bank on a day."""
        return next((bic for start, bic in reversed(self.banks) if start <= day), self.banks[0][1])

    def is_active(self, day: int) -> bool:
        """Whether the client does business on a day."""
        return self.onboarded is not None and self.onboarded <= day and (self.quiet is None or day <= self.quiet)

    @property
    def active_from(self) -> int:
        """First day of activity within the story; only for clients that were onboarded."""
        return max(FIRST, self.onboarded or LAST)

    @property
    def active_to(self) -> int:
        """Last day of activity."""
        return LAST if self.quiet is None else self.quiet


def lei(position: int) -> str:
    """A legal entity identifier with valid check digits (ISO 17442) and a prefix that no registrar has."""
    stem = f"SYNT00{position:012d}"
    digits = "".join(str(int(char, 36)) for char in f"{stem}00")
    return f"{stem}{98 - int(digits) % 97:02d}"


def make_clients(chance: Chance, scale: float) -> list[Client]:
    """The clients: two in three were there before the story starts, some go quiet, some change bank."""
    banks = {
        company.code: [(bic, share) for bic, code, share in BANKS if code == company.code] for company in COMPANIES
    }
    shares = {code: cumulated([share for _, share in found]) for code, found in banks.items()}
    found = []
    for position in range(1, max(40, round(CLIENTS * scale)) + 1):
        company = COMPANIES[chance.weighted(COMPANY_SHARES)]

        def bank(code: str = company.code) -> str:
            return banks[code][chance.weighted(shares[code])][0]

        found.append(_client(chance, position, company, bank))
    return found


def _client(chance: Chance, position: int, company: Company, bank: Any) -> Client:
    onboarded: int | None = FIRST - chance.whole(1, 2600)
    if chance.happens(0.4):
        onboarded = draw_day(chance, FIRST, LAST - 3)
    if chance.happens(0.04):
        onboarded = None
    quiet = None
    if onboarded is not None and chance.happens(0.13) and max(onboarded, FIRST) + 90 < LAST - 60:
        quiet = chance.whole(max(onboarded, FIRST) + 90, LAST - 60)
    start = onboarded if onboarded is not None else LAST - chance.whole(5, 200)
    banks = [(start, bank())]
    low = max(start, FIRST) + 60
    if onboarded is not None and low < LAST - 30 and chance.happens(0.12):
        other = bank()
        if other != banks[0][1]:
            banks.append((chance.whole(low, LAST - 30), other))
    is_stale = len(banks) > 1 and chance.happens(0.5)
    events = [start, quiet or start, LAST - chance.whole(0, LAST - FIRST) if chance.happens(0.5) else start]
    events += [] if is_stale else [day for day, _ in banks]
    has_left = quiet is not None and chance.happens(0.4)
    suffix = {"GB": "Ltd", "DE": "GmbH", "US": "Inc"}
    country = company.country if chance.happens(0.85) else chance.one(ABROAD[company.code])
    return Client(
        position=position,
        number=f"CL-{position:06d}",
        name=f"Synthetic Client {position:04d} {suffix.get(country, 'Company')}",
        company=company,
        country=country,
        segment=SEGMENTS[chance.weighted(SEGMENT_SHARES)][0],
        onboarded=onboarded,
        quiet=quiet,
        has_left=has_left,
        lei=lei(position) if chance.happens(0.7) else "",
        banks=banks,
        declared=banks[0 if is_stale else -1][1],
        changed=min(NOW, max(max(events), start) * DAY_SECONDS + draw_second(chance)),
    )


def write_emerald(directory: Path, clients: list[Client], chance: Chance, log: FaultLog) -> None:
    """The four collections of Emerald."""
    relationships = _relationships(clients, chance)
    documents = {
        "clients": [_document(client) for client in clients],
        "bank_relationships": relationships,
        "balances": _balances(clients, chance),
        "payments": _payments(clients, chance),
    }
    for name, records in documents.items():
        log.spoil("emerald", name, records, KEYS[name], FAULTS[name])
    plant_client_faults(documents, log)
    for name, records in documents.items():
        write_jsonl(directory / f"{name}.jsonl", records)


def _document(client: Client) -> dict[str, Any]:
    status = "active"
    if client.onboarded is None:
        status = "prospect"
    elif client.quiet is not None:
        status = "offboarded" if client.has_left else "dormant"
    return {
        "client_id": client.number,
        "legal_name": client.name,
        "lei": client.lei or None,
        "tenant": client.company.code,
        "country": client.country,
        "industry": INDUSTRIES[client.position * 7 % len(INDUSTRIES)],
        "status": status,
        "declared_bank_bic": client.declared,
        "onboarded_on": None if client.onboarded is None else day_text(client.onboarded),
        "contact_email": f"contact.{client.position:06d}@example.com",
        "modified_at": moment_text(client.changed),
    }


def _relationships(clients: list[Client], chance: Chance) -> list[dict[str, Any]]:
    records = []
    for client in clients:
        if client.onboarded is None:
            continue
        left = client.quiet if client.has_left else None
        for place, (start, bic) in enumerate(client.banks):
            end = client.banks[place + 1][0] - 1 if place + 1 < len(client.banks) else left
            _add(client, bic, "current_account", start, end)
            if chance.happens(0.5):
                _add(client, bic, chance.one(PRODUCTS), start + chance.whole(0, 30), end)
        if chance.happens(0.22):  # a second bank for one product
            other = chance.one([bic for bic, code, _ in BANKS if code == client.company.code])
            late = min(LAST, client.active_from + chance.whole(10, 500))
            if other not in [bic for _, bic in client.banks] and (left is None or late < left):
                _add(client, other, chance.one(PRODUCTS), late, left)
        for found in client.relationships:
            changed = found.start if found.end is None else found.end
            records.append(
                {
                    "relationship_id": found.number,
                    "client_id": client.number,
                    "bank_bic": found.bic,
                    "product": found.product,
                    "status": "ended" if found.end else "suspended" if chance.happens(0.02) else "active",
                    "started_on": day_text(found.start),
                    "ended_on": day_text(found.end) if found.end else None,
                    "modified_at": moment_text(min(NOW, max(changed, found.start) * DAY_SECONDS + draw_second(chance))),
                }
            )
    return records


def _add(client: Client, bic: str, product: str, start: int, end: int | None) -> None:
    if end is None or start <= end:
        number = f"REL-{client.position:06d}-{len(client.relationships) + 1}"
        client.relationships.append(Relationship(number, bic, product, start, end))


def _balances(clients: list[Client], chance: Chance) -> list[dict[str, Any]]:
    """Month-end balances of the last year: a slow walk around the client's size."""
    records = []
    days = [(day, day_text(day)) for day in month_ends()[-BALANCE_MONTHS:]]
    size = {"enterprise": 900_000, "mid_market": 120_000, "small_business": 18_000}
    for client in clients:
        for found in client.relationships:
            if found.product not in BALANCED:
                continue
            level = size[client.segment] * (0.4 + 1.2 * chance.draw()) * (-0.3 if found.product == "credit_line" else 1)
            for day, text in days:
                if found.start <= day and (found.end is None or day <= found.end):
                    level *= 0.9 + 0.21 * chance.draw()
                    entered = min(NOW, (day + 1) * DAY_SECONDS + int(chance.draw() * 20_000))
                    records.append(
                        {
                            "relationship_id": found.number,
                            "balance_date": text,
                            "balance_amount": int(level * 100) / 100,
                            "currency": client.company.currency,
                            "modified_at": moment_text(entered),
                        }
                    )
    return records


def _payments(clients: list[Client], chance: Chance) -> list[dict[str, Any]]:
    drafts = []
    for client in clients:
        if client.onboarded is None:
            continue
        span = client.active_to - client.active_from
        for _ in range(int((1 + 18 * chance.draw() * chance.draw()) * (0.2 + span / 1096))):
            day = draw_day(chance, client.active_from, client.active_to)
            used = [found.bic for found in client.relationships if found.start <= day <= (found.end or LAST)]
            bic = chance.one(used) if used and chance.happens(0.12) else client.bank_at(day)
            drafts.append((day * DAY_SECONDS + draw_second(chance), client, bic))
    drafts.sort(key=lambda draft: (draft[0], draft[1].position))
    records = []
    for number, (moment, client, bic) in enumerate(drafts, start=1):
        draw = chance.draw()
        status = "executed" if draw < 0.97 else "failed" if draw < 0.985 else "returned"
        size = {"enterprise": 4_000_000, "mid_market": 700_000, "small_business": 120_000}[client.segment]
        records.append(
            {
                "payment_id": f"PAY-{number:08d}",
                "client_id": client.number,
                "bank_bic": bic,
                "executed_at": moment_text(moment),
                "amount": (100 + int(size * chance.draw() * chance.draw())) / 100,
                "currency": client.company.currency,
                "direction": "outgoing" if chance.happens(0.6) else "incoming",
                "status": status,
                "modified_at": moment_text(moment if status != "returned" else min(NOW, moment + 3 * DAY_SECONDS)),
            }
        )
    return records
