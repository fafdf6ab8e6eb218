"""One module a source system; SOURCES names them for the CLI."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ingestion.runner import SourceReader

# Named, not imported: dlt takes seconds to import, and `list` or `--help` do not need it.
SOURCES = {
    "sap": "ingestion.sources.sap.SapReader",
    "oracle": "ingestion.sources.oracle.OracleReader",
    "workday": "ingestion.sources.workday.WorkdayReader",
    "atom": "ingestion.sources.atom.AtomReader",
    "incentive": "ingestion.sources.incentive.IncentiveReader",
    "emerald": "ingestion.sources.emerald.EmeraldReader",
    "interactions": "ingestion.sources.interactions.InteractionsReader",
    "crm": "ingestion.sources.crm.CrmReader",
    "capacity_plan": "ingestion.sources.capacity_plan.CapacityPlanReader",
    "scm_legacy": "ingestion.sources.scm_legacy.ScmLegacyReader",
    "customs": "ingestion.sources.customs.CustomsReader",
    "energy": "ingestion.sources.energy.EnergyReader",
    "dbt_artifacts": "ingestion.sources.dbt_artifacts.DbtArtifactsReader",
}


def make_reader(name: str) -> SourceReader:
    """The reader of a source, with its settings resolved.

    Raises:
        ConfigError: a setting is missing.
    """
    module, _, reader = SOURCES[name].rpartition(".")
    return getattr(import_module(module), reader).from_config()
