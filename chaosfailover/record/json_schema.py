"""
Whether a document has the shape that a JSON Schema asks for.

Of JSON Schema this knows what the record's own schema says; tests hold it against `jsonschema`.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

__all__ = ["misfits"]

Schema = Mapping[str, Any]


def misfits(value: Any, schema: Schema, root: Schema | None = None, at: str = "$") -> Iterator[str]:
    """
    Yield the places at which a document does not match, such as `$.targets[0].name`.
    """
    for keyword, rule in schema.items():
        if keyword in RULES:
            yield from RULES[keyword](value, rule, root or schema, at, schema)


def _type(value: Any, rule: Any, _root: Schema, at: str, _: Schema) -> Iterator[str]:
    names = [rule] if isinstance(rule, str) else rule
    if not any(isinstance(value, TYPES[name]) and _is(value, name) for name in names):
        yield at


def _is(value: Any, name: str) -> bool:
    """
    Tell Python's booleans, which are numbers, from those.
    """
    return not isinstance(value, bool) or name == "boolean"


def _properties(value: Any, rule: Any, root: Schema, at: str, _: Schema) -> Iterator[str]:
    for name, inner in value.items() if isinstance(value, Mapping) else ():
        if name in rule:
            yield from misfits(inner, rule[name], root, f"{at}.{name}")


def _required(value: Any, rule: Any, _root: Schema, at: str, _: Schema) -> Iterator[str]:
    if isinstance(value, Mapping):
        yield from (f"{at}.{name}" for name in rule if name not in value)


def _additional(value: Any, rule: Any, root: Schema, at: str, whole: Schema) -> Iterator[str]:
    for name, inner in value.items() if isinstance(value, Mapping) else ():
        if name not in whole.get("properties", {}):
            if rule is False:
                yield f"{at}.{name}"
            elif rule is not True:
                yield from misfits(inner, rule, root, f"{at}.{name}")


def _items(value: Any, rule: Any, root: Schema, at: str, whole: Schema) -> Iterator[str]:
    begun = len(whole.get("prefixItems", ()))
    for number, inner in list(enumerate(value))[begun:] if isinstance(value, list) else ():
        if rule is False:
            yield f"{at}[{number}]"
        else:
            yield from misfits(inner, rule, root, f"{at}[{number}]")


def _prefix(value: Any, rule: Any, root: Schema, at: str, _: Schema) -> Iterator[str]:
    for number, inner in enumerate(value[: len(rule)] if isinstance(value, list) else ()):
        yield from misfits(inner, rule[number], root, f"{at}[{number}]")


def _any_of(value: Any, rule: Any, root: Schema, at: str, _: Schema) -> Iterator[str]:
    if not any(next(misfits(value, one, root, at), None) is None for one in rule):
        yield at


def _ref(value: Any, rule: Any, root: Schema, at: str, _: Schema) -> Iterator[str]:
    yield from misfits(value, root["$defs"][rule.removeprefix("#/$defs/")], root, at)


def _holds(test: Callable[[Any, Any], bool]) -> Callable[..., Iterator[str]]:
    def check(value: Any, rule: Any, _root: Schema, at: str, _: Schema) -> Iterator[str]:
        if not test(value, rule):
            yield at

    return check


def _same(value: Any, rule: Any) -> bool:
    return bool(value == rule and isinstance(value, bool) == isinstance(rule, bool))


TYPES: Mapping[str, type | tuple[type, ...]] = {
    "object": Mapping,
    "array": list,
    "string": str,
    "number": (int, float),
    "integer": int,
    "boolean": bool,
    "null": type(None),
}
RULES: Mapping[str, Callable[..., Iterator[str]]] = {
    "type": _type,
    "properties": _properties,
    "required": _required,
    "additionalProperties": _additional,
    "items": _items,
    "prefixItems": _prefix,
    "anyOf": _any_of,
    "$ref": _ref,
    "const": _holds(_same),
    "enum": _holds(lambda value, rule: any(_same(value, one) for one in rule)),
    "pattern": _holds(
        lambda value, rule: not isinstance(value, str) or bool(re.search(rule, value))
    ),
    "minimum": _holds(lambda value, rule: not isinstance(value, int | float) or value >= rule),
    "minItems": _holds(lambda value, rule: not isinstance(value, list) or len(value) >= rule),
    "maxItems": _holds(lambda value, rule: not isinstance(value, list) or len(value) <= rule),
}
