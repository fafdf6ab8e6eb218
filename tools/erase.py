"""`make erase`: takes a client or an employee out of the warehouse and proves it with a certificate.

Erases by the macro erase_subject, builds again what was made of the erased rows, compacts the file, and then looks for
the subject's identifiers in every column of every table and in the bytes of the file. Exit code 1 when something is
left that neither a hold nor a stated exception explains. On Snowflake tables are searched and built again alike; the
certificate says what is not done there. docs/retention.md says the rest.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from ingestion.errors import DestinationError, StrataError
from ingestion.lock import warehouse_lock
from tools.archives import ArchiveError, Removed, archive_folder, erase_from_archives
from tools.follow_up import note, pending
from tools.observed import builds_in_snowflake
from tools.publish.copies import shelves
from tools.publish.renewal import Outcome, follow
from tools.purge import build_again, compact, run
from tools.run import ROOT, default_warehouse, warehouse
from tools.subject_search import in_bytes, in_copies, in_reports, places

EXIT_LEFT = 1
SHORTEST = 5  # a shorter name than this is found everywhere
# Master records that say what a subject is called: kind -> table, id column, columns with names.
MASTERS = {
    "client": ("raw_emerald.clients", "client_id", ["legal_name", "contact_email"]),
    "employee": ("raw_workday.workers", "employee_id", ["worker_name"]),
}
ACTIONS = """
    select dataset_name, action, rows_due, rows_held, rows_done, done_by, done_at::varchar as done_at
    from ops.retention_actions where run_id = ? order by done_at, dataset_name
"""
NEWEST_RUN = "select arg_max(run_id, as_of) from ops.tombstones where dataset_name = ?"


def main() -> int:
    """Run the steps; returns 0, or 1 when something is left or a step failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=sorted(MASTERS))
    parser.add_argument("id", help="the client's or employee's identifier")
    parser.add_argument("--confirm", action="store_true", help="erase; without it only what would go is printed")
    arguments = parser.parse_args()
    os.chdir(ROOT)
    os.environ.setdefault("STRATA_WAREHOUSE", str(default_warehouse()))
    # dbt masks in its logs what stands in variables of such names.
    os.environ["DBT_ENV_SECRET_TOMBSTONE_KEY"] = os.environ.get("STRATA_TOMBSTONE_KEY", "")
    if not arguments.confirm:
        return run("run-operation", "erase_subject", "--args", json.dumps({"kind": arguments.kind, "id": arguments.id}))
    try:
        if builds_in_snowflake():
            return erase_on_snowflake(arguments.kind, arguments.id)
        with warehouse_lock(warehouse()):
            os.environ["STRATA_LOCK_HELD"] = str(warehouse().resolve())
            return erase(arguments.kind, arguments.id)
    except StrataError as error:
        print(f"{error}", file=sys.stderr)
        return error.exit_code


def erase(kind: str, subject: str) -> int:
    """Erase, rebuild, compact, see to the copies, look again, and write the certificate."""
    with duckdb.connect(str(warehouse()), read_only=True) as connection:
        names = names_of(connection, kind, subject)
        before = places(connection, names)
    if run_erasure(kind, subject):
        return EXIT_LEFT
    with duckdb.connect(str(warehouse()), read_only=True) as connection:
        (run_id,) = connection.execute(NEWEST_RUN, [kind]).fetchall()[0]
    erased = pending()
    failed = build_again(erased, run)
    compact(warehouse())
    if not failed:
        note(erased)
    copies = follow(warehouse(), rebuilt=not failed)
    with duckdb.connect(str(warehouse()), read_only=True) as connection:
        after = places(connection, names)
        holds = holds_on(connection, kind, subject)
        archives, archives_failed = [], ""
        if not holds:  # what is held may lie in an archive by now
            try:
                archives = erase_from_archives(archive_folder(warehouse()), names, run_id)
            except ArchiveError as error:
                archives_failed = str(error)
                print(error, file=sys.stderr)
        certificate = {
            "kind": kind,
            "subject_sha256": subject_digest(kind, subject),
            "run_id": run_id,
            "written_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "actions": _rows(connection, ACTIONS, [run_id]),
            "holds": holds,
            "archives": _archives_told(archives, archives_failed, is_held=bool(holds)),
            "places_before": [asdict(place) for place in before],
            "places_after": [asdict(place) for place in after],
            "names_in_the_file": sum(1 for name in names if in_bytes(warehouse(), name)),
            "rebuilt": "failed" if failed else "done",
            "copies": _copies_told(copies, names),
            "other_files": _files_told(names),
        }
    path = write_certificate(certificate)
    print(f"{len(before)} columns named the subject, {len(after)} do now; certificate: {path}")
    named = after or certificate["names_in_the_file"] or certificate["copies"]["naming_the_subject"]
    unexplained = bool(named) and not certificate["holds"]
    not_done = failed or archives_failed or any(copy.left for copy in copies) or certificate["copies"]["not_searched"]
    return EXIT_LEFT if unexplained or not_done else 0


