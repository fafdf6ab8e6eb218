"""Tracking files: sessions of clients on the group's applications, by hour for the last 30 days and by day before.

An order that came through web or app ends a session, so that engagement and sales tell one story. An event stands in
the file of the hour in which the tracking received it, which for a few is hours or days after it happened.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ingestion.sandbox.company_data.clients import Client
from ingestion.sandbox.company_data.common import (
    DAY_SECONDS,
    ENCODE,
    LAST,
    NOW,
    day_text,
    draw_day,
    draw_second,
    moment_text,
    write_lines,
)
from ingestion.sandbox.company_data.faults_growth import plant_event_faults
from ingestion.sandbox.company_data.log import FaultLog, Spoil
from ingestion.sandbox.company_data.sales import Sales
from ingestion.sandbox.masters import Chance, cumulated

EVENTS = 200_000
TRACKED_DAYS, HOURLY_DAYS = 365, 30
START = LAST - TRACKED_DAYS + 1
DRIFT_START = (LAST - 15) * DAY_SECONDS  # from here on the app sends its version, too
CHANNELS, SHARES = ("web", "app", "email", "phone", "branch"), cumulated((52, 30, 8, 7, 3))
CAMPAIGNS = ("spring-fair", "trade-week", "winter-stock", "newsletter-q")
BROWSING = ("page_view", "page_view", "page_view", "search", "product_view", "product_view", "quote_requested", "login",
            "document_download", "statement_view")  # fmt: skip
KIND_OF_CONTACT = {"email": "email_opened", "phone": "call", "branch": "visit"}
FAULTS = (
    Spoil(0.14, "channel", "fax", "a channel that is none", "NOT_IN_ALLOWED_VALUES"),
    Spoil(0.33, "event_at", "yesterday", "text where a time stamp is due", "TYPE_MISMATCH"),
    Spoil(0.52, "user_id", None, "an event of nobody", "REQUIRED_MISSING"),
    Spoil(0.7, "duration_ms", -40, "a negative duration", "OUT_OF_RANGE"),
    Spoil(0.81, "duration_ms", "long", "text in a number", "TYPE_MISMATCH"),
    Spoil(0.96, "tenant", None, "an event of no company", "REQUIRED_MISSING"),
)

Event = dict[str, Any]


def write_interactions(
    directory: Path, clients: Sequence[Client], sales: Sales, chance: Chance, scale: float, log: FaultLog
) -> None:
    """All tracking files."""
    events = _events(clients, sales, chance, max(600, round(EVENTS * scale)))
    events.sort(key=lambda pair: pair[0])
    records = []
    for number, (received, event) in enumerate(events):
        records.append({"event_id": f"evt-{number:09d}-{int(chance.draw() * 16**8):08x}", **event})
        if received >= DRIFT_START and event["channel"] == "app":
            records[-1]["app_version"] = f"4.{(received - DRIFT_START) // (5 * DAY_SECONDS)}.0"
    files = _files([received for received, _ in events], records)
    log.spoil("interactions", "events", records, ("event_id",), FAULTS)
    _log_drift(records, log)
    plant_event_faults(files, log)
    _repeat(files, chance, log)
    _delay(files, log)
    _break_lines(directory, files, log)


def _events(clients: Sequence[Client], sales: Sales, chance: Chance, count: int) -> list[tuple[int, Event]]:
    """Pairs of when the tracking received an event, and the event."""
    found: list[tuple[int, Event]] = []
    for order in sales.orders:
        if order.ordered >= START * DAY_SECONDS and order.channel in ("web", "app") and len(found) < count * 0.6:
            found += _session(chance, order.customer.client, order.ordered, order.channel, order.number)
    active = [client for client in clients if client.onboarded is None or client.active_to >= START]
    weights = {"enterprise": 4.0, "mid_market": 2.0, "small_business": 1.0}
    shares = cumulated([weights[client.segment] for client in active])
    while len(found) < count:
        client = active[chance.weighted(shares)]
        first = START if client.onboarded is None else max(START, client.active_from)
        if first > client.active_to:
            continue
        day = draw_day(chance, first, client.active_to)
        moment = day * DAY_SECONDS + draw_second(chance, 5, 23)
        found += _session(chance, client, moment, CHANNELS[chance.weighted(SHARES)], None)
    return found


def _session(chance: Chance, client: Client, moment: int, channel: str, order: int | None) -> list[tuple[int, Event]]:
    """A burst of events with gaps under half an hour; one with an order ends at the order's moment."""
    is_visit = channel in ("web", "app")
    count = 1 + int(9 * chance.draw() * chance.draw()) if is_visit else 1
    if order is not None:
        count += 1
    user = f"U-{client.position:06d}-{1 + int(3 * chance.draw() * chance.draw())}"
    campaign = CAMPAIGNS[int(4 * chance.draw())] if chance.happens(0.12) else None
    is_unknown = order is None and chance.happens(0.06)
    moments = [moment]
    for _ in range(count - 1):
        gap = 5 + int(900 * chance.draw() * chance.draw() * chance.draw())
        moments.append(moments[-1] + gap)
    if order is not None:
        shift = moments[-1] - moment
        moments = [each - shift for each in moments]
    found = []
    for place, each in enumerate(moments):
        if each > NOW - 10:
            break
        kind = KIND_OF_CONTACT.get(channel) or BROWSING[int(10 * chance.draw())]
        delay = int(3 * chance.draw()) if not chance.happens(0.004) else 3600 + int(40 * 3600 * chance.draw())
        event: Event = {
            "event_at": moment_text(each),
            "received_at": moment_text(min(NOW, each + delay)),
            "client_id": None if is_unknown else client.number,
            "user_id": user,
            "tenant": client.company.code,
            "channel": channel,
            "event_type": kind,
            "page": f"/{kind.partition('_')[0]}/{1 + int(40 * chance.draw() * chance.draw())}" if is_visit else None,
            "duration_ms": 400 + int(90_000 * chance.draw() * chance.draw()),
            "campaign": campaign,
            "properties": None,
        }
        if order is not None and place == count - 1:
            event |= {"event_type": "order_placed", "page": "/checkout", "properties": f'{{"order_id":{order}}}'}
        found.append((min(NOW, each + delay), event))
    return found


