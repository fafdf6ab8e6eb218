"""What readers of paged REST platforms share: settings, the service, and a read from the last cursor to the next.

Without postponed annotations: dlt looks the types of inherited settings up in the module of the heir.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, ClassVar, Self

import dlt
from dlt.common.configuration import configspec
from dlt.common.configuration.specs import BaseConfiguration
from dlt.common.typing import TSecretStrValue
from dlt.sources.helpers.rest_client.auth import BearerTokenAuth

from ingestion.contract import Dataset
from ingestion.http import client
from ingestion.landing import Landing
from ingestion.rest_pages import Delivery, Judged, Service
from ingestion.settings import resolve


@configspec
class PlatformConfig(BaseConfiguration):
    """Settings under `sources.<source>`; docs/sources/ says what they mean."""

    base_url: str = None  # type: ignore[assignment]
    token: TSecretStrValue = None  # type: ignore[assignment]
    requests_per_minute: int = 0
    page_size: int = 100
    lookback_hours: int = 24
    max_shrink_ratio: float = 0.2
    max_reject_ratio: float = 0.05
    max_attempts: int = 8
    max_backoff_seconds: float = 60.0
    timeout_seconds: float = 30.0


class PlatformReader(ABC):
    """Reads a platform's collections; see `ingestion.runner.SourceReader` for what the runner asks of it."""

    name: ClassVar[str]
    api_path: ClassVar[str]
    config_class: ClassVar[type[PlatformConfig]] = PlatformConfig

    def __init__(self, config: PlatformConfig) -> None:
        self.max_reject_ratio = config.max_reject_ratio
        self.max_shrink_ratio = config.max_shrink_ratio
        self._lookback = timedelta(hours=config.lookback_hours)
        self._page_size = config.page_size
        self.service = Service(
            self.name,
            config.base_url.rstrip("/") + self.api_path,
            client(
                self.name,
                base_url=config.base_url,
                auth=BearerTokenAuth(config.token),
                requests_per_minute=config.requests_per_minute,
                max_attempts=1,  # the service repeats
                timeout_seconds=config.timeout_seconds,
            ),
            max_attempts=config.max_attempts,
            max_backoff_seconds=config.max_backoff_seconds,
            timeout_seconds=config.timeout_seconds,
        )

    @classmethod
    def from_config(cls) -> Self:
        """A reader with its settings resolved the dlt way.

        Raises:
            ConfigError: a setting is missing; names it.
        """
        return cls(resolve(cls.config_class(), cls.name))

    def refused_fields(self, contracts: dict[str, Dataset]) -> tuple[dict[str, dict[str, str]], dict[str, list[str]]]:
        """The service declares no types: each record shows its own."""
        return {}, {}

    def resources(self, landing: Landing) -> list[Any]:
        """One dlt resource for each dataset."""
        return [dlt.resource(self._read(landing, name), name=f"read_{name}") for name in landing.contracts]

    def _read(self, landing: Landing, name: str) -> Iterator[Any]:
        # The cursor is kept in the resource's state, which travels in the same load package as the rows: a run that
        # fails or is killed leaves both as they were, or both new.
        state = dlt.current.resource_state()
        cursor = state.get("cursor")
        start = datetime.fromisoformat(cursor) - self._lookback if cursor else None
        delivery = Delivery(landing, name)
        for page in self._pages(name, start, delivery):
            yield from delivery.land(page)
        yield from self._after_pages(landing, name, start, delivery)
        state["cursor"] = delivery.cursor(cursor)
        if again := self.service.repeated(name):
            landing.notices.append(f"{name}: {again}")
        yield from landing.finish(name, start and start.isoformat(), state["cursor"])

    @abstractmethod
    def _pages(self, name: str, start: datetime | None, delivery: Delivery) -> Iterator[list[Judged]]:
        """Pages of one whole read of what changed since `start`, each record judged."""

    def _after_pages(self, landing: Landing, name: str, start: datetime | None, delivery: Delivery) -> Iterator[Any]:
        """What else is to be landed once all pages came."""
        yield from ()
