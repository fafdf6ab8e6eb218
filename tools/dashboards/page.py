"""A board as one HTML file: data, script and style are in it, and its own policy forbids every request."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

import vl_convert

from tools.dashboards.answers import Answers, as_document
from tools.dashboards.boards import Board, Chart, Table

HERE = Path(__file__).parent
# Vega interprets its expressions (`ast`), so that the page needs no eval either.
POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:"


def as_html(answers: Answers, pages: Sequence[Board], written_at: datetime) -> str:
    """The page of a board, or one that says why it cannot be drawn."""
    board = answers.board
    links = "".join(
        f'<a href="{escape(other.name)}.html">{escape(other.title)}</a>' for other in pages if other.name != board.name
    )
    top = [
        f'<nav><a href="index.html">All dashboards</a>{links}</nav>',
        f'<h1>{escape(board.title)}</h1><p class="sub">{escape(board.summary)}</p>',
        f'<p class="sub">{_as_of(answers, written_at)}</p>',
    ]
    body = _not_drawn(answers.problems) if answers.problems else _drawn(answers)
    return _document(board.title, [*top, *body])


def as_index(all_answers: Sequence[Answers], broken: dict[str, str], written_at: datetime) -> str:
    """The page that lists the boards with their questions."""
    items = [f'<h1>Dashboards</h1><p class="sub">Written {written_at:%Y-%m-%d %H:%M} UTC.</p>']
    for answers in all_answers:
        board = answers.board
        items.append(f'<h2><a href="{escape(board.name)}.html">{escape(board.title)}</a></h2>')
        items.append(f'<p class="sub">{escape(board.summary)} Owner: {escape(board.owner)}.</p>')
        if answers.problems:
            items.append('<p class="bad">Cannot be drawn now: open it to see why.</p>')
        items.append("<ul>" + "".join(f"<li>{escape(part.question)}</li>" for part in _parts(board)) + "</ul>")
    for name, problem in broken.items():
        items.append(f'<h2>{escape(name)}</h2><p class="bad">{escape(problem)}</p>')
    return _document("Dashboards", items)


def _as_of(answers: Answers, written_at: datetime) -> str:
    said = [
        f"{escape(answers.board.as_of.label)}: <b>{escape(answers.as_of or 'no rows yet')}</b>",
        f"data landed until {escape(answers.landed or 'an unknown time')}",
        f"read from {escape(answers.origin)}",
        f"written {written_at:%Y-%m-%d %H:%M} UTC",
        f"owner: {escape(answers.board.owner)}",
    ]
    return "; ".join(said) + "."


def _not_drawn(problems: Sequence[str]) -> list[str]:
    items = "".join(f"<li>{escape(problem)}</li>" for problem in problems)
    return [f'<div class="bad"><p>This dashboard cannot be drawn, so it shows nothing:</p><ul>{items}</ul></div>']


def _drawn(answers: Answers) -> list[str]:
    board = answers.board
    questions = "".join(f'<li><a href="#{part.id}">{escape(part.question)}</a></li>' for part in _parts(board))
    tiles = "".join(f'<div class="tile" id="tile-{place}"></div>' for place in range(len(board.tiles)))
    terms = "".join(f"<dt>{escape(term)}</dt><dd>{escape(text)}</dd>" for term, text in answers.definitions)
    data = json.dumps(as_document(answers), ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    return [
        f"<details open><summary>Questions answered here</summary><ul>{questions}</ul></details>",
        '<div class="controls" id="controls"></div>',
        f'<div class="tiles">{tiles}</div>' if tiles else "",
        f'<div class="parts">{"".join(_figure(part) for part in _parts(board))}</div>',
        f"<h2>Definitions</h2><dl>{terms}</dl>",
        "<noscript><p class='bad'>This page draws with JavaScript, which is switched off here.</p></noscript>",
        f'<script type="application/json" id="board">{data}</script>',
        f"<script>{_vega()}</script>",
        f"<script>{(HERE / 'page.js').read_text(encoding='utf-8')}</script>",
    ]


def _parts(board: Board) -> list[Chart | Table]:
    return [*board.charts, *board.tables]


def _figure(part: Chart | Table) -> str:
    wide = isinstance(part, Table) or part.wide
    unit = f'<p class="unit">Unit: {escape(part.unit)}</p>' if isinstance(part, Chart) else ""
    note = f'<p class="note">{escape(part.note)}</p>' if part.note else ""
    return (
        f'<figure id="{escape(part.id)}"{" class=wide" if wide else ""}><h3>{escape(part.title)}</h3>'
        f'<p class="question">{escape(part.question)}</p>{unit}<div class="chart" id="chart-{escape(part.id)}"></div>'
        f'<p class="note" id="notes-{escape(part.id)}"></p>{note}</figure>'
    )


def _document(title: str, parts: Sequence[Any]) -> str:
    head = [
        "<!doctype html>",
        f'<html lang="en"><head><meta charset="utf-8"><title>Strata: {escape(title)}</title>',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
        f"<style>{(HERE / 'page.css').read_text(encoding='utf-8')}</style></head><body>",
    ]
    return "\n".join([*head, *parts, "</body></html>"]) + "\n"


@cache
def _vega() -> str:
    """Vega, Vega-Lite and Vega-Embed as vl-convert carries them: nothing is fetched, here or by the reader."""
    return vl_convert.javascript_bundle().replace("</script", "<\\/script")
