"""
The routes of VBRs, ECRs and transit routers: what they are, and that they move when paths do.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from emulator_callers import CREATE, Caller, flattened

from chaosfailover.emulator import Emulator
from chaosfailover.emulator.resources import CIRCUIT, PEER, VBR

HANGZHOU = {"RegionId": "cn-hangzhou"}
A, B = "vbr-rehearsal-a", "vbr-rehearsal-b"
PEER_A, PEER_B = "bgp-rehearsal-a", "bgp-rehearsal-b"
TABLE = "vtb-rehearsal-cn-hangzhou"
PREFIXES = ("10.1.0.0/16", "10.2.0.0/16", "10.3.0.0/16")
ON_ECR = {"vbrs": {A: {"EcrId": "ecr-r", "cens": []}, B: {"EcrId": "ecr-r", "cens": []}}}


def dual_circuit(region: dict[str, Any] | None = None, **others: Any) -> Caller:
    """
    Return a caller of `dual-circuit` with changes.
    """
    return Caller({"extends": "dual-circuit", "regions": {"cn-hangzhou": region or {}}, **others})


def of_vbr(caller: Caller, vbr: str, **parameters: Any) -> list[str]:
    """
    Return the prefixes that a VBR has from the data center.
    """
    table = f"vtb-{vbr.removeprefix('vbr-')}"
    given = {**HANGZHOU, "RouteTableId": table, "MaxResult": 100, **parameters}
    entries = caller.call("DescribeRouteEntryList", **given)["RouteEntrys"]["RouteEntry"]
    return [each["DestinationCidrBlock"] for each in entries if each["Type"] in ("BGP", "Custom")]


def of_transit_router(caller: Caller, **parameters: Any) -> dict[tuple[str, str], str]:
    """
    Return the status of each route to the data center, by VBR and prefix.
    """
    key = "TransitRouterRouteEntry"
    given = {"TransitRouterRouteTableId": TABLE, f"{key}Status": "All", **parameters}
    entries = caller.call("ListTransitRouterRouteEntries", **given)["TransitRouterRouteEntries"]
    return {
        (each[f"{key}NextHopResourceId"], each[f"{key}DestinationCidrBlock"]): each[f"{key}Status"]
        for each in entries
        if each[f"{key}NextHopResourceType"] == "VBR"
    }


def of_ecr(caller: Caller, **parameters: Any) -> list[tuple[str, str, str]]:
    """
    Return VBR, prefix and AS path of each route of an ECR to the data center.
    """
    given = {"EcrId": "ecr-r", "MaxResults": 100, **parameters}
    entries = caller.call("DescribeExpressConnectRouterRouteEntries", **given)["RouteEntriesList"]
    return [
        (each["NexthopInstanceId"], each["DestinationCidrBlock"], each["AsPath"])
        for each in entries
        if each["NexthopInstanceId"].startswith("vbr-")
    ]


def test_each_session_brings_the_same_prefixes_unless_told_otherwise() -> None:
    """So that each VBR is a survivor of the others by its routes too."""
    caller = dual_circuit()

    assert of_vbr(caller, A) == of_vbr(caller, B) == list(PREFIXES)
    assert of_transit_router(caller) == {(v, p): "Active" for v in (A, B) for p in PREFIXES}


@pytest.mark.parametrize("own", ["", "vtb-of-my-own"])
def test_the_route_table_of_a_vbr_is_listed(own: str) -> None:
    """The VBR names it, by an ID of the topology or after its own."""
    vbrs = {A: {"RouteTableId": own}} if own else {}
    caller = dual_circuit({"vbrs": vbrs})
    listed = caller.call("DescribeRouteTableList", **HANGZHOU, RouterType="VBR", RouterId=A)
    (table,) = listed["RouterTableList"]["RouterTableListType"]
    routers = caller.call("DescribeVirtualBorderRouters", **HANGZHOU)["VirtualBorderRouterSet"]
    router, other = routers["VirtualBorderRouterType"]
    of_vpcs = caller.call("DescribeRouteTableList", **HANGZHOU)

    assert table["RouteTableId"] == router["RouteTableId"] == (own or "vtb-rehearsal-a")
    assert other["RouteTableId"] == "vtb-rehearsal-b"
    assert of_vpcs["TotalCount"] == 0


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("PrefixExactMatchCidrs", "10.1.0.0/16", {"10.1.0.0/16"}),
        ("SubnetOfMatchCidrs", "10.0.0.0/14", set(PREFIXES)),
        ("SupernetOfMatchCidrs", "10.2.3.0/24", {"10.0.0.0/8", "10.2.0.0/16"}),
        ("LongestPrefixMatchCidrs", "10.2.3.0/24", {"10.2.0.0/16"}),
        ("LongestPrefixMatchCidrs", "192.0.2.0/24", set()),
    ],
)
def test_routes_are_filtered_by_prefix(key: str, value: str, expected: set[str]) -> None:
    caller = dual_circuit({"bgp_peers": {PEER_A: {"prefixes": [*PREFIXES, "10.0.0.0/8"]}}})
    routes = of_transit_router(caller, RouteFilter=[{"Key": key, "Value": [value]}])

    assert {prefix for _, prefix in routes} == expected


@pytest.mark.parametrize(("key", "value"), [("SubnetOfMatchCidrs", "x"), ("Prefix", "::/0")])
def test_a_wrong_prefix_filter_is_refused(key: str, value: str) -> None:
    route_filter = [{"Key": key, "Value": [value]}]
    caller = dual_circuit()
    refused = caller.refused(
        "ListTransitRouterRouteEntries", TransitRouterRouteTableId=TABLE, RouteFilter=route_filter
    )

    assert refused[:2] == (400, "IllegalParam.RouteFilter")


@pytest.mark.parametrize(
    ("peer", "prefixes", "received"),
    [
        pytest.param({}, PREFIXES, 3, id="the default"),
        pytest.param({"prefixes": ["10.9.0.0/24"]}, ("10.9.0.0/24",), 1, id="one"),
        pytest.param({"prefixes": []}, (), 0, id="none"),
        pytest.param({"ReceivedRouteCount": 0}, (), 0, id="it says that it received none"),
        pytest.param({"ReceivedRouteCount": 110}, PREFIXES, 110, id="a number of its own"),
        pytest.param({"BgpStatus": "Idle"}, (), 3, id="not established"),
        pytest.param(
            {"IpVersion": "IPV6"},
            tuple(f"2001:db8:{n}::/48" for n in (1, 2, 3)),
            3,
            id="an IPv6 session",
        ),
    ],
)
def test_what_a_session_brings(
    peer: dict[str, Any], prefixes: tuple[str, ...], received: int
) -> None:
    caller = dual_circuit({"bgp_peers": {PEER_A: peer}})
    (shown,) = caller.call("DescribeBgpPeers", **HANGZHOU, RouterId=A)["BgpPeers"]["BgpPeer"]

    assert of_vbr(caller, A) == list(prefixes)
    assert shown["ReceivedRouteCount"] == received


def test_a_static_route_is_custom_and_leads_to_the_circuit() -> None:
    caller = dual_circuit({"vbrs": {A: {"static_routes": "192.168.7.0/24"}}})
    given = {**HANGZHOU, "RouteTableId": "vtb-rehearsal-a", "RouteEntryType": "Custom"}
    (entry,) = caller.call("DescribeRouteEntryList", **given)["RouteEntrys"]["RouteEntry"]
    (hop,) = entry["NextHops"]["NextHop"]

    assert (entry["DestinationCidrBlock"], entry["Origin"]) == ("192.168.7.0/24", "CustomCreate")
    assert hop["NextHopRelatedInfo"]["InstanceType"] == "PCONN"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        pytest.param({}, {(A, "x"): "Active", (B, "x"): "Active"}, id="equal"),
        pytest.param({"prepend": 2}, {(A, "x"): "Active", (B, "x"): "Standby"}, id="prepended"),
        pytest.param(
            {"as_path": [4200000000]}, {(A, "x"): "Active", (B, "x"): "Standby"}, id="a longer path"
        ),
    ],
)
def test_the_shorter_as_path_is_active(
    change: dict[str, Any], expected: dict[tuple[str, str], str]
) -> None:
    caller = dual_circuit({"bgp_peers": {PEER_B: change}})
    by_default = caller.call("ListTransitRouterRouteEntries", TransitRouterRouteTableId=TABLE)

    assert of_transit_router(caller) == {
        (vbr, prefix): status for (vbr, _), status in expected.items() for prefix in PREFIXES
    }
    assert by_default["TotalCount"] == 1 + 3 * list(expected.values()).count("Active")


@pytest.mark.parametrize("status", ["Standby", "Candidate", "Rejected", "Prohibited"])
def test_a_topology_may_say_the_status_of_a_route(status: str) -> None:
    marks = [{"vbr": B, "prefix": PREFIXES[1], "status": status}]
    caller = dual_circuit(cens={"cen-rehearsal": {"routes": marks}})
    routes = of_transit_router(caller)

    assert [each for each in routes if routes[each] == status] == [(B, PREFIXES[1])]
    assert routes[A, PREFIXES[1]] == "Active"


def test_a_black_hole_is_active_and_leads_nowhere() -> None:
    caller = dual_circuit(cens={"cen-rehearsal": {"routes": [{"vbr": B, "status": "BlackHole"}]}})
    document = caller.call("ListTransitRouterRouteEntries", TransitRouterRouteTableId=TABLE)
    hops = {
        each["TransitRouterRouteEntryNextHopType"]
        for each in document["TransitRouterRouteEntries"]
        if each["TransitRouterRouteEntryNextHopResourceId"] == B
    }

    assert hops == {"BlackHole"}


def test_a_vbr_that_does_not_propagate_teaches_nothing() -> None:
    caller = dual_circuit(cens={"cen-rehearsal": {"unpropagated": [B], "unpublished": [A]}})
    given = {"TransitRouterRouteTableId": TABLE}
    taught = caller.call("ListTransitRouterRouteTablePropagations", **given)
    used = caller.call("ListTransitRouterRouteTableAssociations", **given)
    attached = caller.call("ListTransitRouterVbrAttachments", CenId="cen-rehearsal")

    assert {vbr for vbr, _ in of_transit_router(caller)} == {A}
    assert B not in {each["ResourceId"] for each in taught["TransitRouterPropagations"]}
    assert B in {each["ResourceId"] for each in used["TransitRouterAssociations"]}
    assert [each["AutoPublishRouteEnabled"] for each in attached["TransitRouterAttachments"]] == [
        False,
        True,
    ]


@pytest.mark.parametrize(("lists_all", "vbrs"), [(True, {A, B}), (False, {A})])
def test_whether_an_ecr_lists_routes_that_are_not_the_best(lists_all: bool, vbrs: set[str]) -> None:
    region = {**ON_ECR, "bgp_peers": {PEER_B: {"prepend": 1}}}
    caller = dual_circuit(region, settings={"ecr_lists_all": lists_all})

    assert {vbr for vbr, _, _ in of_ecr(caller)} == vbrs


def test_an_ecr_takes_bgp_only_and_shows_the_as_path_as_text() -> None:
    vbrs = {**ON_ECR["vbrs"], A: {**ON_ECR["vbrs"][A], "static_routes": ["192.168.7.0/24"]}}
    peers = {PEER_A: {"prefixes": [PREFIXES[0]], "as_path": [64512]}, PEER_B: {"prefixes": []}}
    caller = dual_circuit({"vbrs": vbrs, "bgp_peers": peers})

    assert of_ecr(caller) == [(A, PREFIXES[0], "[65515,64512]")]


def test_disabled_routes_are_listed_apart() -> None:
    caller = dual_circuit(ON_ECR, ecrs={"ecr-r": {"disabled": [{"vbr": B, "prefix": PREFIXES[0]}]}})
    document = caller.call("DescribeDisabledExpressConnectRouterRouteEntries", EcrId="ecr-r")
    disabled = [
        (each["NexthopInstanceId"], each["DestinationCidrBlock"])
        for each in document["DisabledRouteEntryList"]
    ]

    assert disabled == [(B, PREFIXES[0])]


CUTS = [
    pytest.param(CIRCUIT, "pc-rehearsal-a", id="circuit"),
    pytest.param(VBR, A, id="VBR"),
    pytest.param(PEER, PEER_A, id="BGP peer"),
]


@pytest.mark.parametrize(("kind", "resource"), CUTS)
@pytest.mark.parametrize("on_ecr", [False, True], ids=["CEN", "ECR"])
def test_routes_leave_with_detection_and_come_back_with_reversion(
    kind: str, resource: str, on_ecr: bool
) -> None:
    """BFD takes 0.9 s; the job is Testing after 2 s and Stopped 302 s later."""
    caller = dual_circuit(ON_ECR if on_ecr else {})
    fabric: Callable[[Caller], Any] = of_ecr if on_ecr else of_transit_router
    job = {**CREATE, **HANGZHOU, "ResourceType": kind, "ResourceId": [resource]}
    caller.call("CreateFailoverTestJob", **{**job, "JobType": "StartNow"})
    seen = []
    for seconds in (1.9, 0.9, 0.2, 299.0, 2.4, 0.3):
        caller.wait(seconds)
        vbrs = {each[0] for each in fabric(caller)}
        seen.append((bool(of_vbr(caller, A)), A in vbrs, B in vbrs))

    there, away = (True, True, True), (False, False, True)
    assert seen == [there, there, away, away, away, there]


def test_the_standby_becomes_active() -> None:
    caller = dual_circuit({"bgp_peers": {PEER_B: {"prepend": 2}}})
    caller.call("CreateFailoverTestJob", **{**CREATE, **HANGZHOU, "JobType": "StartNow"})
    caller.wait(10)

    assert of_transit_router(caller) == {(B, prefix): "Active" for prefix in PREFIXES}


def test_routes_move_as_the_path_that_a_topology_describes() -> None:
    """A path with a detection of its own, over the circuit below the session."""
    path = {"over": "pc-rehearsal-a", "detection": [20, 40]}
    caller = dual_circuit(paths={"a": path})
    caller.call("CreateFailoverTestJob", **{**CREATE, **HANGZHOU, "JobType": "StartNow"})
    service = caller.cloud.topology.services[0]
    caller.wait(2)
    (course,) = caller.cloud.courses(service)
    moved = next(each.start for each in course if each.path and each.path.name == "b")
    caller.wait(moved - 0.01 - caller.cloud.clock.now())
    before = of_vbr(caller, A)
    caller.wait(0.02)

    assert (before, of_vbr(caller, A)) == (list(PREFIXES), [])


@pytest.mark.parametrize(("detection", "stays"), [("session", True), ("health-check", False)])
def test_only_a_health_check_takes_a_static_route_from_a_fabric(
    detection: str, stays: bool
) -> None:
    """The VBR's own table keeps it."""
    region = {
        "vbrs": {A: {"static_routes": ["10.1.0.0/16"]}},
        "bgp_peers": {PEER_A: {"prefixes": []}},
    }
    caller = dual_circuit(region, paths={"a": {"over": A, "detection": detection}})
    caller.call("CreateFailoverTestJob", **{**CREATE, **HANGZHOU, "JobType": "StartNow"})
    caller.wait(60)

    assert ((A, "10.1.0.0/16") in of_transit_router(caller)) is stays
    assert of_vbr(caller, A) == ["10.1.0.0/16"]


