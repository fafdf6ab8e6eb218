"""The quality page, the Prometheus file and the Grafana dashboard: what they show, never do, and say when empty."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest
from support.observed_warehouse import TODAY, PlantedWarehouse

from tools.quality.__main__ import main
from tools.quality.charts import control_chart
from tools.quality.metrics import FAMILIES

ROOT = Path(__file__).resolve().parents[3]
DASHBOARD = ROOT / "docs" / "grafana" / "strata.json"
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
SAMPLE = re.compile(r'([a-z_]+)(?:\{((?:[a-z_]+="(?:[^"\\\n]|\\["\\n])*",?)+)\})? (-?[0-9.e+-]+|NaN)')
HOSTILE = 'fct_"x"\\<script src="//evil.example/x.js">'


class Page(HTMLParser):
    """Everything a browser would fetch, and the text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.requests: list[str] = []
        self.tags: list[str] = []
        self.text = ""
        self._in_style = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self._in_style = tag == "style"
        for name, value in attrs:
            fetched = name in ("src", "srcset", "data", "poster") or (name.endswith("href") and tag != "a")
            if (fetched and not (value or "").startswith("#")) or re.search(r"url\((?!#)", value or ""):
                self.requests.append(f"{tag} {name}={value}")

    def handle_data(self, data: str) -> None:
        if self._in_style and re.search(r"@import|url\(", data):
            self.requests.append(data)
        self.text += "" if self._in_style else data

    def handle_endtag(self, tag: str) -> None:
        self._in_style = False


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> PlantedWarehouse:
    """Scores, control charts, anomalies, runs, loads, some of them bad; a name that no page should trust."""
    warehouse = PlantedWarehouse(tmp_path_factory.mktemp("wh") / "w.duckdb")
    with warehouse.batch():
        for back in range(12):
            day = TODAY - timedelta(days=back)
            warehouse.score("dim_supplier", day, 70 + back, trend="degrading")
            warehouse.score(HOSTILE, day, 99.5, tenant="all", trend=None, owner_team=None)
            warehouse.point("dim_supplier", "row_count", day, 130 if back == 0 else 100 + back % 3, "" if back else "1")
            warehouse.point(HOSTILE, "row_count", day, 100)
        warehouse.score("dim_supplier", TODAY, 55, tenant="GB10")
        warehouse.insert("dev_platform.fct_anomalies", dataset_name="dim_supplier", column_name="country_code",
                         signal="null_share", measured_date=TODAY, score=7.5, is_anomaly=True)  # fmt: skip
        warehouse.invocation({"dim_supplier": "success", "fct_unit_profit": "error", "unit_profit_obeys": "skipped"})
        warehouse.freshness("error", 30)
        warehouse.load("sap", "landed", 20)
        warehouse.load("oracle", "failed", 5)
        for number in range(3):
            warehouse.letter(number)
    return warehouse


