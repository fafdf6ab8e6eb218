"""The bench: its arithmetic, its plan of statements, its workers on real files, what it says when a measure fails."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from rich.console import Console

from benchmarks import building, file_rate, machine, order_lines, parts, purge, report
from benchmarks.__main__ import main
from benchmarks.figures import Spread, growth, summarise, with_ratios
from benchmarks.process import BenchError, Measured, run, worker
from benchmarks.workers import load_files
from benchmarks.workspace import ROOT, Workspace
from ingestion.contract import load_contracts
from ingestion.sources import SOURCES

ENV = dict(os.environ)
BUSY = "x = bytearray(200 * 2**20)\nfor i in range(0, len(x), 4096): x[i] = 1\n"


def measured_from_a_small_process(*commands: list[str]) -> list[Measured]:
    """Measure as the bench does, from a process that holds little: pytest's own memory would count as the child's."""
    code = (
        "import dataclasses, json, os, sys; from benchmarks.process import run\n"
        "print(json.dumps([dataclasses.asdict(run(c, dict(os.environ))) for c in json.loads(sys.argv[1])]))"
    )
    command = [sys.executable, "-c", code, json.dumps(commands)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    return [Measured(**found) for found in json.loads(done.stdout)]


def test_a_command_is_measured_in_time_and_memory():
    small, large = measured_from_a_small_process(
        [sys.executable, "-c", "print('[1]')"], [sys.executable, "-c", BUSY + "import time; time.sleep(0.5)"]
    )
    assert small.json() == [1]
    assert large.seconds >= 0.5
    assert large.cpu_seconds < large.seconds
    assert small.peak_mb < 100 < 200 <= large.peak_mb < 400


def test_memory_of_a_grandchild_counts():
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {BUSY!r}])"
    (found,) = measured_from_a_small_process([sys.executable, "-c", code])
    assert 200 <= found.peak_mb < 400


def test_a_failed_command_is_named_with_what_it_said():
    with pytest.raises(BenchError, match=r"(?s)exit code 7.*the reason.*remedy"):
        run([sys.executable, "-c", "import sys; print('the reason'); sys.exit(7)"], ENV)


def test_an_exit_code_can_be_accepted():
    assert run([sys.executable, "-c", "import sys; sys.exit(3)"], ENV, accept=(0, 3)).output == ""


FIGURES = {
    "build_seconds": 12.0,
    "build_cpu_seconds": 10.0,
    "build_nodes": 40.0,
    "parse_cold_seconds": 6.0,
    "parse_warm_seconds": 3.0,
    "direct_seconds": 1.0,
    "direct_cpu_seconds": 2.0,
    "rebuild_seconds": 6.0,
}


def test_ratios_and_cost_of_a_node():
    found = with_ratios(FIGURES)
    assert found["build_per_direct"] == 12.0
    assert found["build_per_direct_cpu"] == 5.0
    assert found["rebuild_per_build"] == 0.5
    assert found["warm_per_cold_parse"] == 0.5
    assert found["node_milliseconds"] == 200.0  # (12 - 3 - 1) s over 40 nodes
    assert "landing_per_extract_read" not in found  # its figures were not taken


def test_medians_are_of_each_figure_and_growth_is_of_medians():
    small = summarise([{"s": seconds, "build_per_direct": 9.0} for seconds in (1.0, 5.0, 2.0)])
    assert small["s"] == Spread(2.0, 1.0, 5.0)
    grown = growth({1.0: small, 10.0: summarise([{"s": 8.0, "build_per_direct": 3.0}])})
    assert grown == {"s": 4.0}  # a ratio does not grow
    assert growth({1.0: small}) == {}


def test_results_say_where_they_were_taken_but_not_by_whom(tmp_path):
    spreads = {1.0: summarise([with_ratios(FIGURES)]), 10.0: summarise([with_ratios(FIGURES)])}
    described = machine.describe()
    path = report.save(spreads, described, 1, tmp_path)
    text = path.read_text(encoding="utf-8")
    document = json.loads(text)
    assert document["scales"]["10"]["build_seconds"] == {"median": 12.0, "least": 12.0, "most": 12.0}
    assert document["growth"]["build_seconds"] == 1.0
    assert document["machine"]["packages"]["duckdb"] == duckdb.__version__
    assert document["machine"]["cores"] >= 1 and document["machine"]["memory_gib"] > 0
    assert os.uname().nodename not in text


def test_the_table_shows_each_scale_and_the_growth():
    small = summarise([{"build_seconds": 2.0}, {"build_seconds": 4.0}])
    spreads = {1.0: small, 10.0: summarise([{"build_seconds": 9.0}])}
    text = io.StringIO()
    report.show(spreads, machine.describe(), Console(width=140, file=text))
    line = next(line for line in text.getvalue().splitlines() if "build with tests, s" in line)
    assert "3.0 (2.0 to 4.0)" in line and "9.0" in line and "3.00x" in line


MANIFEST = {
    "nodes": {
        "model.strata.m": {
            "unique_id": "model.strata.m", "package_name": "strata", "original_file_path": "models/m.sql",
            "path": "m.sql", "name": "m", "alias": "m", "relation_name": '"w"."s"."m"',
        },
        "test.strata.unique_m.1": {
            "unique_id": "test.strata.unique_m.1", "package_name": "strata", "original_file_path": "models/m.yml",
            "path": "unique_m.sql", "name": "unique_m",
        },
        "test.strata.volume.1": {
            "unique_id": "test.strata.volume.1", "package_name": "strata", "original_file_path": "models/m.yml",
            "path": "volume.sql", "name": "volume", "test_metadata": {"namespace": "elementary"},
        },
        "seed.strata.codes": {
            "unique_id": "seed.strata.codes", "package_name": "strata", "original_file_path": "seeds/codes.csv",
            "path": "codes.csv", "name": "codes", "alias": "codes", "relation_name": '"w"."s"."codes"',
        },
    },
    "unit_tests": {
        "unit_test.strata.m.rule": {
            "unique_id": "unit_test.strata.m.rule", "package_name": "strata", "original_file_path": "models/m.yml",
            "path": "m.yml", "name": "rule",
        }
    },
}  # fmt: skip
ORDER = ["seed.strata.codes", "unit_test.strata.m.rule", "model.strata.m", "test.strata.unique_m.1"]


@pytest.fixture
def run_directory(tmp_path: Path) -> Path:
    """dbt's target/run of one model with a data test and a unit test."""
    statements = {
        "strata/models/m.sql": 'create table "w"."s"."m__dbt_tmp" as (select code from "w"."s"."codes")',
        "strata/models/m.yml/unique_m.sql": 'select count(*) from "w"."s"."m"',
        "strata/models/m.yml/models/rule.sql": "select 1",
    }
    for name, sql in statements.items():
        path = tmp_path / "run" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(sql, encoding="utf-8")
    return tmp_path / "run"


