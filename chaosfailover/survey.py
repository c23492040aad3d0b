"""
What the API reports of the network: circuits, VBRs and BGP peers, read for probes and preflight.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from chaosfailover import paths
from chaosfailover.client import VpcClient
from chaosfailover.errors import ArgumentError, JobTimeoutError

__all__ = ["resource_status", "survival", "wait_for_resource_status"]

INTERVAL = 0.5

Document = dict[str, Any]


class Kind(NamedTuple):
    """
    How resources of one type are read: the call, the key of the ID and that of the status.
    """

    read: Callable[[VpcClient, str], Iterable[Document]]
    id_key: str
    status_key: str


KINDS = {
    "PHYSICALCONNECTION": Kind(
        lambda client, circuit_id: client.describe_physical_connections(
            {"PhysicalConnectionId": [circuit_id]}
        ),
        "PhysicalConnectionId",
        "Status",
    ),
    "VIRTUALBORDERROUTER": Kind(
        lambda client, vbr_id: client.describe_virtual_border_routers({"VbrId": [vbr_id]}),
        "VbrId",
        "Status",
    ),
    "BGPPEER": Kind(
        lambda client, peer_id: client.describe_bgp_peers(bgp_peer_id=peer_id),
        "BgpPeerId",
        "BgpStatus",
    ),
}


def resource_status(client: VpcClient, resource_type: str, resource_id: str) -> str:
    """
    Return the status of a circuit or VBR, or the session state of a BGP peer.

    Raises ArgumentError when the region has no such resource.
    """
    kind = KINDS[resource_type]
    for document in kind.read(client, resource_id):
        if document.get(kind.id_key) == resource_id:
            return str(document.get(kind.status_key) or "")
    raise ArgumentError(f"there is no {resource_type} {resource_id!r} in {client.region_id}")


def wait_for_resource_status(
    client: VpcClient,
    resource_type: str,
    resource_id: str,
    until: Sequence[str],
    timeout: float,
) -> str:
    """
    Wait until the status of a resource is one of `until`, for at most `timeout` seconds.

    Raises ArgumentError as resource_status does, and JobTimeoutError when none of them comes.
    """
    deadline = time.monotonic() + timeout
    while (status := resource_status(client, resource_type, resource_id)) not in until:
        if time.monotonic() >= deadline:
            expected = " or ".join(until)
            raise JobTimeoutError(f"{resource_id} is {status}, not {expected}, after {timeout:g} s")
        time.sleep(INTERVAL)
    return status


def survival(
    client: VpcClient, resource_ids: Sequence[str], resource_type: str
) -> paths.Survival:
    """
    Read the region's circuits, VBRs and BGP peers, and tell what survives the cut.
    """
    found = paths.paths(
        client.describe_physical_connections(),
        client.describe_virtual_border_routers(include_cross_account=True),
        client.describe_bgp_peers(),
    )
    return paths.surviving_paths(found, resource_ids, resource_type)
