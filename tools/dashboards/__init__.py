"""`make dashboards`: the boards of reports/boards as self-contained pages."""
