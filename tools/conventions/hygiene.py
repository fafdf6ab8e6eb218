"""Rules on every text file: no secret, no mark of unfinished work, no path of one machine."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tools.conventions.finding import Breach, Rule
from tools.conventions.project import Project

# Written with character classes so that this file does not match itself.
_MARK = re.compile(r"\b(?:T[O]DO|F[I]XME|X[X]X)\b|\bnot[ ]implemented\b|\bNot[I]mplementedError\b")
_KEY_HEADER = re.compile(r"-----BEGIN (?:[A-Z]+ )*PRIVATE[ ]KEY-----")
_TOKEN = re.compile(r"\b(?:AKIA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{36}|xox[abprs]-[A-Za-z0-9-]{10,}|glpat-[\w-]{20})\b")
_ASSIGNMENT = re.compile(
    r"(?i)\b[\w.]*(?:password|passwd|secret|passphrase|api_?key|access_?token)\w*"
    r"""\s*[:=]\s*['"]?(?P<value>[^\s'",;)}\]]+)"""
)
_CONFIGURATION = (".yml", ".yaml", ".toml", ".cfg", ".ini", ".env", ".json", ".sh", ".properties")
# A value that is looked up, left empty or switched is not a secret, nor is one plainly marked as made for a stand-in.
_LOOKED_UP = re.compile(r"(?i)(?:\$|\{|<|env_var|os\.|none$|null$|true$|false$|secrets?\.)")
_STAND_IN = re.compile(r"(?i)\b(?:sandbox|emulator|example)")
_MACHINE_PATH = re.compile(r"(?<![\w.])(?:/home/[a-z][\w-]*/|/Users/[A-Za-z][\w-]*/|[A-Z]:\\Users\\)")
_GENERATED = ("requirements.lock", "requirements-bootstrap.lock", "package-lock.yml", "LICENSE")


def _lines(project: Project) -> Iterator[tuple[str, int, str]]:
    for path, text in project.texts.items():
        if not path.endswith(_GENERATED):
            for number, line in enumerate(text.splitlines(), start=1):
                yield path, number, line


def no_secret(project: Project) -> Iterator[Breach]:
    for path, number, line in _lines(project):
        if _KEY_HEADER.search(line) or _TOKEN.search(line):
            yield Breach(
                path, number, "holds a key or a token", "remove it, revoke it, and read it from the environment"
            )
        elif path.endswith(_CONFIGURATION) and not line.lstrip().startswith("#"):
            match = _ASSIGNMENT.search(line)
            if match and not _LOOKED_UP.match(match.group("value")) and not _STAND_IN.search(line):
                yield Breach(path, number, "looks like a secret in plain text", "read it from the environment")


def no_mark(project: Project) -> Iterator[Breach]:
    for path, number, line in _lines(project):
        match = _MARK.search(line)
        if match:
            yield Breach(
                path, number, f"marked unfinished ({match.group()})", "finish it, or describe the limit in words"
            )


def no_machine_path(project: Project) -> Iterator[Breach]:
    for path, number, line in _lines(project):
        match = _MACHINE_PATH.search(line)
        if match:
            yield Breach(
                path, number, f"names a path of one machine ({match.group()}...)", "make it relative to the repository"
            )


RULES = (
    Rule("no-secret", "no key, token or password stands in the repository", no_secret),
    Rule("no-work-mark", "no mark of unfinished work", no_mark),
    Rule("no-machine-path", "no path of one machine", no_machine_path),
)
