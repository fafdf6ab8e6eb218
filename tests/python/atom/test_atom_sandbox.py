"""The sandbox's PostgreSQL: starts anywhere, stops with its owner, says what is wrong."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psycopg2
import pytest

from ingestion.contract import load_contracts
from ingestion.sandbox import postgres
from ingestion.sandbox.atom import AtomDatabase
from ingestion.sandbox.errors import SandboxError
from ingestion.sandbox.postgres import CLUSTER, PostgresServer

ROOT = Path(__file__).resolve().parents[3]
OWNER = """
import time
from ingestion.sandbox.atom import AtomDatabase
database = AtomDatabase()
database.start()
print(database.server.directory, flush=True)
time.sleep(60)
"""


@pytest.fixture
def place():
    """A directory that the server's user can reach, which pytest's own is not when root runs it."""
    with tempfile.TemporaryDirectory(prefix="strata-") as directory:
        Path(directory).chmod(0o755)
        yield Path(directory)


@pytest.fixture
def company(tmp_path):
    """A company directory with one customer, one row that breaks its contract, and nothing else."""
    directory = tmp_path / "company" / "atom"
    directory.mkdir(parents=True)
    for name, dataset in load_contracts("atom").items():
        (directory / f"{name}.csv").write_text(
            ",".join(f.source_field for f in dataset.fields) + "\n", encoding="utf-8"
        )
    with (directory / "customers.csv").open("a", encoding="utf-8") as file:
        file.write('1,,"A ""quoted"", name",,T1,enterprise,GB,GBP,2025-01-01T00:00:00Z,2025-01-02T00:00:00Z\n')
        file.write("2,C2,Name,,T1,,gb,GBP,2025-01-01T00:00:00Z,2025-01-02T00:00:00Z\n")
    return directory.parent


def query(uri, statement):
    with contextlib.closing(psycopg2.connect(uri)) as connection, connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall()


def is_alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_a_company_is_loaded_and_the_schema_is_as_the_contracts_say(company):
    with AtomDatabase(company) as atom:
        names = "select customer_name, client_id from atom.customers order by customer_id"
        assert query(atom.credentials, names) == [('A "quoted", name', None), ("Name", "C2")]
        found = query(
            atom.credentials,
            "select conrelid::regclass::text, pg_get_constraintdef(oid) from pg_constraint where contype = 'p'"
            " and connamespace = 'atom'::regnamespace",
        )
        assert dict(found) == {
            f"atom.{name}": f"PRIMARY KEY ({', '.join(dataset.keys)})"
            for name, dataset in load_contracts("atom").items()
        }
        indexes = query(atom.credentials, "select count(*) from pg_indexes where indexdef like '%(updated_at)'")
        assert indexes == [(5,)]


@pytest.mark.skipif(not Path("/proc").exists(), reason="looks for processes in /proc")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_server_ends_with_its_owner(how):
    owner = subprocess.Popen([sys.executable, "-c", OWNER], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    directory = Path(owner.stdout.readline().strip())
    pid = int((directory / CLUSTER / "postmaster.pid").read_text(encoding="utf-8").splitlines()[0])
    assert is_alive(pid)
    owner.send_signal(how)
    owner.wait(timeout=10)
    owner.stdout.close()
    deadline = time.monotonic() + 20
    while (is_alive(pid) or directory.exists()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_alive(pid)
    assert not directory.exists()


def test_a_kept_directory_is_used_again_by_one_server_at_a_time(place, company, monkeypatch):
    with AtomDatabase(company, place / "data") as atom:
        with contextlib.closing(atom.connect()) as connection, connection.cursor() as cursor:
            cursor.execute("delete from atom.customers where customer_id = 2")
        monkeypatch.setattr(postgres, "LOCK_SECONDS", 0.2)
        with pytest.raises(SandboxError, match="another server runs in it"):
            PostgresServer(place / "data").start()
        assert query(atom.credentials, "select count(*) from atom.customers") == [(1,)]
    with AtomDatabase(company, place / "data") as again:
        assert query(again.credentials, "select count(*) from atom.customers") == [(1,)]


def test_servers_run_side_by_side(atom_database):
    started = time.monotonic()
    with PostgresServer() as other:
        assert time.monotonic() - started < 20
        assert query(other.uri(), "select 1") == [(1,)]
        assert other.directory != atom_database.server.directory
        assert other.directory.stat().st_mode & 0o077 == 0
    assert not other.directory.exists()


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda path: path.unlink(), "cannot be read: No such file"),
        (lambda path: path.write_text("order_id,nonsense\n1,2\n", encoding="utf-8"), 'column "nonsense"'),
        (lambda path: path.open("a").write("x" * 5 + "," * 12 + "\n"), "invalid input syntax"),
    ],
)
def test_a_file_that_does_not_fit_is_named(company, spoil, says):
    spoil(company / "atom" / "orders.csv")
    with pytest.raises(SandboxError, match="orders.csv") as raised, AtomDatabase(company):
        pass
    assert says in str(raised.value)


def test_a_server_that_cannot_start_says_why(place, monkeypatch):
    monkeypatch.setitem(postgres.SETTINGS, "shared_buffers", "nonsense")
    server = PostgresServer(place / "data")
    with pytest.raises(SandboxError, match='invalid value for parameter "shared_buffers"'):
        server.start()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root cannot run PostgreSQL as itself")
def test_a_directory_that_the_servers_user_cannot_reach_is_refused(place):
    (place / "closed").mkdir(mode=0o700)
    with pytest.raises(SandboxError, match="cannot reach it"):
        PostgresServer(place / "closed" / "data").start()
