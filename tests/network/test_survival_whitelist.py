"""
A field outside the whitelist is never part of a survivor, by an oracle written from its table.
"""

import random
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

import pytest
from recorded import MISSING, Network, recorded

from chaosfailover.errors import ArgumentError
from chaosfailover.network.paths import Path
from chaosfailover.network.survival import RESOURCE_TYPES, Need, surviving_paths

NAMES = ("cen-and-ecr", "dual-circuit", "dual-stack", "hosted-circuits", "two-circuit-vbr")
FIELDS: dict[str, list[Any]] = {
    "PhysicalConnectionId": ["pc-east", "pc-parent"],
    "VbrId": ["vbr-east"],
    "BgpPeerId": ["bgp-east"],
    "RouterId": ["vbr-east", "vbr-unread"],
    "Status": ["Terminated", "terminating", "Unavailable", "Deleted", "Enabled", "ACTIVE"],
    "BusinessStatus": ["FinancialLocked", "SecurityLocked", "Locked"],
    "ProductType": ["PhysicalConnection", "VirtualPhysicalConnection", "SharedConnection"],
    "ParentPhysicalConnectionId": ["pc-parent", "pc-red", "pc-far", "pc-root", "pc-unread"],
    "VpconnStatus": ["UnConfirmed", "Deleted", "confirmed", "Pending"],
    "VirtualPhysicalConnectionCount": [0, 1, 2, 3, "1", "many"],
    "PhysicalConnectionStatus": ["Terminated", "Unavailable", "Normal", "enabled"],
    "PhysicalConnectionBusinessStatus": ["FinancialLocked", "SecurityLocked", "Enabled"],
    "AssociatedPhysicalConnections": [{"AssociatedPhysicalConnection": None}, {"Other": []}],
    "AssociatedCens": [{"AssociatedCen": [None]}, {"AssociatedCen": []}],
    "EcrId": ["ecr-other"],
    "EcrAttatchStatus": ["Attaching", "Detaching", "Detached", "Gone"],
    "CenId": ["cen-other", "ecr-main"],
    "CenStatus": ["Attaching", "Detaching", "Detached", "Gone"],
    "BgpStatus": ["Idle", "Connect", "Active", "Down", "UnEstablished", "OpenConfirm"],
    "IpVersion": ["IPv6", "ipv4", "ipv5"],
    "ReceivedRouteCount": [0, 12, "12", "few"],
    "AdvertisedRouteCount": [0, 12, "12", "few"],
}
ROUTES = ("ReceivedRouteCount", "AdvertisedRouteCount")
ANYTHING: list[Any] = [
    MISSING,
    MISSING,
    None,
    "",
    " ",
    7,
    -1,
    1.5,
    True,
    False,
    [],
    {},
    ["Enabled"],
]
ANYTHING += ["undocumented", "Testing", "9" * 5000]


def deep() -> Network:
    """
    Return the hosted circuits with a level more: red over mid over parent, and far-parent on root.
    """
    network = recorded("hosted-circuits")
    parent, red = (
        next(each for each in network.circuits if each["PhysicalConnectionId"] == name)
        for name in ("pc-parent", "pc-red")
    )
    mid = red | {"PhysicalConnectionId": "pc-mid", "VirtualPhysicalConnectionCount": 1}
    root = parent | {"PhysicalConnectionId": "pc-root", "VirtualPhysicalConnectionCount": 1}
    network.circuits.extend([mid, root])
    hosted = {"ProductType": "VirtualPhysicalConnection", "VpconnStatus": "Confirmed"}
    return network.changed("pc-red", ParentPhysicalConnectionId="pc-mid").changed(
        "pc-far-parent", ParentPhysicalConnectionId="pc-root", **hosted
    )


def documents(network: Network) -> Iterator[dict[str, Any]]:
    """
    Yield the documents of a network, and those within them.
    """
    yield from (*network.circuits, *network.vbrs, *network.bgp_peers)
    for vbr in network.vbrs:
        yield from vbr["AssociatedPhysicalConnections"]["AssociatedPhysicalConnection"]
        yield from vbr["AssociatedCens"]["AssociatedCen"]


