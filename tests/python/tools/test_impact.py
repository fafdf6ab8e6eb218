"""`make impact`: a change is followed to the columns, metrics, uses, contracts and files that it reaches."""

from __future__ import annotations

import copy
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tools import data_products
from tools.impact import __main__ as impact

FILES = {
    "dbt_project.yml": "name: shop\nprofile: shop\nversion: '1.0'\nmodel-paths: [models]\n",
    "profiles.yml": """
shop: {target: dev, outputs: {dev: {type: duckdb, path: "{{ env_var('STRATA_WAREHOUSE') }}"}}}
""",
    "models/all.yml": """
groups: [{name: sales, owner: {name: sales-analytics}}]
sources:
  - name: erp
    tables:
      - name: orders
        columns:
          - {name: id, data_type: integer}
          - {name: net, data_type: "decimal(18, 4)"}
          - {name: tax, data_type: "decimal(18, 4)"}
          - {name: state, data_type: varchar}
          - {name: ordered_on, data_type: date}
models:
  - name: fct_orders
    config: {access: public, group: sales, contract: {enforced: true}, materialized: table}
    semantic_model: true
    agg_time_dimension: ordered_on
    columns:
      - {name: id, data_type: integer, entity: {type: primary, name: order}}
      - {name: gross, data_type: "decimal(19, 4)"}
      - {name: is_open, data_type: boolean}
      - {name: ordered_on, data_type: date, granularity: day, dimension: {type: time}}
    metrics:
      - {name: gross_total, type: simple, agg: sum, expr: gross}
      - {name: order_count, type: simple, agg: count_distinct, expr: id}
exposures:
  - name: sales_board
    label: Sales board
    type: dashboard
    owner: {name: sales-analytics, email: sales@example.com}
    depends_on: [ref('agg_orders')]
""",
    "models/top.yml": """
metrics:
  - {name: gross_per_order, type: ratio, numerator: gross_total, denominator: order_count}
""",
    "models/spine.sql": "select cast('2026-01-01' as date) as date_day\n",
    "models/spine.yml": """
models:
  - name: spine
    time_spine: {standard_granularity_column: date_day}
    columns: [{name: date_day, granularity: day, data_type: date}]
""",
    "models/stg_orders.sql": "select id, net, tax, state, ordered_on from {{ source('erp', 'orders') }}\n",
    "models/fct_orders.sql": """
with orders as (
    select * from {{ ref('stg_orders') }}
),

final as (
    select id, net + tax as gross, state = 'open' as is_open, ordered_on from orders
)

select * from final
""",
    "models/agg_orders.sql": """
select ordered_on, sum(gross) as gross_of_day from {{ ref('fct_orders') }} where is_open group by ordered_on
""",
    ".gitignore": "logs/\ntarget/\nimpact.md\n",
    "analyses/question.sql": "-- gross of fct_orders by day\nselect 1\n",
    "snapshots/snap_orders.yml": """
snapshots:
  - name: snap_orders
    relation: ref('stg_orders')
    config: {strategy: check, unique_key: id, check_cols: [net], hard_deletes: new_record}
""",
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small project under git, on a branch of main."""
    root = tmp_path_factory.mktemp("shop")
    for path, text in FILES.items():
        (root / path).parent.mkdir(exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    for command in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-qm", "all"], ["checkout", "-qb", "b"]):
        identity = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
        subprocess.run(["git", *identity, *command], cwd=root, check=True)
    return root


@pytest.fixture
def here(shop: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project in the place of ours."""
    for module in (data_products, impact):
        monkeypatch.setattr(module, "ROOT", shop)
    monkeypatch.chdir(shop)
    for name in ("DBT_TARGET_PATH", "DBT_PROFILES_DIR", "STRATA_TARGET"):
        monkeypatch.delenv(name, raising=False)
    return shop


@pytest.fixture(scope="module")
def compiled(shop: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Its manifest with compiled SQL: dbt runs once, the tests change what it compiled."""
    target = tmp_path_factory.mktemp("target")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STRATA_WAREHOUSE", str(target / "impact.duckdb"))
        patch.delenv("STRATA_TARGET", raising=False)
        done = data_products.run_dbt(["compile"], shop, target)
    assert done.returncode == 0, done.stdout
    return data_products.read(target / "manifest.json")


def told(compiled: dict[str, Any], *edits: tuple[str, str, str]) -> tuple[bool, str]:
    """The report after changes of compiled SQL: model, old text, new text."""
    tree = copy.deepcopy(compiled)
    for name, old, new in edits:
        node = tree["nodes"][f"model.shop.{name}"]
        assert old in node["compiled_code"]
        node["compiled_code"] = node["compiled_code"].replace(old, new)
    text, is_broken = impact.report(compiled, tree, "0" * 40)
    return is_broken, text


def section(report: str, title: str) -> str:
    return report.partition(f"## {title}\n")[2].partition("\n## ")[0]


def test_a_renamed_column_is_followed_to_all_that_reads_it(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = here / "models/fct_orders.sql"
    model.write_text(FILES["models/fct_orders.sql"].replace("as gross", "as gross_amount"), encoding="utf-8")
    try:
        assert impact.main(["--out", str(here / "impact.md")]) == 1, "agg_orders still asks for the old name"
    finally:
        model.write_text(FILES["models/fct_orders.sql"], encoding="utf-8")
    report = capsys.readouterr().out
    assert (here / "impact.md").read_text(encoding="utf-8") == report
    assert '`agg_orders`: Binder Error: Referenced column "gross" not found' in section(report, "Breaks")
    assert "`gross` now called gross_amount" in section(report, "Changed")
    assert "its rows" not in section(report, "Changed"), "nothing else of it is another"
    assert "| `agg_orders` | `gross_of_day` | `fct_orders.gross` |" in section(report, "Columns further down")
    metrics = section(report, "Metrics")
    assert "`gross_total`: fct_orders.gross" in metrics and "`gross_per_order`: made of gross_total" in metrics
    assert "`order_count`" not in metrics
    assert "Sales board (dashboard, sales-analytics): agg_orders: gross_of_day" in report
    assert "the model will not build" in section(report, "Contracts")
    assert "`analyses/question.sql`: fct_orders.gross" in section(report, "Files that name what is gone")
    assert impact.main(["--base", "no-such-branch"]) == 2 and "BASE=revision" in capsys.readouterr().err
    assert subprocess.run(["git", "worktree", "list"], cwd=here, capture_output=True, text=True).stdout.count("\n") == 1


def test_expressions_and_conditions_are_told_apart(compiled: dict[str, Any], here: Path) -> None:
    is_broken, report = told(
        compiled,
        ("stg_orders", "select id, net,", "select id, net * 2 as net,"),
        ("agg_orders", "where is_open", "where not is_open"),
    )
    changed = section(report, "Changed")
    assert not is_broken and "Breaks" not in report
    assert "| `stg_orders` | `net` " in changed and "computed otherwise" in changed
    assert "| `agg_orders` | its rows: conditions, joins or grouping |" in changed
    further = section(report, "Columns further down")
    assert "| `fct_orders` | `gross` | `stg_orders.net` |" in further and "`is_open`" not in further
    assert "| `snap_orders` | `net` | `stg_orders.net` |" in further


def test_comments_and_layout_are_no_change(compiled: dict[str, Any], here: Path) -> None:
    edit = ("agg_orders", "select ordered_on,", "-- by day\nselect\n    ordered_on,")
    nothing = (f"# Impact against {'0' * 12}\n\nNo column differs.", False)
    assert told(compiled, edit) == nothing[::-1]
    early, late = copy.deepcopy(compiled), copy.deepcopy(compiled)
    for tree, moment in ((early, "2026-01-01T10:00:00.000001"), (late, "2026-01-01T10:01:00.000002")):
        tree["metadata"]["run_started_at"] = f"{moment}+00:00"
        node = tree["nodes"]["model.shop.stg_orders"]
        node["compiled_code"] = (
            f"select *, cast('{moment.replace('T', ' ')}' as timestamp) as at from ({node['compiled_code']})"
        )
    assert impact.report(early, late, "0" * 40) == nothing, "when dbt ran is no change"


def test_a_condition_on_a_changed_column_touches_the_rows(compiled: dict[str, Any], here: Path) -> None:
    _, report = told(compiled, ("fct_orders", "state = 'open'", "state <> 'closed'"))
    assert "| `fct_orders` | `is_open` computed otherwise |" in section(report, "Changed")
    assert "`agg_orders`" in section(report, "Rows that may differ")
    assert "agg_orders: its rows" in section(report, "Dashboards and other uses")
    hidden = ("fct_orders", "select * from final", "select * from final where id > 0")
    assert "| `fct_orders` | its rows" in told(compiled, hidden)[1]
    assert "`order_count`: rows of fct_orders" in told(compiled, ("stg_orders", "from", "from (select 1) as one,"))[1]


def test_columns_of_landed_tables_and_models_that_go(compiled: dict[str, Any], here: Path) -> None:
    tree = copy.deepcopy(compiled)
    columns = tree["sources"]["source.shop.erp.orders"]["columns"]
    columns["note"] = {**columns.pop("tax"), "name": "note", "data_type": "varchar"}
    del tree["nodes"]["model.shop.agg_orders"], tree["exposures"]["exposure.shop.sales_board"]
    report, is_broken = impact.report(compiled, tree, "0" * 40)
    assert is_broken and '`stg_orders`: Binder Error: Referenced column "tax" not found' in section(report, "Breaks")
    assert "`fct_orders`" not in section(report, "Breaks"), "it is judged by itself"
    changed = section(report, "Changed")
    assert "| `erp.orders` | `note` new; `tax` gone |" in changed and "| `agg_orders` | gone |" in changed
    assert "| `fct_orders` | `gross` | `erp.orders.tax` |" in section(report, "Columns further down")
    assert "Sales board (dashboard, sales-analytics): agg_orders: gross_of_day" in report, "it had a reader"
