"""`make erase` on the emulator: dbt runs the real macro, and what it would build again is made here."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from snowflake.connector.errors import ProgrammingError
from test_retention_snowflake import dbt

from tools import erase, purge
from tools.erase_snowflake import Account
from tools.follow_up import pending
from tools.snowflake import account
from tools.snowflake.client import Emulator, running_emulator

pytestmark = pytest.mark.emulator

POLICIES_HERE = ("raw_crm.sign_ups", "raw_emerald.clients", "raw_ops.dead_letters")
NAMES = {
    "CL-1": 'Acme "50 %" (O\'Neill & Sons) \\ Co',
    "CL-12": "Acme twelve",
    "CL-2": "Held plc",
    "CL-3": "Unbuilt GmbH",
    "CL-4": 'Noted {0} "Ltd"',
}
Rows = Callable[..., list[tuple[Any, ...]]]


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with running_emulator() as running:
        yield running


@pytest.fixture(scope="module")
def rows(emulator: Emulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rows]:
    """A small company in two databases; asks the emulator."""
    seeded = dbt(folder(tmp_path_factory), emulator.port, "seed", "--select", "retention_policies", "legal_holds")
    assert seeded.startswith("exit 0"), seeded
    with emulator.connect(database="RAW", seconds=60) as connection:
        cursor = connection.cursor()

        def ask(sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
            return cursor.execute(sql, parameters or None).fetchall()

        ask("delete from ANALYTICS.CI_SEEDS.RETENTION_POLICIES where dataset_name not in (%s, %s, %s)", *POLICIES_HERE)
        ask(
            "insert into ANALYTICS.CI_SEEDS.LEGAL_HOLDS (hold_id, dataset_name, subject_kind, subject_id,"
            " held_from_date, held_to_date, reason) values ('H1', '*', 'client', 'CL-2', '2020-01-01', null, 'suit 7'),"
            " ('H2', '*', 'client', 'CL-4', '2020-01-01', '2021-01-01', 'over')"
        )
        for schema in ("RAW.RAW_CRM", "RAW.RAW_EMERALD", "RAW.RAW_OPS", "RAW.RAW_NOTES", "ANALYTICS.CI_MARTS"):
            ask(f"create schema {schema}")
        ask(
            "create table RAW.RAW_EMERALD.CLIENTS (client_id varchar, legal_name varchar, contact_email varchar,"
            " status varchar, modified_at timestamp_ntz, _dlt_load_id varchar)"
        )
        ask(
            "create table RAW.RAW_CRM.SIGN_UPS (sign_up_id number, client_id varchar, signed_up_at timestamp_ntz,"
            " _dlt_load_id varchar)"
        )
        ask(
            "create table RAW.RAW_OPS.DEAD_LETTERS (dead_letter_id varchar, payload varchar, record_key varchar,"
            " detail varchar, landed_at timestamp_tz, _dlt_load_id varchar)"
        )
        ask('create table RAW.RAW_NOTES.NOTES (id number, "a %{0} document" variant)')
        for number, (client, name) in enumerate(NAMES.items()):
            ask(
                "insert into RAW.RAW_EMERALD.CLIENTS values (%s, %s, %s, 'active', '2026-01-01', '1')",
                client, name, f"{client}@mail.example",
            )  # fmt: skip
            ask("insert into RAW.RAW_CRM.SIGN_UPS values (%s, %s, '2026-01-01', '1')", number, client)
            letter = json.dumps({"about": client})
            ask("insert into RAW.RAW_OPS.DEAD_LETTERS values (%s, %s, null, null, '2026-01-01', '1')", client, letter)
        ask("insert into RAW.RAW_NOTES.NOTES select 1, parse_json(%s)", json.dumps({"note": f"of {NAMES['CL-4']}"}))
        build(ask)
        yield ask


@pytest.fixture(scope="module")
def module_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return folder(tmp_path_factory)


def folder(factory: pytest.TempPathFactory) -> Path:
    """dbt's target directory, one for the module: the project is parsed once."""
    path = factory.getbasetemp() / "dbt"
    path.mkdir(exist_ok=True)
    return path


