"""`make contracts` finds a contract that breaks the standard, and changes that break consumers."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from ingestion.contract import CONTRACTS_DIR
from tools import contracts

NAME = "contracts/sap/plants.odcs.yaml"


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one contract, released as v1.0.0."""
    target = tmp_path / NAME
    target.parent.mkdir(parents=True)
    target.write_text((CONTRACTS_DIR / "sap" / "plants.odcs.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    author = ("-c", "user.name=ci", "-c", "user.email=ci@example.com")
    for command in (("init", "-q"), ("add", "."), (*author, "commit", "-qm", "release"), ("tag", "v1.0.0")):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    monkeypatch.setattr(contracts, "ROOT", tmp_path)
    monkeypatch.setattr(contracts, "CONTRACTS_DIR", tmp_path / "contracts")
    return tmp_path


def change(repository: Path, old: str, new: str) -> None:
    path = repository / NAME
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_a_contract_that_breaks_the_standard_is_named(repository: Path, capsys: pytest.CaptureFixture[str]):
    assert contracts.lint() == 0
    change(repository, "kind: DataContract", "kind: Something")
    assert contracts.lint() == 1
    assert NAME in capsys.readouterr().out


def test_a_breaking_change_needs_a_new_major_version(repository: Path, capsys: pytest.CaptureFixture[str]):
    assert contracts.last_release() == "v1.0.0"
    assert contracts.compare("v1.0.0") == 0
    change(repository, "physicalType: varchar", "physicalType: bigint")
    assert contracts.compare("v1.0.0") == 1
    assert "from 'varchar' to 'bigint'" in capsys.readouterr().out
    change(repository, "version: 1.0.0", "version: 2.0.0")
    assert contracts.compare("v1.0.0") == 0


def test_a_contract_that_is_gone_is_a_breaking_change(repository: Path, capsys: pytest.CaptureFixture[str]):
    (repository / NAME).unlink()
    assert contracts.compare("v1.0.0") == 1
    assert "the contract is gone" in capsys.readouterr().out


def test_a_new_description_breaks_nothing(repository: Path):
    change(repository, "description: Plant", "description: The plant")
    assert contracts.compare("v1.0.0") == 0
