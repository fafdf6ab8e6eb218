"""Where the packages under test come from: the stand-ins always, the real ones wherever they can be had."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tools import deps

REMEDY = "set DBT_PACKAGES_GIT to a git mirror, or run `make deps` where the dbt hub is reachable (docs/packages.md)"


@pytest.fixture(scope="session")
def stand_ins() -> Path:
    return deps.ROOT / "offline_packages"


@pytest.fixture(scope="session")
def real_packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Directory with the real packages at their locked versions; skips, with the remedy, where there are none."""
    marker = deps.installed()
    if marker and marker["route"] in ("hub", "git"):
        return deps.ROOT / "dbt_packages"
    if not os.environ.get("DBT_PACKAGES_GIT"):
        pytest.skip(f"NOT COMPARED with the real dbt packages, which are not to be had here: {REMEDY}")
    destination = tmp_path_factory.mktemp("real_packages")
    deps.install_git(deps.ROOT, deps.locked_packages(deps.ROOT), destination)
    return destination


@pytest.fixture(scope="session", params=["stand-in", "real"])
def packages(request: pytest.FixtureRequest) -> Path:
    """The same test once on each."""
    return request.getfixturevalue("stand_ins" if request.param == "stand-in" else "real_packages")
