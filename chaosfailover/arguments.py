"""
The checks of the arguments of activities, made before any request.

Limits are those of CreateFailoverTestJob (API reference 1.1); each check returns the value to send.
"""

import math
from collections.abc import Sequence

from chaosfailover.errors import ArgumentError

__all__ = [
    "JOB_PREFIX",
    "MOST",
    "RESOURCE_PREFIXES",
    "TESTED_TYPES",
    "check_description",
    "check_duration",
    "check_name",
    "check_resource_id",
    "check_resource_ids",
    "check_resource_type",
    "check_seconds",
    "check_switch",
    "check_test",
    "check_timeout",
    "check_until",
    "number",
]

RESOURCE_PREFIXES = {
    "PHYSICALCONNECTION": "pc-",
    "VIRTUALBORDERROUTER": "vbr-",
    "BGPPEER": "bgp-",
}
"""The types of resource that probes can read."""
TESTED_TYPES = ("PHYSICALCONNECTION", "VIRTUALBORDERROUTER", "BGPPEER")
"""The types that a failover test may take down. Another type that probes read is not among them."""
JOB_PREFIX = "ftj-"
LONGEST_NAME = 128
LONGEST_DESCRIPTION = 256
MOST_RESOURCES = 16
LONGEST_DURATION_MINUTES = 4320
MOST = 1e9
"""The upper limit of every number."""


def check_test(test: object) -> str:
    """
    Return the ID or the name of a failover test.
    """
    return _text("test", test, "the ID (ftj-...) or the name of a failover test")


def check_name(name: object) -> str:
    """
    Return the name for a new failover test; a name that begins with `ftj-` looks like an ID.
    """
    expected = f"a name of 1 to {LONGEST_NAME} characters"
    text = _text("name", name, expected)
    _no_link("name", text)
    if text.startswith(JOB_PREFIX):
        raise ArgumentError(
            f"name is {text!r}: a name must not begin with {JOB_PREFIX!r}, as IDs do"
        )
    if len(text) > LONGEST_NAME:
        raise ArgumentError(
            f"name has {len(text)} characters ({text[:32]!r}...), expected {expected}"
        )
    return text


def check_description(description: object) -> str | None:
    """
    Return the description; None if it is missing.
    """
    if description is None:
        return None
    expected = f"a text of at most {LONGEST_DESCRIPTION} characters"
    if not isinstance(description, str):
        raise ArgumentError(f"description is {description!r}, expected {expected}")
    _no_link("description", description)
    if len(description) > LONGEST_DESCRIPTION:
        raise ArgumentError(f"description has {len(description)} characters, expected {expected}")
    return description


def check_duration(duration_minutes: object) -> int:
    """
    Return the duration of a failover test in whole minutes.
    """
    minutes = _whole_number(duration_minutes)
    if minutes is None or not 1 <= minutes <= LONGEST_DURATION_MINUTES:
        raise ArgumentError(
            f"duration_minutes is {duration_minutes!r}, "
            f"expected a whole number from 1 to {LONGEST_DURATION_MINUTES}"
        )
    return minutes


def check_resource_type(resource_type: object) -> str:
    """
    Return the resource type of a failover test, one of TESTED_TYPES.
    """
    if not isinstance(resource_type, str) or resource_type not in TESTED_TYPES:
        raise ArgumentError(
            f"resource_type is {resource_type!r}, expected one of {', '.join(TESTED_TYPES)}"
        )
    return resource_type


def check_resource_ids(resource_ids: object, resource_type: str | None = None) -> list[str]:
    """
    Return the resources of a failover test: 1 to 16 different IDs of the given type.

    Without a type, as in an update, any of the TESTED_TYPES is accepted.
    """
    if isinstance(resource_ids, str) or not isinstance(resource_ids, Sequence):
        raise ArgumentError(f"resource_ids is {resource_ids!r}, expected a list of IDs")
    if not 1 <= len(resource_ids) <= MOST_RESOURCES:
        raise ArgumentError(
            f"resource_ids has {len(resource_ids)} entries, expected 1 to {MOST_RESOURCES}"
        )
    types = [resource_type] if resource_type else TESTED_TYPES
    ids = [check_resource_id("resource_ids", value, *types) for value in resource_ids]
    if repeated := sorted({value for value in ids if ids.count(value) > 1}):
        raise ArgumentError(f"resource_ids names {', '.join(repeated)} more than once")
    return ids


def check_resource_id(argument: str, value: object, *types: str) -> str:
    """
    Return the ID of a resource of one of some types; without a type, of any that is known.
    """
    prefixes = tuple(RESOURCE_PREFIXES[each] for each in types or RESOURCE_PREFIXES)
    kind = f" of a {types[0]}" if len(types) == 1 else ""
    expected = f"an ID{kind} that begins with {' or '.join(prefixes)}"
    text = _text(argument, value, expected)
    if not text.startswith(prefixes):
        raise ArgumentError(f"{argument} is {text!r}, expected {expected}")
    return text


def check_timeout(timeout: object) -> float:
    """
    Return a timeout in seconds, more than zero.
    """
    return check_seconds("timeout", timeout)


def check_seconds(argument: str, value: object) -> float:
    """
    Return a length in seconds, more than zero and at most MOST.
    """
    seconds = number(value)
    if seconds is None or not 0 < seconds <= MOST:
        raise ArgumentError(
            f"{argument} is {value!r}, expected a number of seconds above 0, at most {MOST:g}"
        )
    return seconds


def check_switch(argument: str, value: object) -> bool:
    """
    Return a switch, also from the text of an environment variable.
    """
    words = {"true": True, "false": False}
    if isinstance(value, str) and value.lower() in words:
        return words[value.lower()]
    if not isinstance(value, bool):
        raise ArgumentError(f"{argument} is {value!r}, expected true or false")
    return value


def check_until(until: object) -> list[str] | None:
    """
    Return the statuses to wait for, or None to read the status once.
    """
    if until is None or until == []:
        return None
    if not isinstance(until, list) or not all(
        status and isinstance(status, str) for status in until
    ):
        raise ArgumentError(f"until is {until!r}, expected a list of statuses")
    return until


def number(value: object) -> float | None:
    """
    Return a finite number, also from the text of an environment variable; else None.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        parsed = float(value)
    except (OverflowError, ValueError):
        return None
    return parsed if math.isfinite(parsed) else None


def _text(argument: str, value: object, expected: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ArgumentError(f"{argument} is {value!r}, expected {expected}")
    if value.startswith("${"):
        raise ArgumentError(
            f"{argument} is {value!r}, which the configuration does not define; expected {expected}"
        )
    return value


def _no_link(argument: str, text: str) -> None:
    if text.startswith(("http://", "https://")):
        raise ArgumentError(f"{argument} is {text!r}: it must not begin with http:// or https://")


def _whole_number(value: object) -> int | None:
    parsed = number(value)
    return int(parsed) if parsed is not None and parsed == int(parsed) else None
