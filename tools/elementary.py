"""Elementary's own command line, `edr`: its report and its alerts, with nothing fetched and nothing reported home.

It needs the real package (make deps says which one is there) and its tables in the warehouse. `edr` brings a dbt
project of its own inside the virtual environment, whose packages it would fetch; it is pointed to dbt_packages/
instead. A HOME of its own carries .edr/config.yml (`--config-dir` comes too late for that), and its profile is written
here with the absolute path of the warehouse. .venv and the home directory stay as they are.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import orjson
import yaml

from ingestion.places import warehouse_path
from tools.deps import ROOT, installed
from tools.observed import builds_in_snowflake

SECONDS = 600
NEEDED = ("elementary_test_results", "dbt_tests", "dbt_models")
# Elementary's tables that describe the project; a run of them writes down what it finds.
DESCRIBING = ("run", "--select", "elementary.edr.dbt_artifacts")
DESCRIBED = ("nodes", "sources", "exposures", "metrics", "groups")
DESCRIPTION = (
    "description", "columns", "config", "meta", "tags", "owner", "depends_on", "original_file_path", "test_metadata",
)  # fmt: skip
SNOWFLAKE_PLACE = ("SNOWFLAKE_ACCOUNT", "SNOWFLAKE_DATABASE", "SNOWFLAKE_SCHEMA", "STRATA_EMULATOR_DATABASE")
# Values of rows stay out of the report: they can be personal data.
REPORT = ("--disable-samples", "true", "--open-browser", "false", "--project-name", "strata")


def missing() -> str | None:
    """What keeps edr from running here, and how to mend it; None when it can run."""
    marker = installed()
    if marker is None or marker["route"] == "offline":
        return (
            "dbt_packages/ holds the stand-in, which has no tables for it. Remedy: make deps where the dbt hub or "
            "DBT_PACKAGES_GIT is in reach, then make build"
        )
    if not _edr().is_file():
        return "the command edr is not in .venv. Remedy: make setup"
    lacking = _lacking_tables()
    if lacking:
        return f"Elementary's {', '.join(lacking)} not in the warehouse. Remedy: dbt run --selector elementary"
    return None


def built_version() -> str | None:
    """The version whose models this very warehouse file holds; a file made anew holds none."""
    return _mark().get("version")


def note_built() -> None:
    """Write down that the models of the installed version have just been built, and what project they describe."""
    marker = installed()
    if marker and marker["route"] != "offline":
        mark = {
            "version": marker["versions"]["elementary"],
            "place": _place(),
            "described": _described(),
        }
        _mark_path().parent.mkdir(parents=True, exist_ok=True)  # no warehouse file stands there with Snowflake
        _mark_path().write_text(json.dumps(mark), encoding="utf-8")


def refresh() -> int:
    """Let Elementary's tables describe the project as it was last built, where that has changed; returns an exit code.

    edr joins results with them: of a test that they lack it shows nothing, and tells nobody.
    """
    described = _described()
    if described is None or described == _mark().get("described"):
        return 0
    print("Elementary's tables describe the project as it was before: bringing them up to date ...", flush=True)
    code = subprocess.run([sys.executable, "-m", "tools.dbt_session", *DESCRIBING], check=False).returncode
    if code == 0:
        note_built()
    return code


def _mark_path() -> Path:
    return warehouse_path().with_suffix(".elementary.json")


def _mark() -> dict[str, Any]:
    try:
        mark = json.loads(_mark_path().read_text(encoding="utf-8"))
        return mark if mark["place"] == _place() else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _place() -> Any:
    """What the mark is about: this very file, or the target's schema in Snowflake. A new file is another place."""
    if builds_in_snowflake():
        return [_target(), *(os.environ.get(name, "") for name in SNOWFLAKE_PLACE)]
    return warehouse_path().stat().st_ino


def _described() -> str | None:
    """A digest of what the last build's manifest says of the project; None where there is none."""
    try:
        manifest = orjson.loads((Path(os.environ.get("DBT_TARGET_PATH", "target")) / "manifest.json").read_bytes())
    except (OSError, ValueError):
        return None
    told = {
        name: [node.get(part) for part in DESCRIPTION]
        for group in DESCRIBED
        for name, node in manifest.get(group, {}).items()
    }
    return hashlib.sha256(orjson.dumps(told, option=orjson.OPT_SORT_KEYS)).hexdigest()


