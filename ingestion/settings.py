"""Settings of a source, the dlt way: .dlt/config.toml, .dlt/secrets.toml or SOURCES__<SOURCE>__<NAME>."""

from __future__ import annotations

import os
from typing import TypeVar

from dlt.common.configuration import resolve_configuration
from dlt.common.configuration.exceptions import ConfigFieldMissingException
from dlt.common.configuration.specs import BaseConfiguration
from dlt.common.typing import is_optional_type

from ingestion.errors import ConfigError, NotConfiguredError

Spec = TypeVar("Spec", bound=BaseConfiguration)


def resolve(spec: Spec, source: str) -> Spec:
    """The spec with its values.

    dlt looks for a setting without its section as a last resort: the shell's USER, TOKEN or PATH would be taken for
    ours. They are out of its sight here.

    Raises:
        NotConfiguredError: none of the settings that the source needs is there.
        ConfigError: some are there and some are missing; names them.
    """
    fields = spec.get_resolvable_fields()
    hidden = {name: os.environ.pop(name) for name in map(str.upper, fields) if name in os.environ}
    try:
        return resolve_configuration(spec, sections=("sources", source))
    except ConfigFieldMissingException as error:
        prefix = f"SOURCES__{source.upper()}__"
        missing = ", ".join(f"{prefix}{name.upper()}" for name in error.fields)
        needed = {
            name for name, kind in fields.items() if getattr(type(spec), name) is None and not is_optional_type(kind)
        }
        kind = NotConfiguredError if needed <= set(error.fields) else ConfigError
        raise kind(
            f"no value for {missing}.",
            subject=f"source {source}",
            remedy=f"set it in the environment or .dlt/secrets.toml (docs/sources/{source}.md), or use `make run`.",
        ) from error
    finally:
        os.environ.update(hidden)
