"""
What was read of routes, takeover and traffic, and of what was not, the reason.
"""

import json
import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest
from client_stand_in import Clock, error_reply, reply
from faces import CREDENTIALS

from chaosfailover.alibaba.documents import VirtualBorderRouter
from chaosfailover.alibaba.network_reads import REACH, NetworkReads
from chaosfailover.alibaba.products import ECR, VPC, Product
from chaosfailover.alibaba.signing import AcsAuth
from chaosfailover.alibaba.transport import Connection
from chaosfailover.errors import ConnectionFailedError
from chaosfailover.network.reading import read_routing
from chaosfailover.network.routing import Datapoint, Routing, Traffic, Unread
from chaosfailover.network.snapshot import Snapshot

Answer = dict[str, Any] | httpx.Response | Exception | Callable[[dict[str, str]], Any]

SUCCESS = {"Success": True, "Code": "200"}
CENS = {"AssociatedCen": [{"CenId": "cen-a", "CenStatus": "Attached"}]}
VBRS: tuple[VirtualBorderRouter, ...] = (
    {
        "VbrId": "vbr-a",
        "RouteTableId": "vtb-a",
        "EcrId": "ecr-a",
        "EcrAttatchStatus": "Attached",
    },
    {"VbrId": "vbr-b", "RouteTableId": "vtb-b", "AssociatedCens": CENS},
)
GROUP = {"VbrHaId": "vbrha-1", "VbrId": "vbr-a", "PeerVbrId": "vbr-b", "Status": "Active"}
NO_GROUP = error_reply("ResourceNotFound.VbrHa", 404)
AT = datetime(2026, 1, 1, tzinfo=UTC)


def point(vbr_id: object, value: object, timestamp: object = 1767225600000) -> dict[str, object]:
    return {"instanceId": vbr_id, "timestamp": timestamp, "Value": value}


def datapoints(*points: object) -> dict[str, object]:
    return SUCCESS | {"Datapoints": json.dumps(points)}


ANSWERS: dict[str, Answer] = {
    "DescribeRouteEntryList": lambda sent: {
        "RouteEntrys": {"RouteEntry": [{"RouteTableId": sent["RouteTableId"]}]}
    },
    "DescribeVbrHa": GROUP,
    "DescribeRouterInterfaces": {
        "RouterInterfaceSet": {
            "RouterInterfaceType": [
                {"RouterInterfaceId": "ri-1", "RouterId": "vrt-1", "OppositeRouterId": "vbr-a"},
                {"RouterInterfaceId": "ri-2", "RouterId": "vrt-1", "OppositeRouterId": "vrt-2"},
            ]
        },
        "TotalCount": 2,
    },
    "DescribeRouterInterfaceAttribute": {
        "RouterInterfaceId": "ri-1",
        "HealthCheckStatus": "Normal",
    },
    "DescribeVpnConnections": {
        "VpnConnections": {
            "VpnConnection": [
                {"VpnConnectionId": "vco-1", "AttachInstanceId": "cen-a"},
                {"VpnConnectionId": "vco-2", "AttachInstanceId": "cen-other"},
            ]
        },
        "TotalCount": 2,
    },
    "DescribeVcoRouteEntries": {"VcoRouteEntries": [{"RouteDest": "10.1.0.0/16"}], "TotalCount": 1},
    "DescribeExpressConnectRouterRegion": SUCCESS | {"RegionIdList": ["cn-hangzhou", "cn-beijing"]},
    "DescribeExpressConnectRouterRouteEntries": SUCCESS
    | {"RouteEntriesList": [{"NexthopInstanceId": "vbr-a"}]},
    "DescribeDisabledExpressConnectRouterRouteEntries": SUCCESS
    | {"DisabledRouteEntryList": [{"NexthopInstanceId": "vbr-a"}]},
    "ListTransitRouters": {"TransitRouters": [{"TransitRouterId": "tr-1"}], "TotalCount": 1},
    "ListTransitRouterRouteTables": {
        "TransitRouterRouteTables": [
            {"TransitRouterRouteTableId": "vtb-1"},
            {"TransitRouterRouteTableId": "vtb-2"},
        ]
    },
    "ListTransitRouterRouteEntries": {"TransitRouterRouteEntries": [{"CreateTime": "t"}]},
    "DescribeCenVbrHealthCheck": {
        "VbrHealthChecks": {"VbrHealthCheck": [{"VbrInstanceId": "vbr-b"}]},
        "TotalCount": 1,
    },
    "DescribeMetricList": lambda sent: datapoints(
        *(
            point(vbr_id, 1.0 if sent["MetricName"].startswith("RateIn") else 2)
            for vbr_id in ("vbr-a", "vbr-b")
        )
    ),
}


