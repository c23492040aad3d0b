"""
The bundled circuit experiment as the template of every planned one.
"""

import json
import re
from collections.abc import Callable, Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from chaosfailover.errors import ArgumentError

__all__ = ["circuit_template", "default", "filled", "pinned", "variable"]

NOT_IN_YAML = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")


def circuit_template() -> str:
    """
    Return the text of the bundled experiment that cuts one circuit.

    It is inside an installed package, and beside one that is run from its sources.
    """
    package = resources.files("chaosfailover")
    inside, beside = package / "experiments", Path(str(package)).parent / "experiments"
    folder = inside if inside.is_dir() else beside
    return (folder / "circuit-failover.yaml").read_text(encoding="utf-8")


def pinned(text: str, values: Mapping[str, Any]) -> str:
    """
    Replace entries of the configuration by fixed values, which no environment overrides.
    """
    for key, value in values.items():
        text = _replaced(rf"(?<=\n)  {key}:\n(?:    .*\n)+", f"  {key}: {_scalar(value)}\n", text)
    return text


def default(text: str, values: Mapping[str, Any]) -> str:
    """
    Replace the defaults of entries of the configuration; the environment still overrides them.
    """
    for key, value in values.items():
        text = _with_field(text, key, "default", value)
    return text


def variable(text: str, values: Mapping[str, str]) -> str:
    """
    Replace the variables of the environment that entries of the configuration are read from.
    """
    for key, value in values.items():
        text = _with_field(text, key, "key", value)
    return text


def filled(text: str, *, comment: str, title: str, description: str, extension: str) -> str:
    """
    Replace the leading comment, the title and the description, and add an extension.
    """
    text = _replaced(r"\A(?:#.*\n)+", comment, text)
    text = _replaced(r"(?<=\n)title: .*\n", f"title: {_scalar(title)}\n", text)
    text = _replaced(
        r"(?<=\n)description: >-\n(?:  .*\n)+", f"description: {_scalar(description)}\n", text
    )
    return _replaced(r"(?<=\n)configuration:\n", f"{extension}\nconfiguration:\n", text)


def _with_field(text: str, key: str, field: str, value: Any) -> str:
    entry = rf"(?<=\n)(  {key}:\n(?:    (?!{field}:).*\n)*    {field}:).*\n"
    return _replaced(entry, lambda found: f"{found[1]} {_scalar(value)}\n", text)


def _replaced(pattern: str, new: str | Callable[[re.Match[str]], str], text: str) -> str:
    """
    Replace what occurs exactly once; a template in which it does not is not ours.
    """
    made = new if callable(new) else lambda _found: new
    changed, count = re.subn(pattern, made, text)
    if count != 1:
        raise ArgumentError(f"the template has {count} places like {pattern!r}, expected one")
    return changed


def _scalar(value: Any) -> str:
    """
    Write a value as YAML reads it: plain where that is safe, else as JSON.
    """
    if isinstance(value, str) and re.fullmatch(r"[a-z]+[-/][\w./-]*", value, re.ASCII):
        return value
    text = json.dumps(value, ensure_ascii=False)
    return NOT_IN_YAML.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
