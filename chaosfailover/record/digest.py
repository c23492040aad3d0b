"""
The SHA-256 of a record over its canonical form, RFC 8785, and the schema of records.
"""

import json
import math
from collections.abc import Container, Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from functools import cache, lru_cache
from hashlib import sha256
from importlib import resources
from typing import TYPE_CHECKING, Any

import rfc8785

from chaosfailover.outages.outage import Length

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator

__all__ = [
    "OPEN",
    "Record",
    "digest",
    "members",
    "misfit",
    "part",
    "plain",
    "schema",
    "sealed",
    "verify",
]

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
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict | Mapping | Length) or is_dataclass(value):
        return {_key(str(key)): plain(inner) for key, inner in members(value).items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if isinstance(value, int) and abs(value) > LARGEST:
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat(timespec="microseconds").replace("+00:00", "Z")
    return value if value is None or isinstance(value, bool | int) else str(value)


@lru_cache
def _key(key: str) -> Any:
    return plain(key)


def members(value: Any, but: Container[str] = ()) -> Mapping[str, object]:
    """
    Return the members of a mapping or a length, or those of a dataclass but some, by their names.
    """
    if isinstance(value, dict):
        return value
    if is_dataclass(value):
        names = (field.name for field in fields(value))
        return {name: getattr(value, name) for name in names if name not in but}
    return value._asdict() if isinstance(value, Length) else value


def part(value: object, *names: str) -> dict[str, object]:
    """
    Return some fields of an object by their names; empty texts are None.
    """
    return {name: getattr(value, name) or None for name in names}


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


def misfit(record: object) -> str:
    """
    Return the first place that does not match the schema, such as `$.targets[0].name`, or "".
    """
    error = next(_validator().iter_errors(record), None)
    if error is None:
        return ""
    missing = error.validator == "required" and [
        name for name in error.validator_value if name not in error.instance
    ]
    return f"{error.json_path}.{missing[0]}" if missing else error.json_path


@cache
def _validator() -> "Draft202012Validator":
    from jsonschema import Draft202012Validator  # slow to load, and rarely needed

    return Draft202012Validator(schema())


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
