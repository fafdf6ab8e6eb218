"""dbt's artefacts, from real dbt commands: landed once, whole, from a target directory and from kept runs."""

from __future__ import annotations

import json
import shutil

import pytest

from ingestion.errors import EXIT_OK, EXIT_REJECTS, ConfigError
from ingestion.runner import load as load_source
from ingestion.sources.dbt_artifacts import DbtArtifactsReader

COUNTS = """
select dataset, rows_read, rows_rejected from raw_ops.loads
qualify row_number() over (partition by dataset order by finished_at desc) = 1
"""


def load():
    return load_source(DbtArtifactsReader.from_config()).exit_code


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


def write(path, document):
    path.write_text(json.dumps(document), encoding="utf-8")


def keep(runs, warehouse, command):
    """Keep a run as the project does: under its invocation's id, beside the warehouse."""
    results = "sources.json" if command == "source_freshness" else "run_results.json"
    invocation = read(runs / command / results)["metadata"]["invocation_id"]
    place = warehouse.parent / "artifacts" / warehouse.stem / invocation
    place.mkdir(parents=True)
    for name in (results, "manifest.json"):
        shutil.copyfile(runs / command / name, place / name)
    return place


def test_a_build_lands_with_every_node_and_outcome(target, rows):
    assert load() == EXIT_OK
    document = read(target / "run_results.json")
    assert rows("select invocation_id, command, target_name, dbt_version from raw_dbt_artifacts.invocations") == [
        (document["metadata"]["invocation_id"], "build", None, document["metadata"]["dbt_version"])
    ]
    landed = rows(
        "select split_part(unique_id, '.', 1) as kind, status, failures from raw_dbt_artifacts.run_results order by all"
    )
    assert landed == [
        ("model", "success", None),
        ("seed", "success", None),
        ("test", "fail", 1),
        ("test", "pass", 0),
        ("unit_test", "pass", 0),
    ]
    node = "select resource_type, materialization, path, tags, depends_on, length(checksum), alias"
    assert rows(f"{node} from raw_dbt_artifacts.nodes where name = 'thing_list'") == [
        ("model", "view", "models/thing_list.sql", '["daily", "shop"]', '["seed.shop.things"]', 64, "thing_list")
    ]
    manifest = read(target / "manifest.json")["nodes"]
    attached = rows(
        "select unique_id, attached_node, severity from raw_dbt_artifacts.nodes where resource_type = 'test'"
    )
    assert sorted(attached) == sorted(
        (name, node.get("attached_node"), node["config"]["severity"].lower())
        for name, node in manifest.items()
        if node["resource_type"] == "test"
    )
    assert rows("select distinct severity from raw_dbt_artifacts.nodes where resource_type <> 'test'") == [(None,)]
    kinds = "select resource_type, count(*)::int from raw_dbt_artifacts.nodes group by 1 order by 1"
    assert dict(rows(kinds)) == {"model": 1, "seed": 1, "source": 1, "test": 2, "unit_test": 1}


def test_times_and_durations_are_those_of_dbt(target, rows):
    load()
    results = {result["unique_id"]: result for result in read(target / "run_results.json")["results"]}
    landed = rows(
        "select unique_id, strftime(started_at, '%Y-%m-%dT%H:%M:%S.%fZ'), execution_seconds from"
        " raw_dbt_artifacts.run_results"
    )
    for unique_id, started_at, seconds in landed:
        execute = next(part for part in results[unique_id]["timing"] if part["name"] == "execute")
        assert started_at == execute["started_at"]
        assert float(seconds) == pytest.approx(results[unique_id]["execution_time"], abs=1e-6)


def test_an_invocation_lands_once(target, rows):
    load()
    assert load() == EXIT_OK
    assert {row[1] for row in rows(COUNTS)} == {0}
    assert rows("select count(*) from raw_dbt_artifacts.run_results") == [(5,)]


def test_kept_runs_land_beside_the_target_and_go_when_they_have_landed(dbt_runs, target, warehouse, rows):
    build, freshness = (keep(dbt_runs, warehouse, command) for command in ("build", "source_freshness"))
    assert load() == EXIT_OK
    assert rows("select command from raw_dbt_artifacts.invocations order by 1") == [("build",), ("source freshness",)]
    measured = (
        "select unique_id, status, warn_after_hours, error_after_hours, age_seconds > 0, error from"
        " raw_dbt_artifacts.freshness"
    )
    assert [tuple(map(str, row)) for row in rows(measured)] == [
        ("source.shop.raw.things", "warn", "0.500", "876000.000", "True", "None")
    ]
    assert rows("select count(distinct invocation_id) from raw_dbt_artifacts.nodes") == [(2,)]
    assert build.exists() and freshness.exists(), "they are kept until a later load finds them landed"
    assert load() == EXIT_OK
    assert not build.exists() and not freshness.exists()
    assert (target / "run_results.json").exists(), "dbt's own directory is left alone"


