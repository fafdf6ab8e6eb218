"""Clients, relationships, balances and payments that keep their contract and yet cannot be right.

Each is a record of its own, beside clients that exist for them alone, so that no other system's story changes. The
landing takes them; the models have to put them in quarantine under the code that is logged.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ingestion.sandbox.company_data.log import FaultLog

Record = dict[str, Any]
Documents = dict[str, list[Record]]
Planted = tuple[str, Record, str, str]  # dataset, record, fault, reason code

FIRST_POSITION = 900_001  # above every client of the largest company
POSITIONS_A_ROUND = 20
TWO_ROUNDS_FROM = 5_000  # clients: a company of scale 1 has each kind twice
KEYS = {
    "clients": ("client_id",),
    "bank_relationships": ("relationship_id",),
    "balances": ("relationship_id", "balance_date"),
    "payments": ("payment_id",),
}
FILLER, FUTURE = "1900-01-01", "2099-01-01"


def plant_client_faults(documents: Documents, log: FaultLog) -> None:
    """Append the faulty records and what they need to stand beside, and log the faulty ones.

    Args:
        documents: Emerald's four collections, changed in place.
    """
    for number in range(2 if len(documents["clients"]) >= TWO_ROUNDS_FROM else 1):
        company = _Round(FIRST_POSITION + number * POSITIONS_A_ROUND)
        for dataset, records in company.sound.items():
            documents[dataset] += records
        for dataset, record, fault, code in company.faulty():
            documents[dataset].append(record)
            key = {name: str(record[name]) for name in KEYS[dataset]}
            log.quarantine("emerald", dataset, key, fault, code)


class _Round:
    """One record of each kind of fault.

    Attributes:
        sound: records without fault that the faulty ones refer to.
    """

    def __init__(self, first: int) -> None:
        self._first = first
        self.sound: Documents = {dataset: [] for dataset in KEYS}
        here, gone, hoped_for = self._client(0), self._client(1, status="offboarded"), self._client(2, is_prospect=True)
        self._here, self._gone, self._hoped_for = (record["client_id"] for record in (here, gone, hoped_for))
        ended = {"status": "ended", "ended_on": "2025-03-31"}
        self._account = self._relationship(1, self._here)
        self._service = self._relationship(2, self._here, product="fx")
        self._deposit = self._relationship(3, self._here, product="deposit")
        self._closed = self._relationship(1, self._gone, **ended)
        holder = self._client(3, lei=_lei(self._first + 3))
        self.sound["clients"] += [here, gone, hoped_for, holder]
        self.sound["bank_relationships"] += [self._account, self._service, self._deposit, self._closed]
        self.sound["balances"] += [self._balance(self._account, f"2026-0{month}-28") for month in range(1, 6)]
        self._paid = self._payment(0, self._here)
        self.sound["payments"] += [self._paid]

    def faulty(self) -> Iterator[Planted]:
        """Every fault with its reason code."""
        for dataset, planted in (
            ("clients", self._clients()), ("bank_relationships", self._relationships()),
            ("balances", self._balances()), ("payments", self._payments()),
        ):  # fmt: skip
            for record, fault, code in planted:
                yield dataset, record, fault, code

    def _clients(self) -> Iterator[tuple[Record, str, str]]:
        right = _lei(self._first + 3)
        wrong = right[:-2] + f"{int(right[-2:]) % 97 + 2:02d}"
        yield self._client(4, lei=wrong), "an identifier with wrong check digits", "LEI_CHECK_DIGITS_WRONG"
        twice = self._client(5, lei=right, onboarded_on="2026-02-01")
        yield twice, "the identifier of another client", "LEI_USED_TWICE"
        yield self._client(6, country="QX"), "a country that is none", "CLIENT_COUNTRY_UNKNOWN"
        yield self._client(7, tenant="ZZ99"), "a company that is not in the group", "CLIENT_TENANT_UNKNOWN"
        declared = self._client(8, declared_bank_bic="HBUKQX4B")
        yield declared, "a declared bank in no country", "DECLARED_BANK_IMPOSSIBLE"
        yield self._client(9, onboarded_on=None), "active, but never onboarded", "ONBOARDING_CONTRADICTS_STATUS"
        yield self._client(10, onboarded_on=FUTURE), "onboarded in the far future", "ONBOARDED_IN_FUTURE"
        yield self._client(11, onboarded_on=FILLER), "a filler date of onboarding", "ONBOARDED_BEFORE_1950"

    def _relationships(self) -> Iterator[tuple[Record, str, str]]:
        early = {"status": "ended", "ended_on": "2023-12-31"}
        for number, fields, fault, code in (
            (4, {"bank_bic": "HBUKQX4B"}, "a bank in no country", "BANK_COUNTRY_UNKNOWN"),
            (5, {"bank_bic": "HBUKGB40"}, "a BIC for tests", "BANK_BIC_IMPOSSIBLE"),
            (6, {"bank_bic": "BARCGB22", **early}, "ends before its start", "ENDED_BEFORE_STARTED"),
            (7, {"bank_bic": "LOYDGB2L", "status": "ended"}, "ended, nobody knows when", "ENDED_WITHOUT_DATE"),
            (8, {"bank_bic": "NWBKGB2L", "ended_on": "2025-06-30"}, "active after its end", "ENDED_BUT_STANDING"),
            (9, {"bank_bic": "ABBYGB2L", "status": "ended", "ended_on": FUTURE}, "over too early", "ENDED_IN_FUTURE"),
            (10, {"bank_bic": "CITIGB2L", "started_on": FUTURE}, "starts in the far future", "STARTED_IN_FUTURE"),
            (11, {"bank_bic": "MIDLGB22", "started_on": FILLER}, "a filler date of the start", "STARTED_BEFORE_1950"),
            (12, {"started_on": "2025-05-01"}, "a second account like the first", "RELATIONSHIP_REPEATED"),
        ):  # fmt: skip
            yield self._relationship(number, self._here, **fields), fault, code
        left = self._relationship(2, self._gone, bank_bic="BARCGB22", product="deposit")
        yield left, "goes on although the client left", "CLIENT_HAS_LEFT"

    def _balances(self) -> Iterator[tuple[Record, str, str]]:
        nowhere = {"relationship_id": f"REL-{self._first + 19:06d}-9"}
        for of, day, amount, fault, code in (
            (nowhere, "2026-08-31", 5_000, "a balance of no relationship", "BALANCE_WITHOUT_RELATIONSHIP"),
            (self._closed, "2025-04-30", 5_000, "a balance after the end", "BALANCE_OUTSIDE_RELATIONSHIP"),
            (self._deposit, FUTURE, 5_000, "a balance of a day to come", "BALANCE_IN_FUTURE"),
            (self._service, "2026-08-31", 5_000, "a balance of a service", "PRODUCT_HOLDS_NO_BALANCE"),
            (self._deposit, "2026-08-31", -5_000, "a deposit below zero", "DEPOSIT_OVERDRAWN"),
            (self._account, "2026-08-31", 500_000, "pence taken for pounds", "BALANCE_JUMPED"),
        ):
            yield self._balance(of, day, amount), fault, code
        yield self._balance(self._deposit, "2026-07-31", currency="XTS"), "a test currency", "CURRENCY_WITHOUT_RATE"

    def _payments(self) -> Iterator[tuple[Record, str, str]]:
        early, late = "2023-12-01T10:00:00Z", "2025-09-01T10:00:00Z"
        copy = {**self._paid, "payment_id": self._payment(1, self._here)["payment_id"]}
        yield copy, "sent twice under two numbers", "PAYMENT_REPEATED"
        for number, client, fields, fault, code in (
            (2, self._here, {"bank_bic": "HBUKQX4B"}, "through a bank in no country", "BANK_COUNTRY_UNKNOWN"),
            (3, self._here, {"bank_bic": "HBUKGB40"}, "through a BIC for tests", "BANK_BIC_IMPOSSIBLE"),
            (4, self._here, {"executed_at": "2099-01-01T10:00:00Z"}, "executed in the far future", "PAYMENT_IN_FUTURE"),
            (5, self._here, {"modified_at": "2026-04-02T10:00:00Z"}, "reported too early", "RECORDED_BEFORE_EXECUTION"),
            (6, self._hoped_for, {}, "paid by a prospect", "CLIENT_NEVER_ONBOARDED"),
            (7, self._here, {"executed_at": early}, "paid before onboarding", "PAID_BEFORE_ONBOARDING"),
            (8, self._gone, {"executed_at": late}, "paid after leaving", "PAID_AFTER_LEAVING"),
            (9, self._here, {"amount": 2_500_000_000.0}, "an amount of billions", "PAYMENT_OF_A_BILLION"),
            (10, self._here, {"currency": "XTS"}, "a test currency", "CURRENCY_WITHOUT_RATE"),
        ):  # fmt: skip
            yield self._payment(number, client, **fields), fault, code

    def _client(self, place: int, *, status: str = "active", is_prospect: bool = False, **fields: Any) -> Record:
        position = self._first + place
        return {
            "client_id": f"CL-{position:06d}",
            "legal_name": f"Synthetic Client {position:04d} Ltd",
            "lei": None,
            "tenant": "GB10",
            "country": "GB",
            "industry": "Machinery",
            "status": "prospect" if is_prospect else status,
            "declared_bank_bic": "HBUKGB4B",
            "onboarded_on": None if is_prospect else "2024-01-15",
            "contact_email": f"contact.{position:06d}@example.com",
            "modified_at": "2026-09-01T09:00:00Z",
            **fields,
        }

    def _relationship(self, number: int, client: str, **fields: Any) -> Record:
        return {
            "relationship_id": f"REL-{client[3:]}-{number}",
            "client_id": client,
            "bank_bic": "HBUKGB4B",
            "product": "current_account",
            "status": "active",
            "started_on": "2024-01-15",
            "ended_on": None,
            "modified_at": "2026-09-01T09:00:00Z",
            **fields,
        }

    def _balance(self, of: Record, day: str, amount: float = 5_000, currency: str = "GBP") -> Record:
        return {
            "relationship_id": of["relationship_id"],
            "balance_date": day,
            "balance_amount": amount,
            "currency": currency,
            "modified_at": "2026-09-02T01:00:00Z",
        }

    def _payment(self, number: int, client: str, **fields: Any) -> Record:
        executed_at = fields.get("executed_at", f"2026-04-03T10:{number:02d}:00Z")
        return {
            "payment_id": f"PAY-{self._first + number:08d}-Q",
            "client_id": client,
            "bank_bic": "HBUKGB4B",
            "amount": 1_250.0,
            "currency": "GBP",
            "direction": "outgoing",
            "status": "executed",
            "executed_at": executed_at,
            "modified_at": executed_at if executed_at > "2026-09-02" else "2026-09-02T01:00:00Z",
            **fields,
        }


def _lei(position: int) -> str:
    """An identifier with right check digits and a prefix that no registrar has."""
    stem = f"SYNT00{position:012d}"
    digits = "".join(str(int(char, 36)) for char in f"{stem}00")
    return f"{stem}{98 - int(digits) % 97:02d}"
