"""Rules on names and places: what a file is called and where it stands."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tools.conventions.finding import Breach, Rule
from tools.conventions.project import Node, Project

_SNAKE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_MART = r"(?:dim|fct|agg|obt|rpt)_[a-z0-9_]+"
LAYERS = {"staging": "source", "intermediate": "domain", "marts": "domain", "platform": None}
# What the end or the start of a column's name promises about its type, as DuckDB and Snowflake spell types.
_PROMISES = (
    (re.compile(r"_at$"), re.compile(r"timestamp|datetime"), "a timestamp"),
    (re.compile(r"_date$"), re.compile(r"date$"), "a date"),
    (re.compile(r"^(is|has)_"), re.compile(r"bool"), "a boolean"),
    (re.compile(r"_amount(_[a-z]{3})?$"), re.compile(r"decimal|numeric|number"), "a decimal"),
)


def _pattern(model: Node) -> tuple[str, str] | None:
    """Expected pattern of a model's name in its folder, and how to say it."""
    group = model.folders[1] if len(model.folders) > 1 else ""
    patterns = {
        "staging": (rf"stg_{group}__[a-z0-9_]+", f"stg_{group}__<entity>"),
        "intermediate": (
            rf"int_{group}__[a-z0-9_]+|quarantine_[a-z0-9_]+",
            f"int_{group}__<verb or noun> or quarantine_<entity>",
        ),
        "marts": (_MART, "dim_, fct_, agg_, obt_ or rpt_ and a snake_case name"),
        "platform": (
            rf"{_MART}|int_platform__[a-z0-9_]+|quarantine_[a-z0-9_]+",
            "dim_, fct_, agg_, rpt_, int_platform__",
        ),
    }
    return patterns.get(model.layer)


def model_folder(project: Project) -> Iterator[Breach]:
    for model in project.models:
        if model.layer not in LAYERS:
            yield Breach(
                model.path, 1, f"layer '{model.layer or 'none'}' is not one of {', '.join(LAYERS)}",
                "move the file to models/<layer>/<source or domain>/",
            )  # fmt: skip
        elif LAYERS[model.layer] and len(model.folders) != 2:
            yield Breach(
                model.path, 1, f"a {model.layer} model stands in {'/'.join(model.folders)}",
                f"move it to models/{model.layer}/<{LAYERS[model.layer]}>/",
            )  # fmt: skip


def model_name(project: Project) -> Iterator[Breach]:
    for model in project.models:
        expected = _pattern(model)
        if expected and not re.fullmatch(expected[0], model.name):
            yield Breach(
                model.path, 1, f"'{model.name}' does not say its layer and folder",
                f"name it {expected[1]}, or move it to the layer its prefix names",
            )  # fmt: skip


def snapshot_name(project: Project) -> Iterator[Breach]:
    for node in project.nodes:
        if node.kind == "snapshots" and not re.fullmatch(r"snap_[a-z0-9]+(_[a-z0-9]+)*__[a-z0-9_]+", node.name):
            yield Breach(
                node.path, node.line, f"'{node.name}' is not a snapshot's name", "name it snap_<source>__<entity>"
            )


def snake_case(project: Project) -> Iterator[Breach]:
    for node in project.nodes:
        if not re.fullmatch(_SNAKE.pattern.replace("(_", "(_{1,2}"), node.name):
            yield Breach(node.path, node.line, f"'{node.name}' is not snake_case", "use lowercase words joined by _")
    for entry in project.of_kind("models", "snapshots", "seeds"):
        for column in entry.columns:
            name = str(column.get("name", ""))
            if not re.fullmatch(r"_?" + _SNAKE.pattern, name):
                yield Breach(entry.path, column.line, f"column '{name}' is not snake_case", "rename it in the model")


def column_type(project: Project) -> Iterator[Breach]:
    for entry in project.of_kind("models"):
        for column in entry.columns:
            name, data_type = str(column.get("name", "")), str(column.get("data_type", "")).lower()
            for promise, kept, kind in _PROMISES:
                if data_type and promise.search(name) and not kept.search(data_type):
                    yield Breach(
                        entry.path, column.line, f"column '{name}' promises {kind} but is {data_type}",
                        "cast it in the model, or name it for what it holds",
                    )  # fmt: skip


RULES = (
    Rule("model-folder", "a model stands in models/<layer>/<source or domain>/", model_folder),
    Rule("model-name", "a model's name says its layer and its source or domain", model_name),
    Rule("snapshot-name", "a snapshot is named snap_<source>__<entity>", snapshot_name),
    Rule("snake-case", "names of models, seeds, snapshots and columns are snake_case", snake_case),
    Rule("column-type", "_at is a timestamp, _date a date, is_/has_ a boolean, _amount a decimal", column_type),
)
