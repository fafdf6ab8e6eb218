"""Real files through the whole landing: counts and sums of their publishers, each row traceable to its line."""

from __future__ import annotations

import csv
import hashlib
import json
import random
import re
from decimal import Decimal
from pathlib import Path

import pytest
from real_files.real_landing import (
    DATA,
    SEED,
    Delivery,
    Landed,
    RealReader,
    check_conservation,
    dataset_name,
    needs_data,
    stand_in,
)

pytestmark = needs_data
FACTS = json.loads((DATA / "facts.json").read_text(encoding="utf-8"))["files"] if DATA.is_dir() else {}
FACTS = {fact["file"]: fact["facts"] for fact in FACTS.values() if fact["tree"] == "data"}
AS_TOTAL = ("      - property: readMode\n", "      - property: totalRows\n        value: '(?i)^(sub)?total'\n"
            "      - property: readMode\n")  # fmt: skip
MESSY = {  # name: good, rejected
    "01_va_education_fy10.csv": (53, 0),
    "02_manufacturing_co2_pasted.csv": (13, 0),  # without its total
    "03_giss_global_temp_mixed.csv": (133, 0),
    "04_gasto_latin1_spanish.csv": (114, 0),
    "05_aerzte_head_padding.csv": (60, 0),
    "06_comuni_italia_latin1.csv": (7904, 0),
    "07_pegel_german.csv": (7, 0),
    "08_multiline_headers.xlsx": (1, 0),
    "09_merged_cells.xlsx": (0, 0),
    "10_number_format_multicode.xlsx": (3, 0),
    "11_comune_leading_zero_codes.csv": (5, 0),
    "12_ragged_and_blank_header.csv": (0, 3),
    "13_multiple_errors.csv": (2, 5),
    "14_nightmare_invalid_utf8.csv": (42, 5),  # the fifth is a text for a number
    "15_shift_jis.csv": (20, 0),
    "16_utf16.csv": (20, 0),
    "17_cr_only_lineitem.csv": (10, 0),
    "18_bad_too_long_too_short.csv": (1, 2),
    "19_null_byte.csv": (0, 1),
    "20_locale_decimal_comma.csv": (1, 0),
    "21_excel_properties.xls": (17, 0),
    "22_unicode_sheet_name.xls": (0, 0),
    "23_mixed_structure.json": (3, 0),
    "24_nested.json": (2, 0),
    "25_missing_tokens.csv": (1, 0),
}
UNREADABLE = {  # no record of these can be read, so their contracts are drafted from a line with their columns
    "09_merged_cells.xlsx": ["x", "y"],
    "12_ragged_and_blank_header.csv": ["id", "name", "name_2"],
    "19_null_byte.csv": ["a", "b", "c"],
    "22_unicode_sheet_name.xls": ["x"],
}
CHOSEN = (
    "scm/SCMS_Delivery_History_Dataset.csv",
    "finance_spend/gla_expenditure_over_250.csv",
    "finance_spend/hmt_spend_2025-01.json",
    "finance_spend/hmt_spend_2025-02.json",
    "finance_spend/bank_demo_payments.csv",
    "emissions/ghg-conversion-factors-2024-FlatFormat_v1_1.xlsx",
    "bank/bank-additional.csv",
    "events/rasa_tracker_2888158124550630.jsonl",
    "events/mixpanel_like_events.jsonl",
    "hr_workday/workday_personal_information_history_data.csv",
    "hr_workday/workday_worker_history_data.csv",
    "erp_sap_tables/sap_ekpo_data.csv",
    "erp_sap_tables/sap_acdoca_data.csv",
    "erp_sap_datasphere/Sales/SalesOrders.csv",
    "erp_sap_datasphere/Sales/SalesOrderItems.csv",
)
FOLDERS = ("hr_workday", "erp_sap_tables", "erp_sap_po", "erp_sap_datasphere/FI", "erp_sap_datasphere/HR", "capacity",
           "bank", "reference", "events", "finance_spend")  # fmt: skip
NOT_PLAIN = (".md", ".xlsx", ".xls")
CAPACITY = "national_capacity"
CAPACITY_ROWS = ((1, "country"), (3, "year"), (4, "source"), (5, "source_type"))
CAPACITY_TEXTS = ("country", "year", "source", "source_type", "capacity_definition")