def report(page: Path) -> int:
    """Write Elementary's report; returns edr's exit code, or dbt's where the tables could not be brought up to date."""
    if code := refresh():
        return code
    page.parent.mkdir(parents=True, exist_ok=True)
    return _run("report", "--file-path", str(page.resolve()), *REPORT)


def monitor(webhook: str) -> int:
    """Send Elementary's alerts to a Slack-compatible webhook; it remembers in the warehouse what it has sent.

    The address is no argument of the process, which others could see: edr reads it from the config of its HOME.
    """
    if code := refresh():
        return code
    return _run("monitor", "--disable-samples", "true", config={"slack": {"notification_webhook": webhook}})


def _edr() -> Path:
    return Path(sys.executable).with_name("edr")


def _lacking_tables() -> list[str]:
    if not warehouse_path().is_file():
        return ["warehouse"]
    try:
        with duckdb.connect(str(warehouse_path()), read_only=True) as connection:
            found = connection.execute(
                "select table_name from information_schema.tables where table_schema = ?", [f"{_target()}_elementary"]
            ).fetchall()
    except duckdb.Error as error:
        return [f"tables ({str(error).splitlines()[0]})"]
    names = {name for (name,) in found}
    return [name for name in NEEDED if name not in names]


def _target() -> str:
    return os.environ.get("STRATA_TARGET", "dev")


def _run(command: str, *arguments: str, config: dict[str, Any] | None = None) -> int:
    """Run edr quietly; what it says goes to edr.log beside its artefacts."""
    work = (Path(os.environ.get("DBT_TARGET_PATH", "target")) / "edr").resolve()
    home = work / "home" / ".edr"
    home.mkdir(parents=True, exist_ok=True)
    home.chmod(0o700)
    settings = yaml.safe_load((ROOT / ".edr" / "config.yml").read_text(encoding="utf-8"))
    settings = {**settings, "target-path": str(work), **(config or {})}
    profiles = work / "profiles"
    profiles.mkdir(exist_ok=True)
    (profiles / "profiles.yml").write_text(yaml.safe_dump(_profile()), encoding="utf-8")
    environment = {
        **os.environ,
        "HOME": str(home.parent),
        "DBT_PACKAGES_FOLDER": str(ROOT / "dbt_packages"),
        "EDR_INTERNAL_TARGET_PATH": str(work / "target"),
        "DBT_LOG_PATH": str(work / "logs"),
        "DO_NOT_TRACK": "1",
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "PATH": f"{_edr().parent}:{os.environ.get('PATH', '')}",
    }
    environment.pop("DBT_PROFILES_DIR", None)
    environment.pop("DBT_TARGET_PATH", None)  # of this project, not of edr's own
    places = ["--profiles-dir", str(profiles), "--profile-target", _target(), "--target-path", str(work)]
    try:
        _write_private(home / "config.yml", yaml.safe_dump(settings))
        with (work / "edr_output.log").open("w", encoding="utf-8") as log:
            done = subprocess.run(
                [str(_edr()), command, *places, *arguments], env=environment, cwd=work, check=False,
                stdout=log, stderr=subprocess.STDOUT, timeout=SECONDS,
            )  # fmt: skip
        return done.returncode
    except subprocess.TimeoutExpired:
        return 124
    finally:
        shutil.rmtree(home.parent, ignore_errors=True)  # the webhook's address does not stay on disk


def _write_private(path: Path, text: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)


def _profile() -> dict[str, Any]:
    """This target of profiles.yml under the name that edr asks for, with Elementary's schema."""
    profiles = Path(os.environ.get("DBT_PROFILES_DIR", str(ROOT))) / "profiles.yml"
    outputs = yaml.safe_load(profiles.read_text(encoding="utf-8"))["strata"]["outputs"]
    output = {**outputs[_target()], "schema": f"{_target()}_elementary"}
    if output["type"] == "duckdb":
        output["path"] = str(warehouse_path().resolve())
    return {"elementary": {"target": _target(), "outputs": {_target(): output}}}
