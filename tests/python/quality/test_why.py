"""`python -m ingestion why`: of causes planted through real dbt runs and landings, the true one comes first."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from quality.shop_story import CHAPTERS, Shop, play

from ingestion.cli import main
from ingestion.errors import EXIT_OK, EXIT_USAGE
from ingestion.why.command import explain

# What was planted, what a person would ask about, where the cause is, and who has to act.
PLANTED = {
    "code_change": ("amounts_are_plausible", "int_orders", "sales-analytics"),
    "upstream_failure": ("rpt_orders", "int_orders", "sales-analytics"),
    "schema_change": ("fct_orders", "atom.orders", "sales-data"),
    "landing_rejects": ("sign_ups_came", "crm.sign_ups", "growth-data"),
    "file_refused": ("sign_ups_came", "crm.sign_ups", "growth-data"),
    "late_source": ("orders_came", "atom.orders", "sales-data"),
    "load_failed": ("orders_came", "atom.orders", "sales-data"),
    "reference_data_change": ("amounts_have_a_rate", "rates", "data-platform"),
    "volume_change": ("orders_came", "atom.orders", "sales-data"),
    "mass_deletion": ("customers_are_known", "atom.customers", "sales-data"),
    "not_rebuilt": ("orders_are_complete", "int_orders", "sales-analytics"),
    "version_change": ("fct_orders", "warehouse", "data-platform"),
    "upstream_test": ("rpt_orders", "stg_orders", "data-platform"),
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """The story, played once."""
    root: Path = tmp_path_factory.mktemp("why")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STRATA_WAREHOUSE", str(root / "warehouse" / "shop.duckdb"))
        patch.setenv("DBT_TARGET_PATH", str(root / "target"))
        patch.setenv("DBT_LOG_PATH", str(root / "logs"))
        patch.setenv("SOURCES__CRM__DIRECTORY", str(root / "crm"))
        patch.setenv("SOURCES__CRM__MAX_REJECT_RATIO", "1")
        patch.delenv("SOURCES__DBT_ARTIFACTS__ARTIFACTS_PATH", raising=False)
        yield play(root)


def test_every_planted_cause_is_asked_about():
    assert [chapter.__name__ for chapter in CHAPTERS] == list(PLANTED)


@pytest.mark.parametrize("kind", PLANTED)
def test_the_planted_cause_comes_first(shop: Shop, kind: str):
    node, where, team = PLANTED[kind]
    question, causes = explain(node, at=shop.asked[kind].isoformat())
    told = "\n".join(f"{cause.score} {cause.kind} {cause.where}: {cause.what} {cause.evidence}" for cause in causes)
    assert question.bad is not None
    assert (causes[0].kind, causes[0].where, causes[0].actor.team) == (kind, where, team), told
    assert (
        all(causes[0].evidence) and causes[0].next_step and (Path(__file__).parents[3] / causes[0].actor.page).exists()
    )


def test_a_skipped_model_is_led_to_what_failed(shop: Shop, capsys: pytest.CaptureFixture[str]):
    at = shop.asked["schema_change"].isoformat()
    assert main(["why", "fct_orders", "--at", at, "--json", "--limit", "1"]) == EXIT_OK
    told = json.loads(capsys.readouterr().out)
    assert (told["node"], told["went_wrong_in"]) == ("model.shop.fct_orders", "model.shop.stg_orders")
    (cause,) = told["causes"]
    assert cause["owner"] == "sales-data" and cause["runbook"] == "docs/sources/atom.md" and cause["on_call"]
    assert main(["why", "fct_orders", "--at", at, "--limit", "1"]) == EXIT_OK
    shown = capsys.readouterr().out
    assert "1. column currency of atom.orders was removed" in shown and "less likely" in shown
    assert "docs/sources/atom.md" in shown


def test_a_landed_table_is_asked_about_by_source_and_name(shop: Shop):
    question, causes = explain("atom.orders", at=shop.asked["late_source"].isoformat())
    assert (question.bad.status, causes[0].kind, causes[0].where) == ("error", "late_source", "atom.orders")


def test_nothing_later_than_the_moment_is_seen(shop: Shop):
    question, causes = explain("amounts_are_plausible", at=shop.asked["mass_deletion"].isoformat())
    assert question.bad is None, "it was mended long before"
    assert all(cause.at is None or cause.at <= shop.asked["mass_deletion"] for cause in causes)


@pytest.mark.parametrize("arguments", [["nobody_knows_me"], ["fct_orders", "--at", "yesterday"]])
def test_a_wrong_question_is_told_with_a_remedy(shop: Shop, arguments: list[str], capsys: pytest.CaptureFixture[str]):
    assert main(["why", *arguments]) == EXIT_USAGE
    assert "remedy" in capsys.readouterr().err
