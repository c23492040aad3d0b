"""
Rules of survival that hold on every network, found by search.
"""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from recorded import MISSING, Network

from chaosfailover.errors import ArgumentError
from chaosfailover.network.paths import Path
from chaosfailover.network.survival import RESOURCE_TYPES, Survival, surviving_paths

Draw = Callable[[st.SearchStrategy[Any]], Any]

UNSAID: list[Any] = [MISSING, None, "", 7]
IN_SERVICE = {"PhysicalConnectionStatus": "Enabled", "PhysicalConnectionBusinessStatus": "Normal"}
LISTS: list[Any] = [None, "", [], {"AssociatedCen": None, "AssociatedPhysicalConnection": [None]}]

# Field -> worse values. A list that is left out means none, so it is never left out here; and
# Detached is not worse: it says that the VBR has nothing to lose.
WORSE: dict[str, list[Any]] = {
    "PhysicalConnectionId": UNSAID,
    "VbrId": UNSAID,
    "BgpPeerId": UNSAID,
    "RouterId": [*UNSAID, "vbr-unread"],
    "Status": [*UNSAID, "Terminated", "Unavailable"],
    "BusinessStatus": [*UNSAID, "FinancialLocked"],
    "ProductType": UNSAID,
    "AccessPointId": UNSAID,
    "ParentPhysicalConnectionId": UNSAID,
    "VirtualPhysicalConnectionCount": [*UNSAID, "many", -1],
    "EcrId": UNSAID,
    "EcrAttatchStatus": [*UNSAID, "Attaching", "Detaching"],
    "CenId": UNSAID,
    "CenStatus": [*UNSAID, "Attaching", "Detaching"],
    "AssociatedCens": LISTS,
    "AssociatedPhysicalConnections": LISTS,
    "BgpStatus": [*UNSAID, "Idle", "Connect", "Active", "Down"],
    "IpVersion": [MISSING, None, "", "ipv5"],
    "ReceivedRouteCount": [MISSING, None, "", 0, -1, True, "few", "5"],
    "AdvertisedRouteCount": [MISSING, None, "", 0, -1, True, "few", "5"],
    "VpconnStatus": [*UNSAID, "UnConfirmed", "Deleted"],
    "PhysicalConnectionStatus": [*UNSAID, "Terminated", "Unavailable"],
    "PhysicalConnectionBusinessStatus": [*UNSAID, "FinancialLocked"],
    "EnableBfd": [MISSING, None, False],
}


def mostly(good: Any, *others: Any) -> st.SearchStrategy[Any]:
    """
    Draw the good value nine times in ten.
    """
    return st.sampled_from([good] * 9 * len(others) + [*others])


def cens(draw: Draw) -> dict[str, Any]:
    """
    Draw the attachment to a CEN, to a second one, or to none.
    """
    names = draw(st.sampled_from([[], [], ["cen-1"], ["cen-1", "cen-2"]]))
    return {
        "AssociatedCen": [
            {"CenId": name, "CenStatus": draw(mostly("Attached", "Attaching", "Detached"))}
            for name in names
        ]
    }


def circuit(draw: Draw, number: int, hosted: bool, hosts: int) -> dict[str, Any]:
    """
    Draw a circuit; a hosted one rides on circuit 0.
    """
    return {
        "PhysicalConnectionId": f"pc-{number}",
        "Status": draw(mostly("Enabled", "Terminated")),
        "BusinessStatus": draw(mostly("Normal", "FinancialLocked")),
        "ProductType": "VirtualPhysicalConnection" if hosted else "PhysicalConnection",
        "AccessPointId": draw(st.sampled_from(["ap-1", "ap-2"])),
        "ParentPhysicalConnectionId": "pc-0" if hosted else "",
        **({"VpconnStatus": draw(mostly("Confirmed", "UnConfirmed"))} if hosted else {}),
        "VirtualPhysicalConnectionCount": hosts,
    }


def vbr(draw: Draw, number: int, circuits: int) -> dict[str, Any]:
    """
    Draw a VBR over one circuit or more, attached to an ECR or to none.
    """
    ids = st.integers(0, circuits - 1).map("pc-{}".format)
    others = draw(mostly([], [draw(ids)], [draw(ids), draw(ids)]))
    ecr = {"EcrId": "ecr-1", "EcrAttatchStatus": draw(mostly("Attached", "Detaching"))}
    fields: dict[str, Any] = {
        "VbrId": f"vbr-{number}",
        "Status": draw(mostly("active", "terminated")),
        "PhysicalConnectionId": f"pc-{number % circuits}",
        **IN_SERVICE,
        "AssociatedPhysicalConnections": {
            "AssociatedPhysicalConnection": [
                {
                    "PhysicalConnectionId": name,
                    "Status": draw(mostly("active", "deleting")),
                    **IN_SERVICE,
                }
                for name in others
            ]
        },
        "AssociatedCens": cens(draw),
    }
    attached: dict[str, Any] = draw(mostly(ecr, {"EcrId": "", "EcrAttatchStatus": ""}))
    return fields | attached


def bgp_peer(draw: Draw, number: int, vbrs: int) -> dict[str, Any]:
    """
    Draw a BGP peer of one of the VBRs.
    """
    return {
        "BgpPeerId": f"bgp-{number}",
        "RouterId": f"vbr-{number % vbrs}",
        "Status": "Available",
        "BgpStatus": draw(mostly("Established", "Idle")),
        "IpVersion": draw(mostly("ipv4", "IPv6")),
        "ReceivedRouteCount": draw(mostly(5, 0)),
        "AdvertisedRouteCount": 5,
        "EnableBfd": draw(st.booleans()),
    }


