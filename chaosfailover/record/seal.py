"""
The SHA-256 of a record, and the schema that every record matches.
"""

import json
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

from chaosfailover.record.canonical import digest

__all__ = ["schema", "sealed", "verify"]

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
