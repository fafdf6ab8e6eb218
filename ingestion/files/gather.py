"""Small parts to batches of the wanted size: parsing is fastest on parts that fit the processor's cache."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pyarrow as pa

from ingestion.files.layout import RecordBatch

PART_BYTES = 4 << 20


def gather(parts: Iterable[RecordBatch], batch_bytes: int) -> Iterator[RecordBatch]:
    """Join parts until a batch holds about `batch_bytes` of text."""
    held: list[RecordBatch] = []
    size = 0
    for part in parts:
        held.append(part)
        size += part.raw.nbytes + sum(len(record.raw) for record in part.rejected)
        if size + PART_BYTES > batch_bytes:
            yield _joined(held)
            held, size = [], 0
    if held:
        yield _joined(held)


def _joined(parts: list[RecordBatch]) -> RecordBatch:
    if len(parts) == 1:
        return parts[0]
    cells = [part.cells for part in parts if part.cells is not None]
    return RecordBatch(
        table=pa.concat_tables([part.table for part in parts], promote_options="default"),
        lines=pa.concat_arrays([part.lines for part in parts]),
        hashes=pa.concat_arrays([part.hashes for part in parts]),
        raw=pa.concat_arrays([part.raw for part in parts]),
        rejected=[record for part in parts for record in part.rejected],
        cells=pa.concat_arrays(cells) if cells else None,
    )
