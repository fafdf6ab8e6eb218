"""Each rule of `python -m tools.conventions` fires on the file that breaks it and is silent where all are kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest
from support import glossary_cases, metric_cases

from tools.conventions import baseline
from tools.conventions.__main__ import RULES, check, main

MART = "models/marts/procurement/fct_order_lines"
STAGING = "models/staging/erp/stg_erp__orders"
VALIDATED = "models/intermediate/procurement/int_procurement__orders_validated"
QUARANTINE = "models/intermediate/procurement/quarantine_orders"
RULE = "          - {code: QUANTITY_NOT_POSITIVE, severity: error, holds: quantity > 0, means: Nothing was ordered.}\n"
DESCRIPTION = "One row per order line as the buyer placed it, rebuilt every night."

# A small project that keeps every rule.
KEPT = {
    "dbt_project.yml": """
name: shop
models:
  shop:
    marts:
      +access: public
      +contract: {enforced: true}
""",
    "models/_groups.yml": """
groups:
  - name: buying
    owner: {name: procurement-analytics}
""",
    "contracts/erp/orders.odcs.yaml": "domain: procurement\n",
    "contracts/erp/stock.odcs.yaml": "domain: supply_chain\n",
    "models/staging/erp/_erp__sources.yml": """
sources:
  - name: erp
    tables:
      - name: orders
        description: One row per order.
        columns:
          - name: order_id
            data_tests: [not_null]
      - name: stock
        description: One row per material.
""",
    f"{STAGING}.sql": """
with source as (
    select * from {{ source('erp', 'orders') }}
),
final as (
    select order_id from source
)
select * from final
""",
    f"{STAGING}.yml": f"""
models:
  - name: stg_erp__orders
    description: {DESCRIPTION}
""",
    f"{MART}.sql": """
-- select * from {{ ref('in_a_comment') }}, and not in (select nothing)
with orders as (
    select * from {{ ref('stg_erp__orders') }}
    where order_id is not null
),
final as (
    select
        order_id as order_key,
        cast(ordered as timestamp) as ordered_at
    from orders
    where landed_at > (select max(landed_at) - interval '{{ var("lookback_days") }} days' from {{ this }})
)
select * from final
""",
    f"{MART}.yml": f"""
models:
  - name: fct_order_lines
    description: {DESCRIPTION}
    config:
      group: buying
      meta:
        grain: an order line
        retention: financial_record
    columns:
      - name: order_key
        description: Key of the line.
        data_type: varchar
        data_tests:
          - unique
          - accepted_values:
              arguments: {{values: [a]}}
              config: {{severity: warn}}
      - name: ordered_at
        description: When it was placed.
        data_type: timestamp
""",
    f"{VALIDATED}.sql": """
with orders as (
    select * from {{ ref('stg_erp__orders') }}
),
final as (
    {{ evaluate_rules('orders') }}
)
select * from final
""",
    f"{VALIDATED}.yml": f"""
models:
  - name: int_procurement__orders_validated
    description: {DESCRIPTION}
    config:
      group: buying
      meta:
        quarantine_rules:
          - {{code: QUANTITY_NOT_POSITIVE, severity: error, holds: quantity > 0, means: Nothing was ordered.}}
unit_tests:
  - name: an_order_of_nothing_is_quarantined
    model: int_procurement__orders_validated
    given: []
""",
    f"{QUARANTINE}.sql": """
with final as (
    select * from {{ ref('int_procurement__orders_validated') }}
    where reason_codes is not null
)
select * from final
""",
    f"{QUARANTINE}.yml": f"""
models:
  - name: quarantine_orders
    description: {DESCRIPTION}
    data_tests:
      - rows_conserved:
          name: no_order_is_lost
          arguments: {{key: order_id}}
""",
    "docs/marts.md": "| `fct_order_lines` | an order line |\n| `dim_buyer` | a buyer |\n",
    **metric_cases.KEPT,
    **glossary_cases.KEPT,
    "snapshots/snap_erp__suppliers.yml": f"""
snapshots:
  - name: snap_erp__suppliers
    relation: ref('stg_erp__orders')
    description: {DESCRIPTION}
""",
    "seeds/reference/countries.csv": "code\nGB\n",
    "seeds/reference/countries.yml": f"""
seeds:
  - name: countries
    description: {DESCRIPTION}
""",
    "macros/cleaning/trimmed.sql": """
{% macro trimmed(column, characters=['a', ')'], fill="x, y") %}{{ column }}{% endmacro %}
{% macro duckdb__trimmed(column) %}{{ column }}{% endmacro %}
""",
    "macros/cleaning/trimmed.yml": """
