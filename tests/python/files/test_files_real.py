"""Real files: counts and sums as their README files and facts.json give them, found without any layout."""

from __future__ import annotations

import csv
import json
from decimal import Decimal, InvalidOperation
from pathlib import Path

import pytest
from file_reads import DATA, Read, needs_data

from ingestion.files import FileLayout, describe_file

pytestmark = needs_data
FACTS = json.loads((DATA / "facts.json").read_text(encoding="utf-8"))["files"] if DATA.is_dir() else {}
FOLDERS = (
    "scm",
    "finance_spend",
    "erp_sap_tables",
    "hr_workday",
    "erp_sap_po",
    "bank",
    "reference",
    "messy",
    "capacity",
)
PLAIN = {
    fact["file"]: fact["facts"]
    for fact in FACTS.values()
    if fact["file"].startswith(FOLDERS) and fact["file"].endswith(".csv") and "rows" in fact["facts"]
}
MESSY = {  # name: encoding, header line, good, rejected, preamble, footer lines
    "01_va_education_fy10.csv": ("utf-8", 3, 53, 0, 1, 2),
    "02_manufacturing_co2_pasted.csv": ("utf-8", 4, 14, 0, 2, 2),
    "03_giss_global_temp_mixed.csv": ("utf-8", 4, 133, 0, 2, 0),
    "04_gasto_latin1_spanish.csv": ("latin-1", 1, 114, 0, 0, 1),
    "05_aerzte_head_padding.csv": ("utf-8", 12, 60, 0, 8, 16),  # 50 records and 10 group headings
    "06_comuni_italia_latin1.csv": ("cp1252", 1, 7904, 0, 0, 0),  # 0x92 stands on two lines: not Latin-1
    "07_pegel_german.csv": ("utf-8", 1, 7, 0, 0, 0),
    "08_multiline_headers.xlsx": (None, 5, 1, 0, 0, 0),
    "09_merged_cells.xlsx": (None, 1, 0, 0, 0, 0),
    "10_number_format_multicode.xlsx": (None, 1, 3, 0, 0, 0),
    "11_comune_leading_zero_codes.csv": ("utf-8", 1, 5, 0, 0, 0),
    "12_ragged_and_blank_header.csv": ("utf-8", 1, 0, 3, 0, 0),
    "13_multiple_errors.csv": ("utf-8", 1, 2, 5, 0, 0),
    "14_nightmare_invalid_utf8.csv": ("latin-1", 1, 43, 4, 0, 0),  # the fifth bad line is a text for a number
    "15_shift_jis.csv": ("cp932", 1, 20, 0, 0, 0),
    "16_utf16.csv": ("utf-16-le", 1, 20, 0, 0, 0),
    "17_cr_only_lineitem.csv": ("utf-8", 1, 10, 0, 0, 0),
    "18_bad_too_long_too_short.csv": ("utf-8", 1, 1, 2, 0, 0),
    "19_null_byte.csv": ("utf-8", 1, 0, 1, 0, 0),  # the record with a NUL is a dead letter
    "20_locale_decimal_comma.csv": ("utf-8", 1, 1, 0, 0, 0),
    "21_excel_properties.xls": (None, 1, 17, 0, 0, 0),
    "22_unicode_sheet_name.xls": (None, 1, 0, 0, 0, 0),
    "23_mixed_structure.json": ("utf-8", None, 3, 0, 0, 0),
    "24_nested.json": ("utf-8", None, 2, 0, 0, 0),
    "25_missing_tokens.csv": ("utf-8", 1, 1, 0, 0, 0),
}


@pytest.mark.parametrize("name", MESSY)
def test_messy_file(name):
    found = describe_file(DATA / "messy" / name)
    count = found.count
    seen = (found.encoding, found.header_line, count.good, count.rejected, count.preamble, count.footer)
    assert seen == MESSY[name]
    assert count.accounted == count.lines


def test_all_messy_files_are_covered():
    assert {path.name for path in (DATA / "messy").glob("[0-9]*")} == set(MESSY)


def test_rejected_lines_of_messy_files_have_their_reason():
    nightmare = Read(DATA / "messy" / "14_nightmare_invalid_utf8.csv", FileLayout("csv")).check()
    assert nightmare.codes() == {
        10: "COLUMN_COUNT", 14: "COLUMN_COUNT", 22: "TEXT_AFTER_QUOTE", 38: "INVALID_ENCODING",
    }  # fmt: skip
    assert next(record for record in nightmare.rejected if record.line == 38).raw == r'1,2,"pedro\xff\xff"'
    errors = Read(DATA / "messy" / "13_multiple_errors.csv", FileLayout("csv")).check()
    assert sorted(errors.codes()) == [4, 5, 6, 7, 8]


