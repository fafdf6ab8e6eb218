"""Generated files that are broken in every way we know, through the whole landing: nothing lost, nothing stops it."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from real_files.real_landing import SEED, Delivery, check_conservation, stand_in

from ingestion.errors import EXIT_OK, EXIT_REJECTS

COLUMNS = ["id", "name", "amount", "day", "flag"]
GOOD = [["1", "north", "1.50", "2026-09-30", "true"], ["2", "", "2.75", "2026-09-29", "false"]]
ENCODINGS = ("utf-8", "utf-8-sig", "cp1252", "utf-16", "utf-16-le")
BIG = 10_000_000
CSV_CELLS = (
    '"', '""', '"""', 'a "quoted" word', "'", "\x00", "\ufeff", "Größe", "\u2028", "\x1a", " ", "\t", "NULL", "=1+1",
    "1,5", "1e309", "9" * 40, "2026-02-30", "0000-00-00", "\\", '\\"', "a;b", "a|b", "#", "\x85", "İ", "x" * 5000,
)  # fmt: skip
JSON_LINES = (
    '{"id": 1, "name": "\\ud800"}',
    '{"id": 1, "name": "\\u0000"}',
    '{"id": 1, "na\\ud800me": "x"}',
    '{"id": ' + "9" * 5000 + "}",
    '{"id": 9223372036854775808}',
    '{"id": 1e400, "amount": NaN}',
    '{"id": 1, "name": ' + "[" * 100_000 + "]" * 100_000 + "}",
    '{"id": 1, "name": ' + '{"a":' * 300 + "1" + "}" * 300 + "}",
    '{"id": 1, "id": 2}',
    '{"id": 1, "amount": 1.10, "more": {"a": [1, 2.0, null]}}',
    '{"id": 1, "_strata": "x", "_row_hash": "y", "_source_file": "z"}',
    '{"id": 1, "NAME": "x", "Name": "y", "name": "z"}',
    '{"id": 1, "": "empty name"}',
    '{"id": 1, "select": 1, "a.b": 2, "a b": 3, "a_b": 4}',
    '{"id": 1, "name": true, "flag": "maybe"}',
    '{"id": "1", "name": 5, "day": "2026-02-30"}',
    '{"id": null}',
    "[]",
    "null",
    '"text"',
    "{",
    "}",
    '{"id": 1} {"id": 2}',
    "\ufeff{}",
    "not json at all",
)


def contract(delivery: Delivery, directory: Path, dataset: str, kind: str) -> None:
    """The contract of well-behaved records: id is a required integer, the others are typed."""
    changes = [("fileFormat\n        value: csv\n", f"fileFormat\n        value: {kind}\n")]
    delivery.draft(dataset, stand_in(directory, COLUMNS, *GOOD), *changes)