macros:
  - name: trimmed
    description: Cuts blanks.
    arguments:
      - {name: column, type: string, description: What to cut.}
      - {name: characters, type: list, description: Which to cut.}
      - {name: fill, type: string, description: What to put there.}
""",
    "tests/generic/is_even.sql": "{% test is_even(model, column_name) %}select 1{% endtest %}\n",
    "tests/generic/is_even.yml": """
macros:
  - name: test_is_even
    description: Fails on odd values.
    arguments:
      - {name: model, type: relation, description: The model.}
      - {name: column_name, type: string, description: The column.}
""",
    "tests/nothing_lost.sql": "select 1 from {{ ref('fct_order_lines') }} where not exists (select 1)\n",
    "tests/nothing_lost.yml": """
data_tests:
  - name: nothing_lost
    description: Lines were lost; data-platform acts.
""",
    "settings.yml": """
password: "{{ env_var('P') }}"
client_secret: sandbox-only-not-a-secret
# password: in words
""",
}


@dataclass(frozen=True)
class Break:
    """A change to the kept project that one rule must report, at `path`."""

    rule: str
    path: str
    write: dict[str, str] = field(default_factory=dict)
    replace: tuple[str, str, str] | None = None
    delete: tuple[str, ...] = ()


def edit(path: str, old: str, new: str) -> tuple[str, str, str]:
    assert old in KEPT[path], f"{old!r} is not in {path}: the case would prove nothing"
    return path, old, new


DESCRIBED = "models:\n  - name: {name}\n    description: " + DESCRIPTION + "\n"
READS_STAGING = "with final as (\n    select a from {{ ref('stg_erp__orders') }}\n)\nselect * from final\n"

BREAKS = [
    Break("model-folder", "models/stray.sql", {"models/stray.sql": READS_STAGING}),
    Break("model-folder", "models/marts/fct_x.sql", {"models/marts/fct_x.sql": READS_STAGING}),
    Break("model-name", "models/marts/procurement/orders.sql", {"models/marts/procurement/orders.sql": READS_STAGING}),
    Break("model-name", "models/staging/erp/stg_crm__x.sql", {"models/staging/erp/stg_crm__x.sql": READS_STAGING}),
    Break(
        "model-name", "models/intermediate/buying/int_x.sql", {"models/intermediate/buying/int_x.sql": READS_STAGING}
    ),
    Break(
        "snapshot-name",
        "snapshots/suppliers.yml",
        {"snapshots/suppliers.yml": f"snapshots:\n  - {{name: suppliers, relation: a, description: {DESCRIPTION}}}\n"},
    ),
    Break("snapshot-name", "snapshots/old.sql", {"snapshots/old.sql": "{% snapshot old %}select 1{% endsnapshot %}"}),
    Break("snake-case", f"{MART}.yml", replace=edit(f"{MART}.yml", "name: ordered_at", "name: OrderedAt")),
    Break("snake-case", "seeds/reference/CN-codes.csv", {"seeds/reference/CN-codes.csv": "a\n"}),
    Break("column-type", f"{MART}.yml", replace=edit(f"{MART}.yml", "data_type: timestamp", "data_type: varchar")),
    Break("yaml-readable", "models/broken.yml", {"models/broken.yml": "models: [\n"}),
    Break("properties-file", f"{MART}.sql", delete=(f"{MART}.yml",)),
    Break("properties-file", "seeds/reference/countries.csv", delete=("seeds/reference/countries.yml",)),
    Break("properties-file", "models/more.yml", {"models/more.yml": DESCRIBED.format(name="fct_gone")}),
    Break("properties-file", "models/all.yml", {"models/all.yml": DESCRIBED.format(name="stg_erp__orders")}, None),
    Break("one-node-a-file", f"{STAGING}.yml", replace=edit(f"{STAGING}.yml", "models:", "models:\n  - name: x")),
    Break("description", f"{MART}.yml", replace=edit(f"{MART}.yml", f"    description: {DESCRIPTION}\n", "")),
    Break("description", f"{MART}.yml", replace=edit(f"{MART}.yml", DESCRIPTION, "The order lines fct.")),
    Break("yaml-length", "models/long.yml", {"models/long.yml": "a: 1\n" + "# line\n" * 400}),
    Break(
        "yaml-line-length", "models/wide.yml", {"models/wide.yml": "a:\n  - {b: " + "x" * 140 + "}\nc: " + "x" * 140}
    ),
    Break("test-arguments", f"{MART}.yml", replace=edit(f"{MART}.yml", "arguments: {values: [a]}", "values: [a]")),
    Break("data-tests-key", f"{MART}.yml", replace=edit(f"{MART}.yml", "data_tests:", "tests:")),
    Break("mart-contract", f"{MART}.yml", replace=edit("dbt_project.yml", "{enforced: true}", "{enforced: false}")),
    Break(
        "mart-contract",
        f"{MART}.yml",
        replace=edit(f"{MART}.sql", "with orders", "{{ config(contract={'enforced': false}) }}\nwith orders"),
    ),
    Break("mart-columns", f"{MART}.yml", replace=edit(f"{MART}.yml", "        description: Key of the line.\n", "")),
    Break("mart-columns", f"{MART}.yml", replace=edit(f"{MART}.yml", "        data_type: varchar\n", "")),
    Break("mart-columns", f"{MART}.yml", replace=edit(f"{MART}.yml", "    columns:", "    columns: []\n    other:")),
    Break("mart-grain", f"{MART}.yml", replace=edit(f"{MART}.yml", "grain: an order line", "grain:")),
    Break("mart-retention", f"{MART}.yml", replace=edit(f"{MART}.yml", "        retention: financial_record\n", "")),
    Break("mart-owner", f"{MART}.yml", replace=edit(f"{MART}.yml", "      group: buying\n", "")),
    Break("mart-listed", f"{MART}.sql", replace=edit("docs/marts.md", "fct_order_lines", "fct_orders")),
    Break("mart-listed", "docs/marts.md", replace=edit("docs/marts.md", "|\n", "| `dim_gone` |\n")),
    Break("group-exists", f"{MART}.yml", replace=edit(f"{MART}.yml", "group: buying", "group: selling")),
    Break(
        "group-exists",
        "models/_groups.yml",
        replace=edit("models/_groups.yml", "owner: {name: procurement-analytics}", "owner: {}"),
    ),
    Break("mart-access", f"{MART}.yml", replace=edit("dbt_project.yml", "      +access: public\n", "")),
    Break(
        "version-ends",
        f"{MART}.yml",
        replace=edit(
            f"{MART}.yml", "    config:\n      group", "    versions: [{v: 2}, {v: 1}]\n    config:\n      group"
        ),
    ),
    Break("mart-unique-key", f"{MART}.yml", replace=edit(f"{MART}.yml", "- unique\n", "- not_null\n")),
    Break(
        "quarantine-conserves", f"{QUARANTINE}.yml", replace=edit(f"{QUARANTINE}.yml", "rows_conserved:", "rules_hold:")
    ),
    Break("validated-quarantined", f"{VALIDATED}.sql", replace=edit(f"{VALIDATED}.yml", RULE, "")),
    Break(
        "validated-quarantined",
        f"{VALIDATED}.sql",
        replace=edit(f"{VALIDATED}.sql", "{{ evaluate_rules('orders') }}", "a"),
    ),
    Break("validated-quarantined", f"{VALIDATED}.sql", delete=(f"{QUARANTINE}.sql", f"{QUARANTINE}.yml")),
    Break(
        "validated-quarantined",
        f"{MART}.sql",
        replace=edit(f"{MART}.sql", "select * from final", "{{ evaluate_rules('final') }}"),
    ),
    Break(
        "unit-test",
        f"{VALIDATED}.sql",
        replace=edit(f"{VALIDATED}.yml", "    model: int_procurement__orders_validated\n", ""),
    ),
    Break(
        "unit-test", f"{MART}.sql", replace=edit(f"{MART}.sql", "order_id as order_key", "case when a then 1 end as b")
    ),
    Break(
        "source-only-in-staging",
        f"{MART}.sql",
        replace=edit(f"{MART}.sql", "ref('stg_erp__orders')", "source('erp', 'orders')"),
    ),
    Break(
        "staging-reads-sources",
        f"{STAGING}.sql",
        replace=edit(f"{STAGING}.sql", "from source\n", "from {{ ref('x') }}\n"),
    ),
    Break("staging-reads-sources", f"{STAGING}.sql", replace=edit(f"{STAGING}.sql", "source('erp', 'orders')", "this")),
    Break(
        "layer-order",
        "models/intermediate/buying/int_buying__x.sql",
        {"models/intermediate/buying/int_buying__x.sql": "select * from {{ ref('fct_order_lines') }}"},
    ),
    Break(
        "mart-foreign-staging",
        f"{MART}.sql",
        replace=edit(f"{MART}.sql", "from orders\n", "from orders join {{ ref('stg_erp__stock') }} using (a)\n"),
    ),
    Break("final-select", f"{MART}.sql", replace=edit(f"{MART}.sql", "select * from final", "select a from final")),
    Break(
        "star-from-ref",
        f"{MART}.sql",
        replace=edit(
            f"{MART}.sql", "    from orders\n", "    from (select o.*, 1 as a from {{ ref('stg_erp__orders') }} o)\n"
        ),
    ),
    Break(
        "literal-relation", f"{MART}.sql", replace=edit(f"{MART}.sql", "    from orders\n", "    from raw_erp.orders\n")
    ),
    Break("schema-name", "macros/x.sql", {"macros/x.sql": "select 1 from dev_marts.fct_order_lines\n"}),
    Break(
        "bare-watermark",
        f"{MART}.sql",
        replace=edit(f"{MART}.sql", """ - interval '{{ var("lookback_days") }} days'""", ""),
    ),
    Break(
        "not-in-query", "tests/nothing_lost.sql", replace=edit("tests/nothing_lost.sql", "not exists (", "a not in ( ")
    ),
    Break("sql-length", f"{MART}.sql", replace=edit(f"{MART}.sql", "with orders", "\n" * 150 + "with orders")),
    Break(
        "sql-line-length",
        f"{MART}.sql",
        replace=edit(f"{MART}.sql", "with orders", "-- " + "x" * 120 + "\nwith orders"),
    ),
    Break("macro-documented", "macros/cleaning/trimmed.sql", delete=("macros/cleaning/trimmed.yml",)),
    Break("macro-documented", "tests/generic/is_even.sql", delete=("tests/generic/is_even.yml",)),
    Break(
        "macro-documented",
        "macros/cleaning/trimmed.yml",
        replace=edit(
            "macros/cleaning/trimmed.yml", "- name: trimmed", "- {name: gone, description: Gone.}\n  - name: trimmed"
        ),
    ),
    Break(
        "macro-arguments",
        "macros/cleaning/trimmed.yml",
        replace=edit("macros/cleaning/trimmed.yml", "{name: column,", "{name: col,"),
    ),
    Break(
        "macro-arguments",
        "macros/cleaning/trimmed.yml",
        replace=edit("macros/cleaning/trimmed.yml", ", description: What to cut.", ""),
    ),
    Break(
        "macro-arguments",
        "tests/generic/is_even.yml",
        {
            "tests/generic/is_even.sql": "{% test is_even(model, modulus) %}select 1{% endtest %}",
            "tests/generic/is_even.yml": "macros:\n  - {name: test_is_even, description: Fails on odd values.}\n",
        },
    ),
    Break("test-documented", "tests/nothing_lost.sql", delete=("tests/nothing_lost.yml",)),
    Break(
        "test-documented",
        "tests/nothing_lost.yml",
        replace=edit("tests/nothing_lost.yml", "- name: nothing_lost", "- name: gone\n  - name: nothing_lost"),
    ),
    Break(
        "contract-behind-source",
        "models/staging/erp/_erp__sources.yml",
        delete=("contracts/erp/stock.odcs.yaml",),
    ),
    Break(
        "contract-behind-source",
        "contracts/erp/new.odcs.yaml",
        {"contracts/erp/new.odcs.yaml": "domain: procurement\n"},
    ),
    Break(
        "no-secret",
        "settings.yml",
        replace=edit("settings.yml", """password: "{{ env_var('P') }}\"""", "password: hunter2"),
    ),
    Break("no-secret", "deploy.pem.txt", {"deploy.pem.txt": "-----BEGIN RSA PRIVATE " + "KEY-----\n"}),
    Break("no-work-mark", "docs/x.md", {"docs/x.md": "TO" + "DO: later\n"}),
    Break("no-machine-path", "docs/x.md", {"docs/x.md": "see /home/" + "me/notes\n"}),
    *(
        Break(rule, path, replace=edit(changed, old, new))
        for rule, path, changed, old, new in [*metric_cases.BREAKS, *glossary_cases.BREAKS]
    ),
]


