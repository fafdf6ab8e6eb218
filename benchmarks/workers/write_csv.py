"""Write a CSV of twelve columns as a file source delivers them: `write_csv PATH ROWS plain|quoted`.

Made by DuckDB in a process of its own, so that its memory does not count for what is measured afterwards.
"""

from __future__ import annotations

import sys

import duckdb

ROWS = """
select
    'E' || lpad(i::varchar, 10, '0') as event_id, 'ORD-' || (i // 3) as order_id, 'C' || (i % 50000) as client_id,
    ['GB', 'DE', 'FR', 'US', 'IN'][1 + i % 5] as country, cast((i * 7919) % 9973 / 7.0 as decimal(18, 4)) as amount,
    1 + i % 97 as quantity, cast((i % 1000) / 10 as decimal(9, 2)) as unit_weight,
    date '2024-01-01' + (i % 700)::integer as due_on,
    strftime(timestamp '2024-01-01' + i * interval '37 seconds', '%Y-%m-%dT%H:%M:%SZ') as occurred_at,
    i % 3 = 0 as is_express, ['web', 'app', 'partner'][1 + i % 3] as channel,
    case when i % 4 > 0 then {note} end as note
from range({rows}) as t(i)
"""
NOTES = {
    "plain": "'Delivered to door ' || (i % 211) || ' by courier'",
    "quoted": "'Delivered to \"door ' || (i % 211) || '\", by courier'",
}


def main(path: str, rows: int, kind: str) -> None:
    """Write the file; `quoted` puts quotes around every text, with delimiters and doubled quotes in the last one."""
    sql = ROWS.format(note=NOTES[kind], rows=rows)
    quoted = ", force_quote (event_id, order_id, client_id, country, channel, note)" if kind == "quoted" else ""
    target = path.replace("'", "''")
    duckdb.execute(f"copy ({sql}) to '{target}' (format csv, header true, delimiter ','{quoted})")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
