"""Which tests catch which faults, and whether every test and quarantine rule can fail: `python -m tools.mutations`."""
