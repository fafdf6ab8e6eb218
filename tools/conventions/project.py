"""The project as the rules see it: files, models with their properties, macros, tests, owner groups."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from tools.conventions.text import Mapping, line_at, load_yaml, without_comments

DBT_FOLDERS = ("models", "snapshots", "seeds", "macros", "tests", "analyses")
NEVER_READ = {
    *(".git", ".venv", "venv", "target", "logs", "dbt_packages", "dbt_internal_packages", "warehouse", "reports"),
    *("__pycache__", ".pytest_cache", ".ruff_cache", ".hypothesis", "node_modules"),
}
_MACRO = re.compile(r"\{%-?\s*(macro|test)\s+(\w+)\s*\(")
_SNAPSHOT_BLOCK = re.compile(r"\{%-?\s*snapshot\s+(\w+)")


@dataclass(frozen=True)
class Properties:
    """One entry of a properties file: a model, snapshot, seed, macro, test, source or group."""

    kind: str
    name: str
    path: str
    entry: Mapping

    @property
    def line(self) -> int:
        return self.entry.line

    @property
    def versions(self) -> list[Mapping]:
        """Versions of a model; none for one that has no versions."""
        return [version for version in self.entry.get("versions") or [] if isinstance(version, Mapping)]

    @property
    def files(self) -> list[str]:
        """Stems of the files it describes: its name, or those of its versions."""
        stems = [str(version.get("defined_in") or f"{self.name}_v{version.get('v')}") for version in self.versions]
        return stems or [self.name]

    @property
    def columns(self) -> list[Mapping]:
        return [column for column in self.entry.get("columns") or [] if isinstance(column, Mapping)]

    @property
    def config(self) -> dict[str, Any]:
        """`config:` of the entry; what stands beside it at the top level (older spelling) counts too."""
        older = {key: self.entry[key] for key in ("access", "group", "meta", "contract") if key in self.entry}
        return {**older, **(self.entry.get("config") or {})}


@dataclass(frozen=True)
class Node:
    """A file that dbt builds: a model, a snapshot or a seed."""

    kind: str
    name: str
    path: str
    text: str
    line: int = 1

    @cached_property
    def sql(self) -> str:
        """Text without comments, same offsets and lines."""
        return without_comments(self.text)

    @property
    def folders(self) -> tuple[str, ...]:
        """Folders below the kind's own: ("staging", "sap") of models/staging/sap/x.sql."""
        return Path(self.path).parts[1:-1]

    @property
    def layer(self) -> str:
        return self.folders[0] if self.folders else ""


@dataclass(frozen=True)
class Macro:
    """A macro or a generic test as it stands in a .sql file."""

    kind: str
    name: str
    arguments: tuple[str, ...]
    path: str
    line: int


