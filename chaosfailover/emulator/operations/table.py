"""
The table of operations: their parameters, and how well each is documented.

Requests are read by it, and the README shows it.
"""

from collections.abc import Callable
from typing import NamedTuple

from chaosfailover.emulator.operations.parameters import Parameter, Source
from chaosfailover.emulator.operations.products import CBN, CMS, ECR, STS, VPC, Product

__all__ = ["OPERATIONS", "Operation"]


class Operation(NamedTuple):
    """
    One operation. `source` and `remark` are about its behaviour beside its parameters.

    RAM does not limit operations of STS. `action` is what RAM calls the operation, if not by its
    name.
    """

    parameters: tuple[Parameter, ...]
    product: Product = VPC
    source: Source = "documented"
    remark: str = ""
    action: str = ""


def _text(longest: int) -> Callable[[str], bool]:
    """
    Make the rule for Name and Description: a length, and no URL at the start.
    """
    return lambda value: len(value) <= longest and not value.startswith(("http://", "https://"))


def _within(least: int, most: int) -> Callable[[int], bool]:
    """
    Make the rule for a number from `least` to `most`.
    """
    return lambda value: least <= value <= most


def _texts(*names: str) -> tuple[Parameter, ...]:
    """
    Make parameters of plain text.
    """
    return tuple(Parameter(each) for each in names)


REGION = Parameter(
    "RegionId",
    source="inferred",
    note="required by the help pages, not by the SDKs; without it, the endpoint's own region",
)
REGION_REQUIRED = Parameter("RegionId", required=True)
TOKEN = Parameter(
    "ClientToken",
    rule=lambda value: len(value) <= 64 and value.isascii(),
    note="64 ASCII characters",
)
JOB_ID = Parameter("JobId", required=True)
NAME = Parameter("Name", rule=_text(128), note="128 characters, no URL at the start")
DESCRIPTION = Parameter("Description", rule=_text(256), note="256 characters, no URL at the start")
DRY_RUN = Parameter("DryRun", "boolean")
DURATION = Parameter("JobDuration", "integer", rule=_within(1, 4320), note="minutes, 1 to 4320")
RESOURCES = Parameter("ResourceId", "list", rule=lambda ids: len(ids) <= 16, note="16 at most")
IGNORED = tuple(
    Parameter(name, source="not done", note="accepted and ignored, as it is undocumented")
    for name in ("OwnerAccount", "OwnerId", "ResourceOwnerAccount", "ResourceOwnerId")
)
IGNORED_OF_JOBS = IGNORED[:-1]  # the SDK has no ResourceOwnerId there
JOB = (REGION, TOKEN, JOB_ID, *IGNORED_OF_JOBS)
PAGE = (
    Parameter("PageNumber", "integer", rule=_within(1, 2**31 - 1), note="default 1"),
    Parameter("PageSize", "integer", rule=_within(1, 50), note="default 10, 50 at most"),
    *IGNORED,
)
FILTER = Parameter("Filter", "filters", note="5 keys and 5 values each at most")
LISTING = (
    FILTER,
    Parameter("ResourceGroupId"),
    Parameter("Tags", "tags", note="20 at most; all must match"),
    *PAGE,
)
METRIC = (
    Parameter(
        "RegionId", source="not done", note="accepted and ignored: the IDs of the VBRs decide"
    ),
    Parameter("Namespace", required=True, note="acs_physical_connection or acs_cen"),
    Parameter("MetricName", required=True),
    Parameter("Dimensions", note="JSON text; 50 instances at most; without it, all VBRs"),
    Parameter("Period", rule=("60", "300", "900").__contains__, note="60, 300, 900; default 60"),
    Parameter("StartTime", note="exclusive; ms since 1970, or YYYY-MM-DDThh:mm:ssZ"),
    Parameter("EndTime", note="inclusive; as StartTime"),
    Parameter("Length", "integer", rule=_within(1, 1440), note="default 1000, 1440 at most"),
    Parameter("NextToken"),
    Parameter("Express", source="not done", note="accepted and ignored"),
)
ROUTER = (
    Parameter("RouterId"),
    Parameter("BgpGroupId"),
    Parameter("IsDefault", "boolean", note="whether the group is a default one"),
)

