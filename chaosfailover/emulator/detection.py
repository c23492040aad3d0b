"""
Detection: how long a cut goes unnoticed by the routers, as a pure function of what they are set to.

Timers notice a silent cut. BFD gives up after `DetectMultiplier` times the longer interval of the
VBR (RFC 5880, 6.8.4; the router at the other end is taken to have the same timers). Without BFD,
the session lasts for its `Hold` (RFC 4271). Both are the longest time that routers take.
"""

from collections.abc import Mapping
from math import inf

from chaosfailover.emulator.resource_fields import shown
from chaosfailover.emulator.resources import PEER, VBR, Network, Resource
from chaosfailover.emulator.schema import SPAN, Span, one_of

__all__ = ["CUT_IS", "DETECTION", "by_bfd", "detection", "detection_from"]

DETECTION = ("bfd", "bgp-hold", "health-check", "session")
"""
The mechanisms: `session` is BFD where the peer has `EnableBfd`, and the hold time elsewhere.
"""

INTERVAL, PROBES = 2, 8
"""The health check of a VBR, where its topology says no other: 8 probes, 2 s apart."""

BFD_DEFAULTS = {"MinTxInterval": 1000, "MinRxInterval": 1000, "DetectMultiplier": 3}

KNOWN = {"link-down": 0.01, "session-closed": 0.0}
"""What a cut is to the routers -> seconds until they know of it. Only timers notice others."""

CUT_IS = ("silent", *KNOWN)


def detection_from(value: object, place: str) -> Span | str:
    """
    Read how the loss of a path is detected: by a mechanism, or after a length of time.
    """
    return one_of(*DETECTION)(value, place) if isinstance(value, str) else SPAN(value, place)


def detection(means: Span | str, over: str, cut_is: str, network: Network) -> Span:
    """
    Return how long a cut of the path over a resource goes unnoticed, in seconds.

    Over a circuit or VBR, the slowest of its sessions counts. A length and a health check ask no
    session, so they last as long whatever the cut is to the routers.
    """
    if not isinstance(means, str):
        return means
    related = [network.resources[each] for each in sorted(network.related(over))]
    vbrs = [each for each in related if each.kind == VBR]
    if means == "health-check":
        return max(
            (_health_check(each.health_check or {}) for each in vbrs), default=_health_check({})
        )
    if cut_is in KNOWN:
        return KNOWN[cut_is]
    bfd = max(map(_bfd, vbrs), default=_bfd(None))
    peers = [each for each in related if each.kind == PEER]
    return max((_session(means, peer, bfd) for peer in peers), default=bfd)


def _health_check(check: Mapping[str, object]) -> float:
    """
    Return how long a health check takes to find a fault; one that only probes moves nothing.
    """
    if check.get("HealthCheckOnly"):
        return inf
    interval, probes = check.get("HealthCheckInterval"), check.get("HealthyThreshold")
    return float(str(interval or INTERVAL)) * int(str(probes or PROBES))


def by_bfd(means: Span | str, over: str, network: Network) -> bool:
    """
    Say whether BFD notices the loss of the path over a resource, which failover groups need.

    A length of time does not say what notices it, so it may be BFD.
    """
    if means != "session":
        return means not in ("bgp-hold", "health-check")
    related = (network.resources[each] for each in network.related(over))
    return all(shown(each, "EnableBfd") for each in related if each.kind == PEER)


def _session(means: str, peer: Resource, bfd: float) -> float:
    if means == "bfd" or (means == "session" and shown(peer, "EnableBfd")):
        return bfd
    return float(str(shown(peer, "Hold"))) or inf


def _bfd(vbr: Resource | None) -> float:
    """
    Return the detection time of BFD; an interval or multiplier of 0 is the documented default.
    """
    timers = {
        name: (vbr and int(str(shown(vbr, name)))) or default
        for name, default in BFD_DEFAULTS.items()
    }
    interval = max(timers["MinTxInterval"], timers["MinRxInterval"])
    return timers["DetectMultiplier"] * interval / 1000
