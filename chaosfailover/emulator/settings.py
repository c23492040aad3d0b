"""
The settings: what the API's documentation leaves open, each with a default.

A topology overrides them under `settings:`. Lengths are in emulated seconds, as a number or as a
range `[least, most]`, from which each job or path draws by the seed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random

from chaosfailover.emulator.resource_fields import OVERLAYS
from chaosfailover.emulator.resources import CIRCUIT, PEER, VBR
from chaosfailover.emulator.schema import SPAN, TRUTH, Span, listing, number, one_of, record

__all__ = ["MEANINGS", "SCHEMA", "Settings", "drawn", "longest"]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """
    The value of each setting (API reference 14); MEANINGS explains them.
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
    while_testing: Mapping[str, Mapping[str, object]] = field(
        default_factory=lambda: {"BGPPEER": {"BgpStatus": "Down"}}
    )


MEANINGS: dict[str, str] = {
    "starting": "how long a job is Starting",
    "stopping": "how long a job is Stopping",
    "restored_on": "the status on which resources come back: `Stopped`, or `Stopping`",
    "revert_delay": "how much later the traffic moves back",
    "revert_loss": "how long traffic is lost while it moves back",
    "operation_lasts": "how long a further call on the job gets `EcFailoverTestJobConflict`",
    "status_lag": "how old the jobs and resources are that Describe calls show",
    "one_job_per_region": "whether a second running job of an account gets `AnotherJobTesting`",
    "init_blocks_resources": "whether a job that is Init blocks its resources",
    "dry_run_checks_resources": "whether DryRun of Create checks the resources too",
    "resource_types": "the resource types that Create accepts",
    "token_lifetime": "how long a ClientToken is remembered",
    "timestamp_window": "how many real seconds the date of a signature may be off",
    "fuzzy_names": "whether filters on names match parts of them",
    "empty_next_token": 'whether the last page has `"NextToken": ""` instead of none',
    "ram_refusal": "the error code of RAM: `Forbidden.RAM`, or `NoPermission`",
    "while_testing": "which fields of cut resources change, by resource type",
}
"""
Setting -> its meaning.
"""

SCHEMA = record(
    Settings,
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
    },
)


def drawn(length: Span, *names: object) -> float:
    """
    Draw a length from a span; the same names always draw the same length.
    """
    if not isinstance(length, tuple):
        return length
    return Random("/".join(map(str, names))).uniform(*length)  # noqa: S311 - jitter, no secret


def longest(length: Span) -> float:
    """
    Return the longest length that a span can draw.
    """
    return length[1] if isinstance(length, tuple) else length
