"""A session with the account of dbt's target, by the settings of dbt's profile for STRATA_TARGET."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager

import snowflake.connector
from dbt.adapters.snowflake import SnowflakeCredentials
from dbt.config.runtime import load_profile, load_project
from dbt.flags import set_from_args
from dbt_common.context import set_invocation_context
from dbt_common.exceptions import DbtBaseException
from snowflake.connector import SnowflakeConnection
from snowflake.connector.errors import Error

from ingestion.errors import ConfigError, DestinationError
from tools.run import ROOT


@contextmanager
def session() -> Iterator[tuple[SnowflakeConnection, SnowflakeCredentials, str]]:
    """The connection, the target's credentials, and the database of the landed schemas.

    Raises:
        ConfigError: a setting is missing or wrong.
        DestinationError: Snowflake refuses something.
    """
    credentials, raw = settings()
    tag = {"QUERY_TAG": credentials.query_tag} if credentials.query_tag else {}
    try:
        with snowflake.connector.connect(
            account=credentials.account, database=credentials.database, schema=credentials.schema,
            warehouse=credentials.warehouse, role=credentials.role, session_parameters=tag,
            **credentials.auth_args(),
        ) as connection:  # fmt: skip
            yield connection, credentials, raw or credentials.database
    except Error as error:
        raise DestinationError(
            one_line(error), subject=f"Snowflake, database {credentials.database}",
            remedy="see to the settings and the grants (docs/access.md), then run the same again.",
        ) from error  # fmt: skip


def settings() -> tuple[SnowflakeCredentials, str]:
    """The profile's credentials of STRATA_TARGET, and var raw_database of the project."""
    set_invocation_context(os.environ)
    folder = os.environ.get("DBT_PROFILES_DIR") or str(ROOT)
    try:
        set_from_args(Namespace(PROFILES_DIR=folder, PROJECT_DIR=str(ROOT), VARS={}), None)
        profile = load_profile(str(ROOT), {}, target_override=os.environ["STRATA_TARGET"])
        values = load_project(str(ROOT), False, profile, {}).vars.to_dict()
    except DbtBaseException as error:
        raise ConfigError(
            one_line(error), subject="dbt's profile", remedy="set what docs/snowflake.md lists."
        ) from error
    return profile.credentials, values.get("raw_database") or ""


def one_line(error: Exception) -> str:
    """The error's text without its line breaks."""
    return " ".join(f"{error}".split()) or type(error).__name__
