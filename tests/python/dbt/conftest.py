from __future__ import annotations

from pathlib import Path

import pytest
from harness import Warehouse


@pytest.fixture(scope="session")
def dbt_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Shared by all tests, so that dbt parses the project once."""
    return tmp_path_factory.mktemp("dbt")


@pytest.fixture
def warehouse(dbt_directory: Path) -> Warehouse:
    """An empty warehouse."""
    return Warehouse(dbt_directory)