def build(ask: Rows) -> None:
    """What a full refresh makes of the clients that are left."""
    ask(
        "create or replace table ANALYTICS.CI_MARTS.DIM_CLIENT as"
        " select client_id, legal_name as name, length(client_id) as long from RAW.RAW_EMERALD.CLIENTS"
    )
    ask("create or replace view ANALYTICS.CI_MARTS.V_CLIENT as select name as shown from ANALYTICS.CI_MARTS.DIM_CLIENT")


@pytest.fixture
def erased(
    rows: Rows, emulator: Emulator, module_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[int, dict[str, Any], list[tuple[str, ...]]]]:
    """Erases a client as `make erase` does: exit code, certificate, and what dbt was asked to do."""
    monkeypatch.setenv("STRATA_TARGET", "snowflake_emulator")
    monkeypatch.setenv("STRATA_EMULATOR_PORT", str(emulator.port))
    monkeypatch.setenv("STRATA_WAREHOUSE", str(tmp_path / "none.duckdb"))
    monkeypatch.setenv("DBT_ENV_SECRET_TOMBSTONE_KEY", "")
    settings = account.settings
    monkeypatch.setattr(account, "settings", lambda: (settings()[0], "RAW"))  # a var of the project
    monkeypatch.setenv("STRATA_ARCHIVE", str(tmp_path / "archive"))
    for tool in (erase, purge):
        monkeypatch.setattr(tool, "ROOT", tmp_path)
    monkeypatch.chdir(tmp_path)

    def run(client: str, build_fails: bool = False) -> tuple[int, dict[str, Any], list[tuple[str, ...]]]:
        asked = []

        def stand_in(*arguments: str) -> int:
            asked.append(arguments)
            if arguments[0] == "run-operation":
                done = dbt(module_folder, emulator.port, *arguments)
                assert done.startswith("exit 0"), done
            elif build_fails:
                return 1
            else:
                build(rows)
            return 0

        monkeypatch.setattr(erase, "run", stand_in)
        monkeypatch.setattr(sys, "argv", ["erase", "client", client, "--confirm"])
        code = erase.main()
        (path,) = (tmp_path / "reports").glob("erasure_*.json")
        return code, json.loads(path.read_text(encoding="utf-8")), asked

    return run


def counted(places: list[dict[str, Any]]) -> dict[str, int]:
    return {f"{place['table']}.{place['column']}": place["rows"] for place in places}


# Where each client of the company stands, with one row.
EVERYWHERE = dict.fromkeys(
    (
        "ANALYTICS.CI_MARTS.DIM_CLIENT.CLIENT_ID", "ANALYTICS.CI_MARTS.DIM_CLIENT.NAME",
        "RAW.RAW_CRM.SIGN_UPS.CLIENT_ID", "RAW.RAW_EMERALD.CLIENTS.CLIENT_ID",
        "RAW.RAW_EMERALD.CLIENTS.CONTACT_EMAIL", "RAW.RAW_EMERALD.CLIENTS.LEGAL_NAME",
        "RAW.RAW_OPS.DEAD_LETTERS.DEAD_LETTER_ID", "RAW.RAW_OPS.DEAD_LETTERS.PAYLOAD",
    ),
    1,
)  # fmt: skip


