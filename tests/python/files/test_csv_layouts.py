"""Layouts that people deliver: where the header is, what stands around the data, how fields are quoted."""

from __future__ import annotations

import pytest
from file_reads import Read

from ingestion.errors import ConfigError, SourceError
from ingestion.files import FileLayout, describe_file, escape_raw, unescape_raw


@pytest.fixture
def read(tmp_path):
    def reader(text: str | bytes, **parts: object) -> Read:
        path = tmp_path / "file.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return Read(path, FileLayout("csv", **parts)).check()

    return reader


def test_expected_columns_find_the_header_below_a_preamble(read):
    text = "Report;created;2026-09-30\n\na;b;c\n Kunde ;Betrag;\u00a0Datum\nX;1,5;30.09.2026\n"
    done = read(text, columns=("Betrag", "Datum", "Kunde"))
    assert done.rows == [{"Kunde": "X", "Betrag": "1,5", "Datum": "30.09.2026"}]
    assert (done.count.preamble, done.count.blank, done.lines) == (2, 1, [5])


def test_header_names_are_compared_in_normal_form(read):
    assert read("Ku\u0308rzel,Wert\na,1\n", columns=("K\u00fcrzel", "Wert")).rows == [{"K\u00fcrzel": "a", "Wert": "1"}]


def test_a_repeated_header_line_is_no_record(read):
    done = read("id,name\n1,a\nid,name\n2,b\n")
    assert (done.values(), done.count.header) == ([["1", "a"], ["2", "b"]], 2)


def test_duplicate_and_blank_header_names(read):
    assert read("id,amount,,amount,amount_2\n1,2,x,3,4\n").rows == [
        {"id": "1", "amount": "2", "unnamed_3": "x", "amount_3": "3", "amount_2": "4"}
    ]


def test_spare_delimiters_at_the_end_of_lines(read):
    assert read("a,b\n1,2,\n3,4,,\n5,6,x\n").codes() == {4: "COLUMN_COUNT"}
    assert read("a;b;\n1;2;\n3;4;\n").rows == [{"a": "1", "b": "2"}, {"a": "3", "b": "4"}]


@pytest.mark.parametrize(
    ("line", "values"),
    [
        ('1, "x, y", 2', ["1", "x, y", " 2"]),  # blanks before the quote
        ('1,"x \\"y\\", z",2', ["1", 'x "y", z', "2"]),  # backslash before the quote
        ('1,5" pipe,2', ["1", '5" pipe', "2"]),  # a quote within a text
        ('1,say "hi",2', ["1", 'say "hi"', "2"]),
        ('1,"x" ,2', ["1", "x", "2"]),  # blanks behind the quote
        ('1,"",2', ["1", "", "2"]),
    ],
)
def test_dialects_of_quotes(read, line, values):
    done = read(f'a,b,c\n0,p,"q"\n{line}\n9,p,q\n', columns=("a", "b", "c"))
    assert done.values() == [["0", "p", "q"], values, ["9", "p", "q"]]
    assert done.raw[1] == line


def test_a_lone_carriage_return_within_a_text(read):
    assert read(b"a,b,c\n1,x\ry,2\n2,z,3\n").values() == [["1", "x\ry", "2"], ["2", "z", "3"]]


def test_a_cut_off_last_record_is_rejected_and_not_taken_for_a_note(read):
    done = read("id,name,street,city\n1,a,b,c\n2,An")
    assert (done.codes(), done.count.footer) == ({3: "COLUMN_COUNT"}, 0)


def test_notes_at_the_end_are_counted(read):
    done = read("id,name,x,y\n1,a,b,c\n\n* estimated\nSource: the office,,,\nSum of all plants in the region,,,\n")
    assert (len(done.rows), done.rejected, done.count.footer, done.count.blank) == (1, [], 3, 1)


def test_a_file_without_a_header(read):
    done = read("1|x|2026-01-01\n2|y|2026-01-02\n", has_header=False, columns=("id", "name", "day"))
    assert done.rows[0] == {"id": "1", "name": "x", "day": "2026-01-01"}
    assert read("1|x|2026-01-01\n2|y|2026-01-02\n").rows[1]["column_1"] == "2"


def test_ten_megabytes_in_one_field(read):
    text = 'a,b\n1,"' + "x\n" * 5_000_000 + '"\n2,y\n'
    done = read(text)
    assert [len(row["b"]) for row in done.rows] == [10_000_000, 1]
    assert done.lines == [2, 5_000_003]


@pytest.mark.parametrize("text", ["", "\n\n", "a,b\n", "a", "\ufeff", ",,,\n,,,\n", '"', "\x00"])
def test_files_with_hardly_anything_in_them(read, text):
    assert read(text).count.good == 0


def test_escaped_text_can_be_undone():
    raw = b'a\\x00,\xff"\\\\\x00\xc3\xa9\xc3'
    assert unescape_raw(escape_raw(raw)) == raw
    escape_raw(raw).encode("utf-8")


def test_describe_gives_a_layout_that_reads_the_file(tmp_path):
    path = tmp_path / "x.txt"
    path.write_bytes("Titel\n\nName\tOrt\nMüller\tKöln\nWeiß\tBonn\n".encode("cp1252"))
    found = describe_file(path)
    assert (found.layout.delimiter, found.layout.columns, found.header_line) == ("\t", ("Name", "Ort"), 3)
    assert Read(path, found.layout).rows[0] == {"Name": "Müller", "Ort": "Köln"}


def test_wrong_layouts_and_missing_files_are_named(tmp_path):
    with pytest.raises(SourceError, match="nowhere.csv.*Remedy"):
        Read(tmp_path / "nowhere.csv", FileLayout("csv"))
    path = tmp_path / "x.csv"
    path.write_text("a\n")
    with pytest.raises(ConfigError, match="parquet"):
        Read(path, FileLayout("parquet"))
    with pytest.raises(ConfigError, match="ASCII"):
        Read(path, FileLayout("csv", delimiter="+|"))
    with pytest.raises(SourceError, match="no encoding"):
        Read(path, FileLayout("csv", encoding="klingon"))