def as_thousands(field: str) -> list[tuple[str, str]]:
    text = f"      - name: column_{field}\n        logicalType: string\n        physicalType: varchar\n"
    number = text.replace("string", "integer").replace("varchar", "bigint")
    separator = f"value: '{field}'\n          - property: thousandsSeparator\n            value: ','\n"
    return [(text, number), (f"value: '{field}'\n", separator)]


def changes(name: str) -> list[tuple[str, str]]:
    """What a person edits in the drafts."""
    if name.startswith("02_"):  # 1,234 can be read in two ways, and the file tells nothing of which
        return [AS_TOTAL, *as_thousands("2000"), *as_thousands("2002")]
    if name.startswith("14_"):
        column = "      - name: b\n        logicalType: string\n        physicalType: varchar\n"
        return [(column, column.replace("string", "integer").replace("varchar", "bigint"))]
    return []


def deliver_messy(delivery: Delivery, directory: Path) -> None:
    for name in MESSY:
        path = DATA / "messy" / name
        dataset = delivery.deliver(path)
        if name not in UNREADABLE:
            delivery.draft(dataset, path, *changes(name))
            continue
        kind = "workbook" if path.suffix.startswith(".xls") else "csv"
        to_kind = ("fileFormat\n        value: csv", f"fileFormat\n        value: {kind}")
        delivery.draft(dataset, stand_in(directory, UNREADABLE[name]), to_kind)


def deliver_capacity(delivery: Delivery, directory: Path) -> None:
    with (DATA / "_expected" / "national_capacity_long.csv").open(encoding="utf-8", newline="") as file:
        rows = [{**row, "capacity_mw": f"{Decimal(row['capacity_mw']):f}"} for row in csv.DictReader(file)]
    columns = ["unnamed_1", "Level 0", "Level 1", "Level 2", "Level 3", "Technology level", *list(rows[0])[6:]]
    unpivot = {
        "sheet": "Summary",
        "unpivotColumns": "^(Gross capacity|Net capacity|Unknown)$",
        "unpivotNameField": "capacity_definition",
        "unpivotValueField": "capacity_mw",
    }
    lines = "".join(f"      - property: {name}\n        value: {value}\n" for name, value in unpivot.items())
    to_workbook = ("fileFormat\n        value: csv\n", f"fileFormat\n        value: workbook\n{lines}")
    delivery.deliver(DATA / "capacity" / "National_Generation_Capacities.xlsx", CAPACITY)
    delivery.draft(CAPACITY, stand_in(directory, columns, *(list(row.values()) for row in rows)), to_workbook)


@pytest.fixture(scope="module")
def landed(tmp_path_factory: pytest.TempPathFactory) -> Landed:
    """All chosen files in one load, each with the draft of its contract."""
    directory = tmp_path_factory.mktemp("real")
    delivery = Delivery(directory)
    deliver_messy(delivery, directory)
    deliver_capacity(delivery, directory)
    for name in CHOSEN:
        delivery.draft(delivery.deliver(DATA / name), DATA / name)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RealReader, "header_rows", {CAPACITY: CAPACITY_ROWS})
        return delivery.load()


def place(name: str) -> str:
    return dataset_name(DATA / name)


def check_facts(landed: Landed, name: str) -> list[str]:
    """Rows and sums of facts.json; returns the columns that have a sum there and are no numbers."""
    facts, dataset = FACTS[name], place(name)
    counts = landed.report.datasets[dataset]
    if "rows" in facts:
        bad = facts.get("short_rows", 0) + facts.get("long_rows", 0)
        assert (counts.rows_read, counts.rows_rejected) == (facts["rows"], bad), name
    others = []
    contract = (landed.inbox.parent / "contracts" / "real" / f"{dataset}.odcs.yaml").read_text(encoding="utf-8")
    for field, total in facts.get("sums", {}).items():
        pattern = rf"- name: (\w+)\n\s+logicalType: (\w+)(?:(?!- name:)[\s\S])*?value: ['\"]?{re.escape(field)}['\"]?\n"
        column, kind = re.search(pattern, contract).groups()
        if kind not in ("integer", "number"):
            others.append(field)
            continue
        assert landed.rows(f"select sum({column})::decimal(38, 6) from raw_real.{dataset}")[0][0] == Decimal(total), (
            field
        )
    return others


