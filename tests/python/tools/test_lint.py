"""`make lint CHANGED=1` and FILES=: which files the hooks of a commit see, through the real pre-commit."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tools.lint import main

HOOKS = f"""
repos:
  - repo: local
    hooks:
      - id: names
        name: names
        language: system
        entry: {sys.executable} -c "import sys; print(*sys.argv[1:]); sys.exit(any('bad' in n for n in sys.argv[1:]))"
        files: sql$
        verbose: true
"""


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A branch that changes one file, deletes one and adds one that git does not know yet; main has moved on."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PRE_COMMIT_HOME", str(tmp_path / ".git" / "pre-commit"))
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)
    git("init", "--quiet", "--initial-branch=main")
    (tmp_path / ".pre-commit-config.yaml").write_text(HOOKS, encoding="utf-8")
    for name in ("kept", "changed", "gone"):
        (tmp_path / f"{name}.sql").write_text("select 1\n", encoding="utf-8")
    commit()
    git("checkout", "--quiet", "-b", "work")
    (tmp_path / "changed.sql").write_text("select 2\n", encoding="utf-8")
    (tmp_path / "gone.sql").unlink()
    commit()
    git("checkout", "--quiet", "main")
    (tmp_path / "kept.sql").write_text("select 3\n", encoding="utf-8")
    commit()
    git("checkout", "--quiet", "work")
    return tmp_path


def git(*arguments: str) -> None:
    identity = ["-c", "user.name=Test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *identity, *arguments], check=True, capture_output=True)


def commit() -> None:
    git("add", "--all")
    git("commit", "--quiet", "--message", "x")


def test_hooks_see_what_the_branch_changed_and_nothing_else(repository: Path, capfd: pytest.CaptureFixture[str]):
    (repository / "new.sql").write_text("select 4\n", encoding="utf-8")
    assert main(["--changed"]) == 0
    told = capfd.readouterr().out
    assert "changed.sql" in told and "new.sql" in told and "2 file(s) checked" in told
    assert "kept.sql" not in told and "gone.sql" not in told
    (repository / "bad.sql").write_text("select 5\n", encoding="utf-8")
    assert main(["--changed"]) == 1
    assert main(["--files", "kept.sql"]) == 0
    assert "kept.sql" in capfd.readouterr().out


def test_nothing_to_check_and_what_is_not_there(repository: Path, capfd: pytest.CaptureFixture[str]):
    assert main(["--changed", "--base", "work"]) == 0
    assert "nothing has changed" in capfd.readouterr().out
    assert main(["--files", "kept.sql", "nix.sql"]) == 2
    assert "nix.sql: no such file" in capfd.readouterr().err
    assert main(["--changed", "--base", "nope"]) == 2
    assert "Remedy" in capfd.readouterr().err
