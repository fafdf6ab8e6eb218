"""The commands `query` and `list` of MetricFlow's own command line, on a session of ours.

They are called past `mf` itself, which asks a package index for a newer version at each start.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from dbt_metricflow.cli.cli_configuration import CLIConfiguration
from dbt_metricflow.cli.main import list_command_group, query
from metricflow_semantic_interfaces.protocols.semantic_manifest import SemanticManifest

from tools.metrics.session import Session

REMEDY = (
    "Remedy: python -m tools.metrics list metrics, or list dimensions --metrics NAME, says what can be asked for; "
    "python -m tools.metrics check says what is broken by a column or a table that is gone"
)


class Configuration(CLIConfiguration):
    """What the commands ask of the command line's configuration, taken from the session."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._is_setup = True
        self._mf = session.engine
        self._sql_client = session.client
        self._session = session

    @property
    def log_file_path(self) -> Path:
        """Named in what the command line says of a failure."""
        return Path(os.environ.get("DBT_LOG_PATH", "logs")) / "dbt.log"

    @property
    def semantic_manifest(self) -> SemanticManifest:
        """The metrics as parsed just now."""
        return self._session.semantic_manifest


def run(session: Session, command: str, arguments: Sequence[str]) -> int:
    """Run one of the two; returns its exit code, and prints what it prints."""
    chosen = {"query": query, "list": list_command_group}[command]
    # Of a query that failed MetricFlow tells the message, and then logs where in its code that was.
    logging.disable(logging.CRITICAL)
    try:
        chosen.main(args=list(arguments), prog_name=f"python -m tools.metrics {command}", obj=Configuration(session))
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
        if code:
            print(REMEDY, file=sys.stderr)
        return code
    finally:
        logging.disable(logging.NOTSET)
    return 0