@pytest.mark.parametrize("name", MESSY)
def test_messy_file_lands_and_rejects_as_it_should(landed: Landed, name: str):
    counts = landed.report.datasets[place(f"messy/{name}")]
    assert (counts.rows_good, counts.rows_rejected) == MESSY[name]
    assert counts.rows_read == sum(MESSY[name])


def test_all_messy_files_are_covered():
    assert {path.name for path in (DATA / "messy").glob("[0-9]*")} == set(MESSY)


def test_nothing_is_lost_between_file_and_warehouse(landed: Landed):
    check_conservation(landed)
    assert landed.report.refused_files == []
    assert landed.report.notices == [], "a drafted contract names every column of its file"


@pytest.mark.parametrize("name", CHOSEN)
def test_counts_and_sums_of_facts(landed: Landed, name: str):
    assert check_facts(landed, name) == []


def test_rejected_lines_of_messy_files_have_their_reason(landed: Landed):
    sql = "select source_ref, reason_codes from raw_ops.dead_letters where dataset = ? order by all"
    found = landed.rows(sql, place("messy/14_nightmare_invalid_utf8.csv"))
    assert {int(ref.rpartition(":")[2]): codes for ref, codes in found} == {
        10: "COLUMN_COUNT:*", 14: "COLUMN_COUNT:*", 19: "TYPE_MISMATCH:b", 22: "TEXT_AFTER_QUOTE:*",
        38: "INVALID_ENCODING:*",
    }  # fmt: skip
    assert landed.rows(sql, place("messy/19_null_byte.csv"))[0][1] == "UNREADABLE_RECORD:*"


def test_texts_arrive_as_they_were_meant(landed: Landed):
    assert ("José Álvarez",) in landed.rows("select name from raw_real.messy_16_utf16")
    assert "山田" in [cell for row in landed.rows("select * from raw_real.messy_15_shift_jis") for cell in row]
    codes = landed.rows("select columns(*)::varchar from raw_real.messy_11_comune_leading_zero_codes")
    assert any(re.fullmatch("0[0-9]+", str(cell)) for row in codes for cell in row), "leading zeros stay"


def test_totals_are_left_out(landed: Landed):
    sql = "select sum(column_2000), sum(column_2002) from raw_real.messy_02_manufacturing_co2_pasted"
    assert landed.rows(sql) == [(120522, 110530)]


def test_shipments_of_usaid(landed: Landed):
    table = f"raw_real.{place(CHOSEN[0])}"
    number = "regexp_full_match({0}, '[0-9.]+')"
    weight = f"sum(case when {number.format('weight_kilograms')} then weight_kilograms::decimal(18,2) end)"
    freight = f"sum(case when {number.format('freight_cost_usd')} then freight_cost_usd::decimal(18,2) end)"
    sql = f"select count(distinct id), sum(line_item_insurance_usd), {weight}, {freight} from {table}"
    assert landed.rows(sql) == [
        (10324, Decimal("2410060.61"), Decimal("21820540.00"), Decimal("68817849.41"))
    ]  # fmt: skip
    days = landed.rows(f"select min(delivered_to_client_date)::varchar, typeof(any_value(delivered_to_client_date)) "
                       f"from {table}")  # fmt: skip
    assert days[0][1] == "DATE" and days[0][0].startswith("2006-")


def test_spend_by_year_and_by_entity(landed: Landed):
    gla = landed.rows(
        f"select year(date), sum(amount)::varchar from raw_real.{place(CHOSEN[1])} group by all order by 1"
    )
    assert [f"{year} {total}" for year, total in gla] == [
        "2008 40147745.88", "2009 42806633.90", "2010 46413104.76", "2011 67153561.99", "2012 304739476.32",
        "2013 498822783.15",
    ]  # fmt: skip
    for name, total, rows in ((CHOSEN[2], "17274927.62", 79), (CHOSEN[3], "14204796.49", 67)):
        assert landed.rows(f"select sum(amount_gbp)::varchar, count(*) from raw_real.{place(name)}") == [(total, rows)]


