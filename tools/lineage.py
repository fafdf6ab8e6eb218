"""Which node of the project is made of which, by the names people use."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

TESTS = ("test", "unit_test")
NOT_BUILT = (*TESTS, "operation", "analysis")


@dataclass(frozen=True)
class Node:
    """A node of dbt: a model, source, seed, snapshot, test or exposure."""

    node_id: str
    resource_type: str
    name: str
    alias: str
    group: str | None
    parents: tuple[str, ...]

    @property
    def label(self) -> str:
        """The name, of a source with its system: sap.suppliers."""
        return ".".join(self.node_id.split(".")[2:4]) if self.resource_type == "source" else self.name


class Graph:
    """The project's nodes.

    Args:
        nodes: all of them.
        elementary_tests: ids of tests that Elementary's own package defines.
    """

    def __init__(self, nodes: Iterable[Node], elementary_tests: frozenset[str] = frozenset()) -> None:
        self.nodes = {node.node_id: node for node in nodes}
        self.elementary_tests = elementary_tests
        self._children: dict[str, list[str]] = defaultdict(list)
        self._by_label: dict[str, Node] = {}
        for node in self.nodes.values():
            for parent in node.parents:
                self._children[parent].append(node.node_id)
            if node.resource_type not in NOT_BUILT:
                self._by_label[node.label] = node
                self._by_label.setdefault(node.alias, node)

    def find(self, name: str | None) -> Node | None:
        """A node by its id, by its relation's name, or a source as system.dataset."""
        return None if name is None else self.nodes.get(name) or self._by_label.get(name)

    def group_of(self, node: Node) -> str | None:
        """The node's group; of a test without one, that of a model it reads."""
        if node.group or node.resource_type not in TESTS:
            return node.group
        groups = [self.nodes[parent].group for parent in node.parents if parent in self.nodes]
        return min((group for group in groups if group), default=None)

    def children(self, node: Node) -> list[Node]:
        """What reads the node itself: models, snapshots and exposures."""
        found = {child: self.nodes[child] for child in self._children[node.node_id]}
        return [child for child in found.values() if child.resource_type not in NOT_BUILT]

    def upstream(self, node: Node) -> list[str]:
        """Labels of what the node reads itself."""
        return sorted(self.nodes[parent].label for parent in node.parents if parent in self.nodes)

    def downstream(self, node: Node) -> list[str]:
        """Labels of all that is built from the node; of a test, from what it tests."""
        waiting = [*node.parents] if node.resource_type in TESTS else [node.node_id]
        seen, start = set(waiting), set(waiting)
        while waiting:
            for child in self._children[waiting.pop()]:
                if child not in seen and self.nodes[child].resource_type not in NOT_BUILT:
                    seen.add(child)
                    waiting.append(child)
        return sorted(self.nodes[found].label for found in seen - start)

    def sources(self, node: Node) -> set[str]:
        """Labels of the landed tables that the node is made of, at any distance."""
        waiting, seen = [node.node_id], {node.node_id}
        while waiting:
            found = self.nodes.get(waiting.pop())
            for parent in found.parents if found else ():
                if parent not in seen:
                    seen.add(parent)
                    waiting.append(parent)
        return {
            self.nodes[each].label for each in seen if each in self.nodes and self.nodes[each].resource_type == "source"
        }


def nodes_of(manifest: Mapping[str, Any]) -> Iterator[Node]:
    """The nodes of dbt's manifest.json."""
    kinds = ("nodes", "sources", "unit_tests", "exposures")
    for node in (node for kind in kinds for node in manifest.get(kind, {}).values()):
        parents = tuple((node.get("depends_on") or {}).get("nodes") or ())
        yield Node(
            node["unique_id"], node["resource_type"], node["name"], node.get("alias") or node["name"],
            node.get("group"), parents,
        )  # fmt: skip


def elementary_tests(manifest: Mapping[str, Any] | None) -> frozenset[str]:
    """Ids of the tests in a manifest that Elementary's own package defines."""
    nodes = (manifest or {}).get("nodes", {}).values()
    return frozenset(n["unique_id"] for n in nodes if (n.get("test_metadata") or {}).get("namespace") == "elementary")
