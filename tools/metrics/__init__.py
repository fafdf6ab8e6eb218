"""The metrics of the semantic layer: checked, queried, published as tables, listed in docs/metrics.md."""