def erase_on_snowflake(kind: str, subject: str) -> int:
    """Erase, rebuild, look again, and write the certificate; there is no lock, no file and no published copy."""
    from tools.erase_snowflake import account  # the connector takes a second to import, and DuckDB needs none of it

    with account() as there:
        names = there.names(subject, MASTERS[kind], SHORTEST)
        before, runs = there.search(names), there.erasures(kind)
    if run_erasure(kind, subject):
        return EXIT_LEFT
    with account() as there:
        run_id = next((run_id for run_id in there.erasures(kind) if run_id not in runs), None)
        if run_id is None:
            raise DestinationError(
                "the erasure left no tombstone of its own.", subject="ops.tombstones",
                remedy="does the tool read the databases of dbt's run (raw_database in dbt_project.yml)?",
            )  # fmt: skip
        actions = there.actions(run_id)
    erased = pending()
    failed = build_again(erased, run)
    if not failed:
        note(erased)
    with account() as there:
        after, holds = there.search(names), there.holds(kind, subject)
        kept = f"not on Snowflake: {there.archives()} stay in the stage as they are and may name the subject"
        no_file = (
            "not on Snowflake: it has no such file. Read were "
            f"{after.tables} tables in {', '.join(there.databases)}, as role {there.role()} sees them; nothing was "
            f"compacted: Time Travel keeps what was erased for up to {after.days} days, and Fail-safe for 7 days more"
        )
        certificate = {
            "kind": kind,
            "subject_sha256": subject_digest(kind, subject),
            "run_id": run_id,
            "written_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "actions": actions,
            "holds": holds,
            "archives": {"status": kept, "removed": []},
            "places_before": [asdict(place) for place in before.places],
            "places_after": [asdict(place) for place in after.places],
            "places_not_searched": after.unsearched,
            "names_in_the_file": no_file,
            "rebuilt": "failed" if failed else "done",
            "copies": {
                "status": "not on Snowflake: make publish copies DuckDB files; clones, shares, replicas are not read",
                "made_before": [],
                "naming_the_subject": [],
                "not_searched": [],
            },
            "other_files": _files_told(names),
        }
    path = write_certificate(certificate)
    print(f"{len(before.places)} columns named the subject, {len(after.places)} do now; certificate: {path}")
    for table in after.unsearched:
        print(f"not searched: {table}", file=sys.stderr)
    return EXIT_LEFT if (after.places and not holds) or after.unsearched or failed else 0


def run_erasure(kind: str, subject: str) -> int:
    """The macro erase_subject, for real; returns dbt's exit code."""
    given = {"kind": kind, "id": subject, "dry_run": False, "confirm": True}
    return run("run-operation", "erase_subject", "--args", json.dumps(given))


def subject_digest(kind: str, subject: str) -> str:
    """Who has the name can show that a certificate is about it; who has the certificate cannot tell the name."""
    return hashlib.sha256(f"{kind}|{subject}".encode()).hexdigest()


def _archives_told(removed: list[Removed], failed: str, *, is_held: bool) -> dict[str, Any]:
    """What the certificate says of the archives of earlier purges."""
    status = "left as they are, because of a hold" if is_held else f"failed: {failed}" if failed else "searched"
    return {"status": status, "removed": [asdict(each) for each in removed]}


def _copies_told(copies: list[Outcome], names: list[str]) -> dict[str, Any]:
    """What the certificate says of copies that publishing made: what became of them, and what they hold now."""
    found, unsearched = in_copies(shelves(warehouse()), names)
    return {"made_before": [asdict(copy) for copy in copies], "naming_the_subject": found, "not_searched": unsearched}


def _files_told(names: list[str]) -> dict[str, Any]:
    found, unsearched = in_reports(ROOT, names)
    return {"naming_the_subject": found, "not_searched": unsearched}


