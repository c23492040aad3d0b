"""
The Describe operations on the network.
"""

from emulator_callers import CREATE, Caller

REGION = {"RegionId": "cn-hangzhou"}


def bgp_statuses(caller: Caller) -> list[str]:
    """
    Return the session status of each peer.
    """
    peers = caller.call("DescribeBgpPeers", **REGION)["BgpPeers"]["BgpPeer"]
    return [peer["BgpStatus"] for peer in peers]


def test_circuits_are_shown_in_the_documented_shape() -> None:
    document = Caller().call("DescribePhysicalConnections", **REGION)
    circuits = document["PhysicalConnectionSet"]["PhysicalConnectionType"]

    assert [each["PhysicalConnectionId"] for each in circuits] == [
        "pc-rehearsal-a",
        "pc-rehearsal-b",
    ]
    assert {each["Status"] for each in circuits} == {"Enabled"}
    assert len({each["AccessPointId"] for each in circuits}) == 2
    assert (document["PageNumber"], document["PageSize"], document["TotalCount"]) == (1, 10, 2)
    assert circuits[0]["Tags"] == {"tags": []}


def test_a_border_router_names_its_circuit_and_its_cen() -> None:
    document = Caller().call("DescribeVirtualBorderRouters", **REGION)
    router = document["VirtualBorderRouterSet"]["VirtualBorderRouterType"][0]

    assert router["PhysicalConnectionId"] == "pc-rehearsal-a"
    assert router["AssociatedCens"]["AssociatedCen"][0]["CenId"] == "cen-rehearsal"
    assert router["VlanId"] == 101
    assert (
        router["AssociatedPhysicalConnections"]["AssociatedPhysicalConnection"][0]["VlanId"]
        == "101"
    )


def test_peers_name_their_router_and_group() -> None:
    peer = Caller().call("DescribeBgpPeers", **REGION, BgpPeerId="bgp-rehearsal-b")
    peer = peer["BgpPeers"]["BgpPeer"][0]

    assert (peer["RouterId"], peer["BgpGroupId"]) == ("vbr-rehearsal-b", "bgpg-rehearsal-b")
    assert (peer["BgpStatus"], peer["EnableBfd"]) == ("Established", True)
    assert peer["ReceivedRouteCount"] > 0


def test_groups_are_found_by_their_router() -> None:
    document = Caller().call("DescribeBgpGroups", **REGION, RouterId="vbr-rehearsal-a")

    assert [each["BgpGroupId"] for each in document["BgpGroups"]["BgpGroup"]] == [
        "bgpg-rehearsal-a"
    ]


def test_a_session_is_down_while_its_circuit_is_tested() -> None:
    caller = Caller()
    seen = [bgp_statuses(caller)]
    job_id = caller.call("CreateFailoverTestJob", **{**CREATE, "JobType": "StartNow"})["JobId"]
    seen.append(bgp_statuses(caller))
    caller.wait(2.0)
    seen.append(bgp_statuses(caller))
    caller.call("StopFailoverTestJob", JobId=job_id)
    caller.wait(2.0)
    seen.append(bgp_statuses(caller))

    up = ["Established", "Established"]
    assert seen == [up, up, ["Down", "Established"], up]


def test_the_region_is_required() -> None:
    assert Caller().refused("DescribePhysicalConnections")[1] == "MissingRegionId"


def test_the_regions_are_those_of_the_topology() -> None:
    regions = Caller("refusals").call("DescribeRegions")["Regions"]["Region"]

    assert [each["RegionId"] for each in regions] == ["cn-hangzhou", "cn-shanghai", "cn-beijing"]
