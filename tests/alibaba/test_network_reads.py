"""
Each read of routes, takeover and traffic sends what its product documents, and reads it whole.
"""

import json
import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

import httpx
import pytest
from alibabacloud_tea_openapi.utils import Utils
from client_stand_in import Clock, Cloud, error_reply, reply
from darabonba.request import DaraRequest
from faces import CREDENTIALS

from chaosfailover.alibaba import config
from chaosfailover.alibaba.network_reads import REACH, NetworkReads
from chaosfailover.alibaba.products import CEN, CMS, ECR, VPC, Product
from chaosfailover.alibaba.signing import AcsAuth
from chaosfailover.alibaba.transport import Connection
from chaosfailover.emulator.signatures import signature_v3
from chaosfailover.emulator.wire import Request
from chaosfailover.errors import (
    ApiError,
    ConfigurationError,
    InvalidReplyError,
    RequestTimeoutError,
    TransportError,
)

Use = Callable[[NetworkReads], Any]

BUDGET = 30.0
SINCE = datetime(2026, 1, 1, tzinfo=UTC)
UNTIL = datetime(2026, 1, 8, tzinfo=UTC)
SUCCESS = {"Success": True, "Code": "200", "Message": "OK"}
NUMBERED = {"PageNumber": "1", "PageSize": "50"}
REGION = {"RegionId": "cn-hangzhou"}
RATE = "RateInFromIDCToVpc"
POINT = {"timestamp": 1767225600000, "userId": "1", "instanceId": "vbr-a", "Value": 12.5}


def reads_of(cloud: httpx.BaseTransport, clock: Clock | None = None) -> NetworkReads:
    clock = clock or Clock()

    def connect(product: Product) -> Connection:
        return Connection(
            product.endpoint("cn-hangzhou"),
            AcsAuth(lambda: CREDENTIALS),
            product=product,
            read_timeout=10.0,
            attempts=10,
            transport=cloud,
            clock=clock,
            sleep=clock.sleep,
            reach=REACH,
            log_level=logging.DEBUG,
        )

    return NetworkReads("cn-hangzhou", connect, clock=clock)


def sent_in(request: httpx.Request) -> dict[str, str]:
    """
    Return the parameters of the query and of the form.
    """
    return dict(request.url.params) | dict(parse_qsl(request.content.decode()))


def metrics(reads: NetworkReads) -> Any:
    return reads.describe_metric_list(
        RATE, ["vbr-a", "vbr-b"], since=SINCE, until=UNTIL, budget=BUDGET
    )


class Case(NamedTuple):
    """
    A read, the reply that it gets, what it sends to which product, and what it returns.
    """

    use: Use
    document: dict[str, Any]
    product: Product
    operation: str
    parameters: dict[str, str]
    expected: object
    name: str


