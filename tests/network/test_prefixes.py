"""
Survivors by route: which prefixes of a cut are covered, lost or unknown.
"""

import json
from dataclasses import replace
from typing import Any

import pytest
from routed import P, Routed, ecr_route, transit_route, vbr_route

from chaosfailover.network.prefixes import proof_by_route
from chaosfailover.network.routes import RouteTables
from chaosfailover.network.routing import Unread

CEN = "cen-main"
REFUSED = Unread("DescribeRouteEntryList", "NoPermission", "vpc:DescribeRouteEntryList")


def states(routed: Routed) -> dict[str, str]:
    """
    Return the state of each prefix.
    """
    return {fate.prefix: fate.state for fate in routed.need_proof().prefixes}


@pytest.mark.parametrize("group", ["ecr-main", CEN])
def test_same_prefix_on_both_is_proven(group: str) -> None:
    """The survivor has the route, and the ECR or CEN uses it."""
    proof = Routed(group).proof()

    assert proof.proven
    assert proof.reasons == []
    assert json.loads(json.dumps(proof.as_dict()))["needs"][0]["covered"] == {P: ["vbr-west"]}


@pytest.mark.parametrize(
    ("west", "state"),
    [
        pytest.param([vbr_route()], "covered", id="by BGP"),
        pytest.param([vbr_route(kind="Custom")], "covered", id="static, to the circuit"),
        pytest.param([vbr_route(kind="Custom", leads="VPC")], "lost", id="static, to the cloud"),
        pytest.param([vbr_route(kind="CEN", leads="VPC")], "lost", id="from the cloud"),
        pytest.param([vbr_route("10.0.0.0/8")], "covered", id="within a shorter one"),
        pytest.param([vbr_route("0.0.0.0/0")], "covered", id="by default"),
        pytest.param([vbr_route("10.1.0.0/17"), vbr_route("10.1.128.0/17")], "lost", id="parts"),
        pytest.param([vbr_route("10.2.0.0/16")], "lost", id="another"),
        pytest.param([vbr_route("::/0")], "lost", id="another family"),
        pytest.param([], "lost", id="none"),
        pytest.param(
            [vbr_route("10.0.0.0/8"), vbr_route(kind="Custom", leads="VPC")],
            "lost",
            id="the longest leads elsewhere",
        ),
        pytest.param([vbr_route(Status="Pending")], "lost", id="not yet"),
        pytest.param([vbr_route(Status="Odd")], "unknown", id="an unknown status"),
        pytest.param([vbr_route(Status=None)], "unknown", id="no status"),
        pytest.param([vbr_route(kind=None)], "unknown", id="no type"),
        pytest.param([vbr_route(NextHops=None)], "unknown", id="no next hop"),
        pytest.param([vbr_route(), vbr_route(None)], "unknown", id="another without prefix"),
        pytest.param([vbr_route("10.1.0.1/16")], "unknown", id="a prefix with host bits"),
        pytest.param(REFUSED, "unknown", id="not read"),
    ],
)
@pytest.mark.parametrize("group", ["ecr-main", CEN])
def test_survivor_has_learned_the_prefix(group: str, west: Any, state: str) -> None:
    """The first witness is the table of the survivor."""
    assert states(Routed(group, west=west)) == {P: state}


def test_next_hop_that_is_not_enabled_is_not_understood() -> None:
    """Enabled is 1 or left out."""
    route = vbr_route()
    route["NextHops"]["NextHop"][0]["Enabled"] = 0

    assert states(Routed(west=[route])) == {P: "unknown"}


@pytest.mark.parametrize(
    ("routes", "disabled", "state"),
    [
        pytest.param([ecr_route("vbr-west")], [], "covered", id="active"),
        pytest.param([ecr_route("vbr-west", "10.0.0.0/8")], [], "covered", id="shorter"),
        pytest.param([], [], "unknown", id="not listed, so perhaps not the best"),
        pytest.param([ecr_route("vbr-west", "10.1.0.0/17")], [], "unknown", id="a part"),
        pytest.param([ecr_route("vbr-west", status="ODD")], [], "unknown", id="another status"),
        pytest.param([ecr_route("vbr-west")], [ecr_route("vbr-west")], "lost", id="disabled"),
        pytest.param([ecr_route("vbr-west")], [ecr_route("vbr-far")], "covered", id="another off"),
        pytest.param([ecr_route("vbr-west")], REFUSED, "unknown", id="disabled ones unread"),
        pytest.param(REFUSED, [], "unknown", id="unread"),
        pytest.param([ecr_route("vbr-west"), ecr_route(None)], [], "unknown", id="one unreadable"),
        pytest.param(
            [ecr_route("vbr-west", "10.0.0.0/8"), ecr_route("vbr-far")],
            [],
            "unknown",
            id="a longer one over what is not proven",
        ),
    ],
)
def test_ecr_uses_the_survivor(routes: Any, disabled: Any, state: str) -> None:
    """An ECR has to list the survivor; whether it lists all that it has is not known."""
    listed = routes if isinstance(routes, Unread) else [ecr_route("vbr-east"), *routes]

    assert states(Routed(fabric=listed, disabled=disabled)) == {P: state}


