"""A term of the small project of test_conventions.py, and what breaks each rule on it."""

from __future__ import annotations

TERMS = "docs/glossary/procurement.yml"
SOURCES = "models/staging/erp/_erp__sources.yml"

KEPT = {
    TERMS: """
terms:
  - term: Buyer
    synonyms: [purchaser]
    definition: Who may place orders with suppliers, leavers left out.
    source: docs/marts.md
    owner: procurement-analytics
    datasets: [dim_buyer, erp.orders, countries, snap_erp__suppliers]
    columns: [dim_buyer.buyer_key, erp.orders.order_id]
    metrics: [buyer_count]
  - term: Order
    synonyms: [purchase]
    definition: What a buyer asks a supplier to deliver, at a price and by a day.
    source: ISO 9000
    owner: procurement-analytics
    datasets: [erp.orders]
    columns: [erp.orders.order_id]
""",
}

# rule, file of the finding, file to change, old text, new text
BREAKS = [
    ("glossary-term", TERMS, TERMS, "    synonyms: [purchaser]\n", ""),
    ("glossary-term", TERMS, TERMS, "    metrics: [buyer_count]", "    metric: [buyer_count]"),
    ("glossary-term", TERMS, TERMS, "Who may place orders with suppliers, leavers left out", "Buyer"),
    ("glossary-term", TERMS, TERMS, "owner: procurement-analytics", "owner: nobody"),
    ("glossary-term", TERMS, TERMS, "synonyms: [purchase]", "synonyms: [Purchaser]"),
    ("glossary-links", TERMS, TERMS, "datasets: [erp.orders]", "datasets: [erp.order]"),
    ("glossary-links", TERMS, TERMS, "dim_buyer.buyer_key", "dim_buyer.buyer_id"),
    ("glossary-links", TERMS, TERMS, "metrics: [buyer_count]", "metrics: [seller_count]"),
    ("glossary-links", TERMS, TERMS, "source: docs/marts.md", "source: docs/mart.md"),
    ("source-described", SOURCES, SOURCES, "        description: One row per order.\n", ""),
]  # fmt: skip
