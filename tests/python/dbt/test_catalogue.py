"""The catalogue: every dataset with its facts, a search that finds by meaning, pages that fetch nothing."""

from __future__ import annotations

import copy
import json
import re
import shutil
import subprocess
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from harness import Warehouse
from support.catalogue_questions import QUESTIONS
from support.observed_warehouse import TODAY, PlantedWarehouse

from tools.catalogue import search, site
from tools.catalogue.__main__ import main
from tools.catalogue.columns import NO_REQUESTS, trace
from tools.catalogue.entries import Catalogue, gather, policy_of, read_policies

ROOT = Path(__file__).resolve().parents[3]
NODE = shutil.which("node")
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
HOSTILE = "</script><script src=//evil.example/x.js></script><img src=//evil.example onerror=alert(1)>"
CATALOG: dict[str, Any] = {"nodes": {}, "sources": {}}


class Links(HTMLParser):
    """What a page leads to, what it would fetch by itself, and its anchors."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.leads: list[str] = []
        self.fetched: list[str] = []
        self.anchors: set[str] = set()
        self.scripts = 0
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.anchors.add(values.get("id") or "")
        self.scripts += tag == "script"
        if tag == "a":
            self.leads.append(values.get("href") or "")
        else:
            self.fetched += [value for name, value in attrs if name in ("src", "href", "srcset", "data") and value]


@pytest.fixture
def manifest(warehouse: Warehouse) -> dict[str, Any]:
    """The project's own manifest; parsed once for all tests here."""
    path = warehouse.directory / "target" / "manifest.json"
    if not path.exists():
        warehouse.dbt("parse")
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.fixture
def catalogue(manifest: dict[str, Any]) -> Catalogue:
    return gather(manifest, CATALOG, ROOT)


def test_every_dataset_is_there_and_says_what_it_is(catalogue: Catalogue, manifest: dict[str, Any]) -> None:
    ours = [n for n in manifest["nodes"].values() if n["package_name"] == "strata"]
    built = [n["unique_id"] for n in ours if n["resource_type"] in ("model", "snapshot", "seed")]
    assert {d.node_id for d in catalogue.datasets.values()} == {*built, *manifest["sources"]}
    assert [d.label for d in catalogue.datasets.values() if not (d.description and d.owner and d.retention)] == []
    bare = [f"{d.label}.{c.name}" for d in catalogue.datasets.values() for c in d.columns
            if d.access == "public" and not (c.description and c.data_type)]  # fmt: skip
    assert bare == []
    assert len({d.page.lower() for d in catalogue.datasets.values()}) == len(catalogue.datasets), "a page each"
    profit = catalogue.datasets["fct_unit_profit"]
    assert "atom.orders" in profit.landed_from and "obt_sales" in profit.downstream and profit.sensitivity == "personal"
    assert {"contribution_margin", "net_revenue_growth_yoy"} <= set(profit.metrics), "through other metrics too"
    assert "Contribution" in profit.terms and "Net revenue" in catalogue.metrics["net_revenue_amount_gbp"].terms
    assert len(catalogue.terms) >= 40


@pytest.mark.parametrize(
    ("dataset", "retention_class", "policy"),
    [
        ("raw_atom.orders", "", "raw_atom.orders"),
        ("snapshots.snap_emerald__clients", "master_data", "snapshots.snap_emerald__clients"),
        ("marts.fct_x", "financial_record", "financial_record"),
        ("marts.fct_x", "no_such_class", "marts.*"),
        ("raw_new._dlt_loads", "", "raw_*._dlt_*"),
        ("raw_new_staging._dlt_loads", "", "raw_*_staging._dlt_*"),
        ("elsewhere.x", "", None),
    ],
)
def test_the_closest_policy_counts(dataset: str, retention_class: str, policy: str | None) -> None:
    assert policy_of(read_policies(ROOT), dataset, retention_class).get("dataset_name") == policy


def test_questions_find_their_dataset_and_the_page_ranks_like_the_command(catalogue: Catalogue, tmp_path: Path) -> None:
    index = search.build(catalogue)
    find = search.Search(index)
    found = {query: [hit.name for hit in find(query, 5)] for query in QUESTIONS}
    missed = {query: names for query, names in found.items() if not QUESTIONS[query] & set(names)}
    assert len(missed) <= 2, missed
    words_only = search.Search({**index, "settings": {**index["settings"], "expansion": 0, "meaning": 0}})
    by_words = sum(bool(answer & {hit.name for hit in words_only(q, 5)}) for q, answer in QUESTIONS.items())
    assert len(QUESTIONS) - len(missed) > by_words, "meaning finds what words alone do not"
    assert find("haulage") and not words_only("zzzz") and find("zzzz") == [] and find("") == [] and find("the of") == []
    assert len(json.dumps(index)) < 4_000_000
    if not (NODE or BROWSER):
        pytest.skip("neither Node.js nor Chromium on this machine: the page's own script was not run")
    assert _in_javascript(index, [*QUESTIONS, "", "zzzz"], tmp_path) == {**found, "": [], "zzzz": []}