CASES = [
    Case(
        lambda reads: reads.describe_route_entry_list("vtb-a", budget=BUDGET),
        {"RouteEntrys": {"RouteEntry": [{"DestinationCidrBlock": "10.1.0.0/16"}]}, "TotalCount": 1},
        VPC,
        "DescribeRouteEntryList",
        REGION | {"RouteTableId": "vtb-a", "MaxResult": "100"},
        ({"DestinationCidrBlock": "10.1.0.0/16"},),
        name="routes of a table",
    ),
    Case(
        lambda reads: (reads.describe_vbr_ha("vbr-a", budget=BUDGET) or {})["VbrHaId"],
        {"VbrHaId": "vbrha-1", "VbrId": "vbr-b", "PeerVbrId": "vbr-a"},
        VPC,
        "DescribeVbrHa",
        REGION | {"VbrId": "vbr-a"},
        "vbrha-1",
        name="failover group",
    ),
    Case(
        lambda reads: reads.describe_router_interfaces(budget=BUDGET),
        {
            "RouterInterfaceSet": {"RouterInterfaceType": [{"RouterInterfaceId": "ri-a"}]},
            "TotalCount": 1,
        },
        VPC,
        "DescribeRouterInterfaces",
        REGION | NUMBERED,
        ({"RouterInterfaceId": "ri-a"},),
        name="router interfaces",
    ),
    Case(
        lambda reads: reads.describe_router_interface_attribute("ri-a", budget=BUDGET)[
            "HealthCheckStatus"
        ],
        {"RouterInterfaceId": "ri-a", "HealthCheckStatus": "Normal", "Success": True},
        VPC,
        "DescribeRouterInterfaceAttribute",
        REGION | {"InstanceId": "ri-a"},
        "Normal",
        name="health of a router interface",
    ),
    Case(
        lambda reads: reads.describe_vpn_connections(budget=BUDGET),
        {
            "VpnConnections": {
                "VpnConnection": [
                    {
                        "VpnConnectionId": "vco-a",
                        "IkeConfig": {"Psk": "hunter2", "IkeVersion": "ikev2"},
                        "VpnBgpConfig": {"Status": "success", "AuthKey": "hunter2"},
                        "TunnelOptionsSpecification": {
                            "TunnelOptions": [{"TunnelIkeConfig": {"Psk": "hunter2"}}]
                        },
                    }
                ]
            },
            "TotalCount": 1,
        },
        VPC,
        "DescribeVpnConnections",
        REGION | NUMBERED,
        (
            {
                "VpnConnectionId": "vco-a",
                "IkeConfig": {"IkeVersion": "ikev2"},
                "VpnBgpConfig": {"Status": "success"},
                "TunnelOptionsSpecification": {"TunnelOptions": [{"TunnelIkeConfig": {}}]},
            },
        ),
        name="VPN connections, without keys and passwords",
    ),
    Case(
        lambda reads: reads.describe_vco_route_entries("vco-a", budget=BUDGET),
        {"VcoRouteEntries": [{"RouteDest": "10.1.0.0/16"}], "TotalCount": 1},
        VPC,
        "DescribeVcoRouteEntries",
        REGION | NUMBERED | {"VpnConnectionId": "vco-a"},
        ({"RouteDest": "10.1.0.0/16"},),
        name="routes of a VPN connection",
    ),
    Case(
        lambda reads: reads.describe_express_connect_router_region("ecr-a", budget=BUDGET),
        SUCCESS | {"RegionIdList": ["cn-hangzhou", "cn-beijing", "cn-hangzhou"]},
        ECR,
        "DescribeExpressConnectRouterRegion",
        {"EcrId": "ecr-a"},
        ("cn-hangzhou", "cn-beijing"),
        name="regions of an ECR",
    ),
    Case(
        lambda reads: reads.describe_express_connect_router_route_entries(
            "ecr-a", "cn-beijing", budget=BUDGET
        ),
        SUCCESS | {"RouteEntriesList": [{"NexthopInstanceId": "vbr-a"}], "TotalCount": 1},
        ECR,
        "DescribeExpressConnectRouterRouteEntries",
        {"EcrId": "ecr-a", "QueryRegionId": "cn-beijing", "MaxResults": "100"},
        ({"NexthopInstanceId": "vbr-a", "QueryRegionId": "cn-beijing"},),
        name="routes of an ECR",
    ),
    Case(
        lambda reads: reads.describe_disabled_express_connect_router_route_entries(
            "ecr-a", budget=BUDGET
        ),
        SUCCESS | {"TotalCount": 0},
        ECR,
        "DescribeDisabledExpressConnectRouterRouteEntries",
        {"EcrId": "ecr-a", "MaxResults": "100"},
        (),
        name="disabled routes of an ECR: none are counted, and none listed",
    ),
    Case(
        lambda reads: reads.list_transit_routers("cen-a", budget=BUDGET),
        {
            "TransitRouters": [{"TransitRouterId": "tr-a"}, {"RegionId": "cn-beijing"}],
            "TotalCount": 2,
        },
        CEN,
        "ListTransitRouters",
        NUMBERED | REGION | {"CenId": "cen-a"},
        ({"TransitRouterId": "tr-a"},),
        name="transit routers, without those of other regions",
    ),
    Case(
        lambda reads: reads.list_transit_router_route_tables("tr-a", budget=BUDGET),
        {"TransitRouterRouteTables": [{"TransitRouterRouteTableId": "vtb-t"}]},
        CEN,
        "ListTransitRouterRouteTables",
        {"TransitRouterId": "tr-a", "MaxResults": "100"},
        ({"TransitRouterRouteTableId": "vtb-t"},),
        name="tables of a transit router",
    ),
    Case(
        lambda reads: reads.list_transit_router_route_entries("vtb-t", budget=BUDGET),
        {"TransitRouterRouteEntries": [{"TransitRouterRouteEntryStatus": "Standby"}]},
        CEN,
        "ListTransitRouterRouteEntries",
        {
            "TransitRouterRouteTableId": "vtb-t",
            "TransitRouterRouteEntryStatus": "All",
            "MaxResults": "100",
        },
        ({"TransitRouterRouteEntryStatus": "Standby", "TransitRouterRouteTableId": "vtb-t"},),
        name="routes of a transit router, in every status",
    ),
    Case(
        lambda reads: reads.describe_cen_vbr_health_check(budget=BUDGET),
        {"VbrHealthChecks": {"VbrHealthCheck": [{"VbrInstanceId": "vbr-a"}]}, "TotalCount": 1},
        CEN,
        "DescribeCenVbrHealthCheck",
        NUMBERED | {"VbrInstanceRegionId": "cn-hangzhou"},
        ({"VbrInstanceId": "vbr-a"},),
        name="health checks",
    ),
    Case(
        metrics,
        SUCCESS | {"Datapoints": json.dumps([POINT]), "Period": "300", "NextToken": None},
        CMS,
        "DescribeMetricList",
        {
            "Namespace": "acs_physical_connection",
            "MetricName": RATE,
            "Dimensions": '[{"instanceId": "vbr-a"}, {"instanceId": "vbr-b"}]',
            "Period": "300",
            "StartTime": "1767225600000",
            "EndTime": "1767830400000",
            "Length": "1440",
        },
        (POINT,),
        name="metrics",
    ),
]


