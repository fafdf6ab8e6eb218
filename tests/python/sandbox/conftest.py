"""A small synthetic company, a server over it, and a plain HTTP client."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from sandbox_client import REPOSITORY, Client

from ingestion.sandbox import SandboxServer, Tables, read_extract
from ingestion.sandbox.company import write_company


@pytest.fixture(scope="session")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Directory of a company of about 150 orders; do not change it."""
    directory = tmp_path_factory.mktemp("company")
    write_company(directory, seed=7, scale=0.05)
    return directory


@pytest.fixture
def tables(company: Path) -> Tables:
    """The small company's tables, to change at will."""
    return read_extract(company)


@pytest.fixture(scope="session")
def planted(company: Path) -> list[dict[str, Any]]:
    """What planted_faults.jsonl says."""
    return [json.loads(line) for line in (company / "planted_faults.jsonl").read_text().splitlines()]


@pytest.fixture
def connect() -> Iterator[Callable[..., Client]]:
    """Starts a server with the given data and options, and returns an authorised client of it."""
    started: list[Client] = []

    def start(data: Tables | Path, *, authorised: bool = True, **options: Any) -> Client:
        server = SandboxServer(data, **options)
        server.start()
        client = Client(server, requests.Session())
        started.append(client)
        if authorised:
            client.authorise()
        return client

    yield start
    for client in started:
        client.session.close()
        client.server.stop()


@pytest.fixture(scope="module")
def reader(company: Path) -> Iterator[Client]:
    """An authorised client of the unchanged small company."""
    with SandboxServer(company, page_size=40) as server, requests.Session() as session:
        client = Client(server, session)
        client.authorise()
        yield client


@pytest.fixture
def real_extract() -> Path:
    """The real purchasing extract, which is not part of the repository."""
    directory = Path(os.environ.get("SAP_DATA") or REPOSITORY.parent / "shared" / "data" / "erp_sap_po")
    if not directory.is_dir():
        pytest.skip(f"no extract at {directory}; set SAP_DATA to a directory with one")
    return directory