def test_what_a_status_lag_hides() -> None:
    caller = dual_circuit(settings={"status_lag": 30})
    caller.call("CreateFailoverTestJob", **{**CREATE, **HANGZHOU, "JobType": "StartNow"})
    caller.wait(20)
    hidden = of_vbr(caller, A)
    caller.wait(20)

    assert (hidden, of_vbr(caller, A)) == (list(PREFIXES), [])


def test_routes_are_away_after_a_restart_too(tmp_path: Path) -> None:
    def routes(emulator: Emulator) -> str:
        query = "Action=DescribeRouteEntryList&Version=2016-04-28&Format=json"
        given = "&RegionId=cn-hangzhou&RouteTableId=vtb-rehearsal-a&RouteEntryType=BGP"
        return emulator.handle("GET", f"/?{query}{given}").body.decode()

    given = flattened({**CREATE, **HANGZHOU, "JobType": "StartNow"})
    query = "&".join(f"{name}={value}" for name, value in given.items())
    with Emulator(auth=False, state=tmp_path / "state", service_ports=ANY) as emulator:
        emulator.handle("GET", f"/?Action=CreateFailoverTestJob&Version=2016-04-28&{query}")
        emulator.advance(60)
        before = '"TotalCount":0' in routes(emulator)
    with Emulator(auth=False, state=tmp_path / "state", service_ports=ANY) as emulator:
        after = '"TotalCount":0' in routes(emulator)
        emulator.advance(600)
        back = '"TotalCount":3' in routes(emulator)

    assert (before, after, back) == (True, True, True)