VPC_OPERATIONS: dict[str, Operation] = {
    "CreateFailoverTestJob": Operation(
        (
            REGION,
            TOKEN,
            Parameter(
                "ResourceType",
                required=True,
                note="PHYSICALCONNECTION, VIRTUALBORDERROUTER, BGPPEER",
            ),
            Parameter("ResourceId", "list", True, RESOURCES.rule, note=RESOURCES.note),
            Parameter("JobType", required=True, rule=("StartNow", "StartLater").__contains__),
            Parameter("JobDuration", "integer", True, DURATION.rule, note=DURATION.note),
            NAME,
            DESCRIPTION,
            DRY_RUN,
            *IGNORED_OF_JOBS,
        ),
        source="inferred",
        remark="the seven refusals are documented; their codes are taken from Start",
    ),
    "StartFailoverTestJob": Operation(JOB, remark="with all 12 error codes"),
    "StopFailoverTestJob": Operation(JOB, remark="the end of one message is inferred"),
    "UpdateFailoverTestJob": Operation(
        (REGION, TOKEN, JOB_ID, NAME, DESCRIPTION, RESOURCES, DURATION, DRY_RUN, *IGNORED_OF_JOBS),
        source="inferred",
        remark="the refusals are documented, their codes are not",
    ),
    "DeleteFailoverTestJob": Operation(JOB, remark="the end of one message is inferred"),
    "DescribeFailoverTestJob": Operation(
        JOB, remark="that StartTime appears with Testing and StopTime with Stopped is inferred"
    ),
    "DescribeFailoverTestJobs": Operation(
        (
            REGION,
            TOKEN,
            Parameter(
                "MaxResults", "integer", rule=_within(1, 100), note="default 20, 100 at most"
            ),
            Parameter("NextToken"),
            FILTER,
            *IGNORED_OF_JOBS,
        ),
        remark="newest first, exact names, and refusals of filters and tokens are inferred",
    ),
    "DescribePhysicalConnections": Operation(
        (
            REGION_REQUIRED,
            TOKEN,
            Parameter("IncludeReservationData", "boolean", source="not done", note="there is none"),
            *LISTING,
        ),
        remark="the fields of a cut circuit are inferred",
    ),
    "DescribeVirtualBorderRouters": Operation(
        (REGION_REQUIRED, Parameter("IncludeCrossAccountVbr", "boolean"), *LISTING),
        remark="the fields of a cut VBR are inferred",
    ),
    "DescribeVirtualBorderRoutersForPhysicalConnection": Operation(
        (REGION_REQUIRED, Parameter("PhysicalConnectionId", required=True), FILTER, *PAGE)
    ),
    "DescribeBgpGroups": Operation((REGION_REQUIRED, *ROUTER, *PAGE)),
    "DescribeBgpPeers": Operation(
        (REGION_REQUIRED, *ROUTER, Parameter("BgpPeerId"), *PAGE),
        remark="the fields of a cut peer are inferred",
    ),
    "DescribeRouterInterfaces": Operation(
        (
            REGION_REQUIRED,
            Parameter("IncludeReservationData", "boolean", source="not done", note="there is none"),
            *LISTING,
        ),
        remark="they come from the topology and have no other end of their own",
    ),
    "DescribeRouterInterfaceAttribute": Operation(
        (REGION_REQUIRED, Parameter("InstanceId", required=True), *IGNORED),
        source="inferred",
        remark="HealthCheckStatus is Abnormal while the VBR is down; codes of errors are inferred",
    ),
    "DescribeVpnGateways": Operation(
        (
            REGION_REQUIRED,
            Parameter("VpnGatewayId"),
            Parameter("VpcId"),
            Parameter("Status"),
            Parameter("BusinessStatus"),
            Parameter("GatewayType", source="not done", note="accepted and ignored"),
            Parameter("IncludeReservationData", "boolean", source="not done", note="there is none"),
            Parameter("ResourceGroupId", source="not done", note="accepted and ignored"),
            Parameter("Tag", "tags", source="not done", note="accepted and ignored"),
            *PAGE,
        ),
    ),
    "DescribeVpnConnections": Operation(
        (
            REGION_REQUIRED,
            Parameter("VpnConnectionId"),
            Parameter("VpnGatewayId"),
            Parameter("CustomerGatewayId"),
            Parameter("ResourceGroupId", source="not done", note="accepted and ignored"),
            Parameter("Tag", "tags", source="not done", note="accepted and ignored"),
            *PAGE,
        ),
        remark="with the pre-shared key, as the cloud does; no state follows from traffic",
    ),
    "DescribeVcoRouteEntries": Operation(
        (
            REGION_REQUIRED,
            Parameter("VpnConnectionId", required=True),
            Parameter("RouteEntryType", rule=("bgp", "custom").__contains__),
            TOKEN,
            *PAGE,
        ),
        source="inferred",
        remark="the prefixes of the topology while the tunnel is up; codes of errors are inferred",
    ),
    "DescribeVbrHa": Operation(
        (
            REGION_REQUIRED,
            TOKEN,
            Parameter("DryRun", "boolean", source="not done", note="accepted and ignored"),
            Parameter("VbrId"),
            Parameter("VbrHaId"),
            *IGNORED,
        ),
        remark="that the ID of the second VBR finds no group is inferred, and a setting",
    ),
    "DescribeRouteTableList": Operation(
        (
            REGION_REQUIRED,
            Parameter(
                "RouterType",
                rule=("VRouter", "VBR").__contains__,
                note="VRouter by default, or VBR",
            ),
            *_texts("RouterId", "RouteTableId", "RouteTableName", "RouteTableType"),
            Parameter("VpcId", note="with it, only tables of VPCs, of which there are none"),
            Parameter("ResourceGroupId"),
            Parameter("Tag", "tags", source="not done", note="accepted and ignored"),
            *PAGE,
        ),
        remark="only VBRs have route tables here",
    ),
    "DescribeRouteEntryList": Operation(
        (
            REGION_REQUIRED,
            Parameter("RouteTableId", required=True),
            *_texts("DestinationCidrBlock", "IpVersion", "NextHopType", "NextHopId"),
            *_texts("RouteEntryId", "RouteEntryName", "ServiceType"),
            Parameter("DestCidrBlockList", "list"),
            Parameter(
                "RouteEntryType", rule=("Custom", "System", "BGP", "CEN", "ECR").__contains__
            ),
            Parameter("MaxResult", "integer", rule=_within(1, 100), note="default 10, 100 at most"),
            Parameter("NextToken"),
            *IGNORED,
        ),
        remark="when routes of a cut session go, and the next hop to ECR or CEN, are inferred",
    ),
    "DescribeRegions": Operation(
        (
            Parameter("AcceptLanguage", note="zh-CN or en-US", source="not done"),
            Parameter("ProductType", source="not done", note="accepted and ignored"),
            *IGNORED,
        ),
        remark="local names are not translated",
    ),
}


