"""Rules on the glossary: every term is whole, every link leads somewhere, every dataset of the catalogue has a text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from tools.conventions.finding import Breach, Rule
from tools.conventions.metrics import metrics_of
from tools.conventions.project import Project
from tools.conventions.properties import is_trivial
from tools.conventions.text import Mapping

FOLDER = "docs/glossary"
PARTS = {"term", "synonyms", "definition", "source", "owner", "datasets", "columns", "metrics"}
NEEDED = PARTS - {"metrics"}  # not everything that has a name is counted
_FILE = re.compile(r"(docs|models|seeds|macros|contracts)/\S+")


def terms_of(project: Project) -> Iterator[tuple[str, Mapping]]:
    """Every term with the file it stands in."""
    for path in project.below(FOLDER, ".yml"):
        document = project.yaml(path)
        for term in (document or {}).get("terms") or [] if isinstance(document, Mapping) else []:
            if isinstance(term, Mapping):
                yield path, term


def glossary_term(project: Project) -> Iterator[Breach]:
    owners = {str((group.entry.get("owner") or {}).get("name")) for group in project.groups.values()}
    names: dict[str, str] = {}
    for path, term in terms_of(project):
        name = str(term.get("term") or "")
        missing = sorted(part for part in NEEDED if not term.get(part))
        if missing or (unknown := sorted(set(term) - PARTS)):
            wrong = (
                f"term '{name}' lacks {', '.join(missing)}" if missing else f"term '{name}' has {', '.join(unknown)}"
            )
            yield Breach(path, term.line, wrong, f"a term has {', '.join(sorted(PARTS))}")
        if is_trivial(name.lower().replace(" ", "_"), str(term.get("definition") or "")):
            yield Breach(path, term.line, f"term '{name}' is not defined", "say what it is and what is not in it")
        if term.get("owner") not in owners:
            yield Breach(
                path, term.line, f"term '{name}' has no owner among models/_groups.yml",
                "name the team that answers for the meaning",
            )  # fmt: skip
        for word in (name, *_strings(term.get("synonyms"))):
            if (twin := names.setdefault(word.lower(), name)) != name:
                yield Breach(
                    path, term.line, f"'{word}' stands for '{twin}' and for '{name}'",
                    "one word has one meaning: leave it to one of them",
                )  # fmt: skip


def glossary_links(project: Project) -> Iterator[Breach]:
    columns = _columns_of_datasets(project)
    metrics = {metric.name for metric in metrics_of(project)}
    for path, term in terms_of(project):
        source = str(term.get("source") or "")
        dead = [source] if _FILE.fullmatch(source) and source not in project.texts else []
        dead += [name for name in _strings(term.get("datasets")) if name not in columns]
        for link in _strings(term.get("columns")):
            dataset, _, column = link.rpartition(".")
            if column not in columns.get(dataset, set()):
                dead.append(link)
        dead += [name for name in _strings(term.get("metrics")) if name not in metrics]
        for link in dead:
            yield Breach(
                path, term.line, f"term '{term.get('term')}' leads to {link}, which is not there",
                "a dataset is a model, seed, snapshot or system.table; a column stands in its properties",
            )  # fmt: skip


def _columns_of_datasets(project: Project) -> dict[str, set[str]]:
    """Described columns by dataset, a source's table as system.table."""
    found: dict[str, set[str]] = {}
    for entry in project.of_kind("models", "snapshots", "seeds"):
        found[entry.name] = {str(column.get("name")) for column in entry.columns}
    for entry in project.of_kind("sources"):
        for table in entry.entry.get("tables") or []:
            listed = table.get("columns") or [] if isinstance(table, Mapping) else []
            found[f"{entry.name}.{table.get('name')}"] = {str(column.get("name")) for column in listed}
    return found


def _strings(value: Any) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else []


def source_described(project: Project) -> Iterator[Breach]:
    """Models, snapshots and seeds have a rule of their own; with this one every dataset has a text."""
    for entry in project.of_kind("sources"):
        for table in entry.entry.get("tables") or []:
            if isinstance(table, Mapping) and not str(table.get("description") or "").strip():
                yield Breach(
                    entry.path, table.line, f"{entry.name}.{table.get('name')} has no description",
                    "say what one row is: in its contract, from which `make contracts` writes this file",
                )  # fmt: skip


RULES = (
    Rule("glossary-term", "a term has a definition, its source, an owner, synonyms and links", glossary_term),
    Rule("glossary-links", "a term's datasets, columns, metrics and source are there", glossary_links),
    Rule("source-described", "each landed table says what one row is", source_described),
)
