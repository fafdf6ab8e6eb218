"""The landing check for whole tables: what fits its contract is typed in DuckDB, the rest is checked one by one.

The SQL decides fast which records fit beyond doubt. A record that it does not take goes to the per-record check
(`ingestion.checks.Checker`), which either takes it after all or says why not: reasons have one definition only.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingestion.checks import FALSE_TEXTS, MAX_TEXT, TRUE_TEXTS, Checker, Reason, number_shape
from ingestion.contract import Dataset, Field

TIMESTAMP = pa.timestamp("us", tz="UTC")
ARROW_KINDS = {
    "string": (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view),
    "integer": (pa.types.is_integer,),
    "number": (pa.types.is_integer, pa.types.is_decimal),
    "boolean": (pa.types.is_boolean,),
    "date": (pa.types.is_date,),
    "timestamp": (pa.types.is_timestamp,),
}


@dataclass
class DeliveredTable:
    """Records as a source delivered them, as columns.

    Attributes:
        table: one column for each field, named as in the source; text, or typed as the source types it.
        refs: where each record stood in the source.
        hashes: SHA-256 of each record as it was delivered; made from its canonical JSON when left out.
        landed_as_they_are: further columns of the landed table, such as _source_file.
    """

    table: pa.Table
    refs: pa.Array
    hashes: pa.Array | None = None
    landed_as_they_are: dict[str, pa.Array] = field(default_factory=dict)


@dataclass
class CheckedTable:
    """The outcome: typed columns of the records that fit with their positions, and the others with reasons."""

    good: pa.Table
    positions: pa.Array
    rejected: list[tuple[int, dict[str, Any], tuple[Reason, ...]]]


class TableChecker:
    """Checks tables of one dataset.

    Args:
        checker: the per-record check of the same dataset, for what the fast way does not take.
        refused: the source declares other types than the contract: nothing is taken without the per-record check.
    """

    def __init__(self, dataset: Dataset, checker: Checker, *, refused: bool = False) -> None:
        self._dataset = dataset
        self._checker = checker
        self._refused = refused
        self._connection = duckdb.connect(":memory:")
        self._connection.execute("set timezone = 'UTC'")

    def check(self, table: pa.Table) -> CheckedTable:
        """Split a table of delivered records into those that fit their contract and the rest."""
        # DuckDB does not tell names apart that differ in capitals only, and a source may call a field _position.
        places = {name: f"c{number}" for number, name in enumerate(table.column_names)}
        plain = table.rename_columns(list(places.values()))
        fields = [replace(spec, source_field=places.get(spec.source_field, "absent")) for spec in self._dataset.fields]
        typed = ", ".join(f"{_value(spec, plain)} as {_quoted(spec.name)}" for spec in fields)
        tests = [_test(spec, plain) for spec in fields]
        tests += [_is_text(plain, name) for name in plain.column_names if _needs_text_check(plain, name)]
        fits = "false" if self._refused else " and ".join(test for test in tests if test) or "true"
        numbered = plain.append_column("_position", pa.array(np.arange(table.num_rows)))
        self._connection.register("delivered", numbered)
        try:
            checked = self._connection.sql(
                f"select {typed}, _position, coalesce({fits}, false) as _fits from delivered"
            ).to_arrow_table()
        finally:
            self._connection.unregister("delivered")
        checked = _in_order(checked, "_position")
        good = checked.filter(checked["_fits"]).drop_columns(["_fits"])
        doubtful = checked.filter(pc.invert(checked["_fits"]))["_position"]
        if len(doubtful):
            return self._one_by_one(table, good, doubtful)
        return CheckedTable(good.drop_columns(["_position"]), good["_position"].combine_chunks(), [])

    def _one_by_one(self, table: pa.Table, good: pa.Table, doubtful: pa.ChunkedArray) -> CheckedTable:
        taken, rejected = [], []
        for position, record in zip(doubtful.to_pylist(), table.take(doubtful).to_pylist(), strict=True):
            checked = self._checker.check(record)
            if checked.row is None:
                rejected.append((position, record, checked.reasons))
            else:
                taken.append({**checked.row, "_position": position})
        if taken:
            good = pa.concat_tables([good, pa.Table.from_pylist(taken, good.schema)]).sort_by("_position")
        return CheckedTable(good.drop_columns(["_position"]), pc.cast(good["_position"], pa.int64()), rejected)

    def hashes(self, table: pa.Table) -> pa.Array:
        """SHA-256 (hex) of each row as JSON with sorted keys."""
        return _hash_rows(self._connection, table)


def _hash_rows(connection: duckdb.DuckDBPyConnection, table: pa.Table) -> pa.Array:
    parts = ", ".join(f"{_quoted(name)} := {_quoted(name)}" for name in sorted(table.column_names))
    position = "_" + max((name.lower() for name in table.column_names), key=len)  # no field is called that
    connection.register("hashed", table.append_column(position, pa.array(np.arange(table.num_rows))))
    try:
        found = connection.sql(
            f"select sha256(to_json(struct_pack({parts}))::varchar) as h, {_quoted(position)} as p from hashed"
        )
        return _in_order(found.to_arrow_table(), "p")["h"].combine_chunks()
    finally:
        connection.unregister("hashed")


def _in_order(table: pa.Table, column: str) -> pa.Table:
    """The rows by their place; DuckDB's threads hand the chunks of an Arrow table back as they finish."""
    places = table[column].to_numpy()
    return table if np.all(places[:-1] < places[1:]) else table.sort_by(column)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _is_text_column(table: pa.Table, name: str) -> bool:
    return any(test(table.schema.field(name).type) for test in ARROW_KINDS["string"])