def test_a_job_on_what_this_topology_lacks_moves_no_routes() -> None:
    """As after a restart with another topology."""
    jobs = [{"resources": ["pc-of-another"], "status": "Testing"}]
    caller = dual_circuit(jobs=jobs)
    caller.wait(10)

    assert of_vbr(caller, A) == of_vbr(caller, B) == list(PREFIXES)


ANY = {"portal": 0, "echo": 0, "ledger": 0}
GROUP = {"vbr_failover_groups": {"vbrha-r": {"vbrs": [A, B], "Name": "pair"}}}


def takeover(caller: Caller, resource: str = "pc-rehearsal-a") -> float:
    """
    Cut a circuit, and return how long the traffic of the first service needs to move.
    """
    job = {**CREATE, **HANGZHOU, "ResourceId": [resource], "JobType": "StartNow"}
    caller.call("CreateFailoverTestJob", **job)
    caller.wait(2)
    (course,) = caller.cloud.courses(caller.cloud.topology.services[0])
    cut = next(each.start for each in course if not each.flows)
    return next(each.start for each in course if each.path and each.path.name == "b") - cut


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({}, 0.9, id="no convergence"),
        pytest.param({"settings": {"convergence": 9.1}}, 10.0, id="without a group"),
        pytest.param({"settings": {"convergence": 9.1}, **GROUP}, 1.4, id="in a group"),
        pytest.param(GROUP, 0.9, id="a group is never slower"),
    ],
)
def test_a_failover_group_takes_over_within_a_second(
    changes: dict[str, Any], expected: float
) -> None:
    assert takeover(dual_circuit(**changes)) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("region", "group"),
    [
        pytest.param({}, {"Status": "Creating"}, id="not active yet"),
        pytest.param({"bgp_peers": {PEER_A: {"EnableBfd": False, "Hold": "3"}}}, {}, id="no BFD"),
        pytest.param({"vbrs": {B: {"Status": "terminated"}}}, {}, id="the partner is down"),
    ],
)
def test_a_failover_group_that_helps_nothing(region: dict[str, Any], group: dict[str, Any]) -> None:
    pair = {"vbrs": [A, B], **group}
    caller = dual_circuit(
        region,
        vbr_failover_groups={"vbrha-r": pair},
        settings={"convergence": 9.1},
        paths={"b": {"over": "pc-rehearsal-b"}},
    )

    assert takeover(caller) > 9.0


