"""
The resources that a cut takes: their statuses in the API, and whether they are back.
"""

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, NamedTuple

from chaosfailover.alibaba.client import VpcClient
from chaosfailover.alibaba.documents import (
    BgpPeer,
    PhysicalConnection,
    VirtualBorderRouter,
    text,
)
from chaosfailover.network.health import is_literal
from chaosfailover.network.survival import RESOURCE_TYPES, Survival

__all__ = ["NORMAL", "Resource", "ResourceState", "is_back", "lost", "read_states", "states_in"]

NORMAL: Final[Mapping[str, str]] = MappingProxyType(
    {"PHYSICALCONNECTION": "Enabled", "VIRTUALBORDERROUTER": "active", "BGPPEER": "Available"}
)
"""The status of each type of resource in service."""

ID_KEYS = ("PhysicalConnectionId", "VbrId", "BgpPeerId")
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

    def remaining() -> float | None:
        return None if budget is None else due - time.monotonic()

    circuits, vbrs, peers = (_ids(resources, each) for each in NORMAL)
    states = states_in(
        [
            circuit
            for some in _parts(circuits)
            for circuit in client.describe_physical_connections(
                {"PhysicalConnectionId": some}, budget=remaining()
            )
        ],
        [
            vbr
            for some in _parts(vbrs)
            for vbr in client.describe_virtual_border_routers(
                {"VbrId": some}, include_cross_account=True, budget=remaining()
            )
        ],
        _peers(client, vbrs, peers, remaining),
    )
    return {resource: state for resource, state in states.items() if resource in resources}


def states_in(
    circuits: Iterable[PhysicalConnection],
    vbrs: Iterable[VirtualBorderRouter],
    bgp_peers: Iterable[BgpPeer],
) -> dict[Resource, ResourceState]:
    """
    Return the states that documents show; without status for those that contradict each other.
    """
    shown: dict[Resource, ResourceState] = {}
    for key, resource_type, documents in zip(
        ID_KEYS, NORMAL, (circuits, vbrs, bgp_peers), strict=True
    ):
        for document in documents:
            resource = Resource(resource_type, text(document, key) or "")
            state = ResourceState(text(document, "Status") or "", text(document, "BgpStatus") or "")
            if shown.setdefault(resource, state) != state:
                shown[resource] = ResourceState("", "")
    return shown


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


def _peers(
    client: VpcClient, vbrs: Sequence[str], peers: Sequence[str], remaining: Remaining
) -> list[BgpPeer]:
    """
    Read the peers of the VBRs if these are fewer, then each peer that was not among them.
    """
    documents = [
        peer
        for vbr_id in (vbrs if len(vbrs) < len(peers) else ())
        for peer in client.describe_bgp_peers(router_id=vbr_id, budget=remaining())
    ]
    for peer_id in sorted({*peers} - {text(peer, "BgpPeerId") for peer in documents}):
        documents += client.describe_bgp_peers(bgp_peer_id=peer_id, budget=remaining())
    return documents


def _parts(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    return (ids[start : start + MOST_IDS] for start in range(0, len(ids), MOST_IDS))
