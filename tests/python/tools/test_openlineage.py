"""`make openlineage`: a real build of dbt becomes events that say what was read and written."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import uuid
from datetime import datetime
from pathlib import Path

import pytest

from tools import openlineage

FILES = {
    "dbt_project.yml": "name: shop\nprofile: shop\nversion: '1.0'\nmodel-paths: [models]\n",
    "profiles.yml": "shop: {target: dev, outputs: {dev: {type: duckdb, path: w.duckdb}}}\n",
    "models/orders.sql": "select 1 as id\n",
    "models/big_orders.sql": "select id from {{ ref('orders') }}\n",
    "models/broken.sql": "select nothing from {{ ref('orders') }}\n",
}


def test_a_build_becomes_events(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for path, text in FILES.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")
    target = tmp_path / "target"
    for name, value in {"DBT_TARGET_PATH": target, "DBT_PROFILES_DIR": tmp_path, "STRATA_TARGET": "dev"}.items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.setattr(openlineage, "ROOT", tmp_path)
    monkeypatch.chdir(tmp_path)
    assert openlineage.main([]) == 2 and "make build" in capsys.readouterr().err
    subprocess.run([sys.executable, "-m", "dbt.cli.main", "build"], cwd=tmp_path, capture_output=True, check=False)
    shutil.move(target / "run_results.json", target / "build_results.json")  # as dbt_session keeps it
    assert openlineage.main(["--namespace", "here"]) == 0
    events = [json.loads(line) for line in (target / "openlineage.jsonl").read_text(encoding="utf-8").splitlines()]
    for event in events:  # what the specification's RunEvent requires
        assert uuid.UUID(event["run"]["runId"]) and datetime.fromisoformat(event["eventTime"].replace("Z", "+00:00"))
        assert event["producer"] and "RunEvent" in event["schemaURL"] and event["job"]["namespace"] == "here"
    ends = {event["job"]["name"]: event for event in events if event["eventType"] != "START"}
    kinds = {name.split(".")[-3 if name.endswith(".build.run") else -1]: e["eventType"] for name, e in ends.items()}
    assert sorted(event["eventType"] for event in ends.values()) == ["COMPLETE", "COMPLETE", "FAIL"], kinds
    big = next(event for name, event in ends.items() if "big_orders" in name)
    assert [data["name"] for data in big["inputs"]] == ["w.main.orders"]
    assert [data["name"] for data in big["outputs"]] == ["w.main.big_orders"]
