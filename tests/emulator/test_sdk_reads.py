"""
The official SDKs of CloudMonitor, CEN and VPC, unmodified, read metrics, health checks and VPNs.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from alibabacloud_cbn20170912 import client as cbn
from alibabacloud_cbn20170912 import models as of_cbn
from alibabacloud_cms20190101 import client as cms
from alibabacloud_cms20190101 import models as of_cms
from alibabacloud_tea_openapi.models import Config
from alibabacloud_vpc20160428 import client as vpc
from alibabacloud_vpc20160428 import models as of_vpc

from chaosfailover.emulator import Emulator

# The SDKs call datetime.utcnow(), which Python 3.12 deprecates.
pytestmark = [
    pytest.mark.long,
    pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning"),
]

TOPOLOGY = """
extends: dual-circuit
regions:
  cn-hangzhou:
    vbrs:
      vbr-rehearsal-a: {health_check: {HealthCheckTargetIp: 10.0.1.2, HealthCheckInterval: 3}}
    router_interfaces:
      ri-a: {OppositeRouterId: vbr-rehearsal-a, HealthCheckTargetIp: 10.0.1.2, HcRate: 2000}
      ri-b: {OppositeRouterId: vbr-rehearsal-b}
    vpn_gateways:
      vpn-one: {Spec: 500M}
    vpn_connections:
      vco-cen:
        prefixes: [10.1.0.0/16, 0.0.0.0/0]
        TransitRouterId: tr-one
        TunnelOptionsSpecification:
          TunnelOptions:
            - {TunnelId: tun-1, Role: master, State: active, Status: ipsec_sa_established,
               TunnelBgpConfig: {BgpStatus: success}}
      vco-gateway:
        {VpnGatewayId: vpn-one, Status: ike_sa_not_established, prefixes: 10.1.0.0/16}
loads:
  vbr-rehearsal-a: {in: 300, out: 100}
  vbr-rehearsal-b: 20
