"""Files are checked together, in parts of a fixed size: what lands and is counted does not depend on that size."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ingestion.cli import main

HEADER = (
    "SignUpId;SignedUpAt;Company;Email;Country;Tenant;Channel;Campaign;Status;ActivatedAt;ClientId;AcquisitionCost;"
    "Currency;Comment"
)
LENGTHS = {"a": 3, "b": 25, "c": 1, "d": 10, "e": 9, "f": 12}  # records of each file; every fourth cannot be taken


def write(directory: Path) -> None:
    for name, length in LENGTHS.items():
        lines = [HEADER]
        for number in range(length):
            cost = "many" if number % 4 == 3 else "12,50"
            tail = "" if number % 7 == 5 else ";EUR;"
            lines.append(
                f"{name}{number};30.09.2026 12:00:01;Synthetic;a@example.com;GB;north;organic;;new;;;{cost}{tail}"
            )
        (directory / f"sign_ups_{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.mark.parametrize("size", [7, 10, 1000])
def test_the_size_of_the_parts_changes_nothing(
    size: int, tmp_path: Path, warehouse: Path, monkeypatch: pytest.MonkeyPatch, rows: Callable[[str], list[tuple]]
):
    directory = tmp_path / "crm"
    directory.mkdir()
    write(directory)
    monkeypatch.setenv("STRATA_WAREHOUSE", str(warehouse))
    monkeypatch.setenv("SOURCES__CRM__DIRECTORY", str(directory))
    monkeypatch.setenv("SOURCES__CRM__MAX_REJECT_RATIO", "1")
    monkeypatch.setattr("ingestion.file_source.ROWS_AT_ONCE", size)
    assert main(["load", "crm"]) == 0
    expected, good = [], []
    for name, length in LENGTHS.items():
        kept = [number for number in range(length) if number % 4 != 3 and number % 7 != 5]
        expected.append((f"sign_ups_{name}.csv", length, len(kept), length - len(kept)))
        good += [(f"sign_ups_{name}.csv", number + 2, f"{name}{number}") for number in kept]
    found = rows("select path, rows_read, rows_good, rows_rejected from raw_ops.files order by all")
    assert found == expected
    assert rows("select _source_file, _source_line, sign_up_id from raw_crm.sign_ups order by all") == good
