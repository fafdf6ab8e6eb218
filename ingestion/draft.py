"""`python -m ingestion describe`: what is in a file, and a draft of the contract for it.

The draft is a start for a person: types are found in this one file (ingestion.files.value_types), and what a column
means, who owns it and who may read it cannot be found there. What the draft is unsure of stands in its `limitations`.
"""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import yaml
from dlt.common.normalizers.naming.snake_case import NamingConvention
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ingestion.contract import load_dataset
from ingestion.errors import EXIT_OK, ConfigError, SourceError
from ingestion.files import Description, FileLayout, describe_file, read_file
from ingestion.files.describe import guess_format
from ingestion.files.encoding import read_blocks
from ingestion.files.value_types import ValueType, find_types
from ingestion.files.workbook_reader import sheet_sizes

MAX_KEY_COLUMNS = 3
MAX_KEY_CANDIDATES = 8
MIN_KEY_ROWS = 2  # in a single record every column is unique
KEY_TYPES = ("string", "integer", "date", "timestamp")
NAME = re.compile(r"[a-z][a-z0-9_]*")
TOTAL = re.compile(r"\s*((sub|grand )?totals?|summe|gesamt|totale)\b", re.IGNORECASE)
TIME_IN_NAME = re.compile(r"\d[\d_.-]*\d")
BINARY_MARKS = {
    b"%PDF": "a PDF",
    b"\x89PNG": "a picture",
    b"PAR1": "Parquet",
    b"\xff\xd8\xff": "a picture",
    b"GIF8": "a picture",
}


@dataclass(frozen=True)
class Column:
    """A column of the contract to be."""

    name: str
    source_field: str
    type: ValueType
    required: bool
    is_empty: bool