class Cloud(httpx.BaseTransport):
    """
    A cloud that answers each operation with a document, and counts the calls.
    """

    def __init__(self, clock: Clock, answers: Mapping[str, Answer]) -> None:
        self._clock, self._answers = clock, answers
        self.seconds = 0.0
        self.operations: list[str] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        operation = request.headers["x-acs-action"]
        self.operations.append(operation)
        self._clock.now += self.seconds
        answer = self._answers[operation]
        if callable(answer):
            answer = answer(dict(request.url.params) | dict(parse_qsl(request.content.decode())))
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, httpx.Response) else reply(**answer)


class Region:
    """
    A region whose answers may be changed, and the reading of it.
    """

    def __init__(self, **changed: Answer) -> None:
        self.clock = Clock()
        self.cloud = Cloud(self.clock, ANSWERS | changed)

    def read(self, vbrs: tuple[VirtualBorderRouter, ...] = VBRS, **more: Any) -> Routing:
        reads = NetworkReads("cn-hangzhou", self._connect, clock=self.clock)
        return read_routing(reads, Snapshot("cn-hangzhou", vbrs=vbrs), **more)

    def _connect(self, product: Product) -> Connection:
        return Connection(
            product.endpoint("cn-hangzhou"),
            AcsAuth(lambda: CREDENTIALS),
            product=product,
            read_timeout=10.0,
            attempts=10,
            transport=self.cloud,
            clock=self.clock,
            sleep=self.clock.sleep,
            reach=REACH,
            log_level=logging.DEBUG,
        )


def _without_request(value: Any) -> Any:
    return {name: text for name, text in value.items() if name != "RequestId"}


def test_everything_is_read() -> None:
    """Each part has the items of all pages, regions, routers and tables."""
    actual = Region().read()

    disabled = {"NexthopInstanceId": "vbr-a"}
    assert actual.vbr_routes == {
        "vbr-a": ({"RouteTableId": "vtb-a"},),
        "vbr-b": ({"RouteTableId": "vtb-b"},),
    }
    assert actual.ecr_routes == {
        "ecr-a": (
            disabled | {"QueryRegionId": "cn-hangzhou"},
            disabled | {"QueryRegionId": "cn-beijing"},
        )
    }
    assert actual.ecr_disabled == {"ecr-a": (disabled,)}
    assert actual.transit_routes == {
        "cen-a": (
            {"CreateTime": "t", "TransitRouterRouteTableId": "vtb-1"},
            {"CreateTime": "t", "TransitRouterRouteTableId": "vtb-2"},
        )
    }
    assert actual.health_checks == {"vbr-b": {"VbrInstanceId": "vbr-b"}}
    assert actual.vpn_routes == {"vco-1": ({"RouteDest": "10.1.0.0/16"},)}
    assert actual.traffic == dict.fromkeys(
        ("vbr-a", "vbr-b"), Traffic((Datapoint(AT, 1.0),), (Datapoint(AT, 2.0),))
    )
    assert {key: _without_request(group) for key, group in actual.failover_groups.items()} == {
        "vbr-a": GROUP,
        "vbr-b": GROUP,
    }


def test_interfaces_are_those_of_the_vbrs_with_their_health() -> None:
    """An interface between two VPCs is not asked for."""
    region = Region()

    actual = region.read().interfaces

    assert not isinstance(actual, Unread)
    assert [each["HealthCheckStatus"] for each in actual] == ["Normal"]
    assert [each["OppositeRouterId"] for each in actual] == ["vbr-a"]
    assert region.cloud.operations.count("DescribeRouterInterfaceAttribute") == 1


def test_only_the_chosen_vbrs_are_read() -> None:
    """Neither other VBRs nor their ECRs and CENs are asked for."""
    region = Region()

    actual = region.read(vbr_ids={"vbr-a", "vbr-gone"})

    assert list(actual.vbr_routes) == ["vbr-a"]
    assert list(actual.traffic) == ["vbr-a"]
    assert actual.transit_routes == {}
    assert actual.health_checks == {}
    assert "DescribeCenVbrHealthCheck" not in region.cloud.operations