@pytest.mark.parametrize("name", sorted(PLAIN))
def test_counts_and_sums_of_facts(name):
    facts = PLAIN[name]
    done = Read(DATA / name, FileLayout("csv")).check()
    assert done.count.records == facts["rows"]
    assert done.count.rejected == facts.get("short_rows", 0) + facts.get("long_rows", 0)
    for column, total in facts.get("sums", {}).items():
        try:
            cells = [Decimal(row[column]) for row in done.rows if row[column].strip()]
        except InvalidOperation:
            continue  # money signs and thousands separators: the typed check's business
        assert sum(cells) == Decimal(total), column


def test_totals_are_counted_and_left_out():
    """Sums per year of README; the Total row of the file itself is 2 off in 2002."""
    path = DATA / "messy" / "02_manufacturing_co2_pasted.csv"
    done = Read(path, FileLayout("csv", total_rows="(?i)^(sub)?total")).check()
    assert (done.count.totals, len(done.rows)) == (1, 13)
    assert sum(int(row["2000"].replace(",", "")) for row in done.rows) == 120522
    assert sum(int(row["2002"].replace(",", "")) for row in done.rows) == 110530


@pytest.mark.parametrize(
    ("name", "records"),
    [
        ("finance_spend/hmt_spend_2025-01.json", 79),
        ("finance_spend/hmt_spend_2025-02.json", 67),
        ("events/rasa_tracker_2888158124550630.jsonl", 666),
        ("events/mixpanel_like_events.jsonl", 3),
        ("events/github_issue_events.json", 100),
        ("cbam/cnCodes_2025.json.gz", 9778),
    ],
)
def test_json_files(name, records):
    done = Read(DATA / name, FileLayout("jsonl")).check()
    assert (len(done.rows), done.rejected) == (records, [])


def test_packed_csv():
    done = Read(DATA / "events" / "cran_downloads_2013-06-15.csv.gz", FileLayout("csv")).check()
    assert (len(done.rows), sum(int(row["size"]) for row in done.rows)) == (37459, 30580696309)


def test_emission_factors_by_sheet_name():
    path = DATA / "emissions" / "ghg-conversion-factors-2024-FlatFormat_v1_1.xlsx"
    done = Read(path, FileLayout("workbook", sheet="factors by CATEGORY", columns=("ID", "Scope", "GHG/Unit"))).check()
    factors = [Decimal(row["GHG Conversion Factor 2024"]) for row in done.rows if row["GHG Conversion Factor 2024"]]
    assert (len(done.rows), len(factors), done.count.footer) == (8740, 7029, 1)  # the last row says END
    assert abs(sum(factors) - Decimal("1396352.667937724520464611820")) < Decimal("1e-8")
    assert done.lines[0] == 7


def test_capacities_are_unpivoted_with_their_header_rows():
    path = DATA / "capacity" / "National_Generation_Capacities.xlsx"
    layout = FileLayout(
        "workbook",
        sheet="Summary",
        columns=("Level 0", "Level 1", "Level 2", "Level 3", "Technology level"),
        unpivot_columns="^(Gross capacity|Net capacity|Unknown)$",
        unpivot_name_field="capacity_definition",
        unpivot_value_field="capacity_mw",
        unpivot_header_rows=((1, "country"), (3, "year"), (4, "source"), (5, "source_type")),
    )
    done = Read(path, layout).check()
    with Path(DATA / "_expected" / "national_capacity_long.csv").open(encoding="utf-8", newline="") as file:
        expected = list(csv.DictReader(file))
    texts = ("country", "year", "source", "source_type", "capacity_definition")

    def key(row: dict[str, str], label: str, level: str) -> tuple[str, ...]:
        return (row[label], row[level], *(row[name] for name in texts), f"{float(row['capacity_mw']):.6f}")

    assert sorted(key(row, "unnamed_1", "Level 0") for row in done.rows) == sorted(
        key(row, "row_label", "level_0") for row in expected
    )
    assert len(done.rows) == 2022
    assert done.batches[0].cells[0].as_py() == "G8"