settings: {metric_delay: 60}
"""
A, B = "vbr-rehearsal-a", "vbr-rehearsal-b"
RATE_IN, RATE_OUT = "RateInFromIDCToVpc", "RateOutFromVpcToIDC"
CUT = {
    "resource_type": "PHYSICALCONNECTION",
    "resource_id": ["pc-rehearsal-a"],
    "job_type": "StartNow",
    "job_duration": 60,
}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """
    An emulator that the tests of this module share.
    """
    path = tmp_path_factory.mktemp("topologies") / "reads.yaml"
    path.write_text(TOPOLOGY)
    with Emulator(path, service_ports={"portal": 0, "echo": 0, "ledger": 0}) as emulator:
        yield emulator


@pytest.fixture
def emulator(served: Emulator) -> Emulator:
    """
    The shared emulator without jobs.
    """
    served.cloud.reset()
    return served


def config(emulator: Emulator, **changes: str) -> Config:
    """
    Return what points an SDK to the emulator.
    """
    return Config(
        access_key_id="emulator",
        access_key_secret="emulator-secret",
        region_id="cn-hangzhou",
        endpoint=emulator.url.removeprefix("http://"),
        protocol="http",
        **changes,
    )


def read(emulator: Emulator, operation: str, **given: Any) -> Any:
    """
    Call an operation of VPC in the region and return the body of the reply.
    """
    name = "".join(word.capitalize() for word in operation.split("_"))
    request = getattr(of_vpc, f"{name}Request")(region_id="cn-hangzhou", **given)
    return getattr(vpc.Client(config(emulator)), operation)(request).body


def points(emulator: Emulator, metric: str, v1: bool = False, **given: str) -> list[dict[str, Any]]:
    """
    Return all points of a metric, over all pages.
    """
    client = cms.Client(config(emulator, **({"signature_algorithm": "v2"} if v1 else {})))
    listed: list[dict[str, Any]] = []
    token: str | None = None
    while True:
        given = {"namespace": "acs_physical_connection", **given}
        request = of_cms.DescribeMetricListRequest(metric_name=metric, next_token=token, **given)
        body = client.describe_metric_list(request).body
        assert (body.success, body.code) == (True, "200")
        listed += json.loads(body.datapoints)
        token = body.next_token
        if not token:
            return listed


def of(vbr: str) -> str:
    """
    Write the dimensions that name a VBR.
    """
    return json.dumps([{"instanceId": vbr}])


@pytest.mark.long
@pytest.mark.parametrize("v1", [False, True], ids=["V3", "V1"])
def test_seven_days_of_a_vbr_can_be_read_page_by_page(emulator: Emulator, v1: bool) -> None:
    now = emulator.cloud.clock.now()
    since = str(int((now - 8 * 86400) * 1000))
    listed = points(emulator, RATE_IN, v1, dimensions=of(A), period="300", start_time=since)
    times = [each["timestamp"] for each in listed]

    assert len(listed) in (2014, 2015, 2016)
    assert times == list(range(times[0], times[0] + 300_000 * len(times), 300_000))
    assert {each["instanceId"] for each in listed} == {A}
    assert max(each["Value"] for each in listed) == pytest.approx(300e6, rel=0.01)
    assert listed[-1]["Value"] == 300e6


def test_a_cut_shows_in_both_directions_after_the_delay(emulator: Emulator) -> None:
    emulator.advance(-emulator.cloud.clock.now() % 60)  # a new minute
    began = emulator.cloud.clock.now()
    read(emulator, "create_failover_test_job", **CUT)
    emulator.advance(179.0)
    times: dict[str, Any] = {"start_time": str(int(began * 1000)), "period": "60"}
    early = points(emulator, RATE_IN, dimensions=of(A), **times)
    emulator.advance(60.0)
    inward, outward = (
        {(each["timestamp"], each["instanceId"]): each["Value"] for each in listed}
        for listed in (points(emulator, metric, **times) for metric in (RATE_IN, RATE_OUT))
    )
    minute = max(at for at, _ in inward)

    assert early == []  # StartTime is exclusive, and the next minute is not shown yet
    assert (inward[minute, A], inward[minute, B]) == (0, 320e6)
    assert (outward[minute, A], outward[minute, B]) == (0, 120e6)


def test_the_last_point_of_each_vbr(emulator: Emulator) -> None:
    request = of_cms.DescribeMetricLastRequest(
        namespace="acs_cen", metric_name="VBRInternetInRate", period="60"
    )
    body = cms.Client(config(emulator)).describe_metric_last(request).body
    last = json.loads(body.datapoints)

    assert [(each["cenId"], each["vbrInstanceId"], each["Value"]) for each in last] == [
        ("cen-rehearsal", A, 300e6),
        ("cen-rehearsal", B, 20e6),
    ]


def test_the_metrics_are_listed(emulator: Emulator) -> None:
    request = of_cms.DescribeMetricMetaListRequest(namespace="acs_physical_connection")
    body = cms.Client(config(emulator)).describe_metric_meta_list(request).body
    units = {each.metric_name: each.unit for each in body.resources.resource}

    assert body.total_count == str(len(units))
    assert (units[RATE_IN], units[RATE_OUT]) == ("bit/s", "bit/s")


def test_no_data_is_an_empty_list(emulator: Emulator) -> None:
    assert points(emulator, RATE_IN, dimensions=of("vbr-nobody-has")) == []
    assert points(emulator, RATE_IN, dimensions=of(A), end_time="2020-01-01T00:00:00Z") == []


def test_the_health_checks_of_a_cen(emulator: Emulator) -> None:
    request = of_cbn.DescribeCenVbrHealthCheckRequest(vbr_instance_region_id="cn-hangzhou")
    body = cbn.Client(config(emulator)).describe_cen_vbr_health_check(request).body
    (check,) = body.vbr_health_checks.vbr_health_check

    assert (check.cen_id, check.vbr_instance_id) == ("cen-rehearsal", A)
    assert (check.health_check_interval, check.healthy_threshold) == (3, 8)
    assert check.health_check_only is False
    assert body.total_count == 1


def test_a_router_interface_is_abnormal_while_its_vbr_is_cut(emulator: Emulator) -> None:
    listed = read(emulator, "describe_router_interfaces").router_interface_set
    before = read(emulator, "describe_router_interface_attribute", instance_id="ri-a")
    unchecked = read(emulator, "describe_router_interface_attribute", instance_id="ri-b")
    read(emulator, "create_failover_test_job", **CUT)
    emulator.advance(60.0)
    during = read(emulator, "describe_router_interface_attribute", instance_id="ri-a")

    assert [each.opposite_router_id for each in listed.router_interface_type] == [A, B]
    assert (before.health_check_status, before.hc_rate, before.success) == ("Normal", 2000, True)
    assert unchecked.health_check_status == "NoHealthCheckConfig"
    assert during.health_check_status == "Abnormal"


def test_router_interfaces_are_filtered(emulator: Emulator) -> None:
    by_router = of_vpc.DescribeRouterInterfacesRequestFilter(key="OppositeRouterId", value=[B])
    listed = read(emulator, "describe_router_interfaces", filter=[by_router])

    assert [
        each.router_interface_id for each in listed.router_interface_set.router_interface_type
    ] == ["ri-b"]


def test_vpn_connections_their_routes_and_gateways(emulator: Emulator) -> None:
    connections = read(emulator, "describe_vpn_connections").vpn_connections.vpn_connection
    on_gateway = read(emulator, "describe_vpn_connections", vpn_gateway_id="vpn-one")
    routes = {
        each.vpn_connection_id: read(
            emulator, "describe_vco_route_entries", vpn_connection_id=each.vpn_connection_id
        ).vco_route_entries
        for each in connections
    }
    (gateway,) = read(emulator, "describe_vpn_gateways").vpn_gateways.vpn_gateway
    (tunnel,) = connections[0].tunnel_options_specification.tunnel_options

    assert [each.status for each in connections] == [
        "ipsec_sa_established",
        "ike_sa_not_established",
    ]
    assert (tunnel.role, tunnel.tunnel_bgp_config.bgp_status) == ("master", "success")
    assert connections[0].ike_config.psk
    assert [each.vpn_connection_id for each in on_gateway.vpn_connections.vpn_connection] == [
        "vco-gateway"
    ]
    assert {name: [each.route_dest for each in entries] for name, entries in routes.items()} == {
        "vco-cen": ["10.1.0.0/16", "0.0.0.0/0"],
        "vco-gateway": [],
    }
    assert (gateway.spec, gateway.status) == ("500M", "active")
