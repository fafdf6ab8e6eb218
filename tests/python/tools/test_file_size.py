"""The pre-commit hook on file size."""

from pathlib import Path

import pytest

from tools.file_size import LARGEST_BYTES, main


def test_only_the_large_file_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small, large = tmp_path / "small.csv", tmp_path / "large.csv"
    small.write_bytes(b"x" * LARGEST_BYTES)
    large.write_bytes(b"x" * (LARGEST_BYTES + 1))
    assert main([str(small)]) == 0
    assert main([str(small), str(large)]) == 1
    assert str(large) in (out := capsys.readouterr().out)
    assert str(small) not in out
