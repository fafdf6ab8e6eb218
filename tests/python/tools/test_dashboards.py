"""The boards of reports/boards: drawn without a request, filtered in the page, and never a wrong picture."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from html import unescape
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from support.boarded_marts import build, marts_read_by, rows_of_a_company

from ingestion.lock import warehouse_lock
from tools.dashboards.__main__ import BOARDS, main, read_boards
from tools.dashboards.boards import BoardError, read_board
from tools.dashboards.source import tables_of
from tools.publish.__main__ import publish

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
needs_browser = pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine: what is drawn is not checked")
NAMES = ("data_quality", "hsbc_clients", "investors", "procurement", "retention", "supply_chain")

# Waits for each page, counts what is drawn, then chooses another value and a span of time without rows.
PROBE = """<!doctype html><title>running</title><body>%s<script>
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
async function drawn(page) { while (!page.documentElement.dataset.drawn) await sleep(20); }
const marks = (figure) => [...figure.querySelectorAll("svg g.role-mark path")].filter((mark) => {
  const box = mark.getBBox(); return box.width + box.height > 0; }).length;
const look = (page) => ({
  parts: Object.fromEntries([...page.querySelectorAll("figure")].map((figure) => [figure.id, {
    marks: marks(figure), rows: figure.querySelectorAll("tbody tr").length,
    empty: figure.querySelector(".empty")?.textContent ?? null, notes: figure.textContent }])),
  tiles: [...page.querySelectorAll(".tile b")].map((tile) => tile.textContent),
  wide: page.documentElement.scrollWidth - page.documentElement.clientWidth });
async function choose(page, select, index) {
  select.selectedIndex = index; select.dispatchEvent(new Event("change")); await drawn(page); return look(page); }
(async () => {
  const found = {};
  for (const frame of document.querySelectorAll("iframe")) {
    const page = frame.contentDocument; await drawn(page);
    const said = { first: look(page) };
    const selects = [...page.querySelectorAll("select")];
    if (selects.length) said.other = await choose(page, selects[0], selects[0].length - 1);
    const [from, to] = selects.slice(-2);
    if (to?.ariaLabel === "to") {
      await choose(page, selects[0], 0); await choose(page, from, from.length - 1);
      said.none = await choose(page, to, 0); }
    said.requests = frame.contentWindow.performance.getEntriesByType("resource").map((entry) => entry.name);
    found[frame.name] = said;
  }
  const text = document.createElement("pre"); text.id = "found"; text.textContent = JSON.stringify(found);
  document.body.append(text);
})();
</script>"""


class Company:
    """A warehouse of hand-made marts, and runs of the command on it."""

    def __init__(self, folder: Path, rows: dict[str, list[dict[str, Any]]]) -> None:
        self.path, self.out = folder / "w.duckdb", folder / "out"
        boards, broken = read_boards(BOARDS)
        assert not broken and tuple(board.name for board in boards) == NAMES
        build(self.path, marts_read_by(boards), rows)

    def run(self, *arguments: str) -> int:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("STRATA_WAREHOUSE", str(self.path))
            patch.setenv("STRATA_LOCK_WAIT", "0")
            patch.setenv("DBT_TARGET_PATH", str(self.path.parent / "target"))
            patch.delenv("STRATA_TARGET", raising=False)
            return main(["--out", str(self.out), *arguments])

    def page(self, name: str) -> str:
        return (self.out / f"{name}.html").read_text(encoding="utf-8")

    def document(self, name: str) -> dict[str, Any]:
        """What the page's script reads."""
        match = re.search(r'<script type="application/json" id="board">(.*?)</script>', self.page(name), flags=re.S)
        assert match
        return json.loads(match[1])

    def execute(self, sql: str) -> None:
        with duckdb.connect(str(self.path)) as connection:
            connection.execute(sql)


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Company:
    made = Company(tmp_path_factory.mktemp("company"), rows_of_a_company())
    assert made.run() == 0
    return made


@pytest.fixture
def spoiled(company: Company, tmp_path: Path) -> Company:
    """A copy to break."""
    shutil.copytree(company.path.parent, tmp_path / "copy")
    made = object.__new__(Company)
    made.path, made.out = tmp_path / "copy" / "w.duckdb", tmp_path / "copy" / "out"
    return made


def seen(folder: Path, width: int = 1200) -> tuple[dict[str, Any], list[str]]:
    """What a browser draws of each page, and what it writes to its console."""
    frames = "".join(
        f'<iframe name="{name}" src="{name}.html" style="width:{width}px;height:900px;border:0;display:block"></iframe>'
        for name in NAMES
    )
    probe = PROBE % frames
    # The script must not look before all frames are there.
    (folder / "probe.htm").write_text(probe.replace("(async () => {", "window.onload = (async () => {").replace(
        "document.body.append(text);\n})();", "document.body.append(text);\n});"), encoding="utf-8")  # fmt: skip
    done = subprocess.run(
        [BROWSER, "--headless=new", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files",
         "--enable-logging=stderr", f"--user-data-dir={folder / 'profile'}", f"--window-size={width},5600",
         "--virtual-time-budget=60000", "--dump-dom", (folder / "probe.htm").as_uri()],
        capture_output=True, text=True, timeout=200, check=True,
    )  # fmt: skip
    match = re.search(r'<pre id="found">(.*?)</pre>', done.stdout, flags=re.S)
    assert match, done.stderr[-2000:]
    return json.loads(unescape(match[1])), [line for line in done.stderr.splitlines() if "CONSOLE" in line]


