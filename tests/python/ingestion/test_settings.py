"""Settings are taken from where they belong, and what is missing is named."""

from __future__ import annotations

import os

import pytest

from ingestion.cli import main
from ingestion.errors import EXIT_USAGE, ConfigError, NotConfiguredError
from ingestion.sources import SOURCES, make_reader


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path):
    for name in list(os.environ):
        if name.startswith("SOURCES__"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("STRATA_WAREHOUSE", str(tmp_path / "x.duckdb"))


@pytest.mark.parametrize("source", [source for source in SOURCES if source != "dbt_artifacts"])
def test_the_shells_own_variables_are_never_taken(source: str, monkeypatch: pytest.MonkeyPatch):
    for name in ("USER", "PASSWORD", "TOKEN", "BASE_URL", "DIRECTORY", "CREDENTIALS", "HOST", "DATABASE", "TENANT"):
        monkeypatch.setenv(name, "of-the-shell")
    with pytest.raises(NotConfiguredError, match=f"SOURCES__{source.upper()}__"):
        make_reader(source)
    assert os.environ["TOKEN"] == "of-the-shell"


def test_a_half_configured_source_is_an_error_that_names_the_rest(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SOURCES__SAP__BASE_URL", "http://127.0.0.1:1")
    with pytest.raises(ConfigError, match="SOURCES__SAP__CLIENT_SECRET") as caught:
        make_reader("sap")
    assert not isinstance(caught.value, NotConfiguredError)


def test_loading_all_without_any_settings_says_so(capsys: pytest.CaptureFixture[str]):
    assert main(["load"]) == EXIT_USAGE
    said = capsys.readouterr().err
    assert "no source has settings" in said and "make run" in said


def test_a_source_that_is_named_and_has_no_settings_is_an_error(capsys: pytest.CaptureFixture[str]):
    assert main(["load", "crm"]) == EXIT_USAGE
    assert "SOURCES__CRM__DIRECTORY" in capsys.readouterr().err
