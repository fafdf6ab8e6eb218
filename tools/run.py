"""The steps behind `make land`, `build`, `docs` and `run`."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from ingestion.contract import DAILY
from ingestion.errors import EXIT_OK, EXIT_REJECTS, EXIT_USAGE, LockedError
from ingestion.lock import warehouse_lock
from tools import elementary
from tools.deps import elementary_models_needed
from tools.observed import in_snowflake
from tools.standby import RELEASE, Standby
from tools.summary import print_summary

ROOT = Path(__file__).resolve().parent.parent
SANDBOX_START_SECONDS = 180  # to make a company of scale 1 first; a larger one gets longer
ALERTS = ("tools.alerts", "--quiet")
JUDGED_SINCE = """
select nodes.invocation_id
from raw_dbt_artifacts.nodes
inner join raw_dbt_artifacts.invocations on nodes.invocation_id = invocations.invocation_id
left join raw_dbt_artifacts.run_results
    on nodes.invocation_id = run_results.invocation_id and nodes.unique_id = run_results.unique_id
where nodes.tags like ? and invocations.generated_at >= ?
group by nodes.invocation_id
having bool_and(coalesce(run_results.status in ('pass', 'warn', 'fail'), false))
"""
OWN_SETTINGS = ("__BASE_URL", "__CREDENTIALS", "__DIRECTORY")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the chosen steps; returns the first exit code that is not 0."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("step", choices=["land", "build", "docs", "all", "summary"])
    parser.add_argument("--select", nargs="+", default=[], metavar="NODE", help="build only these, with their tests")
    options = parser.parse_args(arguments)
    step = options.step
    os.chdir(ROOT)
    os.environ.setdefault("STRATA_WAREHOUSE", str(default_warehouse()))
    if step == "summary":
        return summary(None)
    started = time.monotonic()
    try:
        with warehouse_lock(warehouse()):
            os.environ["STRATA_LOCK_HELD"] = str(warehouse().resolve())
            return _steps(step, started, options.select)
    except LockedError as error:
        print(f"{error}", file=sys.stderr)
        return error.exit_code


def _steps(step: str, started: float, select: Sequence[str]) -> int:
    landed = told = EXIT_OK
    if step in ("land", "all"):
        landed = land()
        told = tell(lambda: run_module(*ALERTS, "--without-elementary"))
        if landed not in (EXIT_OK, EXIT_REJECTS) or step == "land":
            return landed or told
    if step == "docs":
        built = dbt(step_commands(step, select))
    else:
        codes: list[int] = []
        with Standby(*ALERTS) as alerts:
            built = dbt(step_commands(step, select), lambda: codes.append(tell(alerts.run)))
        told = next(iter(codes), EXIT_OK)
    catalogue = write_catalogue(with_lineage=step == "docs") if step != "build" and built == EXIT_OK else EXIT_OK
    code = summary(time.monotonic() - started) if step == "all" else EXIT_OK
    return built or landed or told or catalogue or code


def step_commands(step: str, select: Sequence[str] = ()) -> list[list[str]]:
    """What one dbt session does. Freshness first: a build that fails is followed by nothing but the observing."""
    if step == "docs":
        return [DOCS]
    docs = [DOCS_AFTER_BUILD] if step == "all" else []
    daily = [] if select else daily_commands()
    return [*freshness_commands(), build_command(select), *docs, *daily, *observe_commands()]


def build_command(select: Sequence[str] = ()) -> list[str]:
    """The company's data, without what the warehouse says of itself: that follows when the outcome is known.

    Unit tests are about code, not about data: they run where code is changed (make test), as dbt itself advises.
    """
    chosen = ["--selector", "company"]
    if select:
        chosen = ["--select", *select, "--exclude", f"tag:{DAILY}", "--indirect-selection", "buildable"]
    return ["build", *chosen, *_without_unit_tests()]


def daily_commands() -> list[list[str]]:
    """Elementary's anomaly tests, once a day: they judge whole days, so that a later build would hear the same.

    They ran today where all of them came to a verdict in one command that has landed. Where one broke off, as on a
    table that a failed build did not make, the next build tries again. A failed build has them too, as the observing.
    """
    command = [["finally", "dbt", "test", "--selector", DAILY]]
    if in_snowflake():
        return command
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return [] if _landed(JUDGED_SINCE, f'%"{DAILY}"%', today) else command


def observe_commands() -> list[list[str]]:
    """What the warehouse says of itself, also after a build that failed: that is when somebody asks.

    dbt's results land first; what cannot be landed now stays and comes with the next load.
    """
    return [
        ["finally", "ingestion", "load", "dbt_artifacts", "--quiet"],
        ["run-operation", "profile_datasets"],
        ["build", "--selector", "observability", *_without_unit_tests()],
    ]


def write_catalogue(*, with_lineage: bool) -> int:
    """Write the catalogue's pages. Column lineage takes as long as all else together, so only `make docs` traces it."""
    return run_module("tools.catalogue", *([] if with_lineage else ["--without-lineage"]))


