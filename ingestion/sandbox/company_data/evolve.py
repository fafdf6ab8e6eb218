"""What happens in the company's systems between two loads: new, changed, deleted, late and corrected records.

`evolve(directory, days)` changes a written company in place, a day at a time, and logs each change in
`changes.jsonl` (day, source, dataset, key, change). The same directory and seed give the same changes. Running
servers hold the old state until they read the directory again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ingestion.sandbox.company_data.common import (
    DAY_SECONDS,
    LAST,
    csv_line,
    day_text,
    moment_text,
    offset_text,
    write_jsonl,
    write_lines,
)
from ingestion.sandbox.company_data.sales import FIRST_ORDER
from ingestion.sandbox.errors import SandboxError
from ingestion.sandbox.masters import Chance
from ingestion.sandbox.tables import read_extract

CHANGES_FILE = "changes.jsonl"
NEW_ORDERS = 5  # a day, in SAP and in Atom

Record = dict[str, Any]


@dataclass(frozen=True)
class Change:
    """One change, as a line of changes.jsonl.

    Attributes:
        change: inserted, updated, deleted, late_file, corrected_file or repeated_file.
        key: the record's key by the source's field names, or the file.
    """

    day: str
    source: str
    dataset: str
    key: dict[str, str]
    change: str


def evolve(directory: Path, days: int = 1, seed: int = 1) -> list[Change]:
    """Let days pass in a written company; returns the changes in the order in which they were made.

    Raises:
        SandboxError: the directory holds no company of this generator.
    """
    if not (directory / "planted_faults.jsonl").is_file():
        raise SandboxError(
            "there is no synthetic company.", subject=str(directory), remedy="write one with `--write DIR` first."
        )
    log = directory / CHANGES_FILE
    known = _lines(log) if log.is_file() else []
    passed = len({change["day"] for change in known})
    found: list[Change] = []
    for day in range(LAST + 1 + passed, LAST + 1 + passed + days):
        for name, step in STEPS.items():
            chance = Chance(f"{seed}/{day}/{name}")
            made = step(directory, day, chance)
            found += [Change(day_text(day), name, dataset, key, change) for dataset, key, change in made]
    write_jsonl(log, [*known, *map(asdict, found)])
    return found


Made = list[tuple[str, dict[str, str], str]]


def _lines(path: Path) -> list[Record]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _sap(directory: Path, day: int, chance: Chance) -> Made:
    """New orders as copies of older ones, an order deleted by flag, and a material that vanishes."""
    tables = read_extract(directory)
    header, items, lines = tables["EKKO"], tables["EKPO"], tables["EKET"]
    number = header.position("EBELN")
    made: Made = []
    stamp = moment_text(day * DAY_SECONDS + 36_000)
    newest = max(int(row[number]) for row in header.rows)
    for step in range(1, NEW_ORDERS + 1):
        old = chance.one(header.rows[: len(header.rows) // 2])[number]
        new = str(newest + step)
        for table in (header, items, lines):
            for row in table.matching({"EBELN": old}):
                values = {**dict(zip(table.columns, row, strict=True)), "EBELN": new}
                table.insert({name: value for name, value in values.items() if name not in ("BANFN", "BNFPO")})
        dates = {"AEDAT": day_text(day), "BEDAT": day_text(day), "LASTCHANGEDATETIME": stamp}
        header.update({"EBELN": new}, dates)
        made.append(("purchase_orders", {"EBELN": new}, "inserted"))
    gone = chance.one(header.rows[:-NEW_ORDERS])[number]
    header.update({"EBELN": gone}, {"LOEKZ": "L", "LASTCHANGEDATETIME": stamp})
    items.update({"EBELN": gone}, {"LOEKZ": "L"})
    made.append(("purchase_orders", {"EBELN": gone}, "updated"))
    material = items.position("MATNR")
    used = {row[material] for row in items.rows}
    for row in tables["MARA"].rows:
        if row[1] not in used:
            for name in ("MARA", "MAKT", "MARD"):
                tables[name].delete({"MATNR": row[1]})
            made.append(("materials", {"MATNR": row[1]}, "deleted"))
            break
    tables.save(directory)
    return made


def _documents(
    directory: Path, name: str, dataset: str, keys: Sequence[str], pick: Callable[[Record], bool], changes: Record
) -> Made:
    """Change the first document that fits, if there is one."""
    path = directory / name
    records = _lines(path)
    record = next(filter(pick, records), None)
    if record is None:
        return []
    record.update(changes)
    write_jsonl(path, records)
    return [(dataset, {key: str(record[key]) for key in keys}, "updated")]


def _oracle(directory: Path, day: int, _: Chance) -> Made:
    """An invoice is cancelled, and lines with it."""
    path = directory / "oracle" / "invoices.jsonl"
    records = _lines(path)
    record = next((r for r in reversed(records) if r["PaidStatus"] == "Unpaid" and not r["CanceledFlag"]), None)
    if record is None:
        return []
    stamp = {"CanceledDate": day_text(day), "LastUpdateDate": offset_text(day * DAY_SECONDS + 40_000)}
    record.update({"CanceledFlag": True, "InvoiceAmount": 0, **stamp})
    for line in record["invoiceLines"]:
        line.update({"CanceledFlag": True, "LineAmount": 0})
    write_jsonl(path, records)
    return [("ap_invoices", {"InvoiceId": str(record["InvoiceId"])}, "updated")]


def _workday(directory: Path, day: int, chance: Chance) -> Made:
    """A pay rise from today on, and an expense line that is no longer reported."""
    path = directory / "workday" / "Workers.jsonl"
    records = _lines(path)
    known = [r for r in records if r["Worker_Status"] == "Active" and r["Effective_Date"] < day_text(day)]
    old = chance.one(known)
    new = {**old, "Effective_Date": day_text(day), "Annual_Base_Pay": "50000.00"}
    write_jsonl(path, [*records, new])
    expenses = directory / "workday" / "Travel_Expenses.jsonl"
    lines = _lines(expenses)
    gone = lines.pop(chance.whole(0, len(lines) - 1))
    write_jsonl(expenses, lines)
    key = {name: str(new[name]) for name in ("Employee_ID", "Effective_Date")}
    lost = {name: str(gone[name]) for name in ("Expense_Report", "Expense_Report_Line")}
    return [("workers", key, "inserted"), ("travel_expenses", lost, "deleted")]


def _incentive(directory: Path, day: int, _: Chance) -> Made:
    changes = {"status": "paid", "paid_on": day_text(day), "updated_at": moment_text(day * DAY_SECONDS + 50_000)}
    return _documents(
        directory, "incentive/payouts.jsonl", "payouts", ("payout_id",), lambda r: r["status"] == "approved", changes
    )


def _emerald(directory: Path, day: int, _: Chance) -> Made:
    """A prospect is onboarded, a client goes dormant."""
    stamp = {"modified_at": moment_text(day * DAY_SECONDS + 45_000)}
    made: Made = []
    for old, changes in (
        ("prospect", {"status": "active", "onboarded_on": day_text(day)}),
        ("active", {"status": "dormant"}),
    ):
        made += _documents(
            directory, "emerald/clients.jsonl", "clients", ("client_id",), _has_status(old), {**changes, **stamp}
        )
    return made


def _has_status(status: str) -> Callable[[Record], bool]:
    return lambda record: record["status"] == status


def _atom(directory: Path, day: int, chance: Chance) -> Made:
    """New orders with their lines, an order that is shipped, and an order that is deleted for good."""
    rows = {name: _table(directory / "atom" / f"{name}.csv") for name in ("orders", "order_lines", "payments")}
    stamp = moment_text(day * DAY_SECONDS + 42_000)
    orders, made = rows["orders"], []
    newest = max(int(row["order_id"]) for row in orders)
    for step in range(1, NEW_ORDERS + 1):
        old, new = chance.one(orders[: len(orders) // 2]), str(newest + step)
        times = {"ordered_at": stamp, "created_at": stamp, "updated_at": stamp, "shipped_at": "", "delivered_at": ""}
        lines = [row for row in rows["order_lines"] if row["order_id"] == old["order_id"]]
        orders.append({**old, **times, "order_id": new, "status": "placed"})
        rows["order_lines"] += [{**row, "order_id": new, "updated_at": stamp} for row in lines]
        made.append(("orders", {"order_id": new}, "inserted"))
    placed = next(
        (
            row
            for row in orders
            if row["status"] == "placed" and row["updated_at"] < stamp and int(row["order_id"]) >= FIRST_ORDER
        ),
        None,
    )
    if placed:
        placed.update({"status": "shipped", "shipped_at": stamp, "updated_at": stamp})
        made.append(("orders", {"order_id": placed["order_id"]}, "updated"))
    # Planted orders stay, their numbers are below all others.
    gone = chance.one([row for row in orders[:-NEW_ORDERS] if int(row["order_id"]) >= FIRST_ORDER])["order_id"]
    for name, found in rows.items():
        kept = [row for row in found if row["order_id"] != gone]
        write_lines(
            directory / "atom" / f"{name}.csv", [",".join(kept[0]), *[csv_line(list(r.values())) for r in kept]]
        )
    return [*made, ("orders", {"order_id": gone}, "deleted")]


def _table(path: Path) -> list[dict[str, str]]:
    """Rows of an Atom file; its values hold no quotes."""
    header, *lines = path.read_text(encoding="utf-8").splitlines()
    names = header.split(",")
    return [dict(zip(names, line.split(","), strict=True)) for line in lines]


def _interactions(directory: Path, day: int, chance: Chance) -> Made:
    """Files of new hours, a late file of a day long gone, a corrected file, and one that is sent again."""
    root = directory / "files" / "interactions"
    files = sorted(root.rglob("*.jsonl"))
    whole = [path for path in files if path.stem.isdigit()]
    source = _readable(whole[-1 - chance.whole(0, 20)])
    made: Made = []
    for hour in (9, 14):
        moment = moment_text(day * DAY_SECONDS + hour * 3600 + 60)
        events = [
            {**event, "event_id": f"evt-{day}-{hour:02d}-{place:05d}", "event_at": moment, "received_at": moment}
            for place, event in enumerate(source)
        ]
        name = f"{day_text(day).replace('-', '/')}/{hour:02d}.jsonl"
        write_jsonl(root / name, events)
        made.append(("events", {"file": name}, "inserted"))
    old = whole[len(whole) // 2]
    late = old.with_name(f"{old.stem}_late{day}.jsonl")
    write_jsonl(late, [{**_readable(old)[0], "event_id": f"evt-late-{day}"}])
    made.append(("events", {"file": late.relative_to(root).as_posix()}, "late_file"))
    corrected = whole[len(whole) // 4]
    events = _readable(corrected)
    events[0]["duration_ms"] = 1_000 + day
    write_jsonl(corrected, events)
    made.append(("events", {"file": corrected.relative_to(root).as_posix()}, "corrected_file"))
    again = old.with_name(f"{old.stem}_again{day}.jsonl")
    again.write_bytes(old.read_bytes())
    return [*made, ("events", {"file": again.relative_to(root).as_posix()}, "repeated_file")]


def _readable(path: Path) -> list[Record]:
    """The lines of a tracking file that are whole."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.endswith("}")]


STEPS: dict[str, Callable[[Path, int, Chance], Made]] = {
    "sap": _sap,
    "oracle": _oracle,
    "workday": _workday,
    "incentive": _incentive,
    "emerald": _emerald,
    "atom": _atom,
    "interactions": _interactions,
}
