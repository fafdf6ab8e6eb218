"""Random and hostile CSV files: what is well-formed is read as Python's csv module reads it, and nothing is lost."""

from __future__ import annotations

import csv
import hashlib
import io
import random
import tempfile
from pathlib import Path

import pytest
from file_reads import SEED, Read, steady
from hypothesis import example, given, seed, settings
from hypothesis import strategies as st

from ingestion.files import FileLayout

HEADER = ("key", "name", "amount")
TEXT = st.text(st.sampled_from("ab ,;|\t\"\n\r'\\.0é€漢\u2028\x0b\ufeff"), max_size=8)
CELLS = st.tuples(st.integers(0, 999).map(str), TEXT, TEXT)
DELIMITERS = st.sampled_from(",;|\t")
LINE_ENDS = st.sampled_from(["\n", "\r\n", "\r"])
HOSTILE = st.lists(
    st.sampled_from([*b'a1 ,;"\n\r\\\t\x00', 0xC3, 0xA9, 0xFF, 0x85, 0xE2]).map(lambda byte: bytes([byte]))
    | st.sampled_from(
        [b'"a,b"', b'""', b",,", b"\r\n", b"x,y,z\n", b'"x\ny",1,2\n', b"k,name,3\r\n", "é,ü,ß\n".encode()]
    ),
    max_size=40,
).map(b"".join)


def read(text: bytes, layout: FileLayout, batch_bytes: int = 1 << 20) -> Read:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "file.csv"
        path.write_bytes(text)
        return Read(path, layout, batch_bytes=batch_bytes)


def written(rows: list[tuple[str, ...]], delimiter: str, line_end: str, *, quote_all: bool = False) -> str:
    def cell(text: str) -> str:
        is_quoted = quote_all or any(character in text for character in (delimiter, '"', "\r", "\n"))
        return '"' + text.replace('"', '""') + '"' if is_quoted else text

    return "".join(delimiter.join(map(cell, row)) + line_end for row in [HEADER, *rows])


@pytest.mark.parametrize("batch_bytes", [1 << 20, 97])
@seed(SEED)
@settings(steady, max_examples=40)
@given(
    rows=st.lists(CELLS, min_size=1, max_size=12),
    delimiter=DELIMITERS,
    line_end=LINE_ENDS,
    quote_all=st.booleans(),
    has_end=st.booleans(),
)
def test_a_well_formed_file_is_read_as_the_csv_module_reads_it(
    batch_bytes, rows, delimiter, line_end, quote_all, has_end
):
    text = written(rows, delimiter, line_end, quote_all=quote_all)
    text = text if has_end else text.removesuffix(line_end)
    layout = FileLayout("csv", columns=HEADER, delimiter=delimiter)
    done = read(text.encode(), layout, batch_bytes).check(text.encode())
    assert not done.rejected
    assert done.values() == [list(row) for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)][1:]
    assert done.hashes == [hashlib.sha256(raw.encode()).hexdigest() for raw in done.raw]
    assert done.lines == sorted(done.lines)


@pytest.mark.parametrize("batch_bytes", [1 << 20, 61])
@seed(SEED)
@settings(steady, max_examples=80)
@given(body=HOSTILE)
@example(body=b'"')
@example(body=b'1,"2\n3,4,5\n')
@example(body=b"1,2\r3,4,5\n\r\n")
@example(body=b"\xff\xfe,1,2\n")
@example(body=b'1,"2\n",3\n1,"2",3\n')
def test_nothing_of_a_hostile_file_is_lost(batch_bytes, body):
    """With a UTF-8 mark the bytes are not transcoded, so that every line can be compared with the file."""
    text = b"key,name,amount\n1,plain,2\n" + body
    layout = FileLayout("csv", columns=HEADER, delimiter=",")
    done = read(b"\xef\xbb\xbf" + text, layout, batch_bytes).check(text)
    assert done.rows[:1] == [{"key": "1", "name": "plain", "amount": "2"}] or done.count.footer


@seed(SEED)
@settings(steady, max_examples=60)
@given(body=HOSTILE)
def test_nothing_of_a_hostile_file_without_any_hint_is_lost(body):
    read(body, FileLayout("csv")).check()


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ('900,"never closed,5', "UNBALANCED_QUOTE"),
        ('900,"closed" too early,5', "TEXT_AFTER_QUOTE"),
        ("900,short", "COLUMN_COUNT"),
        ("900,one,two,three", "COLUMN_COUNT"),
        ("900,N\x00UL,5", "UNREADABLE_RECORD"),
    ],
)
@pytest.mark.parametrize("batch_bytes", [1 << 20, 211])
def test_one_bad_line_costs_one_record(fault, code, batch_bytes):
    """In the midst of records with quotes and line ends; the reader goes on with the next line."""
    random_source = random.Random(SEED)
    for _ in range(8):
        rows = [(str(n), random_source.choice(["plain", 'a "b"', "x, y", "two\nlines"]), "1.5") for n in range(20)]
        text = written(rows, ",", "\n").splitlines(keepends=True)
        starts = [n for n, line in enumerate(text) if line[0].isdigit()]
        place = random_source.choice(starts)
        body = "".join([*text[:place], fault, "\n", *text[place:]])
        done = read(body.encode(), FileLayout("csv", columns=HEADER, delimiter=","), batch_bytes).check(body.encode())
        assert done.codes() == {place + 1: code}, f"seed {SEED}"
        assert done.values() == [list(row) for row in rows], f"seed {SEED}"


@seed(SEED)
@settings(steady, max_examples=40)
@given(
    rows=st.lists(
        st.tuples(st.integers(0, 99).map(str), st.text(st.sampled_from("abc éüß€'"), min_size=1, max_size=9))
    ),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"]),
    line_end=LINE_ENDS,
)
def test_every_encoding_gives_the_same_text(rows, encoding, line_end):
    rows = [*rows, ("1", "crème brûlée à volonté")]  # enough text to tell the encoding from
    text = line_end.join(["key,name", *(f"{key},{name}" for key, name in rows), ""])
    done = read(text.encode(encoding), FileLayout("csv"), 50).check()
    assert done.values() == [list(row) for row in rows]
    assert done.reader.encoding == {"utf-8-sig": "utf-8", "utf-16": "utf-16-le", "utf-32": "utf-32-le"}.get(
        encoding, done.reader.encoding if encoding == "cp1252" else encoding
    )
