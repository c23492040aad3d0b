"""
The official SDKs of VPC, ECR and CEN, unmodified and only pointed at the emulator, read routes.
"""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import alibabacloud_cbn20170912.client as cbn
import alibabacloud_cbn20170912.models as cbn_models
import alibabacloud_expressconnectrouter20230901.client as ecr
import alibabacloud_expressconnectrouter20230901.models as ecr_models
import alibabacloud_vpc20160428.client as vpc
import alibabacloud_vpc20160428.models as vpc_models
import pytest
from alibabacloud_tea_openapi.exceptions import ClientException
from alibabacloud_tea_openapi.models import Config
from emulator_callers import Caller, flattened

from chaosfailover.emulator import Emulator
from chaosfailover.emulator.operations.products import CBN, ECR, VPC
from chaosfailover.emulator.operations.table import OPERATIONS
from chaosfailover.emulator.topology import topology_from

# The SDK calls datetime.utcnow(), which Python 3.12 deprecates.
pytestmark = [
    pytest.mark.long,
    pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning"),
]

SDKS: dict[str, tuple[Any, Any]] = {
    VPC.name: (vpc.Client, vpc_models),
    ECR.name: (ecr.Client, ecr_models),
    CBN.name: (cbn.Client, cbn_models),
}
A, B = "vbr-rehearsal-a", "vbr-rehearsal-b"
TABLE = "vtb-rehearsal-cn-hangzhou"
TOPOLOGY = {
    "extends": "dual-circuit",
    "accounts": {
        "1000000000000001": {
            "access_keys": {
                "vpc-only": {"secret": "s", "actions": ["vpc:Describe*"]},
                "ecr-only": {"secret": "s", "actions": "expressconnectrouter:Describe*"},
                "cen-only": {"secret": "s", "actions": "cen:List*"},
            }
        }
    },
    "regions": {"cn-hangzhou": {"vbrs": {A: {"EcrId": "ecr-r"}, B: {"EcrId": "ecr-r"}}}},
    "vbr_failover_groups": {"vbrha-r": {"vbrs": [A, B]}},
    "ecrs": {
        "ecr-r": {
            "Name": "both + 专线",
            "Tags": {"team": "network"},
            "cens": ["cen-rehearsal"],
            "disabled": [{"vbr": B}],
        }
    },
    "services": {},
}


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """
    An emulator with all fabrics, which the tests of this module share.
    """
    path = tmp_path_factory.mktemp("fabrics") / "topology.yaml"
    path.write_text(json_of(TOPOLOGY), encoding="utf-8")
    ports = {"portal": 0, "echo": 0, "ledger": 0}
    with Emulator(path, service_ports=ports) as emulator:
        yield emulator


def json_of(content: object) -> str:
    """
    Write a topology as JSON, which is YAML.
    """
    topology_from(content)
    return json.dumps(content)


class Sdk:
    """
    Calls operations through the SDK of their product, in one of its ways.
    """

    def __init__(self, emulator: Emulator, *, v1: bool = False, in_loop: bool = False) -> None:
        self._emulator, self._v1, self._in_loop = emulator, v1, in_loop

    def call(self, operation: str, *, key: str = "emulator", **given: Any) -> Any:
        """
        Call an operation, and return the body of the reply as a document.
        """
        client, models = SDKS[OPERATIONS[operation].product.name]
        config = Config(
            access_key_id=key,
            access_key_secret="emulator-secret" if key == "emulator" else "s",
            region_id="cn-hangzhou",
            endpoint=self._emulator.url.removeprefix("http://"),
            protocol="http",
            **({"signature_algorithm": "v2"} if self._v1 else {}),
        )
        request = getattr(models, f"{operation}Request")(**given)
        method = "".join(f"_{each.lower()}" if each.isupper() else each for each in operation)[1:]
        if self._in_loop:
            call = getattr(client(config), f"{method}_async")
            return asyncio.run(call(request)).body.to_map()
        return getattr(client(config), method)(request).body.to_map()


@pytest.fixture(params=[(False, False), (False, True), (True, False)], ids=["V3", "V3 async", "V1"])
def sdk(request: pytest.FixtureRequest, emulator: Emulator) -> Sdk:
    """
    The SDKs in each of their ways.
    """
    v1, in_loop = request.param
    return Sdk(emulator, v1=v1, in_loop=in_loop)


