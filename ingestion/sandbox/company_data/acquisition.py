"""CRM: monthly exports of sign-ups, in Windows-1252 with semicolons, decimal commas and free text."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from ingestion.sandbox.company_data.clients import Client
from ingestion.sandbox.company_data.common import (
    DAY_SECONDS,
    FIRST,
    LAST,
    clock_text,
    csv_line,
    day_text,
    decimal_comma,
    draw_day,
    draw_second,
    month_of,
    write_lines,
)
from ingestion.sandbox.company_data.faults_growth import plant_sign_up_faults
from ingestion.sandbox.company_data.log import ROWS_PER_FAULT, FaultLog, Spoil
from ingestion.sandbox.masters import Chance, cumulated

CHANNELS = ("organic", "paid_search", "social", "referral", "event", "partner")
CHANNEL_SHARES = cumulated((26, 24, 14, 14, 10, 12))
COST = {"organic": 400, "paid_search": 9_500, "social": 6_000, "referral": 3_000, "event": 18_000, "partner": 12_000}
CAMPAIGNS = ("Frühjahr", "Trade week", "Été", "Winter stock", "Referral +10 %")
COMMENTS = ("wants a quote; call back", 'asked for "express"', "prefers German – Größe L", "budget € 20k",
            "first call\nsecond call booked")  # fmt: skip
FAULTS = (
    Spoil(0.23, "Country", "Deutschland", "a country name where a code is due", "PATTERN_MISMATCH"),
    Spoil(0.41, "SignedUpAt", "2025-03-04 10:00", "a date in another format", "TYPE_MISMATCH"),
    Spoil(0.63, "Status", "hot", "a status that is none", "NOT_IN_ALLOWED_VALUES"),
    Spoil(0.85, "AcquisitionCost", "about 90", "text in a decimal", "TYPE_MISMATCH"),
    Spoil(0.94, "Tenant", "", "a sign-up for no company", "REQUIRED_MISSING"),
)


def write_sign_ups(directory: Path, clients: Sequence[Client], chance: Chance, log: FaultLog) -> None:
    """One file a month of signing up."""
    drafts = [draft for client in clients if (draft := _of_client(client, chance))]
    drafts += [_lost(chance, clients) for _ in range(len(drafts) * 6 // 10)]
    drafts.sort(key=lambda draft: (draft[0], draft[1]["Company"]))
    rows = [{"SignUpId": f"SU-{number:07d}", **row} for number, (_, row) in enumerate(drafts, start=1)]
    log.spoil("crm", "sign_ups", rows, ("SignUpId",), FAULTS)
    months: dict[str, list[dict[str, str]]] = defaultdict(list)
    for (moment, _), row in zip(drafts, rows, strict=True):
        months[month_of(moment // DAY_SECONDS)].append(row)
    plant_sign_up_faults(months, log)
    names = sorted(months)
    for place, month in enumerate(names):
        lines = [csv_line(list(months[month][0]), ";"), *[csv_line(list(r.values()), ";") for r in months[month]]]
        if len(rows) >= 2 * ROWS_PER_FAULT and place in (len(names) // 3, len(names) * 2 // 3):
            _malform(lines, f"sign_ups_{month}.csv", place == len(names) // 3, log)
        write_lines(directory / f"sign_ups_{month}.csv", lines, encoding="cp1252", ending="\r\n")


def _malform(lines: list[str], name: str, is_quote: bool, log: FaultLog) -> None:
    """Add a line in the middle that is no record: a quote that never ends, or values that are missing."""
    place = len(lines) // 2
    number = sum(line.count("\n") + 1 for line in lines[:place]) + 1
    key = {"file": name, "line": str(number)}
    if is_quote:
        lines.insert(place, 'SU-BROKEN;01.02.2025 10:00:00;"Synthetic Prospect without end;;GB;GB10;organic;;new;;;;;')
        log.add("crm", "sign_ups", key, "a quote that never ends", "UNBALANCED_QUOTE:*")
    else:
        lines.insert(place, "SU-SHORT;01.02.2025 10:00:00;Synthetic Prospect")
        log.add("crm", "sign_ups", key, "a line with too few values", "COLUMN_COUNT:*")


def _stamp(moment: int) -> str:
    year, month, day = day_text(moment // DAY_SECONDS).split("-")
    return f"{day}.{month}.{year} {clock_text(moment)}"


def _of_client(client: Client, chance: Chance) -> tuple[int, dict[str, str]] | None:
    """The sign-up that a client of the story's years, or a prospect, came from."""
    if client.onboarded is None:
        moment = chance.whole(LAST - 200, LAST) * DAY_SECONDS + draw_second(chance)
        return moment, _row(client, moment, None, chance)
    start = client.onboarded - chance.whole(1, 40)
    if start < FIRST:
        return None
    moment = start * DAY_SECONDS + draw_second(chance)
    return moment, _row(client, moment, client.onboarded * DAY_SECONDS + draw_second(chance), chance)


def _lost(chance: Chance, clients: Sequence[Client]) -> tuple[int, dict[str, str]]:
    """A sign-up that came to nothing."""
    moment = draw_day(chance, FIRST, LAST) * DAY_SECONDS + draw_second(chance)
    row = _row(clients[chance.whole(0, len(clients) - 1)], moment, None, chance)
    number = chance.whole(1, 99_999)
    row |= {"Company": f"Synthetic Société {number:05d}", "Email": f"prospect.{number:05d}@example.com"}
    row["Status"] = chance.one(("rejected", "rejected", "new", "qualified"))
    return moment, row


def _row(client: Client, moment: int, activated: int | None, chance: Chance) -> dict[str, str]:
    channel = CHANNELS[chance.weighted(CHANNEL_SHARES)]
    cost = int(COST[channel] * (0.5 + chance.draw()))
    return {
        "SignedUpAt": _stamp(moment),
        "Company": client.name,
        "Email": f"contact.{client.position:06d}@example.com",
        "Country": client.country,
        "Tenant": client.company.code,
        "Channel": channel,
        "Campaign": chance.one(CAMPAIGNS) if channel != "organic" else "",
        "Status": "activated" if activated else "qualified",
        "ActivatedAt": _stamp(activated) if activated else "",
        "ClientId": client.number if activated else "",
        "AcquisitionCost": decimal_comma(cost),
        "Currency": client.company.currency,
        "Comment": chance.one(COMMENTS) if chance.happens(0.15) else "",
    }
