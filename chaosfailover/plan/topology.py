"""
The topologies of a plan: the shape of a region for the emulator, and several joined into one.

A region's topology leaves out secrets and whatever changes from day to day, such as the number of
routes: the same region always has the same topology.
"""

from collections.abc import Iterable, Mapping
from typing import NotRequired, TypedDict

from chaosfailover.alibaba.documents import BgpPeer, PhysicalConnection, VirtualBorderRouter
from chaosfailover.errors import ArgumentError
from chaosfailover.network.health import (
    attachments,
    identified,
    ip_version,
    is_literal,
    links,
    number,
    text,
)
from chaosfailover.network.routes import RouteTables
from chaosfailover.network.routing import Unread
from chaosfailover.network.snapshot import Snapshot
from chaosfailover.plan.choice import RegionPlan, detection
from chaosfailover.plan.portals import ports_for
from chaosfailover.verdict.values import mapping

__all__ = ["Topology", "checked_topology", "merged", "mirror", "owner_of"]

OWN_ACCOUNT = "1000000000000001"
"""The account of a topology when that of the region is unknown."""

STRANGER = "1000000000000009"
"""The account of resources whose owner the API does not name."""

PARTS = ("accounts", "regions", "paths", "services")

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

Entries = dict[str, dict[str, object]]


class Service(TypedDict):
    """
    A service of a topology, with the paths to it in order of preference.
    """

    kind: NotRequired[str]
    port: int
    paths: list[str]


class Topology(TypedDict):
    """
    The network of one region or several, as the emulator reads it.
    """

    title: NotRequired[str]
    accounts: dict[str, dict[str, dict[str, str]]]
    regions: dict[str, dict[str, Entries]]
    vbr_failover_groups: dict[str, dict[str, object]]
    paths: dict[str, dict[str, object]]
    services: dict[str, Service]


