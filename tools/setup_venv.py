"""Make .venv and install exactly what requirements.lock pins. Standard library only: it runs before anything is there.

uv does the installing (pip fetches it, by hash), because it takes a fifth of pip's time; where it fails, for example
behind a mirror that only pip is set up for, pip installs the same lock.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
LOCK = ROOT / "requirements.lock"
BOOTSTRAP = ROOT / "requirements-bootstrap.lock"
# dbt-bouncer asks for DuckDB 1; what this project uses of it runs on 2 (tests/python/tools/test_bouncer.py).
OVERRIDES = "duckdb~=2.0.0\n"
# Declared, and left out on purpose (docs/decisions.md): a parser that is not used; sqlglot compiled, whose classes the
# Snowflake emulator could not patch; a module of Python 2 that Python 3 has itself.
LEFT_OUT = ("dbt-core-experimental-parser", "sqlglotc", "uuid")
LOCK_HEADER = """\
# Every package with its hashes, for all platforms; written by `make lock` from pyproject.toml.
# dbt-core-experimental-parser, sqlglotc and uuid, which others declare, are left out on purpose: docs/decisions.md.
# Installed with --no-deps, because the lock is complete without it.
"""


def main() -> int:
    """Install, or with --lock resolve again."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lock", action="store_true", help="resolve pyproject.toml into the lock files instead")
    if parser.parse_args().lock:
        return lock()
    if sys.version_info < (3, 11):  # noqa: UP036 - this file runs on whatever python3 the machine has
        print(f"Strata needs Python 3.11 or newer, this is {sys.version.split()[0]}.")
        print("Remedy: make PYTHON=python3.11 ...")
        return 2
    started = time.monotonic()
    print(
        "setup: making .venv and installing requirements.lock (about 300 MB of downloads the first time) ...",
        flush=True,
    )
    if not PYTHON.exists():
        venv.create(VENV, with_pip=True, symlinks=True)
    install()
    (VENV / ".installed").write_text(f"{LOCK.stat().st_mtime_ns}\n")
    print(f"setup: done in {time.monotonic() - started:.0f} s", flush=True)
    return 0


def install() -> None:
    """uv if it can, else pip."""
    options = ["--no-deps", "--require-hashes", "-r", str(LOCK)]
    pip = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    try:
        subprocess.run([*pip, "--require-hashes", "--no-deps", "-r", str(BOOTSTRAP)], check=True, cwd=ROOT)
        # Compiled here once: where PYTHONDONTWRITEBYTECODE is set, every start of dbt and dlt would do it again.
        uv = [str(VENV / "bin" / "uv"), "pip", "install", "--quiet", "--compile-bytecode", "--python", str(PYTHON)]
        subprocess.run([*uv, *options], check=True, cwd=ROOT, env={**os.environ, "UV_LINK_MODE": "copy"})
    except (subprocess.CalledProcessError, OSError) as error:
        print(f"setup: uv could not install ({error}); trying pip, which takes some minutes ...", flush=True)
        subprocess.run([*pip, *options], check=True, cwd=ROOT)


def lock() -> int:
    """Write both lock files; no index or host is named in them."""
    uv = [str(VENV / "bin" / "uv"), "pip", "compile", "--quiet", "--universal", "--python-version", "3.11",
          "--generate-hashes", "--no-annotate", "--no-header", "--upgrade"]  # fmt: skip
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as overrides:
        overrides.write(OVERRIDES)
        overrides.flush()
        left_out = [f"--no-emit-package={name}" for name in LEFT_OUT]
        subprocess.run([*uv, "--group", "dev", *left_out, "pyproject.toml", "--overrides", overrides.name,
                        "--output-file", str(LOCK)], check=True, cwd=ROOT)  # fmt: skip
    LOCK.write_text(LOCK_HEADER + LOCK.read_text())
    return 0


if __name__ == "__main__":
    sys.exit(main())
