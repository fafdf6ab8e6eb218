"""Metrics of the small project of test_conventions.py, and what breaks each rule on them."""

from __future__ import annotations

SIMPLE = "models/marts/procurement/dim_buyer.yml"
TOP = "models/marts/procurement/_procurement__metrics.yml"
PAGE = "docs/metrics.md"

KEPT = {
    "models/marts/procurement/dim_buyer.sql": """
with orders as (
    select * from {{ ref('stg_erp__orders') }}
),
final as (
    select order_id as buyer_key from orders
)
select * from final
""",
    SIMPLE: """
models:
  - name: dim_buyer
    description: One row per buyer of the company, rebuilt every night without leavers.
    config:
      group: buying
      meta:
        grain: a buyer
        retention: financial_record
    columns:
      - name: buyer_key
        description: Key of the buyer.
        data_type: varchar
        data_tests: [unique]
    metrics:
      - name: buyer_count
        agg: count
        expr: buyer_key
        description: People who may order, by the day they were named.
        config: {meta: {owner: procurement-analytics, unit: count}}
      - name: key_count
        agg: count
        hidden: true
        expr: other_key
        description: Keys that were handed out, by the day of handing out.
        config: {meta: {owner: procurement-analytics, unit: count}}
""",
    TOP: """
metrics:
  - name: key_rate
    type: ratio
    numerator: key_count
    denominator: buyer_count
    description: Keys that were handed out for each person who may order.
    config: {meta: {owner: procurement-analytics, unit: share}}
saved_queries:
  - name: buyers_monthly
    description: People who may order and their keys, month by month.
    query_params: {metrics: [buyer_count]}
    exports: [{name: buyers_monthly}]
""",
    PAGE: """
### Procurement

| metric | is | unit | kind | owner |
| --- | --- | --- | --- | --- |
| `buyer_count` | People who may order, by the day they were named. | count | simple | procurement-analytics |
| `key_rate` | Keys that were handed out for each person who may order. | share | ratio | procurement-analytics |

### Saved queries

| table in the metrics schema | holds |
| --- | --- |
| `buyers_monthly` | People who may order and their keys, month by month. |

""",
}

# rule, path of the finding, file to change, what to replace, with what
BREAKS = (
    ("metric-described", SIMPLE, SIMPLE, "People who may order, by the day they were named.", "Buyer count."),
    ("metric-described", SIMPLE, SIMPLE, "{owner: procurement-analytics, unit: count}", "{unit: count}"),
    ("metric-described", TOP, TOP, "unit: share", "unit: parsecs"),
    ("metric-name", TOP, TOP, "name: key_rate", "name: keys"),
    ("metric-name", SIMPLE, SIMPLE, "name: buyer_count", "name: Buyer_count"),
    ("metric-once", SIMPLE, SIMPLE, "name: key_count", "name: buyer_count"),
    ("metric-once", SIMPLE, SIMPLE, "expr: other_key", "expr: buyer_key"),
    ("metric-place", SIMPLE, SIMPLE, "agg: count\n        expr: buyer_key", "type: derived\n        expr: buyer_key"),
    ("saved-query", TOP, TOP, "[{name: buyers_monthly}]", "[{name: buyers}]"),
    ("saved-query", TOP, TOP, "    exports: [{name: buyers_monthly}]\n", ""),
    ("metric-listed", PAGE, TOP, "for each person who may order", "for each person who may order today"),
    ("metric-listed", PAGE, PAGE, "| `key_rate`", "| `gone_rate`"),
)