def results(*extra: str) -> list[dict]:
    return [{"unique_id": name} for name in (*ORDER, *extra)]


def test_the_plan_keeps_dbts_order_and_leaves_out_what_is_not_sql(run_directory):
    plan = building.direct_plan(
        MANIFEST, results("exposure.strata.e", "operation.strata.hook", "test.strata.volume.1"), run_directory
    )
    assert [entry["id"] for entry in plan] == ORDER
    assert [Path(entry["file"]).name if entry["file"] else None for entry in plan] == [
        None, "rule.sql", "m.sql", "unique_m.sql",
    ]  # fmt: skip


def test_a_node_without_its_file_is_an_error(run_directory):
    (run_directory / "strata/models/m.yml/unique_m.sql").unlink()
    with pytest.raises(BenchError, match="unique_m.1: 0 files named unique_m.sql"):
        building.direct_plan(MANIFEST, results(), run_directory)


@pytest.mark.parametrize(("rows", "code"), [(2, 0), (3, 1)])
def test_direct_sql_gives_dbts_tables_or_fails(tmp_path, run_directory, rows, code):
    """`rows` is what dbt would have built: with another number than the SQL gives, the worker refuses to report."""
    for name in ("fresh", "built"):
        (tmp_path / name).mkdir()
        duckdb.connect(str(tmp_path / name / "w.duckdb")).close()
    with duckdb.connect(str(tmp_path / "built" / "w.duckdb")) as built:
        built.execute("create schema s")
        built.execute("create table s.codes as select range as code from range(2)")
        built.execute(f"create table s.m as select range as code from range({rows})")
    plan = tmp_path / "plan.json"
    plan.write_text(json.dumps(building.direct_plan(MANIFEST, results(), run_directory)), encoding="utf-8")
    paths = [str(plan), str(tmp_path / "fresh" / "w.duckdb"), str(tmp_path / "built" / "w.duckdb")]
    if code:
        with pytest.raises(BenchError, match="2 rows, dbt has 3"):
            run(worker("direct_sql", *paths), ENV)
        return
    found = run(worker("direct_sql", *paths), ENV).json()
    assert found["statements"] == 3
    assert found["models_seconds"] > 0 and found["tests_seconds"] > 0


