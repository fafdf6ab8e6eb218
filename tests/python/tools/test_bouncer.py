"""dbt-bouncer runs beside DuckDB 2 and notices what is wrong in a manifest."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tools import bouncer

ROOT = Path(__file__).resolve().parents[3]
Manifest = dict[str, Any]


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    """The project's manifest, parsed once."""
    target = tmp_path_factory.mktemp("bouncer")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        patch.setenv("DBT_TARGET_PATH", str(target))
        patch.setenv("DBT_LOG_PATH", str(target / "logs"))
        patch.setenv("DBT_PROFILES_DIR", str(ROOT))
        assert bouncer.main() == 0, "the project itself keeps all checks"
    return json.loads((target / "manifest.json").read_text(encoding="utf-8"))


def _forget_owner(manifest: Manifest) -> None:
    del manifest["nodes"]["model.strata.dim_supplier"]["config"]["meta"]["owner"]
    manifest["nodes"]["model.strata.dim_supplier"]["meta"] = {}


def _open_a_mart(manifest: Manifest) -> None:
    manifest["nodes"]["model.strata.dim_supplier"]["config"]["contract"]["enforced"] = False
    manifest["nodes"]["model.strata.dim_supplier"]["contract"]["enforced"] = False


def _read_a_source_in_a_mart(manifest: Manifest) -> None:
    manifest["nodes"]["model.strata.dim_supplier"]["depends_on"]["nodes"].append("source.strata.sap.suppliers")


def _publish_staging(manifest: Manifest) -> None:
    node = manifest["nodes"]["model.strata.stg_sap__suppliers"]
    node["access"] = node["config"]["access"] = "public"


@pytest.mark.parametrize(
    ("damage", "check"),
    [
        (_forget_owner, "check_model_has_meta_keys"),
        (_open_a_mart, "check_model_contract_enforced_for_public_model"),
        (_read_a_source_in_a_mart, "check_lineage_source_cannot_be_used"),
        (_publish_staging, "check_model_access"),
    ],
)
def test_a_damaged_graph_is_noticed(
    manifest: Manifest,
    damage: Callable[[Manifest], None],
    check: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    damaged = json.loads(json.dumps(manifest))
    damage(damaged)
    (tmp_path / "manifest.json").write_text(json.dumps(damaged), encoding="utf-8")
    monkeypatch.chdir(ROOT)
    assert bouncer.check(tmp_path) == 1
    assert check in capsys.readouterr().out