def test_calls_for_each_vbr_are_as_stated() -> None:
    """A VBR takes 1 call for its group, 1 for its routes, and its share of those for traffic."""
    many = tuple(VirtualBorderRouter(VbrId=f"vbr-{n}", RouteTableId=f"vtb-{n}") for n in range(51))
    region = Region(DescribeVbrHa=lambda sent: GROUP | {"VbrId": sent["VbrId"]})

    region.read(many)

    counts = {name: region.cloud.operations.count(name) for name in region.cloud.operations}
    assert counts == {
        "DescribeRouteEntryList": 51,
        "DescribeVbrHa": 51,
        "DescribeRouterInterfaces": 1,
        "DescribeVpnConnections": 1,
        "DescribeMetricList": 4,
    }


@pytest.mark.parametrize("operation", sorted(ANSWERS))
@pytest.mark.parametrize(
    ("failure", "reason", "is_refused"),
    [
        pytest.param(error_reply("NoPermission", 403), "NoPermission", True, id="NoPermission"),
        pytest.param(error_reply("Forbidden.RAM", 400), "Forbidden.RAM", True, id="Forbidden.RAM"),
        pytest.param(
            error_reply("InvalidParameter"), "InvalidParameter: As documented.", False, id="error"
        ),
        pytest.param({"Success": True}, "", False, id="empty"),
        pytest.param(httpx.Response(200, content=b"<html>"), "", False, id="no JSON"),
        pytest.param(httpx.Response(200, content=b"[" * 100_000), "", False, id="deep JSON"),
        pytest.param(httpx.Response(502, content=b"gone"), "", False, id="HTTP 502"),
        pytest.param(error_reply("Throttling.User"), "", False, id="throttled to the end"),
        pytest.param(httpx.ReadTimeout("late"), "", False, id="no answer"),
    ],
)
def test_failed_read_is_unread_in_its_place(
    operation: str, failure: Answer, reason: str, is_refused: bool
) -> None:
    """A read that fails in any way leaves its reason, and all others are read."""
    actual = Region(**{operation: failure}).read(budget=600.0)

    unread = _unread(actual)
    assert unread
    assert {each.operation for each in unread} == {operation}
    assert all(each.reason.startswith(reason) for each in unread)
    assert {bool(each.ram_action) for each in unread} == {is_refused}
    assert all(operation in str(each) for each in unread)


def _unread(routing: Routing) -> list[Unread]:
    mappings = (
        routing.vbr_routes,
        routing.ecr_routes,
        routing.ecr_disabled,
        routing.transit_routes,
        routing.failover_groups,
        routing.health_checks,
        routing.vpn_routes,
        routing.traffic,
    )
    values = [value for each in mappings for value in each.values()]
    return [
        value for value in [*values, routing.interfaces, routing.vpn] if isinstance(value, Unread)
    ]


@pytest.mark.parametrize(
    ("operation", "ram_action"),
    [
        ("DescribeVbrHa", "vpc:DescribeVbrHa"),
        (
            "DescribeExpressConnectRouterRegion",
            "expressconnectrouter:DescribeExpressConnectRouterRegion",
        ),
        ("ListTransitRouterRouteEntries", "cen:ListTransitRouterRouteEntries"),
        ("DescribeMetricList", "cms:QueryMetricList and cms:DescribeMetricList"),
    ],
)
def test_refused_permission_names_the_ram_action(operation: str, ram_action: str) -> None:
    """What has to be granted is named as RAM names it."""
    actual = Region(**{operation: error_reply("NoPermission", 403)}).read()

    assert {each.ram_action for each in _unread(actual)} == {ram_action}
    assert str(_unread(actual)[0]) == (
        f"{operation}: NoPermission, which needs the permission {ram_action}"
    )


def test_refusal_of_an_ecr_with_http_200() -> None:
    """An ECR may tell a refusal only in `Success` and `Code`."""
    refusal = {"Success": False, "Code": "Forbidden.NoPermission", "RouteEntriesList": []}
    actual = Region(DescribeExpressConnectRouterRouteEntries=refusal).read()

    assert actual.ecr_routes == {
        "ecr-a": Unread(
            "DescribeExpressConnectRouterRouteEntries",
            "Forbidden.NoPermission",
            "expressconnectrouter:DescribeExpressConnectRouterRouteEntries",
        )
    }


