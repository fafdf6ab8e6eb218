"""`make shell`: what it shows, that it stands in no build's way, and what it says where it cannot."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support import published_company as company

from ingestion.lock import warehouse_lock
from tools import shell
from tools.publish.__main__ import main as publish_main


@pytest.fixture
def warehouse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A built company."""
    path = tmp_path / "company.duckdb"
    company.build(path, 0)
    company.write_manifest(tmp_path / "target", "company")
    monkeypatch.setenv("STRATA_WAREHOUSE", str(path))
    monkeypatch.setenv("DBT_TARGET_PATH", str(tmp_path / "target"))
    monkeypatch.setenv("STRATA_LOCK_WAIT", "0")
    monkeypatch.delenv("STRATA_LOCK_HELD", raising=False)
    monkeypatch.delenv("STRATA_TARGET", raising=False)
    monkeypatch.chdir(tmp_path)
    return path


def opened(warehouse: Path, tmp_path: Path) -> shell.Warehouse:
    return shell.Warehouse(warehouse, is_shared=True, is_writable=False, scratch=str(tmp_path))


def test_it_says_what_is_there_and_its_examples_run(warehouse: Path, tmp_path: Path, capsys, monkeypatch):
    holds, help_text = opened(warehouse, tmp_path).overview()
    assert "company.duckdb, read-only, data as of 2026-10-01T05:00:00Z" in holds
    assert "dev_marts 3" in holds and "raw_ops 1" in holds
    examples = "\n".join(line for line in help_text.splitlines() if not line.strip().startswith("."))
    monkeypatch.chdir(tmp_path)
    assert opened(warehouse, tmp_path).run(examples)
    assert (tmp_path / "rows.csv").is_file() and "region_key" in capsys.readouterr().out


def test_a_session_keeps_what_it_made_and_a_build_runs_in_between(warehouse: Path, tmp_path: Path, capsys):
    one = opened(warehouse, tmp_path)
    assert one.run("use dev_marts; create temp table kept as from dim_region where region_key = 'r3';")
    company.build(warehouse, 7)  # fails if the shell were in its way
    assert one.run(
        "select kept.region_key, dim_region.generation * 6 as answer from kept join dim_region using (region_key);"
    )
    told = capsys.readouterr().out
    assert "r3" in told and "42" in told
    with warehouse_lock(warehouse):
        assert not one.run("from dim_region;")
    held = capsys.readouterr().err
    assert "held by process" in held and "PUBLISHED=1" not in held, "there is no published copy"


def test_typed_lines_are_read_up_to_the_semicolon(warehouse: Path, tmp_path: Path, capsys):
    typed = shell.Console(opened(warehouse, tmp_path), "the help")
    assert typed.runsource("select 20 + 1 as a,") is True, "it waits for more"
    assert typed.runsource("select 20 + 1 as a,\n21 as b;") is False
    assert typed.runsource("selec 1;") is False and typed.runsource(".help") is False and typed.runsource("") is False
    told = capsys.readouterr()
    assert "21" in told.out and "the help" in told.out and "syntax error" in told.err
    with pytest.raises(SystemExit):
        typed.runsource(".quit")


def test_the_command_writes_only_when_asked(warehouse: Path, capsys, monkeypatch):
    delete = "delete from dev_marts.dim_region where region_key = 'r1'"
    assert shell.main(["--sql", delete]) == 1
    assert "WRITE=1" in capsys.readouterr().err
    assert shell.main(["--write", "--sql", delete]) == 0
    monkeypatch.setattr(sys, "stdin", io.StringIO("select concat('rows ', count(*)) from dev_marts.dim_region;"))
    assert shell.main([]) == 0
    assert "rows 4" in capsys.readouterr().out


def test_what_cannot_be_opened_is_told_with_what_can(warehouse: Path, tmp_path: Path, capsys, monkeypatch):
    assert shell.main(["--published", "--sql", "from marts.dim_region"]) == 2
    assert "Remedy: make publish" in capsys.readouterr().err
    assert publish_main([]) == 0
    with warehouse_lock(warehouse):
        assert shell.main(["--sql", "select 1"]) == 1
        assert "held by process" in (told := capsys.readouterr().err) and "make shell PUBLISHED=1" in told
        assert shell.main(["--write", "--sql", "select 1"]) == 75
        assert shell.main(["--published", "--sql", "select count(*) as five from marts.dim_region"]) == 0
    script = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", script, os.environ["STRATA_WAREHOUSE"]]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writer:
        assert writer.stdout.readline() == b"open\n"
        assert shell.main(["--sql", "select 1"]) == 1
        assert "another program has it open" in (told := capsys.readouterr().err) and "PUBLISHED=1" in told
        writer.stdin.close()
    (tmp_path / "no.duckdb").write_text("no database at all", encoding="utf-8")
    assert shell.main(["--file", str(tmp_path / "no.duckdb"), "--sql", "select 1"]) == 1
    assert "not a valid DuckDB database file" in capsys.readouterr().err
    warehouse.unlink()
    assert shell.main(["--sql", "select 1"]) == 2
    assert "Remedy: make run" in capsys.readouterr().err
    monkeypatch.setenv("STRATA_TARGET", "snowflake")
    assert shell.main([]) == 2
    assert "Snowflake" in capsys.readouterr().err
