"""
The time until another path takes over, forecast before a cut.

It is the time until the loss is noticed (detection) and until traffic then moves (convergence).
The forecast is for a path that falls silent, since that is what a real failure may do; a session
that the cloud closes moves sooner. A value that was not seen makes no forecast: `least` is then 0,
so that nothing is called impossible, and `most` is None, so that nothing is called safe.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from chaosfailover.alibaba.documents import text
from chaosfailover.alibaba.network_documents import RouterInterface, VbrHa
from chaosfailover.network.health import is_literal
from chaosfailover.network.paths import BfdTimers, Path
from chaosfailover.network.routing import Routing, Unread
from chaosfailover.network.survival import Need, Survival

__all__ = ["CUT_PROVES", "Span", "Takeover", "slowest", "takeover", "takeovers"]

CLOSED = (
    "Whether the cloud closes their sessions or lets them fall silent is not documented: a session "
    "that is closed shows how fast routes move, and not how fast a silent failure is noticed"
)

CUT_PROVES = {
    "PHYSICALCONNECTION": (
        "The cut of a circuit disables the circuit and its VBRs, and what is hosted on it. "
        f"{CLOSED}. Whether the customer's router loses its carrier is not documented either"
    ),
    "VIRTUALBORDERROUTER": (
        "The cut of a VBR takes its sessions; other VBRs of the circuit stay up, and the router of "
        f"the customer sees no loss of carrier. {CLOSED}"
    ),
    "BGPPEER": (
        "The cut of a BGP peer takes the session of one address family; static routes and other "
        f"peers of the VBR still carry traffic. {CLOSED}"
    ),
}
"""What a cut of each resource type shows, and what it leaves open."""

FAILOVER_GROUP = "add the two VBRs to a failover group"
ENABLE_BFD = "enable BFD"
LOWER_TIMERS = "lower the BFD timers"
ECR_ALONE = 10.0
"""The seconds that an ECR is documented to need at least without a failover group."""
FASTEST = BfdTimers(200, 200, 3)
SHORTENED = 0.75


@dataclass(frozen=True)
class Span:
    """
    A time in seconds, from `least` to `most`; without `most` it has no known end.
    """

    least: float = 0.0
    most: float | None = None

    def __add__(self, other: "Span") -> "Span":
        unknown = self.most is None or other.most is None
        most = None if unknown else (self.most or 0.0) + (other.most or 0.0)
        return Span(self.least + other.least, most)

    def __str__(self) -> str:
        if math.isinf(self.least):
            return "never"
        if self.most is not None:
            return f"{self.least:g} s to {self.most:g} s"
        return f"{self.least:g} s or more" if self.least else "not known"

    def as_dict(self) -> dict[str, object]:
        """
        Return the span as JSON can hold it.
        """
        never = math.isinf(self.least)
        return {"least": None if never else self.least, "most": self.most, "never": never}


UNKNOWN, NEVER = Span(), Span(math.inf)


@dataclass(frozen=True)
class Takeover:
    """
    The forecast for a path, or for the slowest of several.

    `reasons` are what it rests on and what is not known; `advice` would lower it. `documented` is
    what Alibaba says that it takes at least, in seconds, which groups that no API shows may lower.
    """

    detection: Span = UNKNOWN
    convergence: Span = UNKNOWN
    reasons: tuple[str, ...] = ()
    advice: tuple[str, ...] = ()
    documented: float = 0.0

    def __str__(self) -> str:
        span = str(self.detection + self.convergence)
        if self.documented > self.least:
            return f"{span} (documented: {self.documented:g} s or more)"
        return span

    @property
    def least(self) -> float:
        """
        The shortest time that a silent loss can take; infinite if nothing would take over.
        """
        return (self.detection + self.convergence).least

    @property
    def most(self) -> float | None:
        """
        The longest time that it takes; None if that is not known.
        """
        return (self.detection + self.convergence).most

    def cannot_hold(self, rto: float) -> bool:
        """
        Return whether a silent loss takes longer than an RTO in any case.
        """
        return rto < self.least

    def doubt(self, rto: float) -> str:
        """
        Return the forecast with what it says against an RTO, "" if that is nothing.

        Without an upper end, an RTO from the lower end on is neither doubted nor sure.
        """
        if self.cannot_hold(rto):
            return f"{self}: it cannot hold"
        if rto < max(self.most or 0.0, self.documented):
            return f"{self}: it may not hold"
        if self.most is None and not self.least:
            return "a time that is not known: whether it can hold is not known either"
        return ""

    def as_dict(self) -> dict[str, object]:
        """
        Return the forecast as JSON can hold it.
        """
        spans = {"detection": self.detection.as_dict(), "convergence": self.convergence.as_dict()}
        notes = {"reasons": [*self.reasons], "advice": [*self.advice]}
        return (self.detection + self.convergence).as_dict() | spans | notes


def takeovers(survival: Survival, routing: Routing) -> dict[str, Takeover]:
    """
    Return the forecast of each need, by its name: that of its slowest path.

    Sessions that carry nothing for certain are left out.
    """
    return {
        str(need): slowest(takeover(path, need, routing) for path in need.taken if path.may_carry)
        for need in survival.needs
    }


def takeover(path: Path, need: Need, routing: Routing) -> Takeover:
    """
    Return the forecast for a path that a need loses.
    """
    detection, noticed = _detection(path, need, routing)
    convergence, moved = _convergence(path, need, routing)
    reasons = tuple(f"{path}: {reason}" for reason in (noticed, moved))
    advice = tuple(_advice(path, need, routing))
    is_alone = convergence.most is None and not _groups_of(path, routing)[1]
    is_alone = is_alone and need.group.startswith("ecr-")
    return Takeover(detection, convergence, reasons, advice, ECR_ALONE if is_alone else 0.0)


def slowest(forecasts: Iterable[Takeover]) -> Takeover:
    """
    Return the forecast for several paths: the longest of their times, with all reasons.
    """
    each = list(forecasts)
    if not each:
        return Takeover(reasons=("no path of the cut is known to carry traffic",))
    return Takeover(
        _longest(forecast.detection for forecast in each),
        _longest(forecast.convergence for forecast in each),
        tuple(dict.fromkeys(reason for forecast in each for reason in forecast.reasons)),
        tuple(dict.fromkeys(advice for forecast in each for advice in forecast.advice)),
        max(forecast.documented for forecast in each),
    )


def _longest(spans: Iterable[Span]) -> Span:
    each = list(spans)
    ends = [span.most for span in each if span.most is not None]
    most = max(ends) if len(ends) == len(each) else None
    return Span(max(span.least for span in each), most)


def _detection(path: Path, need: Need, routing: Routing) -> tuple[Span, str]:
    if path.bgp_peer_id is None:
        return _static(path, need, routing)
    if path.bfd is None:
        return UNKNOWN, "EnableBfd is unknown, and with it when a silent loss is noticed"
    return _by_bfd(path) if path.bfd else _by_hold(path)


def _by_bfd(path: Path) -> tuple[Span, str]:
    """
    Return the time of BFD (RFC 5880, 6.8.4), from a failure up to one interval after a packet.

    The customer's router needs the VBR's multiplier of its interval at least. At most, the slower
    direction does, with a router at the defaults, or at the VBR's timers if those are slower.
    """
    timers, default = path.bfd_timers, BfdTimers()
    if timers is None:
        return UNKNOWN, "the BFD timers of its VBR are unknown"
    peer = BfdTimers(*(max(pair) for pair in zip(timers, default, strict=True)))
    cloud = peer.multiplier * max(timers.min_rx, peer.min_tx)
    router = timers.multiplier * max(timers.min_tx, peer.min_rx)
    shown = f"{timers.min_tx}/{timers.min_rx} ms x {timers.multiplier}"
    span = Span((timers.multiplier - 1) * timers.min_tx / 1000, max(cloud, router) / 1000)
    other = f"{peer.min_tx}/{peer.min_rx} ms x {peer.multiplier}"
    return span, (
        f"BFD at {shown}, if it is up, and if the other side is no slower than {other}: no API "
        "shows either"
    )


def _by_hold(path: Path) -> tuple[Span, str]:
    """
    Return the time of the BGP hold timer (RFC 4271), which each keepalive begins anew.

    Routers may shorten it by a quarter: BIRD does.
    """
    hold = path.hold
    if hold == 0:
        return UNKNOWN, "no BFD, and Hold is 0: BGP alone never notices a silent loss"
    if hold is None or not 3 <= hold <= 65535:
        return UNKNOWN, "no BFD, and Hold is unknown"
    least = max(SHORTENED * hold - path.keepalive, 0) if path.keepalive else 0
    return Span(least, hold), f"no BFD, so a silent loss is noticed when Hold, {hold} s, has passed"


def _static(path: Path, need: Need, routing: Routing) -> tuple[Span, str]:
    """
    Return the time of the health check of a VBR without session.
    """
    if need.group.startswith("ecr-"):
        return UNKNOWN, "no BGP peer was read, and an ECR takes no other routes"
    if need.group.startswith("cen-"):
        return _cen_check(path.vbr_id, need.group, routing)
    return _interface_check(path.vbr_id, routing)


def _cen_check(vbr_id: str | None, cen_id: str, routing: Routing) -> tuple[Span, str]:
    default = Unread("DescribeCenVbrHealthCheck", "not asked")
    check = routing.health_checks.get(vbr_id or "", default)
    if isinstance(check, Unread):
        return UNKNOWN, f"static, and whether a health check moves its traffic is unknown: {check}"
    if check is None:
        return NEVER, "static and without health check: its loss is never noticed"
    if (text(check, "CenId"), text(check, "VbrInstanceId")) != (cen_id, vbr_id):
        return UNKNOWN, f"static, and the health check that was read is not its own in {cen_id}"
    if check.get("HealthCheckOnly") is True:
        return NEVER, "static, and its health check moves no traffic: HealthCheckOnly is true"
    if check.get("HealthCheckOnly") is not False:
        return UNKNOWN, "static, and whether its health check moves traffic is unknown"
    return _checks(check.get("HealthCheckInterval"), check.get("HealthyThreshold"))


def _interface_check(vbr_id: str | None, routing: Routing) -> tuple[Span, str]:
    if isinstance(routing.interfaces, Unread):
        return UNKNOWN, f"static, and its health checks are unknown: {routing.interfaces}"
    ends = [
        interface
        for interface in routing.interfaces
        if vbr_id and vbr_id in (text(interface, "OppositeRouterId"), text(interface, "RouterId"))
    ]
    if not ends:
        return UNKNOWN, "static, and no router interface to it was read"
    spans = [_one_interface(interface) for interface in ends]
    return _longest(span for span, _ in spans), "; ".join(sorted({why for _, why in spans}))


def _one_interface(interface: RouterInterface) -> tuple[Span, str]:
    status = text(interface, "HealthCheckStatus")
    if is_literal(status, "NoHealthCheckConfig"):
        return NEVER, "static and without health check: its loss is never noticed"
    if is_literal(status, "NoRedundantRoute"):
        return NEVER, "static, and its health check has no redundant route to move traffic to"
    if not is_literal(status, "Normal"):
        return UNKNOWN, f"static, and HealthCheckStatus is {status or 'missing'}, not Normal"
    rate: object = interface.get("HcRate")
    milliseconds = type(rate) is int and 2000 <= rate <= 3000
    interval = rate / 1000 if isinstance(rate, int) and milliseconds else rate
    return _checks(interval, interface.get("HcThreshold"))


def _checks(interval: object, threshold: object) -> tuple[Span, str]:
    """
    Return the time of so many probes without answer, and at most one interval more on each side.
    """
    known = type(interval) in (int, float) and type(threshold) is int
    if not (known and isinstance(interval, int | float) and isinstance(threshold, int)):
        return UNKNOWN, "static, and the timers of its health check are unknown"
    if not (2 <= interval <= 3 and 3 <= threshold <= 8):
        return UNKNOWN, "static, and the timers of its health check are out of their range"
    span = Span((threshold - 1) * interval, (threshold + 1) * interval)
    return span, f"static, with a health check of {interval:g} s x {threshold}"


def _convergence(path: Path, need: Need, routing: Routing) -> tuple[Span, str]:
    pairs, unread = _groups_of(path, routing)
    partners = {name for pair in pairs for name in pair} - {path.vbr_id}
    survivors = {survivor.vbr_id for survivor in need.survivors}
    if path.bfd and len(partners) == 1 and partners <= survivors:
        return Span(0, 1), f"its failover group moves traffic to {partners.pop()} within 1 s"
    if partners:
        group = "it has a failover group, but not with BFD and a single partner that survives"
    else:
        group = f"its failover group is unknown: {unread}" if unread else "it has no failover group"
    if need.group.startswith("ecr-"):
        return UNKNOWN, f"{group}; an ECR is documented to need 10 s or more without one"
    return UNKNOWN, f"{group}; without one, several seconds are documented"


def _groups_of(path: Path, routing: Routing) -> tuple[set[frozenset[str | None]], Unread | None]:
    """
    Return the pairs of VBRs of active groups with the path's VBR, asked for by any VBR's ID.
    """
    own = routing.failover_groups.get(path.vbr_id or "", Unread("DescribeVbrHa", "not asked"))
    read = [group for group in routing.failover_groups.values() if not isinstance(group, Unread)]
    pairs = {
        _pair(group) for group in read if group and is_literal(text(group, "Status"), "Active")
    }
    mine = {pair for pair in pairs if path.vbr_id in pair}
    return mine, own if isinstance(own, Unread) else None


def _pair(group: VbrHa) -> frozenset[str | None]:
    return frozenset({text(group, "VbrId"), text(group, "PeerVbrId")})


def _advice(path: Path, need: Need, routing: Routing) -> Iterator[str]:
    """
    Yield what would lower the forecast of a path.
    """
    pairs, unread = _groups_of(path, routing)
    partners = {survivor.vbr_id for survivor in need.survivors if survivor.bfd} - {path.vbr_id}
    timers = path.bfd_timers
    if path.bfd and partners and not pairs and not unread:
        yield FAILOVER_GROUP
    if path.bfd is False and (not path.hold or path.hold > BfdTimers().multiplier):
        yield ENABLE_BFD
    slow = timers and (timers.min_tx, timers.multiplier) > (FASTEST.min_tx, FASTEST.multiplier)
    if path.bfd and slow:
        yield LOWER_TIMERS
