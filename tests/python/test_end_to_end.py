"""From the source's protocol to the marts, as `make run` does it: the real purchasing extract, to the last unit."""

from __future__ import annotations

import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

ROOT = Path(__file__).resolve().parents[2]
EXTRACT = Path(os.environ.get("SAP_EXTRACT", ROOT.parent / "shared" / "data" / "erp_sap_po"))

LINES = """
select
    count(*), sum(net_amount), sum(order_quantity), sum(received_quantity),
    count(case when is_on_time then 1 end), count(case when is_in_full then 1 end),
    min(purchase_order_date)::varchar, max(purchase_order_date)::varchar
from dev_marts.fct_purchase_order_lines
"""
BY_COUNTRY = "select supplier_country_code, sum(net_amount)::bigint from dev_marts.obt_procurement group by all"
BY_MONTH = "select sum(line_count), sum(on_time_line_count), sum(in_full_line_count) from dev_marts.{}"


def run(step: str, directory: Path, data: Path | str) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "SAP_DATA": str(data),
        "STRATA_WAREHOUSE": str(directory / "w.duckdb"),
        "STRATA_TARGET": "dev",
        "DBT_TARGET_PATH": str(directory / "target"),
        "DBT_LOG_PATH": str(directory / "logs"),
        "DBT_PROFILES_DIR": str(ROOT),
    }
    command = [sys.executable, "-m", "tools.run", step]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600, check=False)


@pytest.mark.skipif(not EXTRACT.is_dir(), reason=f"no SAP extract at {EXTRACT}; set SAP_EXTRACT to its directory")
def test_the_real_extract_gives_the_figures_its_publisher_gives(tmp_path):
    """Figures: counted from the CSV files of SAP-samples/sap-btp-ai-best-practices by three other tools."""
    done = run("all", tmp_path, EXTRACT)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4,066 rows read = 4,066 good + 0 rejected" in done.stdout
    with duckdb.connect(str(tmp_path / "w.duckdb"), read_only=True) as connection:
        lines = connection.execute(LINES).fetchone()
        assert lines == (1000, Decimal(4174409), 10800, 10160, 532, 582, "2022-01-21", "2022-07-10")
        assert dict(connection.execute(BY_COUNTRY).fetchall()) == {
            "US": 1762591, "MX": 547355, "ID": 391441, "IN": 340230, "CN": 326176,
            "HU": 312243, "TH": 254410, "MY": 158728, "DE": 81235,
        }  # fmt: skip
        performance = connection.execute(BY_MONTH.format("agg_supplier_performance_monthly")).fetchone()
        assert performance == (1000, 532, 582)
    assert (tmp_path / "target" / "static_index.html").stat().st_size > 1_000_000


def test_a_directory_that_is_not_there_is_named_with_the_remedy(tmp_path):
    done = run("all", tmp_path, tmp_path / "nowhere")
    assert done.returncode == 2
    assert "nowhere" in done.stdout + done.stderr
    assert "Remedy" in done.stdout + done.stderr
    assert not (tmp_path / "target").exists(), "nothing may be built on data that did not land"