BY_NAME = {case.name: case for case in CASES}
ROUTES, ECR_ROUTES = BY_NAME["routes of a table"], BY_NAME["routes of an ECR"]
REGIONS, METRICS = BY_NAME["regions of an ECR"], BY_NAME["metrics"]
TRANSIT_ROUTES = BY_NAME["routes of a transit router, in every status"]
OF_EACH_PRODUCT = [ROUTES, ECR_ROUTES, TRANSIT_ROUTES, METRICS]


def cases(chosen: list[Case] = CASES) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", chosen, ids=[case.name for case in chosen])


@cases()
def test_operation(case: Case) -> None:
    """A read names version and operation, and sends its parameters where the product reads them."""
    cloud = Cloud([reply(**case.document)])

    actual = case.use(reads_of(cloud))

    request = cloud.requests[0]
    form = dict(parse_qsl(request.content.decode()))
    assert actual == case.expected
    assert str(request.url.copy_with(query=None)) == f"{case.product.endpoint('cn-hangzhou')}/"
    assert request.method == "POST"
    assert request.headers["x-acs-action"] == case.operation
    assert request.headers["x-acs-version"] == case.product.version
    assert form == (case.parameters if case.product is ECR else {})
    assert dict(request.url.params) == ({} if case.product is ECR else case.parameters)


@cases(OF_EACH_PRODUCT)
def test_signature(case: Case) -> None:
    """The emulator and the official library compute the same signature, also over a form."""
    cloud = Cloud([reply(**case.document)])

    case.use(reads_of(cloud))

    request = cloud.requests[0]
    names = request.headers["authorization"].partition("SignedHeaders=")[2].partition(",")[0]
    signed = tuple(names.split(";"))
    wire = Request(
        query=request.url.query.decode(), headers=dict(request.headers), body=request.content
    )
    emulated, _ = signature_v3(wire, signed, CREDENTIALS.access_key_secret)
    assert request.headers["authorization"].endswith(f"Signature={emulated}")
    assert request.headers["authorization"] == _official(request, signed)


def _official(request: httpx.Request, signed: tuple[str, ...]) -> str:
    official = DaraRequest()
    official.method, official.pathname = request.method, "/"
    official.query = dict(request.url.params)
    official.headers = {name: request.headers[name] for name in signed}
    return str(
        Utils.get_authorization(
            official,
            "ACS3-HMAC-SHA256",
            request.headers["x-acs-content-sha256"],
            CREDENTIALS.access_key_id,
            CREDENTIALS.access_key_secret,
        )
    )


def test_form_is_signed_with_its_content_type() -> None:
    """A form without it is no form to the API."""
    cloud = Cloud([reply(**SUCCESS, RegionIdList=["cn-beijing"])])

    reads_of(cloud).describe_express_connect_router_region("ecr-a", budget=BUDGET)

    request = cloud.requests[0]
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert "content-type;host;" in request.headers["authorization"]


