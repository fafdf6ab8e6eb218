"""The directory of published copies: one directory a version, and two links that say which is current and previous.

A version is made beside the others, renamed when it is whole, and becomes current by replacing a link: a reader finds
the old copy or the new one, whole. Who holds an old file open keeps it, whatever happens to its name. Who has only
read where the link leads has GRACE_SECONDS to open what is there.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

CURRENT, PREVIOUS = "current", "previous"
MAKING, LINKING = ".making-", ".link-"
VERSION = "%Y%m%dT%H%M%S%fZ"  # when making it began, in UTC
GRACE_SECONDS = 60.0


def place_of(path: Path) -> Path:
    """Where copies of a warehouse are kept if nobody says otherwise."""
    return (path.parent / "published" / path.stem).absolute()


def place_of_whole(path: Path) -> Path:
    """Where whole copies of a warehouse are kept if nobody says otherwise."""
    return (path.parent / "production" / path.stem).absolute()


class Shelf:
    """Published versions of one warehouse. Only who holds its lock may call anything but `current` and `older`."""

    def __init__(self, directory: Path, grace_seconds: float = GRACE_SECONDS) -> None:
        self.directory = directory
        self.grace_seconds = grace_seconds

    @property
    def current(self) -> Path | None:
        """Directory of the version that readers get."""
        return self._target(CURRENT)

    @contextmanager
    def making(self) -> Iterator[Path]:
        """An empty directory for a version, which becomes current when the block ends well and is gone otherwise."""
        self.directory.mkdir(parents=True, exist_ok=True)
        self._sweep()
        version = f"{datetime.now(UTC):{VERSION}}"
        made = self.directory / f"{MAKING}{version}"
        made.mkdir()
        try:
            yield made
        except BaseException:
            shutil.rmtree(made, ignore_errors=True)
            raise
        made.rename(self.directory / version)
        old = self.current
        if old is not None:
            os.utime(old)  # from now on it is being replaced
            self._link(PREVIOUS, old.name)
        self._link(CURRENT, version)
        self._sweep()

    def older(self, moment: datetime) -> list[Path]:
        """Versions, whole or half made, that were begun before the moment; oldest first."""
        begun = {path: _begun(path) for path in self.directory.iterdir() if path.is_dir() and not path.is_symlink()}
        return sorted((path for path, at in begun.items() if at and at < moment), key=lambda path: str(begun[path]))

    def remove_older(self, moment: datetime) -> None:
        """Remove them at once, links to them first; what cannot be removed is found by `older` still.

        Who holds a file of one open reads on; a link leads to a whole version or is gone.
        """
        due = self.older(moment)
        for link in (CURRENT, PREVIOUS):
            if self._target(link) in [path.resolve() for path in due]:
                (self.directory / link).unlink()
        for path in due:
            shutil.rmtree(path, ignore_errors=True)

    def _target(self, link: str) -> Path | None:
        path = self.directory / link
        return path.resolve() if path.is_symlink() and path.exists() else None

    def _link(self, name: str, version: str) -> None:
        part = self.directory / f"{LINKING}{name}"
        part.unlink(missing_ok=True)
        part.symlink_to(version, target_is_directory=True)
        os.replace(part, self.directory / name)  # noqa: PTH105

    def _sweep(self) -> None:
        """Remove what a killed run left half made, and versions that no link has named for a while."""
        kept = {self._target(CURRENT), self._target(PREVIOUS)}
        for path in self.directory.iterdir():
            if path.name.startswith(LINKING):
                path.unlink(missing_ok=True)
            elif path.is_symlink() or not path.is_dir() or path.resolve() in kept:
                continue
            elif path.name.startswith(MAKING) or time.time() - path.stat().st_mtime >= self.grace_seconds:
                shutil.rmtree(path, ignore_errors=True)


def _begun(version: Path) -> datetime | None:
    """When making a version began, by its name; None for what is no version."""
    try:
        return datetime.strptime(version.name.removeprefix(MAKING), VERSION).replace(tzinfo=UTC)
    except ValueError:
        return None
