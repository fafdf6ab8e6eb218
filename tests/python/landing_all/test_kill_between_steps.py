"""A load that is killed right before or after a step of dlt's package storage leaves what the next one can finish.

Random kills seldom hit these moments: each step is one rename or removal of a directory.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest
from support.killing import ROOT, finish

HEADER = (
    "SignUpId;SignedUpAt;Company;Email;Country;Tenant;Channel;Campaign;Status;ActivatedAt;ClientId;AcquisitionCost;"
    "Currency;Comment\n"
)
LINE = "SU-{0};30.09.2026 08:15:00;Made Up {0} Ltd;;{1};Northwind North;organic;;new;;;;;\n"
KILLER = """
import os, signal, sys
from dlt.common.storages.file_storage import FileStorage
from ingestion.cli import main

name, number, when = sys.argv[1], int(sys.argv[2]), sys.argv[3]
step, calls = getattr(FileStorage, name), []

def killed(*args, **kwargs):
    calls.append(name)
    if when == "before" and len(calls) == number:
        os.kill(os.getpid(), signal.SIGKILL)
    outcome = step(*args, **kwargs)
    if when == "after" and len(calls) == number:
        os.kill(os.getpid(), signal.SIGKILL)
    return outcome

setattr(FileStorage, name, killed)
sys.exit(main(["load", "crm", "--quiet"]))
"""
STEPS = [(name, number, when) for name in ("rename_tree", "delete_folder") for number in range(1, 4)
         for when in ("before", "after")]  # fmt: skip
QUICK = [("rename_tree", 2, "after")]  # the normalised package is in place, the extracted one not gone yet


def settings(tmp_path: Path, name: str) -> dict[str, str]:
    return {"SOURCES__CRM__DIRECTORY": str(tmp_path / "inbox"), "STRATA_WAREHOUSE": str(tmp_path / f"{name}.duckdb"),
            "STRATA_LOCK_WAIT": "20", "SOURCES__CRM__MAX_REJECT_RATIO": "1"}  # fmt: skip


def content(path: Path) -> list[list[tuple[Any, ...]]]:
    statements = (
        "select sign_up_id, _source_ref, _row_hash, _is_deleted from raw_crm.sign_ups order by all",
        "select dead_letter_id, reason_codes from raw_ops.dead_letters order by all",
        "select path, sha256, status, rows_read, rows_rejected from raw_ops.files order by all",
    )
    with duckdb.connect(str(path), read_only=True) as connection:
        return [connection.execute(statement).fetchall() for statement in statements]


@pytest.mark.parametrize(
    ("step", "number", "when"), [pytest.param(*s, marks=() if s in QUICK else pytest.mark.slow) for s in STEPS]
)
def test_a_load_killed_at_a_step_of_the_package_storage_is_finished(
    step: str, number: int, when: str, tmp_path: Path
) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    dirty = settings(tmp_path, "killed")
    (inbox / "sign_ups_2026-08.csv").write_text(HEADER + LINE.format("A", "GB"), encoding="cp1252")
    finish("crm", dirty)  # before the first landing there is no state that could be left half-way
    lines = [LINE.format(n, "GB" if n % 9 else "Albion") for n in range(50)]
    (inbox / "sign_ups_2026-09.csv").write_text(HEADER + "".join(lines), encoding="cp1252")
    process = subprocess.run(
        [sys.executable, "-c", KILLER, step, str(number), when],
        cwd=ROOT, env={**os.environ, **dirty}, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    if (step, number, when) in QUICK:
        assert process.returncode == -signal.SIGKILL, process.stdout + process.stderr
    else:
        assert process.returncode in (0, -signal.SIGKILL), process.stdout + process.stderr  # 0: fewer steps than that
    finish("crm", dirty)
    finish("crm", settings(tmp_path, "clean"))
    landed = content(tmp_path / "clean.duckdb")
    assert [len(rows) for rows in landed] == [45, 6, 2]
    assert content(tmp_path / "killed.duckdb") == landed
