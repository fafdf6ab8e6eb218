"""What copies of a warehouse there are: `<warehouse>.copies.json`, in which each is written down before it is made.

A purge and an erasure read it afterwards (tools/publish/renewal.py).
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from ingestion.errors import ConfigError
from tools.publish.shelf import MAKING, Shelf, place_of, place_of_whole
from tools.report_files import write_together

MARTS, WITH_PERSONAL, WHOLE = "marts", "with_personal", "whole"


@dataclass(frozen=True)
class Copy:
    """One version on a shelf.

    Attributes:
        directory: the shelf.
        version: the version's directory below it.
        kind: `marts`, `with_personal` or `whole`.
        even_if_failed: whether it was asked for although the last build of a mart had failed.
        written_at: when publishing began, in UTC.
    """

    directory: str
    version: str
    kind: str
    even_if_failed: bool
    written_at: str


def copies_file(warehouse: Path) -> Path:
    """Where the copies of a warehouse are written down."""
    return warehouse.absolute().with_name(f"{warehouse.name}.copies.json")


def read_copies(warehouse: Path) -> list[Copy]:
    """What is written down; without copies whose directory is gone.

    Raises:
        ConfigError: the file is no such list.
    """
    path = copies_file(warehouse)
    try:
        written = json.loads(path.read_text(encoding="utf-8"))
        copies = [Copy(**copy) for copy in written["copies"]]
    except FileNotFoundError:
        return []
    except (ValueError, KeyError, TypeError) as error:
        remedy = "remove the file and the directories of copies outside the default ones, then publish anew."
        raise ConfigError("it is no list of copies.", subject=f"{path}", remedy=remedy) from error
    return [copy for copy in copies if _is_there(copy)]


def note_copy(warehouse: Path, version: Path, kind: str, even_if_failed: bool) -> None:
    """Write down a version that is about to be made; the caller holds the warehouse's lock.

    Args:
        warehouse: the warehouse that is copied.
        version: the directory in which the version is being made, as `Shelf.making` yields it.
        kind: `marts`, `with_personal` or `whole`.
        even_if_failed: whether a failed build is published too.
    """
    now = datetime.now(UTC).isoformat(timespec="seconds")
    copy = Copy(str(version.parent.absolute()), version.name.removeprefix(MAKING), kind, even_if_failed, now)
    write_copies(warehouse, [*read_copies(warehouse), copy])


def write_copies(warehouse: Path, copies: list[Copy]) -> None:
    """Put the file in place of the one before; the caller holds the warehouse's lock."""
    written = {"copies": [asdict(copy) for copy in copies if _is_there(copy)]}
    write_together({copies_file(warehouse): (json.dumps(written, indent=2) + "\n").encode()})


def shelves(warehouse: Path) -> list[Shelf]:
    """Every directory that holds copies: those written down, and the default ones, whoever wrote them."""
    known = {Path(copy.directory) for copy in read_copies(warehouse)}
    return [Shelf(path) for path in sorted(known | {place_of(warehouse), place_of_whole(warehouse)}) if path.is_dir()]


def copy_at(warehouse: Path, version: Path) -> Copy:
    """A version as it was written down; one of before there was a list, by the manifest in it."""
    for copy in read_copies(warehouse):
        if (copy.directory, copy.version) == (str(version.parent), version.name):
            return copy
    try:
        manifest = json.loads((version / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        manifest = {}
    kind = {"included": WITH_PERSONAL, "left out": MARTS}.get(manifest.get("personal_columns"))
    if kind is None:
        kind = WHOLE if version.parent == place_of_whole(warehouse) or "nodes" in manifest else MARTS
    return Copy(str(version.parent), version.name, kind, even_if_failed=False, written_at="")


def _is_there(copy: Copy) -> bool:
    shelf = Path(copy.directory)
    # In this order: a version that is done between the two is found under its second name.
    return (shelf / f"{MAKING}{copy.version}").is_dir() or (shelf / copy.version).is_dir()