def write(root: Path, files: dict[str, str]) -> Path:
    for path, text in files.items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    return root


def test_a_project_that_keeps_the_rules_has_no_finding(tmp_path: Path) -> None:
    assert check(write(tmp_path, KEPT)) == []


@pytest.mark.parametrize("case", BREAKS, ids=lambda case: f"{case.rule}-{Path(case.path).name}")
def test_a_broken_rule_is_reported_where_it_is_broken(tmp_path: Path, case: Break) -> None:
    files = {path: text for path, text in {**KEPT, **case.write}.items() if path not in case.delete}
    if case.replace:
        path, old, new = case.replace
        files[path] = files[path].replace(old, new)
    found = [finding for finding in check(write(tmp_path, files)) if finding.rule == case.rule]
    assert [finding.path for finding in found] != [], f"{case.rule} is silent"
    assert case.path in {finding.path for finding in found}
    assert all(finding.line >= 1 and finding.wrong and finding.remedy for finding in found)


def test_every_rule_has_a_case() -> None:
    assert {rule.name for rule in RULES} == {case.rule for case in BREAKS}


def test_a_finding_names_the_line(tmp_path: Path) -> None:
    files = {**KEPT, f"{MART}.sql": "with final as (\n    select a\n    from raw.orders\n)\n\nselect * from final\n"}
    found = [finding for finding in check(write(tmp_path, files)) if finding.rule == "literal-relation"]
    assert [(finding.path, finding.line) for finding in found] == [(f"{MART}.sql", 3)]


