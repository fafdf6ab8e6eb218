"""What a rule reports, and what a rule is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tools.conventions.project import Project


@dataclass(frozen=True, order=True)
class Finding:
    """One breach of one rule: where it is, what is wrong and what mends it."""

    path: str
    line: int
    rule: str
    wrong: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}  {self.rule}  {self.wrong} -> {self.remedy}"


@dataclass(frozen=True)
class Breach:
    """A finding before its rule's name is put to it."""

    path: str
    line: int
    wrong: str
    remedy: str


@dataclass(frozen=True)
class Rule:
    """A named demand on the project and the function that looks for breaches of it."""

    name: str
    demand: str
    check: Callable[[Project], Iterable[Breach]]

    def findings(self, project: Project) -> list[Finding]:
        """Run the check; every breach carries this rule's name."""
        return [Finding(b.path, b.line, self.name, b.wrong, b.remedy) for b in self.check(project)]
