"""Reading SQL and YAML so that each thing found keeps its line number."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

# A string literal is matched so that what looks like a comment inside it is left alone.
_COMMENT_OR_STRING = re.compile(r"'(?:[^'\n]|'')*'|\{#.*?#\}|/\*.*?\*/|--[^\n]*", re.DOTALL)
_CTE_HEAD = re.compile(
    r"(?:\bwith\s+(?:recursive\s+)?|,\s*)(\w+)\s+as\s+(?:(?:not\s+)?materialized\s+)?\(", re.IGNORECASE
)


class Mapping(dict[str, Any]):
    """A YAML mapping that knows the line it starts on and the line of each of its keys."""

    line: int = 1

    def __init__(self) -> None:
        super().__init__()
        self.key_lines: dict[str, int] = {}

    def line_of(self, key: str) -> int:
        """Line of a key, or of the mapping itself when the key is missing."""
        return self.key_lines.get(key, self.line)


class _Loader(yaml.CSafeLoader):
    """PyYAML's safe loader in C, building `Mapping`."""


def _mapping(loader: _Loader, node: yaml.MappingNode) -> Iterator[Mapping]:
    mapping = Mapping()
    mapping.line = node.start_mark.line + 1
    yield mapping
    loader.flatten_mapping(node)
    for key_node, value_node in node.value:
        key = str(loader.construct_object(key_node, deep=True))
        mapping[key] = loader.construct_object(value_node, deep=True)
        mapping.key_lines[key] = key_node.start_mark.line + 1


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def load_yaml(text: str) -> Any:
    """Parse YAML with line numbers; raises `yaml.YAMLError` on a malformed document."""
    return yaml.load(text, Loader=_Loader)  # noqa: S506 - derived from the safe loader


def without_comments(sql: str) -> str:
    """The SQL with SQL and Jinja comments blanked out; every remaining character keeps its place."""

    def blank(match: re.Match[str]) -> str:
        text = match.group()
        return text if text.startswith("'") else re.sub(r"[^\n]", " ", text)

    return _COMMENT_OR_STRING.sub(blank, sql)


def line_at(text: str, offset: int) -> int:
    """One-based line number of a character offset."""
    return text.count("\n", 0, offset) + 1


@dataclass(frozen=True)
class Cte:
    """A common table expression: its name, its body and where the body stands in the file."""

    name: str
    body: str
    start: int
    end: int


def ctes(sql: str) -> list[Cte]:
    """Common table expressions of a comment-free statement, in order."""
    found = []
    for head in _CTE_HEAD.finditer(sql):
        end = closing_parenthesis(sql, head.end())
        found.append(Cte(head.group(1).lower(), sql[head.end() : end], head.end(), end))
    return found


def closing_parenthesis(text: str, start: int) -> int:
    """Offset of the parenthesis that closes the one just before `start`; the text's end when none does."""
    depth, quoted = 1, False
    for offset in range(start, len(text)):
        char = text[offset]
        if char == "'":
            quoted = not quoted
        elif not quoted and char in "()":
            depth += 1 if char == "(" else -1
            if depth == 0:
                return offset
    return len(text)
