"""Which lines of a block of CSV text are records: a vectorised verdict for nearly all, a careful look at the rest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ingestion.files.layout import COLUMN_COUNT, UNBALANCED_QUOTE
from ingestion.files.lines import CR, LF, Lines
from ingestion.files.scan import Dialect, Scanned, read_fields

MAX_RECORD_BYTES = 24 << 20  # an open quote is given up when its record grows beyond
MAX_SPARE_DELIMITERS = 8
Flags = NDArray[np.bool_]
Numbers = NDArray[np.int64]


@dataclass
class Verdict:
    """What each line of a block is.

    Args:
        last: for each line that starts a record, the line that ends it.
        is_record: lines that start a record which the CSV parser reads as it stands.
        is_blank: lines with nothing but delimiters and blanks.
        spare: delimiters at the end of a line that are one too many and hold nothing.
        recoded: records whose fields the careful look found, by first line.
        faults: lines that are no record, with code and detail.
        stop: lines before this one are decided; the others need more text.
    """

    last: Numbers
    is_record: Flags
    is_blank: Flags
    spare: Numbers
    stop: int
    recoded: dict[int, list[bytes]] = field(default_factory=dict)
    faults: dict[int, tuple[str, str]] = field(default_factory=dict)


class _Counts:
    """Delimiters, quotes and misplaced quotes up to the start of each line, for both meanings of the next quote.

    Whether a quote opens or closes depends on whether the number of quotes before it is even. After one unbalanced
    line that is turned round for the rest of the block; so all is counted twice, for phase 0 and phase 1, and a
    record is judged in the phase in which it starts.
    """

    def __init__(self, lines: Lines, dialect: Dialect) -> None:
        array, bounds = lines.array, lines.bounds
        is_quote = array == dialect.quote[0]
        quotes = np.flatnonzero(is_quote)
        delimiters = np.flatnonzero(array == dialect.delimiter[0])
        self.quotes = np.searchsorted(quotes, bounds)
        self.all_fields = np.diff(np.searchsorted(delimiters, bounds)) + 1
        at_start = (array[np.maximum(quotes - 1, 0)] == dialect.delimiter[0]) | np.isin(quotes, bounds)
        self.opening = np.diff(np.searchsorted(quotes[at_start], bounds))
        if not len(quotes):
            self.fields = (np.searchsorted(delimiters, bounds),) * 2
            self.misplaced = (np.zeros(len(bounds), np.int64),) * 2
            return
        inside = (np.cumsum(is_quote, dtype=np.uint8) & 1).view(np.bool_)[delimiters]
        self.fields = (
            np.searchsorted(delimiters[~inside], bounds),
            np.searchsorted(delimiters[inside], bounds),
        )
        opens, closes = _at_edges(array, quotes, dialect)
        even = (np.arange(len(quotes)) & 1) == 0
        self.misplaced = tuple(
            np.searchsorted(quotes[wrong], bounds)
            for wrong in (np.where(even, ~opens, ~closes), np.where(even, ~closes, ~opens))
        )

    def lines(self, which: tuple[Numbers, ...]) -> Numbers:
        """The count in each line, in the phase in which the line starts."""
        odd = (self.quotes[:-1] & 1) == 1
        return np.where(odd, np.diff(which[1]), np.diff(which[0]))

    def between(self, which: tuple[Numbers, ...], first: int, last: int) -> int:
        """The count from the start of one line to the end of another, in the phase of the first."""
        counts = which[int(self.quotes[first]) & 1]
        return int(counts[last + 1] - counts[first])


def _at_edges(array: NDArray[np.uint8], quotes: Numbers, dialect: Dialect) -> tuple[Flags, Flags]:
    """Which quotes may open a field (by what stands before them) and which may close one (by what follows)."""
    edge = np.zeros(256, np.bool_)
    edge[[dialect.delimiter[0], dialect.quote[0], LF, CR]] = True
    opens = edge[array[np.maximum(quotes - 1, 0)]] | (quotes == 0)
    closes = edge[array[np.minimum(quotes + 1, len(array) - 1)]] | (quotes == len(array) - 1)
    return opens, closes


def sound_records(lines: Lines, dialect: Dialect) -> tuple[Numbers, bool] | None:
    """The lines that start a record, if every quote of the block stands where it may: at the edge of a field.

    Then any CSV parser reads the block in the same way, and only the number of fields is left to check.
    The second value says whether the last record is still open.
    """
    quotes = np.flatnonzero(lines.array[: lines.consumed] == dialect.quote[0])
    opens, closes = _at_edges(lines.array, quotes, dialect)
    if not (opens[0::2].all() and closes[1::2].all()):
        return None
    return np.flatnonzero((np.searchsorted(quotes, lines.starts) & 1) == 0), len(quotes) % 2 == 1


def judge(block: bytes, lines: Lines, dialect: Dialect, width: int, *, at_end: bool) -> Verdict:
    """Decide which lines are records.

    A line without a quote at the start of a field has no quoted field: its quotes are characters (5" pipe).
    A line whose quotes do not balance is joined with the lines up to the closing quote only if that gives a
    well-formed record with the right number of fields; else this one line is a fault and reading goes on behind it.
    """
    counts = _Counts(lines, dialect)
    is_odd = (np.diff(counts.quotes) & 1) == 1
    is_sound = ~is_odd & (counts.lines(counts.misplaced) == 0)
    extra = counts.lines(counts.fields) - (width - 1)
    is_blank = find_blank(lines, dialect)
    spare = _spare_delimiters(lines, dialect, extra, is_sound & ~is_blank)
    is_literal = (counts.opening == 0) & (counts.all_fields == width) & (np.diff(counts.quotes) > 0)
    is_record = ((is_sound & (extra == spare)) | is_literal) & ~is_blank
    spare[is_literal] = 0
    verdict = Verdict(np.arange(len(lines)), is_record, is_blank, spare, len(lines))
    suspects = np.flatnonzero(~is_record & ~(is_blank & ~is_odd))
    if len(suspects):
        _Judge(block, lines, dialect, width, counts, is_odd, verdict, at_end).decide(suspects)
    return verdict


def find_blank(lines: Lines, dialect: Dialect) -> Flags:
    """Lines with nothing but delimiters and blanks."""
    starts, ends, array = lines.starts, lines.ends, lines.array
    is_blank = starts == ends
    filler = np.zeros(256, np.bool_)
    filler[[dialect.delimiter[0], ord(" "), ord("\t")]] = True
    if not len(array):
        return is_blank
    likely = ~is_blank & filler[array[np.minimum(starts, len(array) - 1)]] & filler[array[ends - 1]]
    for line in np.flatnonzero(likely).tolist():
        is_blank[line] = filler[array[starts[line] : ends[line]]].all()
    return is_blank


def _spare_delimiters(lines: Lines, dialect: Dialect, extra: Numbers, candidates: Flags) -> Numbers:
    spare = np.zeros(len(lines), np.int64)
    for count in range(1, MAX_SPARE_DELIMITERS + 1):
        rows = np.flatnonzero(candidates & (extra == count))
        for offset in range(1, count + 1):
            rows = rows[lines.array[lines.ends[rows] - offset] == dialect.delimiter[0]]
        spare[rows] = count
    return spare


@dataclass
class _Judge:
    block: bytes
    lines: Lines
    dialect: Dialect
    width: int
    counts: _Counts
    is_odd: Flags
    verdict: Verdict
    at_end: bool

    def decide(self, suspects: Numbers) -> None:
        """Go through the lines that are not plainly records, in order."""
        odd = np.flatnonzero(self.is_odd)
        partners = dict(zip(odd[:-1].tolist(), odd[1:].tolist(), strict=True))
        free = 0
        for line in suspects.tolist():
            if line < free:
                continue
            partner = partners.get(line)
            if partner is not None and self._is_joined(line, partner):
                self._take(line, partner, as_it_stands=True)
                free = partner + 1
                continue
            last = self._look(line)
            if last is None:
                self.verdict.stop = line
                return
            free = last + 1

    def _is_joined(self, first: int, last: int) -> bool:
        fields = self.counts.between(self.counts.fields, first, last)
        return fields == self.width - 1 and not self.counts.between(self.counts.misplaced, first, last)

    def _take(self, first: int, last: int, *, as_it_stands: bool) -> None:
        self.verdict.last[first] = last
        self.verdict.is_record[first] = as_it_stands
        self.verdict.is_record[first + 1 : last + 1] = False
        self.verdict.is_blank[first : last + 1] = False

    def _look(self, line: int) -> int | None:
        """Decide one line carefully; the last line of what was decided, or None if more text is needed."""
        start, stop = int(self.lines.starts[line]), len(self.block)
        may_grow = not self.at_end and stop - start < MAX_RECORD_BYTES
        known = self.lines.consumed if may_grow else stop + 1
        scanned = read_fields(self.block, start, stop, self.dialect, self.width, known=known)
        if may_grow and scanned.is_open:
            return None
        last = int(np.searchsorted(self.lines.ends, scanned.stop))
        if scanned.fault is None and last < len(self.lines):
            self._take(line, last, as_it_stands=False)
            self.verdict.recoded[line] = scanned.fields
            return last
        bare = self.lines.is_bare_cr
        if may_grow and bare is not None and bare[line:].all():
            return None
        for last, fields in self._over_bare_cr(line):
            if len(fields.fields) == self.width:
                self._take(line, last, as_it_stands=False)
                self.verdict.recoded[line] = fields.fields
                return last
        self._reject(line, scanned)
        return line

    def _over_bare_cr(self, line: int) -> Iterator[tuple[int, Scanned]]:
        """A lone CR in a file with other line ends may be part of a text: the record with the next lines."""
        bare = self.lines.is_bare_cr
        start, last = int(self.lines.starts[line]), line
        while bare is not None and bare[last] and last + 1 < len(self.lines):
            last += 1
            text = self.block[start : int(self.lines.ends[last])]
            fields = [part.rstrip(b"\n") for part in text.split(self.dialect.delimiter)]
            if self.dialect.quote in text or len(fields) > self.width:
                return
            yield last, Scanned(fields, 0)

    def _reject(self, line: int, scanned: Scanned) -> None:
        code, detail = scanned.fault or COLUMN_COUNT, scanned.detail
        if scanned.stop > int(self.lines.ends[line]) and code != UNBALANCED_QUOTE:
            code = UNBALANCED_QUOTE
            detail = f"a quote opens and does not close on this line; joined with the next lines: {detail}"
        self._take(line, line, as_it_stands=False)
        self.verdict.faults[line] = (code, detail)