def test_group_that_only_its_peer_finds() -> None:
    """A group that the reply for another VBR names counts for both."""
    region = Region(DescribeVbrHa=lambda sent: GROUP if sent["VbrId"] == "vbr-a" else NO_GROUP)

    actual = region.read()

    assert actual.failover_groups["vbr-b"] == actual.failover_groups["vbr-a"]
    assert actual.failover_groups["vbr-b"] is not None


def test_no_group_is_known() -> None:
    """That there is no group is an answer; a refused question is none."""
    refused = error_reply("NoPermission", 403)
    region = Region(DescribeVbrHa=lambda sent: NO_GROUP if sent["VbrId"] == "vbr-a" else refused)

    actual = region.read()

    assert actual.failover_groups["vbr-a"] is None
    assert isinstance(actual.failover_groups["vbr-b"], Unread)


@pytest.mark.parametrize(
    "checks",
    [
        pytest.param([{"VbrInstanceId": "vbr-b"}, {"VbrInstanceId": "vbr-b"}], id="two"),
        pytest.param([{"VbrInstanceId": None}], id="null"),
        pytest.param([{}, {"VbrInstanceId": "vbr-b"}], id="one without VBR"),
    ],
)
def test_ambiguous_health_check(checks: list[object]) -> None:
    """A check that may be of the VBR, and may not, makes its health check unknown."""
    listed = {"VbrHealthChecks": {"VbrHealthCheck": checks}, "TotalCount": len(checks)}

    actual = Region(DescribeCenVbrHealthCheck=listed).read(budget=60.0)

    assert isinstance(actual.health_checks["vbr-b"], Unread)


def test_no_health_check_is_known() -> None:
    """A list without the VBR says that it has none."""
    listed = {"VbrHealthChecks": {"VbrHealthCheck": [{"VbrInstanceId": "vbr-z"}]}, "TotalCount": 1}

    assert Region(DescribeCenVbrHealthCheck=listed).read().health_checks == {"vbr-b": None}


@pytest.mark.parametrize(
    ("changed", "operation"),
    [
        pytest.param(
            {"ListTransitRouters": {"TransitRouters": [], "TotalCount": 0}},
            "ListTransitRouters",
            id="no transit router",
        ),
        pytest.param(
            {
                "ListTransitRouters": {
                    "TransitRouters": [{"Type": "Basic", "TransitRouterId": "tr"}]
                }
            },
            "ListTransitRouters",
            id="pages that repeat",
        ),
        pytest.param(
            {
                "ListTransitRouters": {
                    "TransitRouters": [{"Type": "Basic", "TransitRouterId": "tr"}],
                    "TotalCount": 1,
                }
            },
            "ListTransitRouterRouteTables",
            id="Basic edition",
        ),
        pytest.param(
            {"ListTransitRouters": {"TransitRouters": [{"Type": "Enterprise"}], "TotalCount": 1}},
            "ListTransitRouterRouteTables",
            id="no ID",
        ),
        pytest.param(
            {"ListTransitRouterRouteTables": {"TransitRouterRouteTables": []}},
            "ListTransitRouterRouteTables",
            id="no table",
        ),
        pytest.param(
            {"ListTransitRouterRouteTables": {"TransitRouterRouteTables": [{}]}},
            "ListTransitRouterRouteEntries",
            id="table without ID",
        ),
    ],
)
def test_transit_router_whose_routes_are_not_read(
    changed: dict[str, Answer], operation: str
) -> None:
    """A CEN of which a table was not read has no routes that are known."""
    actual = Region(**changed).read().transit_routes["cen-a"]

    assert isinstance(actual, Unread)
    assert actual.operation == operation


@pytest.mark.parametrize("table_id", [None, "", 7, ["vtb-a"]])
def test_vbr_without_route_table(table_id: Any) -> None:
    """Its routes are unknown, and nothing is asked without an ID."""
    vbr = VirtualBorderRouter(VbrId="vbr-a", RouteTableId=table_id)
    region = Region()

    actual = region.read((vbr,))

    assert isinstance(actual.vbr_routes["vbr-a"], Unread)
    assert "DescribeRouteEntryList" not in region.cloud.operations