REGION = {"region_id": "cn-hangzhou"}
OF_TABLE = {"transit_router_route_table_id": TABLE}
CALLS: dict[str, tuple[dict[str, Any], dict[str, Any], int]] = {
    "DescribeVbrHa": (
        {**REGION, "vbr_id": A},
        {"RegionId": "cn-hangzhou", "VbrId": A},
        0,
    ),
    "DescribeRouteTableList": (
        {**REGION, "router_type": "VBR"},
        {"RegionId": "cn-hangzhou", "RouterType": "VBR"},
        2,
    ),
    "DescribeRouteEntryList": (
        {**REGION, "route_table_id": "vtb-rehearsal-a", "dest_cidr_block_list": ["10.1.0.0/16"]},
        {
            "RegionId": "cn-hangzhou",
            "RouteTableId": "vtb-rehearsal-a",
            "DestCidrBlockList": ["10.1.0.0/16"],
        },
        1,
    ),
    "DescribeExpressConnectRouter": (
        {"name": "both + 专线", "tag": [ecr_models.DescribeExpressConnectRouterRequestTag("team")]},
        {"Name": "both + 专线", "Tag": [{"Key": "team"}]},
        1,
    ),
    "DescribeExpressConnectRouterChildInstance": (
        {"ecr_id": "ecr-r", "child_instance_type": "VBR"},
        {"EcrId": "ecr-r", "ChildInstanceType": "VBR"},
        2,
    ),
    "DescribeExpressConnectRouterAssociation": ({"ecr_id": "ecr-r"}, {"EcrId": "ecr-r"}, 2),
    "DescribeExpressConnectRouterRegion": ({"ecr_id": "ecr-r"}, {"EcrId": "ecr-r"}, 1),
    "DescribeExpressConnectRouterRouteEntries": (
        {"ecr_id": "ecr-r", "nexthop_instance_id": A, "query_region_id": "cn-hangzhou"},
        {"EcrId": "ecr-r", "NexthopInstanceId": A, "QueryRegionId": "cn-hangzhou"},
        3,
    ),
    "DescribeDisabledExpressConnectRouterRouteEntries": (
        {"ecr_id": "ecr-r"},
        {"EcrId": "ecr-r"},
        3,
    ),
    "DescribeExpressConnectRouterInterRegionTransitMode": (
        {"ecr_id": "ecr-r"},
        {"EcrId": "ecr-r"},
        1,
    ),
    "ListTransitRouters": ({"cen_id": "cen-rehearsal"}, {"CenId": "cen-rehearsal"}, 1),
    "ListTransitRouterRouteTables": (
        {"transit_router_id": "tr-rehearsal-cn-hangzhou"},
        {"TransitRouterId": "tr-rehearsal-cn-hangzhou"},
        1,
    ),
    "ListTransitRouterRouteTablePropagations": (
        OF_TABLE,
        {"TransitRouterRouteTableId": TABLE},
        3,
    ),
    "ListTransitRouterRouteTableAssociations": (
        {**OF_TABLE, "transit_router_attachment_resource_type": "VBR"},
        {"TransitRouterRouteTableId": TABLE, "TransitRouterAttachmentResourceType": "VBR"},
        2,
    ),
    "ListTransitRouterVbrAttachments": (
        {"cen_id": "cen-rehearsal", **REGION},
        {"CenId": "cen-rehearsal", "RegionId": "cn-hangzhou"},
        2,
    ),
    "ListTransitRouterRouteEntries": (
        {
            **OF_TABLE,
            "transit_router_route_entry_status": "All",
            "route_filter": [
                cbn_models.ListTransitRouterRouteEntriesRequestRouteFilter(
                    "SubnetOfMatchCidrs", ["10.0.0.0/8"]
                )
            ],
        },
        {
            "TransitRouterRouteTableId": TABLE,
            "TransitRouterRouteEntryStatus": "All",
            "RouteFilter": [{"Key": "SubnetOfMatchCidrs", "Value": ["10.0.0.0/8"]}],
        },
        6,
    ),
}
"""
Operation -> what the SDK is given, what the request then has, and how many items come back.
"""


def items(document: Any) -> int:
    """
    Count the items of the list in a document.
    """
    for value in document.values():
        inner = next(iter(value.values()), None) if isinstance(value, dict) else value
        if isinstance(inner, list):
            return len(inner)
    return 0


def test_all_operations_are_tried() -> None:
    fabrics = {each for each, row in OPERATIONS.items() if row.product in (ECR, CBN)}

    assert {each for each in fabrics if "HealthCheck" not in each} <= set(CALLS)