def test_each_board_is_an_exposure_of_what_it_reads() -> None:
    declared = yaml.safe_load((BOARDS.parents[1] / "models/marts/_marts__exposures.yml").read_text(encoding="utf-8"))
    exposures = {each["name"]: each for each in declared["exposures"]}
    boards, broken = read_boards(BOARDS)
    assert not broken and sorted(exposures) == sorted(f"board_{board.name}" for board in boards)
    for board in boards:
        exposure = exposures[f"board_{board.name}"]
        read = {table for sql in [*board.datasets.values(), board.as_of.sql] for table in tables_of(sql)}
        assert exposure["depends_on"] == [f"ref('{table.split('.')[1]}')" for table in sorted(read)], board.name
        assert exposure["owner"]["name"] == board.owner


@needs_browser
def test_a_browser_draws_every_chart_filters_it_and_asks_nobody(company: Company) -> None:
    found, console = seen(company.out)
    assert console == [] and set(found) == set(NAMES)
    for name, page in found.items():
        assert page["requests"] == [] and page["first"]["wide"] <= 0, name
        for part, shown in page["first"]["parts"].items():
            assert shown["marks"] + shown["rows"] > 0 and shown["empty"] is None, f"{name}: {part} is not drawn"
        changed = [part for part, shown in page["other"]["parts"].items() if shown != page["first"]["parts"][part]]
        assert changed, f"{name}: its first filter changes nothing"
    # Figures of the plant that was chosen, and what is not known by plant says so instead of showing the total.
    supply = found["supply_chain"]
    assert supply["first"]["tiles"][0] == "30" and supply["other"]["tiles"][0] == "19"
    assert supply["other"]["parts"]["otif"]["empty"] == "The 6 rows of this selection have no value for this."
    assert "Not filtered by plant" in supply["other"]["parts"]["suppliers"]["notes"]
    # The group is the sum of the companies, its margin that of the sums, its growth on the year before.
    assert found["investors"]["first"]["tiles"][:4] == ["4,200", "1,800", "42.9%", "40.0%"]
    assert found["investors"]["other"]["tiles"][:4] == ["1,400", "600", "42.9%", "40.0%"]
    # A dimension that is mostly empty is named, not dropped.
    countries = found["procurement"]["first"]["parts"]["countries"]
    assert "supplier country name is not known in 6 of 12 rows." in countries["notes"]
    for name in ("supply_chain", "procurement", "investors", "hsbc_clients"):
        page = found[name]["none"]
        without = [part["empty"] or "" for part in page["parts"].values() if "Not filtered by" not in part["notes"]]
        assert without and all(text.startswith("This selection has no rows.") for text in without), name
        assert set(page["tiles"]) == {"\u2013"}, name


@needs_browser
def test_nothing_there_yet_is_an_empty_state_and_no_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    nobody = Company(tmp_path, {})
    assert nobody.run() == 0
    assert "board investors, dataset profit: no rows; the page says so." in capsys.readouterr().out
    found, console = seen(nobody.out, width=390)
    assert console == []
    for name, page in found.items():
        assert page["first"]["wide"] <= 0, name
        for part, shown in page["first"]["parts"].items():
            assert shown["empty"] == "The marts hold no rows for this." and shown["marks"] == 0, f"{name}: {part}"
        assert set(page["first"]["tiles"]) == {"\u2013"}, name
    assert "Last complete quarter begins: <b>no rows yet</b>" in nobody.page("investors")


def test_a_page_fetches_nothing_and_names_questions_units_dates_and_words(company: Company) -> None:
    for board in read_boards(BOARDS)[0]:
        page = company.page(board.name)
        assert "default-src 'none'; script-src 'unsafe-inline'" in page
        outside = re.sub(r"<script.*?</script>", "", page, flags=re.S)
        assert not re.findall(r"\b(?:src|srcset|data|poster)=|<link|@import|url\(", outside)
        assert all(not link.startswith(("http", "//")) for link in re.findall(r'href="([^"]+)"', outside))
        text = unescape(outside)
        for part in (*board.charts, *board.tables):
            assert text.count(part.question) == 2, "in the list and above its answer"
        assert all(f"Unit: {chart.unit}" in text for chart in board.charts)
        assert f"{board.as_of.label}: <b>2026-" in text and "data landed until 2026-08-30 06:00 UTC" in text
        assert "Definitions" in text and all(definition.term in text for definition in board.definitions)
    assert "Secret Name" not in company.page("hsbc_clients")
    index = company.page("index")
    assert all(f'href="{name}.html"' in index for name in NAMES)


