"""A dbt process that runs one command after the other: dbt's start costs seconds, and the emulator job builds twice.

Reads one JSON list of dbt arguments a line from standard input; answers each with one JSON line: whether it
succeeded, the exception if dbt raised one, and when it ran (UTC). dbt's own output goes to standard error.
"""

from __future__ import annotations

import gc
import json
import os
import sys
from datetime import UTC, datetime

from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.adapters.factory import reset_adapters
from dbt.cli.main import dbtRunner


def main() -> int:
    """Serve until standard input closes."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    runner = dbtRunner()
    for line in sys.stdin:
        started = datetime.now(UTC)
        result = runner.invoke(json.loads(line))
        _let_go_of_the_file()
        answer = {
            "success": result.success,
            "exception": str(result.exception) if result.exception else None,
            "started": started.isoformat(),
            "finished": datetime.now(UTC).isoformat(),
        }
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
    return 0


def _let_go_of_the_file() -> None:
    """Close the DuckDB file, which dbt-duckdb keeps open until its process ends; nothing to do for Snowflake."""
    reset_adapters()
    DuckDBConnectionManager.close_all_connections()
    gc.collect()


if __name__ == "__main__":
    sys.exit(main())
