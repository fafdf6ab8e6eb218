"""Physical lines of a block of UTF-8 text: LF, CRLF, CR or a mixture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

LF, CR = 10, 13
Positions = NDArray[np.int64]


@dataclass(frozen=True)
class Lines:
    """The lines of a block.

    Args:
        array: the block.
        bounds: where each line starts, and as last element where the text after the last line starts.
        ends: where each line ends, its line end left out.
        is_bare_cr: which lines end in a lone CR, when the block has other line ends too; else None.
    """

    array: NDArray[np.uint8]
    bounds: Positions
    ends: Positions
    is_bare_cr: NDArray[np.bool_] | None = None

    def __len__(self) -> int:
        return len(self.ends)

    @property
    def starts(self) -> Positions:
        """Where each line starts."""
        return self.bounds[:-1]

    @property
    def consumed(self) -> int:
        """Bytes of the block that belong to complete lines."""
        return int(self.bounds[-1])


def find_lines(block: bytes, *, at_end: bool) -> Lines:
    """The complete lines of a block; at the end of a file a last line without a line end is complete."""
    array = np.frombuffer(block, np.uint8)
    bare = None
    if b"\r" in block:
        stops, ends, bare = _stops_with_cr(array, at_end=at_end)
    else:
        ends = np.flatnonzero(array == LF)
        stops = ends + 1
    consumed = int(stops[-1]) if len(stops) else 0
    if at_end and consumed < len(block):
        stops, ends = np.append(stops, len(block)), np.append(ends, len(block))
        bare = None if bare is None else np.append(bare, False)
    return Lines(array, np.concatenate(([0], stops)), ends, bare)


def _stops_with_cr(array: NDArray[np.uint8], *, at_end: bool) -> tuple[Positions, Positions, NDArray[np.bool_] | None]:
    stops = np.flatnonzero((array == LF) | (array == CR))
    is_cr = array[stops] == CR
    following = array[np.minimum(stops + 1, len(array) - 1)]
    is_last = stops == len(array) - 1
    before_lf = is_cr & (following == LF) & ~is_last
    if not at_end and len(stops) and is_last[-1] and is_cr[-1]:
        before_lf[-1] = True  # the LF may be the first byte of the next block
    kept = ~before_lf
    ends = stops[kept]
    is_bare = is_cr[kept]
    after_cr = np.concatenate(([False], before_lf[:-1]))[kept]
    mixed = bool(is_bare.any() and not is_bare.all())
    return ends + 1, ends - after_cr, is_bare if mixed else None


def drop(array: NDArray[np.uint8], starts: Positions, stops: Positions) -> NDArray[np.uint8]:
    """The bytes of a block without the given ranges (sorted, none overlaps another)."""
    keep = np.ones(len(array), np.bool_)
    lengths = stops - starts
    some = lengths > 0
    starts, stops, lengths = starts[some], stops[some], lengths[some]
    short = lengths <= 4
    for offset in range(4):
        keep[starts[short & (lengths > offset)] + offset] = False
    for start, stop in zip(starts[~short].tolist(), stops[~short].tolist(), strict=True):
        keep[start:stop] = False
    return array[keep]


def line_texts(array: NDArray[np.uint8], starts: Positions, ends: Positions) -> pa.Array:
    """The given ranges of a block as an array of text."""
    if not len(starts):
        return pa.array([], pa.string())
    stops = np.concatenate([starts[1:], [len(array)]])
    values = drop(array, np.concatenate([[0], ends]), np.concatenate([[starts[0]], stops]))
    offsets = np.zeros(len(starts) + 1, np.int32)
    np.cumsum(ends - starts, out=offsets[1:])
    return pa.StringArray.from_buffers(len(starts), pa.py_buffer(offsets), pa.py_buffer(values))