def _ecr(*parameters: Parameter, most: int = 0, remark: str = "") -> Operation:
    """
    Make an operation of ECRs; with `most`, it is a list of that many by default.
    """
    pages = (
        Parameter("MaxResults", "integer", rule=_within(1, 2**31 - 1), note=f"default {most}"),
        Parameter("NextToken"),
    )
    return Operation(
        (
            *parameters,
            TOKEN,
            *(
                Parameter(each, source="not done", note="accepted and ignored")
                for each in ("DryRun", "Version")
            ),
            *(pages if most else ()),
        ),
        remark=remark,
    )


ECR_ID = Parameter("EcrId", required=True)
TAG = Parameter("Tag", "tags", note="20 at most; all must match")

ECR_OPERATIONS: dict[str, Operation] = {
    "DescribeExpressConnectRouter": _ecr(*_texts("EcrId", "Name", "ResourceGroupId"), TAG, most=20),
    "DescribeExpressConnectRouterChildInstance": _ecr(
        ECR_ID,
        *_texts("AssociationId", "ChildInstanceId", "ChildInstanceType", "ChildInstanceRegionId"),
        most=20,
        remark="that VBRs of other accounts are listed too is inferred",
    ),
    "DescribeExpressConnectRouterAssociation": _ecr(
        ECR_ID,
        *_texts("AssociationId", "AssociationNodeType", "AssociationRegionId"),
        *_texts("CenId", "TransitRouterId", "VpcId"),
        TAG,
        most=20,
    ),
    "DescribeExpressConnectRouterRegion": _ecr(ECR_ID),
    "DescribeExpressConnectRouterRouteEntries": _ecr(
        ECR_ID,
        *_texts("DestinationCidrBlock", "NexthopInstanceId", "AsPath", "Community"),
        Parameter(
            "QueryRegionId", source="inferred", note="next hops of that region; by default all"
        ),
        most=10,
        remark="that routes which are not the best are listed is inferred, and a setting",
    ),
    "DescribeDisabledExpressConnectRouterRouteEntries": _ecr(ECR_ID, most=20),
    "DescribeExpressConnectRouterInterRegionTransitMode": _ecr(ECR_ID),
}


def _cbn(*parameters: Parameter, default: int, remark: str = "") -> Operation:
    """
    Make a listing operation of CENs.
    """
    return Operation(
        (
            *parameters,
            Parameter(
                "MaxResults",
                "integer",
                rule=_within(1, 100),
                note=f"default {default}, 100 at most",
            ),
            Parameter("NextToken"),
            *IGNORED,
        ),
        remark=remark,
    )


TEACHES = (
    Parameter("TransitRouterRouteTableId", required=True),
    *_texts("TransitRouterAttachmentId", "TransitRouterAttachmentResourceId"),
    *_texts("TransitRouterAttachmentResourceType", "Status"),
)
NO_TAGS = Parameter("Tag", "tags", source="not done", note="accepted and ignored")
ENTRY = "TransitRouterRouteEntry"

