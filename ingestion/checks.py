"""The landing check: one delivered record against its contract, with reason codes.

pydantic does the checking; what is added here is the contract's types as the source systems write them
(OData's /Date(ms)/ stamps, empty strings for "no value") and the translation of its errors to reason codes.
A changed type is refused, never cast: a number where text is due, or text where a flag is due, is an error.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, StrictBool, StrictStr, ValidationError, create_model
from pydantic import Field as Rule

from ingestion.contract import Dataset, Field

ODATA_DATE = re.compile(r"^/Date\((-?\d{1,15})(?:([+-])(\d{4}))?\)/$")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MAX_TEXT = 1_000_000  # characters of one value; longer ones are a fault of the source, not data
MAX_DETAIL = 200
INT64 = (-(2**63), 2**63 - 1)
TRUE_TEXTS = frozenset({"true", "t", "yes", "y", "1"})
FALSE_TEXTS = frozenset({"false", "f", "no", "n", "0"})

REASON_OF_ERROR = {
    "missing": "REQUIRED_MISSING",
    "string_pattern_mismatch": "PATTERN_MISMATCH",
    "string_too_long": "TOO_LONG",
    "literal_error": "NOT_IN_ALLOWED_VALUES",
    "greater_than": "OUT_OF_RANGE",
    "greater_than_equal": "OUT_OF_RANGE",
    "less_than_equal": "OUT_OF_RANGE",
    "decimal_max_digits": "OUT_OF_RANGE",
    "decimal_max_places": "OUT_OF_RANGE",
    "decimal_whole_digits": "OUT_OF_RANGE",
    "finite_number": "OUT_OF_RANGE",
}


@dataclass(frozen=True)
class Reason:
    """Why a record was refused: `CODE:field` and what was found (never the value of a sensitive field)."""

    code: str
    field: str
    detail: str

    def __str__(self) -> str:
        return f"{self.code}:{self.field}"


@dataclass(frozen=True)
class Checked:
    """The outcome for one record: a typed row, or the reasons why there is none."""

    row: dict[str, Any] | None
    extras: dict[str, str | None]
    reasons: tuple[Reason, ...] = ()


class Checker:
    """Checks records of one dataset.

    Args:
        dataset: the contract.
        refused_fields: source fields whose declared type no longer fits the contract, with the type found;
            every record is refused for them.

    Of a dataset that comes as files all values are texts: numbers, flags and times are read from them in the way
    the contract says. Of other sources a value must come in its type.
    """

    def __init__(self, dataset: Dataset, refused_fields: dict[str, str] | None = None) -> None:
        self.dataset = dataset
        self._model = _model(dataset)
        self._known = dataset.by_source_field
        self._members = [(field.name, f"m{number}") for number, field in enumerate(dataset.fields)]
        self._keeps_empty = {field.source_field for field in dataset.fields if field.empty_is_value}
        self._columns = {field.source_field: field.name for field in dataset.fields}
        self._refused = tuple(
            Reason(
                "TYPE_MISMATCH",
                name,
                f"the source now declares {found}; the contract says {self._known[name].physical_type}",
            )
            for name, found in (refused_fields or {}).items()
        )

    def check(self, record: Any, canonical: str | None = None) -> Checked:
        """Check one record as delivered (a JSON object without navigation properties).

        Args:
            record: the record.
            canonical: its canonical JSON, where the caller has it: it tells at a glance that all is text.
        """
        if not isinstance(record, dict):
            return Checked(None, {}, (Reason("UNREADABLE_RECORD", "*", f"a {type(record).__name__}, not an object"),))
        if (canonical is None or _is_suspicious(canonical)) and (broken := _unreadable(record)):
            return Checked(None, {}, broken)
        try:
            given = {name: value for name, value in record.items() if value != "" or name in self._keeps_empty}
            model = self._model.model_validate(given)
        except ValidationError as error:
            return Checked(None, {}, self._refused + self._reasons(error))
        if self._refused:
            return Checked(None, {}, self._refused)
        values = model.__dict__
        row = {column: values[member] for column, member in self._members}
        extras = {name: _as_text(record[name]) for name in record.keys() - self._columns.keys()}
        return Checked(row, extras)

    def _reasons(self, error: ValidationError) -> tuple[Reason, ...]:
        return tuple(self._reason(item) for item in error.errors(include_url=False, include_context=False))

    def _reason(self, item: Any) -> Reason:
        name = str(item["loc"][0])
        field = self._known[name]
        code = REASON_OF_ERROR.get(item["type"], "TYPE_MISMATCH")
        if item["input"] is None or code == "REQUIRED_MISSING":
            code = "KEY_MISSING" if field.key_position else "REQUIRED_MISSING"
            return Reason(code, name, "no value")
        if field.is_sensitive:  # the message of a parser can hold the value too
            return Reason(code, name, "a sensitive value, not shown here")
        return Reason(code, name, f"{item['msg']}; found {repr(item['input'])[:MAX_DETAIL]}")


def _model(dataset: Dataset) -> type[BaseModel]:
    """A model with members m0, m1, ...: a source may name fields as pydantic does not allow, such as _id or copy."""
    members: dict[str, Any] = {}
    for number, field in enumerate(dataset.fields):
        kind = _type(field) if dataset.files is None else _type_in_text(field)
        rule = {} if field.required else {"default": None}
        members[f"m{number}"] = (kind if field.required else kind | None, Rule(alias=field.source_field, **rule))
    return create_model(dataset.name, __config__=ConfigDict(extra="ignore"), **members)


def _type(field: Field) -> Any:
    if field.allowed:
        return Literal[field.allowed]
    if field.logical_type == "string":
        return Annotated[StrictStr, Rule(pattern=field.pattern, max_length=field.max_length)]
    if field.logical_type == "boolean":
        return StrictBool
    if field.logical_type == "date":
        return Annotated[date, BeforeValidator(to_date)]
    if field.logical_type == "timestamp":
        return Annotated[datetime, BeforeValidator(to_timestamp)]
    bounds = {"ge": field.minimum, "le": field.maximum, "gt": field.exclusive_minimum}
    if field.logical_type == "integer":
        bounds = {"ge": INT64[0], "le": INT64[1]} | {name: bound for name, bound in bounds.items() if bound is not None}
        return Annotated[int, Rule(**bounds), BeforeValidator(_not_bool)]
    precision, scale = field.decimal
    return Annotated[Decimal, Rule(max_digits=precision, decimal_places=scale, **bounds), BeforeValidator(_not_bool)]


def _type_in_text(field: Field) -> Any:
    """The type of a field of a file: read from the text as the contract says, then held against the same rules."""
    if field.logical_type == "string":
        return _type(field)
    if field.logical_type == "boolean":
        return Annotated[bool, BeforeValidator(_flag_in_text)]
    if field.logical_type in ("integer", "number"):
        return Annotated[_type(field), BeforeValidator(_number_in_text(field))]
    if field.date_format is None:
        return _type(field)
    return Annotated[_type(field), BeforeValidator(_time_in_text(field, field.date_format))]


def _flag_in_text(value: Any) -> Any:
    text = str(value).strip().lower()
    if text not in TRUE_TEXTS | FALSE_TEXTS:
        raise ValueError("not a flag")
    return text in TRUE_TEXTS


def _number_in_text(field: Field) -> Callable[[Any], Any]:
    shape = re.compile(number_shape(field))

    def plain(value: Any) -> Any:
        if not isinstance(value, str):
            return value
        text = value.strip()
        if not shape.fullmatch(text):
            raise ValueError("not a number as this file writes them")
        text = text.replace(field.thousands_separator, "") if field.thousands_separator else text
        return text.replace(field.decimal_separator, ".")

    return plain


def number_shape(field: Field) -> str:
    """Regular expression of a number as a file writes it: thousands are separated where they should be or nowhere."""
    digits = "[0-9]*"
    if field.thousands_separator:
        digits = f"([0-9]*|[0-9]{{1,3}}({re.escape(field.thousands_separator)}[0-9]{{3}})+)"
    return f"[+-]?{digits}({re.escape(field.decimal_separator)}[0-9]*)?([eE][+-]?[0-9]{{1,2}})?"


def _time_in_text(field: Field, date_format: str) -> Callable[[Any], Any]:
    def parsed(value: Any) -> Any:
        if not isinstance(value, str):
            return value
        found = datetime.strptime(value.strip(), date_format).replace(tzinfo=UTC)
        return found.date().isoformat() if field.logical_type == "date" else found.isoformat()

    return parsed


def _not_bool(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("a flag where a number is due")
    return value


def to_timestamp(value: Any) -> datetime:
    """UTC time from OData's /Date(ms)/ (any offset only says how it was shown), ISO 8601, or a database's time."""
    if isinstance(value, datetime):
        return _in_utc(value)
    if not isinstance(value, str):
        raise ValueError("not a time stamp")
    if value[:1] == "/" and (match := ODATA_DATE.match(value)):
        try:
            return EPOCH + timedelta(milliseconds=int(match[1]))
        except OverflowError:
            raise ValueError("a time stamp outside the years 1 to 9999") from None
    return _in_utc(datetime.fromisoformat(value))


def _in_utc(stamp: datetime) -> datetime:
    try:
        return stamp.replace(tzinfo=UTC) if stamp.tzinfo is None else stamp.astimezone(UTC)
    except OverflowError:
        raise ValueError("a time stamp outside the years 1 to 9999") from None


def to_date(value: Any) -> date:
    """A day from OData's /Date(ms)/ at midnight UTC, ISO 8601, or a database's date."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if isinstance(value, str) and not ODATA_DATE.match(value):
        return date.fromisoformat(value)
    stamp = to_timestamp(value)
    if (stamp.hour, stamp.minute, stamp.second, stamp.microsecond) != (0, 0, 0, 0):
        raise ValueError("a time of day where a date is due")
    return stamp.date()


def _is_suspicious(canonical: str) -> bool:
    """Whether a canonical JSON may hold what `_unreadable` looks for: it writes NUL and surrogates as escapes."""
    return len(canonical) > MAX_TEXT or "\\u0000" in canonical or "\\ud" in canonical


def _unreadable(record: dict[str, Any]) -> tuple[Reason, ...]:
    """Values that no warehouse can hold: lone surrogates, NUL characters, texts without end."""
    found = []
    for name, value in record.items():
        if not isinstance(value, str):
            continue
        if len(value) > MAX_TEXT:
            found.append(Reason("UNREADABLE_RECORD", name, f"{len(value)} characters in one value"))
        elif "\x00" in value or not _is_utf8(value):
            found.append(Reason("UNREADABLE_RECORD", name, "characters that are not text"))
    return tuple(found)


def _is_utf8(value: str) -> bool:
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _as_text(value: Any) -> str | None:
    """A column that the contract does not know lands as text until the contract names it."""
    if value is None or isinstance(value, str):
        return value or None
    return json.dumps(value, ensure_ascii=True, sort_keys=True, default=str)