@st.composite
def networks(draw: Draw) -> Network:
    """
    Draw a well-formed network of two to five circuits, some hosted on the first, not all of it up.
    """
    circuits = draw(st.integers(2, 5))
    hosted = [number > 0 and draw(mostly(False, True)) for number in range(circuits)]
    vbrs = draw(st.integers(circuits, 5))
    return Network(
        [circuit(draw, i, hosted[i], 0 if i else sum(hosted)) for i in range(circuits)],
        [vbr(draw, i, circuits) for i in range(vbrs)],
        [bgp_peer(draw, i, vbrs) for i in range(draw(st.integers(vbrs, vbrs + 2)))],
    )


@st.composite
def cuts(draw: Draw, network: Network) -> tuple[list[str], str]:
    """
    Draw resources of one type that the network has.
    """
    kind = draw(st.sampled_from([*RESOURCE_TYPES]))
    ids = sorted(
        {name for path in network.paths() if (name := getattr(path, RESOURCE_TYPES[kind]))}
    )
    return draw(st.lists(st.sampled_from(ids), min_size=1, max_size=3, unique=True)), kind


def degrade(data: st.DataObject, network: Network) -> Network:
    """
    Return the network with one field of one document made worse, nested ones too.
    """
    worse = deepcopy(network)
    documents = [*worse.circuits, *worse.vbrs, *worse.bgp_peers]
    for item in worse.vbrs:
        documents += item["AssociatedCens"]["AssociatedCen"]
        documents += item["AssociatedPhysicalConnections"]["AssociatedPhysicalConnection"]
    document = data.draw(st.sampled_from(documents))
    field = data.draw(st.sampled_from(sorted(document.keys() & WORSE.keys())))
    document[field] = data.draw(st.sampled_from(WORSE[field]))
    if document[field] is MISSING:
        del document[field]
    return worse


def routers(network: Network) -> list[str | None]:
    """
    Return the VBRs of the sessions, None where there is none.
    """
    return [peer["RouterId"] if peer.get("RouterId") else None for peer in network.bgp_peers]


def count(network: Network, resource_ids: list[str], kind: str) -> int:
    """
    Return the count of survivors; a refusal is none.
    """
    try:
        return surviving_paths(network.paths(), resource_ids, kind).count
    except ArgumentError:
        return 0


def touches(path: Path, resource_ids: list[str]) -> bool:
    """
    Return whether a path uses, or may use, one of the resources.
    """
    used = {path.circuit_id, *path.parent_circuit_ids, path.vbr_id, path.bgp_peer_id}
    return not (used | path.other_circuit_ids).isdisjoint(resource_ids)


def by_need(survival: Survival) -> dict[str, int]:
    """
    Return the count of each need.
    """
    return {str(need): need.count for need in survival.needs}


@pytest.mark.long
@given(st.data(), networks())
@settings(max_examples=400, deadline=None)
def test_worse_documents_never_yield_more_survivors(data: st.DataObject, network: Network) -> None:
    """
    Whatever field goes missing or bad, the count does not rise.

    A session of another VBR is no worse than one of the VBR that is cut: it is none of the cut.
    """
    resource_ids, kind = data.draw(cuts(network))
    worse = degrade(data, network)
    assume(kind != "VIRTUALBORDERROUTER" or routers(worse) == routers(network))

    assert count(worse, resource_ids, kind) <= count(network, resource_ids, kind)


@given(st.data(), networks())
@settings(max_examples=200, deadline=None)
def test_greater_cut_never_yields_more_survivors(data: st.DataObject, network: Network) -> None:
    """Each group that the smaller cut affects is affected by the greater one, and no better off."""
    resource_ids, kind = data.draw(cuts(network))
    some = surviving_paths(network.paths(), resource_ids[:1], kind)
    more = surviving_paths(network.paths(), resource_ids, kind)

    assert more.count <= some.count
    assert all(by_need(more)[need] <= count for need, count in by_need(some).items())


@given(st.data(), networks())
@settings(max_examples=200, deadline=None)
def test_no_survivor_touches_the_cut(data: st.DataObject, network: Network) -> None:
    """A survivor neither uses a cut resource nor may be using one, and it is proven up."""
    resource_ids, kind = data.draw(cuts(network))
    survival = surviving_paths(network.paths(), resource_ids, kind)

    assert not [path for path in survival.survivors if touches(path, resource_ids)]
    assert {path.health for path in survival.survivors} <= {"up"}
    assert survival.count <= len(survival.survivors)


@given(st.data(), networks())
@settings(max_examples=100, deadline=None)
def test_order_of_documents_is_no_matter(data: st.DataObject, network: Network) -> None:
    """Items come in whatever order the pages had."""
    resource_ids, kind = data.draw(cuts(network))
    kinds = (network.circuits, network.vbrs, network.bgp_peers)
    shuffled = Network(*(data.draw(st.permutations(items)) for items in kinds))

    assert shuffled.paths() == network.paths()
    assert surviving_paths(shuffled.paths(), resource_ids[::-1], kind) == surviving_paths(
        network.paths(), resource_ids, kind
    )


@given(st.data(), networks())
@settings(max_examples=100, deadline=None)
def test_every_path_has_one_fate(data: st.DataObject, network: Network) -> None:
    """No path is lost, surviving, unknown or down at once."""
    resource_ids, kind = data.draw(cuts(network))
    found = surviving_paths(network.paths(), resource_ids, kind)
    fates = [*found.lost, *found.survivors, *found.unknown, *found.down]

    assert len(fates) == len(set(fates))