CBN_OPERATIONS: dict[str, Operation] = {
    "ListTransitRouters": Operation(
        (
            Parameter("CenId", required=True),
            *_texts("RegionId", "TransitRouterId", "TransitRouterName", "Type", "Status"),
            NO_TAGS,
            Parameter("FeatureFilter", "filters", source="not done", note="accepted and ignored"),
            *PAGE,
        )
    ),
    "ListTransitRouterRouteTables": _cbn(
        Parameter("TransitRouterId", required=True),
        *_texts("TransitRouterRouteTableStatus", "TransitRouterRouteTableType"),
        Parameter("TransitRouterRouteTableIds", "list"),
        Parameter("TransitRouterRouteTableNames", "list"),
        Parameter("RouteTableOptions", source="not done", note="accepted and ignored"),
        NO_TAGS,
        default=20,
        remark="each transit router has one table",
    ),
    "ListTransitRouterRouteTablePropagations": _cbn(*TEACHES, default=50),
    "ListTransitRouterRouteTableAssociations": _cbn(*TEACHES, default=50),
    "ListTransitRouterVbrAttachments": _cbn(
        *_texts("TransitRouterId", "CenId", "RegionId", "TransitRouterAttachmentId"),
        NO_TAGS,
        default=20,
    ),
    "ListTransitRouterRouteEntries": _cbn(
        Parameter("TransitRouterRouteTableId", required=True),
        Parameter(
            f"{ENTRY}Status",
            rule=("All", "Active", "Rejected", "Prohibited", "Standby", "Candidate").__contains__,
            note="Active by default; All for all",
        ),
        *_texts(f"{ENTRY}DestinationCidrBlock", f"{ENTRY}NextHopId", f"{ENTRY}NextHopType"),
        *_texts(f"{ENTRY}NextHopResourceId", f"{ENTRY}NextHopResourceType", f"{ENTRY}Type"),
        *_texts(f"{ENTRY}OriginResourceId", f"{ENTRY}OriginResourceType"),
        Parameter(f"{ENTRY}Ids", "list"),
        Parameter(f"{ENTRY}Names", "list"),
        Parameter(
            "RouteFilter",
            "filters",
            note="PrefixExactMatchCidrs, LongestPrefixMatchCidrs, SubnetOfMatchCidrs,"
            " SupernetOfMatchCidrs",
        ),
        Parameter("PrefixListId", source="not done", note="accepted and ignored"),
        default=20,
        remark="that a longer AS path is Standby, not Candidate, is inferred; routes of other"
        " regions and of ECRs are not done",
    ),
    "DescribeCenVbrHealthCheck": Operation(
        (
            Parameter("VbrInstanceRegionId", required=True),
            Parameter("CenId"),
            Parameter("VbrInstanceId"),
            Parameter("VbrInstanceOwnerId", source="not done", note="accepted and ignored"),
            *PAGE,
        ),
        remark="it says what is configured, not what is seen",
    ),
}
CMS_OPERATIONS: dict[str, Operation] = {
    "DescribeMetricList": Operation(
        METRIC,
        source="inferred",
        remark=(
            "the delay, averages, that timestamps are the"
            " beginnings of periods, and the codes of errors are inferred; rates are not limited"
            " to bandwidths"
        ),
        action="QueryMetricList",
    ),
    "DescribeMetricLast": Operation(METRIC, source="inferred", remark="one point of each VBR"),
    "DescribeMetricMetaList": Operation(
        (
            Parameter("Namespace"),
            Parameter("MetricName"),
            Parameter("Labels", source="not done", note="accepted and ignored"),
            PAGE[0],
            Parameter("PageSize", "integer", rule=_within(1, 10000), note="default 30"),
        ),
        remark=(
            "rates, packets and lost health checks of VBRs only; drops, latency, circuits, ECRs"
            " and transit routers have no metrics here"
        ),
    ),
}
STS_OPERATIONS = {
    "GetCallerIdentity": Operation((), remark="that every key is the account itself is inferred"),
}

OPERATIONS: dict[str, Operation] = {
    **VPC_OPERATIONS,
    **{name: each._replace(product=ECR) for name, each in ECR_OPERATIONS.items()},
    **{name: each._replace(product=CBN) for name, each in CBN_OPERATIONS.items()},
    **{name: each._replace(product=CMS) for name, each in CMS_OPERATIONS.items()},
    **{name: each._replace(product=STS) for name, each in STS_OPERATIONS.items()},
}
"""
Operation -> its row, of all products.
"""
