"""
Schemas: functions that check and convert what a person wrote.

A schema takes a value and its place, such as `services.portal.kind`, and returns the value as the
emulator uses it. ValueError names the place, the value and what was expected.
"""

import reprlib
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from difflib import get_close_matches
from functools import partial
from ipaddress import ip_network
from typing import TYPE_CHECKING, TypeVar, get_type_hints

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

__all__ = [
    "PREFIX",
    "SPAN",
    "TEXT",
    "TRUTH",
    "Schema",
    "Span",
    "integer",
    "listing",
    "number",
    "one_of",
    "optional",
    "record",
    "record_of",
    "scalar",
    "secret_text",
    "table",
]

T = TypeVar("T")
D = TypeVar("D", bound="DataclassInstance")
Schema = Callable[[object, str], T]
Span = float | tuple[float, float]

LONGEST = 1e9


def scalar(expected: str, convert: Callable[[object], T | None]) -> Schema[T]:
    """
    Make the schema of a single value; `convert` returns None for a value that is not `expected`.
    """

    def read(value: object, place: str) -> T:
        converted = convert(value)
        if converted is None:
            raise _unlike(value, place, expected)
        return converted

    return read


def secret_text(value: object, place: str) -> str:
    """
    Read a text that no message repeats.
    """
    if not isinstance(value, str) or not value:
        raise ValueError(f"{place} is a {type(value).__name__}, expected text, in quotes")
    return value


def number(least: float, most: float = LONGEST) -> Schema[float]:
    """
    Make the schema of a number within limits.
    """
    return scalar(f"a number from {least:g} to {most:g}", lambda value: _within(value, least, most))


def integer(least: int, most: int) -> Schema[int]:
    """
    Make the schema of a whole number within limits.
    """

    def convert(value: object) -> int | None:
        within = _within(value, least, most)
        return within if isinstance(within, int) else None

    return scalar(f"a whole number from {least} to {most}", convert)


def one_of(*literals: str) -> Schema[str]:
    """
    Make the schema of a literal.
    """
    return scalar(
        f"one of {', '.join(literals)}",
        lambda value: value if isinstance(value, str) and value in literals else None,
    )


def optional(schema: Schema[T]) -> Schema[T | None]:
    """
    Make a schema that accepts null as well.
    """
    return lambda value, place: None if value is None else schema(value, place)


def record(
    build: Callable[..., T], fields: Mapping[str, Schema[object]], required: tuple[str, ...] = ()
) -> Schema[T]:
    """
    Make the schema of a mapping with known keys, from whose values `build` makes the result.

    Null counts as an empty mapping.
    """

    def read(value: object, place: str) -> T:
        content = _mapping(value, place)
        for key in content:
            if not isinstance(key, str) or key not in fields:
                subject = f"{place} has no" if place else "unknown key"
                raise ValueError(f"{subject} {key!r}, {_suggestion(key, fields)}")
        for key in required:
            if key not in content:
                raise ValueError(f"{place or 'it'} needs {key}")
        values = {str(key): each for key, each in content.items()}
        return build(**{key: fields[key](each, _at(place, key)) for key, each in values.items()})

    return read


def record_of(kind: type[D], **others: object) -> Schema[D]:
    """
    Make the schema of a mapping that becomes a dataclass, from the schemas in its annotations.

    A field `port: Annotated[int, integer(0, 65535)] = 0` is a key; `others` are the values of
    fields that are not.
    """
    hints = get_type_hints(kind, include_extras=True)
    keys = {
        name: hint.__metadata__[0] for name, hint in hints.items() if hasattr(hint, "__metadata__")
    }
    required = (
        each.name for each in fields(kind) if each.default is each.default_factory is MISSING
    )
    return record(partial(kind, **others), keys, tuple(name for name in required if name in keys))


def table(each: Schema[T]) -> Schema[dict[str, T]]:
    """
    Make the schema of a mapping of names to values; null counts as an empty mapping.
    """

    def read(value: object, place: str) -> dict[str, T]:
        content = _mapping(value, place)
        names = {key: TEXT(key, f"a name in {place}") for key in content}
        return {name: each(content[key], _at(place, name)) for key, name in names.items()}

    return read


def listing(each: Schema[T], least: int = 0) -> Schema[tuple[T, ...]]:
    """
    Make the schema of a list; a text or mapping alone counts as a list of one.
    """

    def read(value: object, place: str) -> tuple[T, ...]:
        alone = isinstance(value, str | Mapping)
        items = [value] if alone else [] if value is None else value
        if not isinstance(items, list | tuple) or len(items) < least:
            raise _unlike(value, place, f"a list of {least} or more")
        places = [place if alone else f"{place}[{number}]" for number in range(len(items))]
        return tuple(each(item, at) for item, at in zip(items, places, strict=True))

    return read


def _prefix(value: object) -> str | None:
    try:
        return str(ip_network(value)) if isinstance(value, str) and "/" in value else None
    except ValueError:
        return None


def _span(value: object, place: str) -> Span:
    ends = value if isinstance(value, list | tuple) else (value, value)
    numbers = [each for end in ends if (each := _within(end, 0, LONGEST)) is not None]
    if len(ends) != 2 or len(numbers) != 2 or numbers[0] > numbers[1]:
        raise _unlike(value, place, "seconds, or a range [least, most]")
    least, most = map(float, numbers)
    return (least, most) if least < most else least


def _within(value: object, least: float, most: float) -> float | None:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    return value if least <= value <= most else None


def _mapping(value: object, place: str) -> Mapping[object, object]:
    content = {} if value is None else value
    if not isinstance(content, Mapping):
        raise _unlike(value, place, "names and values")
    return content


def _unlike(value: object, place: str, expected: str) -> ValueError:
    return ValueError(f"{place or 'it'} is {reprlib.repr(value)}, expected {expected}")


def _suggestion(key: object, fields: Mapping[str, object]) -> str:
    close = get_close_matches(str(key), fields, 1)
    return f"did you mean {close[0]}?" if close else f"only {', '.join(sorted(fields))}"


def _at(place: str, key: str) -> str:
    return f"{place}.{key}" if place else key


SPAN: Schema[Span] = _span
PREFIX: Schema[str] = scalar("a prefix such as 10.1.0.0/16", _prefix)
TEXT: Schema[str] = scalar(
    "text, in quotes",
    lambda value: (
        str(value) if isinstance(value, str | int) and not isinstance(value, bool) else None
    ),
)
"""
Whole numbers are text too, as the API writes many numbers as text.
"""
TRUTH: Schema[bool] = scalar(
    "true or false", lambda value: value if isinstance(value, bool) else None
)
