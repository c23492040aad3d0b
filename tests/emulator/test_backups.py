"""
Router interfaces, health checks and VPNs: what is listed, what is refused, and what carries.
"""

from collections.abc import Mapping
from typing import Any

import pytest
from emulator_callers import Caller

from chaosfailover.emulator.resources import INTERFACE

A, B = "vbr-rehearsal-a", "vbr-rehearsal-b"
SHANGHAI = {
    "circuits": {"pc-s": {}},
    "vbrs": {"vbr-s": {"PhysicalConnectionId": "pc-s", "cens": ["cen-s"], "health_check": {}}},
}
REGION = {
    "vbrs": {
        A: {"cens": ["cen-one", "cen-two"], "health_check": {"HealthCheckOnly": True}},
        B: {"health_check": {"HealthyThreshold": 3}},
    },
    "router_interfaces": {
        "ri-a": {"OppositeRouterId": A, "HealthCheckTargetIp": "10.0.1.2"},
        "ri-b": {"OppositeRouterId": B, "owner": "1000000000000002"},
    },
    "vpn_gateways": {"vpn-up": {}, "vpn-down": {"Status": "updating"}},
    "vpn_connections": {
        "vco-up": {"VpnGatewayId": "vpn-up", "prefixes": "10.1.0.0/16"},
        "vco-static": {"EnableTunnelsBgp": False, "prefixes": "10.2.0.0/16"},
        "vco-down": {"VpnGatewayId": "vpn-down", "prefixes": "10.1.0.0/16"},
    },
}
TOPOLOGY: Mapping[str, Any] = {
    "extends": "dual-circuit",
    "accounts": {"1000000000000001": {}, "1000000000000002": {"access_keys": {"other": "secret"}}},
    "regions": {"cn-hangzhou": REGION, "cn-shanghai": SHANGHAI},
}
IN_REGION = {"RegionId": "cn-hangzhou"}


