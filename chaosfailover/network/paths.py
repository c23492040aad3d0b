"""
The paths of a region, read from its Describe documents.

A path is a BGP session of a VBR over a circuit. It serves redundancy groups: the ECRs and CENs
that its VBR is attached to.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import NamedTuple

from chaosfailover.alibaba.documents import BgpPeer, PhysicalConnection, VirtualBorderRouter
from chaosfailover.errors import ArgumentError
from chaosfailover.network.health import (
    IDLE,
    UNKNOWN_GROUP,
    Health,
    ancestors,
    attachments,
    circuit_faults,
    health,
    identified,
    ip_version,
    is_literal,
    links,
    number,
    routes_in,
    session_faults,
    text,
    unseen_load,
    vbr_faults,
)

__all__ = ["BfdTimers", "Path", "paths"]


class BfdTimers(NamedTuple):
    """
    The BFD timers of a VBR, the intervals in milliseconds; those of its peers are in no document.
    """

    min_tx: int = 1000
    min_rx: int = 1000
    multiplier: int = 3


TIMER_RANGES = {
    "MinTxInterval": range(200, 1001),
    "MinRxInterval": range(200, 1001),
    "DetectMultiplier": range(3, 11),
}


@dataclass(frozen=True)
class Path:
    """
    A BGP session of a VBR over a circuit, or a part of the network without session.

    Without `bgp_peer_id` it is a VBR without BGP peer. Without `vbr_id` too, it is a circuit
    without VBR, or a circuit that may carry more than was read.

    `groups` are proven attachments of the VBR, `unproven_groups` are possible ones. A VBR over
    several circuits yields a path for each: its session may use any of `other_circuit_ids`, which
    include the circuits that carry those. `parent_circuit_ids` are the circuits that carry a hosted
    circuit, from its parent to the root. `redundant_circuit_id` is the owner's declaration and
    proves nothing. An `idle` circuit has no VBR and no hosted circuits.

    `peer_asn` is the autonomous system of the peer. `established` is the state of the session
    alone; the path may be down all the same. `spec` is the speed of the circuit's port, such as
    `10G`; `bandwidth` is in the API's unit.

    `bfd_timers` are those of the VBR, whether the session uses BFD or not; fields that its document
    leaves out have the documented defaults. `hold` and `keepalive` are seconds. The session takes
    no more than `route_limit` routes. `vbr_bandwidth` and `carrier_bandwidth`, that of the circuit
    `carrier_id`, are Mbit/s.
    """

    circuit_id: str | None
    access_point_id: str | None
    vbr_id: str | None
    bgp_peer_id: str | None
    groups: frozenset[str]
    health: Health
    reason: str
    bfd: bool | None = None
    received_routes: int | None = None
    advertised_routes: int | None = None
    peer_asn: str | None = None
    established: bool = False
    ip_version: str | None = None
    parent_circuit_ids: tuple[str, ...] = ()
    other_circuit_ids: frozenset[str] = frozenset()
    unproven_groups: frozenset[str] = frozenset()
    redundant_circuit_id: str | None = None
    spec: str | None = None
    bandwidth: int | None = None
    idle: bool = False
    bfd_timers: BfdTimers | None = None
    hold: int | None = None
    keepalive: int | None = None
    route_limit: int | None = None
    vbr_bandwidth: int | None = None
    carrier_bandwidth: int | None = None

    def __str__(self) -> str:
        names = (self.circuit_id or "unnamed circuit", self.vbr_id, self.bgp_peer_id)
        return " - ".join(name for name in names if name)

    @property
    def named_groups(self) -> frozenset[str]:
        """
        The groups that the path serves or may serve.
        """
        return self.groups | self.unproven_groups

    @property
    def may_carry(self) -> bool:
        """
        Whether traffic may use the path: not if its session is not established and has no routes.
        """
        return self.bgp_peer_id is None or self.established or self.received_routes != 0

    @property
    def carrier_id(self) -> str | None:
        """
        The circuit that is a line of its own: the root of a hosted circuit, else the circuit.
        """
        return (self.circuit_id, *self.parent_circuit_ids)[-1]

    def as_dict(self) -> dict[str, object]:
        """
        Return the path as JSON can hold it; sets become sorted lists.
        """
        document: dict[str, object] = asdict(self)
        for key, value in document.items():
            if isinstance(value, frozenset):
                document[key] = sorted(value, key=str)
        timers = self.bfd_timers and self.bfd_timers._asdict()
        lists = {"parent_circuit_ids": [*self.parent_circuit_ids]}
        return document | lists | {"bfd_timers": timers}


def paths(
    circuits: Iterable[PhysicalConnection],
    vbrs: Iterable[VirtualBorderRouter],
    bgp_peers: Iterable[BgpPeer],
) -> list[Path]:
    """
    Return the paths that the documents of a region describe, in a stable order.

    Takes the items of DescribePhysicalConnections, DescribeVirtualBorderRouters (to be read with
    IncludeCrossAccountVbr) and DescribeBgpPeers, all pages of each (API reference 5). Raises
    ArgumentError for a document without ID, and for two documents of one ID that differ.
    """
    lines = identified(circuits, "PhysicalConnectionId")
    sessions = _by_router(identified(bgp_peers, "BgpPeerId").values())
    unread: dict[str, VirtualBorderRouter] = {vbr_id: {} for vbr_id in sessions}
    routers = unread | identified(vbrs, "VbrId")
    joined = [
        _path(lines, circuit_id, (vbr_id, vbr), peer)
        for vbr_id, vbr in routers.items()
        for circuit_id in links(vbr)
        for peer in sessions.get(vbr_id, [{}])
    ]
    return sorted(joined + _bare(lines, joined), key=str)


def _by_router(peers: Iterable[BgpPeer]) -> dict[str, list[BgpPeer]]:
    sessions: dict[str, list[BgpPeer]] = {}
    for peer in peers:
        router = text(peer, "RouterId")
        if router is None:
            raise ArgumentError(
                f"{peer['BgpPeerId']} has no RouterId, but every BGP peer needs one"
            )
        sessions.setdefault(router, []).append(peer)
    return sessions


def _path(
    lines: Mapping[str, PhysicalConnection],
    circuit_id: str | None,
    router: tuple[str, VirtualBorderRouter],
    peer: BgpPeer,
) -> Path:
    """
    Join the documents of a circuit, a VBR and a BGP peer; empty documents were not read.
    """
    vbr_id, vbr = router
    faults = circuit_faults(lines, circuit_id) if circuit_id else []
    faults += vbr_faults(vbr_id, vbr, circuit_id) + session_faults(vbr_id, peer)
    groups, unproven = _groups(vbr)
    state, reason = health(faults)
    bfd = peer.get("EnableBfd")
    line, above = lines.get(circuit_id or "", {}), ancestors(lines, circuit_id)
    return Path(
        circuit_id=circuit_id,
        access_point_id=text(line or vbr, "AccessPointId"),
        vbr_id=vbr_id,
        bgp_peer_id=text(peer, "BgpPeerId"),
        groups=groups,
        health=state,
        reason=reason,
        bfd=bfd if isinstance(bfd, bool) else None,
        received_routes=routes_in(peer, "ReceivedRouteCount"),
        advertised_routes=routes_in(peer, "AdvertisedRouteCount"),
        peer_asn=text(peer, "PeerAsn"),
        established=is_literal(text(peer, "BgpStatus"), "Established"),
        ip_version=ip_version(peer),
        parent_circuit_ids=above,
        other_circuit_ids=_others(lines, vbr, circuit_id),
        unproven_groups=unproven,
        redundant_circuit_id=text(line, "RedundantPhysicalConnectionId"),
        spec=text(line, "Spec"),
        bandwidth=number(line, "Bandwidth"),
        bfd_timers=_bfd_timers(vbr),
        hold=number(peer, "Hold"),
        keepalive=number(peer, "Keepalive"),
        route_limit=number(peer, "RouteLimit"),
        vbr_bandwidth=number(vbr, "Bandwidth"),
        carrier_bandwidth=number(lines.get(above[-1], {}) if above else line, "Bandwidth"),
    )


def _bfd_timers(vbr: VirtualBorderRouter) -> BfdTimers | None:
    """
    Return the timers of a VBR; None if it was not read, or a timer is no number of its range.
    """
    document: Mapping[str, object] = vbr
    default = zip(TIMER_RANGES, BfdTimers(), strict=True)
    values = [document.get(key, value) for key, value in default]
    numbers = [value for value in values if type(value) is int]
    in_range = len(numbers) == 3 and all(
        value in allowed for value, allowed in zip(numbers, TIMER_RANGES.values(), strict=True)
    )
    return BfdTimers(*numbers) if vbr and in_range else None


def _groups(vbr: VirtualBorderRouter) -> tuple[frozenset[str], frozenset[str]]:
    """
    Return the groups that a VBR provably serves, and those that it may serve.

    A VBR without proven group may serve one that its document does not show.
    """
    named = attachments(vbr)
    attached = {group for group, status in named if is_literal(status, "Attached")}
    proven = attached - {group for group, status in named if not is_literal(status, "Attached")}
    proven -= {UNKNOWN_GROUP}
    doubtful = {group for group, _ in named} - proven
    return frozenset(proven), frozenset(doubtful if proven else doubtful | {UNKNOWN_GROUP})


def _others(
    lines: Mapping[str, PhysicalConnection], vbr: VirtualBorderRouter, circuit_id: str | None
) -> frozenset[str]:
    others = {other for other in links(vbr) if other and other != circuit_id}
    return frozenset(others.union(*(ancestors(lines, other) for other in others)))


def _bare(lines: Mapping[str, PhysicalConnection], others: Iterable[Path]) -> list[Path]:
    """
    Return the circuits without VBR, and those that may carry more than was read.
    """
    used = {path.circuit_id for path in others if path.circuit_id}
    loads = {name: unseen_load(lines, name, name in used) for name in used | lines.keys()}
    return [
        _circuit(lines, name, reason)
        for name, reason in loads.items()
        if reason or name not in used
    ]


def _circuit(lines: Mapping[str, PhysicalConnection], circuit_id: str, reason: str | None) -> Path:
    line = lines.get(circuit_id, {})
    return Path(
        circuit_id=circuit_id,
        access_point_id=text(line, "AccessPointId"),
        vbr_id=None,
        bgp_peer_id=None,
        groups=frozenset(),
        health="unknown",
        reason=reason or "it carries hosted circuits only",
        parent_circuit_ids=ancestors(lines, circuit_id),
        unproven_groups=frozenset({UNKNOWN_GROUP} if reason else ()),
        idle=reason == IDLE,
        redundant_circuit_id=text(line, "RedundantPhysicalConnectionId"),
    )
