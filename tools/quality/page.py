"""The quality page: one file without script or request, for a phone as for a printer without colour."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from html import escape
from typing import Any

from tools.quality.charts import WORST, age_bars, control_chart, score_lines
from tools.quality.facts import Facts, is_out, series

CHARTS_SHOWN = 12
ROWS_SHOWN = 60
RUNS_SHOWN = 10
DIMENSIONS = ("completeness", "validity", "uniqueness", "consistency", "timeliness")
TRENDS = {"improving": "&#9650;&nbsp;improving", "steady": "&#8211;&nbsp;steady", "degrading": "&#9660;&nbsp;degrading"}
STYLE = """
*{box-sizing:border-box}body{font:15px/1.45 system-ui,-apple-system,'Segoe UI',Arial,sans-serif;color:#111;
background:#fff;margin:0 auto;padding:20px;max-width:1120px}
h1{font-size:25px;margin:0}h2{font-size:19px;margin:34px 0 8px;padding-top:10px;border-top:2px solid #111}
h3{font-size:14px;margin:0 0 2px;overflow-wrap:anywhere}.sub,.note{color:#444;margin:2px 0 12px}nav{margin:12px 0}
nav a{color:#111;margin-right:14px}
.tiles{display:flex;flex-wrap:wrap;gap:10px}.tile{border:1px solid #777;border-radius:6px;padding:8px 14px;
flex:1 1 130px}.tile b{display:block;font-size:24px}.tile.bad{border:3px solid #111}
.empty{border:1px dashed #777;border-radius:6px;padding:12px 14px;background:#f6f6f6;overflow-wrap:anywhere}
.charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(300px,1fr));gap:22px}figure{margin:0;min-width:0}
figure.wide{max-width:760px}figcaption{font-size:13px;color:#444;overflow-wrap:anywhere}
table{border-collapse:collapse;width:100%;font-size:14px}th,td{padding:5px 8px;border-bottom:1px solid #ccc;
text-align:left;vertical-align:top;overflow-wrap:anywhere}th{border-bottom:2px solid #111;white-space:nowrap}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.mark{display:inline-block;border:1px solid #111;border-radius:3px;padding:0 6px;font-weight:600;font-size:12px;
white-space:nowrap}.whole{white-space:nowrap}.mark.bad{background:#111;color:#fff}.meter{display:inline-block;width:64px;height:9px;
border:1px solid #111;vertical-align:middle;margin-right:6px}.meter i{display:block;height:100%;background:#111}
@media(max-width:640px){body{padding:12px}table,tbody,tr,td{display:block;width:100%}thead{display:none}
tr{border:1px solid #777;border-radius:6px;margin-bottom:10px;padding:6px 10px}td,td.n{border:0;padding:2px 0;
text-align:left;white-space:normal}td[data-label]:before{content:attr(data-label) ': ';color:#444}
td:empty{display:none}.charts{grid-template-columns:minmax(0,1fr)}}
@media print{nav{display:none}h2,figure,tr{break-inside:avoid}.mark.bad{outline:2px solid #111}}
"""
Cell = Callable[[dict[str, Any]], str]


def as_html(facts: Facts) -> str:
    """The page."""
    sections = (
        ("incidents", "Open incidents", _incidents),
        ("scores", "Quality scores", _scores),
        ("control", "Control charts", _control),
        ("anomalies", "Anomalies of the last week", _anomalies),
        ("freshness", "Freshness of the sources", _freshness),
        ("runs", "Last runs", _runs),
        ("rejects", "Landing and rejects", _rejects),
    )
    links = "".join(f'<a href="#{anchor}">{title}</a>' for anchor, title, _ in sections)
    body = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8"><title>Strata: data quality</title>',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">",
        f"<style>{STYLE}</style></head><body>",
        "<h1>Data quality</h1>",
        f'<p class="sub">Strata, target {escape(facts.target)}, written {_when(facts.written_at)} UTC</p>',
        f'<div class="tiles">{_tiles(facts)}</div><nav>{links}</nav>',
        *(f'<section id="{anchor}"><h2>{title}</h2>{draw(facts)}</section>' for anchor, title, draw in sections),
        "</body></html>",
    ]
    return "\n".join(body) + "\n"


def _tiles(facts: Facts) -> str:
    severities = Counter(incident.severity for incident in facts.finding.incidents)
    urgent = severities["critical"] + severities["error"]
    whole = [row for row in facts["scores"] if row["tenant_id"] == "all" and row["quality_score"] is not None]
    low = sum(bool(row["is_alert"]) for row in whole)
    late = sum(row["status"] in ("error", "runtime error") for row in facts["freshness"])
    out = [rows[-1] for rows in series(facts["points"]) if is_out(rows[-1])]
    run = facts["runs"][0] if facts["runs"] else None
    tiles = [(str(len(facts.finding.incidents)), f"open incidents, {urgent} urgent", urgent > 0)]
    if "scores" not in facts.missing:
        lowest = f"{whole[0]['quality_score']:.0f}" if whole else "none"
        tiles.append((lowest, f"lowest score; {low} of {len(whole)} datasets alert", low > 0))
    if "points" not in facts.missing:
        tiles.append((str(len(out)), "measures out of control", bool(out)))
    if facts["freshness"]:
        tiles.append((str(late), f"of {len(facts['freshness'])} sources late", late > 0))
    if run:
        tiles.append((str(run["failed"]), f"of {run['nodes']} nodes failed in the last run", run["failed"] > 0))
    return "".join(
        f'<div class="tile{" bad" if bad else ""}"><b>{figure}</b>{label}</div>' for figure, label, bad in tiles
    )


def _incidents(facts: Facts) -> str:
    rows = [{**vars(incident), "since": facts.first_seen.get(incident.key)} for incident in facts.finding.incidents]
    skipped = "".join(f"<li>{escape(text)}</li>" for text in facts.finding.skipped.values())
    not_asked = f'<p class="note">Not looked at:</p><ul class="note">{skipped}</ul>' if skipped else ""
    if not rows:
        return _empty("Nothing is open among what was looked at.") + not_asked
    columns = {
        "severity": lambda r: _mark(r["severity"], r["severity"] != "warning"),
        "what": lambda r: f"<strong>{escape(r['headline'])}</strong><br>{escape(r['detail'])}",
        "owner": lambda r: escape(r["owner_team"]),
        "on call": lambda r: escape(r["on_call"] or "nobody is planned"),
        "since": lambda r: _when(r["since"]) if r["since"] else "not told yet",
        "affects": lambda r: escape(r["downstream"]),
        "runbook": lambda r: escape(r["runbook"]),
    }
    return _table(rows, columns) + not_asked


def _scores(facts: Facts) -> str:
    if reason := facts.missing.get("scores"):
        return _empty(f"There are no scores yet: {reason} Remedy: make build.")
    if not facts["scores"]:
        return _empty("No dataset has been scored yet: scores appear with the first build that measures.")
    worst = [row["dataset_name"] for row in facts["scores"] if row["tenant_id"] == "all"][:WORST]
    figure = ""
    if len({row["measured_date"] for row in facts["score_history"]}) > 1 and worst:
        caption = f"The {len(worst)} lowest scores over time; the grey line is the alert at 80."
        figure = _figure(score_lines(facts["score_history"], worst), caption, "wide")
    columns: dict[str, Cell] = {
        "dataset": lambda r: f"<strong>{escape(r['dataset_name'])}</strong>",
        "company": lambda r: escape(r["tenant_id"]),
        "score": lambda r: _meter(r["quality_score"]) + (f" {_mark('alert', True)}" if r["is_alert"] else ""),
        "trend": lambda r: f'<span class="whole">{TRENDS.get(r["trend"], "not known yet")}</span>',
        **{name: _of(name) for name in DIMENSIONS},
        "owner": lambda r: escape(r["owner_team"] or ""),
    }
    return figure + _table(facts["scores"], columns, numbers=DIMENSIONS)


def _of(name: str) -> Cell:
    return lambda row: "" if row[name] is None else f"{row[name]:.1f}"


def _control(facts: Facts) -> str:
    if reason := facts.missing.get("points"):
        return _empty(f"There are no control charts yet: {reason} Remedy: make build.")
    found = [rows for rows in series(facts["points"]) if len(rows) > 1]
    if not found:
        return _empty("No measure has a history yet: a chart begins with the second day that is measured.")
    drawn = []
    for rows in found[:CHARTS_SHOWN]:
        newest = rows[-1]
        state = (
            _mark(f"rule {newest['broken_rules']}" if newest["broken_rules"] else "jump", True)
            if is_out(newest)
            else ""
        )
        limits = "" if newest["centre_line"] is not None else " Too few points for limits."
        title = f"<h3>{escape(newest['measure_name'])} of {escape(newest['dataset_name'])} {state}</h3>"
        owner = escape(newest["owner_team"] or "none")
        caption = f"{newest['measured_date']}: {newest['measure_value']:,.6g}.{limits} Owner {owner}."
        drawn.append(f"<figure>{title}{control_chart(rows)}<figcaption>{caption}</figcaption></figure>")
    more = len(found) - CHARTS_SHOWN
    rest = f'<p class="note">{more} more measures stand in fct_spc_points; those out of control are drawn first.</p>'
    note = (
        '<p class="note">Line: centre, dashes: limits (three sigma of the moving range). A diamond breaks a Nelson '
        "rule: 1 beyond a limit, 2 nine on one side, 3 six rising or falling, 4 fourteen up and down in turn; "
        "jump is half or more in a day.</p>"
    )
    return note + f'<div class="charts">{"".join(drawn)}</div>' + (rest if more > 0 else "")


def _anomalies(facts: Facts) -> str:
    if reason := facts.missing.get("anomalies"):
        return _empty(f"Anomalies are not known: {reason} Remedy: make build.")
    columns = {
        "day": lambda r: str(r["measured_date"]),
        "dataset": lambda r: f"<strong>{escape(r['dataset_name'])}</strong>",
        "column": lambda r: escape(r["column_name"] or ""),
        "signal": lambda r: escape(r["signal"]),
        "score": lambda r: f"{r['score']:.2f}",
    }
    return _table(facts["anomalies"], columns, numbers=("score",)) or _empty("None.")


def _freshness(facts: Facts) -> str:
    if not facts["freshness"]:
        return _empty("Freshness has not been checked yet. Remedy: make run, or dbt source freshness.")
    columns = {
        "table": lambda r: f"<strong>{escape(r['source'])}.{escape(r['dataset'])}</strong>",
        "state": lambda r: _mark(
            "late" if r["status"] in ("error", "runtime error") else r["status"], r["status"] != "pass"
        ),
        "age, hours": lambda r: "unknown" if r["age_hours"] is None else f"{r['age_hours']:.1f}",
        "allowed": lambda r: "" if r["limit_hours"] is None else f"{r['limit_hours']:.0f}",
        "newest row": lambda r: _when(r["newest_row_at"]) if r["newest_row_at"] else "",
        "checked": lambda r: _when(r["measured_at"]),
    }
    bars = ""
    if any(row["age_hours"] is not None and row["limit_hours"] for row in facts["freshness"]):
        bars = _figure(
            age_bars(facts["freshness"]), "The oldest against what is allowed; beyond the line is late.", "wide"
        )
    return bars + _table(facts["freshness"], columns, numbers=("age, hours", "allowed"))


def _runs(facts: Facts) -> str:
    if not facts["runs"]:
        return _empty("No dbt run is known yet. Remedy: make build.")
    columns = {
        "ended": lambda r: _when(r["ended_at"]),
        "state": lambda r: _mark("failed" if r["failed"] else "warned" if r["warned"] else "good", r["failed"] > 0),
        **{name: (lambda r, name=name: f"{r[name]:,}") for name in ("nodes", "good", "warned", "failed", "skipped")},
        "seconds of nodes": lambda r: f"{r['node_seconds']:,.1f}",
    }
    slow = {
        "slowest nodes, last run of each": lambda r: f"<strong>{escape(r['name'])}</strong> ({r['resource_type']})",
        "seconds": lambda r: f"{r['seconds']:.2f}",
    }
    numbers = ("nodes", "good", "warned", "failed", "skipped", "seconds of nodes", "seconds")
    return _table(facts["runs"][:RUNS_SHOWN], columns, numbers=numbers) + _table(
        facts["slowest"][:5], slow, numbers=numbers
    )


def _rejects(facts: Facts) -> str:
    if not facts["loads"]:
        return _empty(f"Nothing has landed yet. {facts.missing.get('loads', '')} Remedy: make land.")
    waiting = {(row["source"], row["dataset"]): row["letters"] for row in facts["dead_letters"]}
    columns = {
        "dataset": lambda r: f"<strong>{escape(r['source'])}.{escape(r['dataset'])}</strong>",
        "state": lambda r: _mark(r["status"], r["status"] == "failed"),
        "ended": lambda r: _when(r["finished_at"]),
        "read": lambda r: f"{r['rows_read']:,}",
        "rejected": lambda r: f"{r['rows_rejected']:,}",
        "in dead letters": lambda r: f"{waiting.get((r['source'], r['dataset']), 0):,}",
    }
    loads = sorted(
        facts["loads"], key=lambda r: (r["status"] != "failed", -r["rows_rejected"], r["source"], r["dataset"])
    )
    remedies = {
        "remedy": lambda r: f"<strong>{escape(r['remedy'])}</strong>",
        "for": lambda r: escape(r["subject"]),
        "outcome": lambda r: _mark(r["outcome"], r["outcome"] == "failed"),
        "at": lambda r: _when(r["started_at"]),
    }
    tried = _table(facts["remedies"], remedies)
    return _table(loads, columns, numbers=("read", "rejected", "in dead letters")) + (
        tried and f"<h3>Remedies</h3>{tried}"
    )


def _table(rows: Sequence[dict[str, Any]], columns: dict[str, Cell], numbers: Iterable[str] = ()) -> str:
    """A table, on a phone a card a row; empty text without rows."""
    if not rows:
        return ""
    marks = {name: ' class="n"' if name in numbers else "" for name in columns}
    head = "".join(f"<th{marks[name]}>{escape(name)}</th>" for name in columns)
    body = []
    for row in rows[:ROWS_SHOWN]:
        cells = "".join(f'<td{marks[n]} data-label="{escape(n)}">{draw(row)}</td>' for n, draw in columns.items())
        body.append(f"<tr>{cells}</tr>")
    more = f'<p class="note">and {len(rows) - ROWS_SHOWN} more.</p>' if len(rows) > ROWS_SHOWN else ""
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table>{more}"


def _figure(drawn: str, caption: str, kind: str = "") -> str:
    return f'<figure class="{kind}">{drawn}<figcaption>{escape(caption)}</figcaption></figure>'


def _meter(score: Any) -> str:
    if score is None:
        return "not scored"
    return f'<span class="meter"><i style="width:{float(score):.0f}%"></i></span>{score:.1f}'


def _mark(text: str, is_bad: bool) -> str:
    return f'<span class="mark{" bad" if is_bad else ""}">{escape(text)}</span>'


def _empty(text: str) -> str:
    return f'<p class="empty">{escape(text)}</p>'


def _when(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"