def describe(path: Path, sheet: str | None = None) -> Description:
    """What is in a file.

    Raises:
        ConfigError: there is no such file.
        SourceError: it is empty or no table.
    """
    if not path.is_file():
        raise ConfigError("there is no such file.", subject=str(path), remedy="give the path of one file.")
    start = next(read_blocks(path, 512), b"")
    if not start.strip():
        raise SourceError("the file is empty.", subject=str(path), remedy="have it delivered again.")
    kind = next((what for mark, what in BINARY_MARKS.items() if start.startswith(mark)), None)
    kind = kind or ("a page of HTML or XML" if start.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<") else None)
    if kind:
        raise _no_table(path, f"it is {kind}")
    found = describe_file(path, FileLayout(guess_format(path), sheet=sheet))
    if not found.count.records and not found.layout.columns:
        raise _no_table(path, "no record was found in it")
    return found


def _no_table(path: Path, why: str) -> SourceError:
    return SourceError(
        f"{why}: not a table.",
        subject=str(path),
        remedy="have it delivered as CSV, JSON Lines or a workbook (.xlsx, .xls, .xlsb, .ods).",
    )


def draft_contract(
    path: Path, source: str, dataset: str, *, pattern: str | None = None, sheet: str | None = None
) -> str:
    """The text of a contract (contracts/<source>/<dataset>.odcs.yaml) with which the file can be landed.

    Args:
        path: the file; it is held in memory.
        source, dataset: names in snake_case.
        pattern: `filePattern`; made from the file's name when left out, with `*` for dates and long numbers.
        sheet: of a workbook; else the largest.

    Raises:
        ConfigError: a name is not in snake_case.
        SourceError: the file holds no record that can be read.
    """
    for name in (source, dataset):
        if not NAME.fullmatch(name):
            raise ConfigError(
                f"{name!r} is not a name in snake_case.",
                subject="--contract",
                remedy="write SOURCE.DATASET, for example scm_legacy.shipments.",
            )
    found = describe(path, sheet)
    table = _whole_table(path, found.layout)
    if not table.num_rows:
        raise SourceError(
            f"none of its {found.count.records} records can be read, so no type can be found.",
            subject=str(path),
            remedy="`python -m ingestion describe` shows the reasons; have the file mended, then draft again.",
        )
    columns = _columns(table)
    keys = _find_key(table, columns)
    limitations = _limitations(path, found, columns, keys) + _totals(table)
    document = _document(source, dataset, pattern or file_pattern(path), found, columns, keys)
    document["description"] |= {"purpose": f"Records of {path.name}.", "limitations": " ".join(limitations)}
    return yaml.dump(document, sort_keys=False, allow_unicode=True, width=10_000, Dumper=_Indented)


def file_pattern(path: Path) -> str:
    """A glob for this file and its successors: dates and numbers of four or more digits become `*`."""
    name = re.sub(r"([\[\]?*])", "[\\1]", path.name)
    return TIME_IN_NAME.sub(lambda found: "*" if sum(map(str.isdigit, found[0])) >= 4 else found[0], name)


def _whole_table(path: Path, layout: FileLayout) -> pa.Table:
    parts = [batch.table for batch in read_file(path, layout) if batch.table.num_rows]
    return pa.concat_tables(parts, promote_options="default") if parts else pa.table({})


def _columns(table: pa.Table) -> list[Column]:
    distinct = {name: [text for text in pc.unique(table[name]).to_pylist() if text] for name in table.column_names}
    types = find_types(distinct)
    taken, columns = set[str](), []
    for position, field in enumerate(table.column_names, start=1):
        base = column_name(field, position)
        name, suffix = base, 2
        while name in taken:
            name, suffix = f"{base}_{suffix}", suffix + 1
        taken.add(name)
        texts = table[field]
        empty = texts.null_count + (pc.sum(pc.equal(texts, "")).as_py() or 0)
        columns.append(Column(name, field, types[field], not empty, empty == table.num_rows))
    return columns


def column_name(field: str, position: int) -> str:
    """A name in snake_case for a header text; accents and signs are left out: `Weight (lb)` is weight_lb."""
    plain = unicodedata.normalize("NFKD", field.replace("ß", "ss")).encode("ascii", "ignore").decode()
    words = re.sub(r"[^0-9A-Za-z]+", " ", plain).strip()
    name = NamingConvention().normalize_identifier(words).strip("_") if words else ""
    if not name:
        return f"column_{position}"
    return name if NAME.fullmatch(name) else f"column_{name}"


def _find_key(table: pa.Table, columns: list[Column]) -> list[str]:
    """Source fields of the first column, else the first combination, that tells all records apart."""
    if table.num_rows < MIN_KEY_ROWS:
        return []
    possible = [column.source_field for column in columns if column.required and column.type.logical in KEY_TYPES]
    values = {field: table[field].to_pylist() for field in possible}
    counts = {field: len(set(texts)) for field, texts in values.items()}
    alone = next((field for field in possible if counts[field] == table.num_rows), None)
    if alone is not None:
        return [alone]
    best = sorted(possible, key=lambda field: -counts[field])[:MAX_KEY_CANDIDATES]
    candidates = [field for field in possible if field in best and counts[field] > 1]
    for size in range(2, MAX_KEY_COLUMNS + 1):
        for fields in combinations(candidates, size):
            if _is_unique([values[field] for field in fields]):
                return list(fields)
    return []


def _is_unique(columns: list[list[str]]) -> bool:
    seen = set()
    for row in zip(*columns, strict=True):
        if row in seen:
            return False
        seen.add(row)
    return True


def _document(
    source: str, dataset: str, pattern: str, found: Description, columns: list[Column], keys: list[str]
) -> dict[str, Any]:
    layout = {"readMode": "file", "fileFormat": found.layout.format, "filePattern": pattern}
    if found.layout.sheet:
        layout["sheet"] = found.layout.sheet
    table = {
        "name": dataset,
        "physicalName": f"raw_{source}.{dataset}",
        "physicalType": "table",
        "description": f"Files {pattern} of {source}.",
        "dataGranularityDescription": "One row per record of the file",
        "customProperties": _custom({"sourceEntity": f"{source}/{pattern}", **layout}),
        "properties": [_property(column, keys) for column in columns],
    }
    return {
        "apiVersion": "v3.1.0",
        "kind": "DataContract",
        "id": f"{source}-{dataset}".replace("_", "-"),
        "name": dataset.replace("_", " ").capitalize(),
        "version": "0.1.0",
        "status": "draft",
        "domain": source,
        "dataProduct": source,
        "description": {
            "purpose": "",
            "usage": "To be completed: who uses it, and what it joins.",
            "limitations": "",
        },
        "schema": [table],
        "team": {"name": "data-platform", "description": f"First contact when a load of {source} rejects records."},
        "slaProperties": [
            {"property": "frequency", "value": 24, "unit": "h", "description": "Landed at least every 24 hours."}
        ],
        "customProperties": _custom({"retentionClass": "operational"}),
    }


def _limitations(path: Path, found: Description, columns: list[Column], keys: list[str]) -> list[str]:
    """What a person has to look at before the contract becomes active."""
    rows = found.count.good
    said = [f"Drafted from {rows} records of {path.name}: types and required fields are those of this one file."]
    if keys:
        said.append(f"{', '.join(keys)} is unique in it: confirm that it is the key.")
    else:
        said.append("No column and no small combination of columns is known to be unique: it has no primary key.")
    said += [f"Column {c.source_field} is a string because {c.type.doubt}." for c in columns if c.type.doubt]
    if empty := [c.source_field for c in columns if c.is_empty]:
        said.append(f"Empty in the whole file: {', '.join(empty)}.")
    if found.count.rejected:
        reasons = ", ".join(f"{code} {count}" for code, count in sorted(found.reject_codes.items()))
        said.append(f"{found.count.rejected} records could not be read ({reasons}).")
    return said


def _totals(table: pa.Table) -> list[str]:
    """A word on rows that read as totals: only a person can tell them from a name such as Total Logistics."""
    found = sorted(
        {
            text
            for name in table.column_names
            for text in pc.unique(table[name]).to_pylist()
            if text and TOTAL.match(text)
        }
    )
    if not found:
        return []
    return [
        f"Rows that may be totals say {', '.join(found[:5])}: leave them out with totalRows, for example '(?i)^total$'."
    ]


def _property(column: Column, keys: list[str]) -> dict[str, Any]:
    kind = column.type
    node: dict[str, Any] = {"name": column.name, "logicalType": kind.logical, "physicalType": kind.physical}
    if column.source_field in keys:
        node |= {"primaryKey": True, "primaryKeyPosition": keys.index(column.source_field) + 1}
    if column.required:
        node["required"] = True
    node["description"] = f"Column {column.source_field} of the file."
    custom = {"sourceField": column.source_field}
    if kind.date_format:
        custom["dateFormat"] = kind.date_format
    if kind.decimal_separator != ".":
        custom["decimalSeparator"] = kind.decimal_separator
    if kind.thousands_separator:
        custom["thousandsSeparator"] = kind.thousands_separator
    return node | {"customProperties": _custom(custom)}


def _custom(values: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"property": name, "value": value} for name, value in values.items()]


