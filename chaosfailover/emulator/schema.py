"""
Schemas: how what a person wrote is read, and what is said about it when it cannot be.

A schema is a function of a value and of its place, such as `services.portal.kind`. It returns the
value as it is used from then on; ValueError names the place, the value and what was expected.
"""

import reprlib
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any

__all__ = [
    "ANYTHING",
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
    "scalar",
    "secret",
    "table",
]

Schema = Callable[[Any, str], Any]
Span = float | tuple[float, float]

LONGEST = 1e9


def scalar(
    expected: str, fits: Callable[[Any], bool], as_used: Callable[[Any], Any] = lambda value: value
) -> Schema:
    """
    Make the schema of a single value from what is expected in words and whether a value fits.
    """

    def read(value: Any, place: str) -> Any:
        if not fits(value):
            raise _unlike(value, place, expected)
        return as_used(value)

    return read


def secret(value: Any, place: str) -> str:
    """
    Read a text that no message repeats.
    """
    if not isinstance(value, str) or not value:
        raise ValueError(f"{place} is a {type(value).__name__}, expected text, in quotes")
    return value


def number(least: float, most: float = LONGEST) -> Schema:
    """
    Make the schema of a number within limits.
    """
    return scalar(f"a number from {least:g} to {most:g}", lambda value: _within(value, least, most))


def integer(least: int, most: int) -> Schema:
    """
    Make the schema of a whole number within limits.
    """
    return scalar(
        f"a whole number from {least} to {most}",
        lambda value: _within(value, least, most) and isinstance(value, int),
    )


def one_of(*literals: str) -> Schema:
    """
    Make the schema of a literal.
    """
    return scalar(
        f"one of {', '.join(literals)}",
        lambda value: isinstance(value, str) and value in literals,
    )


def optional(schema: Schema) -> Schema:
    """
    Make a schema that lets null be.
    """
    return lambda value, place: None if value is None else schema(value, place)


def record(fields: Mapping[str, Schema], required: tuple[str, ...] = ()) -> Schema:
    """
    Make the schema of a mapping whose keys are known; nothing at all is an empty one.
    """

    def read(value: Any, place: str) -> dict[str, Any]:
        given = _mapping(value, place)
        for key in given:
            if not isinstance(key, str) or key not in fields:
                raise ValueError(f"{place or 'it'} has no {key!r}, {_known(key, fields)}")
        for key in required:
            if key not in given:
                raise ValueError(f"{place or 'it'} needs {key}")
        return {key: fields[key](each, _at(place, key)) for key, each in given.items()}

    return read


def table(each: Schema) -> Schema:
    """
    Make the schema of a mapping of names to values; nothing at all is an empty one.
    """

    def read(value: Any, place: str) -> dict[str, Any]:
        given = _mapping(value, place)
        names = {key: TEXT(key, f"a name in {place}") for key in given}
        return {name: each(given[key], _at(place, name)) for key, name in names.items()}

    return read


def listing(each: Schema, least: int = 0) -> Schema:
    """
    Make the schema of a list; a lone text or mapping is a list of one.
    """

    def read(value: Any, place: str) -> tuple[Any, ...]:
        alone = isinstance(value, str | Mapping)
        given = [value] if alone else [] if value is None else value
        if not isinstance(given, list | tuple) or len(given) < least:
            raise ValueError(
                f"{place} is {reprlib.repr(value)}, expected a list of {least} or more"
            )
        places = [place if alone else f"{place}[{number}]" for number in range(len(given))]
        return tuple(each(item, at) for item, at in zip(given, places, strict=True))

    return read


def _span(value: Any, place: str) -> Span:
    ends = tuple(value) if isinstance(value, list | tuple) else (value, value)
    numbers = all(_within(end, 0, LONGEST) for end in ends)
    if len(ends) != 2 or not numbers or ends[0] > ends[1]:
        raise _unlike(value, place, "seconds, or a range [least, most]")
    return (float(ends[0]), float(ends[1])) if ends[0] < ends[1] else float(ends[0])


def _anything(value: Any, _place: str) -> Any:
    return value


def _within(value: Any, least: float, most: float) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and least <= value <= most


def _is_text(value: Any) -> bool:
    return isinstance(value, str | int) and not isinstance(value, bool)


def _mapping(value: Any, place: str) -> Mapping[Any, Any]:
    given = {} if value is None else value
    if not isinstance(given, Mapping):
        raise _unlike(value, place, "names and values")
    return given


def _unlike(value: Any, place: str, expected: str) -> ValueError:
    return ValueError(f"{place or 'it'} is {reprlib.repr(value)}, expected {expected}")


def _known(key: object, fields: Mapping[str, Schema]) -> str:
    close = get_close_matches(str(key), fields, 1)
    return f"did you mean {close[0]}?" if close else f"only {', '.join(sorted(fields))}"


def _at(place: str, key: str) -> str:
    return f"{place}.{key}" if place else key


ANYTHING: Schema = _anything
SPAN: Schema = _span
TEXT = scalar("text, in quotes", _is_text, str)
"""
A whole number is text too, as the API writes many numbers as text.
"""
TRUTH = scalar("true or false", lambda value: isinstance(value, bool))
