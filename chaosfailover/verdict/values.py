"""
Single values of a document from outside, read as Python types.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime

__all__ = ["brief", "error", "instant", "mapping", "mappings", "number", "pair", "text"]

# Also what neither XML 1.0 nor UTF-8 can hold.
CONTROL = re.compile(
    "[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)
ABSURD = 1e15
LONGEST_WORD = 40
ELLIPSIS = "\u2026"


def mapping(value: object) -> Mapping[str, object]:
    """
    Return a mapping as it is, and anything else as an empty one.
    """
    return value if isinstance(value, (dict, Mapping)) else {}  # the first is much faster


def mappings(value: object) -> list[Mapping[str, object]]:
    """
    Return the mappings of a list; anything else has none.
    """
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def text(value: object) -> str:
    """
    Return a value as text, "" for None.
    """
    return "" if value is None else str(value)


def number(value: object) -> float | None:
    """
    Return a plausible number as a float, None for anything else.
    """
    if type(value) is int:  # a boolean is no number
        value = float(value) if -ABSURD < value < ABSURD else None
    return value if type(value) is float and -ABSURD < value < ABSURD else None


def pair(value: object, missing: float) -> tuple[float, float]:
    """
    Return a list of two numbers; `missing` replaces each that is none.
    """
    if not isinstance(value, list) or len(value) != 2:
        return missing, missing
    first, last = number(value[0]), number(value[1])
    return missing if first is None else first, missing if last is None else last


def instant(value: object) -> datetime | None:
    """
    Return an ISO 8601 instant as aware UTC; instants of the toolkit name no zone.
    """
    try:
        at = datetime.fromisoformat(value)  # type: ignore[arg-type]
        if at.tzinfo is UTC:
            return at
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        return None


def brief(value: object, limit: int = 300) -> str:
    """
    Return a value as one line of at most `limit` characters, cut off between two words if possible.

    Control characters, and those that turn the direction of writing, show as their escapes.
    """
    line = " ".join(text(value).split(maxsplit=limit))[: limit + 1]
    shown = CONTROL.sub(lambda match: f"\\u{ord(match[0]):04x}", line)
    if len(shown) <= limit:
        return shown
    head, _, word = shown[:limit].rpartition(" ")
    return (head if len(word) < LONGEST_WORD < len(head) else shown[: limit - 1]) + ELLIPSIS


def error(exception: object) -> str:
    """
    Return the last line of an exception, as the toolkit keeps it: that says what went wrong.
    """
    lines = exception if isinstance(exception, list) else [exception]
    last = next((line for each in reversed(lines) if (line := text(each).strip())), "")
    return last.removeprefix("chaoslib.exceptions.ActivityFailed: ")
