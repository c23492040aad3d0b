"""
The resources that a cut takes: their statuses in the API, and whether they are back.
"""

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, NamedTuple

from chaosfailover.alibaba.client import VpcClient
from chaosfailover.alibaba.documents import BgpPeer
from chaosfailover.network.health import is_literal, text
from chaosfailover.network.survival import RESOURCE_TYPES, Survival

__all__ = ["NORMAL", "Resource", "ResourceState", "is_back", "lost", "read_states"]

NORMAL: Final[Mapping[str, str]] = MappingProxyType(
    {"PHYSICALCONNECTION": "Enabled", "VIRTUALBORDERROUTER": "active", "BGPPEER": "Available"}
)
"""The status of each type of resource in service."""

MOST_IDS = 5
"""The most values of one filter (API reference 1.7)."""

ESTABLISHED = "Established"


@dataclass(frozen=True, order=True, slots=True)
class Resource:
    """
    A circuit, VBR or BGP peer; `resource_type` is one of RESOURCE_TYPES.
    """

    resource_type: str
    resource_id: str


class ResourceState(NamedTuple):
    """
    The state of a resource in the API: `status` is "" if none is shown.

    `session` is the BgpStatus of a BGP peer, and "" for other resources.
    """

    status: str
    session: str


Remaining = Callable[[], float | None]


def lost(survival: Survival, resource_type: str) -> list[Resource]:
    """
    Return the cut resources and the VBRs and BGP peers that depend on them, sorted.
    """
    types = [*RESOURCE_TYPES]
    types = types[types.index(resource_type) :]
    named = (
        (each, getattr(path, RESOURCE_TYPES[each])) for path in survival.lost for each in types
    )
    return sorted({Resource(each, name) for each, name in named if name})


def read_states(
    client: VpcClient, resources: Collection[Resource], budget: float | None = None
) -> dict[Resource, ResourceState]:
    """
    Read the states of resources in few calls, which together take at most `budget` seconds.

    A resource that the API does not show is absent. One that it shows twice with different states
    has a state without status. Raises ApiError and TransportError.
    """
    due = time.monotonic() + (budget or 0.0)
    documents = _documents(
        client,
        {each: _ids(resources, each) for each in NORMAL},
        lambda: None if budget is None else due - time.monotonic(),
    )
    states: dict[Resource, ResourceState] = {}
    for resource, state in documents:
        if resource in resources and states.setdefault(resource, state) != state:
            states[resource] = ResourceState("", "")
    return states


def is_back(
    resource: Resource, now: ResourceState | None, before: ResourceState | None = None
) -> bool:
    """
    Tell whether a resource has the status it had before the cut, or that of NORMAL if unknown.

    A session that was Established has to be so again. None, not shown, is not back.
    """
    if now is None:
        return False
    status = (before and before.status) or NORMAL[resource.resource_type]
    session = before is None or not is_literal(before.session, ESTABLISHED)
    return is_literal(now.status, status) and (session or is_literal(now.session, ESTABLISHED))


def _ids(resources: Collection[Resource], resource_type: str) -> list[str]:
    return sorted({each.resource_id for each in resources if each.resource_type == resource_type})


def _documents(
    client: VpcClient, ids: Mapping[str, Sequence[str]], remaining: Remaining
) -> Iterator[tuple[Resource, ResourceState]]:
    circuits, vbrs, peers = ids.values()
    for some in _parts(circuits):
        for circuit in client.describe_physical_connections(
            {"PhysicalConnectionId": some}, budget=remaining()
        ):
            yield _state("PHYSICALCONNECTION", "PhysicalConnectionId", circuit)
    for some in _parts(vbrs):
        for vbr in client.describe_virtual_border_routers(
            {"VbrId": some}, include_cross_account=True, budget=remaining()
        ):
            yield _state("VIRTUALBORDERROUTER", "VbrId", vbr)
    for peer in _peers(client, vbrs, peers, remaining):
        yield _state("BGPPEER", "BgpPeerId", peer)


def _peers(
    client: VpcClient, vbrs: Sequence[str], peers: Sequence[str], remaining: Remaining
) -> Iterator[BgpPeer]:
    """
    Read the peers of the VBRs if these are fewer, then each peer that was not among them.
    """
    missing = {*peers}
    for vbr_id in vbrs if len(vbrs) < len(peers) else ():
        for peer in client.describe_bgp_peers(router_id=vbr_id, budget=remaining()):
            missing.discard(text(peer, "BgpPeerId") or "")
            yield peer
    for peer_id in sorted(missing):
        yield from client.describe_bgp_peers(bgp_peer_id=peer_id, budget=remaining())


def _parts(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    return (ids[start : start + MOST_IDS] for start in range(0, len(ids), MOST_IDS))


def _state(
    resource_type: str, id_key: str, document: Mapping[str, object]
) -> tuple[Resource, ResourceState]:
    resource = Resource(resource_type, text(document, id_key) or "")
    return resource, ResourceState(
        text(document, "Status") or "", text(document, "BgpStatus") or ""
    )
