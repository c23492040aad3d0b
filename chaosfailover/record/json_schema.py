"""
Checks a record against its JSON Schema.
"""

from functools import cache
from typing import TYPE_CHECKING

from chaosfailover.record.digest import schema

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator

__all__ = ["misfit"]


def misfit(record: object) -> str:
    """
    Return the first place at which a record does not match, such as `$.targets[0].name`, or "".
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