@pytest.mark.parametrize(
    ("spoil", "board", "said"),
    [
        ("alter table dev_marts.rpt_scm_dashboard drop column on_time_share", "supply_chain",
         "dataset monthly: there is no column on_time_share in marts.rpt_scm_dashboard"),
        ("alter table dev_marts.agg_profit_quarterly rename to agg_profits", "investors",
         "dataset profit: there is no mart marts.agg_profit_quarterly"),
    ],
)  # fmt: skip
def test_a_mart_or_column_that_is_gone_fails_by_name(
    spoiled: Company, capsys: pytest.CaptureFixture[str], spoil: str, board: str, said: str
) -> None:
    spoiled.execute(spoil)
    before = spoiled.page("retention")
    assert spoiled.run("--check") == 1 and spoiled.page("retention") == before
    assert spoiled.run() == 1
    error = capsys.readouterr().err
    assert f"board {board}, {said}" in error and "Remedy: build the mart (make build), or change the board." in error
    page = spoiled.page(board)
    assert said.split(" in ")[0] in unescape(page) and "<figure" not in page, "no picture rather than a wrong one"
    assert "<figure" in spoiled.page("retention") and "Cannot be drawn now" in spoiled.page("index")


def test_a_board_that_asks_for_what_it_may_not_or_cannot_have(
    spoiled: Company, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    board = yaml.safe_load((BOARDS / "hsbc_clients.yml").read_text(encoding="utf-8"))
    mart = "marts.rpt_hsbc_client_indicators"
    board["datasets"]["industries"] = f"select client_name as company, industry_name from {mart}"
    board["datasets"]["evidence"] = "selec 1 from"
    board["definitions"] = [{"term": "None", "column": f"{mart}.no_such"}]
    board["charts"][0]["vega"]["encoding"]["y"]["field"] = "client_number"
    folder = tmp_path / "boards"
    folder.mkdir()
    (folder / "one.yml").write_text(yaml.safe_dump(board), encoding="utf-8")
    (folder / "two.yml").write_text("title: only a title\ncolour: red\n", encoding="utf-8")
    assert spoiled.run("--boards", str(folder)) == 1
    error = capsys.readouterr().err
    for said in (
        f"column client_name of {mart} holds personal data",
        "dataset evidence: the SQL cannot be read",
        f"definition None: {mart}.no_such is no described column",
        "chart clients: dataset weekly has no column client_number",
        "board two.yml: ",
        "colour: Extra inputs",
    ):
        assert said in error, said
    assert not (spoiled.out / "supply_chain.html").exists(), "a page without a board does not stay and look current"
    board["charts"][0]["vega"]["mark"] = "lines"
    (folder / "one.yml").write_text(yaml.safe_dump(board), encoding="utf-8")
    with pytest.raises(BoardError, match="chart clients is not Vega-Lite"):
        read_board(folder / "one.yml")


def test_a_held_warehouse_is_told_and_changes_no_page(company: Company, capsys: pytest.CaptureFixture[str]) -> None:
    before = company.page("supply_chain")
    with warehouse_lock(company.path):
        assert company.run() == 75
    assert "held by" in capsys.readouterr().err and company.page("supply_chain") == before
    program = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", program, str(company.path)], text=True,
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writer:  # fmt: skip
        assert writer.stdout and writer.stdin and writer.stdout.readline() == "open\n"
        assert company.run() == 75
        writer.stdin.close()
    assert "another program has it open for writing" in capsys.readouterr().err
    assert company.page("supply_chain") == before


def shown_by(document: dict[str, Any]) -> dict[str, Any]:
    """What a page shows, with rows in an order of their own: a query may leave it open among equals."""
    rows = {name: sorted(map(json.dumps, dataset["rows"])) for name, dataset in document["datasets"].items()}
    return {**document, "datasets": rows}


def test_the_published_copy_draws_the_same_while_the_warehouse_is_held(
    spoiled: Company, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert spoiled.run("--published", str(tmp_path / "copies")) == 2
    assert "nothing has been published there. Remedy: make publish" in capsys.readouterr().err
    monkeypatch.setenv("STRATA_WAREHOUSE", str(spoiled.path))
    monkeypatch.setenv("DBT_TARGET_PATH", str(spoiled.path.parent / "target"))
    publish(tmp_path / "copies")
    expected = {name: shown_by(spoiled.document(name)) for name in NAMES}
    with warehouse_lock(spoiled.path):
        assert spoiled.run("--published", str(tmp_path / "copies")) == 0
    assert {name: shown_by(spoiled.document(name)) for name in NAMES} == expected
    assert "read from the published copy" in spoiled.page("retention")
