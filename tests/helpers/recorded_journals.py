"""
Recorded journals, and the errors of a record against its schema.
"""

import json
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from places import DATA

from chaosfailover.record import schema

__all__ = ["RECORDED", "errors", "load"]

Journal = dict[str, Any]

RECORDED = sorted((DATA / "journals").glob("*.json"))


def load(path: Path) -> Journal:
    journal: Journal = json.loads(path.read_text(encoding="utf-8"))
    return journal


def errors(record: Journal) -> list[str]:
    found = Draft202012Validator(schema()).iter_errors(record)
    return [f"{error.json_path}: {error.message}" for error in found]