class _Indented(yaml.SafeDumper):
    """Lists indented under their key, as in the other contracts."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002
        super().increase_indent(flow, False)


def run_describe(
    out: Console, path: Path, *, sheet: str | None, contract: str | None, directory: Path, as_json: bool
) -> int:
    """The command: prints what is in the file and, with a `contract` (SOURCE.DATASET), writes its draft.

    Raises:
        ConfigError: the contract is there already, or its name is not SOURCE.DATASET.
        SourceError: see `describe`.
    """
    found = describe(path, sheet)
    sheets = sheet_sizes(path) if found.layout.format == "workbook" else {}
    written = _write_draft(path, contract, directory, sheet) if contract else None
    facts = _facts(path, found, sheets, written)
    if as_json:
        print(json.dumps(facts, ensure_ascii=False))
        return EXIT_OK
    table = Table(show_header=False, title=escape(str(path)), title_justify="left")
    for name, value in facts.items():
        if value not in (None, [], {}, "", 0):
            table.add_row(name, escape(_shown(value)))
    out.print(table)
    return EXIT_OK


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {count}" for name, count in value.items())
    return ", ".join(value) if isinstance(value, list) else str(value)


def _facts(path: Path, found: Description, sheets: dict[str, int], written: Path | None) -> dict[str, Any]:
    count, layout = found.count, found.layout
    return {
        "format": layout.format,
        "encoding": found.encoding,
        "delimiter": layout.delimiter,
        "sheet": layout.sheet,
        "rows of sheets": sheets,
        "header line": found.header_line,
        "columns": list(layout.columns),
        "repeated header texts": list(found.repeated),
        "lines": count.lines,
        "records": count.records,
        "rejected": count.rejected,
        "rejected by reason": found.reject_codes,
        "preamble lines": count.preamble,
        "header lines": count.header,
        "blank lines": count.blank,
        "footer lines": count.footer,
        "total rows": count.totals,
        "notes": [f"{note.line} {note.kind}: {note.text}" for note in count.notes[:20]],
        "contract": str(written) if written else None,
    }


def _write_draft(path: Path, contract: str, directory: Path, sheet: str | None) -> Path:
    source, _, dataset = contract.partition(".")
    text = draft_contract(path, source, dataset, sheet=sheet)
    target = directory / source / f"{dataset}.odcs.yaml"
    if target.exists():
        raise ConfigError(
            "there is a contract already.",
            subject=str(target),
            remedy="delete it first, or draft with --out into another directory and compare.",
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")
    load_dataset(target)
    return target