def mutated(network: Network, chance: random.Random) -> Network:
    """
    Return the network with one to three fields of its documents changed.
    """
    worse = deepcopy(network)
    every = [*documents(worse)]
    for document in chance.choices(every, k=chance.choice((1, 1, 2, 3))):
        field = chance.choice(sorted(document.keys() & FIELDS.keys()))
        value = chance.choice([*ANYTHING, *FIELDS[field] * 2])
        document[field] = deepcopy(value)
        if value is MISSING:
            del document[field]
    return worse


def has(document: Mapping[str, Any], field: str, word: str) -> bool:
    value = document.get(field)
    return isinstance(value, str) and value.lower() == word.lower()


def counted(document: Mapping[str, Any], field: str) -> int:
    """
    Return a count; -1 for what is none.
    """
    value = document.get(field)
    is_count = type(value) in (int, str) and re.fullmatch("[0-9]{1,18}", str(value))
    return int(str(value)) if is_count else -1


def named(document: Mapping[str, Any], field: str) -> str:
    value = document.get(field)
    return value if isinstance(value, str) else ""


def listed(vbr: Mapping[str, Any], outer: str, inner: str) -> list[dict[str, Any]] | None:
    """
    Return a wrapped list; None if it cannot be read.
    """
    wrapper = vbr.get(outer, {})
    entries = wrapper.get(inner, []) if isinstance(wrapper, dict) else None
    readable = isinstance(entries, list) and all(isinstance(each, dict) for each in entries)
    return entries if readable else None


def line(circuits: Mapping[str, Any], name: str) -> list[str] | None:
    """
    Return a circuit and those above it; None if any of them is not in service, or not known.
    """
    chain: list[str] = []
    while name in circuits and name not in chain:
        chain.append(name)
        circuit = circuits[name]
        if not (has(circuit, "Status", "Enabled") and has(circuit, "BusinessStatus", "Normal")):
            return None
        if has(circuit, "ProductType", "PhysicalConnection"):
            return chain if circuit.get("ParentPhysicalConnectionId") in (None, "") else None
        if not has(circuit, "ProductType", "VirtualPhysicalConnection"):
            return None
        if not has(circuit, "VpconnStatus", "Confirmed"):
            return None
        name = named(circuit, "ParentPhysicalConnectionId")
    return None


def above_of(circuits: Mapping[str, Any], name: str) -> set[str]:
    """
    Return a circuit and all that carry it, in whatever state they are.
    """
    seen: set[str] = set()
    while name and name not in seen:
        seen.add(name)
        name = named(circuits.get(name, {}), "ParentPhysicalConnectionId")
    return seen


def in_service(document: Mapping[str, Any]) -> bool:
    return has(document, "PhysicalConnectionStatus", "Enabled") and has(
        document, "PhysicalConnectionBusinessStatus", "Normal"
    )


def runs(vbr: Mapping[str, Any], circuit_id: str) -> bool:
    """
    Tell whether a VBR is proven to run over a circuit.
    """
    own = named(vbr, "PhysicalConnectionId")
    links = listed(vbr, "AssociatedPhysicalConnections", "AssociatedPhysicalConnection")
    if links is None or not own or not has(vbr, "Status", "active"):
        return False
    over = [each for each in links if named(each, "PhysicalConnectionId") == circuit_id]
    return (
        all(named(each, "PhysicalConnectionId") for each in links)
        and (own != circuit_id or in_service(vbr))
        and all(in_service(each) and has(each, "Status", "active") for each in over)
        and (own == circuit_id or bool(over))
    )


def serves(vbr: Mapping[str, Any], group: str) -> bool:
    """
    Tell whether a VBR is proven to be attached to an ECR or CEN.
    """
    cens = listed(vbr, "AssociatedCens", "AssociatedCen") or []
    ecr = {"CenId": vbr.get("EcrId"), "CenStatus": vbr.get("EcrAttatchStatus")}
    entries = [each for each in [*cens, ecr] if named(each, "CenId") == group]
    return bool(entries) and all(has(each, "CenStatus", "Attached") for each in entries)


def speaks(peer: Mapping[str, Any], ip_version: str | None) -> bool:
    """
    Tell whether a session is proven to carry an address family.
    """
    return (
        has(peer, "Status", "Available")
        and has(peer, "BgpStatus", "Established")
        and ip_version in ("IPv4", "IPv6")
        and has(peer, "IpVersion", ip_version)
        and all(type(peer.get(field)) is int and peer[field] > 0 for field in ROUTES)
    )