def tell(start: Callable[[], int]) -> int:
    """Tell who has to know, in the command that found it out (docs/alerts.md): nothing waits for a poll.

    Args:
        start: runs the alerts and returns their exit code.
    """
    if in_snowflake():
        print("nobody is told: alerts read a DuckDB file (docs/snowflake.md)")
        return EXIT_OK
    if not warehouse().exists():
        return EXIT_OK  # nothing has ever landed: the step before has said why
    return start()


def _without_unit_tests() -> list[str]:
    return [] if os.environ.get("STRATA_TARGET") == "ci" else ["--exclude-resource-type", "unit_test"]


DOCS = ["docs", "generate", "--static"]
DOCS_AFTER_BUILD = [*DOCS, "--no-compile"]  # the build has compiled everything


def default_warehouse() -> Path:
    """One file for each company: the sandbox's, or the extract's that SAP_DATA names; the ci target has its own."""
    if data := os.environ.get("SAP_DATA"):
        return Path("warehouse") / f"{Path(data).resolve().name}.duckdb"
    return Path("warehouse") / ("ci.duckdb" if os.environ.get("STRATA_TARGET") == "ci" else "strata.duckdb")


def warehouse() -> Path:
    """The warehouse file of this run."""
    return Path(os.environ["STRATA_WAREHOUSE"])


def land() -> int:
    """Land every source that has settings; where none has, all of them from the sandbox."""
    if is_configured() and not os.environ.get("SAP_DATA"):
        return run_module("ingestion", "load")
    data = os.environ.get("SAP_DATA", "default")
    print(f"starting the sandbox with {'the synthetic company' if data == 'default' else data} ...", flush=True)
    with sandbox(data) as settings:
        return run_module("ingestion", "load", env=settings) if settings else EXIT_USAGE


def freshness_commands() -> list[list[str]]:
    """Ask how old what has landed is, of each source that this warehouse has rows of."""
    if in_snowflake():
        return [["source", "freshness"]]
    found = _landed(
        "select distinct source from raw_ops.loads where rows_good > 0 and source <> 'dbt_artifacts' order by source"
    )
    return [["source", "freshness", "--select", *(f"source:{source}" for (source,) in found)]] if found else []


def _landed(sql: str, *values: object) -> list[tuple[str]]:
    """What the warehouse says of it; nothing where nothing of it has ever landed: the build says what is missing."""
    try:
        with duckdb.connect(str(warehouse()), read_only=True) as connection:
            return connection.execute(sql, values).fetchall()
    except duckdb.Error:
        return []


def is_configured() -> bool:
    """Whether the user has pointed a source at a system or a directory of their own."""
    secrets = ROOT / ".dlt" / "secrets.toml"
    own = any(name.startswith("SOURCES__") and name.endswith(OWN_SETTINGS) for name in os.environ)
    return own or (secrets.exists() and "sources." in secrets.read_text(encoding="utf-8"))


