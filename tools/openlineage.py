"""`make openlineage`: the last build as OpenLineage events in a file, for a catalogue or lineage server of your own.

OpenLineage's own processor reads dbt's artefacts; this only hands it those of the build, which later dbt commands
overwrite, and writes a JSON object a line. Nothing is sent anywhere. docs/catalogue.md says how to hand the file on.

Exit codes: 0 written, 2 nothing was built, or it was built elsewhere than on DuckDB or Snowflake.
"""

from __future__ import annotations

import argparse
import logging
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from openlineage.client.serde import Serde
from openlineage.common.provider.dbt.local import DbtLocalArtifactProcessor
from openlineage.common.provider.dbt.processor import UnsupportedDbtCommand

from ingestion.errors import EXIT_OK, ConfigError, StrataError
from tools.dbt_session import BUILD_RESULTS, target_path
from tools.report_files import shown, write_together
from tools.run import ROOT, default_warehouse

PRODUCER = "https://github.com/OpenLineage/OpenLineage/tree/main/integration/common"  # who made the events


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="file to write (openlineage.jsonl beside dbt's artefacts)")
    parser.add_argument("--namespace", default="strata", help="namespace of the jobs")
    options = parser.parse_args(arguments)
    out = options.out.resolve() if options.out else None
    os.chdir(ROOT)
    os.environ.setdefault("STRATA_WAREHOUSE", str(default_warehouse()))
    out = out or (target_path() / "openlineage.jsonl").resolve()
    try:
        lines = list(events(target_path(), options.namespace))
    except StrataError as error:
        print(f"{error}", file=sys.stderr)
        return error.exit_code
    write_together({out: "".join(f"{line}\n" for line in lines).encode()})
    print(f"{shown(out)}: {len(lines)} events")
    return EXIT_OK


def events(target: Path, namespace: str) -> Iterator[str]:
    """The events of the last build as JSON, the start and the end of each node.

    Raises:
        ConfigError: there are no artefacts of a build.
    """
    logging.getLogger("openlineage").setLevel(logging.ERROR)  # it warns of each test of a snapshot with the whole node
    with tempfile.TemporaryDirectory(prefix="strata-openlineage-") as scratch:
        for name, kept in (("run_results.json", BUILD_RESULTS), ("manifest.json", "manifest.json")):
            if not (target / kept).exists():
                raise ConfigError("nothing was built yet.", subject=str(target / kept), remedy="make build")
            shutil.copyfile(target / kept, Path(scratch) / name)
        if (target / "catalog.json").exists():
            shutil.copyfile(target / "catalog.json", Path(scratch) / "catalog.json")
        processor = DbtLocalArtifactProcessor(
            producer=PRODUCER, job_namespace=namespace, project_dir=str(ROOT), target_path=scratch,
            target=os.environ.get("STRATA_TARGET", "dev"),
        )  # fmt: skip
        try:
            found = processor.parse().events()
        except UnsupportedDbtCommand as error:
            raise ConfigError(str(error), subject=str(target / BUILD_RESULTS), remedy="make build") from error
    for event in found:
        yield Serde.to_json(event)


if __name__ == "__main__":
    sys.exit(main())
