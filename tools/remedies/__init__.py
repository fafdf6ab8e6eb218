"""`make remedies`: known, safe repairs, declared in remedies.yml, run only when asked and logged (docs/remedies.md)."""