def some_csv(chance: random.Random) -> bytes:
    """A CSV file with faults in some of its lines."""
    delimiter, end = chance.choice(",;\t|"), chance.choice(["\n", "\r\n", "\r"])
    header = [*COLUMNS, *chance.choice([[], ["name"], ["Name", "NAME"], ["", ""], ["_row_hash", "amount"]])]
    lines = [delimiter.join(header)]
    for number in range(chance.randint(5, 60)):
        cells = [str(number), "plain", "1.25", "2026-01-31", "true", *["x"] * (len(header) - 5)]
        for _ in range(chance.choice([0, 0, 1, 3])):
            cells[chance.randrange(len(cells))] = chance.choice(CSV_CELLS)
        if chance.random() < 0.1:
            cells = cells[: chance.randint(0, len(cells))] + ["more"] * chance.randint(0, 3)
        lines.append(delimiter.join(cells))
        if chance.random() < 0.05:
            lines.append(chance.choice(["", lines[0], " ", delimiter * 7, "Total" + delimiter, "-- end of file --"]))
    data = end.join(lines).encode(chance.choice(ENCODINGS), "replace")
    for _ in range(chance.choice([0, 0, 2])):  # bytes of another encoding
        place = chance.randrange(len(data) // 2, len(data))
        data = data[:place] + chance.choice([b"\xff", b"\xe9", b"\x81", b"\xc3\x28"]) + data[place:]
    return data + chance.choice([b"", end.encode(), b"\x00"])


def some_jsonl(chance: random.Random) -> tuple[bytes, int]:
    """A JSONL file with faults in some of its lines, and how many lines it has."""
    lines = ['{"id": 0, "name": "first", "amount": 1.5, "day": "2026-01-31", "flag": true}']
    for number in range(chance.randint(5, 60)):
        good = {"id": number, "name": "Größe", "amount": 1.25, "day": "2026-01-31", "flag": False}
        lines.append(chance.choice(JSON_LINES) if chance.random() < 0.4 else json.dumps(good, ensure_ascii=False))
    return "\n".join(lines).encode() + chance.choice([b"", b"\n", b"\n\n"]), len(lines)


def check_round(directory: Path, seed: str, files: int) -> None:
    """Land one round of files and hold them against what was written."""
    print(f"seed {seed}")
    chance, delivery, written = random.Random(seed), Delivery(directory), {}
    for number in range(files):
        kind = ("csv", "jsonl")[number % 2]
        dataset = f"{kind}_{number}"
        path = directory / f"{dataset}.{kind}"
        data, written[dataset] = (some_csv(chance), None) if kind == "csv" else some_jsonl(chance)
        path.write_bytes(data)
        contract(delivery, directory, dataset, kind)
        delivery.deliver(path, dataset)
    landed = delivery.load(max_reject_ratio=0.05)
    assert landed.report.exit_code in (EXIT_OK, EXIT_REJECTS)
    check_conservation(landed)
    for dataset, lines in written.items():
        if lines is not None:
            assert landed.report.datasets[dataset].rows_read == lines, dataset
    once = landed.rows("select dataset, count(*) from raw_ops.dead_letters group by all order by all")
    again = delivery.load()
    assert all(counts.rows_read == 0 for counts in again.report.datasets.values()) or again.report.refused_files
    assert again.rows("select dataset, count(*) from raw_ops.dead_letters group by all order by all") == once


def test_hostile_files_land_or_are_dead_letters(tmp_path: Path):
    check_round(tmp_path, f"{SEED}", files=10)


@pytest.mark.slow
@pytest.mark.parametrize("round_number", range(15))
def test_many_hostile_files(tmp_path: Path, round_number: int):
    check_round(tmp_path, f"{SEED}/{round_number}", files=14)


def test_endless_values_are_dead_letters(tmp_path: Path):
    """A field of 10 MB is a fault of the source; the lines around it land."""
    delivery = Delivery(tmp_path)
    big = "x" * BIG
    csv_lines = [
        ",".join(COLUMNS),
        "1,a,1.5,2026-01-31,true",
        f"2,{big},1.5,2026-01-31,true",
        "3,c,1.5,2026-01-31,true",
    ]
    jsonl_lines = ['{"id": 1, "name": "a"}', f'{{"id": 2, "name": "{big}"}}', '{"id": 3, "name": "c"}']
    for kind, lines in (("csv", csv_lines), ("jsonl", jsonl_lines)):
        path = tmp_path / f"big.{kind}"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        contract(delivery, tmp_path, f"big_{kind}", kind)
        delivery.deliver(path, f"big_{kind}")
    changed = [delivery.contracts / "real" / f"big_{kind}.odcs.yaml" for kind in ("csv", "jsonl")]
    for path in changed:  # only id is required
        text = path.read_text(encoding="utf-8")
        head, mark, rest = text.partition("- name: name")
        path.write_text(head + mark + rest.replace("        required: true\n", ""), encoding="utf-8")
    landed = delivery.load()
    check_conservation(landed)
    for kind in ("csv", "jsonl"):
        assert landed.rows(f"select id from raw_real.big_{kind} order by all") == [(1,), (3,)]
    sql = "select reason_codes, length(payload) > 10000000 from raw_ops.dead_letters"
    assert landed.rows(sql) == [("UNREADABLE_RECORD:name", True)] * 2


def test_names_as_sources_choose_them_keep_their_values(tmp_path: Path):
    """Names that differ in capitals only, start with an underscore or are those of Python's own members."""
    names = ["key", "Key", "KEY", "_key", "__class__", "copy", "model_config", "json", "a b", "_position", "_fits"]
    path = tmp_path / "names.csv"
    rows = [[f"{name}-{number}" for name in names] for number in range(3)]
    stand_in(tmp_path, names, *rows).rename(path)
    delivery = Delivery(tmp_path)
    delivery.draft("names", path)
    delivery.deliver(path, "names")
    landed = delivery.load()
    found = landed.rows("select * from raw_real.names order by _source_line")
    assert [list(row[: len(names)]) for row in found] == rows
