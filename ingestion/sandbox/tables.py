"""Reads a directory of CSV files in SAP table shape, as an extract tool leaves them.

Files are found by the table's name (`EKKO.csv`) or by the suffix that purchasing extracts use
(`..._PO_HEADER.csv`). Values are kept exactly as they stand in the file: a bad value has to travel to the client,
whose contract check is to find it.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ingestion.sandbox.errors import SandboxError

csv.field_size_limit(10_000_000)


@dataclass(frozen=True)
class TableShape:
    """What the sandbox needs to know of an SAP table: other file names, and the columns it cannot do without."""

    name: str
    title: str
    suffixes: tuple[str, ...]
    required: tuple[str, ...]
    optional: bool = False


SHAPES = (
    TableShape("EKKO", "purchase order headers", ("PO_HEADER",), ("EBELN", "LIFNR", "BEDAT", "WAERS")),
    TableShape("EKPO", "purchase order items", ("PO_ITEMS",), ("EBELN", "EBELP", "MATNR", "WERKS", "MENGE", "NETPR")),
    TableShape("EKET", "schedule lines", ("PO_SCHEDULE_LINES",), ("EBELN", "EBELP", "ETENR", "EINDT", "MENGE")),
    TableShape("EKBE", "purchase order history", ("PO_HISTORY",), ("EBELN", "EBELP", "BELNR", "BWART", "BUDAT")),
    TableShape("LFA1", "suppliers", ("SUPPLIER",), ("LIFNR", "LAND1", "NAME1")),
    TableShape("MAKT", "material descriptions", ("MATERIAL",), ("MATNR", "MAKTX")),
    TableShape("T001W", "plants", ("ORDERING_PLANT",), ("WERKS", "NAME1", "LAND1")),
    TableShape("MARA", "material master", ("MATERIAL_MASTER",), ("MATNR",), optional=True),
    TableShape("MARD", "material stock", ("MATERIAL_STOCK",), ("MATNR", "WERKS", "LGORT", "LABST"), optional=True),
)


@dataclass
class Table:
    """One SAP table in memory: column names and rows of text.

    Attributes:
        source: where the rows came from, for error messages.
    """

    name: str
    columns: list[str]
    rows: list[list[str]] = field(default_factory=list)
    source: str = "memory"

    def position(self, column: str) -> int:
        """Index of a column.

        Raises:
            SandboxError: the table has no such column.
        """
        try:
            return self.columns.index(column)
        except ValueError:
            raise SandboxError(
                f"table {self.name} has no column {column}.",
                subject=self.source,
                remedy=f"its columns are {', '.join(self.columns)}.",
            ) from None

    def matching(self, where: Mapping[str, str]) -> list[list[str]]:
        """Rows whose columns all equal the given texts."""
        wanted = [(self.position(column), value) for column, value in where.items()]
        return [row for row in self.rows if all(row[index] == value for index, value in wanted)]

    def insert(self, values: Mapping[str, str]) -> None:
        """Append a row; columns not named stay empty."""
        row = [""] * len(self.columns)
        for column, value in values.items():
            row[self.position(column)] = value
        self.rows.append(row)

    def update(self, where: Mapping[str, str], changes: Mapping[str, str]) -> int:
        """Change the rows that match; returns how many."""
        found = self.matching(where)
        for column, value in changes.items():
            index = self.position(column)
            for row in found:
                row[index] = value
        return len(found)

    def delete(self, where: Mapping[str, str]) -> int:
        """Remove the rows that match; returns how many."""
        gone = {id(row) for row in self.matching(where)}
        self.rows = [row for row in self.rows if id(row) not in gone]
        return len(gone)

    def add_column(self, column: str, value: str = "") -> None:
        """Add a column with the same value in every row."""
        if column in self.columns:
            raise SandboxError(
                f"table {self.name} has a column {column} already.", subject=self.source, remedy="use update."
            )
        self.columns.append(column)
        for row in self.rows:
            row.append(value)


class Tables(dict[str, Table]):
    """The tables of one extract by SAP name; an optional table that is absent is present without rows."""

    def save(self, directory: Path) -> None:
        """Write every table that has columns as `<TABLE>.csv`, UTF-8 with BOM and CRLF as SAP's export does."""
        directory.mkdir(parents=True, exist_ok=True)
        for table in self.values():
            if table.columns:
                write_table(directory / f"{table.name}.csv", table.columns, table.rows)


