"""
The emulated network: circuits, VBRs, BGP groups and peers of several regions and accounts, and
which of them stands on which.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

__all__ = [
    "BELOW",
    "CARRYING",
    "CIRCUIT",
    "GROUP",
    "PEER",
    "VBR",
    "Network",
    "Resource",
    "network_from",
]

CIRCUIT = "PHYSICALCONNECTION"
VBR = "VIRTUALBORDERROUTER"
GROUP = "BGPGROUP"
PEER = "BGPPEER"


@dataclass(frozen=True)
class Resource:
    """
    One resource; `fields` are those of the API that differ from the defaults.

    `below` are the IDs it stands on: a VBR its circuits, a peer its group, a hosted circuit its
    parent.
    """

    kind: str
    id: str
    region: str
    owner: str
    fields: Mapping[str, Any]
    below: tuple[str, ...] = ()


@dataclass(frozen=True)
class Network:
    """
    All resources by ID, with the regions and accounts they live in.
    """

    regions: tuple[str, ...]
    resources: Mapping[str, Resource]

    @cached_property
    def above(self) -> dict[str, tuple[str, ...]]:
        """
        The IDs that stand directly on each resource.
        """
        found: dict[str, list[str]] = {}
        for resource in self.resources.values():
            for below in resource.below:
                found.setdefault(below, []).append(resource.id)
        return {below: tuple(ids) for below, ids in found.items()}

    @cached_property
    def by_kind(self) -> dict[tuple[str, str], tuple[Resource, ...]]:
        """
        The resources of each kind and region, in the order of the topology.
        """
        found: dict[tuple[str, str], list[Resource]] = {}
        for resource in self.resources.values():
            found.setdefault((resource.kind, resource.region), []).append(resource)
        return {key: tuple(resources) for key, resources in found.items()}

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
        Return what is down when `cut` is: those, and what has nothing left to stand on.
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
        Say whether a resource, and all that it needs below, is in the state that carries traffic.
        """
        resource = self.resources[resource_id]
        field, literal = CARRYING.get(resource.kind, ("", None))
        own = not field or resource.fields.get(field, literal) == literal
        return own and (not resource.below or any(map(self.in_service, resource.below)))

    def related(self, resource_id: str) -> frozenset[str]:
        """
        Return the resource itself, all that it stands on and all that stands on it.
        """
        return self._reach(resource_id, up=True) | self._reach(resource_id, up=False)

    def changed(self, resource_id: str, **fields: Any) -> "Network":
        """
        Return a network in which some fields of a resource have other values.
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
}
"""
Resource type -> the field and its literal without which nothing passes.
"""
KINDS = {"circuits": CIRCUIT, "vbrs": VBR, "bgp_groups": GROUP, "bgp_peers": PEER}
BELOW = {
    CIRCUIT: "ParentPhysicalConnectionId",
    VBR: "PhysicalConnectionId",
    GROUP: "RouterId",
    PEER: "BgpGroupId",
}


def network_from(regions: Mapping[str, Any], account: str) -> Network:
    """
    Build the network of a topology's `regions:`; ValueError says what is wrong.

    What names no owner belongs to the owner of what it stands on if it is a BGP group or peer,
    else to `account`.
    """
    found: dict[str, Resource] = {}
    for kind, resource_id, region, entry in _entries(regions):
        if resource_id in found:
            raise ValueError(f"{resource_id} is described twice")
        found[resource_id] = _resource(kind, resource_id, region, entry)
    for resource in found.values():
        _check(resource, found)
    owned = {id_: replace(each, owner=_owner(each, found, account)) for id_, each in found.items()}
    return Network(tuple(regions), owned)


def _entries(regions: Mapping[str, Any]) -> Iterator[tuple[str, str, str, Mapping[str, Any]]]:
    for region, kinds in regions.items():
        for plural, entries in kinds.items():
            for resource_id, entry in entries.items():
                yield KINDS[plural], resource_id, region, entry


def _resource(kind: str, id_: str, region: str, entry: Mapping[str, Any]) -> Resource:
    fields = {name: value for name, value in entry.items() if name[0].isupper()}
    first = (fields[BELOW[kind]],) if fields.get(BELOW[kind]) else ()
    fields |= {"cens": entry.get("cens", ()), "default": entry.get("default", False)}
    below = (*first, *entry.get("circuits", ()))
    return Resource(kind, id_, region, entry.get("owner", ""), fields, below)


def _check(resource: Resource, found: Mapping[str, Resource]) -> None:
    stands_on = {CIRCUIT: CIRCUIT, VBR: CIRCUIT, GROUP: VBR, PEER: GROUP}[resource.kind]
    for below in resource.below:
        if below not in found or found[below].kind != stands_on:
            raise ValueError(
                f"{resource.id} stands on {below!r}, expected a {stands_on} of regions"
            )
        if found[below].below and resource.kind == CIRCUIT:
            raise ValueError(f"{resource.id} stands on {below}, which is a hosted circuit itself")
    if not resource.below and resource.kind != CIRCUIT:
        raise ValueError(f"{resource.id} needs {BELOW[resource.kind]}")


def _owner(resource: Resource, found: Mapping[str, Resource], account: str) -> str:
    if resource.owner or resource.kind not in (GROUP, PEER):
        return resource.owner or account
    return _owner(found[resource.below[0]], found, account)
