"""
The SHA-256 of a record over its canonical form, RFC 8785, and the schema of records.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from functools import cache
from hashlib import sha256
from importlib import resources
from typing import Any

import rfc8785

from chaosfailover.outages.outage import Length

__all__ = ["Record", "digest", "members", "plain", "schema", "sealed", "verify"]

Record = dict[str, Any]
"""A record as JSON: what `record.schema.json` describes."""
LARGEST = 2**53 - 1
"""The largest integer that every reader of JSON keeps exact."""


def digest(document: Record) -> str:
    """
    Return the SHA-256 of a document's canonical form, in hexadecimal.
    """
    return sha256(rfc8785.dumps(document)).hexdigest()


def plain(value: Any) -> Any:
    """
    Return a value as JSON can hold it, so that it reads back equal.

    Dataclasses become objects, instants ISO 8601. Infinity and NaN become None, lone surrogates a
    question mark. Integers that other readers would round, and values that JSON does not have,
    become text.
    """
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "replace").decode()
    if isinstance(value, Mapping | Length) or is_dataclass(value):
        return {plain(str(key)): plain(inner) for key, inner in members(value).items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, int) and abs(value) > LARGEST:
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat(timespec="microseconds").replace("+00:00", "Z")
    return value if value is None or isinstance(value, bool | int) else str(value)


def members(value: Any) -> Mapping[str, object]:
    """
    Return the members of a mapping, a dataclass or a length by their names.
    """
    if is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    return value._asdict() if isinstance(value, Length) else value


OPEN = ("sha256", "findings", "notices")
"""The members that the SHA-256 does not cover: people and reports write them."""


def sealed(record: Mapping[str, object]) -> Record:
    """
    Return a record with its SHA-256.
    """
    return {**record, "sha256": digest(_content(record))}


def verify(record: Mapping[str, object]) -> bool:
    """
    Tell whether a record is as it was made, apart from its findings.
    """
    try:
        return record.get("sha256") == digest(_content(record))
    except rfc8785.CanonicalizationError:
        return False


@cache
def schema() -> Record:
    """
    Return the JSON Schema that every record matches.
    """
    file = resources.files("chaosfailover.record") / "record.schema.json"
    loaded: Record = json.loads(file.read_text(encoding="utf-8"))
    return loaded


def _content(record: Mapping[str, object]) -> Record:
    return {key: value for key, value in record.items() if key not in OPEN}
