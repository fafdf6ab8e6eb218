"""`python -m tools.bouncer`: parse the project and hold its graph to dbt-bouncer.yml.

dbt-bouncer reads dbt's manifest, so it sees what the conventions check, which reads files, cannot: who reads whom, what
access and contracts come out as. Exit 0 when all checks hold, 1 with findings, 2 when dbt cannot parse the project.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml
from dbt.cli.main import dbtRunner

CONFIG = Path("dbt-bouncer.yml")


def main() -> int:
    """Parse into dbt's target directory and check what was parsed."""
    parsed = dbtRunner().invoke(["--quiet", "parse"])
    if not parsed.success:
        print(f"dbt parse: {parsed.exception}", file=sys.stderr)
        return 2
    return check(Path(os.environ.get("DBT_TARGET_PATH", "target")))


def check(artifacts: Path) -> int:
    """Hold the manifest in a directory to the project's checks; every failed check is printed."""
    config = {**yaml.safe_load(CONFIG.read_text(encoding="utf-8")), "dbt_artifacts_dir": str(artifacts.resolve())}
    with tempfile.TemporaryDirectory(prefix="strata-bouncer-") as directory:
        written = Path(directory) / CONFIG.name
        written.write_text(yaml.safe_dump(config), encoding="utf-8")
        bouncer = Path(sys.executable).with_name("dbt-bouncer")
        command = [str(bouncer), "run", "--config-file", str(written), "--show-all-failures"]
        done = subprocess.run(
            command, env={**os.environ, "COLUMNS": "160"}, check=False, capture_output=True, text=True
        )
    if done.returncode:
        print(done.stdout + done.stderr)
        print("Remedy: mend what is named, or, where a check does not fit, say so in dbt-bouncer.yml with the reason.")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
