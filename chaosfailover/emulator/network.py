"""
The emulated network: circuits, VBRs, BGP groups and peers of several regions and accounts, and
which of them stands on which.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

__all__ = ["CIRCUIT", "GROUP", "PEER", "VBR", "Network", "Resource"]

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
