"""Errors that tell a person what happened, to what, and what to do; and the exit codes of the CLI."""

from __future__ import annotations

EXIT_OK = 0
EXIT_NOT_LANDED = 1  # a source could not be read or written: nothing of this run was landed from it
EXIT_USAGE = 2  # wrong arguments, missing settings, broken contract files
EXIT_REJECTS = 3  # landed, but more records were rejected than max_reject_ratio allows
EXIT_LOCKED = 75  # another run holds the warehouse (EX_TEMPFAIL of sysexits.h)


class StrataError(Exception):
    """A failure with its subject and its remedy.

    Args:
        what: what happened, in one sentence.
        subject: the dataset, record, file or service it happened to.
        remedy: what the reader can do about it.
    """

    exit_code = EXIT_NOT_LANDED

    def __init__(self, what: str, *, subject: str, remedy: str) -> None:
        super().__init__(f"{subject}: {what} Remedy: {remedy}")
        self.what = what
        self.subject = subject
        self.remedy = remedy


class SourceError(StrataError):
    """A source system did not answer as it should."""


class DestinationError(StrataError):
    """The warehouse could not be opened or written."""


class ConfigError(StrataError):
    """A setting or a contract file is missing or wrong."""

    exit_code = EXIT_USAGE


class NotConfiguredError(ConfigError):
    """None of a source's settings is there: the source is not in use here."""


class LockedError(StrataError):
    """Another run holds the warehouse."""

    exit_code = EXIT_LOCKED