@pytest.fixture
def caller() -> Caller:
    """
    A cloud with all of them.
    """
    return Caller(TOPOLOGY)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, [("cen-one", A), ("cen-two", A), ("cen-rehearsal", B)]),
        ({"CenId": "cen-two"}, [("cen-two", A)]),
        ({"VbrInstanceId": B}, [("cen-rehearsal", B)]),
        ({"CenId": "cen-two", "VbrInstanceId": B}, []),
        ({"PageNumber": 2, "PageSize": 2}, [("cen-rehearsal", B)]),
        ({"VbrInstanceRegionId": "cn-shanghai"}, [("cen-s", "vbr-s")]),
        ({"key": "other"}, []),
    ],
)
def test_health_checks_are_those_of_the_vbrs(
    caller: Caller, given: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    given = {"VbrInstanceRegionId": "cn-hangzhou", **given}
    document = caller.call("DescribeCenVbrHealthCheck", **given)
    checks = document["VbrHealthChecks"]["VbrHealthCheck"]

    assert [(each["CenId"], each["VbrInstanceId"]) for each in checks] == expected


def test_a_health_check_shows_its_fields_and_the_defaults(caller: Caller) -> None:
    document = caller.call("DescribeCenVbrHealthCheck", VbrInstanceRegionId="cn-hangzhou")
    only, _, fast = document["VbrHealthChecks"]["VbrHealthCheck"]
    timers = ("HealthCheckInterval", "HealthyThreshold", "HealthCheckOnly")

    assert [only[name] for name in timers] == [2, 8, True]
    assert [fast[name] for name in timers] == [2, 3, False]


def test_the_router_interfaces_of_others_are_not_shown(caller: Caller) -> None:
    mine = caller.call("DescribeRouterInterfaces", **IN_REGION)["RouterInterfaceSet"]
    given = {**IN_REGION, "InstanceId": "ri-b"}

    assert [each["RouterInterfaceId"] for each in mine["RouterInterfaceType"]] == ["ri-a"]
    assert "HealthCheckStatus" not in mine["RouterInterfaceType"][0]
    assert caller.refused("DescribeRouterInterfaceAttribute", **given)[1] == (
        "IllegalParam.InstanceId"
    )
    assert caller.call("DescribeRouterInterfaceAttribute", key="other", **given)["Success"] is True


def test_a_change_of_its_vbr_makes_a_router_interface_abnormal(caller: Caller) -> None:
    caller.cloud.network = caller.cloud.network.changed(A, Status="terminated")
    given = {**IN_REGION, "InstanceId": "ri-a"}
    document = caller.call("DescribeRouterInterfaceAttribute", **given)

    assert document["HealthCheckStatus"] == "Abnormal"


def test_a_topology_can_overlay_what_a_router_interface_shows_during_a_cut() -> None:
    settings = {"while_testing": {INTERFACE: {"Status": "Inactive"}}}
    caller = Caller({**TOPOLOGY, "settings": settings})
    cut = {"ResourceType": "VIRTUALBORDERROUTER", "ResourceId": [A]}
    caller.call("CreateFailoverTestJob", **cut, JobType="StartNow", JobDuration=5)
    caller.wait(60)
    given = {**IN_REGION, "InstanceId": "ri-a"}
    document = caller.call("DescribeRouterInterfaceAttribute", **given)

    assert (document["Status"], document["HealthCheckStatus"]) == ("Inactive", "Abnormal")


@pytest.mark.parametrize(
    ("vpn", "expected"),
    [
        ("vco-up", [("10.1.0.0/16", "bgp", "VPN_BGP")]),
        ("vco-static", [("10.2.0.0/16", "custom", "")]),
        pytest.param("vco-down", [], id="its gateway is not active"),
    ],
)
def test_a_vpn_has_routes_while_it_is_up(
    caller: Caller, vpn: str, expected: list[tuple[str, str, str]]
) -> None:
    document = caller.call("DescribeVcoRouteEntries", **IN_REGION, VpnConnectionId=vpn)
    names = ("RouteDest", "RouteEntryType", "Source")
    routes = [tuple(each[name] for name in names) for each in document["VcoRouteEntries"]]

    assert routes == expected
    assert document["TotalCount"] == len(expected)


def test_vpns_are_listed_by_what_they_show(caller: Caller) -> None:
    gateways = caller.call("DescribeVpnGateways", **IN_REGION, Status="active")["VpnGateways"]
    connections = caller.call("DescribeVpnConnections", **IN_REGION, VpnConnectionId="vco-static")
    unknown = {**IN_REGION, "VpnConnectionId": "vco-x"}

    assert [each["VpnGatewayId"] for each in gateways["VpnGateway"]] == ["vpn-up"]
    assert connections["TotalCount"] == 1
    assert caller.refused("DescribeVcoRouteEntries", **unknown)[1] == "IllegalParam.VpnConnectionId"


@pytest.mark.parametrize(("vpn", "flows"), [("vco-up", True), ("vco-down", False)])
def test_traffic_moves_to_a_vpn_that_is_up(vpn: str, flows: bool) -> None:
    content = {
        **TOPOLOGY,
        "paths": {"b": {"over": vpn}},
        "services": {name: {"paths": ["a", "b"]} for name in ("portal", "echo", "ledger")},
    }
    caller = Caller(content)
    cut = {"ResourceType": "PHYSICALCONNECTION", "ResourceId": ["pc-rehearsal-a"]}
    caller.call("CreateFailoverTestJob", **cut, JobType="StartNow", JobDuration=5)
    caller.wait(60)
    with caller.cloud.held() as now:
        (course,) = caller.cloud.courses(caller.cloud.topology.services[0])
    segment = [each for each in course if each.start <= now][-1]

    assert (segment.path is not None and segment.path.over == vpn, segment.flows) == (flows, flows)


def test_a_vpn_of_a_cen_is_behind_the_circuits_in_its_transit_router() -> None:
    """The circuit's route wins by default; the VPN's is active where no VBR has one."""
    vpns = {
        "vco-cen": {
            "AttachInstanceId": "cen-rehearsal",
            "prefixes": ["10.1.0.0/16", "10.9.0.0/16"],
        },
        "vco-dead": {
            "AttachInstanceId": "cen-rehearsal",
            "Status": "ike_sa_not_established",
            "prefixes": ["10.1.0.0/16"],
        },
    }
    regions = {"cn-hangzhou": {"vpn_connections": vpns}}
    caller = Caller({"extends": "dual-circuit", "regions": regions})
    cut = {"ResourceType": "PHYSICALCONNECTION", "JobType": "StartNow", "JobDuration": 5}
    table = {"TransitRouterRouteTableId": "vtb-rehearsal-cn-hangzhou"}

    def over_vpns() -> list[tuple[str, str, str]]:
        document = caller.call(
            "ListTransitRouterRouteEntries",
            **table,
            TransitRouterRouteEntryStatus="All",
            TransitRouterRouteEntryNextHopResourceType="VPN",
        )
        names = ("DestinationCidrBlock", "NextHopResourceId", "Status")
        return [
            tuple(each[f"TransitRouterRouteEntry{name}"] for name in names)
            for each in document["TransitRouterRouteEntries"]
        ]

    before = over_vpns()
    caller.call("CreateFailoverTestJob", **cut, ResourceId=["pc-rehearsal-a", "pc-rehearsal-b"])
    caller.wait(60)
    attached = caller.call("ListTransitRouterRouteTablePropagations", **table)

    assert before == [
        ("10.1.0.0/16", "vco-cen", "Standby"),
        ("10.9.0.0/16", "vco-cen", "Active"),
    ]
    assert {status for _, _, status in over_vpns()} == {"Active"}
    assert {each["ResourceId"] for each in attached["TransitRouterPropagations"]} >= {
        "vco-cen",
        "vco-dead",
    }
