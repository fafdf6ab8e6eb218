"""The catalogue as static pages: each stands alone, opens from a disk and asks the network for nothing."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import jinja2

from tools.catalogue import search
from tools.catalogue.columns import ColumnLineage, closed
from tools.catalogue.entries import KINDS, SENSITIVITIES, Catalogue, Dataset
from tools.catalogue.state import State

HERE = Path(__file__).resolve().parent
ORDER = ("marts", "platform", "landed", "seeds", "snapshots", "staging", "intermediate")
PART = ".part"


def write(
    out: Path,
    catalogue: Catalogue,
    state: State,
    written_at: datetime,
    lineage: tuple[ColumnLineage, Path] | None = None,
    dbt_docs: Path | None = None,
) -> int:
    """Write all pages to `out`, whole or not at all; returns how many bytes the first one has.

    Args:
        lineage: column lineage, and colibri's own page; None leaves both out.
        dbt_docs: dbt's static docs, if there are any.
    """
    part = out.with_name(f".{out.name}{PART}")
    shutil.rmtree(part, ignore_errors=True)
    (part / "datasets").mkdir(parents=True)
    if lineage:
        _add_parents(catalogue, lineage[0])
        shutil.copyfile(lineage[1], part / "lineage.html")
    if dbt_docs:
        (part / "dbt.html").write_text(closed(dbt_docs.read_text(encoding="utf-8")), encoding="utf-8")
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE / "templates"), autoescape=True, trim_blocks=True, lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )  # fmt: skip
    environment.globals |= {
        "catalogue": catalogue, "state": state, "written_at": f"{written_at:%Y-%m-%d %H:%M} UTC", "up": "",
        "has_lineage": lineage is not None, "has_dbt_docs": dbt_docs is not None,
        "quality": lambda d: quality(d, state), "quality_text": lambda d: quality_text(d, state),
        "freshness": lambda d: freshness(d, state), "freshness_text": lambda d: freshness_text(d, state),
        "split": lambda link: link.rpartition(".")[::2], "by_id": catalogue.by_id(),
    }  # fmt: skip
    (part / "index.html").write_text(environment.get_template("index.html").render(_first_page(catalogue)), "utf-8")
    for name in ("glossary.html", "metrics.html"):
        (part / name).write_text(environment.get_template(name).render(), encoding="utf-8")
    template = environment.get_template("dataset.html")
    for dataset in catalogue.datasets.values():
        page = template.render(d=dataset, sensitive=_sensitive(dataset), up="../")
        (part / "datasets" / dataset.page).write_text(page, encoding="utf-8")
    size = (part / "index.html").stat().st_size
    shutil.rmtree(out, ignore_errors=True)
    part.rename(out)
    return size


def _first_page(catalogue: Catalogue) -> dict[str, Any]:
    index = search.build(catalogue)
    layers: dict[str, list[Dataset]] = {}
    place = {layer: number for number, layer in enumerate(ORDER)}
    for dataset in sorted(
        catalogue.datasets.values(), key=lambda d: (place.get(d.layer.split("/")[0], len(ORDER)), d.layer, d.label)
    ):
        layers.setdefault(dataset.layer_name, []).append(dataset)
    columns = [column for dataset in catalogue.datasets.values() for column in dataset.columns]
    return {
        "layers": layers, "kinds": KINDS, "counts": Counter(d.kind for d in catalogue.datasets.values()),
        "described": sum(bool(d.description) for d in catalogue.datasets.values()),
        "described_columns": sum(bool(column.description) for column in columns), "all_columns": len(columns),
        "index_json": embedded(index), "search_js": (HERE / "search.js").read_text(encoding="utf-8"),
        "box_js": (HERE / "box.js").read_text(encoding="utf-8"),
    }  # fmt: skip


def embedded(document: Any) -> str:
    """JSON that no text in it can end the script element of."""
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _add_parents(catalogue: Catalogue, lineage: ColumnLineage) -> None:
    for dataset in catalogue.datasets.values():
        for column in dataset.columns:
            column.parents = lineage.parents.get((dataset.node_id, column.name), [])


def _sensitive(dataset: Dataset) -> dict[str, list[str]]:
    found = {word: [c.name for c in dataset.columns if c.sensitivity == word] for word in SENSITIVITIES}
    return {word: names for word, names in found.items() if names}


def quality(dataset: Dataset, state: State) -> str:
    """The score, as short as a cell."""
    row = state.scores.get(dataset.label)
    return "" if row is None or row["quality_score"] is None else f"{row['quality_score']:.1f}"


def quality_text(dataset: Dataset, state: State) -> str:
    """The score with its dimensions."""
    if "scores" in state.missing:
        return f"not known: {state.missing['scores']}"
    row = state.scores.get(dataset.label)
    if row is None or row["quality_score"] is None:
        return "not scored: tables of the marts and landed tables are"
    names = ("completeness", "validity", "uniqueness", "consistency", "timeliness")
    parts = [f"{name} {row[name]:.1f}" for name in names if row[name] is not None]
    trend = f", {row['trend']}" if row["trend"] else ""
    return f"{row['quality_score']:.1f} of 100 on {row['measured_date']}{trend} ({', '.join(parts)})"


def freshness(dataset: Dataset, state: State) -> str:
    """Whether the landed tables behind it came in time, as short as a cell."""
    oldest = state.oldest(dataset.landed_from)
    if oldest is None:
        return ""
    return "late" if oldest["age_hours"] > oldest["limit_hours"] else "in time"


def freshness_text(dataset: Dataset, state: State) -> str:
    """The landed table that has used most of its promised hours."""
    if dataset.kind == "seed":
        return "changes with the project's files"
    if "freshness" in state.missing:
        return f"not known: {state.missing['freshness']}"
    oldest = state.oldest(dataset.landed_from)
    if oldest is None:
        return "no promise is measured for what it is made of"
    word = "late" if oldest["age_hours"] > oldest["limit_hours"] else "in time"
    text = (
        f"{word}: {oldest['age_hours']:.1f} h of {oldest['limit_hours']:.0f} h when measured at "
        f"{oldest['measured_at']:%Y-%m-%d %H:%M} UTC"
    )
    if dataset.kind == "source":
        load = state.loads.get(dataset.label)
        return text + (f"; last load {load['status']} at {load['finished_at']:%Y-%m-%d %H:%M} UTC" if load else "")
    return f"{text}, {oldest['source']}.{oldest['dataset']}, of {len(dataset.landed_from)} landed tables behind it"