def test_nothing_is_removed_from_a_directory_that_the_user_names(dbt_runs, target, warehouse, monkeypatch):
    kept = keep(dbt_runs, warehouse, "build")
    elsewhere = warehouse.parent / "elsewhere"
    kept.parent.rename(elsewhere)
    monkeypatch.setenv("SOURCES__DBT_ARTIFACTS__ARTIFACTS_PATH", str(elsewhere))
    load()
    assert load() == EXIT_OK
    assert (elsewhere / kept.name / "run_results.json").exists()


def test_before_the_first_dbt_run_there_is_nothing_to_land(warehouse, rows, capsys):
    assert load() == EXIT_OK
    assert "no dbt run yet" in capsys.readouterr().err
    assert {row[1] for row in rows(COUNTS)} == {0}


def test_a_directory_that_is_named_and_not_there_is_an_error(warehouse, tmp_path, monkeypatch):
    monkeypatch.setenv("SOURCES__DBT_ARTIFACTS__ARTIFACTS_PATH", str(tmp_path / "nowhere"))
    with pytest.raises(ConfigError, match="SOURCES__DBT_ARTIFACTS__ARTIFACTS_PATH"):
        load()


FOREIGN = {
    "empty": "",
    "list": "[1, 2]",
    "no_metadata": '{"results": []}',
    "other_tool": '{"metadata": {"dbt_schema_version": "https://example.com/other/v1.json"}}',
    "no_invocation": '{"metadata": {"dbt_schema_version": "https://schemas.getdbt.com/dbt/run-results/v6.json"}}',
    "too_deep": "[" * 100_000,
    "nul": '{"a": "\x00"}',
    "latin": b"\xff\xfe",
}


def test_files_that_are_no_artefacts_are_dead_letters_and_others_land(dbt_runs, target, warehouse, rows):
    keep(dbt_runs, warehouse, "source_freshness")
    for name, text in FOREIGN.items():
        path = warehouse.parent / "artifacts" / warehouse.stem / name / "run_results.json"
        path.parent.mkdir(parents=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    whole = (target / "run_results.json").read_text(encoding="utf-8")
    (target / "run_results.json").write_text(whole[: len(whole) // 2], encoding="utf-8")
    assert load() == EXIT_REJECTS
    letters = rows("select dataset, reason_codes, source_ref from raw_ops.dead_letters")
    assert set(letters) == {
        ("invocations", "UNREADABLE_RECORD:*", f"{name}/run_results.json") for name in [*FOREIGN, "target"]
    }
    assert rows("select command from raw_dbt_artifacts.invocations") == [("source freshness",)]
    (target / "run_results.json").write_text(whole, encoding="utf-8")
    assert load() == EXIT_REJECTS, "the others are still there"
    assert rows("select count(*) from raw_ops.dead_letters") == [(len(letters),)]
    assert rows("select count(*) from raw_dbt_artifacts.run_results") == [(5,)]


def test_a_broken_manifest_costs_the_nodes_only(target, rows):
    (target / "manifest.json").write_text("{", encoding="utf-8")
    assert load() == EXIT_REJECTS
    assert rows("select count(*) from raw_dbt_artifacts.run_results") == [(5,)]
    assert rows("select dataset from raw_ops.dead_letters") == [("nodes",)]


def test_a_result_that_breaks_the_contract_is_a_dead_letter_without_its_message(target, rows, monkeypatch):
    monkeypatch.setenv("SOURCES__DBT_ARTIFACTS__MAX_REJECT_RATIO", "1")
    document = read(target / "run_results.json")
    document["results"][0] |= {"status": "exploded", "message": 7}
    document["results"][1] = "text"
    write(target / "run_results.json", document)
    assert load() == EXIT_OK
    codes = {row[0] for row in rows("select reason_codes from raw_ops.dead_letters")}
    assert codes == {"NOT_IN_ALLOWED_VALUES:status,TYPE_MISMATCH:message", "UNREADABLE_RECORD:*"}
    assert rows("select count(*) from raw_ops.dead_letters where detail like '%found 7%'") == [(0,)]
    assert rows("select count(*) from raw_dbt_artifacts.run_results") == [(3,)]


def test_an_error_of_freshness_and_a_skipped_node_land(dbt_runs, target, warehouse, rows):
    place = keep(dbt_runs, warehouse, "source_freshness")
    sources = read(place / "sources.json")
    sources["results"] = [{"unique_id": "source.shop.raw.gone", "error": "no such table", "status": "runtime error"}]
    write(place / "sources.json", sources)
    document = read(target / "run_results.json")
    document["results"][0] |= {"status": "skipped", "timing": [], "adapter_response": {}, "message": None}
    write(target / "run_results.json", document)
    assert load() == EXIT_OK
    assert rows("select status, error, age_seconds from raw_dbt_artifacts.freshness") == [
        ("runtime error", "no such table", None)
    ]
    assert rows(
        "select count(*) from raw_dbt_artifacts.run_results where status = 'skipped' and started_at is null"
    ) == [(1,)]