def write_table(path: Path, columns: list[str], rows: Iterable[list[str]]) -> None:
    """Write one table file, UTF-8 with BOM, CRLF, comma."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, lineterminator="\r\n")
        writer.writerow(columns)
        writer.writerows(rows)


def read_extract(directory: Path | str) -> Tables:
    """Read all tables of an extract directory.

    Raises:
        SandboxError: the directory, a table, a column or a readable file is missing; says which and what to do.
    """
    root = Path(directory)
    if not root.is_dir():
        raise SandboxError(
            "the extract directory is not there." if not root.exists() else "this is not a directory.",
            subject=str(root),
            remedy="give a directory of SAP tables (EKKO.csv, EKPO.csv, ...; see docs/sandbox.md), or `default`.",
        )
    files = sorted(path for path in root.iterdir() if path.suffix.lower() == ".csv" and path.is_file())
    found = {shape.name: _find(root, files, shape) for shape in SHAPES}
    missing = [shape for shape in SHAPES if found[shape.name] is None and not shape.optional]
    if missing:
        wanted = "; ".join(f"{s.name} ({s.title}): {s.name}.csv or *{s.suffixes[0]}.csv" for s in missing)
        raise SandboxError(
            f"no file for {len(missing)} of the tables: {wanted}.",
            subject=str(root),
            remedy="export these tables into the directory as CSV with a header line.",
        )
    return Tables({shape.name: _read(found[shape.name], shape) for shape in SHAPES})


def _find(root: Path, files: list[Path], shape: TableShape) -> Path | None:
    named = [path for path in files if path.stem.upper() == shape.name]
    suffixed = [path for path in files if path.stem.upper().endswith(shape.suffixes) and _is_word(path, shape)]
    candidates = named or suffixed
    if len(candidates) > 1:
        raise SandboxError(
            f"{len(candidates)} files could be table {shape.name}: {', '.join(path.name for path in candidates)}.",
            subject=str(root),
            remedy=f"keep one of them, or name it {shape.name}.csv.",
        )
    return candidates[0] if candidates else None


def _is_word(path: Path, shape: TableShape) -> bool:
    """True where the suffix is the whole name or follows an underscore (`X_SUPPLIER`, not `NOSUPPLIER`)."""
    stem = path.stem.upper()
    return any(stem == suffix or stem.endswith(f"_{suffix}") for suffix in shape.suffixes)


def _read(path: Path | None, shape: TableShape) -> Table:
    if path is None:
        return Table(shape.name, [], source=f"{shape.name} (absent)")
    subject = f"{path} (table {shape.name})"
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            columns = [name.strip().upper() for name in next(reader, [])]
            _check_header(columns, shape, subject)
            rows = []
            for row in reader:
                if not row:
                    continue  # an empty line, often the last one
                if len(row) != len(columns):
                    raise SandboxError(
                        f"line {reader.line_num} has {len(row)} values, the header has {len(columns)} columns.",
                        subject=subject,
                        remedy="export the table again, or quote values that hold the separator.",
                    )
                rows.append(row)
    except UnicodeDecodeError as error:
        raise SandboxError(
            f"byte {error.start} is not UTF-8.", subject=subject, remedy="export the table in UTF-8."
        ) from error
    except (csv.Error, OSError) as error:
        raise SandboxError(
            f"the file cannot be read: {error}.", subject=subject, remedy="export the table again as CSV."
        ) from error
    return Table(shape.name, columns, rows, str(path))


def _check_header(columns: list[str], shape: TableShape, subject: str) -> None:
    if not columns:
        raise SandboxError("the file is empty.", subject=subject, remedy="export the table with its header line.")
    lacking = [name for name in shape.required if name not in columns]
    if lacking:
        raise SandboxError(
            f"the header lacks {', '.join(lacking)}.",
            subject=subject,
            remedy=f"export the table with these columns; found: {', '.join(columns)[:300]}.",
        )
    named = [name for name in columns if name]
    twice = sorted({name for name in named if named.count(name) > 1})
    if twice:
        raise SandboxError(
            f"the header names {', '.join(twice)} twice.", subject=subject, remedy="keep one column of each name."
        )
