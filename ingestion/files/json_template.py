"""JSON Lines that a program wrote: each line has the same keys in the same order and no nested value.

Then one regular expression, made from the keys of the first line, reads a whole block at once. It accepts less than
the JSON parser does and never something else; a block in which it does not match every line goes to the parser.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

SPACE = r"[ \t]*+"
VALUE = r'("[^"\\\x00-\x1f]*+"|-?+(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?+(?:[eE][+-]?+[0-9]++)?+|true|false|null)'
MAX_MISSES = 3  # blocks that do not match, before it is given up


class LineTemplate:
    """The form of the lines, learnt from one of them."""

    def __init__(self) -> None:
        self._names: tuple[str, ...] = ()
        self._pattern: re.Pattern[str] | None = None
        self._misses = 0

    @property
    def is_new(self) -> bool:
        """Whether no line has been seen yet."""
        return self._pattern is None and not self._misses

    def learn(self, names: Sequence[str]) -> None:
        """Take the keys of a record as those of all; called after a block that did not match."""
        self._misses += 1
        if tuple(names) == self._names or not names or self._misses > MAX_MISSES:
            return
        self._names = tuple(names)
        keys = (re.escape(json.dumps(name, ensure_ascii=False)) for name in names)
        fields = f"{SPACE},{SPACE}".join(f"{key}{SPACE}:{SPACE}{VALUE}" for key in keys)
        self._pattern = re.compile(rf"^{SPACE}\{{{SPACE}{fields}{SPACE}\}}[ \t\r]*+$", re.MULTILINE)

    def read(self, text: str, lines: int) -> pa.Table | None:
        """The columns of a block of lines, or None if one of its lines has another form."""
        if self._pattern is None or self._misses > MAX_MISSES:
            return None
        found = self._pattern.findall(text)
        if len(found) != lines:
            return None
        columns = zip(*found, strict=True) if len(self._names) > 1 else [found]
        self._misses = 0
        return pa.table({name: _values(tokens) for name, tokens in zip(self._names, columns, strict=True)})


def _values(tokens: Sequence[str]) -> pa.Array:
    """Tokens as values: texts without their quotes, null as null, everything else as spelled."""
    array = pa.array(tokens, pa.string())
    is_text = pc.starts_with(array, '"')
    texts = pc.sum(is_text).as_py() or 0
    if not texts:
        return _without_null(array)
    inner = pc.binary_slice(array.cast(pa.binary()), 1, -1).cast(pa.string())
    return inner if texts == len(array) else pc.if_else(is_text, inner, _without_null(array))


def _without_null(array: pa.Array) -> pa.Array:
    is_null = pc.equal(array, "null")
    return pc.if_else(is_null, pa.scalar(None, pa.string()), array) if pc.any(is_null).as_py() else array