def test_a_generated_yaml_may_be_long(tmp_path: Path) -> None:
    files = {**KEPT, "models/long.yml": "# Generated from contracts/.\na: 1\n" + "# line\n" * 400}
    assert check(write(tmp_path, files)) == []


def test_versions_are_described_in_one_file(tmp_path: Path) -> None:
    versions = "    versions: [{v: 2, defined_in: fct_order_lines}, {v: 1, deprecation_date: 2027-03-31}]\n    config:"
    listed = KEPT["docs/marts.md"] + "| `fct_order_lines_v1` | an order line |\n"
    files = {**KEPT, f"{MART}_v1.sql": KEPT[f"{MART}.sql"], "docs/marts.md": listed}
    files[f"{MART}.yml"] = KEPT[f"{MART}.yml"].replace("    config:", versions, 1)
    assert check(write(tmp_path, files)) == []


def test_a_unit_test_row_may_be_wide(tmp_path: Path) -> None:
    assert check(write(tmp_path, {**KEPT, "models/wide.yml": "a:\n  - {b: " + "x" * 140 + "}\n"})) == []


def debt(**changes: object) -> str:
    entry = {"rule": "sql-length", "path": f"{MART}.sql", "reason": "split planned", "date": "2026-11-21", **changes}
    lines = [f"    {key}: {value}" for key, value in entry.items() if value is not None]
    return "debt:\n  -\n" + "\n".join(lines) + "\n"