@pytest.mark.parametrize("operation", CALLS)
def test_the_sdk_reads_all_that_the_emulator_writes(sdk: Sdk, operation: str) -> None:
    """No field of the reply is lost in the SDK's models, and no parameter on the way."""
    given, flat, count = CALLS[operation]
    read = sdk.call(operation, **given)
    written = Caller(TOPOLOGY).call(operation, **flattened(flat))

    assert items(written) == count
    assert {**read, "RequestId": ""} == {**written, "RequestId": ""}


@pytest.mark.parametrize(
    ("operation", "size"),
    [
        ("DescribeRouteEntryList", "max_result"),
        ("DescribeExpressConnectRouterRouteEntries", "max_results"),
        ("ListTransitRouterRouteEntries", "max_results"),
    ],
)
def test_pages_follow_each_other(emulator: Emulator, operation: str, size: str) -> None:
    of_operation: dict[str, dict[str, Any]] = {
        "DescribeRouteEntryList": {**REGION, "route_table_id": "vtb-rehearsal-a"},
        "DescribeExpressConnectRouterRouteEntries": {"ecr_id": "ecr-r"},
        "ListTransitRouterRouteEntries": OF_TABLE,
    }
    given = of_operation[operation]
    sdk = Sdk(emulator)
    whole = sdk.call(operation, **{**given, size: 100})
    counts = []
    token: str | None = ""
    while token is not None:
        page = sdk.call(operation, **{**given, size: 2, "next_token": token or None})
        counts.append(items(page))
        token = page.get("NextToken")

    assert sum(counts) == items(whole) == whole["TotalCount"]
    assert counts[:-1] == [2] * (len(counts) - 1)


@pytest.mark.parametrize(
    ("operation", "given", "status", "code"),
    [
        ("DescribeVbrHa", {**REGION, "vbr_id": "vbr-x"}, 404, "ResourceNotFound.VbrHa"),
        (
            "DescribeRouteEntryList",
            {**REGION, "route_table_id": "vtb-x"},
            404,
            "InvalidRouteTableId.NotFound",
        ),
        ("DescribeRouteEntryList", REGION, 400, "MissingRouteTableId"),
        ("DescribeExpressConnectRouterRegion", {"ecr_id": "x"}, 404, "ResourceNotFound.EcrId"),
        ("DescribeExpressConnectRouterRegion", {}, 400, "MissingEcrId"),
        (
            "ListTransitRouterRouteTables",
            {"transit_router_id": "tr-x"},
            400,
            "InvalidTransitRouterId.NotFound",
        ),
        (
            "ListTransitRouterRouteEntries",
            {"transit_router_route_table_id": "vtb-x"},
            400,
            "IllegalParam.TransitRouterRouteTableId",
        ),
        (
            "ListTransitRouterRouteEntries",
            {**OF_TABLE, "transit_router_route_entry_status": "Up"},
            400,
            "IllegalParam.TransitRouterRouteEntryStatus",
        ),
        ("ListTransitRouterRouteEntries", {**OF_TABLE, "max_results": 101}, 400, "IllegalParam.M"),
        ("ListTransitRouterRouteEntries", {**OF_TABLE, "next_token": "x"}, 400, "IllegalParam.N"),
    ],
)
def test_refusals(sdk: Sdk, operation: str, given: dict[str, Any], status: int, code: str) -> None:
    with pytest.raises(ClientException) as caught:
        sdk.call(operation, **given)

    assert caught.value.status_code == status
    assert str(caught.value.code).startswith(code)


@pytest.mark.parametrize("key", ["vpc-only", "ecr-only", "cen-only"])
@pytest.mark.parametrize(
    ("operation", "allowed"),
    [
        ("DescribeRouteTableList", "vpc-only"),
        ("DescribeExpressConnectRouterRegion", "ecr-only"),
        ("ListTransitRouters", "cen-only"),
    ],
)
def test_ram_knows_the_actions_of_each_product(
    emulator: Emulator, operation: str, allowed: str, key: str
) -> None:
    given = CALLS[operation][0]
    if key == allowed:
        assert Sdk(emulator).call(operation, key=key, **given)["RequestId"]
        return
    with pytest.raises(ClientException) as caught:
        Sdk(emulator).call(operation, key=key, **given)

    assert (caught.value.status_code, caught.value.code) == (403, "Forbidden.RAM")