@pytest.mark.parametrize(
    ("routes", "state"),
    [
        pytest.param([transit_route("vbr-west")], "covered", id="active"),
        pytest.param([transit_route("vbr-west", status="Standby")], "covered", id="standby"),
        pytest.param([transit_route("vbr-west", status="Candidate")], "covered", id="candidate"),
        pytest.param([transit_route("vbr-west", status="Rejected")], "lost", id="rejected"),
        pytest.param([transit_route("vbr-west", status="Prohibited")], "lost", id="prohibited"),
        pytest.param([transit_route("vbr-west", status="Odd")], "unknown", id="another status"),
        pytest.param([transit_route("vbr-west", NextHopType=None)], "unknown", id="no hop type"),
        pytest.param([], "lost", id="read completely, and lacking"),
        pytest.param(
            [transit_route(None, OriginResourceId="vbr-west")], "covered", id="by its origin"
        ),
        pytest.param(
            [transit_route("vbr-east", OriginResourceId="vbr-west")], "lost", id="over the cut"
        ),
        pytest.param(
            [
                transit_route("vbr-west", "10.0.0.0/8"),
                transit_route(None, NextHopType="BlackHole", OriginResourceId=None),
            ],
            "lost",
            id="a black hole takes it",
        ),
        pytest.param(
            [transit_route("vbr-west", table="vtb-b")], "lost", id="in another table than the cut"
        ),
    ],
)
def test_transit_router_uses_the_survivor(routes: list[Any], state: str) -> None:
    """All statuses are read, so that what is missing is missing."""
    assert states(Routed(CEN, fabric=[transit_route("vbr-east"), *routes])) == {P: state}


def test_each_prefix_needs_a_survivor() -> None:
    """One that is lost is named, and refuses the whole."""
    both = (vbr_route(), vbr_route("10.2.0.0/16"))
    proof = Routed(CEN, east=both).proof()

    assert not proof.proven
    assert proof.reasons == [
        (
            "cen-main (IPv4): 10.2.0.0/16 would be lost: vbr-west has no single route that "
            "contains it; "
            "cen-main has no single route over vbr-west that contains it"
        )
    ]


def test_prefix_that_only_the_ecr_lists_counts() -> None:
    """The cut carries what the ECR sends over it."""
    routes = [ecr_route("vbr-east"), ecr_route("vbr-west"), ecr_route("vbr-east", "10.9.0.0/16")]

    assert states(Routed(fabric=routes)) == {P: "covered", "10.9.0.0/16": "lost"}


def test_what_stays_or_leads_to_the_cloud_is_not_lost() -> None:
    """Routes to the cloud are no prefixes of the data center."""
    cloud = vbr_route("172.16.0.0/12", "CEN", "VPC")
    east = [vbr_route(), cloud, vbr_route("10.255.0.0/30", "System")]

    assert states(Routed(east=east, west=[vbr_route(), cloud])) == {P: "covered"}


@pytest.mark.parametrize(
    ("told", "state"),
    [
        pytest.param(["172.16.0.0/12"], "covered", id="the same"),
        pytest.param(["172.0.0.0/8"], "covered", id="one that contains it"),
        pytest.param(["172.16.0.0/16"], "lost", id="a part"),
        pytest.param([], "lost", id="none"),
    ],
)
@pytest.mark.parametrize("kind", ["CEN", "ECR"])
def test_survivor_tells_the_data_center_the_way_back(
    told: list[str], state: str, kind: str
) -> None:
    """What the cut has of the cloud, and told the data center, a survivor has to have too."""
    east = [vbr_route(), vbr_route("172.16.0.0/12", kind, "VPC")]
    west = [vbr_route(), *(vbr_route(prefix, kind, "VPC") for prefix in told)]
    routed = Routed(east=east, west=west)

    assert states(routed) == {P: state}
    reason = "vbr-west has no route to 172.16.0.0/12 in the cloud, as the cut has"
    assert any(reason in each for each in routed.proof().reasons) == (state == "lost")


@pytest.mark.parametrize(
    ("east", "reason"),
    [
        pytest.param(
            REFUSED,
            "ecr-main (IPv4): the routes of vbr-east were not read: DescribeRouteEntryList: "
            "NoPermission, which needs the permission vpc:DescribeRouteEntryList",
            id="unread",
        ),
        pytest.param(
            [],
            "ecr-main (IPv4): bgp-east reports routes, but the table of vbr-east has none by BGP",
            id="a contradiction",
        ),
        pytest.param(
            [vbr_route("10.1.0.0")],
            "ecr-main (IPv4): the routes of vbr-east have an entry without prefix or target",
            id="not understood",
        ),
    ],
)
def test_unknown_prefixes_of_the_cut_fail_the_proof(east: Any, reason: str) -> None:
    """More may be lost than is named."""
    proof = Routed(east=east).proof()

    assert not proof.proven
    assert proof.reasons == [reason]


