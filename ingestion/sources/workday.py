"""Workday through custom reports enabled as web services (Report-as-a-Service, RaaS).

Reports: Workers (one entry for each worker and effective date), Travel_Expenses and Journal_Lines. What to ask the
Workday administrator for, and the columns of each report, stand in docs/sources/workday.md.

A report has no pages and no change stamps: it is one answer with everything as of a day, and the whole answer is
held in memory: 200,000 entries of 18 columns took 1.1 GB in all.
Entries whose content is as landed are not written again; a key that is gone is marked as deleted and logged as a
change with the day; a report that shrinks too much lands nothing.

How an entry becomes a record (`flatten`):

- a column without a value, whether left out, null or empty, is no value;
- an instance `{"Descriptor": d, ...}` or a list with one instance is its descriptor d, a list with one text is the
  text, an empty list is no value; several instances in one column stay as they are, and a column of the contract
  refuses them;
- of a date with an offset (`2026-09-30-07:00`) the day stands; flags "1" and "0" are true and false; whole numbers
  lose a decimal part of zeros.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import quote, urlencode

import dlt
import requests
from dlt.common.configuration import configspec
from dlt.common.configuration.specs import BaseConfiguration
from dlt.common.typing import TSecretStrValue
from dlt.sources.helpers.rest_client.auth import HttpBasicAuth

from ingestion.contract import Dataset, Field
from ingestion.errors import ConfigError, SourceError, StrataError
from ingestion.http import client, exact_number, unanswered
from ingestion.landing import Delivered, Landing
from ingestion.settings import resolve

REPORTS_PATH = "/ccx/service/customreport2"
BATCH = 5_000
DAY_WITH_OFFSET = re.compile(r"^(\d{4}-\d\d-\d\d)(Z|[+-]\d\d:\d\d)$")
WHOLE_WITH_ZEROS = re.compile(r"^([+-]?\d+)\.0+$")


@configspec
class WorkdayConfig(BaseConfiguration):
    """Settings under `sources.workday`, from .dlt/*.toml or SOURCES__WORKDAY__* in the environment."""

    base_url: str = None  # type: ignore[assignment]
    tenant: str = None  # type: ignore[assignment]
    user: str = None  # type: ignore[assignment]
    password: TSecretStrValue = None  # type: ignore[assignment]
    report_owner: str | None = None
    workers_report: str = "Workers"
    travel_expenses_report: str = "Travel_Expenses"
    journal_lines_report: str = "Journal_Lines"
    as_of_date: str | None = None
    as_of_parameter: str = "As_Of_Date"
    requests_per_minute: int = 60
    max_shrink_ratio: float = 0.2
    max_reject_ratio: float = 0.05
    max_attempts: int = 5
    timeout_seconds: float = 1800.0


class WorkdayReader:
    """Reads the Workday source; see `ingestion.runner.SourceReader` for what the runner asks of it."""

    name = "workday"

    def __init__(self, config: WorkdayConfig) -> None:
        self.max_reject_ratio = config.max_reject_ratio
        self.max_shrink_ratio = config.max_shrink_ratio
        self._as_of = _as_of(config.as_of_date)
        self._as_of_parameter = config.as_of_parameter
        self._owner_path = f"{config.tenant}/{config.report_owner or config.user}"
        self._root = config.base_url.rstrip("/") + REPORTS_PATH
        self._reports = {
            "workers": config.workers_report,
            "travel_expenses": config.travel_expenses_report,
            "journal_lines": config.journal_lines_report,
        }
        self._session = client(
            self.name,
            base_url=config.base_url,
            auth=HttpBasicAuth(config.user, str(config.password)),
            requests_per_minute=config.requests_per_minute,
            max_attempts=config.max_attempts,
            timeout_seconds=config.timeout_seconds,
        ).session

    @classmethod
    def from_config(cls) -> WorkdayReader:
        """A reader with its settings resolved the dlt way.

        Raises:
            ConfigError: a setting is missing or cannot be read; names it.
        """
        return cls(resolve(WorkdayConfig(), cls.name))

    def refused_fields(self, contracts: dict[str, Dataset]) -> tuple[dict[str, dict[str, str]], dict[str, list[str]]]:
        """Nothing: a report declares no types. Each value is checked, and a lost column is noticed after the read."""
        return {}, {}

    def resources(self, landing: Landing) -> list[Any]:
        """dlt resources, one for each report."""
        return [dlt.resource(self._read(landing, name), name=f"read_{name}") for name in self._reports]

    def _read(self, landing: Landing, name: str) -> Iterator[Any]:
        state, dataset = dlt.current.resource_state(), landing.contracts[name]
        self._check_day(state.get("as_of"), name)
        entries, ref = self._entries(name)
        delivered: set[str] = set()
        for begin in range(0, len(entries), BATCH):
            records = [flatten(entry, dataset) for entry in entries[begin : begin + BATCH]]
            delivered.update(field for record in records if isinstance(record, dict) for field in record)
            batch = [Delivered(record, f"{ref}#{begin + n}") for n, record in enumerate(records, start=1)]
            yield from landing.batch(name, batch)
        yield from landing.mark_vanished(name, f"{ref}: absent from the full report")
        self._note_lost_columns(landing, dataset, set(state.get("columns", [])) - delivered)
        if not entries:
            landing.notices.append(f"{name}: the report is empty; without data security a user sees an empty report")
        state["columns"] = sorted(delivered & dataset.by_source_field.keys())
        state["as_of"] = self._as_of.isoformat()
        yield from landing.finish(name, cursor_to=self._as_of.isoformat())

    def _entries(self, name: str) -> tuple[list[Any], str]:
        """The report's entries, and the request that delivered them."""
        report = self._reports[name]
        path = f"{self._owner_path}/{report}"
        query = {"format": "json"}
        if self._as_of_parameter:
            query[self._as_of_parameter] = f"{self._as_of.isoformat()}-00:00"
        subject, response = f"workday report {path}", None
        try:
            response = self._session.get(f"{self._root}/{quote(path)}", params=query)
            response.raise_for_status()
            content = response.json(parse_float=exact_number)
        except requests.RequestException as error:
            raise _failure(subject, error, error.response if response is None else response) from error
        entries = content.get("Report_Entry", None if content else []) if isinstance(content, dict) else None
        if not isinstance(entries, list):
            raise SourceError(
                "the answer has no Report_Entry list.",
                subject=subject,
                remedy="check that the report is of type Advanced and enabled as a web service, and that its "
                "Report_Entry was not renamed.",
            )
        return entries, f"customreport2/{path}?{urlencode(query)}"

    def _check_day(self, landed: str | None, name: str) -> None:
        if landed and self._as_of.isoformat() < landed:
            raise ConfigError(
                f"the report is asked for as of {self._as_of}, and {landed} has landed already: what came after "
                "would be taken for deleted.",
                subject=f"workday.{name}",
                remedy="remove SOURCES__WORKDAY__AS_OF_DATE or set it to that day or a later one.",
            )

    def _note_lost_columns(self, landing: Landing, dataset: Dataset, lost: set[str]) -> None:
        for source_field in sorted(lost & dataset.by_source_field.keys()):
            field = dataset.by_source_field[source_field]
            landing.note_change(dataset.name, field.name, "removed", field.physical_type, None)


def flatten(entry: Any, dataset: Dataset) -> Any:
    """An entry of a report as a flat record; see the module's docstring for the rules."""
    if not isinstance(entry, dict):
        return entry
    record = {}
    for name, value in entry.items():
        flat = _single(value)
        if flat is None or flat == "":
            continue
        field = dataset.by_source_field.get(name)
        record[name] = _written(flat, field) if field is not None and isinstance(flat, str) else flat
    return record


def _single(value: Any) -> Any:
    """The one value of an instance column; several stay as they are."""
    if isinstance(value, list):
        if not value:
            return None
        return _single(value[0]) if len(value) == 1 and not isinstance(value[0], list) else value
    if isinstance(value, dict) and isinstance(value.get("Descriptor"), str):
        return value["Descriptor"]
    return value


def _written(text: str, field: Field) -> Any:
    """A text in the form the contract's type is checked in."""
    if field.logical_type == "date" and (match := DAY_WITH_OFFSET.match(text)):
        return match[1]
    if field.logical_type == "integer" and (match := WHOLE_WITH_ZEROS.match(text)):
        return match[1]
    if field.logical_type == "boolean":
        return {"1": True, "0": False}.get(text, text)
    return text


def _as_of(text: str | None) -> date:
    if not text:
        return datetime.now(UTC).date()
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ConfigError(
            f"as_of_date is {text!r}.", subject="source workday", remedy="write a day as 2026-09-30."
        ) from None


def _failure(subject: str, error: requests.RequestException, response: requests.Response | None) -> StrataError:
    """What a failed request means, with the message of Workday's XML fault where there is one."""
    if response is None:
        return unanswered(subject, error)
    if response.status_code == 401:
        return ConfigError(
            "the user or the password was refused (HTTP 401).",
            subject=subject,
            remedy="check SOURCES__WORKDAY__USER (often user@tenant) and ..._PASSWORD with the administrator; the "
            "attempt is not repeated, so that the user is not locked.",
        )
    message = _fault_message(response)
    if response.status_code == 200:
        if message is None:
            return unanswered(subject, error)
        return SourceError(
            f"it answered in XML{': ' + message if message else ''}, not in JSON.",
            subject=subject,
            remedy="check that the report is enabled as a web service and that nothing strips format=json.",
        )
    remedy = {
        400: "compare the report's prompts with as_of_parameter (docs/sources/workday.md).",
        403: "have the security group of the integration system user permitted on the report's domains.",
        404: "check tenant, report_owner and the report's name (SOURCES__WORKDAY__..._REPORT); the report has to be "
        "enabled as a web service and shared with the user.",
        429: "lower requests_per_minute, or load at another hour.",
        500: "run the report in Workday as the integration system user: it fails there, too, or runs out of time.",
    }.get(response.status_code, "try again later; nothing of this run was landed.")
    return SourceError(
        f"HTTP {response.status_code}: {message or response.text[:200]!r}.", subject=subject, remedy=remedy
    )


def _fault_message(response: requests.Response) -> str | None:
    """The text of an XML fault; empty for XML without one, None for no XML."""
    if response.content.lstrip()[:5].lower() != b"<?xml":
        return None
    try:
        # It comes from the system the credentials are for; expat limits entity expansion.
        root = ElementTree.fromstring(response.content)  # noqa: S314
    except ElementTree.ParseError:
        return ""
    texts = (node.text for node in root.iter() if node.tag.rpartition("}")[2].lower() in ("message", "faultstring"))
    return " ".join(filter(None, texts))[:300]
