"""`make alerts`: tells the right people what broke, once, and that it is mended. docs/alerts.md says how to set it up.

Incidents come from the queries in checks/, one a file; which are open stands in raw_ops.incidents, who was told what in
raw_ops.alert_deliveries.
"""
