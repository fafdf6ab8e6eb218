"""Files that come new, late, corrected, repeated or broken: what lands, what is kept, what is said."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from ingestion.cli import main
from ingestion.errors import EXIT_OK, EXIT_REJECTS

HEADER = (
    "SignUpId;SignedUpAt;Company;Email;Country;Tenant;Channel;Campaign;Status;ActivatedAt;ClientId;AcquisitionCost;"
    "Currency;Comment"
)


def line(key: str, cost: str = "12,50", company: str = "Synthetic Client") -> str:
    return f"{key};30.09.2026 12:00:01;{company};a@example.com;GB;north;organic;;new;;;{cost};EUR;"


def write(path: Path, *lines: str, encoding: str = "cp1252") -> Path:
    path.write_bytes("\r\n".join([HEADER, *lines, ""]).encode(encoding))
    return path


@pytest.fixture
def inbox(tmp_path: Path, warehouse: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the CRM's exports are delivered."""
    directory = tmp_path / "crm"
    directory.mkdir()
    monkeypatch.setenv("STRATA_WAREHOUSE", str(warehouse))
    monkeypatch.setenv("SOURCES__CRM__DIRECTORY", str(directory))
    monkeypatch.setenv("SOURCES__CRM__MAX_REJECT_RATIO", "1")
    return directory


Rows = Callable[[str], list[tuple]]


def keys(rows: Rows) -> list[str]:
    return [key for (key,) in rows("select sign_up_id from raw_crm.sign_ups where not _is_deleted order by all")]


def load() -> int:
    return main(["load", "crm"])


def test_new_late_and_repeated_files_land_once(inbox: Path, rows: Rows, capsys: pytest.CaptureFixture[str]):
    write(inbox / "sign_ups_2026-09.csv", line("S1"), line("S2", company="Größe Ltd"))
    assert load() == EXIT_OK
    assert keys(rows) == ["S1", "S2"]
    assert rows("select company_name from raw_crm.sign_ups where sign_up_id = 'S2'") == [("Größe Ltd",)]
    late = write(inbox / "sign_ups_2026-08.csv", line("S0"))
    os.utime(late, (0, 0))  # a late file with an old time of modification
    write(inbox / "sign_ups_2026-09_copy.csv", line("S1"), line("S2", company="Größe Ltd"))
    assert load() == EXIT_OK
    assert keys(rows) == ["S0", "S1", "S2"]
    assert "has the content of sign_ups_2026-09.csv: not landed again" in capsys.readouterr().out
    before = rows("select * from raw_crm.sign_ups order by all")
    assert load() == EXIT_OK
    assert rows("select * from raw_crm.sign_ups order by all") == before
    assert rows("select path, status from raw_ops.files order by all") == [
        ("sign_ups_2026-08.csv", "landed"),
        ("sign_ups_2026-09.csv", "landed"),
        ("sign_ups_2026-09_copy.csv", "repeated"),
    ]


def test_a_corrected_file_replaces_its_rows_and_closes_its_letters(inbox: Path, rows: Rows):
    path = write(inbox / "sign_ups_2026-09.csv", line("S1"), line("S2", cost="twelve"), line("S3"))
    write(inbox / "sign_ups_2026-10.csv", line("S9", cost="nine"))
    load()
    assert keys(rows) == ["S1", "S3"]
    write(path, line("S1", cost="13,00"), line("S2"))
    load()
    assert keys(rows) == ["S1", "S2"]
    assert rows("select acquisition_cost_amount::varchar from raw_crm.sign_ups where sign_up_id = 'S1'") == [
        ("13.0000",)
    ]
    letters = "select record_key, replay_outcome from raw_ops.dead_letters order by all"
    assert rows(letters) == [("S2", "superseded"), ("S9", None)]
    write(inbox / "sign_ups_2026-10.csv", line("S9", cost="nine"), line("S10"))
    load()
    assert rows(letters) == [("S2", "superseded"), ("S9", None)], "still broken in the correction: still open"


