"""What a board is: questions, filters, datasets in SQL over the marts, tiles, charts in Vega-Lite, tables, definitions.

docs/dashboards.md says what each part means to who writes one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import altair as alt
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ingestion.errors import StrataError

Text = Annotated[str, Field(min_length=1)]
Format = Annotated[str, Field(pattern=r"^,\.[0-4][f%]$")]  # as Vega-Lite writes it: ",.1%" is a share with one digit


class BoardError(StrataError):
    """A board is not what a board has to be."""


class Part(BaseModel):
    """A part of a board; a word that nobody knows is an error, not ignored."""

    model_config = ConfigDict(extra="forbid")


class Filter(Part):
    """A control: one value of a column, or a span of its dates. It acts on each dataset that has the column.

    Attributes:
        default: the value that stands first, such as that of rows which sum up the others.
        every: what the choice of all rows is called; only where rows of all values may be counted together.
    """

    column: Text
    label: Text
    kind: Literal["one", "period"] = "one"
    grain: Literal["day", "week", "month", "quarter"] = "month"
    default: str | None = None
    every: str | None = None


class Tile(Part):
    """The last value of a column in the selection, by the dates of `period`, with the one before."""

    label: Text
    dataset: Text
    column: Text
    unit: Text
    format: Format = ",.0f"
    period: str | None = None
    grain: Literal["day", "week", "month", "quarter"] = "month"


class Chart(Part):
    """A picture that answers a question. `vega` is Vega-Lite without its data."""

    id: Text
    title: Text
    question: Text
    unit: Text
    dataset: Text
    vega: dict[str, Any]
    note: str | None = None
    wide: bool = False


class Column(Part):
    """A column of a table."""

    column: Text
    label: Text
    unit: str | None = None
    format: Format | None = None


class Table(Part):
    """Rows that answer a question, in the order of their dataset."""

    id: Text
    title: Text
    question: Text
    dataset: Text
    columns: Annotated[list[Column], Field(min_length=1)]
    rows: int = 15
    note: str | None = None


class Definition(Part):
    """What a word on the page means: the description of a mart's column, or a text where no column says it."""

    term: Text
    column: str | None = None
    text: str | None = None


class AsOf(Part):
    """Up to when the figures go, as one value."""

    label: Text
    sql: Text


class Board(Part):
    """One page."""

    name: str = ""
    title: Text
    summary: Text
    owner: Text
    as_of: AsOf
    filters: Annotated[list[Filter], Field(min_length=1)]
    datasets: Annotated[dict[str, str], Field(min_length=1)]
    tiles: list[Tile] = []
    charts: Annotated[list[Chart], Field(min_length=1)]
    tables: list[Table] = []
    definitions: Annotated[list[Definition], Field(min_length=1)]


def read_board(path: Path) -> Board:
    """The board in a file.

    Raises:
        BoardError: it is no board; all that is wrong is named.
    """
    remedy = "docs/dashboards.md says what a board is made of."
    try:
        board = Board.model_validate({**yaml.safe_load(path.read_text(encoding="utf-8")), "name": path.stem})
    except (yaml.YAMLError, TypeError) as error:
        raise BoardError(f"it is no YAML mapping: {error}", subject=f"board {path.name}", remedy=remedy) from error
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
        raise BoardError(f"{wrong}.", subject=f"board {path.name}", remedy=remedy) from error
    if problems := list(_problems(board)):
        raise BoardError(f"{'; '.join(problems)}.", subject=f"board {path.name}", remedy=remedy)
    return board


def _problems(board: Board) -> Iterator[str]:
    parts = [*board.charts, *board.tables]
    names = [part.id for part in parts]
    yield from (f"two parts are called {name}" for name in sorted(set(names)) if names.count(name) > 1)
    for part in (*parts, *board.tiles):
        if part.dataset not in board.datasets:
            yield f"{part_name(part)} reads dataset {part.dataset}, which the board does not have"
    for definition in board.definitions:
        if (definition.column is None) == (definition.text is None):
            yield f"definition {definition.term} needs either a column or a text"
    for chart in board.charts:
        try:
            alt.Chart.from_dict({**chart.vega, "data": {"name": "rows"}})
        except Exception as error:  # Altair raises its own and the JSON Schema's
            yield f"chart {chart.id} is not Vega-Lite: {str(error).splitlines()[0]}"


def part_name(part: Chart | Table | Tile) -> str:
    """How messages call a part of a board."""
    return f"tile {part.label}" if isinstance(part, Tile) else f"{type(part).__name__.lower()} {part.id}"


def fields_of(spec: Any) -> tuple[set[str], set[str]]:
    """Columns that a chart reads, and names that its transforms make."""
    read: set[str] = set()
    made: set[str] = set()
    for key, value in _walk(spec):
        if key == "field" and isinstance(value, str):
            read.add(value)
        elif key in ("fold", "groupby"):
            read.update(item for item in value if isinstance(item, str))
        elif key == "as":
            made.update([value] if isinstance(value, str) else value)
        elif key in ("calculate", "filter", "test", "expr") and isinstance(value, str):
            read.update(re.findall(r"datum\.(\w+)", value))
        if key == "fold":
            made.update(("key", "value"))
    return read, made


def typed_fields(spec: Any, kinds: tuple[str, ...]) -> list[str]:
    """Fields that a chart encodes as one of these types, each once."""
    encoded = [node.get("field") for node in _mappings(spec) if node.get("type") in kinds]
    return list(dict.fromkeys(name for name in encoded if isinstance(name, str)))


def _walk(spec: Any) -> Iterator[tuple[str, Any]]:
    for node in _mappings(spec):
        yield from node.items()


def _mappings(spec: Any) -> Iterator[dict[str, Any]]:
    if isinstance(spec, dict):
        yield spec
    for child in spec.values() if isinstance(spec, dict) else spec if isinstance(spec, list) else ():
        yield from _mappings(child)
