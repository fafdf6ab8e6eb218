"""dlt's own reader over Atom's orders, dropping what it reads: `sql_table`. Prints JSON: seconds (no imports), rows."""

from __future__ import annotations

import json
import os
import time

from dlt.sources.sql_database import sql_table


def main() -> None:
    """Read and print."""
    credentials = os.environ["SOURCES__ATOM__CREDENTIALS"].replace("postgresql://", "postgresql+psycopg2://", 1)
    started = time.perf_counter()
    table = sql_table(
        credentials=credentials,
        table="orders",
        schema="atom",
        backend="pyarrow",
        reflection_level="full_with_precision",
        chunk_size=100_000,
    )
    rows = sum(len(part) for part in table)
    print(json.dumps({"seconds": time.perf_counter() - started, "rows": rows}))


if __name__ == "__main__":
    main()