def mirror(plan: RegionPlan, ports: Mapping[str, int] | None = None) -> Topology:
    """
    Return the topology of a region, with a service for each planned test, on the circuit's port.

    The first path of a service is the session that the test cuts; the others survive the cut.
    """
    ports = ports or ports_for(plan, {})
    account = plan.place.account or OWN_ACCOUNT
    region = _region(plan.snapshot, account, plan.tables)
    owners = {str(entry.get("owner", account)) for entry in region["circuits"].values()}
    keys = {"access_keys": {f"rehearsal-{account}": "rehearsal-secret"}}
    detections = _detections(plan)
    used = {peer for test in plan.tests for peer in (test.bgp_peer_id, *test.standby_peers)}
    return {
        "title": f"{plan.place.region_id} as it was when the plan was made.",
        "accounts": {account: keys, **{owner: {} for owner in sorted(owners - {account})}},
        "regions": {plan.place.region_id: region},
        "vbr_failover_groups": _failover_groups(plan.tables, region["vbrs"]),
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


def checked_topology(document: object) -> Topology:
    """
    Return the document of a topology with its empty parts filled in.

    Raises ArgumentError for what is no topology of a plan, such as an empty file. Everything else
    is left to the emulator's own check.
    """
    parts = {key: mapping(mapping(document).get(key)) for key in PARTS}
    if missing := [key for key, part in parts.items() if not part]:
        raise ArgumentError(f"it has no {', '.join(missing)}")
    accounts, regions, paths, services = map(_entries, parts.values())
    if not mapping(next(iter(accounts.values())).get("access_keys")):
        raise ArgumentError("its first account has no access key")
    return {
        "accounts": accounts,  # type: ignore[typeddict-item] # the emulator checks it
        "regions": {
            name: {kind: _entries(mapping(entries)) for kind, entries in kinds.items()}
            for name, kinds in regions.items()
        },
        "vbr_failover_groups": _entries(mapping(mapping(document).get("vbr_failover_groups"))),
        "paths": paths,
        "services": {name: _service(service) for name, service in services.items()},
    }


def owner_of(topology: Topology) -> str:
    """
    Return the account of a topology's own resources: its first.
    """
    return next(iter(topology["accounts"]))


def merged(topologies: Mapping[str, Topology]) -> Topology:
    """
    Return one topology of several, by folder; services and paths get the folder before their name.

    A resource in two topologies belongs to the account that has it as its own.
    """
    whole: Topology = {
        "accounts": {},
        "regions": {},
        "vbr_failover_groups": {},
        "paths": {},
        "services": {},
    }
    for folder, topology in topologies.items():
        for account, entry in topology["accounts"].items():
            whole["accounts"][account] = whole["accounts"].get(account) or entry
        for region_id, kinds in topology["regions"].items():
            _add(whole["regions"].setdefault(region_id, {}), kinds, owner_of(topology))
        whole["vbr_failover_groups"] |= topology["vbr_failover_groups"]
        for name, path in topology["paths"].items():
            whole["paths"][f"{folder}/{name}"] = path
        for name, service in topology["services"].items():
            paths = [f"{folder}/{path}" for path in service["paths"]]
            whole["services"][f"{folder}/{name}"] = {**service, "port": 0, "paths": paths}
    return whole


def _entries(entries: Mapping[str, object]) -> Entries:
    return {name: dict(mapping(entry)) for name, entry in entries.items()}


def _service(service: dict[str, object]) -> Service:
    paths = service.get("paths") or []
    # the emulator checks the types
    return {**service, "paths": [paths] if isinstance(paths, str) else paths}  # type: ignore[typeddict-item]


def _add(region: dict[str, Entries], kinds: Mapping[str, Entries], owner: str) -> None:
    for kind, entries in kinds.items():
        present = region.setdefault(kind, {})
        for name, entry in entries.items():
            if name not in present or "owner" not in entry:
                present[name] = {"owner": owner, **entry}


def _region(snapshot: Snapshot, account: str, tables: RouteTables | None) -> dict[str, Entries]:
    circuits = _kept("circuits", snapshot.circuits, "PhysicalConnectionId")
    for circuit_id, owner in _missing(circuits, snapshot.circuits, snapshot.vbrs, account).items():
        circuits[circuit_id] = {"owner": owner}
    vbrs = _kept("vbrs", snapshot.vbrs, "VbrId")
    for vbr in snapshot.vbrs:
        vbrs[str(vbr["VbrId"])] |= _placed(vbr)
    groups = _kept("bgp_groups", snapshot.bgp_groups, "BgpGroupId")
    peers = _kept("bgp_peers", snapshot.bgp_peers, "BgpPeerId")
    for peer in snapshot.bgp_peers:
        peers[str(peer["BgpPeerId"])] |= {key: 0 for key in ROUTES if number(peer, key) == 0}
        peers[str(peer["BgpPeerId"])] |= _prefixes(peer, tables)
    return {"circuits": circuits, "vbrs": vbrs, "bgp_groups": groups, "bgp_peers": peers}


def _kept(kind: str, documents: Iterable[Mapping[str, object]], id_key: str) -> Entries:
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
    Return the circuits that others depend on and that were not read, with their accounts.
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


def _placed(vbr: VirtualBorderRouter) -> dict[str, object]:
    """
    Return the circuits of a VBR, one or several, and the CENs that it is attached to.
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


def _prefixes(peer: BgpPeer, tables: RouteTables | None) -> dict[str, object]:
    """
    Return the prefixes of a session: all that its VBR has learned, which tells no session apart.
    """
    table = tables.of_vbr(str(peer["RouterId"])) if tables else ""
    version = ip_version(peer)
    learned = [] if isinstance(table, str) else [r for r in table.routes if r.source == "bgp"]
    own = {r.prefix for r in learned if f"IPv{r.prefix.version}" == version and r.answer == "yes"}
    return {"prefixes": sorted(map(str, own))} if own else {}


def _failover_groups(tables: RouteTables | None, vbrs: Entries) -> Entries:
    """
    Return the groups of two VBRs of the region that are active, by their IDs.
    """
    groups: Entries = {}
    for group in tables.routing.failover_groups.values() if tables else ():
        if group is None or isinstance(group, Unread):
            continue
        pair = [text(group, "VbrId"), text(group, "PeerVbrId")]
        name, is_active = text(group, "VbrHaId"), is_literal(text(group, "Status"), "Active")
        if name and is_active and all(vbr_id in vbrs for vbr_id in pair):
            groups[name] = {"vbrs": pair}
    return dict(sorted(groups.items()))


def _detections(plan: RegionPlan) -> dict[str, str | float]:
    """
    Return how the emulator detects the loss of each session: by BFD, or after these seconds.
    """
    vbrs = {vbr["VbrId"]: vbr for vbr in plan.snapshot.vbrs}
    longer = {
        test.bgp_peer_id: test.rehearsed for test in plan.tests if test.rehearsed > test.detection
    }
    by_timers: dict[str, str | float] = {
        str(peer["BgpPeerId"]): "bfd"
        if peer.get("EnableBfd") is True
        else detection(peer, vbrs.get(peer["RouterId"], {}))
        for peer in plan.snapshot.bgp_peers
    }
    return by_timers | longer