@pytest.mark.parametrize(("by_peer", "second"), [(False, 404), (True, 200)])
def test_a_failover_group_is_found_by_its_first_vbr(by_peer: bool, second: int) -> None:
    caller = dual_circuit(**GROUP, settings={"vbr_ha_by_peer": by_peer})
    by_vbr = caller.call("DescribeVbrHa", **HANGZHOU, VbrId=A)
    by_id = caller.call("DescribeVbrHa", **HANGZHOU, VbrHaId="vbrha-r")
    status, _ = caller.send("DescribeVbrHa", **HANGZHOU, VbrId=B)

    assert {**by_vbr, "RequestId": ""} == {**by_id, "RequestId": ""}
    assert (by_vbr["VbrId"], by_vbr["PeerVbrId"], by_vbr["Status"]) == (A, B, "Active")
    assert status == second


@pytest.mark.parametrize("given", [{"VbrId": A}, {"VbrHaId": "vbrha-nobody"}])
def test_no_failover_group(given: dict[str, str]) -> None:
    refused = dual_circuit().refused("DescribeVbrHa", **HANGZHOU, **given)

    assert refused == (404, "ResourceNotFound.VbrHa", "The VBR HA resource is not found.")


@pytest.mark.parametrize(
    ("prefix", "lost"),
    [("", False), ("10.1.0.0/16", False), ("10.1.2.0/24", False), ("10.2.0.0/16", True)],
)
def test_a_service_is_lost_where_the_survivor_has_no_route(prefix: str, lost: bool) -> None:
    """A survivor carries what its sessions bring, and nothing else."""
    caller = dual_circuit(
        {"bgp_peers": {PEER_B: {"prefixes": ["10.1.0.0/16"]}}},
        **({"services": {"portal": {"prefix": prefix}}} if prefix else {}),
    )
    caller.call("CreateFailoverTestJob", **{**CREATE, **HANGZHOU, "JobType": "StartNow"})
    caller.wait(60)
    (course,) = caller.cloud.courses(caller.cloud.topology.services[0])
    path = [each for each in course if each.start <= caller.cloud.clock.now()][-1].path

    assert (path is None) is lost


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"vbr_failover_groups": {"g": {"vbrs": [A]}}}, "a list of 2 or more"),
        ({"vbr_failover_groups": {"g": {"vbrs": [A, A]}}}, "expected two VBRs"),
        ({"vbr_failover_groups": {"g": {"vbrs": [A, "x"]}}}, "expected a VBR of regions"),
        (
            {"vbr_failover_groups": {"g": {"vbrs": [A, B]}, "h": {"vbrs": [B, A]}}},
            "which is in another group",
        ),
        (
            {
                "vbr_failover_groups": {"g": {"vbrs": [A, B]}},
                "regions": {"cn-hangzhou": {"vbrs": {A: {"cens": ["cen-other"]}}}},
            },
            "not attached to the same ECR or CEN",
        ),
        ({"ecrs": {"ecr-x": {}}}, "ecrs.ecr-x is named by no VBR"),
        ({"cens": {"cen-x": {}}}, "cens.cen-x is named by no VBR"),
        ({"cens": {"cen-rehearsal": {"owner": "2"}}}, "cen-rehearsal.owner is '2'"),
        ({"cens": {"cen-rehearsal": {"unpropagated": ["x"]}}}, "expected a VBR of regions"),
        ({"cens": {"cen-rehearsal": {"routes": {"vbr": A, "status": "Up"}}}}, "expected one of"),
        (
            {"regions": {"cn-hangzhou": {"bgp_peers": {PEER_A: {"prefixes": ["10.1.0.1/16"]}}}}},
            "expected a prefix such as 10.1.0.0/16",
        ),
        (
            {"regions": {"cn-hangzhou": {"bgp_peers": {PEER_A: {"as_path": [0]}}}}},
            "expected an AS number",
        ),
        (
            {"regions": {"cn-hangzhou": {"bgp_peers": {PEER_A: {"prepend": 11}}}}},
            "expected a whole number from 0 to 10",
        ),
        ({"services": {"portal": {"prefix": "10.1"}}}, "expected a prefix"),
    ],
)
def test_a_wrong_topology_is_refused_with_its_place(content: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Caller({"extends": "dual-circuit", **content})


def session(caller: Caller) -> str:
    (peer,) = caller.call("DescribeBgpPeers", **HANGZHOU, BgpPeerId=PEER_A)["BgpPeers"]["BgpPeer"]
    return str(peer["BgpStatus"])


@pytest.mark.parametrize(
    ("fall", "shown"),
    [
        pytest.param("cut", ["Established", "Down", "Down", "Down", "Established"], id="at once"),
        pytest.param(
            "detection",
            ["Established", "Established", "Down", "Down", "Established"],
            id="once it is noticed",
        ),
    ],
)
def test_sessions_fall_with_the_cut_or_on_its_detection(fall: str, shown: list[str]) -> None:
    """BFD of 0.9 s notices it; the routes follow 2 s later, and both are in the ground truth."""
    lengths = {"starting": 1.0, "stopping": 1.0, "convergence": 2.0, "revert_delay": 0.5}
    caller = dual_circuit(settings={**lengths, "sessions_fall": fall})
    job_id = caller.call("CreateFailoverTestJob", **CREATE | {"JobType": "StartNow"})["JobId"]
    seen = [session(caller)]
    for seconds in (1.5, 1.0, 3.0):
        caller.wait(seconds)
        seen.append(session(caller))
    caller.call("StopFailoverTestJob", JobId=job_id)
    caller.wait(3.0)
    truth = caller.cloud.truth()
    began = caller.cloud.clock.now() - 8.5
    times = {
        (what, each): [tuple(at - began for at in interval) for interval in intervals]
        for what, all_times in truth.items()
        for each, intervals in all_times.items()
    }

    assert [*seen, session(caller)] == shown
    assert times["jobs", job_id] == [pytest.approx((0.0, 5.5))]
    assert times["down", "pc-rehearsal-a"] == [pytest.approx((1.0, 6.5))]
    assert times["sessions", PEER_A] == [pytest.approx((1.0 if fall == "cut" else 1.9, 6.5))]
    assert times["routes", PEER_A] == [pytest.approx((3.9, 7.0))]


def test_session_that_nobody_missed_in_time_never_falls() -> None:
    """The cut was over before BFD had noticed it."""
    caller = dual_circuit(settings={"sessions_fall": "detection", "starting": 1.0, "stopping": 0.1})
    job_id = caller.call("CreateFailoverTestJob", **CREATE | {"JobType": "StartNow"})["JobId"]
    caller.wait(1.2)
    caller.call("StopFailoverTestJob", JobId=job_id)
    caller.wait(1.0)

    assert caller.cloud.truth()["sessions"][PEER_A] == []
