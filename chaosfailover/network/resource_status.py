"""
What the API reports of the network: circuits, VBRs and BGP peers, read for probes and preflight.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from chaosfailover.alibaba.client import VpcClient
from chaosfailover.alibaba.failover_tests import running_tests
from chaosfailover.errors import ArgumentError, JobTimeoutError, PreflightError
from chaosfailover.events import publish
from chaosfailover.network.paths import paths
from chaosfailover.network.survival import Survival, surviving_paths
from chaosfailover.network.under_test import under_test

__all__ = [
    "check_ready",
    "check_survivors",
    "resource_status",
    "survival",
    "wait_for_resource_status",
]

INTERVAL = 0.5

Document = dict[str, Any]


class ResourceKind(NamedTuple):
    """
    How resources of one type are read: the call, the key of the ID and that of the status.

    `ready` are the values that the API demands before a test (API reference 4).
    """

    read: Callable[[VpcClient, str], Iterable[Document]]
    id_key: str
    status_key: str
    ready: Mapping[str, str]


KINDS = {
    "PHYSICALCONNECTION": ResourceKind(
        lambda client, circuit_id: client.describe_physical_connections(
            {"PhysicalConnectionId": [circuit_id]}
        ),
        "PhysicalConnectionId",
        "Status",
        {"Status": "Enabled", "BusinessStatus": "Normal"},
    ),
    "VIRTUALBORDERROUTER": ResourceKind(
        lambda client, vbr_id: client.describe_virtual_border_routers({"VbrId": [vbr_id]}),
        "VbrId",
        "Status",
        {"Status": "active", "PhysicalConnectionStatus": "Enabled"},
    ),
    "BGPPEER": ResourceKind(
        lambda client, peer_id: client.describe_bgp_peers(bgp_peer_id=peer_id),
        "BgpPeerId",
        "BgpStatus",
        {"Status": "Available", "BgpStatus": "Established"},
    ),
}


def resource_status(client: VpcClient, resource_type: str, resource_id: str) -> str:
    """
    Return the status of a circuit or VBR, or the session state of a BGP peer.

    Raises ArgumentError when the region has no such resource.
    """
    key = KINDS[resource_type].status_key
    status = str(_document(client, resource_type, resource_id).get(key) or "")
    publish("resource", resource_id=resource_id, resource_type=resource_type, status=status)
    return status


def check_ready(client: VpcClient, resource_type: str, resource_id: str) -> None:
    """
    Raise PreflightError unless the resource is in the state that a test demands.
    """
    document = _document(client, resource_type, resource_id)
    for key, expected in KINDS[resource_type].ready.items():
        if document.get(key) != expected:
            raise PreflightError(f"{resource_id}: {key} is {document.get(key)!r}, not {expected!r}")


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


def survival(client: VpcClient, resource_ids: Sequence[str], resource_type: str) -> Survival:
    """
    Read the region's circuits, VBRs, BGP peers and running tests, and tell what survives the cut.

    What a test has taken down counts as down, whatever the network reports of it.
    """
    found = paths(
        client.describe_physical_connections(),
        client.describe_virtual_border_routers(include_cross_account=True),
        client.describe_bgp_peers(),
    )
    found = under_test(found, running_tests(client))
    return surviving_paths(found, resource_ids, resource_type)


def check_survivors(
    client: VpcClient, resource_ids: Sequence[str], resource_type: str, least: int
) -> Survival:
    """
    Return what survives the cut; raise PreflightError when it is less than it must be.
    """
    found = survival(client, resource_ids, resource_type)
    if found.count < least:
        reasons = "; ".join(found.reasons) or "no other path serves the same ECR or CEN"
        raise PreflightError(f"{found.count} of {least} needed circuits survive: {reasons}")
    return found


def _document(client: VpcClient, resource_type: str, resource_id: str) -> Document:
    kind = KINDS[resource_type]
    for document in kind.read(client, resource_id):
        if document.get(kind.id_key) == resource_id:
            return document
    raise ArgumentError(f"there is no {resource_type} {resource_id!r} in {client.region_id}")
