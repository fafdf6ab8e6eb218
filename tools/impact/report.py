"""The report of `make impact`, in Markdown that fits into a pull request."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from tools.impact.changes import Change
from tools.impact.project import Bound
from tools.impact.touched import Touched

SHOWN = 40  # entries of a list; how many more there are is told


def as_markdown(before: Bound, now: Bound, found: Mapping[str, Change], touched: Touched, revision: str) -> str:
    """The whole report."""
    lines = [f"# Impact against {revision[:12]}", ""]
    if not found and not now.broken:
        return "\n".join([*lines, "No column differs."])
    broken = {name: why for name, why in now.broken.items() if before.broken.get(name) != why}
    if broken:
        lines += ["## Breaks", "", "This SQL asks for something that is not there:", ""]
        lines += [f"- `{now.label(name)}`: {why}" for name, why in sorted(broken.items())]
        lines.append("")
    lines += ["## Changed", "", "| dataset | what |", "| --- | --- |"]
    for name, change in sorted(found.items(), key=lambda item: _label(item[0], before, now)):
        lines.append(f"| `{_label(name, before, now)}` | {_what(change, (now.columns.get(name) or {}).keys())} |")
    lines += ["", *_columns(touched, before, now)]
    own = [name for name in touched.rows if name not in found]
    lines += _listing("Rows that may differ", [f"`{_label(name, before, now)}`" for name in own])
    lines += _listing("Metrics", [f"`{name}`: {what}" for name, what in sorted(touched.metrics.items())])
    asked = sorted(touched.saved_queries.items())
    lines += _listing("Saved queries", [f"`{name}`: {', '.join(metrics)}" for name, metrics in asked])
    uses = sorted(touched.exposures.items())
    lines += _listing("Dashboards and other uses", [f"{name}: {'; '.join(what)}" for name, what in uses])
    kept = sorted(touched.contracts.items())
    lines += _listing("Contracts", [f"`{_label(name, before, now)}`: {'; '.join(what)}" for name, what in kept])
    if kept:
        lines += ["`make products` says what readers have to be told.", ""]
    lines += _listing("Files that name what is gone", [f"`{n}`: {', '.join(w)}" for n, w in touched.files.items()])
    lines += _listing("Not traced", touched.problems)
    return "\n".join(lines).rstrip()


def _label(name: str, before: Bound, now: Bound) -> str:
    return (now if name in now.columns else before).label(name)


def _what(change: Change, columns: Iterable[str]) -> str:
    if change.kind != "changed":
        return change.kind + (f": {len(list(columns))} columns" if change.kind == "new" else "")
    parts = [f"`{column}` {what}" for column, what in sorted(change.columns.items())]
    return "; ".join([*(["its rows: conditions, joins or grouping"] if change.rows else []), *parts])


def _columns(touched: Touched, before: Bound, now: Bound) -> list[str]:
    """One line a dataset further down, with its columns and what they hang on."""
    grouped: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for (name, column), starts in touched.columns.items():
        why = ", ".join(sorted(f"`{_label(n, before, now)}.{c}`" for n, c in starts))
        grouped[name][why].append(column)
    rows = []
    for name in sorted(grouped, key=lambda each: _label(each, before, now)):
        for why, columns in sorted(grouped[name].items()):
            listed = ", ".join(f"`{column}`" for column in sorted(columns))
            rows.append(f"| `{_label(name, before, now)}` | {listed} | {why} |")
    if not rows:
        return []
    more = [f"| and {len(rows) - SHOWN} more | | |"] if len(rows) > SHOWN else []
    return ["## Columns further down", "", "| dataset | columns | made of |", "| --- | --- | --- |", *rows[:SHOWN],
            *more, ""]  # fmt: skip


def _listing(title: str, lines: Iterable[str]) -> list[str]:
    listed = sorted(lines)
    if not listed:
        return []
    more = [f"- and {len(listed) - SHOWN} more"] if len(listed) > SHOWN else []
    return [f"## {title}", "", *(f"- {line}" for line in listed[:SHOWN]), *more, ""]
