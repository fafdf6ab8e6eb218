"""The real landing through dlt's Snowflake destination: PUT, COPY INTO, delete-insert merge, sweep to raw_ops."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tools.run import sandbox
from tools.snowflake.client import Emulator
from tools.snowflake.compare import compare, content

pytestmark = pytest.mark.emulator

ROOT = Path(__file__).resolve().parents[3]
DATABASE = "LANDED"
TABLES = (
    "goods_receipts",
    "materials",
    "plants",
    "purchase_order_items",
    "purchase_order_schedule_lines",
    "purchase_orders",
    "suppliers",
    "material_stock",
)
FILES = "sign_ups"  # of the CRM: rows of a file are replaced by the file, and files are swept to raw_ops
OF_THE_RUN = {"_dlt_id", "_dlt_load_id", "_landed_at"}
LOAD_SECONDS = 150


def _load(settings: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ingestion", "load", "sap", "crm"],
        cwd=ROOT,
        env={**os.environ, "RUNTIME__DLTHUB_TELEMETRY": "false", **settings},
        capture_output=True,
        text=True,
        timeout=LOAD_SECONDS,
    )
    assert done.returncode in (0, 3), done.stdout + done.stderr


def _rows(cursor: Any, table: str) -> Any:
    """The table's content without what belongs to the run that landed it."""
    result = cursor.execute(f"select * from raw_{'crm' if table == FILES else 'sap'}.{table}")
    rows = result.fetchall()
    names = [column[0].lower() for column in result.description]
    kept = [position for position, name in enumerate(names) if name not in OF_THE_RUN]
    return content([names[position] for position in kept], [[row[position] for position in kept] for row in rows])


def test_landing_twice_gives_the_same_tables_as_on_duckdb(
    emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SANDBOX_SCALE", "0.1")
    monkeypatch.chdir(ROOT)
    warehouse = tmp_path / "landed.duckdb"
    on_duckdb = {"STRATA_WAREHOUSE": str(warehouse), "STRATA_STATE_DIR": str(tmp_path / "dlt_duckdb")}
    on_emulator = {
        "STRATA_DESTINATION": "snowflake",
        "STRATA_STATE_DIR": str(tmp_path / "dlt_emulator"),
        "DESTINATION__SNOWFLAKE__CREDENTIALS": f"snowflake://fake:snow@fakesnow/{DATABASE}?warehouse=WH&role=SYSADMIN"
        f"&host=127.0.0.1&port={emulator.port}&protocol=http&network_timeout=20&login_timeout=20",
    }
    with sandbox("default") as sap:
        for settings in (on_duckdb, on_duckdb, on_emulator, on_emulator):
            _load({**sap, **settings})
    with (
        duckdb.connect(str(warehouse), read_only=True) as local,
        emulator.connect(DATABASE, "RAW_SAP") as connection,
    ):
        local.execute("set TimeZone = 'UTC'")
        for table in (*TABLES, FILES):
            outcome = compare(table, _rows(local, table), _rows(connection.cursor(), table))
            assert outcome.equal, outcome
            assert outcome.duckdb_rows
        counts = "select dataset, count(*), sum(rows_read - rows_good - rows_rejected) from raw_ops.loads group by 1"
        assert Counter(dict.fromkeys((*TABLES, FILES), 2)) == {
            row[0]: row[1] for row in connection.cursor().execute(counts).fetchall() if row[2] == 0
        }
        files = "select path, sha256, status, rows_good from raw_ops.files"
        assert sorted(map(tuple, connection.cursor().execute(files).fetchall())) == sorted(
            local.execute(files).fetchall()
        )
        letters = "select dead_letter_id, reason_codes from raw_ops.dead_letters"
        rejected = {tuple(row) for row in local.execute(letters).fetchall()}
        assert rejected
        assert {tuple(row) for row in connection.cursor().execute(letters).fetchall()} == rejected