@pytest.mark.parametrize(
    ("region", "hosts"),
    [
        pytest.param(
            "cn-beijing",
            [
                "vpc.cn-beijing.aliyuncs.com",
                "expressconnectrouter.cn-shanghai.aliyuncs.com",
                "cbn.aliyuncs.com",
                "metrics.cn-beijing.aliyuncs.com",
            ],
            id="cn-beijing",
        ),
        pytest.param(
            "cn-hangzhou",
            [
                "vpc.aliyuncs.com",
                "expressconnectrouter.cn-shanghai.aliyuncs.com",
                "cbn.aliyuncs.com",
                "metrics.cn-hangzhou.aliyuncs.com",
            ],
            id="cn-hangzhou",
        ),
    ],
)
def test_official_endpoints(region: str, hosts: list[str]) -> None:
    """In the cloud each product has a host of its own, some one host for all regions."""
    actual = [product.endpoint(region) for product in (VPC, ECR, CEN, CMS)]

    assert actual == [f"https://{host}" for host in hosts]


@pytest.mark.parametrize(
    ("settings", "origins"),
    [
        pytest.param(
            {"alibaba_cloud_vpc_endpoint": "cloud"},
            {
                "https://vpc.cn-beijing.aliyuncs.com",
                "https://expressconnectrouter.cn-shanghai.aliyuncs.com",
                "https://cbn.aliyuncs.com",
                "https://metrics.cn-beijing.aliyuncs.com",
            },
            id="cloud",
        ),
        pytest.param(
            {"alibaba_cloud_vpc_endpoint": "vpc.example"}, {"https://vpc.example"}, id="host"
        ),
        pytest.param(
            {
                "alibaba_cloud_vpc_endpoint": "http://127.0.0.1:28080",
                "alibaba_cloud_rehearsal": True,
            },
            {"http://127.0.0.1:28080"},
            id="rehearsal",
        ),
    ],
)
def test_configured_endpoint_serves_all_products(
    settings: dict[str, Any], origins: set[str]
) -> None:
    """`cloud` means the host of each product; any other endpoint all four."""
    requests: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return error_reply("Forbidden.RAM", 403)

    configuration = {"alibaba_cloud_region_id": "cn-beijing"} | settings
    secrets = {"access_key_id": "AKID", "access_key_secret": "SECRET"}
    transport = httpx.MockTransport(answer)
    with config.network_reads(configuration, secrets, transport=transport) as reads:
        for case in OF_EACH_PRODUCT:
            with pytest.raises(ApiError):
                case.use(reads)

    key = "rehearsal" if "alibaba_cloud_rehearsal" in settings else "AKID"
    assert {f"{each.url.scheme}://{each.url.netloc.decode()}" for each in requests} == origins
    assert all(f"Credential={key}," in each.headers["authorization"] for each in requests)


@pytest.mark.parametrize("region", [None, "CN-beijing"])
def test_configuration_needs_a_region(region: str | None) -> None:
    """A wrong region is told before anything is read."""
    with pytest.raises(ConfigurationError, match="region"):
        config.network_reads({"alibaba_cloud_region_id": region}, None)


def test_pages_follow_by_token() -> None:
    """Each page is asked with the token of the one before, and the whole is read."""
    pages = [
        reply(RouteEntrys={"RouteEntry": [{"RouteEntryId": "rte-1"}]}, NextToken="t1"),
        reply(RouteEntrys={"RouteEntry": []}, NextToken="t2"),
        reply(RouteEntrys={"RouteEntry": [{"RouteEntryId": "rte-2"}]}, NextToken=""),
    ]
    cloud = Cloud(pages)

    actual = reads_of(cloud).describe_route_entry_list("vtb-a", budget=BUDGET)

    assert [each["RouteEntryId"] for each in actual] == ["rte-1", "rte-2"]
    assert [each.get("NextToken") for each in cloud.parameters] == [None, "t1", "t2"]


def test_pages_of_metrics_follow_by_token() -> None:
    """The datapoints of all pages are one list."""
    second = POINT | {"timestamp": 1767225900000}
    cloud = Cloud(
        [
            reply(**SUCCESS, Datapoints=json.dumps([POINT]), NextToken="more"),
            reply(**SUCCESS, Datapoints=json.dumps([second])),
        ]
    )

    actual = metrics(reads_of(cloud))

    assert actual == (POINT, second)
    assert cloud.parameters[1]["NextToken"] == "more"


def test_form_carries_the_token_of_the_next_page() -> None:
    """Paging of an ECR happens in its form."""
    cloud = Cloud(
        [
            reply(**SUCCESS, RouteEntriesList=[{"Med": 1}], NextToken="more", TotalCount=2),
            reply(**SUCCESS, RouteEntriesList=[{"Med": 2}], TotalCount=2),
        ]
    )

    ECR_ROUTES.use(reads_of(cloud))

    assert sent_in(cloud.requests[1])["NextToken"] == "more"
    assert cloud.requests[1].url.query == b""


