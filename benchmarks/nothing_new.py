"""What a load costs when its source has nothing new, for each of the sources.

`python -m benchmarks.nothing_new [SCALE]` prints JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

from benchmarks.landing import REJECTS_ACCEPTED, Figures
from benchmarks.process import BenchError, run, worker
from benchmarks.workspace import Stage, company
from ingestion.sources import SOURCES
from tools.run import sandbox

ARTIFACTS = "dbt_artifacts"


def nothing_new(scale: float) -> Figures:
    """Land the whole company from every source of it, then every source again, twice.

    `seconds` and `cpu_seconds` are of a load in a process that has loaded before: settings and contracts, asking the
    source, comparing, dlt's three steps, raw_ops. `whole_` is the command `python -m ingestion load <source>` with the
    interpreter's start and imports. A source that is read with a look-back or in full reads rows again.

    Raises:
        BenchError: a source of the project is not served, or a load landed rows although nothing is new.
    """
    with tempfile.TemporaryDirectory(prefix="strata-bench-") as directory, sandbox(str(company(scale))) as settings:
        if not settings:
            raise BenchError("the sandbox did not start.\n  remedy: make land shows why.")
        stage = Stage(Path(directory))
        env = stage.env({**settings, "SOURCES__DBT_ARTIFACTS__ARTIFACTS_PATH": str(_artifacts(stage))})
        sources = [
            name for name in SOURCES if name == ARTIFACTS or any(f"__{name.upper()}__" in key for key in settings)
        ]
        if missing := sorted(set(SOURCES) - set(sources)):
            raise BenchError(f"the sandbox does not serve {', '.join(missing)}.\n  remedy: python -m ingestion sandbox")
        run([sys.executable, "-m", "ingestion", "load", "--json"], env, accept=REJECTS_ACCEPTED)
        again = run(worker("load_again", *sources), env).json()
        figures: Figures = {}
        for source in sources:
            command = [sys.executable, "-m", "ingestion", "load", source, "--json"]
            whole = run(command, env, accept=REJECTS_ACCEPTED)
            found = {**again[source], "whole_seconds": whole.seconds, "whole_cpu_seconds": whole.cpu_seconds}
            figures |= {f"again_{source}_{name}": value for name, value in found.items()}
    for name in ("seconds", "cpu_seconds", "whole_seconds", "whole_cpu_seconds"):
        figures[f"again_most_{name}"] = max(figures[f"again_{source}_{name}"] for source in sources)
    return figures


def _artifacts(stage: Stage) -> Path:
    """One dbt invocation's results, as small as dbt writes them."""
    place = stage.directory / "artifacts" / "00000000-0000-4000-8000-000000000001"
    place.mkdir(parents=True)
    metadata = {
        "dbt_schema_version": "https://schemas.getdbt.com/dbt/run-results/v6.json",
        "dbt_version": "1.10.0",
        "generated_at": "2026-09-30T12:00:00.000000Z",
        "invocation_id": place.name,
        "env": {},
    }
    result = {
        "status": "success", "timing": [], "thread_id": "Thread-1", "execution_time": 0.5, "adapter_response": {},
        "message": None, "failures": None, "unique_id": "model.strata.orders", "compiled": True,
    }  # fmt: skip
    document = {"metadata": metadata, "results": [result], "elapsed_time": 1.0, "args": {"which": "build"}}
    (place / "run_results.json").write_text(json.dumps(document), encoding="utf-8")
    return place.parent


def main(arguments: list[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.nothing_new", description=__doc__)
    parser.add_argument("scale", type=float, nargs="?", default=0.1, help="size of the company")
    json.dump(nothing_new(parser.parse_args(arguments).scale), sys.stdout, indent=1)
    print()
    return 0


if __name__ == "__main__":
    os.chdir(Path(__file__).resolve().parent.parent)
    sys.exit(main())
