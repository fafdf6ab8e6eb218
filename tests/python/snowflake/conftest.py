"""Two emulators for the whole session: one as the job uses it, one without the repairs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tools.snowflake.client import Emulator, running_emulator
from tools.snowflake.repairs import REPAIRS

# Stays in both: without it the connector would wait for its time limit at every statement that is meant to fail.
KEPT_REPAIR = "statement_errors"


@pytest.fixture(scope="session")
def emulator() -> Iterator[Emulator]:
    """The emulator with every repair."""
    with running_emulator() as running:
        yield running


@pytest.fixture(scope="session")
def unrepaired() -> Iterator[Emulator]:
    """fakesnow as released, but for the errors' form."""
    without = [repair.name for repair in REPAIRS if repair.name != KEPT_REPAIR]
    with running_emulator(without=without) as running:
        yield running