def test_emission_factors(landed: Landed):
    """facts.json adds the binary fractions of the workbook; a spreadsheet keeps 15 digits."""
    table, column = f"raw_real.{place(CHOSEN[5])}", "ghg_conversion_factor_2024"
    found = landed.rows(f"select count(*), count({column}), sum({column}) from {table}")[0]
    assert found[:2] == (8740, 7029)
    assert abs(found[2] - Decimal("1396352.667937724520464611820")) < Decimal("1e-8")
    look_up = f"select {column}::double from {table} where id = '7_400_4000_5_1'"
    assert landed.rows(look_up) == [(0.20705,)]


def test_capacities_with_countries_and_years_in_columns(landed: Landed):
    with (DATA / "_expected" / "national_capacity_long.csv").open(encoding="utf-8", newline="") as file:
        expected = [
            (row["row_label"], *(row[name] for name in CAPACITY_TEXTS), f"{float(row['capacity_mw']):.6f}")
            for row in csv.DictReader(file)
        ]
    chosen = ", ".join(f"{name}::varchar" for name in CAPACITY_TEXTS)
    rows = landed.rows(f"select unnamed_1, {chosen}, capacity_mw::double from raw_real.{CAPACITY}")
    assert sorted((*row[:-1], f"{row[-1]:.6f}") for row in rows) == sorted(expected)


def test_orders_with_decimal_comma(landed: Landed):
    sql = f"select sum(grossamount)::varchar, sum(netamount)::varchar from raw_real.{place(CHOSEN[13])}"
    assert landed.rows(sql) == [("153631419", "134427503.07")]
    flat = f"select count(*) from raw_real.{place(CHOSEN[14])} where abs(grossamount - netamount - taxamount) > 0.01"
    assert landed.rows(flat) == [(0,)]


@pytest.mark.parametrize("name", [CHOSEN[0], CHOSEN[1], CHOSEN[6], CHOSEN[14]])
def test_rows_lead_back_to_their_line(landed: Landed, name: str):
    print(f"STRATA_SEED={SEED}")
    lines = (DATA / name).read_bytes().removeprefix(b"\xef\xbb\xbf").split(b"\n")
    sql = f"select _source_line, _source_ref, _source_file, _row_hash from raw_real.{place(name)} order by 1"
    rows = landed.rows(sql)
    for line, ref, file, digest in [rows[0], rows[-1], *random.Random(SEED).sample(rows, 200)]:
        assert file == f"{place(name)}/{Path(name).name}"
        assert ref == f"{file}:{line}"
        text = lines[line - 1].removesuffix(b"\r")
        if text.count(b'"') % 2 == 0:  # else the record goes on in the next line
            assert digest == hashlib.sha256(text).hexdigest(), ref


def test_records_of_an_array_and_cells_of_a_workbook_lead_back_too(landed: Landed):
    lines = (DATA / CHOSEN[2]).read_text(encoding="utf-8").splitlines()
    for (line,) in landed.rows(f"select _source_line from raw_real.{place(CHOSEN[2])}"):
        assert lines[line - 1].strip() == "{"
    table = f"raw_real.{place(CHOSEN[5])}"
    first = landed.rows(f"select min_by(_source_ref, _source_line), min_by(id, _source_line) from {table}")[0]
    assert first[0].endswith("!Factors by Category!A7") and first[1].startswith("1_")
    assert landed.rows(f"select min_by(_source_ref, _source_line) from raw_real.{CAPACITY}")[0][0].endswith(
        "!Summary!G8"
    )


@pytest.mark.slow
def test_every_plain_file_lands(tmp_path: Path):
    delivery, names = Delivery(tmp_path), []
    for folder in FOLDERS:
        for path in sorted((DATA / folder).iterdir()):
            if path.suffix not in NOT_PLAIN:
                delivery.draft(delivery.deliver(path), path)
                names.append(f"{folder}/{path.name}")
    landed = delivery.load()
    check_conservation(landed)
    assert landed.report.refused_files == []
    others = {name: found for name in names if (found := check_facts(landed, name))}
    days = {"erp_sap_tables/sap_bsad_bck_data.csv": ["tax_country1"]}  # 20231030: a day here, a number in facts.json
    assert others == days, "columns with a sum that landed as something else"
    assert len(names) > 100