@pytest.mark.parametrize(
    "points",
    [
        pytest.param([], id="none"),
        pytest.param([point("vbr-z", 1)], id="of others only"),
        pytest.param([point("vbr-a", None)], id="null"),
        pytest.param([point("vbr-a", "1")], id="text"),
        pytest.param([point("vbr-a", True)], id="true"),
        pytest.param([point("vbr-a", -1)], id="negative"),
        pytest.param([point("vbr-a", float("nan"))], id="NaN"),
        pytest.param([point("vbr-a", float("inf"))], id="infinite"),
        pytest.param([point("vbr-a", 10**400)], id="greater than any float"),
        pytest.param([point("vbr-a", [1])], id="list"),
        pytest.param([{"instanceId": "vbr-a", "timestamp": 1767225600000}], id="missing"),
        pytest.param([point("vbr-a", 1, None)], id="no time"),
        pytest.param([point("vbr-a", 1, -1)], id="time before 1970"),
        pytest.param([point("vbr-a", 1, 10**17)], id="time after 9999"),
        pytest.param([point("vbr-a", 1, True)], id="time true"),
        pytest.param([point("vbr-a", 1), point("vbr-a", 2)], id="two for one time"),
        pytest.param([point("vbr-a", 1), point("vbr-a", None, 1767225900000)], id="one damaged"),
        pytest.param([point("vbr-a", 1), point(None, 1)], id="one without VBR"),
        pytest.param([point("vbr-a", 1), point(["vbr-a"], 1)], id="one of a wrong type"),
    ],
)
def test_traffic_that_is_not_known(points: list[object]) -> None:
    """No data and damaged data are unknown, never zero."""
    actual = Region(DescribeMetricList=datapoints(*points)).read().traffic

    assert isinstance(actual["vbr-a"], Unread)
    assert actual["vbr-a"].operation == "DescribeMetricList"


def test_traffic_in_order_of_time() -> None:
    """Zero is a rate, and a point that came twice counts once."""
    later = point("vbr-a", 0, 1767225900000)
    points = datapoints(later, point("vbr-a", 5), later)

    actual = Region(DescribeMetricList=points).read().traffic["vbr-a"]

    assert isinstance(actual, Traffic)
    assert [each.rate for each in actual.inbound] == [5.0, 0.0]
    assert actual.inbound == actual.outbound


def test_one_direction_without_data() -> None:
    """Traffic of which one direction is unknown is unknown."""
    data, none = datapoints(point("vbr-a", 1)), datapoints()
    region = Region(
        DescribeMetricList=lambda sent: data if "RateIn" in sent["MetricName"] else none
    )

    actual = region.read().traffic["vbr-a"]

    assert actual == Unread("DescribeMetricList", "no data of RateOutFromVpcToIDC")


def test_budget_is_kept() -> None:
    """What is not read within the budget is unread; what was read before stays."""
    region = Region()
    region.cloud.seconds = 4.0

    actual = region.read(budget=10.0)

    assert region.clock.now - 1000.0 <= 10.0 + 4.0
    assert not isinstance(actual.vbr_routes["vbr-a"], Unread)
    assert actual.vpn == Unread("DescribeVpnConnections", "not read within 10 s")
    assert all(isinstance(each, Unread) for each in actual.traffic.values())


def test_metrics_take_20_seconds_at_most() -> None:
    """Metrics that do not come do not use up what else may take long."""

    def late(_: dict[str, str]) -> Exception:
        region.clock.now += 10.0
        return httpx.ReadTimeout("late")

    region = Region(DescribeMetricList=late)
    actual = region.read(budget=600.0)

    assert region.clock.now - 1000.0 <= 20.0 + 10.0
    assert all(isinstance(each, Unread) for each in actual.traffic.values())


def test_unreached_product_is_unread() -> None:
    """Its reads are unknown, the first after 5 s at most, and all others are read."""
    unreached = httpx.ConnectError("refused")
    region = Region(**{name: unreached for name in ANSWERS if "ExpressConnectRouter" in name})

    actual = region.read()

    assert region.clock.now - 1000.0 <= REACH
    assert {(each.operation, each.reason) for each in _unread(actual)} == {
        (name, f"{ECR.name} was not reached within 5 s")
        for name in (
            "DescribeExpressConnectRouterRegion",
            "DescribeDisabledExpressConnectRouterRouteEntries",
        )
    }


def test_vpc_that_cannot_be_reached() -> None:
    """Without the VPC API nothing is known at all, which is an error."""
    region = Region(DescribeRouteEntryList=httpx.ConnectError("refused"))

    with pytest.raises(ConnectionFailedError, match=VPC.endpoint("cn-hangzhou")):
        region.read()


def test_empty_region() -> None:
    """Without VBRs only what has no VBR is asked for."""
    region = Region()

    assert region.read(()).vbr_routes == {}
    assert region.cloud.operations == ["DescribeVpnConnections", "DescribeRouterInterfaces"]
