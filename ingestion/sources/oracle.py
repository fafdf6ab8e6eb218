"""Oracle Fusion Cloud financials and procurement through its REST resources.

Resources: invoices with invoiceLines, purchaseRequisitions with lines, journalHeaders with journalLines, and
generalLedgerAccounts. What to ask the Oracle administrator for stands in docs/sources/oracle.md.

Documents are read by LastUpdateDate, in its order, from a look-back before the newest value seen, because a change
can be committed after a later one. While the read goes on, documents change and move to the end of that order;
`ingestion.fusion.FusionPaginator` says why none is lost by that. One that was already read and comes again changed
is left to the next load, whose start stays before its stamp: the lines of a document are replaced as a set, and two
sets of one document must not meet in one load. Accounts have no reliable trace of deletions and are read in full.

Cancelled documents are documents with a flag and a stamp like any other change. A document whose last line was
removed keeps its lines, marked as deleted. Documents that Oracle deletes outright leave no trace and stay.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import dlt
from dlt.common.configuration import configspec
from dlt.common.configuration.specs import BaseConfiguration
from dlt.common.typing import TSecretStrValue
from dlt.sources.helpers.rest_client.auth import BearerTokenAuth, HttpBasicAuth

from ingestion.checks import Reason
from ingestion.contract import Dataset
from ingestion.errors import ConfigError, SourceError
from ingestion.fusion import FusionService, Page, misfits, parsed
from ingestion.http import client
from ingestion.landing import Delivered, Landing
from ingestion.settings import resolve

RESOURCES_PATH = "/fscmRestApi/resources/11.13.18.05"
STAMP = "LastUpdateDate"
ACCOUNTS, ACCOUNTS_RESOURCE = "gl_accounts", "generalLedgerAccounts"
AUDIT_FIELDS = ("CreationDate", STAMP)
MAX_KEY = 2**63


@dataclass(frozen=True)
class Document:
    """A resource with one child collection, and the datasets its parts land in.

    `headers` is None where only the lines land; they carry the header's fields then.
    """

    resource: str
    child: str
    key: str
    line_key: str
    headers: str | None
    lines: str


DOCUMENTS = (
    Document("invoices", "invoiceLines", "InvoiceId", "LineNumber", "ap_invoices", "ap_invoice_lines"),
    Document("journalHeaders", "journalLines", "JeHeaderId", "JeLineNumber", None, "gl_journal_lines"),
    Document("purchaseRequisitions", "lines", "RequisitionHeaderId", "LineNumber", "requisitions", "requisition_lines"),
)


@configspec
class OracleConfig(BaseConfiguration):
    """Settings under `sources.oracle`, from .dlt/*.toml or SOURCES__ORACLE__* in the environment."""

    base_url: str = None  # type: ignore[assignment]
    user: str | None = None
    password: TSecretStrValue | None = None
    token: TSecretStrValue | None = None
    skip_resources: str = ""
    requests_per_minute: int = 300
    page_size: int = 500
    lookback_hours: int = 72
    max_shrink_ratio: float = 0.2
    max_reject_ratio: float = 0.05
    max_attempts: int = 8
    timeout_seconds: float = 120.0


class OracleReader:
    """Reads the Oracle source; see `ingestion.runner.SourceReader` for what the runner asks of it."""

    name = "oracle"

    def __init__(self, config: OracleConfig) -> None:
        self.max_reject_ratio = config.max_reject_ratio
        self.max_shrink_ratio = config.max_shrink_ratio
        self._lookback = timedelta(hours=config.lookback_hours)
        self._undescribed: list[str] = []
        self._skipped = _skipped(config.skip_resources)
        session = client(
            self.name,
            base_url=config.base_url,
            auth=_auth(config),
            requests_per_minute=config.requests_per_minute,
            max_attempts=config.max_attempts,
            timeout_seconds=config.timeout_seconds,
        ).session
        self._fusion = FusionService(self.name, config.base_url.rstrip("/") + RESOURCES_PATH, session, config.page_size)

    @classmethod
    def from_config(cls) -> OracleReader:
        """A reader with its settings resolved the dlt way.

        Raises:
            ConfigError: a setting is missing or cannot work; names it.
        """
        return cls(resolve(OracleConfig(), cls.name))

    def refused_fields(self, contracts: dict[str, Dataset]) -> tuple[dict[str, dict[str, str]], dict[str, list[str]]]:
        """Compare each contract with the resources' describe: fields of changed type, and fields that are gone.

        A resource whose describe the user may not read is not compared; each record is checked all the same.

        Raises:
            SourceError: a required field is gone, so that no record could be good.
        """
        refused: dict[str, dict[str, str]] = {}
        removed: dict[str, list[str]] = {}
        described: dict[str, dict[str, Any] | None] = {}
        for name, dataset in contracts.items():
            resource = _resource_of(name)
            if resource in self._skipped:
                continue
            if resource not in described:
                described[resource] = self._fusion.declared(resource)
                if described[resource] is None:
                    self._undescribed.append(resource)
            if (node := described[resource]) is None:
                continue
            refused[name], removed[name] = misfits(dataset, _declared_types(name, node))
            lost = [field for field in removed[name] if dataset.by_source_field[field].required]
            if lost:
                raise SourceError(
                    f"{resource} no longer declares {', '.join(lost)}, which the contract requires.",
                    subject=f"oracle.{name}",
                    remedy=f"ask the Oracle administrator, or change {dataset.path.name} if the change is agreed.",
                )
        return refused, removed

    def resources(self, landing: Landing) -> list[Any]:
        """dlt resources, one for each request series."""
        landing.notices += [
            f"{resource}: describe may not be read, types are checked record by record only"
            for resource in self._undescribed
        ]
        documents = [spec for spec in DOCUMENTS if spec.resource not in self._skipped]
        accounts = [] if ACCOUNTS_RESOURCE in self._skipped else [self._read_accounts(landing)]
        return [
            *(dlt.resource(read, name="read_gl_accounts") for read in accounts),
            *(dlt.resource(self._read_documents(landing, spec), name=f"read_{spec.resource}") for spec in documents),
        ]

    def _read_accounts(self, landing: Landing) -> Iterator[Any]:
        for page in self._fusion.records(ACCOUNTS_RESOURCE, "Account", order=("Account",)):
            yield from landing.batch(ACCOUNTS, page.records)
        yield from landing.mark_vanished(ACCOUNTS, f"{ACCOUNTS_RESOURCE}: absent from the full read")
        yield from landing.finish(ACCOUNTS)

    def _read_documents(self, landing: Landing, spec: Document) -> Iterator[Any]:
        # dlt's incremental follows the rows of one table; here one request feeds two and the dead letters,
        # so the cursor is kept in the resource's state, which travels in the same load package.
        state = dlt.current.resource_state()
        cursor = state.get("cursor")
        start = datetime.fromisoformat(cursor) - self._lookback if cursor else None
        newest, passed = cursor and datetime.fromisoformat(cursor), []
        for page in self._fusion.records(
            spec.resource,
            spec.key,
            order=(STAMP, spec.key),
            stamp=STAMP,
            since=start and start.isoformat(timespec="milliseconds"),
            expand=spec.child,
        ):
            yield from self._document_page(landing, spec, page)
            newest = max(filter(None, [newest, *_stamps(page)]), default=None)
            passed += filter(None, map(parsed, page.changed))
        # A stamp in the future would hide all later changes, and one of a version left out would hide that version.
        limits = [datetime.now(UTC), *passed]
        state["cursor"] = min([newest, *limits]).isoformat() if newest else None
        for name in filter(None, (spec.headers, spec.lines)):
            yield from landing.finish(name, start and start.isoformat(), state["cursor"])

    def _document_page(self, landing: Landing, spec: Document, page: Page) -> Iterator[Any]:
        lines: list[Delivered] = []
        for item in page.records:
            if not isinstance(item.record, dict):
                if spec.headers is None:
                    lines.append(item)  # refused there; with headers they refuse it
                continue
            found = self._children(spec, item.record)
            if found is None:
                reason = Reason("UNREADABLE_RECORD", spec.child, "the document's lines or its number are missing")
                yield from landing.reject(spec.lines, item, reason)
            elif not found:
                # No line is left that would replace the landed ones.
                dataset = landing.contracts[spec.lines]
                equal = {dataset.replaces_by or dataset.keys[0]: item.record[spec.key]}
                yield from landing.mark_deleted(spec.lines, equal, item.ref)
            else:
                fitting, rest = _document_lines(spec, item, found)
                for line, reason in rest:
                    yield from landing.reject(spec.lines, line, reason)
                lines += fitting
        if spec.headers:
            headers = [Delivered(_without(item.record, spec.child), item.ref) for item in page.records]
            yield from landing.batch(spec.headers, headers)
        yield from landing.batch(spec.lines, lines)

    def _children(self, spec: Document, document: dict[str, Any]) -> list[Any] | None:
        key = document.get(spec.key)
        if not (isinstance(key, int) and 0 <= key < MAX_KEY):
            return None
        return self._fusion.children(spec.resource, spec.key, document, spec.child, spec.line_key)


def _auth(config: OracleConfig) -> Any:
    if config.page_size < 2:
        raise ConfigError(f"page_size is {config.page_size}.", subject="source oracle", remedy="use 2 to 500.")
    if config.token:
        return BearerTokenAuth(token=str(config.token))
    absent = [name for name, value in (("USER", config.user), ("PASSWORD", config.password)) if not value]
    if absent:
        raise _missing(*absent)
    return HttpBasicAuth(config.user, str(config.password))


def _skipped(text: str) -> set[str]:
    names = {name.strip() for name in text.split(",") if name.strip()}
    known = [ACCOUNTS_RESOURCE, *(spec.resource for spec in DOCUMENTS)]
    if unknown := names - set(known):
        raise ConfigError(
            f"skip_resources names {', '.join(sorted(unknown))}.",
            subject="source oracle",
            remedy=f"use any of {', '.join(known)}, separated by commas.",
        )
    return names


def _missing(*names: str) -> ConfigError:
    return ConfigError(
        f"no value for {', '.join(f'SOURCES__ORACLE__{name}' for name in names)}.",
        subject="source oracle",
        remedy="set it in the environment or .dlt/secrets.toml (docs/sources/oracle.md); or use `make run`.",
    )


def _resource_of(dataset: str) -> str:
    if dataset == ACCOUNTS:
        return ACCOUNTS_RESOURCE
    return next(spec.resource for spec in DOCUMENTS if dataset in (spec.headers, spec.lines))


def _declared_types(dataset: str, node: dict[str, Any]) -> dict[str, str]:
    """Attribute to type for a dataset: of the resource, or of its child with what it carries of the header."""
    own = _attributes(node)
    spec = next((spec for spec in DOCUMENTS if spec.lines == dataset), None)
    if spec is None:
        return own
    carried = own if spec.headers is None else {name: kind for name, kind in own.items() if name == spec.key}
    return carried | _attributes((node.get("children") or {}).get(spec.child) or {})


def _attributes(node: dict[str, Any]) -> dict[str, str]:
    return {item["name"]: str(item.get("type")).lower() for item in node.get("attributes") or [] if item.get("name")}


def _document_lines(
    spec: Document, document: Delivered, found: list[Any]
) -> tuple[list[Delivered], list[tuple[Delivered, Reason]]]:
    """The lines of a document as they land, and those that cannot: of another document, or a number twice."""
    fitting: list[Delivered] = []
    rest: list[tuple[Delivered, Reason]] = []
    numbers: set[Any] = set()
    for position, line in enumerate(found, start=1):
        item = Delivered(_line(spec, document.record, line), f"{document.ref}/{spec.child}/{position}")
        number = line.get(spec.line_key) if isinstance(line, dict) else None
        parent = line.get(spec.key, document.record[spec.key]) if isinstance(line, dict) else None
        if isinstance(line, dict) and parent != document.record[spec.key]:
            detail = f"the line says {parent} and stands in document {document.record[spec.key]}"
            rest.append((item, Reason("PARENT_MISMATCH", spec.key, detail)))
        elif isinstance(number, int | str) and number in numbers:
            detail = f"line {number} came twice in document {document.record[spec.key]}"
            rest.append((item, Reason("DUPLICATE_KEY", spec.line_key, detail)))
        else:
            numbers.add(number if isinstance(number, int | str) else None)
            fitting.append(item)
    return fitting, rest


def _line(spec: Document, document: dict[str, Any], line: Any) -> Any:
    """The line with its document's key; where no header lands, with the header's fields and its change stamps.

    The header's description is left out: it is not the line's.
    """
    if not isinstance(line, dict):
        return line
    own = _without(line, "links")
    if spec.headers:
        return {spec.key: document[spec.key], **own}
    header = {name: value for name, value in document.items() if name not in (spec.child, "links", "Description")}
    return {**header, **own, **{name: document.get(name) for name in AUDIT_FIELDS}}


def _without(record: Any, child: str) -> Any:
    if not isinstance(record, dict):
        return record
    return {name: value for name, value in record.items() if name not in (child, "links")}


def _stamps(page: Page) -> list[datetime | None]:
    return [parsed(item.record.get(STAMP)) for item in page.records if isinstance(item.record, dict)]