def test_a_file_that_gets_its_old_content_back_and_one_that_is_rotated(inbox: Path, rows: Rows):
    write(inbox / "sign_ups_a.csv", line("S1"))
    write(inbox / "sign_ups_b.csv", line("S1"))
    load()
    write(inbox / "sign_ups_a.csv", line("S2"))
    load()
    assert keys(rows) == ["S2"]
    write(inbox / "sign_ups_a.csv", line("S1"))
    load()
    assert keys(rows) == ["S1"]
    (inbox / "sign_ups_a.csv").rename(inbox / "sign_ups_a.1.csv")
    write(inbox / "sign_ups_a.csv", line("S3"))
    load()
    assert keys(rows) == ["S1", "S3"]


def test_a_correction_without_a_good_record_withdraws_the_rows(inbox: Path, rows: Rows):
    path = write(inbox / "sign_ups_2026-09.csv", line("S1"))
    load()
    write(path, line("S1", cost="?"))
    load()
    assert keys(rows) == []
    assert rows("select sign_up_id, _is_deleted from raw_crm.sign_ups") == [("S1", True)]
    write(path, line("S1"))
    load()
    assert rows("select sign_up_id, _is_deleted from raw_crm.sign_ups") == [("S1", False)]


def test_rejected_lines_are_kept_with_their_place_and_counted(inbox: Path, rows: Rows):
    write(
        inbox / "sign_ups_2026-09.csv",
        line("S1"),
        "S2;30.09.2026 12:00:01;too short",
        line("S3", company='"an open quote'),
        line("S4", cost="1.2"),
        line("S1"),
    )
    load()
    assert keys(rows) == ["S1", "S1"], "a key may come twice in files: models decide"
    assert rows("select source_ref, reason_codes from raw_ops.dead_letters order by all") == [
        ("sign_ups_2026-09.csv:3", "COLUMN_COUNT:*"),
        ("sign_ups_2026-09.csv:4", "UNBALANCED_QUOTE:*"),
        ("sign_ups_2026-09.csv:5", "TYPE_MISMATCH:AcquisitionCost"),
    ]
    assert rows("select rows_read, rows_good, rows_rejected from raw_ops.loads") == [(5, 2, 3)]
    assert rows("select rows_read, rows_good, rows_rejected, encoding from raw_ops.files") == [(5, 2, 3, "utf-8")]
    assert rows("select payload from raw_ops.dead_letters where source_ref like '%:3'")[0][0] == (
        '"S2;30.09.2026 12:00:01;too short"'
    )


def test_a_file_of_another_kind_is_refused_and_the_others_land(
    inbox: Path, rows: Rows, capsys: pytest.CaptureFixture[str]
):
    write(inbox / "sign_ups_2026-09.csv", line("S1"))
    (inbox / "sign_ups_2026-10.csv").write_text("a,b,c\n1,2,3\n", encoding="utf-8")
    assert load() == EXIT_REJECTS
    said = " ".join(capsys.readouterr().err.split())
    assert "sign_ups_2026-10.csv" in said and "SignUpId" in said and "Remedy" in said
    assert keys(rows) == ["S1"]
    write(inbox / "sign_ups_2026-10.csv", line("S2"))
    assert load() == EXIT_OK, "the refused file is tried again"
    assert keys(rows) == ["S1", "S2"]