def test_no_failover_group() -> None:
    """The API answers 404 for a VBR without group, which is an answer."""
    cloud = Cloud([error_reply("ResourceNotFound.VbrHa", 404)])

    assert reads_of(cloud).describe_vbr_ha("vbr-a", budget=BUDGET) is None


@pytest.mark.parametrize("success", [False, None, "true", 1, "false"])
@cases([REGIONS, ECR_ROUTES, METRICS])
def test_success_that_is_not_true(case: Case, success: object) -> None:
    """Such a reply is an error with HTTP 200 too, however good its contents look."""
    document = case.document | {"Success": success, "Code": "NoPermission"}
    cloud = Cloud([reply(**document)])

    with pytest.raises(ApiError, match="NoPermission"):
        case.use(reads_of(cloud))


def test_throttling_with_http_200_is_repeated() -> None:
    """A throttled read is asked again, also where only `Success` tells it."""
    clock = Clock()
    throttled = reply(Success=False, Code="Throttling.User", Message="flow control")
    cloud = Cloud([throttled, error_reply("Throttling.User"), reply(**METRICS.document)])

    assert metrics(reads_of(cloud, clock)) == (POINT,)
    assert len(clock.slept) == 2


HOSTILE = [
    pytest.param(None, id="null"),
    pytest.param({}, id="object"),
    pytest.param("", id="empty text"),
    pytest.param("[]x", id="text"),
    pytest.param(0, id="zero"),
    pytest.param(False, id="false"),
    pytest.param([None], id="list of null"),
    pytest.param([[]], id="list of lists"),
    pytest.param([1], id="list of numbers"),
]


@pytest.mark.parametrize("damage", HOSTILE)
@cases(
    [
        case
        for case in CASES
        if case.name != "disabled routes of an ECR: none are counted, and none listed"
    ]
)
def test_list_that_is_none(case: Case, damage: object) -> None:
    """What is missing, null or of another type is never an empty list."""
    kept = {name: case.document[name] for name in SUCCESS if name in case.document}
    damaged = dict.fromkeys(case.document, damage) | kept
    cloud = httpx.MockTransport(lambda _: reply(**damaged))
    if damage == 0 and "TotalCount" in damaged:
        damaged["TotalCount"] = 1

    with pytest.raises(TransportError):
        case.use(reads_of(cloud))


@pytest.mark.parametrize("damage", [None, [], "", 0])
def test_list_that_is_nothing_inside_its_wrapper(damage: object) -> None:
    """The inner list counts as the outer does."""
    cloud = httpx.MockTransport(lambda _: reply(RouteEntrys={"RouteEntry": damage}))
    reads = reads_of(cloud)

    if damage == []:
        assert reads.describe_route_entry_list("vtb-a", budget=BUDGET) == ()
    else:
        with pytest.raises(InvalidReplyError):
            reads.describe_route_entry_list("vtb-a", budget=BUDGET)


@pytest.mark.parametrize("token", [["a"], {"a": 1}, 1.5])
def test_token_of_another_type(token: object) -> None:
    """A token that is no text ends the read with an error."""
    cloud = httpx.MockTransport(lambda _: reply(RouteEntrys={"RouteEntry": []}, NextToken=token))

    with pytest.raises(InvalidReplyError, match="NextToken is no text"):
        reads_of(cloud).describe_route_entry_list("vtb-a", budget=BUDGET)


@pytest.mark.parametrize(
    "points", [None, "", "null", "{}", "[", "[NaN", "1", '"[]"', [POINT], "[" * 100_000]
)
def test_datapoints_that_are_no_list(points: object) -> None:
    """Datapoints are JSON inside a text, and a list."""
    cloud = httpx.MockTransport(lambda _: reply(**SUCCESS, Datapoints=points))

    with pytest.raises(InvalidReplyError, match="Datapoints is not the JSON text of a list"):
        metrics(reads_of(cloud))


@pytest.mark.parametrize(
    "document",
    [
        pytest.param({}, id="empty"),
        pytest.param({"VbrHaId": "vbrha-1"}, id="without VBRs"),
        pytest.param({"VbrHaId": "vbrha-1", "VbrId": "vbr-b", "PeerVbrId": ["vbr-a"]}, id="others"),
    ],
)
def test_failover_group_of_other_vbrs(document: dict[str, Any]) -> None:
    """A reply that does not name the VBR says nothing about it."""
    with pytest.raises(InvalidReplyError, match="names no group of vbr-a"):
        reads_of(Cloud([reply(**document)])).describe_vbr_ha("vbr-a", budget=BUDGET)


