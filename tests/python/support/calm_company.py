"""A company in which nothing is wrong: SAP over HTTP, files of three systems, the project, its past.

What runs is what `make land` and `make build` run, only in this process: importing dbt costs more than its work here.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import duckdb
import pytest
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from support.alert_receivers import WebReceiver

from ingestion import cli
from ingestion.sandbox.company import generate_company
from ingestion.sandbox.server import SandboxServer
from tools import dbt_session, on_call, run
from tools.alerts import __main__ as alerts

ROOT = Path(__file__).resolve().parents[3]
PROJECT = ("models", "macros", "seeds", "snapshots", "docs", "analyses", "dbt_packages")
FILES = ("dbt_project.yml", "profiles.yml", "selectors.yml", "packages.yml", "package-lock.yml")
SIGN_UPS = (
    "SignUpId;SignedUpAt;Company;Email;Country;Tenant;Channel;Campaign;Status;ActivatedAt;ClientId;AcquisitionCost;"
    "Currency;Comment"
)
CUSTOMS = (
    "MRN;Item;ImportDate;CN;Goods;Origin;Supplier;Installation;NetMassKg;CustomsValueEUR;DirectEmissions;"
    "IndirectEmissions;CarbonPricePaid\r\n"
    "25NL00005000002925;1;02/01/2025;73181595;Screws and bolts of steel;IN;1000001;Synthetic Works 017;38,000;94,22;"
    "0,118444;0,020059;\r\n"
)
DAYS = 60
READINGS_A_DAY = 50
# A table that grows does so by one to three rows a day, five days alike; a small one stays as it is.
ROWS_THEN = "p.row_count - case when p.row_count > 200 then 9 * (i // 5) + [0, 1, 3, 5, 6][i % 5 + 1] else 0 end"
DATASETS_THEN = f"""
insert into raw_ops.dataset_profiles
select p.* replace (
    p.measured_date - i::integer as measured_date, p.measured_at - to_days(i::integer) as measured_at,
    'past ' || i as invocation_id, {ROWS_THEN} as row_count, {ROWS_THEN} as profiled_row_count
)
from raw_ops.dataset_profiles as p cross join range(1, {DAYS + 1}) as days (i)
"""
# Shares and means move a little, in turns of three and of seven days; what is nearly a key grows with its table.
FILLED_THEN = f"""(
    p.filled_count * ({ROWS_THEN}) // greatest(p.row_count, 1)
    - case when p.filled_count > 200 and i % 3 = 0 then 1 else 0 end
)"""
COLUMNS_THEN = f"""
insert into raw_ops.column_profiles
select p.* replace (
    p.measured_date - i::integer as measured_date, p.measured_at - to_days(i::integer) as measured_at,
    'past ' || i as invocation_id, {ROWS_THEN} as row_count, {ROWS_THEN} as profiled_row_count,
    {FILLED_THEN} as filled_count,
    case when p.distinct_count > 0.5 * p.filled_count
        then least(p.distinct_count * ({ROWS_THEN}) // greatest(p.row_count, 1), {FILLED_THEN})
        else p.distinct_count
    end as distinct_count,
    least(greatest(p.mean_value * (1 + 0.002 * sin(i * 2 * pi() / 7)), p.min_value), p.max_value) as mean_value
)
from raw_ops.column_profiles as p cross join range(1, {DAYS + 1}) as days (i)
"""
LOADS_THEN = f"""
insert into raw_ops.loads
select l.* replace (
    l.load_id || '-' || i as load_id, l.run_id || '-' || i as run_id,
    l.started_at - to_days(i::integer) as started_at, l.finished_at - to_days(i::integer) as finished_at,
    l.rows_read - 2 + i * 2 % 5 as rows_read, l.rows_good - 2 + i * 2 % 5 as rows_good
)
from raw_ops.loads as l cross join range(1, {DAYS + 1}) as days (i)
where l.source = 'energy'
"""
STAMPS = {
    "loads": ("started_at", "finished_at"), "dead_letters": ("landed_at",), "schema_changes": ("detected_at",),
    "dataset_profiles": ("measured_at", "measured_date"), "column_profiles": ("measured_at", "measured_date"),
}  # fmt: skip


class CalmCompany:
    """The company, day by day.

    Args:
        root: where its files, its project and its warehouse are kept.
        patch: undoes at the end what is set here.

    Attributes:
        sap: the SAP system; change its data, then land.
        chat: what was told.
        ended: when the landing or the run was over that was told of last.
    """

    def __init__(self, root: Path, patch: pytest.MonkeyPatch, scale: float = 0.03) -> None:
        self.root, self.project = root, root / "project"
        self.path = root / "warehouse" / "w.duckdb"
        self.sap = SandboxServer(generate_company(scale=scale, is_healthy=True)[0])
        self.chat = WebReceiver()
        self.told_at: list[float] = []
        self.chat.on_receipt = lambda: self.told_at.append(time.monotonic())
        self.ended = 0.0
        self._patch = patch

    def __enter__(self) -> CalmCompany:
        self.sap.__enter__()
        for name in PROJECT:
            shutil.copytree(ROOT / name, self.project / name)
        shutil.copytree(ROOT / "tests", self.project / "tests", ignore=shutil.ignore_patterns("python"))
        for name in FILES:
            shutil.copyfile(ROOT / name, self.project / name)
        self._keep_rates_coming()
        for source in ("crm", "customs", "energy"):
            (self.root / source).mkdir()
        for module in (run, on_call, alerts):
            self._patch.setattr(module, "ROOT", self.project)
        self._patch.setattr(run, "run_module", self._run_module)
        self._patch.setattr(run, "_session", self._session)
        for module in (run, dbt_session):
            self._patch.setattr(module, "Standby", self._here)
        for name in [name for name in os.environ if name.startswith(("SOURCES__", "STRATA_ALERTS_"))]:
            self._patch.delenv(name)
        self._patch.chdir(self.project)
        self.set({
            "STRATA_WAREHOUSE": str(self.path), "STRATA_TARGET": "dev", "STRATA_LOCK_HELD": "",
            "DBT_TARGET_PATH": str(self.root / "target"), "DBT_LOG_PATH": str(self.root / "logs"),
            "DBT_PROFILES_DIR": str(self.project), "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
            "STRATA_ALERTS_WEBHOOK_URL": self.chat.url, "STRATA_DOCS_URL": "https://git.example.com/strata",
            "SOURCES__SAP__BASE_URL": self.sap.base_url, "SOURCES__SAP__TOKEN_URL": self.sap.token_url,
            "SOURCES__SAP__CLIENT_ID": self.sap.client_id, "SOURCES__SAP__CLIENT_SECRET": self.sap.client_secret,
            "SOURCES__SAP__REQUESTS_PER_MINUTE": "0", "SOURCES__CRM__DIRECTORY": str(self.root / "crm"),
            "SOURCES__CUSTOMS__DIRECTORY": str(self.root / "customs"),
            "SOURCES__ENERGY__DIRECTORY": str(self.root / "energy"),
        })  # fmt: skip
        return self

    def __exit__(self, *exc: object) -> None:
        self.sap.__exit__(*exc)
        self.chat.stop()

    def _keep_rates_coming(self) -> None:
        """Exchange rates for the next months, whenever this runs."""
        path = self.project / "seeds" / "reference" / "exchange_rates.csv"
        lines = path.read_text(encoding="utf-8").splitlines()
        newest = {line.split(",")[0]: line.split(",") for line in lines[1:]}
        for currency, (_, _, until, rate) in newest.items():
            start = date.fromisoformat(until)
            while start <= datetime.now(UTC).date() + timedelta(days=40):
                following = (start + timedelta(days=31)).replace(day=1)
                lines.append(f"{currency},{start},{following},{rate}")
                start = following
        path.write_text("\n".join([*lines, ""]), encoding="utf-8")

    def set(self, settings: dict[str, str]) -> None:
        """Set environment variables, for as long as the company lives."""
        for name, value in settings.items():
            self._patch.setenv(name, value)

    def make(self, step: str, *select: str) -> int:
        """`make land` or `make build`, of the build only the nodes; returns the exit code."""
        self._patch.setenv("STRATA_LOCK_HELD", "")
        return run.main([step, *(["--select", *select] if select else [])])

    def _run_module(self, name: str, *arguments: str, env: dict[str, str] | None = None) -> int:
        if name == "tools.alerts":
            return alerts.main(arguments)
        try:
            if name == "ingestion":
                return cli.main(list(arguments))
            return dbt_session.main(list(arguments))
        finally:
            DuckDBConnectionManager.close_all_connections()
            self.ended = time.monotonic()

    def _session(self, arguments: Sequence[str], then: Callable[[], None]) -> int:
        """In place of a process with a dbt session."""
        code = self._run_module("tools.dbt_session", *arguments)
        then()
        return code

    def _here(self, *arguments: str) -> AbstractContextManager[SimpleNamespace]:
        """In place of a Standby: what runs when it is told."""
        run_here = partial(self._run_module, *arguments)
        return nullcontext(SimpleNamespace(run=run_here, work=run_here))

    def sql(self, *statements: str) -> list[tuple[object, ...]]:
        """Run statements in the warehouse; the rows of the last."""
        with duckdb.connect(str(self.path)) as connection:
            connection.execute("set TimeZone = 'UTC'")
            for statement in statements:
                rows = connection.execute(statement).fetchall()
        return rows

    def deliver_sign_ups(self, name: str, countries: Sequence[str]) -> None:
        """A file of sign-ups, one from each of the countries."""
        lines = [
            f"{name}-{n};30.09.2026 12:00:0{n};Firm;a@example.com;{country};GB10;organic;;new;;;12,50;EUR;"
            for n, country in enumerate(countries)
        ]
        (self.root / "crm" / f"{name}.csv").write_text("\r\n".join([SIGN_UPS, *lines, ""]), encoding="cp1252")

    def deliver_customs(self, name: str) -> None:
        """A quarter's declarations: one."""
        (self.root / "customs" / f"{name}.csv").write_text(CUSTOMS, encoding="utf-8-sig")

    def deliver_readings(self, name: str) -> None:
        """A file of hourly meter readings."""
        start = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(days=3)
        readings = [
            {"meter_id": "MTR-1010-E01", "reading_at": f"{start + timedelta(hours=n):%Y-%m-%dT%H:%M:%SZ}",
             "plant": "1010", "energy_type": "electricity", "reading_value": f"{1000 + n}.5", "unit": "kWh",
             "quality": "measured", "is_reset": False}
            for n in range(READINGS_A_DAY)
        ]  # fmt: skip
        text = "".join(json.dumps(reading) + "\n" for reading in readings)
        (self.root / "energy" / f"{name}.jsonl").write_text(text, encoding="utf-8")

    def remember_past(self) -> None:
        """Sixty days like today, so that there is something usual."""
        run.dbt([["run-operation", "profile_datasets"]])
        self.sql(DATASETS_THEN, COLUMNS_THEN, LOADS_THEN)
        # Plants and suppliers have not changed for a month: they are read each day all the same.
        for table in ("plants", "suppliers"):
            self.sql(f"update raw_sap.{table} set _landed_at = _landed_at - interval 30 day")

    def sleep(self) -> None:
        """A day passes: all that is known becomes a day older."""
        aged = [
            f"update raw_ops.{table} set " + ", ".join(f"{column} = {column} - interval 1 day" for column in columns)
            for table, columns in STAMPS.items()
        ]
        self.sql(*aged)

    def edit(self, name: str, old: str, new: str) -> None:
        """Change a file of the project.

        Raises:
            ValueError: the file does not hold the text.
        """
        path = self.project / name
        text = path.read_text(encoding="utf-8")
        if old not in text:
            raise ValueError(f"{name} does not hold {old!r}")
        path.write_text(text.replace(old, new, 1), encoding="utf-8")
