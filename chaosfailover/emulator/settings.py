"""
The decisions that the API's documentation leaves open, each a named setting with a default.

A topology file overrides them under `settings:`. Seconds are emulated seconds; a length may be
a number or a range `[least, most]`, from which each job or path draws by the seed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from random import Random
from typing import Any

__all__ = ["MEANINGS", "Settings", "Span", "drawn", "longest", "settings_from", "span"]

Span = float | tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """
    How this emulator decides what nobody documents (API reference 14); MEANINGS says it in words.
    """

    starting: Span = 2.0
    stopping: Span = 2.0
    restored_on: str = "Stopped"
    revert_delay: Span = 0.5
    revert_loss: Span = 0.2
    operation_lasts: float = 0.0
    status_lag: float = 0.0
    one_job_per_region: bool = True
    init_blocks_resources: bool = False
    dry_run_checks_resources: bool = False
    resource_types: tuple[str, ...] = ("PHYSICALCONNECTION", "VIRTUALBORDERROUTER", "BGPPEER")
    token_lifetime: float = 86400.0
    timestamp_window: float = 900.0
    fuzzy_names: bool = False
    empty_next_token: bool = False
    ram_refusal: str = "Forbidden.RAM"
    while_testing: Mapping[str, Mapping[str, Any]] = field(
        default_factory=lambda: {"BGPPEER": {"BgpStatus": "Down"}}
    )


MEANINGS: dict[str, str] = {
    "starting": "how long a job is Starting",
    "stopping": "how long a job is Stopping",
    "restored_on": "the status on which resources come back: `Stopped`, or `Stopping`",
    "revert_delay": "how long after that the traffic moves back",
    "revert_loss": "how long traffic is lost while it moves back",
    "operation_lasts": "a second call on a job within this gets `EcFailoverTestJobConflict`",
    "status_lag": "Describe calls show jobs and resources as of this long ago",
    "one_job_per_region": "a second running job of an account gets `AnotherJobTesting`",
    "init_blocks_resources": "a job that is Init already blocks its resources",
    "dry_run_checks_resources": "DryRun of Create looks at the resources too",
    "resource_types": "the resource types that Create accepts",
    "token_lifetime": "how long a ClientToken is remembered",
    "timestamp_window": "by how many real seconds a signature's date may be off",
    "fuzzy_names": "filters on names match parts of them",
    "empty_next_token": 'the last page carries `"NextToken": ""` instead of none',
    "ram_refusal": "what a key gets that RAM limits: `Forbidden.RAM`, or `NoPermission`",
    "while_testing": "the fields that cut resources show, by resource type",
}
"""
Setting -> what it decides.
"""

CHOICES: dict[str, tuple[str, ...]] = {
    "restored_on": ("Stopping", "Stopped"),
    "ram_refusal": ("Forbidden.RAM", "NoPermission"),
}
SPANS = ("starting", "stopping", "revert_delay", "revert_loss")


def settings_from(values: Mapping[str, Any]) -> Settings:
    """
    Build settings from a topology's `settings:`; ValueError names what is unknown or wrong.
    """
    known = {each.name for each in fields(Settings)}
    if unknown := sorted(set(values) - known):
        raise ValueError(f"unknown settings {unknown}; known are {sorted(known)}")
    for name, choices in CHOICES.items():
        if values.get(name, choices[0]) not in choices:
            raise ValueError(f"setting {name} is {values[name]!r}, not one of {choices}")
    spans = {name: span(values[name], name) for name in SPANS if name in values}
    types = (
        {"resource_types": tuple(values["resource_types"])} if "resource_types" in values else {}
    )
    return Settings(**{**values, **spans, **types})


def span(value: Any, name: str) -> Span:
    """
    Read a length: a number of seconds, or a range `[least, most]`.
    """
    ends = tuple(value) if isinstance(value, list | tuple) else (value, value)
    numbers = all(isinstance(end, int | float) and end >= 0 for end in ends)
    if len(ends) != 2 or not numbers or ends[0] > ends[1]:
        raise ValueError(f"{name} is {value!r}, not seconds or [least, most]")
    return (float(ends[0]), float(ends[1])) if ends[0] < ends[1] else float(ends[0])


def drawn(length: Span, *names: object) -> float:
    """
    Draw a length from a span; the same names always draw the same.
    """
    if not isinstance(length, tuple):
        return length
    return Random("/".join(map(str, names))).uniform(*length)  # noqa: S311 - jitter, no secret


def longest(length: Span) -> float:
    """
    Return the most that a span can draw.
    """
    return length[1] if isinstance(length, tuple) else length
