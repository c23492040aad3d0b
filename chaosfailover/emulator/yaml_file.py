"""
YAML files that people write, read with limits.

Refused are doubled keys, which YAML forbids and PyYAML overwrites, and documents that grow too
large, as aliases of aliases do. In our own files so are keys that are neither text nor number, and
numbers beyond 64 bits.
"""

import reprlib
from collections.abc import Hashable
from importlib.resources.abc import Traversable
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from yaml import SafeLoader as FastLoader
else:
    FastLoader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

__all__ = ["YamlFileError", "parsed", "read"]

LARGEST = 8_000_000
"""
The most characters of a document with its aliases expanded; each value counts as 16 more.
"""
EACH_VALUE = 16
DEEPEST = 100
LONGEST_NUMBER = 100
NUMBERS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")
SPECIAL = ("tag:yaml.org,2002:merge", "tag:yaml.org,2002:value")


class YamlFileError(ValueError):
    """
    Content that cannot be used; the message is one line, and names the line of the file.
    """


def read(file: Path | Traversable) -> object:
    """
    Return the document of a file; raises OSError, or YamlFileError for its content.
    """
    with file.open("rb") as stream:
        content = stream.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise YamlFileError(f"it is larger than {LARGEST // 1_000_000} MB, expected less")
    try:
        return parsed(content.decode())
    except UnicodeDecodeError as exc:
        raise YamlFileError(f"it is not UTF-8 text: {exc.reason} at byte {exc.start}") from None


def parsed(text: str, *, any_value: bool = False) -> object:
    """
    Return the document of a text, None if it is empty; raises YamlFileError.

    With `any_value`, keys and numbers may be whatever YAML makes of them.
    """
    try:
        _check_size(text)
        loader = (_Loader if any_value else _StrictLoader)(text)
        try:
            root = loader.get_single_node()
            _check_keys(loader, root)
            return None if root is None else loader.construct_document(root)
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as exc:
        raise YamlFileError(_sentence(exc)) from None
    except (RecursionError, UnicodeEncodeError, yaml.YAMLError) as exc:
        raise YamlFileError(" ".join(str(exc).split())) from None


class _Loader(FastLoader):
    """
    The safe loader, whose errors name the line.
    """

    def construct_object(self, node: yaml.Node, deep: bool = False) -> object:
        """
        Build the value of a node.
        """
        try:
            value: object = super().construct_object(node, deep=deep)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as exc:
            raise _wrong(node, f"{reprlib.repr(node.value)} cannot be read: {exc}") from None
        return value


class _StrictLoader(_Loader):
    """
    A loader whose keys are text or numbers, and whose numbers are finite and of 64 bits.
    """

    def construct_object(self, node: yaml.Node, deep: bool = False) -> object:
        """
        Build the value of a node.
        """
        if node.tag in NUMBERS and len(node.value) > LONGEST_NUMBER:
            raise _unlike_a_number(node)
        value = super().construct_object(node, deep=deep)
        if isinstance(value, int) and abs(value) >= 2**63:
            raise _unlike_a_number(node)
        if isinstance(value, float) and not isfinite(value):
            raise _unlike_a_number(node)
        return value


def _check_size(text: str) -> None:
    """
    Refuse a document that is too deep, or too large with its aliases expanded, before it is built.
    """
    size, sizes, within = 0, dict[str | None, int](), list[tuple[str | None, int]]()
    for event in yaml.parse(text, Loader=FastLoader):
        if isinstance(event, yaml.CollectionEndEvent):
            anchor, began = within.pop()
            sizes[anchor] = size - began
        elif isinstance(event, yaml.AliasEvent):
            if event.anchor in (anchor for anchor, _ in within):
                raise _wrong(event, f"alias {event.anchor} refers to what contains it")
            size += sizes.get(event.anchor, 0)
        elif isinstance(event, yaml.NodeEvent):
            began, size = size, size + EACH_VALUE + len(getattr(event, "value", ""))
            if isinstance(event, yaml.CollectionStartEvent):
                within.append((event.anchor, began))
            else:
                sizes[event.anchor] = size - began
        _check_limits(event, size, len(within))


def _check_limits(event: yaml.Event, size: int, depth: int) -> None:
    if depth > DEEPEST:
        raise _wrong(event, f"it is nested more than {DEEPEST} levels deep, expected fewer")
    if size > LARGEST:
        limit = f"{LARGEST // 1_000_000} million characters"
        raise _wrong(event, f"it holds more than {limit} with its aliases expanded")


def _check_keys(loader: _Loader, root: yaml.Node | None) -> None:
    """
    Refuse doubled keys, and for a strict loader those that are neither text nor number, in every
    mapping.
    """
    nodes, seen = [root], set[int]()
    while nodes:
        node = nodes.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            _check_mapping(loader, node)
            nodes += [value for _, value in node.value]
        elif isinstance(node, yaml.SequenceNode):
            nodes += node.value


def _check_mapping(loader: _Loader, mapping: yaml.MappingNode) -> None:
    lines: dict[object, int] = {}
    strict = isinstance(loader, _StrictLoader)
    for node, _ in mapping.value:
        if node.tag in SPECIAL and not strict:
            continue  # PyYAML merges them all
        key = node.value if node.tag in SPECIAL else loader.construct_object(node, deep=True)
        if strict and not isinstance(key, str | int | float):
            kind = {"NoneType": "null", "dict": "mapping"}.get(type(key).__name__)
            raise _wrong(node, f"a key is a {kind or type(key).__name__}, expected text, in quotes")
        if not isinstance(key, Hashable):
            continue  # the loader refuses it
        line = node.start_mark.line + 1
        if key in lines:
            doubled = f"key {reprlib.repr(key)} is doubled, first on line {lines[key]}"
            raise _wrong(node, f"{doubled}; expected once")
        lines[key] = line


def _unlike_a_number(node: yaml.Node) -> yaml.MarkedYAMLError:
    return _wrong(
        node, f"{reprlib.repr(node.value)} is not a finite number of 64 bits; quote a text"
    )


def _wrong(place: yaml.Node | yaml.Event, problem: str) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=place.start_mark)  # type: ignore[arg-type] # libyaml's own


def _sentence(error: yaml.MarkedYAMLError) -> str:
    mark = error.problem_mark or error.context_mark
    words = f"{error.context or ''} {error.problem or ''}".split()
    return " ".join([f"line {mark.line + 1}:", *words] if mark else words)
