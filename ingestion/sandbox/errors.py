"""Failures of the sandbox itself, each with its subject and its remedy."""

from __future__ import annotations


class SandboxError(Exception):
    """The sandbox cannot serve what it was asked to serve.

    Args:
        what: what is wrong, in one sentence.
        subject: the directory, file, table or record it concerns.
        remedy: what the reader can do about it.
    """

    def __init__(self, what: str, *, subject: str, remedy: str) -> None:
        super().__init__(f"{subject}: {what} Remedy: {remedy}")
        self.what = what
        self.subject = subject
        self.remedy = remedy
