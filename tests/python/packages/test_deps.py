"""tools.deps: the three routes, what each says when it fails, and that a killed run leaves nothing half-way."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
import yaml

from tools import deps

VERSIONS = {"dbt_utils": "1.4.1", "elementary": "0.25.1"}
DEAD = "http://127.0.0.1:9/"  # the discard port: refused at once


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What tools.deps reads of a checkout, in a place of its own and with no route configured."""
    root = tmp_path / "checkout"
    root.mkdir()
    for name in ("packages.yml", "package-lock.yml"):
        shutil.copyfile(deps.ROOT / name, root / name)
    shutil.copytree(deps.ROOT / "offline_packages", root / "offline_packages")
    monkeypatch.delenv("DBT_PACKAGES_GIT", raising=False)
    monkeypatch.setenv("DBT_PACKAGE_HUB_URL", DEAD)
    return root


def in_subprocess(root: Path, code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run ``code`` with ``deps`` and ``root`` defined; a process, because dbt reads the hub's address at import."""
    preamble = f"import os, sys; from pathlib import Path; from tools import deps; root = Path({str(root)!r})\n"
    return subprocess.run(
        [sys.executable, "-c", preamble + code],
        cwd=deps.ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    """Git repositories under the names that the real packages have in git, holding the stand-ins."""
    for name, repository in (
        ("dbt_utils", "dbt-labs/dbt-utils"),
        ("elementary", "elementary-data/dbt-data-reliability"),
    ):
        path = tmp_path / "mirror" / repository
        shutil.copytree(deps.ROOT / "offline_packages" / name, path)
        for command in (
            ["init", "-q"],
            ["add", "."],
            ["-c", "user.name=ci", "-c", "user.email=ci@example.com", "commit", "-qm", "release"],
            ["tag", VERSIONS[name]],
        ):
            subprocess.run(["git", *command], cwd=path, check=True, timeout=30)
    return tmp_path / "mirror"


@contextmanager
def hub(directory: Path) -> Iterator[str]:
    """The dbt hub's own protocol on loopback: package descriptions and tarballs."""
    handler = partial(SimpleHTTPRequestHandler, directory=str(directory))
    handler.log_message = lambda *_: None  # type: ignore[attr-defined]
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/"
    try:
        needed = {"package": "dbt-labs/dbt_utils", "version": [">=0.8.0", "<2.0.0"]}
        packages = [("dbt-labs/dbt_utils", "dbt_utils", []), ("elementary-data/elementary", "elementary", [needed])]
        api = directory / "api" / "v1"
        api.mkdir(parents=True)
        (api / "index.json").write_text(json.dumps([package for package, *_ in packages]))
        for package, name, needs in packages:
            with tarfile.open(directory / f"{name}.tar.gz", "w:gz") as archive:
                archive.add(deps.ROOT / "offline_packages" / name, arcname=f"{name}-{VERSIONS[name]}")
            version = {
                "name": name,
                "version": VERSIONS[name],
                "packages": needs,
                "downloads": {"tarball": f"{url}{name}.tar.gz"},
            }
            description = {"name": name, "namespace": package.split("/")[0], "versions": {VERSIONS[name]: version}}
            (api / f"{package}.json").parent.mkdir(exist_ok=True)
            (api / f"{package}.json").write_text(json.dumps(description))
        yield url
    finally:
        server.shutdown()
        server.server_close()


def complete(root: Path, route: str) -> bool:
    """Both packages and the marker, and no left-overs beside them."""
    marker = deps.installed(root)
    return marker is not None and marker["route"] == route and marker["versions"] == VERSIONS and not left_overs(root)


def left_overs(root: Path) -> list[Path]:
    return list(root.glob(".dbt_packages-*"))


def test_auto_says_why_not_hub_and_git(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = in_subprocess(checkout, "deps.install(root)")
    lines = result.stdout.splitlines()
    assert result.returncode == 0, result.stderr
    assert lines[0].startswith("dbt packages: not from hub: no connection") and DEAD in lines[0]
    assert lines[1] == "dbt packages: not from git: DBT_PACKAGES_GIT is not set"
    assert lines[2] == "dbt packages: dbt_utils 1.4.1, elementary 0.25.1 from the stand-ins in offline_packages/"
    assert complete(checkout, "offline")


def test_hub_route(checkout: Path, tmp_path: Path) -> None:
    (tmp_path / "hub").mkdir()
    with hub(tmp_path / "hub") as url:
        result = in_subprocess(checkout, "deps.install(root)", DBT_PACKAGE_HUB_URL=url)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "from the dbt hub" in result.stdout and complete(checkout, "hub")


def test_lock_file_is_what_dbt_writes(checkout: Path, tmp_path: Path) -> None:
    """dbt resolves packages.yml against a hub and writes the very lock file that is in the repository."""
    (checkout / "package-lock.yml").unlink()
    (checkout / "dbt_project.yml").write_text("name: x\nversion: 1.0.0\n")
    (tmp_path / "hub").mkdir()
    code = (
        "from dbt.cli.main import dbtRunner\n"
        "sys.exit(not dbtRunner().invoke(['deps', '--lock', '--project-dir', str(root)]).success)"
    )
    with hub(tmp_path / "hub") as url:
        result = in_subprocess(checkout, code, DBT_PACKAGE_HUB_URL=url, DBT_LOG_PATH=str(tmp_path))
    assert result.returncode == 0, result.stdout + result.stderr
    assert (checkout / "package-lock.yml").read_text() == (deps.ROOT / "package-lock.yml").read_text()


def test_git_route(checkout: Path, mirror: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBT_PACKAGES_GIT", f"file://{mirror}/{{owner}}/{{name}}")
    assert deps.install(checkout, "git") == "git"
    assert complete(checkout, "git")
    assert not list((checkout / "dbt_packages").glob("*/.git"))
    assert deps.elementary_models_needed(None, checkout) and deps.elementary_models_needed("0.9.0", checkout)
    assert not deps.elementary_models_needed("0.25.1", checkout)
    deps.install(checkout, "offline")
    assert not deps.elementary_models_needed(None, checkout)


def test_git_failure_is_an_error_and_keeps_the_old_packages(
    checkout: Path, mirror: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deps.install(checkout, "offline")
    shutil.rmtree(mirror / "elementary-data")
    monkeypatch.setenv("DBT_PACKAGES_GIT", f"file://{mirror}/{{owner}}/{{name}}")
    with pytest.raises(
        deps.DepsError, match=r"elementary-data/elementary 0\.25\.1 cannot be cloned from file://.*has the tag"
    ):
        deps.install(checkout, "git")
    assert (checkout / "dbt_packages" / "elementary" / "dbt_project.yml").exists() and not left_overs(checkout)


def test_configured_git_is_never_skipped(checkout: Path) -> None:
    result = in_subprocess(
        checkout, "deps.install(root)", DBT_PACKAGES_GIT="http://who:password@127.0.0.1:9/{owner}/{name}"
    )
    assert result.returncode != 0 and not (checkout / "dbt_packages").exists()
    assert "http://***@127.0.0.1:9/dbt-labs/dbt-utils" in result.stderr
    assert "password" not in result.stdout + result.stderr


def test_wrong_version_in_the_mirror(checkout: Path, mirror: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repository = mirror / "elementary-data" / "dbt-data-reliability"
    project = repository / "dbt_project.yml"
    project.write_text(project.read_text().replace('"0.25.1"', '"0.9.0"'))
    commit = ["git", "-c", "user.name=ci", "-c", "user.email=ci@example.com", "commit", "-qam", "other"]
    subprocess.run(commit, cwd=repository, check=True, timeout=30)
    subprocess.run(["git", "tag", "-f", "0.25.1"], cwd=repository, check=True, timeout=30, capture_output=True)
    monkeypatch.setenv("DBT_PACKAGES_GIT", f"file://{mirror}/{{owner}}/{{name}}")
    with pytest.raises(
        deps.DepsError, match=r"holds elementary 0\.9\.0, package-lock\.yml asks for elementary 0\.25\.1"
    ):
        deps.install(checkout, "git")


def test_template_without_placeholder(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBT_PACKAGES_GIT", "https://git.example.com/mirrors")
    with pytest.raises(deps.DepsError, match="has no {name} in it"):
        deps.install(checkout, "git")


@pytest.mark.parametrize("route", ["hub", "git"])
def test_forced_route_fails_rather_than_falls_back(checkout: Path, route: str) -> None:
    result = in_subprocess(checkout, f"deps.install(root, {route!r})")
    assert result.returncode != 0 and not (checkout / "dbt_packages").exists()
    assert f"the route {route} was asked for" in result.stderr


def test_lock_behind_packages_yml(checkout: Path) -> None:
    packages = yaml.safe_load((checkout / "packages.yml").read_text())
    packages["packages"][0]["version"] = "9.9.9"
    (checkout / "packages.yml").write_text(yaml.safe_dump(packages))
    with pytest.raises(deps.DepsError, match=r"lacks dbt-labs/dbt_utils 9\.9\.9"):
        deps.install(checkout, "offline")


def test_second_run_installs_nothing_and_sees_changes(checkout: Path) -> None:
    said: list[str] = []
    deps.install(checkout, "offline", say=said.append)
    deps.install(checkout, "offline", say=said.append)
    assert said[-1].endswith("already installed (--force tries the routes again)")
    macro = checkout / "offline_packages" / "dbt_utils" / "macros" / "sql" / "generate_surrogate_key.sql"
    macro.write_text(macro.read_text() + "{# changed #}\n")
    deps.install(checkout, "offline", say=said.append)
    installed = checkout / "dbt_packages" / "dbt_utils" / "macros" / "sql" / macro.name
    assert "changed" in installed.read_text()


def test_second_run_does_not_import_dbt(checkout: Path) -> None:
    deps.install(checkout, "offline")
    code = "deps.install(root, 'offline'); print({'dbt', 'yaml'} & set(sys.modules))"
    assert in_subprocess(checkout, code).stdout.splitlines()[-1] == "set()"


@pytest.mark.parametrize("before", [None, "offline"], ids=["fresh", "over_an_older_one"])
def test_killed_run_leaves_nothing_half_way(checkout: Path, before: str | None) -> None:
    if before:
        deps.install(checkout, before)
    (checkout / "offline_packages" / "elementary" / "new.md").write_text("new\n")
    killed = in_subprocess(
        checkout,
        """
copy = deps.shutil.copytree
def die_at_the_second(source, target, *rest, **named):
    if Path(target).name == "elementary":
        os._exit(9)
    return copy(source, target, *rest, **named)
deps.shutil.copytree = die_at_the_second
deps.install(root, "offline")
""",
    )
    assert killed.returncode == 9
    assert (deps.installed(checkout) is not None) == (before is not None)
    assert (checkout / "dbt_packages").exists() == (before is not None)
    deps.install(checkout, "offline")
    assert complete(checkout, "offline") and (checkout / "dbt_packages" / "elementary" / "new.md").exists()


def test_incomplete_directory_is_not_taken_for_installed(checkout: Path) -> None:
    deps.install(checkout, "offline")
    shutil.rmtree(checkout / "dbt_packages" / "elementary")
    assert deps.installed(checkout) is None
    deps.install(checkout, "offline")
    assert complete(checkout, "offline")


def test_unknown_route_in_the_environment(checkout: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "tools.deps"],
        cwd=deps.ROOT,
        env=os.environ | {"STRATA_PACKAGES_ROUTE": "cloud"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 2 and "STRATA_PACKAGES_ROUTE is 'cloud'" in result.stderr