def _in_javascript(index: dict[str, Any], queries: list[str], place: Path) -> dict[str, list[str]]:
    """What search.js finds, in Node.js or else in Chromium."""
    asked = f"Object.fromEntries({json.dumps(queries)}.map((q) => [q, finder.search(q, 5).map((hit) => hit.doc.name)]))"
    script = (ROOT / "tools/catalogue/search.js").read_text(encoding="utf-8")
    script += f"\nconst finder = makeSearch({site.embedded(index)});\n"
    if NODE:
        (place / "run.js").write_text(f"{script}console.log(JSON.stringify({asked}));", encoding="utf-8")
        return json.loads(subprocess.run([NODE, place / "run.js"], capture_output=True, text=True, check=True).stdout)
    shown = f"document.title = JSON.stringify({asked});"
    (place / "run.html").write_text(f"<!doctype html><title></title><script>{script}{shown}</script>", "utf-8")
    title = re.search(r"<title>(.*?)</title>", dumped(place / "run.html", place))
    assert title
    return json.loads(title[1].replace("&amp;", "&").replace("&lt;", "<"))


def dumped(page: Path, place: Path, query: str = "") -> str:
    """The page as Chromium has it after its scripts ran."""
    command = [
        str(BROWSER), "--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={place / 'profile'}",
        "--allow-file-access-from-files", "--virtual-time-budget=15000", "--dump-dom", page.as_uri() + query,
    ]  # fmt: skip
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout


def shop() -> tuple[dict[str, Any], dict[str, Any]]:
    """Compiled SQL and built columns of a landed table and two models; the manifest's other parts are empty."""
    columns = {"raw": ["id", "net", "tax"], "stg": ["id", "gross"], "fct": ["id", "gross_gbp"]}
    sql = {
        "stg": 'select id, net + tax as gross from "db"."raw"."raw"',
        "fct": 'with s as (select * from "db"."x"."stg") select id, gross * 0.8 as gross_gbp from s where gross > 0 '
        "union all select -1, 0",
    }
    ids = {"raw": "source.shop.erp.raw", "stg": "model.shop.stg", "fct": "model.shop.fct"}
    built, nodes, sources = {}, {}, {}
    for number, (name, listed) in enumerate(columns.items()):
        schema = "raw" if name == "raw" else "x"
        built[ids[name]] = {
            "unique_id": ids[name], "metadata": {"type": "TABLE", "database": "db", "schema": schema, "name": name},
            "columns": {c: {"type": "INTEGER", "index": i, "name": c} for i, c in enumerate(listed, 1)},
        }  # fmt: skip
        node = {
            "unique_id": ids[name], "name": name, "alias": name, "schema": schema, "database": "db",
            "fqn": ["shop", name], "path": f"{name}.sql", "relation_name": f'"db"."{schema}"."{name}"',
            "package_name": "shop", "columns": {c: {"name": c, "description": HOSTILE} for c in listed}, "group": None,
            "description": f"{HOSTILE} What {name} holds.", "original_file_path": f"models/{name}.sql",
            "config": {"meta": {"owner": "a", "retention": "operational"}},
        }  # fmt: skip
        if name == "raw":
            sources[ids[name]] = {**node, "resource_type": "source", "source_name": "erp", "identifier": "raw"}
        else:
            parent = list(ids.values())[number - 1]
            nodes[ids[name]] = {**node, "resource_type": "model", "compiled_code": sql[name], "language": "sql",
                                "depends_on": {"nodes": [parent]}, "refs": []}  # fmt: skip
    empty: dict[str, Any] = {part: {} for part in ("exposures", "metrics", "semantic_models", "groups", "unit_tests")}
    metadata = {"project_name": "shop", "adapter_type": "duckdb", "dbt_version": "1.12.6",
                "dbt_schema_version": "https://schemas.getdbt.com/dbt/manifest/v12.json"}  # fmt: skip
    catalog = {"nodes": {k: v for k, v in built.items() if k in nodes}, "sources": {ids["raw"]: built[ids["raw"]]},
               "metadata": {}}  # fmt: skip
    return {**empty, "metadata": metadata, "nodes": nodes, "sources": sources}, catalog


def test_columns_are_traced_through_stars_unions_and_conditions() -> None:
    lineage = trace(*shop())
    assert lineage.problems == []
    assert sorted(lineage.parents["model.shop.stg", "gross"]) == [
        ("source.shop.erp.raw", "net"), ("source.shop.erp.raw", "tax"),
    ]  # fmt: skip
    assert lineage.parents["model.shop.fct", "gross_gbp"] == [("model.shop.stg", "gross")]
    assert lineage.children["model.shop.stg", "gross"] >= {("model.shop.fct", "gross_gbp")}