def test_a_file_that_breaks_off_is_refused_as_a_whole(inbox: Path, rows: Rows, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("ingestion.file_source.ROWS_AT_ONCE", 10)
    write(inbox / "a.csv", line("S1"))
    text = "\n".join([HEADER, *(line(f"B{n}", company=f"Synthetic {n * 7919}") for n in range(3000))])
    (inbox / "b.csv.gz").write_bytes(gzip.compress(text.encode())[:-2000])
    monkeypatch.setattr("ingestion.file_source.FileReader._paths", lambda self, dataset: sorted(inbox.glob("*.csv*")))
    assert load() == EXIT_REJECTS
    assert keys(rows) == ["S1"]
    (inbox / "b.csv.gz").write_bytes(gzip.compress(text.encode()))
    assert load() == EXIT_OK
    assert len(keys(rows)) == 3001


def test_a_new_column_lands_and_is_logged(inbox: Path, rows: Rows):
    text = f"{HEADER};Sales Region\n{line('S1')};north-east\n"
    (inbox / "sign_ups_2026-09.csv").write_text(text, encoding="utf-8")
    assert load() == EXIT_OK
    assert rows("select sign_up_id, sales_region from raw_crm.sign_ups") == [("S1", "north-east")]
    assert rows("select dataset, column_name, change from raw_ops.schema_changes") == [
        ("sign_ups", "sales_region", "added")
    ]


def test_replay_lands_what_the_contract_now_takes(
    inbox: Path, rows: Rows, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    from ingestion import contract

    write(inbox / "sign_ups_2026-09.csv", line("S1"), line("S2").replace(";organic;", ";podcast;"), line("S3"))
    load()
    assert keys(rows) == ["S1", "S3"]
    original = (contract.CONTRACTS_DIR / "crm" / "sign_ups.odcs.yaml").read_text(encoding="utf-8")
    (tmp_path / "contracts" / "crm").mkdir(parents=True)
    wider = original.replace("validValues: [organic,", "validValues: [podcast, organic,")
    assert wider != original
    (tmp_path / "contracts" / "crm" / "sign_ups.odcs.yaml").write_text(wider, encoding="utf-8")
    monkeypatch.setattr(contract.load_contracts, "__defaults__", (tmp_path / "contracts",))
    assert main(["replay", "--source", "crm"]) == EXIT_OK
    assert keys(rows) == ["S1", "S2", "S3"]
    assert rows("select _source_ref, _source_line from raw_crm.sign_ups where sign_up_id = 'S2'") == [
        ("sign_ups_2026-09.csv:3", 3)
    ]
    assert rows("select replay_outcome from raw_ops.dead_letters") == [("landed",)]
    assert main(["replay", "--source", "crm"]) == EXIT_OK
    assert keys(rows) == ["S1", "S2", "S3"]


def test_trace_finds_a_row_by_key_and_by_place(inbox: Path, rows: Rows, capsys: pytest.CaptureFixture[str]):
    write(inbox / "sign_ups_2026-09.csv", line("S1"), line("S2", cost="?"))
    load()
    capsys.readouterr()
    assert main(["trace", "crm.sign_ups", "S1"]) == EXIT_OK
    assert "sign_ups_2026-09.csv:2" in capsys.readouterr().out
    assert main(["trace", "sign_ups", "sign_ups_2026-09.csv:3"]) == EXIT_OK
    assert "dead letter" in capsys.readouterr().out


def test_a_source_lands_where_its_empty_tables_were_made_before(
    inbox: Path, rows: Rows, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    write(inbox / "sign_ups_2026-09.csv", line("S1"))
    load()
    assert rows("select count(*) from raw_energy.meter_readings") == [(0,)], "each contract has its table"
    (tmp_path / "energy").mkdir()
    monkeypatch.setenv("SOURCES__ENERGY__DIRECTORY", str(tmp_path / "energy"))
    reading = '{"meter_id":"M1","reading_at":"2026-09-30T13:00:00Z","plant":"1010","energy_type":"electricity",'
    (tmp_path / "energy" / "2026-09.jsonl").write_text(reading + '"reading_value":12.50,"unit":"kWh","more":{"a":1}}\n')
    assert main(["load", "energy"]) == EXIT_OK
    assert rows("select reading_value::varchar, more, length(_row_hash) from raw_energy.meter_readings") == [
        ("12.5000", '{"a":1}', 64)
    ]


def test_a_missing_directory_is_named(monkeypatch: pytest.MonkeyPatch, inbox: Path, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setenv("SOURCES__CRM__DIRECTORY", str(inbox / "nowhere"))
    assert load() == 2
    assert "nowhere does not exist" in " ".join(capsys.readouterr().err.split())
