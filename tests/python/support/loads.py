"""Loads of the SAP source, in this process or in one of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from ingestion.cli import main

ROOT = Path(__file__).resolve().parents[3]


def load() -> int:
    """`python -m ingestion load sap` in this process; returns the exit code."""
    return main(["load", "sap"])


def start_load(settings: dict[str, str], *arguments: str) -> subprocess.Popen[str]:
    """The same in a process of its own, which can be killed."""
    return subprocess.Popen(
        [sys.executable, "-m", "ingestion", "load", "sap", *arguments],
        cwd=ROOT,
        env={**os.environ, **settings},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