def test_full_session_may_have_dropped_the_prefix() -> None:
    """Routes beyond the limit are dropped, so a lacking one is unknown."""
    routed = Routed(CEN, west=[vbr_route("10.2.0.0/16")])
    routed.changed(bgp_west={"ReceivedRouteCount": 110, "RouteLimit": "110"})

    assert "its session has reached its limit of routes" in routed.proof().reasons[0]


def test_default_route_covers_with_a_warning() -> None:
    """Whether it leads to the same network is not known."""
    proof = Routed(west=[vbr_route("0.0.0.0/0")]).proof()

    assert proof.proven
    assert [warning for warning in proof.warnings if "default route over vbr-west" in warning]


def test_another_autonomous_system_is_no_warning_where_prefixes_are_proven() -> None:
    """Two providers may lead to the same network."""
    proven = Routed().changed(bgp_west={"PeerAsn": "65000"})
    unproven = Routed(west=()).changed(bgp_west={"PeerAsn": "65000"})

    assert [warning for warning in proven.cut().warnings if "65000" in warning]
    assert not [warning for warning in proven.proof().warnings if "65000" in warning]
    assert [warning for warning in unproven.proof().warnings if "65000" in warning]


def test_table_does_not_tell_which_session_brought_a_route() -> None:
    """A second peer of the same VBR is proven by count alone."""
    routed = Routed()
    (east,) = (peer for peer in routed.network.bgp_peers if peer["BgpPeerId"] == "bgp-east")
    routed.network.bgp_peers.append(east | {"BgpPeerId": "bgp-second"})
    routed.network = routed.network.without("bgp-west")
    survival = routed.cut(["bgp-east"], "BGPPEER")
    proof = proof_by_route(survival, routed.routing)

    assert survival.count == 1
    assert not proof.proven
    assert "which of its sessions brought a route" in proof.reasons[0]


def test_session_that_is_no_survivor_may_have_brought_the_routes() -> None:
    """Routes of the survivor's VBR may be those of a session that is about to go."""
    routed = Routed()
    (west,) = (peer for peer in routed.network.bgp_peers if peer["BgpPeerId"] == "bgp-west")
    routed.network.bgp_peers.append(west | {"BgpPeerId": "bgp-odd", "Status": "Deleting"})

    assert states(routed) == {P: "unknown"}


def test_peer_leaves_the_static_routes_of_its_vbr() -> None:
    """Only what its session brought may be lost."""
    east = [vbr_route(), vbr_route("10.7.0.0/16", "Custom")]
    routed = Routed(east=east)
    peer, circuit = (
        proof_by_route(routed.cut([name], kind), routed.routing).needs[0]
        for name, kind in (("bgp-east", "BGPPEER"), ("pc-east", "PHYSICALCONNECTION"))
    )

    assert [fate.prefix for fate in peer.prefixes] == [P]
    assert [fate.prefix for fate in circuit.prefixes] == [P, "10.7.0.0/16"]


def test_address_families_are_apart() -> None:
    """Each family has a need of its own, with the prefixes of its own."""
    v6 = "2001:db8::/32"
    both = (vbr_route(), vbr_route(v6))
    routes = [ecr_route(vbr, prefix) for vbr in ("vbr-east", "vbr-west") for prefix in (P, v6)]
    routed = Routed(east=both, west=both, fabric=routes)
    for name in ("east", "west"):
        (peer,) = (each for each in routed.network.bgp_peers if each["BgpPeerId"] == f"bgp-{name}")
        extra = peer | {"BgpPeerId": f"bgp-{name}-6", "IpVersion": "ipv6"}
        routed.network.bgp_peers.append(extra)
    proof = routed.proof()

    assert proof.proven
    assert [[fate.prefix for fate in need.prefixes] for need in proof.needs] == [[P], [v6]]


def test_tables_are_shared_by_many_cuts() -> None:
    """A region is parsed once for the cuts of all its circuits."""
    routed = Routed()
    tables = RouteTables(routed.routing)
    proofs = [proof_by_route(routed.cut([name]), tables) for name in ("pc-east", "pc-west")]

    assert [proof.needs[0].prefixes[0].by for proof in proofs] == [("vbr-west",), ("vbr-east",)]


def test_cut_without_path_proves_nothing() -> None:
    """A circuit without VBR serves nothing that was read."""
    routed = Routed()
    proof = proof_by_route(replace(routed.cut(), needs=[]), routed.routing)

    assert not proof.proven
    assert proof.reasons == ["the cut takes no path that was read"]


def test_routes_of_a_family_without_session_are_unknown() -> None:
    """A static IPv6 route beside an IPv4 session is lost with the circuit."""
    east = (vbr_route(), vbr_route("2001:db8::/32", "Custom"))
    proof = Routed(east=east).proof()

    assert proof.reasons == [
        "ecr-main (IPv4): vbr-east has IPv6 routes, but no session of that family was read"
    ]
