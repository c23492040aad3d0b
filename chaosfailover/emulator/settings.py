"""
The settings: what the API's documentation leaves open, each with a default.

A topology overrides them under `settings:`. Lengths are in emulated seconds, as a number or as a
range `[least, most]`, from which each job or path draws by the seed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Annotated

from chaosfailover.emulator.detection import CUT_IS
from chaosfailover.emulator.resource_fields import OVERLAYS
from chaosfailover.emulator.resources import CIRCUIT, PEER, VBR
from chaosfailover.emulator.schema import (
    SPAN,
    TRUTH,
    Span,
    listing,
    number,
    one_of,
    record,
    record_of,
)

__all__ = ["SETTINGS", "Settings", "drawn", "longest"]


def _cut_is(**others: str) -> dict[str, str]:
    return {CIRCUIT: "silent", VBR: "silent", PEER: "silent", **others}


def _loses(**others: str) -> dict[str, str]:
    return {CIRCUIT: "both", VBR: "both", PEER: "both", **others}


@dataclass(frozen=True, kw_only=True)
class Settings:
    """
    Each setting with its type, its schema, its meaning and its default (API reference 14).
    """

    starting: Annotated[Span, SPAN, "how long a job is Starting"] = 2.0
    stopping: Annotated[Span, SPAN, "how long a job is Stopping"] = 2.0
    restored_on: Annotated[
        str,
        one_of("Stopping", "Stopped"),
        "the status on which resources come back: `Stopped`, or `Stopping`",
    ] = "Stopped"
    cut_is: Annotated[
        Mapping[str, str],
        record(_cut_is, {kind: one_of(*CUT_IS) for kind in (CIRCUIT, VBR, PEER)}),
        "what a cut is to the routers, by resource type: `silent`, `link-down` or `session-closed`",
    ] = field(default_factory=_cut_is)
    sessions_fall: Annotated[
        str,
        one_of("cut", "detection"),
        "when BGP peers show the fields of `while_testing`: with the `cut`, or on its `detection`",
    ] = "cut"
    loses: Annotated[
        Mapping[str, str],
        record(_loses, {kind: one_of("both", "out", "back") for kind in (CIRCUIT, VBR, PEER)}),
        "what a cut loses, by resource type: `both` directions, only `out` from the client to the"
        " service, or only `back`",
    ] = field(default_factory=_loses)
    convergence: Annotated[
        Span, SPAN, "how much longer than its detection a loss lasts, until the routes have moved"
    ] = 0.0
    group_takeover: Annotated[
        Span, SPAN, "the same within a failover group, if that is shorter"
    ] = 0.5
    revert_delay: Annotated[Span, SPAN, "how much later the traffic moves back"] = 0.5
    revert_loss: Annotated[Span, SPAN, "how long traffic is lost while it moves back"] = 0.2
    operation_lasts: Annotated[
        float, number(0), "how long a further call on the job gets `EcFailoverTestJobConflict`"
    ] = 0.0
    status_lag: Annotated[
        float, number(0), "how old the jobs and resources are that Describe calls show"
    ] = 0.0
    one_job_per_region: Annotated[
        bool, TRUTH, "whether a second running job of an account gets `AnotherJobTesting`"
    ] = True
    init_blocks_resources: Annotated[
        bool, TRUTH, "whether a job that is Init blocks its resources"
    ] = False
    dry_run_checks_resources: Annotated[
        bool, TRUTH, "whether DryRun of Create checks the resources too"
    ] = False
    resource_types: Annotated[
        tuple[str, ...],
        listing(one_of(CIRCUIT, VBR, PEER)),
        "the resource types that Create accepts",
    ] = (CIRCUIT, VBR, PEER)
    token_lifetime: Annotated[float, number(0), "how long a ClientToken is remembered"] = 86400.0
    timestamp_window: Annotated[
        float,
        number(0),
        "how many real seconds the date of a signature may be off, and how late a request may"
        " take effect",
    ] = 900.0
    fuzzy_names: Annotated[bool, TRUTH, "whether filters on names match parts of them"] = False
    empty_next_token: Annotated[
        bool, TRUTH, 'whether the last page has `"NextToken": ""` instead of none'
    ] = False
    metric_delay: Annotated[
        float, number(0), "how long after its end CloudMonitor shows a period"
    ] = 240.0
    vbr_ha_by_peer: Annotated[
        bool, TRUTH, "whether DescribeVbrHa finds a failover group by its second VBR too"
    ] = False
    ecr_lists_all: Annotated[
        bool, TRUTH, "whether an ECR lists routes that are not the best for their prefix"
    ] = True
    ram_refusal: Annotated[
        str,
        one_of("Forbidden.RAM", "NoPermission"),
        "the error code of RAM: `Forbidden.RAM`, or `NoPermission`",
    ] = "Forbidden.RAM"
    while_testing: Annotated[
        Mapping[str, Mapping[str, object]],
        OVERLAYS,
        "which fields of cut resources change, by resource type",
    ] = field(default_factory=lambda: {PEER: {"BgpStatus": "Down"}})


SETTINGS = record_of(Settings)


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