def names_of(connection: duckdb.DuckDBPyConnection, kind: str, subject: str) -> list[str]:
    """The identifier, and what the master record calls the subject."""
    table, key, columns = MASTERS[kind]
    names = [subject]
    for column in columns:
        rows = connection.execute(f"select distinct {column} from {table} where {key} = ?", [subject]).fetchall()
        names += [name for (name,) in rows if name and len(name) >= SHORTEST]
    return names


def holds_on(connection: duckdb.DuckDBPyConnection, kind: str, subject: str) -> list[dict[str, Any]]:
    """Holds in force that name the subject, or by a condition rows that may be its own."""
    found = connection.execute("select schema_name from duckdb_tables() where table_name = 'legal_holds'").fetchall()
    sql = """
        select hold_id, dataset_name, held_from_date::varchar as held_from_date, reason from {}.legal_holds
        where held_from_date <= current_date and coalesce(held_to_date > current_date, true)
            and subject_kind = ? and subject_id = ?
    """
    return [hold for (schema,) in found for hold in _rows(connection, sql.format(schema), [kind, subject])]


def write_certificate(certificate: dict[str, Any]) -> Path:
    """The certificate as JSON and as a page, in reports/."""
    folder = Path("reports")
    folder.mkdir(exist_ok=True)
    path = folder / f"erasure_{certificate['run_id']}.json"
    path.write_text(json.dumps(certificate, indent=2) + "\n", encoding="utf-8")
    path.with_suffix(".md").write_text(page(certificate), encoding="utf-8")
    return path


def page(certificate: dict[str, Any]) -> str:
    """The certificate as a person reads it."""
    lines = [
        f"# Erasure of a {certificate['kind']}",
        "",
        f"Run {certificate['run_id']}, written {certificate['written_at']}.",
        f"Subject (SHA-256): {certificate['subject_sha256']}.",
        "",
        "| dataset | what was done | rows | held |",
        "| --- | --- | ---: | ---: |",
        *(
            f"| {a['dataset_name']} | {a['action']} | {a['rows_done']} | {a['rows_held']} |"
            for a in certificate["actions"]
        ),
        "",
        "| column that named the subject | rows before | rows after |",
        "| --- | ---: | ---: |",
    ]
    after = {(place["table"], place["column"]): place["rows"] for place in certificate["places_after"]}
    before = {(place["table"], place["column"]): place["rows"] for place in certificate["places_before"]}
    for place in sorted(before | after):
        lines.append(f"| {'.'.join(place)} | {before.get(place, 0)} | {after.get(place, 0)} |")
    lines += [f"| NOT SEARCHED: {table} | | |" for table in certificate.get("places_not_searched", [])]
    held = ", ".join(f"{hold['hold_id']} ({hold['reason']})" for hold in certificate["holds"]) or "none"
    lines += [
        "",
        f"Holds: {held}. Names found in the bytes of the warehouse file: {certificate['names_in_the_file']}.",
        f"Archives of earlier purges: {certificate['archives']['status']}; rows removed: {_removed(certificate)}.",
        f"Building again what was made of the rows: {certificate['rebuilt']}.",
        "",
        *_files_page(certificate),
    ]
    return "\n".join(lines)


def _files_page(certificate: dict[str, Any]) -> list[str]:
    copies, others = certificate["copies"], certificate["other_files"]
    return [
        "## Copies that were published before",
        *([f"- {Outcome(**copy).text}" for copy in copies["made_before"]] or [f"- {copies.get('status', 'none')}"]),
        *(f"- NAMES THE SUBJECT: {where}" for where in copies["naming_the_subject"]),
        *(f"- not searched: {path}" for path in copies["not_searched"]),
        "",
        "## Other files that the project wrote and that name the subject",
        *([f"- {found['file']}: {found['remedy']}" for found in others["naming_the_subject"]] or ["- none"]),
        *(f"- not searched: {path}" for path in others["not_searched"]),
        "",
    ]


def _removed(certificate: dict[str, Any]) -> str:
    return ", ".join(f"{each['rows']} of {each['archive']}" for each in certificate["archives"]["removed"]) or "none"


def _rows(connection: duckdb.DuckDBPyConnection, sql: str, parameters: list[Any]) -> list[dict[str, Any]]:
    result = connection.execute(sql, parameters)
    names = [column[0] for column in result.description or []]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


if __name__ == "__main__":
    sys.exit(main())
