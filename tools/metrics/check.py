"""MetricFlow's validations, on the YAML and against the warehouse, told so that one cause is one line."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from metricflow.validation.data_warehouse_model_validator import DataWarehouseModelValidator
from metricflow_semantic_interfaces.validations.semantic_manifest_validator import SemanticManifestValidator
from metricflow_semantic_interfaces.validations.validator_helpers import (
    SemanticManifestValidationResults,
    ValidationIssue,
)

from tools.metrics.session import Session

SHOWN = 8  # a column that is gone can break a hundred metrics
_WAREHOUSE_SAID = re.compile(r"Received following error from data warehouse:\s*(.*?)(?:\s*LINE \d+:.*)?$", re.DOTALL)
_NAMED = re.compile(r"(metric|dimension|entity|semantic model) `([^`]+)`")


def problems(session: Session, *, with_warehouse: bool) -> Iterator[str]:
    """What is wrong, one line for each cause with what it breaks; nothing when all holds.

    Args:
        session: the parsed project.
        with_warehouse: also let the warehouse explain the SQL of each semantic model, dimension, entity and metric.
    """
    for issue in SemanticManifestValidator().validate_semantic_manifest(session.semantic_manifest).errors:
        yield " ".join(issue.as_readable_str(prefix="definition").split())
    if not with_warehouse:
        return
    validator = DataWarehouseModelValidator(sql_client=session.client)
    steps: list[Callable[..., SemanticManifestValidationResults]] = [
        validator.validate_semantic_models,
        validator.validate_dimensions,
        validator.validate_entities,
        validator.validate_simple_metrics,
        validator.validate_metrics,
    ]
    broken: dict[str, dict[str, None]] = {}
    for step in steps:
        for issue in step(session.semantic_manifest, None).errors:
            broken.setdefault(_cause(issue), {}).update(dict.fromkeys(_what(issue)))
    for cause, what in broken.items():
        names = list(what)
        more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
        yield (
            f"{', '.join(names[:SHOWN])}{more}: the warehouse says: {cause} Remedy: build the model (make build); "
            "where a column is gone on purpose, change or delete what names it in the model's YAML."
        )


def _cause(issue: ValidationIssue) -> str:
    said = _WAREHOUSE_SAID.search(issue.message)
    return " ".join((said.group(1) if said else issue.message).split())


def _what(issue: ValidationIssue) -> list[str]:
    """The innermost thing that the issue names: a dimension before its model."""
    named = _NAMED.findall(f"{issue.context.context_str() if issue.context else ''} {issue.message}")
    inner = [f"{kind} {name}" for kind, name in named if kind != "semantic model"]
    return (inner or [f"model {name}" for _, name in named] or ["metrics"])[:1]
