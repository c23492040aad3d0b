"""
The status of circuits, VBRs and BGP peers in the API, and the survivors of a cut.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from chaosfailover.alibaba.client import VpcClient
from chaosfailover.alibaba.documents import text
from chaosfailover.errors import ArgumentError, JobTimeoutError, PreflightError
from chaosfailover.events import publish
from chaosfailover.events.waits import waiting
from chaosfailover.network.paths import Path, paths
from chaosfailover.network.survival import Survival, surviving_paths
from chaosfailover.network.under_test import read_underway, under_test

__all__ = [
    "check_exists",
    "check_ready",
    "read_paths",
    "require",
    "resource_status",
    "survival",
    "wait_for_resource_status",
]

INTERVAL = 0.5


class ResourceKind(NamedTuple):
    """
    The reading of one type of resource: the call, the key of the ID and that of the status.

    `ready` are the values that the API requires before a test (API reference 4).
    """

    read: Callable[[VpcClient, str], Iterable[Mapping[str, object]]]
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
    status = text(_document(client, resource_type, resource_id), key) or ""
    publish("resource", resource_id=resource_id, resource_type=resource_type, status=status)
    return status


def check_exists(client: VpcClient, resource_type: str, resource_id: str) -> None:
    """
    Raise ArgumentError when the region has no such resource.
    """
    _document(client, resource_type, resource_id)


def check_ready(client: VpcClient, resource_type: str, resource_id: str) -> None:
    """
    Raise PreflightError unless the resource is in the state that a test requires.
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

    Raises ArgumentError as resource_status does, and JobTimeoutError after the timeout.
    """
    deadline, expected = time.monotonic() + timeout, " or ".join(until)
    with waiting(f"{resource_id} to be {expected}", timeout):
        while (status := resource_status(client, resource_type, resource_id)) not in until:
            if time.monotonic() >= deadline:
                raise JobTimeoutError(
                    f"{resource_id} is {status}, not {expected}, after {timeout:g} s"
                )
            time.sleep(INTERVAL)
    return status


def read_paths(client: VpcClient) -> list[Path]:
    """
    Read the region's circuits, VBRs and BGP peers, and return their paths.
    """
    return paths(
        client.describe_physical_connections(),
        client.describe_virtual_border_routers(include_cross_account=True),
        client.describe_bgp_peers(),
    )


def survival(client: VpcClient, resource_ids: Sequence[str], resource_type: str) -> Survival:
    """
    Read the region's circuits, VBRs, BGP peers and tests, and return what survives a cut.

    Resources of a test under way count as down, whatever status the API reports.
    """
    region, underway = read_paths(client), read_underway(client)
    outcome = surviving_paths(under_test(region, underway.jobs), resource_ids, resource_type)
    return replace(outcome, warnings=[*outcome.warnings, *underway.warnings])


def require(outcome: Survival, least: int) -> None:
    """
    Raise PreflightError if less than `least` survives.
    """
    if outcome.count < least:
        reasons = "; ".join(outcome.reasons) or "no other path serves the same ECR or CEN"
        raise PreflightError(f"{outcome.count} of {least} needed survivors proven: {reasons}")


def _document(client: VpcClient, resource_type: str, resource_id: str) -> Mapping[str, object]:
    kind = KINDS[resource_type]
    for document in kind.read(client, resource_id):
        if document.get(kind.id_key) == resource_id:
            return document
    raise ArgumentError(f"there is no {resource_type} {resource_id!r} in {client.region_id}")