@dataclass
class Project:
    """Everything the rules read, taken from disk once."""

    root: Path
    broken: list[tuple[str, int, str]] = field(default_factory=list)

    @cached_property
    def files(self) -> list[str]:
        """Paths git knows or would add, relative to the root; every file below it where there is no git."""
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=self.root,
            capture_output=True,
            text=True,
            check=False,
        )
        if listed.returncode == 0:
            return sorted(p for p in set(listed.stdout.split("\0")) if p and (self.root / p).is_file())
        return sorted(self._walk(self.root))

    def _walk(self, folder: Path) -> Iterator[str]:
        for child in folder.iterdir():
            if child.is_dir() and child.name not in NEVER_READ:
                yield from self._walk(child)
            elif child.is_file():
                yield child.relative_to(self.root).as_posix()

    @cached_property
    def texts(self) -> dict[str, str]:
        """Contents of every text file by path; what is not UTF-8 is not text."""
        found = {}
        for path in self.files:
            try:
                found[path] = (self.root / path).read_text(encoding="utf-8")
            except UnicodeDecodeError:
                continue
        return found

    def below(self, folder: str, *suffixes: str) -> list[str]:
        """Paths under a top folder with one of the suffixes."""
        return [p for p in self.texts if p.startswith(f"{folder}/") and p.endswith(suffixes)]

    def yaml(self, path: str) -> Any:
        """A parsed YAML file; a malformed one is noted in `broken` and reads as empty."""
        try:
            return load_yaml(self.texts[path])
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            self.broken.append((path, mark.line + 1 if mark else 1, getattr(error, "problem", None) or "unreadable"))
            return None

    @cached_property
    def properties(self) -> list[Properties]:
        """Entries of every properties file in the dbt folders."""
        found = []
        for folder in DBT_FOLDERS:
            for path in self.below(folder, ".yml", ".yaml"):
                if not path.startswith("tests/python/"):
                    found += self._entries(path)
        return found

    def _entries(self, path: str) -> list[Properties]:
        document = self.yaml(path)
        found = []
        for kind, entries in document.items() if isinstance(document, Mapping) else ():
            for entry in entries if isinstance(entries, list) else []:
                if isinstance(entry, Mapping):
                    found.append(Properties(kind, str(entry.get("name", "")), path, entry))
        return found

    def of_kind(self, *kinds: str) -> list[Properties]:
        """Properties entries under one of the given top-level keys."""
        return [entry for entry in self.properties if entry.kind in kinds]

    @cached_property
    def nodes(self) -> list[Node]:
        """Models, snapshots and seeds, by path."""
        found = [Node("models", Path(p).stem, p, self.texts[p]) for p in self.below("models", ".sql", ".py")]
        for path in self.below("snapshots", ".sql"):
            for block in _SNAPSHOT_BLOCK.finditer(without_comments(self.texts[path])):
                found.append(Node("snapshots", block.group(1), path, self.texts[path]))
        for entry in self.of_kind("snapshots"):
            if "relation" in entry.entry:
                found.append(Node("snapshots", entry.name, entry.path, str(entry.entry["relation"]), entry.line))
        found += [Node("seeds", Path(p).stem, p, "") for p in self.below("seeds", ".csv")]
        return found

    @cached_property
    def models(self) -> list[Node]:
        return [node for node in self.nodes if node.kind == "models"]

    @property
    def marts(self) -> list[Node]:
        return [model for model in self.models if model.layer == "marts"]

    @cached_property
    def described(self) -> dict[tuple[str, str], list[Properties]]:
        """Properties entries of models, snapshots and seeds by (kind, name)."""
        found: dict[tuple[str, str], list[Properties]] = {}
        for entry in self.of_kind("models", "snapshots", "seeds"):
            for name in entry.files:
                found.setdefault((entry.kind, name), []).append(entry)
        return found

    def properties_of(self, node: Node) -> Properties | None:
        """The (first) properties entry of a node."""
        return next(iter(self.described.get((node.kind, node.name), [])), None)

    @cached_property
    def groups(self) -> dict[str, Properties]:
        return {entry.name: entry for entry in self.of_kind("groups")}

    @cached_property
    def macros(self) -> list[Macro]:
        """Macros under macros/ and generic tests under macros/ or tests/generic/."""
        found = []
        for path in self.below("macros", ".sql") + self.below("tests/generic", ".sql"):
            sql = without_comments(self.texts[path])
            for match in _MACRO.finditer(sql):
                arguments = tuple(_argument_names(sql, match.end()))
                found.append(Macro(match.group(1), match.group(2), arguments, path, line_at(sql, match.start())))
        return found

    @cached_property
    def singular_tests(self) -> list[str]:
        return [p for p in self.below("tests", ".sql") if not p.startswith(("tests/generic/", "tests/python/"))]

    @cached_property
    def project_config(self) -> Mapping:
        """dbt_project.yml; empty where there is none."""
        document = self.yaml("dbt_project.yml") if "dbt_project.yml" in self.texts else None
        return document if isinstance(document, Mapping) else Mapping()

    def config_of(self, node: Node) -> dict[str, Any]:
        """A node's settings as dbt merges them: dbt_project.yml from the outermost folder in, then the properties."""
        level: Any = (self.project_config.get(node.kind) or {}).get(self.project_config.get("name", ""), {})
        merged: dict[str, Any] = {}
        for folder in (*node.folders, node.name, None):
            settings = level if isinstance(level, dict) else {}
            for key, value in settings.items():
                if key.startswith("+"):
                    _merge(merged, key[1:], value)
            level = settings.get(folder, {}) if folder else {}
        entry = self.properties_of(node)
        for key, value in (entry.config if entry else {}).items():
            _merge(merged, key, value)
        return merged


def _merge(settings: dict[str, Any], key: str, value: Any) -> None:
    """dbt adds up `meta` over the levels; every other setting is replaced."""
    if key == "meta" and isinstance(value, dict):
        settings["meta"] = {**settings.get("meta", {}), **value}
    else:
        settings[key] = value


def _argument_names(sql: str, start: int) -> Iterator[str]:
    """Names in a macro's signature; defaults may hold brackets, commas and strings."""
    depth, quote, word = 0, "", ""
    for char in sql[start:]:
        if quote:
            quote = "" if char == quote else quote
        elif char in "'\"":
            quote = char
        elif char in "([{":
            depth += 1
        elif char in ")]}" and depth:
            depth -= 1
        elif char in ",)" and not depth:
            name = word.split("=")[0].strip()
            if name:
                yield name
            word = ""
            if char == ")":
                return
            continue
        word += char
