"""A plain HTTP client of the sandbox, for its tests."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from ingestion.sandbox import SandboxServer
from ingestion.sandbox.store import SERVICE_ROOT

REPOSITORY = Path(__file__).resolve().parents[3]
ORDERS = "API_PURCHASEORDER_PROCESS_SRV/A_PurchaseOrder"
TIMEOUT = 10


@dataclass
class Client:
    """Speaks to a sandbox the way a program does that knows nothing of its inside."""

    server: SandboxServer
    session: requests.Session

    def authorise(self) -> None:
        """Get a token and use it from now on."""
        answer = self.session.post(
            self.server.token_url,
            data={"grant_type": "client_credentials"},
            auth=(self.server.client_id, self.server.client_secret),
            timeout=TIMEOUT,
        )
        answer.raise_for_status()
        self.session.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def get(self, path: str, **options: Any) -> requests.Response:
        """GET below the service root; keywords are system query options without `$`."""
        url = path if path.startswith("http") else f"{self.server.base_url}{SERVICE_ROOT}/{path}"
        params = {f"${name}": value for name, value in options.items()}
        return self.session.get(url, params=params, timeout=TIMEOUT)

    def results(self, path: str, **options: Any) -> list[dict[str, Any]]:
        """The entities of one page."""
        answer = self.get(path, **options)
        assert answer.status_code == 200, answer.text
        return answer.json()["d"]["results"]

    def all(self, path: str, **options: Any) -> list[dict[str, Any]]:
        """The entities of all pages, following `__next`."""
        answer, found = self.get(path, **options), []
        while True:
            assert answer.status_code == 200, answer.text
            page = answer.json()["d"]
            found += page["results"]
            if "__next" not in page:
                return found
            answer = self.get(page["__next"])

    def metadata(self, service: str) -> ElementTree.Element:
        """The service's $metadata."""
        answer = self.get(f"{service}/$metadata")
        assert answer.status_code == 200, answer.text
        return ElementTree.fromstring(answer.content)  # noqa: S314 - our own server's answer
