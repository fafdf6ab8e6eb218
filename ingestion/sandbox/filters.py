"""`$filter` of OData v2: a tokenizer, a recursive-descent parser, and predicates over entities.

Own code because the filter libraries for Python translate to a database's SQL, and there is no database here.
Grammar (OData v2 URI conventions, section 4.5): or, and, not, parentheses, comparisons of a property with a
literal, and the functions substringof, startswith, endswith, tolower and toupper. Arithmetic is not offered.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from ingestion.sandbox.store import Collection, Entity
from ingestion.sandbox.values import to_instant

MAX_LENGTH = 8_000  # characters; longer ones do not fit in a request line anyway
MAX_DEPTH = 50  # parentheses and nots inside each other

TOKEN = re.compile(
    r"""(?P<space>\s+)
      | (?P<typed>(?:datetimeoffset|datetime|time|guid)'(?:[^']|'')*')
      | (?P<string>'(?:[^']|'')*')
      | (?P<number>[+-]?(?:\d+\.\d+|\d+)(?:[eE][+-]?\d+)?[mMdDfFlL]?(?![\w.]))
      | (?P<word>[A-Za-z_][A-Za-z0-9_]*)
      | (?P<mark>[(),])""",
    re.VERBOSE,
)
TIME = re.compile(r"^PT(\d{1,2})H(\d{1,2})M(\d{1,2})S$")
COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
}
TEXT_TESTS: dict[str, Callable[[str, str], bool]] = {
    "startswith": str.startswith,
    "endswith": str.endswith,
    "substringof": lambda part, text: part in text,
}
TEXT_CHANGES: dict[str, Callable[[str], str]] = {"tolower": str.lower, "toupper": str.upper}
NUMBERS = {"Edm.Decimal", "Edm.Double", "Edm.Byte", "Edm.Int16", "Edm.Int32", "Edm.Int64"}
STAMPS = {"Edm.DateTime", "Edm.DateTimeOffset"}

Predicate = Callable[[Entity], bool]


class FilterError(ValueError):
    """The filter cannot be understood; says where and why."""


@dataclass(frozen=True)
class Token:
    """A piece of the filter and where it starts."""

    kind: str
    text: str
    position: int


@dataclass(frozen=True)
class Operand:
    """Something that has a value for an entity.

    Attributes:
        kind: `text`, `number`, `stamp`, `time`, `flag` or `null`.
    """

    kind: str
    value: Callable[[Entity], Any]


def parse_filter(text: str, collection: Collection) -> Predicate:
    """Turn a `$filter` into a predicate over the collection's entities.

    Raises:
        FilterError: with position and reason; never anything else, whatever the text.
    """
    if len(text) > MAX_LENGTH:
        raise FilterError(f"the filter is {len(text)} characters long, at most {MAX_LENGTH} are read")
    return _Parser(_tokens(text), collection).parse()


def _tokens(text: str) -> list[Token]:
    tokens, position = [], 0
    while position < len(text):
        match = TOKEN.match(text, position)
        if match is None:
            what = "a text literal that does not end" if text[position] == "'" else f"{text[position]!r}"
            raise FilterError(f"cannot read {what} at position {position}")
        if match.lastgroup != "space":
            tokens.append(Token(str(match.lastgroup), match.group(), position))
        position = match.end()
    return [*tokens, Token("end", "", len(text))]


class _Parser:
    def __init__(self, tokens: list[Token], collection: Collection) -> None:
        self._tokens = tokens
        self._next = 0
        self._depth = 0
        self._collection = collection

    def parse(self) -> Predicate:
        found = self._either()
        if self._peek().kind != "end":
            raise self._unexpected("'and', 'or' or the end")
        return found

    def _either(self) -> Predicate:
        parts = [self._both()]
        while self._take("word", "or"):
            parts.append(self._both())
        return parts[0] if len(parts) == 1 else lambda entity: any(part(entity) for part in parts)

    def _both(self) -> Predicate:
        parts = [self._negated()]
        while self._take("word", "and"):
            parts.append(self._negated())
        return parts[0] if len(parts) == 1 else lambda entity: all(part(entity) for part in parts)

    def _negated(self) -> Predicate:
        if not self._take("word", "not"):
            return self._primary()
        inner = self._deeper(self._negated)
        return lambda entity: not inner(entity)

    def _primary(self) -> Predicate:
        if self._take("mark", "("):
            inner = self._deeper(self._either)
            self._expect(")")
            return inner
        token = self._peek()
        if token.kind == "word" and token.text in TEXT_TESTS and self._peek(1).text == "(":
            return self._text_test()
        left = self._operand()
        word = self._peek()
        if word.kind != "word" or word.text not in COMPARISONS:
            raise self._unexpected(f"one of {', '.join(COMPARISONS)}")
        self._next += 1
        return _compare(left, word, self._operand())

    def _text_test(self) -> Predicate:
        """A test function, alone or compared with true or false as SAP clients write it."""
        name = self._advance()
        self._expect("(")
        first = self._text_operand()
        self._expect(",")
        second = self._text_operand()
        self._expect(")")
        test, expected = TEXT_TESTS[name.text], True
        if self._peek().text in ("eq", "ne"):
            is_equal = self._advance().text == "eq"
            literal = self._advance()
            if literal.text not in ("true", "false"):
                raise FilterError(f"{name.text}(...) at position {name.position} compares with true or false only")
            expected = (literal.text == "true") == is_equal
        return lambda entity: test(first.value(entity) or "", second.value(entity) or "") == expected

    def _text_operand(self) -> Operand:
        position = self._peek().position
        operand = self._operand()
        if operand.kind != "text":
            raise FilterError(f"a text is due at position {position}")
        return operand

    def _operand(self) -> Operand:
        token = self._advance()
        if token.kind == "word":
            if token.text in TEXT_CHANGES and self._peek().text == "(":
                return self._deeper(lambda: self._text_change(token))
            return self._named(token)
        if token.kind == "string":
            return _constant("text", token.text[1:-1].replace("''", "'"))
        if token.kind == "number":
            return _constant("number", Decimal(token.text.rstrip("mMdDfFlL")))
        if token.kind == "typed":
            return _typed(token)
        self._next -= 1
        raise self._unexpected("a property or a value")

    def _text_change(self, token: Token) -> Operand:
        self._expect("(")
        inner = self._text_operand()
        self._expect(")")
        change = TEXT_CHANGES[token.text]
        return Operand("text", lambda entity: change(inner.value(entity) or ""))

    def _named(self, token: Token) -> Operand:
        if token.text in ("true", "false"):
            return _constant("flag", token.text == "true")
        if token.text == "null":
            return _constant("null", None)
        prop = self._collection.properties.get(token.text)
        if prop is None:
            raise FilterError(
                f"{self._collection.definition.name} has no property {token.text[:60]} (position {token.position})"
            )
        collection, name = self._collection, prop.name
        return Operand(_kind(prop.edm), lambda entity: collection.value(entity, name))

    def _deeper(self, parse: Callable[[], Any]) -> Any:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise FilterError(f"more than {MAX_DEPTH} levels inside each other")
        found = parse()
        self._depth -= 1
        return found

    def _peek(self, ahead: int = 0) -> Token:
        return self._tokens[min(self._next + ahead, len(self._tokens) - 1)]

    def _advance(self) -> Token:
        token = self._peek()
        self._next += 1
        return token

    def _take(self, kind: str, text: str) -> bool:
        token = self._peek()
        if (token.kind, token.text) != (kind, text):
            return False
        self._next += 1
        return True

    def _expect(self, mark: str) -> None:
        if not self._take("mark", mark):
            raise self._unexpected(f"{mark!r}")

    def _unexpected(self, wanted: str) -> FilterError:
        token = self._peek()
        found = repr(token.text[:40]) if token.text else "the end"
        return FilterError(f"{wanted} is due at position {token.position}, found {found}")


def _kind(edm: str) -> str:
    if edm in NUMBERS:
        return "number"
    if edm in STAMPS:
        return "stamp"
    return {"Edm.Boolean": "flag", "Edm.Time": "time"}.get(edm, "text")


def _constant(kind: str, value: Any) -> Operand:
    return Operand(kind, lambda entity: value)


def _typed(token: Token) -> Operand:
    name, _, rest = token.text.partition("'")
    text = rest[:-1]
    if name == "guid":
        return _constant("text", text)
    if name == "time":
        match = TIME.match(text)
        if match is None:
            raise FilterError(f"{text[:40]!r} at position {token.position} is not a time such as PT08H30M00S")
        return _constant("time", "".join(part.zfill(2) for part in match.groups()))
    moment = to_instant(text) if "T" in text else None
    if moment is None:
        raise FilterError(f"{text[:40]!r} at position {token.position} is not a {name} such as 2026-01-31T00:00:00")
    return _constant("stamp", moment)


def _compare(left: Operand, word: Token, right: Operand) -> Predicate:
    """A comparison; null equals null only, and is neither less nor greater than anything."""
    if left.kind != right.kind and "null" not in (left.kind, right.kind):
        raise FilterError(f"'{word.text}' at position {word.position} compares a {left.kind} with a {right.kind}")
    if left.kind == "flag" and word.text not in ("eq", "ne"):
        raise FilterError(f"flags are compared with eq and ne, not '{word.text}' (position {word.position})")
    test, ours, theirs = COMPARISONS[word.text], left.value, right.value
    if word.text in ("eq", "ne"):
        return lambda entity: test(ours(entity), theirs(entity))

    def ordered(entity: Entity) -> bool:
        one, other = ours(entity), theirs(entity)
        return one is not None and other is not None and test(one, other)

    return ordered
