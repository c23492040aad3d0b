"""
Routes: what VBRs learn from the data center, and how a fabric ranks it; pure functions.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_network

from chaosfailover.emulator.resources import PEER, VBR, VPN, Network, Resource

__all__ = ["Learned", "as_path", "best", "brings", "contains", "learned", "prefixes_of"]

PREFIXES: Mapping[str, tuple[str, ...]] = {
    "ipv4": ("10.1.0.0/16", "10.2.0.0/16", "10.3.0.0/16"),
    "ipv6": ("2001:db8:1::/48", "2001:db8:2::/48", "2001:db8:3::/48"),
}
"""
IP version -> what a session brings unless the topology says otherwise: the same for each, so that
each is a survivor of the others.
"""


@dataclass(frozen=True)
class Learned:
    """
    A route that a VBR has towards the data center; a static one has no AS path.
    """

    vbr: Resource
    prefix: str
    as_path: tuple[str, ...] = ()

    @property
    def is_static(self) -> bool:
        """
        Whether nobody told the VBR, so that it does not go with a session.
        """
        return not self.as_path

    @property
    def rank(self) -> tuple[bool, int]:
        """
        The smaller, the better to a fabric: BGP before static, then the shorter AS path.
        """
        return self.is_static, len(self.as_path)


def prefixes_of(peer: Resource) -> tuple[str, ...]:
    """
    Return the prefixes that a BGP session brings while it is up.
    """
    if peer.routes.prefixes is not None:
        return peer.routes.prefixes
    if peer.fields.get("ReceivedRouteCount") == 0:
        return ()
    version = str(peer.fields.get("IpVersion", "ipv4")).lower()
    return PREFIXES.get(version, PREFIXES["ipv4"])


def as_path(network: Network, peer: Resource) -> tuple[str, ...]:
    """
    Return the AS path of what a BGP session brings: the peer's AS first.
    """
    group = network.resources[peer.below[0]]
    asn = str(peer.fields.get("PeerAsn") or group.fields.get("PeerAsn") or "65515")
    return (asn,) * (1 + peer.routes.prepend) + peer.routes.as_path


def learned(network: Network, vbr: Resource, lost: Collection[str] = ()) -> tuple[Learned, ...]:
    """
    Return what is in a VBR's table, one route for each prefix, without the sessions in `lost`.
    """
    routes = {each: Learned(vbr, each) for each in vbr.routes.static_routes}
    for group in network.above.get(vbr.id, ()):
        for peer in network.on(group, PEER):
            if peer.id in lost or not network.in_service(peer.id):
                continue
            path = as_path(network, peer)
            for prefix in prefixes_of(peer):
                best_yet = routes.get(prefix)
                if best_yet is None or (
                    not best_yet.is_static and best_yet.rank > (False, len(path))
                ):
                    routes[prefix] = Learned(vbr, prefix, path)
    return tuple(sorted(routes.values(), key=lambda each: _order(each.prefix)))


def best(routes: Iterable[Learned]) -> Iterator[tuple[Learned, bool]]:
    """
    Yield routes by prefix, each with whether it is among the best for its prefix.
    """
    by_prefix: dict[str, list[Learned]] = {}
    for each in routes:
        by_prefix.setdefault(each.prefix, []).append(each)
    for prefix in sorted(by_prefix, key=_order):
        least = min(each.rank for each in by_prefix[prefix])
        yield from ((each, each.rank == least) for each in by_prefix[prefix])


def brings(network: Network, over: str, prefix: str) -> bool:
    """
    Say whether the sessions and static routes over a resource lead to a prefix; "" is anywhere.
    """
    if not prefix:
        return True
    routes: list[str] = []
    for each in map(network.resources.__getitem__, network.related(over)):
        routes += prefixes_of(each) if each.kind == PEER else ()
        routes += each.routes.static_routes if each.kind == VBR else ()
        routes += each.routes.prefixes or () if each.kind == VPN else ()
    return any(contains(each, prefix) for each in routes)


def contains(outer: str, inner: str) -> bool:
    """
    Say whether a prefix contains another, or is the same.
    """
    one, two = _network(outer), _network(inner)
    if isinstance(one, IPv4Network) and isinstance(two, IPv4Network):
        return two.subnet_of(one)
    return isinstance(one, IPv6Network) and isinstance(two, IPv6Network) and two.subnet_of(one)


@lru_cache(maxsize=4096)
def _network(prefix: str) -> IPv4Network | IPv6Network:
    return ip_network(prefix)


def _order(prefix: str) -> tuple[int, int, int]:
    network = _network(prefix)
    return network.version, int(network.network_address), network.prefixlen
