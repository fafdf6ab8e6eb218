"""Install the dbt packages: from the dbt hub, from a git mirror, or from the stand-ins in offline_packages/.

``python -m tools.deps [--route auto|hub|git|offline] [--force]``

The routes are tried in that order and the one taken is printed, with the reason why each earlier one was not. A forced
route, or a git mirror that is configured but fails, ends in an error and never silently in the next route.
``dbt deps`` alone knows the hub only and cannot install a stand-in under the hub package's name, hence this module.

The packages are put together in a directory of their own which then replaces dbt_packages/ in one rename: a run that is
killed leaves either the old packages, or none, for which dbt itself asks. ``dbt_packages/.route.json`` says what is
installed and from what; while its inputs are unchanged a further run returns at once.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

ROOT = Path(__file__).resolve().parent.parent
ROUTES = ("hub", "git", "offline")
MARKER = ".route.json"
HUB_PROBE_SECONDS = 3.0
INSTALL_SECONDS = 300


@dataclass(frozen=True)
class Mirror:
    """Where a hub package lives in git, and whether its dbt_project.yml carries its release number."""

    repository: str
    declares_version: bool = True
    tag_prefix: str = ""


# The one place that maps hub names to git repositories (owner/name, as DBT_PACKAGES_GIT's placeholders get them).
# A package that is not listed is taken to have the same name in both.
GIT_MIRRORS = {
    "dbt-labs/dbt_utils": Mirror("dbt-labs/dbt-utils", declares_version=False),  # says 0.1.0 in every release
    "elementary-data/elementary": Mirror("elementary-data/dbt-data-reliability"),
    "dbt-labs/dbt_project_evaluator": Mirror("dbt-labs/dbt-project-evaluator", False, "v"),  # make audit's
}


class DepsError(Exception):
    """The packages cannot be installed; the message says which, why, and what to do."""


class RouteUnavailable(Exception):
    """This route is not to be had here; the message is the reason to print before the next one is tried."""


@dataclass(frozen=True)
class Package:
    """One entry of package-lock.yml."""

    package: str  # on the hub: owner/name
    name: str  # of the dbt project: its directory in dbt_packages/
    version: str


def locked_packages(root: Path) -> list[Package]:
    """Read package-lock.yml and check that it covers packages.yml, so that what is installed is what is asked for."""
    import yaml  # here, because the usual run ends before it is needed

    try:
        lock = yaml.safe_load((root / "package-lock.yml").read_text(encoding="utf-8"))
        asked = yaml.safe_load((root / "packages.yml").read_text(encoding="utf-8"))
        packages = [Package(str(p["package"]), str(p["name"]), str(p["version"])) for p in lock["packages"]]
        wanted = {(str(p["package"]), str(p["version"])) for p in asked["packages"]}
    except (OSError, yaml.YAMLError, KeyError, TypeError) as error:
        raise DepsError(
            f"packages.yml or package-lock.yml cannot be read ({error!r}): restore them from git"
        ) from error
    missing = wanted - {(p.package, p.version) for p in packages}
    if missing:
        listed = ", ".join(f"{package} {version}" for package, version in sorted(missing))
        raise DepsError(
            f"package-lock.yml lacks {listed} of packages.yml: run `dbt deps --lock` where the hub is reachable"
        )
    return packages


# --- the three routes: each fills an empty directory or raises --------------------------------------------------------


def install_hub(root: Path, packages: list[Package], destination: Path) -> None:
    """Run ``dbt deps`` in a bare project of its own, so that dbt never touches dbt_packages/ half-way."""
    _probe_hub(packages[0])
    with tempfile.TemporaryDirectory(prefix="strata-deps-") as bare:
        project = Path(bare)
        for name in ("packages.yml", "package-lock.yml"):
            shutil.copyfile(root / name, project / name)
        lock = (project / "package-lock.yml").read_bytes()
        settings = {"name": "strata_deps", "version": "1.0.0", "packages-install-path": "packages"}
        (project / "dbt_project.yml").write_text(json.dumps(settings), encoding="utf-8")  # JSON is YAML
        command = [
            sys.executable,
            "-c",
            "import sys; from dbt.cli.main import cli; sys.exit(cli())",
            "--no-use-colors",
            "deps",
        ]
        command += ["--project-dir", bare]
        quiet = {"DBT_SEND_ANONYMOUS_USAGE_STATS": "false", "DO_NOT_TRACK": "1", "DBT_LOG_PATH": str(project / "logs")}
        result = _run(command, env=os.environ | quiet, cwd=project)
        if result.returncode != 0:
            raise RouteUnavailable(f"`dbt deps` failed: {_last_lines(result.stdout + result.stderr)}")
        if (project / "package-lock.yml").read_bytes() != lock:
            raise DepsError(
                "dbt wrote another package-lock.yml than the one here: run `dbt deps --lock` and commit the result"
            )
        for package in packages:
            shutil.move(project / "packages" / package.name, destination / package.name)


def _probe_hub(package: Package) -> None:
    """Ask the hub for one package, within a few seconds even where name look-ups hang."""
    import requests
    from dbt.clients.registry import DEFAULT_REGISTRY_BASE_URL  # honours DBT_PACKAGE_HUB_URL

    outcome: list[str] = []

    def ask() -> None:
        url = f"{DEFAULT_REGISTRY_BASE_URL}api/v1/{package.package}.json"
        try:
            response = requests.get(url, timeout=HUB_PROBE_SECONDS)
            outcome.append("" if response.ok else f"it answered {response.status_code}")
        except requests.RequestException as error:
            outcome.append(f"no connection ({type(error).__name__})")

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(HUB_PROBE_SECONDS)
    reason = outcome[0] if outcome else f"no answer in {HUB_PROBE_SECONDS:.0f} s"
    if reason:
        raise RouteUnavailable(f"{reason} from {masked(DEFAULT_REGISTRY_BASE_URL)}")


def install_git(root: Path, packages: list[Package], destination: Path) -> None:
    """Clone each package at the tag of its locked version from the mirror that DBT_PACKAGES_GIT describes."""
    template = os.environ.get("DBT_PACKAGES_GIT", "")
    if not template:
        raise RouteUnavailable("DBT_PACKAGES_GIT is not set")
    if "{name}" not in template:
        raise DepsError(
            f"DBT_PACKAGES_GIT has no {{name}} in it: {masked(template)}; for example https://git.example.com/{{owner}}/{{name}}"
        )
    for package in packages:
        mirror = GIT_MIRRORS.get(package.package, Mirror(package.package))
        owner, _, name = mirror.repository.partition("/")
        url = template.replace("{owner}", owner).replace("{name}", name)
        target = destination / package.name
        command = ["git", "-c", "advice.detachedHead=false", "clone", "--quiet", "--depth", "1"]
        tag = mirror.tag_prefix + package.version
        command += ["--branch", tag, url, str(target)]
        result = _run(command, env=os.environ | {"GIT_TERMINAL_PROMPT": "0"})
        if result.returncode != 0:
            detail = _last_lines(result.stderr).replace(url, masked(url))
            raise DepsError(
                f"{package.package} {package.version} cannot be cloned from {masked(url)}: {detail}; "
                f"check DBT_PACKAGES_GIT and that the mirror has the tag {tag}"
            )
        shutil.rmtree(target / ".git")
        _verify(package, target, masked(url), version=mirror.declares_version)


def install_offline(root: Path, packages: list[Package], destination: Path) -> None:
    """Copy the stand-ins: as copies, dbt_packages/ looks the same on every route and is switched in one rename."""
    for package in packages:
        source = root / "offline_packages" / package.name
        if not source.is_dir():
            raise DepsError(
                f"there is no stand-in for {package.package}: {source.relative_to(root)} is missing; "
                "use the hub or a git mirror"
            )
        shutil.copytree(source, destination / package.name)
        _verify(package, destination / package.name, f"offline_packages/{package.name}")


def _verify(package: Package, directory: Path, origin: str, version: bool = True) -> None:
    """Refuse a package that calls itself something else than the lock says."""
    import yaml

    try:
        project = yaml.safe_load((directory / "dbt_project.yml").read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise DepsError(
            f"{origin} is no dbt package ({error.__class__.__name__} on dbt_project.yml): check the mirror"
        ) from error
    found = (project.get("name"), str(project.get("version")))
    if found[0] != package.name or (version and found[1] != package.version):
        raise DepsError(
            f"{origin} holds {found[0]} {found[1]}, package-lock.yml asks for {package.name} {package.version}: "
            "check the mirror's tag"
        )


INSTALLERS: dict[str, Callable[[Path, list[Package], Path], None]] = {
    "hub": install_hub,
    "git": install_git,
    "offline": install_offline,
}


# --- choosing and switching -------------------------------------------------------------------------------------------


def install(root: Path, route: str = "auto", force: bool = False, say: Callable[[str], None] = print) -> str:
    """Install the locked packages by ``route`` and return the route taken.

    Raises DepsError when a forced route, or a configured git mirror, fails. Nothing is changed then.
    """
    with _one_at_a_time(root):
        marker = None if force else _current(root, route)
        if marker:
            say(f"dbt packages: {_summary(marker)}, already installed (--force tries the routes again)")
            return str(marker["route"])
        packages = locked_packages(root)
        for candidate in ROUTES if route == "auto" else (route,):
            staging = _staging(root)
            try:
                INSTALLERS[candidate](root, packages, staging)
            except RouteUnavailable as reason:
                say(f"dbt packages: not from {candidate}: {reason}")
                continue
            else:
                marker = {
                    "route": candidate,
                    "versions": {p.name: p.version for p in packages},
                    "requested": route,
                    "inputs": _inputs(root, candidate),
                }
                (staging / MARKER).write_text(json.dumps(marker, indent=2) + "\n", encoding="utf-8")
                _switch(root, staging)
                say(f"dbt packages: {_summary(marker)}")
                return candidate
            finally:
                shutil.rmtree(staging, ignore_errors=True)
        raise DepsError(
            f"the route {route} was asked for and is not to be had here; `--route offline` needs no network"
        )


def installed(root: Path = ROOT) -> dict | None:
    """The marker of what is in dbt_packages/: route and versions; None when nothing complete is installed."""
    try:
        marker = json.loads((root / "dbt_packages" / MARKER).read_text(encoding="utf-8"))
        complete = all((root / "dbt_packages" / name / "dbt_project.yml").is_file() for name in marker["versions"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return marker if complete else None


def elementary_models_needed(built_version: str | None, root: Path = ROOT) -> bool:
    """Whether `dbt run --selector elementary` is due, given the package version that last built Elementary's models.

    The stand-in needs none; the real package needs them for its report, once per version.
    """
    marker = installed(root)
    return bool(marker) and marker["route"] != "offline" and marker["versions"].get("elementary") != built_version


def _current(root: Path, route: str) -> dict | None:
    """The marker, if it still answers the request."""
    marker = installed(root)
    if not marker or marker.get("route") not in ROUTES:
        return None
    same_request = marker.get("requested") == route or marker["route"] == route
    return marker if same_request and marker.get("inputs") == _inputs(root, marker["route"]) else None


def _inputs(root: Path, route: str) -> str:
    """Digest of all that decides what gets installed. Environment values go in hashed: a URL may hold a password."""
    digest = hashlib.sha256()
    files = [root / "packages.yml", root / "package-lock.yml"]
    if route == "offline":
        files += sorted(p for p in (root / "offline_packages").rglob("*") if p.is_file())
    for path in files:
        digest.update(str(path.relative_to(root)).encode() + b"\0")
        digest.update(hashlib.sha256(path.read_bytes() if path.is_file() else b"").digest())
    for variable in ("DBT_PACKAGES_GIT", "DBT_PACKAGE_HUB_URL"):
        digest.update(os.environ.get(variable, "").encode() + b"\0")
    return digest.hexdigest()


def _staging(root: Path) -> Path:
    """A fresh directory beside dbt_packages/ (same file system, for the rename) that git ignores by itself."""
    for left_over in root.glob(".dbt_packages-*"):
        shutil.rmtree(left_over, ignore_errors=True)
    staging = Path(tempfile.mkdtemp(prefix=".dbt_packages-", dir=root))
    staging.chmod(0o755)
    (staging / ".gitignore").write_text("*\n", encoding="utf-8")
    return staging


def _switch(root: Path, staging: Path) -> None:
    target = root / "dbt_packages"
    if target.is_symlink():
        target.unlink()
    elif target.exists():
        retired = Path(tempfile.mkdtemp(prefix=".dbt_packages-", dir=root))
        (retired / ".gitignore").write_text("*\n", encoding="utf-8")
        target.rename(retired / "old")
        staging.rename(target)
        shutil.rmtree(retired, ignore_errors=True)
        return
    staging.rename(target)


@contextmanager
def _one_at_a_time(root: Path) -> Iterator[None]:
    """Two runs in one checkout wait for each other: a file lock on packages.yml, which every checkout has."""
    import fcntl

    try:
        handle = (root / "packages.yml").open("rb")
    except OSError as error:
        raise DepsError(f"there is no packages.yml in {root}: run this in the project's checkout") from error
    with handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _run(command: list[str], **kwargs: object) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False, **kwargs)  # type: ignore[call-overload]
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 124, "", f"no end after {INSTALL_SECONDS} s")
    except FileNotFoundError as error:
        raise DepsError(f"{command[0]} is not installed: {error}") from error


def _last_lines(text: str, count: int = 2) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return " / ".join(lines[-count:]) or "no message"


def _summary(marker: dict) -> str:
    names = {"hub": "the dbt hub", "git": "a git mirror", "offline": "the stand-ins in offline_packages/"}
    versions = ", ".join(f"{name} {version}" for name, version in sorted(marker["versions"].items()))
    return f"{versions} from {names[marker['route']]}"


def masked(url: str) -> str:
    """The URL without the user name and password it may carry."""
    parts = urlsplit(url)
    if "@" not in parts.netloc:
        return url
    return urlunsplit(parts._replace(netloc="***@" + parts.netloc.rsplit("@", 1)[1]))


def main(arguments: list[str] | None = None) -> int:
    """Command line; returns 0, or 1 when the packages could not be installed."""
    default = os.environ.get("STRATA_PACKAGES_ROUTE") or "auto"
    parser = argparse.ArgumentParser(prog="python -m tools.deps", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument(
        "--route", choices=("auto", *ROUTES), default=default, help="default: $STRATA_PACKAGES_ROUTE or auto"
    )
    parser.add_argument("--force", action="store_true", help="install again even if nothing changed")
    options = parser.parse_args(arguments)
    if options.route not in ("auto", *ROUTES):
        parser.error(f"STRATA_PACKAGES_ROUTE is '{options.route}': choose auto, {', '.join(ROUTES)}")
    try:
        install(ROOT, options.route, options.force)
    except DepsError as error:
        print(f"dbt packages: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
