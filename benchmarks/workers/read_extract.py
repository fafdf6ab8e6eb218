"""DuckDB's own typed read of an extract directory into a new file: `read_extract DIRECTORY WAREHOUSE`.

Prints JSON: seconds, cpu_seconds, rows, refused. The time covers reading each CSV with declared types and writing it as
a table of a DuckDB file; opening the database is not in it. Lines that do not fit their types are set aside, as the
landing does.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import duckdb

# SAP columns that are not text, with the types of the contracts' fields that they become.
TYPES = {
    **dict.fromkeys(["MENGE", "NETPR", "WEMNG", "MNG02", "BRGEW", "NTGEW", "NETWR"], "decimal(18,3)"),
    **dict.fromkeys(["PEINH"], "decimal(5,0)"),
    **dict.fromkeys(["UEBTO", "UNTTO"], "decimal(3,1)"),
    **dict.fromkeys(["WKURS"], "decimal(9,5)"),
    **dict.fromkeys(["AEDAT", "BEDAT", "EINDT", "SLFDT", "BUDAT", "CPUDT", "BLDAT", "ERDAT", "UPDAT"], "date"),
    **dict.fromkeys(["ERSDA", "LAEDA"], "date"),
    "LASTCHANGEDATETIME": "timestamp with time zone",
}


def read(connection: duckdb.DuckDBPyConnection, path: Path) -> int:
    """Read one CSV into a table of the attached database `extract`; returns its rows."""
    names = path.open(encoding="utf-8-sig").readline().strip().split(",")
    columns = ", ".join(f"'{name}': '{TYPES.get(name, 'varchar')}'" for name in names)
    connection.execute(
        f"create table extract.{path.stem} as select * from read_csv(?, header = true, auto_detect = false, "
        "delim = ',', quote = '\"', escape = '\"', new_line = '\\r\\n', store_rejects = true, "
        f"columns = {{{columns}}})",
        [str(path)],
    )
    return connection.execute(f"select count(*) from extract.{path.stem}").fetchall()[0][0]


def main(directory: Path, warehouse: Path) -> None:
    """Read every CSV of the directory and print what it took."""
    connection = duckdb.connect()
    quoted = str(warehouse).replace("'", "''")
    connection.execute(f"attach '{quoted}' as extract (storage_version 'v1.4.0')")
    started, cpu_before = time.perf_counter(), time.process_time()
    rows = sum(read(connection, path) for path in sorted(directory.glob("*.csv")))
    connection.execute("checkpoint extract")
    seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - cpu_before
    refused = connection.execute("select count(distinct (scan_id, line)) from reject_errors").fetchall()[0][0]
    print(json.dumps({"seconds": seconds, "cpu_seconds": cpu_seconds, "rows": rows, "refused": refused}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