def _value(spec: Field, table: pa.Table) -> str:
    """SQL that gives the typed value; NULL where it does not fit."""
    kind = _sql_type(spec)
    if spec.source_field not in table.column_names:
        return f"cast(null as {kind})"
    column = _quoted(spec.source_field)
    if not _is_text_column(table, spec.source_field):
        return f"try_cast({column} as {kind})"
    text = f"nullif({column}, '')"
    if spec.logical_type == "string":
        return text
    if spec.logical_type == "boolean":
        return f"case when lower({text}) in ({_texts(TRUE_TEXTS)}) then true when {text} is not null then false end"
    if spec.logical_type in ("integer", "number"):
        return f"try_cast({_plain_number(spec, text)} as {kind})"
    if spec.date_format:
        return f"cast(try_strptime({text}, {_literal(spec.date_format)}) as {kind})"
    return f"try_cast({text} as {kind})"


def _test(spec: Field, table: pa.Table) -> str:
    """SQL that is true where the value fits beyond doubt; empty where nothing is to be tested."""
    if spec.source_field not in table.column_names:
        return "false" if spec.required else ""
    column = _quoted(spec.source_field)
    if _is_text_column(table, spec.source_field):
        absent = f"({column} is null or {column} = '')"
        rules = _text_rules(spec, f"nullif({column}, '')")
    else:
        absent = f"{column} is null"
        rules = _typed_rules(spec, column, table.schema.field(spec.source_field).type)
    value = _value(spec, table)
    if spec.thousands_separator and _is_text_column(table, spec.source_field):
        rules.append(f"regexp_full_match({column}, {_literal(number_shape(spec))})")
    if spec.logical_type in ("integer", "number"):
        rules += [
            f"{value} {operator} {bound}"
            for operator, bound in ((">=", spec.minimum), ("<=", spec.maximum), (">", spec.exclusive_minimum))
            if bound is not None
        ]
    if spec.required:
        return " and ".join([f"not {absent}", *rules])
    return f"({absent} or ({' and '.join(rules)}))" if rules else ""


