"""Which incidents are open, and who was told what: two tables in the warehouse, so that the next run knows.

An incident opens when it is found first and closes when its check ran and did not find it any more; found again later,
it is a new one. A delivery is written down before it is sent and again when it has arrived. What was begun and
neither arrived nor failed belongs to a run that was killed: it is sent again, under the same id and with a word that it
may be known already, because an alert that is told twice is better than one that nobody got.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb

from tools.alerts.incidents import MENDED, Finding, Incident

TABLES = (
    "create schema if not exists raw_ops",
    """
    create table if not exists raw_ops.incidents (
        incident_id varchar, incident_key varchar, kind varchar, subject varchar, part varchar, severity varchar,
        headline varchar, detail varchar, owner_team varchar, group_name varchar, on_call_role varchar,
        backup_role varchar, runbook varchar, upstream varchar, downstream varchar, first_seen_at timestamptz,
        last_seen_at timestamptz, closed_at timestamptz, closed_because varchar
    )
    """,
    """
    create table if not exists raw_ops.alert_deliveries (
        incident_id varchar, channel varchar, event varchar, attempts integer, attempted_at timestamptz,
        delivered_at timestamptz, last_error varchar
    )
    """,
)
GONE = "no longer in the project"
# A channel is told that something is open, and that it closed if it was told of the opening. What opened and closed
# before the channel could be reached is told to nobody.
PENDING = """
select i.*, events.event, coalesce(d.attempts, 0) as attempts, d.attempts > 0 and d.last_error is null as is_doubtful
from raw_ops.incidents as i
cross join (values ('opened'), ('closed')) as events (event)
left join raw_ops.alert_deliveries as d
    on i.incident_id = d.incident_id and d.channel = ? and events.event = d.event
where d.delivered_at is null
    and case events.event
        when 'opened' then i.closed_at is null
        else i.closed_at is not null and exists (
            select 1 from raw_ops.alert_deliveries as told
            where told.incident_id = i.incident_id and told.channel = ? and told.event = 'opened'
                -- Begun is enough: of a run that was killed, nobody knows whether the opening arrived.
                and (told.delivered_at is not null or told.last_error is null)
        )
    end
order by i.owner_team, i.group_name, events.event desc, i.severity, i.incident_key
"""


@dataclass(frozen=True)
class Event:
    """An incident that opened or closed, to be told on a channel."""

    row: dict[str, Any]

    @property
    def is_opening(self) -> bool:
        """False when it tells of the end."""
        return self.row["event"] == "opened"

    @property
    def event_id(self) -> str:
        """The same however often it is sent."""
        return f"{self.row['incident_id']}-{self.row['event']}"

    def __getattr__(self, name: str) -> Any:
        try:
            return self.row[name]
        except KeyError:
            raise AttributeError(name) from None


class Book:
    """The two tables.

    Args:
        connection: to the warehouse, for writing.
        now: the time of this run.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, now: datetime) -> None:
        self._connection = connection
        self._now = now
        for statement in TABLES:
            connection.execute(statement)

    def write_down(self, finding: Finding, project: Sequence[str] = ()) -> tuple[int, int]:
        """Open what is new, refresh what is still there, close what is gone; returns how many opened and closed.

        Args:
            finding: of this round. Incidents of checks that could not be asked stay as they are.
            project: ids of the nodes that dbt knows, to tell what was mended from what was taken out.
        """
        known = dict(
            self._connection.execute(
                "select incident_key, incident_id from raw_ops.incidents where closed_at is null"
            ).fetchall()
        )
        found = {incident.key: incident for incident in finding.incidents}
        self._connection.begin()
        self._refresh({known[key]: incident for key, incident in found.items() if key in known})
        for key, incident in found.items():
            if key not in known:
                self._open(incident)
        gone = [key for key in known if key not in found and key.split(":", 1)[0] in finding.asked]
        for key in gone:
            kind, subject = key.split(":")[:2]
            is_removed = kind == "failed_nodes" and bool(project) and subject not in project
            because = GONE if is_removed else finding.closed.get(kind, MENDED)
            self._connection.execute(
                "update raw_ops.incidents set closed_at = ?, closed_because = ? where incident_id = ?",
                [self._now, because, known[key]],
            )
        self._connection.commit()
        return len(found.keys() - known.keys()), len(gone)

    def _open(self, i: Incident) -> None:
        identifier = hashlib.sha256(f"{i.key}|{self._now.isoformat()}".encode()).hexdigest()[:20]
        row = (
            identifier, i.key, i.kind, i.subject, i.part, i.severity, i.headline, i.detail, i.owner_team, i.group,
            i.on_call, i.backup, i.runbook, i.upstream, i.downstream, self._now, self._now, None, None,
        )  # fmt: skip
        self._connection.execute(f"insert into raw_ops.incidents values ({', '.join('?' * len(row))})", row)

    def _refresh(self, seen: dict[str, Incident]) -> None:
        """One statement for all: a hundred incidents stay open for days, and each run meets them all."""
        names = ("severity", "headline", "detail", "on_call", "backup", "upstream", "downstream")
        rows = [{"incident_id": key, **{name: getattr(i, name) for name in names}} for key, i in seen.items()]
        kinds = ", ".join(f"{name} varchar" for name in ("incident_id", *names))
        self._connection.execute(
            "update raw_ops.incidents as i set last_seen_at = ?, severity = s.severity, headline = s.headline,"
            " detail = s.detail, on_call_role = s.on_call, backup_role = s.backup, upstream = s.upstream,"
            f" downstream = s.downstream from (select unnest(cast(? as struct({kinds})[]), max_depth := 2)) as s"
            " where i.incident_id = s.incident_id",
            [self._now, rows],
        )

    def pending(self, channel: str) -> list[Event]:
        """What a channel has still to be told, by owner and pipeline."""
        cursor = self._connection.execute(PENDING, [channel, channel])
        names = [column[0] for column in cursor.description or []]
        return [Event(dict(zip(names, row, strict=True))) for row in cursor.fetchall()]

    def begun(self, channel: str, events: Sequence[Event]) -> None:
        """Write down that these are being sent."""
        self._connection.begin()
        for event in events:
            where = [event.incident_id, channel, event.event]
            self._connection.execute(
                "delete from raw_ops.alert_deliveries where incident_id = ? and channel = ? and event = ?", where
            )
            self._connection.execute(
                "insert into raw_ops.alert_deliveries values (?, ?, ?, ?, ?, null, null)",
                [*where, event.attempts + 1, self._now],
            )
        self._connection.commit()

    def ended(self, channel: str, events: Sequence[Event], error: str | None, at: datetime) -> None:
        """Write down that these have arrived, or why not."""
        self._connection.begin()
        for event in events:
            self._connection.execute(
                "update raw_ops.alert_deliveries set delivered_at = ?, last_error = ?"
                " where incident_id = ? and channel = ? and event = ?",
                [None if error else at, error, event.incident_id, channel, event.event],
            )
        self._connection.commit()

    def open_incidents(self) -> list[dict[str, Any]]:
        """What is open, worst first."""
        cursor = self._connection.execute("select * from raw_ops.incidents where closed_at is null order by severity")
        names = [column[0] for column in cursor.description or []]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