def test_the_read_of_files_counts_good_and_refused_lines(tmp_path):
    lines = ["MANDT,EBELN,MENGE,BUDAT", "800,1,1.500,2024-01-31", "800,2,many,2024-01-31", "800,3,2.000,2024-02-30"]
    (tmp_path / "EKBE.csv").write_text("\r\n".join([*lines, ""]), encoding="utf-8-sig", newline="")
    found = run(worker("read_extract", str(tmp_path), str(tmp_path / "x.duckdb")), ENV).json()
    assert (found["rows"], found["refused"]) == (1, 2)
    with duckdb.connect(str(tmp_path / "x.duckdb"), read_only=True) as connection:
        types = [column[1] for column in connection.execute("describe EKBE").fetchall()]
    assert types == ["VARCHAR", "VARCHAR", "DECIMAL(18,3)", "DATE"]


def test_a_stage_works_in_its_own_files_only(tmp_path, monkeypatch):
    monkeypatch.setenv("STRATA_TARGET", "snowflake")
    monkeypatch.setenv("SOURCES__SAP__BASE_URL", "http://127.0.0.1:1")
    workspace = Workspace(tmp_path, 1.0)
    landed = workspace.stage("landing")
    landed.warehouse.write_bytes(b"landed")
    copy = workspace.stage("built", copy_of=landed.warehouse)
    env = copy.env({"A": "b"})
    assert copy.warehouse.read_bytes() == b"landed" and copy.warehouse != landed.warehouse
    assert "STRATA_TARGET" not in env and "SOURCES__SAP__BASE_URL" not in env
    assert env["A"] == "b"
    for name in ("STRATA_WAREHOUSE", "STRATA_STATE_DIR", "DBT_TARGET_PATH"):
        assert env[name].startswith(str(tmp_path))