@pytest.fixture
def written(
    manifest: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Path:
    """The whole site, by the command: project and shop in one manifest, a planted warehouse, dbt's docs made up."""
    target, warehouse = tmp_path / "target", PlantedWarehouse(tmp_path / "w.duckdb")
    with warehouse.batch():
        warehouse.score("dim_supplier", TODAY - timedelta(days=1), 40)
        warehouse.score("dim_supplier", TODAY, 91.5, trend="improving")
        warehouse.score("dim_supplier", TODAY, 12, tenant="GB10")
        warehouse.freshness("error", 30)
        warehouse.load("sap", "landed", 20)
    target.mkdir()
    mixed, (added, catalog) = copy.deepcopy(manifest), shop()
    for part in ("nodes", "sources"):
        mixed[part] |= {name: {**node, "package_name": "strata"} for name, node in added[part].items()}
    (target / "manifest.json").write_text(json.dumps(mixed), encoding="utf-8")
    (target / "catalog.json").write_text(json.dumps(catalog), encoding="utf-8")
    (target / "static_index.html").write_text("<!doctype html><html><head></head><body>docs</body></html>", "utf-8")
    for name, value in {"STRATA_WAREHOUSE": warehouse.path, "DBT_TARGET_PATH": target, "STRATA_TARGET": "dev"}.items():
        monkeypatch.setenv(name, str(value))
    assert main([]) == 0
    assert "datasets, " in capsys.readouterr().out
    return target / "catalogue"


def test_the_site_is_whole_and_asks_nobody_for_anything(written: Path, tmp_path: Path) -> None:
    pages = {path: Links(path.read_text(encoding="utf-8")) for path in written.rglob("*.html")}
    dead = []
    for path, page in pages.items():
        assert "http-equiv" in path.read_text(encoding="utf-8").split("</head>")[0].replace("Content-Security", "", 1)
        if path.name in ("dbt.html", "lineage.html"):
            assert NO_REQUESTS in path.read_text(encoding="utf-8"), "other tools' pages are closed to the network"
            continue
        assert page.fetched == [] and page.scripts == (3 if path.name == "index.html" else 0), f"{path.name}: planted"
        for lead in page.leads:
            place, _, anchor = lead.partition("#")
            there = pages.get((path.parent / place.partition("?")[0]).resolve()) if place else page
            if there is None or (anchor and not anchor.startswith("!") and anchor not in there.anchors):
                dead.append(f"{path.name}: {lead}")
    assert dead == []
    supplier = (written / "datasets" / "dim_supplier.html").read_text(encoding="utf-8")
    for shown in (
        "91.5 of 100",
        "improving",
        "late: 30.0 h of 24 h",
        "sap.suppliers",
        "policy <code>master_data</code>",
    ):
        assert shown in supplier
    assert "last load landed" in (written / "datasets" / "sap.suppliers.html").read_text(encoding="utf-8")
    made_of = (written / "datasets" / "fct.html").read_text(encoding="utf-8")
    assert '<a href="stg.html#gross">stg.gross</a>' in made_of
    assert (written / "index.html").stat().st_size < 5_000_000
    if BROWSER is None:
        pytest.skip("no Chromium on this machine: the pages were read, not drawn")
    shown = dumped(written / "index.html", tmp_path, "#q=staff%20who%20quit")
    results = re.findall(r'<li><span class="kind">\w+</span><a href="([^"]+)"', shown)
    assert "datasets/fct_headcount_monthly.html" in results[:5] and len(results) == 15
    lineage = dumped(written / "lineage.html", tmp_path, "?model=model.shop.fct")
    assert "gross_gbp" in re.sub(r"<script.*?</script>", "", lineage, flags=re.DOTALL), "drawn from the page's own data"


def test_without_a_warehouse_the_pages_say_so(
    manifest: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DBT_TARGET_PATH", str(tmp_path))
    monkeypatch.setenv("STRATA_WAREHOUSE", str(tmp_path / "none.duckdb"))
    assert main(["--without-lineage"]) == 2 and "make docs" in capsys.readouterr().err
    (tmp_path / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    (tmp_path / "catalog.json").write_text(json.dumps(CATALOG), encoding="utf-8")
    out = tmp_path / "out"
    (out / "datasets").mkdir(parents=True)
    (out / "datasets" / "gone.html").write_text("a dataset that is no more", encoding="utf-8")
    assert main(["--without-lineage", "--out", str(out)]) == 0
    assert "there is no such warehouse yet" in capsys.readouterr().out
    assert "not known: " in (out / "datasets" / "dim_supplier.html").read_text(encoding="utf-8")
    assert not (out / "datasets" / "gone.html").exists() and not (out / "lineage.html").exists()
    assert main(["search", "people", "who", "left"]) == 0 and "fct_headcount_monthly" in capsys.readouterr().out
    assert main(["search", "zzzz"]) == 1