def test_an_erased_client_stands_nowhere(erased: Any, rows: Rows, tmp_path: Path) -> None:
    code, certificate, asked = erased("CL-1")
    assert code == 0
    assert counted(certificate["places_before"]) == EVERYWHERE
    assert certificate["places_after"] == certificate["places_not_searched"] == certificate["holds"] == []
    assert certificate["subject_sha256"] == hashlib.sha256(b"client|CL-1").hexdigest()
    assert {(a["dataset_name"], a["action"], a["rows_done"]) for a in certificate["actions"]} == {
        ("raw_crm.sign_ups", "delete", 1), ("raw_emerald.clients", "delete", 1), ("raw_ops.dead_letters", "delete", 1),
    }  # fmt: skip
    built = asked[1]
    assert built[:2] == ("run", "--full-refresh") and json.loads(built[3]) == {"reopen_closed_weeks": True}
    assert set(built[5:]) == {"source:crm.sign_ups+", "source:emerald.clients+", "source:ops.dead_letters+"}
    assert rows("select count(*) from ANALYTICS.CI_MARTS.DIM_CLIENT where client_id = 'CL-12'") == [(1,)]
    page = (tmp_path / "reports" / f"erasure_{certificate['run_id']}.md").read_text(encoding="utf-8")
    assert page.count("not on Snowflake: ") == 3
    assert "0 stay in the stage" in page and "in ANALYTICS, RAW, as role duckdb" in page and "Fail-safe" in page
    assert "CL-1" not in page + json.dumps(certificate) and "Neill" not in page + json.dumps(certificate)


def test_a_hold_explains_what_is_left(erased: Any) -> None:
    code, certificate, asked = erased("CL-2")
    assert [(hold["hold_id"], hold["reason"], hold["held_from_date"]) for hold in certificate["holds"]] == [
        ("H1", "suit 7", "2020-01-01")
    ]
    left = counted(certificate["places_after"])
    assert left["RAW.RAW_EMERALD.CLIENTS.LEGAL_NAME"] == left["ANALYTICS.CI_MARTS.DIM_CLIENT.NAME"] == 1
    assert code == 0


def test_a_failed_building_again_fails_the_erasure_and_is_done_by_the_next_purge(
    erased: Any, rows: Rows, emulator: Emulator, module_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, certificate, _ = erased("CL-3", build_fails=True)
    assert (code, certificate["rebuilt"]) == (1, "failed")
    assert counted(certificate["places_after"]) == {
        "ANALYTICS.CI_MARTS.DIM_CLIENT.CLIENT_ID": 1, "ANALYTICS.CI_MARTS.DIM_CLIENT.NAME": 1,
    }  # fmt: skip

    left = [(action.run_id, action.dataset) for action in pending()]
    assert left == [(certificate["run_id"], dataset) for dataset in POLICIES_HERE]
    asked = []

    def purge_really(*arguments: str) -> int:
        asked.append(arguments[0])
        if arguments[0] == "run-operation":
            return int(not dbt(module_folder, emulator.port, *arguments).startswith("exit 0"))
        build(rows)
        return 0

    monkeypatch.setattr(purge, "run", purge_really)
    monkeypatch.setattr(sys, "argv", ["purge", "--confirm"])
    assert purge.main() == 0
    assert asked == ["run-operation", "run"]
    assert pending() == []
    assert rows("select count(*) from ANALYTICS.CI_MARTS.DIM_CLIENT where client_id = 'CL-3'") == [(0,)]


def test_what_no_hold_of_today_explains_fails_the_erasure(erased: Any) -> None:
    code, certificate, _ = erased("CL-4")
    assert (code, certificate["rebuilt"], certificate["holds"]) == (1, "done", [])
    assert counted(certificate["places_after"]) == {"RAW.RAW_NOTES.NOTES.a %{0} document": 1}


def test_a_table_that_cannot_be_read_is_named(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    with emulator.connect(database="UNREAD", seconds=60) as connection:
        for statement in (
            "create schema A",
            "create table A.OPEN as select 'CL-9' as note",
            "create table A.SHUT as select 'CL-9' as note",
        ):
            connection.cursor().execute(statement)
        account = Account(connection, "UNREAD", "ci", "UNREAD")
        ask = account.rows

        def refuse(sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
            if '"SHUT"' in sql:
                raise ProgrammingError(msg=f"not authorized: {parameters}", errno=2003)
            return ask(sql, *parameters)

        monkeypatch.setattr(account, "rows", refuse)
        found = account.search(["CL-9"])
    assert [(place.table, place.rows) for place in found.places] == [("UNREAD.A.OPEN", 1)]
    assert (found.tables, found.unsearched) == (1, ["UNREAD.A.SHUT: error 2003"])
