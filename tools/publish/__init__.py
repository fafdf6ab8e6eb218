"""`make publish`: a read-only copy of the marts that BI clients open while builds run. docs/publish.md."""
