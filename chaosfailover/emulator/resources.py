"""
The emulated network: circuits, VBRs, BGP groups and peers, router interfaces and VPN connections,
and what each of them stands on.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import cast

from chaosfailover.emulator.fabrics import Cen, Ecr, Fabrics, FailoverGroup, RouteMark

__all__ = [
    "BELOW",
    "CARRYING",
    "CIRCUIT",
    "GATEWAY",
    "GROUP",
    "INTERFACE",
    "PEER",
    "VBR",
    "VPN",
    "Entry",
    "Network",
    "Regions",
    "Resource",
    "Routes",
    "fabrics_from",
    "network_from",
]

CIRCUIT = "PHYSICALCONNECTION"
VBR = "VIRTUALBORDERROUTER"
GROUP = "BGPGROUP"
PEER = "BGPPEER"
INTERFACE = "ROUTERINTERFACE"
GATEWAY = "VPNGATEWAY"
VPN = "VPNCONNECTION"


@dataclass(frozen=True)
class Routes:
    """
    What a session or a VBR brings from the data center, as a topology says it.

    `prefixes` are those of a BGP peer or VPN connection. The AS path is a peer's: `as_path` without
    the peer's own AS, which comes first, `prepend` times more. `static_routes` are a VBR's. None
    stands for the default.
    """

    prefixes: tuple[str, ...] | None = None
    as_path: tuple[str, ...] = ()
    prepend: int = 0
    static_routes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Resource:
    """
    One resource; `fields` are the API fields that the topology sets.

    `below` are the IDs it stands on: a VBR on its circuits, a group on its VBR, a peer on its
    group, a hosted circuit on its parent, a router interface on the VBR opposite, a VPN connection
    on its gateway, if any. `default` marks a default BGP group. `health_check` is the CEN's health
    check of a VBR.
    """

    kind: str
    id: str
    region: str
    owner: str
    fields: Mapping[str, object]
    below: tuple[str, ...] = ()
    cens: tuple[str, ...] = ()
    default: bool = False
    routes: "Routes" = field(default_factory=Routes)
    health_check: Mapping[str, object] | None = None

    @property
    def tags(self) -> Mapping[str, str]:
        """
        The tags by key.
        """
        return cast("Mapping[str, str]", self.fields.get("Tags", {}))


@dataclass(frozen=True)
class Network:
    """
    All resources by ID, and the regions in the order of the topology.
    """

    regions: tuple[str, ...]
    resources: Mapping[str, Resource]
    fabrics: Fabrics = field(default_factory=Fabrics)

    @cached_property
    def above(self) -> dict[str, tuple[str, ...]]:
        """
        The IDs that stand directly on each resource.
        """
        above: dict[str, list[str]] = {}
        for resource in self.resources.values():
            for below in resource.below:
                above.setdefault(below, []).append(resource.id)
        return {below: tuple(ids) for below, ids in above.items()}

    @cached_property
    def by_kind(self) -> dict[tuple[str, str], tuple[Resource, ...]]:
        """
        The resources of each kind and region, in the order of the topology.
        """
        groups: dict[tuple[str, str], list[Resource]] = {}
        for resource in self.resources.values():
            groups.setdefault((resource.kind, resource.region), []).append(resource)
        return {key: tuple(resources) for key, resources in groups.items()}

    def of(self, kind: str, region: str) -> tuple[Resource, ...]:
        """
        Return the resources of a kind in a region.
        """
        return self.by_kind.get((kind, region), ())

    def on(self, resource_id: str, kind: str) -> Iterator[Resource]:
        """
        Yield the resources of a kind that stand directly on another.
        """
        resources = (self.resources[each] for each in self.above.get(resource_id, ()))
        return (resource for resource in resources if resource.kind == kind)

    def down(self, cut: Iterable[str]) -> frozenset[str]:
        """
        Return what is down when `cut` is: these, and all that stands only on what is down.
        """
        lost = set(cut)
        queue = list(lost)
        while queue:
            for each in self.above.get(queue.pop(), ()):
                if each not in lost and lost.issuperset(self.resources[each].below):
                    lost.add(each)
                    queue.append(each)
        return frozenset(lost)

    def in_service(self, resource_id: str) -> bool:
        """
        Say whether a resource carries traffic, as does at least one of those it stands on.
        """
        resource = self.resources[resource_id]
        field, literal = CARRYING.get(resource.kind, ("", None))
        own = not field or resource.fields.get(field, literal) == literal
        return own and (not resource.below or any(map(self.in_service, resource.below)))

    def related(self, resource_id: str) -> frozenset[str]:
        """
        Return the resource, all that it stands on, and all that stands on it.
        """
        return self._reach(resource_id, up=True) | self._reach(resource_id, up=False)

    def stands_on(self, resource_id: str) -> list[str]:
        """
        Return the resource and all that it stands on, the nearest first.
        """
        ids = [resource_id]
        for each in ids:
            ids += [below for below in self.resources[each].below if below not in ids]
        return ids

    def changed(self, resource_id: str, **fields: object) -> "Network":
        """
        Return the network with other values in some fields of a resource.
        """
        resource = self.resources[resource_id]
        after = replace(resource, fields={**resource.fields, **fields})
        return replace(self, resources={**self.resources, resource_id: after})

    def _reach(self, resource_id: str, *, up: bool) -> frozenset[str]:
        seen = {resource_id}
        queue = [resource_id]
        while queue:
            each = queue.pop()
            following = self.above.get(each, ()) if up else self.resources[each].below
            queue += [other for other in following if other not in seen]
            seen.update(following)
        return frozenset(seen)


CARRYING = {
    CIRCUIT: ("Status", "Enabled"),
    VBR: ("Status", "active"),
    PEER: ("BgpStatus", "Established"),
    INTERFACE: ("Status", "Active"),
    GATEWAY: ("Status", "active"),
    VPN: ("Status", "ipsec_sa_established"),
}
"""
Resource type -> the field, and its literal, without which it carries no traffic.
"""
KINDS = {
    "circuits": CIRCUIT,
    "vbrs": VBR,
    "bgp_groups": GROUP,
    "bgp_peers": PEER,
    "router_interfaces": INTERFACE,
    "vpn_gateways": GATEWAY,
    "vpn_connections": VPN,
}
BELOW = {
    CIRCUIT: "ParentPhysicalConnectionId",
    VBR: "PhysicalConnectionId",
    GROUP: "RouterId",
    PEER: "BgpGroupId",
    INTERFACE: "OppositeRouterId",
    GATEWAY: "",
    VPN: "VpnGatewayId",
}
"""
Resource type -> the field that names what it stands on.
"""
STANDS_ON = {
    CIRCUIT: CIRCUIT,
    VBR: CIRCUIT,
    GROUP: VBR,
    PEER: GROUP,
    INTERFACE: VBR,
    VPN: GATEWAY,
}
ALONE = (CIRCUIT, GATEWAY, VPN)
"""
Resource types that may stand on nothing.
"""


@dataclass(frozen=True)
class Entry:
    """
    A resource as a topology writes it; `circuits` are further circuits of a VBR.
    """

    fields: Mapping[str, object]
    owner: str = ""
    cens: tuple[str, ...] = ()
    circuits: tuple[str, ...] = ()
    default: bool = False
    routes: Routes = field(default_factory=Routes)
    health_check: Mapping[str, object] | None = None


Regions = Mapping[str, Mapping[str, Mapping[str, Entry]]]
"""
Region -> key of KINDS -> resource ID -> entry.
"""


def network_from(regions: Regions, account: str) -> Network:
    """
    Build the network of a topology's `regions:`; ValueError says what is wrong.

    Without an owner, a BGP group or peer belongs to the owner of what it stands on, and any other
    resource to `account`.
    """
    resources: dict[str, Resource] = {}
    for kind, resource_id, region, entry in _entries(regions):
        if resource_id in resources:
            raise ValueError(f"{resource_id} is described twice")
        resources[resource_id] = _resource(kind, resource_id, region, entry)
    for resource in resources.values():
        _check(resource, resources)
    owned = {
        each.id: replace(each, owner=_owner(each, resources, account))
        for each in resources.values()
    }
    return Network(tuple(regions), owned)


def _entries(regions: Regions) -> Iterator[tuple[str, str, str, Entry]]:
    for region, kinds in regions.items():
        for plural, entries in kinds.items():
            for resource_id, entry in entries.items():
                yield KINDS[plural], resource_id, region, entry


def _resource(kind: str, id_: str, region: str, entry: Entry) -> Resource:
    first = entry.fields.get(BELOW[kind])
    below = (*([str(first)] if first else []), *entry.circuits)
    return Resource(
        kind,
        id_,
        region,
        entry.owner,
        entry.fields,
        below,
        entry.cens,
        entry.default,
        entry.routes,
        entry.health_check,
    )


def _check(resource: Resource, resources: Mapping[str, Resource]) -> None:
    stands_on = STANDS_ON.get(resource.kind)
    for below in resource.below:
        if below not in resources or resources[below].kind != stands_on:
            raise ValueError(
                f"{resource.id} stands on {below!r}, expected a {stands_on} of regions"
            )
        if resources[below].below and resource.kind == CIRCUIT:
            raise ValueError(f"{resource.id} stands on {below}, which is a hosted circuit itself")
    if not resource.below and resource.kind not in ALONE:
        raise ValueError(f"{resource.id} needs {BELOW[resource.kind]}")
    if resource.health_check is not None and not resource.cens:
        raise ValueError(f"{resource.id}.health_check needs cens: it is a health check of a CEN")


def _owner(resource: Resource, resources: Mapping[str, Resource], account: str) -> str:
    if resource.owner or resource.kind not in (GROUP, PEER):
        return resource.owner or account
    return _owner(resources[resource.below[0]], resources, account)


def fabrics_from(
    network: Network,
    groups: Mapping[str, FailoverGroup],
    ecrs: Mapping[str, Ecr],
    cens: Mapping[str, Cen],
) -> Fabrics:
    """
    Build the fabrics of a topology; ValueError says what is wrong.

    Without an owner, an ECR or CEN belongs to the owner of the first VBR that names it.
    """
    vbrs = [each for each in network.resources.values() if each.kind == VBR]
    by_ecr = {str(ecr): each.owner for each in vbrs[::-1] if (ecr := each.fields.get("EcrId"))}
    by_cen = {cen: each.owner for each in vbrs[::-1] for cen in each.cens}
    for section, written, used in (("ecrs", ecrs, by_ecr), ("cens", cens, by_cen)):
        if unused := sorted(set(written) - set(used)):
            raise ValueError(f"{section}.{unused[0]} is named by no VBR")
    for name, group in groups.items():
        _check_group(name, group, groups, network)
    fabrics = Fabrics(
        {name: replace(each, id=name) for name, each in groups.items()},
        {
            name: replace(each, id=name, owner=each.owner or owner)
            for name, owner in sorted(by_ecr.items())
            for each in (ecrs.get(name, Ecr()),)
        },
        {
            name: replace(each, id=name, owner=each.owner or owner)
            for name, owner in sorted(by_cen.items())
            for each in (cens.get(name, Cen()),)
        },
    )
    _check_marks(fabrics, network)
    return fabrics


def _check_group(
    name: str, group: FailoverGroup, groups: Mapping[str, FailoverGroup], network: Network
) -> None:
    """
    Refuse a failover group that the provider would not create (API reference of CreateVbrHa).
    """
    place = f"vbr_failover_groups.{name}.vbrs"
    if len(group.vbrs) != 2 or len(set(group.vbrs)) != 2:
        raise ValueError(f"{place} is {list(group.vbrs)}, expected two VBRs")
    for each in group.vbrs:
        _check_vbr(each, place, network)
        if any(each in other.vbrs for other in groups.values() if other is not group):
            raise ValueError(f"{place} has {each}, which is in another group")
    one, two = (network.resources[each] for each in group.vbrs)
    if one.region != two.region or one.owner != two.owner:
        raise ValueError(f"{place} are not of one region and owner")
    same_ecr = one.fields.get("EcrId") and one.fields.get("EcrId") == two.fields.get("EcrId")
    if not same_ecr and not set(one.cens) & set(two.cens):
        raise ValueError(f"{place} are not attached to the same ECR or CEN")


def _check_marks(fabrics: Fabrics, network: Network) -> None:
    for name, ecr in fabrics.ecrs.items():
        for mark in ecr.disabled:
            _check_member(mark, f"ecrs.{name}.disabled", name, network)
    for name, cen in fabrics.cens.items():
        for mark in cen.routes:
            _check_member(mark, f"cens.{name}.routes", name, network)
        for key in ("unpropagated", "unassociated", "unpublished"):
            for vbr in getattr(cen, key):
                _check_member(RouteMark(vbr), f"cens.{name}.{key}", name, network)


def _check_member(mark: RouteMark, place: str, fabric: str, network: Network) -> None:
    _check_vbr(mark.vbr, place, network)
    vbr = network.resources[mark.vbr]
    if fabric not in (*vbr.cens, vbr.fields.get("EcrId")):
        raise ValueError(f"{place} has {mark.vbr}, which is not attached to {fabric}")


def _check_vbr(vbr: str, place: str, network: Network) -> None:
    if vbr not in network.resources or network.resources[vbr].kind != VBR:
        raise ValueError(f"{place} has {vbr!r}, expected a VBR of regions")
