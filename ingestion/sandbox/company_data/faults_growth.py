"""Events and sign-ups that keep their contract and yet cannot be right.

The landing takes them; the models have to put them in quarantine under the code that is logged. Each stands beside
sound records, under a number and a user of its own.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from datetime import datetime, timedelta
from typing import Any

from ingestion.sandbox.company_data.log import FaultLog

Event = dict[str, Any]
DAY_MS = 86_400_000
CLIENT, ONBOARDED = "CL-900001", "15.01.2024"  # a client without fault beside those of faults_clients
EVENT_FAULTS = (
    ({"event_at": timedelta(days=30_000)}, "an event of the far future", "EVENT_IN_FUTURE"),
    ({"event_at": timedelta(hours=1)}, "received before it happened", "EVENT_AFTER_RECEIPT"),
    ({"event_at": timedelta(days=-8)}, "kept for eight days before it was sent", "EVENT_TOO_LATE"),
    ({"tenant": "ZZ99"}, "a company that is not in the group", "TENANT_UNKNOWN"),
    ({"duration_ms": DAY_MS}, "a day on one page", "DURATION_OF_A_DAY"),
)
SIGN_UP_FAULTS = (
    ({"SignedUpAt": "01.01.2099 09:00:00"}, "signed up in the far future", "SIGNED_UP_IN_FUTURE"),
    ({"Status": "activated", "ActivatedAt": "01.01.2099 09:00:00"}, "active in the far future", "ACTIVATED_IN_FUTURE"),
    ({"Status": "activated", "ActivatedAt": "01.01.2024 09:00:00"}, "active first", "ACTIVATED_BEFORE_SIGN_UP"),
    ({"Status": "activated"}, "activated, nobody knows when", "STATUS_CONTRADICTS_ACTIVATION"),
    (
        {"Status": "activated", "ActivatedAt": f"{ONBOARDED} 15:00:00", "ClientId": CLIENT},
        "one client activated twice",
        "CLIENT_ACTIVATED_TWICE",
    ),
    ({"Tenant": "ZZ99"}, "a company that is not in the group", "TENANT_UNKNOWN"),
    ({"Currency": "XTS"}, "a cost in the currency for tests", "CURRENCY_WITHOUT_RATE"),
)


def plant_event_faults(files: MutableMapping[str, list[Event]], log: FaultLog) -> None:
    """Append one event of each fault to the file of one day, received when its last event was.

    Args:
        files: events by the name of their file, changed in place.
    """
    name = sorted(files)[len(files) * 3 // 5]
    received = datetime.fromisoformat(files[name][-1]["received_at"])
    for number, (values, fault, code) in enumerate(EVENT_FAULTS, start=1):
        event = {
            "event_id": f"evt-9{number:08d}-fa017000",
            "event_at": timedelta(),
            "received_at": _moment(received),
            "client_id": None,
            "user_id": f"U-90000{number}-1",
            "tenant": "GB10",
            "channel": "web",
            "event_type": "page_view",
            "page": "/page/1",
            "duration_ms": 4_000,
            "campaign": None,
            "properties": None,
        } | values
        event["event_at"] = _moment(received + event["event_at"])
        files[name].append(event)
        log.quarantine("interactions", "events", {"event_id": event["event_id"]}, fault, code)


def plant_sign_up_faults(months: MutableMapping[str, list[dict[str, str]]], log: FaultLog) -> None:
    """Append one sign-up of each fault to the last month's export, and the sound one that one of them repeats.

    Args:
        months: lines by month of the export, changed in place.
    """
    sound: dict[str, str] = {"Status": "activated", "ActivatedAt": f"{ONBOARDED} 09:00:00", "ClientId": CLIENT}
    for number, (values, fault, code) in enumerate(((sound, "", ""), *SIGN_UP_FAULTS)):
        row = {
            "SignUpId": f"SU-9{number:06d}",
            "SignedUpAt": "08.01.2024 10:00:00",
            "Company": f"Synthetic Sign-up {number:02d}",
            "Email": f"sign-up.{number:02d}@example.com",
            "Country": "GB",
            "Tenant": "GB10",
            "Channel": "organic",
            "Campaign": "",
            "Status": "qualified",
            "ActivatedAt": "",
            "ClientId": "",
            "AcquisitionCost": "4,00",
            "Currency": "GBP",
            "Comment": "",
        } | values
        months[max(months)].append(row)
        if code:
            log.quarantine("crm", "sign_ups", {"SignUpId": row["SignUpId"]}, fault, code)


def _moment(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