def is_proven(network: Network, path: Path, need: Need, cut: tuple[str, str]) -> bool:
    """
    Tell whether a path is a survivor of a need by the table, and does not use the cut resource.
    """
    circuits = {each["PhysicalConnectionId"]: each for each in network.circuits}
    vbr = {each["VbrId"]: each for each in network.vbrs}.get(path.vbr_id)
    peer = {each["BgpPeerId"]: each for each in network.bgp_peers}.get(path.bgp_peer_id)
    chain = line(circuits, path.circuit_id or "")
    if chain is None or vbr is None or peer is None:
        return False
    links = listed(vbr, "AssociatedPhysicalConnections", "AssociatedPhysicalConnection") or []
    used = {
        above
        for each in (vbr, *links)
        for above in above_of(circuits, named(each, "PhysicalConnectionId"))
    }
    return (
        named(peer, "RouterId") == path.vbr_id
        and runs(vbr, chain[0])
        and serves(vbr, need.group)
        and speaks(peer, need.ip_version)
        and cut[0] not in {*used, path.vbr_id, path.bgp_peer_id}
    )


def load_is_known(network: Network, circuit_id: str) -> bool:
    """
    Tell whether all that a circuit hosts was read.
    """
    for each in network.circuits:
        if each["PhysicalConnectionId"] == circuit_id:
            hosted = sum(
                named(other, "ParentPhysicalConnectionId") == circuit_id
                for other in network.circuits
            )
            return 0 <= counted(each, "VirtualPhysicalConnectionCount") <= hosted
    return False


def check(network: Network, cut: tuple[str, str], seen: Counter[str]) -> None:
    """
    Check every survivor of a cut against the oracle, and count what was met.
    """
    try:
        paths = network.paths()
        survival = surviving_paths(paths, [cut[0]], cut[1])
    except ArgumentError:
        seen["refused"] += 1
        return
    for need in survival.needs:
        for path in need.survivors:
            assert is_proven(network, path, need, cut), f"{path} for {need}"
        seen["survivors" if need.survivors else "none"] += 1
    circuits = {path.circuit_id for path in survival.lost if path.circuit_id}
    if cut[1] == "PHYSICALCONNECTION" and not all(
        load_is_known(network, each) for each in circuits
    ):
        assert survival.count == 0
        seen["unknown load"] += 1


def mutations(seed: int, count: int) -> None:
    """
    Check mutated networks; a failure names its number, with which it can be repeated.
    """
    networks = [*map(recorded, NAMES), deep()]
    resources = [
        [
            (name, kind)
            for kind, attribute in RESOURCE_TYPES.items()
            for name in sorted({getattr(path, attribute) for path in each.paths()} - {None})
        ]
        for each in networks
    ]
    seen: Counter[str] = Counter()
    for number in range(seed, seed + count):
        chance = random.Random(number)
        index = chance.randrange(len(networks))
        network = mutated(networks[index], chance)
        try:
            check(network, chance.choice(resources[index]), seen)
        except Exception as exc:
            exc.add_note(f"mutation {number}")
            raise
    assert min(seen[kind] for kind in ("refused", "survivors", "none", "unknown load")) > count / 99


def test_mutated_field_is_never_part_of_a_survivor() -> None:
    """A thousand networks, each with one to three fields changed."""
    mutations(0, 1000)


@pytest.mark.matrix
def test_many_mutated_fields_are_never_part_of_a_survivor() -> None:
    """Twenty thousand more."""
    mutations(1000, 20_000)


@pytest.mark.parametrize("network", [*map(recorded, NAMES), deep()], ids=[*NAMES, "deep"])
def test_oracle_agrees_on_what_is_whole(network: Network) -> None:
    """Every path of a network without faults is one that the oracle proves."""
    for cut in [(path.vbr_id, "VIRTUALBORDERROUTER") for path in network.paths() if path.vbr_id]:
        survival = surviving_paths(network.paths(), [cut[0]], cut[1])
        for need in survival.needs:
            others = [path for path in network.paths() if path.vbr_id not in (None, cut[0])]

            assert {str(path) for path in need.survivors} == {
                str(path) for path in others if is_proven(network, path, need, cut)
            }