@pytest.mark.parametrize(
    "document",
    [
        pytest.param({"RouterInterfaceId": "ri-b"}, id="another one"),
        pytest.param({"RouterInterfaceId": "ri-a", "Success": False}, id="no success"),
    ],
)
def test_attribute_of_another_interface(document: dict[str, Any]) -> None:
    """A reply that does not describe the interface says nothing about it."""
    with pytest.raises(InvalidReplyError, match="does not describe ri-a"):
        reads_of(Cloud([reply(**document)])).describe_router_interface_attribute(
            "ri-a", budget=BUDGET
        )


class Unreachable(httpx.BaseTransport):
    """
    A transport that reaches no product but VPC, each attempt after `seconds`.
    """

    def __init__(self, clock: Clock, error: Exception, seconds: float = 0.0) -> None:
        self._clock, self._error, self._seconds = clock, error, seconds
        self.requests: list[httpx.Request] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if request.headers["x-acs-version"] == VPC.version:
            return error_reply("Forbidden.RAM", 403)
        self._clock.now += self._seconds
        raise self._error


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        pytest.param(httpx.ConnectError("refused"), 0.0, id="refused"),
        pytest.param(httpx.ConnectTimeout("late"), 5.0, id="no answer"),
    ],
)
def test_unreached_product_is_told_once(
    error: Exception, seconds: float, caplog: pytest.LogCaptureFixture
) -> None:
    """A product is waited for 5 s in all, and told in one line; the others are read."""
    clock = Clock()
    cloud = Unreachable(clock, error, seconds)
    reads = reads_of(cloud, clock)

    with caplog.at_level(logging.INFO, "chaostoolkit"):
        for case in (REGIONS, ECR_ROUTES, REGIONS):
            with pytest.raises(TransportError):
                case.use(reads)
    waited, calls = clock.now - 1000.0, len(cloud.requests)
    with pytest.raises(ApiError):
        ROUTES.use(reads)

    assert waited <= REACH
    assert len(cloud.requests) == calls + 1
    assert [record.message.partition(":")[0] for record in caplog.records] == [
        "What ExpressConnectRouter would show is unknown"
    ]


def test_slow_answer_is_not_unreached(caplog: pytest.LogCaptureFixture) -> None:
    """A product that accepts a connection and is slow is asked again by the next read."""
    clock = Clock()
    cloud = Unreachable(clock, httpx.ReadTimeout("late"), 10.0)
    reads = reads_of(cloud, clock)

    for _ in range(2):
        with pytest.raises(RequestTimeoutError):
            metrics(reads)

    assert len(cloud.requests) == 2
    assert caplog.records == []


def test_all_pages_share_the_budget() -> None:
    """Pages without end, and slow ones, end with the budget of the read."""
    clock = Clock()

    def answers() -> Iterator[httpx.Response]:
        for number in range(1000):
            clock.now += 2.0
            yield reply(RouteEntrys={"RouteEntry": [{"n": number}]}, NextToken=f"t{number}")

    with pytest.raises(RequestTimeoutError):
        reads_of(Cloud(answers()), clock).describe_route_entry_list("vtb-a", budget=BUDGET)

    assert clock.now - 1000.0 <= BUDGET + 2.0


KEYS = {"IkeConfig": {"Psk": "hunter2"}, "VpnBgpConfig": {"AuthKey": "hunter2"}}


@pytest.mark.parametrize(
    "connections",
    [
        pytest.param({"VpnConnection": [KEYS]}, id="pages that repeat"),
        pytest.param({"VpnConnection": [KEYS, None]}, id="list with null"),
        pytest.param(KEYS, id="no list"),
    ],
)
def test_failure_shows_no_secret(connections: object, caplog: pytest.LogCaptureFixture) -> None:
    """Keys and passwords of a VPN are neither in errors nor in the log, at any level."""
    cloud = httpx.MockTransport(lambda _: reply(VpnConnections=connections))

    with caplog.at_level(logging.DEBUG), pytest.raises(InvalidReplyError) as caught:
        reads_of(cloud).describe_vpn_connections(budget=BUDGET)

    assert "hunter2" not in str(caught.value)
    assert "hunter2" not in caplog.text
