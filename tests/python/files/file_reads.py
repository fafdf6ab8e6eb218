"""What the tests of the file readers share."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from ingestion.files import FileLayout, FileReader, RecordBatch, read_file, unescape_raw

ROOT = Path(__file__).resolve().parents[3]
DATA = Path(os.environ.get("STRATA_SHARED_DATA", ROOT.parent / "shared" / "data"))
SEED = int(os.environ.get("STRATA_SEED", "1"))

needs_data = pytest.mark.skipif(not DATA.is_dir(), reason=f"no sample files at {DATA}; set STRATA_SHARED_DATA")
steady = settings(
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)


class Read:
    """All that a reader said of one file."""

    def __init__(self, path: Path, layout: FileLayout, **options: int) -> None:
        self.reader: FileReader = read_file(path, layout, **options)
        self.batches: list[RecordBatch] = list(self.reader)
        self.count = self.reader.count
        self.rejected = [record for batch in self.batches for record in batch.rejected]
        self.rows = [row for batch in self.batches for row in batch.table.to_pylist()]
        self.lines = [line for batch in self.batches for line in batch.lines.to_pylist()]
        self.raw = [text for batch in self.batches for text in batch.raw.to_pylist()]
        self.hashes = [text for batch in self.batches for text in batch.hashes.to_pylist()]

    def values(self) -> list[list[str]]:
        """The rows as lists."""
        return [list(row.values()) for row in self.rows]

    def codes(self) -> dict[int, str]:
        """Reject codes by line."""
        return {record.line: record.code for record in self.rejected}

    def check(self, text: bytes | None = None) -> Read:
        """Nothing is lost and nothing is there twice; `text` is the file as UTF-8, without its mark."""
        count = self.count
        assert count.accounted == count.lines, count
        assert count.records == len(self.rows) + len(self.rejected) == count.good + count.rejected
        assert len(self.rows) == len(self.lines) == len(self.raw) == len(self.hashes)
        if text is not None:
            self._check_lines(physical_lines(text))
        return self

    def _check_lines(self, physical: list[bytes]) -> None:
        assert self.count.lines == len(physical)
        taken: set[int] = set()
        records = [(line, raw.encode()) for line, raw in zip(self.lines, self.raw, strict=True)]
        for record in self.rejected:
            raw = unescape_raw(record.raw) if record.is_escaped else record.raw.encode()
            records.append((record.line, raw))
        for line, raw in records:
            own = physical_lines(raw) or [b""]
            assert physical[line - 1 : line - 1 + len(own)] == own, (line, raw)
            span = set(range(line, line + len(own)))
            assert not span & taken, f"line {line} is in two records"
            taken |= span
        assert len(taken) == self.count.record_lines


def physical_lines(text: bytes) -> list[bytes]:
    """Lines as an editor counts them; a last line without a line end counts, an empty one does not."""
    lines = re.split(rb"\r\n|\r|\n", text)
    return lines if lines[-1] else lines[:-1]
