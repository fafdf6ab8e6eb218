"""Days that pass in a written company: the log tells every change, and only what it tells has changed."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path

import pytest

from ingestion.sandbox import SandboxError, read_extract
from ingestion.sandbox.company_data.evolve import evolve


@pytest.fixture
def copied(company: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(company, tmp_path / "company"))


def files(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_every_change_is_logged_and_can_be_found(company: Path, copied: Path) -> None:
    changes = evolve(copied, days=2)
    logged = [json.loads(line) for line in (copied / "changes.jsonl").read_text().splitlines()]
    assert [(c.source, c.dataset, c.key, c.change) for c in changes] == [
        (line["source"], line["dataset"], line["key"], line["change"]) for line in logged
    ]
    kinds = Counter(change.change for change in changes)
    assert set(kinds) == {"inserted", "updated", "deleted", "late_file", "corrected_file", "repeated_file"}
    assert {change.day for change in changes} == {"2026-10-01", "2026-10-02"}
    before, after = read_extract(company), read_extract(copied)
    new = {c.key["EBELN"] for c in changes if (c.source, c.change) == ("sap", "inserted")}
    position = after["EKKO"].position("EBELN")
    assert {row[position] for row in after["EKKO"].rows} - {row[position] for row in before["EKKO"].rows} == new
    gone = [c.key["order_id"] for c in changes if (c.source, c.change) == ("atom", "deleted")]
    orders = (copied / "atom" / "orders.csv").read_text()
    assert all(f"\n{number}," not in orders for number in gone)
    root = copied / "files" / "interactions"
    assert all((root / c.key["file"]).is_file() for c in changes if c.source == "interactions")


def test_untouched_files_stay_as_they_were(company: Path, copied: Path) -> None:
    changes = evolve(copied)
    old, new = files(company), files(copied)
    assert set(old) <= set(new)
    touched = {name.split("/")[0] for name in old if old[name] != new[name]}
    tables = {"EKKO.csv", "EKPO.csv", "EKET.csv", "MARA.csv", "MAKT.csv", "MARD.csv"}
    assert touched <= tables | {change.source for change in changes} | {"files"}
    assert [name for name in old if name.startswith(("files/crm", "files/energy")) and old[name] != new[name]] == []


def test_days_go_on_where_they_ended_and_repeat(copied: Path, company: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(company, tmp_path / "other"))
    evolve(copied, days=1)
    evolve(copied, days=1)
    evolve(other, days=2)
    assert files(copied) == files(other)


def test_a_directory_without_a_company_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match="there is no synthetic company"):
        evolve(tmp_path)
