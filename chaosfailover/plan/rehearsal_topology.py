"""
The mirror of a region: a topology for the emulator with the region's shape.

What changes by itself from day to day, such as the number of routes, is left out, and so is every
secret: the same region always has the same mirror.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from chaosfailover.alibaba.documents import PhysicalConnection, VirtualBorderRouter
from chaosfailover.network.documents import attachments, identified, is_literal, links, number, text
from chaosfailover.network.snapshot import Snapshot
from chaosfailover.plan.choice import RegionPlan
from chaosfailover.plan.detection import BFD, detection
from chaosfailover.plan.portals import ports_for

__all__ = ["OWN_ACCOUNT", "mirror"]

OWN_ACCOUNT = "1000000000000001"
"""The account of a mirror when that of the region is not known."""

STRANGER = "1000000000000009"
"""The account of what belongs to somebody whom the API does not name."""

KEPT = {
    "circuits": (
        *("Name", "Status", "BusinessStatus", "ProductType", "AccessPointId", "Spec", "VlanId"),
        *("RedundantPhysicalConnectionId", "ParentPhysicalConnectionId"),
    ),
    "vbrs": (
        *("Name", "Status", "VlanId", "EcrId", "EcrAttatchStatus"),
        *("MinRxInterval", "MinTxInterval", "DetectMultiplier"),
    ),
    "bgp_groups": ("Name", "RouterId", "Status", "IpVersion", "LocalAsn", "PeerAsn", "Hold"),
    "bgp_peers": (
        *("Name", "BgpGroupId", "Status", "BgpStatus", "IpVersion", "PeerIpAddress"),
        *("LocalAsn", "PeerAsn", "EnableBfd", "Hold"),
    ),
}

ROUTES = ("ReceivedRouteCount", "AdvertisedRouteCount")

Entries = dict[str, dict[str, Any]]


def mirror(plan: RegionPlan, ports: Mapping[str, int] | None = None) -> dict[str, Any]:
    """
    Return the topology of a region, with a service for each planned test, on the circuit's port.

    The first path of a service is the session that the test cuts, the others those that survive.
    """
    ports = ports or ports_for(plan, {})
    account = plan.place.account or OWN_ACCOUNT
    region = _region(plan, account)
    owners = {str(entry.get("owner", account)) for entry in region["circuits"].values()}
    keys = {"access_keys": {f"rehearsal-{account}": "rehearsal-secret"}}
    detections = _detections(plan.snapshot)
    used = {peer for test in plan.tests for peer in (test.bgp_peer_id, *test.standby_peers)}
    return {
        "title": f"{plan.place.region_id} as it was when the plan was made.",
        "accounts": {account: keys, **{owner: {} for owner in sorted(owners - {account})}},
        "regions": {plan.place.region_id: region},
        "paths": {peer: {"over": peer, "detection": detections[peer]} for peer in sorted(used)},
        "services": {
            test.circuit_id: {
                "kind": "http",
                "port": ports[test.circuit_id],
                "paths": [test.bgp_peer_id, *test.standby_peers],
            }
            for test in plan.tests
        },
    }


def _region(plan: RegionPlan, account: str) -> dict[str, Entries]:
    found = plan.snapshot
    circuits = _entries("circuits", found.circuits, "PhysicalConnectionId")
    for circuit_id, owner in _missing(circuits, found.circuits, found.vbrs, account).items():
        circuits[circuit_id] = {"owner": owner}
    vbrs = _entries("vbrs", found.vbrs, "VbrId")
    for vbr in found.vbrs:
        vbrs[str(vbr["VbrId"])] |= _placed(vbr)
    groups = _entries("bgp_groups", found.bgp_groups, "BgpGroupId")
    peers = _entries("bgp_peers", found.bgp_peers, "BgpPeerId")
    for peer in found.bgp_peers:
        none = {key: 0 for key in ROUTES if number(peer, key) == 0}
        peers[str(peer["BgpPeerId"])] |= none
    return {"circuits": circuits, "vbrs": vbrs, "bgp_groups": groups, "bgp_peers": peers}


def _entries(kind: str, documents: Iterable[Mapping[str, object]], id_key: str) -> Entries:
    return {
        name: {
            field: document[field] for field in KEPT[kind] if document.get(field) not in (None, "")
        }
        for name, document in sorted(identified(documents, id_key).items())
    }


def _missing(
    circuits: Entries,
    read: Iterable[PhysicalConnection],
    vbrs: Iterable[VirtualBorderRouter],
    account: str,
) -> dict[str, str]:
    """
    Return the circuits that others stand on and that were not read, with the account they are of.
    """
    parents = {
        parent: str(each.get("ParentPhysicalConnectionAliUid") or STRANGER)
        for each in read
        if (parent := text(each, "ParentPhysicalConnectionId"))
    }
    carriers = {
        circuit_id: str(vbr.get("PhysicalConnectionOwnerUid") or STRANGER)
        for vbr in vbrs
        for circuit_id in links(vbr)
        if circuit_id
    }
    return {
        circuit_id: STRANGER if owner == account else owner
        for circuit_id, owner in sorted({**carriers, **parents}.items())
        if circuit_id not in circuits
    }


def _placed(vbr: VirtualBorderRouter) -> dict[str, Any]:
    """
    Return where a VBR stands, on one circuit or several, and the CENs that it is attached to.
    """
    over = [circuit_id for circuit_id in links(vbr) if circuit_id]
    cens = [
        group
        for group, status in attachments(vbr)
        if is_literal(status, "Attached") and group != vbr.get("EcrId")
    ]
    placed = {"PhysicalConnectionId": over[:1], "circuits": over[1:], "cens": cens}
    return {
        key: names[0] if key == "PhysicalConnectionId" else names
        for key, names in placed.items()
        if names
    }


def _detections(snapshot: Snapshot) -> dict[str, str | float]:
    """
    Return how the emulator finds each session dead: by BFD as usual, or after so many seconds.
    """
    vbrs = {vbr["VbrId"]: vbr for vbr in snapshot.vbrs}
    found = {
        str(peer["BgpPeerId"]): (peer, detection(peer, vbrs.get(peer["RouterId"], {})))
        for peer in snapshot.bgp_peers
    }
    return {
        name: "bfd" if peer.get("EnableBfd") is True and seconds == BFD else seconds
        for name, (peer, seconds) in found.items()
    }
