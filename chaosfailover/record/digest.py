"""
The SHA-256 of a record, and the schema that every record matches.
"""

import json
import math
from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from hashlib import sha256
from importlib import resources
from typing import Any

__all__ = ["canonical", "digest", "plain", "schema", "sealed", "verify"]

# From here on, and below a millionth, ECMAScript writes a number with an exponent.
LARGE = 1e21
SMALL = 1e-6


def canonical(document: Any) -> bytes:
    """
    Write plain data as canonical JSON: sorted keys, no spaces, numbers as ECMAScript writes them.
    """
    return _write(document).encode("utf-8")


def digest(document: Any) -> str:
    """
    Return the SHA-256 of a document's canonical form, in hexadecimal.
    """
    return sha256(canonical(document)).hexdigest()


def plain(value: Any) -> Any:
    """
    Return what JSON can hold of a value, so that it reads back equal.

    Infinity and NaN become None, lone surrogates a question mark, integers that others
    would round their text, and what is no JSON its text.
    """
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "replace").decode()
    if isinstance(value, Mapping):
        return {plain(str(key)): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, int) and abs(value) > 2**53:
        return str(value)
    return value if value is None or isinstance(value, bool | int) else str(value)


def _write(value: Any) -> str:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, Mapping):
        members = sorted(value.items(), key=lambda member: member[0].encode("utf-16-be"))
        return "{" + ",".join(f"{_text(key)}:{_write(inner)}" for key, inner in members) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_write, value)) + "]"
    if isinstance(value, float):
        return _number(value)
    return json.dumps(value)


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)


def _number(value: float) -> str:
    """
    Write a float as ECMAScript does: the shortest digits that read back as the same number.
    """
    if value == 0:
        return "0"
    if SMALL <= abs(value) < LARGE:
        digits = format(Decimal(repr(value)), "f")
        return digits.removesuffix(".0") if "." in digits else digits
    mantissa, exponent = f"{Decimal(repr(value)).normalize():e}".split("e")
    return f"{mantissa}e{int(exponent):+d}"


# What people write into a record, and what a report says of one.
OPEN = ("sha256", "findings", "notices")


def sealed(record: Mapping[str, Any]) -> dict[str, Any]:
    """
    Return a record with its SHA-256, which is over the canonical form of all that it seals.
    """
    return {**record, "sha256": digest(_content(record))}


def verify(record: Mapping[str, Any]) -> bool:
    """
    Tell whether a record is as it was made, apart from its findings.
    """
    return bool(record.get("sha256") == digest(_content(record)))


@cache
def schema() -> dict[str, Any]:
    """
    Return the JSON Schema that every record matches.
    """
    file = resources.files("chaosfailover.record") / "record.schema.json"
    loaded: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return loaded


def _content(record: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in record.items() if key not in OPEN}
