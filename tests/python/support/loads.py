"""Loads of the SAP source, in this process or in one of their own."""

from __future__ import annotations

import subprocess

from support import killing

from ingestion.cli import main


def load() -> int:
    """`python -m ingestion load sap` in this process; returns the exit code."""
    return main(["load", "sap"])


def start_load(settings: dict[str, str], *arguments: str) -> subprocess.Popen[str]:
    """The same in a process of its own, which can be killed."""
    return killing.start_load("sap", settings, *arguments)
