"""The measure of the quarantine notices what it is there to notice."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest

from benchmarks import quarantine_coverage
from benchmarks.process import BenchError

LOG = [
    ("clients", {"client_id": "A"}, "LEI_CHECK_DIGITS_WRONG", "quarantined"),
    ("clients", {"client_id": "B"}, "CLIENT_COUNTRY_UNKNOWN", "quarantined"),
    ("payments", {"payment_id": "P1"}, "PAYMENT_REPEATED", "quarantined"),
    ("payments", {"payment_id": "P2"}, "OUT_OF_RANGE:amount", "rejected"),
    ("bank_relationships", {"relationship_id": "R9"}, "PATTERN_MISMATCH:bank_bic", "rejected"),
    ("journal_lines", {"journal_id": "J1", "line": "2"}, "OUT_OF_RANGE:debit", "rejected"),
]
GOOD = [("A", "LEI_CHECK_DIGITS_WRONG"), ("B", "CLIENT_COUNTRY_UNKNOWN LEI_USED_TWICE"), ("P1", "PAYMENT_REPEATED")]


def build(directory: Path, rows: list[tuple[str, str]]) -> list[str]:
    """A warehouse with these keys and codes in quarantine; returns the arguments of the command."""
    warehouse, log, manifest = (directory / name for name in ("w.duckdb", "planted.jsonl", "manifest.json"))
    log.write_text(
        "".join(
            json.dumps({"source": "emerald", "dataset": dataset, "key": key, "fault": "bad",
                        "expected_reason_code": code, "expected_outcome": outcome}) + "\n"
            for dataset, key, code, outcome in LOG
        )
    )  # fmt: skip
    nodes = {
        f"model.strata.{name}": {
            "name": name, "resource_type": "model", "schema": "q", "alias": name,
            "fqn": ["strata", "intermediate", "clients"],
        }
        for name in ("quarantine_all", "quarantine_rules", "stg_clients")
    }  # fmt: skip
    manifest.write_text(json.dumps({"nodes": nodes}))
    warehouse.unlink(missing_ok=True)
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("create schema q; create schema raw_emerald")
        connection.execute("create table q.quarantine_rules (reason_code varchar)")
        connection.execute(
            "create table q.quarantine_all (quarantine_key varchar, reason_codes varchar, row_hash varchar, "
            "source_ref varchar, relationship_id varchar)"
        )
        for dataset, key in (("clients", "client_id"), ("payments", "payment_id")):
            connection.execute(
                f"create table raw_emerald.{dataset} as select unnest(['A', 'B', 'P1', 'C']) as {key}, "
                f"'hash ' || {key} as _row_hash, 'ref' as _source_ref"
            )
        for key, codes in rows:
            connection.execute(
                "insert into q.quarantine_all values (?, ?, 'hash ' || ?, 'ref', ?)", [key, codes, key, key]
            )
    return ["--warehouse", str(warehouse), "--log", str(log), "--manifest", str(manifest)]


@pytest.fixture(autouse=True)
def _few_kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quarantine_coverage, "WANTED_KINDS", 3)


@pytest.mark.parametrize(
    ("rows", "code", "words"),
    [
        (GOOD, 0, "100.0% of 3 rows of 3 kinds, 0 false alarms"),
        ([*GOOD, ("R9", "BALANCE_WITHOUT_RELATIONSHIP")], 0, "follow a planted fault: 1 rows of quarantine_all"),
        ([*GOOD, ("J1", "JOURNAL_UNBALANCED")], 0, "follow a planted fault: 1 rows of quarantine_all"),
        ([*GOOD, ("J1", "PAYMENT_REPEATED")], 1, "false alarm: quarantine_all J1"),
        ([*GOOD, ("J2", "JOURNAL_UNBALANCED")], 1, "false alarm: quarantine_all J2"),
        (GOOD[1:], 1, "66.7% of 3 rows"),
        ([("A", "LEI_USED_TWICE"), *GOOD[1:]], 1, "66.7% of 3 rows"),
        ([*GOOD, ("C", "PAYMENT_REPEATED")], 1, "false alarm: quarantine_all C (PAYMENT_REPEATED)"),
    ],
    ids=[
        "all caught",
        "a row that waits",
        "a torn document",
        "another code in it",
        "another document",
        "missed",
        "wrong code",
        "false alarm",
    ],
)
def test_the_measure_notices(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], rows: list[tuple[str, str]], code: int, words: str
) -> None:
    assert quarantine_coverage.main(build(tmp_path, rows)) == code
    assert words in capsys.readouterr().out


def test_verdicts_by_kind(tmp_path: Path) -> None:
    arguments = build(tmp_path, [("A", "LEI_USED_TWICE"), GOOD[1]])
    found = quarantine_coverage.measure_warehouse(*map(Path, arguments[1::2]))
    assert {kind.code: dict(kind.counts) for kind in found.kinds} == {
        "LEI_CHECK_DIGITS_WRONG": {"other code": 1},
        "CLIENT_COUNTRY_UNKNOWN": {"caught": 1},
        "PAYMENT_REPEATED": {"missed": 1},
    }
    assert {kind.pipeline for kind in found.kinds} == {"clients", "emerald"}


def test_a_fault_that_never_landed_is_not_caught(tmp_path: Path) -> None:
    arguments = build(tmp_path, GOOD)
    with duckdb.connect(arguments[1]) as connection:
        connection.execute("delete from raw_emerald.payments where payment_id = 'P1'")
    found = quarantine_coverage.measure_warehouse(*map(Path, arguments[1::2]))
    assert [dict(kind.counts) for kind in found.kinds if kind.code == "PAYMENT_REPEATED"] == [{"not landed": 1}]
    assert not found.meets_target


def test_too_few_kinds_miss_the_target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quarantine_coverage, "WANTED_KINDS", 4)
    assert quarantine_coverage.main(build(tmp_path, GOOD)) == 1


def test_a_model_that_is_not_built_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = build(tmp_path, GOOD)
    with duckdb.connect(arguments[1]) as connection:
        connection.execute("drop table q.quarantine_all")
    with pytest.raises(BenchError):
        quarantine_coverage.measure_warehouse(*map(Path, arguments[1::2]))
    assert quarantine_coverage.main(arguments) == 1
    assert "remedy: dbt build -s +quarantine_all" in capsys.readouterr().err
