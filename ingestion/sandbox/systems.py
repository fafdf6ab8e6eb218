"""All systems of a stand-in company at once: what its directory holds is served, and told as settings.

with SandboxSystems(default_company()) as systems:
    systems.settings   # {"SOURCES__SAP__BASE_URL": ..., "SOURCES__CRM__DIRECTORY": ...}
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path
from typing import Any

from ingestion.sandbox.faults import Fault
from ingestion.sandbox.rest import Credentials, RestServer
from ingestion.sandbox.server import SandboxServer

APPS = {
    "oracle": "ingestion.sandbox.apps.oracle.OracleApp",
    "workday": "ingestion.sandbox.apps.workday.WorkdayApp",
    "incentive": "ingestion.sandbox.apps.incentive.IncentiveApp",
    "emerald": "ingestion.sandbox.apps.emerald.EmeraldApp",
}
WORKDAY_TENANT = "strata"
FILES = "files"
"""Below this directory of a company stand the file sources, each in a directory of its own."""


class SandboxSystems:
    """Serves a company; use as a context manager.

    Args:
        directory: a company of `ingestion.sandbox.company`, or an extract of SAP tables alone.
        faults: faults that the SAP system and the REST systems play.
        port: port of the SAP system; the others take free ones.
        sap_options: further arguments of `SandboxServer`.

    Attributes:
        sap: the SAP system.
        sources: names of the sources that are served.
        settings: environment variables that lead the landing to them.
    """

    def __init__(
        self, directory: Path, *, faults: Iterable[Fault] = (), port: int = 0, latency: float = 0.0, **sap_options: Any
    ) -> None:
        self._directory = Path(directory)
        faults = list(faults)
        self.sap = SandboxServer(self._directory, faults=faults, port=port, **sap_options)
        self._rest_names = [name for name in APPS if (self._directory / name).is_dir()]
        self._rest = RestServer([self._app(name) for name in self._rest_names], faults=faults, latency=latency)
        self._open = ExitStack()
        self.settings = _sap_settings(self.sap)

    def __enter__(self) -> SandboxSystems:
        try:
            self._open.enter_context(self.sap)
            self._open.enter_context(self._rest)
            for name in self._rest_names:
                self.settings |= _rest_settings(name, self._rest.base_url, self._rest.credentials)
            if (self._directory / "atom").is_dir():
                self.settings["SOURCES__ATOM__CREDENTIALS"] = self._start_atom()
            files = self._directory / FILES
            for place in sorted(files.iterdir()) if files.is_dir() else ():
                self.settings[f"SOURCES__{place.name.upper()}__DIRECTORY"] = str(place.resolve())
        except BaseException:
            self._open.close()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        self._open.close()

    @property
    def sources(self) -> list[str]:
        """Names of the sources that are served."""
        return list(dict.fromkeys(name.split("__")[1].lower() for name in self.settings))

    def reload(self) -> None:
        """Read the data of the SAP system and of the REST systems again; files are read by the landing itself.

        Raises:
            SandboxError: they cannot be read; what was served before stays.
        """
        apps = [self._app(name) for name in self._rest_names]
        self.sap.reload()
        self._rest.apps[:] = apps

    def _app(self, name: str) -> Any:
        module, _, app = APPS[name].rpartition(".")
        return getattr(import_module(module), app).from_directory(self._directory / name)

    def _start_atom(self) -> str:
        from ingestion.sandbox.atom import AtomDatabase  # needs the PostgreSQL package only where it is used

        return self._open.enter_context(AtomDatabase(self._directory)).credentials


def _sap_settings(server: SandboxServer) -> dict[str, str]:
    return {
        "SOURCES__SAP__BASE_URL": server.base_url,
        "SOURCES__SAP__TOKEN_URL": server.token_url,
        "SOURCES__SAP__CLIENT_ID": server.client_id,
        "SOURCES__SAP__CLIENT_SECRET": server.client_secret,
        "SOURCES__SAP__REQUESTS_PER_MINUTE": "0",  # the sandbox has no quota unless asked for one
    }


def _rest_settings(name: str, base_url: str, credentials: Credentials) -> dict[str, str]:
    values = {"base_url": base_url}
    if name in ("oracle", "workday"):
        values |= {"user": credentials.user, "password": credentials.password}
    else:
        values["token"] = credentials.password
    if name == "workday":
        values["tenant"] = WORKDAY_TENANT
    return {f"SOURCES__{name.upper()}__{key.upper()}": value for key, value in values.items()}