def _text_rules(spec: Field, text: str) -> list[str]:
    if spec.logical_type == "string":
        return _string_rules(spec, text)
    if spec.logical_type == "boolean":
        return [f"lower({text}) in ({_texts(TRUE_TEXTS | FALSE_TEXTS)})"]
    if spec.logical_type == "integer":
        return [f"regexp_full_match({_plain_number(spec, text)}, '[+-]?[0-9]{{1,18}}')"]
    if spec.logical_type == "number":
        precision, scale = spec.decimal
        digits = f"[+-]?[0-9]{{1,{precision - scale}}}" if precision > scale else "[+-]?0?"
        fraction = f"([.][0-9]{{0,{scale}}})?" if scale else ""
        return [f"regexp_full_match({_plain_number(spec, text)}, '{digits}{fraction}')"]
    low, high = ("0001-01-01", "9999-12-31")
    kind = _sql_type(spec)
    parsed = f"cast(try_strptime({text}, {_literal(spec.date_format)}) as {kind})" if spec.date_format else ""
    parsed = parsed or f"try_cast({text} as {kind})"
    rules = [f"{parsed} between {kind} '{low}' and {kind} '{high}'"]
    if not spec.date_format:
        shape = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
        if spec.logical_type == "timestamp":
            shape += "[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,6})?)?(Z|[+-][0-9]{2}:?[0-9]{2})?"
        rules.append(f"regexp_full_match({text}, '{shape}')")
    return rules


def _typed_rules(spec: Field, column: str, kind: pa.DataType) -> list[str]:
    if not any(test(kind) for test in ARROW_KINDS[spec.logical_type]):
        return ["false"]
    if spec.logical_type == "integer":
        return [f"try_cast({column} as bigint) is not null"]
    if spec.logical_type == "number":
        return [f"try_cast({column} as {_sql_type(spec)}) = {column}"]
    return []


def _string_rules(spec: Field, text: str) -> list[str]:
    rules = []
    if spec.max_length is not None:
        rules.append(f"length({text}) <= {spec.max_length}")
    if spec.pattern:
        rules.append(f"regexp_matches({text}, {_literal(spec.pattern)})")
    if spec.allowed:
        rules.append(f"{text} in ({_texts(spec.allowed)})")
    return rules


def _needs_text_check(table: pa.Table, name: str) -> bool:
    """Whether a text column holds a NUL character or an endless text at all, which next to none does."""
    if not _is_text_column(table, name):
        return False
    column = table[name]
    longest = pc.max(pc.binary_length(column)).as_py() or 0
    return longest > MAX_TEXT or any(_holds_nul(chunk) for chunk in column.chunks)


def _holds_nul(chunk: pa.Array) -> bool:
    data = chunk.buffers()[2] if len(chunk) and len(chunk.buffers()) > 2 else None
    if data is None:
        return False
    if chunk.offset or data.size > chunk.nbytes:
        chunk = pa.concat_arrays([chunk, chunk.slice(0, 0)])
        data = chunk.buffers()[2]
    used = chunk.buffers()[1]
    last = memoryview(used).cast("i" if pa.types.is_string(chunk.type) else "q")[chunk.offset + len(chunk)]
    return b"\x00" in memoryview(data)[:last].tobytes()


def _is_text(table: pa.Table, name: str) -> str:
    column = _quoted(name)
    return f"({column} is null or (length({column}) <= {MAX_TEXT} and strpos({column}, chr(0)) = 0))"


def _plain_number(spec: Field, text: str) -> str:
    """The text as SQL reads a number: without thousands separators, with a decimal point."""
    if spec.thousands_separator:
        text = f"replace({text}, {_literal(spec.thousands_separator)}, '')"
    if spec.decimal_separator != ".":
        text = f"replace(replace({text}, '.', '?'), {_literal(spec.decimal_separator)}, '.')"
    return text


def _sql_type(spec: Field) -> str:
    if spec.logical_type == "number":
        return "decimal({}, {})".format(*spec.decimal)
    return {"string": "varchar", "integer": "bigint", "timestamp": "timestamptz"}.get(
        spec.logical_type, spec.logical_type
    )


def _texts(values: Any) -> str:
    return ", ".join(_literal(str(value)) for value in sorted(values))
