"""Keys and change stamps of a table at its source, held against what the warehouse has.

That finds deletions, and what a read by change stamp overlooks. Both sides are arrow tables and meet in DuckDB, so that
ten million keys are a matter of seconds.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import dlt
import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from ingestion import warehouse
from ingestion.contract import Dataset
from ingestion.errors import SourceError
from ingestion.items import TIMESTAMP, arrow_type

KEYS_A_QUERY = 500
LETTERS = """
select record_key, payload from raw_ops.dead_letters where source = %s and dataset = %s and replayed_at is null
"""


class KeyComparison:
    """The comparison of one table.

    Args:
        dataset: the contract; it names keys and change stamp.
        pipeline: leads to what the warehouse holds.
    """

    def __init__(self, dataset: Dataset, pipeline: dlt.Pipeline) -> None:
        assert dataset.change_cursor is not None
        self._dataset = dataset
        self._stamp = dataset.by_name[dataset.change_cursor].source_field
        self._names = [f"k{position}" for position in range(len(dataset.keys))]
        self._connection = duckdb.connect(":memory:")
        self._connection.execute("set timezone = 'UTC'")
        columns = ", ".join([*dataset.keys, dataset.change_cursor])
        held = warehouse.query_table(
            pipeline, f"select {columns} from raw_{dataset.source}.{dataset.name} where _is_deleted = %s", False
        )
        self._schema = pa.schema(
            [(name, arrow_type(dataset.by_name[key])) for name, key in zip(self._names, dataset.keys, strict=True)]
            + [("stamp", TIMESTAMP)]
        )
        self._held = (
            self._schema.empty_table() if held is None else held.rename_columns(self._schema.names).cast(self._schema)
        )
        letters = warehouse.query_table(pipeline, LETTERS, dataset.source, dataset.name)
        empty = pa.schema([("record_key", pa.string()), ("payload", pa.string())]).empty_table()
        self._letters = empty if letters is None else letters.rename_columns(empty.schema.names)
        self._before: datetime | None = None

    @property
    def known(self) -> int:
        """Rows that the warehouse holds and that are not marked as deleted."""
        return self._held.num_rows

    def compare(self, there: Iterable[pa.Table], before: datetime | None) -> None:
        """Take the keys and stamps of the source, as text in the source's names.

        Args:
            there: the tables.
            before: rows with this stamp or a newer one were read by it already; None: all were.
        """
        parts = [self._typed(table) for table in there]
        self._before = before
        self._connection.register("held", self._held)
        self._connection.register("there", pa.concat_tables(parts) if parts else self._schema.empty_table())
        self._connection.register("letters", self._letters)

    def gone(self, max_shrink_ratio: float) -> list[tuple[Any, ...]]:
        """Keys that the warehouse holds and the source no longer has.

        Raises:
            SourceError: more than max_shrink_ratio of them are gone; nothing is landed then.
        """
        found = self._keys("select {held} from held anti join there using ({names}) order by all")
        left = self._count("there")
        if found and (not left or len(found) > max(1, max_shrink_ratio * self.known)):
            raise SourceError(
                f"the table has {left} rows and lacks {len(found)} of the {self.known} known ones; at most "
                f"{max_shrink_ratio:.0%} may vanish in one load.",
                subject=f"{self._dataset.source}.{self._dataset.name}",
                remedy="ask the platform's team whether the rows were really deleted, and whether row-level security "
                f"hides them; if so, run again with SOURCES__{self._dataset.source.upper()}__MAX_SHRINK_RATIO=1.",
            )
        return found

    def overlooked(self) -> list[tuple[Any, ...]]:
        """Keys of the source that the read by change stamp did not bring, and that the warehouse lacks, holds as
        deleted, or holds with another stamp; without those whose very version lies in the dead letters.
        """
        if self._before is None:
            return []
        self._connection.execute("set variable before = ?::timestamptz", [self._before])
        key = " || '/' || ".join(f"there.{name}::varchar" for name in self._names)
        return self._keys(
            f"""
            select {{there}} from there
            left join held on {" and ".join(f"held.{name} = there.{name}" for name in self._names)}
                and held.stamp = there.stamp
            where held.stamp is null and there.stamp < getvariable('before')
                and not exists (
                    select 1 from letters
                    where letters.record_key = {key}
                        and try_cast(json_extract_string(letters.payload, '$."{self._stamp}"') as timestamptz)
                        = there.stamp
                )
            order by all
            """
        )

    def _typed(self, text: pa.Table) -> pa.Table:
        keys = [self._dataset.by_name[key] for key in self._dataset.keys]
        columns = [pc.cast(text[key.source_field], arrow_type(key)) for key in keys]
        return pa.table([*columns, _stamps(text[self._stamp])], schema=self._schema)

    def _keys(self, query: str) -> list[tuple[Any, ...]]:
        sides = {side: ", ".join(f"{side}.{name}" for name in self._names) for side in ("held", "there")}
        return self._connection.execute(query.format(**sides, names=", ".join(self._names))).fetchall()

    def _count(self, side: str) -> int:
        return self._connection.execute(f"select count(*) from {side}").fetchall()[0][0]


def _stamps(text: pa.ChunkedArray) -> pa.ChunkedArray:
    """Times of a column of text; NULL for what is no time of the calendar, such as `infinity`."""
    try:
        return pc.cast(text, TIMESTAMP)
    except pa.ArrowInvalid:
        plain = pc.match_substring_regex(text, r"^\d{4}-[^B]*$")  # years after 9999 and BC are not
        return pc.cast(pc.if_else(plain, text, None), TIMESTAMP)


def deleted_rows(dataset: Dataset, pipeline: dlt.Pipeline, keys: list[tuple[Any, ...]]) -> list[dict[str, Any]]:
    """The rows that the warehouse holds under these keys, marked as deleted in the source."""
    columns = ", ".join(dataset.keys)
    one = f"({', '.join(['%s'] * len(dataset.keys))})"
    now = datetime.now(UTC)
    marked = []
    for start in range(0, len(keys), KEYS_A_QUERY):
        part = keys[start : start + KEYS_A_QUERY]
        table = warehouse.query_table(
            pipeline,
            f"select * from raw_{dataset.source}.{dataset.name} where ({columns}) in ({', '.join([one] * len(part))})",
            *[value for key in part for value in key],
        )
        for row in table.to_pylist() if table is not None else []:
            kept = {name.lower(): value for name, value in row.items() if not name.lower().startswith("_dlt")}
            ref = f"{dataset.source}.{dataset.name}/{dataset.row_key(kept)}: absent from the source"
            marked.append({**kept, "_source_ref": ref, "_landed_at": now, "_is_deleted": True})
    return marked
