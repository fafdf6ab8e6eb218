"""Every source of a company lands what its systems hold: no record more, none less, each with its origin."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any

import pytest
from support.company_truth import by_dataset, letters_found

from ingestion.contract import landed_sources, load_contracts
from ingestion.provenance import split_file_ref

DATASETS = [(source, name) for source in landed_sources() for name in load_contracts(source)]
FILES = {source for source, name in DATASETS if load_contracts(source)[name].files}
HASH = re.compile(r"^[0-9a-f]{64}$")


@pytest.mark.parametrize(("source", "name"), DATASETS)
def test_every_record_is_landed_or_a_dead_letter(story: Any, source: str, name: str) -> None:
    dataset = load_contracts(source)[name]
    truth = story.truth.count(dataset)
    landed = len(story.first_tables[f"{source}.{name}"])
    letters = sum(1 for letter in story.first_letters if letter[:2] == (source, name))
    [(read, good, rejected, status)] = [row[2:] for row in story.first_loads if row[:2] == (source, name)]
    assert truth > 0 or source == "dbt_artifacts"
    assert (landed + letters, read, good + rejected) == (truth, truth, truth)
    assert (landed, letters, status) == (good, rejected, "landed")


def test_each_file_is_counted_to_its_last_record(story: Any) -> None:
    found = {row[:3]: row[3:] for row in story.first_files}
    letters = Counter((row[0], row[1], split_file_ref(row[3])[0]) for row in story.first_letters if row[0] in FILES)
    files = [dataset for dataset in story.datasets if dataset.files]
    truth = {
        (dataset.source, dataset.name, path): (count, count - rejected, rejected)
        for dataset in files
        for path, count in story.truth.count_by_file(dataset).items()
        for rejected in [letters[dataset.source, dataset.name, path]]
    }
    assert len(truth) > 500
    assert letters.total() > 15
    assert found == truth


def test_dead_letters_are_the_planted_faults(story: Any) -> None:
    found = letters_found([letter[:5] for letter in story.first_letters])
    expected = story.truth.rejected(landed_sources())
    assert expected.total() > 60
    assert {key[0] for key in expected} == set(landed_sources()) - {"dbt_artifacts"}
    assert found - expected == Counter(), "refused without being planted"
    assert expected - found == Counter(), "planted and not refused"


@pytest.mark.parametrize(("source", "name"), DATASETS)
def test_every_row_says_where_it_came_from(story: Any, source: str, name: str) -> None:
    rows = story.first_tables[f"{source}.{name}"]
    for row_hash, ref, landed_at, load_id, status, is_deleted in rows:
        assert HASH.match(row_hash)
        assert ref
        assert landed_at.tzinfo is not None
        assert (bool(load_id), status, is_deleted) == (True, "landed", False)
    refs = Counter(ref for _, ref, *_ in rows)
    assert all(count == 1 for count in refs.values()), refs.most_common(3)


def test_sensitive_values_stand_in_payloads_only(story: Any) -> None:
    printed = "\n".join(story.kept.outputs + story.fresh.outputs)
    contracts = {source: load_contracts(source) for source in landed_sources()}
    looked_at = 0
    for source, name, _, _, _, detail, payload in story.first_letters:
        record = json.loads(payload)
        sensitive = [field.source_field for field in contracts[source][name].fields if field.is_sensitive]
        if not isinstance(record, dict):
            values = [record] if sensitive else []  # a line that could not be taken apart
        else:
            values = [record.get(field) for field in sensitive]
        for value in (str(value) for value in values if value not in (None, "")):
            looked_at += 1
            assert f"'{value}'" not in detail, (source, name)
            if len(value) > 2:  # a shorter one, such as an amount of 0, stands in any text by chance
                assert value not in detail, (source, name)
                assert value not in printed, (source, name)
    assert looked_at > 15


def test_nothing_secret_is_printed(story: Any) -> None:
    printed = "\n".join(story.kept.outputs + story.fresh.outputs)
    assert "landed energy in" in printed
    assert "sandbox-only-not-a-secret" not in printed
    assert "postgresql://" not in printed


def test_a_load_with_nothing_new_changes_nothing(story: Any) -> None:
    assert story.kept.codes == [0, 0, 0]
    assert story.second.keys() == story.first.keys()
    for name, rows in story.first.items():
        assert story.second[name] == rows, name


CHANGED = [(s, n) for s, n in DATASETS if s in ("sap", "oracle", "workday", "incentive", "emerald", "atom")]


@pytest.mark.parametrize(("source", "name"), CHANGED)
def test_incremental_loads_end_where_a_full_one_does(story: Any, source: str, name: str) -> None:
    keys = ", ".join(load_contracts(source)[name].keys)
    alive = f"select {keys}, _row_hash from raw_{source}.{name} where not _is_deleted order by all"
    kept = story.kept.rows(alive)
    assert kept
    assert kept == story.fresh.rows(alive), [line for line in story.fresh.outputs[-1].splitlines() if "Remedy" in line]
    assert len(kept) == len({row[:-1] for row in kept})


def test_incremental_loads_of_files_end_where_a_full_one_does(story: Any) -> None:
    rows = "select _source_ref, _row_hash, _is_deleted from raw_interactions.events order by all"
    assert story.kept.rows(rows) == story.fresh.rows(rows)
    files = "select dataset, path, sha256, status, layout, rows_read, rows_good from raw_ops.files where source = ?"
    kept = story.kept.rows(f"{files} order by all", "interactions")
    assert kept == story.fresh.rows(f"{files} order by all", "interactions")


def test_dead_letters_of_incremental_loads_are_those_of_a_full_one(story: Any) -> None:
    sources = {source for (source,) in story.fresh.rows("select distinct source from raw_ops.loads")}
    open_letters = "select source, dead_letter_id, reason_codes from raw_ops.dead_letters where replayed_at is null"
    kept = {row for row in story.kept.rows(open_letters) if row[0] in sources}
    fresh = set(story.fresh.rows(open_letters))
    # A letter stays open when the source has since deleted its record: nobody mended it.
    assert fresh - kept == set()
    gone = {row[1] for row in kept - fresh}
    payloads = story.kept.rows("select dead_letter_id, source, dataset, record_key from raw_ops.dead_letters")
    deleted = {
        (source, dataset, "/".join(key.values()))
        for (source, dataset, kind), found in by_dataset(story.changes).items()
        for key in found
        if kind == "deleted"
    }
    unexplained = [row[1:] for row in payloads if row[0] in gone and tuple(row[1:]) not in deleted]
    unexplained = [row for row in unexplained if not _is_child_of(row, deleted)]
    # Nor is it closed where a newer record of the key came, landed or refused: a replay finds that it is superseded.
    newer = set(story.fresh.rows("select source, dataset, record_key from raw_ops.dead_letters"))
    assert [row for row in unexplained if tuple(row) not in newer and not _has_landed(story, *row)] == []


def _has_landed(story: Any, source: str, name: str, key: str) -> bool:
    keys = "|| '/' ||".join(f"cast({column} as varchar)" for column in load_contracts(source)[name].keys)
    return story.kept.rows(f"select count(*) from raw_{source}.{name} where {keys} = ?", key)[0][0] > 0


def _is_child_of(letter: tuple[str, str, str], deleted: set[tuple[str, str, str]]) -> bool:
    """Whether it is a record below a deleted one, such as the line of an order."""
    source, _, key = letter
    return any(source == other and key.startswith(f"{parent}/") for other, _, parent in deleted)


def test_the_log_of_changes_is_found_in_the_tables(story: Any) -> None:
    looked_at: Counter[str] = Counter()
    for (source, name, kind), keys in by_dataset(story.changes).items():
        if "file" in keys[0]:
            continue
        dataset = load_contracts(source)[name]
        refused = {row[2] for row in story.first_letters if row[:2] == (source, name)}
        for values in map(list, (key.values() for key in keys)):
            if kind == "deleted" and "/".join(values) in refused:
                continue  # it never landed
            where = " and ".join(f"{key}::varchar = ?" for key in dataset.keys)
            found = story.kept.rows(f"select _is_deleted from raw_{source}.{name} where {where}", *values)
            if kind == "updated" and not found:
                assert "/".join(values) in refused
                continue
            assert found == [(kind == "deleted",)], (source, name, kind, values)
            looked_at[kind] += 1
    assert looked_at["inserted"] >= 30
    assert looked_at["updated"] >= 9
    assert looked_at["deleted"] >= 6


def test_lines_of_a_deleted_order_are_deleted_too(story: Any) -> None:
    gone = [int(key["order_id"]) for key in by_dataset(story.changes)["atom", "orders", "deleted"]]
    marks = story.kept.rows("select distinct _is_deleted from raw_atom.order_lines where order_id in ?", gone)
    assert marks == [(True,)]
    assert story.kept.rows("select count(*) > 0 from raw_atom.payments where _is_deleted") == [(True,)]


def test_each_event_stands_beside_the_line_it_came_from(story: Any) -> None:
    lines: dict[str, list[str]] = {}
    for warehouse in (story.kept, story.fresh):
        found = warehouse.rows("select _source_file, _source_line, event_id from raw_interactions.events")
        assert len(found) > 1000
        for path, line, event in found:
            if path not in lines:
                lines[path] = story.evolved.lines(path)
            assert json.loads(lines[path][line - 1])["event_id"] == event, f"{path}:{line}"


def test_late_corrected_and_repeated_files_are_told_apart(story: Any) -> None:
    changes = by_dataset(story.changes)
    files = dict(story.kept.rows("select path, status from raw_ops.files where source = 'interactions'"))
    alive = Counter(
        path for (path,) in story.kept.rows("select _source_file from raw_interactions.events where not _is_deleted")
    )
    truth = story.evolved.count_by_file(load_contracts("interactions")["events"])
    letters = "select source_ref from raw_ops.dead_letters where source = 'interactions' and replayed_at is null"
    rejected = Counter(split_file_ref(ref)[0] for (ref,) in story.kept.rows(letters))
    for kind in ("inserted", "late_file", "corrected_file"):
        for key in changes["interactions", "events", kind]:
            assert files[key["file"]] == "landed", key
            assert alive[key["file"]] == truth[key["file"]] - rejected[key["file"]], key
    for key in changes["interactions", "events", "corrected_file"]:
        landed = "select duration_ms from raw_interactions.events where _source_file = ? and _source_line = 1"
        assert story.kept.rows(landed, key["file"]) == [(story.evolved.events(key["file"])[0]["duration_ms"],)]
        assert story.evolved.events(key["file"])[0] != story.truth.events(key["file"])[0]
    for key in changes["interactions", "events", "repeated_file"]:
        assert files[key["file"]] == "repeated", key
        assert alive[key["file"]] == 0, key
        assert f"{key['file']} has the content of" in story.kept.outputs[-1]