@pytest.fixture(scope="module")
def written(planted: PlantedWarehouse, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory with page and metrics of that warehouse."""
    return write(planted.path, tmp_path_factory.mktemp("out"))


def write(warehouse: Path, out: Path) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STRATA_WAREHOUSE", str(warehouse))
        patch.setenv("STRATA_TARGET", "dev")
        patch.setenv("DBT_TARGET_PATH", str(out / "target"))
        assert main(["--out", str(out)]) == 0
    return out


def samples(path: Path) -> dict[str, list[tuple[dict[str, str], float]]]:
    """The metrics file, read as strictly as Prometheus reads it."""
    found: dict[str, list[tuple[dict[str, str], float]]] = {}
    text = path.read_text(encoding="utf-8")
    assert text.endswith("\n")
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert kind == "gauge" and name not in found
            found[name] = []
        elif not line.startswith("# HELP "):
            match = SAMPLE.fullmatch(line)
            assert match, line
            labels = dict(re.findall(r'([a-z_]+)="((?:[^"\\]|\\.)*)"', match[2] or ""))
            found[match[1]].append((labels, float(match[3])))
    for name, rows in found.items():
        keys = [tuple(sorted(labels.items())) for labels, _ in rows]
        assert len(keys) == len(set(keys)), f"{name} has two samples of the same labels"
    return found


def test_the_page_shows_what_is_wrong_and_asks_nobody_for_anything(written: Path) -> None:
    text = (written / "index.html").read_text(encoding="utf-8")
    page = Page(text)
    assert page.requests == [] and "script" not in page.tags and "link" not in page.tags
    assert HOSTILE in page.text, "shown as it is"
    for shown in ("model fct_unit_profit failed", "loading oracle failed", "source sap.suppliers is late", "rule 1",
                  "quality of dim_supplier for GB10 is 55.0 of 100", "null_share", "degrading",
                  "not told yet"):  # fmt: skip
        assert shown in page.text, shown
    assert text.count("<svg") == 4, "scores, two control charts, ages"
    assert "Jane Roe" not in text and "secret token" not in text and "jane@example.com" not in text
    assert 'name="viewport"' in text and "@media(max-width:640px)" in text


def test_charts_need_no_colour(written: Path) -> None:
    drawn = "".join(re.findall(r"<svg.*?</svg>", (written / "index.html").read_text(encoding="utf-8"), flags=re.S))
    colours = {colour.lower() for colour in re.findall(r'(?:fill|stroke)="(#[0-9a-fA-F]{3,6}|rgb[^"]+)"', drawn)}
    assert colours and all(is_grey(colour) for colour in colours), colours
    assert "stroke-dasharray" in drawn


def is_grey(colour: str) -> bool:
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    parts = re.findall(r"\d+", colour) if colour.startswith("rgb") else re.findall("..", digits)
    return len(set(parts[:3])) == 1


def test_a_point_that_breaks_a_rule_is_marked() -> None:
    point = {"measure_value": 100.0, "centre_line": 100.0, "lower_limit": 90.0, "upper_limit": 110.0,
             "broken_rules": "", "is_volume_jump": False}  # fmt: skip
    days = [{**point, "measured_date": TODAY - timedelta(days=back)} for back in range(5)]
    plain = control_chart(days)
    marked = control_chart([{**days[0], "measure_value": 130.0, "broken_rules": "1 3"}, *days[1:]])
    assert "1 3" in marked and "1 3" not in plain
    without = [{**day, "centre_line": None, "lower_limit": None, "upper_limit": None} for day in days]
    assert control_chart(without).count("stroke-dasharray") < plain.count("stroke-dasharray")


def test_nothing_there_yet_is_said_and_is_no_error(tmp_path: Path) -> None:
    PlantedWarehouse(tmp_path / "w.duckdb", tables=())
    out = write(tmp_path / "w.duckdb", tmp_path / "out")
    page = Page((out / "index.html").read_text(encoding="utf-8"))
    for shown in ("Nothing is open among what was looked at.", "There are no scores yet: agg_quality_scores is not in",
                  "There are no control charts yet", "Freshness has not been checked yet", "No dbt run is known yet",
                  "Nothing has landed yet", "Not looked at:"):  # fmt: skip
        assert shown in page.text, shown
    assert set(samples(out / "strata.prom")) == set(FAMILIES)


def test_tables_without_rows_are_told_from_tables_that_are_missing(tmp_path: Path) -> None:
    planted = PlantedWarehouse(tmp_path / "w.duckdb")
    planted.point("dim_supplier", "row_count", TODAY, 100)  # one point is no chart
    page = Page((write(tmp_path / "w.duckdb", tmp_path / "out") / "index.html").read_text(encoding="utf-8"))
    for shown in ("No dataset has been scored yet", "No measure has a history yet", "None."):
        assert shown in page.text, shown


def test_the_metrics_are_the_figures_of_the_warehouse(written: Path) -> None:
    found = samples(written / "strata.prom")
    assert set(found) == set(FAMILIES)
    scores = {(labels["dataset"], labels["tenant"]): value for labels, value in found["strata_quality_score"]}
    assert scores[("dim_supplier", "all")] == 70 and scores[("dim_supplier", "GB10")] == 55
    assert ('fct_\\"x\\"\\\\<script src=\\"//evil.example/x.js\\">', "all") in scores
    outcomes = {labels["outcome"]: value for labels, value in found["strata_load_rows"] if labels["source"] == "sap"}
    assert outcomes == {"read": 10, "good": 9, "rejected": 1}
    assert found["strata_dead_letters_open"] == [({"source": "sap", "dataset": "suppliers"}, 3)]
    assert ({"source": "sap", "dataset": "suppliers"}, 30) in found["strata_source_age_hours"]
    assert {labels["node"]: value for labels, value in found["strata_node_failed"]}["fct_unit_profit"] == 1
    out_of_control = {labels["dataset"]: value for labels, value in found["strata_spc_out_of_control"]}
    assert out_of_control["dim_supplier"] == 1 and sum(out_of_control.values()) == 1
    incidents = {labels["kind"]: value for labels, value in found["strata_incidents_open"]}
    assert incidents["failed_nodes"] == 1


def test_the_dashboard_asks_for_metrics_and_labels_that_are_written(written: Path) -> None:
    dashboard = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    found = samples(written / "strata.prom")
    panels = dashboard["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels) and dashboard["schemaVersion"] >= 36
    places = {(x, y) for p in panels for x in range(p["gridPos"]["x"], p["gridPos"]["x"] + p["gridPos"]["w"])
              for y in range(p["gridPos"]["y"], p["gridPos"]["y"] + p["gridPos"]["h"])}  # fmt: skip
    assert len(places) == sum(p["gridPos"]["w"] * p["gridPos"]["h"] for p in panels), "panels overlap"
    assert all(x < 24 for x, _ in places)
    asked = set()
    for target in (target for panel in panels for target in panel["targets"]):
        names = set(re.findall(r"\bstrata_[a-z_]+", target["expr"]))
        assert names and names <= set(FAMILIES), target["expr"]
        asked |= names
        labels = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
        labels |= set(re.findall(r"(\w+)=", target["expr"]))
        labels |= {label for group in re.findall(r"by \(([^)]*)\)", target["expr"]) for label in re.split(", ?", group)}
        for name in names:
            known = {label for sample, _ in found[name] for label in sample}
            assert labels <= known or not found[name], f"{name} has no {labels - known}"
    assert asked == set(FAMILIES), "what is written is drawn"


def test_elementary_is_named_as_missing_without_the_real_package(
    planted: PlantedWarehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tools.elementary.installed", lambda: {"route": "offline", "versions": {}})
    write(planted.path, tmp_path)
    assert "Elementary's report: not written: dbt_packages/ holds the stand-in" in capsys.readouterr().out
    monkeypatch.setattr("tools.elementary.installed", lambda: {"route": "git", "versions": {}})
    write(planted.path, tmp_path)
    assert "dbt run --selector elementary" in capsys.readouterr().out


@pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine")
@pytest.mark.parametrize(("width", "height"), [(1200, 900), (390, 844)])
def test_nothing_is_wider_than_the_screen(written: Path, tmp_path: Path, width: int, height: int) -> None:
    """A frame as wide as the screen loads the page and says how wide its content wants to be."""
    page = (written / "index.html").read_text(encoding="utf-8").replace("default-src 'none'; ", "")
    (tmp_path / "page.html").write_text(page, encoding="utf-8")
    probe = (
        f'<iframe src="page.html" style="width:{width}px;height:{height}px;border:0" onload="'
        "const d=this.contentDocument,h=d.documentElement,s=[...d.querySelectorAll('svg')];"
        "document.title=[h.scrollWidth,h.clientWidth,s.length,Math.max(...s.map(x=>x.getBoundingClientRect().right))]"
        ".join(',')\"></iframe>"
    )
    (tmp_path / "probe.html").write_text(f"<!doctype html><title>none</title>{probe}", encoding="utf-8")
    done = subprocess.run(
        [BROWSER, "--headless=new", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files",
         f"--user-data-dir={tmp_path / 'profile'}", "--virtual-time-budget=8000", "--dump-dom",
         (tmp_path / "probe.html").as_uri()],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    match = re.search(r"<title>(\d+),(\d+),(\d+),([\d.]+)</title>", done.stdout)
    assert match, done.stdout[:300]
    wanted, given, charts, right = (float(number) for number in match.groups())
    assert (wanted, charts) == (given, 4) and right <= width
