"""Where things are kept on this machine; imports nothing heavy, so that any tool may ask."""

from __future__ import annotations

import os
from pathlib import Path


def warehouse_path() -> Path:
    """The DuckDB file: STRATA_WAREHOUSE, or warehouse/strata.duckdb."""
    return Path(os.environ.get("STRATA_WAREHOUSE", "warehouse/strata.duckdb"))


def state_dir() -> Path:
    """dlt's working directory: STRATA_STATE_DIR, or `dlt/<file name>` beside the warehouse file."""
    default = warehouse_path().parent / "dlt" / warehouse_path().stem
    return Path(os.environ.get("STRATA_STATE_DIR", str(default))).resolve()


def artifacts_dir() -> Path:
    """Where the artefacts of each dbt run are kept until they have landed: `artifacts/<file name>` beside the file."""
    return warehouse_path().parent / "artifacts" / warehouse_path().stem