TOO_LONG = {**KEPT, f"{MART}.sql": KEPT[f"{MART}.sql"].replace("with orders", "\n" * 150 + "with orders")}


def test_tolerated_debt_passes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, {**TOO_LONG, baseline.FILE_NAME: debt()})
    assert main(["--root", str(tmp_path)]) == 0
    assert "1 tolerated" in capsys.readouterr().out


def test_new_debt_beside_tolerated_debt_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    marks = "TO" + "DO\n"
    write(tmp_path, {**KEPT, "docs/x.md": marks * 2, baseline.FILE_NAME: debt(rule="no-work-mark", path="docs/x.md")})
    assert main(["--root", str(tmp_path)]) == 1
    assert capsys.readouterr().out.count("no-work-mark") == 2


def test_paid_debt_is_stale(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, {**KEPT, baseline.FILE_NAME: debt()})
    assert main(["--root", str(tmp_path)]) == 1
    assert f"{baseline.FILE_NAME}:3  stale-debt" in capsys.readouterr().out


def test_partly_paid_debt_is_stale_and_the_rest_stays_tolerated(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, {**TOO_LONG, baseline.FILE_NAME: debt(count=2)})
    assert main(["--root", str(tmp_path)]) == 1
    out = capsys.readouterr().out
    assert "lower its count to 1" in out
    assert f"{MART}.sql:151" not in out


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"reason": None}, "no `reason`"),
        ({"date": "soon"}, "not a date"),
        ({"rule": "no-such-rule"}, "no rule `no-such-rule`"),
        ({"count": 0}, "not a positive number"),
    ],
)
def test_a_malformed_baseline_stops_the_check(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], changes: dict[str, object], says: str
) -> None:
    write(tmp_path, {**KEPT, baseline.FILE_NAME: debt(**changes)})
    assert main(["--root", str(tmp_path)]) == 2
    assert says in capsys.readouterr().err


def test_outside_a_project_it_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--root", str(tmp_path)]) == 2
    assert "no dbt_project.yml" in capsys.readouterr().err