@contextlib.contextmanager
def sandbox(data: str) -> Iterator[dict[str, str]]:
    """Serve `data` on a free loopback port; yields the settings that lead there, or nothing if it cannot start."""
    with tempfile.TemporaryDirectory(prefix="strata-sandbox-") as directory:
        port_file = Path(directory) / "port.json"
        arguments = ["--data", data, "--port", "0", "--port-file", str(port_file), "--parent-pid", str(os.getpid())]
        if scale := os.environ.get("SANDBOX_SCALE"):
            arguments += ["--scale", scale]
        process = subprocess.Popen([sys.executable, "-m", "ingestion.sandbox", *arguments])
        try:
            yield _settings(process, port_file)
        finally:
            process.terminate()
            process.wait(timeout=20)


def _settings(process: subprocess.Popen[bytes], port_file: Path) -> dict[str, str]:
    seconds = SANDBOX_START_SECONDS * max(1.0, float(os.environ.get("SANDBOX_SCALE") or 1))
    deadline = time.monotonic() + seconds
    while not port_file.exists():
        if process.poll() is not None:
            return {}
        if time.monotonic() > deadline:
            print(f"the sandbox did not start within {seconds:.0f} s: free the machine, or a smaller SANDBOX_SCALE")
            return {}
        time.sleep(0.05)
    return json.loads(port_file.read_text())["settings"]


def dbt(commands: list[list[str]], then: Callable[[], None] = lambda: None) -> int:
    """Run dbt commands in one process, building Elementary's own tables first where they are due.

    Args:
        then: runs once that process has let go of the warehouse, while Python takes dbt's million objects apart in it.
    """
    if any(command[0] == "build" for command in commands) and (code := _build_elementary()):
        then()
        return code
    arguments: list[str] = []
    for command in commands:
        arguments += [*command, "--"]
    told = [" ".join(command[1:4] if command[0] == "finally" else ["dbt", *command[:2]]) for command in commands]
    print(", then ".join(told) + " ...", flush=True)
    return _session(arguments[:-1], then)


def _session(arguments: Sequence[str], then: Callable[[], None]) -> int:
    """A dbt session; it closes the pipe when it has let go of the warehouse, at the latest by its end."""
    reading, writing = os.pipe()
    command = [sys.executable, "-m", "tools.dbt_session", *arguments]
    with os.fdopen(reading, "rb") as released:
        with subprocess.Popen(command, env={**os.environ, RELEASE: str(writing)}, pass_fds=[writing]) as process:
            os.close(writing)
            released.read()
            then()
        return process.returncode


def _build_elementary() -> int:
    """With the real package, its own models where this warehouse lacks them or has another version's.

    In a session of their own: they are there once they are built, whatever becomes of the build that follows.
    """
    if not elementary_models_needed(elementary.built_version()):
        return EXIT_OK
    print("building Elementary's own tables first, as its version is new to this warehouse ...", flush=True)
    code = run_module("tools.dbt_session", "run", "--selector", "elementary")
    if code == EXIT_OK:
        elementary.note_built()
    return code


def summary(seconds: float | None) -> int:
    """Print the summary of the warehouse and the last dbt run."""
    if not warehouse().exists():
        print(f"{warehouse()}: no such warehouse yet. Remedy: make run", file=sys.stderr)
        return EXIT_USAGE
    print_summary(warehouse(), Path(os.environ.get("DBT_TARGET_PATH", "target")), seconds)
    return EXIT_OK


def run_module(*arguments: str, env: dict[str, str] | None = None) -> int:
    """Run `python -m` with the arguments, `env` added to the environment; returns its exit code."""
    return subprocess.run([sys.executable, "-m", *arguments], env={**os.environ, **(env or {})}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
