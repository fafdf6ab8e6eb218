"""Ways to reach people: a Slack-compatible webhook, PagerDuty, mail, a file. Every setting comes from the environment.

Where a setting has a variant for a team, as STRATA_ALERTS_WEBHOOK_URL__FINANCE_DATA, that team gets its own.
Addresses of webhooks are secrets: errors name the channel and the host, never the address.
"""

from __future__ import annotations

import json
import os
import smtplib
import ssl
from abc import ABC, abstractmethod
from collections.abc import Callable
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import unquote, urlsplit

import requests

from ingestion.errors import ConfigError
from tools.alerts.messages import Message

TIMEOUT_SECONDS = 10
PREFIX = "STRATA_ALERTS_"
PAGERDUTY = "https://events.pagerduty.com/v2/enqueue"
SEVERITIES = {"critical": "critical", "error": "error", "warning": "warning"}


class NotDelivered(Exception):
    """A message did not arrive; the text holds no secret.

    Args:
        text: which channel, and why.
        is_certain: False when it may have arrived all the same, as after a time-out.
    """

    def __init__(self, text: str, *, is_certain: bool = True) -> None:
        super().__init__(text)
        self.is_certain = is_certain


def setting(name: str, team: str = "") -> str:
    """A setting, the team's own if it has one; empty when there is none."""
    own = f"{PREFIX}{name}__{''.join(c if c.isalnum() else '_' for c in team).upper()}"
    return (os.environ.get(own, "") if team else "") or os.environ.get(PREFIX + name, "")


class Channel(ABC):
    """Sends messages; `one_each` when the receiver wants every incident by itself."""

    name: ClassVar[str]
    one_each: ClassVar[bool] = False

    @abstractmethod
    def send(self, message: Message) -> None:
        """Deliver it.

        Raises:
            NotDelivered: it did not arrive, or nobody knows.
        """


class Webhook(Channel):
    """Slack's incoming webhooks, and whatever takes the same JSON (Mattermost, Rocket.Chat)."""

    name = "webhook"

    def send(self, message: Message) -> None:
        """Post the message as Block Kit."""
        _post(self.name, setting("WEBHOOK_URL", message.owner_team), message.blocks())


class PagerDuty(Channel):
    """PagerDuty's Events API v2: an incident triggers and resolves under the same dedup_key.

    https://developer.pagerduty.com/docs/send-alert-event
    """

    name = "pagerduty"
    one_each = True

    def send(self, message: Message) -> None:
        """Trigger or resolve."""
        (event,) = message.events
        key = setting("PAGERDUTY_KEY", message.owner_team)
        body: dict[str, Any] = {"routing_key": key, "dedup_key": event.incident_id, "event_action": "resolve"}
        if event.is_opening:
            body["event_action"] = "trigger"
            body["payload"] = {
                "summary": f"{event.headline} ({event.detail})"[:1024],
                "source": "strata",
                "severity": SEVERITIES[event.severity],
                "timestamp": event.first_seen_at.isoformat(),
                "component": event.subject,
                "group": event.group_name,
                "class": event.kind,
                "custom_details": {
                    name: event.row[name]
                    for name in ("owner_team", "on_call_role", "backup_role", "runbook", "upstream", "downstream")
                },
            }
            if event.runbook.startswith("http"):
                body["links"] = [{"href": event.runbook, "text": "runbook"}]
        _post(self.name, setting("PAGERDUTY_URL") or PAGERDUTY, body, secret=key)


class Mail(Channel):
    """Mail over SMTP, with STARTTLS where the server offers it; smtps:// for TLS from the start."""

    name = "mail"

    def send(self, message: Message) -> None:
        """Send one mail; a repeated one has the same Message-ID."""
        server = urlsplit(setting("SMTP_URL"))
        sender = setting("MAIL_FROM")
        domain = parseaddr(sender)[1].partition("@")[2] or "localhost"
        mail = EmailMessage()
        mail["Subject"], mail["From"], mail["To"] = message.title, sender, setting("MAIL_TO", message.owner_team)
        mail["Date"], mail["Message-ID"] = format_datetime(datetime.now(UTC)), f"<{message.message_id}@{domain}>"
        mail["Auto-Submitted"] = "auto-generated"
        if told := [f"<{event.incident_id}-opened@{domain}>" for event in message.closed]:
            mail["References"] = " ".join(told[:10])
        mail.set_content(message.text())
        try:
            with self._connect(server) as smtp:
                if server.username:
                    smtp.login(unquote(server.username), unquote(server.password or ""))
                smtp.send_message(mail)
        except (OSError, smtplib.SMTPException) as error:
            reason = f"{type(error).__name__} {getattr(error, 'smtp_code', '')}".strip()
            raise NotDelivered(f"mail over {server.hostname}: {reason}") from None

    @staticmethod
    def _connect(server: Any) -> smtplib.SMTP:
        context = ssl.create_default_context()
        if server.scheme == "smtps":
            return smtplib.SMTP_SSL(server.hostname, server.port or 465, timeout=TIMEOUT_SECONDS, context=context)
        smtp = smtplib.SMTP(server.hostname, server.port or 587, timeout=TIMEOUT_SECONDS)
        smtp.ehlo()
        if smtp.has_extn("starttls"):
            smtp.starttls(context=context)
        elif server.username:
            smtp.close()
            raise NotDelivered(f"mail over {server.hostname}: it offers no encryption, so no password is sent to it")
        return smtp


