"""JSON Lines: each value as it was spelled, each line a record or a reject."""

from __future__ import annotations

import gzip
import json
import tempfile
from pathlib import Path

import pytest
from file_reads import SEED, Read, steady
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from ingestion.errors import SourceError
from ingestion.files import FileLayout

LAYOUT = FileLayout("jsonl")
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=6)
VALUES = SCALARS | st.lists(SCALARS, max_size=3) | st.dictionaries(st.text(max_size=3), SCALARS, max_size=2)
OBJECTS = st.dictionaries(
    st.sampled_from(
        ["a", "b", "c", "é", 'q"'],
    ),
    VALUES,
    min_size=1,
)
JUNK = st.sampled_from(
    ["", "  ", "{", "}", "[]", "1", "null", '{"a":1}{"a":2}', '{"a":1,"a":2}', '{"a":"\\ud800"}', '{"a":"\\u0000"}']
    + ["\x00", '{"a":' + "[" * 3000, '{"a":1e999}', "{'a':1}", '{"a":01}']
)


def read(text: bytes, batch_bytes: int = 1 << 20) -> Read:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "file.jsonl"
        path.write_bytes(text)
        return Read(path, LAYOUT, batch_bytes=batch_bytes)


def as_text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


@pytest.mark.parametrize("batch_bytes", [1 << 20, 80])
@seed(SEED)
@settings(steady, max_examples=60)
@given(objects=st.lists(OBJECTS, max_size=8), line_end=st.sampled_from(["\n", "\r\n"]), compact=st.booleans())
def test_values_are_what_the_json_module_reads(batch_bytes, objects, line_end, compact):
    separators = (",", ":") if compact else None
    text = "".join(json.dumps(each, separators=separators) + line_end for each in [{"a": 1}, *objects]).encode()
    done = read(text, batch_bytes).check(text)
    bad = {line for line, code in done.codes().items() if code == "UNREADABLE_RECORD"}
    kept = [each for line, each in enumerate([{"a": 1}, *objects], start=1) if line not in bad]
    assert [{k: v for k, v in row.items() if v is not None} for row in done.rows] == [
        {key: as_text(value) for key, value in each.items() if value is not None} for each in kept
    ]
    for line in bad:  # NUL and half characters only
        assert "\\u0000" in json.dumps(objects[line - 2]) or "\\ud" in json.dumps(objects[line - 2])


@pytest.mark.parametrize("batch_bytes", [1 << 20, 50])
@seed(SEED)
@settings(steady, max_examples=60)
@given(lines=st.lists(JUNK | OBJECTS.map(json.dumps), max_size=12))
def test_hostile_lines_are_rejected_one_by_one(batch_bytes, lines):
    text = "\n".join(['{"first": 1}', *lines, ""]).encode()
    read(text, batch_bytes).check(text)


def test_numbers_keep_their_spelling_and_nested_values_are_compact():
    text = b'{"n": 1.10, "big": 123456789012345678901234567890, "e": -1E+05,'
    text += b' "o": {"x": 1.50, "y": [true, null]}, "t": "1.10"}'
    row = read(text).check(text).rows[0]
    assert row == {
        "n": "1.10", "big": "123456789012345678901234567890", "e": "-1E+05",
        "o": '{"x":1.50,"y":[true,null]}', "t": "1.10",
    }  # fmt: skip


def test_reasons():
    lines = ['{"a":1}', '{"a":', "[1]", '{"a":1,"a":1}', "", '{"a":2} x', '{"a":"\\udc00"}', '{"b":null}']
    done = read("\n".join(lines).encode()).check("\n".join(lines).encode())
    unreadable = "UNREADABLE_RECORD"
    assert done.codes() == {2: unreadable, 3: unreadable, 4: "AMBIGUOUS_FIELD", 6: unreadable, 7: unreadable}
    assert done.rows == [{"a": "1", "b": None}, {"a": None, "b": None}]
    assert (done.lines, done.count.blank) == ([1, 8], 1)


def test_an_undecodable_line_among_others_can_be_restored():
    text = '{"a":"é"}\n{"a":"ü"}\n'.encode() + b'{"a":"\xff\\"}\n'
    done = read(text).check(text)
    assert done.codes() == {3: "INVALID_ENCODING"}


def test_uniform_lines_give_the_same_as_single_ones():
    """The fast way for lines of one form, against the same records with another key order in between."""
    records = [
        {"id": n, "t": f"x{n}", "f": n / 7, "flag": n % 2 == 0, "none": None if n % 3 else "null"} for n in range(50)
    ]
    fast = read("\n".join(map(json.dumps, records)).encode())
    mixed = [dict(reversed(record.items())) if n % 5 == 1 else record for n, record in enumerate(records)]
    slow = read("\n".join(map(json.dumps, mixed)).encode())
    assert fast.rows == slow.rows
    assert fast.rows[0]["none"] == "null"
    assert fast.rows[1]["none"] is None


def test_large_values_and_deep_nesting_do_not_stop_the_file():
    text = b'{"a":"' + b"x" * 10_000_000 + b'"}\n{"a":' + b"[" * 200_000 + b'}\n{"a":"' + b"9" * 5000 + b'"}\n'
    done = read(text).check(text)
    assert (len(done.rows[0]["a"]), list(done.codes()), len(done.rows)) == (10_000_000, [2], 2)


def test_a_cut_off_gzip_file_is_named_with_the_remedy(tmp_path):
    path = tmp_path / "cut.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"a":1}\n' * 1000)[:-20])
    with pytest.raises(SourceError, match="cut.jsonl.gz.*Remedy"):
        Read(path, LAYOUT)
