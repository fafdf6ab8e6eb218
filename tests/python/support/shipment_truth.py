"""Which lines of the two legacy exports are the same shipment: what the generator knew when it wrote them."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from unittest import mock

from ingestion.sandbox.company import write_company
from ingestion.sandbox.company_data import logistics

Pairs = set[tuple[str, str]]


def write_with_truth(directory: Path, seed: int, scale: float) -> Pairs:
    """Write a company; returns the references (Alpha, Beta) of each delivery that both systems know."""
    alpha: dict[int, str] = {}
    beta: dict[int, str] = {}
    write_alpha, write_beta = logistics._alpha, logistics._beta

    def note_alpha(shipment: logistics.Shipment, *arguments: Any) -> dict[str, str]:
        row = write_alpha(shipment, *arguments)
        alpha[id(shipment.movement)] = row[logistics.ALPHA_KEY]
        return row

    def note_beta(shipment: logistics.Shipment, *arguments: Any, **options: Any) -> dict[str, str]:
        row = write_beta(shipment, *arguments, **options)
        beta[id(shipment.movement)] = row[logistics.BETA_KEY]
        return row

    with mock.patch.object(logistics, "_alpha", note_alpha), mock.patch.object(logistics, "_beta", note_beta):
        write_company(directory, seed=seed, scale=scale)
    return {(reference, beta[movement]) for movement, reference in alpha.items() if movement in beta}
