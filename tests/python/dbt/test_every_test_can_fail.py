"""Every data test is shown to fail: by a fault the tool finds, by one planted by hand, or it is a dated exception."""

from __future__ import annotations

import datetime
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from harness import ROOT, Warehouse
from test_data_tests import DAMAGE

from tools.mutations.__main__ import mutate
from tools.mutations.report import read_proven

# Kinds of generic tests whose faults the tool finds; test_generic_tests.py has rows that break each of ours.
GENERIC = {
    "rules_hold", "history_is_continuous", "meets_one_version", "rows_conserved", "unique", "not_null", "relationships",
    "accepted_values",
}  # fmt: skip
PROVEN = read_proven()


def unproven(tests: dict[str, str | None], proven: dict[str, Any], damage: dict[str, Any]) -> list[str]:
    """What is wrong with the lists; empty when each test is shown to fail in one way.

    Args:
        tests: the generic kind of each data test, None for a singular one.
    """
    by_tool, excepted = set(proven["damaged_by_the_tool"]), {entry["name"].split()[0] for entry in proven["exceptions"]}
    found = [
        f"{name} ({kind or 'singular'}): nothing shows that it can fail"
        for name, kind in tests.items()
        if kind not in GENERIC and name not in by_tool | set(damage) | excepted
    ]
    found += [f"{name}: listed, but there is no such test" for name in sorted((by_tool | excepted) - set(tests))]
    found += [f"{name}: listed as damaged by the tool and as an exception" for name in sorted(by_tool & excepted)]
    for entry in proven["exceptions"]:
        if not isinstance(entry.get("date"), datetime.date) or len(entry.get("reason") or "") < 20:
            found.append(f"{entry['name']}: an exception needs a date and a reason")
        if not (ROOT / entry.get("shown_by", "nowhere")).is_file():
            found.append(f"{entry['name']}: shown_by names no file that makes it fail")
    return found


def test_every_data_test_is_shown_to_fail(warehouse: Warehouse) -> None:
    warehouse.dbt("parse")
    manifest = json.loads((warehouse.directory / "target" / "manifest.json").read_text(encoding="utf-8"))
    tests = {
        node["name"]: (node.get("test_metadata") or {}).get("name")
        for node in manifest["nodes"].values()
        if node["resource_type"] == "test" and node["package_name"] == "strata"
    }
    assert len(tests) > 100
    assert unproven(tests, PROVEN, DAMAGE) == []


EXCEPTION = {
    "name": "graph", "date": datetime.date(2026, 11, 21), "reason": "It is built from the graph, no row is read.",
    "shown_by": "README.md",
}  # fmt: skip


@pytest.mark.parametrize(
    ("tests", "exceptions", "words"),
    [
        ({"sums": None}, [], "sums (singular): nothing shows that it can fail"),
        ({"odd": "some_new_kind"}, [], "odd (some_new_kind): nothing shows that it can fail"),
        ({}, [], "known: listed, but there is no such test"),
        ({}, [EXCEPTION | {"name": "gone"}], "gone: listed, but there is no such test"),
        ({"graph": None}, [EXCEPTION | {"date": None}], "graph: an exception needs a date and a reason"),
        ({"graph": None}, [EXCEPTION | {"reason": "no"}], "graph: an exception needs a date and a reason"),
        ({"graph": None}, [EXCEPTION | {"shown_by": "tests/no_such.py"}], "graph: shown_by names no file"),
        ({}, [EXCEPTION | {"name": "known"}], "known: listed as damaged by the tool and as an exception"),
    ],
)
def test_the_ratchet_notices(tests: dict[str, str | None], exceptions: list[Any], words: str) -> None:
    known = {"known": None, "by_hand": None, "keys": "unique"}
    listed = {"damaged_by_the_tool": ["known"], "exceptions": []}
    assert unproven(known, listed, {"by_hand": "delete"}) == []
    remaining = {} if words.startswith("known: listed, but") else known
    found = unproven(remaining | tests, listed | {"exceptions": exceptions}, {"by_hand": "delete"})
    assert any(text.startswith(words) for text in found), found


@pytest.mark.slow
def test_every_check_of_a_landed_company_can_fail(tmp_path: Path) -> None:
    company = tmp_path / "sandbox"
    environment = {
        **os.environ, "SANDBOX_SCALE": "0.05", "STRATA_SANDBOX_DIR": str(company), "STRATA_TARGET": "dev",
        "STRATA_WAREHOUSE": str(tmp_path / "w.duckdb"), "STRATA_STATE_DIR": str(tmp_path / "state"),
        "DBT_TARGET_PATH": str(tmp_path / "target"), "DBT_LOG_PATH": str(tmp_path / "logs"),
        "DBT_PROFILES_DIR": str(ROOT), "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    }  # fmt: skip
    land = subprocess.run([sys.executable, "-m", "tools.run", "land"], cwd=ROOT, env=environment, capture_output=True)
    assert land.returncode in (0, 3), land.stderr
    dbt = [str(Path(sys.executable).with_name("dbt")), "build", "--quiet", "--exclude-resource-type", "unit_test"]
    subprocess.run(dbt, cwd=ROOT, env=environment, check=True, capture_output=True)
    manifest = json.loads((tmp_path / "target" / "manifest.json").read_text(encoding="utf-8"))
    exceptions = {entry["name"]: entry["reason"] for entry in PROVEN["exceptions"]}
    run = mutate(tmp_path / "w.duckdb", manifest, "", next(company.glob("*/planted_faults.jsonl")), exceptions)
    assert (run.stuck, run.needless, run.unreadable, run.unevaluated) == ([], [], (), {})
    broken = {mutation.check.test for mutation in run.mutations if mutation.fault}
    assert set(PROVEN["damaged_by_the_tool"]) <= broken
    # Every planted fault is held back by the rule it was planted for, alone or together with others.
    assert sum(drop.planted for drop in run.dropped) > 90
    assert all(drop.rows_flow == 0 for drop in run.dropped if drop.severity == "warn")
