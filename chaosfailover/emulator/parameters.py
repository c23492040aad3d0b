"""
Parameters: what they are, and how the strings of a request become arguments or a refusal.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from chaosfailover.emulator.refusals import Refusal, illegal, invalid, missing

__all__ = ["Filter", "Known", "Parameter", "read"]

Known = Literal["documented", "inferred", "not done"]
Filter = tuple[str, tuple[str, ...]]
Values = Mapping[str, str]


@dataclass(frozen=True)
class Parameter:
    """
    One parameter of an operation.

    `known` says where the rule comes from: `documented`, `inferred`, or `not done` for one that
    is accepted and ignored.
    """

    name: str
    kind: str = "string"
    required: bool = False
    rule: Callable[[Any], bool] | None = None
    known: Known = "documented"
    note: str = ""


def read(table: Iterable[Parameter], values: Values) -> dict[str, Any]:
    """
    Read the arguments of a call, by parameter name; absent ones are absent.

    Refuses first what is missing, then what has the wrong type, then what is out of range.
    """
    parameters = [each for each in table if each.known != "not done"]
    found = {each.name: READERS[each.kind](each.name, values) for each in parameters}
    for each in parameters:
        if each.required and found[each.name] in (None, "", ()):
            raise missing(each.name)
    arguments: dict[str, Any] = {}
    for each in parameters:
        value = found[each.name]
        if isinstance(value, Refusal):
            raise value
        if value is not None:
            arguments[each.name] = value
    for each in parameters:
        if each.rule and each.name in arguments and not each.rule(arguments[each.name]):
            raise illegal(each.name)
    return arguments


def _string(name: str, values: Values) -> str | None:
    return values.get(name)


def _integer(name: str, values: Values) -> int | Refusal | None:
    if (value := values.get(name)) in (None, ""):
        return None
    return int(value) if re.fullmatch("-?[0-9]{1,18}", str(value)) else invalid(name)


def _boolean(name: str, values: Values) -> bool | Refusal | None:
    if (value := values.get(name)) in (None, ""):
        return None
    return {"true": True, "false": False}.get(str(value).lower(), invalid(name))


def _list(name: str, values: Values) -> tuple[str, ...] | None:
    found = _numbered(name, values)
    return tuple(found[number] for number in sorted(found)) or None


def _filters(name: str, values: Values) -> tuple[Filter, ...] | Refusal | None:
    numbers = sorted(_numbered(name, values, ".Key"))
    found = tuple(
        (values[f"{name}.{number}.Key"], _list(f"{name}.{number}.Value", values) or ())
        for number in numbers
    )
    keys = [key for key, _ in found]
    too_many = len(keys) > 5 or any(len(each) > 5 for _, each in found)
    return illegal(name) if too_many or len(set(keys)) < len(keys) else found or None


def _tags(name: str, values: Values) -> tuple[tuple[str, str | None], ...] | Refusal | None:
    keys = _numbered(name, values, ".Key")
    found = tuple((keys[number], values.get(f"{name}.{number}.Value")) for number in sorted(keys))
    return illegal(name) if len(found) > 20 or any(not key for key, _ in found) else found or None


def _numbered(name: str, values: Values, after: str = "") -> dict[int, str]:
    pattern = re.compile(rf"{re.escape(name)}\.([1-9][0-9]{{0,3}}){re.escape(after)}")
    matches = ((pattern.fullmatch(key), value) for key, value in values.items())
    return {int(match[1]): value for match, value in matches if match}


READERS: dict[str, Callable[[str, Values], Any]] = {
    "string": _string,
    "integer": _integer,
    "boolean": _boolean,
    "list": _list,
    "filters": _filters,
    "tags": _tags,
}
