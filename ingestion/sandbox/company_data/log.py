"""The log of planted faults and changes: what was spoilt where, and what the landing is expected to do with it."""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any

from ingestion.sandbox.planted import PlantedFault

ROWS_PER_FAULT = 40  # a dataset gets its n-th fault only from n times so many rows on


@dataclass(frozen=True)
class Spoil:
    """What to spoil: the record at `share` of the dataset's length, and the reason code expected for it."""

    share: float
    field: str
    value: Any
    fault: str
    code: str


class FaultLog(list[PlantedFault]):
    """Collects the faults of all sources."""

    def spoil(
        self,
        source: str,
        dataset: str,
        records: Sequence[MutableMapping[str, Any]],
        keys: Sequence[str],
        plans: Sequence[Spoil],
    ) -> None:
        """Spoil records in place and log them; small datasets get fewer faults.

        A value of None removes the field; a field that is part of the key is logged as it was before.
        """
        for number, plan in enumerate(plans, start=1):
            if len(records) < ROWS_PER_FAULT * number:
                return
            record = records[int(len(records) * plan.share)]
            key = {name: str(record[name]) for name in keys}
            if plan.value is None:
                record.pop(plan.field, None)
            else:
                record[plan.field] = plan.value
            self.add(source, dataset, key, plan.fault, f"{plan.code}:{plan.field}", plan.field, plan.value)

    def add(
        self, source: str, dataset: str, key: dict[str, str], fault: str, reason: str, column: str = "", value: Any = ""
    ) -> None:
        """Log a record that the landing is expected to refuse."""
        shown = "" if value is None else str(value)
        self.append(
            PlantedFault("", key, column, shown, fault, dataset, reason, source=source, expected_outcome="rejected")
        )

    def quarantine(self, source: str, dataset: str, key: dict[str, str], fault: str, code: str) -> None:
        """Log a record that lands, and that a rule of the models is expected to quarantine under the code."""
        planted = PlantedFault("", key, "", "", fault, dataset, code, source=source, expected_outcome="quarantined")
        self.append(planted)

    def change(self, source: str, dataset: str, key: dict[str, str], fault: str, outcome: str) -> None:
        """Log something that breaks no contract, but that the models have to cope with."""
        self.append(PlantedFault("", key, "", "", fault, dataset, "", source=source, expected_outcome=outcome))
