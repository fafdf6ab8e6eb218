"""Asks the marts what a board shows, and finds what they cannot answer: a mart, a column, a field of a chart."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from tools.dashboards.boards import Board, Chart, Definition, fields_of, part_name, typed_fields
from tools.dashboards.source import Marts, Unanswered


@dataclass(frozen=True)
class Dataset:
    """What a query of a board returned: names of its columns, which of them are dates, and its rows."""

    columns: list[str]
    dates: list[str]
    rows: list[list[Any]]


@dataclass(frozen=True)
class Answers:
    """Everything that a page shows.

    Attributes:
        problems: why the board cannot be drawn; empty for one that can.
        as_of: the board's own date, None where there are no rows for it.
        definitions: term and text.
        landed: up to when data have landed.
    """

    board: Board
    problems: list[str]
    datasets: dict[str, Dataset]
    as_of: str | None
    definitions: list[tuple[str, str]]
    landed: str | None
    origin: str


def ask(board: Board, marts: Marts) -> Answers:
    """The answers to a board's queries; what is missing is a problem, not an exception."""
    problems: list[str] = []
    datasets: dict[str, Dataset] = {}
    for name, sql in board.datasets.items():
        try:
            datasets[name] = _dataset(*marts.query(sql))
        except Unanswered as error:
            problems.append(f"dataset {name}: {error}")
    as_of = None
    try:
        columns, rows = marts.query(board.as_of.sql)
        as_of = str(_plain(rows[0][0])) if len(columns) == 1 and rows and rows[0][0] is not None else None
    except Unanswered as error:
        problems.append(f"as_of: {error}")
    definitions = []
    for definition in board.definitions:
        text = _meaning(definition, marts)
        if text is None:
            problems.append(f"definition {definition.term}: {definition.column} is no described column of a mart")
        else:
            definitions.append((definition.term, text))
    problems += _missing_fields(board, datasets)
    return Answers(board, problems, datasets, as_of, definitions, marts.as_of, marts.origin)


def _dataset(columns: list[str], rows: list[tuple[Any, ...]]) -> Dataset:
    dates = [
        name for place, name in enumerate(columns)
        if any(isinstance(row[place], date) for row in rows)
    ]  # fmt: skip
    return Dataset(columns, dates, [[_plain(value) for value in row] for row in rows])


def _plain(value: Any) -> Any:
    """A value as JSON has it; what is no number is empty."""
    if isinstance(value, Decimal):
        value = float(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="minutes")
    return value.isoformat() if isinstance(value, date) else value


def _meaning(definition: Definition, marts: Marts) -> str | None:
    if definition.text:
        return definition.text
    mart, _, column = (definition.column or "").rpartition(".")
    return marts.columns.get(mart, {}).get(column) or None


def _missing_fields(board: Board, datasets: dict[str, Dataset]) -> Iterator[str]:
    """Columns that a part names and its dataset does not return: Vega would draw nothing for them, in silence."""
    for part in (*board.tiles, *board.charts, *board.tables):
        if part.dataset not in datasets:
            continue
        if isinstance(part, Chart):
            read, made = fields_of(part.vega)
            wanted = read - made
        else:
            wanted = {column.column for column in part.columns} if hasattr(part, "columns") else {part.column}
            wanted |= {part.period} if getattr(part, "period", None) else set()
        if lost := sorted(wanted - set(datasets[part.dataset].columns)):
            yield f"{part_name(part)}: dataset {part.dataset} has no column {', '.join(lost)}"
    for control in board.filters:
        if datasets and not any(control.column in dataset.columns for dataset in datasets.values()):
            yield f"filter {control.label}: no dataset has a column {control.column}"


def as_document(answers: Answers) -> dict[str, Any]:
    """What the page's script reads."""
    board = answers.board
    return {
        "filters": [control.model_dump() for control in board.filters],
        "datasets": {name: vars(dataset) for name, dataset in answers.datasets.items()},
        "tiles": [tile.model_dump() for tile in board.tiles],
        "charts": [_chart(chart) for chart in board.charts],
        "tables": [table.model_dump(exclude={"question", "title", "note"}) for table in board.tables],
    }


def _chart(chart: Chart) -> dict[str, Any]:
    _, made = fields_of(chart.vega)
    return {
        "id": chart.id,
        "dataset": chart.dataset,
        "measures": [name for name in typed_fields(chart.vega, ("quantitative",)) if name not in made],
        "dimensions": [name for name in typed_fields(chart.vega, ("nominal", "ordinal")) if name not in made],
        "vega": {"description": f"{chart.title}. Unit: {chart.unit}. {chart.question}", **chart.vega},
    }
