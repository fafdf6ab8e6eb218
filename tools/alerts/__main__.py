"""`python -m tools.alerts`: gather incidents, write them down, tell who has to know.

Exit codes: 0 done, 1 a message did not arrive (the next run sends it), 2 a setting is wrong or there is no warehouse,
75 another run holds the warehouse.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from ingestion.errors import EXIT_OK, StrataError
from ingestion.lock import warehouse_lock
from ingestion.places import warehouse_path
from tools import elementary
from tools.alerts.book import Book
from tools.alerts.channels import Channel, NotDelivered, configured, setting
from tools.alerts.incidents import find
from tools.alerts.messages import messages
from tools.observed import observed
from tools.run import ROOT, default_warehouse

EXIT_NOT_DELIVERED = 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m tools.alerts", description=__doc__)
    parser.add_argument("--quiet", action="store_true", help="do not list what could not be looked at or used")
    later = "leave Elementary's own alerts, half a minute of CPU, to the next run without this"
    parser.add_argument("--without-elementary", action="store_true", help=later)
    options = parser.parse_args(arguments)
    os.chdir(ROOT)
    os.environ.setdefault("STRATA_WAREHOUSE", str(default_warehouse()))
    try:
        channels = configured()
        with warehouse_lock(warehouse_path()):
            failed = _tell_elementary(now=not options.without_elementary, quiet=options.quiet)
            return _run(channels, quiet=options.quiet, without_elementary=failed is False) or int(bool(failed))
    except StrataError as error:
        print(f"{error}", file=sys.stderr)
        return error.exit_code


def _tell_elementary(*, now: bool, quiet: bool) -> bool | None:
    """Elementary's own alerts by `edr monitor`, now or later; whether that failed, or None where it is not used."""
    reason = elementary.missing() if setting("WEBHOOK_URL") else "no webhook is set, its only way out"
    if reason:
        if not quiet:
            print(f"edr monitor: not used: {reason}")
        return None
    if not now:
        return False
    code = elementary.monitor(setting("WEBHOOK_URL"))
    print("edr monitor: done" if code == 0 else f"edr monitor: failed with exit code {code}; its log is in target/edr")
    return code != 0


def _run(channels: Sequence[Channel], *, quiet: bool, without_elementary: bool) -> int:
    now = datetime.now(UTC)
    with observed(read_only=False) as warehouse:
        finding = find(warehouse, now.date(), without_elementary=without_elementary)
        book = Book(warehouse.connection, now)
        opened, closed = book.write_down(finding, list(warehouse.graph.nodes))
        for text in finding.skipped.values():
            if not quiet:
                print(text)
        still = len(book.open_incidents())
        print(f"incidents: {opened} new, {closed} closed, {still} open")
        if not channels:
            print("no channel is set, so nobody was told: docs/alerts.md lists the settings")
        return max([_deliver(book, channel) for channel in channels], default=EXIT_OK)


def _deliver(book: Book, channel: Channel) -> int:
    """Send what a channel has still to be told; after a failure the rest waits for the next run."""
    waiting = messages(book.pending(channel.name), one_each=channel.one_each)
    for number, message in enumerate(waiting):
        book.begun(channel.name, message.events)
        try:
            channel.send(message)
        except NotDelivered as error:
            if error.is_certain:
                book.ended(channel.name, message.events, str(error), datetime.now(UTC))
            left = len(waiting) - number
            print(f"{error}. {left} message(s) wait for the next run.", file=sys.stderr)
            return EXIT_NOT_DELIVERED
        book.ended(channel.name, message.events, None, datetime.now(UTC))
    print(f"{channel.name}: {len(waiting)} message(s)")
    return EXIT_OK


if __name__ == "__main__":
    sys.exit(main())
