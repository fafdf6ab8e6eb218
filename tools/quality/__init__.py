"""`make quality`: Elementary's report where it can be had, the quality page, the Prometheus file (docs/quality.md)."""