class File(Channel):
    """Lines of JSON at the end of a file, each event once."""

    name = "file"
    one_each = True

    def send(self, message: Message) -> None:
        """Write a line unless the file has it already; half a line of a killed run is closed first."""
        path = Path(setting("FILE", message.owner_team))
        (event,) = message.events
        row = {name: value for name, value in event.row.items() if name not in ("attempts", "is_doubtful")}
        line = json.dumps({"event_id": event.event_id, **row}, default=str)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            before = path.read_bytes() if path.exists() else b""
            if event.event_id.encode() in {_id_of(old) for old in before.splitlines()}:
                return
            with path.open("ab") as file:
                file.write((b"\n" if before and not before.endswith(b"\n") else b"") + line.encode() + b"\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise NotDelivered(f"file {path.name}: {error.strerror}") from None


def _id_of(line: bytes) -> bytes:
    try:
        return str(json.loads(line)["event_id"]).encode()
    except (ValueError, KeyError, TypeError):
        return b""


def _post(channel: str, url: str, body: dict[str, Any], secret: str = "") -> None:
    host = urlsplit(url).hostname
    try:
        answer = requests.post(url, json=body, timeout=TIMEOUT_SECONDS, allow_redirects=False)
    except requests.ConnectTimeout:
        raise NotDelivered(f"{channel} at {host}: no connection in {TIMEOUT_SECONDS} s") from None
    except requests.ReadTimeout:
        raise NotDelivered(f"{channel} at {host}: no answer in {TIMEOUT_SECONDS} s", is_certain=False) from None
    except requests.RequestException as error:
        raise NotDelivered(f"{channel} at {host}: {type(error).__name__}") from None
    if not 200 <= answer.status_code < 300:
        said = answer.text[:200].replace(secret, "***") if secret else answer.text[:200]
        raise NotDelivered(f"{channel} at {host}: it answered {answer.status_code} {said}".strip())


WANTED: tuple[tuple[Callable[[], Channel], tuple[str, ...]], ...] = (
    (Webhook, ("WEBHOOK_URL",)),
    (PagerDuty, ("PAGERDUTY_KEY",)),
    (Mail, ("SMTP_URL", "MAIL_FROM", "MAIL_TO")),
    (File, ("FILE",)),
)
SCHEMES = {"WEBHOOK_URL": ("http", "https"), "PAGERDUTY_URL": ("http", "https"), "SMTP_URL": ("smtp", "smtps")}


def configured() -> list[Channel]:
    """The channels that have their settings.

    Raises:
        ConfigError: a channel has half of them, or an address is none.
    """
    for name, schemes in SCHEMES.items():
        for variable, value in os.environ.items():
            own = variable == PREFIX + name or variable.startswith(f"{PREFIX}{name}__")
            if own and value and not _is_address(value, schemes):
                raise ConfigError(
                    "it is no address.", subject=variable, remedy=f"begin with {' or '.join(schemes)}, then ://host."
                )
    found: list[Channel] = []
    for make, names in WANTED:
        given = [name for name in names if setting(name)]
        if given and len(given) < len(names):
            missing = ", ".join(PREFIX + name for name in names if name not in given)
            raise ConfigError(f"{missing} is not set.", subject="alerts by mail", remedy="set all of it, or nothing.")
        if given:
            found.append(make())
    return found


def _is_address(value: str, schemes: tuple[str, ...]) -> bool:
    try:
        parts = urlsplit(value)
        return parts.scheme in schemes and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        return False
