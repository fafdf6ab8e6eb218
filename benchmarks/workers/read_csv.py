"""DuckDB's own typed read of one CSV into a table of a new file: `read_csv PATH WAREHOUSE`.

Prints JSON: seconds, cpu_seconds (no imports), rows. Names and types are given, bad lines are set aside; opening the
database is not in it, writing it to the end is.
"""

from __future__ import annotations

import json
import sys
import time

import duckdb

from benchmarks.workers.load_files import COLUMNS


def main(path: str, warehouse: str) -> None:
    """Read and print."""
    quoted = warehouse.replace("'", "''")
    columns = ", ".join(f"'{name}': '{kind}'" for name, (_, kind, _) in COLUMNS.items())
    connection = duckdb.connect()
    connection.execute("set timezone = 'UTC'")
    connection.execute(f"attach '{quoted}' as floor (storage_version 'v1.4.0')")
    started, cpu_started = time.perf_counter(), time.process_time()
    connection.execute(
        "create table floor.events as select * from read_csv(?, header = true, auto_detect = false, delim = ',', "
        f"quote = '\"', escape = '\"', new_line = '\\n', store_rejects = true, columns = {{{columns}}})",
        [path],
    )
    connection.execute("checkpoint floor")
    seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - cpu_started
    rows = connection.execute("select count(*) from floor.events").fetchall()[0][0]
    print(json.dumps({"seconds": seconds, "cpu_seconds": cpu_seconds, "rows": rows}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
