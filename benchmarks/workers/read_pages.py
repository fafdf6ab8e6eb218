"""The source's pages alone, over the same protocol: `read_pages`, with the SAP source's settings in the environment.

Prints JSON: seconds, entities. The client, its page size and the requests are the landing's own; each page is parsed
as JSON, taken apart into records and dropped. No contract check, no hashing, no normalising, no DuckDB. What this takes
is the share of source, wire and client.
"""

from __future__ import annotations

import json
import time
from typing import Any

from ingestion.contract import load_contracts
from ingestion.landing import Landing
from ingestion.sources.sap import SapReader


class PagesOnly(Landing):
    """A landing that counts what it is given and lets it go."""

    def __init__(self) -> None:
        super().__init__(load_contracts("sap"), run_id="bench")
        self.entities = 0

    def batch(self, name: str, delivered: Any, *, with_siblings: bool = False) -> Any:
        """Count, keep nothing."""
        self.entities += sum(1 for _ in delivered)
        return iter(())

    def finish(self, name: str, cursor_from: str | None = None, cursor_to: str | None = None) -> Any:
        """No counts to land."""
        return iter(())

    def mark_vanished(self, name: str, ref: str) -> Any:
        """Nothing is held, so nothing has vanished."""
        return iter(())


def main() -> None:
    """Read all that a first load reads and print what it took."""
    landing, reader = PagesOnly(), SapReader.from_config()
    started = time.perf_counter()
    reader.refused_fields(landing.contracts)
    for resource in reader.resources(landing):
        for _ in resource:
            pass
    print(json.dumps({"seconds": time.perf_counter() - started, "entities": landing.entities}))


if __name__ == "__main__":
    main()
