"""Notes below the data: sources, footnotes, remarks at the very end of a file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from ingestion.files.dialect import Header
from ingestion.files.lines import Lines
from ingestion.files.records import Verdict
from ingestion.files.scan import scan_record

NOTE = re.compile(
    r"\W*(source|sources|note|notes|footnote|remark|disclaimer|copyright|generated|exported|end of|end(?=\W*$)|quelle"
    r"|hinweis|anmerkung|erl\w+uterung|fuente|nota|notas|fonte|bron|toelichting|k\w+lla)\b|^\s*(\*|†|‡|©|\(?\d\)|\[\d\]|¹|²|³)",
    re.IGNORECASE,
)
MAX_CELLS = 2  # a note fills one cell, or a mark and a text
MAX_NOTE_LINES = 1000
MIN_WORDS = 4
MIN_TEXT = 20  # characters with blanks between that read as a sentence


def find_footer(text: bytes, lines: Lines, verdict: Verdict, header: Header) -> Iterator[tuple[int, str]]:
    """The notes at the end of a file, each with its first line and its text."""
    firsts = {int(line) for line in verdict.is_record.nonzero()[0][-MAX_NOTE_LINES:]}
    firsts |= set(sorted(verdict.recoded)[-MAX_NOTE_LINES:]) | set(sorted(verdict.faults)[-MAX_NOTE_LINES:])
    raw = {line: text[lines.starts[line] : lines.ends[verdict.last[line]]] for line in firsts}
    rows = ((line, _cells(raw[line], header), line in verdict.faults) for line in sorted(firsts, reverse=True))
    for line in notes_at_end(rows, header.width):
        yield line, raw[line].decode("utf-8", "replace")


def notes_at_end(rows: Iterable[tuple[int, list[str], bool]], width: int) -> list[int]:
    """Which of the last rows are notes: from the last row up to the topmost that reads as a note for certain.

    A row that is no record of the table and fills one or two cells is taken for a note only below such a row: on
    its own it may be a record that was cut off.

    Args:
        rows: number, cells, and whether the row is no record of the table; the last row first.
        width: columns of the table.
    """
    possible: list[int] = []
    certain = 0
    for number, cells, is_fault in rows:
        is_certain = is_note(cells, width)
        if not is_certain and not (is_fault and _is_sparse(cells, width)):
            break
        possible.append(number)
        certain = len(possible) if is_certain else certain
    return possible[:certain]


def is_note(cells: list[str], width: int) -> bool:
    """Whether a row reads as a note rather than as a record of a table with `width` columns."""
    filled = [cell.strip() for cell in cells if cell.strip()]
    if not _is_sparse(cells, width) or not any(cell.strip() for cell in cells[:MAX_CELLS]):
        return False
    if NOTE.match(filled[0]):
        return True
    longest = max(filled, key=len)
    is_sentence = len(longest) >= MIN_TEXT and len(longest.split()) >= MIN_WORDS
    return is_sentence and (len(filled) == 1 or filled[0].endswith(":"))


def _is_sparse(cells: list[str], width: int) -> bool:
    filled = sum(1 for cell in cells if cell.strip())
    return width >= 3 and 0 < filled <= MAX_CELLS and 2 * filled <= width


def _cells(raw: bytes, header: Header) -> list[str]:
    scanned = scan_record(raw, 0, len(raw), header.dialect, 0)
    fields = raw.split(header.dialect.delimiter) if scanned.fault else scanned.fields
    return [field.decode("utf-8", "replace") for field in fields]