@pytest.mark.parametrize("arguments", [["--repeat", "0"], ["--scales", "0"], ["--scales", "nan"], ["--only", "x"]])
def test_wrong_arguments_end_with_2(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "usage" in capsys.readouterr().err


MEASURED = {
    "file_plain_load_per_read_cpu": 6.5,
    "file_large_peak_mb": 2048.0,
    "rest_records_per_cpu_second": 9_999.0,
    "paging_saved_ratio": 0.4,
    "again_crm_seconds": 0.4,
    "again_crm_cpu_seconds": 0.3,
    "again_crm_whole_seconds": 4.0,
    "again_crm_whole_cpu_seconds": 3.0,
    "again_crm_rows_read": 7.0,
    "again_crm_rows_landed": 0.0,
}


def test_figures_are_held_against_their_targets_and_what_was_not_measured_is_left_out():
    found = {target.figure: is_met for target, _, is_met in parts.verdicts(MEASURED)}
    assert found == {
        "file_plain_load_per_read_cpu": False,
        "file_large_peak_mb": True,
        "rest_records_per_cpu_second": False,
        "paging_saved_ratio": True,
    }


def test_the_last_table_says_met_or_missed(tmp_path):
    text = io.StringIO()
    report.show_parts(MEASURED, Console(width=140, file=text))
    lines = text.getvalue().splitlines()
    assert any("typed read" in line and "6.50" in line and "at most 6" in line and "missed" in line for line in lines)
    assert any("parallel paging" in line and "at least 0.4" in line and " met " in line for line in lines)
    assert any("crm" in line and "4.00" in line and " 7 " in line for line in lines)
    document = json.loads(report.save({}, machine.describe(), 1, tmp_path, MEASURED).read_text(encoding="utf-8"))
    assert document["parts"] == MEASURED
    assert [target["is_met"] for target in document["targets"]] == [False, True, False, True]


def test_only_the_parts_named_are_measured(monkeypatch, tmp_path, capsys):
    def part(name: str) -> parts.Part:
        return parts.Part(name, name, lambda quick: {f"{name}_quick": float(quick)}, ())

    monkeypatch.setattr(parts, "PARTS", (part("rest"), part("paging")))
    monkeypatch.setattr(report, "RESULTS", tmp_path)
    monkeypatch.chdir(tmp_path)
    assert main(["--quick", "--only", "paging"]) == 0
    document = json.loads(next(tmp_path.glob("*.json")).read_text(encoding="utf-8"))
    assert document["parts"] == {"paging_quick": 1.0}
    assert document["scales"] == {}
    assert "paging ..." in capsys.readouterr().err


def test_the_contract_of_the_file_measure_says_what_its_columns_are(tmp_path):
    load_files.write_contract(tmp_path)
    (dataset,) = load_contracts(load_files.SOURCE, tmp_path).values()
    assert dataset.files.format == "csv" and dataset.keys == ("event_id",)
    assert {f.name: (f.logical_type, f.physical_type) for f in dataset.fields} == {
        name: spec[:2] for name, spec in load_files.COLUMNS.items()
    }
    assert dataset.by_name["amount"].minimum == 0
    assert dataset.by_name["channel"].allowed == ("app", "partner", "web")


@pytest.mark.slow  # eight processes, some of which import dlt
def test_the_file_measure_lands_what_duckdb_reads():
    found = file_rate.file_rate(rows=3000, repeats=1, large_rows=5000)
    assert {name for name in found if name.endswith("load_per_read_cpu")} == {
        "file_plain_load_per_read_cpu", "file_quoted_load_per_read_cpu",
    }  # fmt: skip
    assert all(value > 0 for value in found.values())


@pytest.mark.slow  # lands every source of a small company twice and once more with a process each: about two minutes
def test_every_source_is_measured_with_nothing_new():
    found = parts.nothing_new.nothing_new(0.01)
    assert {f"again_{source}_whole_seconds" for source in SOURCES} <= found.keys()
    assert found["again_crm_rows_read"] == 0


def test_a_purge_and_the_bare_delete_take_the_same_rows():
    found = purge.figures(rows=20_000, repeats=1)
    # Of a thousand days a hundred are due, and of the next thirty the rows that came late.
    assert 2_000 < found["purge_deleted_rows"] < 2_020
    assert {f"purge_{way}_seconds" for way in purge.WAYS} <= found.keys()
    assert found["purge_digest_per_delete_cpu"] == found["purge_digest_cpu_seconds"] / found["purge_bare_cpu_seconds"]


@pytest.mark.slow  # lands and builds a tiny company four times over: about a minute and a half
def test_the_whole_bench_runs_and_its_results_hold_together(tmp_path, monkeypatch):
    monkeypatch.setattr(report, "RESULTS", tmp_path)
    monkeypatch.chdir(tmp_path)
    assert main(["--scales", "0.05", "--repeat", "1", "--only", "company"]) == 0
    document = json.loads(next(tmp_path.glob("*.json")).read_text(encoding="utf-8"))
    found = {name: spread["median"] for name, spread in document["scales"]["0.05"].items()}
    assert {name for section in report.SECTIONS.values() for name, *_ in section} <= found.keys()
    assert all(value > 0 for value in found.values())
    assert found["landing_rows"] > found["relanding_rows"]
    assert found["parse_warm_seconds"] < found["parse_cold_seconds"]
    assert found["direct_seconds"] < found["build_seconds"]


TAKEN = {
    "lines": 300_000, "changed_lines": 313, "warehouse_mb": 200,
    "full_sql_seconds": 30.0, "day_sql_seconds": 2.0, "full_seconds": 60.0, "day_seconds": 30.0,
    "full_peak_mb": 900.0, "day_peak_mb": 500.0,
}  # fmt: skip


def test_order_lines_hold_the_day_against_the_full_refresh(monkeypatch):
    monkeypatch.setattr(order_lines, "measure_apart", lambda lines: dict(TAKEN))
    figures = order_lines.figures(300_000)
    found = {target.figure: is_met for target, _, is_met in parts.verdicts(figures)}
    assert found == {
        "order_lines_sql_full_per_day": True, "order_lines_full_per_day": False, "order_lines_peak_mb": True,
    }  # fmt: skip


def test_made_up_order_lines_are_the_same_each_time_and_a_day_changes_few(tmp_path):
    summed = "select count(*), sum(hash(l)) from raw_atom.order_lines as l"
    contents = []
    for name in ("a.duckdb", "b.duckdb"):
        order_lines.fill(tmp_path / name, 3_000)
        with duckdb.connect(str(tmp_path / name), read_only=True) as connection:
            contents.append(connection.execute(summed).fetchone())
    assert contents[0] == contents[1]
    assert 2_500 < contents[0][0] < 3_500

    changed = order_lines.let_a_day_pass(tmp_path / "a.duckdb")
    with duckdb.connect(str(tmp_path / "a.duckdb"), read_only=True) as connection:
        after = connection.execute(summed).fetchone()
        repeated = "select order_id, line_number from raw_atom.order_lines group by all having count(*) > 1"
        assert connection.execute(repeated).fetchall() == []
    assert after != contents[0]
    assert 0 < changed < 60


def test_statement_seconds_belong_to_their_node(tmp_path):
    log = tmp_path / "dbt.log"
    events = [
        {"info": {"name": "SQLQueryStatus"}, "data": {"elapsed": 1.5, "node_info": {"unique_id": "model.strata.a"}}},
        {"info": {"name": "SQLQueryStatus"}, "data": {"elapsed": 0.5, "node_info": {"unique_id": "model.strata.a"}}},
        {"info": {"name": "SQLQueryStatus"}, "data": {"elapsed": 0.25}},
        {"info": {"name": "LogStartLine"}, "data": {"node_info": {"unique_id": "model.strata.a"}}},
    ]
    log.write_text("\n".join(json.dumps(event) for event in events))
    assert order_lines.statement_seconds(log) == {"model.strata.a": 2.0, "": 0.25}
