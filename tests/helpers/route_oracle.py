"""
The rules of routes, forecasts and loads, read anew from the documents to judge the product.

An answer is yes only if the rule says yes. It shares no code with the product.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any

from recorded import Network

from chaosfailover.network.routing import Routing, Traffic

__all__ = ["Scene", "carried", "forecast", "is_covered", "is_load_known"]

Net = IPv4Network | IPv6Network
DAY = timedelta(days=1)


@dataclass
class Scene:
    """
    All documents of a network and its routes.
    """

    group: str
    network: Network
    vbr_routes: dict[str, Any]
    fabric: Any
    disabled: Any
    failover_groups: dict[str, Any] = field(default_factory=dict)
    health_checks: dict[str, Any] = field(default_factory=dict)
    vpn: Any = ()
    vpn_routes: dict[str, Any] = field(default_factory=dict)
    traffic: dict[str, Any] = field(default_factory=dict)
    now: datetime = datetime(2026, 11, 28, tzinfo=UTC)

    def routing(self) -> Routing:
        """
        Return it as the product reads it.
        """
        is_ecr = self.group.startswith("ecr-")
        return Routing(
            self.vbr_routes,
            {self.group: self.fabric} if is_ecr else {},
            {self.group: self.disabled} if is_ecr else {},
            {} if is_ecr else {self.group: self.fabric},
            self.failover_groups,
            self.health_checks,
            vpn=self.vpn,
            vpn_routes=self.vpn_routes,
            traffic=self.traffic,
            taken_at=self.now,
        )


def net(value: object) -> Net | None:
    """
    Return a prefix; None if it is none.
    """
    try:
        return ip_network(value) if isinstance(value, str) and "/" in value else None
    except ValueError:
        return None


def says(value: object, *literals: str) -> bool:
    """
    Tell whether a value is one of the literals, in any case.
    """
    return isinstance(value, str) and value.lower() in {each.lower() for each in literals}


def at(value: object, *keys: str) -> Any:
    """
    Return a nested value; None where there is none.
    """
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def around(rows: Any, key: str, prefix: Net) -> list[tuple[int, Any]] | None:
    """
    Return the rows that contain a prefix, by length; None if one of all has no prefix.
    """
    if not isinstance(rows, list | tuple):
        return None
    nets = [net(row.get(key)) for row in rows]
    if None in nets:
        return None
    return [
        (each.prefixlen, row)
        for each, row in zip(nets, rows, strict=True)
        if each and each.version == prefix.version and prefix.subnet_of(each)  # type: ignore[arg-type]
    ]


def tops(rows: Iterable[tuple[int, Any]]) -> list[Any]:
    """
    Return the rows of the greatest length.
    """
    each = list(rows)
    longest = max((length for length, _ in each), default=None)
    return [row for length, row in each if length == longest]


def leads_down(row: Any) -> bool:
    """
    Tell whether a VBR's route leads to the data center (3.4): BGP, or static to a circuit.
    """
    hops = at(row, "NextHops", "NextHop")
    if not isinstance(hops, list) or not hops or not says(row.get("Status"), "Available"):
        return False
    kinds = [at(hop, "NextHopRelatedInfo", "InstanceType") for hop in hops]
    usable = all(isinstance(hop, dict) and hop.get("Enabled", 1) in (1,) for hop in hops)
    if says(row.get("Type"), "BGP"):
        named = {kind for kind in kinds if isinstance(kind, str) and kind}
        return usable and named <= {"PCONN"}
    return usable and says(row.get("Type"), "Custom") and all(kind == "PCONN" for kind in kinds)


def learned(scene: Scene, prefix: Net, vbr: str) -> bool:
    """
    Tell whether the table of a VBR has the prefix, from nothing but its surviving sessions.
    """
    rows = around(scene.vbr_routes.get(vbr), "DestinationCidrBlock", prefix)
    best = tops(rows or [])
    return bool(best) and all(map(leads_down, best)) and sessions_are_whole(scene, prefix, vbr)


def sessions_are_whole(scene: Scene, prefix: Net, vbr: str) -> bool:
    """
    Tell whether each session of a VBR that may have brought routes is fit to survive.
    """
    for peer in scene.network.bgp_peers:
        version = peer.get("IpVersion")
        if peer.get("RouterId") != vbr or says(version, "IPv6" if prefix.version == 4 else "IPv4"):
            continue
        counts = [peer.get(key) for key in ("ReceivedRouteCount", "AdvertisedRouteCount")]
        fit = says(peer.get("Status"), "Available") and says(peer.get("BgpStatus"), "Established")
        fit = fit and all(type(count) is int and count > 0 for count in counts)
        idle = not says(peer.get("BgpStatus"), "Established") and counts[0] == 0
        if not (fit or idle):
            return False
    return True


def used(scene: Scene, prefix: Net, name: str, cut: set[str]) -> bool:
    """
    Tell whether the ECR or CEN would use a VBR or VPN connection for the prefix.
    """
    is_ecr = scene.group.startswith("ecr-")
    return (in_ecr if is_ecr else in_transit)(scene, prefix, name, cut)


def in_ecr(scene: Scene, prefix: Net, name: str, cut: set[str]) -> bool:
    key = "DestinationCidrBlock"
    rows = around(scene.fabric, key, prefix)
    off = around(scene.disabled, key, prefix)
    if rows is None or off is None:
        return False
    if not all(
        isinstance(row["NexthopInstanceId"], str)
        for row in scene.disabled
        if "NexthopInstanceId" in row
    ):
        return False
    disabled = {(net(row.get(key)), row.get("NexthopInstanceId")) for row in scene.disabled}
    left = [
        (length, row)
        for length, row in rows
        if row.get("NexthopInstanceId") not in cut
        and (net(row.get(key)), row.get("NexthopInstanceId")) not in disabled
    ]
    best = tops(left)
    mine = [row for row in best if row.get("NexthopInstanceId") == name]
    return bool(mine) and all(says(row.get("Status"), "ACTIVE") for row in mine)


def goes_over(row: Any) -> set[str]:
    key = "TransitRouterRouteEntry"
    names = [row.get(f"{key}{which}ResourceId") for which in ("NextHop", "Origin")]
    names.append(at(row, "PathAttributes", "OriginInstanceId"))
    return {name for name in names if isinstance(name, str)}


def in_transit(scene: Scene, prefix: Net, name: str, cut: set[str]) -> bool:
    key = "TransitRouterRouteEntry"
    rows = around(scene.fabric, f"{key}DestinationCidrBlock", prefix)
    if rows is None:
        return False
    tables = {str(row.get("TransitRouterRouteTableId")) for _, row in rows if goes_over(row) & cut}
    fine = [
        is_used_in(
            [each for each in rows if str(each[1].get("TransitRouterRouteTableId")) == table],
            name,
            cut,
        )
        for table in tables or {str(row.get("TransitRouterRouteTableId")) for _, row in rows}
    ]
    return all(fine) if tables else any(fine)


def counts(row: Any, name: str, cut: set[str]) -> bool:
    """
    Tell whether a transit router's route has a say after the cut: a refused one has none.
    """
    key = "TransitRouterRouteEntry"
    refused = says(row.get(f"{key}Status"), "Rejected", "Prohibited")
    stays = not goes_over(row) & cut and (name in goes_over(row) or not refused)
    return stays or says(row.get(f"{key}NextHopType"), "BlackHole")


def is_used_in(rows: list[tuple[int, Any]], name: str, cut: set[str]) -> bool:
    """
    Tell whether the longest routes of a table go over a name, or stand beside those that do.
    """
    key = "TransitRouterRouteEntry"
    left = [(length, row) for length, row in rows if counts(row, name, cut)]
    best = tops(left)
    if any(says(row.get(f"{key}NextHopType"), "BlackHole") for row in best):
        return False
    mine = [row for row in best if name in goes_over(row)]
    good = ("Active", "Standby", "Candidate")
    return bool(mine) and all(says(row.get(f"{key}Status"), *good) for row in mine)


def vpn_is_up(scene: Scene, name: str) -> bool:
    """
    Tell whether a VPN connection is proven up (7).
    """
    found = [row for row in scene.vpn if row.get("VpnConnectionId") == name]
    return bool(found) and all(
        says(row.get("State"), "attached")
        and row.get("AttachInstanceId") == scene.group
        and says(row.get("NetworkType"), "public")
        and row.get("EnableTunnelsBgp") is True
        and any(
            says(at(tunnel, "State"), "active")
            and says(at(tunnel, "Status"), "ipsec_sa_established")
            and says(at(tunnel, "TunnelBgpConfig", "BgpStatus"), "success")
            for tunnel in at(row, "TunnelOptionsSpecification", "TunnelOptions") or []
        )
        and (
            at(row, "VcoHealthCheck", "Enable") == "false"
            or says(at(row, "VcoHealthCheck", "Status"), "success")
        )
        for row in found
    )


def is_covered(scene: Scene, prefix: str, name: str, cut: set[str]) -> bool:
    """
    Tell whether a name carries a prefix after the cut of these VBRs.
    """
    wanted = net(prefix)
    assert wanted
    if name in cut or not used(scene, wanted, name, cut):
        return False
    if not name.startswith("vco-"):
        return learned(scene, wanted, name)
    best = tops(around(scene.vpn_routes.get(name), "RouteDest", wanted) or [])
    return (
        vpn_is_up(scene, name)
        and bool(best)
        and all(
            says(row.get("Source"), "VPN_BGP") and says(row.get("State"), "published", "Active")
            for row in best
        )
    )


def carried(scene: Scene, cut: Iterable[str]) -> set[str] | None:
    """
    Return the prefixes that VBRs have from the data center; None if one's table is not known.
    """
    prefixes: set[str] = set()
    for vbr in cut:
        rows = scene.vbr_routes.get(vbr)
        if not isinstance(rows, list | tuple):
            return None
        for row in rows:
            each = net(row.get("DestinationCidrBlock"))
            if each is None:
                return None
            if says(row.get("Type"), "BGP"):
                prefixes.add(str(each))
    return prefixes


def timer(document: Any, key: str, least: int, most: int, default: int) -> int | None:
    value = document.get(key, default)
    return value if type(value) is int and least <= value <= most else None


def peer_of(scene: Scene, peer_id: str | None) -> Any:
    """
    Return the document of a BGP peer.
    """
    peers = [each for each in scene.network.bgp_peers if each.get("BgpPeerId") == peer_id]
    return peers[0] if peers else {}


def static(scene: Scene, vbr_id: str) -> float:
    """
    Return the least time that may be said of a VBR without session; infinite is never.
    """
    if vbr_id not in scene.health_checks:
        return 0
    check = scene.health_checks[vbr_id]
    if check is None:
        return math.inf
    if not isinstance(check, dict) or check.get("VbrInstanceId") != vbr_id:
        return 0
    if check.get("HealthCheckOnly") is True:
        return math.inf
    interval: Any = check.get("HealthCheckInterval")
    times: Any = check.get("HealthyThreshold")
    if interval not in (2, 3) or times not in range(3, 9) or check.get("HealthCheckOnly"):
        return 0
    return float((times - 1) * interval)


def detection(scene: Scene, vbr_id: str, peer_id: str | None) -> tuple[float, float]:
    """
    Return when a silent loss is noticed: the least that may be said, and the most.
    """
    vbr = next((each for each in scene.network.vbrs if each.get("VbrId") == vbr_id), None)
    peer = peer_of(scene, peer_id)
    if peer_id is None:
        return static(scene, vbr_id), math.inf
    if peer.get("EnableBfd") is True and vbr:
        tx = timer(vbr, "MinTxInterval", 200, 1000, 1000)
        rx = timer(vbr, "MinRxInterval", 200, 1000, 1000)
        times = timer(vbr, "DetectMultiplier", 3, 10, 3)
        if tx is None or rx is None or times is None:
            return 0, math.inf
        return (times - 1) * tx / 1000, max(3, times) * 1.0
    if peer.get("EnableBfd") is False:
        hold, keepalive = (whole(peer.get(key)) for key in ("Hold", "Keepalive"))
        if hold is None or not 3 <= hold <= 65535:
            return 0, math.inf
        return max(0, 0.75 * hold - keepalive) if keepalive else 0, hold
    return 0, math.inf


def whole(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    return int(value) if str(value).isascii() and str(value).isdigit() else None


def forecast(
    scene: Scene, vbr_id: str, peer_id: str | None, survivors: set[str]
) -> tuple[float, float]:
    """
    Return the forecast of a path: the least that may be said, and the most.
    """
    least, most = detection(scene, vbr_id, peer_id)
    documents = [each for each in scene.failover_groups.values() if isinstance(each, dict)]
    ends = [
        {each.get("VbrId"), each.get("PeerVbrId")}
        for each in documents
        if says(each.get("Status"), "Active")
        and all(isinstance(each.get(key), str) for key in ("VbrId", "PeerVbrId"))
    ]
    partners = set().union(*(pair - {vbr_id} for pair in ends if vbr_id in pair))
    peer = peer_of(scene, peer_id)
    moved = peer.get("EnableBfd") is True and len(partners) == 1 and partners <= survivors
    return least, most + 1 if moved else math.inf


def is_load_known(
    scene: Scene, taken: set[str], survivors: set[str], limit: float
) -> tuple[bool, bool]:
    """
    Tell whether the load of now is known to fit, and that of the 7 days too.
    """
    vbrs = {each.get("VbrId"): each for each in scene.network.vbrs}
    lines = {each.get("PhysicalConnectionId"): each for each in scene.network.circuits}
    room = 0.0
    for name in survivors:
        line = lines[vbrs[name]["PhysicalConnectionId"]]
        widths = [whole(each.get("Bandwidth")) for each in (vbrs[name], line)]
        if not all(widths):
            return False, False
        room += min(width for width in widths if width) * 1e6
    read = [scene.traffic.get(name) for name in taken | survivors]
    if not survivors or not all(isinstance(each, Traffic) for each in read):
        return False, False
    now = week = True
    for way in ("inbound", "outbound"):
        rows = [
            {when: rate for when, rate in getattr(each, way) if 0 <= rate < math.inf}
            for each in read
        ]
        times = [when for when in rows[0] if all(when in row for row in rows)]
        times = [when for when in times if scene.now - 7 * DAY < when <= scene.now]
        sums = {when: sum(row[when] for row in rows) for when in times}
        recent = [each for when, each in sums.items() if when > scene.now - DAY / 96]
        now = now and bool(recent) and max(recent) <= limit * room * (1 + 1e-9)
        full = len(sums) >= 0.95 * 7 * 288
        week = week and full and max(sums.values()) <= limit * room * (1 + 1e-9)
    return now, now and week
