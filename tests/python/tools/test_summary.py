"""The line about quarantine in the summary of a run."""

from __future__ import annotations

import io
import json
from pathlib import Path

import duckdb
import pytest
from rich.console import Console

from tools.summary import print_summary

COUNTED = "create schema m; create table m.fct_quarantined_rows (entity_name varchar, reason_codes varchar)"


@pytest.fixture
def warehouse(tmp_path: Path) -> Path:
    (tmp_path / "build_results.json").write_text(json.dumps({"results": [], "elapsed_time": 1.0}))
    path = tmp_path / "w.duckdb"
    duckdb.connect(str(path)).close()
    return path


def quarantine_line(warehouse: Path) -> str:
    out = Console(file=io.StringIO(), width=300, highlight=False)
    print_summary(warehouse, warehouse.parent, None, out)
    lines = out.file.getvalue().splitlines()
    return next(line for line in lines if line.startswith("quarantine")).removeprefix("quarantine").strip()


@pytest.mark.parametrize(
    ("statements", "line"),
    [
        ("", "not built yet"),
        (COUNTED, "no row is held back"),
        (
            f"{COUNTED}; insert into m.fct_quarantined_rows values ('order_lines', 'A'), ('order_lines', 'A B'), "
            "('clients', 'C')",
            "3 rows held back: 2 order lines, 1 clients; each in quarantine_<entity>",
        ),
        (
            f"{COUNTED}; insert into m.fct_quarantined_rows select 'balances', 'A' from range(1234)",
            "1,234 rows held back: 1,234 balances; each in quarantine_<entity>",
        ),
    ],
    ids=["before the first build", "none", "two entities, the larger first", "thousands"],
)
def test_the_line_counts_what_is_held_back(warehouse: Path, statements: str, line: str) -> None:
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute(statements or "select 1")
    assert quarantine_line(warehouse) == line


def test_a_broken_count_is_told_and_not_guessed(warehouse: Path) -> None:
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("create table fct_quarantined_rows (other varchar)")
    assert quarantine_line(warehouse).startswith("unknown: Binder Error")


def test_a_warehouse_that_is_gone_is_told(tmp_path: Path, warehouse: Path) -> None:
    warehouse.write_text("this is no warehouse")
    assert quarantine_line(warehouse).startswith("unknown: ")
