"""Archives of earlier purges lose an erased subject's rows, and nothing else, whenever the erasure is killed."""

from __future__ import annotations

import hashlib
import json
import random
from pathlib import Path

import duckdb
import pytest

from tools import archives
from tools.archives import ArchiveError, Removed, erase_from_archives

NAMES = ["CL-000007", "Example (Holdings) Ltd"]
OTHERS = ["CL-0000070", "xCL-000007", "Example Holdings Ltd", "", None, "nobody"]


def write(folder: Path, name: str, rows: list[tuple[int, str | None, str | None]]) -> Path:
    """An archive as the purge writes it."""
    path = folder / f"{name}.parquet"
    quoted = str(path).replace("'", "''")
    with duckdb.connect() as connection:
        connection.execute("create table t (id integer, client_id varchar, note varchar, amount decimal(10, 2))")
        if rows:
            connection.executemany("insert into t values (?, ?, ?, 1.50)", rows)
        connection.execute(f"copy t to '{quoted}' (format parquet)")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    manifest = {"dataset_name": "raw_x.t", "run_id": name, "row_count": len(rows), "sha256": digest, "size_bytes": 1}
    path.with_suffix(".manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return path


def read(path: Path) -> list[tuple[object, ...]]:
    return duckdb.execute("select id, client_id, note from read_parquet($1) order by id", [str(path)]).fetchall()


def manifest_of(path: Path) -> dict[str, object]:
    return json.loads(path.with_suffix(".manifest.json").read_text(encoding="utf-8"))


def rows_at_random(chance: random.Random) -> tuple[list[tuple[int, str | None, str | None]], set[int]]:
    """Rows, and the ids of those that name the subject."""
    rows, named = [], set()
    for number in range(chance.randrange(40)):
        row = [number, chance.choice(OTHERS), chance.choice(OTHERS)]
        if chance.random() < 0.3:
            row[chance.choice([1, 2])] = chance.choice([NAMES[0], NAMES[1], f"to {NAMES[0]}, paid", f"({NAMES[1]})"])
            named.add(number)
        rows.append((row[0], row[1], row[2]))
    return rows, named


@pytest.mark.parametrize("seed", range(20))
def test_exactly_the_rows_that_name_the_subject_go(seed: int, tmp_path: Path) -> None:
    rows, named = rows_at_random(random.Random(seed))
    path, other = write(tmp_path, "a'b", rows), write(tmp_path, "other", [(1, "nobody", None)])
    untouched, before = other.read_bytes(), manifest_of(path)
    expected = [Removed(path.name, len(named))] if named else []
    assert erase_from_archives(tmp_path, NAMES, "run-1") == expected
    assert read(path) == [row for row in rows if row[0] not in named]
    assert other.read_bytes() == untouched and "erasures" not in manifest_of(other)
    after = manifest_of(path)
    assert after["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert after["row_count"] == len(rows) - len(named)
    if named:
        gone = {"run_id": "run-1", "rows_removed": len(named), "row_count_before": len(rows)}
        assert after["erasures"] == [{**gone, "sha256_before": before["sha256"]}]
        assert NAMES[1].encode() not in path.read_bytes()
    assert erase_from_archives(tmp_path, NAMES, "run-2") == []


@pytest.mark.parametrize("dies_at", [1, 2])
def test_killed_between_the_files(dies_at: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [(1, NAMES[0], None), (2, "nobody", None)]
    path = write(tmp_path, "a", rows)
    replace, done = Path.replace, []

    def die(self: Path, target: Path) -> Path:
        done.append(self)
        if len(done) == dies_at:
            raise KeyboardInterrupt
        return replace(self, target)

    monkeypatch.setattr(archives.Path, "replace", die)
    with pytest.raises(KeyboardInterrupt):
        erase_from_archives(tmp_path, NAMES, "run-1")
    monkeypatch.undo()
    again = erase_from_archives(tmp_path, NAMES, "run-2")
    assert again == ([Removed(path.name, 1)] if dies_at == 1 else [])
    assert read(path) == rows[1:] and manifest_of(path)["row_count"] == 1
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.manifest.json", "a.parquet"]


def test_an_archive_that_nobody_can_vouch_for_stops_the_erasure(tmp_path: Path) -> None:
    assert erase_from_archives(tmp_path / "none", NAMES, "run") == []
    path = write(tmp_path, "a", [(1, NAMES[0], None)])
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(ArchiveError, match=r"a\.parquet: its SHA-256 .* Remedy"):
        erase_from_archives(tmp_path, NAMES, "run")
    path.with_suffix(".manifest.json").unlink()
    with pytest.raises(ArchiveError, match=r"a\.parquet: its manifest is missing .* Remedy"):
        erase_from_archives(tmp_path, NAMES, "run")
