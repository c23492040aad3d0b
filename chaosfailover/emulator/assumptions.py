"""
The decisions that the API's documentation leaves open, each a named setting with a default.

A topology file overrides them under `settings:`. Seconds are emulated seconds; a length may be
a number or a range `[least, most]`, from which each job or path draws by the seed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

from chaosfailover.emulator.fields import OVERLAYS
from chaosfailover.emulator.resources import CIRCUIT, PEER, VBR
from chaosfailover.emulator.schema import SPAN, TRUTH, Span, listing, number, one_of, record

__all__ = ["MEANINGS", "SCHEMA", "Assumptions", "drawn", "longest", "settings_from"]


@dataclass(frozen=True, kw_only=True)
class Assumptions:
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

SCHEMA = record(
    {
        "starting": SPAN,
        "stopping": SPAN,
        "restored_on": one_of("Stopping", "Stopped"),
        "revert_delay": SPAN,
        "revert_loss": SPAN,
        "operation_lasts": number(0),
        "status_lag": number(0),
        "one_job_per_region": TRUTH,
        "init_blocks_resources": TRUTH,
        "dry_run_checks_resources": TRUTH,
        "resource_types": listing(one_of(CIRCUIT, VBR, PEER)),
        "token_lifetime": number(0),
        "timestamp_window": number(0),
        "fuzzy_names": TRUTH,
        "empty_next_token": TRUTH,
        "ram_refusal": one_of("Forbidden.RAM", "NoPermission"),
        "while_testing": OVERLAYS,
    }
)


def settings_from(values: Any, place: str = "settings") -> Assumptions:
    """
    Read a topology's `settings:`; ValueError names what is unknown or wrong.
    """
    return Assumptions(**SCHEMA(values, place))


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