def _files(received: Sequence[int], records: list[Event]) -> dict[str, list[Event]]:
    """Records by file name."""
    files: dict[str, list[Event]] = defaultdict(list)
    for moment, record in zip(received, records, strict=True):
        day = moment // DAY_SECONDS
        name = day_text(day).replace("-", "/")
        if day > LAST - HOURLY_DAYS:
            name += f"/{moment % DAY_SECONDS // 3600:02d}"
        files[f"{name}.jsonl"].append(record)
    return files


def _log_drift(records: list[Event], log: FaultLog) -> None:
    first = next((record for record in records if "app_version" in record), None)
    if first:
        key = {"event_id": str(first["event_id"])}
        log.change(
            "interactions", "events", key, "the app starts to send app_version", "column added to schema_changes"
        )


def _repeat(files: dict[str, list[Event]], chance: Chance, log: FaultLog) -> None:
    """Events that the tracking delivered twice: once more in the next file."""
    names = sorted(files)
    for share in (0.2, 0.5, 0.75, 0.98):
        place = int(len(names) * share)
        record = files[names[place]][int(chance.draw() * len(files[names[place]]))]
        files[names[min(place + 1, len(names) - 1)]].append(record)
        key = {"event_id": str(record["event_id"])}
        log.change("interactions", "events", key, "an event delivered twice", "lands; one event after deduplication")


def _delay(files: dict[str, list[Event]], log: FaultLog) -> None:
    """A part of one day that came in a file of its own, later than the day's file."""
    name = sorted(files)[len(files) // 3]
    records = files[name]
    half = len(records) // 2
    if half:
        late = name.replace(".jsonl", "_late.jsonl")
        files[late], files[name] = records[half:], records[:half]
        log.change("interactions", "events", {"file": late}, f"{len(records) - half} events in a late file", "lands")


def _break_lines(directory: Path, files: dict[str, list[Event]], log: FaultLog) -> None:
    """Write the files, with a line cut off in one of them, as when the tracking stopped while it wrote."""
    names = sorted(files)
    broken = names[len(names) * 4 // 5]
    for name, records in files.items():
        lines = [ENCODE(record) for record in records]
        if name == broken:
            lines.append(lines[-1][: len(lines[-1]) * 2 // 3])
            key = {"file": name, "line": str(len(lines))}
            log.add("interactions", "events", key, "a line that was cut off", "UNREADABLE_RECORD:*")
        write_lines(directory / name, lines)
