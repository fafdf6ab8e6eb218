"""Rules on properties files: one beside each node, with a description that says something."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tools.conventions.finding import Breach, Rule
from tools.conventions.project import Project, Properties
from tools.conventions.text import Mapping

LONGEST_YAML = 400
LONGEST_LINE = 140
FEWEST_WORDS = 6
# Keys of a data test that dbt reads itself; everything else is an argument and belongs under `arguments:`.
_TEST_KEYS = {"name", "description", "config", "arguments", "test_name"}


def properties_file(project: Project) -> Iterator[Breach]:
    for node in project.nodes:
        entry = project.properties_of(node)
        expected = str(Path(node.path).with_name(f"{entry.name if entry and entry.versions else node.name}.yml"))
        places = [entry.path for entry in project.described.get((node.kind, node.name), [])]
        if not places:
            yield Breach(node.path, node.line, f"'{node.name}' has no properties", f"write {expected}")
        elif places != [expected]:
            yield Breach(
                places[0], 1, f"'{node.name}' is described in {', '.join(places)}", f"describe it once, in {expected}"
            )
    built = {(node.kind, node.name) for node in project.nodes}
    for (kind, name), entries in project.described.items():
        if (kind, name) not in built:
            yield Breach(
                entries[0].path, entries[0].line, f"describes '{name}', which is not among the {kind}",
                "correct the name or delete the entry",
            )  # fmt: skip


def one_node_a_file(project: Project) -> Iterator[Breach]:
    entries_of: dict[str, list[Properties]] = {}
    for entry in project.of_kind("models", "snapshots", "seeds"):
        entries_of.setdefault(entry.path, []).append(entry)
    for path, entries in entries_of.items():
        for extra in entries[1:]:
            yield Breach(
                path,
                extra.line,
                f"'{extra.name}' shares a file with '{entries[0].name}'",
                f"move it to {extra.name}.yml",
            )


def is_trivial(name: str, description: str) -> bool:
    """Whether a description says no more than the name: fewer than six words that are not in the name itself."""
    if re.search(r"\{\{\s*doc\(", description):
        return False
    words = re.findall(r"[a-z0-9]+", description.lower())
    return len([word for word in words if word not in name.lower().split("_")]) < FEWEST_WORDS


def description(project: Project) -> Iterator[Breach]:
    for node in project.nodes:
        entry = project.properties_of(node)
        if entry is None:
            continue
        text = str(entry.entry.get("description") or "").strip()
        if not text or is_trivial(node.name, text):
            wrong = "has no description" if not text else f"has a description that says nothing: '{text}'"
            yield Breach(
                entry.path, entry.entry.line_of("description"), f"'{node.name}' {wrong}",
                "say what one row is, when it is updated and what is not in it",
            )  # fmt: skip


def yaml_length(project: Project) -> Iterator[Breach]:
    for path in project.texts:
        if path.endswith((".yml", ".yaml")) and not project.texts[path].startswith("# Generated"):
            lines = project.texts[path].count("\n")
            if lines > LONGEST_YAML:
                yield Breach(
                    path, LONGEST_YAML + 1, f"{lines} lines, more than {LONGEST_YAML}", "split it by what it describes"
                )


def yaml_line_length(project: Project) -> Iterator[Breach]:
    """A row of a unit test stays on one line, however long: rows below each other are what makes the case readable."""
    for path, text in project.texts.items():
        if path.endswith((".yml", ".yaml")) and not path.endswith("package-lock.yml"):
            for number, line in enumerate(text.splitlines(), start=1):
                if len(line) > LONGEST_LINE and not line.lstrip().startswith("- {"):
                    wrong = f"{len(line)} characters, more than {LONGEST_LINE}"
                    yield Breach(path, number, wrong, "break the line; a folded block `>` takes long text")


def data_tests_of(entry: Properties) -> Iterator[tuple[str | None, Any]]:
    """(column or None, test) for each data test of a properties entry; a source's tables are looked into."""
    for holder in (entry.entry, *_mappings(entry.entry.get("tables"))):
        for test in holder.get("data_tests") or holder.get("tests") or []:
            yield None, test
        for column in _mappings(holder.get("columns")):
            for test in column.get("data_tests") or column.get("tests") or []:
                yield str(column.get("name", "")), test


def _mappings(value: Any) -> list[Mapping]:
    return [item for item in value or [] if isinstance(item, Mapping)]


def test_arguments(project: Project) -> Iterator[Breach]:
    for entry in project.of_kind("models", "snapshots", "seeds", "sources"):
        for _, test in data_tests_of(entry):
            for name, body in test.items() if isinstance(test, Mapping) else ():
                loose = sorted(set(body) - _TEST_KEYS) if isinstance(body, Mapping) else []
                if loose:
                    yield Breach(
                        entry.path, test.line_of(name), f"test '{name}' has {', '.join(loose)} beside its settings",
                        "put arguments under `arguments:` and settings such as severity or where under `config:`",
                    )  # fmt: skip


def tests_key(project: Project) -> Iterator[Breach]:
    for entry in project.of_kind("models", "snapshots", "seeds", "sources"):
        for holder in (entry.entry, *entry.columns):
            if "tests" in holder:
                yield Breach(
                    entry.path, holder.line_of("tests"), "`tests:` is the older spelling", "write `data_tests:`"
                )


def readable_yaml(project: Project) -> Iterator[Breach]:
    _ = project.properties  # parsing is what fills `broken`
    for path, line, problem in project.broken:
        yield Breach(path, line, f"not YAML: {problem}", "mend the syntax; dbt cannot read it either")


RULES = (
    Rule("yaml-readable", "a properties file is YAML", readable_yaml),
    Rule(
        "properties-file", "each model, snapshot and seed is described once, in <name>.yml beside it", properties_file
    ),
    Rule("one-node-a-file", "a properties file describes one node", one_node_a_file),
    Rule("description", "each model, snapshot and seed says what it holds", description),
    Rule("yaml-length", f"a YAML file written by hand has at most {LONGEST_YAML} lines", yaml_length),
    Rule("yaml-line-length", f"a line of YAML has at most {LONGEST_LINE} characters", yaml_line_length),
    Rule("test-arguments", "arguments of a data test stand under `arguments:`", test_arguments),
    Rule("data-tests-key", "data tests stand under `data_tests:`", tests_key),
)
